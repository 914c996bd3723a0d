package workflow_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// domain is a controller over LDAPS, the real client of it, and a real store.
type domain struct {
	*onDisk
	dc     *minidc.Server
	client *ad.Client
	dn     string
}

const (
	domainBase  = "DC=corp,DC=example,DC=test"
	oldPassword = "Old-Harbour-71"
	newPassword = "Violet-Lantern-58-Quay"
)

func newDomain(t *testing.T, edit func(*minidc.User)) *domain {
	t.Helper()
	dc := minidc.New(minidc.Config{})
	address, err := dc.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dc.Close(); err != nil {
			t.Error(err)
		}
	})
	ou := "OU=Staff," + domainBase
	dc.AddOU(ou)
	dc.SetDomainPolicy(minidc.Policy{
		MinLength: 8, Complexity: true, History: 5, LockoutThreshold: 5,
		LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute,
	})
	dc.AddUser(minidc.User{Name: "svc-latchkey", Account: "svc-latchkey", Password: "Service-Harbour-1"})
	dc.Delegate("CN=svc-latchkey,CN=Users,"+domainBase, ou,
		minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet, minidc.ReadPSOs)
	user := minidc.User{Name: "Ann Doe", Parent: ou, Account: "ann", DisplayName: "Ann Doe", Password: oldPassword}
	if edit != nil {
		edit(&user)
	}
	guid := ad.GUID(dc.AddUser(user))
	d := &domain{dc: dc, dn: "CN=Ann Doe," + ou, client: dialDomain(t, dc, address)}
	d.onDisk = onDiskWith(t, d.client, guid)
	return d
}

