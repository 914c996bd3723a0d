package ad

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// Attributes that tell, for whoever is bound, what may be done to an object: the
// controller computes the first two itself (MS-ADTS 3.1.1.4.5.19, .20).
const (
	attrAllowed   = "allowedAttributesEffective"
	attrSDAllowed = "sDRightsEffective"
	attrSD        = "nTSecurityDescriptor"
	sdWritable    = 0x1 | 0x4 // owner and discretionary list, of sDRightsEffective
)

var rightsAttrs = []string{"objectClass", "objectSid", attrAllowed, attrSDAllowed, attrSD}

// may is what an account may do to one object.
type may struct {
	reset       access
	attributes  map[string]bool // lower case
	written     []string        // the same, as the directory writes them
	permissions bool            // change them, or the owner
	removal     bool            // delete the object
	closed      bool            // nothing is inherited
	unread      bool            // the permissions could not be read
}

func mayOf(e entry, who token) may {
	m := may{attributes: map[string]bool{}}
	for _, name := range e.texts(attrAllowed) {
		m.attributes[strings.ToLower(name)] = true
		m.written = append(m.written, name)
	}
	bits, ok, err := e.number(attrSDAllowed)
	m.permissions = ok && err == nil && bits&sdWritable != 0
	list, err := readDACL(e.raw(attrSD))
	m.reset, m.closed, m.unread = list.decides(who, resetting), list.closed, err != nil
	m.removal = list.decides(who, deleting) == granted || list.decides(who, felling) == granted
	if m.unread {
		m.reset, m.removal = notNamed, false
	}
	return m
}

// tally collects who lacks what below one unit.
type tally struct {
	people                                       int
	reset, denied, unlock, must, closed, inetOrg []string
	unread                                       []string
}

func (t *tally) add(e entry, m may) {
	t.people++
	unlock, must := m.attributes["lockouttime"], m.attributes["pwdlastset"]
	whole := m.reset == granted && unlock && must
	switch {
	case whole:
		return
	case m.unread:
		t.unread = append(t.unread, e.DN)
	case m.closed && m.reset != denied:
		t.closed = append(t.closed, e.DN)
		return
	case isClass(e, "inetOrgPerson"):
		t.inetOrg = append(t.inetOrg, e.DN)
		return
	case m.reset == denied:
		t.denied = append(t.denied, e.DN)
	case m.reset != granted:
		t.reset = append(t.reset, e.DN)
	}
	if !unlock {
		t.unlock = append(t.unlock, e.DN)
	}
	if !must {
		t.must = append(t.must, e.DN)
	}
}

// checkUnit looks at the rights on the people below one unit.
func (x *exam) checkUnit(ctx context.Context, ou string) {
	exists := false
	x.check(ctx, "unit", ou, func(ctx context.Context, out *result) (string, error) {
		_, ok, err := x.reader().object(ctx, ou, []string{"objectClass"})
		if err != nil && !absent(err) {
			return "", err
		}
		list := lines(power("Get-ADOrganizationalUnit -Filter * | Format-Table DistinguishedName"), samba("ou list --full-dn"))
		inside, broken := Under(ou, x.base)
		switch {
		case err != nil || !ok:
			out.found(kindOUMissing, "there is no such object", list)
		case broken != nil || !inside && !sameDN(ou, x.base):
			out.found(kindOUOutside, "base_dn is "+x.base, config("base_dn: %s # below directory", x.head), list)
		default:
			exists = true
		}
		return "exists", nil
	})
	if !exists {
		return
	}
	var guarded map[string]bool
	x.check(ctx, "unit-protected", ou, func(ctx context.Context, out *result) (seen string, err error) {
		guarded, err = x.judgeGuarded(ctx, ou, out)
		return "no protected person", err
	})
	if x.on.conns[writing] != nil && x.own[writing].token != nil {
		x.check(ctx, "rights", ou, func(ctx context.Context, out *result) (string, error) {
			return x.judgeRights(ctx, ou, guarded, out)
		})
	}
	for _, as := range x.services() {
		on := x.on.conns[as]
		if on == nil || x.own[as].token == nil {
			continue
		}
		subject := fmt.Sprintf("%s account below %s", as, ou)
		x.check(ctx, "reads", subject, func(ctx context.Context, out *result) (string, error) {
			return x.judgeReads(ctx, on, x.own[as], ou, guarded, out)
		})
		if len(x.own[as].powerful) == 0 { // an administrator may everything
			x.check(ctx, "unit-control", subject, func(ctx context.Context, out *result) (string, error) {
				return x.judgeControl(ctx, on, as, ou, guarded, out)
			})
		}
		if as == reading && len(x.services()) == 2 {
			x.check(ctx, "reader", subject, func(ctx context.Context, out *result) (string, error) {
				return x.judgeReader(ctx, on, ou, guarded, out)
			})
		}
	}
}

