package conformance

import (
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// refused is the answer to every password that the rules refuse.
const refused = "19 0000052D"

// resetCases: unicodePwd replaced by the service account.
var resetCases = []Case{
	{"a reset sets the password and ends the old one", func(c *C) {
		p := c.person()
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
		p.binds(start, "52e")
	}},
	{"a reset sets pwdLastSet to now", func(c *C) {
		p := c.person()
		p.backdate()
		c.want(p.serve(reset("Second-Pass.2")), "")
		if at := p.number("pwdLastSet"); !recent(at) {
			c.Errorf("pwdLastSet %d is not now", at)
		}
	}},
	{"a reset does not unlock", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.binds("Second-Pass.2", "775")
		p.has("msDS-User-Account-Control-Computed", computedLocked)
	}},
	{"a reset with lockoutTime 0 unlocks", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(reset("Second-Pass.2"), unlock), "")
		p.binds("Second-Pass.2", "")
	}},
	{"one modify sets a one-time password and unlocks", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(reset("Second-Pass.2"), mustChange, unlock), "")
		p.has("pwdLastSet", "0")
		p.binds("Second-Pass.2", "773")
		p.binds(start, "52e")
	}},
	{"the order within one modify does not matter", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(unlock, mustChange, reset("Second-Pass.2")), "")
		p.has("pwdLastSet", "0")
		p.binds("Second-Pass.2", "773")
	}},
	{"a refused password leaves the whole modify undone", func(c *C) {
		p := c.person()
		p.lock()
		at := p.get("lockoutTime")
		c.want(p.serve(unlock, reset("x"), mustChange), refused)
		p.has("lockoutTime", at)
		if p.get("pwdLastSet") == "0" {
			c.Error("pwdLastSet was written")
		}
		p.binds(start, "775")
	}},
	{"a reset ends an expired password", func(c *C) {
		p := c.person()
		p.backdate()
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"a reset ends must-change", func(c *C) {
		p := c.person()
		p.set(mustChange)
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"a reset keeps a disabled account disabled", func(c *C) {
		p := c.person()
		p.set(disable)
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.has("userAccountControl", "514")
		p.binds("Second-Pass.2", "533")
	}},
	{"a reset without hints is not held to the history", func(c *C) {
		p := c.person()
		c.want(p.serve(reset("Second-Pass.2")), "")
		c.want(p.serve(reset(start)), "")
		p.binds(start, "")
	}},
	{"a reset is not held to the minimum age", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MinimumPasswordAge": "-864000000000"}, p.DN)
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"every password write raises the key version by one", func(c *C) {
		p := c.person()
		first := p.number("msDS-KeyVersionNumber")
		c.want(p.serve(reset("Second-Pass.2")), "")
		c.want(p.serve(reset("Third-Pass.3"), mustChange), "")
		c.want(p.serve(exchange("Third-Pass.3", "Fourth-Pass.4")), "")
		if n := p.number("msDS-KeyVersionNumber"); n != first+3 {
			c.Errorf("key version %d after three writes from %d", n, first)
		}
	}},
	{"a refused password does not raise the key version", func(c *C) {
		p := c.person()
		first := p.get("msDS-KeyVersionNumber")
		c.want(p.serve(reset("x")), refused)
		c.want(p.serve(exchange("wrong", "Second-Pass.2")), "19 00000056")
		p.has("msDS-KeyVersionNumber", first)
	}},
	{"pwdLastSet 0 demands a change", func(c *C) {
		p := c.person()
		c.want(p.serve(mustChange), "")
		p.has("pwdLastSet", "0")
		p.binds(start, "773")
	}},
	{"pwdLastSet -1 makes a password as new", func(c *C) {
		p := c.person()
		p.set(mustChange)
		c.want(p.serve(replace("pwdLastSet", "-1")), "")
		if at := p.number("pwdLastSet"); !recent(at) {
			c.Errorf("pwdLastSet %d is not now", at)
		}
		p.binds(start, "")
	}},
	{"pwdLastSet -1 renews only what was 0", func(c *C) {
		p := c.person()
		p.backdate()
		c.want(p.serve(replace("pwdLastSet", "-1")), "")
		p.has("pwdLastSet", strconv.FormatInt(longAgo, 10))
		p.binds(start, "532")
	}},
	{"pwdLastSet takes no other value", func(c *C) {
		p := c.person()
		before := p.get("pwdLastSet")
		if answer(p.serve(replace("pwdLastSet", "133000000000000000"))) == "" {
			c.Error("accepted")
		}
		p.has("pwdLastSet", before)
	}},
	{"policy hints hold a reset to the history, or are refused whole", policyHints},
	{"the administrator resets as the service account does", func(c *C) {
		p := c.person()
		p.set(reset("Second-Pass.2"), mustChange)
		p.binds("Second-Pass.2", "773")
	}},
	{"userPassword is not the password", func(c *C) {
		p := c.person()
		if err := modify(c.admin, p.DN, replace("userPassword", "Second-Pass.2")); err == nil {
			p.binds("Second-Pass.2", "52e")
		}
		p.binds(start, "")
	}},
}

// hints is the policy hints control (MS-ADTS 3.1.1.3.4.1.27), critical.
type hints struct{ oid string }

func (h hints) GetControlType() string { return h.oid }
func (h hints) String() string         { return h.oid }
func (h hints) Encode() *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Control")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, h.oid, "type"))
	// NewBoolean writes 01 for true, which a strict reader takes for false.
	p.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "criticality"))
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "\x30\x03\x02\x01\x01", "value"))
	return p
}

