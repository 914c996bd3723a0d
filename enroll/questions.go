package enroll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/trustelem/zxcvbn"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

// Question is one that the organisation lets people choose.
type Question struct {
	ID      string
	English string
	German  string
}

// GivenAnswer is the answer to one question.
type GivenAnswer struct {
	ID    string
	Value secret.Text
}

// Why answers are not kept.
var (
	ErrAnswers          = errors.New("proof.answers") // not so many, or to a question that is not asked
	ErrAnswerShort      = errors.New("proof.answer-short")
	ErrAnswerInQuestion = errors.New("proof.answer-in-question")
	ErrAnswerRepeats    = errors.New("proof.answer-repeats")
	ErrAnswerCommon     = errors.New("proof.answer-common")
)

// AnswerError says of which question the answer is refused.
type AnswerError struct {
	ID    string
	Cause error
}

func (e *AnswerError) Error() string { return "answer to " + e.ID + ": " + e.Cause.Error() }
func (e *AnswerError) Unwrap() error { return e.Cause }

// normalised is an answer as it counts: letters and digits, without case, accents
// written in one way (Unicode NFKC).
func normalised(answer string) string {
	folded := cases.Fold().String(norm.NFKC.String(answer))
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, norm.NFKC.String(folded))
}

const (
	answerLeast    = 4 // characters that count
	answerDistinct = 3 // of them different
	// answerGuesses is how many others have to be tried first, as zxcvbn counts: names
	// and words that everybody knows, runs of keys and of digits need fewer.
	answerGuesses = 1000
)

// common answers of people who want to be through with it.
var common = []string{
	"unknown", "unbekannt", "none", "nothing", "keine", "keiner", "keins", "nichts", "test", "password", "passwort",
	"answer", "antwort", "secret", "geheim", "asdf", "qwerty", "qwertz", "abcd", "1234", "12345", "123456",
}

// SetAnswers keeps the answers in place of those before. They are judged before the
// proof, which is of LabelProof over ProofStatement, is used up: what the directory calls
// the person is no answer. Errors: ErrAnswers, an AnswerError, those of a proof.
func (s *Service) SetAnswers(ctx context.Context, of Session, proof Proof, given []GivenAnswer) error {
	p := s.settings().Proofs
	account, err := s.enrollable(ctx, of.Account)
	if err != nil {
		return err
	}
	if err := judgeAnswers(p, given, ownWords(account)); err != nil {
		return fmt.Errorf("set answers: %w", err)
	}
	if err := s.spend(ctx, of, proof.ID, LabelProof, ProofStatement(of.Account, ProofQuestions), "proof."+string(ProofQuestions)); err != nil {
		return err
	}
	kept := map[string]remembered{}
	for _, a := range given {
		r, err := s.remember(normalised(a.Value.Reveal()))
		if err != nil {
			return err
		}
		kept[a.ID] = r
	}
	text, err := encodeSecret(kept)
	if err != nil {
		return err
	}
	return s.hold(ctx, of, ProofQuestions, text)
}

// ownWords are guessed first by whoever knows the person: names, whole and in parts.
func ownWords(a ad.Account) (own []string) {
	local, _, _ := strings.Cut(a.UserPrincipalName, "@")
	for _, name := range []string{a.SAMAccountName, local, a.DisplayName, a.GivenName} {
		for _, word := range append(strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }), name) {
			if word = normalised(word); len([]rune(word)) >= answerDistinct && !slices.Contains(own, word) {
				own = append(own, word)
			}
		}
	}
	return own
}

func judgeAnswers(p ProofSettings, given []GivenAnswer, own []string) error {
	if len(given) != len(p.Questions) || len(given) == 0 {
		return ErrAnswers
	}
	seen := map[string]bool{}
	var texts []string
	for _, a := range given {
		i := slices.IndexFunc(p.Questions, func(q Question) bool { return q.ID == a.ID })
		if i < 0 || seen[a.ID] || len(a.Value.Reveal()) > maxAnswer {
			return ErrAnswers
		}
		seen[a.ID] = true
		text := normalised(a.Value.Reveal())
		if why := judgeAnswer(p.Questions[i], text, texts, own); why != nil {
			return &AnswerError{a.ID, why}
		}
		texts = append(texts, text)
	}
	return nil
}