// sample reads people below a unit as the account of the connection: enabled
// ones, whom nothing protects.
func (x *exam) sample(ctx context.Context, on *conn, ou string, guarded map[string]bool, limit int, attrs []string) ([]entry, error) {
	found, _, err := on.search(ctx, query{base: ou, scope: ldap.ScopeWholeSubtree, filter: enabledPerson, attrs: attrs,
		limit: uint32(limit + len(x.own) + min(len(guarded), 900)), controls: []ldap.Control{daclOnly}})
	if err != nil {
		return nil, err
	}
	var people []entry
	for _, e := range found {
		if !guarded[strings.ToLower(e.DN)] && !x.isOwn(e.DN) && len(people) < limit {
			people = append(people, e)
		}
	}
	return people, nil
}

func (x *exam) isOwn(dn string) bool {
	return sameDN(dn, x.own[reading].dn) || sameDN(dn, x.own[writing].dn)
}

// judgeRights finds what the write account lacks.
func (x *exam) judgeRights(ctx context.Context, ou string, guarded map[string]bool, out *result) (string, error) {
	s := x.own[writing]
	people, err := x.sample(ctx, x.on.conns[writing], ou, guarded, x.cfg.Sample, rightsAttrs)
	if err != nil {
		return "", err
	}
	var t tally
	for _, e := range people {
		t.add(e, mayOf(e, s.token))
	}
	if t.people == 0 {
		out.found(kindOUEmpty, "no enabled, unprotected person was found", power("Get-ADUser -SearchBase %s -Filter *", ou), samba("ou listobjects %s", ou))
		return "", nil
	}
	of := func(names []string) string {
		return fmt.Sprintf("%d of %d people looked at: %s", len(names), t.people, some(names))
	}
	for _, one := range []struct {
		kind doctor.Kind
		who  []string
		mend func() []doctor.Line
	}{
		{kindNoReset, t.reset, func() []doctor.Line { return s.delegate(ou, grantReset, "user", classUser) }},
		{kindNoUnlock, t.unlock, func() []doctor.Line { return s.delegate(ou, grantUnlock, "user", classUser) }},
		{kindNoMustChange, t.must, func() []doctor.Line { return s.delegate(ou, grantMustChange, "user", classUser) }},
		{kindResetDenied, t.denied, func() []doctor.Line {
			return s.undeny(t.denied[0], fmt.Sprintf("(OD;;CR;%s;;%s)", rightResetPassword, s.sid))
		}},
		{kindBlocked, t.closed, func() []doctor.Line { return s.inherit(t.closed[0]) }},
		{kindInetOrg, t.inetOrg, func() []doctor.Line {
			return lines(s.delegate(ou, grantReset, "inetOrgPerson", classInetOrgPerson), s.delegate(ou, grantUnlock, "inetOrgPerson", classInetOrgPerson),
				s.delegate(ou, grantMustChange, "inetOrgPerson", classInetOrgPerson))
		}},
		{kindNoDescriptor, t.unread, func() []doctor.Line { return s.readEverything(ou) }},
	} {
		if len(one.who) > 0 {
			out.found(one.kind, of(one.who), one.mend())
		}
	}
	return fmt.Sprintf("reset, unlock and must-change held on %d people looked at", t.people), nil
}

