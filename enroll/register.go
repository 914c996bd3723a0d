package enroll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// BeginEnrol starts the registration that an invitation allows. Where it asks
// for the password, grant is what ProvePassword returned (ErrNoGrant else); it
// stays good for another attempt, until its ten minutes or the enrolment end it.
func (s *Service) BeginEnrol(ctx context.Context, token, grant secret.Text) (secret.Text, *protocol.CredentialCreation, error) {
	inv, err := s.invitation(ctx, token)
	if err != nil {
		return secret.Text{}, nil, s.refusedInvitation(ctx, inv, Client{}, err)
	}
	if err := s.checkGrant(ctx, inv, grant); err != nil {
		return secret.Text{}, nil, err
	}
	return s.beginCreation(ctx, Ceremony{Purpose: PurposeEnrol, Account: inv.Account, Invitation: inv.ID}, "")
}

func (s *Service) checkGrant(ctx context.Context, inv Invitation, grant secret.Text) error {
	if !inv.Password {
		return nil
	}
	c, err := s.store.Ceremony(ctx, tokenID(grant), PurposeEnrolGrant, s.now())
	if errors.Is(err, ErrNoCeremony) {
		return fmt.Errorf("find grant: %w", ErrNoGrant)
	}
	if err != nil {
		return fmt.Errorf("find grant: %w", err)
	}
	if c.Purpose != PurposeEnrolGrant || c.Invitation != inv.ID || c.Account != inv.Account || !s.now().Before(c.Expires) {
		return fmt.Errorf("find grant: %w", ErrNoGrant)
	}
	return nil
}

// FinishEnrol uses the invitation up, adds the passkey and signs in, all or
// nothing. Errors: ErrName (before anything is taken), ErrNoCeremony, those of an
// invitation, those of an account that may not enrol, ErrMalformed, ErrOrigin,
// ErrNotVerified, ErrNotDiscoverable, ErrNotHardware, ErrDuplicate, ErrRefused.
func (s *Service) FinishEnrol(ctx context.Context, token secret.Text, name string, body []byte, from Client) (Session, secret.Text, error) {
	name, err := checkName(name)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	c, data, err := s.take(ctx, token, PurposeEnrol, Session{})
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	session, cookie, err := s.enrol(ctx, c, data, name, body, from)
	if err != nil {
		return Session{}, secret.Text{}, s.refused(ctx, audit.PasskeyRefused, c.Account, from, err)
	}
	return session, cookie, nil
}

func (s *Service) enrol(ctx context.Context, c Ceremony, data webauthn.SessionData, name string, body []byte, from Client) (Session, secret.Text, error) {
	inv, err := s.openInvitation(ctx, c.Invitation)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	cred, err := s.created(ctx, c, data, name, body, from)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	session, cookie, err := s.newSession(c.Account, cred.ID, from)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	used := withClient(s.event(audit.InvitationUsed, c.Account), from)
	used.Detail["invitation"] = c.Invitation
	in := withClient(s.passkeyEvent(audit.SignedIn, c.Account, cred.ID), from)
	in.Detail["session"], in.Detail["invitation"] = session.ID, c.Invitation
	if err := s.store.Enrol(ctx, c.Invitation, s.now(), cred, session, s.toldToo(ctx, inv), used, s.registeredEvent(cred), in); err != nil {
		return Session{}, secret.Text{}, fmt.Errorf("store enrolment: %w", err)
	}
	return session, cookie, nil
}

// toldToo is who else is told of an invitation's passkey. A passkey of the person made a
// link of their own, so nobody else is told of that. A manager who can't be found keeps
// nobody from a new phone: the person's own channels are told in any case.
func (s *Service) toldToo(ctx context.Context, inv Invitation) []Notice {
	if s.cfg.ToldToo == nil || inv.By == inv.Account.String() {
		return nil
	}
	others, err := s.cfg.ToldToo(ctx, inv.Account)
	if err != nil {
		s.log.Error("manager not told of a new passkey, if there was one before", slog.String("invitation", inv.ID), slog.Any("error", err))
		return nil
	}
	return others
}

