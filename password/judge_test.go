package password_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
)

func newJudge(t testing.TB, cfg password.JudgeConfig) *password.Judge {
	t.Helper()
	j, err := password.NewJudge(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// verdict is the finding of one code.
func verdict(t testing.TB, j *password.Judge, rules password.Rules, pw string, code password.Code) password.Finding {
	t.Helper()
	found, err := j.Judge(context.Background(), rules, secret.New(pw))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Code == code {
			return f
		}
	}
	t.Fatalf("no finding %q in %v", code, found)
	return password.Finding{}
}

func TestStrengthKnowsThePersonAndTheOrganisation(t *testing.T) {
	j := newJudge(t, password.JudgeConfig{MinScore: 3, Organisation: []string{"Wolpertinger"}})
	rules := password.Rules{Names: password.NameTokens("xzkqvw", "Quirinius Habakuk")}
	for pw, ok := range map[string]bool{
		"":                            false,
		"aaaaaaaaaaaa":                false,
		"Password1!":                  false,
		"wolpertinger1":               false,
		"quiriniushabakuk":            false,
		"correct horse battery stapl": true,
		"vX9#mQ2$kL7@pR4":             true,
	} {
		if got := verdict(t, j, rules, pw, password.CodeStrength); got.OK != ok || got.Want != "3" {
			t.Errorf("strength of %q = %+v, want ok %v", pw, got, ok)
		}
	}
	unknown := verdict(t, j, password.Rules{}, "quiriniushabakuk", password.CodeStrength)
	if known := verdict(t, j, rules, "quiriniushabakuk", password.CodeStrength); known.Have >= unknown.Have {
		t.Errorf("the person's own names score %s, a stranger's %s", known.Have, unknown.Have)
	}
}

func TestTheStricterScoreOfRulesAndJudgeHolds(t *testing.T) {
	j := newJudge(t, password.JudgeConfig{MinScore: 1})
	if got := verdict(t, j, password.Rules{MinScore: 4}, "x", password.CodeStrength); got.Want != "4" {
		t.Errorf("want %s", got.Want)
	}
	if got := verdict(t, newJudge(t, password.JudgeConfig{MinScore: 3}), password.Rules{MinScore: 2}, "x", password.CodeStrength); got.Want != "3" {
		t.Errorf("want %s", got.Want)
	}
}

func TestBannedWords(t *testing.T) {
	list := writeFile(t, "\ufeff# our own\r\nTannenbaum\r\n\r\nabc\r\nCoca-Cola\r\n")
	j := newJudge(t, password.JudgeConfig{
		Banned: []string{"Zugspitze", "b1ld"}, BannedFile: list, Organisation: []string{"Müller & Söhne AG"},
	})
	for pw, ok := range map[string]bool{
		"Password1":            false,
		"p4$$w0rd":             false,
		"P-a-s-s-w-o-r-t":      false,
		"Pässwörter-Neun":      false, // accents don't hide it
		"xxWILLKOMMENxx":       false,
		"Qw3rty-uiop":          false,
		"we1c0me!":             false, // 1 as l
		"W1llkommen":           false, // 1 as i
		"ｐａｓｓｗｏｒｄ":             false, // full width
		"zugsp1tze-9":          false,
		"bild-Zeitung":         false,
		"B1LD":                 false,
		"Unter dem Tannenbaum": false,
		"tannenb@um":           false,
		"cocacola light":       false,
		"abc":                  false, // three letters count as the whole only
		"abcdario-torbole":     true,
		"Mueller-Torte":        true,
		"muller-torte":         false, // the organisation's, without its accent
		"Söhne und mehr":       false,
		"Sommer2024":           false,
		"S0mm3r_26!":           false,
		"Winter - 2026":        true, // three characters between
		"winter!!26":           false,
		"Januar26":             false,
		"März2026!":            false,
		"may24":                false,
		"dismay24":             true, // a short period begins a word
		"dismay-may24":         false,
		"mayflower24":          true,
		"Sommerregen im Juli":  true,
		"correct horse staple": true,
		"":                     true,
	} {
		if got := verdict(t, j, password.Rules{}, pw, password.CodeBanned); got.OK != ok || got.Have+got.Want != "" {
			t.Errorf("banned %q = %+v, want ok %v", pw, got, ok)
		}
	}
}

func TestBuiltInWordsCanBeLeftOut(t *testing.T) {
	j := newJudge(t, password.JudgeConfig{NoBuiltIn: true, Banned: []string{"zebra"}})
	for pw, ok := range map[string]bool{"password": true, "Sommer2024": true, "zebra": false} {
		if got := verdict(t, j, password.Rules{}, pw, password.CodeBanned); got.OK != ok {
			t.Errorf("banned %q = %v", pw, got.OK)
		}
	}
	if d := newJudge(t, password.JudgeConfig{NoBuiltIn: true}).Demands(); d != (password.Demands{}) {
		t.Errorf("demands of nothing: %+v", d)
	}
}

func TestJudgeLooksIntoTheBreachedFile(t *testing.T) {
	j := newJudge(t, password.JudgeConfig{BreachedFile: writeFile(t, strings.Join(breachedLines(100), ""))})
	if got := verdict(t, j, password.Rules{}, "pw-7", password.CodeBreached); got.OK {
		t.Error("a breached password passes")
	}
	if got := verdict(t, j, password.Rules{}, "pw-700", password.CodeBreached); !got.OK {
		t.Error("another one doesn't")
	}
	if d := j.Demands(); !d.Breached || !d.Banned || d.MinScore != 0 {
		t.Errorf("demands %+v", d)
	}
}

func TestJudgeCannotTellIsAnError(t *testing.T) {
	path := writeFile(t, strings.Join(breachedLines(500), ""))
	j := newJudge(t, password.JudgeConfig{BreachedFile: path})
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if found, err := j.Judge(context.Background(), password.Rules{}, secret.New("x")); err == nil || found != nil {
		t.Errorf("truncated file: %v, %v", found, err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := j.Judge(gone, password.Rules{}, secret.New("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestJudgeOnlyRefusesWhatIsMalformedOrTooLong(t *testing.T) {
	j := newJudge(t, password.JudgeConfig{MinScore: 1})
	for pw, code := range map[string]password.Code{
		"a\x00b": password.CodeMalformed, "\xff": password.CodeMalformed, strings.Repeat("x", 257): password.CodeTooLong,
	} {
		found, err := j.Judge(context.Background(), password.Rules{}, secret.New(pw))
		if err != nil || len(found) != 1 || found[0].Code != code || found[0].OK {
			t.Errorf("%.10q: %v, %v", pw, found, err)
		}
	}
}

func TestNewJudgeNamesWhatIsWrong(t *testing.T) {
	for want, cfg := range map[string]password.JudgeConfig{
		"0 to 4":              {MinScore: 5},
		"no such file":        {BannedFile: "/nowhere/words"},
		":2: not UTF-8":       {BannedFile: writeFile(t, "ok\n\xff\xfe\n")},
		"40 hex digits":       {BreachedFile: writeFile(t, "password\n")},
		"not sorted by hash":  {BreachedFile: writeFile(t, hashOf("b")+"\n"+strings.Repeat("0", 40)+"\n")},
		"no list of breached": {BreachedFile: writeFile(t, "")},
	} {
		if _, err := password.NewJudge(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// worst are inputs for which the strength estimate costs most.
var worst = []string{
	strings.Repeat("a", 256), strings.Repeat("4@8({[<3691!|10$5+7%2", 12), strings.Repeat("qwertzuiop", 25),
	strings.Repeat("pa55w0rd1990", 21), strings.Repeat("19901231", 32), strings.Repeat("😀", 128), strings.Repeat("aaa\u0301", 60),
}

func TestJudgeTakesNoLongerBehindSixtyFourCharacters(t *testing.T) {
	j := newJudge(t, password.JudgeConfig{MinScore: 4, Organisation: []string{strings.Repeat("miller ", 30)}})
	rules := password.Rules{Names: password.NameTokens("a", strings.Repeat("Abcdef Ghi Jklm ", 60))}
	took := func(pw string) time.Duration {
		least := time.Hour
		for range 3 {
			start := time.Now()
			verdict(t, j, rules, pw, password.CodeStrength)
			least = min(least, time.Since(start))
		}
		return least
	}
	took("warm")
	for _, pw := range worst {
		short, whole := took(string([]rune(pw)[:64])), took(pw)
		if whole > 3*short+100*time.Millisecond {
			t.Errorf("%.12q: 64 characters took %v, the whole %v", pw, short, whole)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	j := newJudge(b, password.JudgeConfig{MinScore: 4})
	for _, pw := range worst {
		b.Run(pw[:8], func(b *testing.B) {
			for b.Loop() {
				if _, err := j.Judge(context.Background(), password.Rules{}, secret.New(pw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzJudge(f *testing.F) {
	j := newJudge(f, password.JudgeConfig{MinScore: 2, Banned: []string{"zebra", "ab"}})
	f.Add("zebra", "alice")
	for _, pw := range worst {
		f.Add(pw, "miller")
	}
	f.Fuzz(func(t *testing.T, pw, name string) {
		found, err := j.Judge(context.Background(), password.Rules{Names: []string{name}}, secret.New(pw))
		if err != nil || len(found) == 0 {
			t.Fatalf("%v, %v", found, err)
		}
		if strings.Contains(strings.ToLower(pw), "zebra") && password.OK(found) {
			t.Fatal("a banned word passes")
		}
	})
}
