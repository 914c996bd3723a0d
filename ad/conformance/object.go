package conformance

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// nameCases: names that break careless code. Each person is found by the name,
// read by the DN that came back, bound by it, and unlocked by it.
var nameCases = nameTable(map[string]string{
	"a comma":                 "Doe, Jane",
	"a plus and an equals":    "a+b=c",
	"quotation marks":         `Jane "JD" Doe`,
	"a backslash":             `back\slash`,
	"brackets and a star":     "(all) *",
	"angle brackets":          "<script>alert(1)</script>",
	"a leading number sign":   "#1 person",
	"a semicolon":             "one; two",
	"umlauts":                 "Jürgen Großmann",
	"decomposed letters":      "Zoe\u0308 Mu\u0308ller",
	"letters right to left":   "שלום",
	"letters beyond 16 bits":  "Key 🗝",
	"an apostrophe and slash": "O'Neil / Sons",
})

func nameTable(names map[string]string) (cases []Case) {
	for _, what := range keys(names) {
		cases = append(cases, Case{"a name with " + what, func(c *C) { oddName(c, names[what]) }})
	}
	return cases
}

func oddName(c *C, name string) {
	name += " " + c.name("n")
	sam := c.name("p")
	// RFC 4514 lets "=" stand in a value; Samba wants it escaped.
	dn := "CN=" + strings.ReplaceAll(ldap.EscapeDN(name), "=", `\3D`) + "," + c.ou
	c.must(c.add(dn, attrs{
		"objectClass": {"user"}, "sAMAccountName": {sam}, "userPrincipalName": {sam + "@" + c.Domain},
		"displayName": {name}, "userAccountControl": {"512"}, "unicodePwd": {quote(start)},
	}))
	c.finds("(cn="+ldap.EscapeFilter(name)+")", sam)
	c.finds("(displayName="+ldap.EscapeFilter(name)+")", sam)
	c.finds("(distinguishedName="+ldap.EscapeFilter(dn)+")", sam)
	e := c.read(c.service, dn, "cn")
	c.same("cn", e.GetAttributeValue("cn"), name)
	p := &person{c: c, DN: e.DN, SAM: sam, UPN: sam + "@" + c.Domain}
	p.lock()
	c.want(p.serve(unlock), "")
	c.same("bind by DN", c.bindAs(e.DN, start), "")
}

