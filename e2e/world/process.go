package world

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/postgres"
)

// Main runs a package's tests, and removes the binary that they built. Call it
// from TestMain.
func Main(m *testing.M) {
	status := m.Run()
	postgres.StopShared()
	RemoveBinary()
	os.Exit(status)
}

// RemoveBinary removes what Binary has built. Main calls it.
func RemoveBinary() {
	if builtIn != "" {
		os.RemoveAll(builtIn)
	}
}

var builtIn string

// Binary builds the product as `./task build` does, once for this test process, or
// takes the one that LATCHKEY_BINARY names.
var Binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("LATCHKEY_BINARY"); path != "" {
		return path, nil
	}
	err := LookAtSources()
	if err != nil {
		return "", err
	}
	if builtIn, err = os.MkdirTemp("", "latchkey-e2e-"); err != nil {
		return "", err
	}
	path := filepath.Join(builtIn, "latchkey")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/latchkey/latchkey/cmd/latchkey")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// LookAtSources reads every folder that the binary is built from: `go test` keeps
// a result until something changes that the test itself has opened. Binary calls it.
func LookAtSources() error {
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find module: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		skip := d != nil && (d.Name() == "node_modules" || d.Name() == "e2e" || strings.HasPrefix(d.Name(), ".git"))
		if err == nil && d.IsDir() && skip {
			return fs.SkipDir
		}
		return err
	})
}

func (w *World) binary() string {
	w.T.Helper()
	path, err := Binary()
	Must(w.T, err)
	return path
}

// server is the running process.
type server struct {
	mu      sync.Mutex
	cmd     *exec.Cmd
	up      chan struct{} // closed while the server answers
	log     output
	stopped bool

	config, ready string // its files
}

// output keeps what a process writes, and may be read meanwhile.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.buf.Bytes())
}

// Log is all that the servers of this world have written.
func (w *World) Log() []byte { return append(w.server.log.bytes(), w.second.log.bytes()...) }

// LogTail is the end of it, for messages.
func (w *World) LogTail() string {
	b := w.Log()
	return string(b[max(0, len(b)-4000):])
}

// Start starts the server and waits until it answers. After Stop it does nothing.
func (w *World) Start() {
	w.T.Helper()
	w.StartServer(0)
}

// StartServer starts one of two.
func (w *World) StartServer(i int) {
	w.T.Helper()
	s := w.at(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	os.Remove(s.ready)
	s.cmd = exec.Command(w.binary(), "serve", "--config", s.config, "--ready", s.ready)
	s.cmd.Stderr = &s.log
	Must(w.T, s.cmd.Start())
	deadline := time.Now().Add(30 * time.Second)
	for {
		if _, err := os.Stat(s.ready); err == nil {
			break
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("the server did not start:\n%s", s.log.bytes())
		}
		time.Sleep(5 * time.Millisecond) // another process: its file is the event
	}
	close(s.up)
}

func (w *World) at(i int) *server { return []*server{&w.server, &w.second}[i] }

// Kill is kill -9.
func (w *World) Kill() {
	w.T.Helper()
	w.KillServer(0)
}

// KillServer kills one of two.
func (w *World) KillServer(i int) {
	w.T.Helper()
	s := w.at(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = make(chan struct{})
	Must(w.T, s.cmd.Process.Kill())
	s.cmd.Wait()
}

// Terminate asks the server to stop, waits, and returns how it ended.
func (w *World) Terminate() error {
	w.T.Helper()
	return w.TerminateServer(0)
}

// TerminateServer asks one of two.
func (w *World) TerminateServer(i int) error {
	w.T.Helper()
	s := w.at(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = make(chan struct{})
	Must(w.T, s.cmd.Process.Signal(syscall.SIGTERM))
	return s.cmd.Wait()
}

// Stop ends the servers for good.
func (w *World) Stop() {
	for i := range 2 {
		s := w.at(i)
		s.mu.Lock()
		s.stopped = true
		if s.cmd != nil && s.cmd.ProcessState == nil {
			s.cmd.Process.Kill()
			s.cmd.Wait()
		}
		s.mu.Unlock()
	}
}

// PID is the server's process.
func (w *World) PID() int {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	return w.server.cmd.Process.Pid
}

// WaitUp returns when a server answers, or ctx ends. Of two, one always does.
func (w *World) WaitUp(ctx context.Context) {
	if w.Front != nil {
		return
	}
	w.server.mu.Lock()
	up := w.server.up
	w.server.mu.Unlock()
	select {
	case <-up:
	case <-ctx.Done():
	}
}

// Command is a `latchkey` command that was not started yet.
func (w *World) Command(args ...string) *exec.Cmd {
	w.T.Helper()
	return exec.Command(w.binary(), args...)
}

// Latchkey runs a command, which must succeed, and returns what it said.
func (w *World) Latchkey(args ...string) string {
	w.T.Helper()
	out, err := w.Command(args...).CombinedOutput()
	if err != nil {
		w.T.Fatalf("latchkey %v: %v\n%s", args, err, out)
	}
	return string(out)
}
