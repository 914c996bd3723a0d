package ad

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// Bounds of what is believed of a controller.
const (
	maxText   = 1024 // bytes of one text that is shown
	maxValues = 5000 // values of one attribute; a token holds about 1,000 groups
)

// entry reads attributes without trusting them. Names are compared without
// regard to case, as the controller may spell them its own way.
type entry struct{ *ldap.Entry }

// raw returns the first value, or nil.
func (e entry) raw(name string) []byte {
	if values := e.GetEqualFoldRawAttributeValues(name); len(values) > 0 {
		return values[0]
	}
	return nil
}

// text returns the first value as it stands: a DN is useless when it is cut.
func (e entry) text(name string) string { return string(e.raw(name)) }

// shown returns the first value as valid, bounded text. What else is hostile
// in it stays: who shows it escapes it.
func (e entry) shown(name string) string {
	return cut(strings.ToValidUTF8(e.text(name), "\uFFFD"), maxText)
}

func (e entry) texts(name string) []string { return e.GetEqualFoldAttributeValues(name) }

// number reads an integer. ok is false where there is none; more than one
// value, or text that is no number, is an error.
func (e entry) number(name string) (v int64, ok bool, err error) {
	values := e.GetEqualFoldRawAttributeValues(name)
	switch {
	case len(values) == 0:
		return 0, false, nil
	case len(values) > 1:
		return 0, false, misread("%s has %d values", name, len(values))
	}
	if v, err = strconv.ParseInt(string(values[0]), 10, 64); err != nil {
		return 0, false, misread("%s is no number", name)
	}
	return v, true, nil
}

// numbers reads several integers; absent ones stay as they are.
func (e entry) numbers(into map[string]*int64) error {
	for name, v := range into {
		n, ok, err := e.number(name)
		if err != nil {
			return err
		}
		if ok {
			*v = n
		}
	}
	return nil
}

func (e entry) has(name string) bool { return len(e.GetEqualFoldRawAttributeValues(name)) > 0 }

// sids reads a list of binary SIDs; one that is broken spoils the list.
func (e entry) sids(name string) ([]string, error) {
	values := e.GetEqualFoldRawAttributeValues(name)
	if len(values) > maxValues {
		return nil, misread("%s has %d values", name, len(values))
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		sid, err := sidText(v)
		if err != nil {
			return nil, misread("%s: %w", name, err)
		}
		out = append(out, sid)
	}
	return out, nil
}

// cut shortens valid text to at most n bytes, at a character's end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }
