package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// latest is the version that this release works with: the highest number.
const latest = 25

// migrate brings the database up to a version. Migrations only go forward; each
// is one transaction.
func migrate(ctx context.Context, d *sql.DB, dialect dialect, to int64) error {
	// Nearly every start: nothing to do, and no reason to read all the steps. What
	// has no versions yet, or can't be asked, takes the whole way.
	if version, err := schemaVersion(ctx, d); err == nil && version == to {
		return nil
	}
	steps, err := migrationsFor(dialect)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect.goose, d, nil,
		goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version > latest {
		return fmt.Errorf("schema %d, this release knows %d: %w", version, latest, ErrNewer)
	}
	if _, err := provider.UpTo(ctx, to); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// migrationLock is the advisory lock of whoever migrates: "latchkey", in ASCII.
const migrationLock = 0x6c617463686b6579

// migrateAlone migrates a PostgreSQL database while no other server does.
func migrateAlone(ctx context.Context, dsn string, to int64) (err error) {
	patient := map[string]string{"lock_timeout": "0", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
	d, err := openPostgres(dsn, patient)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	held, err := d.Conn(ctx)
	if err != nil {
		return err
	}
	// The lock is the session's, and ends with it.
	defer func() { err = errors.Join(err, held.Close()) }()
	if _, err := held.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for another server's migration: %w", err)
	}
	return migrate(ctx, d, postgresDialect, to)
}

// migrationsFor renders the numbered files in the words of one engine.
func migrationsFor(dialect dialect) ([]*goose.Migration, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var steps []*goose.Migration
	for _, name := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		steps = append(steps, step(version, dialect.words.Replace(string(text))))
	}
	return steps, nil
}

func step(version int64, text string) *goose.Migration {
	run := func(ctx context.Context, t *sql.Tx) error {
		_, err := t.ExecContext(ctx, text)
		return err
	}
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: run}, nil)
}

// refuseNewer is for a database that is not migrated here.
func refuseNewer(ctx context.Context, d *sql.DB) error {
	version, err := schemaVersion(ctx, d)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version > latest {
		return fmt.Errorf("schema %d, this release knows %d: %w", version, latest, ErrNewer)
	}
	return nil
}

const versionQuery = `SELECT max(version_id) FROM goose_db_version WHERE is_applied`

func schemaVersion(ctx context.Context, d *sql.DB) (version int64, err error) {
	err = d.QueryRowContext(ctx, versionQuery).Scan(&version)
	return version, err
}
