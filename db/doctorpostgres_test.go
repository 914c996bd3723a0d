package db

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/secret"
)

// pgPatient is a right installation on PostgreSQL: a role that owns its database and
// nothing else, and a data directory with the key.
type pgPatient struct {
	*patient
	cluster *postgres.Cluster
	dsn     string
}

func newPgPatient(t *testing.T) *pgPatient {
	t.Helper()
	p := &pgPatient{patient: newPatient(t), cluster: postgres.Durable(t)}
	p.must(os.Remove(p.cfg.Path))
	p.cluster.Exec(t, `CREATE ROLE clinic LOGIN`)
	p.cluster.Exec(t, `CREATE DATABASE clinic OWNER clinic`)
	p.dsn = p.cluster.DSNOf("clinic", "clinic")
	p.cfg.Postgres, p.cfg.DSNFile, p.cfg.KeyFile = true, "/etc/latchkey/database.dsn", p.dir+"/secret.key"
	p.must(os.WriteFile(p.cfg.KeyFile, []byte("a key"), 0o600))
	p.at(p.dsn)
	p.used(func(s *Store) {
		p.must(s.Record(t.Context(), signedIn(), signedIn(), signedIn()))
		p.passkey(s, ourName)
	})
	return p
}

func (p *pgPatient) at(dsn string) { p.cfg.DSN = secret.New(dsn) }

// used opens the store, as a server does, and closes it.
func (p *pgPatient) used(fn func(*Store)) {
	p.t.Helper()
	s, err := Open(context.Background(), Config{DSN: secret.New(p.dsn), Box: dbtest.Box()})
	p.must(err)
	fn(s)
	p.must(s.Close())
}

// in runs statements in the database, as its owner.
func (p *pgPatient) in(statements ...string) {
	p.t.Helper()
	conn, err := pgx.Connect(p.t.Context(), p.dsn)
	p.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range statements {
		_, err := conn.Exec(p.t.Context(), s)
		p.must(err)
	}
}

// system changes a setting of the whole server, and waits until sessions have it.
func (p *pgPatient) system(name, value string) {
	p.t.Helper()
	p.cluster.Exec(p.t, `ALTER SYSTEM SET `+name+` = `+value)
	p.cluster.Exec(p.t, `SELECT pg_reload_conf()`)
	for {
		conn, err := pgx.Connect(p.t.Context(), p.dsn)
		p.must(err)
		var now string
		p.must(conn.QueryRow(p.t.Context(), `SHOW `+name).Scan(&now))
		p.must(conn.Close(p.t.Context()))
		if now == value {
			return
		}
	}
}

