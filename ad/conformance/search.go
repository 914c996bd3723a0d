package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// finds compares which accounts of the run a filter matches, in any order.
// Accounts of other cases never match: the filters name the case's own.
func (c *C) finds(filter string, want ...string) {
	c.Helper()
	got := c.find(c.ou, filter)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.Errorf("%s finds %v, want %v", filter, got, want)
	}
}

// three makes people of one department, told apart by their titles.
func three(c *C) (department string, a, b, x *person) {
	c.Helper()
	department = c.name("dep")
	make := func(title string) *person {
		return c.person(attrs{"department": {department}, "title": {title}})
	}
	return department, make("alpha one"), make("beta two"), make("gamma one two")
}

var filterCases = []Case{
	{"equality", func(c *C) { p := c.person(); c.finds("(sAMAccountName="+p.SAM+")", p.SAM) }},
	{"equality in any case", func(c *C) { p := c.person(); c.finds("(SAMACCOUNTNAME="+strings.ToUpper(p.SAM)+")", p.SAM) }},
	{"equality by user principal name", func(c *C) { p := c.person(); c.finds("(userPrincipalName="+p.UPN+")", p.SAM) }},
	{"and", func(c *C) {
		d, a, _, _ := three(c)
		c.finds("(&(department="+d+")(title=alpha one))", a.SAM)
	}},
	{"or", func(c *C) {
		d, a, b, _ := three(c)
		c.finds("(&(department="+d+")(|(title=alpha one)(title=beta two)))", a.SAM, b.SAM)
	}},
	{"not", func(c *C) {
		d, _, b, x := three(c)
		c.finds("(&(department="+d+")(!(title=alpha one)))", b.SAM, x.SAM)
	}},
	{"not an absent attribute", func(c *C) {
		d, a, _, _ := three(c)
		a.set(replace("mobile", "1"))
		c.finds("(&(department="+d+")(mobile=*))", a.SAM)
	}},
	{"presence", func(c *C) {
		d, a, b, x := three(c)
		c.finds("(&(department="+d+")(title=*))", a.SAM, b.SAM, x.SAM)
	}},
	{"the beginning of a value", func(c *C) {
		d, a, _, _ := three(c)
		c.finds("(&(department="+d+")(title=ALPHA*))", a.SAM)
	}},
	{"the end of a value", func(c *C) {
		d, _, b, x := three(c)
		c.finds("(&(department="+d+")(title=*two))", b.SAM, x.SAM)
	}},
	{"the middle of a value", func(c *C) {
		d, a, _, x := three(c)
		c.finds("(&(department="+d+")(title=*a one*))", a.SAM, x.SAM)
	}},
	{"beginning, middle and end at once", func(c *C) {
		d, _, _, x := three(c)
		c.finds("(&(department="+d+")(title=g*one*two))", x.SAM)
	}},
	{"greater or equal", func(c *C) {
		d, a, _, _ := three(c)
		a.lock()
		c.finds("(&(department="+d+")(lockoutTime>=1))", a.SAM)
		c.finds("(&(department=" + d + ")(lockoutTime>=" + never + "))")
	}},
	{"less or equal", func(c *C) {
		d, a, b, x := three(c)
		a.bind("wrong")
		c.finds("(&(department="+d+")(badPwdCount<=0))", b.SAM, x.SAM)
	}},
	{"numbers compare as numbers", func(c *C) {
		d, a, b, x := three(c)
		a.set(replace("accountExpires", "900000000000000000"))
		c.finds("(&(department="+d+")(accountExpires>=1000000000000000000))", b.SAM, x.SAM)
	}},
	{"all bits (803)", func(c *C) {
		d, a, _, _ := three(c)
		a.set(uac(uacDisabled))
		c.finds("(&(department="+d+")(userAccountControl:1.2.840.113556.1.4.803:=514))", a.SAM)
	}},
	{"any bit (804)", func(c *C) {
		d, a, b, _ := three(c)
		a.set(uac(uacDisabled))
		b.set(uac(uacNeverExpires))
		c.finds("(&(department="+d+")(userAccountControl:1.2.840.113556.1.4.804:=65538))", a.SAM, b.SAM)
	}},
	{"not all bits", func(c *C) {
		d, a, b, x := three(c)
		a.set(uac(uacDisabled))
		c.finds("(&(department="+d+")(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", b.SAM, x.SAM)
	}},
	{"an unknown attribute matches nobody", func(c *C) {
		d, _, _, _ := three(c)
		c.finds("(&(department=" + d + ")(noSuchAttribute=x))")
	}},
	{"objectClass matches the classes above", func(c *C) {
		p := c.person()
		for _, class := range []string{"top", "person", "organizationalPerson", "user", "USER"} {
			c.finds("(&(sAMAccountName="+p.SAM+")(objectClass="+class+"))", p.SAM)
		}
		c.finds("(&(sAMAccountName=" + p.SAM + ")(objectClass=computer))")
	}},
	{"objectCategory takes the short name", func(c *C) {
		p, g := c.person(), c.group()
		c.finds("(&(sAMAccountName="+p.SAM+")(objectCategory=person))", p.SAM)
		c.finds("(&(distinguishedName=" + g + ")(objectCategory=person))")
	}},
	{"ambiguous names are resolved", func(c *C) {
		word := "Zz" + c.name("anr")
		p := c.person(attrs{"displayName": {word + " Somebody"}})
		c.finds("(anr="+word+")", p.SAM)
	}},
	{"a distinguished name is compared as a name", func(c *C) {
		p := c.person()
		c.finds("(distinguishedName="+strings.ToUpper(p.DN)+")", p.SAM)
	}},
	hostile("a star", "a*b", "axb"),
	hostile("brackets", "a(b)c", "abc"),
	hostile("a backslash", `a\2ab`, "a*b"),
	hostile("umlauts", "Jürgen Groß", "Jxrgen Grox"),
	hostile("a closing of the filter", "x)(cn=*", "y"),
}

