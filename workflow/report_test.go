package workflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

func TestAReportStopsARequestAlsoAfterItsApproval(t *testing.T) {
	for _, c := range []struct {
		name string
		flip func(*world, workflow.Request)
		want workflow.State
	}{
		{"pending", func(*world, workflow.Request) {}, workflow.Denied},
		{"approved", func(w *world, r workflow.Request) { _, _ = w.approve(boss, r) }, workflow.Cancelled},
		{"a draft again", func(w *world, r workflow.Request) {
			_, _ = w.approve(boss, r)
			elsewhere := w.ann
			elsewhere.Session = "session-elsewhere"
			value, old := values(r.Kind)
			_, _, err := w.engine.Execute(w.ctx, elsewhere, r.ID, value, old)
			wantErr(w.t, err, workflow.ErrProofMissing)
		}, workflow.Cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				r := w.pending(workflow.KindReset)
				c.flip(w, r)
				for range 2 {
					seen, err := w.engine.Report(w.ctx, boss, r.ID)
					if err != nil {
						t.Fatal(err)
					}
					wantState(t, seen.Request, c.want)
				}
				if w.stored(r.ID).Result.Code != "review.reported" || w.store.count(audit.ReviewReported) != 1 || w.store.told(annGUID, workflow.NoticeDenied) != 1 {
					t.Fatalf("%+v", w.stored(r.ID).Result)
				}
				if n := w.store.notices[len(w.store.notices)-1]; n.Params["reported"] != "true" {
					t.Fatalf("%+v", n)
				}
				_, err := w.execute(r)
				wantErr(t, err, map[workflow.State]error{workflow.Denied: workflow.ErrDenied, workflow.Cancelled: workflow.ErrCancelled}[c.want])
			})
		})
	}
}

func (w *world) freeze(who workflow.Actor, id string) (workflow.Reviewed, error) {
	w.t.Helper()
	label, statement, err := w.engine.BeginFreeze(w.ctx, who, id)
	if err != nil {
		return workflow.Reviewed{}, err
	}
	return w.engine.Freeze(w.ctx, who, id, signed(who, label, statement))
}

func TestAFreezeStopsEverythingForTheAccount(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		reset, change := w.pending(workflow.KindReset), w.pending(workflow.KindChange)
		draft := w.submit(workflow.KindOneTime)
		if _, err := w.engine.Report(w.ctx, boss, reset.ID); err != nil {
			t.Fatal(err)
		}
		seen, err := w.freeze(boss, reset.ID)
		if err != nil || !seen.Frozen {
			t.Fatalf("%v, %+v", err, seen)
		}
		for _, id := range []string{change.ID, draft.ID} {
			wantState(t, w.stored(id), workflow.Cancelled)
		}
		if len(w.store.ended) != 1 || w.store.ended[0].Account != annGUID || w.store.ended[0].Keep != "" {
			t.Fatalf("sessions %+v", w.store.ended)
		}
		if w.store.count(audit.AccountFrozen) != 1 || w.store.told(annGUID, workflow.NoticeFrozen) != 1 || w.store.told(ad.GUID{}, workflow.NoticeAlert) != 1 {
			t.Fatal("not told")
		}
		if f := w.store.frozen[annGUID]; f.By != bossGUID || f.Request != reset.ID {
			t.Fatalf("%+v", f)
		}
		_, err = w.freeze(boss, reset.ID)
		wantErr(t, err, workflow.ErrReviewed)
	})
}

func TestAFreezeTakesAReportAndAProofOfItsOwn(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		_, err := w.freeze(hal, r.ID)
		wantErr(t, err, workflow.ErrNotAllowed)
		approval := w.signature(hal, r)
		if _, err := w.engine.Report(w.ctx, hal, r.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.freeze(ida, r.ID)
		wantErr(t, err, workflow.ErrNotAllowed)

		label, statement, err := w.engine.BeginFreeze(w.ctx, hal, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		good := func() enroll.Proof { return signed(hal, label, statement) }
		for name, bend := range map[string]func(*enroll.Proof){
			"an approval's proof": func(p *enroll.Proof) { *p = approval },
			"another session":     func(p *enroll.Proof) { p.Session = "x" },
			"another person":      func(p *enroll.Proof) { p.Account = idaGUID },
			"a password":          func(p *enroll.Proof) { p.Kind = enroll.ProofPassword },
			"a used one":          func(p *enroll.Proof) { p.ID = r.Proofs[0].ID },
			"a stale one":         func(p *enroll.Proof) { p.At = p.At.Add(-6 * time.Minute) },
		} {
			p := good()
			bend(&p)
			if _, err := w.engine.Freeze(w.ctx, hal, r.ID, p); err == nil {
				t.Errorf("%s froze", name)
			}
		}
		if len(w.store.frozen) != 0 || len(w.store.ended) != 0 {
			t.Fatal("frozen")
		}
		if _, err := w.engine.Freeze(w.ctx, hal, r.ID, good()); err != nil {
			t.Fatal(err)
		}
	})
}

