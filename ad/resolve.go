package ad

import (
	"context"
	"errors"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// normalUser is sAMAccountType SAM_NORMAL_USER_ACCOUNT: a person, and no
// computer, gMSA, trust or contact (MS-SAMR 2.2.1.9).
const normalUser = "805306368"

// maxName bounds a name that is looked up; userPrincipalName holds 1024.
const maxName = 1024

// names caches what a domain is called.
type names struct {
	mu      sync.Mutex
	netBIOS string
	sid     string // of the domain
}

// Resolve finds the person whom a name means: userPrincipalName (also the
// implicit one, sAMAccountName@domain), DOMAIN\sAMAccountName or
// sAMAccountName, without regard to case. It is ErrNotFound unless it means
// exactly one person. Protected and disabled people are found too.
func (c *Client) Resolve(ctx context.Context, name string) (GUID, error) {
	const op = "resolve name"
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return GUID{}, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten}
	}
	var found GUID
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) error {
		e, err := c.lookUp(ctx, on, c.base(on), name, equal("sAMAccountType", normalUser))
		if err != nil {
			return err
		}
		if found, err = GUIDFromBytes(e.raw("objectGUID")); err != nil {
			return misread("objectGUID: %w", err)
		}
		return nil
	})
	return found, err
}

// lookUp finds the one object that a name means.
func (c *Client) lookUp(ctx context.Context, on *conn, base, name string, kind filter) (entry, error) {
	given, err := c.parseName(ctx, on, name)
	if err != nil {
		return entry{}, err
	}
	found, more, err := on.search(ctx, query{
		base: base, scope: ldap.ScopeWholeSubtree, filter: and(kind, given.filter()), limit: 10,
		attrs: []string{"objectGUID", "objectSid", "sAMAccountName", "userPrincipalName"},
	})
	if err != nil {
		return entry{}, err
	}
	var hits []entry
	for _, e := range found {
		// AD compares without regard to accents; a person's name does not.
		if given.means(e) {
			hits = append(hits, e)
		}
	}
	if len(hits) > 1 || more {
		return entry{}, ambiguous
	}
	if len(hits) == 0 {
		return entry{}, notFound
	}
	return hits[0], nil
}

var (
	notFound     = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten}
	ambiguous    = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten, Err: errAmbiguous}
	errAmbiguous = errors.New("more than one person by that name")
)

