package ad_test

import (
	"os"
	"strings"
	"testing"
)

// readManual is docs/ad-rights.md with its variables put in.
func readManual(t *testing.T) string {
	b, err := os.ReadFile("../docs/ad-rights.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("%SVC%", `CORP\svc-write`, "$U;", "bf967aba-0de6-11d0-a285-00aa003049e2;", "%OU%", miniStaff).Replace(string(b))
}
