package workflow_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// Two hundred members approve at once, on two servers: one of them does, and what
// was asked for happens once.
func TestOfManyApprovalsOneCounts(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindUnlock, workflow.KindReset} {
		t.Run(string(kind), func(t *testing.T) {
			underReview(t, bySecurity, "", func(w *world) {
				if kind == workflow.KindUnlock {
					w.lock(annGUID)
				}
				r := w.pending(kind)
				proofs := make([]enroll.Proof, 200)
				actors := []workflow.Actor{hal, ida}
				for i := range proofs {
					proofs[i] = w.signature(actors[i%2], r)
				}
				engines := []*workflow.Engine{w.engine, w.start(w.store, w.dir)}
				got, together := make(chan error, len(proofs)), w.atTheStore()
				for i, p := range proofs {
					go func() {
						_, err := engines[i/2%2].Approve(w.ctx, actors[i%2], r.ID, p)
						got <- err
					}()
				}
				together()
				won := 0
				for range proofs {
					switch err := <-got; {
					case err == nil:
						won++
					case !errors.Is(err, workflow.ErrReviewed):
						t.Error(err)
					}
				}
				after := w.stored(r.ID)
				if won != 1 || len(after.Reviews) != 1 || w.store.count(audit.RequestApproved) != 1 || w.store.told(annGUID, workflow.NoticeApproved) != 1 {
					t.Fatalf("%d approvals, %d reviews", won, len(after.Reviews))
				}
				if kind == workflow.KindUnlock {
					synctest.Wait()
					wantState(t, w.stored(r.ID), workflow.Done)
					if w.dir.written() != 1 {
						t.Fatalf("%d writes", w.dir.written())
					}
				}
			})
		})
	}
}

// atTheStore holds every update back until together is called: by then all have
// made their checks.
func (w *world) atTheStore() (together func()) {
	gate := make(chan struct{})
	w.store.before = func(op string) error {
		if op == "update" {
			<-gate
		}
		return nil
	}
	return func() {
		synctest.Wait()
		close(gate)
	}
}

// Approve, deny, cancel and the deadline at one moment: one of them is
// what happened, in the state, in the log and in what people are told.
func TestApproveAgainstDenyAgainstCancelAgainstDeadline(t *testing.T) {
	for round := range 60 {
		tier := bySecurity
		tier.Within = 4 * time.Minute
		underReview(t, tier, "", func(w *world) {
			r := w.pending(workflow.KindReset)
			p := w.signature(hal, r)
			late := round%2 == 0
			if late {
				time.Sleep(time.Until(r.Deadline))
			}
			steps := []func() error{
				func() error { _, err := w.engine.Approve(w.ctx, hal, r.ID, p); return err },
				func() error { _, err := w.engine.Deny(w.ctx, ida, r.ID, "unsure", ""); return err },
				func() error { _, err := w.engine.Cancel(w.ctx, w.ann, r.ID); return err },
				func() error { w.engine.Tick(w.ctx); return errDown },
			}
			together := w.atTheStore()
			var all sync.WaitGroup
			for i := range steps {
				all.Go(func() {
					if err := steps[(i+round)%len(steps)](); errors.Is(err, workflow.ErrTransition) {
						t.Errorf("found out by the table only: %v", err)
					}
				})
			}
			together()
			all.Wait()
			after := w.stored(r.ID)
			w.oneOutcome(t, after, late)
		})
	}
}

func (w *world) oneOutcome(t *testing.T, r workflow.Request, late bool) {
	t.Helper()
	ends := map[workflow.State]audit.Action{
		workflow.Denied: audit.ReviewDenied, workflow.Cancelled: audit.RequestCancelled, workflow.Expired: audit.RequestExpired,
	}
	approvals := w.store.count(audit.RequestApproved)
	n := 0
	for _, action := range ends {
		n += w.store.count(action)
	}
	switch {
	case late && r.State != workflow.Expired && r.State != workflow.Cancelled:
		t.Fatalf("%s after the deadline", r.State)
	case n != 1 && !(r.State == workflow.Approved && n == 0):
		t.Fatalf("%s with %d ends", r.State, n)
	case r.State != workflow.Approved && w.store.count(ends[r.State]) != 1:
		t.Fatalf("%s is not in the log", r.State)
	case approvals > 1 || approvals == 1 && r.State != workflow.Approved && r.State != workflow.Cancelled:
		t.Fatalf("%s with %d approvals", r.State, approvals)
	}
	w.dir.policy.MinAge = 0
	if _, err := w.execute(r); (err == nil) != (r.State == workflow.Approved) {
		t.Fatalf("%s: executed with %v", r.State, err)
	}
}

func TestAnApprovedUnlockIsExecutedByTheJobWhenTheProcessDies(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.lock(annGUID)
		r := w.pending(workflow.KindUnlock)
		p := w.signature(boss, r)
		w.dir.on(func(op string) error {
			if w.stored(r.ID).State == workflow.Approved {
				return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown)
			}
			return nil
		})
		seen, err := w.engine.Approve(w.ctx, boss, r.ID, p)
		if err != nil {
			t.Fatalf("an approval that counts is told as an error: %v", err)
		}
		wantState(t, seen.Request, workflow.Approved)
		w.dir.on(nil)
		time.Sleep(31 * time.Second)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Done)
	})
}

// The requester was told of the approval, and may look at no page any more.
func TestAnApprovedUnlockThatDoesNotHappenIsTold(t *testing.T) {
	for _, c := range []struct {
		name string
		back func(*world)
		want workflow.State
	}{
		{"the directory stays away", nil, workflow.Expired},
		{"switched off meanwhile", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Disabled = true }) }, workflow.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				w.lock(annGUID)
				r := w.pending(workflow.KindUnlock)
				p := w.signature(boss, r)
				w.dir.on(func(op string) error {
					if w.stored(r.ID).State == workflow.Approved {
						return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown)
					}
					return nil
				})
				if _, err := w.engine.Approve(w.ctx, boss, r.ID, p); err != nil {
					t.Fatal(err)
				}
				if w.store.told(annGUID, workflow.NoticeApproved) != 1 || w.store.told(annGUID, workflow.NoticeFailed) != 0 {
					t.Fatal("told too much, or not of the approval")
				}
				if c.back != nil {
					w.dir.on(nil)
					c.back(w)
				}
				for range 61 {
					time.Sleep(time.Minute)
					w.engine.Tick(w.ctx)
				}
				wantState(t, w.stored(r.ID), c.want)
				if n := w.store.told(annGUID, workflow.NoticeFailed); n != 1 || w.dir.written() != 0 {
					t.Fatalf("told %d times, %d writes", n, w.dir.written())
				}
			})
		})
	}
}

func TestAReviewersBrowserThatLeavesStopsNoExecution(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.lock(annGUID)
		r := w.pending(workflow.KindUnlock)
		p := w.signature(boss, r)
		ctx, leave := context.WithCancel(w.ctx)
		w.store.after = func(op string) error {
			if op == "update" {
				leave()
			}
			return nil
		}
		_, _ = w.engine.Approve(ctx, boss, r.ID, p)
		w.store.after = nil
		wantState(t, w.stored(r.ID), workflow.Done)
	})
}
