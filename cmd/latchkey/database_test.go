package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
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

// A rotation without a server reseals where the configuration keeps the database,
// and drops a key only when nothing there needs it.
func TestKeysRotateOnPostgreSQLWithoutAServer(t *testing.T) {
	in := install(t)
	dsn := postgres.Start(t).Database(t)
	file := filepath.Join(in.dir, "database.dsn")
	must(t, os.WriteFile(file, []byte(dsn), 0o600))
	text, err := os.ReadFile(in.config)
	must(t, err)
	must(t, os.WriteFile(in.config, fmt.Appendf(text, "database: {dsn_file: %q}\n", file), 0o600))
	where := db.Config{DSN: secret.New(dsn), Box: in.first}
	store, err := db.Open(t.Context(), where)
	must(t, err)
	_, err = store.AddVAPIDKey(t.Context(), push.Keypair{ID: "k", Public: "p", Private: bytes.Repeat([]byte{1}, 32)}, true)
	must(t, err)
	must(t, store.Close())

	var out bytes.Buffer
	if status := run(t.Context(), []string{"keys", "rotate", "--config", in.config}, streams{&out, &out}); status != 0 {
		t.Fatalf("status %d: %s", status, &out)
	}
	if where.Box, err = secret.LoadBox(in.key, false); err != nil {
		t.Fatal(err)
	}
	store, err = db.Open(t.Context(), where)
	must(t, err)
	defer store.Close()
	keys, err := store.VAPIDKeys(t.Context())
	if err != nil || len(keys) != 1 || len(keys[0].Private) != 32 {
		t.Fatalf("after the rotation: %d keys, %v\n%s", len(keys), err, &out)
	}
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
