package minidc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Filter choices, the context tags of RFC 4511, 4.5.1.
const (
	opAnd = iota
	opOr
	opNot
	opEqual
	opSubstrings
	opGreater
	opLess
	opPresent
	opApprox
	opExtensible
)

// Matching rules of Active Directory (MS-ADTS 3.1.1.3.4.4).
const (
	ruleAnd   = "1.2.840.113556.1.4.803"
	ruleOr    = "1.2.840.113556.1.4.804"
	ruleChain = "1.2.840.113556.1.4.1941"
)

// filter is one node of a search filter.
type filter struct {
	op    int
	kids  []*filter
	attr  string // lower case
	value string
	rule  string
	// parts of a substring filter; open ends are empty.
	initial, final string
	any            []string
}

func parseFilter(p *ber.Packet) (*filter, error) {
	if p.ClassType != ber.ClassContext || p.Tag > opExtensible {
		return nil, errMessage
	}
	f := &filter{op: int(p.Tag)}
	switch f.op {
	case opAnd, opOr:
		return f, f.parseKids(p)
	case opNot:
		if len(p.Children) != 1 {
			return nil, errMessage
		}
		return f, f.parseKids(p)
	case opPresent:
		name, ok := str(p)
		f.attr = strings.ToLower(name)
		return f, whole(ok)
	case opExtensible:
		return f, f.parseExtensible(p)
	case opSubstrings:
		return f, f.parseSubstrings(p)
	}
	if len(p.Children) != 2 {
		return nil, errMessage
	}
	name, ok1 := str(p.Children[0])
	v, ok2 := str(p.Children[1])
	f.attr, f.value = strings.ToLower(name), v
	return f, whole(ok1 && ok2)
}

func whole(ok bool) error {
	if !ok {
		return errMessage
	}
	return nil
}

func (f *filter) parseKids(p *ber.Packet) error {
	if p.TagType != ber.TypeConstructed {
		return errMessage
	}
	for _, c := range p.Children {
		k, err := parseFilter(c)
		if err != nil {
			return err
		}
		f.kids = append(f.kids, k)
	}
	return nil
}

func (f *filter) parseSubstrings(p *ber.Packet) error {
	if len(p.Children) != 2 || p.Children[1].TagType != ber.TypeConstructed || len(p.Children[1].Children) == 0 {
		return errMessage
	}
	name, ok := str(p.Children[0])
	f.attr = strings.ToLower(name)
	for _, c := range p.Children[1].Children {
		v, isText := str(c)
		if ok = ok && isText && c.ClassType == ber.ClassContext; !ok {
			return errMessage
		}
		switch c.Tag {
		case 0:
			f.initial = v
		case 1:
			f.any = append(f.any, v)
		case 2:
			f.final = v
		default:
			return errMessage
		}
	}
	return whole(ok)
}

func (f *filter) parseExtensible(p *ber.Packet) error {
	for _, c := range p.Children {
		v, ok := str(c)
		if !ok || c.ClassType != ber.ClassContext {
			return errMessage
		}
		switch c.Tag {
		case 1:
			f.rule = v
		case 2:
			f.attr = strings.ToLower(v)
		case 3:
			f.value = v
		case 4:
		default:
			return errMessage
		}
	}
	// Samba hangs up on an assertion without an attribute.
	return whole(f.attr != "")
}

// broken tells whether evaluating the filter is an error rather than a
// non-match, as it is on Samba.
func (f *filter) broken() bool {
	if f.op == opApprox {
		return true
	}
	if f.op == opExtensible && (f.rule == ruleAnd || f.rule == ruleOr) {
		_, err := strconv.ParseInt(f.value, 10, 64)
		return err != nil
	}
	return slices.ContainsFunc(f.kids, (*filter).broken)
}

// matches evaluates a filter. What can't be read counts as absent.
func (v view) matches(e *entry, f *filter) bool {
	switch f.op {
	case opAnd:
		return !slices.ContainsFunc(f.kids, func(k *filter) bool { return !v.matches(e, k) })
	case opOr:
		return slices.ContainsFunc(f.kids, func(k *filter) bool { return v.matches(e, k) })
	case opNot:
		return !v.matches(e, f.kids[0])
	}
	if f.attr == "anr" && f.op == opEqual {
		return v.matchesANR(e, f.value)
	}
	if f.attr == "objectclass" && f.op == opPresent {
		return true
	}
	a := attributes[f.attr]
	if a == nil || a.is(constructed) || a.is(secret) {
		return false
	}
	if f.op == opExtensible {
		return v.matchesRule(e, a, f)
	}
	return slices.ContainsFunc(v.values(e, f.attr), func(have string) bool { return v.test(a, have, f) })
}

// test compares one value with a simple assertion.
func (v view) test(a *attribute, have string, f *filter) bool {
	switch f.op {
	case opPresent:
		return true
	case opEqual:
		return v.equal(a, have, f.value)
	case opSubstrings:
		return f.like(a, have)
	case opGreater:
		return compareValues(a, have, f.value) >= 0
	case opLess:
		return compareValues(a, have, f.value) <= 0
	}
	return false
}

