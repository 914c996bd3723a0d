//go:build linux

package afternoon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// busEnv names the socket that the machine's systemctl speaks to.
const busEnv = "LATCHKEY_AFTERNOON_BUS"

// services stands in for systemd, which runs only as the first process of a whole
// system. It reads the same unit files, and starts, reloads and stops what they say
// as the user that they say. Not tried by it: that the unit comes up with the machine
// (WantedBy), Restart, and the sandbox (ProtectSystem, ProtectHome, PrivateTmp,
// NoNewPrivileges); systemd's own `systemd-analyze verify` reads all of it at
// `daemon-reload`.
type services struct {
	bus     string
	mu      sync.Mutex
	running map[string]*running
	log     log
	ran     []string // command lines of units
}

type running struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// log keeps what services write.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (s *services) logs() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	b := s.log.buf.Bytes()
	return string(b[max(0, len(b)-6000):])
}

// answersAt is where a service answers once it is up. A person who types the next
// line is slower than a program.
var answersAt = map[string]string{"latchkey": "127.0.0.1:8080", "caddy": "127.0.0.1:443"}

func newServices(t *testing.T) *services {
	t.Helper()
	s := &services{bus: filepath.Join(t.TempDir(), "bus"), running: map[string]*running{}}
	l, err := net.Listen("unix", s.bus)
	must(t, err)
	srv := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l)
	t.Cleanup(func() {
		srv.Close()
		for name := range s.running {
			s.stop(name)
		}
	})
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, "/usr/local/bin/systemctl"))
	return s
}

// systemctl hands its words over and ends as it is told.
func systemctl(args []string) int {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", os.Getenv(busEnv))
	}}}
	words, _ := json.Marshal(args)
	res, err := client.Post("http://bus/", "application/json", bytes.NewReader(words))
	if err != nil {
		fmt.Fprintln(os.Stderr, "systemctl:", err)
		return 1
	}
	defer res.Body.Close()
	io.Copy(os.Stderr, res.Body)
	if res.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func (s *services) serve(w http.ResponseWriter, r *http.Request) {
	var words []string
	err := json.NewDecoder(r.Body).Decode(&words)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		err = s.do(words)
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("systemctl %v: %v", words, err), http.StatusInternalServerError)
	}
}

func (s *services) do(words []string) error {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "--now" })
	if len(words) == 1 && words[0] == "daemon-reload" {
		return verifyUnits()
	}
	if len(words) != 2 {
		return fmt.Errorf("not known here")
	}
	name := words[1]
	switch words[0] {
	case "enable", "start":
		return s.start(name)
	case "stop":
		return s.stop(name)
	case "restart":
		if err := s.stop(name); err != nil {
			return err
		}
		return s.start(name)
	case "reload":
		u, err := readUnit(name)
		if err != nil {
			return err
		}
		s.ran = append(s.ran, u["ExecReload"])
		out, err := u.command("ExecReload").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	return fmt.Errorf("not known here")
}

// verifyUnits has systemd itself read the units that somebody wrote.
func verifyUnits() error {
	own, err := filepath.Glob("/etc/systemd/system/latchkey*.service")
	if err != nil || len(own) == 0 {
		return fmt.Errorf("no unit was written: %v", err)
	}
	out, err := exec.Command("systemd-analyze", append([]string{"verify"}, own...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "latchkey") {
		return fmt.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
	return nil
}

// unit is a service's [Service] section, by key.
type unit map[string]string

func readUnit(name string) (unit, error) {
	text, err := os.ReadFile("/etc/systemd/system/" + name + ".service")
	if err != nil {
		text, err = os.ReadFile("/lib/systemd/system/" + name + ".service")
	}
	if err != nil {
		return nil, err
	}
	u, section := unit{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if key, value, ok := strings.Cut(line, "="); ok && section == "[Service]" && !strings.HasPrefix(line, "#") {
			u[key] = value
		}
	}
	return u, nil
}

// command is what a line of the unit starts, as its user.
func (u unit) command(line string) *exec.Cmd {
	words := strings.Fields(u[line])
	if len(words) == 0 {
		return &exec.Cmd{Path: line, Err: fmt.Errorf("the unit has no %s", line)}
	}
	cmd := exec.Command(words[0], words[1:]...)
	who, err := user.Lookup(u["User"])
	if err != nil {
		cmd.Err = err
		return cmd
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(who.Gid, 10, 32)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=" + who.HomeDir, "USER=" + who.Username, "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if u["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE" {
		cmd.SysProcAttr.AmbientCaps = []uintptr{10} // linux/capability.h
	}
	return cmd
}

// start returns when the service answers.
func (s *services) start(name string) error {
	if s.running[name] != nil {
		return nil
	}
	u, err := readUnit(name)
	if err != nil {
		return err
	}
	cmd := u.command("ExecStart")
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		return err
	}
	r := &running{cmd: cmd, ended: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(r.ended)
	}()
	s.running[name], s.ran = r, append(s.ran, u["ExecStart"])
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for {
		if c, err := net.Dial("tcp", answersAt[name]); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-r.ended:
			delete(s.running, name)
			return fmt.Errorf("%s ended: %v", name, cmd.ProcessState)
		case <-late:
			return fmt.Errorf("%s does not answer at %s", name, answersAt[name])
		}
	}
}

func (s *services) stop(name string) error {
	r := s.running[name]
	if r == nil {
		return nil
	}
	delete(s.running, name)
	r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(time.Minute):
		r.cmd.Process.Kill()
		return fmt.Errorf("%s did not stop", name)
	}
	if name == "latchkey" && !r.cmd.ProcessState.Success() {
		return fmt.Errorf("%s ended with %v", name, r.cmd.ProcessState)
	}
	return nil
}
