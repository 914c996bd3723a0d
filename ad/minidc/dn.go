package minidc

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// rdn is one relative distinguished name: a type and its unescaped value.
type rdn struct{ typ, value string }

// key is the form in which two names are the same: case and runs of blanks
// don't matter.
func (r rdn) key() string { return strings.ToUpper(r.typ) + "=" + fold(r.value) }

func (r rdn) String() string { return r.typ + "=" + escapeRDN(r.value) }

var errDN = errors.New("not a distinguished name")

// maxRDNs bounds the depth of a name.
const maxRDNs = 64

// parseDN splits a distinguished name, RFC 4514, the leaf first. Names with
// several values in one RDN do not exist in Active Directory and are refused.
func parseDN(s string) ([]rdn, error) {
	if s == "" {
		return nil, nil
	}
	var out []rdn
	for rest := s; ; {
		r, tail, more, err := parseRDN(rest)
		if err != nil || len(out) >= maxRDNs {
			return nil, errDN
		}
		out = append(out, r)
		if !more {
			return out, nil
		}
		rest = tail
	}
}

// parseRDN reads up to the next bare comma.
func parseRDN(s string) (r rdn, tail string, more bool, err error) {
	typ, rest, ok := strings.Cut(s, "=")
	typ = strings.TrimSpace(typ)
	if !ok || !validType(typ) {
		return r, "", false, errDN
	}
	value, n, err := unescapeRDN(strings.TrimLeft(rest, " "))
	if err != nil || value == "" {
		return r, "", false, errDN
	}
	rest = strings.TrimLeft(rest, " ")[n:]
	return rdn{typ, value}, strings.TrimPrefix(rest, ","), rest != "", nil
}

func validType(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '.')) {
			return false
		}
	}
	return s != ""
}

// unescapeRDN reads a value up to a bare comma and returns how much it used.
func unescapeRDN(s string) (value string, n int, err error) {
	var b strings.Builder
	keep := 0 // bytes that an escape protects from trimming
	for n < len(s) && s[n] != ',' {
		switch c := s[n]; c {
		case '\\':
			lit, used, err := unescapeOne(s[n+1:])
			if err != nil {
				return "", 0, err
			}
			b.WriteByte(lit)
			n += 1 + used
			keep = b.Len()
		case '+', ';', '<', '>', '"', '=':
			return "", 0, errDN
		default:
			b.WriteByte(c)
			n++
		}
	}
	out := b.String()
	out = out[:keep] + strings.TrimRight(out[keep:], " ")
	if !utf8.ValidString(out) {
		return "", 0, errDN
	}
	return out, n, nil
}

// unescapeOne reads what follows a backslash: a special or two hex digits.
func unescapeOne(s string) (c byte, used int, err error) {
	if s == "" {
		return 0, 0, errDN
	}
	if len(s) >= 2 {
		hi, ok1 := hexDigit(s[0])
		lo, ok2 := hexDigit(s[1])
		if ok1 && ok2 {
			return hi<<4 | lo, 2, nil
		}
	}
	if strings.IndexByte(` ,=+<>#;?"\`, s[0]) < 0 {
		return 0, 0, errDN
	}
	return s[0], 1, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// escapeRDN writes a value as Samba does: some characters in hex, some with a
// backslash, blanks only at the ends.
func escapeRDN(v string) string {
	var b strings.Builder
	for i := range len(v) {
		c := v[i]
		switch {
		case c == 0 || c == '\n' || c == '\r' || c == ';':
			fmt.Fprintf(&b, `\%02X`, c)
		case strings.IndexByte(`,+<>"\=#?`, c) >= 0, c == ' ' && (i == 0 || i == len(v)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fold is the form in which texts are compared: upper case, outer blanks
// dropped, inner runs of blanks made one.
func fold(s string) string {
	s = strings.ToUpper(strings.Trim(s, " "))
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}