// equal compares a value with an asserted one, by the attribute's syntax.
func (v view) equal(a *attribute, have, want string) bool {
	switch a.syntax {
	case link:
		x, _ := v.srv.dir.far(have)
		y, _ := v.srv.dir.far(want)
		return x != nil && x == y
	case category:
		if c := classes[strings.ToLower(want)]; c != nil {
			want = v.srv.dir.categoryDN(c.category)
		}
		return sameDN(have, want)
	case guidSyntax:
		g, ok := parseGUID(want)
		return have == want || ok && have == string(g[:])
	case sidSyntax:
		s, ok := parseSID(want)
		return have == want || ok && have == string(s)
	}
	if a.name == "distinguishedName" {
		return sameDN(have, want)
	}
	return sameValue(a, have, want)
}

// sameValue compares two values of an attribute that is no link.
func sameValue(a *attribute, x, y string) bool {
	switch a.syntax {
	case text, boolean, category:
		return fold(x) == fold(y)
	}
	return x == y
}

func containsValue(a *attribute, list []string, v string) bool {
	return slices.ContainsFunc(list, func(h string) bool { return sameValue(a, h, v) })
}

func sameDN(x, y string) bool {
	a, err1 := parseDN(x)
	b, err2 := parseDN(y)
	return err1 == nil && err2 == nil && slices.EqualFunc(a, b, func(r, s rdn) bool { return r.key() == s.key() })
}

func compareValues(a *attribute, x, y string) int {
	if a.syntax == integer {
		m, err1 := strconv.ParseInt(x, 10, 64)
		n, err2 := strconv.ParseInt(y, 10, 64)
		if err1 == nil && err2 == nil {
			return cmp.Compare(m, n)
		}
	}
	if a.syntax == text {
		x, y = fold(x), fold(y)
	}
	return strings.Compare(x, y)
}

// like evaluates a substring assertion.
func (f *filter) like(a *attribute, have string) bool {
	norm := func(s string) string {
		if a.syntax == octets || a.syntax == guidSyntax || a.syntax == sidSyntax {
			return s
		}
		return strings.ToUpper(s)
	}
	rest, ok := strings.CutPrefix(norm(have), norm(f.initial))
	if !ok {
		return false
	}
	for _, part := range f.any {
		i := strings.Index(rest, norm(part))
		if i < 0 {
			return false
		}
		rest = rest[i+len(norm(part)):]
	}
	return strings.HasSuffix(rest, norm(f.final))
}

// matchesRule evaluates an extensible match.
func (v view) matchesRule(e *entry, a *attribute, f *filter) bool {
	switch f.rule {
	case "":
		return slices.ContainsFunc(v.values(e, f.attr), func(have string) bool { return v.equal(a, have, f.value) })
	case ruleChain:
		return v.inChain(e, a, f.value)
	case ruleAnd, ruleOr:
		want, _ := strconv.ParseInt(f.value, 10, 64)
		return slices.ContainsFunc(v.values(e, f.attr), func(have string) bool {
			n, err := strconv.ParseInt(have, 10, 64)
			if err != nil || a.syntax != integer {
				return false
			}
			if f.rule == ruleOr {
				return n&want != 0
			}
			return n&want == want
		})
	}
	return false
}

// inChain tells whether following the link leads from e to the named object.
func (v view) inChain(e *entry, a *attribute, name string) bool {
	goal, _ := v.srv.dir.far(name)
	if goal == nil || a.syntax != link {
		return false
	}
	key := strings.ToLower(a.name)
	seen := map[*entry]bool{}
	next := []*entry{e}
	for len(next) > 0 {
		x := next[len(next)-1]
		next = next[:len(next)-1]
		for _, y := range v.srv.dir.known(x, key) {
			if y == goal {
				return true
			}
			if !seen[y] {
				seen[y] = true
				next = append(next, y)
			}
		}
	}
	return false
}

// anrAttributes are searched by ambiguous name resolution.
var anrAttributes = []string{"samaccountname", "displayname", "givenname", "sn", "name", "mail", "physicaldeliveryofficename", "proxyaddresses"}

// matchesANR is ambiguous name resolution: a prefix of one of the names, or
// first and last name.
func (v view) matchesANR(e *entry, want string) bool {
	want = fold(want)
	for _, name := range anrAttributes {
		for _, have := range v.values(e, name) {
			if strings.HasPrefix(fold(have), want) {
				return true
			}
		}
	}
	first, last, ok := strings.Cut(want, " ")
	has := func(name, prefix string) bool {
		return slices.ContainsFunc(v.values(e, name), func(h string) bool { return strings.HasPrefix(fold(h), prefix) })
	}
	return ok && (has("givenname", first) && has("sn", last) || has("givenname", last) && has("sn", first))
}
