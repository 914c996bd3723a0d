package workflow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

const groupSecurity = "S-1-5-21-1-2-3-1300"

var (
	bossGUID = guid(10)
	halGUID  = guid(11) // of the security group
	idaGUID  = guid(12) // likewise
	boss     = workflow.Actor{Account: bossGUID, Session: "session-boss", Device: "Tablet", Address: "198.51.100.4"}
	hal      = workflow.Actor{Account: halGUID, Session: "session-hal"}
	ida      = workflow.Actor{Account: idaGUID, Session: "session-ida"}

	byManager  = workflow.Tier{By: workflow.Approvers{Manager: true}, Within: 15 * time.Minute}
	security   = &workflow.Group{DN: "CN=Security", SID: groupSecurity}
	bySecurity = workflow.Tier{By: workflow.Approvers{Group: security}}
	managerOr  = workflow.Tier{By: workflow.Approvers{Manager: true}, Else: &workflow.Approvers{Group: security}}
)

// reviewedBy is a policy under which the tier approves whatever is asked for.
func reviewedBy(tier workflow.Tier, number workflow.Number) workflow.Policy {
	p := everyone("policy-review", passkey)
	for kind, act := range p.Rules[0].Acts {
		act.Approve, act.Number = []workflow.Tier{tier}, number
		p.Rules[0].Acts[kind] = act
	}
	return p
}

// underReview is a company where Ann's boss approves, and two of the security
// group stand in.
func underReview(t *testing.T, tier workflow.Tier, number workflow.Number, test func(*world)) {
	t.Helper()
	inWorld(t, func(w *world) {
		w.reviewed(tier, number)
		test(w)
	})
}

func (w *world) reviewed(tier workflow.Tier, number workflow.Number) {
	w.staff()
	w.policy = reviewedBy(tier, number)
	w.engine.SetPolicy(w.policy)
}

func (w *world) staff() {
	w.dir.add(person(bossGUID, "boss"))
	for g, name := range map[ad.GUID]string{halGUID: "hal", idaGUID: "ida"} {
		p := person(g, name)
		p.Groups = append(p.Groups, groupSecurity)
		w.dir.add(p)
	}
	w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "CN=boss," + staffOU })
}

// pending submits and proves.
func (w *world) pending(kind workflow.Kind) workflow.Request {
	w.t.Helper()
	r := w.approved(kind)
	wantState(w.t, r, workflow.Pending)
	return r
}

var proofNumber int

// signed is the proof over a statement.
func signed(who workflow.Actor, label string, statement []byte) enroll.Proof {
	proofNumber++
	return enroll.Proof{
		ID: fmt.Sprint("review-", proofNumber), Kind: enroll.ProofPasskey, Account: who.Account, Session: who.Session,
		Label: label, Statement: statement, At: time.Now(),
		Receipt: enroll.Receipt{
			CredentialID: []byte{1}, ClientDataJSON: []byte("{}"), AuthenticatorData: []byte{2}, Signature: []byte{3}, Nonce: []byte{4},
		},
	}
}

func (w *world) signature(who workflow.Actor, r workflow.Request) enroll.Proof {
	w.t.Helper()
	label, statement, err := w.engine.BeginApproval(w.ctx, who, r.ID, w.stored(r.ID).Number)
	if err != nil {
		w.t.Fatalf("begin approval: %v", err)
	}
	return signed(who, label, statement)
}

func (w *world) approve(who workflow.Actor, r workflow.Request) (workflow.Reviewed, error) {
	w.t.Helper()
	return w.engine.Approve(w.ctx, who, r.ID, w.signature(who, r))
}

