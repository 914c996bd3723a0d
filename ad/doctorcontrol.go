package ad

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// needed are the attributes that Latchkey writes. Writing unicodePwd gives no
// more than the right to reset.
var needed = []string{"lockoutTime", "pwdLastSet", "unicodePwd"}

func isNeeded(name string) bool {
	return slices.ContainsFunc(needed, func(s string) bool { return equalFold(s, name) })
}

// excess lists what goes beyond helping people, the gravest first.
func (m may) excess() (much []string) {
	if m.permissions {
		much = append(much, "change permissions or the owner")
	}
	if m.removal {
		much = append(much, "delete")
	}
	extra := slices.DeleteFunc(slices.Clone(m.written), isNeeded)
	slices.SortStableFunc(extra, func(a, b string) int { return gravity(a) - gravity(b) })
	if len(extra) > 0 {
		much = append(much, "write "+some(extra))
	}
	return much
}

func gravity(name string) int {
	for i, s := range reaching {
		if equalFold(s, name) {
			return i
		}
	}
	return len(reaching)
}

// judgeControl finds what an account may do below a unit that nothing here needs.
func (x *exam) judgeControl(ctx context.Context, on *conn, as service, ou string, guarded map[string]bool, out *result) (string, error) {
	s := x.own[as]
	people, err := x.sample(ctx, on, ou, guarded, x.cfg.Sample, rightsAttrs)
	if err != nil {
		return "", err
	}
	var over []string
	var seen []string
	for _, e := range people {
		if much := mayOf(e, s.token).excess(); len(much) > 0 {
			if len(over) == 0 {
				seen = append(seen, fmt.Sprintf("to %s it may %s", e.DN, strings.Join(much, ", ")))
			}
			over = append(over, e.DN)
		}
	}
	if len(over) > 1 {
		seen = append(seen, fmt.Sprintf("to %d of %d people looked at it may do too much", len(over), len(people)))
	}
	itself, err := x.overUnit(ctx, on, s, ou)
	if err != nil {
		return "", err
	}
	if len(itself) > 0 {
		seen = append(seen, fmt.Sprintf("to the unit it may %s", strings.Join(itself, ", ")))
	}
	if len(seen) == 0 {
		return fmt.Sprintf("no right beyond reset, unlock and must-change on %d people looked at", len(people)), nil
	}
	from := ou
	if len(over) > 0 {
		from = over[0]
	}
	found, err := x.sources(ctx, on, s, from, ou)
	if err != nil {
		return "", err
	}
	out.found(kindUnitControl, strings.Join(seen, "; "), x.narrow(ctx, s, found, ou, as == x.c.as(writing)))
	return "", nil
}

// overUnit lists what would let the account rule the unit. The head of the domain
// is looked at by itself.
func (x *exam) overUnit(ctx context.Context, on *conn, s servant, ou string) ([]string, error) {
	if sameDN(ou, x.head) {
		return nil, nil
	}
	e, ok, err := on.object(ctx, ou, rightsAttrs, daclOnly)
	if err != nil && refused(err) == nil {
		return nil, err
	}
	if err != nil || !ok {
		return nil, nil
	}
	much := mayOf(e, s.token).excess()
	if list, broken := readDACL(e.raw(attrSD)); broken == nil {
		if list.decides(s.token, creating) == granted {
			much = append(much, "create people")
		}
		if list.decides(s.token, removing) == granted {
			much = append(much, "delete people")
		}
	}
	return much, nil
}

// source is an entry that gives too much, on the object that carries it.
type source struct{ dn, sid, sddl string }

// sources looks for them on the object, and on all above it up to the head of the
// domain: what is inherited can only be taken away where it was given.
func (x *exam) sources(ctx context.Context, on *conn, s servant, from, ou string) (found []source, err error) {
	for dn := from; ; {
		e, ok, err := on.object(ctx, dn, []string{attrSD}, daclOnly)
		if err != nil && refused(err) == nil {
			return nil, err
		}
		if err == nil && ok {
			list, _ := readDACL(e.raw(attrSD))
			for _, a := range list.aces {
				reaches := sameDN(dn, from) || sameDN(dn, ou) || a.flags&aceContainerInherit != 0
				if sid, bad := sidText(a.sid); bad == nil && reaches && a.flags&aceInherited == 0 && a.of(s.token) && a.tooMuch() {
					found = append(found, source{e.DN, sid, a.sddl(sid)})
				}
			}
		}
		parsed, err := ldap.ParseDN(dn)
		if err != nil || len(parsed.RDNs) < 2 || sameDN(dn, x.head) {
			return found, nil
		}
		dn = (&ldap.DN{RDNs: parsed.RDNs[1:]}).String()
	}
}

