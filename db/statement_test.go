package db

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestParametersArePlainForSQLite(t *testing.T) {
	for query, want := range map[string]struct {
		plain string
		order []int
	}{
		`SELECT 1`:                         {`SELECT 1`, nil},
		`SELECT $1, $2`:                    {`SELECT ?, ?`, nil},
		`UPDATE x SET a = $2 WHERE b = $1`: {`UPDATE x SET a = ? WHERE b = ?`, []int{2, 1}},
		`SELECT $1, $1, $12`:               {`SELECT ?, ?, ?`, []int{1, 1, 12}},
		`SELECT '$1', $1, 'it''s $2'`:      {`SELECT '$1', ?, 'it''s $2'`, nil},
		`SELECT 'ä', $1 || '€', $`:         {`SELECT 'ä', ? || '€', $`, nil},
	} {
		plain, order := plainParameters(query)
		if plain != want.plain || !slices.Equal(order, want.order) {
			t.Errorf("%s: %s, %v", query, plain, order)
		}
	}
	args := statement{order: []int{2, 1, 2}}.arguments([]any{"a", "b"})
	if !slices.Equal(args, []any{"b", "a", "b"}) {
		t.Errorf("%v", args)
	}
}

// Too few arguments are an error, and never those of another parameter.
func TestAMissingArgumentIsAnError(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	for _, query := range []string{`SELECT $2`, `SELECT $2 || $1`, `SELECT $1 || $1 || $2`, `SELECT $1 || $2`} {
		var got string
		if err := s.row(t.Context(), query, "a").Scan(&got); err == nil {
			t.Errorf("%s: %q", query, got)
		}
	}
}
