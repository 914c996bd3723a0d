package enroll

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// A sign-in names nobody, so anybody may begin one, as often as they like. Nothing
// of it is kept: the browser's token is the ceremony itself, its challenge, sealed.
// What is kept is that it was taken.
//
// The challenge begins with the ceremony's end, so that the authenticator signs it
// too: who holds the sealing key may seal an old challenge again, and its answer,
// which the log keeps, is over all the same.

// Sealer seals for one place and opens what any of its keys sealed for it. All
// servers over one store share the keys. *secret.Box is one.
type Sealer interface {
	Seal(where string, plain []byte) []byte
	Open(where string, sealed []byte) ([]byte, error)
	// MAC is the same for the same place and data, and nobody else can work it out.
	MAC(where string, data []byte) []byte
}

const (
	placeSignIn = "ceremony/sign-in/v2"
	// A challenge is its end, in unix milliseconds, big-endian, and random bytes.
	endLen       = 8
	randomLen    = 24 // WebAuthn §13.4.3 asks for 16 at least
	challengeLen = endLen + randomLen
	// spentKept is how much longer than the ceremony it is kept that it was taken:
	// a clock that is set back by less gives no second use. What is kept is found by
	// this end too: to change it is to forget what was taken before.
	spentKept = time.Hour
	// refusalTime is how long a refusal waits for the store.
	refusalTime = 10 * time.Second
)

// newChallenge makes the challenge of a sign-in that begins now.
func (s *Service) newChallenge() ([]byte, error) {
	random, err := s.random(randomLen)
	if err != nil {
		return nil, err
	}
	end := s.now().Add(s.cfg.CeremonyTimeout).UnixMilli()
	return append(binary.BigEndian.AppendUint64(nil, uint64(end)), random...), nil
}

func (s *Service) sealSignIn(challenge []byte) secret.Text {
	return secret.New(base64.RawURLEncoding.EncodeToString(s.cfg.Sealer.Seal(placeSignIn, challenge)))
}

// signInOf opens the token of a sign-in, and returns what it is taken by, in the one
// transaction that writes what came of it: the session, or the refusal. It is known
// by its challenge, not by the token's text, of which there might be two spellings.
func (s *Service) signInOf(token secret.Text) (webauthn.SessionData, Ceremony, error) {
	challenge, end, ok := s.openSignIn(token)
	now := s.now()
	if !ok || !now.Before(end) || end.After(now.Add(s.cfg.CeremonyTimeout+spentKept)) {
		return webauthn.SessionData{}, Ceremony{}, fmt.Errorf("take ceremony: %w", ErrNoCeremony)
	}
	data := s.signIn
	data.Challenge = base64.RawURLEncoding.EncodeToString(challenge)
	return data, Ceremony{ID: spentID(data.Challenge), Purpose: PurposeSignIn, Created: now, Expires: end.Add(spentKept)}, nil
}

// refusedSignIn takes the ceremony with the event of the refusal and the warning of
// a clone. A ceremony that was taken before tells nothing new: it is ErrNoCeremony,
// and no event. One whose browser went away is taken all the same.
func (s *Service) refusedSignIn(ctx context.Context, spent Ceremony, a assertion, from Client, err error) error {
	if errors.Is(err, ErrNoCeremony) {
		return err
	}
	var change *PasskeyChange
	if errors.Is(err, ErrCloned) {
		change = &PasskeyChange{ID: a.id, Fn: s.cloned(a)}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTime)
	defer cancel()
	serr := s.store.SpendCeremony(ctx, spent, change, s.refusal(audit.SignInRefused, a.account, from, err))
	switch {
	case errors.Is(serr, ErrNoCeremony):
		return serr
	case serr != nil:
		s.log.Error("refusal not recorded", slog.String("action", string(audit.SignInRefused)), slog.Any("error", serr))
	}
	return errors.Join(err, serr)
}

// spentID is no id that a token could have: the browser knows the challenge, and
// must not be able to take the row away as a ceremony of another kind.
func spentID(challenge string) string { return "spent " + tokenID(secret.New(challenge)) }

func (s *Service) openSignIn(token secret.Text) (challenge []byte, end time.Time, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil {
		return nil, end, false
	}
	challenge, err = s.cfg.Sealer.Open(placeSignIn, sealed)
	if err != nil || len(challenge) != challengeLen {
		return nil, end, false
	}
	return challenge, time.UnixMilli(int64(binary.BigEndian.Uint64(challenge))).UTC(), true
}