// A report is no right over the account that is kept: whoever is not asked any
// more, or comes a day later, freezes nobody.
func TestAFreezeTakesWhoIsStillAskedAndSoon(t *testing.T) {
	for name, c := range map[string]struct {
		flip func(*world)
		want error
	}{
		"another manager": {func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "CN=hal," + staffOU }) }, workflow.ErrNotApprover},
		"disabled":        {func(w *world) { w.dir.edit(bossGUID, func(a *ad.Account) { a.Disabled = true }) }, workflow.ErrNotApprover},
		"frozen":          {func(w *world) { w.store.frozen[bossGUID] = workflow.Freeze{Account: bossGUID} }, workflow.ErrFrozen},
		"a day later":     {func(*world) { time.Sleep(24 * time.Hour) }, workflow.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				r := w.pending(workflow.KindReset)
				if _, err := w.engine.Report(w.ctx, boss, r.ID); err != nil {
					t.Fatal(err)
				}
				label, statement, err := w.engine.BeginFreeze(w.ctx, boss, r.ID)
				if err != nil {
					t.Fatal(err)
				}
				c.flip(w)
				_, err = w.engine.Freeze(w.ctx, boss, r.ID, signed(boss, label, statement))
				wantErr(t, err, c.want)
				_, _, err = w.engine.BeginFreeze(w.ctx, boss, r.ID)
				wantErr(t, err, c.want)
				if _, frozen := w.store.frozen[annGUID]; frozen || len(w.store.ended) != 0 {
					t.Fatal("frozen")
				}
			})
		})
	}
}

func TestNothingIsDoneForAFrozenAccount(t *testing.T) {
	inWorld(t, func(w *world) {
		w.staff()
		draft, approved := w.submit(workflow.KindChange), w.approved(workflow.KindReset)
		p := w.stepUp(w.ann, draft.ID)
		w.lock(annGUID)
		w.signIn(w.ann)
		w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID}
		value, old := values(workflow.KindReset)
		for name, step := range map[string]func() error{
			"submit":       func() error { _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, ""); return err },
			"submit again": func() error { _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); return err },
			"prove":        func() error { _, err := w.engine.Prove(w.ctx, w.ann, draft.ID, p); return err },
			"check":        func() error { _, err := w.engine.CheckPassword(w.ctx, w.ann, approved.ID, value); return err },
			"execute":      func() error { _, _, err := w.engine.Execute(w.ctx, w.ann, approved.ID, value, old); return err },
		} {
			if err := step(); !errors.Is(err, workflow.ErrFrozen) {
				t.Errorf("%s: %v", name, err)
			}
		}
		account, err := w.engine.Account(w.ctx, w.ann)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range w.engine.Options(w.ctx, w.ann, account) {
			if o.Allowed || o.Code != "account.frozen" {
				t.Errorf("%+v", o)
			}
		}
		if w.dir.written() != 0 || len(w.store.used) != 1 {
			t.Fatal("something was done")
		}
	})
}

// The freeze comes between the last check and the write.
func TestAFreezeRightBeforeTheWriteStopsIt(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindUnlock, workflow.KindReset} {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.lock(annGUID)
				w.dir.on(func(op string) error {
					if op == "unlock" || op == "reset" {
						w.store.mu.Lock()
						w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID}
						w.store.mu.Unlock()
					}
					return nil
				})
				r := w.submit(kind)
				r, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
				if kind == workflow.KindReset && err == nil {
					_, err = w.execute(r)
				}
				wantErr(t, err, workflow.ErrFrozen)
				wantState(t, w.stored(w.mine()[0].ID), workflow.Failed)
				if w.dir.written() != 0 {
					t.Fatal("written")
				}
			})
		})
	}
}

func TestAFreezeThatCannotBeLookedUpStopsTheWrite(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		seen := 0
		w.store.before = func(op string) error {
			if op == "frozen" {
				if seen++; seen > 2 {
					return errDown
				}
			}
			return nil
		}
		_, err := w.execute(r)
		wantErr(t, err, errDown)
		after := w.stored(r.ID)
		wantState(t, after, workflow.Approved)
		if after.Tries != 0 || w.dir.written() != 0 {
			t.Fatalf("%d tries, %d writes", after.Tries, w.dir.written())
		}
		account, err := w.engine.Account(w.ctx, w.ann)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range w.engine.Options(w.ctx, w.ann, account) {
			if o.Allowed || o.Code == "" {
				t.Errorf("%+v", o)
			}
		}
	})
}

func TestAnUnfrozenAccountIsServedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID}
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
			t.Fatal(err)
		}
		if w.store.count(audit.AccountUnfrozen) != 1 {
			t.Fatal("not in the log")
		}
		wantErr(t, w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}), workflow.ErrNotFrozen)
		w.submit(workflow.KindReset)
	})
}

// The other requests of a frozen account are stopped one by one: what the store
// refuses at that moment is stopped at its next step.
func TestAFreezeStandsWhereOtherRequestsCannotBeCancelled(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		reset, change := w.pending(workflow.KindReset), w.pending(workflow.KindChange)
		p := w.signature(boss, change)
		if _, err := w.engine.Report(w.ctx, boss, reset.ID); err != nil {
			t.Fatal(err)
		}
		updates := 0
		w.store.before = func(op string) error {
			if op == "update" {
				if updates++; updates > 1 {
					return errDown
				}
			}
			return nil
		}
		if _, err := w.freeze(boss, reset.ID); err != nil {
			t.Fatal(err)
		}
		w.store.before = nil
		wantState(t, w.stored(change.ID), workflow.Pending)
		_, err := w.engine.Approve(w.ctx, boss, change.ID, p)
		wantErr(t, err, workflow.ErrFrozen)
		time.Sleep(time.Hour)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(change.ID), workflow.Expired)
	})
}

func TestAnEngineWithoutFreezesServesNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		bare := workflow.New(workflow.Config{
			Store: struct{ workflow.Store }{w.store}, Directory: w.dir, Proofs: w.proofs, Judge: w.judge, Policy: w.policy,
		})
		_, err := bare.Submit(context.Background(), w.ann, workflow.KindReset, "")
		if err == nil {
			t.Fatal("served")
		}
		if err := bare.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err == nil {
			t.Fatal("unfrozen")
		}
		if _, err := bare.Thaws(w.ctx, boss); err == nil {
			t.Fatal("nobody asks for a thaw")
		}
	})
}
