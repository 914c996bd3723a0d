package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrNotCanonical is returned for bytes that are not what Canonical would have
// written.
var ErrNotCanonical = errors.New("not canonical")

// Parse reads an object that Canonical wrote, and nothing else: a space, another
// order of keys, another escape or a number in another spelling is
// ErrNotCanonical. So equal values have equal bytes, and what was verified as
// bytes can be read as values.
func Parse(b []byte) (map[string]any, error) {
	p := &parser{rest: b}
	object, err := p.values()
	if err != nil {
		return nil, err
	}
	return object, p.end()
}

// parser reads canonical JSON from the front of rest.
type parser struct {
	rest  []byte
	depth int
}

func notCanonical(what string) error { return fmt.Errorf("%s: %w", what, ErrNotCanonical) }

func (p *parser) end() error {
	if len(p.rest) > 0 {
		return notCanonical("more after the end")
	}
	return nil
}

// take consumes c when it comes next.
func (p *parser) take(c byte) bool {
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) expect(c byte) error {
	if !p.take(c) {
		return notCanonical("expected '" + string(c) + "'")
	}
	return nil
}

// object calls member for each key; member consumes the value.
func (p *parser) object(member func(key string) error) error {
	if p.depth++; p.depth > maxDepth {
		return notCanonical("nested too deep")
	}
	defer func() { p.depth-- }()
	if err := p.expect('{'); err != nil {
		return err
	}
	if p.take('}') {
		return nil
	}
	for first, last := true, ""; ; first = false {
		key, err := p.text()
		if err != nil {
			return err
		}
		if !first && compareUTF16(last, key) >= 0 {
			return notCanonical("keys out of order")
		}
		last = key
		if err := p.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if err := p.expect(','); err != nil {
			return err
		}
	}
}

// span runs read and returns the bytes that it consumed.
func (p *parser) span(read func() error) ([]byte, error) {
	before := p.rest
	err := read()
	return before[:len(before)-len(p.rest)], err
}

func (p *parser) values() (map[string]any, error) {
	object := map[string]any{}
	err := p.object(func(key string) error {
		v, err := p.value()
		object[key] = v
		return err
	})
	return object, err
}

func (p *parser) value() (any, error) {
	if len(p.rest) == 0 {
		return nil, notCanonical("ends early")
	}
	switch p.rest[0] {
	case '"':
		return p.text()
	case '{':
		return p.values()
	case '[':
		return p.texts()
	case 't', 'f':
		return p.boolean()
	}
	return p.integer()
}

func (p *parser) boolean() (bool, error) {
	for _, v := range []bool{true, false} {
		if rest, ok := bytes.CutPrefix(p.rest, []byte(strconv.FormatBool(v))); ok {
			p.rest = rest
			return v, nil
		}
	}
	return false, notCanonical("no boolean")
}

func (p *parser) texts() ([]string, error) {
	list := []string{}
	if err := p.expect('['); err != nil {
		return nil, err
	}
	if p.take(']') {
		return list, nil
	}
	for {
		s, err := p.text()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
		if p.take(']') {
			return list, nil
		}
		if err := p.expect(','); err != nil {
			return nil, err
		}
	}
}

// integer refuses -0, leading zeros, fractions and exponents: what follows the
// digits is never a ',' or '}' then.
func (p *parser) integer() (int64, error) {
	n := 0
	for n < len(p.rest) && (p.rest[n] == '-' || p.rest[n] >= '0' && p.rest[n] <= '9') {
		n++
	}
	digits := string(p.rest[:n])
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != digits || v > maxInteger || v < -maxInteger {
		return 0, notCanonical("no integer")
	}
	p.rest = p.rest[n:]
	return v, nil
}

// text reads a string. Only the escapes that appendString writes are known.
func (p *parser) text() (string, error) {
	if err := p.expect('"'); err != nil {
		return "", err
	}
	// Nearly all strings hold no escape and come out in one piece.
	if i := bytes.IndexAny(p.rest, "\"\\"); i >= 0 && p.rest[i] == '"' {
		s := p.rest[:i]
		p.rest = p.rest[i+1:]
		return checkText(s)
	}
	var s []byte
	for len(p.rest) > 0 {
		switch c := p.rest[0]; c {
		case '"':
			p.rest = p.rest[1:]
			return string(s), checkUTF8(s)
		case '\\':
			c, err := p.escape()
			if err != nil {
				return "", err
			}
			s = append(s, c)
		default:
			if c < 0x20 {
				return "", notCanonical("bare control character")
			}
			s, p.rest = append(s, c), p.rest[1:]
		}
	}
	return "", notCanonical("string without end")
}

func checkText(s []byte) (string, error) {
	for _, c := range s {
		if c < 0x20 {
			return "", notCanonical("bare control character")
		}
	}
	return string(s), checkUTF8(s)
}

func checkUTF8(s []byte) error {
	if !utf8.Valid(s) {
		return notCanonical("broken UTF-8")
	}
	return nil
}

// escape reads one escape sequence.
func (p *parser) escape() (byte, error) {
	for _, c := range []byte{'"', '\\'} {
		if rest, ok := bytes.CutPrefix(p.rest, []byte{'\\', c}); ok {
			p.rest = rest
			return c, nil
		}
	}
	for c, text := range controls {
		if rest, ok := bytes.CutPrefix(p.rest, []byte(text)); ok {
			p.rest = rest
			return byte(c), nil
		}
	}
	return 0, notCanonical("unknown escape")
}
