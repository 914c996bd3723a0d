package enroll

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// SentCode is a code on its way.
type SentCode struct {
	Kind     ProofKind // ProofMailCode or ProofSMSCode
	To       string    // a bare mail address, or a number as +4912345 (ITU-T E.164)
	Code     secret.Text
	Language string // BCP 47, or ""
	// Stranger: nobody is signed in who asked for it. Such codes have limits of their
	// own, so that a stranger uses up nobody else's.
	Stranger bool
	// Known: such a stranger in a browser that a passkey of the person was used in, whose
	// codes have limits of their own again.
	Known bool
	// From is the network that a stranger asks from.
	From string
}

// Courier brings codes to people.
type Courier interface {
	// Bring hands a code to the mail server or the gateway, and returns once it was
	// taken. Errors: ErrNotSent, ErrAddress, ErrCountry, ErrSentOften.
	Bring(ctx context.Context, c SentCode) error
}

// What a code that is sent answers.
var (
	// ErrNotSent: the mail server or the gateway is down, slow, or answers nonsense.
	ErrNotSent = errors.New("code.not-sent")
	// ErrAddress: it is no mail address, or no number with its country.
	ErrAddress = errors.New("proof.address")
	// ErrOwnMailbox: the address is of the mailbox that the account itself opens.
	ErrOwnMailbox = errors.New("proof.address-own")
	// ErrCountry: the organisation sends nothing to that country.
	ErrCountry = errors.New("proof.address-country")
	// ErrSentOften: too many codes went to that address or country.
	// How long until another goes, SentOften has.
	ErrSentOften = errors.New("code.too-many")
	// ErrNoAddress: the directory has none, and none was verified.
	ErrNoAddress = errors.New("proof.no-address")
)

// SentOften is ErrSentOften with the wait.
type SentOften struct {
	Wait time.Duration
	// Country is the one whose codes are used up, where whoever runs the server is to hear
	// of it; else "".
	Country string
}

func (e SentOften) Error() string        { return ErrSentOften.Error() }
func (e SentOften) Is(target error) bool { return target == ErrSentOften }

// RetryAfter is how long until another code goes there.
func (e SentOften) RetryAfter() time.Duration { return e.Wait }

const (
	// SentValid is how long a code is taken.
	SentValid   = 10 * time.Minute
	sentDigits  = 8
	sendTimeout = 15 * time.Second
	maxSending  = 16 // codes of strangers on their way at once
	addressMost = 5  // wrong codes while an address is verified
)

// sent is one code in a token: its hash, bound to the token's nonce and the kind, and
// where it went. All of them are as long for a name that nobody has.
type sent struct {
	Hash []byte `json:"h"`
	// Held is which verified address it went to, hashed: one that was replaced since
	// opens nothing any more.
	Held []byte `json:"f"`
	End  int64  `json:"e"` // unix milliseconds
}

func newSent(nonce []byte, kind ProofKind, code string, factors []Factor, end time.Time) sent {
	return sent{sentHash(nonce, kind, code), heldHash(factors, kind), end.UnixMilli()}
}

func heldHash(factors []Factor, kind ProofKind) []byte {
	f, _ := one(factors, kind)
	h := sha256.Sum256([]byte("latchkey/held/v1\x00" + f.ID))
	return h[:]
}

func sentHash(nonce []byte, kind ProofKind, code string) []byte {
	h := sha256.New()
	h.Write([]byte("latchkey/code/v1\x00" + string(kind) + "\x00"))
	h.Write(nonce)
	h.Write([]byte(code))
	return h.Sum(nil)
}

// newCode draws eight digits; 2^64 is so much more that no digit is likelier.
func (s *Service) newCode() (string, error) {
	b, err := s.random(8)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", sentDigits, binary.BigEndian.Uint64(b)%100_000_000), nil
}

func (c sent) is(nonce []byte, kind ProofKind, typed string, factors []Factor, now time.Time) bool {
	same := subtle.ConstantTimeCompare(c.Hash, sentHash(nonce, kind, bareDigits(typed))) == 1
	return same && subtle.ConstantTimeCompare(c.Held, heldHash(factors, kind)) == 1 && now.Before(time.UnixMilli(c.End))
}

func sendable(kind ProofKind) bool { return kind == ProofMailCode || kind == ProofSMSCode }

// SendRecovery sends a code for a way in, and returns the token that takes it. It
// answers alike whether anything was sent: that goes on behind the answer, and not at
// all where no rule takes such a code (wanted).
func (s *Service) SendRecovery(ctx context.Context, token secret.Text, kind ProofKind, wanted bool, from Client) (secret.Text, error) {
	w, err := s.openWay(token)
	if err != nil {
		return secret.Text{}, err
	}
	if !sendable(kind) {
		return secret.Text{}, fmt.Errorf("send code: %w", ErrNoFactor)
	}
	code, err := s.newCode()
	if err != nil {
		return secret.Text{}, err
	}
	if w.Sent == nil {
		w.Sent = map[ProofKind]sent{}
	}
	factors, err := s.store.Factors(ctx, w.Account)
	if err != nil {
		return secret.Text{}, fmt.Errorf("list proofs: %w", err)
	}
	w.Sent[kind] = newSent(w.Nonce, kind, code, s.inForce(factors), s.now().Add(SentValid))
	if !wanted {
		return s.sealWay(w)
	}
	s.behind(ctx, s.sending, func(ctx context.Context) { s.sendTo(ctx, w.Account, kind, code, from) })
	return s.sealWay(w)
}

