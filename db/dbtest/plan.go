package dbtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// offPath are statements that no request waits for, by their beginning with white
// space folded, and why. Whatever is not named here must find its rows by an index.
var offPath = []struct{ begins, why string }{
	{"SELECT e.seq, e.at, e.action, e.actor, e.target, e.request, e.bytes, e.hash, p.name, p.salt, p.value FROM audit_entries e LEFT JOIN audit_personal p ON p.seq = e.seq ORDER BY", "export reads the whole log"},
	{"DELETE FROM audit_personal WHERE seq IN", "erasing is a command"},
	{"SELECT account, by_guid, request, at, asked, alerted, told, proved FROM freezes ORDER BY at DESC, account", "latchkey freeze list"},
	{"SELECT data FROM requests WHERE 1 = 1 ORDER", "no request asks for everybody's: tests do"},
	{"SELECT data FROM requests WHERE 1 = 1 AND state IN", "likewise"},
	{"SELECT data FROM requests WHERE 1 = 1 AND kind IN", "likewise"},
	{"UPDATE outbox SET lease", "the outbox: an index holds only what waits"},
	{"SELECT min(at) FROM", "likewise"},
	{"SELECT id, to_guid, kind, nonce, body, created, until FROM outbox WHERE to_guid = $1 AND ended = 0", "likewise"},
	{"SELECT count(*) FROM outbox WHERE nonce = ''", "at start"},
	{"SELECT id FROM vapid_keys", "a handful of keys"},
	{"SELECT id, public, private, created FROM vapid_keys", "likewise"},
	{"DELETE FROM outbox WHERE (ended", "purging is a job"},
	{"DELETE FROM writers WHERE at", "a row for each server, at start"},
	{"DELETE FROM sessions WHERE expires", "likewise"},
	{"DELETE FROM proofs WHERE session IN (SELECT id FROM sessions WHERE expires", "likewise"},
}

var statements = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}

// NoScan holds every statement that was run to its plan: scans returns the tables
// that the engine would read from end to end. args are as many nulls as it takes.
func NoScan(t *testing.T, all []string, scans func(query string, args []any) ([]string, error)) {
	t.Helper()
	explained := 0
	slices.Sort(all)
	for _, query := range all {
		query = numbered(query)
		text := strings.Join(strings.Fields(query), " ")
		word, _, _ := strings.Cut(text, " ")
		if !slices.Contains(statements, word) || ofTheEngine(text) {
			continue
		}
		found, err := scans(query, make([]any, arguments(query)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		explained++
		if len(found) == 0 {
			continue
		}
		i := slices.IndexFunc(offPath, func(o struct{ begins, why string }) bool { return strings.HasPrefix(text, o.begins) })
		if i < 0 {
			t.Errorf("reads from end to end, %q:\n%s", found, text)
		}
	}
	if explained < 60 {
		t.Errorf("only %d statements were seen", explained)
	}
	t.Logf("%d statements explained", explained)
}

// ofTheEngine are the migrations' own.
func ofTheEngine(text string) bool {
	for _, own := range []string{"goose_db_version", "sqlite_master", "zeroblob(32)", "pg_tables", "pg_advisory_lock"} {
		if strings.Contains(text, own) {
			return true
		}
	}
	return false
}

// numbered gives the parameters that SQLite is given without numbers theirs.
func numbered(query string) string {
	var out strings.Builder
	for i, part := range strings.Split(query, "?") {
		if i > 0 {
			fmt.Fprintf(&out, "$%d", i)
		}
		out.WriteString(part)
	}
	return out.String()
}

var parameter = regexp.MustCompile(`\$(\d+)`)

func arguments(query string) (n int) {
	for _, m := range parameter.FindAllStringSubmatch(query, -1) {
		if i, err := strconv.Atoi(m[1]); err == nil {
			n = max(n, i)
		}
	}
	return n
}
