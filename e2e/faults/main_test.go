// Package faults holds what bad input and broken parts get, through the real
// server: a clear problem with a stable code that both catalogues translate, a
// directory in which nothing changed, and a log that verifies afterwards.
package faults

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

func TestMain(m *testing.M) { world.Main(m) }

// open starts a world whose log must verify at the end of the test. The server
// says everything that it ever says, as JSON.
func open(t *testing.T, o world.Options) *world.World {
	t.Helper()
	settings := map[string]any{"log": map[string]any{"level": "debug", "format": "json"}}
	for key, v := range o.Settings {
		settings[key] = v
	}
	o.Settings = settings
	w := world.New(t, o)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("server:\n%s", w.LogTail())
			return
		}
		w.Export()
	})
	return w
}

// refused fails unless err is this problem, in words that both catalogues have.
func refused(t *testing.T, err error, status int, code string) *phone.Problem {
	t.Helper()
	var problem *phone.Problem
	if !errors.As(err, &problem) {
		t.Errorf("%v is no problem, want %d %s", err, status, code)
		return &phone.Problem{}
	}
	if problem.Status != status || problem.Code != code {
		t.Errorf("refused with %d %s, want %d %s", problem.Status, problem.Code, status, code)
	}
	translated(t, problem.Code)
	return problem
}

// translated fails unless both catalogues have a text for the code.
func translated(t *testing.T, code string) {
	t.Helper()
	for _, catalogue := range catalogues() {
		if !bytes.Contains(catalogue, []byte("'e."+code+"':")) {
			t.Errorf("no text for %q", code)
		}
	}
}

var catalogues = sync.OnceValue(func() (all [][]byte) {
	for _, lang := range []string{"en.ts", "de.ts"} {
		var texts []byte
		for _, name := range []string{lang, "inside." + lang, "errors." + lang} {
			b, err := os.ReadFile(filepath.Join("..", "..", "pwa", "src", "i18n", name))
			if err != nil {
				panic(err)
			}
			texts = append(texts, b...)
		}
		all = append(all, texts)
	}
	return all
})

// state is what a write would change, in the directory's own words.
type state struct {
	keyVersion, lockout int64
	passwordSet         string
	writes              int
}

func stateOf(w *world.World, p *world.Person) state {
	return state{w.KeyVersion(p), w.LockoutTime(p), strings.Join(w.DC.Get(p.DN, "pwdLastSet"), ","), w.Writes(p)}
}

// unchanged remembers an account; calling the result holds it to that.
func unchanged(t *testing.T, w *world.World, p *world.Person) func() {
	t.Helper()
	before := stateOf(w, p)
	return func() {
		t.Helper()
		if now := stateOf(w, p); now != before {
			t.Errorf("%s changed in the directory: %+v, was %+v", p.Account, now, before)
		}
	}
}

// approved signs in and takes a request as far as its last step.
func approved(t *testing.T, p *world.Person, kind string) phone.Request {
	t.Helper()
	world.Must(t, p.Phone.SignIn(t.Context()))
	r, err := p.Phone.Submit(t.Context(), kind)
	world.Must(t, err)
	if r.State == "draft" {
		r, err = p.Phone.Prove(t.Context(), r.ID)
		world.Must(t, err)
	}
	if r.State != "approved" {
		t.Fatalf("%s is %s", kind, r.State)
	}
	return r
}

// losesNoOutcome takes the store away, by fail, while the controller holds the write of a
// new password, and gives it back by what that returns once the outcome waits for it: the
// act goes on by itself, and writes once.
func losesNoOutcome(t *testing.T, w *world.World, fail func() (back func())) {
	t.Helper()
	p := w.People[0]
	r := approved(t, p, "reset")
	before := w.DC.Counters()
	letGo := make(chan struct{})
	w.DC.Inject(minidc.Held(letGo).On(minidc.OpModify).Times(1))
	answered := make(chan error, 1)
	go func() {
		done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		if err == nil && done.Request.State != "done" {
			err = errors.New(done.Request.State)
		}
		answered <- err
	}()
	soon(t, 10*time.Second, "the write", func() bool { return w.DC.Counters().Faults > before.Faults })
	back := fail()
	close(letGo)
	soon(t, 10*time.Second, "the outcome", func() bool { return bytes.Contains(w.Log(), []byte("outcome waits for the store")) })
	back()
	if err := <-answered; err != nil {
		t.Errorf("the person was told %v", err)
	}
	if wrote := w.KeyVersion(p) - p.KeyVersionBefore; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
	if asked := w.DC.Counters().Modifies - before.Modifies; asked != 1 {
		t.Errorf("the directory was asked for %d changes", asked)
	}
	wantLast(t, actions(t, w.Export(), r.ID), "execution.done")
}

