package db

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

const sessionColumns = `id, account, credential, signed_in, last_seen, expires, remember, device, address`

// AddSession is enroll.SessionStore's.
func (s *Store) AddSession(ctx context.Context, session enroll.Session, events ...audit.Event) error {
	return wrap("add session", s.write(ctx, func(t *tx) error {
		if err := t.insertSession(session); err != nil {
			return err
		}
		return t.record(events...)
	}))
}

// Session is enroll.SessionStore's.
func (s *Store) Session(ctx context.Context, id string, now time.Time) (enroll.Session, error) {
	session, err := scanSession(s.row(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id))
	if err == nil && !now.Before(session.Expires) {
		err = enroll.ErrNoSession
	}
	if err != nil {
		return enroll.Session{}, wrap("read session", err)
	}
	return session, nil
}

// TouchSession is enroll.SessionStore's; ErrNoSession when it has ended.
func (s *Store) TouchSession(ctx context.Context, id string, seen time.Time) error {
	return wrap("touch session", s.write(ctx, func(t *tx) error {
		n, err := t.exec(`
			UPDATE sessions SET last_seen = CASE WHEN last_seen < $2 THEN $2 ELSE last_seen END WHERE id = $1`,
			id, millis(seen))
		if err == nil && n == 0 {
			return enroll.ErrNoSession
		}
		return err
	}))
}

// EndSession is enroll.SessionStore's.
func (s *Store) EndSession(ctx context.Context, id string, events ...audit.Event) error {
	return wrap("end session", s.write(ctx, func(t *tx) error {
		n, err := t.endSessions(`id = $1`, id)
		if err != nil || n == 0 {
			return err
		}
		return t.record(events...)
	}))
}

// EndSessions is enroll.SessionStore's.
func (s *Store) EndSessions(ctx context.Context, account ad.GUID, keep string, links enroll.Withdrawal, events ...audit.Event) error {
	return wrap("end sessions", s.write(ctx, func(t *tx) error {
		n, err := t.endSessions(t.dialect.ofAccount+` AND id <> $2`, guidText(account), keep)
		if err != nil {
			return err
		}
		if err := t.forgetBrowsers(account); err != nil {
			return err
		}
		if err := t.withdraw(account, links); err != nil || n == 0 {
			return err
		}
		return t.record(events...)
	}))
}

// Sessions is enroll.SessionStore's, newest first.
func (s *Store) Sessions(ctx context.Context, account ad.GUID) ([]enroll.Session, error) {
	all, err := list(ctx, s, scanSession,
		`SELECT `+sessionColumns+` FROM sessions WHERE `+s.dialect.ofAccount+` ORDER BY signed_in DESC, id`, guidText(account))
	return all, wrap("list sessions", err)
}

// PurgeSessions is enroll.SessionStore's: it ends what expired, and what was not
// seen for idle.
func (s *Store) PurgeSessions(ctx context.Context, now time.Time, idle time.Duration) (int, error) {
	var n int64
	err := s.write(ctx, func(t *tx) (err error) {
		if n, err = t.endSessions(`expires <= $1 OR last_seen <= $2`, millis(now), millis(now.Add(-idle))); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM browsers WHERE last <= $1`, millis(now.Add(-browserKept)))
		return err
	})
	return int(n), wrap("purge sessions", err)
}

// endSessions deletes sessions, and with each the proofs that only it could have
// used. where is one of the texts above.
func (t *tx) endSessions(where string, args ...any) (int64, error) {
	_, err := t.exec(`DELETE FROM proofs WHERE session IN (SELECT id FROM sessions WHERE `+where+`)`, args...)
	if err != nil {
		return 0, err
	}
	return t.exec(`DELETE FROM sessions WHERE `+where, args...)
}

func (t *tx) insertSession(c enroll.Session) error {
	if err := t.bind(c); err != nil {
		return err
	}
	_, err := t.exec(t.dialect.addSession,
		c.ID, t.account(c.Account), bytesOf(c.Credential), millis(c.SignedIn), millis(c.LastSeen), millis(c.Expires),
		c.Remember, c.Device, c.Address)
	return err
}

func scanSession(row scanner) (c enroll.Session, err error) {
	var account string
	var in, seen, expires int64
	err = row.Scan(&c.ID, &account, &c.Credential, &in, &seen, &expires, &c.Remember, &c.Device, &c.Address)
	if err != nil {
		return c, orMissing(err, enroll.ErrNoSession)
	}
	c.SignedIn, c.LastSeen, c.Expires = fromMillis(in), fromMillis(seen), fromMillis(expires)
	c.Account, err = guidOf(account)
	return c, err
}
