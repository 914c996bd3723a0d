package enroll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// assertion is a response that was parsed, and whose signature verified against
// a registered passkey of account.
type assertion struct {
	parsed  *protocol.ParsedCredentialAssertionData
	id      []byte
	account ad.GUID
	key     []byte    // that it verified against
	of      Attested  // likewise
	kind    ProofKind // that it proves
}

func parseAssertion(body []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(body) > maxBody {
		return nil, fmt.Errorf("assertion of %d bytes: %w", len(body), ErrMalformed)
	}
	parsed, err := parseResponse(body)
	if err != nil {
		return nil, fmt.Errorf("parse assertion: %w", ErrMalformed)
	}
	return parsed, nil
}

// parseResponse has the library check what it would have decoded itself.
func parseResponse(body []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if plain, ok := plainResponse(body); ok {
		return plain.Parse()
	}
	return protocol.ParseCredentialRequestResponseBytes(body)
}

// verifySignIn finds whose passkey answered. The credential ID names the passkey, the
// user handle the person, and both must agree. What is remembered of the passkey
// spares a read where the signature verifies against it: whether that is still the
// person's passkey, and the ceremony was not taken before, is decided by the
// transaction that signs in (see advance). Nothing is refused by what is remembered.
// A ceremony that is known to be taken costs no signature and asks no directory.
func (s *Service) verifySignIn(ctx context.Context, data webauthn.SessionData, spent Ceremony, body []byte) (assertion, error) {
	parsed, err := parseAssertion(body)
	if err != nil {
		return assertion{}, err
	}
	if c, ok := s.store.LastSigner(spent, parsed.RawID, parsed.Response.UserHandle); ok {
		if a, err := s.verifySigner(c, data, parsed); err == nil {
			return a, nil
		}
	}
	c, err := s.store.Signer(ctx, spent, parsed.RawID, parsed.Response.UserHandle)
	if err != nil {
		return assertion{}, fmt.Errorf("find passkey: %w", err)
	}
	if c.Spent {
		return assertion{}, fmt.Errorf("take ceremony: %w", ErrNoCeremony)
	}
	a, err := s.verifySigner(c, data, parsed)
	if err != nil {
		return a, s.why(err, parsed.Response.CollectedClientData, parsed.Response.AuthenticatorData)
	}
	return a, nil
}

// verifySigner returns the library's refusal as it is.
func (s *Service) verifySigner(c Signer, data webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) (assertion, error) {
	a := assertion{
		parsed: parsed, id: c.ID, account: c.Account, key: c.Record.PublicKey, of: c.Attested,
		kind: s.proves(c.Credential, parsed.Response.AuthenticatorData),
	}
	if !c.Owns {
		return a, errors.New("user handle of somebody else")
	}
	who := person{handle: parsed.Response.UserHandle, credentials: []webauthn.Credential{candidate(c.Record, parsed)}}
	find := func(_, _ []byte) (webauthn.User, error) { return who, nil }
	if _, _, err := s.rp().ValidatePasskeyLogin(find, data, parsed); err != nil {
		return a, err
	}
	return a, verifiedUser(parsed.Response.AuthenticatorData)
}

// verifyStepUp holds the response to the person's own passkeys and to the
// challenge of the session data, which the caller has recomputed.
func (s *Service) verifyStepUp(ctx context.Context, who Session, data webauthn.SessionData, body []byte) (assertion, error) {
	parsed, err := parseAssertion(body)
	if err != nil {
		return assertion{}, err
	}
	a := assertion{parsed: parsed, id: parsed.RawID, account: who.Account}
	user, err := s.person(ctx, ad.Account{GUID: who.Account})
	if err != nil {
		return a, err
	}
	i := slices.IndexFunc(user.credentials, func(c webauthn.Credential) bool { return string(c.ID) == string(parsed.RawID) })
	if i < 0 {
		return a, fmt.Errorf("find passkey: %w", ErrNoCredential)
	}
	a.kind, a.key, a.of = s.proves(user.own[i], parsed.Response.AuthenticatorData), user.credentials[i].PublicKey, user.own[i].Attested
	user.credentials[i] = candidate(user.credentials[i], parsed)
	if _, err := s.rp().ValidateLogin(user, data, parsed); err != nil {
		return a, s.why(err, parsed.Response.CollectedClientData, parsed.Response.AuthenticatorData)
	}
	return a, verifiedUser(parsed.Response.AuthenticatorData)
}