// hostile holds that an escaped value matches itself and nothing else.
func hostile(name, value, other string) Case {
	return Case{"a filter escapes " + name, func(c *C) {
		d := c.name("dep")
		p := c.person(attrs{"department": {d}, "title": {value}})
		c.person(attrs{"department": {d}, "title": {other}})
		c.finds("(&(department="+d+")(title="+ldap.EscapeFilter(value)+"))", p.SAM)
	}}
}

// identityCases: the stable keys, and where a search begins and ends.
var identityCases = []Case{
	{"objectGUID is 16 bytes and found by them", func(c *C) {
		p := c.person()
		id := c.raw(p.DN, "objectGUID")
		if len(id) != 16 {
			c.Fatalf("%d bytes", len(id))
		}
		c.finds("(objectGUID="+escapeAll(id)+")", p.SAM)
	}},
	{"objectGUID is found by its text", func(c *C) {
		p := c.person()
		c.finds("(objectGUID="+guidText(c.raw(p.DN, "objectGUID"))+")", p.SAM)
	}},
	{"objectSid is found by its bytes", func(c *C) {
		p := c.person()
		c.finds("(objectSid="+escapeAll(c.raw(p.DN, "objectSid"))+")", p.SAM)
	}},
	{"objectSid is found by its text", func(c *C) {
		p := c.person()
		c.finds("(objectSid="+sidText(c.raw(p.DN, "objectSid"))+")", p.SAM)
	}},
	{"objectSid is the domain's and a number of its own", func(c *C) {
		p, q := c.person(), c.person()
		domain := sidText(c.raw(c.BaseDN, "objectSid"))
		a, b := sidText(c.raw(p.DN, "objectSid")), sidText(c.raw(q.DN, "objectSid"))
		if a == b || !strings.HasPrefix(a, domain+"-") || !strings.HasPrefix(b, domain+"-") {
			c.Errorf("%s and %s in %s", a, b, domain)
		}
	}},
	{"a search begins at a GUID", func(c *C) {
		p := c.person()
		c.same("name", c.read(c.service, guidDN(c, p), "sAMAccountName").GetAttributeValue("sAMAccountName"), p.SAM)
	}},
	{"a search begins at a SID", func(c *C) {
		p := c.person()
		dn := "<SID=" + sidText(c.raw(p.DN, "objectSid")) + ">"
		c.same("name", c.read(c.service, dn, "sAMAccountName").GetAttributeValue("sAMAccountName"), p.SAM)
	}},
	{"an unlock goes to a GUID", func(c *C) {
		p := c.person()
		p.lock()
		c.want(modify(c.service, guidDN(c, p), unlock), "")
		p.binds(start, "")
	}},
	{"a reset goes to a GUID", func(c *C) {
		p := c.person()
		c.want(modify(c.service, guidDN(c, p), reset("Second-Pass.2"), mustChange), "")
		p.binds("Second-Pass.2", "773")
	}},
	{"a change goes to a GUID", func(c *C) {
		p := c.person()
		c.want(modify(c.service, guidDN(c, p), exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"an unknown GUID is 32", func(c *C) {
		const dn = "<GUID=00000000-0000-0000-0000-0123456789ab>"
		_, err := c.service.Search(query(dn, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
		c.want(err, "32")
		c.want(modify(c.service, dn, unlock), "32")
	}},
	{"a GUID outlives a rename", func(c *C) {
		p := c.person()
		dn, cn := guidDN(c, p), c.name("renamed")
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+cn, true, "")))
		e := c.read(c.service, dn, "distinguishedName", "cn")
		c.same("cn", e.GetAttributeValue("cn"), cn)
		c.same("dn", e.DN, "CN="+cn+","+c.ou)
		c.same("distinguishedName", e.GetAttributeValue("distinguishedName"), e.DN)
	}},
	{"a search below nobody is 32", func(c *C) {
		_, err := c.service.Search(query("OU=nowhere,"+c.BaseDN, ldap.ScopeWholeSubtree, "(objectClass=*)", "cn"))
		c.want(err, "32")
	}},
	{"the scopes are base, one level and subtree", scopes},
	{"only the attributes that are named come back", func(c *C) {
		e := c.read(c.service, c.person().DN, "cn", "displayName", "noSuchAttribute")
		if len(e.Attributes) != 2 {
			c.Errorf("%d attributes", len(e.Attributes))
		}
	}},
	{"1.1 brings no attribute", func(c *C) {
		if e := c.read(c.service, c.person().DN, "1.1"); len(e.Attributes) != 0 {
			c.Errorf("%d attributes", len(e.Attributes))
		}
	}},
	{"the schema tells which attributes there are", func(c *C) {
		root := c.read(c.service, "", "schemaNamingContext")
		for names, want := range map[string][]string{
			"employeeType": {"employeeType"}, "EMPLOYEETYPE": {"employeeType"}, "employType": nil, "Employee-Type": nil, "user": nil,
			"tokenGroups cn": {"cn", "tokenGroups"}, "employType cn": {"cn"}, "msDS-UserPasswordExpiryTimeComputed": {"msDS-UserPasswordExpiryTimeComputed"},
		} {
			var or string
			for _, n := range strings.Fields(names) {
				or += "(lDAPDisplayName=" + n + ")"
			}
			res, err := c.service.Search(query(root.GetAttributeValue("schemaNamingContext"), ldap.ScopeSingleLevel,
				"(&(objectClass=attributeSchema)(|"+or+"))", "lDAPDisplayName", "isDefunct"))
			c.must(err)
			var got []string
			for _, e := range res.Entries {
				got = append(got, e.GetAttributeValue("lDAPDisplayName"))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				c.Errorf("%s: %v, want %v", names, got, want)
			}
		}
	}},
	{"a unit is read by its name, and 1.1 brings the name back", func(c *C) {
		e := c.read(c.service, strings.ToLower(c.ou), "1.1")
		c.same("name", e.DN, c.ou)
		_, err := c.service.Search(query("OX=none,"+c.BaseDN, ldap.ScopeBaseObject, "(objectClass=*)", "1.1"))
		if a := answer(err); a == "" {
			c.Errorf("a name of no type: %q", a)
		}
	}},
	{"paging brings everybody exactly once", paging},
	{"a page holds what was asked for and no more", onePage},
}

func guidDN(c *C, p *person) string { return "<GUID=" + guidText(c.raw(p.DN, "objectGUID")) + ">" }

func guidText(b []byte) string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8:10], b[10:])
}

