package workflow_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

// Another session proves anew; the review counts still, and lasts no longer.
func TestAnotherSessionNeedsNoSecondReviewAndGetsNoMoreTime(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.dir.policy.MinAge = 0
		r := w.pending(workflow.KindReset)
		seen, err := w.approve(boss, r)
		if err != nil {
			t.Fatal(err)
		}
		until := seen.Request.Deadline
		for i, session := range []string{"session-2", "session-3"} {
			time.Sleep(27 * time.Minute)
			w.ann.Session = session
			_, err = w.execute(r)
			wantErr(t, err, workflow.ErrProofMissing)
			draft := w.stored(r.ID)
			wantState(t, draft, workflow.Draft)
			if draft.Deadline.After(until) {
				t.Fatalf("%v after %v", draft.Deadline, until)
			}
			again, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, again, workflow.Approved)
			if !again.Deadline.Equal(until) || w.store.count(audit.ReviewAsked) != 1 {
				t.Fatalf("round %d: until %v, was %v", i, again.Deadline, until)
			}
		}
		done, err := w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, done, workflow.Done)
	})
}

func TestADraftOfAReviewedRequestEndsWithItsApproval(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		if _, err := w.approve(boss, r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(57 * time.Minute)
		w.ann.Session = "session-2"
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrProofMissing)
		p := w.stepUp(w.ann, r.ID)
		time.Sleep(3 * time.Minute)
		_, err = w.engine.Prove(w.ctx, w.ann, r.ID, p)
		wantErr(t, err, workflow.ErrExpired)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Expired)
	})
}

// The policy asks for a review, for others, or for the number, since: nothing is
// written before they have answered.
func TestAReviewAddedSinceIsAskedForAndThenTheWriteHappens(t *testing.T) {
	for _, c := range []struct {
		name     string
		was, now workflow.Policy
		by       workflow.Actor
	}{
		{"none before", everyone("policy-1", passkey), reviewedBy(byManager, ""), boss},
		{"others", reviewedBy(byManager, ""), reviewedBy(bySecurity, ""), hal},
		{"the number", reviewedBy(byManager, ""), reviewedBy(byManager, workflow.NumberRequired), boss},
	} {
		for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindUnlock} {
			t.Run(c.name+"/"+string(kind), func(t *testing.T) {
				underReview(t, byManager, "", func(w *world) {
					w.lock(annGUID)
					w.engine.SetPolicy(c.was)
					r := w.underWay(t, kind, c.now)
					r = w.stored(r.ID)
					wantState(t, r, workflow.Draft)
					if len(r.Needs()) == 0 || w.dir.written() != 0 {
						t.Fatalf("needs %v, %d writes", r.Needs(), w.dir.written())
					}
					// What executes by itself is told when it does not.
					alone := kind == workflow.KindUnlock && c.name != "none before"
					if n := w.store.told(annGUID, workflow.NoticeFailed); alone != (n == 1) {
						t.Fatalf("told %d times that it did not happen", n)
					}
					for _, v := range r.Reviews {
						if !v.Void {
							t.Fatalf("%+v counts", v)
						}
					}
					r, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
					if err != nil {
						t.Fatal(err)
					}
					wantState(t, r, workflow.Pending)
					seen, err := w.approve(c.by, r)
					if err != nil {
						t.Fatal(err)
					}
					if kind != workflow.KindUnlock {
						if seen.Request, err = w.execute(r); err != nil {
							t.Fatal(err)
						}
					}
					wantState(t, seen.Request, workflow.Done)
				})
			})
		}
	}
}

// underWay brings a request to where the policy changes right before its write.
func (w *world) underWay(t *testing.T, kind workflow.Kind, next workflow.Policy) workflow.Request {
	t.Helper()
	w.dir.on(func(op string) error {
		if op == "unlock" || op == "reset" {
			w.engine.SetPolicy(next)
		}
		return nil
	})
	r := w.submit(kind)
	r, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
	if r.State == workflow.Pending {
		_, err = w.approve(boss, r)
	}
	if kind == workflow.KindReset && err == nil {
		_, err = w.execute(r)
	}
	if err != nil {
		wantErr(t, err, workflow.ErrProofMissing)
	}
	w.dir.on(nil)
	return w.mine()[0]
}

// A policy that asks for nobody any more, or for a longer wait, lets what was
// reviewed through.
func TestAReviewCountsUnderAPolicyThatAsksForLess(t *testing.T) {
	longer := byManager
	longer.Within = time.Hour
	for name, policy := range map[string]workflow.Policy{
		"nobody": everyone("policy-2", passkey), "longer": reviewedBy(longer, workflow.NumberOff),
	} {
		t.Run(name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				r := w.pending(workflow.KindReset)
				p := w.signature(boss, r)
				w.engine.SetPolicy(policy)
				if _, err := w.engine.Approve(w.ctx, boss, r.ID, p); err != nil {
					t.Fatal(err)
				}
				done, err := w.execute(r)
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, done, workflow.Done)
			})
		})
	}
}

// A review that the policy asks for while the request is a draft is asked for
// when its proof comes.
func TestADraftTakesOverAReview(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.engine.SetPolicy(everyone("policy-1", passkey))
		r := w.submit(workflow.KindReset)
		p := w.stepUp(w.ann, r.ID)
		w.engine.SetPolicy(w.policy)
		r, err := w.engine.Prove(w.ctx, w.ann, r.ID, p)
		if err != nil {
			t.Fatal(err)
		}
		w.wantAsked(t, r, r.Audience()[1:])
		if r.Decision.Policy != "policy-review" {
			t.Fatalf("%+v", r.Decision)
		}
	})
}
