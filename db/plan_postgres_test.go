package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey/latchkey/db/dbtest"
)

// noRequestReadsATableFromEndToEnd asks PostgreSQL for each statement's generic
// plan, which holds for any arguments, on tables that hold something. Whatever is
// small it reads whole by choice; with that switched off, a plan that reads a table,
// or all of an index, is one that no index can serve.
// https://www.postgresql.org/docs/15/sql-prepare.html
func noRequestReadsATableFromEndToEnd(t *testing.T, dsn string, statements []string) {
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), rowsEverywhere); err != nil {
		t.Fatal(err)
	}
	run := func(query string) error {
		_, err := conn.Exec(t.Context(), query, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	if err := run(`SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan`); err != nil {
		t.Fatal(err)
	}
	dbtest.NoScan(t, statements, func(query string, args []any) (scans []string, err error) {
		if err := run("PREPARE explained AS " + query); err != nil {
			return nil, err
		}
		defer func() { _ = run("DEALLOCATE explained") }()
		execute := "EXPLAIN (FORMAT JSON) EXECUTE explained"
		if len(args) > 0 {
			execute += "(" + strings.TrimPrefix(strings.Repeat(", NULL", len(args)), ", ") + ")"
		}
		var plans []struct{ Plan node }
		var text []byte
		if err := conn.QueryRow(t.Context(), execute, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
			return nil, fmt.Errorf("%d plans, %w: %s", len(plans), err, text)
		}
		return plans[0].Plan.scans(), nil
	})
}

// rowsEverywhere fills every table that is empty, each column by its type: only then
// an index that finds rows costs less than one that is read whole. Half of what can
// end has not.
const rowsEverywhere = `
DO $do$
DECLARE t record;
BEGIN
	FOR t IN
		SELECT table_name, string_agg(quote_ident(column_name), ', ') AS names, string_agg(CASE
			WHEN data_type = 'text' THEN 'md5(i::text)'
			WHEN data_type = 'bytea' THEN 'sha256(i::text::bytea)'
			WHEN data_type = 'boolean' THEN 'i % 2 = 0'
			WHEN column_name IN ('ended', 'used', 'revoked') THEN 'CASE WHEN i % 2 = 0 THEN i ELSE 0 END'
			ELSE 'i' END, ', ') AS made
		FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT IN ('goose_db_version', 'audit_head')
		GROUP BY table_name ORDER BY table_name = 'asked', table_name
	LOOP
		EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM generate_series(1, 5000) AS i', t.table_name, t.names, t.made);
	END LOOP;
END $do$;
ANALYZE`

// node is one of a plan.
type node struct {
	Type  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	Cond  string `json:"Index Cond"`
	Plans []node
}

// scans are the tables and indexes that a plan reads from end to end.
func (n node) scans() (all []string) {
	switch n.Type {
	case "Seq Scan":
		all = append(all, n.Table)
	case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
		if n.Cond == "" {
			all = append(all, strings.TrimSpace(n.Table+" by "+n.Index))
		}
	}
	for _, below := range n.Plans {
		all = append(all, below.scans()...)
	}
	return all
}
