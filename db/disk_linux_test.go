package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

// fill writes until an error comes, and returns it with the number of writes
// that went through.
func fill(t *testing.T, s *Store) (int, error) {
	t.Helper()
	for i := 0; i < 100_000; i++ {
		e := signedIn()
		e.Personal["device"] = strings.Repeat("x", 4000)
		r := workflow.Request{ID: fmt.Sprint(i), Requester: anna, Reason: strings.Repeat("y", 4000)}
		if err := s.Create(t.Context(), r, workflow.Change{Events: []audit.Event{e}}); err != nil {
			return i, err
		}
	}
	t.Fatal("the disk never filled")
	return 0, nil
}

// stillWhole looks at what a failed write left: as many requests as events, and
// as many as were acknowledged.
func stillWhole(t *testing.T, s *Store, acknowledged int) {
	t.Helper()
	requests, err := s.CountRequests(t.Context(), anna)
	if err != nil || requests != acknowledged {
		t.Errorf("%d requests, %v, %d acknowledged", requests, err, acknowledged)
	}
	if seq := verified(t, s).Head.Seq; seq != int64(acknowledged) {
		t.Errorf("%d events, %d acknowledged", seq, acknowledged)
	}
}

func TestAFullFileRefusesAndRecovers(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	setPages := func(n int) {
		if _, err := s.tx.conn.ExecContext(context.Background(), fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
			t.Fatal(err)
		}
	}
	setPages(200)
	n, err := fill(t, s)
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d writes: %v", n, err)
	}
	stillWhole(t, s, n)
	// A crowd finds it full as well, and everybody is told.
	errs := make(chan error, 50)
	for i := range 50 {
		go func() {
			errs <- s.Create(t.Context(), workflow.Request{ID: fmt.Sprint("crowd", i), Requester: anna, Reason: strings.Repeat("y", 9000)}, workflow.Change{})
		}()
	}
	for range 50 {
		if err := <-errs; !errors.Is(err, ErrFull) {
			t.Errorf("got %v", err)
		}
	}
	stillWhole(t, s, n)
	setPages(100_000)
	if err := s.Create(t.Context(), workflow.Request{ID: "room", Requester: anna}, workflow.Change{Events: []audit.Event{signedIn()}}); err != nil {
		t.Fatal(err)
	}
	stillWhole(t, s, n+1)
}

// The same on a real disk that fills, in the log file and in shared memory.
func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no file system of our own: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := openAt(t, filepath.Join(dir, "x.db"))
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := fill(t, s)
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d writes: %v", n, err)
	}
	stillWhole(t, s, n)
	if err := s.Ping(t.Context()); err != nil && !errors.Is(err, ErrFull) {
		t.Errorf("ping: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), workflow.Request{ID: "room", Requester: anna}, workflow.Change{Events: []audit.Event{signedIn()}}); err != nil {
		t.Fatal(err)
	}
	stillWhole(t, s, n+1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A file that may be read and not written: opened, read, and every write says why
// it can't. Root writes to anything, so the child runs as nobody.
func TestAReadOnlyFileRefuses(t *testing.T) {
	dir, err := os.MkdirTemp("", "latchkey-db-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "x.db")
	s := openAt(t, path)
	if err := errors.Join(s.Record(t.Context(), signedIn()), s.Close(), os.Chmod(path, 0o400)); err != nil {
		t.Fatal(err)
	}
	c := run(t, "read-only", path)
	if os.Geteuid() == 0 {
		const nobody = 65534
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		c.Path = copyForAll(t, c.Path, dir)
		if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chown(path, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "record: store.read-only\nping: store.read-only\nsession: store.read-only\nevents: 1\n"
	if string(out) != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

// copyForAll puts the test's own binary where nobody may run it.
func copyForAll(t *testing.T, from, dir string) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "child")
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}