// stopsBeforeTheDirectory takes the store away, by fail, between the approval of typed's
// new password, the request r, and its execution, and before locked asks for an unlock:
// both are told so, and the directory is asked for nothing; back again, both are served.
func stopsBeforeTheDirectory(t *testing.T, w *world.World, typed, locked *world.Person, r phone.Request, fail func() (back func())) {
	t.Helper()
	body := phone.Fields{"password": "Harbour-Lantern-1"}
	lock(w, locked)
	world.Must(t, locked.Phone.SignIn(t.Context()))
	checks := []func(){unchanged(t, w, typed), unchanged(t, w, locked)}
	before := w.DC.Counters()

	back := fail()
	gone := func(err error) { t.Helper(); refused(t, err, 503, "store.unavailable") }
	_, err := typed.Phone.Execute(t.Context(), r.ID, body)
	gone(err)
	_, err = locked.Phone.Submit(t.Context(), "unlock")
	gone(err)
	gone(w.NewPhone().SignIn(t.Context()))
	for _, check := range checks {
		check()
	}
	if now := w.DC.Counters(); now.Modifies != before.Modifies {
		t.Errorf("the directory was asked for %d changes", now.Modifies-before.Modifies)
	}

	back()
	done, err := typed.Phone.Execute(t.Context(), r.ID, body)
	if err != nil || done.Request.State != "done" {
		t.Errorf("back again: %+v, %v", done.Request, err)
	}
	unlocked, err := locked.Phone.Submit(t.Context(), "unlock")
	if err != nil || unlocked.State != "done" || w.LockoutTime(locked) != 0 {
		t.Errorf("back again: %+v, %v", unlocked, err)
	}
	if wrote := w.KeyVersion(typed) - typed.KeyVersionBefore; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
	if asked := w.DC.Counters().Modifies - before.Modifies; asked != 2 {
		t.Errorf("the directory was asked for %d changes, want the reset and the unlock", asked)
	}
	wantLast(t, actions(t, w.Export(), r.ID), "execution.done")
}

// reset goes the whole way, and fails unless the directory counted one write.
func reset(t *testing.T, w *world.World, p *world.Person, value string) {
	t.Helper()
	before := w.KeyVersion(p)
	r := approved(t, p, "reset")
	done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": value})
	if err != nil || done.Request.State != "done" {
		t.Fatalf("reset: %+v, %v", done.Request, err)
	}
	if wrote := w.KeyVersion(p) - before; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
}

// soon waits for something of another process, as a page does: by asking again.
func soon(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about within %s", what, within)
		}
		time.Sleep(min(max(20*time.Millisecond, within/60), time.Second)) // the limits count these, too
	}
}

// actions lists what the log says about a request, in order.
func actions(t *testing.T, file, request string) (all []string) {
	t.Helper()
	for _, e := range events(t, file) {
		// Whether somebody could be told of it is no step of the request, and comes
		// when it comes.
		if e.Request == request && e.Action != "notice.failed" {
			all = append(all, e.Action)
		}
	}
	return all
}

func wantLast(t *testing.T, all []string, want string) {
	t.Helper()
	if len(all) == 0 || all[len(all)-1] != want {
		t.Errorf("the log says %v, and not %s in the end", all, want)
	}
}

func wantNone(t *testing.T, all []string, unwanted string) {
	t.Helper()
	if slices.Contains(all, unwanted) {
		t.Errorf("the log says %v", all)
	}
}

// lock locks an account a moment ago.
func lock(w *world.World, p *world.Person) {
	w.DC.Set(p.DN, "lockoutTime", filetime(time.Now()))
}

func filetime(at time.Time) string { return strconv.FormatInt(minidc.Filetime(at), 10) }

// has looks for a word in a list with commas.
func has(list, word string) bool { return slices.Contains(strings.Split(list, ","), word) }
