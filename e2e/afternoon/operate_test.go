//go:build linux

package afternoon

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/phone"
)

const configFile = "/etc/latchkey/latchkey.yaml"

// operate goes through the other pages.
func (s *site) operate(t *testing.T, all pages, ada *phone.Phone) {
	operations := func(section string, i int) block { return all.in(t, operationsPage, section, "sh")[i] }
	wants(t, s.run(t, operations("A new key", 0)), "  seals  ", "sealed anew")

	s.run(t, operations("Backup and restore", 0))
	s.run(t, operations("Backup and restore", 1))
	s.run(t, operations("Backup and restore", 2))
	must(t, os.Remove("/var/lib/latchkey-key/secret.key")) // the server has read it; this is another machine's
	s.run(t, operations("Backup and restore", 3))
	s.line(t, "systemctl restart latchkey")
	s.lock(t, "ada")
	s.unlock(t, ada, "ada")

	s.run(t, operations("What a change means", 0))
	s.secondPair(t, all)
	wants(t, s.run(t, operations("What a change means", 1)), "latchkey.yaml is right: ", "matches and decides", "reset is shown", " reset    changes ", " people differ: 0 gains, 0 losses, ")
	wants(t, s.run(t, operations("A changed configuration", 0)), "Reloaded. Changed: policies.")
	s.line(t, "systemctl reload latchkey")
	s.frozen(t, ada)
	wants(t, s.run(t, operations("A frozen account", 0)), "dana.reyes", "Ada Stone", "is no longer frozen")
	wants(t, s.run(t, operations("The audit log", 0)), "log.jsonl is whole: ")

	s.run(t, all.in(t, "docs/configuration.md", "In an editor", "sh")[0])
	var schema map[string]any
	must(t, json.Unmarshal([]byte(read(t, "/etc/latchkey/latchkey.schema.json")), &schema))
	wants(t, s.line(t, "latchkey config example"), "# Latchkey's configuration.")
	s.healthy(t, s.line(t, "runuser -u latchkey -- latchkey doctor --config "+configFile+" --only url --only ad -q"))
	s.hashes(t, all)
	s.demo(t)
}

func wants(t *testing.T, said string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("no %q in\n%s", w, said)
		}
	}
}

// secondPair puts the README's second rule in the place of the first one's reset.
func (s *site) secondPair(t *testing.T, all pages) {
	t.Helper()
	two := all.in(t, "README.md", "A first policy", "yaml")
	if len(two) != 2 {
		t.Fatalf("%d policies in the README", len(two))
	}
	const old = "    reset: {prove: [passkey]}\n"
	before := read(t, configFile)
	if strings.Count(before, old) != 1 {
		t.Fatalf("nothing to replace in\n%s", before)
	}
	write(t, configFile, strings.Replace(before, old, two[1].text, 1))
}

// frozen has ada freeze dana's account, by the README's rule: she is the manager; and
// dana says that it is her again.
func (s *site) frozen(t *testing.T, ada *phone.Phone) {
	t.Helper()
	dana := s.newPhone(t)
	said := s.line(t, "latchkey invite --qr --config "+configFile+" dana.reyes@corp.example.test")
	wants(t, said, "█")
	must(t, dana.Enrol(t.Context(), links.FindString(said), s.people["dana.reyes"]))
	must(t, dana.SignIn(t.Context()))
	r, err := dana.Ask(t.Context(), "reset", "I forgot it")
	if err != nil || r.State != "pending" {
		t.Fatalf("ask: %+v, %v", r, err)
	}
	must(t, ada.SignIn(t.Context()))
	_, err = ada.Report(t.Context(), r.ID)
	must(t, err)
	_, err = ada.Freeze(t.Context(), r.ID)
	must(t, err)
	must(t, dana.SignIn(t.Context())) // a freeze ends every session
	must(t, dana.AskThaw(t.Context()))
}

// hashes makes those of docs/audit-format.md with nothing but a shell.
func (s *site) hashes(t *testing.T, all pages) {
	t.Helper()
	const page, section = "docs/audit-format.md", "Example"
	lines := strings.Split(all.in(t, page, section, "jsonl")[0].text, "\n")
	must(t, os.WriteFile(filepath.Join(s.dir, "third"), []byte(lines[2]+"\n"), 0o644))
	var third struct {
		Hash  string `json:"hash"`
		Event struct {
			Personal map[string]string `json:"personal"`
		} `json:"event"`
	}
	must(t, json.Unmarshal([]byte(lines[2]), &third))
	blocks := all.in(t, page, section, "sh")
	wants(t, s.run(t, blocks[0]), third.Hash)
	wants(t, s.run(t, blocks[1]), third.Event.Personal["device"])
}

// demo is what `./task demo` starts once it has built.
func (s *site) demo(t *testing.T) {
	t.Helper()
	cmd := exec.Command("latchkey", "demo", "--listen", "127.0.0.1:8090", "--public-url", "https://latchkey.example.com",
		"--trusted-proxy", "127.0.0.1", "--data", "demo", "--ready", "demo.json")
	cmd.Path, cmd.Err = "/usr/local/bin/latchkey", nil
	cmd.Dir, cmd.Stderr = s.dir, &s.services.log
	must(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Signal(syscall.SIGINT)
	ready := filepath.Join(s.dir, "demo.json")
	for late := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // another process: its file is the event
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("no demo:\n%s", s.services.logs())
		}
	}
	s.lines = append(s.lines, strings.Join(cmd.Args, " "))
	wants(t, s.line(t, "latchkey demo lock priya.raman --data demo"), "priya.raman is locked out. Open https://latchkey.example.com")
	wants(t, s.line(t, "latchkey invite --data demo priya.raman"), "https://latchkey.example.com/enrol#")
}
