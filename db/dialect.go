package db

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what one engine says in its own way.
type dialect struct {
	goose     goose.Dialect
	remote    bool   // behind a connection that may be lost, and shared with other servers
	begin     string // starts a transaction that may write, when no other is writing
	forUpdate string // behind a SELECT whose row is about to be changed
	about     string // selects the seq of each entry about the account $1
	newest    string // selects the newest $2 of them
	ofAccount string // behind WHERE: the sessions of the account $1
	// addSession takes sessionColumns.
	addSession string
	words      *strings.Replacer // of the migrations
}

var sqliteDialect = dialect{
	goose: goose.DialectSQLite3,
	begin: "BEGIN IMMEDIATE",
	about: sqliteAbout, newest: sqliteNewestFew, ofAccount: sqliteOfAccount, addSession: sqliteAddSession,
	words: strings.NewReplacer(
		"{{blob}}", "BLOB",
		"{{key}}", "INTEGER PRIMARY KEY",
		"{{serial}}", "INTEGER PRIMARY KEY AUTOINCREMENT",
		"{{zero32}}", "zeroblob(32)",
		"{{append_only}}", sqliteAppendOnly,
		"{{by_key}}", " WITHOUT ROWID",
		"{{rebuilt_by_key}}", sqliteByKey,
		"{{short_keys}}", sqliteShortKeys,
		"{{newest}}", sqliteNewest,
		"{{attestation}}", `CASE WHEN json_valid(record) THEN json_extract(record, '$.attestation') END`,
		"{{not_attestation}}", `json_remove(record, '$.attestation')`,
	),
}

// sqliteAppendOnly keeps our own mistakes away from the log. Whoever can write
// the file can drop a trigger; the chain is what tells of that.
const sqliteAppendOnly = `
CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER audit_personal_update BEFORE UPDATE ON audit_personal
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;`

// sqliteByKey puts small rows that are found by their key into the key's own tree:
// each is one tree less to write. Rows of more than a quarter of a page, which proofs
// and passkeys come near, would spill out of such a tree.
// https://www.sqlite.org/withoutrowid.html
const sqliteByKey = `
CREATE TABLE new_personal (
    seq   BIGINT NOT NULL REFERENCES audit_entries (seq),
    name  TEXT NOT NULL,
    salt  BLOB NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (seq, name)
) WITHOUT ROWID;
INSERT INTO new_personal (seq, name, salt, value) SELECT seq, name, salt, value FROM audit_personal;
DROP TABLE audit_personal;
ALTER TABLE new_personal RENAME TO audit_personal;

CREATE TRIGGER audit_personal_update BEFORE UPDATE ON audit_personal
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TABLE new_handles (
    account TEXT PRIMARY KEY,
    handle  BLOB NOT NULL UNIQUE
) WITHOUT ROWID;
INSERT INTO new_handles (account, handle) SELECT account, handle FROM handles;
DROP TABLE handles;
ALTER TABLE new_handles RENAME TO handles;

CREATE TABLE new_sessions (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    credential BLOB NOT NULL,
    signed_in  BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    remember   BOOLEAN NOT NULL,
    device     TEXT NOT NULL,
    address    TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO new_sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address)
SELECT id, account, credential, signed_in, last_seen, expires, remember, device, address FROM sessions;
DROP TABLE sessions;
ALTER TABLE new_sessions RENAME TO sessions;
CREATE INDEX sessions_account ON sessions (account, signed_in);

CREATE TABLE new_limits (
    id      BLOB PRIMARY KEY,
    full_at BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO new_limits (id, full_at) SELECT id, full_at FROM limits;
DROP TABLE limits;
ALTER TABLE new_limits RENAME TO limits;
CREATE INDEX limits_full_at ON limits (full_at);`

// sqliteShortKeys lets the first eight digits of an objectGUID, 32 bits, lead to an
// account's rows, which say themselves whose they are. Each sign-in of somebody else
// writes another page of both trees; entries half as long are split over new pages half
// as often. sqliteNewest does without.
const sqliteShortKeys = `
DROP INDEX sessions_account;
CREATE INDEX sessions_account ON sessions (substr(account, 1, 8));
DROP INDEX audit_entries_target;
CREATE INDEX audit_entries_target ON audit_entries (substr(target, 1, 8));`

// The settings stand in the DSN because that reaches every connection; by Exec
// they would reach one of the pool. busy_timeout comes first, so that the others
// wait too. FULL syncs each commit: a consumed ceremony stays consumed when the
// power fails. secure_delete overwrites what was erased. The write-ahead log grows to
// 32 MB before it is folded into the file, so that a page that changes often is copied
// once. The writer keeps 4 MB of pages; a reader keeps 1 MB, since it forgets its pages
// with each commit of the writer's.
var (
	sqliteWriter = []string{
		"_txlock=immediate", "_defensive=1", "_dqs=0",
		"_pragma=busy_timeout(5000)", "_pragma=journal_mode(WAL)", "_pragma=foreign_keys(1)",
		"_pragma=synchronous(FULL)", "_pragma=secure_delete(1)", "_pragma=trusted_schema(0)",
		"_pragma=journal_size_limit(67108864)", "_pragma=wal_autocheckpoint(8000)", "_pragma=cache_size(-4000)",
	}
	sqliteReader = []string{
		"_defensive=1", "_dqs=0",
		"_pragma=busy_timeout(5000)", "_pragma=query_only(1)", "_pragma=trusted_schema(0)", "_pragma=cache_size(-1000)",
	}
	sqliteReadOnly = append([]string{"mode=ro"}, sqliteReader...)
)

// sqliteDriver is another one where a test listens.
var sqliteDriver = "sqlite"

func openSQLite(path string, settings []string) (*sql.DB, error) {
	// What a commit waits for is the data and the file's length, as in SQLite's own builds for
	// Linux; fsync writes the file's times as well. Elsewhere this says so, and changes nothing.
	_, _ = sqlite.Fdatasync(true)
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: strings.Join(settings, "&")}
	return sql.Open(sqliteDriver, dsn.String())
}

// makeFile makes the file before SQLite does, for its owner only; SQLite gives
// the files beside it the same mode. An open file is never opened and closed
// here again: that would drop SQLite's locks (POSIX locks belong to the process).
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make store: %w", translate(err))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return tighten(path)
	}
	if err != nil {
		return fmt.Errorf("make store: %w", translate(err))
	}
	return f.Close()
}

// tighten takes the file from everybody but its owner.
func tighten(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil {
		return fmt.Errorf("protect store: %w", translate(err))
	}
	return nil
}

// translate puts our sentinel before the engine's error.
func translate(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if sentinel := sentinelOf(err); sentinel != nil {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	return err
}

// https://www.sqlite.org/rescode.html: the low byte is the primary code.
func sentinelOf(err error) error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return sentinelOfPostgres(answer)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if cut(err) {
			return ErrUnreachable
		}
		return sentinelOfFile(err)
	}
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE { // the shared memory's file has no room
		return ErrFull
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_READONLY:
		return ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrIO
	}
	return nil
}
