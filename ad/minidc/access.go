package minidc

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Right is something that Delegate can give to an account.
type Right string

// The rights that Latchkey asks an administrator for.
const (
	// ResetPassword is the extended right Reset-Password on users.
	ResetPassword Right = "reset-password"
	// ReadPSOs reads the fine-grained policies; the OU doesn't matter.
	ReadPSOs Right = "read-psos"
	// ChangePassword is the extended right User-Change-Password, which everybody
	// has; take it away with Deny or with User.CannotChange.
	ChangePassword Right = "change-password"
	// WriteLockoutTime and WritePwdLastSet write one attribute of users.
	WriteLockoutTime Right = "write:lockoutTime"
	WritePwdLastSet  Right = "write:pwdLastSet"
)

// Rights that nobody should ask for, and that a directory may have given away.
const (
	// FullControl is everything, on an object and all below it.
	FullControl Right = "full-control"
	// WritePermissions changes the permissions of one object.
	WritePermissions Right = "write-permissions"
	// ReplicateSecrets is the extended right DS-Replication-Get-Changes-All.
	ReplicateSecrets Right = "replicate-secrets"
)

// ReadProperty is the right to read one attribute, which everybody has who signed
// in; take it away with Deny.
func ReadProperty(attribute string) Right { return Right("read:" + attribute) }

// WriteProperty is the right to write one attribute of users.
func WriteProperty(attribute string) Right { return Right("write:" + attribute) }

// Access mask bits (MS-ADTS 5.1.3.2).
const (
	maskListChildren  = 0x4
	maskReadProperty  = 0x10
	maskWriteProperty = 0x20
	maskControl       = 0x100
	maskReadSecurity  = 0x20000
	maskWriteDACL     = 0x40000
	maskWriteOwner    = 0x80000
	maskFull          = 0xf01ff
)

// ace is an access control entry. One with below applies to objects of that
// class in the subtree, not to the object that holds it.
type ace struct {
	deny    bool
	mask    uint32
	object  GUID // an attribute or extended right; zero is every one
	below   *class
	subtree bool // inherited by every object below, too
	trustee sid
}

// Delegate gives an account rights on the users in the subtree of an OU, as an
// administrator does with delegation of control. It panics when either name
// is of no object.
func (s *Server) Delegate(accountDN, ouDN string, rights ...Right) {
	s.grant(accountDN, ouDN, false, classes["user"], rights)
}

// DelegateClass is Delegate for objects of another class.
func (s *Server) DelegateClass(accountDN, ouDN, class string, rights ...Right) {
	s.grant(accountDN, ouDN, false, classes[strings.ToLower(class)], rights)
}

// Allow gives an account rights on one object.
func (s *Server) Allow(accountDN, dn string, rights ...Right) {
	s.grant(accountDN, dn, false, nil, rights)
}

// AllowEverybody gives rights on one object to whoever is signed in
// (Authenticated Users).
func (s *Server) AllowEverybody(dn string, rights ...Right) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	s.dir.grant(sidAuthenticated, dn, false, nil, rights)
}

// Revoke takes every entry about an account off one object.
func (s *Server) Revoke(accountDN, dn string) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	who, on := s.dir.mustFind(accountDN), s.dir.mustFind(dn)
	on.aces = slices.DeleteFunc(on.aces, func(a ace) bool { return a.trustee == who.sid })
	s.dir.stamp(on)
}

// Isolate makes an object inherit no rights, or again, as AdminSDHolder does with
// administrators.
func (s *Server) Isolate(dn string, isolated bool) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	e := s.dir.mustFind(dn)
	e.isolated = isolated
	s.dir.stamp(e)
}

// Deny takes rights on one object away from an account, whatever is inherited.
func (s *Server) Deny(accountDN, dn string, rights ...Right) {
	s.grant(accountDN, dn, true, nil, rights)
}

func (s *Server) grant(accountDN, dn string, deny bool, below *class, rights []Right) {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	s.dir.grant(s.dir.mustFind(accountDN).sid, dn, deny, below, rights)
}

