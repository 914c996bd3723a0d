package ad

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
)

// Members reads the people in a group as Client.Members does, in every mapped
// domain: the group's own domain lists its members, and each member that is a
// group is looked into where it lives. Members of a domain that is down are left
// out, as long as somebody is found.
func (f *Forest) Members(ctx context.Context, groupSID string, limit int) ([]Account, error) {
	if c := f.only(); c != nil {
		return c.Members(ctx, groupSID, limit)
	}
	const op = "read members"
	f.aware(ctx)
	home, err := f.domainOf(ctx, op, groupSID)
	if err != nil {
		return nil, err
	}
	w := &walk{f: f, seen: map[string]bool{}, found: map[GUID]*Client{}}
	w.group(ctx, home, "<SID="+groupSID+">")
	if len(w.found) == 0 && len(w.errs) > 0 {
		return nil, whole(op, w.errs)
	}
	people, err := f.readMembers(ctx, w.found, groupSID, limit)
	if err != nil {
		return nil, err
	}
	if len(people) == 0 && len(w.errs) > 0 {
		return nil, whole(op, w.errs)
	}
	return people, nil
}

// domainOf finds the domain that a SID belongs to. The built-in groups' SIDs
// belong to every domain, so to none.
func (f *Forest) domainOf(ctx context.Context, op, sid string) (*Client, error) {
	domain, _, ok := splitSID(sid)
	if !ok || !isDomainSID(domain) {
		return nil, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errSID}
	}
	var errs []error
	for i, a := range everywhereIn(f, func(c *Client) (string, error) { return c.domainSID(ctx) }) {
		if a.err == nil && a.v == domain {
			return f.domains[i], nil
		}
		if a.err != nil {
			errs = append(errs, f.in(i, a.err))
		}
	}
	if len(errs) > 0 {
		return nil, whole(op, errs)
	}
	return nil, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: elsewhere.Err}
}

// domainSID is the domain's own SID, which never changes.
func (c *Client) domainSID(ctx context.Context) (string, error) {
	c.names.mu.Lock()
	known := c.names.sid
	c.names.mu.Unlock()
	if known != "" {
		return known, nil
	}
	var sid string
	err := c.try(ctx, "read domain", reading, func(ctx context.Context, on *conn) error {
		head, ok, err := on.object(ctx, c.domain(on), []string{"objectSid"})
		if err != nil {
			return err
		}
		if sid, err = sidText(head.rawOf(ok, "objectSid")); err != nil {
			return misread("objectSid: %w", err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	c.names.mu.Lock()
	defer c.names.mu.Unlock()
	c.names.sid = sid
	return sid, nil
}

// walk goes through a group and the groups within it, over all domains.
type walk struct {
	f     *Forest
	seen  map[string]bool
	found map[GUID]*Client
	errs  []error
}

// group adds a group's people, and goes on to its members in other domains.
func (w *walk) group(ctx context.Context, c *Client, base string) {
	if key := strings.ToLower(base); w.seen[key] || len(w.seen) > maxNested || len(w.found) > maxMembers {
		return
	} else {
		w.seen[key] = true
	}
	var far []stranger
	err := c.try(ctx, "read members", reading, func(ctx context.Context, on *conn) error {
		group, _, err := on.group(ctx, base)
		if err != nil {
			return err
		}
		people, err := c.membersOf(ctx, on, group.DN)
		if err != nil {
			return err
		}
		for _, g := range people {
			w.found[g] = c
		}
		far, err = c.strangers(ctx, on, []string{group.DN})
		return err
	})
	if err != nil {
		w.errs = append(w.errs, w.f.in(slices.Index(w.f.domains, c), err))
		return
	}
	for _, s := range far {
		if other := w.f.holding(s.dn); other != nil && other != c {
			w.member(ctx, other, s.dn)
		}
	}
}

// member looks at what a member is, in its own domain.
func (w *walk) member(ctx context.Context, c *Client, dn string) {
	if key := strings.ToLower(dn); w.seen[key] {
		return
	}
	group, person := false, GUID{}
	err := c.try(ctx, "read member", reading, func(ctx context.Context, on *conn) error {
		e, ok, err := on.object(ctx, dn, []string{"objectClass", "objectGUID"})
		if err != nil || !ok {
			return err
		}
		if group = isClass(e, "group"); group {
			return nil
		}
		if person, err = GUIDFromBytes(e.raw("objectGUID")); err != nil {
			return misread("objectGUID: %w", err)
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		w.errs = append(w.errs, w.f.in(slices.Index(w.f.domains, c), err))
	case group:
		w.group(ctx, c, dn)
	case !person.IsZero():
		w.seen[strings.ToLower(dn)] = true
		w.found[person] = c
	}
}

// readMembers reads people in the order of their objectGUID. The token decides
// who is a member.
func (f *Forest) readMembers(ctx context.Context, found map[GUID]*Client, groupSID string, limit int) ([]Account, error) {
	order := make([]GUID, 0, len(found))
	for g := range found {
		order = append(order, g)
	}
	slices.SortFunc(order, func(a, b GUID) int { return bytes.Compare(a[:], b[:]) })
	var people []Account
	var errs []error
	for _, g := range order {
		if len(people) >= limit {
			break
		}
		a, err := found[g].Account(ctx, g)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			errs = append(errs, err)
		case !a.Disabled && a.Protected != ProtectedNotPerson && slices.Contains(a.Groups, groupSID):
			f.homes.set(g, found[g])
			people = append(people, a)
		}
	}
	if len(people) == 0 && len(errs) > 0 {
		return nil, whole("read members", errs)
	}
	return people, nil
}
