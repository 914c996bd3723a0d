package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// latchkey runs one command line and returns its status and what it said.
func latchkey(t *testing.T, args ...string) (status int, said string) {
	t.Helper()
	var out bytes.Buffer
	status = run(context.Background(), args, streams{&out, &out})
	return status, out.String()
}

func TestASecondDemoLeavesTheFirstOnesFiles(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, []byte("the first one's"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, said := latchkey(t, "demo", "--listen", "127.0.0.1:0", "--data", dir)
	if status != 1 || !strings.Contains(said, "another Latchkey works in "+dir) {
		t.Errorf("status %d, said %q", status, said)
	}
	if b, err := os.ReadFile(authority); err != nil || string(b) != "the first one's" {
		t.Errorf("the running demo's authority became %q, %v", b, err)
	}
}

func TestAPortInUseIsSaidWithTheWayOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	status, said := latchkey(t, "demo", "--listen", l.Addr().String(), "--data", t.TempDir())
	if status != 1 || !strings.Contains(said, "another program listens on "+l.Addr().String()) || !strings.Contains(said, "--listen") {
		t.Errorf("status %d, said %q", status, said)
	}
}

// until passes writes on and calls stop when one holds the text.
type until struct {
	bytes.Buffer
	text string
	stop func()
}

func (u *until) Write(b []byte) (int, error) {
	n, err := u.Buffer.Write(b)
	if strings.Contains(u.String(), u.text) {
		u.stop()
	}
	return n, err
}

// demo runs one from its start to Ctrl-C and returns what --ready wrote.
func demo(t *testing.T, dir string) demoReady {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out := &until{text: "Stop with Ctrl-C", stop: stop}
	file := filepath.Join(dir, "ready.json")
	if status := run(ctx, []string{"demo", "--listen", "127.0.0.1:0", "--data", dir, "--ready", file}, streams{out, out}); status != 0 {
		t.Fatalf("the demo ended with %d: %s", status, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var ready demoReady
	if err := json.Unmarshal(b, &ready); err != nil {
		t.Fatal(err)
	}
	return ready
}

func TestEverybodyOfTheDemoHasALinkThatTheyCanUse(t *testing.T) {
	for _, p := range demo(t, t.TempDir()).People {
		if p.Invitation == "" {
			t.Errorf("%s has no link: %s", p.Account, p.Note)
		}
		// No controller checks the password of a locked account.
		locked := strings.HasPrefix(p.Note, "locked out")
		if asks := !strings.Contains(p.Note, "asks for no password"); locked == asks {
			t.Errorf("%s: locked %v, the link asks for the password %v", p.Account, locked, asks)
		}
	}
}

func TestADemoStartsAgainOnItsOwnFiles(t *testing.T) {
	dir := t.TempDir()
	first, second := demo(t, dir), demo(t, dir)
	if len(first.People) != 12 || len(second.People) != 12 {
		t.Errorf("%d people, then %d", len(first.People), len(second.People))
	}
	if first.People[0].Invitation == second.People[0].Invitation {
		t.Error("the second start printed the first one's links")
	}
}
