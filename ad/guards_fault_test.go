package ad_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// eachSearch runs a test once for each search of what it does: that one search is
// answered with the fault. do says whether the fault is still to come.
func eachSearch(t *testing.T, s *minidc.Server, fault minidc.Fault, do func(n int, tripped func() bool)) (n int) {
	t.Helper()
	for n = 0; ; n++ {
		before := s.Counters().Faults
		clear := s.Inject(fault.On(minidc.OpSearch).After(n).Times(1))
		tripped := func() bool { return s.Counters().Faults > before }
		do(n, tripped)
		clear()
		if !tripped() {
			return n
		}
		if n > 200 {
			t.Fatal("it never ends")
		}
	}
}

var gone = minidc.RefuseWrites(32, "0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0")

var noRight = minidc.RefuseWrites(50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0")

// binds are the ways to name the service accounts, and one or two of them.
func binds(l *lab, reader person) map[string]func(*ad.Config) {
	named := func(read, write string) func(*ad.Config) {
		return func(c *ad.Config) {
			c.Read, c.Write = ad.Service{Bind: read, Password: pw(start)}, ad.Service{Bind: write, Password: pw(svcPassword)}
		}
	}
	return map[string]func(*ad.Config){
		"one, by name": func(*ad.Config) {},
		"one, by DN":   func(c *ad.Config) { c.Read.Bind = l.ServiceDN },
		"two, by name": named(reader.UPN, l.Service.Bind),
		"two, by DN":   named(reader.DN, l.ServiceDN),
	}
}

// Whatever is refused of what protection is read from: the account can't be read, or it
// is protected. What is read of the controller itself comes before (the first search of
// the domain's head), and an account that is bound is known by its token too.
func TestNobodyIsUnprotectedByWhatMayNotBeRead(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p, reader := l.person(), l.person()
	group := l.group(globalSecurity)
	for name, as := range binds(l, reader) {
		for at, first := range map[string]int{l.Base: 1, group: 0, "<GUID=" + p.GUID.String() + ">": 0} {
			t.Run(name+" "+at, func(t *testing.T) {
				n := eachSearch(t, s, noRight.For(at), func(n int, tripped func() bool) {
					c := l.domainClient(as, func(c *ad.Config) { c.ProtectedGroups = []string{group} })
					defer c.Close()
					a, err := c.Account(ctxFor(t), p.GUID)
					if free := err == nil && a.Protected == ad.NotProtected; free == tripped() && n >= first {
						t.Errorf("search %d, refused %v: %q, %v", n, tripped(), a.Protected, err)
					}
				})
				if n <= first {
					t.Errorf("only %d searches", n)
				}
			})
		}
	}
	t.Run("the account that writes", func(t *testing.T) {
		defer s.Inject(noRight.On(minidc.OpSearch).For(l.ServiceDN))()
		if a := l.read(l.domainClient(binds(l, reader)["two, by DN"]), p.GUID); a.Protected != ad.ProtectedUnknown {
			t.Errorf("%q", a.Protected)
		}
	})
}

// A connection that ends in between costs another try, and nobody their account.
func TestALostConnectionIsNoAnswerAboutProtection(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p, reader := l.person(), l.person()
	group := l.group(globalSecurity)
	for name, as := range binds(l, reader) {
		t.Run(name, func(t *testing.T) {
			eachSearch(t, s, minidc.CloseBefore(), func(n int, _ func() bool) {
				c := l.domainClient(as, func(c *ad.Config) { c.ProtectedGroups = []string{group} })
				defer c.Close()
				a, err := c.Account(ctxFor(t), p.GUID)
				if err == nil && a.Protected != ad.NotProtected {
					t.Errorf("search %d: %q", n, a.Protected)
				}
			})
		})
	}
}

func TestServiceAccountsAreKnownByEitherName(t *testing.T) {
	l := minidcLab(t)
	p, reader := l.person(), l.person()
	for name, as := range binds(l, reader) {
		t.Run(name, func(t *testing.T) {
			c := l.domainClient(as)
			l.refuses(c, person{lab: l, DN: l.ServiceDN, GUID: l.guid(l.ServiceDN)}, ad.ProtectedService)
			if strings.HasPrefix(name, "two") {
				l.refuses(c, reader, ad.ProtectedService)
			}
			if a := l.read(c, p.GUID); a.Protected != ad.NotProtected {
				t.Errorf("somebody else: %q", a.Protected)
			}
		})
	}
}

// The account that is always there is protected without any group.
func TestTheBuiltInAdministratorIsProtectedByWhatItIs(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	dn := "CN=Administrator,CN=Users," + l.Base
	guid := l.guid(dn)
	for _, g := range builtin {
		if g.engine == "" || g.engine == "minidc" {
			s.Set(l.builtinDN(g.rid), "member")
		}
	}
	s.Set(dn, "adminCount")
	c := l.domainClient()
	if a, err := c.Account(ctxFor(t), guid); err != nil || a.Protected != ad.ProtectedAdmin {
		t.Errorf("%q, %v", a.Protected, err)
	}
}

// Whatever another domain refuses to say: its administrators are never served here.
func TestNobodyIsUnprotectedByWhatAnotherDomainDoesNotSay(t *testing.T) {
	f := newFamily(t)
	p, q := f.child.person(), f.child.person()
	f.root.join("CN=Account Operators,CN=Builtin,"+f.root.Base, f.root.group(localSecurity, p.DN))
	group := f.root.group(universalSecurity, q.DN)
	for name, fault := range map[string]minidc.Fault{"no right": noRight, "gone": gone} {
		n := eachSearch(t, f.root.server, fault, func(n int, tripped func() bool) {
			forest := f.open(func(root, child *ad.Config) { root.ProtectedGroups = []string{group} })
			defer forest.Close()
			for _, who := range []person{p, q} {
				a, err := forest.Account(ctxFor(t), who.GUID)
				if err == nil && a.Protected == ad.NotProtected || !tripped() && a.Protected != ad.ProtectedGroup {
					t.Errorf("%s, search %d, refused %v: %q, %v", name, n, tripped(), a.Protected, err)
				}
			}
		})
		if n < 5 {
			t.Errorf("only %d searches", n)
		}
	}
}

func TestADomainWhoseOwnGroupIsMissingProtectsThePeopleOfTheOthers(t *testing.T) {
	f := newFamily(t)
	forest := f.open(func(root, child *ad.Config) { root.ProtectedGroups = []string{"CN=gone," + f.root.Base} })
	f.child.refuses(forest, f.child.person(), ad.ProtectedUnknown)
}

func TestAControllerThatIsReadOnlyIsNotWrittenToByName(t *testing.T) {
	s := domain(t, minidc.Config{ReadOnly: true})
	l := labOf(t, s)
	before := s.Counters().Modifies
	_, err := l.domainClient().Unlock(ctxFor(t), ad.Write{Target: l.guid(l.ServiceDN), Controller: strings.TrimPrefix(l.URL, "ldaps://")})
	l.causes(err, ad.ErrUnavailable, ad.OutcomeNotWritten)
	if err == nil || !strings.Contains(err.Error(), "read-only") || s.Counters().Modifies != before {
		t.Error(err)
	}
}

// What can't be read explains no refusal.
func TestTheMinimumAgeIsNotGuessed(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	young, old := l.person(), l.person()
	pso := "CN=" + l.pso(young, attrs{"msDS-MinimumPasswordAge": {"-864000000000"}}) + ",CN=Password Settings Container,CN=System," + l.Base
	l.pso(old, attrs{"msDS-MinimumPasswordAge": {"-864000000000"}})
	if err := l.Backdate(old.DN, time.Now().Add(-48*time.Hour).Unix()*10_000_000+116_444_736_000_000_000); err != nil {
		t.Fatal(err)
	}
	defer s.Inject(minidc.RefuseWrites(19, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"))()
	for clock, behind := range map[string]time.Duration{"right": 0, "an hour behind": time.Hour} {
		change := func(p person) error {
			c := l.domainClient(func(c *ad.Config) { c.Now = func() time.Time { return time.Now().Add(-behind) } })
			defer c.Close()
			return second(c.ChangePassword(ctxFor(t), ad.Write{Target: p.GUID}, pw(start), pw(better)))
		}
		l.causes(change(young), ad.ErrPasswordTooYoung, ad.OutcomeNotWritten)
		l.causes(change(old), ad.ErrPasswordRules, ad.OutcomeNotWritten)
		for name, fault := range map[string]minidc.Fault{"no right": noRight, "gone": gone, "closed": minidc.CloseBefore()} {
			for at, first := range map[string]int{"<GUID=" + young.GUID.String() + ">": 1, pso: 0} { // the account itself is read before the write
				before := s.Counters().Faults
				clear := s.Inject(fault.On(minidc.OpSearch).For(at).After(first).Times(1))
				err := change(young)
				clear()
				if n := s.Counters().Faults - before; n != 2 {
					t.Errorf("%s, %s at %s: %d faults, the write's among them", clock, name, at, n)
				}
				l.causes(err, ad.ErrPasswordRules, ad.OutcomeNotWritten)
			}
		}
	}
}
