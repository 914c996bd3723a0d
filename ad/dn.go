package ad

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// Under says whether the object named dn lies somewhere below ou, by whole
// relative names and without regard to case. It is false for ou itself. Text
// that is no DN (RFC 4514) is an error and never just "no": a rule that turns
// the answer round would let everybody in.
func Under(dn, ou string) (bool, error) {
	object, err := ParseName(dn)
	if err != nil {
		return false, fmt.Errorf("parse DN of the object: %w", err)
	}
	above, err := ParseName(ou)
	if err != nil {
		return false, fmt.Errorf("parse DN of the organisational unit: %w", err)
	}
	return object.Under(above), nil
}

// Name is a distinguished name that has been read, for who compares it often.
// The zero value is under nothing, and nothing is under it.
type Name struct {
	// key is every relative name, folded, each behind a NUL byte, which stands nowhere
	// else: names that are equal without regard to case have one key, and a name under
	// another one ends in the other's.
	key string
}

// ParseName reads a DN (RFC 4514); the empty one is an error.
func ParseName(dn string) (Name, error) {
	if key, ok := plainKey(dn); ok {
		return Name{key}, nil
	}
	parsed, err := ldap.ParseDN(dn)
	switch {
	case err != nil:
		return Name{}, err
	case len(parsed.RDNs) == 0:
		return Name{}, errors.New("empty")
	}
	var key strings.Builder
	for _, rdn := range parsed.RDNs {
		parts := make([]string, len(rdn.Attributes))
		for i, a := range rdn.Attributes {
			name, value := foldCase(a.Type), foldCase(a.Value)
			parts[i] = strconv.Itoa(len(name)) + "," + strconv.Itoa(len(value)) + "," + name + value
		}
		slices.Sort(parts) // a relative name of several parts has no order
		key.WriteByte(0)
		for _, p := range parts {
			key.WriteString(p)
		}
	}
	return Name{key.String()}, nil
}

// plainKey makes the key of a DN in which nothing is escaped, quoted or joined, as
// most are; of any other it makes none. It costs one allocation.
func plainKey(dn string) (key string, ok bool) {
	out := make([]byte, 0, len(dn)+len(dn)/2+16)
	for rest, more := dn, true; more; {
		var rdn string
		rdn, rest, more = strings.Cut(rest, ",")
		name, value, valued := strings.Cut(rdn, "=")
		if !valued || !isPlain(name) || !isPlain(value) {
			return "", false
		}
		out = append(out, 0)
		out = append(strconv.AppendInt(out, int64(len(name)), 10), ',')
		out = append(strconv.AppendInt(out, int64(len(value)), 10), ',')
		for _, part := range [2]string{name, value} {
			for i := range len(part) {
				c := part[i]
				if 'a' <= c && c <= 'z' {
					c -= 'a' - 'A'
				}
				out = append(out, c)
			}
		}
	}
	return string(out), true
}

// isPlain: letters, digits and what never means anything in a DN, without blanks at
// an end, which would be cut.
func isPlain(s string) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == ' ' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

// nameEscapes keep NUL for what ParseName puts between names.
var nameEscapes = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")

// foldCase makes one text of all that strings.EqualFold takes for equal, without NUL.
func foldCase(s string) string {
	return nameEscapes.Replace(foldRunes(s))
}

func foldRunes(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf { // the least of 'k', 'K' and the Kelvin sign is 'K'
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, s)
}

// Under is as the function Under.
func (n Name) Under(ou Name) bool {
	return ou.key != "" && len(n.key) > len(ou.key) && strings.HasSuffix(n.key, ou.key)
}

// DomainOf is the DNS name of the domain that a DN lies in, as its DC= end says:
// "corp.example.test" for OU=Staff,DC=corp,DC=example,DC=test. "" for none.
func DomainOf(dn string) string { return dnsName(dn) }

// IsDomainName says whether a text can be the DNS name of a domain.
func IsDomainName(s string) bool { return len(s) <= 200 && isHostName(s) }

// IsSiteName says whether a text can be the name of a site.
func IsSiteName(s string) bool { return isLabel(s) }
