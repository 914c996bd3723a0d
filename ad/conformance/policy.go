package conformance

import (
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// psoCases: which fine-grained policy a person has, as the directory says it.
var psoCases = []Case{
	{"nobody has a fine-grained policy by default", func(c *C) { c.person().has("msDS-ResultantPSO", "") }},
	{"a policy applies to a person", func(c *C) {
		p := c.person()
		p.has("msDS-ResultantPSO", c.pso(nil, p.DN))
	}},
	{"a policy applies through a group", func(c *C) {
		p := c.person()
		p.has("msDS-ResultantPSO", c.pso(nil, c.group(p.DN)))
	}},
	{"a policy applies through nested groups", func(c *C) {
		p := c.person()
		p.has("msDS-ResultantPSO", c.pso(nil, c.group(c.group(c.group(p.DN)))))
	}},
	{"a policy applies through the primary group", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		p.set(replace("primaryGroupID", c.ridOf(g)))
		p.has("msDS-ResultantPSO", c.pso(nil, g))
	}},
	{"a policy does not apply through a mailing list", func(c *C) {
		p := c.person()
		c.pso(nil, c.groupOf(mailingList, p.DN))
		p.has("msDS-ResultantPSO", "")
	}},
	{"the lowest precedence wins among groups", func(c *C) {
		p := c.person()
		g, h := c.group(p.DN), c.group(p.DN)
		c.pso(map[string]string{"msDS-PasswordSettingsPrecedence": "30"}, g)
		p.has("msDS-ResultantPSO", c.pso(map[string]string{"msDS-PasswordSettingsPrecedence": "20"}, h))
	}},
	{"the lowest precedence wins among a person's own", func(c *C) {
		p := c.person()
		best := c.pso(map[string]string{"msDS-PasswordSettingsPrecedence": "20"}, p.DN)
		c.pso(map[string]string{"msDS-PasswordSettingsPrecedence": "30"}, p.DN)
		p.has("msDS-ResultantPSO", best)
	}},
	{"a person's own policy beats a better one of a group", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-PasswordSettingsPrecedence": "1"}, c.group(p.DN))
		p.has("msDS-ResultantPSO", c.pso(map[string]string{"msDS-PasswordSettingsPrecedence": "90"}, p.DN))
	}},
	{"a policy ends with the membership", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		c.pso(nil, g)
		c.must(modify(c.admin, g, remove("member", p.DN)))
		p.has("msDS-ResultantPSO", "")
	}},
	{"a policy ends when it is deleted", func(c *C) {
		p := c.person()
		c.must(c.admin.Del(ldap.NewDelRequest(c.pso(nil, p.DN), nil)))
		p.has("msDS-ResultantPSO", "")
	}},
	{"a policy's length holds a reset", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MinimumPasswordLength": "14"}, p.DN)
		c.want(p.serve(reset("Second-Pass.2")), refused)
		c.want(p.serve(reset("Second-Pass.22")), "")
	}},
	{"a policy's length may be below the domain's", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MinimumPasswordLength": "4"}, c.group(c.group(p.DN)))
		c.want(p.serve(reset("aB1.")), "")
		p.binds("aB1.", "")
	}},
	{"the service account reads a policy's values", func(c *C) {
		p := c.person()
		e := c.read(c.service, c.pso(map[string]string{"msDS-LockoutThreshold": "6"}, p.DN), psoAttributes...)
		got := values(e)
		for name, want := range psoValues {
			c.same(name, got[name], want)
		}
	}},
	{"an ordinary person can't read a policy's values", func(c *C) {
		p := c.person()
		dn := c.pso(nil, p.DN)
		res, err := c.dialed(p.UPN, start).Search(query(dn, ldap.ScopeBaseObject, "(objectClass=*)", psoAttributes...))
		if err == nil && len(res.Entries) > 0 && len(res.Entries[0].Attributes) > 0 {
			c.Errorf("read %d attributes", len(res.Entries[0].Attributes))
		}
	}},
	{"the domain object tells its policy", func(c *C) {
		got := values(c.read(c.service, c.BaseDN, keys(standard)...))
		for name, want := range standard {
			c.same(name, got[name], want)
		}
	}},
}

var psoValues = map[string]string{
	"msDS-PasswordSettingsPrecedence": "50", "msDS-MinimumPasswordLength": "7", "msDS-PasswordHistoryLength": "3",
	"msDS-PasswordComplexityEnabled": "TRUE", "msDS-MinimumPasswordAge": "0", "msDS-MaximumPasswordAge": "-36288000000000",
	"msDS-LockoutThreshold": "6", "msDS-LockoutDuration": "-18000000000", "msDS-LockoutObservationWindow": "-18000000000",
}

var psoAttributes = keys(psoValues)

