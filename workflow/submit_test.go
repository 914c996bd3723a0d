package workflow_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

func TestASignInUnlocksAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		r := w.submit(workflow.KindUnlock)
		wantState(t, r, workflow.Done)
		if w.dir.written() != 1 || !r.Result.Unlocked || r.WatchUntil.IsZero() {
			t.Fatalf("writes %v, result %+v", w.dir.writes, r.Result)
		}
		for _, action := range []audit.Action{
			audit.RequestSubmitted, audit.RequestProved, audit.RequestApproved, audit.ExecutionIntended, audit.ExecutionDone,
		} {
			if w.store.count(action) != 1 {
				t.Errorf("%s: %d events", action, w.store.count(action))
			}
		}
	})
}

func TestASignInCountsOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		wantState(t, w.submit(workflow.KindUnlock), workflow.Done)
		w.lock(annGUID)
		wantState(t, w.submit(workflow.KindUnlock), workflow.Draft)
		if w.dir.written() != 1 {
			t.Fatal("a consumed sign-in unlocked again")
		}
	})
}

func TestASignInOlderThanFiveMinutesUnlocksNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		time.Sleep(5*time.Minute + time.Second)
		wantState(t, w.submit(workflow.KindUnlock), workflow.Draft)
	})
}

func TestASignInProvesNothingButAnUnlock(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindChange, workflow.KindOneTime} {
		inWorld(t, func(w *world) {
			w.signIn(w.ann)
			wantState(t, w.submit(kind), workflow.Draft)
		})
	}
}

func TestABoundProofIsNoSignIn(t *testing.T) {
	for _, bend := range []func(*enroll.Proof){
		func(p *enroll.Proof) { p.Label = enroll.LabelAddPasskey },
		func(p *enroll.Proof) { p.Statement = []byte("x") },
		func(p *enroll.Proof) { p.Kind = enroll.ProofPassword },
		func(p *enroll.Proof) { p.Account = bobGUID },
		func(p *enroll.Proof) { p.Session = "session-bob" },
	} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(everyone("policy-1", [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofPassword}}))
			w.lock(annGUID)
			p := w.signIn(w.ann)
			bend(&p)
			w.proofs.signIns[w.ann.Session] = p
			wantState(t, w.submit(workflow.KindUnlock), workflow.Draft)
			if w.dir.written() != 0 || len(w.store.used) != 0 {
				t.Fatal("it counted")
			}
		})
	}
}

func TestANewSignInTakesUpTheDraftOfAnUnlock(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		draft := w.submit(workflow.KindUnlock)
		w.signIn(w.ann)
		r := w.submit(workflow.KindUnlock)
		wantState(t, r, workflow.Done)
		if r.ID != draft.ID {
			t.Fatal("a second request was made")
		}
	})
}

func TestSubmitReturnsTheOpenRequestOfTheSameKind(t *testing.T) {
	inWorld(t, func(w *world) {
		first := w.submit(workflow.KindReset)
		if again := w.submit(workflow.KindReset); again.ID != first.ID {
			t.Fatal("a second request was made")
		}
		if other := w.submit(workflow.KindChange); other.ID == first.ID {
			t.Fatal("kinds share a request")
		}
		time.Sleep(11 * time.Minute) // the draft's time is over, no job ran
		if later := w.submit(workflow.KindReset); later.ID == first.ID {
			t.Fatal("a draft past its deadline came back")
		}
	})
}

func TestAnAccountThatIsNotLockedLeavesNoTrace(t *testing.T) {
	inWorld(t, func(w *world) {
		w.signIn(w.ann)
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, workflow.ErrNotLocked)
		if len(w.store.requests)+len(w.store.events)+len(w.store.used)+w.dir.written() != 0 {
			t.Fatal("something was kept")
		}
	})
}

