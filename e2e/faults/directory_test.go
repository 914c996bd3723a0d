package faults

import (
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// patience is the configured time for one question to a controller. A step ends at
// the first silence (docs/operations.md); the rest is for a busy machine.
const (
	patience = time.Second
	longest  = patience + 3*time.Second
)

func impatient(o world.Options) world.Options {
	o.Settings = map[string]any{"directory": map[string]any{"timeout": patience.String()}}
	return o
}

// step is one thing that somebody does, prepared while the directory was well.
type step struct {
	name string
	// prepare returns the act; the account may be written to only by it.
	prepare func(t *testing.T, w *world.World, p *world.Person) func() error
}

var steps = []step{
	{"prove password", func(t *testing.T, w *world.World, p *world.Person) func() error {
		link, other := w.Invite(p.Account), w.NewPhone()
		return func() error { _, err := other.ProvePassword(t.Context(), link, p.Password); return err }
	}},
	{"sign in", func(t *testing.T, w *world.World, p *world.Person) func() error {
		body, err := p.Phone.Sign(t.Context(), signInBegin, phone.Fields{"remember": true})
		world.Must(t, err)
		return func() error { return p.Phone.Clone().Call(t.Context(), "POST", signInFinish, body, nil) }
	}},
	{"me", func(t *testing.T, w *world.World, p *world.Person) func() error {
		return func() error { return p.Phone.Call(t.Context(), "GET", "/api/me", nil, nil) }
	}},
	{"rules", func(t *testing.T, w *world.World, p *world.Person) func() error {
		return func() error { return p.Phone.Call(t.Context(), "GET", "/api/password-rules", nil, nil) }
	}},
	{"submit", func(t *testing.T, w *world.World, p *world.Person) func() error {
		return func() error { _, err := p.Phone.Submit(t.Context(), "unlock"); return err }
	}},
	{"begin proof", func(t *testing.T, w *world.World, p *world.Person) func() error {
		r, err := p.Phone.Submit(t.Context(), "one-time")
		world.Must(t, err)
		return func() error { _, err := p.Phone.Prove(t.Context(), r.ID); return err }
	}},
	{"finish proof", func(t *testing.T, w *world.World, p *world.Person) func() error {
		r, err := p.Phone.Submit(t.Context(), "one-time")
		world.Must(t, err)
		path := "/api/requests/" + r.ID + "/proof/"
		body, err := p.Phone.Sign(t.Context(), path+"begin", nil)
		world.Must(t, err)
		return func() error { return p.Phone.Call(t.Context(), "POST", path+"finish", body, nil) }
	}},
	{"execute", func(t *testing.T, w *world.World, p *world.Person) func() error {
		r := approved(t, p, "reset")
		return func() error {
			_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
			return err
		}
	}},
}

// outage takes a directory away and gives it back.
type outage struct {
	name  string
	begin func(t *testing.T, w *world.World) (end func())
}

var outages = []outage{
	{"down", func(t *testing.T, w *world.World) func() {
		u, err := url.Parse(w.LDAPS)
		world.Must(t, err)
		world.Must(t, w.DC.Close())
		return func() {
			_, err := w.DC.ListenLDAPS(u.Host)
			world.Must(t, err)
		}
	}},
	{"silent", func(_ *testing.T, w *world.World) func() { return w.DC.Inject(minidc.Silent()) }},
	{"too slow", func(_ *testing.T, w *world.World) func() { return w.DC.Inject(minidc.Slow(5 * patience)) }},
	{"not reading", func(_ *testing.T, w *world.World) func() { return w.DC.Inject(minidc.StopReading()) }},
	{"closing", func(_ *testing.T, w *world.World) func() { return w.DC.Inject(minidc.CloseBefore()) }},
}

// However the directory fails, every step says so in time, nothing is written,
// and the same person is helped as soon as it is back.
func TestAFailingDirectoryIsToldInTimeAtEachStep(t *testing.T) {
	t.Parallel()
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, impatient(world.Options{People: len(steps)}))
			var acts []func() error
			var checks []func()
			for i, s := range steps {
				p := w.People[i]
				if s.name != "prove password" {
					lock(w, p)
				}
				checks = append(checks, unchanged(t, w, p))
				acts = append(acts, s.prepare(t, w, p))
			}
			end := o.begin(t, w)
			var waiting sync.WaitGroup
			for i, s := range steps {
				waiting.Go(func() {
					began := time.Now()
					problem := refused(t, acts[i](), 503, "directory.unavailable")
					if took := time.Since(began); took > longest || problem.RetryAfter == 0 {
						t.Errorf("%s: told after %s, to try again in %d s", s.name, took.Round(time.Millisecond), problem.RetryAfter)
					}
				})
			}
			waiting.Wait()
			refusedAll(t, w)
			end()
			for _, check := range checks {
				check()
			}
			for i, p := range w.People[:2] { // proved and signed in anew
				reset(t, w, p, "Harbour-42-Dove!"+string(rune('a'+i)))
			}
		})
	}
}

