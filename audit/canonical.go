package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ErrValue is returned for a value that the canonical form does not have:
// floats, null, integers of 2^53 and beyond, broken UTF-8, nesting over 8.
var ErrValue = errors.New("no canonical value")

// maxInteger is the largest integer that every JSON reader keeps exactly
// (RFC 8785 3.2.2.3, RFC 7493 2.2).
const maxInteger = 1<<53 - 1

const maxDepth = 8

// Canonical writes an object in the canonical form of RFC 8785, restricted to
// strings, booleans, integers (int, int64) below 2^53, arrays of strings and
// objects of these. Everything that Latchkey hashes or has signed is written
// this way.
func Canonical(object map[string]any) ([]byte, error) {
	return appendObject(nil, object, 1)
}

func appendObject(b []byte, object map[string]any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested over %d deep: %w", maxDepth, ErrValue)
	}
	var few [16]string // most objects have no more
	keys := few[:0]
	for k := range object {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareUTF16)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendString(b, k); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, object[k], depth); err != nil {
			return nil, fmt.Errorf("%q: %w", k, err)
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return appendInteger(b, int64(v))
	case int64:
		return appendInteger(b, v)
	case []string:
		return appendStrings(b, v)
	case map[string]any:
		return appendObject(b, v, depth+1)
	}
	return nil, fmt.Errorf("%T: %w", v, ErrValue)
}

func appendInteger(b []byte, n int64) ([]byte, error) {
	if n > maxInteger || n < -maxInteger {
		return nil, fmt.Errorf("integer beyond 2^53: %w", ErrValue)
	}
	return strconv.AppendInt(b, n, 10), nil
}

func appendStrings(b []byte, list []string) ([]byte, error) {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendString(b, s); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendString escapes what RFC 8785 3.2.2.2 says and nothing else.
func appendString(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("broken UTF-8: %w", ErrValue)
	}
	b = append(b, '"')
	from := 0 // what stands for itself goes over in one piece
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		if from = i + 1; c < 0x20 {
			b = append(b, controls[c]...)
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[from:]...), '"'), nil
}

// controls are the escapes of U+0000 to U+001F: two characters where JSON has
// them, else \u00xx with lower-case digits.
var controls = func() (list [0x20]string) {
	for c := range list {
		list[c] = fmt.Sprintf(`\u%04x`, c)
	}
	list['\b'], list['\t'], list['\n'], list['\f'], list['\r'] = `\b`, `\t`, `\n`, `\f`, `\r`
	return list
}()

// compareUTF16 orders keys by UTF-16 code units (RFC 8785 3.2.3). That is the order
// of their bytes, but that characters beyond U+FFFF (bytes from 0xf0), which are
// surrogates, come before those from U+E000 (0xee and 0xef).
func compareUTF16(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0) {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(len(a), len(b))
}
