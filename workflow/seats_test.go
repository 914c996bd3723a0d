package workflow_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

func TestWhoIsAsked(t *testing.T) {
	managedBy := func(dn string) func(*world) {
		return func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = dn }) }
	}
	on := func(g ad.GUID, fn func(*ad.Account)) func(*world) {
		return func(w *world) { w.dir.edit(g, fn) }
	}
	keyless := func(g ad.GUID) func(*world) { return func(w *world) { w.store.keyless[g] = true } }
	both := []ad.GUID{halGUID, idaGUID}
	for _, c := range []struct {
		name string
		tier workflow.Tier
		flip func(*world)
		want []ad.GUID
	}{
		{"the manager", managerOr, func(*world) {}, []ad.GUID{bossGUID}},
		{"no manager", managerOr, managedBy(""), both},
		{"no manager and nobody else", byManager, managedBy(""), nil},
		{"a manager who is gone", managerOr, managedBy("CN=gone," + staffOU), both},
		{"a manager whose name is hostile", managerOr, managedBy("<GUID=00000000>*)("), both},
		{"their own manager", managerOr, managedBy("CN=ann," + staffOU), both},
		{"their own manager and nobody else", byManager, managedBy("CN=ann," + staffOU), nil},
		{"a disabled manager", managerOr, on(bossGUID, func(a *ad.Account) { a.Disabled = true }), both},
		{"an expired manager", managerOr, on(bossGUID, func(a *ad.Account) { a.AccountExpires = time.Now() }), both},
		{"a manager without a passkey", managerOr, keyless(bossGUID), both},
		{"a frozen manager", managerOr, func(w *world) { w.store.frozen[bossGUID] = workflow.Freeze{} }, both},
		{"a locked manager reviews", managerOr, on(bossGUID, lock), []ad.GUID{bossGUID}},
		{"a manager who reports to Ann", managerOr, on(bossGUID, func(a *ad.Account) { a.ManagerDN = "CN=ann," + staffOU }), []ad.GUID{bossGUID}},
		{"a manager of the group that stands in", managerOr, managedBy("CN=hal," + staffOU), []ad.GUID{halGUID}},
		{"a group", bySecurity, func(*world) {}, both},
		{"a group with the requester in it", bySecurity, on(annGUID, func(a *ad.Account) { a.Groups = append(a.Groups, groupSecurity) }), both},
		{"a group with one who can", bySecurity, keyless(halGUID), []ad.GUID{idaGUID}},
		{"a group with nobody who can", bySecurity, func(w *world) { keyless(halGUID)(w); keyless(idaGUID)(w) }, nil},
		{"a group that lists everybody twice", bySecurity, func(w *world) { w.dir.twice = true }, both},
		{"an empty group", workflow.Tier{By: workflow.Approvers{Group: &workflow.Group{SID: "S-1-5-21-1-2-3-9999"}}}, func(*world) {}, nil},
		{"nobody stands in", managerOr, func(w *world) {
			managedBy("")(w)
			keyless(halGUID)(w)
			on(idaGUID, func(a *ad.Account) { a.Disabled = true })(w)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			underReview(t, c.tier, "", func(w *world) {
				c.flip(w)
				r, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
				if len(c.want) == 0 {
					wantErr(t, err, workflow.ErrNoApprover)
					w.keptAsDenied(t, workflow.ErrNoApprover)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				r, err = w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
				if err != nil {
					t.Fatal(err)
				}
				w.wantAsked(t, r, c.want)
			})
		})
	}
}

func (w *world) wantAsked(t *testing.T, r workflow.Request, want []ad.GUID) {
	t.Helper()
	wantState(t, r, workflow.Pending)
	if len(r.Asked) != len(want) {
		t.Fatalf("asked %+v, want %v", r.Asked, want)
	}
	for i, seat := range r.Asked {
		if seat.Account != want[i] || w.store.told(want[i], workflow.NoticeReview) != 1 {
			t.Fatalf("asked %+v, want %v", r.Asked, want)
		}
	}
}

func (w *world) keptAsDenied(t *testing.T, cause error) {
	t.Helper()
	list := w.mine()
	if len(list) != 1 || list[0].State != workflow.Denied || list[0].Result.Code != workflow.CodeOf(cause) || w.store.count(audit.RequestDenied) != 1 {
		t.Fatalf("%+v", list)
	}
}

func TestAGroupIsAskedUpToItsLimit(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		for n := range byte(60) {
			p := person(guid(100+n), fmt.Sprintf("many-%02d", n))
			p.Groups = append(p.Groups, groupSecurity)
			w.dir.add(p)
			w.store.keyless[p.GUID] = n < 10
		}
		if r := w.pending(workflow.KindReset); len(r.Asked) != 25 {
			t.Fatalf("%d asked", len(r.Asked))
		}
	})
}

