package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/world"
)

// others fill a database as so many people would who have been there for a while:
// a passkey, sessions, requests and events each. What nobody verifies here is
// random. $1 are the people, $2 is the present; each engine has its own words for
// an objectGUID and for random bytes.
var others = []string{
	`CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $1)
		SELECT i, {{guid}} AS account FROM c`,
	`INSERT INTO handles (account, handle) SELECT account, randomblob(64) FROM n`,
	`INSERT INTO credentials (id, account, name, record, created, last_used)
		SELECT randomblob(32), account, 'Phone', '{"ID":"' || hex(randomblob(200)) || '"}', 1790000000000 + i, 1790000000000 + i FROM n`,
	`INSERT INTO sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address{{num}})
		SELECT hex(randomblob(32)), account, randomblob(32), $2, $2, $2 + 86400000, TRUE, 'Chrome on Android', '192.0.2.7'{{next}} FROM n`,
	`INSERT INTO proofs (id, kind, account, session, label, statement, at, receipt)
		SELECT hex(randomblob(16)), 'passkey', account, hex(randomblob(32)), '', zeroblob(0), $2, hex(randomblob(200)) FROM n`,
	`INSERT INTO consumed_proofs (proof, use) SELECT hex(randomblob(16)), 'request' FROM n`,
	`INSERT INTO invitations (id, account, invited_by, password, created, expires, used, revoked, tries)
		SELECT hex(randomblob(32)), account, 'operator', TRUE, 1790000000000 + i, 1790000000000 + i, 1790000000000 + i, 0, 0 FROM n`,
	`INSERT INTO requests (id, kind, state, requester, target, wake, created, updated, version, data)
		SELECT hex(randomblob(16)), 'unlock', 'done', account, account, 0, 1790000000000 + i, 1790000000000 + i, 3, '{"id":"' || hex(randomblob(300)) || '"}'
		FROM n, (SELECT 1 UNION ALL SELECT 2) AS twice`,
	`INSERT INTO subscriptions (id, account, hash, endpoint, p256dh, auth, vapid, device, created, renewed, reached, failed)
		SELECT hex(randomblob(16)), account, randomblob(32), randomblob(200), randomblob(65), randomblob(16), 'k', 'Firefox', 1790000000000, 1790000000000, 0, '' FROM n`,
	`INSERT INTO audit_entries (seq, at, action, actor, target, request, bytes, hash)
		SELECT (SELECT seq FROM audit_head) + row_number() OVER (), 1790000000000 + i, 'session.signed-in', account, account, '', randomblob(500), zeroblob(32)
		FROM n, (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS four_times`,
	`INSERT INTO audit_personal (seq, name, salt, value) SELECT seq, 'device', randomblob(16), 'Chrome on Android' FROM audit_entries WHERE hash = zeroblob(32)`,
	`UPDATE audit_head SET seq = (SELECT max(seq) FROM audit_entries)`,
	`DROP TABLE n`,
}

// engine is one whose databases are compared.
type engine struct {
	name, driver string
	words        []string // of its own, in pairs
	before       []string
	after        string
	dsn          func(*testing.T, *world.World) string
	size         func(*testing.T, *world.World) float64 // MB
}

var engines = []engine{
	{
		name: "SQLite", driver: "sqlite",
		words: []string{
			"{{guid}}", `lower(printf('%08x-%04x-4000-8000-%012x', (i * 2654435761) % 4294967296, i % 65536, i))`,
			"{{num}}", ", num", "{{next}}", ", (SELECT coalesce(max(num), 0) FROM older_sessions) + row_number() OVER ()",
		},
		dsn: func(_ *testing.T, w *world.World) string {
			return (&url.URL{Scheme: "file", Path: filepath.Join(w.Data, "latchkey.db"), RawQuery: "_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"}).String()
		},
		size: func(t *testing.T, w *world.World) float64 { return sizeOf(t, w.Data) },
	},
	{
		name: "PostgreSQL", driver: "pgx",
		words: []string{
			"{{guid}}", `concat_ws('-', lpad(to_hex((i * 2654435761) % 4294967296), 8, '0'), lpad(to_hex(i % 65536), 4, '0'), '4000', '8000', lpad(to_hex(i), 12, '0'))`,
			"{{num}}", "", "{{next}}", "",
			"randomblob(", "pg_temp.randomblob(", "zeroblob(", "pg_temp.zeroblob(", "hex(", "pg_temp.hex(",
		},
		before: []string{
			`CREATE FUNCTION pg_temp.randomblob(n int) RETURNS bytea VOLATILE AS 'SELECT substring(decode(repeat(md5(random()::text), n / 16 + 1), ''hex'') FOR n)' LANGUAGE SQL`,
			`CREATE FUNCTION pg_temp.zeroblob(n int) RETURNS bytea IMMUTABLE AS 'SELECT decode(repeat(''00'', n), ''hex'')' LANGUAGE SQL`,
			`CREATE FUNCTION pg_temp.hex(b bytea) RETURNS text IMMUTABLE AS 'SELECT encode(b, ''hex'')' LANGUAGE SQL`,
		},
		after: `VACUUM ANALYZE`, // as the server's own autovacuum would have, over the years
		dsn:   fromFile,
		size: func(t *testing.T, w *world.World) (mb float64) {
			d := openDatabase(t, "pgx", fromFile(t, w))
			world.Must(t, d.QueryRow(`SELECT pg_database_size(current_database()) / 1e6`).Scan(&mb))
			return mb
		},
	},
}

