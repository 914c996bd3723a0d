package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
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
	person func() (ad.Account, error)
}

// check finds what each answer uses up. A kind counts once. Every answer is looked
// at, and as long for an account that holds nothing, or that is none.
func (s *Service) check(ctx context.Context, t attempt, answers []Answer) ([]FactorUse, error) {
	factors, err := s.store.Factors(ctx, t.account)
	if err != nil {
		return nil, fmt.Errorf("list proofs: %w", err)
	}
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
		if len(wrong) > 0 && (needsDirectory(a.Kind) || answers[0].Kind == ProofRecoveryCode) {
			break // nothing is tried for what is refused anyway
		}
		use, err := s.answered(ctx, t, factors, a)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", a.Kind, err))
			continue
		}
		id, err := s.random(16)
		if err != nil {
			return nil, err
		}
		use.Proof = t.proof
		use.Proof.ID, use.Proof.Kind, use.Proof.At = hex.EncodeToString(id), a.Kind, s.now()
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

func needsDirectory(kind ProofKind) bool { return kind == ProofPassword || kind == ProofDirectory }

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
		return FactorUse{}, s.knows(t, typed)
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
func (s *Service) knows(t attempt, typed string) error {
	name := strings.ToLower(s.settings().Proofs.Directory)
	if name == "" || t.account.IsZero() {
		return ErrWrongCode
	}
	a, err := t.person()
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
// half of it), and never of a protected account, for which nothing is done anyway.
func (s *Service) provePassword(ctx context.Context, t attempt, password secret.Text) error {
	if t.account.IsZero() {
		return ErrWrongCode
	}
	leave, err := s.turn(ctx, t)
	if err != nil {
		return err
	}
	defer leave()
	a, err := s.enrollable(ctx, t.account)
	if err != nil {
		return err
	}
	if a.Protected != ad.NotProtected {
		return ErrWrongCode
	}
	limit, err := s.triesAllowed(ctx, a, !t.own)
	if err != nil {
		return err
	}
	if limit == unknownTries && a.BadPasswords >= unknownTries {
		return ErrNoTries
	}
	err = s.directory.CheckPassword(ctx, t.account, password)
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

// Asking is what a signed-in person needs to give further proofs.
type Asking struct {
	Token     secret.Text
	Sent      map[ProofKind]string // masked addresses, by the kind of code that went there
	Questions []Question
}

// asking is what the token of it holds, sealed.
type asking struct {
	Account ad.GUID            `json:"a"`
	Session string             `json:"i"`
	Sent    map[ProofKind]sent `json:"s"`
	Asked   []string           `json:"q"`
	Nonce   []byte             `json:"n"`
	End     int64              `json:"e"` // unix milliseconds
}

const placeAsking = "ceremony/ask/v1"

// Ask sends codes to the person, and draws questions, for proofs of these kinds.
// Errors: ErrNoAddress, ErrNoFactor where they answered no questions, those of Courier.
func (s *Service) Ask(ctx context.Context, of Session, kinds []ProofKind) (Asking, error) {
	a, err := s.enrollable(ctx, of.Account)
	if err != nil {
		return Asking{}, err
	}
	nonce, err := s.random(16)
	if err != nil {
		return Asking{}, err
	}
	held := asking{Account: of.Account, Session: of.ID, Sent: map[ProofKind]sent{}, Nonce: nonce, End: s.now().Add(SentValid).UnixMilli()}
	out := Asking{Sent: map[ProofKind]string{}}
	factors, err := s.store.Factors(ctx, of.Account)
	if err != nil {
		return Asking{}, fmt.Errorf("list proofs: %w", err)
	}
	for i, kind := range kinds {
		switch {
		case slices.Contains(kinds[:i], kind): // one code is enough
		case sendable(kind):
			code, err := s.newCode()
			if err != nil {
				return Asking{}, err
			}
			to, err := s.bring(ctx, a, kind, code, false)
			if err != nil {
				return Asking{}, err
			}
			out.Sent[kind] = Masked(kind, to)
			held.Sent[kind] = newSent(nonce, kind, code, factors, time.UnixMilli(held.End))
		case kind == ProofQuestions:
			if out.Questions = s.drawn(of.Account.String()); !answeredAll(factors, out.Questions) {
				return Asking{}, fmt.Errorf("ask: %w", ErrNoFactor)
			}
			held.Asked = idsOf(out.Questions)
		}
	}
	plain, err := json.Marshal(held)
	if err != nil {
		return Asking{}, fmt.Errorf("encode asking: %w", err)
	}
	out.Token = secret.New(base64.RawURLEncoding.EncodeToString(s.cfg.Sealer.Seal(placeAsking, plain)))
	return out, nil
}

func idsOf(questions []Question) (ids []string) {
	for _, q := range questions {
		ids = append(ids, q.ID)
	}
	return ids
}

// byID finds questions of the list again; one that is asked no more is left out, and
// then the answers do not fit.
func (p ProofSettings) byID(ids []string) (out []Question) {
	for _, id := range ids {
		if i := slices.IndexFunc(p.Questions, func(q Question) bool { return q.ID == id }); i >= 0 {
			out = append(out, p.Questions[i])
		}
	}
	return out
}

// Answer checks further proofs of a signed-in person, all of them, and returns them
// bound to label and statement. Nothing is used up unless all are right. Errors:
// ErrNoCeremony for the token of Ask, ErrWrongCode, a ClockError, ErrFactorLocked, faults.
func (s *Service) Answer(ctx context.Context, of Session, token secret.Text, label string, statement []byte, answers []Answer) ([]Proof, error) {
	if err := checkStatement(label, statement); err != nil {
		return nil, err
	}
	held, err := s.openAsking(of, token)
	if err != nil {
		return nil, err
	}
	if _, err := s.enrollable(ctx, of.Account); err != nil {
		return nil, err
	}
	uses, err := s.check(ctx, attempt{
		account: of.Account, nonce: held.Nonce, sent: held.Sent, asked: s.settings().Proofs.byID(held.Asked),
		proof: Proof{Account: of.Account, Session: of.ID, Label: label, Statement: statement}, own: true,
		person: func() (ad.Account, error) { return s.account(ctx, of.Account) },
	}, answers)
	if err == nil {
		err = s.store.Answered(ctx, held.spent(s.now()), uses, s.answeredEvent(of, uses))
	}
	if err != nil {
		return nil, s.wrongAnswer(ctx, of, err)
	}
	proofs := make([]Proof, len(uses))
	for i, u := range uses {
		proofs[i] = u.Proof
	}
	return proofs, nil
}

func (s *Service) openAsking(of Session, token secret.Text) (asking, error) {
	var held asking
	if token.Reveal() == "" { // nothing was asked: what is typed is held by the person
		nonce, err := s.random(16)
		return asking{Account: of.Account, Session: of.ID, Nonce: nonce, End: s.now().Add(SentValid).UnixMilli()}, err
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil {
		return held, fmt.Errorf("open asking: %w", ErrNoCeremony)
	}
	plain, err := s.cfg.Sealer.Open(placeAsking, sealed)
	if err != nil || json.Unmarshal(plain, &held) != nil {
		return held, fmt.Errorf("open asking: %w", ErrNoCeremony)
	}
	end := time.UnixMilli(held.End)
	if now := s.now(); !now.Before(end) || end.After(now.Add(SentValid+spentKept)) || held.Session != of.ID || held.Account != of.Account {
		return held, fmt.Errorf("open asking: %w", ErrNoCeremony)
	}
	return held, nil
}

// spent is the token as it is kept once it was used.
func (a asking) spent(now time.Time) Ceremony {
	return Ceremony{
		ID: spentID(hex.EncodeToString(a.Nonce)), Purpose: PurposeRecover,
		Created: now, Expires: time.UnixMilli(a.End).Add(spentKept).UTC(),
	}
}

func (s *Service) answeredEvent(of Session, uses []FactorUse) audit.Event {
	e := s.event(audit.Answered, of.Account)
	e.Detail["proofs"], e.Detail["proof_kinds"] = usesOf(uses)
	e.Detail["session"] = of.ID
	return withClient(e, Client{Device: of.Device, Address: of.Address})
}

func usesOf(uses []FactorUse) (ids, kinds []string) {
	ids, kinds = make([]string, 0, len(uses)), make([]string, 0, len(uses))
	for _, u := range uses {
		ids, kinds = append(ids, u.Proof.ID), append(kinds, string(u.Proof.Kind))
	}
	return ids, kinds
}

// wrongAnswer records a refusal, and tells what the person may know: they are signed
// in, and it is their own.
func (s *Service) wrongAnswer(ctx context.Context, of Session, err error) error {
	e := s.refusal(audit.AnswerRefused, of.Account, Client{Device: of.Device, Address: of.Address}, err)
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTime)
	defer cancel()
	if rerr := s.store.Record(rctx, e); rerr != nil {
		s.log.Error("refusal not recorded", slog.String("action", string(e.Action)), slog.Any("error", rerr))
		return errors.Join(err, rerr)
	}
	var why *recoverRefusal
	if errors.As(err, &why) {
		return fmt.Errorf("%s: %w", why.why, ErrWrongCode)
	}
	return err
}
