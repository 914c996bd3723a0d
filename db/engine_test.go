package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

var anna, cleo = ad.GUID{1}, ad.GUID{3}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{Path: path, Box: dbtest.Box()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func signedIn() audit.Event {
	return audit.Event{
		Time: time.UnixMilli(1798804800123), Action: audit.SignedIn, Actor: anna.String(), Target: anna.String(),
		Outcome: audit.OK, Personal: map[string]string{"device": "Firefox on Linux"},
	}
}

func verified(t testing.TB, s *Store) audit.Report {
	t.Helper()
	var out bytes.Buffer
	if err := s.Export(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(&out)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func setting(t testing.TB, row *sql.Row) (value string) {
	t.Helper()
	if err := row.Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestEveryConnectionHasItsSettings(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	for pragma, want := range map[string]string{
		"foreign_keys": "1", "journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "secure_delete": "1",
	} {
		row := s.tx.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma)
		if got := setting(t, row); got != want {
			t.Errorf("writer: %s is %s, want %s", pragma, got, want)
		}
	}
	var conns []*sql.Conn
	for range readers {
		conn, err := s.read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		for pragma, want := range map[string]string{"query_only": "1", "busy_timeout": "5000"} {
			if got := setting(t, conn.QueryRowContext(t.Context(), "PRAGMA "+pragma)); got != want {
				t.Errorf("reader: %s is %s, want %s", pragma, got, want)
			}
		}
		if _, err := conn.ExecContext(t.Context(), `DELETE FROM sessions`); !errors.Is(translate(err), ErrReadOnly) {
			t.Errorf("a reader wrote: %v", err)
		}
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permission bits are a matter of Unix")
	}
	dir := filepath.Join(t.TempDir(), "data")
	s := openAt(t, filepath.Join(dir, "x.db"))
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "x.db": 0o600, "x.db-wal": 0o600, "x.db-shm": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
	wide := filepath.Join(dir, "wide.db")
	if err := os.WriteFile(wide, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	openAt(t, wide)
	if info, err := os.Stat(wide); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a file that others could read stayed so: %v, %v", info.Mode().Perm(), err)
	}
}

func TestTheLogRefusesChanges(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	if err := s.AddSession(t.Context(), enroll.Session{ID: "x", Account: anna}, signedIn()); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`UPDATE audit_entries SET actor = 'x'`, `DELETE FROM audit_entries`, `UPDATE audit_personal SET value = 'x'`,
		`UPDATE older_entries SET older = 0`, `DELETE FROM older_entries`, `UPDATE older_sessions SET older = 0`, `DELETE FROM older_sessions`,
		`UPDATE newest SET entry = entry - 1`, `UPDATE newest SET session = session - 1`, `UPDATE newest SET account = 'x'`, `DELETE FROM newest`, `UPDATE sessions SET num = num + 1`, `UPDATE sessions SET account = 'x'`,
	} {
		err := s.write(t.Context(), func(t *tx) error { _, err := t.exec(query); return err })
		if err == nil || !strings.Contains(err.Error(), "append-only") && !strings.Contains(err.Error(), "stays whose it is") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// Where entries and chain end apart, an export says so instead of closing.
func TestAnExportOfABrokenLogFails(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	err := s.write(t.Context(), func(t *tx) error { _, err := t.exec(`UPDATE audit_head SET seq = 7`); return err })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Export(t.Context(), &bytes.Buffer{}); !errors.Is(err, ErrLog) {
		t.Errorf("got %v", err)
	}
}

func TestErasedValuesLeaveTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "x.db"))
	e := signedIn()
	e.Personal["device"] = "a-most-peculiar-device"
	if err := s.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, dir, "a-most-peculiar-device") {
		t.Fatal("the value never reached the files: the test tests nothing")
	}
	if _, err := s.ErasePersonal(t.Context(), anna, audit.ActorOperator); err != nil {
		t.Fatal(err)
	}
	if inFiles(t, dir, "a-most-peculiar-device") {
		t.Error("the erased value is still in the files")
	}
}

func inFiles(t testing.TB, dir, value string) bool {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(value)) {
			return true
		}
	}
	return false
}

