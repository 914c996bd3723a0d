package conformance

import (
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// bindCases: who a bind finds, by which name, and what a wrong one learns.
var bindCases = []Case{
	{"a bind by user principal name works", func(c *C) { c.same("bind", c.bindAs(c.person().UPN, start), "") }},
	{"a bind by domain and account name works", func(c *C) { c.same("bind", c.bindAs(c.NetBIOS+`\`+c.person().SAM, start), "") }},
	{"a bind by distinguished name works", func(c *C) { c.same("bind", c.bindAs(c.person().DN, start), "") }},
	{"a user principal name binds in any case", func(c *C) { c.same("bind", c.bindAs(strings.ToUpper(c.person().UPN), start), "") }},
	{"a domain and account name bind in any case", func(c *C) {
		p := c.person()
		c.same("bind", c.bindAs(strings.ToLower(c.NetBIOS)+`\`+strings.ToUpper(p.SAM), start), "")
	}},
	{"a distinguished name binds in any case", func(c *C) { c.same("bind", c.bindAs(strings.ToUpper(c.person().DN), start), "") }},
	{"account name and domain bind beside another user principal name", func(c *C) {
		p := c.person(attrs{"userPrincipalName": {c.name("other") + "@" + c.Domain}})
		c.same("bind", c.bindAs(p.SAM+"@"+c.Domain, start), "")
	}},
	{"a user principal name of another suffix binds", func(c *C) {
		upn := c.name("mail") + "@example.test"
		c.person(attrs{"userPrincipalName": {upn}})
		c.same("bind", c.bindAs(upn, start), "")
	}},
	{"a user principal name can't be made of another's account name", func(c *C) {
		p, q := c.person(), c.person()
		p.set(replace("userPrincipalName", c.name("other")+"@"+c.Domain))
		c.want(modify(c.admin, q.DN, replace("userPrincipalName", p.SAM+"@"+c.Domain)), "68")
		c.same("bind", c.bindAs(p.SAM+"@"+c.Domain, start), "")
	}},
	{"a password is compared with case", func(c *C) { c.person().binds(strings.ToUpper(start), "52e") }},
	{"a wrong password is 52e", func(c *C) { c.person().binds("wrong", "52e") }},
	{"an unknown user principal name is 52e", func(c *C) { c.same("bind", c.bindAs("nobody@"+c.Domain, start), "52e") }},
	{"an unknown account of the domain is 52e", func(c *C) { c.same("bind", c.bindAs(c.NetBIOS+`\nobody`, start), "52e") }},
	{"an unknown distinguished name is 52e", func(c *C) { c.same("bind", c.bindAs("CN=nobody,"+c.ou, start), "52e") }},
	{"an account name of a foreign domain is 52e", func(c *C) { c.same("bind", c.bindAs(`ELSEWHERE\`+c.person().SAM, start), "52e") }},
	{"a group can't bind", func(c *C) { c.same("bind", c.bindAs(c.group(), start), "52e") }},
	{"an empty password proves nothing", emptyPassword},
	{"a refused bind does not spoil the connection", func(c *C) {
		p := c.person()
		conn := c.dialed("", "")
		c.want(conn.Bind(p.UPN, "wrong"), "49 52e")
		c.want(conn.Bind(p.UPN, start), "")
	}},
	{"a bind gives the connection another identity", func(c *C) {
		p := c.person()
		conn := c.dialed(c.AdminBind, c.AdminPassword)
		c.want(modify(conn, p.DN, replace("description", "one")), "")
		c.want(conn.Bind(p.UPN, start), "")
		c.want(modify(conn, p.DN, replace("description", "two")), "50")
	}},
	{"a refused bind takes the connection's identity away", func(c *C) {
		p := c.person()
		conn := c.dialed(c.AdminBind, c.AdminPassword)
		c.want(conn.Bind(p.UPN, "wrong"), "49 52e")
		_, err := conn.Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
		c.want(err, "1")
	}},
	{"a password of umlauts and symbols beyond the basic plane binds", func(c *C) { bindsAfterReset(c, "Grüße-1-🗝️-Ключ") }},
	{"a password with quotation marks binds", func(c *C) { bindsAfterReset(c, `A "quoted" 1`) }},
	{"a password with outer blanks binds with them only", func(c *C) {
		p := bindsAfterReset(c, " Blank-Pass.1 ")
		p.binds("Blank-Pass.1", "52e")
	}},
	{"a password of 127 characters binds", func(c *C) { bindsAfterReset(c, "Aa1"+strings.Repeat("x", 124)) }},
	{"composed and decomposed letters are different passwords", func(c *C) {
		p := bindsAfterReset(c, "Caf\u00e9-Pass.1")
		p.binds("Cafe\u0301-Pass.1", "52e")
	}},
}

// emptyPassword: Samba refuses an unauthenticated bind; Windows makes the
// connection anonymous. Either way nothing can be read.
func emptyPassword(c *C) {
	p := c.person()
	conn := c.dialed("", "")
	if err := conn.UnauthenticatedBind(p.UPN); err != nil {
		c.want(err, "49 52e")
	}
	_, err := conn.Search(query(p.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
	c.want(err, "1")
}

func bindsAfterReset(c *C, password string) *person {
	c.Helper()
	p := c.person()
	c.want(p.serve(reset(password)), "")
	p.binds(password, "")
	return p
}

// state is an account in some state, and the codes of a bind with the right
// and with a wrong password. It tells all codes, and which one wins.
type state struct {
	name         string
	make         func(*person)
	right, wrong string
}

var stateCases = stateTable([]state{
	{"a disabled account", with(disable), "533", "52e"},
	{"an expired account", with(expire), "701", "52e"},
	{"an account outside its logon hours", with(noHours), "530", "52e"},
	{"an account of other workstations", with(elsewhere), "531", "52e"},
	{"an expired password", (*person).backdate, "532", "52e"},
	{"a password that must be changed", with(mustChange), "773", "52e"},
	{"a locked account", (*person).lock, "775", "775"},

	{"a locked and disabled account", locked(disable), "775", "775"},
	{"a locked and expired account", locked(expire), "775", "775"},
	{"a locked account outside its hours", locked(noHours), "775", "775"},
	{"a locked account of other workstations", locked(elsewhere), "775", "775"},
	{"a locked account with an expired password", func(p *person) { p.backdate(); p.lock() }, "775", "775"},
	{"a locked account that must change", locked(mustChange), "775", "775"},

	{"a disabled and expired account", with(disable, expire), "533", "52e"},
	{"a disabled account outside its hours", with(disable, noHours), "533", "52e"},
	{"a disabled account that must change", with(disable, mustChange), "533", "52e"},
	{"a disabled account with an expired password", func(p *person) { p.set(disable); p.backdate() }, "533", "52e"},
	{"an expired account outside its hours", with(expire, noHours), "701", "52e"},
	{"an expired account that must change", with(expire, mustChange), "701", "52e"},
	{"an expired account with an expired password", func(p *person) { p.set(expire); p.backdate() }, "701", "52e"},
	{"an account outside its hours that must change", with(noHours, mustChange), "773", "52e"},
	{"an account of other workstations that must change", with(elsewhere, mustChange), "773", "52e"},
	{"an account outside hours and workstations", with(noHours, elsewhere), "531", "52e"},

	{"an old password that never expires", func(p *person) { p.set(uac(uacNeverExpires)); p.backdate() }, "", "52e"},
	{"must change beside a password that never expires", with(uac(uacNeverExpires), mustChange), "", "52e"},
	{"an account with all logon hours", with(replace("logonHours", strings.Repeat("\xff", 21))), "", "52e"},
	{"an account that expires tomorrow", with(replace("accountExpires", fileText(time.Now().Add(24*time.Hour)))), "", "52e"},
	{"an account whose expiry is zero", with(replace("accountExpires", "0")), "", "52e"},
	{"an account whose expiry is the largest number", with(replace("accountExpires", never)), "", "52e"},
	{"an account that was made to need a smart card", with(uac(uacSmartcard)), "52e", "52e"},
})

func with(changes ...change) func(*person) {
	return func(p *person) {
		for _, ch := range changes {
			p.set(ch)
		}
	}
}

// locked brings the account into the state first: some writes clear a lockout.
func locked(changes ...change) func(*person) {
	return func(p *person) { with(changes...)(p); p.lock() }
}

func stateTable(states []state) (cases []Case) {
	for _, s := range states {
		cases = append(cases, Case{"bind code of " + s.name, func(c *C) {
			p := c.person()
			s.make(p)
			p.binds(start, s.right)
			p.binds("wrong", s.wrong)
		}})
	}
	return cases
}
