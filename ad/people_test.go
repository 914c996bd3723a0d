package ad_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

func (l *lab) rename(dn, rdn string) {
	l.Helper()
	if err := l.conn().ModifyDN(ldap.NewModifyDNRequest(dn, rdn, true, "")); err != nil {
		l.Fatal(err)
	}
}

func (l *lab) remove(dn string) {
	l.Helper()
	if err := l.conn().Del(ldap.NewDelRequest(dn, nil)); err != nil {
		l.Fatal(err)
	}
}

func TestAManagerIsReadByTheNameInTheDirectory(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, cn := range []string{"Doe, Jane", `Jane "JD" Doe`, "a+b=c", `back\slash`, "<x>", "#1", "one; two", "Jürgen Großmann", "Zoe\u0308", "(all) *", "line\nbreak"} {
			boss, p := l.person(attrs{"title": {"Head of " + cn}}), l.person()
			l.set(p.DN, "manager", boss.DN)
			name := fresh(cn + " ")
			l.rename(boss.DN, "CN="+strings.ReplaceAll(ldap.EscapeDN(name), "=", `\3D`))
			a, err := c.AccountByDN(ctxFor(l), l.read(c, p.GUID).ManagerDN)
			if err != nil || a.GUID != boss.GUID || a.Title != "Head of "+cn {
				l.Errorf("%q: %v %q, %v", cn, a.GUID, a.Title, err)
			}
		}
	})
}

func TestAManagerWhoIsNobodyHereIsNotFound(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p, gone := l.client(), l.person(), l.person()
		l.remove(gone.DN)
		_, domain, _ := strings.Cut(l.Base, ",")
		for _, dn := range []string{"", gone.DN, "nobody", "=", "CN=", "CN=x", "<GUID=" + p.GUID.String() + ">", " <GUID=" + p.GUID.String() + ">",
			"CN=*," + l.Staff, "CN=\x00," + l.Staff, "bogus=x," + l.Staff, "CN=\xff," + l.Staff, strings.Repeat("CN=x,", 5000) + l.Base,
			p.DN + "," + l.Base, strings.Replace(p.DN, "CN=", "CN=)(", 1)} {
			if a, err := c.AccountByDN(ctxFor(l), dn); !errors.Is(err, ad.ErrNotFound) {
				l.Errorf("%.60q: %v, %v", dn, a.GUID, err)
			}
		}
		for _, dn := range []string{"CN=Boss,DC=other,DC=test", "CN=Boss," + domain, "CN=Boss,CN=Users,DC=else," + domain} {
			if _, err := c.AccountByDN(ctxFor(l), dn); !errors.Is(err, ad.ErrReferral) || !errors.Is(err, ad.ErrNotFound) {
				l.Errorf("%s: %v", dn, err)
			}
		}
		outside := l.personIn(l.Ot)
		below := l.client(func(c *ad.Config) { c.BaseDN = l.Staff })
		if _, err := below.AccountByDN(ctxFor(l), outside.DN); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("outside the base: %v", err)
		}
		if a, err := c.AccountByDN(ctxFor(l), l.Staff); err != nil || a.Protected != ad.ProtectedNotPerson {
			l.Errorf("a unit as manager: %v, %v", a.Protected, err)
		}
	})
}

func TestAReferralToAManagerIsNotFollowed(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	c, p := l.client(), l.person()
	l.read(c, p.GUID)
	defer s.Inject(minidc.RefuseWrites(10, "0000202B: RefErr: DSID-031007F3, data 0, 1 access points").On(minidc.OpSearch))()
	if _, err := c.AccountByDN(ctxFor(t), p.DN); !errors.Is(err, ad.ErrReferral) || !errors.Is(err, ad.ErrNotFound) {
		t.Error(err)
	}
}

func guids(people []ad.Account) (out []ad.GUID) {
	for _, a := range people {
		out = append(out, a.GUID)
	}
	return out
}

