package password_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/password"
)

// ruleCase is one row of the table that the web app's own checks are held to.
type ruleCase struct {
	Name     string             `json:"name"`
	Rules    password.Rules     `json:"rules"`
	Password string             `json:"password"`
	Findings []password.Finding `json:"findings"`
}

func ruleCases(t testing.TB) []ruleCase {
	t.Helper()
	b, err := os.ReadFile("testdata/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []ruleCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("%d cases, want 60 at least", len(cases))
	}
	return cases
}

func TestCheckKeepsToTheSharedTable(t *testing.T) {
	for _, c := range ruleCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			got := c.Rules.Check(c.Password)
			if len(got) == 0 && len(c.Findings) == 0 {
				return
			}
			if diff := cmp.Diff(c.Findings, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckCallsBrokenUTF8Malformed(t *testing.T) {
	for _, pw := range []string{"abc\xff", "\xc3", "\xed\xa0\x80", "ab\xf0\x9f\x98"} {
		got := password.Rules{}.Check(pw)
		if len(got) != 1 || got[0].Code != password.CodeMalformed || got[0].OK {
			t.Errorf("Check(%q) = %v", pw, got)
		}
	}
}

func TestNameTokens(t *testing.T) {
	for _, c := range []struct {
		sam, display string
		want         []string
	}{
		{"alice", "Alice Miller", []string{"alice", "miller"}},
		{"al", "Al Bo", []string{}},
		{"bob", "", []string{"bob"}},
		{"", "", []string{}},
		{"a.miller", "Miller, Alice", []string{"a.miller", "miller", "alice"}}, // the account name stays whole
		{"x", "Anna-Lena_Groß#Süd£West.Ost\tNord", []string{"anna", "lena", "groß", "süd", "west", "ost", "nord"}},
		{"x", "Jean–Luc—Picard", []string{"jean", "luc", "picard"}},
		{"x", "Erin M. Hagens", []string{"erin", "hagens"}},
		{"x", "O’Neil (IT/Ops)", []string{"o’neil", "(it/ops)"}},
		{"ÄNNE", "änne ÄNNE", []string{"änne"}},
		{"x", "😀a 😀", []string{"😀a"}}, // three units, two characters
		{"İpek", "", []string{"İpek"}},
		{"x", "a\x00b\nc", []string{"a\x00b\nc"}},
		{"x", strings.Repeat(" -", 200), []string{}},
	} {
		if got := password.NameTokens(c.sam, c.display); !slices.Equal(got, c.want) {
			t.Errorf("NameTokens(%q, %q) = %q, want %q", c.sam, c.display, got, c.want)
		}
	}
}

func TestAPasswordWithANameTokenIsRefused(t *testing.T) {
	rules := password.Rules{Known: true, Complexity: true, Names: password.NameTokens("a.miller", "Alice Miller")}
	for pw, ok := range map[string]bool{
		"xx-A.MILLER-9": false, "1-Alice-x": false, "Umiller-1": false, "a-miller": false, "A.Mille1": true,
	} {
		got := rules.Check(pw)
		if names := got[len(got)-1]; names.Code != password.CodeNames || names.OK != ok {
			t.Errorf("Check(%q): names %v, want %v", pw, names.OK, ok)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range ruleCases(f) {
		f.Add(c.Password, c.Rules.MinLength, "alice", "Alice Miller")
	}
	f.Fuzz(func(t *testing.T, pw string, minLength int, sam, display string) {
		names := password.NameTokens(sam, display)
		rules := password.Rules{Known: true, Complexity: true, MinLength: minLength, Names: names}
		found := rules.Check(pw)
		for _, x := range found {
			// Below five characters a password may look like a number of its own.
			if utf8.RuneCountInString(pw) > 4 && (strings.Contains(x.Have, pw) || strings.Contains(x.Want, pw)) && strings.Trim(pw, "0123456789-") != "" {
				t.Fatalf("finding %+v repeats the password", x)
			}
		}
		if password.OK(found) && (strings.ContainsRune(pw, 0) || !utf8.ValidString(pw)) {
			t.Fatal("malformed password passes")
		}
		for _, n := range names {
			bad := rules.Check("Zz9!" + n)
			if last := bad[len(bad)-1]; last.Code != password.CodeNames || last.OK {
				t.Fatalf("password with token %q passes", n)
			}
		}
	})
}
