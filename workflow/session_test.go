package workflow_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

// elsewhere is the same person, signed in a second time.
func (w *world) elsewhere() workflow.Actor {
	who := w.ann
	who.Session = "session-elsewhere"
	return who
}

func (w *world) executeAs(who workflow.Actor, r workflow.Request) (workflow.Request, error) {
	value, old := values(r.Kind)
	r, _, err := w.engine.Execute(w.ctx, who, r.ID, value, old)
	return r, err
}

func TestAnApprovalIsExecutedOnlyInTheSessionThatProvedIt(t *testing.T) {
	for _, kind := range passwordKinds {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.submit(kind)
				proof := w.stepUp(w.ann, r.ID)
				r, err := w.engine.Prove(w.ctx, w.ann, r.ID, proof)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				r, err = w.executeAs(w.elsewhere(), r)
				wantErr(t, err, workflow.ErrProofMissing)
				wantState(t, r, workflow.Draft)
				if len(r.Needs()) != 1 || w.dir.written() != 0 {
					t.Fatalf("needs %v, %d writes", r.Needs(), w.dir.written())
				}
				// What was proved in the first session counts in neither any more.
				_, err = w.engine.Prove(w.ctx, w.ann, r.ID, proof)
				wantErr(t, err, workflow.ErrProofUsed)
				_, err = w.execute(r)
				wantErr(t, err, workflow.ErrProofMissing)

				here := w.elsewhere()
				if _, err = w.engine.Prove(w.ctx, here, r.ID, w.stepUp(here, r.ID)); err != nil {
					t.Fatal(err)
				}
				r, err = w.executeAs(here, r)
				if err != nil || w.dir.written() != 1 {
					t.Fatalf("%v, %d writes", err, w.dir.written())
				}
				wantState(t, r, workflow.Done)
			})
		})
	}
}

func TestAnUnseenPasswordIsReplacedOnlyInTheSessionThatProvedIt(t *testing.T) {
	inWorld(t, func(w *world) {
		r, err := w.execute(w.approved(workflow.KindOneTime))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		here := w.elsewhere()
		r, err = w.executeAs(here, r)
		wantErr(t, err, workflow.ErrProofMissing)
		wantState(t, r, workflow.Draft)
		if w.dir.written() != 1 {
			t.Fatal("replaced")
		}
		if _, err = w.engine.Prove(w.ctx, here, r.ID, w.stepUp(here, r.ID)); err != nil {
			t.Fatal(err)
		}
		if _, err = w.executeAs(here, r); err != nil || w.dir.written() != 2 {
			t.Fatalf("%v, %d writes", err, w.dir.written())
		}
	})
}

func TestAnActorWithoutASessionExecutesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		nobody := w.ann
		nobody.Session = ""
		_, err := w.executeAs(nobody, r)
		wantErr(t, err, workflow.ErrProofMissing)
		if w.dir.written() != 0 {
			t.Fatal("written")
		}
	})
}

func (w *world) wantEnded(t *testing.T, n int, keep string) {
	t.Helper()
	if len(w.store.ended) != n || w.store.count(audit.SignedOut) != n {
		t.Fatalf("%+v", w.store.ended)
	}
	for _, of := range w.store.ended {
		if of.Account != annGUID || of.Keep != keep {
			t.Fatalf("%+v", of)
		}
	}
}

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	for _, kind := range writing {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				if kind == workflow.KindUnlock {
					w.lock(annGUID)
					wantState(t, w.approved(kind), workflow.Done)
					w.wantEnded(t, 0, "")
					return
				}
				here := w.elsewhere() // submitted in one session, proved and executed in another
				r := w.submit(kind)
				r, err := w.engine.Prove(w.ctx, here, r.ID, w.stepUp(here, r.ID))
				if err != nil {
					t.Fatal(err)
				}
				if _, err = w.executeAs(here, r); err != nil {
					t.Fatal(err)
				}
				w.wantEnded(t, 1, here.Session)
			})
		})
	}
}

func TestANewPasswordEndsTheOtherSessionsAlsoWhenItIsSettled(t *testing.T) {
	for _, kind := range passwordKinds {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.lostAnswer(t, kind)
				w.wantEnded(t, 0, "")
				time.Sleep(31 * time.Second)
				w.engine.Tick(w.ctx)
				wantState(t, w.stored(r.ID), workflow.Done)
				w.wantEnded(t, 1, w.ann.Session)
			})
		})
	}
}

func TestARefusedPasswordEndsNoSession(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.refuse = fault("reset", ad.ErrPasswordHistory, ad.OutcomeNotWritten, nil)
		_, err := w.execute(r)
		wantErr(t, err, ad.ErrPasswordHistory)
		w.wantEnded(t, 0, "")
	})
}
