package db_test

import (
	"context"
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
		return open(t, dbtest.Filled(t, filepath.Join(t.TempDir(), "a b?c%d#", "latchkey.db"), migratedFile))
	})
}

// migratedFile is the empty database of a new installation.
func migratedFile(path string) error {
	s, err := db.Open(context.Background(), db.Config{Path: path})
	if err != nil {
		return err
	}
	return s.Close()
}
