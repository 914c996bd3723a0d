package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/world"
)

// others fill a database as so many people would who have been there for a while:
// a passkey, sessions, requests and events each. What nobody verifies here is
// random.
var others = []string{
	`CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $1)
		SELECT i, lower(printf('%08x-%04x-4000-8000-%012x', (i * 2654435761) % 4294967296, i % 65536, i)) AS account FROM c`,
	`INSERT INTO handles (account, handle) SELECT account, randomblob(64) FROM n`,
	`INSERT INTO credentials (id, account, name, record, created, last_used)
		SELECT randomblob(32), account, 'Phone', '{"ID":"' || hex(randomblob(200)) || '"}', 1790000000000 + i, 1790000000000 + i FROM n`,
	`INSERT INTO sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address)
		SELECT hex(randomblob(32)), account, randomblob(32), $2, $2, $2 + 86400000, 1, 'Chrome on Android', '192.0.2.7' FROM n`,
	`INSERT INTO proofs (id, kind, account, session, label, statement, at, receipt)
		SELECT hex(randomblob(16)), 'passkey', account, hex(randomblob(32)), '', x'', $2, hex(randomblob(200)) FROM n`,
	`INSERT INTO consumed_proofs (proof, use) SELECT hex(randomblob(16)), 'request' FROM n`,
	`INSERT INTO invitations (id, account, invited_by, password, created, expires, used, revoked, tries)
		SELECT hex(randomblob(32)), account, 'operator', 1, 1790000000000 + i, 1790000000000 + i, 1790000000000 + i, 0, 0 FROM n`,
	`INSERT INTO requests (id, kind, state, requester, target, wake, created, updated, version, data)
		SELECT hex(randomblob(16)), 'unlock', 'done', account, account, 0, 1790000000000 + i, 1790000000000 + i, 3, '{"id":"' || hex(randomblob(300)) || '"}'
		FROM n, (SELECT 1 UNION ALL SELECT 2)`,
	`INSERT INTO subscriptions (id, account, hash, endpoint, p256dh, auth, vapid, device, created, renewed, reached, failed)
		SELECT hex(randomblob(16)), account, randomblob(32), randomblob(200), randomblob(65), randomblob(16), 'k', 'Firefox', 1790000000000, 1790000000000, 0, '' FROM n`,
	`INSERT INTO audit_entries (seq, at, action, actor, target, request, bytes, hash)
		SELECT (SELECT seq FROM audit_head) + row_number() OVER (), 1790000000000 + i, 'session.signed-in', account, account, '', randomblob(500), zeroblob(32)
		FROM n, (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)`,
	`INSERT INTO audit_personal (seq, name, salt, value) SELECT seq, 'device', randomblob(16), 'Chrome on Android' FROM audit_entries WHERE hash = zeroblob(32)`,
	`UPDATE audit_head SET seq = (SELECT max(seq) FROM audit_entries)`,
	`DROP TABLE n`,
}

func populate(t *testing.T, w *world.World, people int) {
	t.Helper()
	world.Must(t, w.Terminate())
	dsn := url.URL{Scheme: "file", Path: filepath.Join(w.Data, "latchkey.db"), RawQuery: "_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"}
	d, err := sql.Open("sqlite", dsn.String())
	world.Must(t, err)
	d.SetMaxOpenConns(1)
	for _, statement := range others {
		if _, err := d.Exec(statement, args(statement, people)...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	world.Must(t, d.Close())
	w.Start()
}

// args are the people and the present, as far as a statement names them.
func args(statement string, people int) (all []any) {
	for i, v := range []any{people, time.Now().UnixMilli()} {
		if strings.Contains(statement, fmt.Sprintf("$%d", i+1)) {
			all = []any{people, v}[:i+1]
		}
	}
	return all
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
	const people = 12
	small := world.New(t, world.Options{People: people, Settings: quiet})
	large := world.New(t, world.Options{People: people, Settings: quiet})
	populate(t, small, Count(1_000, 20))
	populate(t, large, Count(100_000, 200))
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
	note := fmt.Sprintf("%d paths of one person in a row, sign-in and unlock among them; the limit is the same with 1,000 people; databases of %.0f and %.0f MB", len(paths), sizeOf(t, large.Data), sizeOf(t, small.Data))
	c.AtMost("growth: one person's paths with 100,000 people", "ms", 1.5, note).Add(t)
}
