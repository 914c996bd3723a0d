package db_test

import (
	"context"
	"testing"

	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/secret"
)

func TestPostgreSQL(t *testing.T) {
	cluster := postgres.Shared(t)
	seen, stop := db.RecordPostgreSQL()
	dbtest.Run(t, func(t *testing.T) dbtest.Store {
		return openDSN(t, cluster.Filled(t, migrated))
	})
	stop()
	t.Run("NoRequestReadsATableFromEndToEnd", func(t *testing.T) {
		noRequestReadsATableFromEndToEnd(t, cluster.Filled(t, migrated), seen.Statements())
	})
}

// migrated is the empty database of a new installation.
func migrated(dsn string) error {
	s, err := db.Open(context.Background(), db.Config{DSN: secret.New(dsn)})
	if err != nil {
		return err
	}
	return s.Close()
}

// Two servers on one database: of many one wins, wherever they ask.
func TestTwoServersOnPostgreSQL(t *testing.T) {
	everyday.Left(t, "one server goes through the same cases here")
	cluster := postgres.Shared(t)
	dbtest.RunTwo(t, func(t *testing.T) (a, b dbtest.Store) {
		dsn := cluster.Filled(t, migrated)
		return openDSN(t, dsn), openDSN(t, dsn)
	})
}

func openDSN(t testing.TB, dsn string) *db.Store {
	t.Helper()
	s, err := db.Open(t.Context(), db.Config{DSN: secret.New(dsn), Box: dbtest.Box()})
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