// BeginRegister starts the registration of another passkey on this device. It
// consumes a proof of FinishStepUp with LabelAddPasskey over
// AddPasskeyStatement. Errors: ErrNoProof, ErrWrongProof, ErrOldProof,
// ErrTooMany, those of an account that may not enrol.
func (s *Service) BeginRegister(ctx context.Context, of Session, proof Proof) (secret.Text, *protocol.CredentialCreation, error) {
	if err := s.spendToAdd(ctx, of, proof, "passkey.register"); err != nil {
		return secret.Text{}, nil, err
	}
	return s.beginCreation(ctx, Ceremony{Purpose: PurposeRegister, Account: of.Account, Session: of.ID}, of.Address)
}

// InviteSelf makes a link for another device of the signed-in person, good for
// ten minutes and without a password. It consumes the same proof.
func (s *Service) InviteSelf(ctx context.Context, of Session, proof Proof) (secret.Text, time.Time, error) {
	if err := s.spendToAdd(ctx, of, proof, "passkey.invite"); err != nil {
		return secret.Text{}, time.Time{}, err
	}
	token, inv, err := s.invite(ctx, of.Account, of.Account.String(), false, SelfInvitationValid)
	return token, inv.Expires, err
}

// spendToAdd looks at everything else first, so that no touch is wasted.
func (s *Service) spendToAdd(ctx context.Context, of Session, proof Proof, use string) error {
	if _, err := s.enrollable(ctx, of.Account); err != nil {
		return err
	}
	if err := s.room(ctx, of.Account); err != nil {
		return err
	}
	return s.spend(ctx, of, proof.ID, LabelAddPasskey, AddPasskeyStatement(of.Account), use)
}

func (s *Service) room(ctx context.Context, account ad.GUID) error {
	own, err := s.store.Credentials(ctx, account)
	if err != nil {
		return fmt.Errorf("list passkeys: %w", err)
	}
	if len(own) >= s.cfg.MaxPasskeys {
		return fmt.Errorf("add passkey: %w", ErrTooMany)
	}
	return nil
}

// FinishRegister adds the passkey. Errors as for FinishEnrol, without those of
// invitations.
func (s *Service) FinishRegister(ctx context.Context, of Session, token secret.Text, name string, body []byte) (Credential, error) {
	name, err := checkName(name)
	if err != nil {
		return Credential{}, err
	}
	c, data, err := s.take(ctx, token, PurposeRegister, of)
	if err != nil {
		return Credential{}, err
	}
	from := Client{Device: of.Device, Address: of.Address}
	cred, err := s.created(ctx, c, data, name, body, from)
	if err == nil {
		err = s.store.AddCredential(ctx, cred, withClient(s.registeredEvent(cred), from))
	}
	if err != nil {
		err = fmt.Errorf("register passkey: %w", err)
		return Credential{}, s.refused(ctx, audit.PasskeyRefused, of.Account, from, err)
	}
	return cred, nil
}

// beginCreation asks for a discoverable credential with user verification, in
// the three algorithms that every authenticator has one of, and not on an
// authenticator that holds one of the person's already. Where nothing but a hardware key
// will do the browser asks for one; what it makes is looked at in created.
func (s *Service) beginCreation(ctx context.Context, c Ceremony, address string) (secret.Text, *protocol.CredentialCreation, error) {
	a, err := s.enrollable(ctx, c.Account)
	if err != nil {
		return secret.Text{}, nil, err
	}
	if err := s.room(ctx, c.Account); err != nil {
		return secret.Text{}, nil, err
	}
	user, err := s.person(ctx, a)
	if err != nil {
		return secret.Text{}, nil, err
	}
	with := []webauthn.RegistrationOption{
		webauthn.WithExclusions(webauthn.Credentials(user.credentials).CredentialDescriptors()),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()),
		webauthn.WithExtensions(webauthn.WithExtensionCredProps()),
	}
	if only, err := s.hardwareOnly(ctx, a, address); only && err == nil {
		with = append(with, webauthn.WithPublicKeyCredentialHints(s.settings().Proofs.Hardware.hints()))
	}
	options, data, err := s.rp().BeginRegistration(user, with...)
	if err != nil {
		return secret.Text{}, nil, fmt.Errorf("begin registration: %w", err)
	}
	token, err := s.save(ctx, c, data)
	return token, options, err
}

