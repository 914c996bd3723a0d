package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// full is a file with something in every table.
func full(t *testing.T) (path string, was string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	s := openAt(t, path)
	ctx := t.Context()
	app := enroll.Factor{ID: "app", Account: anna, Kind: enroll.ProofTOTP, Secret: []byte("seed"), Created: time.Now()}
	if err := s.ReplaceFactors(ctx, anna, enroll.ProofTOTP, []enroll.Factor{app}); err != nil {
		t.Fatal(err)
	}
	prepare(t, s)
	for name, op := range writes() {
		if !slices.Contains([]string{"update request", "remind", "push key", "subscribe", "assert"}, name) {
			continue
		}
		if err := op(s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	lifted := signedIn()
	lifted.Action = audit.AccountUnfrozen
	freeze := func([]*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Freeze: &workflow.Freeze{Account: bert, By: bert}}, nil
	}
	if err := errors.Join(s.FreezeOwn(ctx, bert, time.Time{}, freeze), s.Unfreeze(ctx, bert, func(*workflow.Freeze) (workflow.Change, error) {
		return workflow.Change{Events: []audit.Event{lifted}}, nil
	})); err != nil {
		t.Fatal(err)
	}
	e := signedIn()
	e.Personal["device"] = "hostile \u2028 \"device\""
	if err := s.Record(ctx, e); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Handle(ctx, anna, []byte{0, 1, 255}); err != nil {
		t.Fatal(err)
	}
	known := enroll.Session{ID: "known", Account: anna, Credential: []byte("c"), SignedIn: time.Now(), Expires: time.Now().Add(time.Hour), Browser: "hash"}
	if err := s.AddSession(ctx, known); err != nil {
		t.Fatal(err)
	}
	spent := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: time.Now(), Expires: time.Now().Add(time.Hour)}
	if err := s.SpendCeremony(ctx, spent, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(ctx, "k", 1, time.Minute, time.Now()); err != nil {
		t.Fatal(err)
	}
	was = contents(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, was
}

// contents prints every row of every table, the same for both engines.
func contents(t testing.TB, s *Store) string {
	t.Helper()
	var out []string
	for _, table := range append(slices.Clone(copied), "audit_head") {
		rows, err := s.read.Query(`SELECT * FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			values, to := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			line := table
			for i, v := range values {
				if table == "sessions" && names[i] == "num" { // SQLite's own
					continue
				}
				switch b := v.(type) {
				case []byte:
					v = string(b)
				case bool:
					v = map[bool]int{true: 1}[b]
				}
				line += fmt.Sprintf(" %s=%q", names[i], fmt.Sprint(v))
			}
			out = append(out, line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestACopyIsWhole(t *testing.T) {
	path, was := full(t)
	dsn := postgres.Shared(t).Database(t)
	done, err := Copy(t.Context(), Config{Path: path}, Config{DSN: secret.New(dsn)})
	if err != nil {
		t.Fatal(err)
	}
	s := openRemote(t, dsn)
	if got := contents(t, s); got != was {
		t.Errorf("the copy holds\n%s\nthe file\n%s", got, was)
	}
	if report := verified(t, s); report.Head != done.Head {
		t.Errorf("the log ends at %d, the copy said %d", report.Head.Seq, done.Head.Seq)
	}
	for _, table := range done.Rows {
		if table.Rows == 0 {
			t.Errorf("%s was empty: the test tests nothing", table.Table)
		}
	}
	// What the engine numbers goes on, and what is sealed is opened.
	for range 3 {
		if err := s.Record(t.Context(), signedIn()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Remind(t.Context(), anna, time.Now(), 3, workflow.Notice{To: anna, Kind: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := s.VAPIDKeys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("%d push keys, %v", len(keys), err)
	}
	verified(t, s)
	if _, err := Copy(t.Context(), Config{Path: path}, Config{DSN: secret.New(dsn)}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a second copy: %v", err)
	}
}

// Every table is copied, or known to be each database's own.
func TestACopyKnowsEveryTable(t *testing.T) {
	s := openRemote(t, postgres.Shared(t).Database(t))
	tables, err := list(t.Context(), s, scanText, `
		SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name`)
	if err != nil {
		t.Fatal(err)
	}
	known := append(slices.Clone(copied), "audit_head", "goose_db_version", "writers", "retired_keys")
	slices.Sort(known)
	if !slices.Equal(tables, known) {
		t.Errorf("the database has %v, a copy knows %v", tables, known)
	}
}

// A copy that fails leaves a database that is as empty as before.
func TestACopyThatFailsLeavesNothing(t *testing.T) {
	path, _ := full(t)
	dsn := postgres.Shared(t).Database(t)
	d, err := openSQLite(path, sqliteWriter)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(`UPDATE audit_head SET hash = zeroblob(32)`); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), Config{Path: path}, Config{DSN: secret.New(dsn)}); !errors.Is(err, ErrLog) {
		t.Fatalf("a broken log was copied: %v", err)
	}
	s := openRemote(t, dsn)
	if head, err := s.Head(t.Context()); err != nil || head.Seq != 0 {
		t.Errorf("the log ends at %d, %v", head.Seq, err)
	}
	for _, table := range copied {
		var n int
		if err := s.row(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s holds %d rows, %v", table, n, err)
		}
	}
}

func TestAFileOfAnotherReleaseIsNotCopied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := openSQLite(path, sqliteWriter)
	if err != nil {
		t.Fatal(err)
	}
	d.SetMaxOpenConns(1)
	if err := errors.Join(migrate(context.Background(), d, sqliteDialect, latest-1), d.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Copy(t.Context(), Config{Path: path}, Config{DSN: secret.New(postgres.Shared(t).Database(t))})
	if err == nil || !strings.Contains(err.Error(), "start this release on it once") {
		t.Errorf("got %v", err)
	}
}
