package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// An account's history may be longer than anybody reads: one that has no end is read to the limit.
func TestEventsAreReadToTheirLimit(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	for range 3 {
		if err := s.Record(t.Context(), signedIn()); err != nil {
			t.Fatal(err)
		}
	}
	err := s.write(t.Context(), func(t *tx) error {
		for _, query := range []string{`PRAGMA ignore_check_constraints = 1`, `DROP TRIGGER older_entries_update`, `UPDATE older_entries SET older = 3 WHERE seq = 1`} {
			if _, err := t.exec(query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if all, err := s.Events(ctx, anna, 3); err != nil || len(all) != 3 {
		t.Errorf("%d entries, %v", len(all), err)
	}
}

// Two processes write to one file, and closures fail in their middle, or panic.
func TestEverythingIsFoundByWhoseItIsWhateverFails(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	path := filepath.Join(t.TempDir(), "x.db")
	stores := []*Store{openAt(t, path), openAt(t, path)}
	for _, s := range stores {
		s.log = slog.New(slog.DiscardHandler)
	}
	accounts := []ad.GUID{anna, bert, {7}}
	failed := errors.New("on purpose")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for j := range 60 {
				account := accounts[r.IntN(len(accounts))]
				about := signedIn()
				about.Target = account.String()
				one := enroll.Session{ID: fmt.Sprint(i, j), Account: account, Expires: time.Now().Add(time.Hour)}
				first, end, fate := r.IntN(2) == 0, r.IntN(4) == 0, r.IntN(6)
				err := stores[i%2].write(context.Background(), func(t *tx) error {
					var errs []error
					if first {
						errs = append(errs, t.record(about))
					}
					errs = append(errs, t.insertSession(one))
					switch fate {
					case 0:
						return failed
					case 1:
						panic(failed)
					case 2: // the second of its rows is refused
						_, err := t.exec(`INSERT INTO sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address, num)
							SELECT $1 || n, $2, '', 1, 1, 1, 0, '', '', n FROM (SELECT max(num) + 1 AS n FROM older_sessions UNION ALL SELECT 0)`, one.ID, guidText(account))
						return errors.Join(failed, err)
					}
					if end {
						_, err := t.endSessions(t.dialect.ofAccount+` AND id <> $2`, guidText(account), one.ID)
						errs = append(errs, err)
					}
					return errors.Join(append(errs, t.record(about))...)
				})
				if err != nil && !errors.Is(err, failed) && !errors.Is(err, errPanic) && !errors.Is(err, ErrBusy) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var entries, sessions int
	if err := stores[0].row(t.Context(), lost).Scan(&entries, &sessions); err != nil || entries > 0 || sessions > 0 {
		t.Errorf("%d entries and %d sessions are lost, %v", entries, sessions, err)
	}
	for _, account := range accounts {
		found, err := stores[1].Sessions(t.Context(), account)
		if err != nil || len(found) == 0 {
			t.Fatalf("%d sessions, %v", len(found), err)
		}
		if err := stores[1].EndSessions(t.Context(), account, "", enroll.Withdrawal{}); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := stores[0].row(t.Context(), `SELECT count(*) FROM sessions`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%d sessions go on, %v", left, err)
	}
	verified(t, stores[0])
}