// claims says whether a name that was found here can't mean somebody elsewhere
// unless that one was given this domain's name.
func (c *Client) claims(name string) bool {
	if strings.Contains(name, `\`) {
		return true
	}
	at := strings.LastIndexByte(name, '@')
	return at > 0 && c.dnsDomain != "" && equalFold(name[at+1:], c.dnsDomain)
}

// givenName is a name, taken apart.
type givenName struct{ sam, upn string }

func (n givenName) filter() filter {
	var parts []filter
	if n.sam != "" {
		parts = append(parts, equal("sAMAccountName", n.sam))
	}
	if n.upn != "" {
		parts = append(parts, equal("userPrincipalName", n.upn))
		if !strings.EqualFold(n.upn, n.sam) {
			parts = append(parts, equal("sAMAccountName", n.upn))
		}
	}
	return or(parts...)
}

func (n givenName) means(e entry) bool {
	sam, upn := e.text("sAMAccountName"), e.text("userPrincipalName")
	return n.sam != "" && equalFold(sam, n.sam) || n.upn != "" && (equalFold(upn, n.upn) || equalFold(sam, n.upn))
}

// parseName takes a name apart. A backslash can't be part of a sAMAccountName,
// an @ can.
func (c *Client) parseName(ctx context.Context, on *conn, name string) (givenName, error) {
	if domain, sam, ok := strings.Cut(name, `\`); ok {
		ours, err := c.netBIOS(ctx, on)
		if err != nil {
			return givenName{}, err
		}
		if !equalFold(domain, ours) || sam == "" {
			return givenName{}, notFound
		}
		return givenName{sam: sam}, nil
	}
	at := strings.LastIndexByte(name, '@')
	if at > 0 && equalFold(name[at+1:], dnsName(c.domain(on))) {
		return givenName{sam: name[:at], upn: name}, nil
	}
	return givenName{upn: name}, nil
}

// domain is the domain's head as the controller has it; base is what bounds
// the searches.
func (c *Client) domain(on *conn) string {
	info, _ := on.at.state(c.now())
	return info.base
}

func (c *Client) base(on *conn) string {
	if c.cfg.BaseDN != "" {
		return c.cfg.BaseDN
	}
	return c.domain(on)
}

// netBIOS reads the domain's short name; where it can't be read, it is the
// first label of the DNS name, which it is nearly everywhere.
func (c *Client) netBIOS(ctx context.Context, on *conn) (string, error) {
	c.names.mu.Lock()
	known := c.names.netBIOS
	c.names.mu.Unlock()
	if known != "" {
		return known, nil
	}
	info, _ := on.at.state(c.now())
	short, _, _ := strings.Cut(dnsName(info.base), ".")
	if info.config == "" {
		return short, nil
	}
	found, _, err := on.search(ctx, query{base: "CN=Partitions," + info.config, scope: ldap.ScopeSingleLevel,
		filter: and(equal("objectClass", "crossRef"), equal("nCName", info.base)), attrs: []string{"nETBIOSName"}})
	if err != nil && refused(err) == nil {
		return "", err
	}
	if len(found) != 1 || found[0].text("nETBIOSName") == "" {
		return short, nil
	}
	c.names.mu.Lock()
	defer c.names.mu.Unlock()
	c.names.netBIOS = found[0].text("nETBIOSName")
	return c.names.netBIOS, nil
}

// dnsName writes the DC= parts of a DN as a DNS name.
func dnsName(dn string) string {
	parsed, err := ldap.ParseDN(domainHead(dn))
	if err != nil {
		return ""
	}
	var labels []string
	for _, rdn := range parsed.RDNs {
		labels = append(labels, rdn.Attributes[0].Value)
	}
	return strings.Join(labels, ".")
}

// domainHead is the DN of the domain that an object lies in: the DC= parts at
// its end. "" where there are none.
func domainHead(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return ""
	}
	from := len(parsed.RDNs)
	for from > 0 && isDC(parsed.RDNs[from-1]) {
		from--
	}
	return (&ldap.DN{RDNs: parsed.RDNs[from:]}).String()
}

func isDC(rdn *ldap.RelativeDN) bool {
	return len(rdn.Attributes) == 1 && equalFold(rdn.Attributes[0].Type, "DC")
}

// ResolveGroup returns the SID of the security group with that DN, or ErrNotFound.
// A mailing list is none: no token holds it, so a rule that excludes its members
// would exclude nobody.
func (c *Client) ResolveGroup(ctx context.Context, dn string) (string, error) {
	return c.resolveGroup(ctx, dn, false)
}

// resolveGroup takes only groups that stand in the tokens of every domain, where
// that is asked for.
func (c *Client) resolveGroup(ctx context.Context, dn string, everywhere bool) (string, error) {
	const op = "resolve group"
	if parsed, err := ldap.ParseDN(dn); err != nil || len(parsed.RDNs) == 0 {
		return "", &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errors.New("not a distinguished name")}
	}
	var found string
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) error {
		e, sid, err := on.group(ctx, dn)
		if err != nil {
			return err
		}
		kind, _, err := e.number("groupType")
		switch {
		case err != nil:
		case kind&securityGroup == 0:
			err = mailingList
		case everywhere && (kind&localGroup != 0 || !isAccountSID(sid)):
			err = notEverywhere
		}
		found = sid
		return err
	})
	if err != nil {
		return "", err
	}
	return found, nil
}

// ErrMailingList stands beside ErrNotFound where the group is there and no token
// holds it.
var ErrMailingList = errors.New("a mailing list, or a group of unknown kind")

var mailingList = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten, Err: ErrMailingList}

// securityGroup is the bit of groupType that puts a group into tokens
// (MS-ADTS 2.2.12).
const securityGroup = 0x80000000

// localGroup is the bit of a group whose members are only known in its own domain.
const localGroup = 0x4

var notEverywhere = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten,
	Err: errors.New("a built-in or domain local group, which counts in its own domain only: name a universal or global one")}

// group reads a group of any kind by its DN or <SID=…>.
func (c *conn) group(ctx context.Context, base string) (e entry, sid string, err error) {
	e, ok, err := c.object(ctx, base, []string{"objectClass", "objectSid", "groupType"})
	if err != nil {
		return e, "", err
	}
	if !ok || !isClass(e, "group") {
		return e, "", notFound
	}
	if sid, err = sidText(e.raw("objectSid")); err != nil {
		return e, "", misread("objectSid: %w", err)
	}
	return e, sid, nil
}

func isClass(e entry, class string) bool {
	for _, v := range e.texts("objectClass") {
		if equalFold(v, class) {
			return true
		}
	}
	return false
}
