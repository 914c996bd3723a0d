package ad_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/secret"
)

// What the configuration asks for comes with the account; what the account lacks is
// there without a value, and what nobody asked for is not there.
func TestAnAccountCarriesTheAttributesThatAreAskedFor(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person(attrs{"company": {"Example Ltd"}, "departmentNumber": {"7", "8"}, "division": {"North"}})
		c := l.client(func(cfg *ad.Config) { cfg.Attributes = []string{"company", "DepartmentNumber", "employeeType"} })
		got := l.read(c, p.GUID).Attributes
		values := slices.Sorted(slices.Values(got["departmentnumber"]))
		if !slices.Equal(got["company"], []string{"Example Ltd"}) || !slices.Equal(values, []string{"7", "8"}) || len(got) != 3 {
			t.Errorf("%v", got)
		}
		if kind, asked := got["employeetype"]; !asked || len(kind) != 0 {
			t.Errorf("employeeType: %v, %v", kind, asked)
		}
		if plain := l.read(l.client(), p.GUID).Attributes; len(plain) != 0 {
			t.Errorf("nobody asked: %v", plain)
		}
	})
}

func TestALogonIsToldByTheDirectory(t *testing.T) {
	everywhere(t, func(l *lab) {
		p, c := l.person(), l.client()
		if at := l.read(c, p.GUID).LastLogon; !at.IsZero() {
			t.Errorf("never logged on, and at %v", at)
		}
		if err := c.CheckPassword(ctxFor(l), p.GUID, secret.New(start)); err != nil {
			l.Fatal(err)
		}
		if at := l.read(c, p.GUID).LastLogon; time.Since(at).Abs() > time.Hour {
			t.Errorf("logged on at %v", at)
		}
	})
}

func TestEverybodyIsEveryEnabledPersonOnce(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	crowd(s, 1203)
	off := l.person()
	l.set(off.DN, "userAccountControl", "514")
	seen, pages := map[ad.GUID]int{}, 0
	err := l.domainClient().Everybody(ctxFor(t), func(page []ad.GUID) error {
		pages++
		for _, g := range page {
			seen[g]++
		}
		return nil
	})
	if err != nil || len(seen) < 1203 || pages < 3 || seen[off.GUID] != 0 {
		t.Errorf("%d people on %d pages, %v", len(seen), pages, err)
	}
	if most := slices.Max(slices.Collect(maps.Values(seen))); most != 1 {
		t.Errorf("somebody %d times", most)
	}
}

// The list is the one that a controller goes by: each of these is written by the
// person, or is not, as ad.SelfWritten says.
func TestWhatPeopleWriteOfTheirOwnIsKnown(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person()
		own, err := ldap.DialURL(l.URL, ldap.DialWithTLSConfig(l.TLS))
		if err != nil {
			l.Fatal(err)
		}
		defer own.Close()
		if err := own.Bind(p.UPN, start); err != nil {
			l.Fatal(err)
		}
		for _, name := range []string{
			"telephoneNumber", "mobile", "homePhone", "streetAddress", "physicalDeliveryOfficeName", "l", "st", "info", "wWWHomePage", "msDS-cloudExtensionAttribute3",
			"company", "department", "title", "employeeType", "employeeID", "division", "co", "description",
		} {
			r := ldap.NewModifyRequest(p.DN, nil)
			r.Replace(name, []string{"x"})
			err := own.Modify(r)
			if refused := ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights); err != nil && !refused {
				l.Errorf("%s: %v", name, err)
			} else if refused == ad.SelfWritten(name) {
				l.Errorf("%s: %v, and the list says %v", name, err, ad.SelfWritten(name))
			}
		}
	})
}

// The list leaves out nothing of the property sets that AD grants to SELF, as a real
// schema has them.
func TestWhatTheSchemaLetsPeopleWriteIsInTheList(t *testing.T) {
	l := sambaLab(t)
	for set, guid := range map[string]string{
		"Personal-Information": `\86\b8\b5\77\4a\94\d1\11\ae\bd\00\00\f8\03\67\c1`,
		"Web-Information":      `\b3\95\57\e4\55\94\d1\11\ae\bd\00\00\f8\03\67\c1`,
	} {
		found, err := l.conn().SearchWithPaging(ldap.NewSearchRequest("CN=Schema,CN=Configuration,"+l.Base, ldap.ScopeSingleLevel,
			ldap.NeverDerefAliases, 0, 0, false, "(&(objectClass=attributeSchema)(attributeSecurityGUID="+guid+"))", []string{"lDAPDisplayName"}, nil), 500)
		if err != nil || len(found.Entries) < 2 {
			t.Fatalf("%s: %v %v", set, err, found)
		}
		for _, e := range found.Entries {
			if name := e.GetAttributeValue("lDAPDisplayName"); !ad.SelfWritten(name) {
				t.Errorf("%s: everybody writes their own %s", set, name)
			}
		}
		t.Logf("%s: %d attributes", set, len(found.Entries))
	}
}

// What is told to have one value has no more in a real schema, so that no rule is refused
// that somebody matches.
func TestWhatHasOneValueIsSoInTheSchema(t *testing.T) {
	l := sambaLab(t)
	for _, name := range []string{
		"co", "company", "department", "division", "employeeID", "employeeNumber", "EMPLOYEETYPE", "title",
		"description", "departmentNumber", "o", "ou", "carLicense", "businessCategory", "roomNumber", "uid", "otherMailbox",
	} {
		found, err := l.conn().Search(ldap.NewSearchRequest("CN=Schema,CN=Configuration,"+l.Base, ldap.ScopeSingleLevel,
			ldap.NeverDerefAliases, 0, 0, false, "(lDAPDisplayName="+name+")", []string{"isSingleValued"}, nil))
		if err != nil || len(found.Entries) != 1 {
			t.Fatalf("%s: %v %v", name, err, found)
		}
		if one := found.Entries[0].GetAttributeValue("isSingleValued") == "TRUE"; one != ad.SingleValued(name) {
			t.Errorf("%s: one value %t, and the list says %t", name, one, ad.SingleValued(name))
		}
	}
}
