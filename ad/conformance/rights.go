package conformance

import (
	"github.com/go-ldap/ldap/v3"
)

// rightsCases: what the service account may do, and where.
var rightsCases = []Case{
	{"outside its OU the service account may not unlock", func(c *C) {
		p := c.personIn(c.outside)
		p.lock()
		c.want(p.serve(unlock), "50")
		p.binds(start, "775")
	}},
	{"outside its OU the service account may not reset", func(c *C) {
		p := c.personIn(c.outside)
		c.want(p.serve(reset("Second-Pass.2")), "50")
		p.binds(start, "")
	}},
	{"outside its OU the service account may not demand a change", func(c *C) {
		p := c.personIn(c.outside)
		c.want(p.serve(mustChange), "50")
		p.binds(start, "")
	}},
	{"outside its OU the service account reads the state", func(c *C) {
		p := c.personIn(c.outside)
		p.lock()
		p.has("msDS-User-Account-Control-Computed", computedLocked)
		p.has("badPwdCount", "3")
		p.has("userAccountControl", "512")
	}},
	{"the service account may not reset the administrator", func(c *C) {
		c.want(modify(c.service, "CN=Administrator,CN=Users,"+c.BaseDN, reset("Second-Pass.2")), "50")
	}},
	mayNotWrite("description", replace("description", "x")),
	mayNotWrite("mobile", replace("mobile", "+49 30 1")),
	mayNotWrite("mail", replace("mail", "x@example.test")),
	mayNotWrite("userAccountControl", disable),
	mayNotWrite("accountExpires", replace("accountExpires", "0")),
	mayNotWrite("userPrincipalName", replace("userPrincipalName", "x@example.test")),
	{"the service account may not write manager", func(c *C) {
		p, boss := c.person(), c.person()
		c.want(p.serve(replace("manager", boss.DN)), "50")
		p.has("manager", "")
	}},
	mayNotWrite("logonHours", noHours),
	{"one refused attribute undoes the whole modify", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(unlock, replace("description", "x")), "50")
		p.binds(start, "775")
	}},
	{"a refused attribute undoes the password beside it", func(c *C) {
		p := c.person()
		c.want(p.serve(reset("Second-Pass.2"), replace("description", "x")), "50")
		p.binds(start, "")
	}},
	{"the service account may not delete", func(c *C) {
		p := c.person()
		c.want(c.service.Del(ldap.NewDelRequest(p.DN, nil)), "50")
		p.binds(start, "")
	}},
	{"the service account may not rename", func(c *C) {
		p := c.person()
		c.want(c.service.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+c.name("r"), true, "")), "50")
	}},
	{"the service account may not move", func(c *C) {
		p := c.person()
		c.want(c.service.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+p.SAM, true, c.outside)), "50")
	}},
	{"the service account may not add", func(c *C) {
		sam := c.name("p")
		c.want(addAs(c.service, "CN="+sam+","+c.ou, attrs{"objectClass": {"user"}, "sAMAccountName": {sam}}), "50")
	}},
	{"the service account may not change a group", func(c *C) {
		p := c.person()
		c.want(modify(c.service, c.group(), addValue("member", p.DN)), "50")
	}},
	{"the service account may not change the domain's policy", func(c *C) {
		c.want(modify(c.service, c.BaseDN, replace("lockoutThreshold", "0")), "50")
	}},
	{"the service account may not change a fine-grained policy", func(c *C) {
		c.want(modify(c.service, c.pso(nil, c.person().DN), replace("msDS-MinimumPasswordLength", "1")), "50")
	}},
	{"the delegation is for users, not for computers", func(c *C) {
		sam := c.name("c")
		dn := "CN=" + sam + "," + c.ou
		c.must(c.add(dn, attrs{"objectClass": {"computer"}, "sAMAccountName": {sam + "$"}, "userAccountControl": {"4096"}}))
		c.want(modify(c.service, dn, reset("Second-Pass.2")), "50")
		c.want(modify(c.service, dn, unlock), "50")
	}},
	{"the delegation is for users, not for inetOrgPerson", func(c *C) {
		p := c.person(attrs{"objectClass": {"inetOrgPerson"}})
		c.want(p.serve(reset("Second-Pass.2")), "50")
		c.want(p.serve(unlock), "50")
		p.binds(start, "")
	}},
	{"a write to nobody is 32", func(c *C) {
		c.want(modify(c.service, "CN=nobody,"+c.ou, unlock), "32")
	}},
	{"a person may not unlock anybody", func(c *C) {
		p, q := c.person(), c.person()
		conn := c.dialed(p.UPN, start)
		c.want(modify(conn, q.DN, unlock), "50")
		c.want(modify(conn, p.DN, unlock), "50")
	}},
	{"a person may not reset anybody", func(c *C) {
		p, q := c.person(), c.person()
		c.want(modify(c.dialed(p.UPN, start), q.DN, reset("Second-Pass.2")), "50")
		q.binds(start, "")
	}},
	{"a person may not lift their own must-change", func(c *C) {
		p := c.person()
		conn := c.dialed(p.UPN, start)
		c.want(modify(conn, p.DN, replace("pwdLastSet", "-1")), "50")
	}},
	{"the directory tells what the service account may write", func(c *C) {
		inside, out := c.person(), c.personIn(c.outside)
		const name = "allowedAttributesEffective"
		may := c.read(c.service, inside.DN, name).GetAttributeValues(name)
		for _, a := range []string{"lockoutTime", "pwdLastSet"} {
			if !contains(may, a) {
				c.Errorf("%s is missing from %v", a, may)
			}
		}
		if contains(may, "description") || contains(may, "userAccountControl") {
			c.Errorf("too much: %v", may)
		}
		if may := c.read(c.service, out.DN, name).GetAttributeValues(name); contains(may, "lockoutTime") {
			c.Errorf("outside: %v", may)
		}
	}},
	{"a one-letter password tells whether the reset right is held", func(c *C) {
		inside, out := c.person(), c.personIn(c.outside)
		c.want(inside.serve(reset("x")), refused)
		c.want(out.serve(reset("x")), "50")
	}},
	{"the access list is read with the flags control only", func(c *C) {
		p := c.person()
		const name = "nTSecurityDescriptor"
		res, err := c.service.Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", name))
		c.must(err)
		if len(res.Entries) == 1 && len(res.Entries[0].GetRawAttributeValue(name)) > 0 {
			c.Error("readable without the control")
		}
		// A self-relative descriptor begins with revision 1 (MS-DTYP 2.4.6).
		if v := c.descriptor(p.DN); len(v) < 20 || v[0] != 1 {
			c.Errorf("%d bytes with the control", len(v))
		}
	}},
}

func mayNotWrite(name string, ch change) Case {
	return Case{"the service account may not write " + name, func(c *C) {
		p := c.person()
		before := p.get(name)
		c.want(p.serve(ch), "50")
		p.has(name, before)
	}}
}
