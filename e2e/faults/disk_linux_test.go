package faults

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// disk is one that stops taking writes, and takes them again.
type disk struct {
	name string
	// mount returns the server's data directory; "" for the usual one.
	mount func(t *testing.T) string
	fail  func(t *testing.T, w *world.World) (repair func())
}

var disks = []disk{
	{"full", smallDisk, fillUp},
	{"failing", func(*testing.T) string { return "" }, failWrites},
}

// smallDisk is a file system of our own.
func smallDisk(t *testing.T) string {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("no file system of our own: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillUp leaves no byte on the data directory's disk.
func fillUp(t *testing.T, w *world.World) func() {
	t.Helper()
	path := filepath.Join(w.Data, "ballast")
	f, err := os.Create(path)
	world.Must(t, err)
	defer f.Close()
	for _, size := range []int{64 << 10, 1} {
		block := make([]byte, size)
		for err = nil; err == nil; _, err = f.Write(block) {
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return func() { world.Must(t, os.Remove(path)) }
}

// failWrites lets the server's process write to no file, as a disk does that
// fails or turned read-only under it.
func failWrites(t *testing.T, w *world.World) func() {
	t.Helper()
	var usual syscall.Rlimit
	limit(t, w.PID(), nil, &usual)
	limit(t, w.PID(), &syscall.Rlimit{Cur: 0, Max: usual.Max}, nil)
	return func() { limit(t, w.PID(), &usual, nil) }
}

func limit(t *testing.T, pid int, set, old *syscall.Rlimit) {
	t.Helper()
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// Without a store there is no act: every step stops before the directory is
// written, and goes on by itself when there is room.
func TestADiskThatTakesNothingStopsEveryActBeforeTheDirectory(t *testing.T) {
	t.Parallel()
	for _, d := range disks {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, world.Options{File: true, People: 3, Data: d.mount(t)})
			typed, locked, fresh := w.People[0], w.People[1], w.People[2]
			r := approved(t, typed, "reset")
			body := phone.Fields{"password": "Harbour-Lantern-1"}
			lock(w, locked)
			world.Must(t, locked.Phone.SignIn(t.Context()))
			link := w.Invite(fresh.Account)
			checks := []func(){unchanged(t, w, typed), unchanged(t, w, locked), unchanged(t, w, fresh)}
			before := w.DC.Counters()

			repair := d.fail(t, w)
			full := func(err error) { t.Helper(); refused(t, err, 503, "store.unavailable") }
			full(w.NewPhone().SignIn(t.Context()))
			_, err := typed.Phone.Execute(t.Context(), r.ID, body)
			full(err)
			_, err = locked.Phone.Submit(t.Context(), "unlock")
			full(err)
			_, err = w.NewPhone().ProvePassword(t.Context(), link, fresh.Password)
			full(err)
			// What is only read is still there.
			world.Must(t, locked.Phone.Call(t.Context(), "GET", "/api/me", nil, nil))
			for _, check := range checks {
				check()
			}
			if now := w.DC.Counters(); now.Modifies != before.Modifies || now.BadBinds != before.BadBinds {
				t.Error("the directory was touched")
			}

			repair()
			done, err := typed.Phone.Execute(t.Context(), r.ID, body)
			if err != nil || done.Request.State != "done" {
				t.Errorf("with room again: %+v, %v", done.Request, err)
			}
			unlocked, err := locked.Phone.Submit(t.Context(), "unlock")
			if err != nil || unlocked.State != "done" || w.LockoutTime(locked) != 0 {
				t.Errorf("with room again: %+v, %v", unlocked, err)
			}
			world.Must(t, w.NewPhone().Enrol(t.Context(), link, fresh.Password))
		})
	}
}

// The disk that fails between the write and its outcome loses neither: the outcome
// is carried until there is room.
func TestADiskThatFailsDuringAWriteLosesNoOutcome(t *testing.T) {
	t.Parallel()
	for _, d := range disks {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, world.Options{File: true, People: 1, Data: d.mount(t)})
			losesNoOutcome(t, w, func() func() { return d.fail(t, w) })
		})
	}
}

// A database that can't be written is refused at start, by name, and nobody is
// half served; made writable again, it goes on where it was.
func TestAReadOnlyDatabaseIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{File: true, People: 1, Data: smallDisk(t)})
	p := w.People[0]
	check := unchanged(t, w, p)
	world.Must(t, w.Terminate())
	remount := func(flags uintptr) { world.Must(t, syscall.Mount("", w.Data, "", syscall.MS_REMOUNT|flags, "")) }
	remount(syscall.MS_RDONLY)
	out, err := w.Command("serve", "--config", w.Config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "read-only") {
		t.Errorf("it started: %v, %s", err, out)
	}
	check()
	remount(0)
	w.Start()
	reset(t, w, p, "Harbour-Lantern-1")
}
