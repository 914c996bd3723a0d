package workflow_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// frozenNow freezes Ann and returns what she would sign.
func (w *world) frozenNow() (label string, statement []byte) {
	w.t.Helper()
	if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
		w.t.Fatal(err)
	}
	label, statement, err := w.engine.BeginThaw(w.ctx, w.ann)
	if err != nil {
		w.t.Fatal(err)
	}
	return label, statement
}

func TestAPasskeyAsksForTheThawAndLiftsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		label, statement := w.frozenNow()
		time.Sleep(time.Minute)
		if err := w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, statement)); err != nil {
			t.Fatal(err)
		}
		f, err := w.engine.OwnFreeze(w.ctx, w.ann)
		if err != nil || f == nil || !f.Asked.Equal(time.Now().UTC().Truncate(time.Millisecond)) {
			t.Fatalf("%v, %+v", err, f)
		}
		w.wantFrozen(t, true)
		_, err = w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrFrozen)
		if w.store.count(audit.AccountAskedFor) != 1 || w.store.told(ad.GUID{}, workflow.NoticeThaw) != 1 {
			t.Fatal("nobody is told")
		}
		for _, e := range w.store.events {
			if e.Action == audit.AccountAskedFor && (e.Detail["receipt_label"] != workflow.ThawLabel || e.Actor != annGUID.String()) {
				t.Errorf("%+v", e)
			}
		}
		// Again, within the hour and after it: the alert comes once for each.
		for _, wait := range []time.Duration{time.Minute, 58 * time.Minute, time.Hour} {
			time.Sleep(wait)
			if err := w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, statement)); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.store.told(ad.GUID{}, workflow.NoticeThaw); n != 2 || w.store.count(audit.AccountAskedFor) != 4 {
			t.Fatalf("%d alerts", n)
		}
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
			t.Fatal(err)
		}
		w.submit(workflow.KindReset)
	})
}

// What was proved about something else, or by somebody else, or before, asks for nothing.
func TestAThawTakesAProofAboutThisVeryFreeze(t *testing.T) {
	inWorld(t, func(w *world) {
		_, _, err := w.engine.BeginThaw(w.ctx, w.ann)
		wantErr(t, err, workflow.ErrNotFrozen)
		draft := w.submit(workflow.KindReset)
		request := w.stepUp(w.ann, draft.ID)
		label, earlier := w.frozenNow()
		used := signed(w.ann, label, earlier)
		if err := w.engine.AskThaw(w.ctx, w.ann, used); err != nil {
			t.Fatal(err)
		}
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
			t.Fatal(err)
		}
		wantErr(t, w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, earlier)), workflow.ErrNotFrozen)
		time.Sleep(time.Second)
		label, statement := w.frozenNow()
		good := func() enroll.Proof { return signed(w.ann, label, statement) }
		for name, c := range map[string]struct {
			bend func(*enroll.Proof)
			want error
		}{
			"about an earlier freeze": {func(p *enroll.Proof) { p.Statement = earlier }, workflow.ErrProofMismatch},
			"a request's":             {func(p *enroll.Proof) { *p = request }, workflow.ErrProofMismatch},
			"a request's label":       {func(p *enroll.Proof) { p.Label = workflow.Label }, workflow.ErrProofMismatch},
			"a freeze's label":        {func(p *enroll.Proof) { p.Label = workflow.FreezeLabel }, workflow.ErrProofMismatch},
			"another person's":        {func(p *enroll.Proof) { p.Account = bobGUID }, workflow.ErrProofMismatch},
			"another session's":       {func(p *enroll.Proof) { p.Session = "x" }, workflow.ErrProofMismatch},
			"a password":              {func(p *enroll.Proof) { p.Kind = enroll.ProofPassword }, workflow.ErrProofMismatch},
			"none":                    {func(p *enroll.Proof) { *p = enroll.Proof{} }, workflow.ErrProofMismatch},
			"a stale one":             {func(p *enroll.Proof) { p.At = p.At.Add(-6 * time.Minute) }, workflow.ErrProofExpired},
			"a used one":              {func(p *enroll.Proof) { p.ID = used.ID }, workflow.ErrProofUsed},
		} {
			p := good()
			c.bend(&p)
			err := w.engine.AskThaw(w.ctx, w.ann, p)
			if err == nil {
				t.Errorf("%s asked", name)
			} else {
				wantErr(t, err, c.want)
			}
		}
		if f := w.store.frozen[annGUID]; !f.Asked.IsZero() || w.store.count(audit.AccountAskedFor) != 1 {
			t.Fatalf("%+v", f)
		}
		// Somebody else's proof is about their own account.
		bob := workflow.Actor{Account: bobGUID, Session: "session-bob"}
		wantErr(t, w.engine.AskThaw(w.ctx, bob, signed(bob, label, statement)), workflow.ErrNotFrozen)
		w.store.before = func(op string) error {
			if op == "ask-thaw" {
				return errDown
			}
			return nil
		}
		wantErr(t, w.engine.AskThaw(w.ctx, w.ann, good()), errDown)
	})
}

// Lifting from the command line takes that its owner proved it, or that somebody means
// it otherwise and stands by it in the log. Its owner is told of both.
func TestAFreezeIsLiftedByITOnlyAfterAProofOrByIntent(t *testing.T) {
	for name, c := range map[string]struct {
		proved bool
		by     workflow.Lifter
		want   error
	}{
		"nothing proved":            {false, workflow.Lifter{By: audit.ActorOperator, User: "root, sudo by kim"}, workflow.ErrUnproved},
		"nothing proved, by intent": {false, workflow.Lifter{By: audit.ActorOperator, User: "root, sudo by kim", WithoutProof: true}, nil},
		"proved":                    {true, workflow.Lifter{By: audit.ActorOperator, User: "root, sudo by kim"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				label, statement := w.frozenNow()
				if c.proved {
					if err := w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, statement)); err != nil {
						t.Fatal(err)
					}
				}
				wantErr(t, w.engine.Unfreeze(w.ctx, annGUID, c.by), c.want)
				w.wantFrozen(t, c.want != nil)
				if c.want != nil {
					if w.store.count(audit.AccountUnfrozen) != 0 || w.store.told(annGUID, workflow.NoticeThawed) != 0 {
						t.Error("something happened")
					}
					return
				}
				e := w.store.events[len(w.store.events)-1]
				if e.Action != audit.AccountUnfrozen || e.Detail["proved"] != c.proved || e.Personal["user"] != c.by.User || w.store.told(annGUID, workflow.NoticeThawed) != 1 {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}
