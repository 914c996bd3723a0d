package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/e2e/postgres"
)

func schema(t *testing.T, s *Store) string {
	t.Helper()
	all, err := list(t.Context(), s, scanText, `
		SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master
		WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%' ORDER BY type, name`)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

func runSQL(t *testing.T, path, text string) {
	t.Helper()
	d, err := openSQLite(path, sqliteWriter)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(text); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADatabaseOfTheFirstReleaseIsBroughtUp(t *testing.T) {
	text, err := os.ReadFile("testdata/version1.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.db")
	runSQL(t, path, string(text))
	s := openAt(t, path)
	if report := verified(t, s); report.Head.Seq != 2 || report.Personal != 2 {
		t.Errorf("the old log: %+v", report)
	}
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	if seq := verified(t, s).Head.Seq; seq != 3 {
		t.Errorf("the log goes on at %d, want 3", seq)
	}
	fresh := openAt(t, filepath.Join(t.TempDir(), "fresh.db"))
	if got, want := schema(t, s), schema(t, fresh); got != want {
		t.Errorf("an old database came up as\n%s\na fresh one is\n%s", got, want)
	}
}

func TestEveryVersionLeadsToTheSameSchema(t *testing.T) {
	want := schema(t, openAt(t, filepath.Join(t.TempDir(), "fresh.db")))
	for version := int64(1); version <= latest; version++ {
		path := filepath.Join(t.TempDir(), "x.db")
		d, err := openSQLite(path, sqliteWriter)
		if err != nil {
			t.Fatal(err)
		}
		d.SetMaxOpenConns(1)
		if err := errors.Join(migrate(t.Context(), d, sqliteDialect, version), d.Close()); err != nil {
			t.Fatal(err)
		}
		if got := schema(t, openAt(t, path)); got != want {
			t.Errorf("from version %d:\n%s\nwant\n%s", version, got, want)
		}
	}
}

func TestTheNumbersOfMigrationsAreWhole(t *testing.T) {
	steps, err := migrationsFor(sqliteDialect)
	if err != nil || len(steps) != latest {
		t.Fatalf("%d migrations, %v, latest is %d", len(steps), err, latest)
	}
	for i, step := range steps {
		if step.Version != int64(i+1) {
			t.Errorf("migration %d has number %d", i+1, step.Version)
		}
	}
}

func TestADatabaseOfALaterReleaseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := openAt(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	runSQL(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`)
	if _, err := Open(context.Background(), Config{Path: path}); !errors.Is(err, ErrNewer) {
		t.Errorf("open: %v", err)
	}
	if _, err := OpenReadOnly(context.Background(), Config{Path: path}); !errors.Is(err, ErrNewer) {
		t.Errorf("open read-only: %v", err)
	}
}

func TestWhatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Config{Path: path}); !errors.Is(err, ErrIO) {
		t.Errorf("open: %v", err)
	}
	if _, err := OpenReadOnly(context.Background(), Config{Path: filepath.Join(t.TempDir(), "none.db")}); err == nil {
		t.Error("a missing file was opened for reading")
	}
}

// Another server may run on while the first of two is upgraded: what it takes would be
// taken here once more.
func TestAServerOfAnEarlierReleaseTakesNoCeremonyAnyMore(t *testing.T) {
	s := openRemote(t, postgres.Shared(t).Database(t))
	insert := func(id string) error {
		return s.write(t.Context(), func(t *tx) error {
			_, err := t.exec(`
				INSERT INTO ceremonies (id, purpose, account, session, data, label, nonce, statement, invitation, created, expires)
				VALUES ($1, 'sign-in', '', '', $2, '', $2, $2, '', 1, 2) ON CONFLICT (id) DO NOTHING`, id, []byte{})
			return err
		})
	}
	if err := insert("saved"); err != nil {
		t.Fatal(err)
	}
	if err := insert("spent 00ff"); err == nil {
		t.Error("taken where nobody looks")
	}
}
