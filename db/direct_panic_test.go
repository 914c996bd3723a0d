package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"testing"
)

// breaking is a statement of a driver that panics.
type breaking struct{ directStmt }

func (breaking) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	panic("out of range")
}

// A panic in the driver is the fault of one write: the connection goes on.
func TestAPanicOfTheDriverIsAFaultOfOneWrite(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	err := s.write(t.Context(), func(tx *tx) error {
		d := &direct{stmt: breaking{}}
		d.run = d.exec
		_, err := d.on(t.Context(), tx.conn)
		return err
	})
	if !errors.Is(err, errPanic) {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatalf("the next write: %v", err)
	}
}
