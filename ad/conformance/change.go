package conformance

import "fmt"

// changeCases: the old value deleted and the new one added in one modify.
var changeCases = []Case{
	{"the service account changes with the old password", func(c *C) {
		p := c.person()
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
		p.binds(start, "52e")
	}},
	{"a person changes their own password", func(c *C) {
		p := c.person()
		c.want(modify(c.dialed(p.UPN, start), p.DN, exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"a person may not replace their own password", func(c *C) {
		p := c.person()
		c.want(modify(c.dialed(p.UPN, start), p.DN, reset("Second-Pass.2")), "50")
		p.binds(start, "")
	}},
	{"nobody changes without a bind", func(c *C) {
		p := c.person()
		c.want(modify(c.dialed("", ""), p.DN, exchange(start, "Second-Pass.2")), "1")
		p.binds(start, "")
	}},
	{"a change needs no delegation", func(c *C) {
		p := c.personIn(c.outside)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"a change with a wrong old password is 00000056", func(c *C) {
		p := c.person()
		c.want(p.serve(exchange("wrong", "Second-Pass.2")), "19 00000056")
		p.binds(start, "")
	}},
	{"a wrong old password counts for the lockout", func(c *C) {
		p := c.person()
		c.want(p.serve(exchange("wrong", "Second-Pass.2")), "19 00000056")
		p.has("badPwdCount", "1")
	}},
	{"wrong old passwords lock the account", func(c *C) {
		p := c.person()
		for range 3 {
			c.want(p.serve(exchange("wrong", "Second-Pass.2")), "19 00000056")
		}
		p.has("msDS-User-Account-Control-Computed", computedLocked)
		p.binds(start, "775")
	}},
	{"a locked account can't be changed", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(exchange(start, "Second-Pass.2")), "19 00000775")
		c.want(p.serve(unlock), "")
		p.binds(start, "")
	}},
	{"a change ends must-change", func(c *C) {
		p := c.person()
		p.set(mustChange)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
		if at := p.number("pwdLastSet"); !recent(at) {
			c.Errorf("pwdLastSet %d is not now", at)
		}
	}},
	{"a change ends an expired password", func(c *C) {
		p := c.person()
		p.backdate()
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"a change is held to the length", func(c *C) { refusedChange(c, "Sx1.") }},
	{"a change is held to the classes", func(c *C) { refusedChange(c, "onlylowerletters") }},
	{"a change to the same password is refused", func(c *C) { refusedChange(c, start) }},
	{"a wrong old password is told before a bad new one", func(c *C) {
		p := c.person()
		c.want(p.serve(exchange("wrong", "x")), "19 00000056")
	}},
	{"a disabled account can be changed and stays disabled", func(c *C) {
		p := c.person()
		p.set(disable)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "533")
	}},
	{"an expired account can be changed and stays expired", func(c *C) {
		p := c.person()
		p.set(expire)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "701")
	}},
	{"a refused change does not count for the lockout", func(c *C) {
		p := c.person()
		c.want(p.serve(exchange(start, "x")), refused)
		p.has("badPwdCount", "0")
	}},
	{"a change of an unquoted value is refused", func(c *C) {
		p := c.person()
		err := p.serve(remove("unicodePwd", utf16le(start)), addValue("unicodePwd", utf16le("Second-Pass.2")))
		if answer(err) == "" {
			c.Error("accepted")
		}
		p.binds(start, "")
	}},
}

func refusedChange(c *C, password string) {
	c.Helper()
	p := c.person()
	c.want(p.serve(exchange(start, password)), refused)
	p.binds(start, "")
}

// historyCases: what a change may not take again, and how soon it may come.
var historyCases = []Case{
	{"a change to the previous password is refused", func(c *C) {
		p := c.person()
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		c.want(p.serve(exchange("Second-Pass.2", start)), refused)
	}},
	{"a reset enters the history", func(c *C) {
		p := c.person()
		c.want(p.serve(reset("Second-Pass.2")), "")
		c.want(p.serve(exchange("Second-Pass.2", start)), refused)
	}},
	{"the history forgets what is older than its length", historyForgets},
	{"a history of zero takes the same password again", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-PasswordHistoryLength": "0"}, p.DN)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		c.want(p.serve(exchange("Second-Pass.2", start)), "")
		p.binds(start, "")
	}},
	{"the history of a fine-grained policy holds a change", func(c *C) {
		c.policy(map[string]string{"pwdHistoryLength": "0"})
		p := c.person()
		c.pso(map[string]string{"msDS-PasswordHistoryLength": "3"}, p.DN)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		c.want(p.serve(exchange("Second-Pass.2", start)), refused)
	}},
	{"a change before the minimum age is refused", func(c *C) {
		c.policy(map[string]string{"minPwdAge": "-864000000000"})
		refusedChange(c, "Second-Pass.2")
	}},
	{"a change before a fine-grained minimum age is refused", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MinimumPasswordAge": "-864000000000"}, p.DN)
		c.want(p.serve(exchange(start, "Second-Pass.2")), refused)
		p.binds(start, "")
	}},
	{"a change after the minimum age is taken", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MinimumPasswordAge": "-864000000000"}, p.DN)
		p.backdate()
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"must-change is not held to the minimum age", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-MinimumPasswordAge": "-864000000000"}, p.DN)
		p.set(mustChange)
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.binds("Second-Pass.2", "")
	}},
	{"the domain's least length may change at any time", func(c *C) {
		p := c.person()
		c.policy(map[string]string{"minPwdLength": "14"})
		c.want(p.serve(reset("Second-Pass.2")), refused)
		c.want(p.serve(reset("Second-Pass.22")), "")
	}},
	{"the domain's complexity may change at any time", func(c *C) {
		c.policy(map[string]string{"pwdProperties": "0"})
		p := c.person()
		c.want(p.serve(reset("onlylowerletters")), "")
		p.binds("onlylowerletters", "")
	}},
}

// historyForgets: with a length of 3 the third password back is still known,
// and the one before it is free again.
func historyForgets(c *C) {
	p := c.person()
	old := start
	for i := range 3 {
		next := fmt.Sprintf("Number-Pass.%d", i)
		c.want(p.serve(exchange(old, next)), "")
		old = next
	}
	c.want(p.serve(exchange(old, "Number-Pass.0")), refused)
	c.want(p.serve(exchange(old, start)), "")
	p.binds(start, "")
}
