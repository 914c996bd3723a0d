package workflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// other is a pair of digits that is not the number.
func other(number string) string {
	if number == "11" {
		return "12"
	}
	return "11"
}

func TestWhenTheNumberIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		number workflow.Number
		proof  enroll.ProofKind
		want   bool
	}{
		{workflow.NumberRequired, enroll.ProofPasskey, true},
		{workflow.NumberRequired, enroll.ProofPassword, true},
		{workflow.NumberWeakProof, enroll.ProofPasskey, false},
		{workflow.NumberWeakProof, enroll.ProofPassword, true},
		{"", enroll.ProofPasskey, false},
		{"", enroll.ProofPassword, true},
		{workflow.NumberOff, enroll.ProofPassword, false},
	} {
		t.Run(fmt.Sprintf("%s/%s", c.number, c.proof), func(t *testing.T) {
			underReview(t, byManager, c.number, func(w *world) {
				for kind, act := range w.policy.Rules[0].Acts {
					act.Prove = [][]enroll.ProofKind{{c.proof}}
					w.policy.Rules[0].Acts[kind] = act
				}
				r := w.submit(workflow.KindReset)
				p := w.stepUp(w.ann, r.ID)
				p.Kind = c.proof
				r, err := w.engine.Prove(w.ctx, w.ann, r.ID, p)
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, r, workflow.Pending)
				seen, err := w.engine.Review(w.ctx, boss, r.ID)
				if err != nil || (r.Number != "") != c.want || seen.Number != c.want {
					t.Fatalf("%v, number %q, asked for: %v", err, r.Number, seen.Number)
				}
				weak := len(seen.Signs) == 1 && seen.Signs[0].Code == "weak-proof"
				if weak != (c.proof == enroll.ProofPassword) {
					t.Fatalf("signs %+v", seen.Signs)
				}
				if _, err := w.approve(boss, r); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestTheThirdWrongNumberCancelsTheRequest(t *testing.T) {
	underReview(t, byManager, workflow.NumberRequired, func(w *world) {
		r := w.pending(workflow.KindReset)
		if len(r.Number) != 2 {
			t.Fatalf("number %q", r.Number)
		}
		// What is no number is refused, and is no try.
		for _, typo := range []string{"", "4", "123", "1a", "１１", r.Number + " "} {
			_, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, typo)
			wantLeft(t, err, "3")
		}
		for left := 2; left > 0; left-- {
			_, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, other(r.Number))
			wantLeft(t, err, fmt.Sprint(left))
			wantState(t, w.stored(r.ID), workflow.Pending)
		}
		_, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, other(r.Number))
		wantErr(t, err, workflow.ErrNumberUsed)
		after := w.stored(r.ID)
		wantState(t, after, workflow.Cancelled)
		if after.Result.Code != "review.number-cancelled" || w.store.told(annGUID, workflow.NoticeDenied) != 1 || w.store.count(audit.RequestCancelled) != 1 {
			t.Fatalf("%+v", after.Result)
		}
		if told := w.store.notices[len(w.store.notices)-1]; told.Kind != workflow.NoticeDenied || told.Params["numbers"] != "true" {
			t.Fatalf("told %+v", told)
		}
		_, _, err = w.engine.BeginApproval(w.ctx, boss, r.ID, r.Number)
		wantErr(t, err, workflow.ErrCancelled)
	})
}

func wantLeft(t *testing.T, err error, left string) {
	t.Helper()
	wantErr(t, err, workflow.ErrNumber)
	var detail *workflow.Detailed
	if !errors.As(err, &detail) || detail.Params["left"] != left {
		t.Fatalf("%+v, want %s left", detail, left)
	}
}

func TestWrongNumbersOfManyCountTogether(t *testing.T) {
	underReview(t, bySecurity, workflow.NumberRequired, func(w *world) {
		r := w.pending(workflow.KindReset)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				who := []workflow.Actor{hal, ida}[i%2]
				if _, _, err := w.engine.BeginApproval(w.ctx, who, r.ID, other(r.Number)); err == nil {
					t.Error("a wrong number went through")
				}
			})
		}
		all.Wait()
		after := w.stored(r.ID)
		wantState(t, after, workflow.Cancelled)
		if after.WrongNumbers != 3 || w.store.count(audit.RequestCancelled) != 1 {
			t.Fatalf("%d counted", after.WrongNumbers)
		}
	})
}

// A proof that was begun before is worth nothing without the right number.
func TestAStatementWithoutTheNumberApprovesNothing(t *testing.T) {
	underReview(t, byManager, workflow.NumberRequired, func(w *world) {
		r := w.pending(workflow.KindReset)
		p := w.signature(boss, r)
		var fields map[string]any
		if err := json.Unmarshal(p.Statement, &fields); err != nil {
			t.Fatal(err)
		}
		for _, bend := range []func(){
			func() { delete(fields, "number") },
			func() { fields["number"] = other(r.Number) },
		} {
			bend()
			forged, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.engine.Approve(w.ctx, boss, r.ID, signed(boss, workflow.ReviewLabel, forged))
			wantErr(t, err, workflow.ErrProofMismatch)
		}
		w.unchanged(t, r)
	})
}

// The two digits are the requester's: nothing that a reviewer is handed, and no
// notice, tells them; the log does only with the approval that they belong to.
func TestNoReviewerIsHandedTheNumber(t *testing.T) {
	underReview(t, managerOr, workflow.NumberRequired, func(w *world) {
		r := w.pending(workflow.KindReset)
		number := fmt.Sprintf("%q", r.Number)
		hands := func(what string, v any) {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), number) || strings.Contains(string(b), `"salts"`) {
				t.Errorf("%s tells the number: %s", what, b)
			}
		}
		seen, err := w.engine.Review(w.ctx, boss, r.ID)
		if err != nil || !seen.Number {
			t.Fatalf("%v, %+v", err, seen)
		}
		hands("review", seen)
		waiting, _, err := w.engine.Inbox(w.ctx, boss)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%v, %d", err, len(waiting))
		}
		hands("inbox", waiting)
		hands("notices", w.store.notices)
		hands("events", w.store.events)
		w.dir.on(func(op string) error { return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, nil) })
		refused, err := w.engine.Deny(w.ctx, boss, r.ID, "other", "")
		wantErr(t, err, ad.ErrUnavailable)
		hands("a refusal", refused)
		w.dir.on(nil)
		after, err := w.approve(boss, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range after.Request.Reviews {
			if v.Statement != nil {
				t.Error("the statement tells the number")
			}
		}
		hands("an approval", after)
	})
}
