package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
)

// The commands about the database, on a real PostgreSQL.
func TestDatabaseScripts(t *testing.T) {
	cluster := postgres.Shared(t)
	t.Cleanup(postgres.StopShared)
	held := map[string]func(){}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/database",
		Setup: func(e *testscript.Env) error {
			dsn := cluster.Database(t)
			e.Setenv("DSN", dsn)
			e.Setenv("PASSWORD", "not-used")
			return os.WriteFile(filepath.Join(e.WorkDir, "dsn"), []byte(dsn+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"installation": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(installFile(ts.MkAbs(args[0])))
			},
			"hold": func(ts *testscript.TestScript, _ bool, args []string) {
				unlock, err := lockData(ts.MkAbs(args[0]))
				ts.Check(err)
				held[args[0]] = unlock
			},
			"release": func(_ *testscript.TestScript, _ bool, args []string) { held[args[0]]() },
		},
	})
}

// installFile makes a data directory with three events in its log.
func installFile(dir string) error {
	ctx := context.Background()
	s, err := db.Open(ctx, db.Config{Path: filepath.Join(dir, databaseName), Box: dbtest.Box()})
	if err != nil {
		return err
	}
	for _, action := range []audit.Action{audit.ServerStarted, audit.ServerStopped, audit.ServerStarted} {
		if err := s.Record(ctx, audit.Event{Action: action, Actor: audit.ActorSystem, Outcome: audit.OK, Detail: map[string]any{"version": "x"}}); err != nil {
			return err
		}
	}
	return s.Close()
}
