package db

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

const (
	invitationColumns = `id, account, invited_by, password, created, expires, used, revoked, tries`
	selectInvitation  = `SELECT ` + invitationColumns + ` FROM invitations WHERE id = $1`
)

// AddInvitation is enroll.InvitationStore's.
func (s *Store) AddInvitation(ctx context.Context, i enroll.Invitation, events ...audit.Event) error {
	return wrap("add invitation", s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO invitations (`+invitationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			i.ID, guidText(i.Account), i.By, i.Password, millis(i.Created), millis(i.Expires), millis(i.Used), millis(i.Revoked), i.Tries)
		if err != nil {
			return err
		}
		return t.record(events...)
	}))
}

// Invitation is enroll.InvitationStore's.
func (s *Store) Invitation(ctx context.Context, id string) (enroll.Invitation, error) {
	i, err := scanInvitation(s.row(ctx, selectInvitation, id))
	return i, wrap("read invitation", err)
}

// TryInvitation is enroll.InvitationStore's.
func (s *Store) TryInvitation(ctx context.Context, id string, limit int) error {
	return wrap("try invitation", s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE invitations SET tries = tries + 1 WHERE id = $1 AND tries < $2`, id, limit)
		if err != nil || n > 0 {
			return err
		}
		if _, err := scanInvitation(t.row(selectInvitation, id)); err != nil {
			return err
		}
		return enroll.ErrInvitationTries
	}))
}

// ForgiveTry is enroll.InvitationStore's.
func (s *Store) ForgiveTry(ctx context.Context, id string) error {
	return wrap("forgive try", s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE invitations SET tries = tries - 1 WHERE id = $1 AND tries > 0`, id)
		return err
	}))
}

// Enrol is enroll.InvitationStore's. An invitation for another account is
// unknown.
func (s *Store) Enrol(ctx context.Context, invitation string, now time.Time, c enroll.Credential, session enroll.Session, beside []enroll.Notice, events ...audit.Event) error {
	return wrap("enrol", s.write(ctx, func(t *tx) error {
		if err := t.unfrozen(c.Account); err != nil {
			return err
		}
		if err := t.useInvitation(invitation, now, c); err != nil {
			return err
		}
		if err := t.insertCredential(c); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM ceremonies WHERE invitation <> '' AND invitation = $1`, invitation); err != nil {
			return err
		}
		if err := t.insertSession(session); err != nil {
			return err
		}
		more, err := t.held(c.Account, c.ID)
		if err != nil {
			return err
		}
		before, err := t.everReplaced(c.Account) // IT may have taken the lost one away before
		if err != nil {
			return err
		}
		if !more && !before {
			return t.record(events...)
		}
		// Somebody who has a way in already, or had one, is told of another one.
		for _, n := range beside {
			if err := t.insertNotice(workflow.Notice{To: n.To, Kind: n.Kind, Params: n.Params}); err != nil {
				return err
			}
		}
		if err := t.replaced(c.Account); err != nil {
			return err
		}
		return t.recordTold(events...)
	}))
}

// useInvitation marks it used in one statement, which tells who won.
func (t *tx) useInvitation(id string, now time.Time, c enroll.Credential) error {
	n, err := t.exec(`
		UPDATE invitations SET used = $2
		WHERE id = $1 AND account = $3 AND used = 0 AND revoked = 0 AND expires > $2`,
		id, millis(now), guidText(c.Account))
	if err != nil || n > 0 {
		return err
	}
	i, err := scanInvitation(t.row(selectInvitation, id))
	switch {
	case err != nil:
		return err
	case i.Account != c.Account:
		return enroll.ErrNoInvitation
	}
	return enroll.ErrInvitationUsed
}

// RevokeInvitation is enroll.InvitationStore's.
func (s *Store) RevokeInvitation(ctx context.Context, id string, now time.Time, events ...audit.Event) error {
	return wrap("revoke invitation", s.write(ctx, func(t *tx) error {
		return t.revoke(id, now, events...)
	}))
}

func (t *tx) revoke(id string, now time.Time, events ...audit.Event) error {
	n, err := t.exec(`UPDATE invitations SET revoked = $2 WHERE id = $1 AND used = 0 AND revoked = 0 AND expires > $2`,
		id, millis(now))
	if err != nil {
		return err
	}
	if n == 0 {
		return enroll.ErrNoInvitation
	}
	return t.record(events...)
}

// withdraw revokes the open invitations that the account made for itself, one by
// one, since each has an event of its own.
func (t *tx) withdraw(account ad.GUID, links enroll.Withdrawal) error {
	const open = `
		SELECT ` + invitationColumns + ` FROM invitations
		WHERE account = $1 AND invited_by = $1 AND used = 0 AND revoked = 0 AND expires > $2
		ORDER BY created, id LIMIT 1`
	for {
		i, err := scanInvitation(t.row(open, guidText(account), millis(links.At)))
		if errors.Is(err, enroll.ErrNoInvitation) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.revoke(i.ID, links.At, links.Event(i)); err != nil {
			return err
		}
	}
}

func scanInvitation(row scanner) (i enroll.Invitation, err error) {
	var account string
	var created, expires, used, revoked int64
	err = row.Scan(&i.ID, &account, &i.By, &i.Password, &created, &expires, &used, &revoked, &i.Tries)
	if err != nil {
		return enroll.Invitation{}, orMissing(err, enroll.ErrNoInvitation)
	}
	i.Created, i.Expires, i.Used, i.Revoked = fromMillis(created), fromMillis(expires), fromMillis(used), fromMillis(revoked)
	i.Account, err = guidOf(account)
	return i, err
}
