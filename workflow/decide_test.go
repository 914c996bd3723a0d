package workflow_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// unchanged holds a request to what it was, but for the count of its updates.
func (w *world) unchanged(t *testing.T, before workflow.Request) {
	t.Helper()
	after := w.stored(before.ID)
	after.Version, after.Updated = before.Version, before.Updated
	was, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	if is, err := json.Marshal(after); err != nil || string(was) != string(is) {
		t.Fatalf("%v, changed\nfrom %s\nto   %s", err, was, is)
	}
	if w.dir.written() != 0 {
		t.Fatal("written")
	}
}

// decisions are everything that a reviewer may say; each has its proof by then.
func (w *world) decisions(r workflow.Request, who workflow.Actor, p enroll.Proof) map[string]func() error {
	err := func(_ workflow.Reviewed, err error) error { return err }
	return map[string]func() error{
		"begin":   func() error { _, _, err := w.engine.BeginApproval(w.ctx, who, r.ID, w.stored(r.ID).Number); return err },
		"approve": func() error { return err(w.engine.Approve(w.ctx, who, r.ID, p)) },
		"deny":    func() error { return err(w.engine.Deny(w.ctx, who, r.ID, "other", "")) },
		"report":  func() error { return err(w.engine.Report(w.ctx, who, r.ID)) },
	}
}

// Whatever happened since the reviewer opened the request stops the decision, and
// nothing is changed.
func TestADecisionIsHeldToWhatIsTrueNow(t *testing.T) {
	target := func(fn func(*ad.Account)) func(*world) { return func(w *world) { w.dir.edit(annGUID, fn) } }
	approver := func(fn func(*ad.Account)) func(*world) { return func(w *world) { w.dir.edit(bossGUID, fn) } }
	for _, c := range []struct {
		name string
		flip func(*world)
		want error
		// denies: a denial is held to it as well.
		denies bool
	}{
		{"another manager", target(func(a *ad.Account) { a.ManagerDN = "CN=hal," + staffOU }), workflow.ErrNotApprover, true},
		{"no manager any more", target(func(a *ad.Account) { a.ManagerDN = "" }), workflow.ErrNotApprover, true},
		{"a manager who is gone", target(func(a *ad.Account) { a.ManagerDN = "CN=gone," + staffOU }), workflow.ErrNotApprover, true},
		{"a disabled manager", approver(func(a *ad.Account) { a.Disabled = true }), workflow.ErrNotApprover, true},
		{"an expired manager", approver(func(a *ad.Account) { a.AccountExpires = time.Now() }), workflow.ErrNotApprover, true},
		{"a frozen manager", func(w *world) { w.store.frozen[bossGUID] = workflow.Freeze{} }, workflow.ErrFrozen, true},
		{"a protected target", target(func(a *ad.Account) { a.Protected = ad.ProtectedAdmin }), ad.ErrProtected, false},
		{"a disabled target", target(func(a *ad.Account) { a.Disabled = true }), ad.ErrDisabled, false},
		{"an expired target", target(func(a *ad.Account) { a.AccountExpires = time.Now() }), ad.ErrAccountExpired, false},
		{"a frozen target", func(w *world) { w.store.frozen[annGUID] = workflow.Freeze{} }, workflow.ErrFrozen, false},
		{"a policy that forbids it", func(w *world) { w.engine.SetPolicy(workflow.Policy{Hash: "none"}) }, workflow.ErrNotAllowed, false},
		{"a policy that asks others", func(w *world) { w.engine.SetPolicy(reviewedBy(bySecurity, "")) }, workflow.ErrNotApprover, false},
		{"a directory that is away", func(w *world) {
			w.dir.on(func(op string) error { return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown) })
		}, ad.ErrUnavailable, true},
		{"another account's answer", func(w *world) {
			w.dir.accounts[bossGUID].GUID = guid(99)
		}, workflow.ErrOtherOne, true},
	} {
		for _, step := range []string{"begin", "approve", "deny", "report"} {
			if !c.denies && (step == "deny" || step == "report") {
				continue
			}
			t.Run(c.name+"/"+step, func(t *testing.T) {
				underReview(t, byManager, "", func(w *world) {
					r := w.pending(workflow.KindReset)
					decide := w.decisions(r, boss, w.signature(boss, r))[step]
					used := len(w.store.used)
					c.flip(w)
					wantErr(t, decide(), c.want)
					w.unchanged(t, r)
					refused := errors.Is(c.want, workflow.ErrNotApprover) || errors.Is(c.want, workflow.ErrFrozen)
					if got := w.store.count(audit.ReviewRefused); (got == 1) != refused || len(w.store.used) != used {
						t.Fatalf("%d refusals, %d proofs", got, len(w.store.used))
					}
				})
			})
		}
	}
}

