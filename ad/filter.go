package ad

import (
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// filter is an LDAP filter (RFC 4515). It is made by the functions below and by
// nothing else: attribute names are constants of this package, and every value
// is escaped, so a value never changes the filter's shape.
type filter struct{ text string }

// attribute is the name of an attribute or of a matching rule on one. Only
// constants are ever converted to it.
type attribute string

// inChain walks nested membership (MS-ADTS 3.1.1.3.4.4.3).
const memberOfInChain attribute = "memberOf:1.2.840.113556.1.4.1941:"

// anything is the filter of every base search.
var anything = filter{"(objectClass=*)"}

func equal(a attribute, value string) filter {
	return filter{"(" + string(a) + "=" + ldap.EscapeFilter(value) + ")"}
}

// allBits matches where every bit of the mask is set (LDAP_MATCHING_RULE_BIT_AND,
// MS-ADTS 3.1.1.3.4.4.1).
func allBits(a attribute, mask int64) filter {
	return equal(a+":1.2.840.113556.1.4.803:", strconv.FormatInt(mask, 10))
}

func not(part filter) filter { return filter{"(!" + part.text + ")"} }

func and(parts ...filter) filter { return combine("&", parts) }
func or(parts ...filter) filter  { return combine("|", parts) }

// combine of nothing matches nothing: an empty and would match everything.
func combine(operator string, parts []filter) filter {
	if len(parts) == 0 {
		return filter{"(!" + anything.text + ")"}
	}
	var s strings.Builder
	s.WriteString("(" + operator)
	for _, p := range parts {
		s.WriteString(p.text)
	}
	s.WriteString(")")
	return filter{s.String()}
}
