package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

// Answer is one proof as it was typed: Value, or for questions Answers in the order
// in which they were asked.
type Answer struct {
	Kind    ProofKind
	Value   secret.Text
	Answers []secret.Text
	// Apart: the edge counted it apart from strangers' tries, whose rest is not its.
	Apart bool
}

// attempt is what answers are held against.
type attempt struct {
	account ad.GUID // zero for a name that nobody has
	nonce   []byte
	sent    map[ProofKind]sent
	asked   []Question
	// proof is bound to what it is for; its id, kind and time are set here.
	proof Proof
	// own: the person is signed in, so that a try costs none of what strangers share.
	own bool
	// apart is the answer's.
	apart bool
	// person reads the account; it is read only where a kind needs it.
	person func(context.Context) (ad.Account, error)
}

// check finds what each answer uses up. A kind counts once. Every answer is looked
// at, and as long for an account that holds nothing, or that is none.
func (s *Service) check(ctx context.Context, t attempt, answers []Answer) ([]FactorUse, error) {
	factors, err := s.store.Factors(ctx, t.account)
	if err != nil {
		return nil, fmt.Errorf("list proofs: %w", err)
	}
	factors = s.inForce(factors)
	if len(answers) == 0 || len(answers) > maxAnswers {
		return nil, because("no proof, or too many")
	}
	var uses []FactorUse
	var wrong []error
	seen := map[ProofKind]bool{}
	answers = inOrder(answers)
	for _, a := range answers {
		if seen[a.Kind] {
			return nil, because("a proof twice")
		}
		seen[a.Kind] = true
		if len(wrong) > 0 && (NeedsDirectory(a.Kind) || answers[0].Kind == ProofRecoveryCode) {
			break // nothing is tried for what is refused anyway
		}
		use, err := s.answered(ctx, t, factors, a)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", a.Kind, err))
			continue
		}
		now := s.now()
		id, err := s.proofID(now)
		if err != nil {
			return nil, err
		}
		use.Proof = t.proof
		use.Proof.ID, use.Proof.Kind, use.Proof.At = id, a.Kind, now
		uses = append(uses, use)
	}
	return uses, errors.Join(wrong...)
}

// inOrder has a recovery code first, which nobody guesses, and what the directory is
// asked for last: a wrong code costs no try of the others.
func inOrder(answers []Answer) []Answer {
	rank := func(k ProofKind) int {
		switch k {
		case ProofRecoveryCode:
			return -1
		case ProofPassword:
			return 2
		case ProofDirectory:
			return 1
		}
		return 0
	}
	out := slices.Clone(answers)
	slices.SortStableFunc(out, func(a, b Answer) int { return rank(a.Kind) - rank(b.Kind) })
	return out
}

// NeedsDirectory says whether the directory is asked before an answer of this kind is
// right.
func NeedsDirectory(kind ProofKind) bool { return kind == ProofPassword || kind == ProofDirectory }

// answered finds what one answer uses up. An error is ErrWrongCode, ErrFactorLocked
// or a fault.
func (s *Service) answered(ctx context.Context, t attempt, factors []Factor, a Answer) (FactorUse, error) {
	typed := a.Value.Reveal()
	t.apart = a.Apart
	if len(typed) > maxAnswer {
		return FactorUse{}, ErrWrongCode
	}
	switch a.Kind {
	case ProofRecoveryCode:
		return found(s.useCode(t.account, factors, typed))
	case ProofTOTP:
		return s.useTOTP(ctx, t, factors, typed)
	case ProofMailCode, ProofSMSCode:
		if c, ok := t.sent[a.Kind]; !ok || !c.is(t.nonce, a.Kind, typed, factors, s.now()) {
			return FactorUse{}, ErrWrongCode
		}
		return s.useSent(factors, a.Kind), nil
	case ProofPIN:
		return s.usePIN(ctx, t, factors, typed)
	case ProofQuestions:
		return s.useAnswers(ctx, t, factors, a.Answers)
	case ProofDirectory:
		return FactorUse{}, s.knows(ctx, t, typed)
	case ProofPassword:
		return FactorUse{}, s.provePassword(ctx, t, a.Value)
	}
	return FactorUse{}, ErrWrongCode
}

func found(f Factor, fn func(*Factor) error, ok bool) (FactorUse, error) {
	if !ok {
		return FactorUse{}, ErrWrongCode
	}
	return FactorUse{ID: f.ID, Fn: fn}, nil
}

// useSent notes the use of an address that was verified here; one of the directory
// is kept nowhere. The token that held the code is spent with it.
func (s *Service) useSent(factors []Factor, kind ProofKind) FactorUse {
	f, ok := one(factors, kind)
	if !ok {
		return FactorUse{}
	}
	return FactorUse{ID: f.ID, Fn: done(kind, s.now())}
}

// knows compares what the directory has, without regard to case and spaces.
func (s *Service) knows(ctx context.Context, t attempt, typed string) error {
	name := strings.ToLower(s.settings().Proofs.Directory)
	if name == "" || t.account.IsZero() {
		return ErrWrongCode
	}
	a, err := t.person(ctx)
	if err != nil {
		return err
	}
	want := sha256.Sum256([]byte(normalised(typed)))
	right := false
	for _, value := range a.Attributes[name] {
		have := sha256.Sum256([]byte(normalised(value)))
		right = subtle.ConstantTimeCompare(have[:], want[:]) == 1 && normalised(value) != "" || right
	}
	if !right {
		return ErrWrongCode
	}
	return nil
}

// provePassword tries the current password once, on a connection of its own: not where
// that could come within two of the directory's lockout threshold (for strangers, past
// half of it), and never of a protected account, for which nothing is done anyway. (For a
// frozen one: see sendTo.)
func (s *Service) provePassword(ctx context.Context, t attempt, password secret.Text) error {
	if t.account.IsZero() {
		return ErrWrongCode
	}
	leave, err := s.turn(ctx, t)
	if err != nil {
		return err
	}
	defer leave()
	a, err := s.present(ctx, t.account)
	if err != nil {
		return err
	}
	if a.Protected != ad.NotProtected {
		return ErrWrongCode
	}
	if s.doubts.has(t.account, s.now()) {
		return ErrNoTries
	}
	limit, err := s.triesAllowed(ctx, a, !t.own)
	if err != nil {
		return err
	}
	if limit == unknownTries && a.BadPasswords >= unknownTries {
		return ErrNoTries
	}
	err = s.checkPassword(ctx, t.account, password)
	if err == nil || errors.Is(err, ad.ErrMustChange) || errors.Is(err, ad.ErrPasswordExpired) {
		return nil
	}
	if errors.Is(err, ad.ErrWrongPassword) {
		return ErrWrongCode
	}
	return err
}

// turn is the account's turn. A stranger does not wait for it: how long that takes
// would tell that there is such an account.
func (s *Service) turn(ctx context.Context, t attempt) (leave func(), err error) {
	if !t.own {
		if leave, ok := s.gates.try(t.account); ok {
			return leave, nil
		}
		return nil, ErrWrongCode
	}
	if leave, err = s.gates.enter(ctx, t.account); err != nil {
		return nil, fmt.Errorf("prove password: %w", err)
	}
	return leave, nil
}
