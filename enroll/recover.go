package enroll

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// A way in without a passkey names somebody, so nothing that it answers before the
// proofs are right may tell whether there is such a person, and what they hold. The
// edge gives every answer in the same time.

const (
	placeRecover = "ceremony/recover/v1"
	// RecoverValid is how long the name stays given.
	RecoverValid = 15 * time.Minute
	// RecoveredValid is how long a session without a passkey lives.
	RecoveredValid = 15 * time.Minute
	// maxAnswers bounds the proofs of one try.
	maxAnswers = 4
	maxAnswer  = 512 // bytes of one: a password has 256 characters
)

// way is what a browser's token for it holds, sealed. Of a name that nobody has it
// holds the zero account, and is as long.
type way struct {
	Account ad.GUID `json:"a"`
	Name    []byte  `json:"m"` // SHA-256 of it, however it is spelled, for limits that count unknown names too
	Act     string  `json:"k"`
	End     int64   `json:"e"` // unix milliseconds
	Nonce   []byte  `json:"n"`
	// Sent are the codes that went out, Asked the questions.
	Sent  map[ProofKind]sent `json:"s,omitempty"`
	Asked []string           `json:"q,omitempty"`
}

// Suffices says whether these proofs let the account do the act: nil, or
// ErrRecoverRefused where they are not enough. Anything else is told as it is: by
// then the proofs were right.
type Suffices func(ctx context.Context, person ad.Account, proved []ProofKind) error

// BeginRecovery takes a name and what it is for, and returns the questions that are
// asked where the policy takes answers. It answers alike whether anybody has that
// name and whether the directory could be asked, and keeps nothing.
func (s *Service) BeginRecovery(ctx context.Context, name, act string) (secret.Text, []Question, error) {
	account := s.named(ctx, name)
	nonce, err := s.random(16)
	if err != nil {
		return secret.Text{}, nil, err
	}
	said := sha256.Sum256([]byte(bareName(name)))
	asked := s.drawn(name)
	token, err := s.sealWay(way{
		Account: account, Name: said[:], Act: act, End: s.now().Add(RecoverValid).UnixMilli(), Nonce: nonce, Asked: idsOf(asked),
	})
	return token, asked, err
}

func (s *Service) sealWay(w way) (secret.Text, error) {
	plain, err := json.Marshal(w)
	if err != nil {
		return secret.Text{}, fmt.Errorf("encode recovery: %w", err)
	}
	return secret.New(base64.RawURLEncoding.EncodeToString(s.cfg.Sealer.Seal(placeRecover, plain))), nil
}

// named is the zero account for a name that nobody has, and for one that can't be
// looked up: of several domains one may answer while another does not, and a failure
// would tell the names of the one from those that nobody has.
func (s *Service) named(ctx context.Context, name string) ad.GUID {
	if s.cfg.Names == nil {
		return ad.GUID{}
	}
	account, err := s.cfg.Names(ctx, name)
	if err != nil {
		if !errors.Is(err, ad.ErrNotFound) {
			s.log.Error("name of a way in not looked up", slog.Any("error", err))
		}
		return ad.GUID{}
	}
	return account
}

// Recovery is what a token was given for, and whose tries count.
type Recovery struct {
	Account ad.GUID // zero where nobody has the name
	Name    string  // its hash
	Act     string
}

// RecoveryOf opens a token. ErrNoCeremony for one that is none or too old.
func (s *Service) RecoveryOf(token secret.Text) (Recovery, error) {
	w, err := s.openWay(token)
	return Recovery{w.Account, hex.EncodeToString(w.Name), w.Act}, err
}

func (s *Service) openWay(token secret.Text) (way, error) {
	var w way
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil {
		return way{}, fmt.Errorf("open recovery: %w", ErrNoCeremony)
	}
	plain, err := s.cfg.Sealer.Open(placeRecover, sealed)
	if err != nil || json.Unmarshal(plain, &w) != nil {
		return way{}, fmt.Errorf("open recovery: %w", ErrNoCeremony)
	}
	end := time.UnixMilli(w.End)
	if now := s.now(); !now.Before(end) || end.After(now.Add(RecoverValid+spentKept)) {
		return way{}, fmt.Errorf("open recovery: %w", ErrNoCeremony)
	}
	return w, nil
}

// FinishRecovery checks the proofs, all of them, and makes a session of fifteen
// minutes whose proofs count for the one act. Nothing is used up unless all are right
// and enough. A try that was refused may be made again with the same token. Errors:
// ErrNoCeremony, ErrRecoverRefused, what suffices says.
func (s *Service) FinishRecovery(ctx context.Context, token secret.Text, answers []Answer, from Client, suffices Suffices) (Session, secret.Text, error) {
	w, err := s.openWay(token)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	spent := Ceremony{
		ID: spentID(hex.EncodeToString(w.Nonce)), Purpose: PurposeRecover,
		Created: s.now(), Expires: time.UnixMilli(w.End).Add(spentKept).UTC(),
	}
	session, cookie, err := s.recover(ctx, w, spent, answers, from, suffices)
	if err != nil {
		return Session{}, secret.Text{}, s.refusedRecovery(ctx, w.Account, from, err)
	}
	return session, cookie, nil
}