func TestSubmitRefusesByAccount(t *testing.T) {
	for _, c := range []struct {
		name string
		kind workflow.Kind
		edit func(*ad.Account)
		want error
	}{
		{"protected group", workflow.KindReset, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }, ad.ErrProtected},
		{"protection unknown", workflow.KindReset, func(a *ad.Account) { a.Protected = ad.ProtectedUnknown }, ad.ErrProtected},
		{"protected, unlock", workflow.KindUnlock, func(a *ad.Account) { lock(a); a.Protected = ad.ProtectedAdmin }, ad.ErrProtected},
		{"protected, change", workflow.KindChange, func(a *ad.Account) { a.Protected = ad.ProtectedService }, ad.ErrProtected},
		{"protected, one-time", workflow.KindOneTime, func(a *ad.Account) { a.Protected = ad.ProtectedOU }, ad.ErrProtected},
		{"disabled", workflow.KindUnlock, func(a *ad.Account) { lock(a); a.Disabled = true }, ad.ErrDisabled},
		{"expired", workflow.KindReset, func(a *ad.Account) { a.AccountExpires = time.Now() }, ad.ErrAccountExpired},
		{"smart card", workflow.KindReset, func(a *ad.Account) { a.SmartcardRequired = true }, workflow.ErrSmartcard},
		{"cannot change", workflow.KindReset, func(a *ad.Account) { a.CannotChange = true }, workflow.ErrNotChange},
		{"locked, change", workflow.KindChange, lock, ad.ErrLocked},
		{"never expires, one-time", workflow.KindOneTime, func(a *ad.Account) { a.PasswordNeverExpires = true }, workflow.ErrNeverAges},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.dir.edit(annGUID, c.edit)
				w.signIn(w.ann)
				_, err := w.engine.Submit(w.ctx, w.ann, c.kind, "")
				wantErr(t, err, c.want)
				if w.dir.written() != 0 || w.store.count(audit.RequestDenied) != 1 || w.store.count(audit.RequestSubmitted) != 0 {
					t.Fatalf("writes %d, events %v", w.dir.written(), w.store.events)
				}
				if got := w.store.events[0].Reason; got != c.want.Error() {
					t.Fatalf("reason %q", got)
				}
				a, _ := w.dir.read("", annGUID)
				for _, o := range w.engine.Options(w.ctx, w.ann, a) {
					if o.Kind == c.kind && (o.Allowed || o.Code != c.want.Error()) {
						t.Fatalf("option %+v", o)
					}
				}
			})
		})
	}
}

func TestAnAccountThatNeverExpiredMayAsk(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dir.edit(annGUID, func(a *ad.Account) { a.AccountExpires = time.Now().Add(time.Second) })
		wantState(t, w.submit(workflow.KindReset), workflow.Draft)
	})
}

func TestTheDecisionIsAnEventOfTheSubmission(t *testing.T) {
	inWorld(t, func(w *world) {
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "I forgot it")
		if err != nil {
			t.Fatal(err)
		}
		e := w.store.events[0]
		if e.Action != audit.RequestSubmitted || e.Detail["policy"] != "policy-1" || e.Detail["rule"] != "rule-1" ||
			e.Personal["reason"] != "I forgot it" || e.Personal["address"] != "192.0.2.7" || e.Actor != annGUID.String() {
			t.Fatalf("%+v", e)
		}
	})
}

func TestAPersonMayNotFloodTheStore(t *testing.T) {
	inWorld(t, func(w *world) {
		w.policy = workflow.Policy{}
		w.engine.SetPolicy(w.policy)
		for range 20 {
			_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
			wantErr(t, err, workflow.ErrNotAllowed)
		}
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrTooMany)
		if len(w.store.requests) != 20 {
			t.Fatalf("%d requests", len(w.store.requests))
		}
		time.Sleep(time.Hour)
		_, err = w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrNotAllowed)
	})
}