func TestAManagersApprovalLetsTheRequesterSetAPassword(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindReset, workflow.KindChange, workflow.KindOneTime} {
		t.Run(string(kind), func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				w.dir.policy.MinAge = 0
				r := w.pending(kind)
				if len(r.Asked) != 1 || r.Asked[0].Account != bossGUID || r.Number != "" {
					t.Fatalf("asked %+v, number %q", r.Asked, r.Number)
				}
				if left := time.Until(r.Deadline); left != 15*time.Minute {
					t.Fatalf("%v left", left)
				}
				if _, err := w.execute(r); err == nil {
					t.Fatal("executed without a review")
				}
				seen, err := w.approve(boss, r)
				if err != nil || seen.Request.State != workflow.Approved || seen.Open {
					t.Fatalf("%v, %+v", err, seen)
				}
				if left := time.Until(seen.Request.Deadline); left != time.Hour {
					t.Fatalf("%v left", left)
				}
				done, err := w.execute(r)
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, done, workflow.Done)
				for kind, to := range map[string]ad.GUID{
					workflow.NoticeReview: bossGUID, workflow.NoticeApproved: annGUID, workflow.NoticeChanged: annGUID,
				} {
					if w.store.told(to, kind) != 1 {
						t.Errorf("%s: told %d times", kind, w.store.told(to, kind))
					}
				}
			})
		})
	}
}

func TestAnApprovedUnlockExecutesByItself(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		r := w.submit(workflow.KindUnlock)
		wantState(t, r, workflow.Pending)
		seen, err := w.approve(boss, r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, seen.Request, workflow.Done)
		if w.dir.written() != 1 || w.store.count(audit.ReviewApproved) != 1 {
			t.Fatalf("%d writes", w.dir.written())
		}
	})
}

func TestADenialEndsTheRequestAndTheRequesterIsTold(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		seen, err := w.engine.Deny(w.ctx, boss, r.ID, "not-now", "call me first")
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, seen.Request, workflow.Denied)
		mine, err := w.engine.Request(w.ctx, w.ann, r.ID)
		if err != nil || len(mine.Reviews) != 1 || mine.Reviews[0].Chip != "not-now" || mine.Reviews[0].Reason != "call me first" {
			t.Fatalf("%v, %+v", err, mine.Reviews)
		}
		if w.store.told(annGUID, workflow.NoticeDenied) != 1 {
			t.Fatal("not told")
		}
		_, err = w.execute(r)
		wantErr(t, err, workflow.ErrDenied)
	})
}

func TestAReviewThatDoesNotComeExpires(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		time.Sleep(8 * time.Minute)
		w.engine.Tick(w.ctx)
		w.engine.Tick(w.ctx)
		if n := w.store.told(bossGUID, workflow.NoticeReminder); n != 1 {
			t.Fatalf("%d reminders", n)
		}
		time.Sleep(7 * time.Minute)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Expired)
		if w.store.told(annGUID, workflow.NoticeLapsed) != 1 {
			t.Fatal("not told")
		}
	})
}

func TestTheRequesterTakesAPendingRequestBack(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		p := w.signature(boss, r)
		if _, err := w.engine.Cancel(w.ctx, w.ann, r.ID); err != nil {
			t.Fatal(err)
		}
		seen, err := w.engine.Approve(w.ctx, boss, r.ID, p)
		wantErr(t, err, workflow.ErrCancelled)
		wantState(t, seen.Request, workflow.Cancelled)
	})
}

// Between the look at the request and the look at the account somebody else's approval
// unlocked it: that is what the second one hears.
func TestWhoApprovesSecondHearsThatItWasDecided(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		w.lock(annGUID)
		r := w.approved(workflow.KindUnlock)
		wantState(t, r, workflow.Pending)
		first, second := w.signature(ida, r), w.signature(hal, r)
		w.dir.on(func(string) error {
			w.dir.on(nil)
			_, err := w.engine.Approve(w.ctx, ida, r.ID, first)
			return err
		})
		_, err := w.engine.Approve(w.ctx, hal, r.ID, second)
		wantErr(t, err, workflow.ErrReviewed)
		wantState(t, w.stored(r.ID), workflow.Done)
	})
}
