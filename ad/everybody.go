package ad

import (
	"context"

	"github.com/go-ldap/ldap/v3"
)

// Everybody hands the objectGUIDs of all enabled people below the base to fn, a
// page of at most 500 at a time. It keeps nothing. fn's error ends it and comes
// back as it is. When a controller fails midway the next one starts again, so that
// fn may see somebody twice. fn holds one of the pool's connections meanwhile: it
// should not read here.
func (c *Client) Everybody(ctx context.Context, fn func([]GUID) error) error {
	var stop error // of fn, which is no failure of a controller
	q := query{scope: ldap.ScopeWholeSubtree, filter: enabledPerson, limit: expiringPage, attrs: []string{"objectGUID"}}
	err := c.try(ctx, "read people", reading, func(ctx context.Context, on *conn) error {
		q.base = c.base(on)
		return on.pages(ctx, q, func(page []entry) (bool, error) {
			people := make([]GUID, len(page))
			for i, e := range page {
				g, err := GUIDFromBytes(e.raw("objectGUID"))
				if err != nil {
					return false, misread("objectGUID: %w", err)
				}
				people[i] = g
			}
			if len(people) > 0 {
				stop = fn(people)
			}
			return stop != nil, nil
		})
	})
	if stop != nil {
		return stop
	}
	return err
}

// Everybody goes through the domains, one after the other. The first that fails
// ends it: a list that lacks a domain must not look whole.
func (f *Forest) Everybody(ctx context.Context, fn func([]GUID) error) error {
	for i, c := range f.domains {
		var stop error
		err := c.Everybody(ctx, func(page []GUID) error {
			stop = fn(page)
			return stop
		})
		if stop != nil {
			return stop
		}
		if err != nil {
			return f.in(i, err)
		}
	}
	return nil
}
