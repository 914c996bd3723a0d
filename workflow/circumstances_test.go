package workflow_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// fromOffice is a policy for the office: ann's address of the fixture lies in it.
func fromOffice() workflow.Policy {
	return only("office", workflow.Condition{Network: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, passkey)
}

func TestWhoExecutesIsJudgedByWhereTheyAre(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(fromOffice())
		r := w.approved(workflow.KindReset)
		away := w.ann
		away.Address = "198.51.100.9"
		_, _, err := w.engine.Execute(w.ctx, away, r.ID, secret.New("A-new-Password-26"), secret.Text{})
		wantErr(t, err, workflow.ErrNotAllowed)
		if w.dir.written() != 0 {
			t.Fatal("the password was written from outside")
		}
	})
}

func TestAnAddressThatIsNoneDeniesWhereANetworkIsAskedFor(t *testing.T) {
	for _, address := range []string{"", "office", "192.0.2.7:1234"} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(fromOffice())
			who := w.ann
			who.Address = address
			_, err := w.engine.Submit(w.ctx, who, workflow.KindReset, "")
			wantErr(t, err, workflow.ErrNotAllowed)
		})
	}
}

func TestAnApprovalEndsWithTheHoursOfItsRule(t *testing.T) {
	inWorld(t, func(w *world) {
		at := time.Now().UTC()
		minute := at.Hour()*60 + at.Minute()
		soon := (minute + 2) % (24 * 60)
		w.engine.SetPolicy(only("hours", workflow.Condition{Hours: &workflow.Hours{
			Days: [7]bool{true, true, true, true, true, true, true}, From: (minute + 24*60 - 1) % (24 * 60), To: soon, Zone: time.UTC,
		}}, passkey))
		r := w.approved(workflow.KindReset)
		time.Sleep(3 * time.Minute) // of the bubble
		_, _, err := w.engine.Execute(w.ctx, w.ann, r.ID, secret.New("A-new-Password-26"), secret.Text{})
		wantErr(t, err, workflow.ErrNotAllowed)
		if w.dir.written() != 0 {
			t.Fatal("the password was written after hours")
		}
	})
}

// A kind that no rule gives is not there, and one that the account's state stands
// against is there with its reason.
func TestAKindWithoutAPolicyIsNoOption(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dir.edit(annGUID, func(a *ad.Account) { a.Locked = false })
		account, err := w.engine.Account(w.ctx, w.ann)
		if err != nil {
			t.Fatal(err)
		}
		act := workflow.Act{Prove: passkey}
		w.engine.SetPolicy(workflow.Policy{Hash: "h", Rules: []workflow.Rule{{Name: "r", Who: workflow.Condition{Everyone: true},
			Acts: map[workflow.Kind]workflow.Act{workflow.KindUnlock: act, workflow.KindReset: act}}}})
		got := w.engine.Options(w.ctx, w.ann, account)
		if len(got) != 2 || got[0].Kind != workflow.KindUnlock || got[0].Code != string(workflow.ErrNotLocked) || got[1].Kind != workflow.KindReset || !got[1].Allowed {
			t.Fatalf("%+v", got)
		}
		w.engine.SetPolicy(only("broken", workflow.Condition{Group: &workflow.Group{Err: "down"}}, passkey))
		for _, o := range w.engine.Options(w.ctx, w.ann, account) {
			if o.Allowed || o.Code != string(workflow.ErrNotAllowed) {
				t.Errorf("%+v", o)
			}
		}
		w.engine.SetPolicy(workflow.Policy{Hash: "none"})
		if got := w.engine.Options(w.ctx, w.ann, account); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}