// A closure that ends its goroutine takes the writer with it; the next writer
// goes on, and everybody has an answer.
func TestTheWriterOutlivesItsGoroutine(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"))
	err := s.write(t.Context(), func(tx *tx) error {
		if err := tx.record(signedIn()); err != nil {
			t.Error(err)
		}
		runtime.Goexit()
		return nil
	})
	if !errors.Is(err, errPanic) {
		t.Errorf("got %v", err)
	}
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	if seq := verified(t, s).Head.Seq; seq != 1 {
		t.Errorf("the log ends at %d, want 1", seq)
	}
}

// Each statement of each write fails once, the last ones being COMMIT and what
// comes before it: the error comes back, and nothing of the write is there.
func TestAFailureAtAnyStatementChangesNothing(t *testing.T) {
	for name, op := range writes() {
		t.Run(name, func(t *testing.T) {
			failEach(t, openAt(t, filepath.Join(t.TempDir(), "x.db")), op, dump)
		})
	}
}

// migrated is the empty database of a new installation.
func migrated(dsn string) error {
	s, err := Open(context.Background(), Config{DSN: secret.New(dsn)})
	if err != nil {
		return err
	}
	return s.Close()
}

func TestAFailureAtAnyStatementChangesNothingInPostgreSQL(t *testing.T) {
	cluster := postgres.Shared(t)
	for name, op := range writes() {
		t.Run(name, func(t *testing.T) { failEach(t, openRemote(t, cluster.Filled(t, migrated)), op, contents) })
	}
}

func failEach(t *testing.T, s *Store, op func(*Store) error, dump func(testing.TB, *Store) string) {
	prepare(t, s)
	before := dump(t, s)
	statements := 0
	for fail := 0; ; fail++ {
		statements = 0
		s.tx.fault = func(query string) error {
			if query == `ROLLBACK` || query == `ROLLBACK TO job` {
				return nil
			}
			if statements++; statements == fail+1 {
				return ErrIO
			}
			return nil
		}
		err := op(s)
		s.tx.fault = nil
		if err == nil && statements <= fail {
			break
		}
		if !errors.Is(err, ErrIO) {
			t.Fatalf("statement %d: %v", fail+1, err)
		}
		if after := dump(t, s); after != before {
			t.Fatalf("statement %d failed and left\n%s\nbefore\n%s", fail+1, after, before)
		}
	}
	if statements < 3 || dump(t, s) == before {
		t.Errorf("%d statements, and in the end nothing was written", statements)
	}
	verified(t, s)
}

func subscribe(ctx context.Context, s *Store, id string) error {
	_, err := s.SaveSubscription(ctx, push.Subscription{ID: id, Account: anna.String(), Endpoint: id}, 5, signedIn())
	return err
}

func renew(ctx context.Context, s *Store) error {
	_, err := s.SaveSubscription(ctx, push.Subscription{ID: "again", Account: anna.String(), Endpoint: "u", Device: "d"}, 5)
	return err
}

// held leaves a notice (the first) and a delivery claimed.
func held(ctx context.Context, s *Store) error {
	d := push.Delivery{Kind: "k", Channel: push.ChannelPush, Subscription: "u"}
	_, err := s.ClaimNotices(ctx, time.Now(), time.Hour, 2)
	if err == nil {
		err = s.Fan(ctx, 2, []push.Delivery{d, d})
	}
	if err == nil {
		_, err = s.ClaimDeliveries(ctx, time.Now(), time.Hour, 1, 1)
	}
	return err
}

