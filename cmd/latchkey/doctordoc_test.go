package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/doctor"
)

var update = flag.Bool("update", false, "write the table of findings into docs/doctor.md")

const doctorDoc = "../../docs/doctor.md"

// TestDoctorDocumentationListsEveryKind: docs/doctor.md holds one row for each.
func TestDoctorDocumentationListsEveryKind(t *testing.T) {
	b, err := os.ReadFile(doctorDoc)
	if err != nil {
		t.Fatal(err)
	}
	table := "\n| finding | severity | why it matters |\n|---|---|---|\n"
	for _, area := range doctor.Areas() {
		for _, k := range doctorKinds {
			if doctor.Area(k.ID) == area {
				table += fmt.Sprintf("| `%s` | %s | %s |\n", k.ID, k.Severity, strings.ReplaceAll(k.Why, "|", `\|`))
			}
		}
	}
	between := regexp.MustCompile(`(?s)(<!-- kinds: [^\n]*-->\n)(.*)(<!-- end of kinds -->)`)
	want := between.ReplaceAllStringFunc(string(b), func(s string) string {
		parts := between.FindStringSubmatch(s)
		return parts[1] + table + "\n" + parts[3]
	})
	if *update {
		if err := os.WriteFile(doctorDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(b) != want {
		t.Error("docs/doctor.md does not list what can be found: run go test ./cmd/latchkey -run TestDoctorDocumentation -update")
	}
}

// TestDoctorKindsAreDistinct also holds the promise of how many there are at least.
func TestDoctorKindsAreDistinct(t *testing.T) {
	const least = 100
	seen := map[string]bool{}
	form := regexp.MustCompile(`^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, k := range doctorKinds {
		known := false
		for _, a := range doctor.Areas() {
			known = known || doctor.Area(k.ID) == a
		}
		if seen[k.ID] || !form.MatchString(k.ID) || !known || k.Severity < doctor.Note || !strings.HasSuffix(k.Why, ".") {
			t.Errorf("%+v is named twice, or lacks something", k)
		}
		seen[k.ID] = true
	}
	if len(seen) < least {
		t.Errorf("%d kinds, fewer than %d", len(seen), least)
	}
	t.Logf("%d kinds", len(seen))
}
