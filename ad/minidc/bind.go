package minidc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sub-codes of a refused bind (MS-ERREF 2.2, as the "data" of code 49).
const (
	badPassword     = 0x52e
	badHours        = 0x530
	badWorkstation  = 0x531
	passwordExpired = 0x532
	disabled        = 0x533
	accountExpired  = 0x701
	mustChange      = 0x773
	lockedOut       = 0x775
)

func bindRefused(data int) result {
	return result{code: invalidCredentials, text: fmt.Sprintf(
		"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data %x, v1db1", data)}
}

// bind serves a bind request. Whatever comes of it, the connection's former
// identity is gone.
func (c *conn) bind(b bindRequest) result {
	c.user = identity{}
	switch {
	case b.sasl:
		return result{code: authMethodUnsupported, text: "SASL: mechanism not available"}
	case b.name == "" && b.password == "":
		return done
	case !c.secure && !c.srv.cfg.ClearBind:
		return result{code: strongAuthRequired, text: "BindSimple: Transport encryption required."}
	}
	d := c.srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e, data := c.srv.authenticate(b.name, b.password)
	if data != 0 {
		c.srv.countBadBind()
		return bindRefused(data)
	}
	c.user = d.identify(e)
	return done
}

// authenticate checks a name and a password, in the directory's order, and
// keeps count. It returns the account, or the sub-code that refuses it.
func (s *Server) authenticate(name, password string) (*entry, int) {
	d := s.dir
	e := d.resolve(name)
	if e == nil || !e.isUser() || password == "" {
		return nil, badPassword
	}
	policy := d.policyFor(e)
	if d.locked(e, policy) {
		return nil, lockedOut
	}
	if !e.cred.matches(password) {
		if !e.cred.recent(password) {
			s.countBad(e, policy)
		}
		return nil, badPassword
	}
	if data := d.restriction(e, policy); data != 0 {
		return nil, data
	}
	s.welcome(e)
	return e, 0
}

func (c credential) matches(password string) bool { return c.set && c.password == password }

// recent tells whether it was one of the last two passwords: those are
// refused but not counted.
func (c credential) recent(password string) bool {
	return slices.Contains(c.history[:min(2, len(c.history))], password)
}

// restriction is why an account with the right password may not sign in.
func (d *directory) restriction(e *entry, p Policy) int {
	now := d.now()
	uac := e.number("useraccountcontrol")
	expires := e.number("accountexpires")
	switch {
	case uac&uacDisabled != 0:
		return disabled
	case expires > 0 && expires < neverExpires && expires <= Filetime(now):
		return accountExpired
	case d.mustChange(e):
		return mustChange
	case d.expired(e, p):
		return passwordExpired
	case e.first("userworkstations") != "":
		return badWorkstation
	case !logonAllowed(e.first("logonhours"), now):
		return badHours
	}
	return 0
}

// logonAllowed reads logonHours: 21 octets, one bit an hour, from Sunday 00:00
// UTC, the lowest bit first. Anything else allows.
func logonAllowed(hours string, now time.Time) bool {
	if len(hours) != 21 {
		return true
	}
	now = now.UTC()
	h := int(now.Weekday())*24 + now.Hour()
	return hours[h/8]&(1<<(h%8)) != 0
}

// locked tells whether the lockout is in force (MS-ADTS 3.1.1.4.5.17).
func (d *directory) locked(e *entry, p Policy) bool {
	at := e.number("lockouttime")
	if at <= 0 {
		return false
	}
	return p.LockoutDuration == 0 || at+int64(p.LockoutDuration/100) > Filetime(d.now())
}

// canExpire tells whether the password of an account ever expires.
func canExpire(e *entry) bool {
	const never = uacNeverExpires | uacSmartcard | uacInterdomain | uacWorkstation | uacServer
	return e.number("useraccountcontrol")&never == 0
}

func (d *directory) mustChange(e *entry) bool {
	return canExpire(e) && e.number("pwdlastset") == 0
}

// passwordExpires is the FILETIME of the password's end (MS-ADTS 3.1.1.4.5.33).
func (d *directory) passwordExpires(e *entry, p Policy) int64 {
	set := e.number("pwdlastset")
	switch {
	case !canExpire(e):
		return neverExpires
	case set == 0:
		return 0
	case p.MaxAge == 0:
		return neverExpires
	}
	return set + int64(p.MaxAge/100)
}

func (d *directory) expired(e *entry, p Policy) bool {
	return d.passwordExpires(e, p) < Filetime(d.now())
}

// countBad counts a wrong password on this controller and locks the account
// at the threshold. Nothing is counted where nothing locks: not without a
// threshold, and not for the built-in administrator.
func (s *Server) countBad(e *entry, p Policy) {
	if p.LockoutThreshold == 0 || e.sid == s.dir.domain.child(500) {
		return
	}
	now := Filetime(s.dir.now())
	n := s.countOf(e)
	if n.badTime+int64(p.ObservationWindow/100) < now {
		n.bad = 0
	}
	n.bad++
	n.badTime = now
	if n.bad >= p.LockoutThreshold {
		e.set("lockoutTime", strconv.FormatInt(now, 10))
	}
	s.dir.stamp(e)
}

func (s *Server) countOf(e *entry) *count {
	n := s.counts[e]
	if n == nil {
		n = &count{}
		s.counts[e] = n
	}
	return n
}

// welcome clears what a good sign-in clears.
func (s *Server) welcome(e *entry) {
	s.countOf(e).bad = 0
	if e.number("lockouttime") != 0 {
		e.set("lockoutTime", "0")
		s.dir.stamp(e)
	}
	last := e.number("lastlogontimestamp")
	if now := Filetime(s.dir.now()); last == 0 || now-last > int64(14*24*time.Hour/100) {
		e.set("lastLogonTimestamp", strconv.FormatInt(now, 10))
	}
}

// resolve finds the account that a bind name means: a distinguished name, a
// user principal name, DOMAIN\name or a canonical name.
func (d *directory) resolve(name string) *entry {
	if e, bad := d.find(name); !bad {
		return e
	}
	if domain, sam, ok := strings.Cut(name, `\`); ok {
		if !strings.EqualFold(domain, d.cfg.NetBIOS) {
			return nil
		}
		return d.byText("samaccountname", sam)
	}
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		return d.byPrincipal(name, name[:i], name[i+1:])
	}
	if head, _, ok := strings.Cut(name, "/"); ok && strings.EqualFold(head, d.cfg.Domain) {
		return d.search(func(e *entry) bool { return strings.EqualFold(e.canonical(d.cfg.Domain), name) })
	}
	return nil
}

// byPrincipal finds a user principal name, explicit before implicit.
func (d *directory) byPrincipal(name, sam, domain string) *entry {
	if e := d.byText("userprincipalname", name); e != nil {
		return e
	}
	if strings.EqualFold(domain, d.cfg.Domain) || strings.EqualFold(domain, d.cfg.NetBIOS) {
		return d.byText("samaccountname", sam)
	}
	return nil
}

// identify is the identity of an account that signed in.
func (d *directory) identify(e *entry) identity {
	i := identity{e, map[sid]bool{
		e.sid: true, sidEveryone: true, sidNetwork: true, sidAuthenticated: true,
		sidBuiltin.child(554): true, // Pre-Windows 2000 Compatible Access
	}}
	for _, g := range d.groupsOf(e) {
		i.sids[g.sid] = true
	}
	return i
}
