package faults

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/e2e/world"
)

// departures are how a PostgreSQL server goes: stopped by an administrator, or at once.
var departures = map[string]func(*postgres.Cluster){"stopped": (*postgres.Cluster).Halt, "killed": (*postgres.Cluster).Kill}

// Taken away between the approval and the execution: nothing is written in the
// directory while it is gone, and whoever taps again is served once.
func TestPostgreSQLThatIsGoneStopsEveryActBeforeTheDirectory(t *testing.T) {
	t.Parallel()
	for name, leave := range departures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := postgres.Start(t)
			w := open(t, world.Options{People: 2, Managers: 2, Cluster: cluster, Settings: map[string]any{"policies": world.ByManager(nil)}})
			typed, locked := w.People[0], w.People[1]
			r := waiting(t, typed)
			world.Must(t, typed.Manager.Phone.SignIn(t.Context()))
			_, err := typed.Manager.Phone.Approve(t.Context(), r.ID, "")
			world.Must(t, err)
			body := phone.Fields{"password": "Harbour-Lantern-1"}
			lock(w, locked)
			world.Must(t, locked.Phone.SignIn(t.Context()))
			checks := []func(){unchanged(t, w, typed), unchanged(t, w, locked)}
			before := w.DC.Counters()

			leave(cluster)
			gone := func(err error) { t.Helper(); refused(t, err, 503, "store.unavailable") }
			_, err = typed.Phone.Execute(t.Context(), r.ID, body)
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

			world.Must(t, cluster.Run())
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
		})
	}
}

// Taken away while the controller writes: the outcome waits for it, and the act goes on
// by itself, without a second write.
func TestPostgreSQLThatGoesDuringAWriteLosesNoOutcome(t *testing.T) {
	t.Parallel()
	for name, leave := range departures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := postgres.Start(t)
			w := open(t, world.Options{People: 1, Cluster: cluster})
			p := w.People[0]
			r := approved(t, p, "reset")
			before := w.DC.Counters()
			clear := w.DC.Inject(minidc.Slow(time.Second).On(minidc.OpModify))
			answered := make(chan error, 1)
			go func() {
				done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
				if err == nil && done.Request.State != "done" {
					err = errors.New(done.Request.State)
				}
				answered <- err
			}()
			soon(t, 10*time.Second, "the write", func() bool { return w.DC.Counters().Faults > before.Faults })
			leave(cluster)
			soon(t, 20*time.Second, "the outcome", func() bool { return bytes.Contains(w.Log(), []byte("outcome waits for the store")) })
			world.Must(t, cluster.Run())
			clear()
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
		})
	}
}
