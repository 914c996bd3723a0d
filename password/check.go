package password

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxLength is the longest password in UTF-16 code units that Active Directory
// takes everywhere (Windows' own dialogs stop at 127, the protocol at 256).
const MaxLength = 256

// needClasses of the five below (MS-SAMR 3.1.1.7.2).
const needClasses = 3

// Check holds a password to the rules that need nothing but the rules. Findings
// come in a fixed order: malformed and too-long only when broken, then length,
// classes and names where the rules have them. Where the rules aren't known, only
// the first two are looked at.
//
// Lengths are UTF-16 code units, as the directory counts them: an emoji is two,
// and an accent typed as a combining character is one of its own. Nothing is
// normalised, because the directory doesn't either.
func (r Rules) Check(pw string) []Finding {
	var found []Finding
	if malformed(pw) {
		found = append(found, Finding{Code: CodeMalformed})
	}
	have := units(pw)
	if have > MaxLength {
		found = append(found, Finding{Code: CodeTooLong, Have: strconv.Itoa(have), Want: strconv.Itoa(MaxLength)})
	}
	if !r.Known {
		return found
	}
	if r.MinLength > 0 {
		found = append(found, Finding{
			Code: CodeLength, OK: have >= r.MinLength,
			Have: strconv.Itoa(have), Want: strconv.Itoa(r.MinLength),
		})
	}
	if !r.Complexity {
		return found
	}
	n := Classes(pw)
	found = append(found, Finding{
		Code: CodeClasses, OK: n >= needClasses,
		Have: strconv.Itoa(n), Want: strconv.Itoa(needClasses),
	})
	if len(r.Names) > 0 {
		found = append(found, Finding{Code: CodeNames, OK: pw != "" && !containsName(pw, r.Names)})
	}
	return found
}

// malformed: NUL ends the text for the controller, and broken UTF-8 has no
// UTF-16 form.
func malformed(pw string) bool {
	return strings.ContainsRune(pw, 0) || !utf8.ValidString(pw)
}

// units counts UTF-16 code units.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// Symbols that count as a class (MS-SAMR 3.1.1.7.2). A space and currency signs
// don't.
const symbols = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/"

// Classes counts which of the five classes a password has: upper-case letters,
// lower-case letters, digits 0 to 9, symbols, and letters without case. What lies
// outside the Basic Multilingual Plane reaches the controller as two surrogates,
// which are of no class. So a password that ticks here is not refused there.
func Classes(pw string) int {
	var has [5]bool
	for _, r := range pw {
		switch {
		case r > 0xFFFF:
		case '0' <= r && r <= '9':
			has[2] = true
		case r < 0x80 && strings.ContainsRune(symbols, r):
			has[3] = true
		case unicode.Is(unicode.Lu, r):
			has[0] = true
		case unicode.Is(unicode.Ll, r):
			has[1] = true
		case unicode.In(r, unicode.Lo, unicode.Lt, unicode.Lm):
			has[4] = true
		}
	}
	n := 0
	for _, h := range has {
		if h {
			n++
		}
	}
	return n
}

// minToken is the shortest part of a name that counts, in UTF-16 code units.
const minToken = 3

// delimiters part a display name (MS-SAMR 3.1.1.7.2); both signs that are called
// "pound" do, since more parts only refuse more.
const delimiters = ",.-–—_ £#\t"

// NameTokens returns what a password must not contain where complexity holds:
// the whole sAMAccountName, and the parts of the display name, each of three
// UTF-16 code units or more, in lower case, without doubles (MS-SAMR 3.1.1.7.2).
func NameTokens(sam, display string) []string {
	parts := strings.FieldsFunc(display, func(r rune) bool { return strings.ContainsRune(delimiters, r) })
	tokens := []string{}
	for _, t := range append([]string{sam}, parts...) {
		if t = lower(t); units(t) >= minToken && !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

func containsName(pw string, names []string) bool {
	pw = lower(pw)
	return slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.Contains(pw, lower(n)) })
}

// lower maps each character by itself, and leaves one alone whose lower case is
// longer (U+0130), as a controller does and as the web app can do likewise.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\u0130' {
			return r
		}
		return unicode.ToLower(r)
	}, text)
}
