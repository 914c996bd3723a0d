package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push"
)

const deliveryColumns = `to_guid, kind, channel, subscription, nonce, body, created, until, due, attempts, notice, cap`

// sealedDelivery is a row whose parameters are still sealed.
type sealedDelivery struct {
	push.Delivery
	nonce string
	body  []byte
}

func deliveryPlace(d push.Delivery, nonce string) string {
	return place("deliveries", "body", d.To, d.Kind, string(d.Channel), d.Subscription, nonce)
}

func (t *tx) insertDeliveries(all []push.Delivery) error {
	for _, d := range all {
		if err := t.insertDelivery(d); err != nil {
			return err
		}
	}
	return nil
}

// insertDelivery puts in the present where no time is given: 0 would be never.
func (t *tx) insertDelivery(d push.Delivery) error {
	nonce, err := t.nonce()
	if err != nil {
		return err
	}
	body, err := t.sealer.sealParams(deliveryPlace(d, nonce), d.Params)
	if err != nil {
		return err
	}
	now := millis(t.now())
	_, err = t.exec(`
		INSERT INTO deliveries (`+deliveryColumns+`, bulk) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		d.To, d.Kind, string(d.Channel), d.Subscription, nonce, body,
		cmp.Or(millis(d.Created), now), millis(d.Until), cmp.Or(millis(d.Due), now), d.Attempts,
		d.Notice, string(d.Cap), push.Bulk(d.Kind))
	t.told.outbox = true
	return err
}

// ClaimDeliveries is push.Store's. One that can't be opened is treated as
// ClaimNotices does.
func (s *Store) ClaimDeliveries(ctx context.Context, now time.Time, lease time.Duration, limit, bulk int) ([]push.Delivery, error) {
	if s.sealer.box == nil {
		return nil, wrap("claim deliveries", ErrNoKey)
	}
	var rows []sealedDelivery
	err := s.write(ctx, func(t *tx) (err error) {
		rows, err = t.claimDeliveries(now, lease, limit, false)
		if more := bulk - len(rows); err == nil && more > 0 {
			var many []sealedDelivery
			many, err = t.claimDeliveries(now, lease, more, true)
			rows = append(rows, many...)
		}
		return err
	})
	if err != nil {
		return nil, wrap("claim deliveries", err)
	}
	var all []push.Delivery
	for _, row := range rows {
		row.Params, err = s.sealer.openParams(deliveryPlace(row.Delivery, row.nonce), row.body)
		if err != nil {
			s.log.Error("open delivery", "delivery", row.ID, "kind", row.Kind, "err", err)
			continue
		}
		all = append(all, row.Delivery)
	}
	return all, nil
}

// claimDeliveries claims of one column bulk, the longest due first. The sum in the limit
// keeps SQLite from planning for that very number, and so from compiling the statement at
// each claim.
func (t *tx) claimDeliveries(now time.Time, lease time.Duration, limit int, bulk bool) ([]sealedDelivery, error) {
	rows, err := collect(t, scanDelivery, `
		UPDATE deliveries SET lease = $1, holder = $2 WHERE id IN (
			SELECT id FROM deliveries WHERE ended = 0 AND bulk = $5 AND due <= $3 AND lease <= $3
			ORDER BY due, id LIMIT $4 + 0`+t.dialect.forUpdate+`)
		RETURNING id, `+deliveryColumns,
		millis(now.Add(lease)), t.holder, millis(now), limit, bulk)
	slices.SortFunc(rows, func(a, b sealedDelivery) int { // RETURNING has no order
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	return rows, err
}

// ReleaseDeliveries is push.Store's.
func (s *Store) ReleaseDeliveries(ctx context.Context, ids ...int64) error {
	return wrap("release deliveries", s.write(ctx, func(t *tx) error {
		for _, id := range ids {
			_, err := t.exec(`UPDATE deliveries SET lease = 0, holder = '' WHERE id = $1 AND ended = 0 AND holder = $2`, id, t.holder)
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func scanDelivery(row scanner) (d sealedDelivery, err error) {
	var created, until, due int64
	err = row.Scan(&d.ID, &d.To, &d.Kind, &d.Channel, &d.Subscription, &d.nonce, &d.body, &created, &until, &due, &d.Attempts,
		&d.Notice, &d.Cap)
	d.Created, d.Until, d.Due = fromMillis(created), fromMillis(until), fromMillis(due)
	return d, err
}

// Delivered is push.Store's.
func (s *Store) Delivered(ctx context.Context, id int64, at time.Time) error {
	return wrap("end delivery", s.write(ctx, func(t *tx) error {
		return t.taken(id, s.holder, at)
	}))
}

// DeliveredTogether is push.Store's.
func (s *Store) DeliveredTogether(ctx context.Context, at time.Time, ids ...int64) error {
	return wrap("end deliveries", s.write(ctx, func(t *tx) error {
		var reached []string
		for some := range slices.Chunk(ids, together) {
			devices, err := collect(t, scanText, endTogether, append(argsTogether(some), millis(at), s.holder)...)
			if err != nil {
				return err
			}
			reached = append(reached, devices...)
		}
		slices.Sort(reached)
		for _, id := range slices.Compact(reached) {
			if id == "" { // by mail
				continue
			}
			if _, err := t.exec(markReached+`$1`, id, millis(at)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// endTogether takes argsTogether, the time and the holder.
var endTogether = fmt.Sprintf(`
	UPDATE deliveries SET body = NULL, ended = $%[1]d, code = '', lease = 0, taken = TRUE
	WHERE ended = 0 AND holder = $%[2]d AND id`, together+1, together+2) + inTogether + ` RETURNING subscription`

// DeliveredWith is push.Store's. What another server tries just now is among
// them: it is told that it lost its lease.
func (s *Store) DeliveredWith(ctx context.Context, d push.Delivery, at, made time.Time, kinds ...string) error {
	return wrap("end deliveries", s.write(ctx, func(t *tx) error {
		if err := t.taken(d.ID, s.holder, at); err != nil {
			return err
		}
		for _, kind := range kinds {
			_, err := t.exec(`
				UPDATE deliveries SET body = NULL, ended = $1, code = '', lease = 0, taken = TRUE
				WHERE ended = 0 AND to_guid = $2 AND channel = $3 AND subscription = $4 AND kind = $5 AND created <= $6`,
				millis(at), d.To, string(d.Channel), d.Subscription, kind, millis(made))
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func (t *tx) taken(id int64, holder string, at time.Time) error {
	if err := t.endDelivery(id, holder, at, "", true); err != nil {
		return err
	}
	_, err := t.exec(markReached+`(SELECT subscription FROM deliveries WHERE id = $1)`, id, millis(at))
	return err
}

// Capped is push.Store's.
func (s *Store) Capped(ctx context.Context, d push.Delivery) (bool, error) {
	var n int
	err := s.row(ctx, `
		SELECT count(*) FROM deliveries
		WHERE ended = 0 AND cap = $1 AND to_guid = $2 AND channel = $3 AND subscription = $4 AND id <> $5`,
		string(push.CapWaits), d.To, string(d.Channel), d.Subscription, d.ID).Scan(&n)
	return n > 0, wrap("count capped", err)
}

// Progress is push.Store's. What an earlier release fanned out has no notice.
func (s *Store) Progress(ctx context.Context, notice int64) (p push.Progress, err error) {
	err = s.row(ctx, `
		SELECT coalesce(sum(CASE WHEN taken THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN ended = 0 THEN 1 ELSE 0 END), 0),
			coalesce(sum(CASE WHEN ended = 0 AND cap = $3 THEN 1 ELSE 0 END), 0)
		FROM deliveries WHERE notice = $1 AND notice > 0 AND channel = $2`,
		notice, string(push.ChannelPush), string(push.CapWaits)).Scan(&p.Taken, &p.Waiting, &p.Capped)
	return p, wrap("read progress", err)
}

// Retry is push.Store's. The subscription keeps the code as its last failure.
func (s *Store) Retry(ctx context.Context, id int64, due time.Time, code string, c push.Cap) error {
	return wrap("retry delivery", s.write(ctx, func(t *tx) error {
		n, err := t.exec(`
			UPDATE deliveries SET due = $3, code = $4, cap = $5, attempts = attempts + 1, lease = 0, holder = ''
			WHERE id = $1 AND ended = 0 AND holder = $2`, id, s.holder, cmp.Or(millis(due), millis(t.now())), code, string(c))
		if err != nil {
			return err
		}
		if n == 0 {
			return push.ErrNoDelivery
		}
		return t.markFailed(id, code)
	}))
}

// GiveUp is push.Store's.
func (s *Store) GiveUp(ctx context.Context, id int64, at time.Time, code string, next []push.Delivery, events ...audit.Event) error {
	return wrap("give delivery up", s.write(ctx, func(t *tx) error {
		if err := t.endDelivery(id, s.holder, at, code, false); err != nil {
			return err
		}
		if err := t.markFailed(id, code); err != nil {
			return err
		}
		if err := t.insertDeliveries(next); err != nil {
			return err
		}
		return t.record(events...)
	}))
}

// endDelivery ends one that is held, and erases what it said.
func (t *tx) endDelivery(id int64, holder string, at time.Time, code string, taken bool) error {
	n, err := t.exec(`
		UPDATE deliveries SET body = NULL, ended = $3, code = $4, lease = 0, taken = $5
		WHERE id = $1 AND ended = 0 AND holder = $2`, id, holder, millis(at), code, taken)
	if err == nil && n == 0 {
		return push.ErrNoDelivery
	}
	return err
}

func (t *tx) markFailed(delivery int64, code string) error {
	_, err := t.exec(`
		UPDATE subscriptions SET failed = $2 WHERE id = (SELECT subscription FROM deliveries WHERE id = $1)`, delivery, code)
	return err
}
