package password

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/latchkey/latchkey/secret"
)

// What a generated password is made of: letters and digits that are neither
// mistaken for another when read (0 O, 1 l I, 5 S, 8 B, 2 Z, 6 b G, 9 g q) nor,
// within a group, told apart by case. The first group is in capitals, so that all
// four classes of a keyboard are there and nobody has to spell a case.
const (
	readable  = "acdefhjkmnprtwxy3479"
	groupLen  = 4
	minGroups = 5 // 20 characters of 4.32 bits: 86 bits
	drawLimit = 1000
)

// ErrGenerate is returned where the rules leave nothing to generate.
var ErrGenerate = errors.New("no password fits the rules")

// Generate makes a one-time password for the rules, such as
// "KM7F-x4pd-37ta-cwyn-9hrk": groups of four, read out in one go each, at least
// 70 bits of chance, every one of the possible values as likely as the next. rnd
// is nil for crypto/rand.
func Generate(rules Rules, rnd io.Reader) (secret.Text, error) {
	if rnd == nil {
		rnd = rand.Reader
	}
	groups := max(minGroups, (rules.MinLength+groupLen+1)/(groupLen+1))
	if groups*(groupLen+1)-1 > MaxLength {
		return secret.Text{}, fmt.Errorf("length of %d: %w", rules.MinLength, ErrGenerate)
	}
	for range drawLimit {
		pw, err := draw(groups, rnd)
		if err != nil {
			return secret.Text{}, fmt.Errorf("generate password: %w", err)
		}
		if fits(rules, pw) {
			return secret.New(pw), nil
		}
	}
	return secret.Text{}, fmt.Errorf("generate password: %w", ErrGenerate)
}

// draw makes groups of characters, each of which is equally likely: bytes that
// lie in the last, broken row of the alphabet are thrown away.
func draw(groups int, rnd io.Reader) (string, error) {
	var out strings.Builder
	const fair = 256 - 256%len(readable)
	for g := range groups {
		if g > 0 {
			out.WriteByte('-')
		}
		for n := 0; n < groupLen; {
			var b [1]byte
			if _, err := io.ReadFull(rnd, b[:]); err != nil {
				return "", err
			}
			if int(b[0]) >= fair {
				continue
			}
			out.WriteByte(character(b[0], g == 0))
			n++
		}
	}
	return out.String(), nil
}

func character(b byte, capital bool) byte {
	c := readable[int(b)%len(readable)]
	if capital && c >= 'a' {
		c -= 'a' - 'A'
	}
	return c
}

// fits demands all four classes even where the rules ask for fewer or can't be
// read, since a filter on the controller may.
func fits(rules Rules, pw string) bool {
	strict := rules
	strict.Known, strict.Complexity = true, true
	return Classes(pw) == 4 && OK(strict.Check(pw))
}
