package db

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/audit"
)

// batchOf holds the writer in one closure until the others wait behind it, so
// that they share the next transaction, and returns their answers.
func batchOf(t *testing.T, s *Store, before func(), fns ...func(*tx) error) []error {
	t.Helper()
	running, release := make(chan struct{}), make(chan struct{})
	held := make(chan error)
	go func() {
		held <- s.write(t.Context(), func(*tx) error {
			close(running)
			<-release
			before()
			return nil
		})
	}()
	<-running
	jobs := make([]*job, len(fns))
	for i, fn := range fns {
		jobs[i] = &job{fn: fn, done: make(chan error, 1)}
		if err := s.hand(t.Context(), jobs[i]); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if err := <-held; err != nil {
		t.Fatal(err)
	}
	answers := make([]error, len(jobs))
	for i, j := range jobs {
		answers[i] = <-j.done
	}
	return answers
}

func recordOne(t *tx) error { return t.record(signedIn()) }

func TestWaitingWritesShareOneTransaction(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	begun := map[string]int{}
	count := func() {
		s.tx.fault = func(query string) error { begun[query]++; return nil }
	}
	no := errors.New("no")
	refused := func(*tx) error { return no }
	halfWay := func(tx *tx) error { return errors.Join(tx.record(signedIn(), signedIn()), no) }
	err := s.write(t.Context(), func(tx *tx) error {
		_, err := tx.exec(`INSERT INTO handles (account, handle) VALUES ('there', 'x')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	taken := func(id string) string { return `DELETE FROM handles WHERE account = '` + id + `' RETURNING account` }
	for i, c := range []struct {
		refused func(*tx) error
		runs    int
	}{
		{refused, 1}, // before it changed anything
		{halfWay, 2}, // without savepoints, then with them
		{func(tx *tx) error { // found nothing to change
			var id string
			if err := tx.row(taken("not there")).Scan(&id); !errors.Is(err, sql.ErrNoRows) {
				t.Error(err)
			}
			return no
		}, 1},
		{func(tx *tx) error {
			all, err := collect(tx, scanText, taken("not there"))
			return errors.Join(err, no, unless(len(all) == 0))
		}, 1},
		{func(tx *tx) error { // changed a row
			var id string
			return errors.Join(tx.row(taken("there")).Scan(&id), no)
		}, 2},
		{func(tx *tx) error {
			all, err := collect(tx, scanText, taken("there"))
			return errors.Join(err, no, unless(len(all) == 1))
		}, 2},
		{func(tx *tx) error { // changed a row, and does not know
			tx.unread++
			return no
		}, 2},
		{func(tx *tx) error { // changed a row, and fails at reading it
			_, err := collect(tx, func(scanner) (string, error) { return "", no }, taken("there"))
			return err
		}, 2},
	} {
		clear(begun)
		answers := batchOf(t, s, count, recordOne, c.refused, recordOne, c.refused, recordOne)
		s.tx.fault = nil
		for i, err := range answers {
			if want := i%2 == 1; want != errors.Is(err, no) || !want && err != nil || err != nil && strings.Contains(err.Error(), "something else") {
				t.Errorf("write %d: %v", i, err)
			}
		}
		const head = `SELECT seq, hash FROM audit_head WHERE id = 1`
		if begun["BEGIN IMMEDIATE"] != c.runs || begun[head] != c.runs || begun[`COMMIT`] != 2 || begun[`UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1`] != 1 {
			t.Errorf("the batch ran %v", begun)
		}
		if seq, want := verified(t, s).Head.Seq, uint64(3*(i+1)); uint64(seq) != want {
			t.Errorf("the log ends at %d, want %d", seq, want)
		}
	}
}

// Until the answer of a statement that may have changed a row is read, it counts as
// one that did.
func TestAnAnswerThatIsNotReadCountsAsAChange(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	err := s.write(t.Context(), func(tx *tx) error {
		var id string
		row := tx.row(`DELETE FROM handles WHERE account = 'none' RETURNING account`)
		if tx.unread != 1 || tx.dirty {
			t.Errorf("before: %d unread, dirty %t", tx.unread, tx.dirty)
		}
		for range 2 {
			if err := row.Scan(&id); err == nil || tx.unread != 0 {
				t.Errorf("%v, %d unread", err, tx.unread)
			}
		}
		read := tx.row(`SELECT account FROM handles`)
		if err := read.Scan(&id); !errors.Is(err, sql.ErrNoRows) || tx.unread != 0 {
			t.Errorf("%v, %d unread", err, tx.unread)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = collect(tx, func(scanner) (string, error) { panic("scan") }, `INSERT INTO handles (account, handle) VALUES ('a', 'x') RETURNING account`)
		}()
		if tx.unread != 1 {
			t.Errorf("after a panic: %d unread", tx.unread)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func unless(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("found something else")
}

func TestAFailedCommitFailsEveryWriteOfItsBatch(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	fail := func() {
		commits := 0
		s.tx.fault = func(query string) error {
			if query != `COMMIT` {
				return nil
			}
			if commits++; commits == 2 { // the first is of the one that holds
				return ErrFull
			}
			return nil
		}
	}
	for i, err := range batchOf(t, s, fail, recordOne, recordOne, recordOne) {
		if !errors.Is(err, ErrFull) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	s.tx.fault = nil
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	if seq := verified(t, s).Head.Seq; seq != 1 {
		t.Errorf("the log ends at %d, want 1", seq)
	}
}

// The engine may end the transaction under a closure. Nothing of the batch is
// kept then, not what ran before either, and everybody is told.
func TestATransactionThatEndsInTheMiddleFailsItsBatch(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	ends := func(tx *tx) error {
		tx.rollback()
		return ErrFull
	}
	for i, err := range batchOf(t, s, func() {}, recordOne, ends, recordOne) {
		if !errors.Is(err, ErrFull) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	if seq := verified(t, s).Head.Seq; seq != 1 {
		t.Errorf("the log ends at %d, want 1", seq)
	}
}

func TestAClosureWhoseCallerGaveUpNeverRuns(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	running, release := make(chan struct{}), make(chan struct{})
	held := &job{done: make(chan error, 1), fn: func(*tx) error {
		close(running)
		<-release
		return nil
	}}
	ran := false
	waits := &job{done: make(chan error, 1), fn: func(*tx) error { ran = true; return nil }}
	if err := s.hand(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	<-running
	if err := s.hand(t.Context(), waits); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waits.await(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the one that waits: %v", err)
	}
	answered := make(chan error)
	go func() { answered <- held.await(ctx) }()
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the one that ran, and was committed: %v", err)
	}
	if err := s.Ping(t.Context()); err != nil || ran {
		t.Errorf("%v, the closure ran: %t", err, ran)
	}
}

func TestALockedDatabaseIsBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := openAt(t, path)
	if _, err := s.tx.conn.ExecContext(t.Context(), `PRAGMA busy_timeout = 20`); err != nil {
		t.Fatal(err)
	}
	other, err := openSQLite(path, sqliteWriter)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	other.SetMaxOpenConns(1)
	lock, err := other.Begin() // immediate, by its settings
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), signedIn()); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Error(err)
	}
	if n, err := s.CountEvents(t.Context(), anna); err != nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
}

// Two writers on one file, as two processes would be: the chain is read again in
// each transaction, so both extend the same one.
func TestTwoWritersExtendOneChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	a, b := openAt(t, path), openAt(t, path)
	done := make(chan error)
	for _, s := range []*Store{a, b} {
		for range 4 {
			go func() {
				for range 25 {
					if err := s.Record(t.Context(), signedIn()); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if report := verified(t, a); report.Head.Seq != 200 || report.Head == (audit.Head{}) {
		t.Errorf("%+v", report)
	}
}
