package workflow_test

import (
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/workflow"
)

// staffed adds Ann's boss, and Hal in a group within the security group.
func (d *domain) staffed() (reviewers []pair) {
	d.Helper()
	ou := "OU=Staff," + domainBase
	add := func(name string) ad.GUID {
		return ad.GUID(d.dc.AddUser(minidc.User{Name: name, Parent: ou, Account: name, DisplayName: name, Password: oldPassword}))
	}
	for _, name := range []string{"Boss", "Hal"} {
		who := workflow.Actor{Account: add(name), Session: "session-" + name}
		reviewers = append(reviewers, d.register(who))
	}
	d.dc.AddGroup(minidc.Group{Name: "Inner", Parent: ou, Members: []string{"CN=Hal," + ou}})
	d.dc.AddGroup(minidc.Group{Name: "Security", Parent: ou, Members: []string{"CN=Inner," + ou}})
	security := &workflow.Group{DN: "CN=Security," + ou}
	sid, err := d.client.ResolveGroup(d.Context(), security.DN)
	if err != nil {
		d.Fatal(err)
	}
	security.SID = sid
	d.dc.Set(d.dn, "manager", "CN=Boss,"+ou)
	d.engine.SetPolicy(reviewedBy(workflow.Tier{
		By: workflow.Approvers{Manager: true}, Else: &workflow.Approvers{Group: security},
	}, workflow.NumberRequired))
	return reviewers
}

func TestInADomainTheManagerApproves(t *testing.T) {
	d := newDomain(t, nil)
	reviewers := d.staffed()
	d.dc.Lock(d.dn)
	r, _ := d.approved(workflow.KindReset)
	if len(r.Asked) != 1 || r.Asked[0].Account != reviewers[0].who.Account {
		t.Fatalf("asked %+v", r.Asked)
	}
	if _, err := d.engine.Approve(t.Context(), reviewers[0].who, r.ID, d.begin(reviewers[0], r)); err != nil {
		t.Fatal(err)
	}
	done, _, err := d.execute(r)
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, done, workflow.Done)
	if err := d.binds(newPassword); err != nil {
		t.Fatal(err)
	}
	d.verify()
}

func TestInADomainAGroupStandsInForAManagerWhoIsGone(t *testing.T) {
	d := newDomain(t, nil)
	reviewers := d.staffed()
	hal := reviewers[1]
	d.dc.Set(d.dn, "manager")
	d.dc.Lock(d.dn)
	r, _ := d.approved(workflow.KindUnlock)
	if len(r.Asked) != 1 || r.Asked[0].Account != hal.who.Account {
		t.Fatalf("asked %+v", r.Asked)
	}
	p := d.begin(hal, r)
	d.dc.Set("CN=Inner,OU=Staff,"+domainBase, "member")
	_, err := d.engine.Approve(t.Context(), hal.who, r.ID, p)
	wantErr(t, err, workflow.ErrNotApprover)
	d.dc.Set("CN=Inner,OU=Staff,"+domainBase, "member", "CN=Hal,OU=Staff,"+domainBase)
	seen, err := d.engine.Approve(t.Context(), hal.who, r.ID, p)
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, seen.Request, workflow.Done)
	if err := d.binds(oldPassword); err != nil {
		t.Fatal(err)
	}
}
