//go:build linux

package afternoon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/e2e/samba"
	"github.com/latchkey/latchkey/e2e/world"
)

// inside names the directory of the machine's files in the environment of the test
// process that runs on it.
const inside = "LATCHKEY_AFTERNOON"

// TestMain runs the tests on a machine of their own: this program starts itself
// again, as the first process of new namespaces. Everything on the machine ends
// with it. It is also the machine's systemctl.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "systemctl":
		os.Exit(systemctl(os.Args[1:]))
	case os.Getenv(inside) != "":
		status := m.Run()
		postgres.StopShared()
		os.Exit(status)
	case samba.Available() != nil:
		os.Exit(m.Run()) // what needs the machine says what is missing
	}
	os.Exit(enter())
}

func enter() int {
	product, err := world.Binary() // here: the machine has no way to any module
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer world.RemoveBinary()
	// On a disk, as a machine's own: the tests' directory may lie in memory.
	dir, err := os.MkdirTemp("/var/tmp", "latchkey-afternoon-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	return again(dir, product)
}

func again(dir, product string) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inside+"="+dir, "LATCHKEY_BINARY="+product)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL,
	}
	runtime.LockOSThread() // the signal of the parent's death is that of the thread's
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a machine of our own (root and its capabilities are needed):", err)
		return 1
	}
	return 0
}

// machine is a server as its owner got it: Debian's files, and nothing of Latchkey.
type machine struct {
	t        *testing.T
	dir      string // where the owner types
	services *services
	typed    map[string]string // what is typed where a block waits for input, by a text in it
	replaced []replacement
	ran      map[string]bool // blocks, by where they stand
	lines    []string        // every command that ran
}

// replacement is a text of the pages that is another one here, and why.
type replacement struct {
	page, old, new, why string
	used                bool
}

// newMachine mounts files of its own over the real machine's, which nobody outside
// sees. It can be called once.
func newMachine(t *testing.T) *machine {
	t.Helper()
	samba.Require(t)
	postgres.Require(t)
	requirePrograms(t)
	root := os.Getenv(inside)
	own := filepath.Join(root, "own")
	must(t, os.MkdirAll(own, 0o755))
	must(t, os.Chmod(root, 0o755)) // services of other users reach what is below
	mount := func(source, target, kind string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
			t.Fatalf("mount %s: %v", target, err)
		}
	}
	mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE)
	mount("proc", "/proc", "proc", 0)
	m := &machine{t: t, dir: filepath.Join(own, "home"), typed: map[string]string{}, ran: map[string]bool{}}
	for _, place := range []string{"/etc", "/var/lib", "/var/backups", "/usr/local/bin", "/mnt"} {
		copied := filepath.Join(own, strings.ReplaceAll(place[1:], "/", "-"))
		must(t, os.Mkdir(copied, 0o755))
		if place == "/etc" {
			output(t, "cp", "-a", "/etc/.", copied)
		}
		mount(copied, place, "", syscall.MS_BIND)
	}
	for _, dir := range []string{m.dir, filepath.Join(m.dir, "bin"), filepath.Join(own, "tmp"), "/var/lib/caddy"} {
		must(t, os.Mkdir(dir, 0o755))
	}
	output(t, "chown", "caddy:caddy", "/var/lib/caddy")
	must(t, os.Chmod(filepath.Join(own, "tmp"), 0o1777))
	t.Setenv("TMPDIR", filepath.Join(own, "tmp"))
	syscall.Umask(0o022)
	must(t, loopbackUp())
	m.services = newServices(t)
	return m
}

// requirePrograms skips the test where something is missing that tools/deps brings,
// and fails it where nothing may be.
func requirePrograms(t *testing.T) {
	t.Helper()
	var missing []string
	for _, file := range []string{"/usr/bin/caddy", "/usr/bin/curl", "/usr/bin/host", "/usr/bin/ldapsearch", "/usr/bin/systemd-analyze",
		"/usr/bin/xxd", "/etc/ssl/certs/ca-certificates.crt"} {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, file)
		}
	}
	if len(missing) > 0 && os.Getenv("CI") == "true" {
		t.Fatalf("not on this machine: %v: run tools/deps", missing)
	}
	if len(missing) > 0 {
		t.Skipf("not on this machine: %v: run tools/deps", missing)
	}
}

// loopbackUp is `ip link set lo up`.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var request [40]byte // struct ifreq, netdevice(7)
	copy(request[:], "lo")
	binary.NativeEndian.PutUint16(request[16:], syscall.IFF_UP|syscall.IFF_RUNNING)
	if _, _, no := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request[0]))); no != 0 {
		return no
	}
	return nil
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// replace remembers that a text of a page is another one here.
func (m *machine) replace(page, old, new, why string) {
	m.replaced = append(m.replaced, replacement{page: page, old: old, new: new, why: why})
}

// here is a block's text with the replacements of its page.
func (m *machine) here(b block) string {
	text := b.text
	for i := range m.replaced {
		if r := &m.replaced[i]; r.page == b.page && strings.Contains(text, r.old) {
			text = strings.ReplaceAll(text, r.old, r.new)
			r.used = true
		}
	}
	return text
}

// waitsFor finds what is typed into a block. Two prompts in one would share it.
func (m *machine) waitsFor(text string) string {
	m.t.Helper()
	var input []string
	for key, value := range m.typed {
		if strings.Contains(text, key) {
			input = append(input, value)
			delete(m.typed, key)
		}
	}
	if len(input) > 1 {
		m.t.Fatalf("this waits for input twice:\n%s", text)
	}
	return strings.Join(input, "")
}

// run types a block. Every line of it must succeed.
func (m *machine) run(t *testing.T, b block) string {
	t.Helper()
	text := m.here(b)
	out, err := m.shell(text, m.waitsFor(text))
	if err != nil && !onlyBusy(out, err) {
		t.Fatalf("%s: %v\n%s\nsays\n%s\n%s", b.where(), err, text, out, m.services.logs())
	}
	m.ran[b.where()] = true
	m.lines = append(m.lines, commands(b.text)...)
	return out
}

// line types one line that stands in no block.
func (m *machine) line(t *testing.T, line string) string {
	t.Helper()
	out, err := m.shell(line, "")
	if err != nil && !onlyBusy(out, err) {
		t.Fatalf("%s: %v\n%s\n%s", line, err, out, m.services.logs())
	}
	m.lines = append(m.lines, line)
	return out
}

// typingTime is more than anything of the pages takes on a busy machine.
const typingTime = 3 * time.Minute

// shell is root's, with no terminal: prompts read what is typed.
func (m *machine) shell(text, input string) (string, error) {
	cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", text)
	cmd.Dir, cmd.Stdin = m.dir, strings.NewReader(input)
	cmd.Env = []string{"HOME=" + m.dir, "USER=root", "LANG=C.UTF-8", "TMPDIR=" + os.Getenv("TMPDIR"),
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", busEnv + "=" + m.services.bus}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	late := time.AfterFunc(typingTime, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	err := cmd.Run()
	return out.String(), err
}
