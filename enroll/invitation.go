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

// Invite makes a link's token for one account, for the command line. by is
// audit.ActorOperator or an objectGUID; valid of zero takes the configured time,
// 30 days at most. Errors: ErrGone, ad.ErrProtected, ad.ErrUnavailable.
func (s *Service) Invite(ctx context.Context, account ad.GUID, by string, passwordAsked bool, valid time.Duration) (secret.Text, Invitation, error) {
	if valid <= 0 {
		valid = s.settings().InvitationValid
	}
	if _, err := s.invitable(ctx, account); err != nil {
		return secret.Text{}, Invitation{}, err
	}
	return s.invite(ctx, account, by, passwordAsked, min(valid, invitationLimit))
}

func (s *Service) invite(ctx context.Context, account ad.GUID, by string, passwordAsked bool, valid time.Duration) (secret.Text, Invitation, error) {
	token, id, err := s.token()
	if err != nil {
		return secret.Text{}, Invitation{}, err
	}
	now := s.now()
	inv := Invitation{ID: id, Account: account, By: by, Password: passwordAsked, Created: now, Expires: now.Add(valid)}
	e := s.event(audit.InvitationCreated, account)
	e.Actor = by
	e.Detail["invitation"], e.Detail["password"] = id, passwordAsked
	e.Detail["expires"] = inv.Expires.UnixMilli()
	if err := s.store.AddInvitation(ctx, inv, e); err != nil {
		return secret.Text{}, Invitation{}, fmt.Errorf("add invitation: %w", err)
	}
	return token, inv, nil
}

// Revoke closes an open invitation by its id. ErrNoInvitation when none is open.
func (s *Service) Revoke(ctx context.Context, id, by string) error {
	inv, err := s.store.Invitation(ctx, id)
	if err != nil {
		return fmt.Errorf("find invitation: %w", err)
	}
	if err := s.store.RevokeInvitation(ctx, id, s.now(), s.revokedEvent(inv, by)); err != nil {
		return fmt.Errorf("revoke invitation: %w", err)
	}
	return nil
}

func (s *Service) revokedEvent(inv Invitation, by string) audit.Event {
	e := s.event(audit.InvitationRevoked, inv.Account)
	e.Actor = by
	e.Detail["invitation"] = inv.ID
	return e
}

// withdrawal closes the links of InviteSelf. by is who ended what they hang on.
func (s *Service) withdrawal(by string) Withdrawal {
	return Withdrawal{At: s.now(), Event: func(inv Invitation) audit.Event { return s.revokedEvent(inv, by) }}
}

// invitation finds an open one, or says why it is not: ErrNoInvitation,
// ErrInvitationUsed, ErrInvitationRevoked, ErrInvitationExpired,
// ErrInvitationTries.
func (s *Service) invitation(ctx context.Context, token secret.Text) (Invitation, error) {
	return s.openInvitation(ctx, tokenID(token))
}

func (s *Service) openInvitation(ctx context.Context, id string) (Invitation, error) {
	inv, err := s.store.Invitation(ctx, id)
	switch {
	case err != nil:
	case !inv.Used.IsZero():
		err = ErrInvitationUsed
	case !inv.Revoked.IsZero():
		err = ErrInvitationRevoked
	case !s.now().Before(inv.Expires):
		err = ErrInvitationExpired
	case inv.Tries >= maxTries:
		err = ErrInvitationTries
	}
	if err != nil {
		return inv, fmt.Errorf("open invitation: %w", err)
	}
	return inv, nil
}

