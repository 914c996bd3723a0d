package workflow_test

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

func TestAFailingRequestHoldsUpNoOther(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.lock(bobGUID)
		bob := workflow.Actor{Account: bobGUID, Session: "session-bob"}
		w.signIn(w.ann)
		w.signIn(bob)
		w.submit(workflow.KindUnlock)
		if _, err := w.engine.Submit(w.ctx, bob, workflow.KindUnlock, ""); err != nil {
			t.Fatal(err)
		}
		w.dir.on(func(op string) error {
			if op == "account-on" {
				return errDown
			}
			return nil
		})
		time.Sleep(time.Minute)
		w.engine.Tick(w.ctx)
		if due, err := w.store.Due(w.ctx, time.Now(), 10); err != nil || len(due) != 0 {
			t.Fatalf("%v, %v stay due", err, due)
		}
	})
}

func TestAnUnlockedAccountIsWatched(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  []int // at each minute; the last one locks
		at   time.Duration
		want workflow.RelockCause
	}{
		{"at once", nil, 10 * time.Second, workflow.CauseDevice},
		{"evenly", []int{1, 2, 4}, 3*time.Minute + 30*time.Second, workflow.CauseDevice},
		{"in one burst", []int{0, 0, 0}, 3*time.Minute + 30*time.Second, workflow.CauseTyping},
		{"unevenly", []int{1, 1, 1}, 3*time.Minute + 30*time.Second, workflow.CauseTyping},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.lock(annGUID)
				w.signIn(w.ann)
				r := w.submit(workflow.KindUnlock)
				start := time.Now()
				for _, n := range c.bad {
					w.dir.edit(annGUID, func(a *ad.Account) { a.BadPasswords = n })
					time.Sleep(time.Minute)
					w.engine.Tick(w.ctx)
				}
				time.Sleep(time.Until(start.Add(c.at)))
				w.lock(annGUID)
				time.Sleep(time.Minute)
				w.engine.Tick(w.ctx)
				r = w.stored(r.ID)
				if r.Relocked == nil || r.Relocked.Cause != c.want || r.Relocked.BadPasswords != 5 {
					t.Fatalf("%+v, observed %+v", r.Relocked, r.Observed)
				}
				time.Sleep(time.Hour)
				w.engine.Tick(w.ctx)
				if w.store.count(audit.AccountRelocked) != 1 || w.store.told(annGUID, workflow.NoticeRelocked) != 1 || w.dir.written() != 1 {
					t.Fatal("told twice, or written")
				}
			})
		})
	}
}

func TestAWatchEndsAfterHalfAnHour(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		r := w.submit(workflow.KindUnlock)
		for range 31 {
			time.Sleep(time.Minute)
			w.engine.Tick(w.ctx)
		}
		w.lock(annGUID)
		time.Sleep(time.Hour)
		w.engine.Tick(w.ctx)
		if r = w.stored(r.ID); r.Relocked != nil || !r.Wake.IsZero() {
			t.Fatalf("%+v", r)
		}
	})
}

func TestAWatchMayBeSwitchedOff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.limits.Watch = -1
		w.engine = w.start(w.store, w.dir)
		w.lock(annGUID)
		w.signIn(w.ann)
		if r := w.stored(w.submit(workflow.KindUnlock).ID); r.State != workflow.Done || !r.Wake.IsZero() || !r.WatchUntil.IsZero() {
			t.Fatalf("%+v", r)
		}
	})
}

func TestRunStopsWithItsContext(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		ctx, stop := context.WithCancel(w.ctx)
		stopped := make(chan struct{})
		go func() { w.engine.Run(ctx); close(stopped) }()
		time.Sleep(11 * time.Minute)
		stop()
		<-stopped
		wantState(t, w.stored(r.ID), workflow.Expired)
	})
}
