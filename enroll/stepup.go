package enroll

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// BeginStepUp starts an assertion of the signed-in person that covers label and
// statement (see Challenge). The statement is opaque, and must hold no personal
// text, since it goes into the log for good. Only the person's own passkeys may
// answer. Errors: ErrStatement, ErrNoCredential, ErrGone, ad.ErrUnavailable, and ErrFrozen
// for what changes a way in.
func (s *Service) BeginStepUp(ctx context.Context, of Session, label string, statement []byte) (secret.Text, *protocol.CredentialAssertion, error) {
	if err := checkStatement(label, statement); err != nil {
		return secret.Text{}, nil, err
	}
	if changesAWayIn(label) { // before anybody touches a sensor for nothing
		if err := s.unfrozen(ctx, of.Account); err != nil {
			return secret.Text{}, nil, err
		}
	}
	a, err := s.account(ctx, of.Account)
	if err != nil {
		return secret.Text{}, nil, err
	}
	user, err := s.person(ctx, a)
	if err != nil {
		return secret.Text{}, nil, err
	}
	if len(user.credentials) == 0 {
		return secret.Text{}, nil, fmt.Errorf("begin step-up: %w", ErrNoCredential)
	}
	nonce, err := s.random(NonceLen)
	if err != nil {
		return secret.Text{}, nil, err
	}
	options, data, err := s.rp().BeginLogin(user, webauthn.WithChallenge(Challenge(label, nonce, statement)))
	if err != nil {
		return secret.Text{}, nil, fmt.Errorf("begin step-up: %w", err)
	}
	token, err := s.save(ctx, Ceremony{
		Purpose: PurposeStepUp, Account: of.Account, Session: of.ID,
		Label: label, Nonce: nonce, Statement: statement,
	}, data)
	return token, options, err
}

// changesAWayIn says whether a proof of the label adds, replaces or removes a way in. A
// frozen account's stay as they are: whoever holds the passkey may be who it was frozen
// against, and would leave its owner nothing to be let in by.
func changesAWayIn(label string) bool {
	switch label {
	case LabelAddPasskey, LabelRemovePasskey, LabelRecoveryCodes, LabelTOTP, LabelProof, LabelRemoveProof:
		return true
	}
	return false
}

// FinishStepUp returns the proof, bound to label and statement, and unconsumed.
// Errors: ErrNoCeremony (also for another session's ceremony), ErrMalformed,
// ErrNoCredential, ErrOrigin, ErrNotVerified, ErrCloned, ErrRefused.
func (s *Service) FinishStepUp(ctx context.Context, of Session, token secret.Text, body []byte) (Proof, error) {
	c, data, err := s.take(ctx, token, PurposeStepUp, of)
	if err != nil {
		return Proof{}, err
	}
	p, err := s.stepUp(ctx, of, c, data, body)
	if err != nil {
		from := Client{Device: of.Device, Address: of.Address}
		return Proof{}, s.refused(ctx, audit.StepUpRefused, of.Account, from, err)
	}
	return p, nil
}

func (s *Service) stepUp(ctx context.Context, of Session, c Ceremony, data webauthn.SessionData, body []byte) (Proof, error) {
	if !challengeHolds(c, data) {
		return Proof{}, errors.New("stored challenge covers another statement")
	}
	a, err := s.verifyStepUp(ctx, of, data, body)
	if err != nil {
		return Proof{}, err
	}
	p, err := s.newProof(a, of.ID, c.Nonce)
	if err != nil {
		return Proof{}, err
	}
	p.Label, p.Statement = c.Label, c.Statement
	return p, s.commit(ctx, a, p, nil, s.steppedUpEvent(p))
}
