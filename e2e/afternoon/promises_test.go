//go:build linux

package afternoon

import (
	"regexp"
	"strconv"
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

var (
	ruleStart = regexp.MustCompile(`(?m)^(\d+)\. \*\*`)
	ruleTests = regexp.MustCompile(`\*Tests: ([^*]+)\.\*\n*$`)
)

// Each rule of docs/security.md names tests at its end, and they are there.
func TestEveryRuleNamesTheTestsThatHoldIt(t *testing.T) {
	_, rules, _ := strings.Cut(read(t, "../../docs/security.md"), "\n## Rules\n")
	rules, _, _ = strings.Cut(rules, "\n## ")
	starts := ruleStart.FindAllStringIndex(rules, -1)
	for i, at := range starts {
		end := len(rules)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		rule := rules[at[0]:end]
		number, _, _ := strings.Cut(rule, ".")
		if number != strconv.Itoa(i+1) {
			t.Errorf("rule %s stands where %d should", number, i+1)
		}
		m := ruleTests.FindStringSubmatch(rule)
		if m == nil {
			t.Errorf("rule %s ends without its tests", number)
			continue
		}
		for part := range strings.SplitSeq(m[1], ";") {
			words := strings.Fields(part)
			for _, name := range words[1:] {
				isTest(t, "go test ./"+strings.Trim(words[0], "`")+" -run ^"+strings.TrimSuffix(name, ",")+"$")
			}
			if len(words) < 2 {
				t.Errorf("rule %s: %q names no test", number, part)
			}
		}
	}
	if len(starts) < 22 {
		t.Errorf("only %d rules were read", len(starts))
	}
}
