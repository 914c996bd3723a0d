package workflow_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// acts are what a person can do, each with what goes before it.
var acts = map[string]func(w *world) func() error{
	"own account": func(w *world) func() error {
		return func() error { _, err := w.engine.Account(w.ctx, w.ann); return err }
	},
	"own requests": func(w *world) func() error {
		w.submit(workflow.KindReset)
		return func() error { _, err := w.engine.Mine(w.ctx, w.ann); return err }
	},
	"rules of passwords": func(w *world) func() error {
		return func() error { _, err := w.engine.Rules(w.ctx, w.ann); return err }
	},
	"check a password": func(w *world) func() error {
		r := w.approvedBy(workflow.KindReset)
		return func() error {
			_, err := w.engine.CheckPassword(w.ctx, w.ann, r.ID, secret.New("Harbour-Violet-92"))
			return err
		}
	},
	"submit": func(w *world) func() error {
		return func() error { _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); return err }
	},
	"submit again": func(w *world) func() error {
		w.submit(workflow.KindReset)
		w.signIn(w.ann)
		return func() error { _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); return err }
	},
	"submit after one that ran out": func(w *world) func() error {
		w.submit(workflow.KindReset)
		time.Sleep(11 * time.Minute)
		return func() error { _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); return err }
	},
	"statement": func(w *world) func() error {
		r := w.submit(workflow.KindReset)
		return func() error { _, _, err := w.engine.Statement(w.ctx, w.ann, r.ID); return err }
	},
	"prove": func(w *world) func() error {
		r := w.submit(workflow.KindReset)
		p := w.stepUp(w.ann, r.ID)
		return func() error { _, err := w.engine.Prove(w.ctx, w.ann, r.ID, p); return err }
	},
	"cancel": func(w *world) func() error {
		r := w.submit(workflow.KindReset)
		return func() error { _, err := w.engine.Cancel(w.ctx, w.ann, r.ID); return err }
	},
	"asked": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		return func() error { _, err := w.engine.Asked(w.ctx, w.ann, r.ID, 5); return err }
	},
	"remind": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		time.Sleep(3 * time.Minute)
		return func() error { _, err := w.engine.Remind(w.ctx, w.ann, r.ID); return err }
	},
	"execute": func(w *world) func() error {
		r := w.approvedBy(workflow.KindReset)
		return func() error { _, err := w.execute(r); return err }
	},
	"execute elsewhere": func(w *world) func() error {
		r := w.approvedBy(workflow.KindReset)
		return func() error { _, err := w.executeAs(w.elsewhere(), r); return unlessIs(err, workflow.ErrProofMissing) }
	},
	"enrollable": func(w *world) func() error {
		r := w.approvedBy(workflow.KindEnrol)
		return func() error { _, err := w.engine.Enrollable(w.ctx, w.ann, r.ID); return err }
	},
	"enrol": func(w *world) func() error {
		r := w.approvedBy(workflow.KindEnrol)
		return func() error {
			_, err := w.engine.Enrol(w.ctx, w.ann, r.ID, enroll.Registered{Credential: enroll.Credential{Account: annGUID, ID: []byte{7}}})
			return err
		}
	},
	"enrollable under a policy that asks for more": func(w *world) func() error {
		r := w.approvedBy(workflow.KindEnrol)
		w.engine.SetPolicy(reviewedBy(bySecurity, ""))
		return func() error {
			_, err := w.engine.Enrollable(w.ctx, w.ann, r.ID)
			return unlessIs(err, workflow.ErrProofMissing)
		}
	},
	"inbox": func(w *world) func() error {
		w.pending(workflow.KindReset)
		return func() error { _, _, err := w.engine.Inbox(w.ctx, boss); return err }
	},
	"waiting": func(w *world) func() error {
		w.pending(workflow.KindReset)
		return func() error { _, err := w.engine.Waiting(w.ctx, bossGUID); return err }
	},
	"seated": func(w *world) func() error {
		w.pending(workflow.KindReset)
		return func() error { _, err := w.engine.Seated(w.ctx, bossGUID); return err }
	},
	"review": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		return func() error {
			seen, err := w.engine.Review(w.ctx, boss, r.ID)
			if err == nil && !seen.Open && seen.Code != "" {
				return errDown // told beside it
			}
			return err
		}
	},
	"review what is decided": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		if _, err := w.approve(boss, r); err != nil {
			w.t.Fatal(err)
		}
		return func() error { _, err := w.engine.Review(w.ctx, boss, r.ID); return err }
	},
	"see a photo": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		return func() error { return w.engine.MaySee(w.ctx, boss, r.ID, annGUID) }
	},
	"begin approval": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		number := w.stored(r.ID).Number
		return func() error { _, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, number); return err }
	},
	"type a wrong number": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		return func() error {
			_, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, "xx")
			return unlessIs(err, workflow.ErrNumber)
		}
	},
	"approve": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		p := w.signature(boss, r)
		return func() error { _, err := w.engine.Approve(w.ctx, boss, r.ID, p); return err }
	},
	"deny": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		return func() error { _, err := w.engine.Deny(w.ctx, boss, r.ID, "unsure", ""); return err }
	},
	"report": func(w *world) func() error {
		r := w.pending(workflow.KindReset)
		return func() error { _, err := w.engine.Report(w.ctx, boss, r.ID); return err }
	},
	"begin freeze": func(w *world) func() error {
		r := w.reportedBy(boss)
		return func() error { _, _, err := w.engine.BeginFreeze(w.ctx, boss, r.ID); return err }
	},
	"freeze": func(w *world) func() error {
		r := w.reportedBy(boss)
		label, statement, err := w.engine.BeginFreeze(w.ctx, boss, r.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		p := signed(boss, label, statement)
		return func() error { _, err := w.engine.Freeze(w.ctx, boss, r.ID, p); return err }
	},
	"freeze oneself": func(w *world) func() error {
		w.pending(workflow.KindReset)
		return func() error { return w.engine.FreezeSelf(w.ctx, w.ann) }
	},
	"freeze by a notice": func(w *world) func() error {
		return func() error { return w.engine.FreezeByNotice(w.ctx, w.link(), anywhere) }
	},
	"own freeze": func(w *world) func() error {
		return func() error { _, err := w.engine.OwnFreeze(w.ctx, w.ann); return err }
	},
	"thaws": func(w *world) func() error {
		return func() error { _, err := w.engine.Thaws(w.ctx, boss); return err }
	},
	"begin thaw": func(w *world) func() error {
		w.frozenSelf()
		return func() error { _, _, err := w.engine.BeginThaw(w.ctx, w.ann); return err }
	},
	"ask for a thaw": func(w *world) func() error {
		w.frozenSelf()
		label, statement, err := w.engine.BeginThaw(w.ctx, w.ann)
		if err != nil {
			w.t.Fatal(err)
		}
		p := signed(w.ann, label, statement)
		return func() error { return w.engine.AskThaw(w.ctx, w.ann, p) }
	},
	"thaw": func(w *world) func() error {
		w.frozenSelf()
		return func() error {
			return w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: "operator", WithoutProof: true})
		}
	},
	"what proofs suffice for": func(w *world) func() error {
		return func() error {
			a, err := w.dir.read("account", annGUID)
			if err != nil {
				w.t.Fatal(err)
			}
			w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{{enroll.ProofRecoveryCode}}))
			return w.engine.Suffices(w.ctx, a, workflow.KindReset, "", []enroll.ProofKind{enroll.ProofRecoveryCode})
		}
	},
}

