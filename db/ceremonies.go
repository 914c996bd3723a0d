package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

const ceremonyColumns = `id, purpose, account, session, data, label, nonce, statement, invitation, created, expires`

// SaveCeremony is enroll.CeremonyStore's.
func (s *Store) SaveCeremony(ctx context.Context, c enroll.Ceremony, limit int) error {
	if strings.HasPrefix(c.ID, "spent ") { // as PostgreSQL's table has it; see migration 0017
		return fmt.Errorf("save ceremony: %q is the id of one that was taken", c.ID)
	}
	return wrap("save ceremony", s.write(ctx, func(t *tx) error {
		_, err := t.exec(`
			INSERT INTO ceremonies (`+ceremonyColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			c.ID, string(c.Purpose), guidText(c.Account), c.Session, bytesOf(c.Data), c.Label,
			bytesOf(c.Nonce), bytesOf(c.Statement), c.Invitation, millis(c.Created), millis(c.Expires))
		if err != nil {
			return err
		}
		_, err = t.exec(`
			DELETE FROM ceremonies WHERE purpose = $1 AND account = $2 AND num <= (
				SELECT num FROM ceremonies WHERE purpose = $1 AND account = $2 ORDER BY num DESC LIMIT 1 OFFSET $3)`,
			string(c.Purpose), guidText(c.Account), max(limit, 1))
		return err
	}))
}

// TakeCeremony is enroll.CeremonyStore's. The row is gone, and that is committed,
// whatever the caller makes of it.
func (s *Store) TakeCeremony(ctx context.Context, id string, purpose enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	var c enroll.Ceremony
	err := s.write(ctx, func(t *tx) (err error) {
		c, err = scanCeremony(t.row(`DELETE FROM ceremonies WHERE id = $1 RETURNING `+ceremonyColumns, id))
		return err
	})
	if err == nil && !usable(c, purpose, now) {
		err = enroll.ErrNoCeremony
	}
	if err != nil {
		return enroll.Ceremony{}, wrap("take ceremony", err)
	}
	return c, nil
}

// SpendCeremony is enroll.CeremonyStore's.
func (s *Store) SpendCeremony(ctx context.Context, c enroll.Ceremony, change *enroll.PasskeyChange, events ...audit.Event) error {
	return wrap("take ceremony", s.write(ctx, func(t *tx) error {
		if err := t.spend(c); err != nil {
			return err
		}
		if change != nil {
			err := t.updateCredential(change.ID, change.Fn)
			if err != nil && !errors.Is(err, enroll.ErrNoCredential) {
				return err
			}
		}
		return t.record(events...)
	}))
}

func (t *tx) spend(c enroll.Ceremony) error {
	n, err := t.exec(`
		INSERT INTO spent_ceremonies (expires, id, purpose, session) VALUES ($1, $2, $3, $4)
		ON CONFLICT (expires, id) DO NOTHING`,
		millis(c.Expires), c.ID, string(c.Purpose), c.Session)
	if err == nil && n == 0 {
		err = enroll.ErrNoCeremony
	}
	t.decoded.spend(c)
	return err
}

// unspent needs no lock: transactions that write come one after another.
func (t *tx) unspent(c enroll.Ceremony) error {
	var n int
	if c.ID == "" {
		return nil
	}
	err := t.row(`SELECT count(*) FROM spent_ceremonies WHERE expires = $1 AND id = $2 AND purpose = $3`, millis(c.Expires), c.ID, string(c.Purpose)).Scan(&n)
	if err == nil && n > 0 {
		return enroll.ErrNoCeremony
	}
	return err
}

// Ceremony is enroll.CeremonyStore's.
func (s *Store) Ceremony(ctx context.Context, id string, purpose enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	c, err := scanCeremony(s.row(ctx, `SELECT `+ceremonyColumns+` FROM ceremonies WHERE id = $1`, id))
	if err == nil && !usable(c, purpose, now) {
		err = enroll.ErrNoCeremony
	}
	if err != nil {
		return enroll.Ceremony{}, wrap("read ceremony", err)
	}
	return c, nil
}

// PurgeCeremonies is enroll.CeremonyStore's.
func (s *Store) PurgeCeremonies(ctx context.Context, now time.Time) (int, error) {
	var n int64
	err := s.write(ctx, func(t *tx) error {
		saved, err := t.exec(`DELETE FROM ceremonies WHERE expires <= $1`, millis(now))
		if err != nil {
			return err
		}
		spent, err := t.exec(`DELETE FROM spent_ceremonies WHERE expires <= $1`, millis(now))
		n = saved + spent
		return err
	})
	return int(n), wrap("purge ceremonies", err)
}

func usable(c enroll.Ceremony, purpose enroll.Purpose, now time.Time) bool {
	return c.Purpose == purpose && now.Before(c.Expires)
}

func scanCeremony(row scanner) (c enroll.Ceremony, err error) {
	var account string
	var created, expires int64
	err = row.Scan(&c.ID, &c.Purpose, &account, &c.Session, &c.Data, &c.Label,
		&c.Nonce, &c.Statement, &c.Invitation, &created, &expires)
	if err != nil {
		return c, orMissing(err, enroll.ErrNoCeremony)
	}
	c.Created, c.Expires = fromMillis(created), fromMillis(expires)
	c.Account, err = guidOf(account)
	return c, err
}

// wrap adds a short verb phrase to an error.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// orMissing gives the domain's error for a row that isn't there.
func orMissing(err, missing error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}

// guidText and guidOf keep the zero objectGUID as "".
func guidText(g ad.GUID) string {
	if g.IsZero() {
		return ""
	}
	return g.String()
}

func guidOf(text string) (ad.GUID, error) {
	var g ad.GUID
	err := g.UnmarshalText([]byte(text))
	return g, err
}

// bytesOf keeps nil out of columns that are never null.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// row reads one row from the readers.
func (s *Store) row(ctx context.Context, query string, args ...any) scanner {
	return readRow{s, ctx, query, args}
}

// list reads rows from the readers.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.query(ctx, query, args...)
	return scanAll(rows, err, scan)
}

// scanAll takes what a query answered.
func scanAll[T any](rows *sql.Rows, failed error, scan func(scanner) (T, error)) (all []T, err error) {
	if failed != nil {
		return nil, translate(failed)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(translated{rows})
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, translate(rows.Err())
}

// purge runs a DELETE and returns how many rows went.
func (s *Store) purge(ctx context.Context, what, query string, args ...any) (int, error) {
	var n int64
	err := s.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(query, args...)
		return err
	})
	if err != nil {
		return 0, wrap(what, err)
	}
	return int(n), nil
}
