package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/secret"
)

// What Doctor finds in the database.
var (
	FoundMissing   = doctor.Kind{ID: "db.missing", Severity: doctor.Warning, Why: "The first start makes it. On a server that people use already it means that everything is gone: put the backup back before you start."}
	FoundUnread    = doctor.Kind{ID: "db.unreadable", Severity: doctor.Failure, Why: "The server does not start with a database that it can't read."}
	FoundReadable  = doctor.Kind{ID: "db.readable", Severity: doctor.Failure, Why: "Others on this machine may read or change who holds which passkey, and read the log."}
	FoundNewer     = doctor.Kind{ID: "db.newer", Severity: doctor.Failure, Why: "A later release made it, and this one does not start with it: going back would lose what it does not know."}
	FoundOlder     = doctor.Kind{ID: "db.older", Severity: doctor.Warning, Why: "The next start brings it forward, and there is no way back: have a backup."}
	FoundCorrupt   = doctor.Kind{ID: "db.corrupt", Severity: doctor.Failure, Why: "Pages of the file are damaged. It gets worse with every write."}
	FoundJournal   = doctor.Kind{ID: "db.journal", Severity: doctor.Warning, Why: "Without the write-ahead log a long read, such as an export, stops every sign-in."}
	FoundWAL       = doctor.Kind{ID: "db.wal-large", Severity: doctor.Warning, Why: "The write-ahead log is folded into the file all the time. One that grows is held by a reader that does not end, and fills the disk."}
	FoundLarge     = doctor.Kind{ID: "db.large", Severity: doctor.Note, Why: "Backups and checks take long. The log grows for ever: export it and look what makes it grow."}
	FoundLogBroken = doctor.Kind{ID: "db.log-broken", Severity: doctor.Failure, Why: "The audit log does not fit together: something in it was changed or taken out, and it proves nothing behind that place."}
	FoundLost      = doctor.Kind{ID: "db.lost", Severity: doctor.Failure, Why: "Sessions that are not found are not ended when their owner, or a freeze, ends all; entries that are not found stand in the log, and on nobody's page."}
	FoundOtherName = doctor.Kind{ID: "db.rp-id", Severity: doctor.Failure, Why: "Passkeys are bound to the host name that they were made under, for good. Under another one browsers don't offer them: these people can't sign in."}
	FoundStuck     = doctor.Kind{ID: "db.notices-stuck", Severity: doctor.Warning, Why: "Somebody should have heard of something, and did not."}

	FoundNoBackup     = doctor.Kind{ID: "db.backup-none", Severity: doctor.Warning, Why: "Without the database everybody enrols again, and the log is gone. Latchkey can't see whether there is a backup unless it is told where."}
	FoundBackupGone   = doctor.Kind{ID: "db.backup-missing", Severity: doctor.Failure, Why: "Backups are said to arrive here, and there is none."}
	FoundOldBackup    = doctor.Kind{ID: "db.backup-old", Severity: doctor.Failure, Why: "Backups have stopped. A restore would bring back passkeys and invitations that were taken away since, and lose the new ones."}
	FoundEmptyBackup  = doctor.Kind{ID: "db.backup-empty", Severity: doctor.Failure, Why: "There is nothing in the newest backup."}
	FoundInsideBackup = doctor.Kind{ID: "db.backup-inside", Severity: doctor.Warning, Why: "What takes the data directory away takes its backups too."}
)

// Kinds are all that Doctor finds.
var Kinds = append([]doctor.Kind{
	FoundMissing, FoundUnread, FoundReadable, FoundNewer, FoundOlder, FoundCorrupt, FoundJournal, FoundWAL, FoundLarge,
	FoundLogBroken, FoundLost, FoundOtherName, FoundStuck, FoundNoBackup, FoundBackupGone, FoundOldBackup, FoundEmptyBackup, FoundInsideBackup,
}, append(dataKinds, postgresKinds...)...)

const (
	largeWAL  = 128 << 20 // twice the size that it is cut back to
	largeFile = 10 << 30
	stuckFor  = 30 * time.Minute
)