func TestMembersAreThePeopleOfAGroupNestedOnesToo(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		direct, nested, listed, off, primary := l.person(), l.person(), l.person(), l.person(), l.person()
		l.set(off.DN, "userAccountControl", "514")
		computer := "CN=" + fresh("pc") + "," + l.Staff
		l.add(computer, attrs{"objectClass": {"computer"}, "sAMAccountName": {fresh("pc") + "$"}, "userAccountControl": {"4096"}})
		contact := "CN=" + fresh("contact") + "," + l.Staff
		l.add(contact, attrs{"objectClass": {"contact"}})
		inner := l.group(universalSecurity, nested.DN, direct.DN)
		list := l.group(universalList, listed.DN)
		outer := l.group(universalSecurity, direct.DN, inner, list, off.DN, computer, contact)
		l.join(inner, outer) // a circle
		mine := l.group(globalSecurity, primary.DN)
		token := l.get(mine, "primaryGroupToken").GetAttributeValue("primaryGroupToken")
		l.set(primary.DN, "primaryGroupID", token)

		people, err := c.Members(ctxFor(l), l.sidOf(c, outer), 25)
		want := []ad.GUID{direct.GUID, nested.GUID} // a list is in nobody's token
		slices.SortFunc(want, func(a, b ad.GUID) int { return bytes.Compare(a[:], b[:]) })
		if err != nil || !slices.Equal(guids(people), want) || people[0].SAMAccountName == "" || len(people[0].Groups) == 0 {
			l.Errorf("%v, %v; want %v", guids(people), err, want)
		}
		for limit := range 5 {
			people, err := c.Members(ctxFor(l), l.sidOf(c, outer), limit)
			if err != nil || !slices.Equal(guids(people), want[:min(limit, 2)]) {
				l.Errorf("limit %d: %v, %v", limit, guids(people), err)
			}
		}
		if people, err := c.Members(ctxFor(l), l.sidOf(c, mine), 5); err != nil || len(people) != 0 {
			l.Errorf("of a primary group: %v, %v", people, err)
		}
		if _, err := c.ResolveGroup(ctxFor(l), list); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("a mailing list: %v", err)
		}
		personSID := l.read(c, direct.GUID).SID
		for _, sid := range []string{"", "nobody", personSID, "S-1-5-21-1-2-3-4444", "S-1-5-32-544>)(objectClass=*"} {
			if _, err := c.Members(ctxFor(l), sid, 5); !errors.Is(err, ad.ErrNotFound) {
				l.Errorf("%q: %v", sid, err)
			}
		}
	})
}

func (l *lab) sidOf(c directory, group string) string {
	l.Helper()
	sid, err := c.ResolveGroup(ctxFor(l), group)
	if err != nil {
		l.Fatal(err)
	}
	return sid
}

func TestMembersOfAGroupWithAHostileNameAreFound(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		g := l.group(globalSecurity, p.DN)
		sid := l.sidOf(c, g)
		l.rename(g, `CN=`+ldap.EscapeDN(fresh(`IT, (all)* "x" \2a `)))
		if people, err := c.Members(ctxFor(l), sid, 5); err != nil || !slices.Equal(guids(people), []ad.GUID{p.GUID}) {
			l.Errorf("%v, %v", guids(people), err)
		}
	})
}

func TestMembersOfALargeGroupComeInOneOrder(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	g := "CN=everybody," + miniStaff
	s.AddGroup(minidc.Group{Name: "everybody", Parent: miniStaff})
	crowd(s, 600, g)
	c := l.client()
	people, err := c.Members(ctxFor(t), l.sidOf(c, g), 10)
	if err != nil || len(people) != 10 || !slices.IsSortedFunc(people, func(a, b ad.Account) int { return bytes.Compare(a.GUID[:], b.GUID[:]) }) {
		t.Fatalf("%v, %v", guids(people), err)
	}
	first := people[0].GUID // nobody of the other 590 comes before
	for _, m := range s.Get(g, "member") {
		if id := l.guid(m); bytes.Compare(id[:], first[:]) < 0 {
			t.Fatalf("%v comes before %v", id, first)
		}
	}
}

func TestAContactIsWhatTheAccountSays(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, set := range []attrs{
			nil,
			{"displayName": {"Ada Löwe"}, "mail": {"ada@corp.example.test"}, "preferredLanguage": {"de-AT"}},
			{"displayName": {"Gone"}, "userAccountControl": {"514"}},
		} {
			p := l.person(set)
			a := l.read(c, p.GUID)
			got, err := c.Contact(ctxFor(l), p.GUID)
			want := ad.Contact{Name: a.DisplayName, Mail: a.Mail, Language: a.Language, Disabled: a.Disabled}
			if err != nil || got != want || got.Disabled != (len(set["userAccountControl"]) > 0) {
				l.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
		if _, err := c.Contact(ctxFor(l), ad.GUID{1}); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("nobody's: %v", err)
		}
		p := l.personIn(l.Ot, nil)
		if _, err := l.client(func(c *ad.Config) { c.BaseDN = l.Staff }).Contact(ctxFor(l), p.GUID); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("outside the base: %v", err)
		}
	})
}