func TestNobodyLeftWhenTheProofComesDeniesTheStep(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.submit(workflow.KindReset)
		p := w.stepUp(w.ann, r.ID)
		w.store.keyless[bossGUID] = true
		_, err := w.engine.Prove(w.ctx, w.ann, r.ID, p)
		wantErr(t, err, workflow.ErrNoApprover)
		wantState(t, w.stored(r.ID), workflow.Draft)
		if len(w.store.used) != 0 {
			t.Fatal("the proof was consumed")
		}
		delete(w.store.keyless, bossGUID)
		if r, err = w.engine.Prove(w.ctx, w.ann, r.ID, p); err != nil {
			t.Fatal(err)
		}
		wantState(t, r, workflow.Pending)
	})
}

func TestADirectoryThatCannotNameReviewersDenies(t *testing.T) {
	for _, c := range []struct {
		tier workflow.Tier
		side string
		op   string
	}{{byManager, "directory", "by-dn"}, {bySecurity, "directory", "members"}, {managerOr, "directory", "by-dn"}, {byManager, "store", "has-passkey"}, {byManager, "store", "frozen"}} {
		t.Run(c.op, func(t *testing.T) {
			underReview(t, c.tier, "", func(w *world) {
				fail := func(op string) error {
					if op == c.op {
						return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown)
					}
					return nil
				}
				w.dir.on(fail)
				w.store.before = fail
				_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
				wantErr(t, err, ad.ErrUnavailable)
				if len(w.store.requests) != 0 {
					t.Fatal("something was kept")
				}
			})
		})
	}
}

func TestWithoutAWayToFindReviewersNothingIsReviewed(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		bare := workflow.New(workflow.Config{
			Store: struct{ workflow.Store }{w.store}, Directory: struct{ workflow.Directory }{w.dir},
			Proofs: w.proofs, Judge: w.judge, Policy: w.policy, Freezes: w.store,
		})
		_, err := bare.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrNotAllowed)
	})
}

// A company at random, with managers in circles, missing and their own: whoever
// is asked could be, is nobody's own judge, and has no second seat.
func TestInAnyCompanyOnlyOthersReview(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			w := newWorld(t)
			w.policy = reviewedBy([]workflow.Tier{byManager, bySecurity, managerOr}[rnd.IntN(3)], "")
			w.engine.SetPolicy(w.policy)
			people := w.populate(rnd)
			for _, g := range people {
				who := workflow.Actor{Account: g, Session: "session-" + g.String()}
				w.asksOthersOnly(t, who, seed)
			}
		})
	}
}

func (w *world) populate(rnd *rand.Rand) (people []ad.GUID) {
	n := 2 + rnd.IntN(6)
	for i := range n {
		p := person(guid(byte(40+i)), fmt.Sprintf("p%d", i))
		p.ManagerDN = []string{"", "CN=gone," + staffOU, fmt.Sprintf("CN=p%d,%s", rnd.IntN(n), staffOU)}[min(2, rnd.IntN(6))]
		p.Disabled = rnd.IntN(6) == 0
		if rnd.IntN(3) == 0 {
			p.Groups = append(p.Groups, groupSecurity)
		}
		w.store.keyless[p.GUID] = rnd.IntN(4) == 0
		if rnd.IntN(8) == 0 {
			w.store.frozen[p.GUID] = workflow.Freeze{Account: p.GUID}
		}
		w.dir.add(p)
		people = append(people, p.GUID)
	}
	return people
}

func (w *world) asksOthersOnly(t *testing.T, who workflow.Actor, seed uint64) {
	r, err := w.engine.Submit(w.ctx, who, workflow.KindReset, "")
	if err != nil {
		if !errors.Is(err, workflow.ErrNoApprover) && !errors.Is(err, workflow.ErrFrozen) && !errors.Is(err, ad.ErrDisabled) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		return
	}
	r, err = w.engine.Prove(w.ctx, who, r.ID, w.stepUp(who, r.ID))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	wantState(t, r, workflow.Pending)
	seats := map[ad.GUID]bool{}
	for _, s := range r.Asked {
		a := w.dir.accounts[s.Account]
		if _, frozen := w.store.frozen[s.Account]; s.Account == who.Account || seats[s.Account] || a.Disabled || w.store.keyless[s.Account] || frozen {
			t.Fatalf("seed %d: %s asked %+v", seed, who.Account, r.Asked)
		}
		seats[s.Account] = true
	}
}
