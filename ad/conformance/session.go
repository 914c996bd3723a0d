package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// sessionCases: the connection, its protection, what the root says. The
// restart comes last: it closes everybody's connections.
var sessionCases = []Case{
	{"LDAPS shows a certificate that verifies", func(c *C) {
		state, ok := c.dialed("", "").TLSConnectionState()
		if !ok || state.Version < tls.VersionTLS12 || len(state.VerifiedChains) == 0 {
			c.Errorf("TLS %v, version %x", ok, state.Version)
		}
	}},
	{"LDAPS does not verify against another authority", func(c *C) {
		if conn, err := ldap.DialURL(c.LDAPSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: x509.NewCertPool(), ServerName: c.TLS.ServerName})); err == nil {
			conn.Close()
			c.Error("verified")
		}
	}},
	{"StartTLS protects a bind", func(c *C) {
		p := c.person()
		conn := c.plain()
		c.must(conn.StartTLS(c.TLS))
		c.want(conn.Bind(p.UPN, start), "")
	}},
	{"StartTLS protects a reset", func(c *C) {
		p := c.person()
		conn := c.plain()
		c.must(conn.StartTLS(c.TLS))
		c.must(conn.Bind(c.ServiceBind, c.ServicePassword))
		c.want(modify(conn, p.DN, reset("Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"a bind without TLS is 8, right or wrong", func(c *C) {
		p := c.person()
		c.want(c.plain().Bind(p.UPN, start), "8")
		c.want(c.plain().Bind(p.UPN, "wrong"), "8")
		p.has("badPwdCount", "0")
	}},
	{"nobody searches without a bind", func(c *C) {
		p := c.person()
		_, err := c.dialed("", "").Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
		c.want(err, "1")
		_, err = c.dialed("", "").Search(query(c.BaseDN, ldap.ScopeWholeSubtree, "(sAMAccountName="+p.SAM+")", "cn"))
		c.want(err, "1")
	}},
	{"nobody writes without a bind", func(c *C) {
		p := c.person()
		c.want(modify(c.dialed("", ""), p.DN, unlock), "1")
		c.want(c.dialed("", "").Del(ldap.NewDelRequest(p.DN, nil)), "1")
	}},
	{"the root is read without a bind", func(c *C) {
		conn := c.dialed("", "")
		root := c.read(conn, "", "defaultNamingContext", "rootDomainNamingContext", "configurationNamingContext", "schemaNamingContext", "dnsHostName", "serverName", "currentTime")
		c.same("defaultNamingContext", root.GetAttributeValue("defaultNamingContext"), c.BaseDN)
		c.same("rootDomainNamingContext", root.GetAttributeValue("rootDomainNamingContext"), c.BaseDN)
		c.same("configurationNamingContext", root.GetAttributeValue("configurationNamingContext"), "CN=Configuration,"+c.BaseDN)
		c.same("schemaNamingContext", root.GetAttributeValue("schemaNamingContext"), "CN=Schema,CN=Configuration,"+c.BaseDN)
		if host := root.GetAttributeValue("dnsHostName"); !strings.HasSuffix(strings.ToLower(host), "."+c.Domain) {
			c.Errorf("dnsHostName %q", host)
		}
		if now, err := time.Parse("20060102150405.0Z", root.GetAttributeValue("currentTime")); err != nil || !recent(filetime(now)) {
			c.Errorf("currentTime %q", root.GetAttributeValue("currentTime"))
		}
	}},
	{"the root offers what Latchkey relies on", func(c *C) {
		root := c.read(c.dialed("", ""), "", "supportedControl", "supportedLDAPVersion", "supportedCapabilities", "domainFunctionality")
		for _, oid := range []string{ldap.ControlTypePaging, ldap.ControlTypeMicrosoftSDFlags, ldap.ControlTypeSubtreeDelete} {
			if !contains(root.GetAttributeValues("supportedControl"), oid) {
				c.Errorf("%s is missing", oid)
			}
		}
		if !contains(root.GetAttributeValues("supportedLDAPVersion"), "3") {
			c.Error("not LDAP 3")
		}
		if !contains(root.GetAttributeValues("supportedCapabilities"), "1.2.840.113556.1.4.800") {
			c.Error("not an Active Directory")
		}
		if root.GetAttributeValue("domainFunctionality") < "3" {
			c.Error("no fine-grained policies at this functional level")
		}
	}},
	{"the domain names its PDC emulator", func(c *C) {
		owner := c.read(c.service, c.BaseDN, "fSMORoleOwner").GetAttributeValue("fSMORoleOwner")
		root := c.read(c.service, "", "dsServiceName", "serverName")
		c.same("owner", strings.ToLower(owner), strings.ToLower(root.GetAttributeValue("dsServiceName")))
		if !strings.HasSuffix(strings.ToLower(owner), strings.ToLower(root.GetAttributeValue("serverName"))) {
			c.Errorf("%s is not below %s", owner, root.GetAttributeValue("serverName"))
		}
	}},
	{"an unknown control is passed over when it is not critical", func(c *C) {
		p := c.person()
		c.want(p.serve(unlock, control(unknown{false})), "")
	}},
	{"an unknown critical control stops a write", func(c *C) {
		p := c.person()
		conn := c.dialed(c.ServiceBind, c.ServicePassword)
		if answer(modify(conn, p.DN, reset("Second-Pass.2"), control(unknown{true}))) == "" {
			c.Error("accepted")
		}
		p.binds(start, "")
	}},
	{"an unknown extended operation is refused", func(c *C) {
		if _, err := c.dialed(c.ServiceBind, c.ServicePassword).Extended(&ldap.ExtendedRequest{Name: "1.3.6.1.4.1.4203.1.11.1"}); err == nil {
			c.Error("accepted")
		}
	}},
	{"many operations share a connection at once", together},
	{"a closed connection is seen and a new one works", func(c *C) {
		p := c.person()
		conn := c.dialed(c.ServiceBind, c.ServicePassword)
		c.must(conn.Unbind())
		if err := modify(conn, p.DN, unlock); err == nil {
			c.Error("written on a closed connection")
		}
		c.want(modify(c.dialed(c.ServiceBind, c.ServicePassword), p.DN, unlock), "")
	}},
	{"a restart closes connections and loses nothing", restart},
}

func (c *C) plain() *ldap.Conn {
	c.Helper()
	conn, err := ldap.DialURL(c.LDAPURL)
	c.must(err)
	conn.SetTimeout(20 * time.Second)
	c.Cleanup(func() { conn.Close() })
	return conn
}

// unknown is a control that no directory has.
type unknown struct{ critical bool }

func (unknown) GetControlType() string { return "1.3.6.1.4.1.99999.1" }
func (u unknown) String() string       { return u.GetControlType() }
func (u unknown) Encode() *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Control")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, u.GetControlType(), "type"))
	if u.critical {
		p.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "criticality"))
	}
	return p
}

func together(c *C) {
	people := []*person{c.person(), c.person(), c.person(), c.person()}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			p := people[i%len(people)]
			res, err := c.service.Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", "sAMAccountName"))
			if err != nil || len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("sAMAccountName") != p.SAM {
				c.Errorf("%s: %v", p.SAM, err)
			}
		})
	}
	wg.Wait()
}

func restart(c *C) {
	p, q := c.person(), c.person()
	c.want(p.serve(reset("Second-Pass.2")), "")
	q.lock()
	c.must(c.Restart())
	if _, err := c.service.Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn")); err == nil {
		c.Error("the old connection still answers")
	}
	c.disconnect()
	c.connect()
	p.binds("Second-Pass.2", "")
	q.binds(start, "775")
}
