package conformance

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// protectCases: what tells a person from an administrator, a computer and the
// like, and what tells how the password may be changed.
var protectCases = append(wellKnownGroups(map[string]string{
	"Administrators": "S-1-5-32-544", "Account Operators": "S-1-5-32-548", "Server Operators": "S-1-5-32-549",
	"Print Operators": "S-1-5-32-550", "Backup Operators": "S-1-5-32-551",
	"Domain Admins": "-512", "Domain Users": "-513", "Schema Admins": "-518", "Enterprise Admins": "-519",
}), []Case{
	{"a person's account type is 805306368", func(c *C) { c.person().has("sAMAccountType", "805306368") }},
	{"a computer's account type is 805306369", func(c *C) {
		sam := c.name("c")
		dn := "CN=" + sam + "," + c.ou
		c.must(c.add(dn, attrs{"objectClass": {"computer"}, "sAMAccountName": {sam + "$"}, "userAccountControl": {"4096"}}))
		e := c.read(c.service, dn, "sAMAccountType", "objectClass")
		c.same("sAMAccountType", e.GetAttributeValue("sAMAccountType"), "805306369")
		if !contains(e.GetAttributeValues("objectClass"), "user") {
			c.Error("a computer is a user too")
		}
	}},
	{"krbtgt is disabled and has the number 502", func(c *C) {
		e := c.read(c.service, "CN=krbtgt,CN=Users,"+c.BaseDN, "userAccountControl", "objectSid", "adminCount")
		c.same("userAccountControl", e.GetAttributeValue("userAccountControl"), "514")
		if sid := sidText(e.GetRawAttributeValue("objectSid")); !strings.HasSuffix(sid, "-502") {
			c.Error(sid)
		}
	}},
	{"membership in Administrators shows in tokenGroups", func(c *C) {
		p := c.person()
		const admins = "CN=Administrators,CN=Builtin,"
		g := c.groupOf("-2147483644", p.DN) // domain local: any scope may be put in there
		c.join(admins+c.BaseDN, g)
		c.Cleanup(func() { c.must(modify(c.admin, admins+c.BaseDN, remove("member", g))) })
		if !slices.Contains(tokenGroups(c, p), "S-1-5-32-544") {
			c.Error("missing")
		}
		c.finds("(&(objectCategory=person)(memberOf:"+chain+":="+admins+c.BaseDN+"))", p.SAM)
	}},
	{"an administrator inside the delegated OU is not protected by the directory", func(c *C) {
		p := c.person()
		g := "CN=Domain Admins,CN=Users," + c.BaseDN
		c.join(g, p.DN)
		c.Cleanup(func() { c.must(modify(c.admin, g, remove("member", p.DN))) })
		c.want(p.serve(reset("Second-Pass.2")), "")
	}},
	{"somebody whose primary group is Domain Admins has it in tokenGroups only", func(c *C) {
		p := c.person()
		g := "CN=Domain Admins,CN=Users," + c.BaseDN
		c.join(g, p.DN)
		p.set(replace("primaryGroupID", "512"))
		c.tokens(p, true, g)
		p.has("primaryGroupID", "512")
		c.finds("(&(sAMAccountName=" + p.SAM + ")(memberOf:" + chain + ":=" + g + "))")
	}},
	{"the root tells the groups of whoever is bound", func(c *C) {
		want := sidText(c.raw(c.BaseDN, "objectSid")) + "-513"
		for _, b := range c.read(c.service, "", "tokenGroups").GetRawAttributeValues("tokenGroups") {
			if sidText(b) == want {
				return
			}
		}
		c.Errorf("%s is missing", want)
	}},
	{"the partitions tell the domain's short name", func(c *C) {
		res, err := c.service.Search(query("CN=Partitions,CN=Configuration,"+c.BaseDN, ldap.ScopeSingleLevel,
			"(&(objectClass=crossRef)(nCName="+c.BaseDN+"))", "nETBIOSName"))
		c.must(err)
		if len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("nETBIOSName") != c.NetBIOS {
			c.Errorf("%d entries", len(res.Entries))
		}
	}},
	{"a writable controller does not call itself read-only", func(c *C) {
		root := c.read(c.service, "", "dsServiceName", "isSynchronized", "supportedCapabilities")
		c.same("isSynchronized", root.GetAttributeValue("isSynchronized"), "TRUE")
		if contains(root.GetAttributeValues("supportedCapabilities"), "1.2.840.113556.1.4.1920") {
			c.Error("partial secrets")
		}
		settings := c.read(c.service, root.GetAttributeValue("dsServiceName"), "msDS-isRODC", "objectClass")
		if settings.GetAttributeValue("msDS-isRODC") == "TRUE" {
			c.Error("read-only")
		}
	}},
	{"the access list grants the service account the reset right", func(c *C) {
		service := c.raw(c.serviceDN(), "objectSid")
		grant := slices.Concat(resetRight, objectUser, service)
		for _, k := range []struct {
			where string
			want  bool
		}{{c.person().DN, true}, {c.personIn(c.outside).DN, false}} {
			if bytes.Contains(c.descriptor(k.where), grant) != k.want {
				c.Errorf("%s: granted %v, want %v", k.where, !k.want, k.want)
			}
		}
	}},
	{"every write raises uSNChanged", func(c *C) {
		p := c.person()
		first := p.number("uSNChanged")
		c.want(p.serve(reset("Second-Pass.2")), "")
		if p.number("uSNChanged") <= first {
			c.Error("not raised")
		}
	}},
	{"logon hours are read as they were written", func(c *C) {
		hours := strings.Repeat("\x00\xff\x0f", 7)
		p := c.person(attrs{"logonHours": {hours}})
		c.same("logonHours", string(c.raw(p.DN, "logonHours")), hours)
	}},
	{"logon hours are counted in UTC from Sunday", func(c *C) {
		p := c.person()
		for _, k := range []struct {
			open bool
			code string
		}{{true, ""}, {false, "530"}} {
			p.set(replace("logonHours", hoursAround(time.Now().UTC(), k.open)))
			p.binds(start, k.code)
		}
	}},
}...)

