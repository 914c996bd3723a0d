package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/secret"
)

// databaseOf is where the configuration keeps its database.
func databaseOf(cfg config.Config) (db.Config, error) {
	dsn, err := cfg.Database.DSN()
	if err != nil {
		return db.Config{}, fmt.Errorf("open database: %w", err)
	}
	host, _ := os.Hostname()
	return db.Config{Path: filepath.Join(cfg.Data, databaseName), DSN: dsn, Name: host + ":" + cfg.Data}, nil
}

// openSealed opens the database with its key. On a database that other servers
// use already the key is not made: theirs is needed.
func (a *app) openSealed(ctx context.Context) error {
	where, err := databaseOf(a.cfg)
	if err != nil {
		return err
	}
	if err := refuseNewKey(ctx, a.cfg, where); err != nil {
		return err
	}
	if a.box, err = openBox(a.cfg); err != nil {
		return err
	}
	where.Box, where.Now, where.Logger = a.box, now, a.log
	where.Changed, where.Outbox, where.Missed = a.live.Publish, a.notices.Kick, a.live.Resync
	opened := make(chan struct{})
	defer close(opened)
	where.Keys = func() { go a.readKeysAgain(context.WithoutCancel(ctx), opened) }
	if a.store, err = db.Open(ctx, where); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return nil
}

func refuseNewKey(ctx context.Context, cfg config.Config, where db.Config) error {
	if _, err := os.Stat(cfg.KeyFile()); where.DSN.Empty() || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	sealed, err := db.Sealed(ctx, where)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if sealed {
		return fmt.Errorf("the database is sealed by another server's key: copy that server's key file to %s", cfg.KeyFile())
	}
	return nil
}

// wrongKey names the way out of a key that does not fit.
func wrongKey(cfg config.Config, err error) error {
	if !errors.Is(err, secret.ErrSealed) {
		return fmt.Errorf("start notices: %w", err)
	}
	if cfg.Database != (config.Database{}) {
		return fmt.Errorf("%s is not the key that sealed the database: all servers need the same one, so copy it from the first: %w", cfg.KeyFile(), err)
	}
	return fmt.Errorf("%s is not the key that sealed the database: put the right one back: %w", cfg.KeyFile(), err)
}