func TestPhotosAreTheBytesOfTheDirectory(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		small, large := "\xff\xd8\x00\x01"+strings.Repeat("\x00\xfe", 40_000), "\xff\xd8"+strings.Repeat("j", 1<<20-2)
		for _, k := range []struct {
			name string
			set  attrs
			want string
		}{
			{"thumbnail", attrs{"thumbnailPhoto": {small}}, small},
			{"both", attrs{"thumbnailPhoto": {small}, "jpegPhoto": {large}}, small},
			{"jpeg", attrs{"jpegPhoto": {large}}, large},
			{"none", nil, ""},
			{"more than a MiB", attrs{"jpegPhoto": {large + "x"}}, ""},
			{"more than any answer", attrs{"jpegPhoto": {strings.Repeat("x", 5<<20)}}, ""},
		} {
			p := l.person(k.set)
			got, err := c.Photo(ctxFor(l), p.GUID)
			if string(got) != k.want || (err != nil) != (k.want == "") || err != nil && !errors.Is(err, ad.ErrNotFound) {
				l.Errorf("%s: %d bytes, %v; want %d", k.name, len(got), err, len(k.want))
			}
			l.read(c, p.GUID) // the controller is in use as before
		}
		if _, err := c.Photo(ctxFor(l), ad.GUID{1}); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("nobody's: %v", err)
		}
		p := l.personIn(l.Ot, attrs{"thumbnailPhoto": {small}})
		if _, err := l.client(func(c *ad.Config) { c.BaseDN = l.Staff }).Photo(ctxFor(l), p.GUID); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("outside the base: %v", err)
		}
	})
}

// expiring reads who expires within the time.
func (l *lab) expiring(c directory, now time.Time, within time.Duration) map[ad.GUID]time.Time {
	l.Helper()
	found := map[ad.GUID]time.Time{}
	if err := c.Expiring(ctxFor(l), now, within, func(page []ad.Expiring) error {
		for _, e := range page {
			found[e.GUID] = e.Expires
		}
		return nil
	}); err != nil {
		l.Fatal(err)
	}
	return found
}

func TestExpiringNamesThoseWhosePasswordEndsSoon(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		soon, later, past := l.person(), l.person(), l.person()
		off, keeps, must, card := l.person(), l.person(), l.person(), l.person()
		for dn, age := range map[string]int{soon.DN: 40, later.DN: 20, past.DN: 60, off.DN: 40, keeps.DN: 40, card.DN: 40} {
			if err := l.Backdate(dn, minidc.Filetime(time.Now().Add(-time.Duration(age)*24*time.Hour))); err != nil {
				l.Fatal(err)
			}
		}
		l.set(off.DN, "userAccountControl", "514")
		l.set(keeps.DN, "userAccountControl", "66048")
		l.set(card.DN, "userAccountControl", "262656")
		l.set(must.DN, "pwdLastSet", "0")
		at := l.read(c, soon.GUID).PasswordExpires
		found := l.expiring(c, time.Now(), 14*24*time.Hour)
		if !found[soon.GUID].Equal(at) || at.IsZero() {
			l.Errorf("%v, want %v", found[soon.GUID], at)
		}
		for what, p := range map[string]person{"later": later, "past": past, "disabled": off, "never": keeps, "must change": must, "smart card": card} {
			if _, ok := found[p.GUID]; ok {
				l.Errorf("%s is named", what)
			}
		}
		// (now, now+within]: the last moment belongs to it, the first does not.
		if _, ok := l.expiring(c, at.Add(-time.Hour), time.Hour)[soon.GUID]; !ok {
			l.Error("the last moment is left out")
		}
		if _, ok := l.expiring(c, at, time.Hour)[soon.GUID]; ok {
			l.Error("who expires now is named")
		}
	})
}

