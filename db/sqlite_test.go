package db_test

import (
	"path/filepath"
	"testing"

	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
)

func open(t testing.TB, path string) *db.Store {
	t.Helper()
	s, err := db.Open(t.Context(), db.Config{Path: path, Box: dbtest.Box()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) dbtest.Store {
		return open(t, filepath.Join(t.TempDir(), "a b?c%d#", "latchkey.db"))
	})
}