// recover reads nothing of the account before the proofs are right, but where one of
// them is compared with the directory: a wrong code takes as long for every name.
func (s *Service) recover(ctx context.Context, w way, spent Ceremony, answers []Answer, from Client, suffices Suffices) (Session, secret.Text, error) {
	none := secret.Text{}
	from.Remember = false
	session, cookie, err := s.newSession(w.Account, nil, from)
	if err != nil {
		return Session{}, none, err
	}
	session.Expires = session.SignedIn.Add(RecoveredValid)
	uses, err := s.check(ctx, attempt{
		account: w.Account, nonce: w.Nonce, sent: w.Sent, asked: s.settings().Proofs.byID(w.Asked),
		proof: Proof{
			Account: w.Account, Session: session.ID,
			Label: LabelRecover, Statement: RecoverStatement(w.Account, w.Act),
		},
		person: func(ctx context.Context) (ad.Account, error) { return s.account(ctx, w.Account) },
	}, answers)
	if err != nil {
		return Session{}, none, s.hidden(err)
	}
	if w.Account.IsZero() {
		return Session{}, none, because("nobody has the name")
	}
	// Who has a recovery code guesses nothing: what is left takes the time that it takes. Of
	// what could be guessed it must not show in that either that it was right.
	if isSure(uses) && !from.waits() {
		return Session{}, none, errAnswered
	}
	person, err := s.account(ctx, w.Account)
	if err != nil {
		return Session{}, none, s.hidden(err)
	}
	kinds := make([]ProofKind, len(uses))
	for i, u := range uses {
		kinds[i] = u.Proof.Kind
	}
	if err := suffices(ctx, person, kinds); err != nil {
		return Session{}, none, err
	}
	if !from.waits() {
		return Session{}, none, errAnswered
	}
	err = s.store.Recovered(ctx, spent, uses, session, s.recoveredEvent(w, session, uses, from))
	if errors.Is(err, ErrWrongCode) || errors.Is(err, ErrNoFactor) {
		return Session{}, none, because("used by another try just now")
	}
	if errors.Is(err, ErrNoCeremony) { // begun anew it would do, so the answer says that; the log has that it was tried
		_ = s.refusedRecovery(ctx, w.Account, from, because("right, and the way in was used before")) // or said in the server's log
		return Session{}, none, err
	}
	if err != nil {
		return Session{}, none, fmt.Errorf("store recovery: %w", err)
	}
	session.Person = &person
	return session, cookie, nil
}

func isSure(uses []FactorUse) bool {
	return slices.ContainsFunc(uses, func(u FactorUse) bool { return !Guessable(u.Proof.Kind) })
}

// hidden makes one refusal of all that may be wrong before the proofs are right, a
// failure among it: there is none for a name that nobody has. The log has which.
func (s *Service) hidden(err error) error {
	var why *recoverRefusal
	switch {
	case errors.As(err, &why):
		return why
	case errors.Is(err, ErrWrongCode), errors.Is(err, ErrFactorLocked), errors.Is(err, ErrNoTries):
		return because("a wrong proof")
	}
	s.log.Error("way in refused", slog.Any("error", err))
	return because("a failure")
}

// RefuseRecovery is the refusal of a try that is not even looked at, with its event.
func (s *Service) RefuseRecovery(ctx context.Context, of Recovery, from Client, why string) error {
	return s.refusedRecovery(ctx, of.Account, from, because(why))
}

// Braked records that a limit was met that closes something for more than one person,
// which whoever runs the server is told: audit.RecoverBraked or audit.WordsBraked.
func (s *Service) Braked(ctx context.Context, what audit.Action) error {
	e := audit.Event{Time: s.now(), Action: what, Actor: audit.ActorSystem, Outcome: audit.OK, Detail: map[string]any{}}
	if err := s.store.Record(ctx, e); err != nil {
		return fmt.Errorf("record brake: %w", err)
	}
	return nil
}

// errAnswered: it took so long that the refusal went out before.
var errAnswered = because("right, and too late: the directory or the database is slow")

// refusal of a recovery: why goes to the log, and nowhere else.
type recoverRefusal struct{ why string }

func because(why string) error { return &recoverRefusal{why} }

func (r *recoverRefusal) Error() string { return "recovery: " + r.why }
func (r *recoverRefusal) Unwrap() error { return ErrRecoverRefused }

// refusedRecovery records the refusal. What the answer is does not depend on whether
// that went well, but that a store that fails is told as such by the next step.
func (s *Service) refusedRecovery(ctx context.Context, account ad.GUID, from Client, err error) error {
	if errors.Is(err, ErrNoCeremony) {
		return err
	}
	e := s.refusal(audit.RecoverRefused, account, from, err)
	if code := wordCode(err); code != "" { // also where the rules refused, whose errors are not this package's
		e.Outcome, e.Reason = audit.Denied, code
	}
	var why *recoverRefusal
	if errors.As(err, &why) {
		e.Detail["why"] = why.why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTime)
	defer cancel()
	if rerr := s.store.Record(ctx, e); rerr != nil {
		s.log.Error("refusal not recorded", slog.String("action", string(e.Action)), slog.Any("error", rerr))
		return errors.Join(err, rerr)
	}
	return err
}

func (s *Service) recoveredEvent(w way, session Session, uses []FactorUse, from Client) audit.Event {
	e := s.event(audit.Recovered, w.Account)
	e.Detail["proofs"], e.Detail["proof_kinds"] = usesOf(uses)
	e.Detail["session"], e.Detail["for"] = session.ID, w.Act
	return withClient(e, from)
}
