package db

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
)

// rotating is a store whose key file is rotated.
type rotating struct {
	*Store
	box  *secret.Box
	file string
}

func openRotating(t *testing.T) rotating {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	box, err := secret.LoadBox(file, true)
	if err != nil {
		t.Fatal(err)
	}
	return rotating{openWith(t, filepath.Join(t.TempDir(), "x.db"), box), box, file}
}

// addKey makes another key the active one, and returns a box of those before.
func (r rotating) addKey(t *testing.T) (before *secret.Box) {
	t.Helper()
	before, err := secret.LoadBox(r.file, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secret.AddKey(r.file, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := r.box.Load(r.file); err != nil {
		t.Fatal(err)
	}
	return before
}

// fill adds values of every kind.
func (r rotating) fill(t *testing.T, n int, name string) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d", name, i)
		sub := push.Subscription{ID: id, Account: anna.String(), Endpoint: "https://push.example/" + id, Auth: []byte(id)}
		if _, err := r.SaveSubscription(t.Context(), sub, 1<<20); err != nil {
			t.Error(err)
		}
		if _, err := r.AddVAPIDKey(t.Context(), push.Keypair{ID: id, Public: "p" + id, Private: []byte(id)}, false); err != nil {
			t.Error(err)
		}
		app := enroll.Factor{ID: id, Account: anna, Kind: enroll.ProofKind(id), Secret: []byte(id)}
		if err := r.ReplaceFactors(t.Context(), anna, app.Kind, []enroll.Factor{app}); err != nil {
			t.Error(err)
		}
		notify(t, r.Store, id, map[string]string{"id": id})
		if i%3 > 0 {
			continue
		}
		for i, w := range notices(t, r.Store) {
			if i > 0 {
				break
			}
			d := push.Delivery{Kind: "k", Channel: push.ChannelPush, Subscription: id, Params: map[string]string{"id": id}}
			// Another goroutine may have claimed it since.
			if err := r.Fan(t.Context(), w.ID, []push.Delivery{d, d}); err != nil && !errors.Is(err, push.ErrNoDelivery) {
				t.Error(err)
			}
		}
	}
}

func (r rotating) round(t *testing.T) (all Resealed) {
	t.Helper()
	for at := (ResealAt{}); !at.Done; {
		next, did, err := r.Reseal(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		all.Resealed += did.Resealed
		all.Unreadable += did.Unreadable
		at = next
	}
	return all
}

// values are all that is sealed, by place.
func (r rotating) values(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, c := range sealedColumns {
		parts := ""
		for _, p := range c.parts {
			parts += p + ", "
		}
		rows, err := list(t.Context(), r.Store, c.scan, `SELECT id, `+parts+c.column+` FROM `+c.table+` WHERE `+c.column+` IS NOT NULL`)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			all[place(c.table, c.column, row.parts...)] = row.value
		}
	}
	return all
}

// After a round nothing opens with the older keys, everything opens with the new
// one, and says what it said.
func TestAfterARoundEverythingIsUnderTheNewKeyAlone(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := openRotating(t)
	for round := range 4 {
		r.fill(t, 20+random.IntN(150), fmt.Sprint("round", round))
		plain := map[string]string{}
		for where, v := range r.values(t) {
			p, err := r.box.Open(where, v)
			if err != nil {
				t.Fatalf("%q: %v", where, err)
			}
			plain[where] = string(p)
		}
		before := r.addKey(t)
		if random.IntN(2) == 0 { // an earlier round that did not come to its end
			if _, _, err := r.Reseal(t.Context(), ResealAt{Column: random.IntN(len(sealedColumns))}); err != nil {
				t.Fatal(err)
			}
			before = r.addKey(t)
		}
		r.round(t)
		if err := secret.KeepKey(r.file, r.box.Active()); err != nil {
			t.Fatal(err)
		}
		if err := r.box.Load(r.file); err != nil {
			t.Fatal(err)
		}
		after := r.values(t)
		if len(after) != len(plain) || len(after) < 50 {
			t.Fatalf("%d values, %d before", len(after), len(plain))
		}
		for where, v := range after {
			if _, err := before.Open(where, v); !errors.Is(err, secret.ErrSealed) {
				t.Errorf("%q opens with an older key: %v", where, err)
			}
			if p, err := r.box.Open(where, v); err != nil || string(p) != plain[where] {
				t.Errorf("%q says %q and not %q, %v", where, p, plain[where], err)
			}
		}
		counts, err := r.SealedUnder(t.Context())
		if err != nil || len(counts) != 1 || counts[r.box.Active()] != len(after) {
			t.Errorf("sealed under %v, %d values, %v", counts, len(after), err)
		}
	}
}

// What is written while a round goes on is under the new key too.
func TestWritesDuringARoundAreUnderTheNewKey(t *testing.T) {
	r := openRotating(t)
	r.fill(t, 250, "before")
	r.addKey(t)
	var writing sync.WaitGroup
	for i := range 4 {
		writing.Go(func() { r.fill(t, 40, fmt.Sprint("during", i)) })
	}
	did := r.round(t)
	writing.Wait()
	counts, err := r.SealedUnder(t.Context())
	if err != nil || len(counts) != 1 || did.Resealed == 0 || did.Unreadable > 0 {
		t.Errorf("sealed under %v after %+v, %v", slices.Collect(maps.Keys(counts)), did, err)
	}
}

