// Package db is the store: SQLite, one file, or PostgreSQL, by its DSN. It implements what enroll, workflow
// and push declare, the audit log's storage, and the edge's limits.
//
//	db.go       opening and closing, the errors
//	dialect.go  what differs between engines: settings, words, error codes
//	postgres.go the same for PostgreSQL
//	servers.go  who else works on the database, and with which keys
//	remote.go   a connection that may be lost: reads and batches run again
//	listen.go   what one server tells the others after a commit
//	migrate.go  numbered, forward-only migrations, from migrations/
//	writer.go   the one writer: closures, batched into one transaction
//	tx.go       one closure's statements, and the events that it seals
//	tell.go     who is told after a commit
//	seal.go     what stands in no file in clear
//	…           one file for each kind of thing kept, SQL beside its function
//
// Everything is written by one goroutine, which batches waiting closures into
// one transaction, so that a crowd shares one sync to disk; one that fails is taken
// back alone.
// A write has returned without error only when it is committed and synced. Reads
// come from a pool of connections that cannot write.
//
// Several servers may share a PostgreSQL database. Their batches come one after
// the other, each holding the end of the chain; see remote.go for a commit whose
// answer is lost.
//
// A change and its audit events are one transaction. The end of the chain is
// read and moved once in each transaction, never kept across two.
//
// Statements are plain `$n` SQL that SQLite and PostgreSQL both take, times are
// unix milliseconds (0 for never), objectGUIDs are in their text form.
package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// fault is a sentinel of the engine. StoreFault tells the edge, which does not
// know this package, that the store is at fault and not the request.
type fault string

func (f fault) Error() string    { return string(f) }
func (f fault) StoreFault() bool { return true }

// What the engine may answer to anything. Nothing was changed then, except where
// ErrUnknown says so, and the same call works again once the cause is gone; no
// restart is needed.
const (
	ErrFull     fault = "store.full"      // no room on the disk
	ErrReadOnly fault = "store.read-only" // the file or its disk cannot be written
	ErrBusy     fault = "store.busy"      // another process kept the lock too long, or the server has no room
	ErrIO       fault = "store.io"        // the disk failed
	ErrGone     fault = "store.gone"      // the file was deleted, moved or replaced
	ErrClosed   fault = "store.closed"
	// ErrUnreachable: there is no connection to the server, or it was lost.
	ErrUnreachable fault = "store.unreachable"
	// ErrUnknown: the answer to a commit was lost, and the server did not come
	// back in time to tell. The change was made, whole, or not at all; reading
	// tells which. Whoever calls again must look first, as closures do.
	ErrUnknown fault = "store.unknown"
	// ErrNewer: a later release made the database; this one leaves it alone.
	ErrNewer fault = "store.newer"
)

// Config says where the database is.
type Config struct {
	// Path of the SQLite file. It and its directory are made when missing, for
	// nobody but their owner. Local disks only: SQLite's locks and shared
	// memory don't work over network file systems.
	Path string
	// DSN of a PostgreSQL database, as a URL or in libpq's keywords; Path is of
	// no effect then. The database is made beforehand, in UTF-8; its owner needs
	// no other rights.
	DSN secret.Text
	// Now is the clock for events that bring no time; nil is time.Now.
	Now func() time.Time
	// Logger is told of panics in closures; nil is slog.Default().
	Logger *slog.Logger
	// Box seals endpoints, private keys and the parameters of notices. Without
	// it, writing or reading one is ErrNoKey, and so is a change with a notice.
	Box *secret.Box
	// Changed is called for each request that this Store changed, after its
	// transaction is committed and before the change's caller has its answer.
	// The audience is whose screens show the request, or showed it before. On
	// PostgreSQL it is called for the changes of other servers too.
	Changed func(id string, version int64, audience []ad.GUID)
	// Outbox is called after a commit that added notices or deliveries, here or
	// on another server.
	//
	// Both run on the writer's goroutine, in the order of the commits, and for
	// other servers' on one more: they must not block, and must not call the Store.
	Outbox func()
	// Keys is called when another server asks all to read their key files again, as
	// Changed is.
	Keys func()
	// Name is how this server is called to whoever asks for the others.
	Name string
	// Missed is called when other servers may have changed what Changed was not
	// called for: the connection that tells of it was lost, and is back.
	Missed func()
}

// Store is an open database. Its methods may be called from any goroutine, but
// never from inside a closure that a write runs.
type Store struct {
	dialect dialect
	read    *sql.DB
	stmts   sync.Map // of reads: text to statement
	written *sql.DB  // one connection, which tx holds
	tx      *tx

	mu      sync.RWMutex // held for reading while a job is handed over
	closed  bool
	jobs    chan *job
	drained chan struct{}
	log     *slog.Logger

	sealer  sealer
	decoded decoded
	holder  string // names this Store where it leases
	changed func(id string, version int64, audience []ad.GUID)
	outbox  func()
	missed  func()
	keys    func()
	listens *ear // nil for SQLite
	// settleTime is how long a batch whose commit has no answer waits for a
	// server that comes back and tells.
	settleTime time.Duration
}

