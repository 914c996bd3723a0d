package workflow_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// forest is two domains, parent and child, behind the real client of both. Ann
// is in one of them; her boss and the security group's Hal are in the other.
type forest struct {
	*onDisk
	dir       *ad.Forest
	home, far *minidc.Server
	dn        string
	boss, hal pair
	security  *workflow.Group
}

const (
	childBase = "DC=child," + domainBase
	// universalSecurity is a groupType (MS-ADTS 2.2.12).
	universalSecurity = -0x80000000 | 8
)

func newForest(t *testing.T, annInChild bool) *forest {
	t.Helper()
	root := minidc.New(minidc.Config{})
	child := root.Child(minidc.Config{Domain: "child.corp.example.test"})
	f := &forest{home: root, far: child}
	home, far := domainBase, childBase
	if annInChild {
		f.home, f.far, home, far = child, root, childBase, domainBase
	}
	dir, err := ad.OpenForest(forestDomain(t, root, domainBase), forestDomain(t, child, childBase))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dir.Close)
	f.dir = dir
	user := func(in *minidc.Server, base, name string) ad.GUID {
		return ad.GUID(in.AddUser(minidc.User{Name: name, Parent: "OU=Staff," + base, Account: name, DisplayName: name, Password: oldPassword}))
	}
	ann := user(f.home, home, "Ann")
	f.dn = "CN=Ann,OU=Staff," + home
	f.onDisk = onDiskWith(t, dir, ann)
	f.boss = f.register(workflow.Actor{Account: user(f.far, far, "Boss"), Session: "session-boss"})
	f.hal = f.register(workflow.Actor{Account: user(f.far, far, "Hal"), Session: "session-hal"})
	// A universal group of Ann's domain, with a group of Hal's in it.
	f.far.AddGroup(minidc.Group{Name: "Inner", Parent: "OU=Staff," + far, Type: universalSecurity, Members: []string{"CN=Hal,OU=Staff," + far}})
	f.home.AddGroup(minidc.Group{Name: "Security", Parent: "OU=Staff," + home, Type: universalSecurity, Members: []string{"CN=Inner,OU=Staff," + far}})
	f.home.Set(f.dn, "manager", "CN=Boss,OU=Staff,"+far)
	f.security = &workflow.Group{DN: "CN=Security,OU=Staff," + home}
	if f.security.SID, err = dir.ResolveGroup(t.Context(), f.security.DN); err != nil {
		t.Fatal(err)
	}
	f.engine.SetPolicy(reviewedBy(workflow.Tier{
		By: workflow.Approvers{Manager: true}, Else: &workflow.Approvers{Group: f.security},
	}, workflow.NumberRequired))
	return f
}

func forestDomain(t *testing.T, dc *minidc.Server, base string) ad.Config {
	t.Helper()
	address, err := dc.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dc.Close() })
	ou := "OU=Staff," + base
	dc.AddOU(ou)
	dc.SetDomainPolicy(minidc.Policy{
		MinLength: 8, Complexity: true, History: 5, LockoutThreshold: 5,
		LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute,
	})
	service := "CN=svc-latchkey,CN=Users," + base
	dc.AddUser(minidc.User{Name: "svc-latchkey", Account: "svc-latchkey", Password: "Service-Harbour-1"})
	dc.Delegate(service, ou, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet, minidc.ReadPSOs)
	ca, err := dc.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return ad.Config{
		Controllers: []string{address}, CAFile: ca, BaseDN: base, OpTimeout: 2 * time.Second,
		Read: ad.Service{Bind: service, Password: secret.New("Service-Harbour-1")},
	}
}

// approve asks, and has the reviewer approve.
func (f *forest) approve(kind workflow.Kind, by pair) workflow.Request {
	f.Helper()
	r, _ := f.approved(kind)
	if len(r.Asked) != 1 || r.Asked[0].Account != by.who.Account {
		f.Fatalf("asked %+v", r.Asked)
	}
	seen, err := f.engine.Approve(f.Context(), by.who, r.ID, f.begin(by, r))
	if err != nil {
		f.Fatal(err)
	}
	return seen.Request
}

func TestAnApproverMayLiveInAnotherDomain(t *testing.T) {
	for name, inChild := range map[string]bool{"parent": false, "child": true} {
		t.Run(name, func(t *testing.T) {
			f := newForest(t, inChild)
			f.home.Lock(f.dn)
			wantState(t, f.approve(workflow.KindUnlock, f.boss), workflow.Done)
			if err := f.dir.CheckPassword(t.Context(), f.ann.Account, secret.New(oldPassword)); err != nil {
				t.Fatal(err)
			}
			// With no manager the group stands in.
			f.home.Set(f.dn, "manager")
			r := f.approve(workflow.KindReset, f.hal)
			done, _, err := f.engine.Execute(t.Context(), f.ann, r.ID, secret.New(newPassword), secret.Text{})
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, done, workflow.Done)
			if err := f.dir.CheckPassword(t.Context(), f.ann.Account, secret.New(newPassword)); err != nil {
				t.Fatal(err)
			}
			if n := f.far.Counters().Modifies; n != 0 {
				t.Errorf("the approvers' domain was written %d times", n)
			}
		})
	}
}

func TestALostAnswerOfAnotherDomainIsSettledThere(t *testing.T) {
	for name, inChild := range map[string]bool{"parent": false, "child": true} {
		t.Run(name, func(t *testing.T) {
			f := newForest(t, inChild)
			r := f.approve(workflow.KindReset, f.boss)
			clear := f.home.Inject(minidc.LoseAnswer())
			r, _, err := f.engine.Execute(t.Context(), f.ann, r.ID, secret.New(newPassword), secret.Text{})
			clear()
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, r, workflow.Unknown)
			f.reopen()
			f.pass(31 * time.Second)
			f.engine.Tick(t.Context())
			if r, err = f.engine.Request(t.Context(), f.ann, r.ID); err != nil {
				t.Fatal(err)
			}
			wantState(t, r, workflow.Done)
		})
	}
}

// With the approvers' domain down nobody can be asked there; who needs no
// approval is served.
func TestOnlyWhoNeedsTheDomainThatIsDownIsDenied(t *testing.T) {
	f := newForest(t, true)
	if down := f.dir.Down(t.Context()); len(down) > 0 {
		t.Fatal(down)
	}
	f.far.Close()
	f.home.Lock(f.dn)
	f.signIn()
	_, err := f.engine.Submit(t.Context(), f.ann, workflow.KindUnlock, "")
	wantErr(t, err, ad.ErrUnavailable)
	f.engine.SetPolicy(everyone("policy-2", passkey))
	r, err := f.engine.Submit(t.Context(), f.ann, workflow.KindUnlock, "")
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Done)
}
