package ad_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// family is a forest of two domains, and a Forest of both.
type family struct {
	root, child *lab
	forest      *ad.Forest
}

func newFamily(t *testing.T, change ...func(root, child *ad.Config)) *family {
	t.Helper()
	s := domain(t, minidc.Config{})
	f := &family{root: labOf(t, s), child: labOfChild(t, s)}
	f.root.server, f.root.baseDN = s, miniBase
	f.forest = f.open(change...)
	return f
}

func (f *family) open(change ...func(root, child *ad.Config)) *ad.Forest {
	f.root.Helper()
	root, child := f.root.config(), f.child.config()
	for _, c := range change {
		c(&root, &child)
	}
	forest, err := ad.OpenForest(root, child)
	if err != nil {
		f.root.Fatal(err)
	}
	f.root.Cleanup(forest.Close)
	return forest
}

func (f *family) both() map[string]*lab { return map[string]*lab{"root": f.root, "child": f.child} }

func TestPeopleOfBothDomainsAreServedInTheirOwn(t *testing.T) {
	f := newFamily(t)
	for name, l := range f.both() {
		p := l.person()
		p.lock()
		a := l.read(f.forest, p.GUID)
		if !a.Locked || a.Protected != ad.NotProtected || "ldaps://"+a.Controller != l.URL {
			t.Errorf("%s: %+v", name, a)
		}
		w := ad.Write{Target: p.GUID, Controller: a.Controller}
		if a, err := f.forest.Unlock(ctxFor(t), w); err != nil || a.Locked {
			t.Errorf("%s: unlock: %+v, %v", name, a, err)
		}
		if _, err := f.forest.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)}); err != nil {
			t.Errorf("%s: reset: %v", name, err)
		}
		if err := f.forest.CheckPassword(ctxFor(t), p.GUID, pw(better)); err != nil {
			t.Errorf("%s: password: %v", name, err)
		}
		if _, err := f.forest.ChangePassword(ctxFor(t), w, pw(better), pw("Third-Pass.word3")); err != nil {
			t.Errorf("%s: change: %v", name, err)
		}
		if on, err := f.forest.AccountOn(ctxFor(t), a.Controller, p.GUID); err != nil || on.Controller != a.Controller {
			t.Errorf("%s: %+v, %v", name, on, err)
		}
		if policy, err := f.forest.PasswordPolicy(ctxFor(t), a); err != nil || policy.MinLength != 8 {
			t.Errorf("%s: %+v, %v", name, policy, err)
		}
	}
}

// A write names the controller that its marks come from; another domain's never
// gets it, whatever the account.
func TestAWriteNeverReachesAnotherDomainsController(t *testing.T) {
	f := newFamily(t)
	p, q := f.root.person(), f.child.person()
	other := f.child.read(f.forest, q.GUID).Controller
	before := f.child.server.Counters().Modifies
	f.root.causes(second(f.forest.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID, Controller: other}, ad.NewPassword{Value: pw(better)})), ad.ErrNotFound, ad.OutcomeNotWritten)
	f.root.causes(second(f.forest.Unlock(ctxFor(t), ad.Write{Target: p.GUID, Controller: "dc9.corp.example.test"})), ad.ErrUnavailable, ad.OutcomeNotWritten)
	if n := f.child.server.Counters().Modifies; n != before || p.bind(start) != "" {
		t.Error("something was written")
	}
}