// unlessIs takes the answer that the step is to have for none at all.
func unlessIs(err, wanted error) error {
	if errors.Is(err, wanted) && !errors.Is(err, errDown) {
		return nil
	}
	return err
}

func (w *world) approvedBy(kind workflow.Kind) workflow.Request {
	w.t.Helper()
	r := w.pending(kind)
	seen, err := w.approve(boss, r)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.stored(seen.Request.ID)
}

func (w *world) reportedBy(who workflow.Actor) workflow.Request {
	w.t.Helper()
	r := w.pending(workflow.KindReset)
	if _, err := w.engine.Report(w.ctx, who, r.ID); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) frozenSelf() {
	w.t.Helper()
	if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
		w.t.Fatal(err)
	}
}

// Whatever can't be read before a step is committed is told by the step: nobody is
// let through, and nobody is shown half, because something was down.
func TestWhatCantBeReadIsToldByEachStep(t *testing.T) {
	for name, prepare := range acts {
		for n := 1; n <= 40; n++ {
			more := false
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				underReview(t, byManager, workflow.NumberRequired, func(w *world) { more = w.stepWithout(t, prepare(w), n) })
			})
			if !more {
				break
			}
		}
	}
}

// stepWithout lets the nth call of a step fail; false when there are fewer.
func (w *world) stepWithout(t *testing.T, step func() error, n int) (failed bool) {
	calls, committed, op := 0, 0, ""
	fail := func(name string) error {
		if calls++; calls == n {
			failed, op = true, name
			return errDown
		}
		return nil
	}
	w.store.before = fail
	w.store.after = func(string) error {
		if !failed {
			committed++
		}
		return nil
	}
	w.dir.on(func(op string) error {
		if err := fail(op); err != nil {
			return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, err)
		}
		return nil
	})
	err := step()
	switch {
	case !failed && err != nil:
		t.Fatalf("%v with nothing down", err)
	case !w.store.frozen[annGUID].Asked.IsZero(): // asked all the same: who else is told is beside it
	case failed && committed == 0 && !errors.Is(err, errDown):
		t.Fatalf("%s is down: %v", op, err)
	}
	return failed
}
