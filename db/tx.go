package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// tx is the writer's connection and the transaction that is open on it. Only the
// writer's goroutine uses it. Its statements take no context: an interrupted
// statement would end the whole batch.
type tx struct {
	conn    *sql.Conn
	dialect dialect
	stmts   map[string]*sql.Stmt
	random  io.Reader
	now     func() time.Time

	end  chainEnd
	told told

	sealer  sealer
	present *present // nil where the database is no file

	// fault stands in for a failing disk, in tests.
	fault func(query string) error
}

// chainEnd is the end of the log as the open transaction leaves it.
type chainEnd struct {
	head  audit.Head
	read  bool // from the table, at the first event
	moved bool
}

func newTx(conn *sql.Conn, d dialect, now func() time.Time) *tx {
	if now == nil {
		now = time.Now
	}
	return &tx{conn: conn, dialect: d, stmts: map[string]*sql.Stmt{}, random: rand.Reader, now: now}
}

// prepare keeps statements: the texts are few, and all ours.
func (t *tx) prepare(query string) (*sql.Stmt, error) {
	if t.fault != nil {
		if err := t.fault(query); err != nil {
			return nil, err
		}
	}
	if stmt, ok := t.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := t.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, translate(err)
	}
	t.stmts[query] = stmt
	return stmt, nil
}

// exec returns how many rows were changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

// collect reads all rows that a statement returns, before the next one runs.
func collect[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.Query(args...)
	return scanAll(rows, err, scan)
}

// scanner is a row, of the writer or of a reader.
type scanner interface{ Scan(to ...any) error }

func (t *tx) row(query string, args ...any) scanner {
	stmt, err := t.prepare(query)
	if err != nil {
		return failedRow{err}
	}
	return translated{stmt.QueryRow(args...)}
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

type translated struct{ row scanner }

func (r translated) Scan(to ...any) error { return translate(r.row.Scan(to...)) }

func (t *tx) begin() error {
	t.end, t.told = chainEnd{}, told{}
	if err := t.present.check(); err != nil {
		return err
	}
	_, err := t.exec(t.dialect.begin)
	return err
}

// commit moves the end of the chain, once, and commits.
func (t *tx) commit() error {
	if t.end.moved {
		const query = `UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1`
		if n, err := t.exec(query, t.end.head.Seq, t.end.head.Hash[:]); err != nil || n != 1 {
			return errors.Join(errors.New("move the end of the log"), err)
		}
	}
	_, err := t.exec(`COMMIT`)
	return err
}

// rollback ends the transaction. SQLite may have ended it by itself, on a full
// disk for one; then there is nothing to roll back.
func (t *tx) rollback() { _, _ = t.exec(`ROLLBACK`) }

func (t *tx) close() error {
	for _, stmt := range t.stmts {
		_ = stmt.Close()
	}
	return t.conn.Close()
}

// record seals events behind the end of the chain.
func (t *tx) record(events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := t.readHead(); err != nil {
		return err
	}
	for _, e := range events {
		if e.Time.IsZero() {
			e.Time = t.now()
		}
		entry, head, err := audit.Seal(t.end.head, e, t.random)
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		if err := t.insertEntry(entry); err != nil {
			return fmt.Errorf("record %s: %w", e.Action, err)
		}
		t.end.head, t.end.moved = head, true
	}
	return nil
}

// readHead reads the end of the chain at the first event of a transaction.
func (t *tx) readHead() error {
	if t.end.read {
		return nil
	}
	var hash []byte
	err := t.row(`SELECT seq, hash FROM audit_head WHERE id = 1`+t.dialect.forUpdate).Scan(&t.end.head.Seq, &hash)
	if err != nil || len(hash) != len(t.end.head.Hash) {
		return errors.Join(errors.New("read the end of the log"), err)
	}
	copy(t.end.head.Hash[:], hash)
	t.end.read = true
	return nil
}

func (t *tx) insertEntry(n audit.Entry) error {
	_, err := t.exec(`
		INSERT INTO audit_entries (seq, at, action, actor, target, request, bytes, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		n.Seq, n.Time, string(n.Action), n.Actor, n.Target, n.Request, n.Bytes, n.Hash[:])
	if err != nil {
		return err
	}
	for name, p := range n.Personal {
		_, err := t.exec(`INSERT INTO audit_personal (seq, name, salt, value) VALUES ($1, $2, $3, $4)`,
			n.Seq, name, p.Salt[:], p.Value)
		if err != nil {
			return err
		}
	}
	return nil
}