func judgeAnswer(q Question, text string, others, own []string) error {
	distinct := map[rune]bool{}
	for _, r := range text {
		distinct[r] = true
	}
	switch {
	case len([]rune(text)) < answerLeast || len(distinct) < answerDistinct:
		return ErrAnswerShort
	case strings.Contains(normalised(q.English), text) || strings.Contains(normalised(q.German), text):
		return ErrAnswerInQuestion
	case slices.Contains(others, text):
		return ErrAnswerRepeats
	case slices.Contains(common, text) || guesses(text, own) < answerGuesses:
		return ErrAnswerCommon
	}
	return nil
}

// guesses of the beginning: the time to count them grows with the cube of the length.
func guesses(text string, own []string) float64 {
	const most = 48
	runes := []rune(text)
	return zxcvbn.PasswordStrength(string(runes[:min(len(runes), most)]), own).Guesses
}

// drawn are the questions that a name is asked: always the same ones of the whole
// list, as the name decides, so that nobody asks until the easy ones come. What its
// owner answered has no part in it, nor whether it has an owner, so that the questions
// tell nothing.
func (s *Service) drawn(name string) []Question {
	p := s.settings().Proofs
	list := slices.Clone(p.Questions)
	name = bareName(name)
	order := func(q Question) string {
		return string(s.cfg.Sealer.MAC("questions", []byte(q.ID+"\x00"+name)))
	}
	slices.SortFunc(list, func(a, b Question) int { return strings.Compare(order(a), order(b)) })
	return list[:min(p.AskCount, len(list))]
}

// bareName is what spellings of one name have in common: CORP\dana, dana@corp.example and
// Dána, which the directory takes for dana, are asked the same. Another name of the same
// person, such as a UPN with another local part, may bring other questions: whose a name
// is has no part in it. The limits by account count the tries of both.
func bareName(name string) string {
	if _, after, is := strings.Cut(name, `\`); is {
		name = after
	}
	name, _, _ = strings.Cut(name, "@")
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, norm.NFKD.String(cases.Fold().String(norm.NFKD.String(name))))
}

// answersEach says whether they answer each question of the list, which may have changed
// since. What can't be read is for whoever uses it to tell.
func answersEach(f Factor, list []Question) bool {
	kept := map[string]remembered{}
	if json.Unmarshal(f.Secret, &kept) != nil {
		return true
	}
	return len(list) > 0 && !slices.ContainsFunc(list, func(q Question) bool { _, answered := kept[q.ID]; return !answered })
}

// answeredAll says whether the person answered each of them.
func answeredAll(factors []Factor, asked []Question) bool {
	f, ok := one(factors, ProofQuestions)
	kept := map[string]remembered{}
	if !ok || len(asked) == 0 || json.Unmarshal(f.Secret, &kept) != nil {
		return false
	}
	return !slices.ContainsFunc(asked, func(q Question) bool { _, answered := kept[q.ID]; return !answered })
}

// useAnswers checks answers in the order that was asked. For whoever answered none
// the work is the same.
func (s *Service) useAnswers(ctx context.Context, t attempt, factors []Factor, typed []secret.Text) (FactorUse, error) {
	asked := t.asked
	f, held := one(factors, ProofQuestions)
	kept := map[string]remembered{}
	var locked error
	if held {
		if locked = s.begin(ctx, t, f); locked == nil && json.Unmarshal(f.Secret, &kept) != nil {
			return FactorUse{}, errors.New("read answers")
		}
	}
	if len(asked) == 0 || len(typed) != len(asked) {
		return FactorUse{}, ErrWrongCode
	}
	right := true
	for i, q := range asked {
		text := typed[i].Reveal()
		if len(text) > maxAnswer {
			text = ""
		}
		if !kept[q.ID].same(normalised(text)) {
			right = false
		}
	}
	if locked != nil {
		return FactorUse{}, locked
	}
	if !right {
		return FactorUse{}, ErrWrongCode
	}
	return FactorUse{ID: f.ID, Fn: done(ProofQuestions, s.now())}, nil
}
