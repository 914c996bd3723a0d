package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// module is a small one with the given source and test in package p.
func module(t *testing.T, source, tests string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n", "p/p.go": "package p\n\nimport \"errors\"\n\nvar errBad = errors.New(\"bad\")\n\n" + source,
		"p/p_test.go": "package p\n\nimport \"testing\"\n\n" + tests,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// try runs the tool on package p of the module.
func try(t *testing.T, root string, reasons map[string]string) (string, error) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(root, "p", "p.go"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := find("p/p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &work{target: target{dir: "p", suites: []suite{{dir: "p"}}}, files: []*finder{f}, mutants: f.mutants}
	for _, m := range f.mutants {
		w.chosen = append(w.chosen, m.id)
	}
	var out bytes.Buffer
	r := report{out: &out, reasons: reasons, whole: true}
	if err := w.test(t.Context(), root, 2, &r); err != nil {
		return out.String(), err
	}
	err = r.end([]*work{w})
	if t.Failed() {
		t.Log(out.String())
	}
	return out.String(), err
}

const guarded = `
type kind string

// check refuses the negative, the big, and what is of kind "no".
func check(n int, k kind) error {
	if n < 0 || n > 9 {
		return errBad
	}
	switch k {
	case "no":
		return errBad
	}
	return nil
}
`

const thorough = `
func TestCheck(t *testing.T) {
	for n, bad := range map[int]bool{-1: true, 0: false, 9: false, 10: true} {
		if (check(n, "yes") != nil) != bad {
			t.Error(n)
		}
	}
}

func TestKind(t *testing.T) {
	if check(1, "no") == nil || check(1, "") != nil {
		t.Error("kind")
	}
}
`

func TestTestsThatNoticeEverythingKillEveryMutant(t *testing.T) {
	out, err := try(t, module(t, guarded, thorough), nil)
	if err != nil || !strings.Contains(out, "p: 5 of 5 mutants killed") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWhatNoTestNoticesSurvivesAndFailsTheRun(t *testing.T) {
	for name, tc := range map[string]struct{ tests, survives string }{
		"an operand":           {"func TestCheck(t *testing.T) { if check(-1, \"\") == nil || check(5, \"\") != nil || check(5, \"no\") == nil { t.Error() } }", "check drop `n > 9`"},
		"a clause":             {strings.Replace(thorough, `check(1, "no") == nil ||`, "", 1), "check delete `\"no\"`"},
		"what no test runs":    {"func TestNothing(t *testing.T) {}", "check invert `n < 0 || n > 9`"},
		"what a skip hides":    {"func TestCheck(t *testing.T) { t.Skip() }", "check delete `n < 0 || n > 9`"},
		"what is only touched": {"func TestCheck(t *testing.T) { check(-1, \"no\") }", "check delete `n < 0 || n > 9`"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := try(t, module(t, guarded, tc.tests), nil)
			if err == nil || !strings.Contains(out, "SURVIVES, NO REASON: p/p.go "+tc.survives) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestAPanicKills(t *testing.T) {
	source := `
func first(list []int) bool {
	if len(list) == 0 {
		return false
	}
	return list[0] > 0
}
`
	out, err := try(t, module(t, source, "func TestFirst(t *testing.T) { first(nil); if !first([]int{1}) { t.Error() } }"), nil)
	if err != nil || !strings.Contains(out, "2 of 2 mutants killed") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAHangIsEnded(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{binary: sleep, home: t.TempDir(), temp: t.TempDir()}
	if _, err := p.run(t.Context(), 20*time.Millisecond, nil, "600"); !errors.Is(err, errSlow) {
		t.Errorf("%v", err)
	}
}

func TestATestThatFailsWithNothingBrokenIsAnError(t *testing.T) {
	_, err := try(t, module(t, guarded, "func TestCheck(t *testing.T) { t.Error(check(1, \"\")) }"), nil)
	if err == nil || !strings.Contains(err.Error(), "fails with nothing broken") {
		t.Errorf("%v", err)
	}
}

func TestTheTreeIsNotChanged(t *testing.T) {
	root := module(t, guarded, thorough)
	if _, err := try(t, root, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "p"))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v %v", entries, err)
	}
	b, err := os.ReadFile(filepath.Join(root, "p", "p.go"))
	if err != nil || !strings.HasSuffix(string(b), guarded) {
		t.Errorf("%v %s", err, b)
	}
}

func TestAReasonThatFitsNoSurvivorFailsTheRun(t *testing.T) {
	for key, fails := range map[string]bool{"p/p.go check drop `n > 9`": true, "p/p.go gone delete `x`": true, "": false} {
		reasons := map[string]string{}
		if key != "" {
			reasons[key] = "because"
		}
		out, err := try(t, module(t, guarded, thorough), reasons)
		if (err != nil) != fails || fails && !strings.Contains(out, "a reason for what does not survive: "+key) {
			t.Errorf("%q: %v\n%s", key, err, out)
		}
	}
}

func TestBelowNinetyFivePercentTheRunFails(t *testing.T) {
	for killed, holds := range map[int]bool{100: true, 95: true, 94: false, 0: false} {
		r := report{out: &bytes.Buffer{}, killed: killed, total: 100}
		if err := r.end(nil); (err == nil) != holds {
			t.Errorf("%d of 100: %v", killed, err)
		}
	}
	if (&report{out: &bytes.Buffer{}}).end(nil) == nil {
		t.Error("no mutant at all passes")
	}
}

func TestReasonsAreReadOrRefused(t *testing.T) {
	got, err := parseReasons("# comment\n\na/b.go f delete `x`\n  one\n\ttwo\n\na/b.go f drop `y` #2\n  three\n")
	if err != nil || fmt.Sprint(got) != "map[a/b.go f delete `x`:one two a/b.go f drop `y` #2:three]" {
		t.Errorf("%v %v", got, err)
	}
	for _, text := range []string{"  reason", "key", "key\nother\n  reason", "key\n  reason\nkey\n  reason"} {
		if _, err := parseReasons(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

// Every reason names a mutant that there is, and a sample is the same for a seed.
func TestTheListOfSurvivorsFitsTheTree(t *testing.T) {
	root, err := rootOf("")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := parseReasons(survivors)
	if err != nil {
		t.Fatal(err)
	}
	all, err := findAll(root, "")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, w := range all {
		for _, m := range w.mutants {
			if known[m.key()] {
				t.Errorf("%s names two", m.key())
			}
			known[m.key()] = true
		}
	}
	for key := range reasons {
		if !known[key] {
			t.Errorf("%s is not there", key)
		}
	}
}

func TestOptionsNarrow(t *testing.T) {
	root, err := rootOf("")
	if err != nil {
		t.Fatal(err)
	}
	count := func(o options) (n int, text string) {
		all, err := findAll(root, o.file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := choose(all, o, nil, &out); err != nil {
			t.Fatal(err)
		}
		list(all, &out)
		for _, w := range all {
			n += len(w.chosen)
		}
		return n, out.String()
	}
	whole, _ := count(options{})
	shards := 0
	for i := range 3 {
		n, _ := count(options{shard: fmt.Sprintf("%d/3", i+1)})
		if n < whole/3 || n > whole/3+1 {
			t.Errorf("shard of %d of %d", n, whole)
		}
		shards += n
	}
	if shards != whole || whole < 1000 {
		t.Errorf("%d in shards of %d", shards, whole)
	}
	if n, _ := count(options{file: "workflow/prove.go"}); n == 0 || n == whole {
		t.Errorf("-file: %d", n)
	}
	if n, _ := count(options{only: "checkProof drop `p.Kind =="}); n != 1 {
		t.Errorf("-only: %d", n)
	}
	_, one := count(options{sample: 9, seed: 5})
	n, two := count(options{sample: 9, seed: 5})
	_, other := count(options{sample: 9, seed: 6})
	if n != 9 || one != two || one == other {
		t.Errorf("%d\n%s\n%s\n%s", n, one, two, other)
	}
	for _, shard := range []string{"0/2", "3/2", "x", "1"} {
		if err := choose(nil, options{shard: shard}, nil, &bytes.Buffer{}); err == nil {
			t.Errorf("%q passes", shard)
		}
	}
}
