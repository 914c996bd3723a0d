// Package crash kills the real server at random, hundreds of times, and counts in
// the directory, not in Latchkey's own log, what was written.
package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
)

// world is a directory that outlives every crash, and a server that does not.
type world struct {
	t      *testing.T
	dc     *minidc.Server
	dir    string
	binary string
	config string
	url    string
	people []*person

	mu      sync.Mutex
	server  *exec.Cmd
	up      chan struct{} // closed while the server answers
	log     bytes.Buffer
	stopped bool
}

type person struct {
	account  string
	dn       string
	id       minidc.GUID
	password string // as the directory should have it, when known
	phone    *phone.Phone
	before   int64 // msDS-KeyVersionNumber at the start
	// writesBefore is the directory's count of writes at the start.
	writesBefore int
}

func newWorld(t *testing.T, people int) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), up: make(chan struct{})}
	w.binary = filepath.Join(w.dir, "latchkey")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", w.binary, "github.com/latchkey/latchkey/cmd/latchkey")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	w.dc = minidc.New(minidc.Config{})
	t.Cleanup(func() { w.dc.Close() })
	w.seed(people)
	w.configure()
	w.start()
	t.Cleanup(w.stop)
	w.enrol()
	return w
}

const (
	base      = "DC=corp,DC=example,DC=test"
	staff     = "OU=Staff," + base
	serviceDN = "CN=svc-latchkey,CN=Users," + base
	servicePW = "Service-Account-9!"
)

// seed makes people whose password history never stands in the way.
func (w *world) seed(n int) {
	w.dc.SetDomainPolicy(minidc.Policy{
		MinLength: 8, Complexity: true, LockoutThreshold: 5, LockoutDuration: time.Hour, ObservationWindow: time.Hour,
	})
	w.dc.AddOU(staff)
	w.dc.AddUser(minidc.User{Name: "svc-latchkey", Account: "svc-latchkey", Password: servicePW})
	w.dc.Delegate(serviceDN, staff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet)
	for i := range n {
		p := &person{account: fmt.Sprintf("p%03d", i), password: fmt.Sprintf("Start-Value-%03d!", i)}
		p.dn = "CN=" + p.account + "," + staff
		p.id = w.dc.AddUser(minidc.User{Name: p.account, Parent: staff, Account: p.account, Password: p.password, GivenName: p.account})
		w.people = append(w.people, p)
	}
}

func (w *world) configure() {
	ldaps, err := w.dc.ListenLDAPS("127.0.0.1:0")
	must(w.t, err)
	ca := filepath.Join(w.dir, "ca.pem")
	must(w.t, os.WriteFile(ca, w.dc.CAPEM(), 0o600))
	secret := filepath.Join(w.dir, "password")
	must(w.t, os.WriteFile(secret, []byte(servicePW), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	w.url = "http://localhost:" + port
	act := map[string]any{"prove": []string{"passkey"}}
	text, err := json.Marshal(map[string]any{
		"listen": "127.0.0.1:" + port, "public_url": w.url, "organisation": "Crash", "limit_factor": 1000, "data": filepath.Join(w.dir, "data"),
		"support": map[string]any{"name": "Desk", "phone": "1"}, "passwords": map[string]any{"strength": 0},
		"directory": map[string]any{
			"controllers": []string{ldaps}, "ca_file": ca, "read": map[string]any{"bind": "CORP\\svc-latchkey", "password_file": secret},
		},
		"policies": []any{map[string]any{
			"name": "all", "who": map[string]any{"everyone": true}, "unlock": act, "reset": act, "change": act, "one-time": act,
		}},
	})
	must(w.t, err)
	w.config = filepath.Join(w.dir, "latchkey.yaml")
	must(w.t, os.WriteFile(w.config, text, 0o600))
}

// start starts the server and waits until it answers.
func (w *world) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	ready := filepath.Join(w.dir, "ready.json")
	os.Remove(ready)
	w.server = exec.Command(w.binary, "serve", "--config", w.config, "--ready", ready)
	w.server.Stderr = &w.log
	must(w.t, w.server.Start())
	deadline := time.Now().Add(30 * time.Second)
	for {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the server did not start:\n%s", tail(w.log.Bytes()))
		}
		time.Sleep(5 * time.Millisecond) // another process: its file is the event
	}
	close(w.up)
}

// kill is kill -9, and a start right after it.
func (w *world) kill() {
	w.mu.Lock()
	w.up = make(chan struct{})
	must(w.t, w.server.Process.Kill())
	w.server.Wait()
	w.log.Reset()
	w.mu.Unlock()
	w.start()
}

func (w *world) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.server != nil && w.server.ProcessState == nil {
		w.server.Process.Kill()
		w.server.Wait()
	}
}

// waitUp returns when a server answers, or ctx ends.
func (w *world) waitUp(ctx context.Context) {
	w.mu.Lock()
	up := w.up
	w.mu.Unlock()
	select {
	case <-up:
	case <-ctx.Done():
	}
}

func (w *world) latchkey(args ...string) string {
	w.t.Helper()
	out, err := exec.Command(w.binary, args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("latchkey %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (w *world) enrol() {
	for _, p := range w.people {
		out := w.latchkey("invite", "--config", w.config, p.account)
		i := bytes.Index([]byte(out), []byte("http://"))
		if i < 0 {
			w.t.Fatal(out)
		}
		var err error
		p.phone, err = phone.New(w.url)
		must(w.t, err)
		link, _, _ := bytes.Cut([]byte(out[i:]), []byte("\n"))
		if err := p.phone.Enrol(w.t.Context(), string(link), p.password); err != nil {
			w.t.Fatalf("enrol %s: %v\n%s", p.account, err, tail(w.log.Bytes()))
		}
		p.before, p.writesBefore = w.keyVersion(p), w.writes(p)
	}
}

func (w *world) keyVersion(p *person) int64 {
	v := w.dc.Get(p.dn, "msDS-KeyVersionNumber")
	if len(v) != 1 {
		w.t.Fatalf("key version of %s: %v", p.account, v)
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	must(w.t, err)
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

// writes is how often the directory changed the account, by its own count.
func (w *world) writes(p *person) int { return w.dc.Counters().Writes[p.id] }
