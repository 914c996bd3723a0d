package workflow_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

var passwordKinds = []workflow.Kind{workflow.KindReset, workflow.KindChange, workflow.KindOneTime}

func TestEachKindWritesOnceOnTheControllerThatWasRead(t *testing.T) {
	for _, kind := range passwordKinds {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r, err := w.execute(w.approved(kind))
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, r, workflow.Done)
				if w.dir.written() != 1 || w.dir.writes[0].controller != "dc1.corp.example.test" ||
					w.dir.writes[0].mustChange != (kind == workflow.KindOneTime) {
					t.Fatalf("%+v", w.dir.writes)
				}
				if r.Result.After.KeyVersion != 8 || r.Intent.Before.KeyVersion != 7 {
					t.Fatalf("marks %+v, %+v", r.Intent.Before, r.Result.After)
				}
			})
		})
	}
}

func TestAResetOfALockedAccountUnlocksIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		r, err := w.execute(w.approved(workflow.KindReset))
		if err != nil || !r.Result.Unlocked || r.WatchUntil.IsZero() {
			t.Fatalf("%v, %+v", err, r)
		}
	})
}

func TestNothingIsWrittenWithoutAProof(t *testing.T) {
	for _, kind := range workflow.Kinds {
		inWorld(t, func(w *world) {
			if kind == workflow.KindUnlock {
				w.lock(annGUID)
			}
			r := w.submit(kind)
			_, err := w.execute(r)
			wantErr(t, err, workflow.ErrProofMissing)
			if w.dir.written() != 0 {
				t.Fatal("written")
			}
		})
	}
}

func TestOfManyExecutionsOneWrites(t *testing.T) {
	for _, kind := range passwordKinds {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.approved(kind)
				var done, lost atomic.Int32
				var all sync.WaitGroup
				for range 200 {
					all.Go(func() {
						_, err := w.execute(r)
						switch {
						case err == nil:
							done.Add(1)
						case errors.Is(err, workflow.ErrExecuting), errors.Is(err, workflow.ErrDone):
							lost.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				all.Wait()
				if done.Load() != 1 || lost.Load() != 199 || w.dir.written() != 1 || w.store.count(audit.ExecutionIntended) != 1 {
					t.Fatalf("%d done, %d lost, %d writes", done.Load(), lost.Load(), w.dir.written())
				}
			})
		})
	}
}

func TestWhileOneExecutesTheOthersAreTold(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.before = func(op string) error {
			if op == "reset-sent" {
				_, err := w.execute(r)
				wantErr(t, err, workflow.ErrExecuting)
				_, err = w.engine.Cancel(w.ctx, w.ann, r.ID)
				wantErr(t, err, workflow.ErrExecuting)
			}
			return nil
		}
		got, err := w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
	})
}

func TestOfManyUnlocksOneWrites(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
				if err != nil && !errors.Is(err, workflow.ErrNotLocked) && !errors.Is(err, workflow.ErrExecuting) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if w.dir.written() != 1 || w.store.count(audit.ExecutionDone) != 1 {
			t.Fatalf("%d writes", w.dir.written())
		}
	})
}

func TestAGeneratedPasswordIsShownOnceAndStoredNowhere(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindOneTime)
		_, shown, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{})
		if err != nil || shown.Empty() || shown.Reveal() != w.dir.writes[0].value {
			t.Fatalf("%v, shown %v", err, !shown.Empty())
		}
		for _, b := range w.store.requests {
			if strings.Contains(string(b), shown.Reveal()) {
				t.Fatal("the password is stored")
			}
		}
		got, err := w.engine.Request(w.ctx, w.ann, r.ID)
		if err != nil || got.Seen {
			t.Fatalf("%v, %+v", err, got)
		}
	})
}

func TestAnUnseenPasswordMayBeReplacedUntilItIsSeen(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindOneTime)
		_, first, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{})
		wantErr(t, err, workflow.ErrExecuting) // a second tap
		time.Sleep(4 * time.Second)
		_, second, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{})
		if err != nil || second.Reveal() == first.Reveal() || w.dir.written() != 2 {
			t.Fatalf("%v, %d writes", err, w.dir.written())
		}
		for range 2 {
			if got, err := w.engine.Seen(w.ctx, w.ann, r.ID); err != nil || !got.Seen {
				t.Fatalf("%v, %+v", err, got)
			}
		}
		time.Sleep(4 * time.Second)
		_, _, err = w.engine.Execute(w.ctx, w.ann, r.ID, secret.Text{}, secret.Text{})
		wantErr(t, err, workflow.ErrDone)
		if w.store.count(audit.GeneratedSeen) != 1 {
			t.Fatal("seen twice")
		}
	})
}

