package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// direct is a statement of the writer's that is run by SQLite's driver itself:
// database/sql would take four locks for it and make a list of arguments anew, nine
// times for each sign-in. Its connection is taken from database/sql for each run, and
// given back before the next.
type direct struct {
	stmt  directStmt
	order []int // see statement
	args  []driver.NamedValue
	run   func(any) error // exec, made once
	ctx   context.Context // of the run
	n     int64           // rows that it changed
}

type directStmt interface {
	driver.Stmt
	driver.StmtExecContext
}

// compileDirect is nil where the driver has another way to take arguments than the one
// that take knows.
func compileDirect(ctx context.Context, on *sql.Conn, query string) (*direct, error) {
	var d *direct
	plain, order := plainParameters(query)
	err := on.Raw(func(conn any) error {
		c, ok := conn.(driver.ConnPrepareContext)
		if _, own := conn.(driver.NamedValueChecker); own || !ok {
			return nil
		}
		prepared, err := c.PrepareContext(ctx, plain)
		if err != nil {
			return err
		}
		stmt, ok := prepared.(directStmt)
		_, own := prepared.(driver.NamedValueChecker)
		_, converts := prepared.(driver.ColumnConverter) //nolint:staticcheck // database/sql asks it still
		if !ok || own || converts || stmt.NumInput() >= 0 {
			return prepared.Close()
		}
		d = &direct{stmt: stmt, order: order}
		d.run = d.exec
		return nil
	})
	return d, err
}

// take makes of the arguments what database/sql makes of them for a driver that leaves
// it that. It is false for what it would refuse.
func (d *direct) take(args []any) bool {
	n := len(args)
	if d.order != nil {
		n = len(d.order)
	}
	d.args = d.args[:0]
	for i := range n {
		at := i
		if d.order != nil {
			at = d.order[i] - 1
		}
		if at >= len(args) {
			return false
		}
		value := args[at]
		switch value.(type) {
		case nil, int64, string, []byte, bool:
		default:
			var err error
			if value, err = driver.DefaultParameterConverter.ConvertValue(value); err != nil {
				return false
			}
		}
		d.args = append(d.args, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	return true
}

// exec lets no panic of the driver out: database/sql would close the only connection of
// the writer for it.
func (d *direct) exec(any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	result, err := d.stmt.ExecContext(d.ctx, d.args)
	if err != nil {
		return err
	}
	d.n, err = result.RowsAffected()
	return err
}

// on runs the statement with what take took, and returns how many rows were changed.
func (d *direct) on(ctx context.Context, conn *sql.Conn) (int64, error) {
	d.ctx, d.n = ctx, 0
	err := conn.Raw(d.run)
	d.ctx = nil
	clear(d.args)
	return d.n, err
}
