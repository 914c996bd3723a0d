package ad

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// protectedFresh is how long the names of protected groups are believed: a
// group that was renamed is found under its new name within it.
const protectedFresh = time.Minute

// protectedGroups caches, by domain, where the protected groups are.
type protectedGroups struct {
	mu  sync.Mutex
	by  map[string]protectedSet
	own [2]*ownAccount // by service
}

// protectedSet is the protected groups of one domain.
type protectedSet struct {
	sids []string // of the configured ones
	dns  []string // of all that were found
	// complete is false when a configured group, or one that every domain has,
	// could not be found: then nobody is known to be unprotected.
	complete bool
	at       time.Time
}

// protectedOf finds the protected groups of a domain.
func (c *Client) protectedOf(ctx context.Context, on *conn, domain string) (protectedSet, error) {
	c.protected.mu.Lock()
	set, ok := c.protected.by[domain]
	c.protected.mu.Unlock()
	if ok && c.now().Sub(set.at) < protectedFresh {
		return set, nil
	}
	set, err := c.findProtected(ctx, on, domain)
	if err != nil {
		return set, err
	}
	c.protected.mu.Lock()
	defer c.protected.mu.Unlock()
	if c.protected.by == nil || len(c.protected.by) > 100 {
		c.protected.by = map[string]protectedSet{}
	}
	c.protected.by[domain] = set
	return set, nil
}

func (c *Client) findProtected(ctx context.Context, on *conn, domain string) (protectedSet, error) {
	set := protectedSet{at: c.now(), complete: true}
	for _, dn := range c.cfg.ProtectedGroups {
		_, sid, err := on.group(ctx, dn)
		if err == notFound || refused(err) != nil && !lost(err) {
			c.log.Error("protected group can't be resolved: everybody is protected", "group", dn)
			set.complete = false
			continue
		}
		if err != nil {
			return set, err
		}
		set.sids, set.dns = append(set.sids, sid), append(set.dns, dn)
	}
	head, ok, err := on.object(ctx, domain, []string{"objectSid"})
	if err != nil {
		return set, err
	}
	own, err := sidText(head.rawOf(ok, "objectSid"))
	if err != nil {
		set.complete = false
		return set, nil
	}
	return set, c.findBuiltin(ctx, on, domain, own, &set)
}

// findBuiltin adds the DNs of the built-in groups. Administrators and Domain
// Admins exist in every domain.
func (c *Client) findBuiltin(ctx context.Context, on *conn, domain, own string, set *protectedSet) error {
	var parts []filter
	for _, sid := range builtinSIDs(own) {
		b, err := sidBytes(sid)
		if err != nil {
			return misread("objectSid of the domain: %w", err)
		}
		parts = append(parts, equal("objectSid", string(b)))
	}
	found, more, err := on.search(ctx, query{base: domain, scope: ldap.ScopeWholeSubtree, filter: or(parts...),
		attrs: []string{"objectSid"}, limit: 100})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range found {
		if sid, err := sidText(e.raw("objectSid")); err == nil {
			seen[sid] = true
			set.dns = append(set.dns, e.DN)
		}
	}
	if more || !seen["S-1-5-32-544"] || !seen[inDomain(own, 512)] {
		set.complete = false
	}
	return nil
}

func builtinSIDs(domain string) []string {
	var sids []string
	for sid := range protectedAliases {
		sids = append(sids, sid)
	}
	for rid := range protectedRIDs {
		sids = append(sids, inDomain(domain, rid))
	}
	slices.Sort(sids)
	return sids
}

func (e entry) rawOf(ok bool, name string) []byte {
	if !ok {
		return nil
	}
	return e.raw(name)
}
