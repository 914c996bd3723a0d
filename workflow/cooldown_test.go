package workflow_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// cooling is a policy that waits a day after a proof was replaced.
func cooling(approve ...workflow.Tier) workflow.Policy {
	p := everyone("h", [][]enroll.ProofKind{{enroll.ProofPasskey}})
	for kind, act := range p.Rules[0].Acts {
		act.CoolDown, act.Approve = 24*time.Hour, approve
		p.Rules[0].Acts[kind] = act
	}
	return p
}

// After a proof was replaced nothing that changes a credential is done without an
// approval, until the time is over; what changes none goes on.
func TestAReplacedProofCoolsDown(t *testing.T) { inWorld(t, replacedCoolsDown) }

func replacedCoolsDown(w *world) {
	t := w.t
	w.engine.SetPolicy(cooling())
	w.store.mu.Lock()
	w.store.replaced[annGUID] = time.Now().Add(-23 * time.Hour)
	w.store.mu.Unlock()
	for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindOneTime, workflow.KindEnrol} {
		r, err := w.engine.Submit(w.ctx, w.ann, kind, "")
		var detail *workflow.Detailed
		if !errors.Is(err, workflow.ErrCoolDown) || !errors.As(err, &detail) || detail.Params["until"] == "" {
			t.Errorf("%s: %s, %v", kind, r.State, err)
		}
	}
	for _, o := range w.engine.Options(w.ctx, w.ann, w.account(annGUID)) {
		if o.Kind == workflow.KindReset && (o.Allowed || o.Code != string(workflow.ErrCoolDown)) {
			t.Errorf("option %+v", o)
		}
	}
	if r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindChange, ""); err != nil || r.State != workflow.Draft {
		t.Errorf("change: %s, %v", r.State, err)
	}
	time.Sleep(time.Hour)
	if r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); err != nil || r.State != workflow.Draft {
		t.Errorf("after a day: %s, %v", r.State, err)
	}
}

// A proof that is replaced while a request is open stops it too.
func TestAProofReplacedMeanwhileCoolsDown(t *testing.T) { inWorld(t, replacedMeanwhile) }

func replacedMeanwhile(w *world) {
	t := w.t
	w.engine.SetPolicy(cooling())
	r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
	if err != nil {
		t.Fatal(err)
	}
	w.store.mu.Lock()
	w.store.replaced[annGUID] = time.Now()
	w.store.mu.Unlock()
	if _, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID)); !errors.Is(err, workflow.ErrCoolDown) {
		t.Errorf("proved: %v", err)
	}
}

// Where somebody approves there is no wait; and a store that can't tell denies.
func TestACoolDownFailsClosed(t *testing.T) {
	w := newWorld(t)
	w.store.replaced[annGUID] = time.Now()
	w.engine.SetPolicy(cooling(workflow.Tier{By: workflow.Approvers{Manager: true}}))
	if r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); errors.Is(err, workflow.ErrCoolDown) {
		t.Errorf("with an approval: %s, %v", r.State, err)
	}
	w = newWorld(t)
	w.engine.SetPolicy(cooling())
	w.store.before = func(op string) error {
		if op == "proofs-replaced" {
			return errors.New("the store is away")
		}
		return nil
	}
	if r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); !errors.Is(err, workflow.ErrNotAllowed) {
		t.Errorf("without a store: %s, %v", r.State, err)
	}
}
