package workflow_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

var byCode = [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofRecoveryCode}}

// recovered gives the actor's session what a sign-in without a passkey leaves.
func (w *world) recovered(who workflow.Actor, kind workflow.Kind, proofs ...enroll.ProofKind) {
	for i, k := range proofs {
		w.proofs.recover[who.Session] = append(w.proofs.recover[who.Session], enroll.Proof{
			ID: fmt.Sprint("recover-", who.Session, kind, i, k, len(w.proofs.recover[who.Session]), time.Now()), Kind: k, Account: who.Account, Session: who.Session,
			Label: enroll.LabelRecover, Statement: enroll.RecoverStatement(who.Account, string(kind)), At: time.Now(),
		})
	}
}

func registered(account ad.GUID, id string) enroll.Registered {
	return enroll.Registered{Credential: enroll.Credential{ID: []byte(id), Account: account}}
}

func TestProofsWithoutAPasskeyCountForTheirActOnly(t *testing.T) {
	for _, given := range append(slices.Clone(workflow.Kinds), workflow.ActThaw) {
		for _, kind := range workflow.Kinds {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(everyone("h", byCode))
				w.lock(annGUID)
				if kind == workflow.KindChange {
					w.dir.edit(annGUID, func(a *ad.Account) { a.Locked = false })
				}
				w.recovered(w.ann, given, enroll.ProofRecoveryCode)
				r, err := w.engine.Submit(w.ctx, w.ann, kind, "")
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if proved := len(r.Proofs) > 0; proved != (given == kind) {
					t.Errorf("given for %s, %s: proved %t", given, kind, proved)
				}
			})
		}
	}
}

func TestARecoveryCodeUnlocksInOneStep(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("h", byCode))
		w.lock(annGUID)
		w.recovered(w.ann, workflow.KindUnlock, enroll.ProofRecoveryCode)
		r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		if err != nil || r.State != workflow.Done {
			t.Fatalf("%s, %v", r.State, err)
		}
		w.lock(annGUID)
		again, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		if err != nil || again.State != workflow.Draft {
			t.Errorf("the same proof again: %s, %v", again.State, err)
		}
	})
}

// Two proofs that the policy asks for together count together or not at all.
func TestProofsThatGoTogether(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("h", [][]enroll.ProofKind{{enroll.ProofRecoveryCode, enroll.ProofTOTP}}))
		w.recovered(w.ann, workflow.KindReset, enroll.ProofRecoveryCode)
		if r := w.submit(workflow.KindReset); r.State != workflow.Draft || fmt.Sprint(r.Needs()) != "[totp]" {
			t.Errorf("with one: %s, needs %v", r.State, r.Needs())
		}
		w.recovered(w.ann, workflow.KindReset, enroll.ProofTOTP)
		if r := w.submit(workflow.KindReset); r.State != workflow.Approved || len(r.Proofs) != 2 {
			t.Errorf("with both: %s, %d proofs", r.State, len(r.Proofs))
		}
	})
}

func TestAnOldProofWithoutAPasskeyIsNone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("h", byCode))
		w.recovered(w.ann, workflow.KindReset, enroll.ProofRecoveryCode)
		time.Sleep(5*time.Minute + time.Second) // of the bubble
		if r := w.submit(workflow.KindReset); len(r.Proofs) > 0 {
			t.Error("it counted")
		}
	})
}

func TestAnApprovedRequestRegistersOnePasskey(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("h", byCode))
		w.recovered(w.ann, workflow.KindEnrol, enroll.ProofRecoveryCode)
		r := w.submit(workflow.KindEnrol)
		if r.State != workflow.Approved {
			t.Fatalf("%s", r.State)
		}
		if _, _, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{}); !errors.Is(err, workflow.ErrKind) {
			t.Errorf("executed: %v", err)
		}
		bob := workflow.Actor{Account: bobGUID, Session: "session-bob"}
		if _, err := w.engine.Enrol(w.ctx, bob, r.ID, registered(bobGUID, "theirs")); !errors.Is(err, workflow.ErrNoRequest) {
			t.Errorf("by somebody else: %v", err)
		}
		if _, err := w.engine.Enrol(w.ctx, w.ann, r.ID, registered(bobGUID, "theirs")); !errors.Is(err, workflow.ErrOtherOne) {
			t.Errorf("for somebody else: %v", err)
		}
		done, err := w.engine.Enrol(w.ctx, w.ann, r.ID, registered(annGUID, "new"))
		if err != nil || done.State != workflow.Done || fmt.Sprint(w.store.passkeys) != "[new]" {
			t.Fatalf("%s, %v, %v", done.State, err, w.store.passkeys)
		}
		if _, err := w.engine.Enrol(w.ctx, w.ann, r.ID, registered(annGUID, "another")); !errors.Is(err, workflow.ErrDone) {
			t.Errorf("once more: %v", err)
		}
		if n := w.store.count(audit.ExecutionDone); n != 1 || w.dir.written() != 0 {
			t.Errorf("%d done, %d writes to the directory", n, w.dir.written())
		}
	})
}

// Who asks is told that it was not found out, and not that there is nobody.
func TestAManagerWhoCantBeReadIsAnError(t *testing.T) {
	inWorld(t, func(w *world) {
		w.staff()
		if told, err := w.engine.ToldOfPasskey(w.ctx, annGUID); err != nil || len(told) != 1 {
			t.Fatalf("%v, %v", told, err)
		}
		w.dir.on(func(op string) error { return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, nil) })
		told, err := w.engine.ToldOfPasskey(w.ctx, annGUID)
		wantErr(t, err, ad.ErrUnavailable)
		if told != nil {
			t.Errorf("%v", told)
		}
	})
}

