package db

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// sealedColumn is one that holds sealed values, and what names the place of each.
type sealedColumn struct {
	table, column string
	numbered      bool     // its key is a number and not a text
	parts         []string // columns, as place takes them
}

// sealedColumns are all there are; a test compares them with what seals.
var sealedColumns = []sealedColumn{
	{"vapid_keys", "private", false, []string{"id", "public"}},
	{"subscriptions", "endpoint", false, []string{"account", "id"}},
	{"subscriptions", "auth", false, []string{"account", "id"}},
	{"outbox", "body", true, []string{"to_guid", "kind", "nonce"}},
	{"deliveries", "body", true, []string{"to_guid", "kind", "channel", "subscription", "nonce"}},
	{"factors", "secret", false, []string{"account", "id"}},
}

// ResealAt is how far a round has come; the zero value is its beginning.
type ResealAt struct {
	Column int    `json:"column"`
	Text   string `json:"text,omitempty"`
	Number int64  `json:"number,omitempty"`
	Done   bool   `json:"done"`
}

// Resealed counts what one step did.
type Resealed struct {
	Resealed int `json:"resealed"`
	// Unreadable are values that no key opens. They stay as they are.
	Unreadable int `json:"unreadable"`
}

// resealBatch rows are one transaction: the writer is nobody else's meanwhile.
const resealBatch = 100

// Reseal takes one step of a round: it seals under the box's active key what stands
// under older ones, and says where the next step begins. What is written meanwhile
// is under the active key, since one writer does both; so one round finds everything.
func (s *Store) Reseal(ctx context.Context, at ResealAt) (next ResealAt, did Resealed, err error) {
	if s.sealer.box == nil {
		return at, did, wrap("reseal", ErrNoKey)
	}
	if at.Column >= len(sealedColumns) {
		at.Done = true
		return at, did, nil
	}
	err = s.write(ctx, func(t *tx) error {
		next, did = at, Resealed{}
		return t.reseal(sealedColumns[at.Column], &next, &did)
	})
	return next, did, wrap("reseal", err)
}

type sealedRow struct {
	text   string
	number int64
	parts  []string
	value  []byte
}

func (t *tx) reseal(c sealedColumn, at *ResealAt, did *Resealed) error {
	rows, err := collect(t, c.scan, `SELECT id, `+strings.Join(c.parts, ", ")+`, `+c.column+` FROM `+c.table+
		` WHERE id > $1 AND `+c.column+` IS NOT NULL ORDER BY id LIMIT $2`, c.key(at.Text, at.Number), resealBatch)
	if err != nil {
		return err
	}
	for _, r := range rows {
		at.Text, at.Number = r.text, r.number
		fresh, err := t.sealer.box.Reseal(place(c.table, c.column, r.parts...), r.value)
		if errors.Is(err, secret.ErrSealed) {
			did.Unreadable++
			continue
		}
		if err != nil {
			return err
		}
		if string(fresh) == string(r.value) {
			continue
		}
		t.sealer.note(fresh)
		if _, err := t.exec(`UPDATE `+c.table+` SET `+c.column+` = $1 WHERE id = $2`, fresh, c.key(r.text, r.number)); err != nil {
			return err
		}
		did.Resealed++
	}
	if len(rows) < resealBatch {
		*at = ResealAt{Column: at.Column + 1, Done: at.Column+1 == len(sealedColumns)}
	}
	return nil
}

func (c sealedColumn) key(text string, number int64) any {
	if c.numbered {
		return number
	}
	return text
}

func (c sealedColumn) scan(row scanner) (r sealedRow, err error) {
	r.parts = make([]string, len(c.parts))
	to := []any{&r.text}
	if c.numbered {
		to[0] = &r.number
	}
	for i := range r.parts {
		to = append(to, &r.parts[i])
	}
	return r, row.Scan(append(to, &r.value)...)
}

// SealedUnder counts sealed values by the id of their key, in hex.
func (s *Store) SealedUnder(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	for _, c := range sealedColumns {
		_, err := list(ctx, s, func(row scanner) (none struct{}, err error) {
			var id []byte
			var n int
			err = row.Scan(&id, &n)
			counts[hex.EncodeToString(id)] += n
			return none, err
		}, `SELECT substr(`+c.column+`, 1, 4), count(*) FROM `+c.table+` WHERE `+c.column+` IS NOT NULL GROUP BY 1`)
		if err != nil {
			return nil, wrap("count sealed values", err)
		}
	}
	return counts, nil
}

// StillSealedError: values stand under a key that was to be retired.
type StillSealedError struct {
	Key    string // by id
	Values int
}

func (e *StillSealedError) Error() string {
	return fmt.Sprintf("%d values are sealed under key %s", e.Values, e.Key)
}

// RecordRotation retires keys, which no server may seal with any more, records so
// once, and takes what was out of the write-ahead log. Nothing may be sealed under
// them: that is counted in the same transaction, for another server or a write that
// was on its way may have sealed since the last round, and is *StillSealedError. A
// rotation that was killed right after it says so again to no effect.
func (s *Store) RecordRotation(ctx context.Context, key string, retired []string, e audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.refuseSealed(retired); err != nil {
			return err
		}
		n, err := t.retireKeys(retired)
		if err != nil {
			return err
		}
		var last []byte
		err = t.row(`SELECT bytes FROM audit_entries WHERE action = $1 ORDER BY seq DESC LIMIT 1`, string(audit.KeysRotated)).Scan(&last)
		if err = orMissing(err, errNoRotation); err != nil && !errors.Is(err, errNoRotation) {
			return err
		}
		if err == nil && n == 0 && rotatedTo(last) == key {
			return nil
		}
		return t.record(e)
	})
	if err != nil {
		return wrap("record rotation", err)
	}
	return wrap("record rotation", s.foldWAL())
}

func (t *tx) refuseSealed(ids []string) error {
	for _, id := range ids {
		prefix, err := hex.DecodeString(id)
		if err != nil {
			return fmt.Errorf("read id of key: %w", err)
		}
		still := &StillSealedError{Key: id}
		for _, c := range sealedColumns {
			var n int
			err := t.row(`SELECT count(*) FROM `+c.table+` WHERE substr(`+c.column+`, 1, 4) = $1`, prefix).Scan(&n)
			if err != nil {
				return err
			}
			still.Values += n
		}
		if still.Values > 0 {
			return still
		}
	}
	return nil
}

var errNoRotation = errors.New("no rotation yet")

func rotatedTo(event []byte) string {
	object, err := audit.Parse(event)
	if err != nil {
		return ""
	}
	detail, _ := object["detail"].(map[string]any)
	key, _ := detail["key"].(string)
	return key
}