// A value that no key opens stays, is counted, and stands in nobody's way.
func TestAValueThatNoKeyOpensStays(t *testing.T) {
	r := openRotating(t)
	r.fill(t, 5, "x")
	old := r.box.Active()
	err := r.write(t.Context(), func(tx *tx) error {
		_, err := tx.exec(`UPDATE subscriptions SET id = 'moved' WHERE id = 'x-1'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.addKey(t)
	did := r.round(t)
	counts, err := r.SealedUnder(t.Context())
	if err != nil || did.Unreadable != 2 || counts[old] != 2 {
		t.Errorf("%+v, %v, %v", did, counts, err)
	}
}

func TestARotationIsRecordedOnce(t *testing.T) {
	r := openRotating(t)
	record := func(key string) {
		t.Helper()
		e := audit.Event{
			Action: audit.KeysRotated, Actor: audit.ActorOperator, Outcome: audit.OK,
			Detail: map[string]any{"key": key, "retired": []string{"a"}, "resealed": 1},
		}
		if err := r.RecordRotation(t.Context(), key, nil, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"one", "one", "two", "two", "one"} {
		record(key)
	}
	var n int
	if err := r.row(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = $1`, string(audit.KeysRotated)).Scan(&n); err != nil || n != 3 {
		t.Errorf("%d events, %v", n, err)
	}
}

// What was sealed under the old key since the last round keeps that key.
func TestAKeyThatSealedSinceTheLastRoundIsNotRetired(t *testing.T) {
	r := openRotating(t)
	old := r.box.Active()
	r.addKey(t)
	r.fill(t, 4, "x")
	e := audit.Event{Action: audit.KeysRotated, Actor: audit.ActorOperator, Outcome: audit.OK, Detail: map[string]any{"key": r.box.Active()}}
	for _, c := range sealedColumns {
		t.Run(c.table+"."+c.column, func(t *testing.T) {
			prefix, _ := hex.DecodeString(old)
			under := func(id []byte) {
				t.Helper()
				err := r.write(t.Context(), func(tx *tx) error {
					_, err := tx.exec(`UPDATE `+c.table+` SET `+c.column+` = $1 WHERE id = (SELECT min(id) FROM `+c.table+`)`, append(id, "sealed"...))
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			under(prefix)
			var still *StillSealedError
			if err := r.RecordRotation(t.Context(), r.box.Active(), []string{old}, e); !errors.As(err, &still) || still.Values != 1 || still.Key != old {
				t.Errorf("retired: %v", err)
			}
			now, _ := hex.DecodeString(r.box.Active())
			under(now)
		})
	}
	if n := r.counted(t, `SELECT count(*) FROM retired_keys`) + r.counted(t, `SELECT count(*) FROM audit_entries WHERE action = 'keys.rotated'`); n != 0 {
		t.Errorf("%d traces of a rotation that was refused", n)
	}
}

// A rotation to a key that was rotated to before may have further keys to retire.
func TestARotationToTheSameKeyRetiresFurtherKeys(t *testing.T) {
	r := openRotating(t)
	for _, retired := range [][]string{{"01020304"}, {"01020304", "05060708"}, {"05060708"}} {
		e := audit.Event{
			Action: audit.KeysRotated, Actor: audit.ActorOperator, Outcome: audit.OK,
			Detail: map[string]any{"key": r.box.Active(), "retired": retired, "resealed": 0},
		}
		if err := r.RecordRotation(t.Context(), r.box.Active(), retired, e); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.counted(t, `SELECT count(*) FROM retired_keys`); n != 2 {
		t.Errorf("%d keys are retired, want 2", n)
	}
	if n := r.counted(t, `SELECT count(*) FROM audit_entries WHERE action = 'keys.rotated'`); n != 2 {
		t.Errorf("%d events, want one for each rotation that retired a key", n)
	}
}

func (r rotating) counted(t *testing.T, query string) (n int) {
	t.Helper()
	if err := r.row(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Every blob that a table may hold sealed is in the list.
func TestEverySealedColumnIsListed(t *testing.T) {
	r := openRotating(t)
	r.fill(t, 4, "x")
	tables, err := list(t.Context(), r.Store, func(row scanner) (s [2]string, err error) { return s, row.Scan(&s[0], &s[1]) },
		`SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'audit%' AND sql LIKE '%BLOB%'`)
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{ // in clear, or hashes
		"subscriptions.hash": true, "subscriptions.p256dh": true,
	}
	blob := regexp.MustCompile(`(\w+)\s+BLOB`)
	found := 0
	for _, table := range tables {
		for _, m := range blob.FindAllStringSubmatch(table[1], -1) {
			column := table[0] + "." + m[1]
			listed := slices.ContainsFunc(sealedColumns, func(c sealedColumn) bool { return c.table == table[0] && c.column == m[1] })
			var n int
			err := r.row(t.Context(), `SELECT count(*) FROM `+table[0]+` WHERE substr(`+m[1]+`, 1, 4) = $1`, idOf(t, r.box)).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			if (n > 0) != listed || open[column] && listed {
				t.Errorf("%s: %d sealed values, listed %v", column, n, listed)
			}
			if listed {
				found++
			}
		}
	}
	if found != len(sealedColumns) {
		t.Errorf("%d of %d columns found", found, len(sealedColumns))
	}
}

func idOf(t *testing.T, b *secret.Box) []byte {
	t.Helper()
	return b.Seal("x", nil)[:4]
}