// atPostgres provokes each kind, and mends it.
var atPostgres = map[string]struct{ wrong, right func(*pgPatient) }{
	FoundPgUnreachable.ID: {
		func(p *pgPatient) { p.at("postgres://clinic@127.0.0.1:1/clinic?sslmode=disable") }, (*pgPatient).back,
	},
	FoundPgRefused.ID: {func(p *pgPatient) { p.at(p.cluster.DSNOf("nobody", "clinic")) }, (*pgPatient).back},
	FoundPgFull.ID:    {func(p *pgPatient) { p.limit(0) }, func(p *pgPatient) { p.limit(-1) }},
	FoundPgConnections.ID: {
		func(p *pgPatient) { p.limit(serverSessions) }, func(p *pgPatient) { p.limit(-1) },
	},
	// The address leads to this machine, and is none of a loop.
	FoundPgPlain.ID: {func(p *pgPatient) { p.at(strings.Replace(p.dsn, "127.0.0.1", "0.0.0.0", 1)) }, (*pgPatient).back},
	FoundPgUnverified.ID: {func(p *pgPatient) {
		p.at(strings.NewReplacer("127.0.0.1", "0.0.0.0", "=disable", "=require").Replace(p.dsn))
	}, (*pgPatient).back},
	FoundPgPooler.ID: {func(p *pgPatient) {
		p.at("postgres://clinic@" + transactionPooler(p.t, p.dsn) + "/clinic?sslmode=disable")
	}, (*pgPatient).back},
	FoundPgEncoding.ID: {func(p *pgPatient) {
		p.cluster.Exec(p.t, `CREATE DATABASE latin OWNER clinic ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
		p.at(p.cluster.DSNOf("clinic", "latin"))
	}, (*pgPatient).back},
	FoundPgOld.ID:   {func(p *pgPatient) { p.cfg.oldest = 99 }, func(p *pgPatient) { p.cfg.oldest = 0 }},
	FoundPgSuper.ID: {func(p *pgPatient) { p.cluster.Exec(p.t, `ALTER ROLE clinic SUPERUSER`) }, func(p *pgPatient) { p.cluster.Exec(p.t, `ALTER ROLE clinic NOSUPERUSER`) }},
	FoundPgRights.ID: {
		func(p *pgPatient) { p.cluster.Exec(p.t, `ALTER DATABASE clinic OWNER TO latchkey`) },
		func(p *pgPatient) { p.cluster.Exec(p.t, `ALTER DATABASE clinic OWNER TO clinic`) },
	},
	FoundPgReadOnly.ID: {(*pgPatient).follow, func(p *pgPatient) { p.cluster.Exec(p.t, `SELECT pg_promote()`) }},
	FoundPgReadFirst.ID: {
		func(p *pgPatient) {
			p.cluster.Exec(p.t, `ALTER DATABASE clinic SET default_transaction_read_only = on`)
		},
		func(p *pgPatient) {
			p.cluster.Exec(p.t, `ALTER ROLE "clinic" IN DATABASE "clinic" SET default_transaction_read_only = off`)
		},
	},
	FoundPgSync.ID: {func(p *pgPatient) { p.system("fsync", "off") }, func(p *pgPatient) { p.system("fsync", "on") }},
	FoundPgPages.ID: {
		func(p *pgPatient) { p.system("full_page_writes", "off") }, func(p *pgPatient) { p.system("full_page_writes", "on") },
	},
	FoundPgCommit.ID: {
		func(p *pgPatient) { p.cluster.Exec(p.t, `ALTER DATABASE clinic SET synchronous_commit = off`) },
		func(p *pgPatient) {
			p.cluster.Exec(p.t, `ALTER ROLE "clinic" IN DATABASE "clinic" SET synchronous_commit = on`)
		},
	},
	FoundPgVacuum.ID: {func(p *pgPatient) { p.system("autovacuum", "off") }, func(p *pgPatient) { p.system("autovacuum", "on") }},

	// What a file has, too.
	FoundMissing.ID: {func(p *pgPatient) {
		p.cluster.Exec(p.t, `CREATE DATABASE fresh OWNER clinic`)
		p.at(p.cluster.DSNOf("clinic", "fresh"))
	}, (*pgPatient).back},
	FoundNewer.ID: {
		func(p *pgPatient) { p.in(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`) },
		func(p *pgPatient) { p.in(`DELETE FROM goose_db_version WHERE version_id = 9999`) },
	},
	FoundOlder.ID: {
		func(p *pgPatient) { p.in(`UPDATE goose_db_version SET is_applied = false WHERE version_id > 3`) },
		func(p *pgPatient) { p.in(`UPDATE goose_db_version SET is_applied = true`) },
	},
	FoundUnread.ID: {
		func(p *pgPatient) { p.in(`ALTER TABLE goose_db_version RENAME COLUMN version_id TO gone`) },
		func(p *pgPatient) { p.in(`ALTER TABLE goose_db_version RENAME COLUMN gone TO version_id`) },
	},
	FoundLogBroken.ID: {
		(*pgPatient).flip, (*pgPatient).flip,
	},
	FoundOtherName.ID: {
		func(p *pgPatient) { p.used(func(s *Store) { p.passkey(s, "old.example.test") }) },
		func(p *pgPatient) {
			p.in(`DELETE FROM attestations WHERE credential = 'old.example.test'`, `DELETE FROM credentials WHERE id = 'old.example.test'`)
		},
	},
	FoundStuck.ID: {func(p *pgPatient) {
		p.in(fmt.Sprintf(`INSERT INTO deliveries (to_guid, kind, channel, subscription, nonce, created, until, due, attempts, code)
			VALUES ('%s', 'review', 'mail', '', 'n', %d, %d, 0, 7, 'mail.down')`, anna, millis(time.Now().Add(-time.Hour)), millis(time.Now().Add(time.Hour))))
	}, func(p *pgPatient) { p.in(`DELETE FROM deliveries`) }},
	FoundBackupGone.ID: {
		func(p *pgPatient) { p.cfg.Backups = "/nowhere/*" }, func(p *pgPatient) { p.cfg.Backups = p.backup },
	},
	FoundOldBackup.ID: {
		func(p *pgPatient) { p.must(os.Chtimes(p.backup, time.Time{}, time.Now().Add(-50*time.Hour))) },
		func(p *pgPatient) { p.must(os.Chtimes(p.backup, time.Time{}, time.Now())) },
	},
	FoundDataOpen.ID:  {func(p *pgPatient) { p.must(os.Chmod(p.dir, 0o755)) }, func(p *pgPatient) { p.must(os.Chmod(p.dir, 0o700)) }},
	FoundDataOwner.ID: {func(p *pgPatient) { p.giveAway(p.cfg.KeyFile) }, func(p *pgPatient) { p.must(os.Chown(p.cfg.KeyFile, os.Getuid(), -1)) }},
	FoundMemoryDisk.ID: {
		func(p *pgPatient) { p.disk(space{kind: "tmpfs", memory: true, free: 10 << 30}) }, func(p *pgPatient) { p.disk(space{free: 10 << 30}) },
	},
	FoundDiskFull.ID: {func(p *pgPatient) { p.disk(space{free: 1 << 20}) }, func(p *pgPatient) { p.disk(space{free: 10 << 30}) }},
}