// created verifies a registration and makes the passkey of it. The account is
// asked for again: minutes may have passed since the ceremony began.
func (s *Service) created(ctx context.Context, c Ceremony, data webauthn.SessionData, name string, body []byte, from Client) (Credential, error) {
	if len(body) > maxBody {
		return Credential{}, fmt.Errorf("credential of %d bytes: %w", len(body), ErrMalformed)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		return Credential{}, fmt.Errorf("parse credential: %w", ErrMalformed)
	}
	a, err := s.enrollable(ctx, c.Account)
	if err != nil {
		return Credential{}, err
	}
	user, err := s.person(ctx, a)
	if err != nil {
		return Credential{}, err
	}
	record, attested, err := s.verifyCreation(user, data, parsed)
	authData := parsed.Response.AttestationObject.AuthData
	if err != nil {
		return Credential{}, s.why(err, parsed.Response.CollectedClientData, authData)
	}
	if err := verifiedUser(authData); err != nil {
		return Credential{}, err
	}
	if rk := record.Extensions.RK; rk != nil && !*rk {
		return Credential{}, ErrNotDiscoverable
	}
	made := Credential{ID: record.ID, Account: c.Account, Name: name, Record: *record, Attested: attested, Created: s.now()}
	if s.IsHardware(made) {
		return made, nil
	}
	if only, err := s.hardwareOnly(ctx, a, from.Address); only {
		return Credential{}, errors.Join(ErrNotHardware, err)
	}
	return made, nil
}

// Registered is a passkey that was made and is not kept yet: whoever allowed it keeps
// it, with what happens to the others.
type Registered struct {
	Credential Credential
	// Alone: the account's other passkeys go, with the sessions that they opened but
	// not Keep, and with its own links.
	Alone bool
	Keep  string
	// Event is of the registration, Removed of a passkey that goes. It does no I/O, and
	// may run again.
	Event   audit.Event
	Removed func(Credential) audit.Event
	Links   Withdrawal
}

// BeginReplacement starts the registration of a passkey that something else than a
// passkey allowed; by names it, and comes back from FinishReplacement. Errors: those
// of an account that may not enrol, ErrTooMany.
func (s *Service) BeginReplacement(ctx context.Context, of Session, by string) (secret.Text, *protocol.CredentialCreation, error) {
	return s.beginCreation(ctx, Ceremony{Purpose: PurposeReplace, Account: of.Account, Session: of.ID, Statement: []byte(by)}, of.Address)
}

// FinishReplacement verifies the registration and keeps nothing. Errors as for
// FinishRegister; ErrNoCeremony also where it was begun by something else.
func (s *Service) FinishReplacement(ctx context.Context, of Session, by string, token secret.Text, name string, body []byte, alone bool) (Registered, error) {
	name, err := checkName(name)
	if err != nil {
		return Registered{}, err
	}
	c, data, err := s.take(ctx, token, PurposeReplace, of)
	if err != nil {
		return Registered{}, err
	}
	if string(c.Statement) != by {
		return Registered{}, fmt.Errorf("take ceremony: %w", ErrNoCeremony)
	}
	from := Client{Device: of.Device, Address: of.Address}
	cred, err := s.created(ctx, c, data, name, body, from)
	if err != nil {
		return Registered{}, s.refused(ctx, audit.PasskeyRefused, of.Account, from, fmt.Errorf("register passkey: %w", err))
	}
	return Registered{
		Credential: cred, Alone: alone, Keep: of.ID,
		Event: withClient(s.registeredEvent(cred), from),
		Removed: func(gone Credential) audit.Event {
			e := s.passkeyEvent(audit.PasskeyRemoved, of.Account, gone.ID)
			e.Detail["replaced_by"] = audit.Base64(cred.ID)
			e.Personal["name"] = gone.Name
			return e
		},
		Links: s.withdrawal(of.Account.String()),
	}, nil
}
