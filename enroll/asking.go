package enroll

import (
	"bytes"
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
	About   []byte             `json:"f"` // see about
	Nonce   []byte             `json:"n"`
	End     int64              `json:"e"` // unix milliseconds
}

const placeAsking = "ceremony/ask/v1"

// Ask sends codes to the person, and draws questions, for proofs of these kinds that
// are to be bound to label and statement: a code is good for nothing else, wherever its
// owner types it. Errors: ErrStatement, ErrNoAddress, ErrNoFactor where they answered no
// questions, those of Courier.
func (s *Service) Ask(ctx context.Context, of Session, label string, statement []byte, kinds []ProofKind) (Asking, error) {
	if err := checkStatement(label, statement); err != nil {
		return Asking{}, err
	}
	a, err := s.enrollable(ctx, of.Account)
	if err != nil {
		return Asking{}, err
	}
	nonce, err := s.random(16)
	if err != nil {
		return Asking{}, err
	}
	held := asking{Account: of.Account, Session: of.ID, Sent: map[ProofKind]sent{}, About: about(label, statement), Nonce: nonce, End: s.now().Add(SentValid).UnixMilli()}
	out := Asking{Sent: map[ProofKind]string{}}
	factors, err := s.store.Factors(ctx, of.Account)
	if err != nil {
		return Asking{}, fmt.Errorf("list proofs: %w", err)
	}
	factors = s.inForce(factors)
	for i, kind := range kinds {
		switch {
		case slices.Contains(kinds[:i], kind): // one code is enough
		case sendable(kind):
			code, err := s.newCode()
			if err != nil {
				return Asking{}, err
			}
			to, err := s.bring(ctx, a, SentCode{Kind: kind}, code)
			if err = s.recorded(ctx, of.Account, kind, of, err); err != nil {
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

// about is what a code was asked for: SHA-256 over label, a zero byte and statement.
func about(label string, statement []byte) []byte {
	sum := sha256.Sum256(slices.Concat([]byte(label), []byte{0}, statement))
	return sum[:]
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
// ErrNoCeremony for the token of Ask, also where that was for something else, ErrWrongCode, a ClockError, ErrFactorLocked, faults.
func (s *Service) Answer(ctx context.Context, of Session, token secret.Text, label string, statement []byte, answers []Answer) ([]Proof, error) {
	if err := checkStatement(label, statement); err != nil {
		return nil, err
	}
	held, err := s.openAsking(of, token, about(label, statement))
	if err != nil {
		return nil, err
	}
	if _, err := s.enrollable(ctx, of.Account); err != nil {
		return nil, err
	}
	uses, err := s.check(ctx, attempt{
		account: of.Account, nonce: held.Nonce, sent: held.Sent, asked: s.settings().Proofs.byID(held.Asked),
		proof: Proof{Account: of.Account, Session: of.ID, Label: label, Statement: statement}, own: true,
		person: func(ctx context.Context) (ad.Account, error) { return s.account(ctx, of.Account) },
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

func (s *Service) openAsking(of Session, token secret.Text, about []byte) (asking, error) {
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
	if now := s.now(); !now.Before(end) || end.After(now.Add(SentValid+spentKept)) || held.Session != of.ID || held.Account != of.Account || !bytes.Equal(held.About, about) {
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