// replacing is what somebody has who replaces an address, while they are still to be told
// of something; and somebody who is frozen.
func replacing(ctx context.Context, s *Store) error {
	old := enroll.Factor{ID: "f", Account: bert, Kind: enroll.ProofMailCode, Secret: []byte("old@home.example")}
	changed := workflow.Notice{To: bert, Kind: enroll.NoticeProofs}
	err := errors.Join(
		s.ReplaceFactors(ctx, bert, old.Kind, []enroll.Factor{old}),
		s.Create(ctx, workflow.Request{ID: "m", Requester: bert}, workflow.Change{Notices: []workflow.Notice{changed, changed}}),
		s.AddCredential(ctx, enroll.Credential{ID: []byte("frozen"), Account: cleo}),
		s.Asserted(ctx, []byte("frozen"), func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }, enroll.Proof{ID: "thaw", Account: cleo}, nil),
		s.Create(ctx, workflow.Request{ID: "z", Requester: cleo, Target: bert}, workflow.Change{Freeze: &workflow.Freeze{Account: cleo, Asked: time.UnixMilli(1)}}),
	)
	if err != nil {
		return err
	}
	all, err := s.ClaimNotices(ctx, time.Now(), time.Hour, 1)
	if err != nil || len(all) != 1 {
		return fmt.Errorf("claim %v: %w", all, err)
	}
	return s.Fan(ctx, all[0].ID, []push.Delivery{{To: bert.String(), Kind: enroll.NoticeProofs, Channel: push.ChannelMail, Params: map[string]string{"_verified": "true"}}})
}

