package db

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

type ownText string

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is bound is what database/sql binds, for whatever it may be given.
func TestTheWriterBindsAsDatabaseSQLDoes(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	text, none := "text", (*string)(nil)
	values := []any{
		nil, int64(1), 2, uint8(3), uint64(4), 1.5, math.Inf(1), true, false, "text", "", ownText("own"), []byte{1, 0}, []byte{}, []byte(nil),
		&text, none, sql.NullString{}, sql.NullString{String: "x", Valid: true}, time.UnixMilli(5).UTC(), uint64(math.MaxUint64), struct{}{},
		sql.Named("n", 1), []int{1},
	}
	const insert, read = `INSERT INTO bound VALUES ($2, $1)`, `SELECT typeof(v), quote(v) FROM bound WHERE n = $1`
	must(t, s.write(t.Context(), func(tx *tx) error { _, err := tx.exec(`CREATE TABLE bound (n INTEGER, v)`); return err }))
	direct := 0
	for i, v := range values {
		var got [2][2]string
		var failed [2]bool
		must(t, s.write(t.Context(), func(tx *tx) error {
			n, err := tx.exec(insert, v, 2*i)
			if err == nil && n != 1 {
				t.Errorf("%T: %d rows", v, n)
			}
			failed[0] = err != nil
			if d := tx.directs[insert]; d != nil && d.take([]any{v, i}) {
				direct++
			}
			stmt, err := tx.prepared(insert)
			if err != nil {
				return err
			}
			_, err = stmt.ExecContext(tx.ctx, stmt.arguments([]any{v, 2*i + 1})...)
			failed[1] = err != nil
			for k := range got {
				if !failed[k] {
					if err := tx.row(read, 2*i+k).Scan(&got[k][0], &got[k][1]); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		if failed[0] != failed[1] || got[0] != got[1] {
			t.Errorf("%T %v: %v %v, database/sql has %v %v", v, v, failed[0], got[0], failed[1], got[1])
		}
	}
	if direct < 18 {
		t.Errorf("only %d of them were bound here", direct)
	}
}

func TestTheWriterKeepsNothingOfWhatItBound(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	must(t, s.write(t.Context(), func(tx *tx) error {
		const query = `INSERT INTO handles (account, handle) VALUES ($1, $2)`
		if _, err := tx.exec(query, "a", []byte("secret")); err != nil {
			return err
		}
		d := tx.directs[query]
		if d == nil || d.ctx != nil {
			t.Fatal("not run by the driver")
		}
		for _, a := range d.args[:cap(d.args)] {
			if a.Value != nil {
				t.Errorf("kept %v", a.Value)
			}
		}
		return nil
	}))
}

// A statement that fails leaves the next ones as they are, and is told of as ever.
func TestAStatementOfTheDriverThatFails(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	err := s.write(t.Context(), func(tx *tx) error {
		for range 2 {
			tx.dirty = false
			if _, err := tx.exec(`INSERT INTO handles (account, handle) VALUES ($1, NULL)`, "a"); err == nil || !tx.dirty {
				t.Errorf("%v, dirty %v", err, tx.dirty)
			}
		}
		for _, args := range [][]any{nil, {"a"}} {
			if n, err := tx.exec(`INSERT INTO handles (account, handle) VALUES ($2, $1)`, args...); err == nil || n != 0 {
				t.Errorf("%d arguments: %d, %v", len(args), n, err)
			}
		}
		if n, err := tx.exec(`INSERT INTO handles (account, handle) VALUES ($2, $1)`, []byte{1}, "a"); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := tx.exec(`DELETE FROM handles WHERE account = $1`, "nobody"); err != nil || n != 0 {
			t.Errorf("%d, %v", n, err)
		}
		_, err := tx.exec(`no statement`)
		return err
	})
	if err == nil {
		t.Error("no statement at all was taken")
	}
}

// A connection that is closed runs nothing.
func TestADirectStatementOfAClosedConnection(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	d, err := openSQLite(filepath.Join(t.TempDir(), "other.db"), nil)
	must(t, err)
	conn, err := d.Conn(t.Context())
	must(t, err)
	stmt, err := compileDirect(t.Context(), conn, `SELECT $1`)
	must(t, err)
	if !stmt.take([]any{1}) || !slices.Equal([]any{stmt.args[0].Value}, []any{int64(1)}) {
		t.Fatalf("%v", stmt.args)
	}
	must(t, conn.Raw(func(any) error { return stmt.stmt.Close() }))
	must(t, conn.Close())
	if _, err := stmt.on(context.Background(), conn); !errors.Is(err, sql.ErrConnDone) {
		t.Errorf("%v", err)
	}
	must(t, errors.Join(d.Close(), s.Close()))
}
