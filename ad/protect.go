package ad

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Relative identifiers of accounts that are no people (MS-DTYP 2.4.2.4).
const (
	ridAdministrator = 500
	ridKrbtgt        = 502
	firstRID         = 1000 // those below are built in
)

// protectedAliases are the groups below CN=Builtin that AdminSDHolder protects:
// https://learn.microsoft.com/windows-server/identity/ad-ds/plan/security-best-practices/appendix-c--protected-accounts-and-groups-in-active-directory
var protectedAliases = map[string]string{
	"S-1-5-32-544": "Administrators",
	"S-1-5-32-548": "Account Operators",
	"S-1-5-32-549": "Server Operators",
	"S-1-5-32-550": "Print Operators",
	"S-1-5-32-551": "Backup Operators",
	"S-1-5-32-552": "Replicator",
}

// protectedRIDs are the groups of any domain that AdminSDHolder protects (the
// same page), and after them three that are as powerful. Identifiers below
// 1000 mean the same in every domain, so that a member of the forest root's
// Enterprise Admins is known as such in a child domain.
var protectedRIDs = map[uint32]string{
	512: "Domain Admins",
	516: "Domain Controllers",
	518: "Schema Admins",
	519: "Enterprise Admins",
	521: "Read-only Domain Controllers",
	526: "Key Admins",
	527: "Enterprise Key Admins",

	498: "Enterprise Read-only Domain Controllers",
	517: "Cert Publishers", // protected up to Windows Server 2003
	520: "Group Policy Creator Owners",
}

// isProtectedSID says whether the SID is one of a built-in protected group.
func isProtectedSID(sid string) bool {
	if _, ok := protectedAliases[sid]; ok {
		return true
	}
	domain, rid, _ := splitSID(sid) // "" is no domain's
	_, named := protectedRIDs[rid]
	return named && isDomainSID(domain)
}

// isDomainSID: S-1-5-21 and three numbers.
func isDomainSID(sid string) bool {
	b, _ := sidBytes(sid) // of what is no SID there are none
	return len(b) == 8+4*4 && strings.HasPrefix(sid, "S-1-5-21-")
}

// protection is why Latchkey never acts for the account, the strongest reason
// first (docs/security.md, rule 5). It looks at what the account is, at the
// token's groups, at the primary group and at nested membership through
// distribution lists, which no token shows. What can't be read protects.
func (c *Client) protection(ctx context.Context, on *conn, a Account, raw rawAccount) (Protection, error) {
	if p := whatItIs(a, raw); p != NotProtected {
		return p, nil
	}
	own, err := c.ownSIDs(ctx, on)
	if err != nil {
		return "", err
	}
	if slices.Contains(own.sids, a.SID) {
		return ProtectedService, nil
	}
	groups, err := c.protectedOf(ctx, on, domainHead(a.DN))
	if err != nil {
		return "", err
	}
	held, err := c.holdsProtected(ctx, on, a, raw, groups)
	if err != nil {
		return "", err
	}
	beyond, beyondKnown := c.protectedElsewhere(ctx, a, raw)
	switch {
	case held || beyond:
		return ProtectedGroup, nil
	case raw.adminCount != 0 || isRID(a.SID, ridAdministrator):
		return ProtectedAdmin, nil
	case c.inProtectedOU(raw.place):
		return ProtectedOU, nil
	case !groupsKnown(a, raw) || !groups.complete || !own.complete || !beyondKnown:
		return ProtectedUnknown, nil
	}
	return NotProtected, nil
}

// groupsKnown: everybody has at least a primary group, so that no group means
// that the service account may not read them.
func groupsKnown(a Account, raw rawAccount) bool {
	return len(a.Groups) > 0 && !raw.groupsBroken && raw.primaryGroup >= 0
}

// whatItIs recognises the accounts that are nobody's.
func whatItIs(a Account, raw rawAccount) Protection {
	_, rid, ok := splitSID(a.SID)
	switch {
	case rid == ridKrbtgt || raw.krbtgtNo >= 0:
		return ProtectedKrbtgt
	case !isClass(raw.class, "user") || isClass(raw.class, "computer") || raw.uac&uacTrustAccount != 0:
		return ProtectedNotPerson
	case raw.kind >= 0 && raw.kind != 0x30000000:
		return ProtectedNotPerson
	case ok && rid < firstRID && rid != ridAdministrator:
		return ProtectedNotPerson
	case !ok || raw.kind < 0:
		return ProtectedUnknown
	}
	return NotProtected
}

// isRID takes an identifier that is not 0, which stands for none.
func isRID(sid string, rid uint32) bool {
	_, n, _ := splitSID(sid)
	return n == rid
}

// holdsProtected looks for a protected group from every side.
func (c *Client) holdsProtected(ctx context.Context, on *conn, a Account, raw rawAccount, groups protectedSet) (bool, error) {
	for _, sid := range heldSIDs(a, raw) {
		if isProtectedSID(sid) || slices.Contains(groups.sids, sid) {
			return true, nil
		}
	}
	return c.inChain(ctx, on, a, raw, groups)
}

// heldSIDs are the account's own, its token's and its primary group's.
func heldSIDs(a Account, raw rawAccount) []string {
	held := append(slices.Clone(a.Groups), a.SID)
	if domain, _, ok := splitSID(a.SID); ok && raw.primaryGroup >= 0 {
		held = append(held, inDomain(domain, uint32(raw.primaryGroup)))
	}
	return held
}

// inChain asks whether the account or its primary group is a member of a
// protected group over any number of steps, distribution lists included.
func (c *Client) inChain(ctx context.Context, on *conn, a Account, raw rawAccount, groups protectedSet) (bool, error) {
	if len(groups.dns) == 0 {
		return false, nil // the set is not complete, and that protects
	}
	var who, chains []filter
	domain, rid, _ := splitSID(a.SID)
	for _, rid := range []uint32{rid, uint32(max(raw.primaryGroup, 0))} {
		if b, err := sidBytes(inDomain(domain, rid)); err == nil {
			who = append(who, equal("objectSid", string(b)))
		}
	}
	for _, dn := range groups.dns {
		chains = append(chains, equal(memberOfInChain, dn))
	}
	found, _, err := on.search(ctx, query{base: domainHead(a.DN), scope: ldap.ScopeWholeSubtree,
		filter: and(or(who...), or(chains...)), attrs: []string{"1.1"}})
	return len(found) > 0, err
}

// inProtectedOU says whether the account lies below a configured unit. A name that
// can't be read gets no further than Open, or than the reading of the account.
func (c *Client) inProtectedOU(place Name) bool {
	return slices.ContainsFunc(c.protectedOUs, place.Under)
}
