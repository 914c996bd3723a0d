package db_test

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
)

// TestNoRequestReadsATableFromEndToEnd runs the whole suite, which runs every
// statement there is, and asks SQLite how it would find the rows.
func TestNoRequestReadsATableFromEndToEnd(t *testing.T) {
	seen, stop := db.RecordSQLite()
	t.Run("suite", func(t *testing.T) {
		dbtest.Run(t, func(t *testing.T) dbtest.Store {
			return open(t, dbtest.Filled(t, filepath.Join(t.TempDir(), "latchkey.db"), migratedFile))
		})
	})
	stop()
	path := filepath.Join(t.TempDir(), "latchkey.db")
	open(t, path)
	d, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	explain := func(query string, args []any) (scans []string, err error) {
		rows, err := d.Query("EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return nil, err
			}
			constant := detail == "SCAN CONSTANT ROW" || strings.HasSuffix(detail, "-ROW VALUES CLAUSE")
			table, scan := strings.CutPrefix(detail, "SCAN ")
			found := strings.Contains(query, "WITH RECURSIVE "+table+" (") // what the query itself has found so far
			if scan && !constant && !found {
				scans = append(scans, table)
			}
		}
		return scans, rows.Err()
	}
	dbtest.NoScan(t, seen.Statements(), explain)

	// Statistics of a quiet hour let SQLite think that reading all sessions costs less.
	if _, err := d.Exec(`INSERT INTO sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address, num)
		VALUES ('a', 'x', '', 1, 1, 1, 0, '', '', 1), ('b', 'y', '', 1, 1, 1, 0, '', '', 2); ANALYZE`); err != nil {
		t.Fatal(err)
	}
	of := 0
	for _, query := range seen.Statements() {
		if !strings.Contains(query, "RECURSIVE begun") {
			continue
		}
		of++
		if scans, err := explain(query, make([]any, strings.Count(query, "?"))); err != nil || len(scans) > 0 {
			t.Errorf("with statistics, reads %q, %v:\n%s", scans, err, query)
		}
	}
	if of == 0 {
		t.Error("no statement asks for an account's sessions: the test tests nothing")
	}
}