// prepare puts in what the writes work on.
func prepare(t *testing.T, s *Store) {
	t.Helper()
	ctx, now := t.Context(), time.UnixMilli(1798804800123)
	session := enroll.Session{ID: "s", Account: anna, Credential: []byte("c"), Expires: now.Add(time.Hour)}
	for _, err := range []error{
		s.AddCredential(ctx, enroll.Credential{ID: []byte("c"), Account: anna}),
		s.AddSession(ctx, session),
		s.AddInvitation(ctx, enroll.Invitation{ID: "i", Account: anna, Expires: now.Add(time.Hour)}),
		s.AddInvitation(ctx, enroll.Invitation{ID: "o", Account: anna, By: anna.String(), Expires: now.Add(time.Hour)}),
		s.Create(ctx, workflow.Request{ID: "r", Requester: anna, Target: anna, State: workflow.Draft}, workflow.Change{}),
		s.SaveCeremony(ctx, enroll.Ceremony{ID: "k", Purpose: enroll.PurposeSignIn, Expires: now.Add(time.Hour)}, 5),
		s.Record(ctx, signedIn()),
		s.Create(ctx, workflow.Request{ID: "n"}, workflow.Change{Notices: []workflow.Notice{{To: anna}, {To: bert}}}),
		subscribe(ctx, s, "u"),
		held(ctx, s),
		replacing(ctx, s),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writes() map[string]func(*Store) error {
	ctx, now := context.Background(), time.UnixMilli(1798804800123)
	touch := func(c *enroll.Credential) ([]audit.Event, error) {
		c.Name = "touched"
		return []audit.Event{signedIn()}, nil
	}
	session := enroll.Session{ID: "new", Account: anna, Expires: now.Add(time.Hour)}
	own := enroll.Withdrawal{At: now, Event: func(enroll.Invitation) audit.Event { return signedIn() }}
	used := []enroll.FactorUse{{ID: "f", Proof: enroll.Proof{ID: "p", Account: bert, Kind: enroll.ProofMailCode, Session: "new"}, Fn: func(f *enroll.Factor) error {
		f.Used = now
		return nil
	}}}
	thawed := func(f *workflow.Freeze) (workflow.Change, error) {
		f.Asked = now
		return workflow.Change{Events: []audit.Event{signedIn()}, Notices: []workflow.Notice{{To: cleo, Kind: "k"}}}, nil
	}
	return map[string]func(*Store) error{
		"enrol": func(s *Store) error {
			return s.Enrol(ctx, "i", now, enroll.Credential{ID: []byte("d"), Account: anna}, session, []enroll.Notice{{To: bert, Kind: "k"}}, signedIn(), signedIn())
		},
		"assert": func(s *Store) error {
			return s.Asserted(ctx, []byte("c"), touch, enroll.Proof{ID: "p", Session: "new", Account: anna}, &session)
		},
		"sign in": func(s *Store) error {
			c := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: now, Expires: now.Add(time.Hour)}
			return s.SignedIn(ctx, c, []byte("c"), touch, enroll.Proof{ID: "p", Session: "new", Account: anna}, session)
		},
		"refuse sign in": func(s *Store) error {
			c := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: now, Expires: now.Add(time.Hour)}
			return s.SpendCeremony(ctx, c, &enroll.PasskeyChange{ID: []byte("c"), Fn: touch}, signedIn())
		},
		"add session": func(s *Store) error {
			named := session
			named.Browser = "b"
			return s.AddSession(ctx, named, signedIn())
		},
		"touch session":  func(s *Store) error { return s.TouchSession(ctx, "s", now.Add(time.Minute)) },
		"end session":    func(s *Store) error { return s.EndSession(ctx, "s", signedIn()) },
		"purge sessions": func(s *Store) error { _, err := s.PurgeSessions(ctx, now.Add(2*time.Hour), time.Hour); return err },
		"remove passkey": func(s *Store) error { return s.RemoveCredential(ctx, anna, []byte("c"), "", true, own, signedIn()) },
		"revoke":         func(s *Store) error { return s.RevokeInvitation(ctx, "i", now, signedIn()) },
		"take ceremony":  func(s *Store) error { _, err := s.TakeCeremony(ctx, "k", enroll.PurposeSignIn, now); return err },
		"update request": func(s *Store) error {
			return s.Update(ctx, "r", func(r *workflow.Request) (workflow.Change, error) {
				r.State = workflow.Executing
				r.Proofs = append(r.Proofs, workflow.ConsumedProof{ID: "q"})
				r.Asked = append(r.Asked, workflow.Seat{Account: bert})
				r.Reviews = append(r.Reviews, workflow.Review{By: bert, Proof: "v"})
				return workflow.Change{
					Events: []audit.Event{signedIn()}, Notices: []workflow.Notice{{To: anna, Kind: "k"}},
					Freeze: &workflow.Freeze{Account: anna},
				}, nil
			})
		},
		"replace an address": func(s *Store) error {
			made := audit.Event{Time: now, Action: audit.ProofMade, Actor: bert.String(), Target: bert.String(), Outcome: audit.OK, Detail: map[string]any{"proof_kind": "mail-code"}}
			with := enroll.Factor{ID: "g", Account: bert, Kind: enroll.ProofMailCode, Secret: []byte("new@home.example")}
			return s.ReplaceFactors(ctx, bert, with.Kind, []enroll.Factor{with}, made)
		},
		"recovered": func(s *Store) error {
			return s.Recovered(ctx, enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeRecover, Created: now, Expires: now.Add(time.Hour)}, used, enroll.Session{ID: "new", Account: bert, Expires: now.Add(time.Hour)}, signedIn())
		},
		"answered": func(s *Store) error {
			return s.Answered(ctx, enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeRecover, Created: now, Expires: now.Add(time.Hour)}, used, signedIn())
		},
		"freeze own": func(s *Store) error {
			return s.FreezeOwn(ctx, anna, now, func(open []*workflow.Request) (workflow.Change, error) {
				for _, r := range open {
					r.State = workflow.Cancelled
				}
				return workflow.Change{Events: []audit.Event{signedIn()}, Freeze: &workflow.Freeze{Account: anna}}, nil
			})
		},
		"freeze once more": func(s *Store) error {
			return s.FreezeOwn(ctx, cleo, now, func([]*workflow.Request) (workflow.Change, error) {
				return workflow.Change{Events: []audit.Event{signedIn()}, Freeze: &workflow.Freeze{Account: cleo, At: now}}, nil
			})
		},
		"end the others": func(s *Store) error {
			return s.Update(ctx, "r", func(r *workflow.Request) (workflow.Change, error) {
				r.State = workflow.Executing
				return workflow.Change{EndSessions: &workflow.SessionsOf{Account: anna, Event: func(int) audit.Event { return signedIn() }}}, nil
			})
		},
		"end the others, and say nothing": func(s *Store) error {
			return s.Update(ctx, "r", func(r *workflow.Request) (workflow.Change, error) {
				r.State = workflow.Executing
				return workflow.Change{EndSessions: &workflow.SessionsOf{Account: anna}}, nil
			})
		},
		"try an invitation": func(s *Store) error { return s.TryInvitation(ctx, "i", 5) },
		"use a proof":       func(s *Store) error { return s.UseProof(ctx, "thaw", "test") },
		"ask for a thaw":    func(s *Store) error { return s.AskThaw(ctx, cleo, []string{"thaw"}, thawed) },
		"lift":              func(s *Store) error { return s.Lift(ctx, cleo, "thaw", thawed) },
		"unfreeze":          func(s *Store) error { return s.Unfreeze(ctx, cleo, thawed) },
		"invite": func(s *Store) error {
			return s.AddInvitation(ctx, enroll.Invitation{ID: "new", Account: anna}, signedIn())
		},
		"open a request": func(s *Store) error {
			return s.Create(ctx, workflow.Request{ID: "new", Requester: anna, Target: anna, Kind: workflow.KindReset, State: workflow.Pending}, workflow.Change{Events: []audit.Event{signedIn()}})
		},
		"register": func(s *Store) error {
			return s.Update(ctx, "r", func(*workflow.Request) (workflow.Change, error) {
				return workflow.Change{Passkey: &enroll.Registered{
					Credential: enroll.Credential{ID: []byte("d"), Account: anna}, Alone: true,
					Event: signedIn(), Removed: func(enroll.Credential) audit.Event { return signedIn() }, Links: own,
				}}, nil
			})
		},
		"end sessions":       func(s *Store) error { return s.EndSessions(ctx, anna, "", own, signedIn()) },
		"fan":                func(s *Store) error { return s.Fan(ctx, 1, []push.Delivery{{Kind: "k"}}, signedIn()) },
		"delivered":          func(s *Store) error { return s.Delivered(ctx, 1, now) },
		"delivered together": func(s *Store) error { return s.DeliveredTogether(ctx, now, 1) },
		"delivered with others": func(s *Store) error {
			return s.DeliveredWith(ctx, push.Delivery{ID: 1, To: anna.String()}, now, now, "k")
		},
		"retry":   func(s *Store) error { return s.Retry(ctx, 1, now, "c", push.CapUnasked) },
		"release": func(s *Store) error { return s.ReleaseDeliveries(ctx, 1) },
		"give up": func(s *Store) error {
			return s.GiveUp(ctx, 1, now, "c", []push.Delivery{{Kind: "k"}}, signedIn())
		},
		"subscribe":   func(s *Store) error { return subscribe(ctx, s, "new") },
		"renew":       func(s *Store) error { return renew(ctx, s) },
		"unsubscribe": func(s *Store) error { return s.RemoveSubscription(ctx, anna.String(), "u", signedIn()) },
		"push key": func(s *Store) error {
			_, err := s.AddVAPIDKey(ctx, push.Keypair{ID: "k"}, true, signedIn())
			return err
		},
		"add a passkey": func(s *Store) error {
			return s.AddCredential(ctx, enroll.Credential{ID: []byte("d"), Account: anna}, signedIn())
		},
		"save a ceremony": func(s *Store) error {
			return s.SaveCeremony(ctx, enroll.Ceremony{ID: "l", Purpose: enroll.PurposeSignIn, Expires: now.Add(time.Hour)}, 1)
		},
		"purge ceremonies": func(s *Store) error { _, err := s.PurgeCeremonies(ctx, now.Add(2*time.Hour)); return err },
		"purge proofs":     func(s *Store) error { _, err := s.PurgeProofs(ctx, now); return err },
		"take a token":     func(s *Store) error { _, err := s.Take(ctx, "k", 1, time.Minute, now); return err },
		"remind":           func(s *Store) error { _, err := s.Remind(ctx, anna, now, 7, workflow.Notice{To: anna}); return err },
		"erase":            func(s *Store) error { _, err := s.ErasePersonal(ctx, anna, audit.ActorOperator); return err },
	}
}

// dump prints every row of every table.
func dump(t testing.TB, s *Store) string {
	t.Helper()
	tables, err := list(context.Background(), s, scanText, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, table := range tables {
		rows, err := s.read.Query(`SELECT * FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rows.Columns()
		values, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, table, values)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}