// judgeReader: an account that only reads needs no right to write.
func (x *exam) judgeReader(ctx context.Context, on *conn, ou string, guarded map[string]bool, out *result) (string, error) {
	s := x.own[reading]
	people, err := x.sample(ctx, on, ou, guarded, x.cfg.Sample, rightsAttrs)
	if err != nil {
		return "", err
	}
	for _, e := range people {
		if m := mayOf(e, s.token); m.reset == granted || m.attributes["lockouttime"] || m.attributes["pwdlastset"] {
			out.found(kindReaderWrites, "it may reset or unlock "+e.DN,
				line(doctor.DSACLs, "dsacls %s /R %s", ou, s.account()),
				samba("dsacl set --objectdn=%s --sddl=%s", ou, fmt.Sprintf("(OD;CIIO;CR;%[1]s;%[2]s;%[3]s)(OD;CIIO;WP;%[4]s;%[2]s;%[3]s)(OD;CIIO;WP;%[5]s;%[2]s;%[3]s)",
					rightResetPassword, classUser, s.sid, strings.TrimPrefix(grantUnlock.sddl, "RPWP;"), strings.TrimPrefix(grantMustChange.sddl, "RPWP;"))),
				s.readEverything(ou))
			break
		}
	}
	return "holds no right to write", nil
}

// judgeReads tries on one person what every read needs.
func (x *exam) judgeReads(ctx context.Context, on *conn, s servant, ou string, guarded map[string]bool, out *result) (string, error) {
	people, err := x.sample(ctx, on, ou, guarded, 1, []string{"objectClass"})
	if err != nil || len(people) == 0 {
		return "nobody to try it on", err
	}
	e, ok, err := on.object(ctx, people[0].DN, accountAttrs, daclOnly)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("%s is found and can't be read", people[0].DN)
	}
	lacks := func(k doctor.Kind, attrs ...string) {
		for _, name := range attrs {
			if !e.has(name) {
				out.found(k, fmt.Sprintf("%s of %s can't be read", name, e.DN), s.readEverything(ou))
				return
			}
		}
	}
	if groups, err := e.sids("tokenGroups"); err != nil || len(groups) == 0 {
		out.found(kindNoTokenGroups, fmt.Sprintf("tokenGroups of %s can't be read", e.DN),
			power("Add-ADGroupMember -Identity S-1-5-32-560 -Members %s", s.sam), // Windows Authorization Access Group
			samba("group addmembers 'Windows Authorization Access Group' %s", s.sam), s.readEverything(ou))
	}
	lacks(kindNoComputed, attrUAC, attrUACComputed)
	lacks(kindNoExpiry, attrExpiry)
	lacks(kindNoKeyVersion, attrKeyVersion)
	if _, err := readDACL(e.raw(attrSD)); err != nil {
		out.found(kindNoDescriptor, fmt.Sprintf("%s of %s can't be read", attrSD, e.DN), s.readEverything(ou))
	}
	return "tokenGroups, state, expiry, key version and permissions of " + e.DN, nil
}

// readEverything gives reading of all properties of users below a unit.
func (s servant) readEverything(ou string) []doctor.Line {
	return lines(
		line(doctor.DSACLs, "dsacls %s /I:S /G %s", ou, s.account()+":GR;;user"),
		samba("dsacl set --objectdn=%s --sddl=%s", ou, fmt.Sprintf("(OA;CIIO;RPLCLORC;;%s;%s)", classUser, s.sid)))
}

// inherit lets an account inherit again; on Samba it gets the rights itself.
func (s servant) inherit(dn string) []doctor.Line {
	return lines(
		line(doctor.DSACLs, "dsacls %s /P:N", dn),
		samba("dsacl set --objectdn=%s --sddl=%s", dn, fmt.Sprintf("(OA;;%s;;%s)(OA;;%s;;%s)(OA;;%s;;%s)",
			grantReset.sddl, s.sid, grantUnlock.sddl, s.sid, grantMustChange.sddl, s.sid)))
}