const (
	oidHints           = "1.2.840.113556.1.4.2239"
	oidHintsDeprecated = "1.2.840.113556.1.4.2066"
)

// policyHints: a controller that offers the control holds a reset to the
// history; one that doesn't refuses the critical control and writes nothing.
func policyHints(c *C) {
	p := c.person()
	c.want(p.serve(reset("Second-Pass.2")), "")
	offered := c.read(c.service, "", "supportedControl").GetAttributeValues("supportedControl")
	for _, oid := range []string{oidHints, oidHintsDeprecated} {
		err := p.serve(reset(start), control(hints{oid}))
		if contains(offered, oid) {
			c.want(err, refused)
		} else if err == nil {
			c.Errorf("%s is not offered and was accepted", oid)
		}
		p.binds("Second-Pass.2", "")
		c.want(c.service.Bind(c.ServiceBind, c.ServicePassword), "")
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// malformedCases: values and shapes that unicodePwd never takes.
var malformedCases = []Case{
	{"a value without quotation marks is refused", func(c *C) { malformed(c, "53", replace("unicodePwd", utf16le("Second-Pass.2"))) }},
	{"a value without the closing mark is refused", func(c *C) { malformed(c, "53", replace("unicodePwd", utf16le(`"Second-Pass.2`))) }},
	{"a value in UTF-8 is refused", func(c *C) { malformed(c, "53", replace("unicodePwd", `"Second-Pass.2"`)) }},
	{"a value of odd length is refused", func(c *C) { malformed(c, "53", replace("unicodePwd", quote("Second-Pass.2")+"x")) }},
	{"a value of no byte is refused", func(c *C) { malformed(c, "", replace("unicodePwd", "")) }},
	{"nothing between the marks is refused by the rules", func(c *C) { malformed(c, refused, reset("")) }},
	{"a password can't be removed", func(c *C) { malformed(c, "", replace("unicodePwd")) }},
	{"deleting without adding is refused", func(c *C) { malformed(c, "", remove("unicodePwd", quote(start))) }},
	{"adding without deleting is refused", func(c *C) { malformed(c, "", addValue("unicodePwd", quote("Second-Pass.2"))) }},
	{"a password is never readable", func(c *C) {
		p := c.person()
		e := c.read(c.admin, p.DN, "unicodePwd", "ntPwdHistory", "supplementalCredentials", "dBCSPwd", "cn")
		if len(e.Attributes) != 1 {
			c.Errorf("%d attributes came back", len(e.Attributes))
		}
	}},
	{"a password is never searchable", func(c *C) {
		p := c.person()
		res, err := c.admin.Search(query(p.DN, ldap.ScopeBaseObject, "(unicodePwd=*)", "cn"))
		if err == nil && len(res.Entries) > 0 {
			c.Error("found by presence")
		}
	}},
}

// malformed expects an answer (any refusal when it is ""), and the start
// password still in place.
func malformed(c *C, want string, ch change) {
	c.Helper()
	p := c.person()
	err := p.serve(ch)
	if want != "" {
		c.want(err, want)
	} else if answer(err) == "" {
		c.Error("accepted")
	}
	p.binds(start, "")
}

// complexityCases: three of five classes (upper, lower, digit, symbol, other
// letters) and the length in characters.
var complexityCases = passwordTable([]passwordRule{
	{"lower, upper and digits", "abcdEFGH12", true},
	{"lower, upper and symbols", "abcdEFGH.-", true},
	{"lower, digits and symbols", "abcd1234.-", true},
	{"upper, digits and symbols", "ABCD1234.-", true},
	{"all four classes", "abCD12.-xY", true},
	{"lower and upper", "abcdefGHIJ", false},
	{"lower and digits", "abcdef1234", false},
	{"lower and symbols", "abcdef.-.-", false},
	{"upper and digits", "ABCDEF1234", false},
	{"upper and symbols", "ABCDEF.-.-", false},
	{"digits and symbols", "123456.-.-", false},
	{"lower alone", "abcdefghij", false},
	{"a blank as the third class", "abcd 1234 x", false},
	{"umlauts as lower letters", "äöüäöü1234.", true},
	{"letters without case as a class of their own", "abcd1234漢字", true},
	{"exactly the least length", "abCD12.", true},
	{"one less than the least length", "abCD1.", false},
	{"letters beyond 16 bits that reach the length in two units each", "äB1.🗝🗝", true},
	{"the length in characters, not bytes", "äöÜ1.x", false},
})

type passwordRule struct {
	name, password string
	ok             bool
}

func passwordTable(rules []passwordRule) (cases []Case) {
	for _, r := range rules {
		verb := "refuse a password of "
		if r.ok {
			verb = "take a password of "
		}
		cases = append(cases, Case{verb + r.name, func(c *C) { r.hold(c) }})
	}
	return append(cases, Case{"take any password without complexity", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-PasswordComplexityEnabled": "FALSE"}, p.DN)
		c.want(p.serve(reset("aaaaaaa")), "")
		p.binds("aaaaaaa", "")
	}})
}

func (r passwordRule) hold(c *C) {
	p := c.person()
	if r.ok {
		c.want(p.serve(reset(r.password)), "")
		p.binds(r.password, "")
		return
	}
	c.want(p.serve(reset(r.password)), refused)
	p.binds(start, "")
}
