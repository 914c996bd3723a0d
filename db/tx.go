package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// tx is the writer's connection and the transaction that is open on it. Only the
// writer's goroutine uses it. Its statements take no caller's context: an
// interrupted statement would end the whole batch. ctx is the batch's own, which
// only ends where a server behind a network says nothing any more.
type tx struct {
	conn     *sql.Conn // nil after it was lost
	dialect  dialect
	ctx      context.Context
	cancel   context.CancelFunc
	holder   string // the Store's
	name     string // of this server
	batch    int64  // counts them
	stmts    map[string]statement
	directs  map[string]*direct // nil in it: not for this text
	personal []string           // statements, by how many values
	random   io.Reader
	now      func() time.Time

	owner struct { // the account whose text was asked for last
		id   ad.GUID
		text any
	}
	// receipt of the last proof, hash, salts and values of the last event: only their
	// memory is kept.
	receipt, salts []byte
	hash           [32]byte
	values         []any

	seal audit.Sealer // of the events, in memory of its own
	end  chainEnd
	told told
	// dirty: since it was last cleared, a statement changed a row or was refused.
	dirty bool
	// unread counts the statements that change rows and return them, and whose
	// answer nobody has read to its end: they count as dirty, whatever came of them.
	unread int

	sealer  sealer
	decoded *decoded
	present *present // nil where the database is no file

	// fault stands in for a failing disk, in tests.
	fault func(query string) error
}

func newTx(d dialect, now func() time.Time) *tx {
	if now == nil {
		now = time.Now
	}
	return &tx{
		dialect: d, ctx: context.Background(), cancel: func() {},
		stmts: map[string]statement{}, directs: map[string]*direct{}, random: rand.Reader, now: now,
	}
}

// limit gives the batch its time.
func (t *tx) limit() {
	t.cancel()
	if t.dialect.remote {
		t.ctx, t.cancel = context.WithTimeout(context.Background(), batchTime)
	}
}

// translate knows the batch's own time too.
func (t *tx) translate(err error) error {
	if err != nil && t.ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return translate(err)
}

// control runs what starts and ends transactions. PostgreSQL takes several
// statements at once, where none is prepared.
func (t *tx) control(query string) error {
	if !t.dialect.remote {
		_, err := t.exec(query)
		return err
	}
	if t.fault != nil {
		if err := t.fault(query); err != nil {
			return err
		}
	}
	if t.conn == nil {
		return ErrUnreachable
	}
	_, err := t.conn.ExecContext(t.ctx, query)
	return t.translate(err)
}

// prepare keeps statements: the texts are few, and all ours.
func (t *tx) prepare(query string) (statement, error) {
	if err := t.failing(query); err != nil {
		return statement{}, err
	}
	return t.prepared(query)
}

// failing is the fault of a test.
func (t *tx) failing(query string) error {
	if t.fault == nil {
		return nil
	}
	err := t.fault(query)
	t.dirty = t.dirty || err != nil
	return err
}

func (t *tx) prepared(query string) (statement, error) {
	if stmt, ok := t.stmts[query]; ok {
		return stmt, nil
	}
	if t.conn == nil {
		t.dirty = true
		return statement{}, ErrUnreachable
	}
	stmt, err := compile(t.ctx, t.dialect, t.conn, query)
	if err != nil {
		t.dirty = true
		return statement{}, t.translate(err)
	}
	t.stmts[query] = stmt
	return stmt, nil
}

// direct is nil where database/sql is to run the statement.
func (t *tx) direct(query string) (*direct, error) {
	if t.dialect.remote || t.conn == nil {
		return nil, nil
	}
	if d, ok := t.directs[query]; ok {
		return d, nil
	}
	d, err := compileDirect(t.ctx, t.conn, query)
	if err != nil {
		t.dirty = true
		return nil, t.translate(err)
	}
	t.directs[query] = d
	return d, nil
}

