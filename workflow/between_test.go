package workflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// onOp fails the first call of that name.
func onOp(op string, err error) func(string) error {
	done := false
	return func(name string) error {
		if name != op || done {
			return nil
		}
		done = true
		return err
	}
}

func TestASignInThatSomethingElseUsedLeavesADraft(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		w.store.before = onOp("create", workflow.ErrProofUsed)
		r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, nil)
		wantState(t, r, workflow.Draft)
		if w.dir.written() != 0 {
			t.Fatal("written without a proof")
		}
	})
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		w.store.before = onOp("create", errDown)
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, errDown)
	})
}

func TestWhatAnotherServerOpenedIsReadOrSaidToBeUnreadable(t *testing.T) {
	inWorld(t, func(w *world) {
		opened := false
		w.store.before = func(op string) error {
			switch {
			case op == "create":
				opened = true
				return workflow.ErrOpen
			case op == "requests" && opened:
				return errDown
			}
			return nil
		}
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, errDown)
	})
}

func TestADenialThatCantBeRecordedSaysSo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(workflow.Policy{})
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrNotAllowed)
		w.store.before = onOp("create", errDown)
		_, err = w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, errDown)
	})
}

func TestAnApprovalIsTakenOverOnlyByWhatProvesItAnew(t *testing.T) {
	approvedHere := func(w *world) workflow.Request {
		w.recovered(w.ann, workflow.KindReset, enroll.ProofRecoveryCode)
		r := w.submit(workflow.KindReset)
		wantState(t, r, workflow.Approved)
		return r
	}
	in := func(name string, test func(*testing.T, *world)) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{{enroll.ProofRecoveryCode}}))
				test(t, w)
			})
		})
	}
	in("its own proofs", func(t *testing.T, w *world) {
		approvedHere(w)
		here := w.elsewhere()
		w.recovered(here, workflow.KindReset, enroll.ProofRecoveryCode)
		r, err := w.engine.Submit(w.ctx, here, workflow.KindReset, "")
		wantErr(t, err, nil)
		wantState(t, r, workflow.Approved)
		if _, err := w.executeAs(here, r); err != nil || w.dir.written() != 1 {
			t.Fatalf("%v, %d writes", err, w.dir.written())
		}
	})
	in("no proofs", func(t *testing.T, w *world) {
		before := approvedHere(w)
		r, err := w.engine.Submit(w.ctx, w.elsewhere(), workflow.KindReset, "")
		wantErr(t, err, nil)
		if wantState(t, r, workflow.Approved); w.stored(r.ID).Version != before.Version {
			t.Fatal("changed")
		}
		if _, err := w.execute(r); err != nil {
			t.Fatalf("where it was proved: %v", err)
		}
	})
	in("proofs for another kind", func(t *testing.T, w *world) {
		approvedHere(w)
		here := w.elsewhere()
		w.recovered(here, workflow.KindOneTime, enroll.ProofRecoveryCode)
		r, err := w.engine.Submit(w.ctx, here, workflow.KindReset, "")
		wantErr(t, err, nil)
		wantState(t, r, workflow.Approved)
	})
	in("proofs that can't be read", func(t *testing.T, w *world) {
		approvedHere(w)
		w.proofs.err = errDown
		r, err := w.engine.Submit(w.ctx, w.elsewhere(), workflow.KindReset, "")
		wantErr(t, err, errDown)
		wantState(t, w.stored(r.ID), workflow.Approved)
	})
	in("a store that fails", func(t *testing.T, w *world) {
		r := approvedHere(w)
		here := w.elsewhere()
		w.recovered(here, workflow.KindReset, enroll.ProofRecoveryCode)
		w.store.before = onOp("update", errDown)
		_, err := w.engine.Submit(w.ctx, here, workflow.KindReset, "")
		wantErr(t, err, errDown)
		wantState(t, w.stored(r.ID), workflow.Approved)
	})
}

func TestADraftThatNothingProvesStaysAsItIs(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		again := w.submit(workflow.KindReset)
		if again.ID != r.ID || w.stored(r.ID).Version != r.Version {
			t.Fatal("changed")
		}
		w.proofs.err = errDown
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, errDown)
	})
}