func dialDomain(t *testing.T, dc *minidc.Server, address string) *ad.Client {
	t.Helper()
	ca, err := dc.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client, err := ad.Open(ad.Config{
		Controllers: []string{address}, CAFile: ca, OpTimeout: 2 * time.Second,
		Read: ad.Service{Bind: "svc-latchkey@corp.example.test", Password: secret.New("Service-Harbour-1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// binds says what a bind outside of the workflow answers.
func (d *domain) binds(password string) error {
	return d.client.CheckPassword(d.Context(), d.ann.Account, secret.New(password))
}

func (d *domain) keyVersion() int {
	d.Helper()
	values := d.dc.Get(d.dn, "msDS-KeyVersionNumber")
	if len(values) != 1 {
		d.Fatalf("key version %v", values)
	}
	n, err := strconv.Atoi(values[0])
	if err != nil {
		d.Fatal(err)
	}
	return n
}

func (d *domain) execute(r workflow.Request) (workflow.Request, string, error) {
	var value, old secret.Text
	if r.Kind != workflow.KindOneTime {
		value = secret.New(newPassword)
	}
	if r.Kind == workflow.KindChange {
		old = secret.New(oldPassword)
	}
	r, shown, err := d.engine.Execute(d.Context(), d.ann, r.ID, value, old)
	return r, shown.Reveal(), err
}

func TestInADomainASignInUnlocks(t *testing.T) {
	d := newDomain(t, nil)
	d.dc.Lock(d.dn)
	wantErr(t, d.binds(oldPassword), ad.ErrLocked)
	d.signIn()
	r, err := d.engine.Submit(t.Context(), d.ann, workflow.KindUnlock, "")
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Done)
	if err := d.binds(oldPassword); err != nil {
		t.Fatal(err)
	}
	// Locked again while it is watched.
	d.dc.Lock(d.dn)
	d.pass(time.Minute)
	d.engine.Tick(t.Context())
	if r, err = d.engine.Request(t.Context(), d.ann, r.ID); err != nil || r.Relocked == nil {
		t.Fatalf("%v, %+v", err, r)
	}
	d.verify()
}

func TestInADomainEachKindSetsThePassword(t *testing.T) {
	for _, kind := range passwordKinds {
		t.Run(string(kind), func(t *testing.T) {
			d := newDomain(t, nil)
			if kind != workflow.KindChange {
				d.dc.Lock(d.dn)
			}
			before := d.keyVersion()
			r, _ := d.approved(kind)
			r, shown, err := d.execute(r)
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, r, workflow.Done)
			password, want := newPassword, error(nil)
			if kind == workflow.KindOneTime {
				password, want = shown, ad.ErrMustChange
			}
			if err := d.binds(password); want == nil && err != nil {
				t.Fatal(err)
			} else if want != nil {
				wantErr(t, err, want)
			}
			if d.keyVersion() != before+1 || r.Result.Unlocked != (kind != workflow.KindChange) {
				t.Fatalf("key version %d, was %d; %+v", d.keyVersion(), before, r.Result)
			}
			d.verify()
		})
	}
}

func TestInADomainOfManyExecutionsOneWrites(t *testing.T) {
	d := newDomain(t, nil)
	before := d.keyVersion()
	r, _ := d.approved(workflow.KindOneTime)
	var done atomic.Int32
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, _, err := d.execute(r); err == nil {
				done.Add(1)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 || d.keyVersion() != before+1 {
		t.Fatalf("%d done, key version %d, was %d", done.Load(), d.keyVersion(), before)
	}
	d.verify()
}

func TestInADomainALostAnswerIsSettled(t *testing.T) {
	for _, kind := range passwordKinds {
		t.Run(string(kind), func(t *testing.T) {
			d := newDomain(t, nil)
			before := d.keyVersion()
			r, _ := d.approved(kind)
			clear := d.dc.Inject(minidc.LoseAnswer())
			r, _, err := d.execute(r)
			clear()
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, r, workflow.Unknown)
			d.reopen()
			d.pass(31 * time.Second)
			d.engine.Tick(t.Context())
			if r, err = d.engine.Request(t.Context(), d.ann, r.ID); err != nil {
				t.Fatal(err)
			}
			wantState(t, r, workflow.Done)
			if d.keyVersion() != before+1 || !r.Result.Settled {
				t.Fatalf("key version %d, was %d", d.keyVersion(), before)
			}
			d.verify()
		})
	}
}

func TestInADomainAWriteThatNeverArrivedIsFoundOut(t *testing.T) {
	d := newDomain(t, nil)
	before := d.keyVersion()
	r, _ := d.approved(workflow.KindReset)
	clear := d.dc.Inject(minidc.CloseBefore().On(minidc.OpWrite))
	r, _, err := d.execute(r)
	clear()
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Unknown)
	d.pass(31 * time.Second)
	d.engine.Tick(t.Context())
	if r, err = d.engine.Request(t.Context(), d.ann, r.ID); err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Approved)
	if d.keyVersion() != before {
		t.Fatal("written on a guess")
	}
	if r, _, err = d.execute(r); err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Done)
	if d.keyVersion() != before+1 {
		t.Fatal("not written once")
	}
}

func TestInADomainProtectedPeopleAreRefused(t *testing.T) {
	d := newDomain(t, func(u *minidc.User) { u.Groups = []string{"CN=Domain Admins,CN=Users," + domainBase} })
	for _, kind := range passwordKinds {
		_, err := d.engine.Submit(t.Context(), d.ann, kind, "")
		wantErr(t, err, ad.ErrProtected)
	}
	account, err := d.engine.Account(t.Context(), d.ann)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range d.engine.Options(t.Context(), d.ann, account) {
		if o.Allowed || o.Code != "account.protected" {
			t.Errorf("%+v", o)
		}
	}
}

func TestInADomainAWrongOldPasswordIsTriedTwoBelowTheLockoutAtMost(t *testing.T) {
	d := newDomain(t, nil)
	r, _ := d.approved(workflow.KindChange)
	for left := 3; left > 0; left-- {
		rules, err := d.engine.Rules(t.Context(), d.ann)
		if err != nil || rules.ChangeTriesLeft != left {
			t.Fatalf("%v, %d left, want %d", err, rules.ChangeTriesLeft, left)
		}
		_, _, err = d.engine.Execute(t.Context(), d.ann, r.ID, secret.New(newPassword), secret.New("wrong"))
		wantErr(t, err, ad.ErrOldPassword)
	}
	_, _, err := d.execute(r)
	wantErr(t, err, workflow.ErrNoTries)
	if err := d.binds(oldPassword); err != nil {
		t.Fatalf("the account was locked: %v", err)
	}
}