// DoctorConfig says what to look at.
type DoctorConfig struct {
	Path          string      // of the SQLite file; its directory is the data directory on either engine
	Postgres      bool        // the database is there, and not in Path
	DSN           secret.Text // of the PostgreSQL database; nothing is asked where it is empty
	DSNFile       string      // where it stands, for the lines to run
	DSNEnv        string
	KeyFile       string
	RPID          string // that passkeys should be bound to
	Backups       string // a pattern of files; "" where none is told
	BackupsWithin time.Duration
	Now           func() time.Time // nil is time.Now

	space  func(dir string) (space, error) // of a file system; nil asks the system
	oldest int                             // release of PostgreSQL; 0 is postgresTested
}

// Doctor looks at the data directory, the database in it and its backups. It reads
// only, also while a server writes.
func Doctor(ctx context.Context, c DoctorConfig, r *doctor.Report) {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.doctorBackups(r)
	there := c.doctorData(r)
	switch {
	case c.Postgres && !c.DSN.Empty():
		c.doctorPostgres(ctx, r)
	case !c.Postgres && there && c.doctorFile(r):
		c.doctorContent(ctx, r)
	}
}

// subject is the database that findings are about.
func (c DoctorConfig) subject() string {
	if c.Postgres {
		return c.name()
	}
	return c.Path
}

// export is the command that writes the log to a file.
func (c DoctorConfig) export() doctor.Line {
	if c.Postgres {
		return shell("latchkey audit export --config FILE log.jsonl")
	}
	return shell("latchkey audit export --data %s log.jsonl", filepath.Dir(c.Path))
}

func shell(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Shell, Text: fmt.Sprintf(format, args...)}
}

// doctorFile says whether there is a file to open.
func (c DoctorConfig) doctorFile(r *doctor.Report) bool {
	info, err := os.Stat(c.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		r.Found(FoundMissing, c.Path, "There is no database yet.", shell("systemctl start latchkey"))
		return false
	case err != nil:
		r.Found(FoundUnread, c.Path, err.Error(), shell("ls -l %s", c.Path), shell("chown latchkey: %s && chmod 600 %s", c.Path, c.Path))
		return false
	}
	if info.Mode().Perm()&0o077 != 0 {
		r.Found(FoundReadable, c.Path, fmt.Sprintf("Others may use it (mode %v).", info.Mode().Perm()), shell("chmod 600 %s", c.Path))
	}
	if info.Size() > largeFile {
		r.Found(FoundLarge, c.Path, fmt.Sprintf("It has %d GiB.", info.Size()>>30), c.export(),
			shell("jq -r .action log.jsonl | sort | uniq -c | sort -rn"), doctor.Do("Stop what makes most of it, such as a monitor that signs in; nothing of the log itself may be deleted."))
	}
	if wal, err := os.Stat(c.Path + "-wal"); err == nil && wal.Size() > largeWAL {
		r.Found(FoundWAL, c.Path+"-wal", fmt.Sprintf("It has %d MiB.", wal.Size()>>20), shell("lsof %s-wal", c.Path), doctor.Do("End whatever lsof shows beside the server: it holds the file open."), shell("systemctl restart latchkey"))
	}
	return true
}

// doctorContent reads. A database that can't be opened ends it.
func (c DoctorConfig) doctorContent(ctx context.Context, r *doctor.Report) {
	settings, err := c.settings(r)
	if err != nil {
		r.Found(FoundUnread, c.Path, err.Error(), c.restore())
		return
	}
	read, err := openSQLite(c.Path, settings)
	if err != nil {
		r.Found(FoundUnread, c.Path, err.Error(), c.restore())
		return
	}
	defer read.Close()
	var version int64
	if err := read.QueryRowContext(ctx, versionQuery).Scan(&version); err != nil {
		r.Found(FoundUnread, c.Path, err.Error(), c.restore())
		return
	}
	if version > latest {
		c.doctorVersion(version, r)
		return
	}
	fits := c.doctorVersion(version, r)
	if c.doctorPages(ctx, read, r) {
		r.Good("db.file", c.Path, fmt.Sprintf("It opens, its pages are whole, its schema is %d.", version))
	}
	if !fits {
		return // further tables may be missing
	}
	s, err := newStore(Config{})
	if err != nil {
		return // without a DSN there is nothing to refuse
	}
	s.read = read
	c.doctorNewest(ctx, s, r)
	c.doctorStored(ctx, s, r)
}