func TestAnUnseenPasswordIsNotReplacedAfterTheApprovalsDeadline(t *testing.T) {
	inWorld(t, func(w *world) {
		r, err := w.execute(w.approved(workflow.KindOneTime))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		_, err = w.execute(r)
		wantErr(t, err, workflow.ErrExpired)
		if w.dir.written() != 1 {
			t.Fatal("written again")
		}
	})
}

func TestOnlyAOneTimePasswordIsSeen(t *testing.T) {
	inWorld(t, func(w *world) {
		r, err := w.execute(w.approved(workflow.KindReset))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.engine.Seen(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrKind)
		_, err = w.execute(r)
		wantErr(t, err, workflow.ErrDone)
		one := w.approved(workflow.KindOneTime)
		_, err = w.engine.Seen(w.ctx, w.ann, one.ID)
		if err == nil {
			t.Fatal("a password that was never made was seen")
		}
	})
}

func TestAWeakPasswordChangesNothingAndCountsForNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		before := w.stored(r.ID)
		for _, value := range []string{"Harbour-weak-92", "Ab1-xyz", "all lower case words", "Ann-or-ann-92"} {
			_, _, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.New(value), secret.Text{})
			var refused *workflow.PasswordRefused
			if !errors.As(err, &refused) || password.OK(refused.Findings) || workflow.CodeOf(err) != "password.rules" {
				t.Fatalf("%q: %v", value, err)
			}
		}
		if after := w.stored(r.ID); after.Version != before.Version || w.dir.written() != 0 {
			t.Fatal("something changed")
		}
		wantErr(t, &workflow.PasswordRefused{}, workflow.ErrPasswordRules)
	})
}

func TestAJudgeThatFailsDenies(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.judge.err = errors.New("file is gone")
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrPasswordNotJudged)
		_, err = w.engine.CheckPassword(w.ctx, w.ann, r.ID, secret.New("Harbour-Violet-92"))
		wantErr(t, err, workflow.ErrPasswordNotJudged)
		wantState(t, w.stored(r.ID), workflow.Approved)
		if w.dir.written() != 0 {
			t.Fatal("written")
		}
	})
}

func TestEachKindTakesItsValuesOnly(t *testing.T) {
	some, none := secret.New("Harbour-Violet-92"), secret.Text{}
	for _, c := range []struct {
		kind       workflow.Kind
		value, old secret.Text
		want       error
	}{
		{workflow.KindReset, none, none, workflow.ErrPasswordMissing},
		{workflow.KindReset, some, some, workflow.ErrPasswordUnwanted},
		{workflow.KindChange, none, some, workflow.ErrPasswordMissing},
		{workflow.KindChange, some, none, workflow.ErrOldMissing},
		{workflow.KindOneTime, some, none, workflow.ErrPasswordUnwanted},
		{workflow.KindOneTime, none, some, workflow.ErrPasswordUnwanted},
	} {
		inWorld(t, func(w *world) {
			r := w.approved(c.kind)
			_, _, err := w.engine.Execute(w.ctx, w.ann, r.ID, c.value, c.old)
			wantErr(t, err, c.want)
			if w.dir.written() != 0 {
				t.Fatal("written")
			}
		})
	}
}

func TestFiveRefusedValuesEndTheApproval(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.refuse = fault("reset", ad.ErrPasswordHistory, ad.OutcomeNotWritten, nil)
		for try := 1; try <= 5; try++ {
			got, err := w.execute(r)
			wantErr(t, err, ad.ErrPasswordHistory)
			if got.Tries != try || got.Result.Code != "password.history" {
				t.Fatalf("%+v", got)
			}
		}
		wantState(t, w.stored(r.ID), workflow.Failed)
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrFailed)
		if w.store.count(audit.ExecutionRefused) != 4 || w.store.count(audit.ExecutionFailed) != 1 {
			t.Fatal("events")
		}
	})
}