// noSignIns fails where a sign-in is looked for, and nowhere else.
type noSignIns struct{ *proofs }

func (noSignIns) SignInProof(context.Context, string) (enroll.Proof, error) {
	return enroll.Proof{}, errDown
}

func TestASignInThatCantBeLookedForIsTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		e := workflow.New(workflow.Config{
			Store: w.store, Directory: w.dir, Proofs: noSignIns{w.proofs}, Judge: w.judge, Policy: w.policy, Sealer: dbtest.Box(),
		})
		_, err := e.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, errDown)
		if w.dir.written() != 0 || len(w.store.requests) != 0 {
			t.Fatal("something happened")
		}
	})
}

func TestOnlyAnApprovedRequestForAPasskeyLetsOneIn(t *testing.T) {
	inWorld(t, func(w *world) {
		_, err := w.engine.Enrollable(w.ctx, w.ann, w.approved(workflow.KindReset).ID)
		wantErr(t, err, workflow.ErrKind)
		r := w.submit(workflow.KindEnrol)
		_, err = w.engine.Enrollable(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrProofMissing)
		if _, err = w.engine.Cancel(w.ctx, w.ann, r.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.engine.Enrollable(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrCancelled)
		_, _, err = w.engine.Statement(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrCancelled)
		proved := w.approved(workflow.KindEnrol)
		if _, err = w.engine.Cancel(w.ctx, w.ann, proved.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.engine.Enrollable(w.ctx, w.ann, proved.ID)
		wantErr(t, err, workflow.ErrCancelled)
		version := w.stored(r.ID).Version
		if _, err = w.engine.Cancel(w.ctx, w.ann, r.ID); err != nil || w.stored(r.ID).Version != version {
			t.Fatalf("cancelled twice: %v", err)
		}
	})
}

func TestATypedPasswordNeverComesBack(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindChange} {
		inWorld(t, func(w *world) {
			w.dir.policy.MinAge = 0
			r := w.approved(kind)
			value, old := values(kind)
			_, back, err := w.engine.Execute(w.ctx, w.ann, r.ID, value, old)
			if err != nil || !back.Empty() {
				t.Errorf("%s: %v, and a password", kind, err)
			}
		})
	}
}

// Somebody else types wrong passwords between the look and the write.
func TestAChangeIsNotTriedWhereItWouldNowLockTheAccount(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dir.policy.MinAge = 0
		r := w.approved(workflow.KindChange)
		w.dir.on(func(op string) error {
			if op == "change" {
				w.dir.edit(annGUID, func(a *ad.Account) { a.BadPasswords, a.LastBad = 3, time.Now() })
			}
			return nil
		})
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrNoTries)
		if w.dir.written() != 0 {
			t.Fatal("tried")
		}
	})
}

func TestWhoHoldsWhatIsAskedBeforeWeakProofsSuffice(t *testing.T) {
	byApp := []enroll.ProofKind{enroll.ProofTOTP}
	for name, tc := range map[string]struct {
		keyless bool
		down    error
		want    error
	}{"the strongest held": {true, nil, nil}, "a passkey is held": {false, nil, enroll.ErrRecoverRefused}, "nobody can tell": {true, errDown, errDown}} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{byApp}))
			w.store.keyless[annGUID] = tc.keyless
			w.store.holds[annGUID] = byApp
			w.store.before = onOp("held-proofs", tc.down)
			a, err := w.dir.read("account", annGUID)
			if err != nil {
				t.Fatal(err)
			}
			err = w.engine.Suffices(w.ctx, a, workflow.KindReset, "", byApp)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("%s: %v, want %v", name, err, tc.want)
			}
		})
	}
}

// The request is done before and after: what tells is the error.
func TestAReplacementThatIsRefusedShowsNoPassword(t *testing.T) {
	inWorld(t, func(w *world) {
		r, err := w.execute(w.approved(workflow.KindOneTime))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup })
		_, shown, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{})
		wantErr(t, err, ad.ErrProtected)
		if !shown.Empty() || w.dir.written() != 1 {
			t.Fatal("a password, or a write")
		}
	})
}
