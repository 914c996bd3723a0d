package db

import (
	"context"
	"database/sql"
	"strings"
)

// statement is a prepared one. The texts number their parameters, as PostgreSQL wants it.
// SQLite looks for the name of each one that is bound among all of them; so it is given
// plain ones, and order is which argument each of these takes, nil for one after the other.
type statement struct {
	*sql.Stmt
	order []int
}

type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func compile(ctx context.Context, d dialect, on preparer, query string) (statement, error) {
	var order []int
	if !d.remote {
		query, order = plainParameters(query)
	}
	stmt, err := on.PrepareContext(ctx, query)
	return statement{stmt, order}, err
}

// arguments puts them in the statement's order. Too few become none, which database/sql refuses.
func (s statement) arguments(args []any) []any {
	if s.order == nil {
		return args
	}
	out := make([]any, 0, len(s.order))
	for _, n := range s.order {
		if n > len(args) {
			return nil
		}
		out = append(out, args[n-1])
	}
	return out
}

// plainParameters makes ? of each $1, but in a text in quotes.
func plainParameters(query string) (plain string, order []int) {
	var out strings.Builder
	quoted, inOrder := false, true
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '\'' {
			quoted = !quoted
		}
		n := 0
		for c == '$' && !quoted && i+1 < len(query) && '0' <= query[i+1] && query[i+1] <= '9' {
			i++
			n = n*10 + int(query[i]-'0')
		}
		if n == 0 {
			out.WriteByte(c)
			continue
		}
		out.WriteByte('?')
		order = append(order, n)
		inOrder = inOrder && n == len(order)
	}
	if inOrder {
		order = nil
	}
	return out.String(), order
}
