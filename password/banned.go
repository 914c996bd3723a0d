package password

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// minInside is the length from which a banned word counts anywhere in a
// password; a shorter one only as the whole of it.
const minInside = 4

// builtIn are words that everybody tries first, in the languages of the web app.
var builtIn = []string{
	"password", "passwort", "kennwort", "qwerty", "qwertz", "letmein", "welcome", "willkommen",
	"changeme", "geheim", "iloveyou", "123456", "111111", "abc123", "latchkey",
}

// periods are words that people put a year behind when a password expires.
var periods = []string{
	"spring", "summer", "autumn", "fall", "winter", "fruhling", "fruehling", "sommer", "herbst",
	"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
	"januar", "februar", "marz", "maerz", "mai", "juni", "juli", "oktober", "dezember",
	"monday", "friday", "montag", "freitag",
}

// banned is a set of words in plain form.
type banned struct {
	inside  []string
	whole   map[string]bool
	periods bool // a season, month or day with a year is banned, too
}

func newBanned(lists ...[]string) banned {
	b := banned{whole: map[string]bool{}}
	for _, list := range lists {
		for _, w := range list {
			b.add(w)
		}
	}
	return b
}

// add takes the plain form of a word, and the form that its own digits would
// have once they are read as letters.
func (b *banned) add(word string) {
	p := plain(word)
	for _, w := range []string{string(p), alphanumeric(p), string(letters(p, 'i')), string(letters(p, 'l'))} {
		if w == "" || b.whole[w] {
			continue
		}
		b.whole[w] = true
		if len([]rune(w)) >= minInside {
			b.inside = append(b.inside, w)
		}
	}
}

// has says whether a password is a banned word, contains one, or is a season,
// month or day with a year behind it.
func (b *banned) has(pw string) bool {
	p := plain(pw)
	for _, form := range [][]rune{p, letters(p, 'i'), letters(p, 'l')} {
		if b.hasForm(string(form)) || b.hasForm(alphanumeric(form)) || b.periods && datedPeriod(form, p) {
			return true
		}
	}
	return false
}

func (b *banned) hasForm(text string) bool {
	if b.whole[text] {
		return true
	}
	for _, w := range b.inside {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// plain is lower case without accents and compatibility forms, so that Pässwörd
// reads as passwort's sister.
func plain(text string) []rune {
	var out []rune
	for _, r := range norm.NFKD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			out = append(out, unicode.ToLower(r))
		}
	}
	return out
}

// letters reads the usual digits and signs as letters; one is 'i' or 'l', since
// "1" stands for both. The result is as long as the text.
func letters(text []rune, one rune) []rune {
	read := map[rune]rune{
		'0': 'o', '1': one, '!': 'i', '|': one, '3': 'e', '4': 'a', '@': 'a',
		'5': 's', '$': 's', '7': 't', '+': 't', '8': 'b', '€': 'e', 'ß': 's',
	}
	out := make([]rune, len(text))
	for i, r := range text {
		out[i] = r
		if l, ok := read[r]; ok {
			out[i] = l
		}
	}
	return out
}

func alphanumeric(text []rune) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, string(text))
}

// datedPeriod finds a period's name in form, and behind it in the text itself,
// after up to two other characters, two digits. A short name ("may") counts only
// where a word begins.
func datedPeriod(form, text []rune) bool {
	for _, word := range periods {
		w := []rune(word)
		for at := 0; at+len(w) <= len(form); at++ {
			begins := at == 0 || !unicode.IsLetter(text[at-1]) || len(w) > minInside
			if begins && string(form[at:at+len(w)]) == word && yearFollows(text[at+len(w):]) {
				return true
			}
		}
	}
	return false
}

func yearFollows(rest []rune) bool {
	for skip := 0; skip <= 2 && skip+1 < len(rest); skip++ {
		if isDigit(rest[skip]) && isDigit(rest[skip+1]) {
			return true
		}
		if isDigit(rest[skip]) || unicode.IsLetter(rest[skip]) {
			return false
		}
	}
	return false
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// readWords reads one word a line; empty lines and lines that begin with # are
// left out.
func readWords(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open banned words: %w", err)
	}
	defer f.Close()
	var words []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		word := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if malformed(word) {
			return nil, fmt.Errorf("%s:%d: not UTF-8 text", path, n)
		}
		words = append(words, word)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read banned words: %w", err)
	}
	return words, nil
}
