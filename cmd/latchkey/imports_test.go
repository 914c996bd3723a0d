package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey/latchkey/"

// direction is which of our packages each may import. Imports go down only: the
// rules in the middle know neither edge nor engines.
var direction = map[string][]string{
	"server":    {"workflow", "enroll", "push", "audit", "ad", "pwa", "password", "secret", "doctor"},
	"db":        {"workflow", "enroll", "push", "audit", "ad", "secret", "doctor"}, // ad for objectGUIDs only
	"config":    {"workflow", "enroll", "ad", "secret", "doctor"},
	"workflow":  {"enroll", "ad", "audit", "password", "secret", "doctor"},
	"enroll":    {"ad", "audit", "secret"},
	"push":      {"audit", "secret", "doctor"},
	"password":  {"secret"},
	"ad":        {"doctor", "secret"},
	"ad/minidc": {},
	"audit":     {},
	"pwa":       {},
	"secret":    {"doctor"},
	"doctor":    {},
}

func TestImportsGoDownOnly(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, bound := direction[name]
		if !bound {
			if !beside(name) {
				t.Errorf("%s has no place in the layout: add it to direction, and to README.md", name)
			}
			continue
		}
		seen[name] = true
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s must not import %s", name, ours)
			}
		}
	}
	if !seen["workflow"] || !seen["ad"] {
		t.Fatalf("go list saw only %v", seen)
	}
}

// beside says whether a package only serves tests or is the command itself.
func beside(name string) bool {
	return strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "e2e") ||
		name == "ad/conformance" || name == "doctor/doctortest" || name == "db/dbtest" || name == "push/pushtest" || name == "enroll/enrolltest"
}

// The rules know no engine.
func TestRulesKnowNoEngine(t *testing.T) {
	banned := []string{"database/sql", "net/http", "github.com/go-ldap", "modernc.org", "github.com/gofiber", "github.com/valyala"}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name != "workflow" && name != "enroll" && name != "audit" && name != "password" {
			continue
		}
		for _, i := range p.Imports {
			for _, b := range banned {
				if strings.HasPrefix(i, b) {
					t.Errorf("%s must not import %s", name, i)
				}
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
