package ad

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Bounds of looking over the border of a domain.
const (
	maxNested    = 500   // groups within one group
	maxLinks     = 20000 // members of one group
	outsideAgain = 10 * time.Second
	outsideWait  = 5 * time.Second
)

// stranger is a member of a group whose home is another domain.
type stranger struct{ dn, sid string }

// strangers lists the members of these groups, and of the groups within them,
// that lie in other domains. Only their own domain's controllers list them by
// search, and only this one's know that they are members.
func (c *Client) strangers(ctx context.Context, on *conn, groups []string) ([]stranger, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	all, err := c.nested(ctx, on, groups)
	if err != nil {
		return nil, err
	}
	home := dnsName(c.domain(on))
	var out []stranger
	for _, group := range all {
		members, err := on.members(ctx, group)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if s, far := abroad(m, home); far {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

// nested are the groups with those within them.
func (c *Client) nested(ctx context.Context, on *conn, groups []string) ([]string, error) {
	var chains []filter
	for _, dn := range groups {
		chains = append(chains, equal(memberOfInChain, dn))
	}
	all := slices.Clone(groups)
	q := query{base: c.domain(on), scope: ldap.ScopeWholeSubtree, limit: memberPage, attrs: []string{"1.1"},
		filter: and(equal("objectClass", "group"), or(chains...))}
	err := on.pages(ctx, q, func(page []entry) (bool, error) {
		for _, e := range page {
			if !slices.ContainsFunc(all, func(dn string) bool { return equalFold(dn, e.DN) }) {
				all = append(all, e.DN)
			}
		}
		if len(all) > maxNested {
			return true, misread("more than %d groups within a group", maxNested)
		}
		return false, nil
	})
	return all, err
}

// abroad reads a member's extended name. A member from beyond the forest stands
// in the domain as an object that is called by its SID.
func abroad(value, home string) (stranger, bool) {
	s := parseExtendedName(value)
	if !equalFold(dnsName(s.dn), home) {
		return s, true
	}
	parsed, err := ldap.ParseDN(s.dn)
	if err != nil || len(parsed.RDNs) == 0 {
		return s, true
	}
	if name := parsed.RDNs[0].Attributes[0].Value; isAccountSID(name) {
		return stranger{dn: s.dn, sid: name}, true
	}
	return s, false
}

func isAccountSID(name string) bool {
	domain, _, _ := splitSID(name) // "" is no domain's
	return isDomainSID(domain)
}

// parseExtendedName reads "<GUID=…>;<SID=…>;CN=…" (MS-ADTS 3.1.1.3.4.1.5).
func parseExtendedName(value string) (s stranger) {
	for strings.HasPrefix(value, "<") {
		part, rest, ok := strings.Cut(value, ">;")
		if !ok {
			break
		}
		if sid, is := strings.CutPrefix(part, "<SID="); is {
			if _, err := sidBytes(sid); err == nil {
				s.sid = sid
			}
		}
		value = rest
	}
	s.dn = value
	return s
}

// members reads all members of a group with their SIDs. A controller gives at
// most 1,500 values at a time (MS-ADTS 3.1.1.3.1.3.3). A group that is gone has no
// members that are known, which is not none.
func (c *conn) members(ctx context.Context, group string) (all []string, err error) {
	attr := "member"
	for attr != "" {
		e, ok, err := c.object(ctx, group, []string{attr}, extendedNames)
		if !ok {
			return nil, cmp.Or[error](err, notFound)
		}
		var values []string
		values, attr = e.ranged("member")
		all = append(all, values...)
		if len(all) > maxLinks {
			return nil, misread("more than %d members", maxLinks)
		}
	}
	return all, nil
}

// ranged returns values, and the name to ask for the next ones with; "" is the end.
func (e entry) ranged(name string) (values []string, next string) {
	for _, a := range e.Attributes {
		base, option, ranged := strings.Cut(a.Name, ";range=")
		if !equalFold(base, name) || len(a.Values) == 0 {
			continue
		}
		values = append(values, a.Values...)
		if _, last, _ := strings.Cut(option, "-"); ranged && last != "*" {
			if n, err := strconv.Atoi(last); err == nil && n >= 0 && n < maxLinks*2 {
				next = name + ";range=" + strconv.Itoa(n+1) + "-*"
			}
		}
	}
	return values, next
}

// outside is who, of other domains, is protected because of this one.
type outside struct {
	mu      sync.Mutex
	sids    map[string]bool // of accounts and groups; nil while never read
	next    time.Time
	running chan struct{} // closed when the reading that is under way ends
}

// outsiders are the SIDs that protect people of other domains: the protected
// groups that are configured here, and strangers in a protected group of this
// domain. A local group is in no token of another domain, so that only this one
// knows of its members. What was read once stays until it is read again, however
// long the domain is down; known is false while it never was. Who waits for the
// first reading must hold no connection: the reading needs one, of any domain.
func (c *Client) outsiders(ctx context.Context, patient bool) (sids map[string]bool, known bool) {
	o := &c.outside
	o.mu.Lock()
	if o.running == nil && !c.now().Before(o.next) {
		o.running = make(chan struct{})
		go c.readOutsiders(context.WithoutCancel(ctx))
	}
	running, sids := o.running, o.sids
	o.mu.Unlock()
	if sids != nil || running == nil || !patient {
		return sids, sids != nil
	}
	wait := time.NewTimer(outsideWait)
	defer wait.Stop()
	select {
	case <-running:
	case <-wait.C:
	case <-ctx.Done():
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sids, o.sids != nil
}

func (c *Client) readOutsiders(ctx context.Context) {
	var sids map[string]bool
	err := c.try(ctx, "read protected groups", reading, func(ctx context.Context, on *conn) (err error) {
		sids, err = c.outsidersOn(ctx, on)
		return err
	})
	o := &c.outside
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = c.now().Add(protectedFresh)
	if err == nil {
		o.sids = sids
	} else {
		o.next = c.now().Add(outsideAgain)
		c.log.Error("protected groups can't be read for the people of other domains", "domain", c.dnsDomain, "known", o.sids != nil, "error", err.Error())
	}
	close(o.running)
	o.running = nil
}

func (c *Client) outsidersOn(ctx context.Context, on *conn) (map[string]bool, error) {
	groups, err := c.protectedOf(ctx, on, c.domain(on))
	if err != nil {
		return nil, err
	}
	if !groups.complete {
		return nil, unprotectable
	}
	sids := map[string]bool{}
	for _, sid := range groups.sids {
		sids[sid] = true
	}
	found, err := c.strangers(ctx, on, groups.dns)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		if s.sid == "" {
			return nil, misread("a member of a protected group has no SID")
		}
		sids[s.sid] = true
	}
	return sids, nil
}

// protectedElsewhere says whether another domain protects the account; known is
// false when one could not be asked yet.
func (c *Client) protectedElsewhere(ctx context.Context, a Account, raw rawAccount) (held, known bool) {
	known = true
	for _, other := range c.others {
		sids, ok := other.outsiders(ctx, false)
		known = known && ok
		held = held || slices.ContainsFunc(heldSIDs(a, raw), func(sid string) bool { return sids[sid] })
	}
	return held, known
}

// knowsOutsiders is part of readiness: until this domain was asked once, the
// people of the others are protected.
func (c *Client) knowsOutsiders(ctx context.Context) error {
	for _, other := range c.others {
		if _, known := other.outsiders(ctx, true); !known {
			return &Error{Cause: ErrUnavailable, Op: "check directory", Outcome: OutcomeNotWritten,
				Err: errors.New("the protected groups of " + other.dnsDomain + " were not read yet, so everybody is protected")}
		}
	}
	return nil
}

// aware lets every domain say whom it protects in the others, before a
// connection is taken. It costs nothing once they have.
func (f *Forest) aware(ctx context.Context) {
	if f.only() != nil {
		return
	}
	for _, patient := range []bool{false, true} {
		for _, c := range f.domains {
			c.outsiders(ctx, patient)
		}
	}
}