// exec returns how many rows were changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	if err := t.failing(query); err != nil {
		return 0, err
	}
	d, err := t.direct(query)
	if err != nil {
		return 0, err
	}
	if d != nil && d.take(args) {
		n, err := d.on(t.ctx, t.conn)
		t.dirty = t.dirty || n > 0 || err != nil // SQLite may have ended the transaction
		return n, t.translate(err)
	}
	stmt, err := t.prepared(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(t.ctx, stmt.arguments(args)...)
	if err != nil {
		t.dirty = true // PostgreSQL takes nothing more
		return 0, t.translate(err)
	}
	n, err := result.RowsAffected()
	t.dirty = t.dirty || n > 0 || err != nil
	return n, err
}

// collect reads all rows that a statement returns, before the next one runs.
func collect[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	if changes(query) {
		t.unread++ // also where scan panics
	}
	rows, err := stmt.QueryContext(t.ctx, stmt.arguments(args)...)
	all, err := scanAll(rows, err, scan)
	if changes(query) {
		t.unread--
		t.dirty = t.dirty || len(all) > 0
	}
	t.dirty = t.dirty || err != nil
	return all, err
}

// changes tells INSERT … RETURNING and its like from what only reads.
func changes(query string) bool {
	return !strings.HasPrefix(strings.TrimSpace(query), "SELECT")
}

// scanner is a row, of the writer or of a reader.
type scanner interface{ Scan(to ...any) error }

func (t *tx) row(query string, args ...any) scanner {
	stmt, err := t.prepare(query)
	if err != nil {
		return failedRow{err}
	}
	r := &writersRow{t: t, changes: changes(query)}
	if r.changes {
		t.unread++
	}
	r.row = stmt.QueryRowContext(t.ctx, stmt.arguments(args)...)
	return r
}

type writersRow struct {
	t       *tx
	row     scanner
	changes bool // and counts in unread
}

// Scan tells whether a row was changed: a statement that changed none, of an unknown
// token say, must not have everybody's batch run twice.
func (r *writersRow) Scan(to ...any) error {
	err := r.row.Scan(to...)
	none := errors.Is(err, sql.ErrNoRows)
	if r.changes {
		r.changes = false
		r.t.unread--
		r.t.dirty = r.t.dirty || !none
	}
	r.t.dirty = r.t.dirty || err != nil && !none
	return translate(err)
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

type translated struct{ row scanner }

func (r translated) Scan(to ...any) error { return translate(r.row.Scan(to...)) }

func (t *tx) begin() error {
	t.end, t.told = chainEnd{}, told{}
	clear(t.sealer.used)
	if err := t.present.check(); err != nil {
		return err
	}
	t.limit()
	return t.control(t.dialect.begin)
}

// commit moves the end of the chain, once, tells the other servers, and commits.
func (t *tx) commit() error {
	if t.end.moved {
		const query = `UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1`
		if n, err := t.exec(query, t.end.head.Seq, t.end.head.Hash[:]); err != nil || n != 1 {
			return errors.Join(errors.New("move the end of the log"), err)
		}
	}
	if !t.dialect.remote {
		return t.control(`COMMIT`)
	}
	if err := t.mark(); err != nil {
		return fmt.Errorf("number the batch: %w", err)
	}
	if err := t.notify(); err != nil {
		return fmt.Errorf("tell other servers: %w", err)
	}
	return t.commitRemote()
}

// rollback ends the transaction. The engine may have ended it by itself, on a
// full disk for one; then there is nothing to roll back.
func (t *tx) rollback() {
	t.dirty = true
	_ = t.control(`ROLLBACK`)
}

func (t *tx) close() error {
	defer t.cancel()
	if t.conn == nil {
		return nil
	}
	for _, stmt := range t.stmts {
		_ = stmt.Close()
	}
	_ = t.conn.Raw(func(any) error {
		for _, d := range t.directs {
			if d != nil {
				_ = d.stmt.Close()
			}
		}
		return nil
	})
	return t.conn.Close()
}

// account is guidText for a column: what one closure writes is mostly of one account.
func (t *tx) account(id ad.GUID) any {
	if t.owner.text == nil || t.owner.id != id {
		t.owner.id, t.owner.text = id, guidText(id)
	}
	return t.owner.text
}
