package db

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
)

// Who claims a row holds it until its lease is over; then anybody may claim it.
// The holder is a Store: what it says of a row that another has claimed since is
// ErrNoDelivery, and changes nothing.

// sealedNotice is a row whose parameters are still sealed.
type sealedNotice struct {
	push.Notice
	nonce string
	body  []byte
}

func noticePlace(to, kind, nonce string) string { return place("outbox", "body", to, kind, nonce) }

func (t *tx) insertNotice(n workflow.Notice) error {
	nonce, err := t.nonce()
	if err != nil {
		return err
	}
	body, err := t.sealer.sealParams(noticePlace(guidText(n.To), n.Kind, nonce), n.Params)
	if err != nil {
		return err
	}
	_, err = t.exec(`
		INSERT INTO outbox (to_guid, kind, params, created, until, nonce, body, bulk) VALUES ($1, $2, '', $3, $4, $5, $6, $7)`,
		guidText(n.To), n.Kind, millis(t.now()), millis(n.Until), nonce, body, push.Bulk(n.Kind))
	t.told.outbox = true
	return err
}

// ClaimNotices is push.Store's. A notice that can't be opened is leased like the
// others, logged and left out, so that it stands in nobody's way.
func (s *Store) ClaimNotices(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]push.Notice, error) {
	if s.sealer.box == nil {
		return nil, wrap("claim notices", ErrNoKey)
	}
	var rows []sealedNotice
	err := s.write(ctx, func(t *tx) (err error) {
		rows, err = collect(t, scanNotice, `
			UPDATE outbox SET lease = $1, holder = $2 WHERE id IN (
				SELECT id FROM outbox WHERE ended = 0 AND lease <= $3 ORDER BY bulk, id LIMIT $4 + 0`+t.dialect.forUpdate+`)
			RETURNING id, to_guid, kind, nonce, body, created, until`,
			millis(now.Add(lease)), s.holder, millis(now), limit)
		return err
	})
	if err != nil {
		return nil, wrap("claim notices", err)
	}
	slices.SortFunc(rows, func(a, b sealedNotice) int { return cmp.Or(bulkLast(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	var all []push.Notice
	for _, row := range rows {
		row.Params, err = s.sealer.openParams(noticePlace(row.To, row.Kind, row.nonce), row.body)
		if err != nil {
			s.log.Error("open notice", "notice", row.ID, "kind", row.Kind, "err", err)
			continue
		}
		all = append(all, row.Notice)
	}
	return all, nil
}

// bulkLast orders kinds as the column bulk does.
func bulkLast(a, b string) int {
	switch first, second := push.Bulk(a), push.Bulk(b); {
	case first == second:
		return 0
	case second:
		return -1
	}
	return 1
}

func scanNotice(row scanner) (n sealedNotice, err error) {
	var created, until int64
	err = row.Scan(&n.ID, &n.To, &n.Kind, &n.nonce, &n.body, &created, &until)
	n.Created, n.Until = fromMillis(created), fromMillis(until)
	return n, err
}

// front is how many of what waits NextDelivery looks at: more than all servers
// together hold, and those that nobody can open.
const front = `2048`

// Fan is push.Store's.
func (s *Store) Fan(ctx context.Context, notice int64, deliveries []push.Delivery, events ...audit.Event) error {
	return wrap("fan notice out", s.write(ctx, func(t *tx) error {
		n, err := t.exec(`
			UPDATE outbox SET body = NULL, ended = $3 WHERE id = $1 AND ended = 0 AND holder = $2`,
			notice, s.holder, millis(t.now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return push.ErrNoDelivery
		}
		if err := t.insertDeliveries(deliveries); err != nil {
			return err
		}
		return t.record(events...)
	}))
}

// NextDelivery is push.Store's: a time that has passed where something waits now,
// the end of a lease where all that is due is held. It looks at the front of what
// waits: in there is the first that nobody holds, unless so many are held that one of
// their leases is near.
func (s *Store) NextDelivery(ctx context.Context) (time.Time, error) {
	var next sql.NullInt64
	err := s.row(ctx, `
		SELECT min(at) FROM (
			SELECT at FROM (SELECT CASE WHEN lease > 0 THEN lease ELSE created END AS at
				FROM outbox WHERE ended = 0 AND bulk = FALSE ORDER BY id LIMIT `+front+`) AS a
			UNION ALL SELECT at FROM (SELECT CASE WHEN lease > 0 THEN lease ELSE created END AS at
				FROM outbox WHERE ended = 0 AND bulk = TRUE ORDER BY id LIMIT `+front+`) AS b
			UNION ALL SELECT at FROM (SELECT CASE WHEN lease > due THEN lease ELSE due END AS at
				FROM deliveries WHERE ended = 0 AND bulk = FALSE ORDER BY due LIMIT `+front+`) AS c
			UNION ALL SELECT at FROM (SELECT CASE WHEN lease > due THEN lease ELSE due END AS at
				FROM deliveries WHERE ended = 0 AND bulk = TRUE ORDER BY due LIMIT `+front+`) AS d
		) AS waiting`).Scan(&next)
	return fromMillis(next.Int64), wrap("next delivery", err)
}

// PurgeDeliveries is push.Store's. It counts notices and deliveries, and takes
// those too that were made before and that nothing could ever end, such as what
// was sealed under a key that is lost.
func (s *Store) PurgeDeliveries(ctx context.Context, before time.Time) (int, error) {
	n, err := s.purge(ctx, "purge deliveries", `
		DELETE FROM deliveries WHERE (ended > 0 AND ended < $1) OR (ended = 0 AND bulk IN (FALSE, TRUE) AND due < $1 AND created < $1)`, millis(before))
	if err != nil {
		return 0, err
	}
	more, err := s.purge(ctx, "purge notices", `
		DELETE FROM outbox WHERE (ended > 0 AND ended < $1) OR (ended = 0 AND created < $1)`, millis(before))
	return n + more, err
}

const waitsInClear = ` FROM outbox WHERE nonce = '' AND ended = 0`

// sealPlain seals what an earlier release left in clear. It writes only where
// there is something: a file that can't be written is opened all the same.
func (s *Store) sealPlain(ctx context.Context) error {
	var n int
	err := s.row(ctx, `SELECT count(*)`+waitsInClear).Scan(&n)
	if err != nil || n == 0 || s.sealer.box == nil {
		return wrap("seal notices", err)
	}
	if err := s.write(ctx, (*tx).sealPlain); err != nil {
		return wrap("seal notices", err)
	}
	return wrap("seal notices", s.foldWAL())
}

func (t *tx) sealPlain() error {
	plain, err := collect(t, scanNotice, `SELECT id, to_guid, kind, nonce, params, created, until`+waitsInClear)
	if err != nil {
		return err
	}
	for _, n := range plain {
		nonce, err := t.nonce()
		if err != nil {
			return err
		}
		body, err := t.sealer.seal(noticePlace(n.To, n.Kind, nonce), n.body)
		if err != nil {
			return err
		}
		_, err = t.exec(`UPDATE outbox SET params = '', nonce = $2, body = $3 WHERE id = $1`, n.ID, nonce, body)
		if err != nil {
			return err
		}
	}
	return nil
}
