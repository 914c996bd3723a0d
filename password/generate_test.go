package password_test

import (
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/latchkey/latchkey/password"
)

func generate(t testing.TB, rules password.Rules) string {
	t.Helper()
	pw, err := password.Generate(rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pw.Reveal()
}

func TestGeneratedPasswordsFitTheRules(t *testing.T) {
	for _, rules := range []password.Rules{
		{},
		{Known: true, Complexity: true, MinLength: 8},
		{Known: true, Complexity: true, MinLength: 25, Names: []string{"kmf", "a3", "ter"}},
		{Known: true, MinLength: 64},
		{Known: true, MinLength: 127},
		{Known: true, Complexity: true, MinLength: 254},
	} {
		for range 200 {
			pw := generate(t, rules)
			if found := rules.Check(pw); !password.OK(found) {
				t.Fatalf("%q under %+v: %v", pw, rules, found)
			}
			if password.Classes(pw) != 4 {
				t.Fatalf("%q has %d classes", pw, password.Classes(pw))
			}
		}
	}
}

var shape = regexp.MustCompile(`^[ACDEFHJKMNPRTWXY3479]{4}(-[acdefhjkmnprtwxy3479]{4}){4,}$`)

func TestGeneratedPasswordsAreReadOutInGroupsWithoutLookAlikes(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		pw := generate(t, password.Rules{Known: true, Complexity: true, MinLength: 7})
		if !shape.MatchString(pw) || strings.ContainsAny(pw, "0Oo1lIi|5Ss8B2Zz6Gbqg") {
			t.Fatalf("%q", pw)
		}
		if seen[pw] {
			t.Fatalf("%q came twice", pw)
		}
		seen[pw] = true
	}
}

// The rules throw some draws away; what is left must still be worth 70 bits.
func TestGeneratedPasswordsHoldSeventyBits(t *testing.T) {
	draws := float64(20)
	bits := draws * math.Log2(20)
	// Capital, small letter and digit must each occur: the share that does.
	capital := 1 - math.Pow(4.0/20, 4)
	digit := 1 - math.Pow(16.0/20, 20)
	if bits += math.Log2(capital * digit); bits < 70 {
		t.Fatalf("%.1f bits", bits)
	}
}

// Chi-squared over the characters of many passwords: with 19 degrees of freedom
// 60 is passed once in 200,000 runs.
func TestGeneratedCharactersAreEquallyLikely(t *testing.T) {
	count := map[rune]int{}
	total := 0
	for range 5000 {
		// Behind the first group; the demand for a digit is met nearly always, so
		// that it bends the share of digits by less than the bound notices.
		for _, r := range strings.ReplaceAll(generate(t, password.Rules{MinLength: 64, Known: true})[4:], "-", "") {
			count[r]++
			total++
		}
	}
	expected := float64(total) / 20
	chi := 0.0
	for _, n := range count {
		chi += math.Pow(float64(n)-expected, 2) / expected
	}
	if len(count) != 20 || chi > 60 {
		t.Errorf("%d characters, chi-squared %.1f: %v", len(count), chi, count)
	}
}

func TestGenerateThrowsTheBrokenRowOfTheAlphabetAway(t *testing.T) {
	// 240 to 255 would make the first sixteen characters likelier.
	high := strings.Repeat("\xf0\xf8\xff", 100)
	low := strings.Repeat("\x00\x10\x13\x01\x05\x07", 40)
	pw, err := password.Generate(password.Rules{}, strings.NewReader(high+low))
	if err != nil {
		t.Fatal(err)
	}
	want, err := password.Generate(password.Rules{}, strings.NewReader(low))
	if err != nil || pw != want {
		t.Errorf("bytes from 240 on were used (%v)", err)
	}
}

func TestGenerateFailsWithoutRandomnessOrRoom(t *testing.T) {
	if _, err := password.Generate(password.Rules{}, strings.NewReader("short")); !errors.Is(err, io.EOF) {
		t.Errorf("end of randomness: %v", err)
	}
	broken := errors.New("broken")
	if _, err := password.Generate(password.Rules{}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("broken randomness: %v", err)
	}
	if _, err := password.Generate(password.Rules{MinLength: 257}, nil); !errors.Is(err, password.ErrGenerate) {
		t.Errorf("no room: %v", err)
	}
	if _, err := password.Generate(password.Rules{Names: []string{"-"}}, nil); !errors.Is(err, password.ErrGenerate) {
		t.Errorf("a name that is everywhere: %v", err)
	}
}

func TestAGeneratedPasswordNeverPrints(t *testing.T) {
	pw, err := password.Generate(password.Rules{}, nil)
	if err != nil || pw.String() != "[redacted]" {
		t.Errorf("%s, %v", pw, err)
	}
}
