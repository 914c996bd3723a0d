package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
)

// clockEnv names a file with how far the clock is from the machine's.
const clockEnv = "LATCHKEY_TEST_CLOCK"

// clockOf looks at the file each time. It knows no monotonic time, as after a jump.
func clockOf(file string) func() time.Time {
	if file == "" {
		return time.Now
	}
	return func() time.Time {
		text, _ := os.ReadFile(file)
		off, _ := time.ParseDuration(string(text))
		return time.Now().Round(0).Add(off)
	}
}

// The server's clock jumps three hours forward and then six back, as after a machine
// was asleep and its clock was set wrong: what was approved is written once or not at
// all, and people get on with a new request.
func TestAClockThatJumpsWritesNothingTwiceAndStopsNobodyForLong(t *testing.T) {
	dir := t.TempDir()
	clock := filepath.Join(dir, "clock")
	set := func(off string) { // whole or not at all
		must(t, os.WriteFile(clock+".new", []byte(off), 0o600))
		must(t, os.Rename(clock+".new", clock))
	}
	set("0s")
	dc, company := minidc.NewCompany(time.Now)
	t.Cleanup(func() { dc.Close() })
	at, err := dc.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	must(t, os.WriteFile(dir+"/ca.pem", dc.CAPEM(), 0o600))
	must(t, os.WriteFile(dir+"/password", []byte(company.ServicePassword), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	must(t, l.Close())
	in := installation{dir: dir, config: dir + "/latchkey.yaml", data: dir + "/data"}
	must(t, os.WriteFile(in.config, fmt.Appendf(nil, `
listen: 127.0.0.1:%s
public_url: http://localhost:%s
organisation: Brightwater Boats
data: %q
support: {name: Desk, phone: "1"}
passwords: {strength: 0}
directory: {controllers: [%q], ca_file: %q, read: {bind: %q, password_file: %q}}
policies: [{name: all, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey]}}]
`, port, port, in.data, at, dir+"/ca.pem", company.ServiceBind, dir+"/password"), 0o600))
	t.Setenv(clockEnv, clock)
	server := in.serve(t, "")
	person := company.People[0]
	out, err := process(t, "", "invite", "--config", in.config, person.Account).Output()
	must(t, err)
	link := "http" + strings.TrimSpace(string(out[strings.LastIndex(string(out), "http")+4:]))
	p, err := phone.New("http://localhost:" + port)
	must(t, err)
	must(t, p.Enrol(t.Context(), link, person.Password))
	writes := func() int { return dc.Counters().Writes[person.GUID] }
	approved := func() string {
		t.Helper()
		must(t, p.SignIn(t.Context()))
		r, err := p.Submit(t.Context(), "reset")
		must(t, err)
		if r.State == "draft" {
			r, err = p.Prove(t.Context(), r.ID)
			must(t, err)
		}
		return r.ID
	}
	write := func(id, value string) error {
		_, err := p.Execute(t.Context(), id, phone.Fields{"password": value})
		return err
	}

	for i, off := range []string{"3h", "-3h"} {
		before := writes()
		id := approved()
		set(off)
		if err := write(id, "Harbour-Lantern-1"+off); err == nil {
			if off == "3h" {
				t.Error("an approval of three hours ago was taken")
			}
		} else if problem := (*phone.Problem)(nil); !errors.As(err, &problem) || problem.Status >= 500 && problem.Code != "store.unavailable" {
			t.Errorf("%s: %v", off, err)
		} else if now := writes(); now != before {
			t.Errorf("%s: refused with %v, and written %d times", off, err, now-before)
		}
		before = writes()
		value := fmt.Sprintf("Quite-Another-%d-Value", i)
		id = approved()
		err := write(id, value)
		if problem := (*phone.Problem)(nil); errors.As(err, &problem) && problem.Code == "proof.missing" {
			_, err = p.Prove(t.Context(), id) // the request of before still stands, and another session proves anew
			must(t, err)
			err = write(id, value)
		}
		must(t, err)
		if now := writes(); now != before+1 {
			t.Errorf("%s: written %d times", off, now-before)
		}
	}
	must(t, server.Process.Signal(syscall.SIGTERM))
	must(t, server.Wait())
	log := dir + "/log.jsonl"
	for _, args := range [][]string{{"audit", "export", "--data", in.data, log}, {"audit", "verify", log}} {
		if out, err := process(t, "", args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", args, out)
		}
	}
}
