package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
)

type dbCopyCmd struct {
	Config    string
	ToDSNFile string
	ToDSNEnv  string
}

// Run copies all or nothing, and leaves the file as it is.
func (c dbCopyCmd) Run(ctx context.Context, s streams) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	if cfg.Database != (config.Database{}) {
		return fmt.Errorf("%s names a PostgreSQL database already: copy before you set database", c.Config)
	}
	dsn, err := config.Database{DSNFile: c.ToDSNFile, DSNEnv: c.ToDSNEnv}.DSN()
	if err != nil {
		return fmt.Errorf("read the DSN: %w", err)
	}
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return fmt.Errorf("stop the server first: %w", err)
	}
	defer unlock()
	done, err := db.Copy(ctx, db.Config{Path: filepath.Join(cfg.Data, databaseName)}, db.Config{DSN: dsn})
	if errors.Is(err, db.ErrNotEmpty) {
		return fmt.Errorf("the PostgreSQL database is in use: name an empty one: %w", err)
	}
	if err != nil {
		return fmt.Errorf("copy, nothing was copied: %w", err)
	}
	for _, t := range done.Rows {
		fmt.Fprintf(s.out, "%-16s %d\n", t.Table, t.Rows)
	}
	fmt.Fprintf(s.out, "Copied. The log is whole and ends at event %d, hash %x\n", done.Head.Seq, done.Head.Hash)
	fmt.Fprintln(s.out, "Now name the DSN under database: in the configuration, start the server, and put the old file away.")
	return nil
}
