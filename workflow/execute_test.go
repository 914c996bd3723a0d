package workflow_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
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
	for _, kind := range writing {
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
				w.dir.policy.MinAge = 0 // or the others find the new password too young
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
		w.dir.on(func(op string) error {
			if op == "reset-sent" {
				_, err := w.execute(r)
				wantErr(t, err, workflow.ErrExecuting)
				_, err = w.engine.Cancel(w.ctx, w.ann, r.ID)
				wantErr(t, err, workflow.ErrExecuting)
			}
			return nil
		})
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