func (d *directory) grant(who sid, dn string, deny bool, below *class, rights []Right) {
	on := d.mustFind(dn)
	for _, r := range rights {
		a := ace{deny: deny, trustee: who, below: below}
		target := on
		attrName, write := strings.CutPrefix(string(r), "write:")
		readName, read := strings.CutPrefix(string(r), "read:")
		switch {
		case read:
			d.hides = true
			a.mask, a.object = maskReadProperty, mustAttribute(readName).guid
		case r == FullControl:
			a.mask, a.below, a.subtree = maskFull, nil, true
		case r == WritePermissions:
			a.mask = maskWriteDACL
		case r == ReplicateSecrets:
			a.mask, a.object = maskControl, rightReplicateSecrets
		case write:
			a.mask, a.object = maskReadProperty|maskWriteProperty, mustAttribute(attrName).guid
		case r == ResetPassword:
			a.mask, a.object = maskControl, rightResetPassword
		case r == ChangePassword:
			a.mask, a.object = maskControl, rightChangePassword
		case r == ReadPSOs:
			target = d.mustFind("CN=Password Settings Container,CN=System," + d.baseDN())
			a.mask, a.below, a.subtree = maskReadProperty|maskListChildren|maskReadSecurity, nil, true
		default:
			panic("minidc: no such right: " + string(r))
		}
		target.aces = append(target.aces, a)
		d.stamp(target)
	}
}

func mustAttribute(name string) *attribute {
	a := attributes[strings.ToLower(name)]
	if a == nil {
		panic("minidc: no such attribute: " + name)
	}
	return a
}

func (d *directory) mustFind(dn string) *entry {
	e, _ := d.find(dn)
	if e == nil {
		panic("minidc: no such object: " + dn)
	}
	return e
}

// effective are the entries that apply to e, the explicit ones first, denials
// before grants, then what is inherited, the nearest first.
func (e *entry) effective() []ace {
	var out []ace
	for _, a := range e.aces {
		if a.below == nil {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b ace) int { return order(a.deny) - order(b.deny) })
	for _, p := range e.heirOf() {
		for _, a := range p.aces {
			if a.subtree || a.below != nil && a.below == e.class {
				out = append(out, a)
			}
		}
	}
	return out
}

// heirOf are the objects that e inherits from, the nearest first.
func (e *entry) heirOf() (above []*entry) {
	for ; !e.isolated && e.parent != nil; e = e.parent {
		above = append(above, e.parent)
	}
	return above
}

func order(deny bool) int {
	if deny {
		return 0
	}
	return 1
}

// granted looks an access up in the entries that apply.
func (i identity) granted(e *entry, mask uint32, object GUID) bool {
	return i.decide(e, mask, object, false)
}

// decide returns what the first entry says that is about the access, or
// otherwise when there is none.
func (i identity) decide(e *entry, mask uint32, object GUID, otherwise bool) bool {
	for _, a := range e.effective() {
		mine := i.sids[a.trustee] || a.trustee == sidSelf && i.entry == e
		if a.mask&mask == 0 || !mine || a.object != (GUID{}) && a.object != object {
			continue
		}
		return !a.deny
	}
	return otherwise
}

// admin tells whether the identity may do everything: Administrators, which
// has Domain Admins and Enterprise Admins in it.
func (i identity) admin() bool { return i.sids[sidAdmins] }

// mayWrite tells whether the identity may write an attribute.
func (i identity) mayWrite(e *entry, a *attribute) bool {
	if i.admin() {
		return true
	}
	return i.entry == e && a.is(personal) || i.granted(e, maskWriteProperty, a.guid)
}

func (i identity) mayReset(e *entry) bool {
	return i.admin() || i.granted(e, maskControl, rightResetPassword)
}

// mayChange tells whether the identity may change the password with the old
// one: everybody may, unless it is denied.
func (i identity) mayChange(e *entry) bool {
	return i.admin() || i.decide(e, maskControl, rightChangePassword, true)
}

// mayRead tells whether the identity may read what is not secret anyway.
func (i identity) mayRead(e *entry) bool {
	if i.admin() {
		return true
	}
	for p := e; p != nil; p = p.parent {
		if p.private {
			return i.granted(e, maskReadProperty, GUID{})
		}
	}
	return true
}

// mayRead tells whether the identity may read one attribute: nearly nobody ever
// takes a single one away.
func (v view) mayRead(e *entry, a *attribute) bool {
	if v.who.admin() {
		return true
	}
	return v.who.mayRead(e) && (!v.srv.dir.hides || v.who.decide(e, maskReadProperty, a.guid, true))
}

