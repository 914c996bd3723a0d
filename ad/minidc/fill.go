package minidc

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minute = time.Minute
	day    = 24 * time.Hour
)

// User is an account for AddUser. Empty fields are left out.
type User struct {
	// Name is the common name, the account's name in its DN. Parent is the DN
	// of the container; "" is CN=Users.
	Name, Parent string
	// Account is sAMAccountName; UPN defaults to Account@domain.
	Account, UPN string
	// Password is set as it is, against no rules; "" makes one nobody knows.
	Password string
	// Class is "user", the default, "inetOrgPerson", "computer" …
	Class string

	DisplayName, GivenName, Surname string
	Mail, Department, Title, Mobile string
	Language                        string // preferredLanguage

	Manager  string   // a DN
	Groups   []string // DNs of the groups to join
	Disabled bool
	// MustChange sets pwdLastSet to 0.
	MustChange bool
	// CannotChange denies User-Change-Password to the person and to everybody.
	CannotChange bool
	// GUID is the objectGUID; zero makes a random one.
	GUID GUID
	// Attributes are any others.
	Attributes map[string][]string
}

// Group is a group for AddGroup: global security by default.
type Group struct {
	Name, Parent string // as in User
	Account      string // defaults to Name
	Type         int32  // groupType; 0 is a global security group
	Members      []string
	GUID         GUID // zero makes a random one
}

// PSO is a fine-grained policy for AddPSO.
type PSO struct {
	Name       string
	Precedence int
	Policy     Policy
	AppliesTo  []string // DNs of users and groups
}

// AddOU makes an organizational unit, with those above it that are missing.
func (s *Server) AddOU(dn string) GUID {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	return s.dir.ensureOU(dn).guid
}

func (d *directory) ensureOU(dn string) *entry {
	if e, _ := d.find(dn); e != nil {
		return e
	}
	path, err := parseDN(dn)
	if err != nil || len(path) < 2 || !strings.EqualFold(path[0].typ, "OU") {
		panic("minidc: not the name of an organizational unit here: " + dn)
	}
	var above []string
	for _, r := range path[1:] {
		above = append(above, r.String())
	}
	parent := d.ensureOU(strings.Join(above, ","))
	e := d.newEntry(path[0], classes["organizationalunit"])
	e.set("objectCategory", e.class.category)
	d.insert(parent, e)
	return e
}

// parentOf finds the container of a new account.
func (d *directory) parentOf(dn string) *entry {
	if dn == "" {
		dn = "CN=Users," + d.baseDN()
	}
	return d.mustFind(dn)
}

// insertNew puts a fixture into the tree; two of one name are a mistake.
func (d *directory) insertNew(parent *entry, e *entry) {
	if parent.byRDN[e.rdn.key()] != nil {
		panic("minidc: exists already: " + e.rdn.String() + "," + parent.dn())
	}
	if name := e.first("samaccountname"); d.byText("samaccountname", name) != nil {
		panic("minidc: account name exists already: " + name)
	}
	d.insert(parent, e)
}

// AddUser makes an account, without asking rules or rights.
func (s *Server) AddUser(u User) GUID {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	c := classes["user"]
	if u.Class != "" {
		c = classes[strings.ToLower(u.Class)]
	}
	e := d.newEntry(rdn{"CN", u.Name}, c)
	e.sid = d.newRID()
	e.pinGUID(u.GUID)
	for name, v := range u.fields(d.cfg.Domain) {
		if v != "" {
			e.set(name, v)
		}
	}
	e.set("userAccountControl", u.control(e))
	d.defaults(e)
	d.firstPassword(e, u)
	d.insertNew(d.parentOf(u.Parent), e)
	for name, v := range u.Attributes {
		d.assign(e, mustAttribute(name), v)
	}
	if u.Manager != "" {
		e.linkTo("manager", d.mustFind(u.Manager))
	}
	for _, g := range u.Groups {
		d.mustFind(g).linkTo("member", e)
	}
	return e.guid
}

func (u User) control(e *entry) string {
	bits := uacNormal
	if e.is("computer") {
		bits = uacWorkstation
	}
	if u.Disabled {
		bits |= uacDisabled
	}
	return strconv.Itoa(bits)
}

// firstPassword sets the password and what the fixture says about it.
func (d *directory) firstPassword(e *entry, u User) {
	if u.Password == "" {
		u.Password = randomPassword()
	}
	d.setPassword(e, u.Password)
	if u.MustChange {
		e.set("pwdLastSet", "0")
	}
	if u.CannotChange {
		for _, who := range []sid{sidSelf, sidEveryone} {
			e.aces = append(e.aces, ace{deny: true, mask: maskControl, object: rightChangePassword, trustee: who})
		}
	}
}

// pinGUID gives a new entry a GUID of the caller's choice.
func (e *entry) pinGUID(g GUID) {
	if g != (GUID{}) {
		e.guid = g
	}
}

func (u User) fields(domain string) map[string]string {
	upn := u.UPN
	if upn == "" && u.Account != "" {
		upn = u.Account + "@" + domain
	}
	return map[string]string{
		"sAMAccountName": u.Account, "userPrincipalName": upn, "displayName": u.DisplayName,
		"givenName": u.GivenName, "sn": u.Surname, "mail": u.Mail, "department": u.Department,
		"title": u.Title, "mobile": u.Mobile, "preferredLanguage": u.Language,
	}
}

