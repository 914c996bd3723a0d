package operate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// event is what a test reads of one in the exported log.
type event struct {
	Action  string         `json:"action"`
	Actor   string         `json:"actor"`
	Outcome string         `json:"outcome"`
	Detail  map[string]any `json:"detail"`
}

func events(t *testing.T, w *world.World, action string) (all []event) {
	t.Helper()
	text, err := os.ReadFile(w.Export())
	world.Must(t, err)
	for line := range bytes.Lines(text) {
		var n struct {
			Event event `json:"event"`
		}
		world.Must(t, json.Unmarshal(line, &n))
		if n.Event.Action == action {
			all = append(all, n.Event)
		}
	}
	return all
}

func hash(t *testing.T, w *world.World) string {
	t.Helper()
	text, err := os.ReadFile(w.Config)
	world.Must(t, err)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// only lets people do these kinds.
func only(kinds ...string) []any {
	policy := map[string]any{"name": "some", "who": map[string]any{"everyone": true}}
	for _, k := range kinds {
		policy[k] = map[string]any{"prove": []string{"passkey"}}
	}
	return []any{policy}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var p *phone.Problem
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}

func organisation(t *testing.T, p *phone.Phone) string {
	t.Helper()
	var about struct {
		Organisation string `json:"organisation"`
	}
	world.Must(t, p.Call(t.Context(), "GET", "/api/info", nil, &about))
	return about.Organisation
}

// What can change changes, for the next request already, and the log says it.
func TestAReloadChangesWhatRunsWithoutARestart(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{People: 2})
	p := w.People[0]
	before := hash(t, w)
	world.Must(t, p.Phone.SignIn(t.Context()))
	w.Configure(map[string]any{
		"organisation": "World and Sons", "policies": only("unlock"), "log": map[string]any{"level": "debug"},
		"passwords": map[string]any{"strength": 4}, "sessions": map[string]any{"idle": "1h"},
		"directory": map[string]any{"protected_ous": []string{"OU=Tier0," + world.Base}},
	})
	if said := w.Latchkey("reload", "--data", w.Data); !strings.Contains(said, "organisation") || !strings.Contains(said, hash(t, w)) {
		t.Errorf("said %q", said)
	}
	if now := organisation(t, p.Phone); now != "World and Sons" {
		t.Errorf("the page says %q", now)
	}
	_, err := p.Phone.Submit(t.Context(), "reset")
	wantCode(t, err, "policy.not-allowed")

	w.Configure(map[string]any{"policies": only("unlock", "reset"), "directory": map[string]any{"protected_ous": []string{world.Staff}}})
	w.Latchkey("reload", "--config", w.Config)
	_, err = p.Phone.Submit(t.Context(), "reset")
	wantCode(t, err, "account.protected")
	second := hash(t, w)

	w.Configure(map[string]any{"directory": map[string]any{"protected_ous": nil}})
	world.Must(t, syscall.Kill(w.PID(), syscall.SIGHUP))
	logged(t, w, hash(t, w))
	r, err := p.Phone.Submit(t.Context(), "reset")
	world.Must(t, err)
	_, err = p.Phone.Prove(t.Context(), r.ID)
	world.Must(t, err)
	_, err = p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Summer-2026-Lanterns"})
	wantCode(t, err, "password.rules")

	all := events(t, w, "configuration.reloaded")
	if len(all) != 3 {
		t.Fatalf("%d events", len(all))
	}
	for i, by := range []string{"command", "command", "signal"} {
		if e := all[i]; e.Detail["by"] != by || e.Actor != "operator" || e.Outcome != "ok" || e.Detail["previous"] != before {
			t.Errorf("event %d: %+v", i, e)
		}
		before, _ = all[i].Detail["hash"].(string)
	}
	if all[1].Detail["hash"] != second || before != hash(t, w) {
		t.Error("the events name other hashes than the files have")
	}
}