var (
	_ enroll.Store           = (*Store)(nil)
	_ workflow.Store         = (*Store)(nil)
	_ workflow.Freezes       = (*Store)(nil)
	_ workflow.Holders       = (*Store)(nil)
	_ workflow.Reminders     = (*Store)(nil)
	_ push.Store             = (*Store)(nil)
	_ push.VerifiedAddresses = (*Store)(nil)
	_ push.Counter           = (*Store)(nil)
)

const readers = 4

// Open opens or makes the database, brings it to the present schema and starts
// its writer. Errors beside those of the engine: ErrNewer.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := newStore(c)
	if err != nil {
		return nil, err
	}
	if s.written, err = s.openWriter(c); err != nil {
		return nil, err
	}
	if err := s.start(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", translate(err)), s.abandon())
	}
	return s, nil
}

func (s *Store) openWriter(c Config) (d *sql.DB, err error) {
	if s.dialect.remote {
		d, err = openPostgres(c.DSN.Reveal())
	} else if err = makeFile(c.Path); err == nil {
		d, err = openSQLite(c.Path, sqliteWriter)
	}
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(1)
	return d, nil
}

func (s *Store) openReaders(c Config, settings []string) (d *sql.DB, err error) {
	n := readers
	if s.dialect.remote {
		d, err = openPostgres(c.DSN.Reveal(), postgresReader)
		n = postgresReaders
	} else {
		d, err = openSQLite(c.Path, settings)
	}
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(n)
	d.SetMaxIdleConns(n)
	return d, nil
}

func (s *Store) start(ctx context.Context, c Config) (err error) {
	if err := s.migrate(ctx, c); err != nil {
		return err
	}
	if s.read, err = s.openReaders(c, sqliteReader); err != nil {
		return err
	}
	t := newTx(s.dialect, c.Now)
	if t.conn, err = s.written.Conn(ctx); err != nil {
		return err
	}
	t.sealer, t.decoded, t.holder, t.name = s.sealer, &s.decoded, s.holder, c.Name
	if s.dialect.remote {
		t.sealer.used = map[string]bool{}
	} else {
		t.present = &present{path: c.Path}
	}
	s.tx = t
	go s.loop()
	if s.dialect.remote {
		s.listens = s.listen(c)
	}
	if err := s.sealPlain(ctx); err != nil || !s.dialect.remote {
		return err
	}
	return s.forgetWriters(ctx)
}

// migrate keeps servers that start at the same time apart.
func (s *Store) migrate(ctx context.Context, c Config) error {
	if !s.dialect.remote {
		return migrate(ctx, s.written, s.dialect, latest)
	}
	return migrateAlone(ctx, c.DSN.Reveal(), latest)
}

// abandon closes what a failed start opened.
func (s *Store) abandon() error {
	if s.tx != nil {
		return s.Close()
	}
	err := s.written.Close()
	if s.read != nil {
		err = errors.Join(err, s.read.Close())
	}
	return err
}

// OpenReadOnly opens a database for reading, also while a server writes to it.
// Every write is ErrReadOnly. It changes nothing and migrates nothing; a database
// of another release is ErrNewer, or lacks what newer releases added.
func OpenReadOnly(ctx context.Context, c Config) (*Store, error) {
	return openReadOnly(ctx, c, sqliteReadOnly)
}

// openReadOnly takes SQLite's settings; PostgreSQL has its own.
func openReadOnly(ctx context.Context, c Config, settings []string) (*Store, error) {
	s, err := newStore(c)
	if err != nil {
		return nil, err
	}
	if s.read, err = s.openReaders(c, settings); err != nil {
		return nil, err
	}
	if err := refuseNewer(ctx, s.read); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", translate(err)), s.read.Close())
	}
	close(s.drained)
	return s, nil
}

func newStore(c Config) (*Store, error) {
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	d := sqliteDialect
	if !c.DSN.Empty() {
		d = postgresDialect
		if _, err := parseDSN(c.DSN.Reveal()); err != nil {
			return nil, err
		}
	}
	return &Store{
		dialect: d,
		jobs:    make(chan *job, maxBatch), drained: make(chan struct{}), log: log,
		sealer: sealer{box: c.Box}, holder: rand.Text(), changed: c.Changed, outbox: c.Outbox, missed: c.Missed, keys: c.Keys,
		settleTime: settleTime,
	}, nil
}

// Close lets the writes that wait finish, and refuses new ones with ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.jobs)
	s.mu.Unlock()
	<-s.drained
	if s.listens != nil {
		s.listens.stop()
	}
	// The readers go first: the last connection folds the WAL into the file.
	err := s.read.Close()
	if s.written != nil {
		s.tx.leave()
		err = errors.Join(err, s.tx.close(), s.written.Close())
	}
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Ping says whether the store answers, and would take a write now. It writes
// nothing, so that a full disk shows only at the next real write.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.row(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ping store: %w", err)
	}
	_, err := s.purge(ctx, "ping store", `DELETE FROM sessions WHERE id = ''`)
	return err
}

// millis and fromMillis keep the zero time as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
