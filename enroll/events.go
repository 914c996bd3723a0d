package enroll

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// event is about one account, done by its owner, with outcome ok.
func (s *Service) event(action audit.Action, account ad.GUID) audit.Event {
	who := account.String()
	return audit.Event{
		Time: s.now(), Action: action, Outcome: audit.OK,
		Actor: who, Target: who,
		Detail: map[string]any{}, Personal: map[string]string{},
	}
}

func (s *Service) passkeyEvent(action audit.Action, account ad.GUID, id []byte) audit.Event {
	e := s.event(action, account)
	e.Detail[audit.DetailCredential] = audit.Base64(id)
	return e
}

// registeredEvent holds the public key, so that receipts can be checked from the
// log alone.
func (s *Service) registeredEvent(c Credential) audit.Event {
	e := s.passkeyEvent(audit.PasskeyRegistered, c.Account, c.ID)
	e.Detail[audit.DetailPublicKey] = audit.Base64(c.Record.PublicKey)
	e.Detail["attestation_format"] = c.Record.AttestationFormat
	e.Detail["backup_eligible"] = c.Record.Flags.BackupEligible
	e.Detail["backup_state"] = c.Record.Flags.BackupState
	e.Detail["sign_count"] = int64(c.Record.Authenticator.SignCount)
	e.Detail["attested"] = c.Attested.Model != ""
	if id, err := uuid.FromBytes(c.Record.Authenticator.AAGUID); err == nil {
		e.Detail["aaguid"] = id.String()
	}
	e.Personal["name"] = c.Name
	return e
}

// signedInEvent holds the assertion. It is no receipt in the log's sense: its
// challenge was random and covers no statement.
func (s *Service) signedInEvent(p Proof, from Client) audit.Event {
	e := s.passkeyEvent(audit.SignedIn, p.Account, p.Receipt.CredentialID)
	e.Detail["proof"], e.Detail["session"] = p.ID, p.Session
	e.Detail["client_data"] = audit.Base64(p.Receipt.ClientDataJSON)
	e.Detail["authenticator_data"] = audit.Base64(p.Receipt.AuthenticatorData)
	e.Detail["signature"] = audit.Base64(p.Receipt.Signature)
	return withClient(e, from)
}

// steppedUpEvent holds the whole receipt, which the log's verifier checks.
func (s *Service) steppedUpEvent(p Proof) audit.Event {
	e := s.event(audit.SteppedUp, p.Account)
	e.Detail["proof"], e.Detail["session"] = p.ID, p.Session
	audit.Receipt{
		Label: p.Label, Nonce: p.Receipt.Nonce, Statement: p.Statement,
		CredentialID:      p.Receipt.CredentialID,
		ClientDataJSON:    p.Receipt.ClientDataJSON,
		AuthenticatorData: p.Receipt.AuthenticatorData,
		Signature:         p.Receipt.Signature,
	}.AddTo(e.Detail)
	return e
}

// withClient adds where it came from; both are personal.
func withClient(e audit.Event, from Client) audit.Event {
	if d := tidy(from.Device, maxDevice); d != "" {
		e.Personal["device"] = d
	}
	if a := tidy(from.Address, maxDevice); a != "" {
		e.Personal["address"] = a
	}
	return e
}

// maxDevice bounds a device's or an address's text in characters.
const maxDevice = 100

// refused records a refusal and returns err. account is zero where the passkey
// told nobody's. The answer stays a refusal when the record fails too.
func (s *Service) refused(ctx context.Context, action audit.Action, account ad.GUID, from Client, err error) error {
	if rerr := s.store.Record(ctx, s.refusal(action, account, from, err)); rerr != nil {
		s.log.Error("refusal not recorded", slog.String("action", string(action)), slog.Any("error", rerr))
		return errors.Join(err, rerr)
	}
	return err
}

func (s *Service) refusal(action audit.Action, account ad.GUID, from Client, err error) audit.Event {
	e := withClient(s.event(action, account), from)
	e.Actor, e.Outcome, e.Reason = audit.ActorAnonymous, audit.Denied, Code(err)
	if account.IsZero() {
		e.Target = ""
	}
	if e.Reason == "" { // a fault of the store or the directory, not a refusal
		e.Outcome, e.Reason = audit.Failed, "internal"
	}
	return e
}

// codes are this package's sentinels, whose texts are stable.
var codes = []error{
	ErrNoCeremony, ErrNoCredential, ErrDuplicate, ErrNoSession, ErrNoInvitation, ErrLastPasskey, ErrNoProof,
	ErrInvitationUsed, ErrInvitationExpired, ErrInvitationRevoked, ErrInvitationTries,
	ErrMalformed, ErrRefused, ErrOrigin, ErrNotVerified, ErrCloned, ErrNotDiscoverable, ErrNotHardware, ErrTooMany, ErrName, ErrGone, ErrFrozen,
	ErrStatement, ErrWrongProof, ErrOldProof, ErrNoGrant, ErrPasswordNotAsked, ErrNotNow, ErrNoTries,
	ErrNoFactor, ErrClock, ErrWrongCode, ErrFactorLocked, ErrRecovered, ErrRecoverRefused, ErrNotSent, ErrNoAddress, ErrSentOften, ErrCountry, ErrOwnMailbox,
}

// Code returns the stable code of an error of this package or of the directory
// beneath it, and "" for any other.
func Code(err error) string {
	for _, known := range codes {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	var cause ad.Cause
	if errors.As(err, &cause) {
		return string(cause)
	}
	return ""
}
