package postgres

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// What was committed is there after a kill, and the cluster listens where it did.
func TestAKilledClusterRunsAgain(t *testing.T) {
	c := Start(t)
	dsn := c.Database(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a killed server answered")
	}
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	again, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(t.Context())
	if _, err := again.Exec(t.Context(), "INSERT INTO kept VALUES (1)"); err != nil {
		t.Error(err)
	}
}