// objectCases: adding, deleting, renaming, and what is refused.
var objectCases = []Case{
	{"a second object of the same name is 68", func(c *C) {
		p := c.person()
		c.want(c.add(p.DN, attrs{"objectClass": {"user"}, "sAMAccountName": {c.name("p")}}), "68")
	}},
	{"a second object of the same name in another case is 68", func(c *C) {
		p := c.person()
		c.want(c.add(strings.ToUpper(p.DN), attrs{"objectClass": {"user"}, "sAMAccountName": {c.name("p")}}), "68")
	}},
	{"a second account of the same name is 68", func(c *C) {
		p := c.person()
		c.want(c.add("CN="+c.name("p")+","+c.ou, attrs{"objectClass": {"user"}, "sAMAccountName": {strings.ToUpper(p.SAM)}}), "68")
	}},
	{"an account name may hold an at sign and a blank", func(c *C) {
		sam := c.name("a b@c")
		p := c.person(attrs{"sAMAccountName": {sam}})
		c.finds("(sAMAccountName="+sam+")", sam)
		c.same("bind by principal name", c.bindAs(p.UPN, start), "")
	}},
	{"a user principal name may lack the at sign", func(c *C) {
		upn := c.name("bare")
		p := c.person(attrs{"userPrincipalName": {upn}})
		c.finds("(userPrincipalName="+upn+")", p.SAM)
	}},
	{"a second user principal name is refused", func(c *C) {
		p, q := c.person(), c.person()
		c.want(modify(c.admin, q.DN, replace("userPrincipalName", p.UPN)), "19")
	}},
	{"an object below nobody is 32", func(c *C) {
		c.want(c.add("CN=x,OU=nowhere,"+c.BaseDN, attrs{"objectClass": {"user"}}), "32")
	}},
	{"an object of no class is refused", func(c *C) {
		if answer(c.add("CN="+c.name("p")+","+c.ou, attrs{"cn": {"x"}})) == "" {
			c.Error("accepted")
		}
	}},
	{"an unknown attribute is refused", func(c *C) {
		c.want(modify(c.admin, c.person().DN, replace("noSuchAttribute", "x")), "16")
	}},
	{"an account added with a refused password is not added", func(c *C) {
		sam := c.name("p")
		dn := "CN=" + sam + "," + c.ou
		c.want(c.add(dn, attrs{"objectClass": {"user"}, "sAMAccountName": {sam}, "userAccountControl": {"512"}, "unicodePwd": {quote("x")}}), refused)
		_, err := c.admin.Search(query(dn, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
		c.want(err, "32")
	}},
	{"an account added with no flags is disabled", func(c *C) {
		sam := c.name("p")
		dn := "CN=" + sam + "," + c.ou
		c.must(c.add(dn, attrs{"objectClass": {"user"}, "sAMAccountName": {sam}}))
		c.same("userAccountControl", c.read(c.service, dn, "userAccountControl").GetAttributeValue("userAccountControl"), "546")
	}},
	{"a deleted person is gone and can't bind", func(c *C) {
		p := c.person()
		c.must(c.admin.Del(ldap.NewDelRequest(p.DN, nil)))
		_, err := c.service.Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
		c.want(err, "32")
		p.binds(start, "52e")
		c.finds("(sAMAccountName=" + p.SAM + ")")
	}},
	{"deleting nobody is 32", func(c *C) {
		c.want(c.admin.Del(ldap.NewDelRequest("CN=nobody,"+c.ou, nil)), "32")
	}},
	{"deleting a parent is 66", func(c *C) {
		ou := crowd(c, 1)
		c.want(c.admin.Del(ldap.NewDelRequest(ou, nil)), "66")
	}},
	{"a tree is deleted with its control", func(c *C) {
		ou := crowd(c, 2)
		c.must(c.admin.Del(ldap.NewDelRequest(ou, []ldap.Control{ldap.NewControlSubtreeDelete()})))
		_, err := c.admin.Search(query(ou, ldap.ScopeBaseObject, "(objectClass=*)", "ou"))
		c.want(err, "32")
	}},
	{"a renamed person binds by the new name only", func(c *C) {
		p, cn := c.person(), c.name("renamed")
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+cn, true, "")))
		c.same("old", c.bindAs(p.DN, start), "52e")
		c.same("new", c.bindAs("CN="+cn+","+c.ou, start), "")
		c.same("principal name", c.bindAs(p.UPN, start), "")
	}},
	{"a moved person leaves the delegation", func(c *C) {
		p := c.person()
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+p.SAM, true, c.outside)))
		c.want(modify(c.service, "CN="+p.SAM+","+c.outside, reset("Second-Pass.2")), "50")
		p.binds(start, "")
	}},
	{"a rename onto somebody else is 68", func(c *C) {
		p, q := c.person(), c.person()
		c.want(c.admin.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+q.SAM, true, "")), "68")
	}},
	mayNeverWrite("objectGUID", strings.Repeat("x", 16)),
	mayNeverWrite("objectSid", "S-1-5-21-1-2-3-4"),
	mayNeverWrite("whenCreated", "20200101000000.0Z"),
	mayNeverWrite("msDS-User-Account-Control-Computed", "0"),
	mayNeverWrite("msDS-KeyVersionNumber", "1"),
	{"replacing with nothing removes an attribute", func(c *C) {
		p := c.person(attrs{"department": {"Here"}})
		p.set(replace("department"))
		p.has("department", "")
	}},
	{"a wrong value can't be removed", func(c *C) {
		p := c.person(attrs{"department": {"Here"}})
		c.want(modify(c.admin, p.DN, remove("department", "There")), "16")
		p.has("department", "Here")
	}},
	{"two values of a single-valued attribute are refused", func(c *C) {
		p := c.person(attrs{"department": {"Here"}})
		if answer(modify(c.admin, p.DN, replace("department", "One", "Two"))) == "" {
			c.Error("accepted")
		}
		p.has("department", "Here")
	}},
	{"a text keeps its case, blanks and line breaks", func(c *C) {
		const text = " Two  blanks\r\nand Lines\t"
		p := c.person(attrs{"description": {text}})
		p.has("description", text)
	}},
}

func mayNeverWrite(name, value string) Case {
	return Case{"not even the administrator writes " + name, func(c *C) {
		p := c.person()
		before := p.get(name)
		if answer(modify(c.admin, p.DN, replace(name, value))) == "" {
			c.Error("accepted")
		}
		p.has(name, before)
	}}
}
