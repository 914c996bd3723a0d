package main

import (
	"bytes"
	"context"
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
