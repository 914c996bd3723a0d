package db

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/latchkey/latchkey/push"
)

// labelLimit starts what a bucket's id is the hash of: names and addresses that
// somebody tried do not stand in the store in clear.
const labelLimit = "latchkey/limit/v1\x00"

// setBack is by how much a clock may be set back without giving tokens away.
const setBack = 5 * time.Minute

var errLimit = errors.New("limit: burst and refill must be above zero")

// Take takes one token from the bucket named key, which holds burst tokens when
// full and gains one each refill; an unknown bucket is full. It returns 0 when
// there was a token. Otherwise nothing was taken, and the answer is how long
// until there is one.
//
// A bucket is kept as the time at which it is full again: taking a token moves
// it by refill, and it may lie at most burst refills ahead. So one statement
// refills, decides and takes, and of two callers one gets the last token. A time
// that lies farther ahead than that by setBack was written under a clock that ran
// ahead: the bucket counts as full, or nobody would get in until it comes. These
// times are in microseconds, for refills below a millisecond.
func (s *Store) Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	var wait time.Duration
	err := s.write(ctx, func(t *tx) (err error) {
		wait, err = t.take(push.Bucket{Key: key, Burst: burst, Refill: refill}, now)
		return err
	})
	if err != nil {
		return 0, wrap("take token", err)
	}
	return wait, nil
}

// TakeAll is push.Limits'.
func (s *Store) TakeAll(ctx context.Context, from []push.Bucket, now time.Time) ([]time.Duration, error) {
	waits := make([]time.Duration, len(from))
	err := s.write(ctx, func(t *tx) (err error) {
		short := false
		for i, b := range from {
			if waits[i], err = t.take(b, now); err != nil {
				return err
			}
			short = short || waits[i] > 0
		}
		if short {
			return errShort
		}
		return nil
	})
	if err != nil && !errors.Is(err, errShort) {
		return nil, wrap("take tokens", err)
	}
	return waits, nil
}

// errShort takes back what other buckets gave.
var errShort = errors.New("limit: a bucket is empty")

func (t *tx) take(b push.Bucket, now time.Time) (time.Duration, error) {
	step := b.Refill.Microseconds()
	if b.Burst <= 0 || step <= 0 {
		return 0, errLimit
	}
	id := sha256.Sum256([]byte(labelLimit + b.Key))
	at, reach := now.UnixMicro(), int64(b.Burst)*step
	n, err := t.exec(`
		INSERT INTO limits (id, full_at) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE
		SET full_at = (CASE WHEN limits.full_at > $3 AND limits.full_at <= $6 THEN limits.full_at ELSE $3 END) + $4
		WHERE limits.full_at + $4 <= $5 OR limits.full_at > $6`,
		id[:], at+step, at, step, at+reach, at+reach+setBack.Microseconds())
	if err != nil || n > 0 {
		return 0, err
	}
	var full int64
	if err := t.row(`SELECT full_at FROM limits WHERE id = $1`, id[:]).Scan(&full); err != nil {
		return 0, err
	}
	return time.Duration(max(full+step-at-reach, 1)) * time.Microsecond, nil
}

// PurgeLimits forgets the buckets that are full, and returns how many.
func (s *Store) PurgeLimits(ctx context.Context, now time.Time) (int, error) {
	return s.purge(ctx, "purge limits", `DELETE FROM limits WHERE full_at <= $1`, now.UnixMicro())
}
