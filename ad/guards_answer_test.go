package ad_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// questions are what a directory is asked about people. Each says what it learnt.
func questions(t *testing.T, l *lab, p, boss person, group string, sid string) map[string]func(directory) (any, error) {
	ctx := ctxFor(t)
	account := func(a ad.Account, err error) (any, error) {
		a.ReadAt, a.LockedUntil = time.Time{}, a.LockedUntil.Truncate(time.Hour)
		return a, err
	}
	return map[string]func(directory) (any, error){
		"account":           func(d directory) (any, error) { return account(d.Account(ctx, p.GUID)) },
		"manager":           func(d directory) (any, error) { return account(d.AccountByDN(ctx, boss.DN)) },
		"photo":             func(d directory) (any, error) { return d.Photo(ctx, p.GUID) },
		"group":             func(d directory) (any, error) { return d.ResolveGroup(ctx, group) },
		"by user name":      func(d directory) (any, error) { return d.Resolve(ctx, p.UPN) },
		"by domain and sam": func(d directory) (any, error) { return d.Resolve(ctx, `CORP\`+p.SAM) },
		"members": func(d directory) (any, error) {
			people, err := d.Members(ctx, sid, 5)
			return guids(people), err
		},
	}
}

var busy = minidc.RefuseWrites(51, "busy")

// "Nobody" and "nobody in it" are answers. A controller that refuses to give one, or
// hangs up, has not given that one.
func TestWhatIsNotAnsweredIsNotNobody(t *testing.T) {
	f := newFamily(t)
	l := f.root
	p, boss := l.person(attrs{"thumbnailPhoto": {"\xff\xd8"}}), l.person()
	p.lock()
	group := l.group(universalSecurity, p.DN)
	sid := l.sidOf(f.forest, group)
	for engine, open := range map[string]func() directory{
		"one domain":  func() directory { return l.domainClient() },
		"two domains": func() directory { return f.open() },
	} {
		for what, ask := range questions(t, l, p, boss, group, sid) {
			t.Run(engine+", "+what, func(t *testing.T) {
				want, err := ask(open())
				if err != nil {
					t.Fatal(err)
				}
				for fault, inject := range map[string]minidc.Fault{"busy": busy, "hangs up": minidc.CloseBefore()} {
					n := eachSearch(t, l.server, inject, func(n int, tripped func() bool) {
						d := open()
						defer d.(interface{ Close() }).Close()
						got, err := ask(d)
						if errors.Is(err, ad.ErrNotFound) || err == nil && !reflect.DeepEqual(got, want) {
							t.Errorf("%s at search %d: %v, %v; want %v", fault, n, got, err, want)
						}
					})
					if n < 2 {
						t.Errorf("%s: only %d searches", fault, n)
					}
				}
			})
		}
	}
}

// What may not be read of somebody is not guessed, nor are they passed over.
func TestWhoCantBeToldIsNotPassedOver(t *testing.T) {
	for what, deny := range map[string]func(l *lab, p person) (dn, attribute string){
		"a member":   func(_ *lab, p person) (string, string) { return p.DN, "objectGUID" },
		"the domain": func(l *lab, _ person) (string, string) { return l.Base, "objectSid" },
	} {
		f := newFamily(t)
		p := f.root.person()
		group := f.child.group(universalSecurity, p.DN)
		sid := f.child.sidOf(f.forest, group)
		own := f.root.group(universalSecurity, p.DN)
		ownSID := f.root.sidOf(f.forest, own)
		dn, attribute := deny(f.root, p)
		f.root.server.Deny(f.root.ServiceDN, dn, minidc.ReadProperty(attribute))
		for _, sid := range []string{sid, ownSID} {
			people, err := f.open().Members(ctxFor(t), sid, 5)
			if what == "the domain" && sid != ownSID {
				continue // the group is of the other one
			}
			if !errors.Is(err, ad.ErrProtocol) {
				t.Errorf("%s: %v, %v", what, guids(people), err)
			}
		}
		if what != "a member" {
			continue
		}
		for name, ask := range map[string]func(c *ad.Client) error{
			"as a manager": func(c *ad.Client) error { _, err := c.AccountByDN(ctxFor(t), p.DN); return err },
			"by name":      func(c *ad.Client) error { _, err := c.Resolve(ctxFor(t), p.SAM); return err },
			"in a group":   func(c *ad.Client) error { _, err := c.Members(ctxFor(t), ownSID, 5); return err },
		} {
			if err := ask(f.root.domainClient()); !errors.Is(err, ad.ErrProtocol) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A state that is written in another form than the known one is no state.
func TestAnAccountWhoseStateCantBeReadIsNotRead(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	for _, name := range []string{"primaryGroupID", "adminCount", "pwdLastSet", "accountExpires"} {
		p := l.person()
		s.Set(p.DN, name, "x")
		if a, err := l.domainClient().Account(ctxFor(t), p.GUID); !errors.Is(err, ad.ErrProtocol) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	p := l.person()
	s.Set(p.DN, "url", make([]string, 5001)...)
	if _, err := l.domainClient(func(c *ad.Config) { c.Attributes = []string{"url"} }).Account(ctxFor(t), p.GUID); !errors.Is(err, ad.ErrProtocol) {
		t.Errorf("an attribute of 5001 values: %v", err)
	}
}

// What is read of a lock comes after: it makes nobody's protection known.
func TestALockDoesNotHideThatProtectionIsNotKnown(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p, group := l.person(), l.group(globalSecurity)
	p.lock()
	s.Deny(l.ServiceDN, group, minidc.ReadProperty("objectSid"))
	c := l.domainClient(func(c *ad.Config) { c.ProtectedGroups = []string{group} })
	if a, err := c.Account(ctxFor(t), p.GUID); !errors.Is(err, ad.ErrProtocol) {
		t.Errorf("locked %v, protected %q, %v", a.Locked, a.Protected, err)
	}
}

// Over all domains, what is nobody's name is told apart from what another domain holds.
func TestWhatNoDomainHoldsIsSaidByNone(t *testing.T) {
	f := newFamily(t)
	for name, ask := range map[string]func(string) error{
		"person": func(dn string) error { _, err := f.forest.AccountByDN(ctxFor(t), dn); return err },
		"group":  func(dn string) error { _, err := f.forest.ResolveGroup(ctxFor(t), dn); return err },
	} {
		for dn, referred := range map[string]bool{"nobody": false, "CN=x,DC=other,DC=test": true} {
			if err := ask(dn); !errors.Is(err, ad.ErrNotFound) || errors.Is(err, ad.ErrReferral) != referred {
				t.Errorf("%s %s: %v", name, dn, err)
			}
		}
	}
	alone := f.root.domainClient()
	for _, dn := range []string{"nobody", "", "<GUID=" + f.root.person().GUID.String() + ">"} {
		if _, err := alone.AccountByDN(ctxFor(t), dn); !errors.Is(err, ad.ErrNotFound) || errors.Is(err, ad.ErrReferral) {
			t.Errorf("%q: %v", dn, err)
		}
		if _, err := alone.ResolveGroup(ctxFor(t), dn); !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("group %q: %v", dn, err)
		}
	}
	nobody := ad.GUID{1}
	for what, err := range map[string]error{
		"photo":  second(f.forest.Photo(ctxFor(t), nobody)),
		"unlock": second(f.forest.Unlock(ctxFor(t), ad.Write{Target: nobody})),
	} {
		if !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Of a group whose domain is down nobody knows whether it is there; of a built-in one,
// which each domain has, it doesn't matter.
func TestAGroupOfADomainThatIsDownIsNotNobodys(t *testing.T) {
	f := newFamily(t)
	sid := f.child.sidOf(f.forest, f.child.group(universalSecurity, f.child.person().DN))
	empty := f.root.sidOf(f.forest, f.root.group(universalSecurity))
	if people, err := f.open().Members(ctxFor(t), empty, 5); err != nil || len(people) != 0 {
		t.Errorf("a group of nobody: %v, %v", guids(people), err)
	}
	f.child.server.Close()
	if people, err := f.open().Members(ctxFor(t), sid, 5); !errors.Is(err, ad.ErrUnavailable) {
		t.Errorf("%v, %v", guids(people), err)
	}
	if _, err := f.open().Members(ctxFor(t), "S-1-5-32-544", 5); !errors.Is(err, ad.ErrNotFound) {
		t.Errorf("built in: %v", err)
	}
}

// Whoever can be read is asked, also where others can't: reviewers are few.
func TestMembersWhoCanBeReadAreFoundBesideOthers(t *testing.T) {
	f := newFamily(t)
	p, q, far, left := f.root.person(), f.root.person(), f.child.person(), f.child.person()
	two, one := f.root.group(universalSecurity, p.DN, q.DN), f.root.group(universalSecurity, p.DN)
	mixed, others, empty := f.root.group(universalSecurity, q.DN, far.DN), f.root.group(universalSecurity, p.DN, far.DN), f.root.group(universalSecurity, left.DN)
	sids := map[string]string{}
	for _, g := range []string{two, one, mixed, others, empty} {
		sids[g] = f.root.sidOf(f.forest, g)
	}
	clear := f.root.server.Inject(busy.On(minidc.OpSearch).For("<GUID=" + p.GUID.String() + ">"))
	if people, err := f.open().Members(ctxFor(t), sids[two], 5); err != nil || len(people) != 1 || people[0].GUID != q.GUID {
		t.Errorf("beside one: %v, %v", guids(people), err)
	}
	if people, err := f.open().Members(ctxFor(t), sids[one], 5); err == nil {
		t.Errorf("nobody: %v", guids(people))
	}
	clear()
	clear = f.child.server.Inject(gone.On(minidc.OpSearch).For(left.DN))
	if people, err := f.open().Members(ctxFor(t), sids[empty], 5); err != nil || len(people) != 0 {
		t.Errorf("who is not there any more: %v, %v", guids(people), err)
	}
	clear()
	f.child.server.Close()
	if people, err := f.open().Members(ctxFor(t), sids[mixed], 5); err != nil || len(people) != 1 || people[0].GUID != q.GUID {
		t.Errorf("beside a domain that is down: %v, %v", guids(people), err)
	}
	f.root.server.Inject(gone.On(minidc.OpSearch).For("<GUID=" + p.GUID.String() + ">"))
	if people, err := f.open().Members(ctxFor(t), sids[others], 5); !errors.Is(err, ad.ErrUnavailable) {
		t.Errorf("nobody, beside a domain that is down: %v, %v", guids(people), err)
	}
}

// A wrong password counts against its owner, so it is tried once, wherever they are.
func TestAWrongPasswordIsTriedInOneDomainOnce(t *testing.T) {
	f := newFamily(t)
	p := f.child.person()
	for n := int64(1); n < 3; n++ {
		if err := f.forest.CheckPassword(ctxFor(t), p.GUID, pw("wrong")); err == nil {
			t.Fatal("a wrong password is right")
		}
		if got := f.child.number(p.DN, "badPwdCount"); got != n {
			t.Errorf("try %d: counted %d times", n, got)
		}
	}
}

// A manager whose name the controller takes for no name is nobody.
func TestWhatTheControllerTakesForNoNameIsNobody(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p := l.person()
	defer s.Inject(minidc.RefuseWrites(34, "0000208F: NameErr").On(minidc.OpSearch).For(p.DN))()
	if _, err := l.domainClient().AccountByDN(ctxFor(t), p.DN); !errors.Is(err, ad.ErrNotFound) {
		t.Error(err)
	}
}

// Where a domain's short name may not be read, it is taken from the long one.
func TestAShortNameThatMayNotBeReadIsTheFirstLabel(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p := l.person()
	defer s.Inject(noRight.On(minidc.OpSearch).For("CN=Partitions,CN=Configuration," + l.Base))()
	if got, err := l.domainClient().Resolve(ctxFor(t), `corp\`+p.SAM); err != nil || got != p.GUID {
		t.Errorf("%v, %v", got, err)
	}
	for _, name := range []string{`other\` + p.SAM, `corp\`} {
		if got, err := l.domainClient().Resolve(ctxFor(t), name); !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// One domain needs no name, and an error of it names none.
func TestADomainWithoutANameIsNotNamed(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	forest, err := ad.OpenForest(l.config())
	if err != nil {
		t.Fatal(err)
	}
	defer forest.Close()
	s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	down := forest.Down(ctx)
	if len(down) != 1 || len(fmt.Sprint(down[0])) > 7 && fmt.Sprint(down[0])[:7] == "domain " {
		t.Errorf("%v", down)
	}
}

// Groups without end are not read in part: whom the rest would protect is not known.
func TestAGroupOfMoreThanAnyIsNotReadInPart(t *testing.T) {
	for name, fill := range map[string]func(f *family, group string){
		"groups within it": func(f *family, group string) {
			for i := range 501 {
				f.root.server.AddGroup(minidc.Group{Name: fmt.Sprintf("nested-%d", i), Parent: f.root.Staff})
			}
			var nested []string
			for i := range 501 {
				nested = append(nested, fmt.Sprintf("CN=nested-%d,%s", i, f.root.Staff))
			}
			f.root.server.Set(group, "member", nested...)
		},
		"a member without a SID": func(f *family, group string) {
			unit := "OU=No person," + f.child.Staff
			f.child.server.AddOU(unit)
			f.root.join(group, unit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t)
			group := f.root.group(universalSecurity)
			fill(f, group)
			forest := f.open(func(root, child *ad.Config) { root.ProtectedGroups = []string{group} })
			if a, err := forest.Account(ctxFor(t), f.child.person().GUID); err == nil && a.Protected != ad.ProtectedUnknown {
				t.Errorf("%q", a.Protected)
			}
		})
	}
}
