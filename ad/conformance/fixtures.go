package conformance

import (
	"maps"
	"strconv"
	"time"
)

// Bits of userAccountControl (MS-ADTS 2.2.16) and of
// msDS-User-Account-Control-Computed.
const (
	uacDisabled     = 0x2
	uacNormal       = 0x200
	uacNeverExpires = 0x10000
	uacSmartcard    = 0x40000

	computedLocked  = "16"      // 0x10
	computedExpired = "8388608" // 0x800000
	never           = "9223372036854775807"
)

// start is everybody's first password.
const start = "Start-Pass.1"

// person is an account that a case made for itself.
type person struct {
	c        *C
	DN       string
	SAM, UPN string
}

// person adds somebody who may sign in, below the delegated OU.
func (c *C) person(extra ...attrs) *person { return c.personIn(c.ou, extra...) }

func (c *C) personIn(ou string, extra ...attrs) *person {
	c.Helper()
	sam := c.name("p")
	p := &person{c: c, DN: "CN=" + sam + "," + ou, SAM: sam, UPN: sam + "@" + c.Domain}
	a := attrs{
		"objectClass": {"user"}, "sAMAccountName": {sam}, "userPrincipalName": {p.UPN}, "displayName": {"Person " + sam},
		"userAccountControl": {strconv.Itoa(uacNormal)}, "unicodePwd": {quote(start)},
	}
	for _, x := range extra {
		maps.Copy(a, x)
	}
	c.must(c.add(p.DN, a))
	return p
}

// bind returns the sub-code of a bind ("775"), or "" when it is good.
func (p *person) bind(password string) string {
	p.c.Helper()
	return p.c.bindAs(p.UPN, password)
}

func (c *C) bindAs(name, password string) string {
	c.Helper()
	err := c.binder.Bind(name, password)
	got := answer(err)
	if got != "" && (len(got) < 4 || got[:3] != "49 ") {
		c.Fatalf("bind as %s: %v", name, err)
	}
	if got == "" {
		return ""
	}
	return got[3:]
}

// binds compares the sub-code of a bind.
func (p *person) binds(password, want string) {
	p.c.Helper()
	p.c.same("bind", p.bind(password), want)
}

// lock locks by wrong binds.
func (p *person) lock() {
	p.c.Helper()
	for range 10 {
		if p.bind("wrong") == "775" {
			return
		}
	}
	p.c.Fatal("ten wrong binds did not lock")
}

// set writes as the administrator.
func (p *person) set(changes ...change) {
	p.c.Helper()
	p.c.must(modify(p.c.admin, p.DN, changes...))
}

// serve writes as the service account.
func (p *person) serve(changes ...change) error { return modify(p.c.service, p.DN, changes...) }

// get reads one attribute as the service account; "" when it is absent.
func (p *person) get(name string) string {
	p.c.Helper()
	return p.c.read(p.c.service, p.DN, name).GetAttributeValue(name)
}

func (p *person) number(name string) int64 {
	p.c.Helper()
	n, err := strconv.ParseInt(p.get(name), 10, 64)
	if err != nil {
		p.c.Fatalf("%s: %v", name, err)
	}
	return n
}

func (p *person) has(attribute, want string) {
	p.c.Helper()
	p.c.same(attribute, p.get(attribute), want)
}

// uac sets userAccountControl to a normal account's with these bits.
func uac(bits int) change { return replace("userAccountControl", strconv.Itoa(uacNormal|bits)) }

// filetime is a moment in 100 ns since 1601.
func filetime(t time.Time) int64 { return t.UnixNano()/100 + 116444736000000000 }

func fileText(t time.Time) string { return strconv.FormatInt(filetime(t), 10) }

// recent says whether a FILETIME is of the last minutes of either clock.
func recent(ft int64) bool {
	d := filetime(time.Now()) - ft
	return d < int64(2*time.Minute/100) && d > -int64(2*time.Minute/100)
}

// The states that a bind can meet beside the password.
var (
	disable     change = uac(uacDisabled)
	expire      change = replace("accountExpires", fileText(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)))
	noHours     change = replace("logonHours", string(make([]byte, 21)))
	elsewhere   change = replace("userWorkstations", "SOMEWHERE-ELSE")
	mustChange  change = replace("pwdLastSet", "0")
	unlock      change = replace("lockoutTime", "0")
	longAgo     int64  = 133000000000000000 // June 2022
	globalGroup        = "-2147483646"
	mailingList        = "2" // global distribution group
)

// backdate makes the password expired.
func (p *person) backdate() {
	p.c.Helper()
	p.c.must(p.c.Backdate(p.DN, longAgo))
}

// group adds a global security group with these members.
func (c *C) group(members ...string) string { return c.groupOf(globalGroup, members...) }

func (c *C) groupOf(kind string, members ...string) string {
	c.Helper()
	name := c.name("g")
	dn := "CN=" + name + "," + c.ou
	a := attrs{"objectClass": {"group"}, "sAMAccountName": {name}, "groupType": {kind}}
	if len(members) > 0 {
		a["member"] = members
	}
	c.must(c.add(dn, a))
	return dn
}

// pso adds a fine-grained policy for these people or groups. Without extra it
// is the domain's policy of the run, with a precedence of 50.
func (c *C) pso(extra map[string]string, appliesTo ...string) string {
	c.Helper()
	name := c.name("pso")
	dn := "CN=" + name + ",CN=Password Settings Container,CN=System," + c.BaseDN
	a := attrs{
		"objectClass": {"msDS-PasswordSettings"}, "msDS-PSOAppliesTo": appliesTo,
		"msDS-PasswordSettingsPrecedence": {"50"}, "msDS-MinimumPasswordLength": {"7"}, "msDS-PasswordHistoryLength": {"3"},
		"msDS-PasswordComplexityEnabled": {"TRUE"}, "msDS-PasswordReversibleEncryptionEnabled": {"FALSE"},
		"msDS-MinimumPasswordAge": {"0"}, "msDS-MaximumPasswordAge": {"-36288000000000"},
		"msDS-LockoutThreshold": {"3"}, "msDS-LockoutDuration": {"-18000000000"}, "msDS-LockoutObservationWindow": {"-18000000000"},
	}
	for k, v := range extra {
		a[k] = []string{v}
	}
	c.must(c.add(dn, a))
	return dn
}

// join puts people into a group.
func (c *C) join(group string, members ...string) {
	c.Helper()
	c.must(modify(c.admin, group, addValue("member", members...)))
}

// ridOf is the last part of an object's SID.
func (c *C) ridOf(dn string) string {
	c.Helper()
	sid := c.read(c.admin, dn, "objectSid").GetRawAttributeValue("objectSid")
	b := sid[len(sid)-4:]
	return strconv.FormatUint(uint64(b[0])|uint64(b[1])<<8|uint64(b[2])<<16|uint64(b[3])<<24, 10)
}

// raw reads one binary attribute as the service account.
func (c *C) raw(dn, name string) []byte {
	c.Helper()
	return c.read(c.service, dn, name).GetRawAttributeValue(name)
}
