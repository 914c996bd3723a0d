package conformance

import (
	"strconv"
	"time"
)

// lockoutCases: what a lockout looks like and how it ends.
var lockoutCases = []Case{
	{"the attempt that locks still says 52e", func(c *C) {
		p := c.person()
		for range 3 {
			p.binds("wrong", "52e")
		}
		p.binds("wrong", "775")
	}},
	{"a locked account is marked in the computed flags", func(c *C) {
		p := c.person()
		p.has("msDS-User-Account-Control-Computed", "0")
		p.lock()
		p.has("msDS-User-Account-Control-Computed", computedLocked)
	}},
	{"lockoutTime is the moment of the lockout", func(c *C) {
		p := c.person()
		p.lock()
		if at := p.number("lockoutTime"); !recent(at) {
			c.Errorf("lockoutTime %d is not now", at)
		}
	}},
	{"lockoutTime is absent on somebody who was never locked", func(c *C) { c.person().has("lockoutTime", "") }},
	{"a further attempt does not move lockoutTime", func(c *C) {
		p := c.person()
		p.lock()
		before := p.get("lockoutTime")
		p.binds("wrong", "775")
		p.binds(start, "775")
		p.has("lockoutTime", before)
	}},
	{"badPwdCount stops at the threshold", func(c *C) {
		p := c.person()
		p.lock()
		p.binds("wrong", "775")
		p.has("badPwdCount", "3")
	}},
	{"the service account unlocks with lockoutTime 0", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(unlock), "")
		p.has("lockoutTime", "0")
		p.has("badPwdCount", "0")
		p.has("msDS-User-Account-Control-Computed", "0")
		p.binds(start, "")
	}},
	{"an unlocked account has all its attempts again", func(c *C) {
		p := c.person()
		p.lock()
		c.want(p.serve(unlock), "")
		p.binds("wrong", "52e")
		p.binds("wrong", "52e")
		p.binds(start, "")
	}},
	{"unlocking somebody who is not locked is no error", func(c *C) {
		p := c.person()
		p.binds("wrong", "52e")
		c.want(p.serve(unlock), "")
		p.has("badPwdCount", "0")
		p.binds(start, "")
	}},
	{"an unlock leaves the password's marks alone", func(c *C) {
		p := c.person()
		p.lock()
		set, key := p.get("pwdLastSet"), p.get("msDS-KeyVersionNumber")
		c.want(p.serve(unlock), "")
		p.has("pwdLastSet", set)
		p.has("msDS-KeyVersionNumber", key)
	}},
	{"a lockout ends by itself after its duration", endsByItself},
	{"lockoutTime outlives the duration until a good bind", outlives},
	{"a lockout of duration zero stays until somebody unlocks", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-LockoutDuration": "0"}, p.DN)
		p.lock()
		p.has("msDS-User-Account-Control-Computed", computedLocked)
		c.want(p.serve(unlock), "")
		p.binds(start, "")
	}},
	{"a threshold of zero never locks", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-LockoutThreshold": "0"}, p.DN)
		for range 6 {
			p.binds("wrong", "52e")
		}
		p.binds(start, "")
	}},
	{"the domain's threshold of zero never locks", func(c *C) {
		c.policy(map[string]string{"lockoutThreshold": "0"})
		p := c.person()
		for range 6 {
			p.binds("wrong", "52e")
		}
		p.binds(start, "")
	}},
	{"the domain's threshold may change at any time", func(c *C) {
		c.policy(map[string]string{"lockoutThreshold": "2"})
		p := c.person()
		p.binds("wrong", "52e")
		p.binds("wrong", "52e")
		p.binds(start, "775")
	}},
	{"a fine-grained threshold beats the domain's", func(c *C) {
		p := c.person()
		c.pso(map[string]string{"msDS-LockoutThreshold": "2"}, p.DN)
		p.binds("wrong", "52e")
		p.binds("wrong", "52e")
		p.binds(start, "775")
	}},
	{"a search finds locked accounts by lockoutTime", func(c *C) {
		department, p, _, _ := three(c)
		p.lock()
		c.finds("(&(department="+department+")(lockoutTime>=1))", p.SAM)
	}},
}

// short is a policy whose lockouts last a second.
var short = map[string]string{"msDS-LockoutDuration": "-10000000", "msDS-LockoutObservationWindow": "-10000000"}

