package db

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/e2e/bench"
	"github.com/latchkey/latchkey/e2e/postgres"
)

// TestAppendingBesideTheWriterWithoutItsChain hands events to the writer, and to one that
// puts in the same rows with nothing sealed and no end of a chain read or moved. What
// PostgreSQL's own process spends on them counts as ours does.
func TestAppendingBesideTheWriterWithoutItsChain(t *testing.T) {
	for _, engine := range []struct {
		name string
		open func(*testing.T) *Store
	}{
		{"SQLite", func(t *testing.T) *Store { return openAt(t, filepath.Join(t.TempDir(), "x.db")) }},
		{"PostgreSQL", func(t *testing.T) *Store {
			return openRemote(t, postgres.Shared(t).Database(t))
		}},
	} {
		t.Run(engine.name, func(t *testing.T) { appending(t, engine.name, engine.open) })
	}
}

func appending(t *testing.T, name string, open func(*testing.T) *Store) {
	chained, plain := open(t), open(t)
	entry, _, err := audit.Seal(audit.Head{}, signedIn(), chained.tx.random)
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0) // the writer's goroutine alone counts
	unchained := func(e audit.Event) error {
		return plain.write(context.Background(), func(t *tx) error {
			n := entry
			next++
			n.Seq, n.Action, n.Actor, n.Target, n.Request = next, e.Action, e.Actor, e.Target, e.Request
			return t.insertEntry(n)
		})
	}
	n := bench.Count(20_000, 50)
	together := func(do func() error) func() {
		return func() {
			var all sync.WaitGroup
			for range 64 {
				all.Go(func() {
					for range n / 50 {
						if err := do(); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
		}
	}
	many := n / 50 * 64
	var onClock, plainOnClock []float64
	timed := func(to *[]float64, do func(), server ...int) float64 {
		var rate float64
		byProcessor := bench.CPURate(many, func() { rate = bench.Rate(many, do) }, server...)
		*to = append(*to, rate)
		return byProcessor
	}
	// The caches of a process share what each of them may hold: pages of the store that
	// rests would be in the other's way.
	cold := func(s *Store) {
		if s.dialect.remote {
			return
		}
		if err := s.write(context.Background(), func(t *tx) error {
			_, err := t.exec(`PRAGMA shrink_memory`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	bench.Alternate(bench.Rounds(), func() float64 {
		cold(plain)
		return timed(&onClock, together(func() error { return chained.Record(context.Background(), signedIn()) }), backend(t, chained)...)
	}, func() float64 {
		cold(chained)
		return timed(&plainOnClock, together(func() error { return unchained(signedIn()) }), backend(t, plain)...)
	}).AtLeast("audit: appending, "+name, "events per second of processor time", 0.8, fmt.Sprintf(
		"64 callers; the limit is the same writer, given the same events, putting in the same rows without a chain; by the clock %.0f and %.0f a second",
		bench.Median(onClock), bench.Median(plainOnClock))).Add(t)
	verified(t, chained)
}

// backend is PostgreSQL's process behind a Store's writer.
func backend(t *testing.T, s *Store) (pids []int) {
	if !s.dialect.remote {
		return nil
	}
	pids = make([]int, 1)
	err := s.write(context.Background(), func(t *tx) error {
		return t.row(`SELECT pg_backend_pid()`).Scan(&pids[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	return pids
}
