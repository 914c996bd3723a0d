package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// A connection to PostgreSQL may be lost at any statement:
//
//	before COMMIT is sent   the server rolls back; the batch runs again on a new
//	                        connection, for closures may run again
//	COMMIT has no answer    every batch writes its number into writers. A new
//	                        connection waits for the end of the chain, which the
//	                        old session holds until it is through, and reads the
//	                        number: the batch is committed, or runs again
//	the server stays away   before COMMIT: ErrUnreachable, nothing was changed;
//	                        after it: ErrUnknown

const (
	batchTries = 3
	// returnTime is how long a batch waits for a server that restarts.
	returnTime = 2 * time.Second
	// settleTime is the same where a commit's answer is lost: then it is worth more.
	settleTime = 15 * time.Second
	returnStep = 50 * time.Millisecond
)

// lostAnswer: COMMIT was sent, and what came of it is not known.
type lostAnswer struct{ err error }

func (l *lostAnswer) Error() string { return "the answer to a commit was lost: " + l.err.Error() }
func (l *lostAnswer) Unwrap() error { return l.err }

// repair makes the writer ready for another run of a batch that failed with err,
// or says why there is none. done: the batch is committed after all.
func (s *Store) repair(failed error) (done bool, err error) {
	t := s.tx
	var lost *lostAnswer
	if errors.As(failed, &lost) {
		done, err := s.settle()
		if err != nil {
			s.log.Error("the answer to a commit is lost for good", "error", lost.err)
			return false, fmt.Errorf("%w: %w", ErrUnknown, lost.err)
		}
		return done, nil
	}
	t.rollback()
	switch {
	case t.lost():
		if err := s.reconnect(returnTime); err != nil {
			return false, fmt.Errorf("%w: %w", ErrUnreachable, failed)
		}
	case !again(failed):
		return false, failed
	}
	return false, nil
}

// settle finds out whether the batch whose COMMIT had no answer is committed.
func (s *Store) settle() (committed bool, err error) {
	t := s.tx
	number, told := t.batch, t.told
	defer func() { t.told = told }()
	until := time.Now().Add(s.settleTime)
	for {
		if err := s.reconnect(time.Until(until)); err != nil {
			return false, err
		}
		last, err := t.lastBatch()
		switch {
		case err == nil:
			return last == number, nil
		case time.Now().After(until):
			return false, err
		}
	}
}

// lastBatch is the number of the last batch that this Store committed.
func (t *tx) lastBatch() (last int64, err error) {
	if err := t.begin(); err != nil {
		t.rollback()
		return 0, err
	}
	defer t.rollback()
	err = t.row(`SELECT batch FROM writers WHERE holder = $1`, t.holder).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return last, err
}

// reconnect replaces the writer's connection, and tries for a while.
func (s *Store) reconnect(patience time.Duration) error {
	until := time.Now().Add(patience)
	for {
		s.tx.drop()
		ctx, cancel := context.WithTimeout(context.Background(), connectTime)
		conn, err := s.written.Conn(ctx)
		cancel()
		if err == nil {
			s.tx.conn = conn
			return nil
		}
		if time.Now().Add(returnStep).After(until) {
			return translate(err)
		}
		time.Sleep(returnStep) // another machine: there is no event to wait for
	}
}

// lost says whether the connection is gone.
func (t *tx) lost() bool {
	if t.conn == nil {
		return true
	}
	var closed bool
	err := t.conn.Raw(func(c any) error {
		closed = c.(*stdlib.Conn).Conn().IsClosed()
		return nil
	})
	return closed || err != nil
}

// drop gives up the connection, and the statements that were prepared on it.
func (t *tx) drop() {
	if t.conn == nil {
		return
	}
	_ = t.conn.Raw(func(any) error { return driver.ErrBadConn }) // keeps it out of the pool
	_ = t.conn.Close()
	t.conn, t.stmts = nil, map[string]statement{}
}

// commitRemote: a COMMIT of a transaction that had failed answers ROLLBACK, and
// is no error to PostgreSQL.
func (t *tx) commitRemote() error {
	const query = `COMMIT`
	if t.fault != nil {
		if err := t.fault(query); err != nil {
			return err
		}
	}
	var tag string
	err := t.conn.Raw(func(c any) error {
		answer, err := c.(*stdlib.Conn).Conn().Exec(t.ctx, query)
		tag = answer.String()
		return err
	})
	var refused *pgconn.PgError
	switch {
	case err == nil && tag != query:
		return fmt.Errorf("the transaction had failed before: %s", tag)
	case err == nil:
		return nil
	case errors.As(err, &refused) && !gone(refused), pgconn.SafeToRetry(err):
		return translate(err)
	}
	return &lostAnswer{t.translate(err)}
}

// reads is how often a read is tried: all idle connections may be those of a
// server that restarted.
func (s *Store) reads() int {
	if s.dialect.remote {
		return postgresReaders + 1
	}
	return 1
}

// query reads rows from the readers, again where the connection was lost before
// there was any.
func (s *Store) query(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	for range s.reads() {
		rows, err = s.reader().QueryContext(ctx, query, args...)
		if err == nil || !cut(err) {
			return rows, err
		}
	}
	return rows, err
}

// readRow runs its query when it is scanned.
type readRow struct {
	s     *Store
	ctx   context.Context
	query string
	args  []any
}

// Scan reads the one row.
func (r readRow) Scan(to ...any) (err error) {
	for range r.s.reads() {
		err = r.s.reader().QueryRowContext(r.ctx, r.query, r.args...).Scan(to...)
		if err == nil || !cut(err) {
			break
		}
	}
	return translate(err)
}