// doctorNewest looks whether everything that is about somebody is found.
func (c DoctorConfig) doctorNewest(ctx context.Context, s *Store, r *doctor.Report) {
	var entries, sessions int
	err := s.read.QueryRowContext(ctx, lost).Scan(&entries, &sessions)
	switch {
	case err != nil && ctx.Err() != nil: // out of time; the run says so
	case err != nil:
		r.Found(FoundUnread, c.subject(), err.Error(), c.restore())
	case entries > 0 || sessions > 0:
		r.Found(FoundLost, c.subject(), fmt.Sprintf("%d entries of the log and %d sessions are not found by whose they are.", entries, sessions), c.restore())
	default:
		r.Good("db.newest", c.subject(), "Every entry of the log and every session is found by whose it is.")
	}
}

// doctorVersion says whether the schema is this release's.
func (c DoctorConfig) doctorVersion(version int64, r *doctor.Report) bool {
	switch {
	case version > latest:
		r.Found(FoundNewer, c.subject(), fmt.Sprintf("Its schema is %d; this release knows %d.", version, latest), shell("latchkey --version"), shell("install -m 755 THE-LATER-RELEASE $(command -v latchkey) && systemctl restart latchkey"))
	case version < latest && c.Postgres:
		r.Found(FoundOlder, c.subject(), fmt.Sprintf("Its schema is %d; this release works with %d.", version, latest), shell("pg_dump --format=custom --dbname %s --file BACKUP", c.dsn()))
	case version < latest:
		r.Found(FoundOlder, c.subject(), fmt.Sprintf("Its schema is %d; this release works with %d.", version, latest), shell("cp -a %s BACKUP-DIRECTORY   # with the server stopped", filepath.Dir(c.Path)))
	}
	return version == latest
}

// doctorStored looks at what is kept, on either engine.
func (c DoctorConfig) doctorStored(ctx context.Context, s *Store, r *doctor.Report) {
	c.doctorLog(ctx, s, r)
	c.doctorPasskeys(ctx, s, r)
	c.doctorNotices(ctx, s, r)
}

// OpenToExamine is OpenReadOnly for a look that leaves nothing behind, not even
// the empty files that SQLite makes beside a database that no server has open.
func OpenToExamine(ctx context.Context, c Config) (*Store, error) {
	settings, err := DoctorConfig{Path: c.Path}.settings(&doctor.Report{})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", translate(err))
	}
	return openReadOnly(ctx, c, settings)
}

// settings of a reader that leaves nothing behind. Beside a server it shares the
// log file and the shared memory that are there; where none runs it takes the file
// as one that nobody changes, or SQLite would make both anew. Such a reader is
// told no mode, so the header is asked (https://sqlite.org/fileformat2.html, 1.3.3).
// A file that this process has open is not opened here: see makeFile.
func (c DoctorConfig) settings(r *doctor.Report) ([]string, error) {
	if _, err := os.Stat(c.Path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		return sqliteReadOnly, nil
	}
	f, err := os.Open(c.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var head [20]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return nil, err
	}
	if string(head[:16]) == "SQLite format 3\x00" && head[18] != 2 {
		r.Found(FoundJournal, c.Path, "It is in rollback mode.", shell("systemctl restart latchkey   # sets it"))
	}
	return append([]string{"immutable=1"}, sqliteReadOnly...), nil
}

func (c DoctorConfig) restore() doctor.Line {
	if c.Postgres {
		return shell("pg_restore --no-owner --dbname=%s BACKUP   # into an empty database, with all servers stopped", c.dsn())
	}
	return shell("cp BACKUP-OF-THE-DATABASE %s   # with the server stopped; remove %s-wal first", c.Path, c.Path)
}

func (c DoctorConfig) doctorPages(ctx context.Context, read *sql.DB, r *doctor.Report) (whole bool) {
	var said string
	if err := read.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		said = err.Error()
	}
	if said != "ok" {
		r.Found(FoundCorrupt, c.Path, strings.TrimSpace(said), c.restore())
	}
	return said == "ok"
}

