package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/latchkey/latchkey/audit"
)

// ErrNotEmpty: somebody uses the target of a copy already.
const ErrNotEmpty fault = "store.not-empty"

// copied are the tables, those first that others refer to. audit_head has its one
// row beforehand; writers, retired keys and the versions are each database's own.
var copied = []string{
	"audit_entries", "audit_personal", "handles", "credentials", "attestations", "ceremonies", "spent_ceremonies", "sessions", "proofs", "consumed_proofs", "factors", "replaced_proofs", "browsers",
	"invitations", "requests", "asked", "outbox", "deliveries", "limits", "freezes", "thaws", "reminders", "subscriptions", "vapid_keys",
}

// Copied is what a copy took over.
type Copied struct {
	Head audit.Head
	Rows []CopiedTable
}

// CopiedTable is how many rows of one table.
type CopiedTable struct {
	Table string
	Rows  int64
}

// Copy takes everything in a SQLite file, which nobody may be writing, into an
// empty PostgreSQL database, as one transaction. Before that is committed each
// table has as many rows as the file's, and the log, read back, verifies and ends
// where the file's does. The file is not changed. ErrNotEmpty where the database
// holds anything; a file of another release is refused.
func Copy(ctx context.Context, from, to Config) (done Copied, err error) {
	source, err := OpenReadOnly(ctx, Config{Path: from.Path})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := refuseOlder(ctx, source.read); err != nil {
		return done, err
	}
	d, err := openPostgres(to.DSN.Reveal(), map[string]string{"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	d.SetMaxOpenConns(1)
	if err := refuseUsed(ctx, d); err != nil {
		return done, err
	}
	if err := migrateAlone(ctx, to.DSN.Reveal(), latest); err != nil {
		return done, translate(err)
	}
	conn, err := d.Conn(ctx)
	if err != nil {
		return done, translate(err)
	}
	defer conn.Close()
	c := copier{from: source, to: conn}
	return c.run(ctx)
}

// copier has one transaction open on its connection.
type copier struct {
	from *Store
	to   *sql.Conn
}

func (c copier) run(ctx context.Context) (done Copied, err error) {
	if _, err := c.to.ExecContext(ctx, postgresDialect.begin); err != nil {
		return done, fmt.Errorf("begin: %w", translate(err))
	}
	defer func() {
		if err != nil {
			_, _ = c.to.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		}
	}()
	for _, table := range copied {
		n, err := c.table(ctx, table)
		if err != nil {
			return done, fmt.Errorf("copy %s: %w", table, translate(err))
		}
		done.Rows = append(done.Rows, CopiedTable{table, n})
	}
	if done.Head, err = c.from.Head(ctx); err != nil {
		return done, err
	}
	_, err = c.to.ExecContext(ctx, `UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1 AND seq = 0`, done.Head.Seq, done.Head.Hash[:])
	if err != nil {
		return done, fmt.Errorf("copy the end of the log: %w", translate(err))
	}
	if err := c.verify(ctx, done.Head); err != nil {
		return done, fmt.Errorf("verify the copied log: %w", err)
	}
	t := newTx(postgresDialect, nil)
	t.conn, t.ctx = c.to, ctx
	return done, t.commitRemote()
}

// table copies one, and sees to it that both have as many rows.
func (c copier) table(ctx context.Context, table string) (n int64, err error) {
	var there int64
	if err := c.to.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&there); err != nil {
		return 0, err
	}
	if there != 0 {
		return 0, ErrNotEmpty
	}
	columns, err := c.columns(ctx, table)
	if err != nil {
		return 0, err
	}
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = col.name
	}
	rows, err := c.from.read.QueryContext(ctx, `SELECT `+strings.Join(names, ", ")+` FROM `+table)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	err = c.to.Raw(func(conn any) error {
		_, err := conn.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, names, &copySource{Rows: rows, columns: columns})
		return err
	})
	if err != nil {
		return 0, err
	}
	if err := c.from.row(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		return 0, err
	}
	if err := c.to.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&there); err != nil {
		return 0, err
	}
	if n != there {
		return 0, fmt.Errorf("%d of %d rows arrived", there, n)
	}
	return n, c.number(ctx, table, columns)
}

// column is one of the target's.
type column struct {
	name, kind string
	identity   bool
}

func (c copier) columns(ctx context.Context, table string) ([]column, error) {
	rows, err := c.to.QueryContext(ctx, `
		SELECT column_name::text, data_type::text, is_identity = 'YES' FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`, table)
	return scanAll(rows, err, func(row scanner) (col column, err error) {
		err = row.Scan(&col.name, &col.kind, &col.identity)
		return col, err
	})
}

// number lets what the engine numbers go on behind what was copied.
func (c copier) number(ctx context.Context, table string, columns []column) error {
	for _, col := range columns {
		if !col.identity {
			continue
		}
		_, err := c.to.ExecContext(ctx, fmt.Sprintf(
			`SELECT setval(pg_get_serial_sequence('%s', '%s'), max(%s)) FROM %s HAVING max(%s) > 0`,
			table, col.name, col.name, table, col.name))
		if err != nil {
			return err
		}
	}
	return nil
}

// verify reads the log back, out of the open transaction.
func (c copier) verify(ctx context.Context, head audit.Head) error {
	r, w := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := export(ctx, c.to, w)
		w.CloseWithError(err)
		failed <- err
	}()
	report, err := audit.Verify(r)
	r.CloseWithError(err)
	if err := errors.Join(err, <-failed); err != nil {
		return err
	}
	if report.Head != head {
		return fmt.Errorf("the copy ends at %d, the file at %d: %w", report.Head.Seq, head.Seq, ErrLog)
	}
	return nil
}

// copySource gives the rows of SQLite in the types of PostgreSQL.
type copySource struct {
	*sql.Rows
	columns []column
}

// Values is pgx.CopyFromSource's.
func (s *copySource) Values() ([]any, error) {
	values, to := make([]any, len(s.columns)), make([]any, len(s.columns))
	for i := range values {
		to[i] = &values[i]
	}
	if err := s.Scan(to...); err != nil {
		return nil, err
	}
	for i, col := range s.columns {
		switch v := values[i].(type) {
		case int64:
			if col.kind == "boolean" {
				values[i] = v != 0
			}
		case string:
			if col.kind == "bytea" {
				values[i] = []byte(v)
			}
		case []byte:
			values[i] = bytesOf(v) // the driver has no bytes for an empty blob, and an untyped nil for NULL
			if col.kind == "text" {
				values[i] = string(v)
			}
		}
	}
	return values, nil
}

func refuseOlder(ctx context.Context, d *sql.DB) error {
	var version int64
	err := d.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if err == nil && version != latest {
		err = fmt.Errorf("the file has schema %d, this release %d: start this release on it once, then stop it", version, latest)
	}
	return err
}

// refuseUsed looks before anything is migrated. A server writes to the log when
// it starts.
func refuseUsed(ctx context.Context, d *sql.DB) error {
	var made, used bool
	err := d.QueryRowContext(ctx, `SELECT to_regclass('audit_entries') IS NOT NULL`).Scan(&made)
	if err == nil && made {
		err = d.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit_entries)`).Scan(&used)
	}
	if err == nil && used {
		return ErrNotEmpty
	}
	return translate(err)
}