// hoursAround opens, or shuts, this hour and its neighbours only: the test may
// run over the end of an hour.
func hoursAround(now time.Time, open bool) string {
	b := make([]byte, 21)
	for h := range 168 {
		here := false
		for d := -1; d <= 1; d++ {
			t := now.Add(time.Duration(d) * time.Hour)
			here = here || h == int(t.Weekday())*24+t.Hour()
		}
		if here == open {
			b[h/8] |= 1 << (h % 8)
		}
	}
	return string(b)
}

func wellKnownGroups(sids map[string]string) (cases []Case) {
	for _, name := range keys(sids) {
		cases = append(cases, Case{name + " has its well-known identifier", func(c *C) {
			sid := sids[name]
			if sid[0] == '-' {
				sid = sidText(c.raw(c.BaseDN, "objectSid")) + sid
			}
			res, err := c.service.Search(query(c.BaseDN, ldap.ScopeWholeSubtree, "(objectSid="+sid+")", "sAMAccountName", "objectClass"))
			c.must(err)
			if len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("sAMAccountName") != name {
				c.Errorf("%s: %v", sid, res.Entries)
			}
		}})
	}
	return cases
}

// serviceDN finds the service account by its bind name.
func (c *C) serviceDN() string {
	c.Helper()
	res, err := c.service.Search(query(c.BaseDN, ldap.ScopeWholeSubtree, "(userPrincipalName="+ldap.EscapeFilter(c.ServiceBind)+")", "cn"))
	c.must(err)
	if len(res.Entries) != 1 {
		c.Fatalf("%d service accounts", len(res.Entries))
	}
	return res.Entries[0].DN
}

// descriptor reads owner, group and access list of an object.
func (c *C) descriptor(dn string) []byte {
	c.Helper()
	req := query(dn, ldap.ScopeBaseObject, "(objectClass=*)", "nTSecurityDescriptor")
	req.Controls = []ldap.Control{&ldap.ControlMicrosoftSDFlags{ControlValue: 7}}
	res, err := c.service.Search(req)
	c.must(err)
	return res.Entries[0].GetRawAttributeValue("nTSecurityDescriptor")
}

// objectUser is the class user, bf967aba-0de6-11d0-a285-00aa003049e2: whom the
// right is for.
var objectUser = []byte{0xba, 0x7a, 0x96, 0xbf, 0xe6, 0x0d, 0xd0, 0x11, 0xa2, 0x85, 0x00, 0xaa, 0x00, 0x30, 0x49, 0xe2}

// resetRight is Reset-Password, 00299570-246d-11d0-a768-00aa006e0529, as an
// access list holds it (MS-ADTS 5.1.3.2.1).
var resetRight = []byte{0x70, 0x95, 0x29, 0x00, 0x6d, 0x24, 0xd0, 0x11, 0xa7, 0x68, 0x00, 0xaa, 0x00, 0x6e, 0x05, 0x29}
