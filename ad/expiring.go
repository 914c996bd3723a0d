package ad

import (
	"context"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// expiringPage is how many people are read at a time; a controller gives at
// most 1,000 (MaxPageSize).
const expiringPage = 500

// mayExpire matches people whose password ends some day: enabled, and not set
// to never expire, to a smart card, or to change at the next logon.
var mayExpire = and(enabledPerson, not(allBits(attrUAC, uacNeverExpires)), not(allBits(attrUAC, uacSmartcard)), not(equal("pwdLastSet", "0")))

// Expiring hands everybody below the base to fn, a page of at most 500 at a
// time, whose password expires after now and no later than within after it. It
// keeps nothing. fn's error ends it and comes back as it is. When a controller
// fails midway the next one starts again, so that fn may see somebody twice. fn
// holds one of the pool's connections meanwhile: it should not read here.
func (c *Client) Expiring(ctx context.Context, now time.Time, within time.Duration, fn func([]Expiring) error) error {
	var stop error // of fn, which is no failure of a controller
	q := query{scope: ldap.ScopeWholeSubtree, filter: mayExpire, limit: expiringPage, attrs: []string{"objectGUID", attrExpiry}}
	err := c.try(ctx, "read expiry", reading, func(ctx context.Context, on *conn) error {
		q.base = c.base(on)
		return on.pages(ctx, q, func(page []entry) (bool, error) {
			soon, err := expiringOf(page, now, now.Add(within))
			if err == nil && len(soon) > 0 {
				stop = fn(soon)
			}
			return stop != nil, err
		})
	})
	if stop != nil {
		return stop
	}
	return err
}

// expiringOf picks who expires in (after, until]. Every account has the
// attribute: a page without it says that it may not be read.
func expiringOf(page []entry, after, until time.Time) (soon []Expiring, err error) {
	readable := len(page) == 0
	for _, e := range page {
		g, err := GUIDFromBytes(e.raw("objectGUID"))
		if err != nil {
			return nil, misread("objectGUID: %w", err)
		}
		v, ok, err := e.number(attrExpiry)
		if err != nil {
			return nil, err
		}
		readable = readable || ok
		if at := fileTime(v); at.After(after) && !at.After(until) {
			soon = append(soon, Expiring{GUID: g, Expires: at})
		}
	}
	if !readable {
		return nil, &Error{Cause: ErrRights, Op: "read expiry", Outcome: OutcomeNotWritten, Diagnostic: "no " + attrExpiry}
	}
	return soon, nil
}
