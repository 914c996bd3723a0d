package workflow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

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