func fromFile(t *testing.T, w *world.World) string {
	text, err := os.ReadFile(filepath.Join(w.Dir, "database.dsn"))
	world.Must(t, err)
	return string(text)
}

func openDatabase(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	d, err := sql.Open(driver, dsn)
	world.Must(t, err)
	d.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (e engine) populate(t *testing.T, w *world.World, people int) {
	t.Helper()
	world.Must(t, w.Terminate())
	d := openDatabase(t, e.driver, e.dsn(t, w))
	words := strings.NewReplacer(append(e.words, "$1", fmt.Sprint(people), "$2", fmt.Sprint(time.Now().UnixMilli()))...)
	statements := slices.Clone(e.before)
	for _, s := range others {
		statements = append(statements, words.Replace(s))
	}
	if e.after != "" {
		statements = append(statements, e.after)
	}
	for _, statement := range statements {
		if _, err := d.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	world.Must(t, d.Close())
	w.Start()
}

// paths are what one person's browser asks for.
var paths = []struct {
	name string
	do   func(ctx context.Context, w *world.World, p *world.Person) error
}{
	{"sign in", func(ctx context.Context, _ *world.World, p *world.Person) error { return p.Phone.SignIn(ctx) }},
	{"unlock", func(ctx context.Context, w *world.World, p *world.Person) error {
		w.DC.Set(p.DN, "lockoutTime", fmt.Sprint(minidc.Filetime(time.Now())))
		r, err := p.Phone.Submit(ctx, "unlock")
		if err == nil && r.State != "done" {
			err = fmt.Errorf("unlock is %s %s", r.State, r.Code)
		}
		return err
	}},
	{"account", reads("/api/me")}, {"requests", reads("/api/requests")}, {"activity", reads("/api/activity")},
	{"stored", reads("/api/stored")}, {"inbox", reads("/api/inbox")}, {"passkeys", reads("/api/passkeys")}, {"devices", reads("/api/devices")},
}

func reads(path string) func(context.Context, *world.World, *world.Person) error {
	return func(ctx context.Context, _ *world.World, p *world.Person) error {
		return p.Phone.Call(ctx, "GET", path, nil, nil)
	}
}

// TestOnePersonsPathsStayFlat compares a server with 1,000 enrolled people and one
// with 100,000.
func TestOnePersonsPathsStayFlat(t *testing.T) {
	everyday.Left(t, "it measures nothing without LATCHKEY_BENCH")
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { staysFlat(t, e) })
	}
}

func staysFlat(t *testing.T, e engine) {
	const people = 12
	o := world.Options{People: people, Settings: quiet, File: e.driver == "sqlite", Postgres: e.driver != "sqlite"}
	small, large := world.New(t, o), world.New(t, o)
	e.populate(t, small, Count(1_000, 20))
	e.populate(t, large, Count(100_000, 200))
	walk := func(w *world.World, p *world.Person) float64 {
		start := time.Now()
		for _, path := range paths {
			if err := path.do(t.Context(), w, p); err != nil {
				t.Fatalf("%s: %v\n%s", path.name, err, w.LogTail())
			}
		}
		return time.Since(start).Seconds() * 1000
	}
	walk(small, small.People[0])
	walk(large, large.People[0])
	rounds := Count(15, 1)
	c := Compared{}
	for round := range rounds {
		var p, l []float64
		for i := range people {
			if (round+i)%2 == 0 {
				p, l = append(p, walk(large, large.People[i])), append(l, walk(small, small.People[i]))
			} else {
				l, p = append(l, walk(small, small.People[i])), append(p, walk(large, large.People[i]))
			}
		}
		c.Product, c.Limit, c.Ratio = append(c.Product, Median(p)), append(c.Limit, Median(l)), append(c.Ratio, Median(p)/Median(l))
	}
	note := fmt.Sprintf("%d paths of one person in a row, sign-in and unlock among them; the limit is the same with 1,000 people; databases of %.0f and %.0f MB", len(paths), e.size(t, large), e.size(t, small))
	c.AtMost("growth: one person's paths with 100,000 people, "+e.name, "ms", 1.5, note).Add(t)
}