func TestADirectoryThatIsAwayCountsNoTry(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.refuse = fault("reset", ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
		got, err := w.execute(r)
		wantErr(t, err, ad.ErrUnavailable)
		wantState(t, got, workflow.Approved)
		if got.Tries != 0 {
			t.Fatal("counted")
		}
		w.dir.refuse = nil
		got, err = w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
	})
}

func TestADiagnosticNeverLosesAnOutcome(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.refuse = &ad.Error{Cause: ad.ErrRefused, Outcome: ad.OutcomeNotWritten, Diagnostic: strings.Repeat("\xffé\x00", 9000)}
		got, err := w.execute(r)
		wantErr(t, err, ad.ErrRefused)
		wantState(t, got, workflow.Approved)
	})
}

func TestAnApprovedUnlockIsTriedAgainByItself(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		w.dir.refuse = fault("unlock", ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
		r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, ad.ErrUnavailable)
		wantState(t, r, workflow.Approved)
		w.dir.refuse = nil
		time.Sleep(30 * time.Second)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Done)
		if w.dir.written() != 1 {
			t.Fatal(w.dir.writes)
		}
	})
}

func TestSubmittingAgainTriesAnApprovedUnlockAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		w.dir.refuse = fault("unlock", ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, "")
		wantErr(t, err, ad.ErrUnavailable)
		w.dir.refuse = nil
		wantState(t, w.submit(workflow.KindUnlock), workflow.Done)
	})
}

func TestAChangeStopsTwoTriesBelowTheLockout(t *testing.T) {
	for _, c := range []struct {
		name      string
		threshold int
		bad       int
		lastBad   time.Duration // ago
		source    ad.PolicySource
		left      int
	}{
		{"none used", 5, 0, 0, ad.PolicyDomain, 3},
		{"one left", 5, 2, time.Minute, ad.PolicyDomain, 1},
		{"none left", 5, 3, time.Minute, ad.PolicyDomain, 0},
		{"past it", 5, 9, time.Minute, ad.PolicyDomain, 0},
		{"window over", 5, 3, 36 * time.Minute, ad.PolicyDomain, 3},
		{"window over by less than the clocks may differ", 5, 3, 31 * time.Minute, ad.PolicyDomain, 0},
		{"small threshold", 2, 0, 0, ad.PolicyDomain, 0},
		{"nothing locks", 0, 50, time.Minute, ad.PolicyDomain, -1},
		{"threshold unknown", -1, 0, 0, ad.PolicyPSO, 0},
		{"count unknown", 5, -1, 0, ad.PolicyDomain, 0},
		{"policy unreadable", 0, 0, 0, ad.PolicyUnreadable, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.dir.policy.LockoutThreshold, w.dir.policy.Source = c.threshold, c.source
				w.dir.edit(annGUID, func(a *ad.Account) {
					if a.BadPasswords = c.bad; c.lastBad > 0 {
						a.LastBad = time.Now().Add(-c.lastBad)
					}
				})
				rules, err := w.engine.Rules(w.ctx, w.ann)
				if err != nil || rules.ChangeTriesLeft != c.left {
					t.Fatalf("%v, %d left, want %d", err, rules.ChangeTriesLeft, c.left)
				}
				_, err = w.execute(w.approved(workflow.KindChange))
				if c.left != 0 {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				wantErr(t, err, workflow.ErrNoTries)
				if w.dir.written() != 0 || len(w.dir.calls) == 0 || w.store.count(audit.ExecutionIntended) != 0 {
					t.Fatal("the directory was asked")
				}
			})
		})
	}
}

func TestAChangeNeverBecomesAReset(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindChange)
		for _, cause := range []ad.Cause{ad.ErrOldPassword, ad.ErrPasswordRules, ad.ErrRights} {
			w.dir.refuse = fault("change", cause, ad.OutcomeNotWritten, nil)
			_, err := w.execute(r)
			wantErr(t, err, cause)
		}
		for _, call := range w.dir.calls {
			if strings.HasPrefix(call, "reset") {
				t.Fatal("a change became a reset")
			}
		}
	})
}

func TestAChangeWaitsForTheMinimumAge(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dir.edit(annGUID, func(a *ad.Account) { a.PasswordSet = time.Now().Add(-time.Hour) })
		r := w.approved(workflow.KindChange)
		_, err := w.execute(r)
		wantErr(t, err, ad.ErrPasswordTooYoung)
		var detailed *workflow.Detailed
		if !errors.As(err, &detailed) || detailed.Params["until"] != time.Now().Add(23*time.Hour).UTC().Format(time.RFC3339) {
			t.Fatalf("%+v", detailed)
		}
		w.dir.edit(annGUID, func(a *ad.Account) { a.MustChange, a.PasswordSet = true, time.Time{} })
		got, err := w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
	})
}

