package db_test

import (
	"testing"

	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/secret"
)

func TestPostgreSQL(t *testing.T) {
	cluster := postgres.Shared(t)
	dbtest.Run(t, func(t *testing.T) dbtest.Store {
		return openDSN(t, cluster.Database(t))
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