// sendTo sends a code to whoever there is, also where the account is frozen: with it they
// are told that it is, and may ask for a thaw. Why not is for the log.
func (s *Service) sendTo(ctx context.Context, account ad.GUID, kind ProofKind, code string, from Client) {
	if account.IsZero() {
		return
	}
	err := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, sendTimeout)
		defer cancel()
		a, err := s.present(ctx, account)
		if err == nil && a.Protected != ad.NotProtected {
			err = ad.ErrProtected
		}
		if err == nil {
			_, err = s.bring(ctx, a, SentCode{Kind: kind, Stranger: true, Known: from.Known, From: from.Network}, code)
		}
		return err
	}(ctx)
	if err != nil {
		s.log.Warn("a code of a way in was not sent", slog.String("kind", string(kind)), slog.Any("error", err))
	}
	if err := s.recordSent(ctx, account, kind, "", from, err); err != nil {
		s.log.Error("a code of a way in is not recorded", slog.String("kind", string(kind)), slog.Any("error", err))
	}
}

// bring sends a code to the person's address, and returns that.
func (s *Service) bring(ctx context.Context, a ad.Account, c SentCode, code string) (string, error) {
	factors, err := s.store.Factors(ctx, a.GUID)
	if err != nil {
		return "", fmt.Errorf("list proofs: %w", err)
	}
	if c.To, _ = s.addressOf(a, factors, c.Kind); c.To == "" {
		return "", fmt.Errorf("send code: %w", ErrNoAddress)
	}
	return c.To, s.deliver(ctx, a, c, code)
}

func (s *Service) deliver(ctx context.Context, a ad.Account, c SentCode, code string) error {
	if s.cfg.Courier == nil {
		return fmt.Errorf("send code: %w", ErrNotSent)
	}
	c.Code, c.Language = secret.New(grouped(code, 4, " ")), a.Language
	if err := s.cfg.Courier.Bring(ctx, c); err != nil {
		return fmt.Errorf("send code: %w", err)
	}
	return nil
}

// recorded is recordSent for somebody who is signed in, and who is told what went wrong.
func (s *Service) recorded(ctx context.Context, account ad.GUID, kind ProofKind, of Session, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTime)
	defer cancel()
	if rerr := s.recordSent(ctx, account, kind, of.ID, Client{Device: of.Device, Address: of.Address}, err); rerr != nil {
		return errors.Join(err, fmt.Errorf("record code: %w", rerr))
	}
	return err
}

// recordSent keeps that a code left, or why none did; where it went stands nowhere. What
// the limits held back is no event, which would fill the log in place of the mailbox, but
// that a country's codes are used up.
// session is that of who asked; "" for a stranger.
func (s *Service) recordSent(ctx context.Context, account ad.GUID, kind ProofKind, session string, from Client, err error) error {
	if errors.Is(err, ErrSentOften) {
		var often SentOften
		if !errors.As(err, &often) || often.Country == "" {
			return nil
		}
		e := audit.Event{Time: s.now(), Action: audit.CodesUsedUp, Actor: audit.ActorSystem, Outcome: audit.OK}
		e.Detail = map[string]any{"country": often.Country, "signed_in": session != ""}
		return s.store.Record(ctx, e)
	}
	e := withClient(s.event(audit.CodeSent, account), from)
	e.Detail["proof_kind"] = string(kind)
	if session == "" {
		e.Actor = audit.ActorAnonymous
	} else {
		e.Detail["session"] = session
	}
	if err != nil {
		e.Outcome, e.Reason = audit.Failed, cmp.Or(Code(err), "internal")
	}
	return s.store.Record(ctx, e)
}

// hold keeps a proof of the person in place of the one before.
func (s *Service) hold(ctx context.Context, of Session, kind ProofKind, text []byte) error {
	id, err := s.random(16)
	if err != nil {
		return err
	}
	f := Factor{ID: hex.EncodeToString(id), Account: of.Account, Kind: kind, Secret: text, Step: -1, Created: s.now()}
	e := withClient(s.factorEvent(audit.ProofMade, of.Account, kind), Client{Device: of.Device, Address: of.Address})
	if err := s.store.ReplaceFactors(ctx, of.Account, kind, []Factor{f}, e); err != nil {
		return fmt.Errorf("keep proof: %w", err)
	}
	return nil
}

// ProofSettings are those that count now.
func (s *Service) ProofSettings() ProofSettings { return s.settings().Proofs }