// refusedAll: liveness is not readiness.
func refusedAll(t *testing.T, w *world.World) {
	t.Helper()
	stranger := w.NewPhone()
	world.Must(t, stranger.Call(t.Context(), "GET", "/healthz", nil, nil))
	refused(t, stranger.Call(t.Context(), "GET", "/readyz", nil, nil), 503, "server.not-ready")
}

// A directory that is slow, but within its time, is only slow.
func TestASlowDirectoryIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	defer w.DC.Inject(minidc.Slow(50 * time.Millisecond))()
	reset(t, w, w.People[0], "Harbour-Lantern-1")
}

// A lost answer is no answer: the request says so, and is settled by reading once
// the lease (30 s) is over, whether the write landed or not.
func TestALostAnswerIsSettledByReading(t *testing.T) {
	t.Parallel()
	w := open(t, impatient(world.Options{People: 4}))
	landed, missed, unlocked, silent := w.People[0], w.People[1], w.People[2], w.People[3]
	value := phone.Fields{"password": "Harbour-Lantern-1"}
	lose := func(p *world.Person, f minidc.Fault, kind string) phone.Request {
		clear := w.DC.Inject(f.On(minidc.OpModify).Times(1))
		defer clear()
		if kind == "unlock" {
			lock(w, p)
			world.Must(t, p.Phone.SignIn(t.Context()))
			r, err := p.Phone.Submit(t.Context(), kind)
			world.Must(t, err)
			return r
		}
		r := approved(t, p, kind)
		done, err := p.Phone.Execute(t.Context(), r.ID, value)
		world.Must(t, err)
		return done.Request
	}
	first := lose(landed, minidc.LoseAnswer(), "reset")
	second := lose(missed, minidc.CloseBefore(), "reset")
	third := lose(unlocked, minidc.LoseAnswer(), "unlock")
	began := time.Now()
	fourth := lose(silent, minidc.Silent(), "reset")
	if took := time.Since(began); took > longest {
		t.Errorf("told after %s", took)
	}
	for _, r := range []phone.Request{first, second, third, fourth} {
		if r.State != "unknown" {
			t.Fatalf("%s is %s", r.Kind, r.State)
		}
	}
	// Nobody writes on a guess meanwhile.
	_, err := missed.Phone.Execute(t.Context(), second.ID, value)
	refused(t, err, 409, "request.unsettled")

	state := func(p *world.Person, id string) string {
		r, err := p.Phone.Read(t.Context(), id)
		world.Must(t, err)
		return r.State
	}
	soon(t, time.Minute, "the settlement", func() bool {
		return state(landed, first.ID) == "done" && state(missed, second.ID) == "approved" && state(unlocked, third.ID) == "done" &&
			state(silent, fourth.ID) == "approved"
	})
	for p, id := range map[*world.Person]string{missed: second.ID, silent: fourth.ID} {
		done, err := p.Phone.Execute(t.Context(), id, value)
		if err != nil || done.Request.State != "done" {
			t.Errorf("after the settlement: %+v, %v", done.Request, err)
		}
	}
	for _, p := range []*world.Person{landed, missed, silent} {
		if wrote := w.KeyVersion(p) - p.KeyVersionBefore; wrote != 1 {
			t.Errorf("%s: the directory counted %d password writes", p.Account, wrote)
		}
	}
	if n := w.Writes(unlocked) - unlocked.WritesBefore; n != 1 || w.LockoutTime(unlocked) != 0 {
		t.Errorf("the directory counted %d unlocks", n)
	}
	log := w.Export()
	for _, id := range []string{first.ID, second.ID, third.ID, fourth.ID} {
		all := actions(t, log, id)
		wantLast(t, all, "execution.done")
	}
}
