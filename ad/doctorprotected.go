package ad

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// reaching are the attributes by whose writing somebody takes an account over,
// or joins a group.
var reaching = []string{"lockoutTime", "pwdLastSet", "unicodePwd", "userAccountControl", "servicePrincipalName",
	"msDS-KeyCredentialLink", "msDS-AllowedToActOnBehalfOfOtherIdentity", "altSecurityIdentities", "member"}

// reaches lists what would let the account take the object over.
func (m may) reaches() (how []string) {
	if m.reset == granted {
		how = append(how, "reset its password")
	}
	if m.permissions {
		how = append(how, "change its permissions")
	}
	for _, name := range reaching {
		if m.attributes[strings.ToLower(name)] {
			how = append(how, "write "+name)
		}
	}
	return how
}

// guardedPeople matches people whom a group protects: by nested membership, by
// the primary group, or by adminCount, which AdminSDHolder leaves behind.
func guardedPeople(groups protectedSet) filter {
	parts := []filter{equal("adminCount", "1")}
	for rid := range protectedRIDs {
		parts = append(parts, equal("primaryGroupID", fmt.Sprint(rid)))
	}
	for _, dn := range groups.dns {
		parts = append(parts, equal(memberOfInChain, dn))
	}
	return and(equal("sAMAccountType", normalUser), or(parts...))
}

// judgeGuarded counts the protected people below a unit.
func (x *exam) judgeGuarded(ctx context.Context, ou string, out *result) (map[string]bool, error) {
	groups, err := x.c.protectedOf(ctx, x.reader(), x.head)
	if err != nil {
		return nil, err
	}
	found, more, err := x.reader().search(ctx, query{base: ou, scope: ldap.ScopeWholeSubtree, filter: guardedPeople(groups),
		attrs: []string{"objectSid"}, limit: 900})
	if err != nil {
		return nil, err
	}
	guarded := map[string]bool{}
	var names []string
	for _, e := range found {
		guarded[strings.ToLower(e.DN)] = true
		if !x.isOwn(e.DN) {
			names = append(names, e.DN)
		}
	}
	if len(names) == 0 || sameDN(ou, x.head) { // the head holds every administrator there is
		return guarded, nil
	}
	count := fmt.Sprint(len(names))
	if more {
		count += " or more"
	}
	place := "CN=Users," + x.head
	out.found(kindOUProtected, count+" protected people: "+some(names),
		power("Move-ADObject -Identity %s -TargetPath %s", names[0], place), samba("user move %s %s", firstName(names[0]), place))
	return guarded, nil
}

// firstName is the value of a DN's first part.
func firstName(dn string) string { return accountName(dn) }

// checkProtected looks for protected accounts and groups that a service account
// could write.
func (x *exam) checkProtected(ctx context.Context) {
	for _, as := range x.services() {
		on, s := x.on.conns[as], x.own[as]
		if on == nil || s.token == nil {
			continue
		}
		x.check(ctx, "protected", fmt.Sprintf("%s account %s", as, s.bind), func(ctx context.Context, out *result) (string, error) {
			return x.judgeProtected(ctx, on, s, out)
		})
	}
}

func (x *exam) judgeProtected(ctx context.Context, on *conn, s servant, out *result) (string, error) {
	groups, err := x.c.protectedOf(ctx, x.reader(), x.head)
	if err != nil {
		return "", err
	}
	people, _, err := on.search(ctx, query{base: x.head, scope: ldap.ScopeWholeSubtree, filter: guardedPeople(groups), attrs: rightsAttrs,
		limit: uint32(x.cfg.Sample), controls: []ldap.Control{daclOnly}})
	if err != nil {
		return "", err
	}
	var open []string
	for _, e := range people {
		if sid, _ := sidText(e.raw("objectSid")); isRID(sid, ridKrbtgt) || x.isOwn(e.DN) {
			continue
		}
		if how := mayOf(e, s.token).reaches(); len(how) > 0 {
			open = append(open, e.DN)
		}
	}
	if len(open) > 0 {
		out.found(kindAdminWritable, fmt.Sprintf("%d of %d protected people looked at: %s", len(open), len(people), some(open)), s.bar(open[0]))
	}
	looked := len(people)
	for _, one := range x.strongholds(groups) {
		n, err := x.judgeStronghold(ctx, on, s, one, out)
		if err != nil {
			return "", err
		}
		looked += n
	}
	return fmt.Sprintf("%d protected people, groups and holders looked at, none can be written", looked), nil
}

// stronghold is an object by which the whole domain falls.
type stronghold struct {
	kind doctor.Kind
	base string
}

func (x *exam) strongholds(groups protectedSet) []stronghold {
	list := []stronghold{{kindHolderWritable, "CN=AdminSDHolder,CN=System," + x.head}}
	for _, s := range x.own {
		if domain, _, ok := splitSID(s.sid); ok && isDomainSID(domain) {
			list = append(list, stronghold{kindKrbtgtWritable, "<SID=" + inDomain(domain, ridKrbtgt) + ">"})
			break
		}
	}
	dns := slices.Clone(groups.dns)
	slices.Sort(dns)
	for _, dn := range slices.Compact(dns) {
		list = append(list, stronghold{kindGroupWritable, dn})
	}
	return list
}

// judgeStronghold: what can't be read can't be written either, so it is passed
// over.
func (x *exam) judgeStronghold(ctx context.Context, on *conn, s servant, one stronghold, out *result) (looked int, err error) {
	e, ok, err := on.object(ctx, one.base, rightsAttrs, daclOnly)
	if err != nil && refused(err) == nil {
		return 0, err
	}
	if err != nil || !ok {
		return 0, nil
	}
	if how := mayOf(e, s.token).reaches(); len(how) > 0 {
		out.found(one.kind, "it may "+strings.Join(how, ", ")+": "+e.DN, s.bar(e.DN))
	}
	return 1, nil
}
