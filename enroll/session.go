package enroll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// newSession makes a session with an id of its own; cookie is its secret. Every
// sign-in and enrolment makes one, whatever session the browser had. A step-up
// does not: what it proves stands in a proof and is spent by one act.
func (s *Service) newSession(account ad.GUID, credential []byte, from Client) (Session, secret.Text, error) {
	now := s.now()
	cookie, id, err := s.cookie(now)
	if err != nil {
		return Session{}, secret.Text{}, err
	}
	valid := s.settings().SessionShort
	if from.Remember {
		valid = s.settings().SessionAbsolute
	}
	return Session{
		ID: id, Account: account, Credential: credential,
		SignedIn: now, LastSeen: now, Expires: now.Add(valid), Remember: from.Remember,
		Device: tidy(from.Device, maxDevice), Address: tidy(from.Address, maxDevice),
	}, cookie, nil
}

// Session finds a live session by its cookie, which counts as use of it.
// ErrNoSession when it is unknown, ended, expired, or idle for too long.
func (s *Service) Session(ctx context.Context, cookie secret.Text) (Session, error) {
	now := s.now()
	found, err := s.live(ctx, sessionID(cookie), now)
	if err != nil {
		return Session{}, err
	}
	if now.Sub(found.LastSeen) >= touchEvery {
		// A store that can't be written must not sign people out; what isn't
		// written can only end the session sooner.
		if err := s.store.TouchSession(ctx, found.ID, now); err != nil {
			s.log.Warn("session not touched", slog.Any("error", err))
		}
		found.LastSeen = now
	}
	return found, nil
}

// Look finds a live session as Session does, and is no use of it: what a page
// does by itself must not keep an idle session alive.
func (s *Service) Look(ctx context.Context, cookie secret.Text) (Session, error) {
	return s.live(ctx, sessionID(cookie), s.now())
}

// Alive is nil while the session with this id lives, else ErrNoSession. It is no
// use of it either.
func (s *Service) Alive(ctx context.Context, id string) error {
	_, err := s.live(ctx, id, s.now())
	return err
}

// live reads a session that is neither expired nor idle for too long.
func (s *Service) live(ctx context.Context, id string, now time.Time) (Session, error) {
	found, err := s.store.Session(ctx, id, now)
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	if now.Sub(found.LastSeen) >= s.settings().SessionIdle || !now.Before(found.Expires) {
		return Session{}, fmt.Errorf("find session: %w", ErrNoSession)
	}
	return found, nil
}

// SignOut ends the session, or everywhere all of the person's, with the links of
// InviteSelf: the others first, so that a store that fails in between leaves the
// person in to try again.
func (s *Service) SignOut(ctx context.Context, of Session, everywhere bool) error {
	if everywhere {
		if err := s.store.EndSessions(ctx, of.Account, of.ID, s.withdrawal(of.Account.String())); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
	}
	e := s.event(audit.SignedOut, of.Account)
	e.Detail["session"], e.Detail["everywhere"] = of.ID, everywhere
	if err := s.store.EndSession(ctx, of.ID, e); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Sessions lists an account's live sessions.
func (s *Service) Sessions(ctx context.Context, account ad.GUID) ([]Session, error) {
	all, err := s.store.Sessions(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	now := s.now()
	live := all[:0]
	for _, x := range all {
		if now.Before(x.Expires) && now.Sub(x.LastSeen) < s.settings().SessionIdle {
			live = append(live, x)
		}
	}
	return live, nil
}

// SessionProof returns the session's sign-in proof while nothing consumed it, or
// ErrNoProof. Whoever consumes it decides how old it may be.
func (s *Service) SessionProof(ctx context.Context, of Session) (Proof, error) {
	p, err := s.store.SignInProof(ctx, of.ID)
	if err == nil && (p.Session != of.ID || p.Account != of.Account || p.Label != "") {
		err = ErrNoProof
	}
	if err != nil {
		return Proof{}, fmt.Errorf("find sign-in proof: %w", err)
	}
	return p, nil
}

// Proof returns an unconsumed proof of this session by its id, or ErrNoProof.
func (s *Service) Proof(ctx context.Context, of Session, id string) (Proof, error) {
	p, err := s.store.Proof(ctx, id)
	if err == nil && (p.Session != of.ID || p.Account != of.Account) {
		err = ErrNoProof
	}
	if err != nil {
		return Proof{}, fmt.Errorf("find proof: %w", err)
	}
	return p, nil
}

// spend consumes a proof for an act of this package. What counts is the row in
// the store, not what the caller holds.
func (s *Service) spend(ctx context.Context, of Session, id, label string, statement []byte, use string) error {
	p, err := s.Proof(ctx, of, id)
	switch {
	case err != nil:
		return err
	case !p.Bound(label, statement):
		return fmt.Errorf("use proof: %w", ErrWrongProof)
	case s.now().Sub(p.At) > ProofValid:
		return fmt.Errorf("use proof: %w", ErrOldProof)
	}
	if err := s.store.UseProof(ctx, id, use); err != nil {
		return fmt.Errorf("use proof: %w", err)
	}
	return nil
}

// Purged counts what Purge deleted.
type Purged struct{ Ceremonies, Sessions, Proofs int }

// Purge deletes what expired. It does all it can and returns the faults joined.
func (s *Service) Purge(ctx context.Context) (Purged, error) {
	now := s.now()
	var n Purged
	var errs [3]error
	n.Ceremonies, errs[0] = s.store.PurgeCeremonies(ctx, now)
	n.Sessions, errs[1] = s.store.PurgeSessions(ctx, now, s.settings().SessionIdle)
	n.Proofs, errs[2] = s.store.PurgeProofs(ctx, now.Add(-proofKept))
	return n, errors.Join(errs[:]...)
}
