package ad

import (
	"context"
	"errors"

	"github.com/go-ldap/ldap/v3"
)

// ErrSpelling stands beside ErrNotFound where the directory takes the name for one of
// its own, and writes that otherwise: it knows accents, wide letters and the like as
// one, and names of people are compared with the text of the configuration.
var ErrSpelling = errors.New("the directory spells it otherwise")

var errNoName = errors.New("not a distinguished name")

func missing(why error) *Error {
	return &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten, Err: why}
}

// FindUnit is nil where there is an object of that DN for people to lie below, and
// ErrNotFound where there is none.
func (c *Client) FindUnit(ctx context.Context, dn string) error {
	const op = "find unit"
	want, err := ParseName(dn)
	if err != nil {
		return &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errNoName}
	}
	return c.try(ctx, op, reading, func(ctx context.Context, on *conn) error {
		if !equalFold(dnsName(dn), dnsName(c.domain(on))) {
			return missing(errOtherDomain) // would be referred
		}
		e, ok, err := on.object(ctx, dn, []string{"1.1"})
		// Nothing can have such a name. Any other refusal says nothing about what is there.
		r := refused(err)
		switch {
		case r != nil && r.ResultCode == ldap.LDAPResultInvalidDNSyntax:
			return missing(errNoName)
		case err != nil:
			return err
		case !ok:
			return notFound
		}
		if got, _ := ParseName(e.DN); got != want { // what can't be read is no name, and none is want
			return missing(ErrSpelling)
		}
		return nil
	})
}

// everyAttribute is one that every schema has (RFC 4519 2.3).
const everyAttribute = "cn"

// FindAttribute is nil where the schema has an attribute of that lDAPDisplayName, and
// ErrNotFound where it has none. A schema that may not be read looks empty, and says
// nothing about any attribute: that is ErrRights.
func (c *Client) FindAttribute(ctx context.Context, name string) error {
	const op = "find attribute"
	return c.try(ctx, op, reading, func(ctx context.Context, on *conn) error {
		info, _ := on.at.state(c.now())
		if info.schema == "" {
			return misread("no schemaNamingContext")
		}
		found, _, err := on.search(ctx, query{
			base: info.schema, scope: ldap.ScopeSingleLevel, limit: 10, attrs: []string{"lDAPDisplayName", "isDefunct"},
			filter: and(equal("objectClass", "attributeSchema"), or(equal("lDAPDisplayName", name), equal("lDAPDisplayName", everyAttribute))),
		})
		if r := refused(err); r != nil && r.ResultCode == ldap.LDAPResultNoSuchObject {
			return unreadSchema
		}
		if err != nil {
			return err
		}
		read := false
		for _, e := range found {
			display := e.text("lDAPDisplayName")
			// A defunct one counts as none (MS-ADTS 3.1.1.2.4).
			if equalFold(display, name) && !equalFold(e.text("isDefunct"), "TRUE") {
				return nil
			}
			read = read || equalFold(display, everyAttribute)
		}
		if !read {
			return unreadSchema
		}
		return notFound
	})
}

var unreadSchema = &Error{Cause: ErrRights, Outcome: OutcomeNotWritten, Err: errors.New("the schema can't be read")}

// FindUnit asks the domain that the DN ends in. A DN of no mapped domain is
// ErrNotFound: nobody who lies there exists here.
func (f *Forest) FindUnit(ctx context.Context, dn string) error {
	if c := f.only(); c != nil {
		return c.FindUnit(ctx, dn)
	}
	c := f.holding(dn)
	if c == nil {
		return unmapped("find unit")
	}
	return c.FindUnit(ctx, dn)
}

// FindAttribute asks every domain: what one of them lacks is ErrNotFound. Otherwise one
// that can't be asked is its error.
func (f *Forest) FindAttribute(ctx context.Context, name string) error {
	if c := f.only(); c != nil {
		return c.FindAttribute(ctx, name)
	}
	var failed error
	for i, a := range everywhereIn(f, func(c *Client) (struct{}, error) { return struct{}{}, c.FindAttribute(ctx, name) }) {
		switch {
		case errors.Is(a.err, ErrNotFound):
			return f.in(i, a.err)
		case a.err != nil && failed == nil:
			failed = f.in(i, a.err)
		}
	}
	return failed
}
