package ad

import (
	"strings"
	"testing"
)

// The same name may be spelled in several ways. Which one of them is read quickly
// changes no answer.
func TestUnderTakesEverySpellingOfAName(t *testing.T) {
	for _, c := range []struct {
		name, dn, ou string
		want         bool
	}{
		{"an empty value", "CN=,OU=Staff", "OU=Staff", true},
		{"a value in hex", "CN=Ann,OU=#04055374616666", "OU=Staff", true},
		{"the text of such a value", `CN=Ann,OU=\#04055374616666`, "OU=Staff", false},
		{"a blank that belongs to the value", `CN=Ann,OU=Staff\ `, "OU=Staff", false},
		{"blanks that don't", "CN=Ann,OU= Staff ", "OU=Staff", true},
	} {
		if got, err := Under(c.dn, c.ou); err != nil || got != c.want {
			t.Errorf("%s: Under(%q, %q) = %v, %v", c.name, c.dn, c.ou, got, err)
		}
	}
}

func TestUnderNothingIsNobody(t *testing.T) {
	object, err := ParseName("CN=Ann,OU=Staff")
	if err != nil {
		t.Fatal(err)
	}
	if object.Under(Name{}) || (Name{}).Under(object) || (Name{}).Under(Name{}) {
		t.Error("a name that was never read holds somebody")
	}
}

// Each reading of an account compares its name with every protected unit.
func TestUnderReadsWhatMostNamesLookLikeAtOnce(t *testing.T) {
	for _, dn := range []string{"CN=ann", "CN=ANN", "CN=0123456789", "CN=a b", "CN=a-b", "CN=a.b", "CN=a_b"} {
		if n := testing.AllocsPerRun(20, func() { ParseName(dn) }); n > 2 {
			t.Errorf("%s: %v allocations", dn, n)
		}
	}
}

func TestNamesOfDomainsAreThoseOfHosts(t *testing.T) {
	long := strings.Repeat("a23456789.", 20) // 200 with its dot
	for name, want := range map[string]bool{
		"corp.example.test": true, "corp": true, long + "a": false, strings.TrimSuffix(long, "."): true,
		"": false, "corp..test": false, "corp.example.test/x": false, "a b": false, "*.corp": false,
	} {
		if got := IsDomainName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
