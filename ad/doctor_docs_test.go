package ad_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
)

// readManual is docs/ad-rights.md with its variables put in.
func readManual(t *testing.T) string {
	b, err := os.ReadFile("../docs/ad-rights.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("%SVC%", `CORP\svc-write`, "$U;", "bf967aba-0de6-11d0-a285-00aa003049e2;", "%OU%", miniStaff).Replace(string(b))
}

// docs/doctor.md lists every finding of this package as the code has it. The
// table stands between two marks, so that each package keeps one of its own.
func TestEveryFindingIsInTheManual(t *testing.T) {
	b, err := os.ReadFile("../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- kinds of ad -->\n")
	table, _, closed := strings.Cut(rest, "<!-- end of ad -->")
	if !ok || !closed {
		t.Fatal("docs/doctor.md has no marks around the findings of ad")
	}
	want := "| finding | how bad | why it matters |\n|---|---|---|\n"
	for _, k := range ad.DoctorKinds() {
		want += fmt.Sprintf("| `%s` | %s | %s |\n", k.ID, k.Severity, strings.ReplaceAll(k.Why, "|", `\|`))
	}
	if table != want {
		t.Errorf("the table of ad in docs/doctor.md should be:\n%s", want)
	}
}