func scopes(c *C) {
	outer, inner := "OU="+c.name("o")+","+c.ou, "OU="+c.name("i")
	inner += "," + outer
	for _, dn := range []string{outer, inner} {
		c.must(c.add(dn, attrs{"objectClass": {"organizationalUnit"}}))
	}
	for _, dn := range []string{outer, inner} {
		c.personIn(dn)
	}
	for scope, want := range map[int]int{ldap.ScopeBaseObject: 1, ldap.ScopeSingleLevel: 2, ldap.ScopeWholeSubtree: 4} {
		res, err := c.service.Search(query(outer, scope, "(objectClass=*)", "cn"))
		c.must(err)
		if len(res.Entries) != want {
			c.Errorf("scope %d: %d entries, want %d", scope, len(res.Entries), want)
		}
	}
}

// crowd makes objects that cost no password hash.
func crowd(c *C, n int) string {
	c.Helper()
	ou := "OU=" + c.name("crowd") + "," + c.ou
	c.must(c.add(ou, attrs{"objectClass": {"organizationalUnit"}}))
	for i := range n {
		c.must(c.add(fmt.Sprintf("OU=%02d,%s", i, ou), attrs{"objectClass": {"organizationalUnit"}}))
	}
	return ou
}

func paging(c *C) {
	ou := crowd(c, 23)
	res, err := c.service.SearchWithPaging(query(ou, ldap.ScopeSingleLevel, "(objectClass=*)", "ou"), 5)
	c.must(err)
	seen := map[string]bool{}
	for _, e := range res.Entries {
		seen[e.DN] = true
	}
	if len(res.Entries) != 23 || len(seen) != 23 {
		c.Errorf("%d entries, %d of them different", len(res.Entries), len(seen))
	}
}

func onePage(c *C) {
	ou := crowd(c, 7)
	page := ldap.NewControlPaging(4)
	req := query(ou, ldap.ScopeSingleLevel, "(objectClass=*)", "ou")
	req.Controls = []ldap.Control{page}
	for _, want := range []int{4, 3} {
		res, err := c.service.Search(req)
		c.must(err)
		if len(res.Entries) != want {
			c.Errorf("page of %d, want %d", len(res.Entries), want)
		}
		next, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok {
			c.Fatal("no paging control in the answer")
		}
		page.SetCookie(next.Cookie)
	}
	if len(page.Cookie) != 0 {
		c.Error("the last page has a cookie")
	}
}
