package ad

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// Bounds of looking people up by others' data.
const (
	maxDN      = 8192 // bytes of a DN that is asked for
	maxMembers = 1000 // people of one group that are considered
	memberPage = 250
	maxPhoto   = 1 << 20
)

var errElsewhere = errors.New("outside of the domain")

// AccountByDN reads the account at a DN that the directory names, such as a
// manager's. It is ErrNotFound when nobody is there: not any more, not below
// the base, or in another domain, which is ErrReferral too and never followed.
// The DN is data and no query: <GUID=…> and its like name nobody.
func (c *Client) AccountByDN(ctx context.Context, dn string) (Account, error) {
	const op = "read account by name"
	if !isPlainDN(dn) {
		return Account{}, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errors.New("not a distinguished name")}
	}
	var a Account
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) error {
		account, err := c.atDN(ctx, on, dn)
		if err != nil {
			return err
		}
		a, err = c.readAccount(ctx, on, account)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

func isPlainDN(dn string) bool {
	if dn == "" || len(dn) > maxDN || !utf8.ValidString(dn) || strings.HasPrefix(strings.TrimSpace(dn), "<") {
		return false
	}
	parsed, err := ldap.ParseDN(dn)
	return err == nil && len(parsed.RDNs) > 0
}

// atDN finds out who is at the DN. What the controller takes for no name, or
// refers elsewhere, is nobody of this domain.
func (c *Client) atDN(ctx context.Context, on *conn, dn string) (GUID, error) {
	if inside, err := Under(dn, c.domain(on)); err != nil || !inside {
		return GUID{}, elsewhere
	}
	e, ok, err := on.object(ctx, dn, []string{"objectGUID"})
	if r := refused(err); r != nil && r.ResultCode == ldap.LDAPResultReferral {
		return GUID{}, elsewhere
	} else if r != nil && r.ResultCode == ldap.LDAPResultInvalidDNSyntax {
		return GUID{}, notFound
	}
	if err != nil {
		return GUID{}, err
	}
	if !ok {
		return GUID{}, notFound
	}
	g, err := GUIDFromBytes(e.raw("objectGUID"))
	if err != nil {
		return g, misread("objectGUID: %w", err)
	}
	return g, nil
}

var elsewhere = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten, Err: errors.Join(ErrReferral, errElsewhere)}

// Members reads the people in a group, nested ones too, ordered by objectGUID
// and at most limit. Disabled accounts, computers and contacts are left out, and
// so is whoever has the group as primary group, which no list of members shows
// (MS-ADTS 3.1.1.4.5.14). Of a group with more than 1,000 people, the first
// 1,000 that the controller lists are considered. A SID of no group is ErrNotFound.
func (c *Client) Members(ctx context.Context, groupSID string, limit int) ([]Account, error) {
	const op = "read members"
	if _, err := sidBytes(groupSID); err != nil {
		return nil, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: err}
	}
	var people []Account
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) (err error) {
		people, err = c.membersOn(ctx, on, groupSID, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return people, nil
}

func (c *Client) membersOn(ctx context.Context, on *conn, groupSID string, limit int) ([]Account, error) {
	group, sid, err := on.group(ctx, "<SID="+groupSID+">")
	if err != nil {
		return nil, err
	}
	found, err := c.membersOf(ctx, on, group.DN)
	if err != nil {
		return nil, err
	}
	var people []Account
	for _, g := range found {
		if len(people) >= limit {
			break
		}
		a, err := c.readAccount(ctx, on, g)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(a.Groups, sid) {
			people = append(people, a)
		}
	}
	return people, nil
}

// membersOf lists who is in the group. They are ordered before they are cut, so
// that everybody who asks gets the same.
func (c *Client) membersOf(ctx context.Context, on *conn, group string) (found []GUID, err error) {
	q := query{base: c.base(on), scope: ldap.ScopeWholeSubtree, limit: memberPage, attrs: []string{"objectGUID"},
		filter: and(enabledPerson, equal(memberOfInChain, group))}
	err = on.pages(ctx, q, func(page []entry) (bool, error) {
		for _, e := range page {
			g, err := GUIDFromBytes(e.raw("objectGUID"))
			if err != nil {
				return false, misread("objectGUID: %w", err)
			}
			found = append(found, g)
		}
		return len(found) >= maxMembers, nil
	})
	slices.SortFunc(found, func(a, b GUID) int { return bytes.Compare(a[:], b[:]) })
	return found, err
}

// enabledPerson matches people whose account is not disabled.
var enabledPerson = and(equal("sAMAccountType", normalUser), not(allBits(attrUAC, uacDisabled)))

// Photo reads the person's picture as it stands in the directory: thumbnailPhoto,
// or else jpegPhoto, of at most 1 MiB. It is ErrNotFound where there is none, or
// only a larger one. The bytes are hostile, and need not be a picture at all.
func (c *Client) Photo(ctx context.Context, account GUID) ([]byte, error) {
	const op = "read photo"
	var photo []byte
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) (err error) {
		for _, name := range []string{"thumbnailPhoto", "jpegPhoto"} {
			if photo, err = c.photoIn(ctx, on, account, name); err != notFound {
				return err
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return photo, nil
}

// photoIn asks for one attribute at a time: the other one may be of many
// megabytes, against which no request can guard.
func (c *Client) photoIn(ctx context.Context, on *conn, account GUID, name string) ([]byte, error) {
	e, ok, err := on.object(ctx, "<GUID="+account.String()+">", []string{name})
	if err != nil && on.overflowed() {
		return nil, tooLarge // the connection is given up, the controller is well
	}
	if err != nil {
		return nil, err
	}
	if !ok || !c.inBase(on, e.DN) {
		return nil, notFound
	}
	if photo := e.raw(name); len(photo) > 0 && len(photo) <= maxPhoto {
		return photo, nil
	}
	return nil, notFound
}

var tooLarge = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten, Err: errAnswerTooLong}
