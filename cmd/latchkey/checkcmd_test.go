package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad/minidc"
)

// What only the directory knows is asked for where that is wanted, and with nothing else.
func TestCheckAsksTheDirectoryForTheGroups(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(3, 3)), 12)
	group := func(name string) string { return "CN=" + name + ",OU=Groups," + realmBase }
	empty := group("Nobody")
	r.dc.AddGroup(minidc.Group{Name: "Nobody", Parent: "OU=Groups," + realmBase})
	full := group(realmGroups[0])
	file := filepath.Join(r.dir, "checked.yaml")
	for _, c := range []struct {
		name, who, by string
		status        int
		says          []string
	}{
		{"people in both", full, full, 0, []string{"is right: 2 policies"}},
		{"approvers that are nobody", full, empty, 1, []string{empty + " (some): No enabled person is in it. Nobody can approve", "1 to mend for " + file}},
		{"an unknown group", group("Gone"), full, 1, []string{group("Gone") + " (some): The directory has no such group", "1 to mend"}},
		{"unknown approvers", full, group("Gone"), 1, []string{group("Gone") + " (some): The directory has no such group"}},
		{"a rule for nobody", empty, full, 0, []string{"warning: " + empty + " (some): No enabled person is in it.", "is right"}},
	} {
		must(t, os.WriteFile(file, []byte(r.head+fmt.Sprintf(`
policies:
  - {name: some, who: {group: %q}, unlock: {prove: [passkey]}, reset: {prove: [passkey], approve: [{by: {group: %q}}]}}
  - {name: rest, who: {everyone: true}, unlock: {prove: [passkey]}}
`, c.who, c.by)), 0o600))
		status, said := latchkey(t, "config", "check", file, "--directory")
		for _, s := range c.says {
			if status != c.status || !strings.Contains(said, s) {
				t.Errorf("%s: %d, no %q in\n%s", c.name, status, s, said)
			}
		}
		if status, said := latchkey(t, "config", "check", file); status != 0 || !strings.HasSuffix(strings.TrimSpace(said), "is right: 2 policies for http://localhost:8080") {
			t.Errorf("%s, without the directory: %d %s", c.name, status, said)
		}
	}
	r.dc.Close()
	if status, said := latchkey(t, "config", "check", file, "--directory"); status != 1 || strings.Contains(said, "is right") {
		t.Errorf("no directory answers: %d %s", status, said)
	}
}