func TestAnApprovalEndsWithItsHour(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		time.Sleep(time.Hour)
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrExpired)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Expired)
		if w.dir.written() != 0 || w.store.count(audit.RequestExpired) != 1 {
			t.Fatal("written, or no event")
		}
	})
}

// The account or the policy changes between the steps: nothing is written.
func TestStaleStateIsNeverWrittenOn(t *testing.T) {
	flips := []struct {
		name string
		flip func(*world)
		want error
		left workflow.State
	}{
		{"protected", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }) }, ad.ErrProtected, workflow.Failed},
		{"disabled", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Disabled = true }) }, ad.ErrDisabled, workflow.Failed},
		{"expired", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.AccountExpires = time.Now() }) }, ad.ErrAccountExpired, workflow.Failed},
		{"left the group", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Groups = []string{groupUsers} }) }, workflow.ErrNotAllowed, workflow.Failed},
		{"membership unreadable", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Groups = nil }) }, workflow.ErrNotAllowed, workflow.Failed},
		{"another account answers", func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.GUID = bobGUID }) }, workflow.ErrOtherOne, ""},
		{"policy withdrawn", func(w *world) { w.engine.SetPolicy(workflow.Policy{Hash: "none"}) }, workflow.ErrNotAllowed, workflow.Failed},
		{"policy asks for more", func(w *world) {
			w.engine.SetPolicy(everyone("policy-2", [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPassword}}))
		}, workflow.ErrProofMissing, workflow.Draft},
	}
	for _, at := range []string{"before the execution", "right before the write"} {
		for _, c := range flips {
			for _, kind := range workflow.Kinds {
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
		w.dir.before = func(op string) error {
			if op == last {
				w.dir.before = nil
				flip(w)
			}
			return nil
		}
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
			w.dir.before = func(op string) error {
				if op == writeOf(kind) {
					w.dir.edit(annGUID, func(a *ad.Account) { a.Marks.KeyVersion++ })
				}
				return nil
			}
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
		w.dir.before = func(op string) error {
			if op == "reset" {
				time.Sleep(16 * time.Second) // a controller that thinks for long
			}
			return nil
		}
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
		w.dir.before = func(op string) error {
			if op == "reset" {
				leave()
			}
			return nil
		}
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
		w.dir.before = func(op string) error {
			if op == "reset" {
				close(waiting)
				time.Sleep(3 * time.Second)
			}
			return nil
		}
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

func TestRulesAreThePersonsOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dir.policy.Source, w.dir.policy.Name, w.dir.policy.MinLength = ad.PolicyPSO, "strict", 16
		rules, err := w.engine.Rules(w.ctx, w.ann)
		if err != nil || !rules.Known || rules.MinLength != 16 || rules.Policy != "strict" || len(rules.Names) == 0 ||
			!rules.Strength || !rules.Banned || rules.Breached || rules.MinScore != 3 {
			t.Fatalf("%v, %+v", err, rules)
		}
		w.dir.policy.Source = ad.PolicyUnreadable
		rules, err = w.engine.Rules(w.ctx, w.ann)
		if err != nil || rules.Known || rules.MinLength != 0 {
			t.Fatalf("%v, %+v", err, rules)
		}
	})
}

func TestAPasswordIsJudgedBehindItsApprovalOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		_, err := w.engine.CheckPassword(w.ctx, w.ann, r.ID, secret.New("x"))
		wantErr(t, err, workflow.ErrProofMissing)
		if _, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID)); err != nil {
			t.Fatal(err)
		}
		findings, err := w.engine.CheckPassword(w.ctx, w.ann, r.ID, secret.New("weak"))
		if err != nil || password.OK(findings) || len(findings) < 3 {
			t.Fatalf("%v, %+v", err, findings)
		}
		one := w.approved(workflow.KindOneTime)
		_, err = w.engine.CheckPassword(w.ctx, w.ann, one.ID, secret.New("x"))
		wantErr(t, err, workflow.ErrPasswordUnwanted)
		if w.dir.written() != 0 {
			t.Fatal("written")
		}
	})
}