// AddGroup makes a group.
func (s *Server) AddGroup(g Group) GUID {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.newEntry(rdn{"CN", g.Name}, classes["group"])
	e.sid = d.newRID()
	e.pinGUID(g.GUID)
	if g.Account == "" {
		g.Account = g.Name
	}
	e.set("sAMAccountName", g.Account)
	if g.Type != 0 {
		e.set("groupType", strconv.Itoa(int(g.Type)))
	}
	d.defaults(e)
	d.insertNew(d.parentOf(g.Parent), e)
	for _, m := range g.Members {
		e.linkTo("member", d.mustFindFar(m))
	}
	return e.guid
}

// AddPSO makes a fine-grained policy.
func (s *Server) AddPSO(p PSO) GUID {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.place("CN="+escapeRDN(p.Name)+",CN=Password Settings Container,CN=System", "msDS-PasswordSettings",
		"msDS-PasswordSettingsPrecedence", strconv.Itoa(p.Precedence), "msDS-PasswordReversibleEncryptionEnabled", "FALSE")
	for name, v := range map[string]string{
		"msDS-MinimumPasswordLength":     strconv.Itoa(p.Policy.MinLength),
		"msDS-PasswordComplexityEnabled": strings.ToUpper(strconv.FormatBool(p.Policy.Complexity)),
		"msDS-PasswordHistoryLength":     strconv.Itoa(p.Policy.History),
		"msDS-MinimumPasswordAge":        tickText(p.Policy.MinAge, 0),
		"msDS-MaximumPasswordAge":        tickText(p.Policy.MaxAge, never),
		"msDS-LockoutThreshold":          strconv.Itoa(p.Policy.LockoutThreshold),
		"msDS-LockoutDuration":           tickText(p.Policy.LockoutDuration, never),
		"msDS-LockoutObservationWindow":  tickText(p.Policy.ObservationWindow, 0),
	} {
		e.set(name, v)
	}
	for _, dn := range p.AppliesTo {
		e.linkTo("msds-psoappliesto", d.mustFind(dn))
	}
	return e.guid
}

// tickText writes an interval; none is what the directory writes for zero.
func tickText(d time.Duration, none int64) string {
	if d == 0 {
		return strconv.FormatInt(none, 10)
	}
	return strconv.FormatInt(ticks(d), 10)
}

// SetDomainPolicy replaces the domain's policy.
func (s *Server) SetDomainPolicy(p Policy) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	s.dir.root.setPolicy(p)
	s.dir.stamp(s.dir.root)
}

func (e *entry) setPolicy(p Policy) {
	properties := "0"
	if p.Complexity {
		properties = "1"
	}
	e.set("minPwdLength", strconv.Itoa(p.MinLength))
	e.set("pwdProperties", properties)
	e.set("pwdHistoryLength", strconv.Itoa(p.History))
	e.set("minPwdAge", tickText(p.MinAge, 0))
	e.set("maxPwdAge", tickText(p.MaxAge, never))
	e.set("lockoutThreshold", strconv.Itoa(p.LockoutThreshold))
	e.set("lockoutDuration", tickText(p.LockoutDuration, never))
	e.set("lockOutObservationWindow", tickText(p.ObservationWindow, 0))
}

// Set replaces an attribute's values, without asking rules or rights: links
// take DNs, badPwdCount and badPasswordTime are this controller's, unicodePwd
// takes the bare password. No values remove the attribute.
func (s *Server) Set(dn, attribute string, values ...string) {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.mustFind(dn)
	a := mustAttribute(attribute)
	switch {
	case a.is(local):
		s.setLocal(e, a.name, values)
	case a.name == "unicodePwd":
		d.setPassword(e, values[0])
	default:
		d.assign(e, a, values)
	}
	d.stamp(e)
}

func (s *Server) setLocal(e *entry, name string, values []string) {
	var n int64
	if len(values) > 0 {
		n, _ = strconv.ParseInt(values[0], 10, 64)
	}
	switch name {
	case "badPwdCount":
		s.countOf(e).bad = int(n)
	case "badPasswordTime":
		s.countOf(e).badTime = n
	}
}

// assign sets an attribute or the targets of a link.
func (d *directory) assign(e *entry, a *attribute, values []string) {
	if a.syntax != link {
		e.set(a.name, values...)
		return
	}
	key := strings.ToLower(a.name)
	for _, t := range slices.Clone(e.links[key]) {
		e.unlink(key, t)
	}
	for _, v := range values {
		e.linkTo(key, d.mustFindFar(v))
	}
}

// Delete removes an object with everything below it.
func (s *Server) Delete(dn string) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	s.dir.remove(s.dir.mustFind(dn))
}

// Lock locks an account as so many bad passwords a moment ago would have, on
// this controller.
func (s *Server) Lock(dn string) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	e := s.dir.mustFind(dn)
	p := s.dir.policyFor(e)
	now := Filetime(s.dir.now())
	*s.countOf(e) = count{bad: max(1, p.LockoutThreshold), badTime: now}
	e.set("lockoutTime", strconv.FormatInt(now, 10))
	s.dir.stamp(e)
}
