package ad

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// ownAccount is what is known of one service account: its SID, or all SIDs of
// its token, none of which another account has.
type ownAccount struct{ sids []string }

// ownSet is the SIDs of both service accounts.
type ownSet struct {
	sids     []string
	complete bool
}

// ownSIDs finds out who the service accounts are, so that Latchkey never acts
// for itself. It looks both up by the name they bind with, and asks the
// controller for the token of the one that is bound.
func (c *Client) ownSIDs(ctx context.Context, on *conn) (ownSet, error) {
	set := ownSet{complete: true}
	for _, which := range []service{reading, c.as(writing)} {
		own, err := c.ownOf(ctx, on, which)
		if err != nil {
			return set, err
		}
		if own == nil {
			set.complete = false
			c.log.Error("service account can't be identified: everybody is protected", "account", which.String())
			continue
		}
		set.sids = append(set.sids, own.sids...)
	}
	return set, nil
}

// ownOf is nil where neither way leads anywhere.
func (c *Client) ownOf(ctx context.Context, on *conn, which service) (*ownAccount, error) {
	c.protected.mu.Lock()
	known := c.protected.own[which]
	c.protected.mu.Unlock()
	if known != nil {
		return known, nil
	}
	sids, err := c.sidOfBind(ctx, on, c.gates[which].account.Bind)
	if err != nil {
		return nil, err
	}
	if on.as == which {
		token, err := on.tokensOf(ctx)
		if err != nil {
			return nil, err
		}
		sids = append(sids, accountSIDs(token)...)
	}
	if len(sids) == 0 {
		return nil, nil
	}
	own := &ownAccount{sids}
	c.protected.mu.Lock()
	defer c.protected.mu.Unlock()
	c.protected.own[which] = own
	return own, nil
}

// sidOfBind looks a bind name up: a DN, or a name as a person would give it.
func (c *Client) sidOfBind(ctx context.Context, on *conn, bind string) ([]string, error) {
	var e entry
	if _, err := ldap.ParseDN(bind); err == nil {
		var ok bool
		if e, ok, err = on.object(ctx, bind, []string{"objectSid"}); err != nil && refused(err) == nil {
			return nil, err
		} else if !ok {
			return nil, nil
		}
	} else if e, err = c.lookUp(ctx, on, c.domain(on), bind, equal("objectClass", "user")); err == notFound || err == ambiguous {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	sid, err := sidText(e.raw("objectSid"))
	if err != nil {
		return nil, nil
	}
	return []string{sid}, nil
}

// accountSIDs leaves the SIDs of domains: well-known ones such as Everyone say
// nothing. Groups may stay, as no account has a group's SID.
func accountSIDs(token []string) []string {
	return slices.DeleteFunc(token, func(sid string) bool { return !isAccountSID(sid) })
}
