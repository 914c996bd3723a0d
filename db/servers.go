package db

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Several servers share a PostgreSQL database. Each says with every batch who it is
// and which keys it has, so that a rotation of keys leaves nobody behind:
//
//	before a key seals      every server that lives has it
//	before a key is retired every server that lives seals with the new one
//	a server was away       and would seal with a retired key: all its batches are
//	                        ErrRetiredKey, so that it does nothing that it could
//	                        not record
//
// A key is told of in the batch that it seals in, and batches come one after the
// other: who reads that a server seals with the new key finds all that it sealed
// with the old one.

// ErrRetiredKey: this server seals with a key that was rotated away while it did not
// answer. It changes nothing, and does not start, until it has read another key file.
const ErrRetiredKey fault = "store.retired-key"

const (
	// PresentEvery is how often a server that serves calls Present.
	PresentEvery = 10 * time.Second
	// presentFor is how long a server counts that was not heard of.
	presentFor = time.Minute
)

// Server is another one on the same database.
type Server struct {
	Name string   `json:"name"`
	Keys []string `json:"keys"` // by id, the one that it seals with first; nil for an older release
	// Silent is how long ago it was heard of, in seconds.
	Silent int `json:"silent"`
}

// Present says that this server works, and with which keys.
func (s *Store) Present(ctx context.Context) error {
	if !s.dialect.remote {
		return nil
	}
	return wrap("say that this server works", s.write(ctx, func(*tx) error { return nil }))
}

// Others are the servers that were heard of within the last minute, without this
// one. A SQLite file has none.
func (s *Store) Others(ctx context.Context) (all []Server, err error) {
	if !s.dialect.remote {
		return nil, nil
	}
	all, err = list(ctx, s, func(row scanner) (o Server, err error) {
		var keys string
		err = row.Scan(&o.Name, &keys, &o.Silent)
		o.Keys = strings.Fields(keys)
		return o, err
	}, `SELECT name, keys, (`+postgresNow+` - at) / 1000 FROM writers WHERE holder <> $1 AND at > `+postgresNow+` - $2 ORDER BY name, holder`,
		s.holder, presentFor.Milliseconds())
	return all, wrap("find other servers", err)
}

// TellKeys has the other servers read their key files again.
func (s *Store) TellKeys(ctx context.Context) error {
	if !s.dialect.remote {
		return nil
	}
	return wrap("tell other servers of keys", s.write(ctx, func(t *tx) error {
		t.told.keys = true
		return nil
	}))
}

// postgresNow is the database's clock, in milliseconds: the servers' may differ.
const postgresNow = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

// mark writes the number of the batch, which says later that it was committed. It
// writes none where the key that this server seals with, or one that the batch has
// sealed with, was rotated away: the batch is ErrRetiredKey then, also one that seals
// nothing. Of an intent the outcome could not be recorded, since that tells people.
func (t *tx) mark() error {
	var keys, seals []string
	if t.sealer.box != nil {
		keys = t.sealer.box.IDs()
		seals = slices.Sorted(maps.Keys(t.sealer.used))
		if !t.sealer.used[keys[0]] {
			seals = append(seals, keys[0])
		}
	}
	n, err := t.exec(`
		INSERT INTO writers (holder, batch, at, name, keys)
		SELECT $1::text, $2::bigint, `+postgresNow+`, $3::text, $4::text
		WHERE NOT EXISTS (SELECT 1 FROM retired_keys WHERE id = ANY (string_to_array($5::text, ' ')))
		ON CONFLICT (holder) DO UPDATE SET batch = excluded.batch, at = excluded.at, name = excluded.name, keys = excluded.keys`,
		t.holder, t.batch, t.name, strings.Join(keys, " "), strings.Join(seals, " "))
	if err == nil && n == 0 {
		return fmt.Errorf("%w: key %s was rotated away: copy the key file of another server to this one and start it again",
			ErrRetiredKey, strings.Join(seals, " or "))
	}
	return err
}

// note keeps the id of the key that a value was sealed with.
func (s sealer) note(sealed []byte) {
	if s.used != nil {
		s.used[hex.EncodeToString(sealed[:4])] = true
	}
}

// retireKeys is part of the end of a rotation. It returns how many were none before.
func (t *tx) retireKeys(ids []string) (fresh int64, err error) {
	for _, id := range ids {
		n, err := t.exec(`INSERT INTO retired_keys (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, millis(t.now()))
		if err != nil {
			return 0, err
		}
		fresh += n
	}
	return fresh, nil
}

// leave takes this server off the list, as far as the connection is there.
func (t *tx) leave() {
	if !t.dialect.remote || t.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = t.conn.ExecContext(ctx, `DELETE FROM writers WHERE holder = $1`, t.holder)
}

// writersKept is how long the number of a server that is gone is kept.
const writersKept = 30 * 24 * time.Hour

func (s *Store) forgetWriters(ctx context.Context) error {
	_, err := s.purge(ctx, "forget servers", `DELETE FROM writers WHERE at < $1`, millis(time.Now().Add(-writersKept)))
	return err
}
