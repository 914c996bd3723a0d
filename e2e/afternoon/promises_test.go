//go:build linux

package afternoon

import (
	"regexp"
	"strings"
	"testing"
)

// notTried is what the README says until somebody has tried a phone.
const notTried = "Not yet tried on a phone"

// tried is a row of the table in docs/devices.md with a day in it.
var tried = regexp.MustCompile(`(?m)^\| *20\d\d-\d\d-\d\d *\|`)

func phonesTold(readme, devices string) (told, done bool) {
	return strings.Contains(readme, notTried), tried.MatchString(devices)
}

func TestTheREADMESaysWhetherAPhoneWasTried(t *testing.T) {
	readme, devices := read(t, "../../README.md"), read(t, "../../docs/devices.md")
	if !strings.Contains(devices, "| date |") {
		t.Fatal("docs/devices.md has no table of tries")
	}
	if told, done := phonesTold(readme, devices); told == done {
		t.Errorf("README says %q: %v; docs/devices.md has a day of a try: %v", notTried, told, done)
	}
	dated := strings.Replace(devices, "| – | iPhone |", "| 2026-12-24 | iPhone |", 1)
	if _, done := phonesTold(readme, dated); devices != dated && !done {
		t.Error("a day in the table is not seen")
	}
}