// security are the parts of the descriptor that the identity may write, for
// sDRightsEffective.
func (i identity) security(e *entry) (parts int64) {
	if i.admin() {
		return sdOwner | sdGroup | sdDACL | sdSACL
	}
	if i.granted(e, maskWriteOwner, GUID{}) {
		parts |= sdOwner | sdGroup
	}
	if i.granted(e, maskWriteDACL, GUID{}) {
		parts |= sdDACL
	}
	return parts
}

// writable names the attributes that the identity may write, for
// allowedAttributesEffective.
func (i identity) writable(e *entry) []string {
	var out []string
	for _, a := range attributes {
		if !a.is(constructed) && !a.is(systemOnly) && i.mayWrite(e, a) {
			out = append(out, a.name)
		}
	}
	slices.Sort(out)
	return out
}

// Security descriptors, self-relative (MS-DTYP 2.4.6).

// Flags of the control 1.2.840.113556.1.4.801.
const (
	sdOwner = 1 << iota
	sdGroup
	sdDACL
	sdSACL
)

// descriptor encodes the parts of an object's security descriptor that are
// asked for. There is no SACL.
func (d *directory) descriptor(e *entry, parts int) string {
	b := make([]byte, 20)
	b[0] = 1
	controlBits := uint16(0x8000) // SE_SELF_RELATIVE
	admins := []byte(d.domain.child(512))
	put := func(at int, blob []byte) {
		binary.LittleEndian.PutUint32(b[at:], uint32(len(b)))
		b = append(b, blob...)
	}
	if parts&sdOwner != 0 {
		put(4, admins)
	}
	if parts&sdGroup != 0 {
		put(8, admins)
	}
	if parts&sdDACL != 0 {
		controlBits |= 0x0404 // SE_DACL_PRESENT, SE_DACL_AUTO_INHERITED
		if e.isolated {
			controlBits |= 0x1000 // SE_DACL_PROTECTED
		}
		put(16, d.dacl(e))
	}
	binary.LittleEndian.PutUint16(b[2:], controlBits)
	return string(b)
}

// dacl encodes what applies to the object: its own entries, then what every
// object has, then what it inherits.
func (d *directory) dacl(e *entry) []byte {
	list := slices.Clone(e.aces)
	list = append(list,
		ace{mask: maskFull, trustee: d.domain.child(512)},
		ace{mask: maskFull, trustee: sidSystem},
		ace{mask: maskControl, object: rightChangePassword, trustee: sidEveryone},
	)
	if !e.private && (e.parent == nil || !e.parent.private) {
		list = append(list, ace{mask: maskReadProperty | maskListChildren | maskReadSecurity, trustee: sidAuthenticated})
	}
	var body []byte
	for _, a := range list {
		body = append(body, a.encode(false, a.below == nil)...)
	}
	n := len(list)
	for _, p := range e.heirOf() {
		for _, a := range p.aces {
			if a.subtree || a.below != nil {
				body = append(body, a.encode(true, a.below == nil || a.below == e.class)...)
				n++
			}
		}
	}
	head := []byte{4, 0}
	head = binary.LittleEndian.AppendUint16(head, uint16(8+len(body)))
	head = binary.LittleEndian.AppendUint16(head, uint16(n))
	return append(append(head, 0, 0), body...)
}

// encode writes one entry (MS-DTYP 2.4.4.2 and 2.4.4.3); applies says whether
// it counts for the object that shows it or only for those below.
func (a ace) encode(inherited, applies bool) []byte {
	kind, flags := byte(0), byte(0)
	if a.deny {
		kind = 1
	}
	if a.subtree || a.below != nil {
		flags |= 0x2 // CONTAINER_INHERIT_ACE
	}
	if !applies {
		flags |= 0x8 // INHERIT_ONLY_ACE
	}
	if inherited {
		flags |= 0x10 // INHERITED_ACE
	}
	body := binary.LittleEndian.AppendUint32(nil, a.mask)
	if a.object != (GUID{}) || a.below != nil {
		kind += 5
		body = append(body, a.objectPart()...)
	}
	body = append(body, a.trustee...)
	head := []byte{kind, flags}
	return append(binary.LittleEndian.AppendUint16(head, uint16(4+len(body))), body...)
}

func (a ace) objectPart() []byte {
	var present uint32
	var guids []byte
	if a.object != (GUID{}) {
		present |= 1
		guids = append(guids, a.object[:]...)
	}
	if a.below != nil {
		present |= 2
		guids = append(guids, a.below.guid[:]...)
	}
	return append(binary.LittleEndian.AppendUint32(nil, present), guids...)
}