// OpenInvitation says what an invitation is good for; it consumes nothing. One
// that asks for the password tells nothing of the account before it: ErrNotNow
// where the password couldn't be tried, and no word of one that is disabled.
func (s *Service) OpenInvitation(ctx context.Context, token secret.Text) (Opened, error) {
	inv, err := s.invitation(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	read := s.enrollable
	if inv.Password {
		read = s.invitable
	}
	a, err := read(ctx, inv.Account)
	if inv.Password && hidden(err) {
		// A record that fails is logged, and changes nothing: this is a refusal.
		_ = s.refused(ctx, audit.InvitationRefused, inv.Account, Client{}, err)
		return Opened{}, fmt.Errorf("open invitation: %w", ErrNotNow)
	}
	if err != nil {
		return Opened{}, err
	}
	return Opened{GivenName: a.GivenName, Password: inv.Password, Expires: inv.Expires}, nil
}

// ProvePassword tries the AD password once for an invitation that asks for it,
// and returns a grant that lets BeginEnrol in for ten minutes. A wrong password
// is ad.ErrWrongPassword; after five the invitation is dead (ErrInvitationTries).
// Nothing is tried of an account that is locked, and within two of the
// directory's lockout threshold. That, and any other state of the account that
// is no proof of the password, is ErrNotNow; the log says which. Causes that come
// with the right password only, such as ad.ErrDisabled, pass through.
func (s *Service) ProvePassword(ctx context.Context, token, password secret.Text, from Client) (secret.Text, error) {
	inv, err := s.invitation(ctx, token)
	if err != nil {
		return secret.Text{}, s.refusedInvitation(ctx, inv, from, err)
	}
	if !inv.Password {
		return secret.Text{}, fmt.Errorf("prove password: %w", ErrPasswordNotAsked)
	}
	if err := s.tryPassword(ctx, inv, password, from); err != nil {
		return secret.Text{}, err
	}
	e := withClient(s.event(audit.PasswordProved, inv.Account), from)
	e.Detail["invitation"] = inv.ID
	if err := s.store.Record(ctx, e); err != nil {
		return secret.Text{}, fmt.Errorf("record proof of password: %w", err)
	}
	return s.saveFor(ctx, Ceremony{
		Purpose: PurposeEnrolGrant, Account: inv.Account, Invitation: inv.ID, Data: []byte("{}"),
	}, GrantValid)
}

// tryPassword counts the try before it is made and takes the count back when it
// proved no wrong password. The gate keeps tries of one account in a row, so that
// each sees the bad password count that the one before left.
func (s *Service) tryPassword(ctx context.Context, inv Invitation, password secret.Text, from Client) error {
	leave, err := s.gates.enter(ctx, inv.Account)
	if err != nil {
		return fmt.Errorf("prove password: %w", err)
	}
	defer leave()
	a, err := s.invitable(ctx, inv.Account)
	if hidden(err) {
		return s.disproved(ctx, inv, from, err)
	}
	if err != nil {
		return err
	}
	if s.doubts.has(inv.Account, s.now()) {
		return s.disproved(ctx, inv, from, ErrNoTries)
	}
	limit, err := s.triesAllowed(ctx, a, false)
	if err != nil {
		return s.disproved(ctx, inv, from, err)
	}
	if err := s.store.TryInvitation(ctx, inv.ID, limit); err != nil {
		return fmt.Errorf("prove password: %w", err)
	}
	err = s.checkPassword(ctx, inv.Account, password)
	if proved := err == nil || errors.Is(err, ad.ErrMustChange) || errors.Is(err, ad.ErrPasswordExpired); proved {
		if err := s.forgive(ctx, inv.ID); err != nil {
			return err
		}
		if err := s.employed(a); err != nil {
			return s.disproved(ctx, inv, from, err)
		}
		return nil
	}
	if unreached(err) {
		return errors.Join(fmt.Errorf("prove password: %w", err), s.forgive(ctx, inv.ID))
	}
	return s.disproved(ctx, inv, from, err)
}

// unreached: the password was not judged.
func unreached(err error) bool {
	return errors.Is(err, ad.ErrUnavailable) || errors.Is(err, ad.ErrServiceBind) || errors.Is(err, ad.ErrProtocol)
}

// hidden says whether the error tells a state of the account to somebody who has
// not proved the password. The sub-codes 530, 531, 533 and 701 of a refused bind
// come with the right password only; 775 and 52f do not.
func hidden(err error) bool {
	for _, state := range []error{
		ErrGone, ErrNoTries, ad.ErrNotFound, ad.ErrProtected, ad.ErrLocked, ad.ErrAccountRestriction,
	} {
		if errors.Is(err, state) {
			return true
		}
	}
	return false
}

func (s *Service) forgive(ctx context.Context, id string) error {
	if err := s.store.ForgiveTry(ctx, id); err != nil {
		return fmt.Errorf("take try back: %w", err)
	}
	return nil
}

// disproved records why, and returns what may be told of it.
func (s *Service) disproved(ctx context.Context, inv Invitation, from Client, err error) error {
	e := withClient(s.event(audit.PasswordDisproved, inv.Account), from)
	e.Actor, e.Outcome, e.Reason = audit.ActorAnonymous, audit.Denied, Code(err)
	e.Detail["invitation"] = inv.ID
	if hidden(err) {
		err = ErrNotNow
	}
	if rerr := s.store.Record(ctx, e); rerr != nil {
		s.log.Error("wrong password not recorded", slog.Any("error", rerr))
		return errors.Join(err, rerr)
	}
	return fmt.Errorf("prove password: %w", err)
}

func (s *Service) refusedInvitation(ctx context.Context, inv Invitation, from Client, err error) error {
	if inv.ID == "" {
		return err
	}
	return s.refused(ctx, audit.InvitationRefused, inv.Account, from, err)
}