// tooMuch says whether an entry grants more over people, or over what they lie in,
// than the manual asks for. One about other classes, such as to join computers, is
// none of Latchkey's business.
func (a ace) tooMuch() bool {
	if a.says() != granted || a.below != nil &&
		!oneOf(a.below, classUser, classInetOrgPerson, classPerson, classOrgPerson, classUnit, classContainer) {
		return false
	}
	const whole = rightDeleteTree | rightDelete | rightWriteDACL | rightWriteOwner | rightGenericAll | rightGenericWrite
	const children = rightCreateChild | rightDeleteChild
	if a.mask&whole != 0 || a.mask&children != 0 && (a.object == nil || oneOf(a.object, classUser, classInetOrgPerson)) {
		return true
	}
	return a.mask&rightWriteProperty != 0 &&
		!bytes.Equal(a.object, attributeLockoutTime[:]) && !bytes.Equal(a.object, attributePwdLastSet[:])
}

func oneOf(id []byte, classes ...GUID) bool {
	return slices.ContainsFunc(classes, func(c GUID) bool { return bytes.Equal(id, c[:]) })
}

// sddl writes an entry that grants as it stands on its object (MS-DTYP 2.5.1).
func (a ace) sddl(sid string) string {
	kind, flags := "A", ""
	if a.kind == aceAllowedObject {
		kind = "OA"
	}
	for i, name := range []string{"OI", "CI", "NP", "IO"} {
		if a.flags&(1<<i) != 0 {
			flags += name
		}
	}
	text := func(b []byte) string {
		g, err := GUIDFromBytes(b)
		if err != nil {
			return ""
		}
		return g.String()
	}
	return fmt.Sprintf("(%s;%s;%#x;%s;%s;%s)", kind, flags, a.mask, text(a.object), text(a.below), sid)
}

// everybody says whether a well-known group holds it: of those nobody is taken out,
// and what they may read others need.
func everybody(sid string) bool {
	_, rid, _ := splitSID(sid)
	return !strings.HasPrefix(sid, "S-1-5-21-") || rid == 513 || rid == 515 // Domain Users, Domain Computers
}

// narrow takes away what is too much, and gives what is needed again: on Windows
// every entry of the account goes, its reading too.
func (x *exam) narrow(ctx context.Context, s servant, found []source, ou string, writes bool) (mend []doctor.Line) {
	if len(found) == 0 {
		found = []source{{dn: ou, sid: s.sid}}
	}
	add := func(some []doctor.Line) {
		for _, l := range some {
			if !slices.Contains(mend, l) {
				mend = append(mend, l)
			}
		}
	}
	lost := false
	for _, f := range found {
		switch {
		case f.sid == s.sid:
			add(line(doctor.DSACLs, "dsacls %s /R %s", f.dn, s.account()))
			lost = true
		case everybody(f.sid):
			add(x.trim(ctx, f))
		default:
			add(x.leave(ctx, s, f.sid))
			lost = true
			continue
		}
		if f.sddl != "" {
			add(samba("dsacl delete --objectdn=%s --sddl=%s # Samba 4.18 and later", f.dn, f.sddl))
		}
	}
	if lost {
		add(s.readEverything(ou))
	}
	if writes {
		for _, g := range []grants{grantReset, grantUnlock, grantMustChange} {
			add(s.delegate(ou, g, "user", classUser))
		}
	}
	return mend
}

// leave takes the account out of the group that holds too much.
func (x *exam) leave(ctx context.Context, s servant, group string) []doctor.Line {
	name := x.named(ctx, group)
	return lines(power("Remove-ADGroupMember -Identity %s -Members %s -Confirm:$false", group, s.sam), samba("group removemembers %s %s", name, s.sam))
}

// trim says what to look for where everybody holds too much: dsacls would take all
// that the group has there, and with it what people and group policy read by.
func (x *exam) trim(ctx context.Context, f source) []doctor.Line {
	name := x.named(ctx, f.sid)
	if name == "" {
		name = f.sid
	}
	if unprintable(f.dn) || unprintable(name) {
		return nil
	}
	return []doctor.Line{doctor.Do("In the security tab of %s, under Advanced, take from each entry of %s what changes, creates or deletes (%s), and leave what reads.", f.dn, name, f.sddl)}
}

// named is what a group is called, in the directory's language where it says so.
func (x *exam) named(ctx context.Context, group string) string {
	if e, ok, err := x.reader().object(ctx, "<SID="+group+">", []string{"sAMAccountName"}); err == nil && ok && e.shown("sAMAccountName") != "" {
		return e.shown("sAMAccountName")
	}
	switch group {
	case sidEverybody:
		return "Everyone"
	case sidSignedIn:
		return "Authenticated Users"
	}
	return groupName(group)
}
