package enroll

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/secret"
)

// save keeps a ceremony with the library's session data as one blob, and returns
// the browser's token for it.
func (s *Service) save(ctx context.Context, c Ceremony, data *webauthn.SessionData) (secret.Text, error) {
	blob, err := json.Marshal(data)
	if err != nil {
		return secret.Text{}, fmt.Errorf("encode ceremony: %w", err)
	}
	c.Data = blob
	return s.saveFor(ctx, c, s.cfg.CeremonyTimeout)
}

func (s *Service) saveFor(ctx context.Context, c Ceremony, valid time.Duration) (secret.Text, error) {
	token, id, err := s.token()
	if err != nil {
		return secret.Text{}, err
	}
	c.ID, c.Created = id, s.now()
	c.Expires = c.Created.Add(valid)
	if err := s.store.SaveCeremony(ctx, c, s.cfg.MaxCeremonies); err != nil {
		return secret.Text{}, fmt.Errorf("save ceremony: %w", err)
	}
	return token, nil
}

// take consumes a ceremony. Nothing brings it back, whatever happens after. It
// must belong to the session (the zero one for an enrolment).
func (s *Service) take(ctx context.Context, token secret.Text, purpose Purpose, of Session) (Ceremony, webauthn.SessionData, error) {
	var data webauthn.SessionData
	c, err := s.store.TakeCeremony(ctx, tokenID(token), purpose, s.now())
	if err != nil {
		return Ceremony{}, data, fmt.Errorf("take ceremony: %w", err)
	}
	bound := c.Session == of.ID && (of.ID == "" || c.Account == of.Account)
	if c.Purpose != purpose || !s.now().Before(c.Expires) || !bound {
		return Ceremony{}, data, fmt.Errorf("take ceremony: %w", ErrNoCeremony)
	}
	if err := json.Unmarshal(c.Data, &data); err != nil {
		return Ceremony{}, data, fmt.Errorf("decode ceremony: %w", err)
	}
	return c, data, nil
}

// challengeHolds recomputes a step-up's challenge from what the row says and
// compares it with the one that was sent, so that a signature covers this label
// and statement, or nothing is verified.
func challengeHolds(c Ceremony, data webauthn.SessionData) bool {
	sent, err := base64.RawURLEncoding.DecodeString(data.Challenge)
	if err != nil || len(c.Nonce) != NonceLen {
		return false
	}
	return bytes.Equal(sent, Challenge(c.Label, c.Nonce, c.Statement))
}