// A broken file, and one that needs a restart, change nothing at all.
func TestAFileThatCannotCountChangesNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{People: 1})
	p := w.People[0]
	world.Must(t, p.Phone.SignIn(t.Context()))
	good, err := os.ReadFile(w.Config)
	world.Must(t, err)
	for _, c := range []struct {
		name  string
		more  map[string]any
		words []string
	}{
		{"two mistakes", map[string]any{"organisation": "Other", "limit_factor": 0, "log": map[string]any{"level": "loud"}},
			[]string{w.Config + ":1:", "limit_factor: 0 is out of range", `log.level: "loud" is not known`}},
		{"needs a restart", map[string]any{"organisation": "Other", "listen": "127.0.0.1:1", "log": map[string]any{"format": "json"}},
			[]string{"nothing was changed: listen, log.format need a restart"}},
		{"secret that is not there", map[string]any{"directory": map[string]any{"read": map[string]any{"password_file": "/nowhere"}}},
			[]string{"directory.read.password_file: read secret"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Configure(c.more)
			out, err := w.Command("reload", "--data", w.Data).CombinedOutput()
			if err == nil {
				t.Errorf("status 0")
			}
			for _, words := range append(c.words, "the server runs on with what it had") {
				if !strings.Contains(string(out), words) {
					t.Errorf("no %q in %s", words, out)
				}
			}
			mark := len(w.Log())
			world.Must(t, syscall.Kill(w.PID(), syscall.SIGHUP))
			soon(t, 20*time.Second, "a line in the log", func() bool {
				return bytes.Contains(w.Log()[mark:], []byte("configuration not reloaded, the old one stays"))
			})
			if now := organisation(t, p.Phone); now != "World" {
				t.Errorf("the page says %q", now)
			}
			world.Must(t, os.WriteFile(w.Config, good, 0o600))
			w.Configure(map[string]any{"organisation": "World", "limit_factor": 1000, "log": nil, "listen": "127.0.0.1" + w.URL[strings.LastIndex(w.URL, ":"):],
				"directory": map[string]any{"read": map[string]any{"password_file": w.Dir + "/password"}}})
		})
	}
	if all := events(t, w, "configuration.reloaded"); len(all) != 0 {
		t.Errorf("the log says %+v", all)
	}
	if out, err := w.Command("reload", "--data", t.TempDir()).CombinedOutput(); err == nil || !strings.Contains(string(out), "no server runs in") {
		t.Errorf("without a server: %v %s", err, out)
	}
}

// Forty reloads under people who work, one of them with a write that the
// directory is slow to answer: nobody notices.
func TestReloadsDropNoRequest(t *testing.T) {
	t.Parallel()
	const crowd, turns = 4, 4 // people take turns, or one would reach the limit of one
	w := world.New(t, world.Options{People: crowd*turns + 1, Stand: true})
	slow := w.People[crowd*turns]
	world.Must(t, slow.Phone.SignIn(t.Context()))
	r, err := slow.Phone.Submit(t.Context(), "reset")
	world.Must(t, err)
	_, err = slow.Phone.Prove(t.Context(), r.ID)
	world.Must(t, err)
	live, err := slow.Phone.Listen(t.Context())
	world.Must(t, err)
	defer live.Close()

	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	var calls atomic.Int64
	for first := range crowd {
		working.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				p := w.People[first+i%turns*crowd]
				if err := p.Phone.SignIn(t.Context()); err != nil {
					t.Errorf("%s: %v", p.Account, err)
					return
				}
				if err := p.Phone.Call(t.Context(), "GET", "/api/me", nil, nil); err != nil {
					t.Errorf("%s: %v", p.Account, err)
					return
				}
				calls.Add(2)
			}
		})
	}
	before := w.DC.Counters().Faults
	clear := w.DC.Inject(minidc.Slow(3 * time.Second).On(minidc.OpModify))
	answered := make(chan error, 1)
	go func() {
		done, err := slow.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		if err == nil && done.Request.State != "done" {
			err = errors.New(done.Request.State)
		}
		answered <- err
	}()
	soon(t, 20*time.Second, "the write", func() bool { return w.DC.Counters().Faults > before })
	for i := range 40 {
		w.Configure(map[string]any{"organisation": "World " + strings.Repeat("I", i+1)})
		w.Latchkey("reload", "--data", w.Data)
	}
	if err := <-answered; err != nil {
		t.Errorf("the slow write: %v", err)
	}
	clear()
	stop()
	working.Wait()
	if wrote := w.KeyVersion(slow) - slow.KeyVersionBefore; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
	for c := range live.Changes { // the stream was not cut, and tells of the outcome
		if c.Event == "request" && c.ID == r.ID {
			break
		}
	}
	t.Logf("%d calls during 40 reloads", calls.Load())
	if n := len(events(t, w, "configuration.reloaded")); n != 40 {
		t.Errorf("%d events of 40 reloads", n)
	}
}

// A certificate is looked at when the configuration is.
func TestAReloadLooksAtTheCertificate(t *testing.T) {
	t.Parallel()
	s := newSecure(t)
	w := world.New(t, s.options())
	serial := func() string { return s.serial(t) }
	first := serial()
	world.Must(t, s.authority.Write(s.certFile, s.keyFile, "localhost"))
	w.Latchkey("reload", "--data", w.Data)
	// When the command has ended, not when the files are looked at the next time. The
	// log says so too, but it comes through a pipe, which may be read later.
	if serial() == first {
		t.Error("the new certificate was not taken")
	}
	logged(t, w, "new certificate")
}