// crowd adds people whose passwords are new.
func crowd(s *minidc.Server, n int, groups ...string) {
	for i := range n {
		name := "crowd" + strconv.Itoa(i)
		s.AddUser(minidc.User{Name: name, Parent: miniStaff, Account: name, Password: start, Groups: groups})
	}
}

func TestExpiringGoesThroughEveryPageOnce(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	crowd(s, 1203)
	c, seen, pages := l.client(), map[ad.GUID]int{}, 0
	err := c.Expiring(ctxFor(t), time.Now(), 43*24*time.Hour, func(page []ad.Expiring) error {
		pages++
		if len(page) > 500 {
			t.Errorf("a page of %d", len(page))
		}
		for _, e := range page {
			seen[e.GUID]++
		}
		return nil
	})
	if err != nil || len(seen) < 1203 || pages < 3 {
		t.Errorf("%d people on %d pages, %v", len(seen), pages, err)
	}
	for g, n := range seen {
		if n != 1 {
			t.Errorf("%v %d times", g, n)
		}
	}
}

func TestExpiringEndsWithItsReader(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	crowd(s, 600)
	c, enough, calls := l.client(), errors.New("enough"), 0
	err := c.Expiring(ctxFor(t), time.Now(), 43*24*time.Hour, func([]ad.Expiring) error { calls++; return enough })
	if err != enough || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(ctxFor(t))
	calls = 0
	err = c.Expiring(ctx, time.Now(), 43*24*time.Hour, func([]ad.Expiring) error { calls++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if _, err := c.Capabilities(ctxFor(t)); err != nil {
		t.Error(err)
	}
}

func TestExpiringBeginsAgainOnTheNextController(t *testing.T) {
	l, one, _ := two(t, minidc.Config{PDC: true}, minidc.Config{})
	crowd(one, 600)
	c, seen, broke := l.client(both(l)), map[ad.GUID]bool{}, false
	err := c.Expiring(ctxFor(t), time.Now(), 43*24*time.Hour, func(page []ad.Expiring) error {
		if !broke {
			broke = true
			one.Close()
		}
		for _, e := range page {
			seen[e.GUID] = true
		}
		return nil
	})
	if err != nil || len(seen) < 600 {
		t.Errorf("%d people, %v", len(seen), err)
	}
}

func FuzzNoNameReachesAnythingElse(f *testing.F) {
	s := minidc.New(minidc.Config{})
	f.Cleanup(func() { s.Close() })
	for _, ou := range []string{miniStaff, "OU=Service," + miniBase} {
		s.AddOU(ou)
	}
	s.AddUser(minidc.User{Name: "svc-latchkey", Parent: "OU=Service," + miniBase, Account: "svc-latchkey", Password: svcPassword})
	s.AddUser(minidc.User{Name: "boss", Parent: miniStaff, Account: "boss", Password: start})
	l := labOf(f, s)
	c := l.client()
	for _, dn := range []string{"CN=boss," + miniStaff, "cn = BOSS ," + miniStaff, "CN=\\62oss," + miniStaff, "<GUID=1>", "CN=#0401", "", "CN=a+OU=b," + miniBase} {
		f.Add(dn)
	}
	f.Fuzz(func(t *testing.T, dn string) {
		a, err := c.AccountByDN(ctxFor(t), dn)
		if err != nil && !errors.Is(err, ad.ErrNotFound) {
			t.Errorf("%q: %v", dn, err)
		}
		if inside, _ := ad.Under(dn, miniBase); err == nil && (!inside || a.GUID.IsZero()) {
			t.Errorf("%q is %v", dn, a.GUID)
		}
	})
}

// A stranger in a group is known by the SID that its name carries.
func TestNamesCarryGUIDAndSIDWhereThatIsAskedFor(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person()
		group := l.group(universalSecurity, p.DN)
		control := ldap.NewControlString("1.2.840.113556.1.4.529", true, "\x30\x03\x02\x01\x01")
		res, err := l.conn().Search(ldap.NewSearchRequest(group, ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{"member"}, []ldap.Control{control}))
		want := "<GUID=" + p.GUID.String() + ">;<SID=" + l.read(l.client(), p.GUID).SID + ">;" + p.DN
		if err != nil || len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("member") != want {
			l.Errorf("%+v, %v; want %s", res, err, want)
		}
	})
}