// Somebody with a session of a frozen account can't use up the hour of its owner, who is let in
// again; nor can they write without end while it is frozen.
func TestWhatAFreezeRefusedKeepsNobodyOutAfterIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.frozenNow()
		for range 20 {
			_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
			wantErr(t, err, workflow.ErrFrozen)
		}
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrTooMany)
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
			t.Fatal(err)
		}
		w.submit(workflow.KindReset)
	})
}

func TestSubmitRefusesBadInput(t *testing.T) {
	inWorld(t, func(w *world) {
		_, err := w.engine.Submit(w.ctx, w.ann, "deactivate", "")
		wantErr(t, err, workflow.ErrKind)
		for _, reason := range []string{string(make([]byte, 2001)), "\xff", "a\x00b"} {
			_, err = w.engine.Submit(w.ctx, w.ann, workflow.KindReset, reason)
			wantErr(t, err, workflow.ErrReason)
		}
		_, err = w.engine.Submit(w.ctx, workflow.Actor{}, workflow.KindReset, "")
		if err == nil || len(w.store.requests) != 0 {
			t.Fatal("nobody submitted something")
		}
	})
}

func TestNobodyReachesAnotherPersonsRequest(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		p := w.stepUp(w.ann, r.ID)
		bob := workflow.Actor{Account: bobGUID, Session: "session-bob"}
		value, old := values(r.Kind)
		_, errRequest := w.engine.Request(w.ctx, bob, r.ID)
		_, _, errStatement := w.engine.Statement(w.ctx, bob, r.ID)
		_, errProve := w.engine.Prove(w.ctx, bob, r.ID, p)
		_, errCheck := w.engine.CheckPassword(w.ctx, bob, r.ID, value)
		_, _, errExecute := w.engine.Execute(w.ctx, bob, r.ID, value, old)
		_, errSeen := w.engine.Seen(w.ctx, bob, r.ID)
		_, errCancel := w.engine.Cancel(w.ctx, bob, r.ID)
		for _, err := range []error{errRequest, errStatement, errProve, errCheck, errExecute, errSeen, errCancel} {
			wantErr(t, err, workflow.ErrNoRequest)
		}
		if mine, err := w.engine.Mine(w.ctx, bob); err != nil || len(mine) != 0 {
			t.Fatalf("%v, %v", mine, err)
		}
	})
}

func TestAStoreThatCannotFindTheSignInDenies(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.proofs.err = errors.New("disk")
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, w.proofs.err)
		if len(w.store.requests) != 0 {
			t.Fatal("a request was made")
		}
	})
}

// A proof is bound to one request; each artefact is tried everywhere else.
func TestProofsCountNowhereElse(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func(*world, *enroll.Proof)
		want error
	}{
		{"another account", func(_ *world, p *enroll.Proof) { p.Account = bobGUID }, workflow.ErrProofMismatch},
		{"another session", func(_ *world, p *enroll.Proof) { p.Session = "session-2" }, workflow.ErrProofMismatch},
		{"no session", func(_ *world, p *enroll.Proof) { p.Session = "" }, workflow.ErrProofMismatch},
		{"another label", func(_ *world, p *enroll.Proof) { p.Label = enroll.LabelAddPasskey }, workflow.ErrProofMismatch},
		{"no statement", func(_ *world, p *enroll.Proof) { p.Statement = nil }, workflow.ErrProofMismatch},
		{"a sign-in", func(w *world, p *enroll.Proof) { *p = w.signIn(w.ann) }, workflow.ErrProofMismatch},
		{"another request", func(w *world, p *enroll.Proof) {
			other := w.submit(workflow.KindOneTime)
			*p = w.stepUp(w.ann, other.ID)
		}, workflow.ErrProofMismatch},
		{"another kind of proof", func(_ *world, p *enroll.Proof) { p.Kind = enroll.ProofPassword }, workflow.ErrProofMismatch},
		{"no kind", func(_ *world, p *enroll.Proof) { p.Kind = "" }, workflow.ErrProofMismatch},
		{"no id", func(_ *world, p *enroll.Proof) { p.ID = "" }, workflow.ErrProofMismatch},
		{"too old", func(_ *world, _ *enroll.Proof) { time.Sleep(5*time.Minute + time.Second) }, workflow.ErrProofExpired},
		{"from the future", func(_ *world, p *enroll.Proof) { p.At = p.At.Add(time.Minute) }, workflow.ErrProofExpired},
		{"after the draft", func(_ *world, p *enroll.Proof) { time.Sleep(10 * time.Minute); p.At = time.Now() }, workflow.ErrExpired},
		{"consumed elsewhere", func(w *world, p *enroll.Proof) { w.store.used[p.ID] = "other" }, workflow.ErrProofUsed},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.submit(workflow.KindReset)
				p := w.stepUp(w.ann, r.ID)
				c.bend(w, &p)
				_, err := w.engine.Prove(w.ctx, w.ann, r.ID, p)
				wantErr(t, err, c.want)
				wantState(t, w.stored(r.ID), workflow.Draft)
				if w.store.count(audit.RequestProved) != 0 {
					t.Fatal("a proof was consumed")
				}
			})
		})
	}
}

