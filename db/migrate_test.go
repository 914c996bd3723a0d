package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/enroll"
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

// Sessions, and the entries about an account, were found by an index before; they are
// found from the newest entry on since.
func TestSessionsAndEntriesOfAnEarlierReleaseAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := openSQLite(path, sqliteWriter)
	if err != nil {
		t.Fatal(err)
	}
	d.SetMaxOpenConns(1)
	if err := migrate(t.Context(), d, sqliteDialect, 24); err != nil {
		t.Fatal(err)
	}
	for seq, target := range []string{anna.String(), bert.String(), anna.String(), "", anna.String()} {
		if _, err := d.Exec(`INSERT INTO audit_entries (seq, at, action, actor, target, request, bytes, hash)
			VALUES ($1, 1, 'session.signed-in', '', $2, '', '{}', zeroblob(32))`, seq+1, target); err != nil {
			t.Fatal(err)
		}
	}
	nobody := ad.GUID{7} // no entry is about
	for i, account := range []ad.GUID{anna, bert, nobody, anna} {
		if _, err := d.Exec(`INSERT INTO sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address)
			VALUES ($1, $2, '', $3, 1, 1, 0, '', '')`, fmt.Sprint(i), account.String(), 10+i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Exec(`UPDATE audit_head SET seq = 5`); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	ways, err := list(t.Context(), s, scanText, `SELECT num || ' ' || older FROM older_sessions ORDER BY num`)
	if want := []string{"1 0", "2 0", "3 0", "4 1"}; err != nil || !slices.Equal(ways, want) { // 4 and 1 are anna's
		t.Errorf("sessions lead back so: %q, %v, want %q", ways, err, want)
	}
	if err := s.Record(t.Context(), signedIn()); err != nil { // about anna
		t.Fatal(err)
	}
	for _, want := range []struct {
		account  ad.GUID
		sessions []string
		entries  []int64
	}{{anna, []string{"3", "0"}, []int64{6, 5, 3, 1}}, {bert, []string{"1"}, []int64{2}}, {nobody, []string{"2"}, nil}} {
		all, err := s.Sessions(t.Context(), want.account)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, one := range all {
			ids = append(ids, one.ID)
		}
		entries, err := s.Events(t.Context(), want.account, 10)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []int64
		for _, n := range entries {
			seqs = append(seqs, n.Seq)
		}
		if !slices.Equal(ids, want.sessions) || !slices.Equal(seqs, want.entries) {
			t.Errorf("%s has the sessions %v and the entries %v, want %v and %v", want.account, ids, seqs, want.sessions, want.entries)
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

// What was attested leaves the rows that sign-ins write, and goes with its passkey.
func TestAnAttestationLeavesItsPasskeysRow(t *testing.T) {
	for _, engine := range []struct {
		name    string
		dialect dialect
		open    func(*testing.T) (*sql.DB, func() *Store)
	}{
		{"SQLite", sqliteDialect, func(t *testing.T) (*sql.DB, func() *Store) {
			path := filepath.Join(t.TempDir(), "x.db")
			d, err := openSQLite(path, sqliteWriter)
			if err != nil {
				t.Fatal(err)
			}
			return d, func() *Store { return openAt(t, path) }
		}},
		{"PostgreSQL", postgresDialect, func(t *testing.T) (*sql.DB, func() *Store) {
			dsn := postgres.Shared(t).Database(t)
			d, err := openPostgres(dsn, nil)
			if err != nil {
				t.Fatal(err)
			}
			return d, func() *Store { return openRemote(t, dsn) }
		}},
	} {
		t.Run(engine.name, func(t *testing.T) {
			d, open := engine.open(t)
			d.SetMaxOpenConns(1)
			if err := migrate(t.Context(), d, engine.dialect, 17); err != nil {
				t.Fatal(err)
			}
			was := webauthn.Credential{
				ID: []byte("one"), PublicKey: []byte{1, 0, 255}, Flags: flagsOf(webauthn.CredentialFlags{UserVerified: true}),
				Attestation: webauthn.CredentialAttestation{ClientDataJSON: []byte(`{"type":"webauthn.create"}`), Object: []byte{9, 200}, PublicKeyAlgorithm: -7},
			}
			record, err := json.Marshal(was)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Exec(`
				INSERT INTO credentials (id, account, name, record, created, last_used, attested_model, attested_root)
				VALUES ($1, $2, 'Phone', $3, 1, 0, '', '')`, was.ID, anna.String(), string(record))
			odd := was // as a browser that names its transports so
			odd.ID, odd.Transport = []byte("odd"), []protocol.AuthenticatorTransport{"\x00"}
			text, failed := json.Marshal(odd)
			_, put := d.Exec(`
				INSERT INTO credentials (id, account, name, record, created, last_used, attested_model, attested_root)
				VALUES ($1, $2, 'Odd', $3, 1, 0, '', '')`, odd.ID, bert.String(), string(text))
			if err := errors.Join(err, failed, put, d.Close()); err != nil {
				t.Fatal(err)
			}
			s := open()
			if all, err := s.Credentials(t.Context(), bert); err != nil || len(all) != 1 || all[0].Record.Transport[0] != "\x00" {
				t.Fatalf("the odd one: %+v, %v", all, err)
			}
			all, err := s.Credentials(t.Context(), anna)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d passkeys, %v", len(all), err)
			}
			bare := was
			bare.Attestation = webauthn.CredentialAttestation{}
			if d := cmp.Diff(bare, all[0].Record, cmpopts.IgnoreUnexported(webauthn.CredentialFlags{})); d != "" {
				t.Error(d)
			}
			attested := func(id []byte) (all []string) {
				all, err := list(t.Context(), s, scanText, `SELECT body FROM attestations WHERE credential = $1`, id)
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			if bodies := attested(was.ID); len(bodies) != 1 {
				t.Errorf("%d attestations", len(bodies))
			} else {
				var got webauthn.CredentialAttestation
				if err := json.Unmarshal([]byte(bodies[0]), &got); err != nil || !cmp.Equal(got, was.Attestation) {
					t.Errorf("%v, %s", err, bodies[0])
				}
			}
			second := enroll.Credential{ID: []byte("two"), Account: anna, Record: was, Created: time.Now()}
			second.Record.ID = second.ID
			for _, err := range []error{
				s.AddCredential(t.Context(), second),
				s.RemoveCredential(t.Context(), anna, was.ID, "", false, enroll.Withdrawal{At: time.Now()}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if removed, added := attested(was.ID), attested(second.ID); len(removed) != 0 || len(added) != 1 {
				t.Errorf("%d attestations of a removed passkey, %d of one that was added", len(removed), len(added))
			}
		})
	}
}
