package db

import (
	"context"
	"database/sql"
)

// reader is where single reads go.
func (s *Store) reader() querier {
	if s.dialect.remote { // pgx keeps statements by itself
		return s.read
	}
	return prepared{s}
}

// prepared keeps the statements of reads: the texts are few, and all ours. SQLite
// spends more on compiling one than on running it.
type prepared struct{ s *Store }

func (p prepared) stmt(ctx context.Context, query string) (statement, error) {
	if stmt, ok := p.s.stmts.Load(query); ok {
		return stmt.(statement), nil
	}
	stmt, err := compile(ctx, p.s.dialect, p.s.read, query)
	if err != nil {
		return statement{}, err
	}
	if first, loaded := p.s.stmts.LoadOrStore(query, stmt); loaded {
		_ = stmt.Close()
		return first.(statement), nil
	}
	return stmt, nil
}

// QueryContext is database/sql's.
func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, stmt.arguments(args)...)
}

// QueryRowContext is database/sql's. What can't be prepared fails again, unprepared.
func (p prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return p.s.read.QueryRowContext(ctx, query, args...)
	}
	return stmt.QueryRowContext(ctx, stmt.arguments(args)...)
}
