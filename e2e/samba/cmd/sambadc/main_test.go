package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/e2e/samba"
)

// TestMain is the command itself when the variable is set.
func TestMain(m *testing.M) {
	if os.Getenv("LATCHKEY_RUN_SAMBADC") == "" {
		os.Exit(m.Run())
	}
	main()
}

type running struct {
	*exec.Cmd
	stdin io.Closer
	ready
	ended chan error
}

func start(t *testing.T) *running {
	t.Helper()
	samba.Require(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "ready.json")
	r := &running{Cmd: exec.Command(os.Args[0], "--dir", filepath.Join(dir, "dc"), "--ready", file), ended: make(chan error, 1)}
	r.Env, r.Stderr = append(os.Environ(), "LATCHKEY_RUN_SAMBADC=1"), os.Stderr
	stdin, err := r.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.Wait() }()
	t.Cleanup(func() { r.Process.Kill() })
	r.await(t, file)
	return r
}

func (r *running) await(t *testing.T, file string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if b, err := os.ReadFile(file); err == nil {
			if err := json.Unmarshal(b, &r.ready); err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case <-tick.C:
		case err := <-r.ended:
			t.Fatalf("ended: %v", err)
		}
	}
}

// gone waits for a clean end, and that nobody listens any more.
func (r *running) gone(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still runs")
	}
	if c, err := ldap.DialURL(r.LDAPURL); err == nil {
		c.Close()
		t.Error("still listens")
	}
}

func TestTheReadyFileNamesPeopleAndFiles(t *testing.T) {
	r := start(t)
	if len(r.People) == 0 || r.People[0].DN == "" || r.People[0].Password == "" {
		t.Errorf("people %+v", r.People)
	}
	if _, err := os.Stat(r.CAFile); err != nil {
		t.Error(err)
	}
	r.stdin.Close()
	r.gone(t)
}

func TestSIGTERMEndsTheController(t *testing.T) {
	r := start(t)
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.gone(t)
}

func TestWithoutAReadyFileNothingStarts(t *testing.T) {
	if err := run(nil); err == nil {
		t.Fatal("started")
	}
}