func TestAMemberWhoLeftTheGroupDecidesNothing(t *testing.T) {
	for name, groups := range map[string][]string{"left": {groupUsers}, "unknown": nil} {
		t.Run(name, func(t *testing.T) {
			underReview(t, bySecurity, "", func(w *world) {
				r := w.pending(workflow.KindReset)
				p := w.signature(hal, r)
				w.dir.edit(halGUID, func(a *ad.Account) { a.Groups = groups })
				for step, decide := range w.decisions(r, hal, p) {
					if err := decide(); err == nil {
						t.Errorf("%s went through", step)
					}
				}
				w.unchanged(t, r)
				if _, err := w.approve(ida, r); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// Whoever stands in keeps the seat when the manager is back, and the manager who
// was not asked gets none.
func TestAStandInKeepsTheSeat(t *testing.T) {
	underReview(t, managerOr, "", func(w *world) {
		w.store.keyless[bossGUID] = true
		r := w.pending(workflow.KindReset)
		delete(w.store.keyless, bossGUID)
		_, err := w.engine.Review(w.ctx, boss, r.ID)
		wantErr(t, err, workflow.ErrNoRequest)
		if _, err := w.approve(ida, r); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhoHasNoSeatFindsNothing(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		p := w.signature(boss, r)
		nobody := workflow.Actor{}
		bob := workflow.Actor{Account: bobGUID, Session: "session-bob"}
		for _, who := range []workflow.Actor{hal, bob, w.ann, nobody} {
			for step, decide := range w.decisions(r, who, p) {
				if err := decide(); !errors.Is(err, workflow.ErrNoRequest) {
					t.Errorf("%s: %v", step, err)
				}
			}
			_, err := w.engine.Review(w.ctx, who, r.ID)
			wantErr(t, err, workflow.ErrNoRequest)
			_, _, err = w.engine.BeginFreeze(w.ctx, who, r.ID)
			wantErr(t, err, workflow.ErrNoRequest)
			_, err = w.engine.Freeze(w.ctx, who, r.ID, p)
			wantErr(t, err, workflow.ErrNoRequest)
		}
		_, err := w.engine.Review(w.ctx, boss, "unknown")
		wantErr(t, err, workflow.ErrNoRequest)
		w.unchanged(t, r)
	})
}

func TestADecisionThatComesTooLate(t *testing.T) {
	for _, c := range []struct {
		name string
		flip func(*world, workflow.Request)
		want error
		// report: what a report gets, where that differs.
		report error
	}{
		{"expired, and no job was there", func(*world, workflow.Request) { time.Sleep(15 * time.Minute) }, workflow.ErrExpired, nil},
		{"expired", func(w *world, _ workflow.Request) { time.Sleep(15 * time.Minute); w.engine.Tick(w.ctx) }, workflow.ErrExpired, nil},
		{"cancelled", func(w *world, r workflow.Request) { _, _ = w.engine.Cancel(w.ctx, w.ann, r.ID) }, workflow.ErrCancelled, nil},
		{"denied by another", func(w *world, r workflow.Request) { _, _ = w.engine.Deny(w.ctx, ida, r.ID, "unsure", "") }, workflow.ErrReviewed, nil},
		{"reported by another", func(w *world, r workflow.Request) { _, _ = w.engine.Report(w.ctx, ida, r.ID) }, workflow.ErrReviewed, nil},
		{"executed", func(w *world, r workflow.Request) {
			if _, err := w.approve(ida, r); err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.execute(r); err != nil {
				w.t.Fatal(err)
			}
		}, workflow.ErrReviewed, workflow.ErrDone},
		{"approved by another, and expired", func(w *world, r workflow.Request) {
			if _, err := w.approve(ida, r); err != nil {
				w.t.Fatal(err)
			}
			time.Sleep(time.Hour)
			w.engine.Tick(w.ctx)
		}, workflow.ErrReviewed, workflow.ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			tier := bySecurity
			tier.Within = 15 * time.Minute
			underReview(t, tier, "", func(w *world) {
				w.dir.policy.MinAge = 0
				r := w.pending(workflow.KindReset)
				p := w.signature(hal, r)
				c.flip(w, r)
				before, events := w.stored(r.ID), len(w.store.events)
				for step, decide := range w.decisions(r, hal, p) {
					want := c.want
					if step == "report" && c.report != nil {
						want = c.report
					}
					if err := decide(); !errors.Is(err, want) {
						t.Errorf("%s: %v, want %v", step, err, want)
					}
				}
				if after := w.stored(r.ID); after.Version != before.Version || len(w.store.events) != events {
					t.Fatalf("changed: %+v", after)
				}
				seen, err := w.engine.Approve(w.ctx, hal, r.ID, p)
				if err == nil || seen.Request.ID != r.ID || seen.Request.State != before.State && before.State != workflow.Pending {
					t.Fatalf("%v beside %+v", err, seen.Request)
				}
			})
		})
	}
}

func TestDecidingTwiceIsToldWithTheRequestBesideIt(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		phone, tablet := w.signature(boss, r), w.signature(boss, r)
		if _, err := w.engine.Approve(w.ctx, boss, r.ID, phone); err != nil {
			t.Fatal(err)
		}
		for _, p := range []enroll.Proof{phone, tablet} {
			seen, err := w.engine.Approve(w.ctx, boss, r.ID, p)
			wantErr(t, err, workflow.ErrReviewed)
			if seen.Request.State != workflow.Approved || seen.Code != "review.decided" || seen.Open {
				t.Fatalf("%+v", seen)
			}
		}
		_, err := w.engine.Deny(w.ctx, boss, r.ID, "unsure", "")
		wantErr(t, err, workflow.ErrReviewed)
		if got := w.stored(r.ID); len(got.Reviews) != 1 || w.store.count(audit.ReviewApproved) != 1 || w.store.told(annGUID, workflow.NoticeApproved) != 1 {
			t.Fatalf("%+v", got.Reviews)
		}
	})
}

func TestAnApprovalTakesItsOwnFreshProof(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func(*world, *enroll.Proof)
		want error
	}{
		{"a sign-in", func(_ *world, p *enroll.Proof) { p.Label, p.Statement = "", nil }, workflow.ErrProofMismatch},
		{"another label", func(_ *world, p *enroll.Proof) { p.Label = workflow.FreezeLabel }, workflow.ErrProofMismatch},
		{"a requester's label", func(_ *world, p *enroll.Proof) { p.Label = workflow.Label }, workflow.ErrProofMismatch},
		{"another request's statement", func(w *world, p *enroll.Proof) {
			p.Statement = w.signature(boss, w.pending(workflow.KindChange)).Statement
		}, workflow.ErrProofMismatch},
		{"one bit of the statement", func(_ *world, p *enroll.Proof) { p.Statement[20] ^= 1 }, workflow.ErrProofMismatch},
		{"another session", func(_ *world, p *enroll.Proof) { p.Session = "session-tablet" }, workflow.ErrProofMismatch},
		{"no session", func(_ *world, p *enroll.Proof) { p.Session = "" }, workflow.ErrProofMismatch},
		{"another person's", func(_ *world, p *enroll.Proof) { p.Account = halGUID }, workflow.ErrProofMismatch},
		{"a password", func(_ *world, p *enroll.Proof) { p.Kind = enroll.ProofPassword }, workflow.ErrProofMismatch},
		{"nameless", func(_ *world, p *enroll.Proof) { p.ID = "" }, workflow.ErrProofMismatch},
		{"stale", func(*world, *enroll.Proof) { time.Sleep(5*time.Minute + time.Second) }, workflow.ErrProofExpired},
		{"from the future", func(_ *world, p *enroll.Proof) { p.At = p.At.Add(time.Minute) }, workflow.ErrProofExpired},
		{"used by this request", func(w *world, p *enroll.Proof) { p.ID = w.mine()[0].Proofs[0].ID }, workflow.ErrProofUsed},
		{"used by another request", func(w *world, p *enroll.Proof) { p.ID = w.pending(workflow.KindChange).Proofs[0].ID }, workflow.ErrProofUsed},
	} {
		t.Run(c.name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				r := w.pending(workflow.KindReset)
				p := w.signature(boss, r)
				c.bend(w, &p)
				_, err := w.engine.Approve(w.ctx, boss, r.ID, p)
				wantErr(t, err, c.want)
				w.unchanged(t, r)
			})
		})
	}
}

func TestAnApprovalsProofCountsNowhereElse(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		p := w.signature(boss, r)
		if _, err := w.engine.Approve(w.ctx, boss, r.ID, p); err != nil {
			t.Fatal(err)
		}
		other := w.pending(workflow.KindChange)
		q := w.signature(boss, other)
		q.ID = p.ID
		_, err := w.engine.Approve(w.ctx, boss, other.ID, q)
		wantErr(t, err, workflow.ErrProofUsed)
		w.unchanged(t, other)
	})
}

func TestADenialTakesAReasonOfTheList(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		for _, c := range [][2]string{
			{"", ""}, {"no-such", ""}, {"Other", ""}, {"other", strings.Repeat("x", workflow.MaxDenial+1)}, {"other", "nul\x00"}, {"other", "\xff"},
		} {
			_, err := w.engine.Deny(w.ctx, boss, r.ID, c[0], c[1])
			wantErr(t, err, workflow.ErrChip)
		}
		w.unchanged(t, r)
		if _, err := w.engine.Deny(w.ctx, boss, r.ID, "other", strings.Repeat("語", 300)); err != nil {
			t.Fatal(err)
		}
	})
}