func TestAProofCountsOnceAlsoAfterARestart(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		p := w.stepUp(w.ann, r.ID)
		if _, err := w.engine.Prove(w.ctx, w.ann, r.ID, p); err != nil {
			t.Fatal(err)
		}
		next := w.start(w.store, w.dir)
		_, err := next.Prove(w.ctx, w.ann, r.ID, p)
		wantErr(t, err, workflow.ErrNotDraft)
		if _, err := next.Cancel(w.ctx, w.ann, r.ID); err != nil {
			t.Fatal(err)
		}
		again := w.submit(workflow.KindReset)
		_, err = next.Prove(w.ctx, w.ann, again.ID, p)
		wantErr(t, err, workflow.ErrProofMismatch)
	})
}

func TestAnUnlockIsProvedAndExecutedInOne(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		wantState(t, w.approved(workflow.KindUnlock), workflow.Done)
		if w.dir.written() != 1 {
			t.Fatal(w.dir.writes)
		}
	})
}

func TestAllProofsOfOneAlternativeAreNeeded(t *testing.T) {
	inWorld(t, func(w *world) {
		both := [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPassword}}
		w.engine.SetPolicy(everyone("policy-2", both))
		r := w.submit(workflow.KindReset)
		if n := r.Needs(); len(n) != 2 {
			t.Fatalf("needs %v", n)
		}
		r, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, r, workflow.Draft)
		p := w.stepUp(w.ann, r.ID)
		p.Kind = enroll.ProofPassword
		r, err = w.engine.Prove(w.ctx, w.ann, r.ID, p)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, r, workflow.Approved)
	})
}

func TestProveDeniesWhatIsNoLongerAllowed(t *testing.T) {
	for _, c := range []struct {
		name string
		flip func(*world)
		want error
	}{
		{"protected", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }) }, ad.ErrProtected},
		{"disabled", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Disabled = true }) }, ad.ErrDisabled},
		{"policy", func(w *world) { w.engine.SetPolicy(workflow.Policy{Hash: "none"}) }, workflow.ErrNotAllowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.submit(workflow.KindReset)
				p := w.stepUp(w.ann, r.ID)
				c.flip(w)
				_, err := w.engine.Prove(w.ctx, w.ann, r.ID, p)
				wantErr(t, err, c.want)
				wantState(t, w.stored(r.ID), workflow.Draft)
				if len(w.store.used) != 0 {
					t.Fatal("the proof was consumed")
				}
			})
		})
	}
}

func TestCancelTakesBackWhatIsNotExecuted(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		for range 2 {
			got, err := w.engine.Cancel(w.ctx, w.ann, r.ID)
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, got, workflow.Cancelled)
		}
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrCancelled)
		if w.store.count(audit.RequestCancelled) != 1 || w.dir.written() != 0 {
			t.Fatal("cancelled twice, or written")
		}
	})
}
