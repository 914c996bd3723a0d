package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Recorder keeps the text of every statement, whoever runs it: the writer, the
// readers, a snapshot. It is SQLite's driver, and a tracer of pgx.
type Recorder struct {
	driver driver.Driver // nil for PostgreSQL

	mu   sync.Mutex
	seen map[string]bool
}

var (
	_ pgx.QueryTracer   = (*Recorder)(nil)
	_ pgx.PrepareTracer = (*Recorder)(nil)
)

// RecordPostgreSQL has stores that are opened from now on recorded.
func RecordPostgreSQL() (r *Recorder, stop func()) {
	r = &Recorder{seen: map[string]bool{}}
	postgresTracer = r
	return r, func() { postgresTracer = nil }
}

// TraceQueryStart is pgx.QueryTracer's.
func (r *Recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.keep(q.SQL)
	return ctx
}

// TraceQueryEnd is pgx.QueryTracer's.
func (*Recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TracePrepareStart is pgx.PrepareTracer's.
func (r *Recorder) TracePrepareStart(ctx context.Context, _ *pgx.Conn, p pgx.TracePrepareStartData) context.Context {
	r.keep(p.SQL)
	return ctx
}

// TracePrepareEnd is pgx.PrepareTracer's.
func (*Recorder) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

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
