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

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// A sign-in names nobody, so anybody may begin one, as often as they like. Nothing
// of it is kept: the browser's token is the ceremony itself, its end and its
// challenge, sealed. What is kept is that it was taken.

// Sealer seals for one place and opens what any of its keys sealed for it. All
// servers over one store share the keys. *secret.Box is one.
type Sealer interface {
	Seal(where string, plain []byte) []byte
	Open(where string, sealed []byte) ([]byte, error)
}

const (
	placeSignIn = "ceremony/sign-in/v1"
	endLen      = 8 // unix milliseconds, big-endian
	// spentKept is how much longer than the ceremony it is kept that it was taken:
	// a clock that is set back by less gives no second use.
	spentKept = time.Hour
)

// sealSignIn returns the token of a sign-in that was begun now.
func (s *Service) sealSignIn(data *webauthn.SessionData) (secret.Text, error) {
	challenge, err := base64.RawURLEncoding.DecodeString(data.Challenge)
	if err != nil {
		return secret.Text{}, fmt.Errorf("read challenge: %w", err)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(s.cfg.CeremonyTimeout).UnixMilli()))
	sealed := s.cfg.Sealer.Seal(placeSignIn, append(plain, challenge...))
	return secret.New(base64.RawURLEncoding.EncodeToString(sealed)), nil
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
	return data, Ceremony{
		ID: spentID(data.Challenge), Purpose: PurposeSignIn, Created: now, Expires: end.Add(spentKept),
	}, nil
}

// refusedSignIn takes the ceremony with the event of the refusal. A ceremony that
// was taken before tells nothing new: it is ErrNoCeremony, and no event.
func (s *Service) refusedSignIn(ctx context.Context, spent Ceremony, account ad.GUID, from Client, err error) error {
	if errors.Is(err, ErrNoCeremony) {
		return err
	}
	serr := s.store.SpendCeremony(ctx, spent, s.refusal(audit.SignInRefused, account, from, err))
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
	plain, err := s.cfg.Sealer.Open(placeSignIn, sealed)
	if err != nil || len(plain) <= endLen {
		return nil, end, false
	}
	return plain[endLen:], time.UnixMilli(int64(binary.BigEndian.Uint64(plain))).UTC(), true
}