// Rule 1: of a passkey that was made without a passkey the manager hears, whoever that
// is just now; of one that was made by a passkey nobody else does.
func TestTheManagerHearsOfAPasskeyMadeWithoutOne(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		byKey  bool
		want   int
	}{
		"by a code":            {func(*world) {}, false, 1},
		"by a passkey":         {func(*world) {}, true, 0},
		"without a manager":    {func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "" }) }, false, 0},
		"with one who is gone": {func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "CN=gone," + staffOU }) }, false, 0},
		"whom the directory can't tell": {func(w *world) {
			w.dir.on(func(op string) error {
				if op == "by-dn" {
					return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
				}
				return nil
			})
		}, false, 0},
		"who manages themselves": {func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = a.DN }) }, false, 0},
	} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(everyone("h", byCode))
			w.staff()
			c.change(w)
			var r workflow.Request
			if c.byKey {
				r = w.approved(workflow.KindEnrol)
			} else {
				w.recovered(w.ann, workflow.KindEnrol, enroll.ProofRecoveryCode)
				r = w.submit(workflow.KindEnrol)
			}
			if _, err := w.engine.Enrol(w.ctx, w.ann, r.ID, registered(annGUID, "new")); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if held := fmt.Sprint(w.store.passkeys); held != "[new]" {
				t.Errorf("%s: passkeys %s", name, held)
			}
			told := 0
			for _, n := range w.store.notices {
				if n.Kind == workflow.NoticeReplaced {
					told++
					if n.To != bossGUID || n.Params["who"] != "Given ann" {
						t.Errorf("%s: %+v", name, n)
					}
				}
			}
			if told != c.want {
				t.Errorf("%s: told %d", name, told)
			}
		})
	}
}

// What stands against it right before: nothing is registered then.
func TestAPasskeyIsRefusedWhereTheRequestNoLongerStands(t *testing.T) {
	other := func(w *world) workflow.Actor { a := w.ann; a.Session = "another"; return a }
	for name, c := range map[string]struct {
		change func(*world)
		who    func(*world) workflow.Actor
		want   error
	}{
		"frozen":          {change: func(w *world) { w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID} }, want: workflow.ErrFrozen},
		"protected":       {change: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }) }, want: ad.ErrProtected},
		"disabled":        {change: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Disabled = true }) }, want: ad.ErrDisabled},
		"not allowed":     {change: func(w *world) { w.engine.SetPolicy(workflow.Policy{Hash: "none"}) }, want: workflow.ErrNotAllowed},
		"asks for more":   {change: func(w *world) { w.engine.SetPolicy(everyone("h2", passkey)) }, want: workflow.ErrProofMissing},
		"late":            {change: func(*world) { time.Sleep(61 * time.Minute) }, want: workflow.ErrExpired},
		"another session": {change: func(*world) {}, who: other, want: workflow.ErrProofMissing},
	} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(everyone("h", byCode))
			w.recovered(w.ann, workflow.KindEnrol, enroll.ProofRecoveryCode)
			r := w.submit(workflow.KindEnrol)
			c.change(w)
			who := w.ann
			if c.who != nil {
				who = c.who(w)
			}
			if _, err := w.engine.Enrol(w.ctx, who, r.ID, registered(annGUID, "new")); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if len(w.store.passkeys) > 0 {
				t.Errorf("%s: registered", name)
			}
		})
	}
}

// The session of a way in is short: who comes again proves again, and goes on.
func TestAnApprovedRequestGoesOnInTheNextWayIn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("h", byCode))
		w.recovered(w.ann, workflow.KindEnrol, enroll.ProofRecoveryCode)
		r := w.submit(workflow.KindEnrol)
		again := w.ann
		again.Session = "the-next"
		w.recovered(again, workflow.KindEnrol, enroll.ProofRecoveryCode)
		same, err := w.engine.Submit(w.ctx, again, workflow.KindEnrol, "")
		if err != nil || same.ID != r.ID || same.State != workflow.Approved {
			t.Fatalf("%s, %v", same.State, err)
		}
		if _, err := w.engine.Enrol(w.ctx, w.ann, r.ID, registered(annGUID, "old")); !errors.Is(err, workflow.ErrProofMissing) {
			t.Errorf("in the session before: %v", err)
		}
	})
}

// An approval was for what was proved then: whoever comes with less, perhaps somebody
// else, waits for it anew, with the number.
func TestAnApprovalIsNotTakenOverByAWeakerProof(t *testing.T) {
	for _, weaker := range []enroll.ProofKind{enroll.ProofTOTP, enroll.ProofRecoveryCode} {
		for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindEnrol} {
			inWorld(t, func(w *world) {
				policy := everyone("h", [][]enroll.ProofKind{{enroll.ProofPasskey}, {weaker}})
				act := policy.Rules[0].Acts[kind]
				act.Approve = []workflow.Tier{{By: workflow.Approvers{Manager: true}}}
				policy.Rules[0].Acts[kind] = act
				w.engine.SetPolicy(policy)
				w.staff()
				r := w.pending(kind)
				if r.Number != "" {
					t.Fatalf("number %q", r.Number)
				}
				if _, err := w.approve(boss, r); err != nil {
					t.Fatal(err)
				}
				wantState(t, w.stored(r.ID), workflow.Approved)
				thief := w.ann
				thief.Session, thief.Address = "thief", "203.0.113.66"
				w.recovered(thief, kind, weaker)
				taken, err := w.engine.Submit(w.ctx, thief, kind, "")
				if err != nil || taken.State != workflow.Pending || taken.Number == "" {
					t.Errorf("%s by %s: %s, number %q, %v", kind, weaker, taken.State, taken.Number, err)
				}
			})
		}
	}
}
