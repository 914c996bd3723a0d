package password

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/trustelem/zxcvbn"

	"github.com/latchkey/latchkey/secret"
)

// JudgeConfig says what the organisation asks of a password beside the directory.
type JudgeConfig struct {
	// MinScore is the least zxcvbn score, 1 (weak) to 4 (very strong); 0 judges
	// no strength.
	MinScore int
	// Organisation holds words that belong to it (name, domain, product): they
	// are guessed first, and are banned.
	Organisation []string
	// Banned words beside a few built-in ones. From four characters on a word is
	// banned anywhere in a password, else as the whole. NoBuiltIn leaves the
	// built-in words and periods out.
	Banned     []string
	BannedFile string // one word a line; "" for none
	NoBuiltIn  bool
	// BreachedFile is a sorted file of SHA-1 hashes (see Breached); "" for none.
	BreachedFile string
}

// Judge judges what the directory doesn't: strength, banned words, breached
// passwords. It is safe for concurrent use, and remembers and logs nothing.
type Judge struct {
	minScore int
	words    []string
	banned   banned
	breached *Breached
}

// strengthInput bounds what zxcvbn sees, in characters: its time grows with the
// cube of the length. strengthWords bounds the words given along.
const (
	strengthInput = 64
	strengthWords = 64
)

// NewJudge reads the files that the configuration names.
func NewJudge(cfg JudgeConfig) (*Judge, error) {
	if cfg.MinScore < 0 || cfg.MinScore > 4 {
		return nil, fmt.Errorf("strength of %d: 0 to 4 expected", cfg.MinScore)
	}
	lists := [][]string{organisationWords(cfg.Organisation), cfg.Banned}
	if !cfg.NoBuiltIn {
		lists = append(lists, builtIn)
	}
	if cfg.BannedFile != "" {
		words, err := readWords(cfg.BannedFile)
		if err != nil {
			return nil, err
		}
		lists = append(lists, words)
	}
	j := &Judge{minScore: cfg.MinScore, words: cfg.Organisation, banned: newBanned(lists...)}
	j.banned.periods = !cfg.NoBuiltIn
	if cfg.BreachedFile == "" {
		return j, nil
	}
	b, err := OpenBreached(cfg.BreachedFile)
	if err != nil {
		return nil, err
	}
	j.breached = b
	return j, nil
}

// organisationWords adds the longer parts of names ("Miller" of "Miller & Sons").
func organisationWords(names []string) []string {
	words := slices.Clone(names)
	for _, name := range names {
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len([]rune(part)) > minInside {
				words = append(words, part)
			}
		}
	}
	return words
}

// Close closes the breached file.
func (j *Judge) Close() error {
	if j.breached == nil {
		return nil
	}
	return j.breached.Close()
}

// Demands says what it looks at.
func (j *Judge) Demands() Demands {
	return Demands{MinScore: j.minScore, Banned: len(j.banned.whole) > 0 || j.banned.periods, Breached: j.breached != nil}
}

// Judge returns a finding for each rule that it looked at: strength, banned,
// breached. What is malformed or too long is only told so; beside that it does
// not repeat Rules.Check. An error means that it could not
// tell; the password is then not to be tried.
func (j *Judge) Judge(ctx context.Context, rules Rules, value secret.Text) ([]Finding, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("judge password: %w", err)
	}
	pw := value.Reveal()
	if broken := (Rules{}).Check(pw); len(broken) > 0 {
		return broken, nil // bounds what follows
	}
	var found []Finding
	if need := max(j.minScore, rules.MinScore); need > 0 {
		score := strength(pw, slices.Concat(rules.Names, j.words))
		found = append(found, Finding{Code: CodeStrength, OK: score >= need, Have: strconv.Itoa(score), Want: strconv.Itoa(need)})
	}
	if j.Demands().Banned {
		found = append(found, Finding{Code: CodeBanned, OK: !j.banned.has(pw)})
	}
	if j.breached != nil {
		in, err := j.breached.Has(pw)
		if err != nil {
			return nil, fmt.Errorf("judge password: %w", err)
		}
		found = append(found, Finding{Code: CodeBreached, OK: !in})
	}
	return found, nil
}

// strength is zxcvbn's score of the first 64 characters, 0 to 4. What follows
// them could only make it better, and they suffice for the best score.
func strength(pw string, words []string) int {
	if r := []rune(pw); len(r) > strengthInput {
		pw = string(r[:strengthInput])
	}
	if len(words) > strengthWords {
		words = words[:strengthWords]
	}
	return zxcvbn.PasswordStrength(pw, words).Score
}
