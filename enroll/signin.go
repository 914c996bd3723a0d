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

// BeginSignIn starts a ceremony that names nobody, and keeps nothing of it. It
// returns the browser's token for it and the request options.
func (s *Service) BeginSignIn(context.Context) (secret.Text, *protocol.CredentialAssertion, error) {
	challenge, err := s.newChallenge()
	if err != nil {
		return secret.Text{}, nil, err
	}
	options, _, err := s.rp().BeginDiscoverableLogin(webauthn.WithChallenge(challenge))
	if err != nil {
		return secret.Text{}, nil, fmt.Errorf("begin sign-in: %w", err)
	}
	return s.sealSignIn(challenge), options, nil
}

// FinishSignIn verifies the assertion and makes a session; the cookie is its
// secret. The sign-in proof stays unconsumed. People who are locked, expired or
// disabled may sign in, to see so. Errors: ErrNoCeremony, ErrMalformed,
// ErrNoCredential, ErrOrigin, ErrNotVerified, ErrCloned, ErrRefused, ErrGone, and
// ad.ErrUnavailable, because nobody gets in whom the directory can't confirm.
func (s *Service) FinishSignIn(ctx context.Context, token secret.Text, body []byte, from Client) (Session, secret.Text, error) {
	data, spent, err := s.signInOf(token)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	a, err := s.verifySignIn(ctx, data, spent, body)
	var person ad.Account
	if err == nil {
		person, err = s.exists(ctx, a.account)
	}
	if err != nil {
		return Session{}, secret.Text{}, s.refusedSignIn(ctx, spent, a, from, err)
	}
	session, cookie, err := s.newSession(a.account, a.id, from)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	if from.Remember {
		session.Browser = from.Browser
	}
	proof, err := s.newProof(a, session.ID, nil)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	err = s.store.SignedIn(ctx, spent, a.id, s.advance(a, s.signedInEvent(proof, from)), proof, session)
	if err != nil {
		return Session{}, secret.Text{}, s.refusedSignIn(ctx, spent, a, from, fmt.Errorf("store assertion: %w", err))
	}
	session.Person = &person
	return session, cookie, nil
}

// exists asks the directory for a person whose signature verified. The sessions
// of one who left end.
func (s *Service) exists(ctx context.Context, account ad.GUID) (ad.Account, error) {
	person, err := s.account(ctx, account)
	if errors.Is(err, ErrGone) {
		e := s.event(audit.SignedOut, account)
		e.Actor, e.Reason = audit.ActorSystem, ErrGone.Error()
		e.Detail["everywhere"] = true
		if eerr := s.store.EndSessions(ctx, account, "", s.withdrawal(audit.ActorSystem), e); eerr != nil {
			s.log.Error("sessions of a person who left not ended", slog.Any("error", eerr))
		}
	}
	return person, err
}

// proofID names a proof by the time and by chance, so that new ones stand together in
// the store, and old ones are found there: 48 bits of unix milliseconds and 80 random ones.
func (s *Service) proofID(now time.Time) (string, error) {
	chance, err := s.random(10)
	if err != nil {
		return "", err
	}
	return hexText(append(timePrefix(now), chance...)), nil
}

func (s *Service) newProof(a assertion, session string, nonce []byte) (Proof, error) {
	now := s.now()
	id, err := s.proofID(now)
	if err != nil {
		return Proof{}, err
	}
	return Proof{
		ID: id, Kind: a.kind, Account: a.account, Session: session,
		At: now, Receipt: a.receipt(nonce),
	}, nil
}
