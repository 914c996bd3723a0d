package workflow_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

// An approval holds for as long as whoever gave it could give it (docs/security.md,
// rule 9): what IT takes from a manager, the manager's approvals lose too.
func TestAnApprovalEndsWithItsApprover(t *testing.T) {
	for _, c := range []struct {
		name string
		tier workflow.Tier
		by   workflow.Actor
		flip func(*world)
	}{
		{"disabled", byManager, boss, func(w *world) { w.dir.edit(bossGUID, func(a *ad.Account) { a.Disabled = true }) }},
		{"expired", byManager, boss, func(w *world) { w.dir.edit(bossGUID, func(a *ad.Account) { a.AccountExpires = time.Now() }) }},
		{"no manager any more", byManager, boss, func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "CN=hal," + staffOU }) }},
		{"deleted", byManager, boss, func(w *world) { w.dir.edit(bossGUID, func(a *ad.Account) { delete(w.dir.accounts, bossGUID) }) }},
		{"frozen", byManager, boss, func(w *world) { w.store.frozen[bossGUID] = workflow.Freeze{} }},
		{"without a passkey", byManager, boss, func(w *world) { w.store.keyless[bossGUID] = true }},
		{"not in the group any more", bySecurity, hal, func(w *world) { w.dir.edit(halGUID, func(a *ad.Account) { a.Groups = []string{groupUsers} }) }},
	} {
		for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindOneTime, workflow.KindChange} {
			t.Run(c.name+"/"+string(kind), func(t *testing.T) {
				underReview(t, c.tier, "", func(w *world) {
					w.dir.policy.MinAge = 0
					r := w.pending(kind)
					if _, err := w.approve(c.by, r); err != nil {
						t.Fatal(err)
					}
					time.Sleep(50 * time.Minute)
					c.flip(w)
					_, err := w.execute(r)
					wantErr(t, err, workflow.ErrApproverOut)
					wantState(t, w.stored(r.ID), workflow.Failed)
					if w.dir.written() != 0 || w.store.count(audit.ExecutionIntended) != 0 {
						t.Fatalf("written %d, intended %d", w.dir.written(), w.store.count(audit.ExecutionIntended))
					}
				})
			})
		}
	}
}

// What the store knows of an approver is looked at once more on the write's own
// connection.
func TestAnApproverWhoIsOutRightBeforeTheWriteStopsIt(t *testing.T) {
	for name, flip := range map[string]func(*world){
		"frozen":            func(w *world) { w.store.frozen[bossGUID] = workflow.Freeze{} },
		"without a passkey": func(w *world) { w.store.keyless[bossGUID] = true },
	} {
		t.Run(name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				w.lock(annGUID)
				r := w.pending(workflow.KindUnlock)
				w.dir.on(func(op string) error {
					if op == "unlock" {
						w.dir.on(nil)
						flip(w)
					}
					return nil
				})
				seen, err := w.approve(boss, r)
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, seen.Request, workflow.Failed)
				if seen.Request.Result.Code != string(workflow.ErrApproverOut) || w.dir.written() != 0 {
					t.Fatalf("%+v, written %d", seen.Request.Result, w.dir.written())
				}
			})
		})
	}
}

// That an approver can't be looked at says nothing against the approval.
func TestAnApproverWhoCannotBeReadDeniesAndEndsNothing(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		if _, err := w.approve(boss, r); err != nil {
			t.Fatal(err)
		}
		w.store.before = func(op string) error {
			if op == "has-passkey" {
				return errors.New("disk")
			}
			return nil
		}
		_, err := w.execute(r)
		if err == nil || w.dir.written() != 0 {
			t.Fatalf("%v, written %d", err, w.dir.written())
		}
		w.store.before = nil
		wantState(t, w.stored(r.ID), workflow.Approved)
		done, err := w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, done, workflow.Done)
	})
}
