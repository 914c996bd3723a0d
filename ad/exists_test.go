package ad_test

import (
	"errors"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// causeOf is the cause of an error, "" for none.
func causeOf(err error) ad.Cause {
	var e *ad.Error
	if errors.As(err, &e) {
		return e.Cause
	}
	return ""
}

func TestAUnitIsThereByItsOwnNameOnly(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		two := "OU=Two Words," + l.Staff
		l.add(two, attrs{"objectClass": {"organizationalUnit"}})
		for _, u := range []struct {
			name, dn string
			want     ad.Cause
		}{
			{"a unit", l.Staff, ""},
			{"in other letters", "ou=STAFF," + l.Base, ""},
			{"a container", "CN=Users," + l.Base, ""},
			{"the domain", l.Base, ""},
			{"words apart", two, ""},
			{"a mistyped one", "OU=Staf," + l.Base, ad.ErrNotFound},
			{"below a mistyped one", "OU=Staff,OU=Nowhere," + l.Base, ad.ErrNotFound},
			{"of no domain", "OU=Staff", ad.ErrNotFound},
			{"of another domain", "OU=Staff,DC=elsewhere,DC=test", ad.ErrNotFound},
			{"a type that is none", "OX=Staff," + l.Base, ad.ErrNotFound},
			{"no name", "Staff", ad.ErrNotFound},
			{"nothing", "", ad.ErrNotFound},
		} {
			if err := c.FindUnit(ctxFor(l), u.dn); causeOf(err) != u.want || (err == nil) != (u.want == "") {
				l.Errorf("%s: %v", u.name, err)
			}
		}
	})
}

// A controller may know by a name alone that nothing can have it. When it can't answer,
// it has said nothing, and what is no name needs no controller.
func TestAUnitIsMissingWhereTheControllerSaysThatNothingHasItsName(t *testing.T) {
	const dn = "OX=Staff," + miniBase
	for _, c := range []struct {
		name, dn string
		code     int
		want     ad.Cause
	}{
		{"it can't be a name", dn, ldap.LDAPResultInvalidDNSyntax, ad.ErrNotFound},
		{"too busy", dn, ldap.LDAPResultBusy, ad.ErrUnavailable},
		{"held elsewhere", dn, ldap.LDAPResultReferral, ad.ErrReferral},
		{"not for the service", dn, ldap.LDAPResultInsufficientAccessRights, ad.ErrRights},
		{"of another domain, which it isn't asked", "OU=Staff,DC=elsewhere,DC=test", ldap.LDAPResultBusy, ad.ErrNotFound},
	} {
		s := domain(t, minidc.Config{})
		s.Inject(minidc.RefuseWrites(c.code, "").On(minidc.OpSearch).For(c.dn))
		if err := labOf(t, s).client().FindUnit(ctxFor(t), c.dn); causeOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	s := domain(t, minidc.Config{})
	c := labOf(t, s).client()
	s.Close()
	if err := c.FindUnit(ctxFor(t), "Staff"); causeOf(err) != ad.ErrNotFound {
		t.Error(err)
	}
}

// A directory takes two blanks for one, and the names of people are compared as they stand.
func TestAUnitThatIsSpelledOtherwiseIsNotFound(t *testing.T) {
	s := domain(t, minidc.Config{})
	s.AddOU("OU=Two Words," + miniStaff)
	c := labOf(t, s).client()
	if err := c.FindUnit(ctxFor(t), "OU=Two  Words,"+miniStaff); !errors.Is(err, ad.ErrNotFound) || !errors.Is(err, ad.ErrSpelling) {
		t.Error(err)
	}
}

func TestAnAttributeIsThereWhereTheSchemaHasIt(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for name, want := range map[string]ad.Cause{
			"employeeType": "", "EMPLOYEETYPE": "", "cn": "", "tokenGroups": "", "msDS-UserPasswordExpiryTimeComputed": "", "memberOf": "",
			"employType": ad.ErrNotFound, "Employee-Type": ad.ErrNotFound, "user": ad.ErrNotFound, "*": ad.ErrNotFound, "": ad.ErrNotFound,
		} {
			if err := c.FindAttribute(ctxFor(l), name); causeOf(err) != want || (err == nil) != (want == "") {
				l.Errorf("%q: %v", name, err)
			}
		}
	})
}

