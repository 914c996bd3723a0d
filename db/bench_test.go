package db

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/latchkey/latchkey/audit"
)

// BenchmarkWrites compares what a crowd of waiting callers gets through the
// writer with raw transactions of one row each, on the same settings and disk.
// It prints the ratio. Both write one row of 200 bytes, without audit events.
func BenchmarkWrites(b *testing.B) {
	row := make([]byte, 200)
	var raw float64
	b.Run("raw single-row transactions", func(b *testing.B) {
		d, err := openSQLite(filepath.Join(b.TempDir(), "x.db"), sqliteWriter)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		d.SetMaxOpenConns(1)
		if _, err := d.Exec(`CREATE TABLE rows (num INTEGER PRIMARY KEY, data BLOB)`); err != nil {
			b.Fatal(err)
		}
		insert, err := d.Prepare(`INSERT INTO rows (data) VALUES ($1)`)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := insert.Exec(row); err != nil {
				b.Fatal(err)
			}
		}
		raw = perSecond(b)
	})
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "x.db"))
			create := func(t *tx) error {
				_, err := t.exec(`CREATE TABLE rows (num INTEGER PRIMARY KEY, data BLOB)`)
				return err
			}
			if err := s.write(b.Context(), create); err != nil {
				b.Fatal(err)
			}
			crowd(b, callers, func(int) error {
				return s.write(b.Context(), func(t *tx) error {
					_, err := t.exec(`INSERT INTO rows (data) VALUES ($1)`, row)
					return err
				})
			})
			b.ReportMetric(perSecond(b)/raw, "x-raw")
		})
	}
}

// BenchmarkRecord is the same for audit events, sealed and with personal values.
func BenchmarkRecord(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "x.db"))
			crowd(b, callers, func(int) error { return s.Record(context.Background(), signedIn()) })
			perSecond(b)
		})
	}
}

// BenchmarkExport streams a log of 10,000 entries.
func BenchmarkExport(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "x.db"))
	events := make([]audit.Event, 1000)
	for i := range events {
		events[i] = signedIn()
	}
	for range 10 {
		if err := s.Record(b.Context(), events...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := s.Export(b.Context(), discard{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// crowd spreads b.N calls over callers that each wait for their answer.
func crowd(b *testing.B, callers int, fn func(i int) error) {
	b.Helper()
	var next atomic.Int64
	errs := make(chan error, callers)
	b.ResetTimer()
	for range callers {
		go func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					errs <- nil
					return
				}
				if err := fn(int(i)); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
}

func perSecond(b *testing.B) float64 {
	n := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(n, "writes/s")
	return n
}
