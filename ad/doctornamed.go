package ad

import (
	"context"

	"github.com/go-ldap/ldap/v3"
)

// absent says that the controller refused a name since nothing here can have it. Any
// other refusal says nothing about what is there.
func absent(err error) bool {
	r := refused(err)
	return r != nil && (r.ResultCode == ldap.LDAPResultInvalidDNSyntax || r.ResultCode == ldap.LDAPResultReferral)
}

// checkNamed looks up what the configuration names: groups of policies, and what
// is protected beside the built-in groups.
func (x *exam) checkNamed(ctx context.Context) {
	list := lines(power("Get-ADGroup -Filter * | Format-Table DistinguishedName, GroupCategory"), samba("group list --full-dn"))
	for _, dn := range unique(x.cfg.Groups) {
		x.check(ctx, "policy-group", dn, func(ctx context.Context, out *result) (string, error) {
			e, _, err := x.reader().group(ctx, dn)
			switch {
			case err == notFound || absent(err):
				out.found(kindGroupMissing, "there is no such group", list, config("group: DISTINGUISHED-NAME-FROM-THAT-LIST # in the policy"))
				return "", nil
			case err != nil:
				return "", err
			}
			if kind, _, err := e.number("groupType"); err != nil || kind&securityGroup == 0 {
				out.found(kindGroupMail, "its groupType is no security group's", power("Set-ADGroup -Identity %s -GroupCategory Security", dn),
					samba("group edit %s # groupType: -2147483646", firstName(dn)))
			}
			return "a security group", nil
		})
	}
	for _, dn := range unique(x.c.cfg.ProtectedGroups) {
		x.check(ctx, "protected-group", dn, func(ctx context.Context, out *result) (string, error) {
			_, _, err := x.reader().group(ctx, dn)
			if err == notFound || absent(err) {
				out.found(kindProtectedGroup, "there is no such group", list, config("protected_groups: [] # below directory, without it"))
				return "", nil
			}
			return "exists", err
		})
	}
	for _, dn := range unique(x.c.cfg.ProtectedOUs) {
		x.check(ctx, "protected-ou", dn, func(ctx context.Context, out *result) (string, error) {
			_, ok, err := x.reader().object(ctx, dn, []string{"objectClass"})
			if absent(err) || err == nil && !ok {
				out.found(kindProtectedOU, "there is no such object", power("Get-ADOrganizationalUnit -Filter * | Format-Table DistinguishedName"),
					samba("ou list --full-dn"))
				return "", nil
			}
			return "exists", err
		})
	}
}

func unique(names []string) (out []string) {
	for _, n := range names {
		dup := false
		for _, o := range out {
			dup = dup || equalFold(n, o)
		}
		if !dup {
			out = append(out, n)
		}
	}
	return out
}
