package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// thawKept is how long a thaw is kept: longer than anything that it puts an end to.
const thawKept = 8 * 24 * time.Hour

// FreezeOwn is workflow.Freezes'.
func (s *Store) FreezeOwn(ctx context.Context, account ad.GUID, made time.Time, fn func([]*workflow.Request) (workflow.Change, error)) error {
	return wrap("freeze account", s.write(ctx, func(t *tx) error {
		if err := t.thawedSince(account, made); err != nil { // first: what is dead says nothing of how the account stands
			return err
		}
		frozen, err := scanFreeze(t.row(`SELECT `+freezeColumns+` FROM freezes WHERE account = $1`, guidText(account)))
		if err == nil && frozen.Again(made) {
			change, err := t.freezeOwn(account, fn)
			if err != nil {
				return err
			}
			return t.freezeAnew(change.Freeze)
		}
		if errors.Is(err, sql.ErrNoRows) {
			_, err = t.freezeOwn(account, fn)
		}
		return err
	}))
}

// thawedSince is ErrThawed where a freeze was lifted later than it was made.
func (t *tx) thawedSince(account ad.GUID, made time.Time) error {
	if made.IsZero() {
		return nil
	}
	var at int64
	err := t.row(`SELECT at FROM thaws WHERE account = $1`, guidText(account)).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil && at > millis(made): // that it was lifted is told with a link of its own
		return workflow.ErrThawed
	}
	return err
}

// thaw keeps that a freeze was lifted, and forgets those that nothing asks for now.
func (t *tx) thaw(account ad.GUID) error {
	now := t.now()
	_, err := t.exec(`
		INSERT INTO thaws (account, at) VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET at = excluded.at`,
		guidText(account), millis(now))
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM thaws WHERE at < $1`, millis(now.Add(-thawKept)))
	return err
}

// freezeOwn hands fn copies that share nothing with what is written over.
func (t *tx) freezeOwn(account ad.GUID, fn func([]*workflow.Request) (workflow.Change, error)) (change workflow.Change, err error) {
	before, err := t.openFor(account)
	if err != nil {
		return change, err
	}
	open, err := t.openFor(account)
	if err != nil {
		return change, err
	}
	if change, err = fn(open); err != nil {
		return change, err
	}
	for i, r := range open {
		r.ID, r.Version = before[i].ID, before[i].Version+1
		if err := t.updateRequest(*before[i], *r, workflow.Change{}); err != nil {
			return change, err
		}
	}
	return change, t.beside(change)
}

// openFor are the requests for an account that nobody has begun to carry out.
func (t *tx) openFor(account ad.GUID) ([]*workflow.Request, error) {
	return collect(t, func(row scanner) (*workflow.Request, error) {
		r, err := scanRequest(row)
		return &r, err
	}, `
		SELECT data FROM requests WHERE target = $1 AND state IN ($2, $3, $4) ORDER BY created, id`+t.dialect.forUpdate,
		guidText(account), string(workflow.Draft), string(workflow.Pending), string(workflow.Approved))
}

// AskThaw is workflow.Freezes'.
func (s *Store) AskThaw(ctx context.Context, account ad.GUID, proofs []string, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return wrap("ask for a thaw", s.write(ctx, func(t *tx) error {
		f, change, err := t.proveThaw(account, proofs, "thaw of ", fn)
		if err != nil {
			return err
		}
		if err := t.beside(change); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE freezes SET asked = $2, alerted = $3, told = $4, proved = $5 WHERE account = $1`,
			guidText(account), millis(f.Asked), millis(f.Alerted), millis(f.Told), kindsText(f.Proved))
		return err
	}))
}

// Lift is workflow.Freezes'.
func (s *Store) Lift(ctx context.Context, account ad.GUID, proof string, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return wrap("lift a freeze", s.write(ctx, func(t *tx) error {
		_, change, err := t.proveThaw(account, []string{proof}, "lift of ", fn)
		if err != nil {
			return err
		}
		return t.endFreeze(account, change)
	}))
}

// endFreeze ends with it the sessions that no passkey opened: they were for the thaw. What
// is told of it is younger than the thaw, so that its link freezes again.
func (t *tx) endFreeze(account ad.GUID, change workflow.Change) error {
	if _, err := t.exec(`DELETE FROM freezes WHERE account = $1`, guidText(account)); err != nil {
		return err
	}
	if err := t.endRecovered(account, ""); err != nil {
		return err
	}
	if err := t.thaw(account); err != nil {
		return err
	}
	return t.beside(change)
}

// proveThaw runs fn on the freeze, and uses the proofs for what they are for.
func (t *tx) proveThaw(account ad.GUID, proofs []string, use string, fn func(*workflow.Freeze) (workflow.Change, error)) (workflow.Freeze, workflow.Change, error) {
	f, change, err := t.changeFreeze(account, fn)
	if err != nil {
		return f, change, err
	}
	for _, proof := range proofs {
		if err := t.consumeOne(proof, use+guidText(account)); err != nil {
			return f, change, err
		}
	}
	return f, change, nil
}

func (t *tx) changeFreeze(account ad.GUID, fn func(*workflow.Freeze) (workflow.Change, error)) (f workflow.Freeze, change workflow.Change, err error) {
	f, err = scanFreeze(t.row(`SELECT `+freezeColumns+` FROM freezes WHERE account = $1`+t.dialect.forUpdate, guidText(account)))
	if err != nil {
		return f, change, orMissing(err, workflow.ErrNotFrozen)
	}
	change, err = fn(&f)
	return f, change, err
}
