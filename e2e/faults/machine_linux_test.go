package faults

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	_ "modernc.org/sqlite" // the engine that the server uses

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// moveAway takes files of the database from under the server, and says how to put
// them back.
func moveAway(t *testing.T, w *world.World, names ...string) (back func()) {
	t.Helper()
	for _, n := range names {
		world.Must(t, os.Rename(filepath.Join(w.Data, n), filepath.Join(w.Data, n+".away")))
	}
	return func() {
		for _, n := range names {
			world.Must(t, os.Rename(filepath.Join(w.Data, n+".away"), filepath.Join(w.Data, n)))
		}
	}
}

// SQLite writes on into a file that is gone. Latchkey does not: what it did would be
// known to nobody after the next start.
func TestADatabaseThatIsGoneStopsEveryActBeforeTheDirectory(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"moved": {"latchkey.db", "latchkey.db-wal", "latchkey.db-shm"}, "file alone": {"latchkey.db"}, "log alone": {"latchkey.db-wal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, world.Options{File: true, People: 2})
			typed, locked := w.People[0], w.People[1]
			r := approved(t, typed, "reset")
			stopsBeforeTheDirectory(t, w, typed, locked, r, func() func() { return moveAway(t, w, files...) })
			if !strings.Contains(string(w.Log()), "store.gone") {
				t.Error("the log does not name the cause")
			}
		})
	}
}

// A store whose commits take long: another process holds its lock, as a copy or a
// stalled disk would. Short, people wait and are served once; long, they are told,
// and nothing is written.
func TestASlowStoreDelaysOrStopsActsAndNeverDoublesThem(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{File: true, People: 2})
	quick, late := w.People[0], w.People[1]
	a, b := approved(t, quick, "reset"), approved(t, late, "reset")
	other, err := sql.Open("sqlite", "file:"+w.Data+"/latchkey.db?_pragma=busy_timeout(10000)")
	world.Must(t, err)
	defer other.Close()
	conn, err := other.Conn(t.Context())
	world.Must(t, err)
	defer conn.Close()
	hold := func() {
		t.Helper()
		_, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
		world.Must(t, err)
	}
	release := func() {
		t.Helper()
		_, err := conn.ExecContext(t.Context(), "ROLLBACK")
		world.Must(t, err)
	}

	hold()
	answered := make(chan error, 1)
	go func() {
		done, err := quick.Phone.Execute(t.Context(), a.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		if err == nil && done.Request.State != "done" {
			err = errors.New(done.Request.State)
		}
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("answered while the store was held: %v", err)
	case <-time.After(2 * time.Second): // the time is what is tested
	}
	if w.KeyVersion(quick) != quick.KeyVersionBefore {
		t.Error("the directory was written before the intent was stored")
	}
	release()
	if err := <-answered; err != nil {
		t.Errorf("after two seconds: %v", err)
	}

	hold()
	check := unchanged(t, w, late)
	_, err = late.Phone.Execute(t.Context(), b.ID, phone.Fields{"password": "Harbour-Lantern-2"})
	refused(t, err, 503, "store.unavailable")
	check()
	release()
	soon(t, 30*time.Second, "the second reset", func() bool {
		done, err := late.Phone.Execute(t.Context(), b.ID, phone.Fields{"password": "Harbour-Lantern-2"})
		return err == nil && done.Request.State == "done"
	})
	for _, p := range w.People {
		if wrote := w.KeyVersion(p) - p.KeyVersionBefore; wrote != 1 {
			t.Errorf("%s: %d password writes", p.Account, wrote)
		}
	}
}

// filesLimit reads or sets how many files the server may have open.
func filesLimit(t *testing.T, pid int, set, old *syscall.Rlimit) {
	t.Helper()
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE,
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// Without a file descriptor to spare nobody new gets in, whoever is in is served
// whole or told so, and everything goes on once there are some.
func TestWithoutFileDescriptorsNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 2})
	typed, locked := w.People[0], w.People[1]
	r := approved(t, typed, "reset")
	lock(w, locked)
	world.Must(t, locked.Phone.SignIn(t.Context()))
	w.DC.Inject(minidc.CloseBefore().Times(3)) // so that the directory needs a new connection

	var usual syscall.Rlimit
	filesLimit(t, w.PID(), nil, &usual)
	filesLimit(t, w.PID(), &syscall.Rlimit{Cur: 3, Max: usual.Max}, nil)
	check := unchanged(t, w, typed)
	_, err := typed.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
	var p *phone.Problem
	if !errors.As(err, &p) || p.Status != 503 {
		t.Errorf("answered %v", err)
	} else {
		translated(t, p.Code)
	}
	check()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := w.NewPhone().SignIn(ctx); err == nil {
		t.Error("a new connection was served without a descriptor")
	}

	filesLimit(t, w.PID(), &usual, nil)
	soon(t, 60*time.Second, "the reset", func() bool {
		done, err := typed.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		return err == nil && done.Request.State == "done"
	})
	world.Must(t, w.NewPhone().Call(t.Context(), "GET", "/api/info", nil, nil))
	soon(t, 60*time.Second, "the unlock", func() bool {
		done, err := locked.Phone.Submit(t.Context(), "unlock")
		return err == nil && done.State == "done" && w.LockoutTime(locked) == 0
	})
	if wrote := w.KeyVersion(typed) - typed.KeyVersionBefore; wrote != 1 {
		t.Errorf("%d password writes", wrote)
	}
}
