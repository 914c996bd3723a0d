package ad

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// GUID is an objectGUID in the byte order of the directory: the first three
// fields are little-endian (MS-DTYP 2.3.4.2). It is the stable key of an
// account; names, distinguished names and even SIDs change.
type GUID [16]byte

// ErrGUID is returned for text that is no objectGUID.
var ErrGUID = errors.New("not an objectGUID")

// order maps the text's bytes to the stored bytes (MS-DTYP 2.3.4.3).
var order = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// ParseGUID reads the curly-less form, "efc818ee-a600-4d1b-9c0e-0123456789ab".
func ParseGUID(s string) (GUID, error) {
	var g GUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, fmt.Errorf("%q: %w", s, ErrGUID)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return g, fmt.Errorf("%q: %w", s, ErrGUID)
	}
	for i, j := range order {
		g[j] = b[i]
	}
	return g, nil
}

// GUIDFromBytes reads the attribute's 16 bytes.
func GUIDFromBytes(b []byte) (GUID, error) {
	var g GUID
	if len(b) != len(g) {
		return g, ErrGUID
	}
	copy(g[:], b)
	return g, nil
}

// String returns the lower-case text form.
func (g GUID) String() string {
	const digits = "0123456789abcdef"
	var text [36]byte
	at := 0
	for i, j := range order {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = digits[g[j]>>4], digits[g[j]&0xf]
		at += 2
	}
	return string(text[:])
}

// IsZero says whether no account is named.
func (g GUID) IsZero() bool { return g == GUID{} }

// MarshalText and UnmarshalText use the text form.
func (g GUID) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads the text form; an empty text is the zero GUID.
func (g *GUID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*g = GUID{}
		return nil
	}
	v, err := ParseGUID(string(b))
	*g = v
	return err
}