func (p *pgPatient) back() { p.at(p.dsn) }

func (p *pgPatient) disk(s space) { p.cfg.space = func(string) (space, error) { return s, nil } }

func (p *pgPatient) limit(n int) {
	p.cluster.Exec(p.t, fmt.Sprintf(`ALTER ROLE clinic CONNECTION LIMIT %d`, n))
}

// follow makes the server a standby.
func (p *pgPatient) follow() {
	conn, err := pgx.Connect(p.t.Context(), p.cluster.DSN("postgres"))
	p.must(err)
	var dir string
	p.must(conn.QueryRow(p.t.Context(), `SHOW data_directory`).Scan(&dir))
	p.must(conn.Close(p.t.Context()))
	p.cluster.Halt()
	p.must(os.WriteFile(filepath.Join(dir, "standby.signal"), nil, 0o644))
	p.must(p.cluster.Run())
}

// flip changes a bit of the log, as somebody with the owner's rights could, or puts it
// back.
func (p *pgPatient) flip() {
	p.in(`ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_change`,
		`UPDATE audit_entries SET bytes = set_byte(bytes, 30, get_byte(bytes, 30) # 1) WHERE seq = 2`,
		`ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_change`)
}

func TestDoctorFindsAndMendsEachKindAtPostgreSQL(t *testing.T) {
	p := newPgPatient(t)
	green := func(t *testing.T) {
		t.Helper()
		if r := p.examine(); r.Worst() != doctor.OK || len(r.Findings()) != 5 {
			t.Fatalf("got %+v", r.Findings())
		}
	}
	green(t)
	p.used(func(*Store) { green(t) }) // also while a server writes
	kinds := slices.Clone(postgresKinds)
	for _, k := range Kinds {
		if _, also := atPostgres[k.ID]; also && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	for _, k := range kinds {
		t.Run(k.ID, func(t *testing.T) {
			p.t = t
			provoke, known := atPostgres[k.ID]
			if !known {
				t.Fatal("nothing provokes it")
			}
			provoke.wrong(p)
			r := p.examine()
			got := r.Of(k)
			if len(got) != 1 || got[0].Subject == "" || got[0].Seen == "" || len(got[0].Mend) == 0 {
				t.Errorf("got %+v", r.Findings())
			}
			provoke.right(p)
			green(t)
		})
	}
}

// A server that runs gives its connections back before it starts again.
func TestDoctorCountsTheConnectionsOfTheServerItselfAsFree(t *testing.T) {
	p := newPgPatient(t)
	p.limit(serverSessions + 2)
	for range postgresReaders + 2 {
		line, err := parseDSN(p.dsn, postgresSession)
		p.must(err)
		conn, err := pgx.ConnectConfig(t.Context(), line)
		p.must(err)
		defer func() { _ = conn.Close(context.Background()) }()
	}
	if r := p.examine(); r.Worst() != doctor.OK {
		t.Errorf("beside its server: %+v", r.Findings())
	}
	p.at(p.dsn + "&application_name=other") // so that none of them is this one's
	if r := p.examine(); len(r.Of(FoundPgConnections)) != 1 {
		t.Errorf("beside another's: %+v", r.Findings())
	}
}

func TestDoctorFailsForFsyncAndAStandbyAndOnlyWarnsOfWhatMayBeRight(t *testing.T) {
	for kind, want := range map[doctor.Kind]doctor.Severity{
		FoundPgSync: doctor.Failure, FoundPgReadOnly: doctor.Failure,
		FoundPgPages: doctor.Warning, FoundPgReadFirst: doctor.Warning, FoundPgPlain: doctor.Warning,
	} {
		if kind.Severity != want {
			t.Errorf("%s is a %s", kind.ID, kind.Severity)
		}
	}
}

// What is right beside PostgreSQL, though it would be wrong for a file.
func TestDoctorLetsTheDataDirectoryBesidePostgreSQLBeSmall(t *testing.T) {
	p := newPatient(t)
	p.cfg.Postgres, p.cfg.KeyFile = true, "/etc/latchkey/secret.key"
	for name, s := range map[string]space{
		"on a network": {kind: "nfs", network: true, free: 10 << 30}, "in memory": {kind: "tmpfs", memory: true, free: 10 << 30}, "small": {free: 500 << 20},
	} {
		p.cfg.space = func(string) (space, error) { return s, nil }
		if r := p.examine(); r.Worst() != doctor.OK {
			t.Errorf("%s: %+v", name, r.Findings())
		}
	}
}

// A pooler that is not told to ignore them refuses the settings of our sessions.
func TestDoctorKnowsAPoolerByWhatItRefuses(t *testing.T) {
	r := &doctor.Report{}
	DoctorConfig{DSN: secret.New("postgres://x@127.0.0.1/x")}.doctorRefusal(
		&pgconn.PgError{Code: "08P01", Message: "unsupported startup parameter: lock_timeout"}, nil, r)
	if len(r.Of(FoundPgPooler)) != 1 {
		t.Errorf("got %+v", r.Findings())
	}
}

func TestDoctorShowsNoPassword(t *testing.T) {
	c := DoctorConfig{Postgres: true, Path: t.TempDir() + "/x.db", DSN: secret.New("postgres://clinic:sesame-4711@127.0.0.1:1/clinic?sslmode=disable")}
	r := &doctor.Report{}
	Doctor(t.Context(), c, r)
	if len(r.Of(FoundPgUnreachable)) != 1 || strings.Contains(fmt.Sprintf("%+v", r.Findings()), "sesame") {
		t.Errorf("got %+v", r.Findings())
	}
}

// transactionPooler hands one session to everybody, for a transaction each, as
// PgBouncer does with pool_mode=transaction.
func transactionPooler(t *testing.T, dsn string) (address string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	session, err := conn.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = session.Conn.Close() })
	var taken sync.Mutex
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go pooled(client, session, &taken)
		}
	}()
	return l.Addr().String()
}

func pooled(client net.Conn, session *pgconn.HijackedConn, taken *sync.Mutex) {
	defer client.Close()
	b := pgproto3.NewBackend(client, client)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	for name, value := range session.ParameterStatuses {
		b.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	b.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for held := false; b.Flush() == nil; {
		m, err := b.Receive()
		if err != nil {
			return
		}
		if _, ends := m.(*pgproto3.Terminate); ends {
			return
		}
		if !held {
			taken.Lock()
			held = true
		}
		session.Frontend.Send(m)
		_, simple := m.(*pgproto3.Query)
		if _, sync := m.(*pgproto3.Sync); !simple && !sync {
			continue
		}
		if session.Frontend.Flush() != nil {
			return
		}
		for status := byte(0); status == 0; {
			answer, err := session.Frontend.Receive()
			if err != nil {
				return
			}
			b.Send(answer)
			if ready, ok := answer.(*pgproto3.ReadyForQuery); ok {
				status = ready.TxStatus
			}
			if b.Flush() != nil {
				return
			}
			if status == 'I' {
				held = false
				taken.Unlock()
			}
		}
	}
}
