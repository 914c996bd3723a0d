package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keys of what is found in the body of a function of the given signature.
func keys(t *testing.T, signature, body string) []string {
	t.Helper()
	f, err := find("p/a.go", []byte("package p\n\nfunc "+signature+" {\n"+body+"\n}\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range f.mutants {
		all = append(all, strings.TrimPrefix(m.key(), "p/a.go "))
	}
	for range f.left {
		all = append(all, "left")
	}
	return all
}

func TestABranchThatEndsInARefusalIsBroken(t *testing.T) {
	both := []string{"f invert `x`", "f delete `x`"}
	for _, tc := range []struct {
		signature, body string
		want            []string
	}{
		{"f() error", "if x { return errBad }", both},
		{"f() error", "if x { log(); return fmt.Errorf(\"a: %w\", err) }", both},
		{"f() (int, error)", "if x { return 0, err }", both},
		{"f() error", "if x { return &lost{err: err} }", both},
		{"f() (int, error)", "if x { return e.beside(ctx, err) }", both},
		{"f() error", "if x { return ended[r.State] }", both},
		{"f() error", "if x { return enroll.ErrRefused }", both},
		{"f() error", "if x { return nil }", nil},
		{"f() (int, error)", "if x { return 1, nil }", nil},
		{"f() (int, error)", "if x { return e.view(ctx, seen) }", nil},
		{"f() (Decision, error)", "if x { return d.deny(y), nil }", both},
		{"f() (int, error)", "if x { return 0, misread(\"two\") }", both},
		{"f() (int, error)", "if x { return 0, unmapped(op) }", both},
		{"f()", "if x { f.add(key, \"is empty\") }", both},
		{"f()", "if x { f.add(key, \"is empty\"); return }", both},
		{"f()", "if x { list.add(key) }", nil},
		{"f()", "if x { y := f.add(key); use(y) }", nil},
		{"f() (Protection, error)", "if x { return ProtectedGroup, nil }", both},
		{"f() bool", "if x { return false }", both},
		{"f() bool", "if x { return true }", nil},
		{"consumed() bool", "if x { return true }", []string{"consumed invert `x`", "consumed delete `x`"}},
		{"consumed() bool", "if x { return false }", nil},
		{"f() Decision", "if x { return d.deny(y) }", both},
		{"f() string", "if x { return foundTiers }", both},
		{"f() string", "if x { return \"\" }", nil},
		{"f()", "if x { return }", nil},
		{"f() error", "if x { a() }", nil},
		{"f() error", "if v, err := y(); x { return err }", both},
		{"f()", "g(func() error { if x { return err }; return nil })", both},
		{"f() error", "g(func() { if x { return } })", nil},
	} {
		if got := keys(t, tc.signature, tc.body); !slices.Equal(got, tc.want) {
			t.Errorf("%s { %s }: %q, want %q", tc.signature, tc.body, got, tc.want)
		}
	}
}

func TestEachOperandOfAGuardIsDropped(t *testing.T) {
	for body, want := range map[string][]string{
		"if a && b || !c { return err }": {
			"f invert `a && b || !c`", "f delete `a && b || !c`", "f drop `a && b`", "f drop `a`", "f drop `b`", "f drop `!c`",
		},
		"if a || b || c { return err }":            {"f invert `a || b || c`", "f delete `a || b || c`", "f drop `a`", "f drop `b`", "f drop `c`"},
		"if !(a && b) { return err }":              {"f invert `!(a && b)`", "f delete `!(a && b)`", "f drop `a`", "f drop `b`"},
		"if a == 1 { return err }":                 {"f invert `a == 1`", "f delete `a == 1`"},
		"if a ||\n\t\tb { return err }":            {"f invert `a || b`", "f delete `a || b`", "f drop `a`", "f drop `b`"},
		"if a { return err }; if a { return err }": {"f invert `a`", "f delete `a`", "f invert `a` #2", "f delete `a` #2"},
	} {
		if got := keys(t, "f() error", body); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	if got, want := keys(t, "f() bool", "return a && (b || c)"), []string{"f drop `a`", "f drop `(b || c)`", "f drop `b`", "f drop `c`"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAClauseThatDeniesIsBroken(t *testing.T) {
	for body, want := range map[string][]string{
		"switch { case a: return err; case b: return nil; case c, d: return err; default: return err }": {"f invert `a`", "f delete `a`", "f delete `c`"},
		"switch r.State { case A, B: return err; case C: return nil }":                                  {"f delete `A`"},
		"switch g() { case A: return err }":                                                             {"left"},
		"switch x.(type) { case A: return err; case B: return nil }":                                    {"left"},
	} {
		if got := keys(t, "f() error", body); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestAKeyDoesNotNameTheLine(t *testing.T) {
	const one, two = "func f() error {\nif x { return err }\nreturn nil\n}\n", "func g() error {\nif y { return err }\nreturn nil\n}\n"
	a, err := find("p/a.go", []byte("package p\n"+one+two), 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := find("p/a.go", []byte("package p\n// more\n\n"+two+one), 7)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range a.mutants {
		all[m.key()] = true
	}
	for _, m := range b.mutants {
		if !all[m.key()] || m.id < 7 {
			t.Errorf("%d %s", m.id, m.key())
		}
	}
}

// Lines stay where they are, so that what a broken test says can be found.
func TestTheInstrumentedSourceIsTheSameLines(t *testing.T) {
	root, err := rootOf("")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		for _, name := range target.files {
			src, err := os.ReadFile(filepath.Join(root, target.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			f, err := find(target.dir+"/"+name, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			made := f.instrumented()
			if _, err := parser.ParseFile(token.NewFileSet(), name, made, parser.SkipObjectResolution); err != nil {
				t.Error(err)
			}
			if strings.Count(string(made), "\n") != strings.Count(string(src), "\n") {
				t.Errorf("%s/%s has other lines", target.dir, name)
			}
			if len(f.mutants) > 0 && strings.Count(string(made), "mutant") < len(f.mutants) {
				t.Errorf("%s/%s: fewer than %d mutants in it", target.dir, name, len(f.mutants))
			}
		}
	}
}
