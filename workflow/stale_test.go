package workflow_test

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// The account or the policy changes between the steps: nothing is written.
func TestStaleStateIsNeverWrittenOn(t *testing.T) {
	flips := []struct {
		name string
		flip func(*world)
		want error
		left workflow.State
	}{
		{"protected", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }) }, ad.ErrProtected, workflow.Failed},
		{"protection unknown", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedUnknown }) }, ad.ErrProtected, workflow.Approved},
		{"disabled", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Disabled = true }) }, ad.ErrDisabled, workflow.Failed},
		{"expired", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.AccountExpires = time.Now() }) }, ad.ErrAccountExpired, workflow.Failed},
		{"left the group", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Groups = []string{groupUsers} }) }, workflow.ErrNotAllowed, workflow.Failed},
		{"membership unreadable", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Groups = nil }) }, workflow.ErrNotAllowed, workflow.Approved},
		{"group unresolved", func(w *world) {
			w.engine.SetPolicy(only("policy-1", workflow.Condition{Group: &workflow.Group{Err: "down"}}, passkey))
		}, workflow.ErrNotAllowed, workflow.Approved},
		{"another account answers", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.GUID = bobGUID }) }, workflow.ErrOtherOne, ""},
		{"policy withdrawn", func(w *world) { w.engine.SetPolicy(workflow.Policy{Hash: "none"}) }, workflow.ErrNotAllowed, workflow.Failed},
		{"policy asks for more", func(w *world) {
			w.engine.SetPolicy(everyone("policy-2", [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPassword}}))
		}, workflow.ErrProofMissing, workflow.Draft},
	}
	for _, at := range []string{"before the execution", "right before the write"} {
		for _, c := range flips {
			for _, kind := range writing {
				t.Run(at+"/"+c.name+"/"+string(kind), func(t *testing.T) {
					inWorld(t, func(w *world) {
						w.policy = only("policy-1", workflow.Condition{Group: &workflow.Group{SID: groupStaff}}, passkey)
						w.engine.SetPolicy(w.policy)
						w.checkStale(t, kind, at, c.flip, c.want, c.left)
					})
				})
			}
		}
	}
}

func (w *world) checkStale(t *testing.T, kind workflow.Kind, at string, flip func(*world), want error, left workflow.State) {
	t.Helper()
	if kind == workflow.KindUnlock {
		w.lock(annGUID)
	}
	// An unlock executes as soon as it is proved: bring it to approved first.
	w.dir.refuse = fault("unlock", ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
	r := w.submit(kind)
	r, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
	if kind != workflow.KindUnlock && err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Approved)
	w.dir.refuse = nil

	last, intents := writeOf(kind), w.store.count(audit.ExecutionIntended)
	if at == "before the execution" {
		flip(w)
	} else {
		w.dir.on(func(op string) error {
			if op == last {
				w.dir.on(nil)
				flip(w)
			}
			return nil
		})
	}
	got, err := w.execute(r)
	wantErr(t, err, want)
	if w.dir.written() != 0 {
		t.Fatalf("written: %+v", w.dir.writes)
	}
	if early := w.store.count(audit.ExecutionIntended) == intents; early != (at == "before the execution") {
		t.Fatalf("intended is %v", !early)
	}
	if left == "" {
		return
	}
	wantState(t, w.stored(r.ID), left)
	if left == workflow.Draft && len(got.Needs()) == 0 {
		t.Fatal("nothing is asked for")
	}
}

func writeOf(kind workflow.Kind) string {
	switch kind {
	case workflow.KindUnlock, workflow.KindChange:
		return string(kind)
	}
	return "reset"
}

func TestAProofAddedSinceIsAskedForAndThenTheWriteHappens(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.engine.SetPolicy(everyone("policy-2", [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPassword}}))
		got, err := w.execute(r)
		wantErr(t, err, workflow.ErrProofMissing)
		wantState(t, got, workflow.Draft)
		if n := got.Needs(); len(n) != 1 || n[0] != enroll.ProofPassword {
			t.Fatalf("needs %v", n)
		}
		p := w.stepUp(w.ann, r.ID)
		p.Kind = enroll.ProofPassword
		if got, err = w.engine.Prove(w.ctx, w.ann, r.ID, p); err != nil {
			t.Fatal(err)
		}
		if got, err = w.execute(got); err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
		if w.dir.written() != 1 {
			t.Fatal(w.dir.writes)
		}
	})
}

func TestAnotherWriteInBetweenStopsOurs(t *testing.T) {
	for _, kind := range passwordKinds {
		inWorld(t, func(w *world) {
			r := w.approved(kind)
			w.dir.on(func(op string) error {
				if op == writeOf(kind) {
					w.dir.edit(annGUID, func(a *ad.Account) { a.Marks.KeyVersion++ })
				}
				return nil
			})
			got, err := w.execute(r)
			wantErr(t, err, workflow.ErrChanged)
			wantState(t, got, workflow.Approved)
			if w.dir.written() != 0 || got.Tries != 0 {
				t.Fatal("written, or counted")
			}
		})
	}
}

func TestNoWriteIsSentAfterItsDeadline(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.on(func(op string) error {
			if op == "reset" {
				time.Sleep(16 * time.Second) // a controller that thinks for long
			}
			return nil
		})
		got, err := w.execute(r)
		wantErr(t, err, workflow.ErrTooLate)
		wantState(t, got, workflow.Approved)
		if w.dir.written() != 0 {
			t.Fatal("written")
		}
	})
}

func TestABrowserThatLeavesStopsNoExecution(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		ctx, leave := context.WithCancel(w.ctx)
		w.dir.on(func(op string) error {
			if op == "reset" {
				leave()
			}
			return nil
		})
		value, old := values(r.Kind)
		got, _, err := w.engine.Execute(ctx, w.ann, r.ID, value, old)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
	})
}

func TestDrainWaitsForTheExecution(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		waiting := make(chan struct{})
		w.dir.on(func(op string) error {
			if op == "reset" {
				close(waiting)
				time.Sleep(3 * time.Second)
			}
			return nil
		})
		go w.execute(r) //nolint:errcheck // looked at below
		<-waiting
		short, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		wantErr(t, w.engine.Drain(short), context.DeadlineExceeded)
		if err := w.engine.Drain(w.ctx); err != nil {
			t.Fatal(err)
		}
		wantState(t, w.stored(r.ID), workflow.Done)
		if err := w.engine.Drain(w.ctx); err != nil {
			t.Fatal(err)
		}
	})
}