func TestNamesAreUniqueOverAllDomains(t *testing.T) {
	f := newFamily(t)
	a, b := f.root.person(), f.child.person()
	shared := fresh("twin")
	one, two := f.root.person(attrs{"sAMAccountName": {shared}, "userPrincipalName": {shared + "@corp.example.test"}}),
		f.child.person(attrs{"sAMAccountName": {shared}, "userPrincipalName": {shared + "@" + childDomain}})
	foreign := f.child.person(attrs{"userPrincipalName": {fresh("mail") + "@brand.test"}})
	foreignUPN := f.child.get(foreign.DN, "userPrincipalName").GetAttributeValue("userPrincipalName")
	for name, want := range map[string]ad.GUID{
		a.SAM: a.GUID, b.SAM: b.GUID, a.UPN: a.GUID, strings.ToUpper(b.UPN): b.GUID, foreignUPN: foreign.GUID,
		`CORP\` + a.SAM: a.GUID, `child\` + b.SAM: b.GUID, `CORP\` + shared: one.GUID, `CHILD\` + shared: two.GUID,
		shared + "@corp.example.test": one.GUID, shared + "@" + childDomain: two.GUID,
	} {
		if got, err := f.forest.Resolve(ctxFor(t), name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{shared, "nobody", "", `CORP\` + b.SAM, `OTHER\` + a.SAM, a.SAM + "@" + childDomain, "*"} {
		if got, err := f.forest.Resolve(ctxFor(t), name); !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// Two in one domain and one in the other are three, and not one.
	f.root.person(attrs{"userPrincipalName": {b.SAM}})
	f.root.person(attrs{"sAMAccountName": {b.SAM}})
	if got, err := f.forest.Resolve(ctxFor(t), b.SAM); !errors.Is(err, ad.ErrNotFound) || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAManagerOfAnotherDomainIsReadThere(t *testing.T) {
	f := newFamily(t)
	for _, way := range [][2]*lab{{f.root, f.child}, {f.child, f.root}} {
		p, boss := way[0].person(), way[1].person(attrs{"title": {"Head"}})
		way[0].set(p.DN, "manager", boss.DN)
		a := way[0].read(f.forest, p.GUID)
		m, err := f.forest.AccountByDN(ctxFor(t), a.ManagerDN)
		if err != nil || m.GUID != boss.GUID || m.Title != "Head" || "ldaps://"+m.Controller != way[1].URL {
			t.Errorf("%q: %+v, %v", a.ManagerDN, m, err)
		}
	}
	alone := f.root.domainClient()
	if _, err := alone.AccountByDN(ctxFor(t), f.child.person().DN); !errors.Is(err, ad.ErrReferral) || !errors.Is(err, ad.ErrNotFound) {
		t.Errorf("a domain that is not mapped: %v", err)
	}
}

func TestMembersAreFoundInEveryDomain(t *testing.T) {
	f := newFamily(t)
	inRoot, inChild, nested, deep, off, outsider := f.root.person(), f.child.person(), f.child.person(), f.root.person(), f.child.person(), f.child.person()
	f.child.set(off.DN, "userAccountControl", "514")
	global := f.child.group(globalSecurity, nested.DN, off.DN)
	inner := f.child.group(universalSecurity, global, deep.DN)
	outer := f.root.group(universalSecurity, inRoot.DN, inChild.DN, inner)
	f.child.join(inner, outer) // a circle over the border
	want := []ad.GUID{inRoot.GUID, inChild.GUID, nested.GUID, deep.GUID}
	slices.SortFunc(want, func(a, b ad.GUID) int { return bytes.Compare(a[:], b[:]) })
	sid := f.root.sidOf(f.forest, outer)
	for limit := range 6 {
		people, err := f.forest.Members(ctxFor(t), sid, limit)
		if err != nil || !slices.Equal(guids(people), want[:min(limit, len(want))]) {
			t.Errorf("limit %d: %v, %v; want %v", limit, guids(people), err, want)
		}
	}
	for _, p := range []person{inRoot, inChild, nested, deep} {
		if a := p.lab.read(f.forest, p.GUID); !slices.Contains(a.Groups, sid) {
			t.Errorf("%s: %v", p.DN, a.Groups)
		}
	}
	if slices.Contains(f.child.read(f.forest, outsider.GUID).Groups, sid) {
		t.Error("an outsider")
	}
	for _, sid := range []string{"S-1-5-32-544", "S-1-5-21-1-2-3-512", "", "nobody"} {
		if _, err := f.forest.Members(ctxFor(t), sid, 5); !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("%q: %v", sid, err)
		}
	}
}

// In the token of the other domain's people a local group is missing, and a
// built-in one means another group.
func TestAGroupOfAPolicyCountsInEveryDomain(t *testing.T) {
	f := newFamily(t)
	for _, l := range []*lab{f.root, f.child} {
		for _, kind := range []int{globalSecurity, universalSecurity} {
			if _, err := f.forest.ResolveGroup(ctxFor(t), l.group(kind)); err != nil {
				t.Error(err)
			}
		}
		for _, dn := range []string{l.group(localSecurity), "CN=Remote Desktop Users,CN=Builtin," + l.Base} {
			if _, err := f.forest.ResolveGroup(ctxFor(t), dn); !errors.Is(err, ad.ErrNotFound) || !strings.Contains(err.Error(), "own domain only") {
				t.Errorf("%s: %v", dn, err)
			}
		}
	}
	for _, dn := range []string{"CN=x,DC=other,DC=test", "nobody"} {
		if _, err := f.forest.ResolveGroup(ctxFor(t), dn); !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("%s: %v", dn, err)
		}
	}
}

func TestAnAccountThatMovedIsFoundInItsNewDomain(t *testing.T) {
	f := newFamily(t)
	p := f.child.person()
	before := f.child.read(f.forest, p.GUID)
	f.child.server.Delete(p.DN)
	f.root.server.AddUser(minidc.User{Name: p.SAM, Parent: f.root.Staff, Account: p.SAM, Password: start, GUID: minidc.GUID(p.GUID)})
	if a := f.root.read(f.forest, p.GUID); "ldaps://"+a.Controller != f.root.URL || !strings.HasSuffix(a.DN, f.root.Staff) {
		t.Errorf("%+v", a)
	}
	f.root.causes(second(f.forest.Unlock(ctxFor(t), ad.Write{Target: p.GUID, Controller: before.Controller})), ad.ErrNotFound, ad.OutcomeNotWritten)
}

func TestExpiringGoesThroughEveryDomain(t *testing.T) {
	f := newFamily(t)
	p, q := f.root.person(), f.child.person()
	seen := map[ad.GUID]bool{}
	all := func() error {
		clear(seen)
		return f.forest.Expiring(ctxFor(t), time.Now(), 50*24*time.Hour, func(page []ad.Expiring) error {
			for _, e := range page {
				seen[e.GUID] = true
			}
			return nil
		})
	}
	if err := all(); err != nil || !seen[p.GUID] || !seen[q.GUID] {
		t.Errorf("%v, %v", seen, err)
	}
	stop := errors.New("enough")
	if err := f.forest.Expiring(ctxFor(t), time.Now(), 50*24*time.Hour, func([]ad.Expiring) error { return stop }); err != stop {
		t.Error(err)
	}
	f.root.server.Close()
	if err := all(); !errors.Is(err, ad.ErrUnavailable) || seen[p.GUID] || !seen[q.GUID] {
		t.Errorf("%v, %v", seen, err)
	}
}

// A referral names a host that wants to be told a password. None is dialled.
func TestNoReferralIsEverFollowed(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	var caught atomic.Int64
	go func() {
		for {
			c, err := trap.Accept()
			if err != nil {
				return
			}
			caught.Add(1)
			c.Close()
		}
	}()
	f := newFamily(t)
	p, boss := f.root.person(), f.root.person()
	f.root.read(f.forest, p.GUID)
	group := f.root.sidOf(f.forest, f.root.group(universalSecurity, p.DN))
	a := f.root.read(f.forest, p.GUID)
	w := ad.Write{Target: p.GUID, Controller: a.Controller}
	for _, scheme := range []string{"ldap://", "ldaps://"} {
		url := scheme + trap.Addr().String() + "/" + p.DN
		stop := f.root.server.Inject(minidc.Refer(url).On(minidc.OpModify))
		f.root.causes(second(f.forest.ResetPassword(ctxFor(t), w, ad.NewPassword{Value: pw(better)})), ad.ErrReferral, ad.OutcomeNotWritten)
		stop()
		stop = f.root.server.Inject(minidc.Refer(url).On(minidc.OpSearch))
		for op, err := range map[string]error{
			"read":    second(f.forest.Account(ctxFor(t), p.GUID)),
			"read on": second(f.forest.AccountOn(ctxFor(t), a.Controller, p.GUID)),
			"manager": second(f.forest.AccountByDN(ctxFor(t), boss.DN)),
			"members": second(f.forest.Members(ctxFor(t), group, 5)),
			"photo":   second(f.forest.Photo(ctxFor(t), p.GUID)),
			"contact": second(f.forest.Contact(ctxFor(t), p.GUID)),
			"name":    second(f.forest.Resolve(ctxFor(t), p.SAM)),
			"group":   second(f.forest.ResolveGroup(ctxFor(t), boss.DN)),
			"write":   second(f.forest.Unlock(ctxFor(t), w)),
		} {
			if !errors.Is(err, ad.ErrReferral) {
				t.Errorf("%s: %v", op, err)
			}
		}
		stop()
	}
	if n := caught.Load(); n != 0 {
		t.Errorf("%d referrals were followed", n)
	}
	if p.bind(start) != "" {
		t.Error("the password was written")
	}
}

func TestAForestIsCheckedWhenItIsOpened(t *testing.T) {
	svc := ad.Service{Bind: "svc", Password: pw("x")}
	one := ad.Config{Controllers: []string{"ldaps://dc1.corp.example.test"}, BaseDN: miniBase, Read: svc}
	nameless := ad.Config{Controllers: []string{"ldaps://dc2.corp.example.test"}, Read: svc}
	for want, domains := range map[string][]ad.Config{
		"no domain is named":   {},
		"named twice":          {one, {Discovery: &ad.Discovery{Domain: "CORP.example.test"}, Read: svc}},
		"needs its name":       {one, nameless},
		"named in two domains": {one, {Controllers: []string{"ldaps://DC1.corp.example.test:636"}, BaseDN: childBase, Read: svc}},
		"a password":           {one, {BaseDN: childBase}},
	} {
		if _, err := ad.OpenForest(domains...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	f, err := ad.OpenForest(nameless)
	if err != nil || len(f.Domains()) != 1 {
		t.Error(err)
	}
}

// What is found twice at once is found by several goroutines alike.
func TestAForestIsSafeForManyAtOnce(t *testing.T) {
	f := newFamily(t)
	people := []person{f.root.person(), f.child.person(), f.root.person(), f.child.person()}
	errs := make(chan error, 40)
	for i := range 40 {
		go func() {
			a, err := f.forest.Account(context.Background(), people[i%len(people)].GUID)
			if err == nil && a.Protected != ad.NotProtected {
				err = errors.New("protected: " + string(a.Protected))
			}
			errs <- err
		}()
	}
	for range 40 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
