package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
)

// Recorder is an engine's driver that keeps the text of every statement, whoever
// runs it: the writer, the readers, a snapshot.
type Recorder struct {
	driver driver.Driver

	mu   sync.Mutex
	seen map[string]bool
}

// RecordSQLite has stores that are opened from now on recorded.
func RecordSQLite() (r *Recorder, stop func()) {
	plain := sqliteDriver
	d, err := sql.Open(plain, ":memory:")
	if err != nil {
		panic(err)
	}
	r = &Recorder{driver: d.Driver(), seen: map[string]bool{}}
	_ = d.Close()
	sql.Register("sqlite-recorded", r)
	sqliteDriver = "sqlite-recorded"
	return r, func() { sqliteDriver = plain }
}

// Statements are all that were run.
func (r *Recorder) Statements() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.seen {
		all = append(all, s)
	}
	return all
}

// Open is driver.Driver's.
func (r *Recorder) Open(name string) (driver.Conn, error) {
	c, err := r.driver.Open(name)
	if err != nil {
		return nil, err
	}
	return recorded{c, r}, nil
}

func (r *Recorder) keep(query string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[query] = true
}

// recorded needs of its connection what every engine's has.
type recorded struct {
	driver.Conn
	r *Recorder
}

func (c recorded) Prepare(query string) (driver.Stmt, error) {
	c.r.keep(query)
	return c.Conn.Prepare(query)
}

func (c recorded) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.r.keep(query)
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c recorded) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.r.keep(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c recorded) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.r.keep(query)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c recorded) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}