// doctorLog verifies the whole log, as `latchkey audit verify` does an export.
func (c DoctorConfig) doctorLog(ctx context.Context, s *Store, r *doctor.Report) {
	out, in := io.Pipe()
	go func() { in.CloseWithError(s.Export(ctx, in)) }()
	report, err := audit.Verify(out)
	_ = out.CloseWithError(err)
	if err != nil && ctx.Err() != nil {
		return // out of time; the run says so
	}
	if err != nil {
		r.Found(FoundLogBroken, c.subject(), err.Error(),
			c.export(), shell("latchkey audit verify log.jsonl"), c.restore(),
			doctor.Do("Keep the broken database and the export before that: they show what was changed."))
		return
	}
	r.Good("db.log", c.subject(), fmt.Sprintf("The log is whole: %d events, %d receipts.", report.Head.Seq, report.Receipts))
}

// doctorPasskeys compares what passkeys were made for with what the server asks
// for: the first 32 bytes of the authenticator data (WebAuthn 6.1).
func (c DoctorConfig) doctorPasskeys(ctx context.Context, s *Store, r *doctor.Report) {
	if c.RPID == "" {
		return
	}
	rows, err := s.read.QueryContext(ctx, `
		SELECT coalesce(a.body, ''), c.record FROM credentials c LEFT JOIN attestations a ON a.credential = c.id`)
	if err != nil {
		r.Found(FoundUnread, c.subject(), err.Error(), c.restore())
		return
	}
	defer rows.Close()
	want, all, other := sha256.Sum256([]byte(c.RPID)), 0, 0
	for rows.Next() {
		var attested, record string
		if err := rows.Scan(&attested, &record); err != nil {
			r.Found(FoundUnread, c.subject(), err.Error(), c.restore())
			return
		}
		hash, known := rpIDHash(attested, record)
		all++
		if known && hash != want {
			other++
		}
	}
	if err := rows.Err(); err != nil {
		r.Found(FoundUnread, c.subject(), err.Error(), c.restore())
		return
	}
	if other > 0 {
		r.Found(FoundOtherName, c.RPID, fmt.Sprintf("%d of %d passkeys were made under another name.", other, all),
			doctor.Line{Tool: doctor.Config, Text: "public_url: https://THE-NAME-THAT-PEOPLE-ENROLLED-UNDER"}, shell("latchkey invite --config FILE PERSON   # or enrol them again"))
		return
	}
	r.Good("db.passkeys", c.RPID, fmt.Sprintf("All %d passkeys were made under this name.", all))
}

// rpIDHash takes what was attested from its own table, or from the record of a passkey
// that a server of an earlier release added.
func rpIDHash(attested, record string) (hash [32]byte, known bool) {
	var cred webauthn.Credential
	if json.Unmarshal([]byte(record), &cred) != nil {
		return hash, false
	}
	if attested != "" && json.Unmarshal([]byte(attested), &cred.Attestation) != nil {
		return hash, false
	}
	var object struct {
		AuthData []byte `cbor:"authData"`
	}
	data := cred.Attestation.AuthenticatorData
	if webauthncbor.Unmarshal(cred.Attestation.Object, &object) == nil && len(object.AuthData) > 0 {
		data = object.AuthData
	}
	return hash, copy(hash[:], data) == len(hash)
}

func (c DoctorConfig) doctorNotices(ctx context.Context, s *Store, r *doctor.Report) {
	var n int
	var code sql.NullString
	due := millis(c.Now().Add(-stuckFor))
	err := s.read.QueryRowContext(ctx, `SELECT count(*), max(code) FROM deliveries WHERE ended = 0 AND created < $1`, due).Scan(&n, &code)
	if err == nil && n > 0 {
		seen := fmt.Sprintf("%d messages have waited for more than %d minutes.", n, int(stuckFor.Minutes()))
		if code.String != "" {
			seen += " The last answer: " + code.String + "."
		}
		r.Found(FoundStuck, c.subject(), seen, shell("latchkey doctor --only push --only mail --config FILE"), shell("journalctl -u latchkey | grep -i push"),
			doctor.Do("Mend what the first line finds. What waits is then sent by itself."))
	}
}