// A schema that does not show what every schema has is not one that lacks something.
func TestAnAttributeIsNotMissingWhereTheSchemaCannotBeRead(t *testing.T) {
	const schema = "CN=Schema,CN=Configuration," + miniBase
	for _, c := range []struct {
		name  string
		spoil func(*minidc.Server)
		want  ad.Cause
	}{
		{"its objects are hidden", func(s *minidc.Server) {
			for _, n := range []string{"cn", "employeeType"} {
				s.Deny(miniService, "CN="+n+","+schema, minidc.ReadProperty("lDAPDisplayName"))
			}
		}, ad.ErrRights},
		{"it is elsewhere", func(s *minidc.Server) { s.Answer("schemaNamingContext", "CN=Gone,"+schema) }, ad.ErrRights},
		{"nobody says where it is", func(s *minidc.Server) { s.Answer("schemaNamingContext") }, ad.ErrProtocol},
		{"the attribute is defunct", func(s *minidc.Server) { s.Set("CN=employeeType,"+schema, "isDefunct", "TRUE") }, ad.ErrNotFound},
		{"nobody answers", func(s *minidc.Server) { s.Close() }, ad.ErrUnavailable},
		{"it may not be asked", func(s *minidc.Server) {
			s.Inject(minidc.RefuseWrites(ldap.LDAPResultBusy, "").On(minidc.OpSearch).For(schema))
		}, ad.ErrUnavailable},
	} {
		s := domain(t, minidc.Config{})
		l := labOf(t, s)
		c.spoil(s)
		for _, name := range []string{"employeeType", "employType"} {
			if err := l.client().FindAttribute(ctxFor(t), name); causeOf(err) != c.want {
				t.Errorf("%s, %s: %v", c.name, name, err)
			}
		}
	}
}

// Each domain is asked for its own units and all for an attribute; one that is down is
// an error and nothing else.
func TestInAForestEachDomainAnswersForItself(t *testing.T) {
	root := domain(t, minidc.Config{})
	l, child := labOf(t, root), labOfChild(t, root)
	child.server.AddOU("OU=Branch," + childBase)
	cfg := l.config()
	cfg.BaseDN = miniBase
	f, err := ad.OpenForest(child.config(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	expect := func(name string, got error, want ad.Cause) {
		t.Helper()
		if causeOf(got) != want || (got == nil) != (want == "") {
			t.Errorf("%s: %v", name, got)
		}
	}
	expect("a unit of the child", f.FindUnit(ctxFor(t), "OU=Branch,"+childBase), "")
	expect("its name in the root", f.FindUnit(ctxFor(t), "OU=Branch,"+miniBase), ad.ErrNotFound)
	expect("a unit of a domain that nobody mapped", f.FindUnit(ctxFor(t), "OU=Branch,DC=elsewhere,DC=test"), ad.ErrNotFound)
	expect("an attribute", f.FindAttribute(ctxFor(t), "employeeType"), "")
	expect("a unit of a domain that is not mapped", l.domainClient().FindUnit(ctxFor(t), "OU=Branch,"+childBase), ad.ErrNotFound) // would be a referral
	child.server.Close()
	expect("a unit of the child that is down", f.FindUnit(ctxFor(t), "OU=Branch,"+childBase), ad.ErrUnavailable)
	expect("a unit of the root", f.FindUnit(ctxFor(t), miniStaff), "")
	expect("an attribute in one of two", f.FindAttribute(ctxFor(t), "employeeType"), ad.ErrUnavailable)
	expect("no attribute", f.FindAttribute(ctxFor(t), "employType"), ad.ErrNotFound)
}