func endsByItself(c *C) {
	p := c.person()
	c.pso(short, p.DN)
	p.lock()
	c.until("the lockout ends", func() bool { return p.bind(start) == "" })
	p.has("msDS-User-Account-Control-Computed", "0")
}

func outlives(c *C) {
	p := c.person()
	c.pso(short, p.DN)
	p.lock()
	at := p.get("lockoutTime")
	c.until("the flag goes", func() bool { return p.get("msDS-User-Account-Control-Computed") == "0" })
	p.has("lockoutTime", at)
	p.binds(start, "")
	if now := p.get("lockoutTime"); now != "0" && now != "" {
		c.Errorf("lockoutTime after a good bind is %s", now)
	}
}

// lockCountCases: what counts as a bad attempt.
var lockCountCases = []Case{
	{"wrong binds are counted", func(c *C) {
		p := c.person()
		for i := range 2 {
			p.binds("wrong", "52e")
			p.has("badPwdCount", strconv.Itoa(i+1))
		}
	}},
	{"a wrong bind leaves its time", func(c *C) {
		p := c.person()
		p.binds("wrong", "52e")
		if at := p.number("badPasswordTime"); !recent(at) {
			c.Errorf("badPasswordTime %d is not now", at)
		}
	}},
	{"a good bind sets the count to zero", func(c *C) {
		p := c.person()
		p.binds("wrong", "52e")
		p.binds("wrong", "52e")
		p.binds(start, "")
		p.has("badPwdCount", "0")
	}},
	{"the count begins anew after the observation window", func(c *C) {
		p := c.person()
		c.pso(short, p.DN)
		p.binds("wrong", "52e")
		p.binds("wrong", "52e")
		<-time.After(1500 * time.Millisecond) // the window itself is what is waited for
		p.binds("wrong", "52e")
		p.has("badPwdCount", "1")
		p.binds(start, "")
	}},
	{"a disabled account counts wrong binds", func(c *C) {
		p := c.person()
		p.set(disable)
		p.binds("wrong", "52e")
		p.has("badPwdCount", "1")
	}},
	{"an account that must change counts wrong binds", func(c *C) {
		p := c.person()
		p.set(mustChange)
		p.binds("wrong", "52e")
		p.has("badPwdCount", "1")
	}},
	{"the right password of somebody who must change is not counted", func(c *C) {
		p := c.person()
		p.set(mustChange)
		p.binds(start, "773")
		p.has("badPwdCount", "0")
	}},
	{"the right password of an expired one is not counted", func(c *C) {
		p := c.person()
		p.backdate()
		p.binds(start, "532")
		p.has("badPwdCount", "0")
	}},
	{"the previous password is refused and not counted", func(c *C) {
		p := c.person()
		c.want(p.serve(reset("Second-Pass.2")), "")
		for range 4 {
			p.binds(start, "52e")
		}
		p.has("badPwdCount", "0")
		p.binds("Second-Pass.2", "")
	}},
	{"binds and changes share one count", func(c *C) {
		p := c.person()
		p.binds("wrong", "52e")
		c.want(p.serve(exchange("wrong", "Second-Pass.2")), "19 00000056")
		p.binds("wrong", "52e")
		p.binds(start, "775")
	}},
	{"the previous password as the old one of a change is counted", func(c *C) {
		p := c.person()
		c.want(p.serve(reset("Second-Pass.2")), "")
		c.want(p.serve(exchange(start, "Third-Pass.3")), "19 00000056")
		p.has("badPwdCount", "1")
	}},
	{"a reset leaves the count", func(c *C) {
		p := c.person()
		p.binds("wrong", "52e")
		c.want(p.serve(reset("Second-Pass.2")), "")
		p.has("badPwdCount", "1")
	}},
	{"a change leaves the count", func(c *C) {
		p := c.person()
		p.binds("wrong", "52e")
		c.want(p.serve(exchange(start, "Second-Pass.2")), "")
		p.has("badPwdCount", "1")
	}},
	{"a wrong bind after the lockout's end begins a new count", func(c *C) {
		p := c.person()
		c.pso(short, p.DN)
		p.lock()
		c.until("the flag goes", func() bool { return p.get("msDS-User-Account-Control-Computed") == "0" })
		p.binds("wrong", "52e")
		p.has("badPwdCount", "1")
		p.binds(start, "")
	}},
	{"people do not share their counts", func(c *C) {
		p, q := c.person(), c.person()
		p.lock()
		q.has("badPwdCount", "0")
		q.binds(start, "")
	}},
}