// computedCases: what the directory works out for a person.
var computedCases = []Case{
	{"a password expires when its greatest age is reached", func(c *C) {
		p := c.person()
		if got, want := p.number("msDS-UserPasswordExpiryTimeComputed"), p.number("pwdLastSet")+36288000000000; got != want {
			c.Errorf("expires at %d, want %d", got, want)
		}
	}},
	{"a fine-grained greatest age counts", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MaximumPasswordAge": "-8640000000000"}, p.DN) // ten days
		if got, want := p.number("msDS-UserPasswordExpiryTimeComputed"), p.number("pwdLastSet")+8640000000000; got != want {
			c.Errorf("expires at %d, want %d", got, want)
		}
	}},
	{"the expiry is never for a password that never expires", func(c *C) {
		p := c.person()
		p.set(uac(uacNeverExpires))
		p.has("msDS-UserPasswordExpiryTimeComputed", never)
	}},
	{"the expiry is never without a greatest age", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MaximumPasswordAge": "-9223372036854775808"}, p.DN)
		p.has("msDS-UserPasswordExpiryTimeComputed", never)
	}},
	{"the expiry is never where the domain has no greatest age", func(c *C) {
		c.policy(map[string]string{"maxPwdAge": "-9223372036854775808"})
		p := c.person()
		p.backdate()
		p.has("msDS-UserPasswordExpiryTimeComputed", never)
		p.binds(start, "")
	}},
	{"the expiry is never for a smart card", func(c *C) {
		p := c.person()
		p.set(uac(uacSmartcard))
		p.has("msDS-UserPasswordExpiryTimeComputed", never)
	}},
	{"the expiry is zero for must-change", func(c *C) {
		p := c.person()
		p.set(mustChange)
		p.has("msDS-UserPasswordExpiryTimeComputed", "0")
	}},
	{"the expiry stays in the past for an expired password", func(c *C) {
		p := c.person()
		p.backdate()
		if got := p.number("msDS-UserPasswordExpiryTimeComputed"); got != longAgo+36288000000000 {
			c.Errorf("expires at %d", got)
		}
	}},
	{"an expired password is marked in the computed flags", func(c *C) {
		p := c.person()
		p.backdate()
		p.has("msDS-User-Account-Control-Computed", computedExpired)
	}},
	{"must-change is marked in the computed flags", func(c *C) {
		p := c.person()
		p.set(mustChange)
		p.has("msDS-User-Account-Control-Computed", computedExpired)
	}},
	{"a locked and expired account has both marks", func(c *C) {
		p := c.person()
		p.backdate()
		p.lock()
		p.has("msDS-User-Account-Control-Computed", "8388624")
	}},
	{"disabled is not in the computed flags", func(c *C) {
		p := c.person()
		p.set(disable)
		p.has("msDS-User-Account-Control-Computed", "0")
		p.has("userAccountControl", "514")
	}},
	{"must-change beside never-expires has no mark", func(c *C) {
		p := c.person()
		p.set(uac(uacNeverExpires))
		p.set(mustChange)
		p.has("msDS-User-Account-Control-Computed", "0")
	}},
	{"computed attributes come only when they are named", func(c *C) {
		p := c.person()
		c.pso(nil, p.DN)
		got := values(c.read(c.service, p.DN))
		for _, name := range []string{"msDS-User-Account-Control-Computed", "msDS-UserPasswordExpiryTimeComputed", "msDS-ResultantPSO", "tokenGroups", "msDS-KeyVersionNumber"} {
			if v, there := got[name]; there {
				c.Errorf("%s came unasked: %q", name, v)
			}
		}
		c.same("sAMAccountName", got["sAMAccountName"], p.SAM)
	}},
	{"a star and a name bring both", func(c *C) {
		p := c.person()
		got := values(c.read(c.service, p.DN, "*", "msDS-User-Account-Control-Computed"))
		c.same("computed", got["msDS-User-Account-Control-Computed"], "0")
		c.same("sAMAccountName", got["sAMAccountName"], p.SAM)
	}},
	{"attribute names are taken in any case", func(c *C) {
		p := c.person()
		e := c.read(c.service, p.DN, "MSDS-USER-ACCOUNT-CONTROL-COMPUTED", "samaccountname")
		c.same("name", e.GetEqualFoldAttributeValue("sAMAccountName"), p.SAM)
		c.same("computed", e.GetEqualFoldAttributeValue("msDS-User-Account-Control-Computed"), "0")
	}},
	{"a new account tells its beginning", func(c *C) {
		p := c.person()
		p.has("badPwdCount", "0")
		p.has("accountExpires", never)
		p.has("primaryGroupID", "513")
		p.has("adminCount", "")
		made, err := time.Parse("20060102150405.0Z", p.get("whenCreated"))
		if err != nil || !recent(filetime(made)) {
			c.Errorf("whenCreated %q (%v)", p.get("whenCreated"), err)
		}
		if cat := strings.ToLower(p.get("objectCategory")); !strings.HasPrefix(cat, "cn=person,cn=schema,") {
			c.Errorf("objectCategory %q", cat)
		}
	}},
}
