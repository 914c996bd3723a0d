package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
)

type auditExportCmd struct {
	Config string
	Data   string
	File   string
}

// Run exports from one snapshot and moves the file into place when it is whole.
func (c auditExportCmd) Run(ctx context.Context, s streams) error {
	where := db.Config{Path: filepath.Join(c.Data, databaseName)}
	if c.Config != "" {
		loaded, err := config.Load(c.Config)
		if err != nil {
			return err
		}
		if where, err = databaseOf(loaded); err != nil {
			return err
		}
	}
	store, err := db.OpenReadOnly(ctx, where)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer store.Close()
	if err := replaceFile(c.File, func(w io.Writer) error { return store.Export(ctx, w) }); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	fmt.Fprintf(s.out, "Exported to %s\n", c.File)
	return nil
}

type auditVerifyCmd struct {
	File string
}

// Run exits 0 for a whole log, and 1 naming the first bad event.
func (c auditVerifyCmd) Run(_ context.Context, s streams) error {
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	began := time.Now()
	report, err := audit.Verify(f)
	if err != nil {
		fmt.Fprintf(s.out, "%s: %v\n", c.File, err)
		return errShown
	}
	fmt.Fprintf(s.out, "%s is whole: %d events, %d receipts with the passkeys registered before them, checked in %s. Last hash %x\n",
		c.File, report.Head.Seq, report.Receipts, time.Since(began).Round(time.Millisecond), report.Head.Hash)
	if report.Unchecked > 0 {
		fmt.Fprintf(s.out, "%d receipts are of passkeys whose registration is not in the log: they can't be checked.\n", report.Unchecked)
	}
	return nil
}