// candidate lets a passkey become backup eligible, and never the other way:
// passkeys made before their provider synced report BE=1 later, and the library
// would refuse them for good. The store learns it only after the signature
// verified (see advance).
func candidate(c webauthn.Credential, parsed *protocol.ParsedCredentialAssertionData) webauthn.Credential {
	if parsed.Response.AuthenticatorData.Flags.HasBackupEligible() {
		c.Flags.BackupEligible = true
	}
	return c
}

// verifiedUser reads UV from this ceremony: the flag in the record is latched
// and says nothing about now.
func verifiedUser(data protocol.AuthenticatorData) error {
	if !data.Flags.HasUserVerified() {
		return ErrNotVerified
	}
	return nil
}

// why turns the library's refusal into a sentinel. Its own texts may hold
// challenges, so they go nowhere but the short ones to the log.
func (s *Service) why(err error, client protocol.CollectedClientData, data protocol.AuthenticatorData) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		s.log.Info("passkey response refused", slog.String("type", e.Type), slog.String("details", e.Details))
	}
	switch {
	case !s.allowed(client.Origin):
		return fmt.Errorf("verify: %w", ErrOrigin)
	case !data.Flags.HasUserVerified():
		return fmt.Errorf("verify: %w", ErrNotVerified)
	}
	return fmt.Errorf("verify: %w", ErrRefused)
}

// allowed only tells two refusals apart; the library has judged already.
func (s *Service) allowed(origin string) bool {
	if _, err := url.Parse(origin); err != nil {
		return false
	}
	return slices.ContainsFunc(s.cfg.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
}

// advance writes an assertion's sign count, backup flags and time into the
// passkey as the store's transaction sees it, and returns the events to add. A
// sign count that did not advance is ErrCloned and changes nothing.
func (s *Service) advance(a assertion, events ...audit.Event) func(*Credential) ([]audit.Event, error) {
	now := s.now()
	return func(c *Credential) ([]audit.Event, error) {
		data := a.parsed.Response.AuthenticatorData
		if c.Account != a.account || c.Attested != a.of || !bytes.Equal(c.Record.PublicKey, a.key) {
			return nil, ErrNoCredential
		}
		if c.Record.Flags.BackupEligible && !data.Flags.HasBackupEligible() {
			return nil, ErrRefused
		}
		auth := c.Record.Authenticator
		auth.CloneWarning = false
		if auth.UpdateCounter(data.Counter); auth.CloneWarning {
			return nil, ErrCloned
		}
		out := slices.Clone(events)
		if !c.Record.Flags.BackupEligible && data.Flags.HasBackupEligible() {
			out = append(out, s.passkeyEvent(audit.PasskeyBackupFlip, a.account, c.ID))
		}
		auth.CloneWarning = c.Record.Authenticator.CloneWarning
		c.Record.Authenticator = auth
		c.Record.Flags = c.Record.Flags.Update(data.Flags)
		c.LastUsed = now
		return out, nil
	}
}

// commit stores an assertion whole. After a clone's refusal the warning stays on the
// passkey, with its event.
func (s *Service) commit(ctx context.Context, a assertion, proof Proof, session *Session, events ...audit.Event) error {
	err := s.store.Asserted(ctx, a.id, s.advance(a, events...), proof, session)
	if errors.Is(err, ErrCloned) {
		err = errors.Join(err, s.store.UpdateCredential(ctx, a.id, s.cloned(a)))
	}
	if err != nil {
		return fmt.Errorf("store assertion: %w", err)
	}
	return nil
}

// cloned leaves the warning of a clone on the passkey.
func (s *Service) cloned(a assertion) func(*Credential) ([]audit.Event, error) {
	return func(c *Credential) ([]audit.Event, error) {
		c.Record.Authenticator.CloneWarning = true
		e := s.passkeyEvent(audit.PasskeyCloneWarning, a.account, c.ID)
		e.Outcome, e.Reason = audit.Denied, ErrCloned.Error()
		e.Detail["sign_count_stored"] = int64(c.Record.Authenticator.SignCount)
		e.Detail["sign_count_asserted"] = int64(a.parsed.Response.AuthenticatorData.Counter)
		return []audit.Event{e}, nil
	}
}

// receipt keeps the assertion as it was signed; nonce is nil for a sign-in.
func (a assertion) receipt(nonce []byte) Receipt {
	r := a.parsed.Raw.AssertionResponse
	return Receipt{
		CredentialID:      a.id,
		ClientDataJSON:    r.ClientDataJSON,
		AuthenticatorData: r.AuthenticatorData,
		Signature:         r.Signature,
		Nonce:             nonce,
	}
}
