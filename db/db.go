// Package db is the store: SQLite, one file. It implements what enroll, workflow
// and push declare, the audit log's storage, and the edge's limits.
//
//	db.go       opening and closing, the errors
//	dialect.go  what differs between engines: settings, words, error codes
//	migrate.go  numbered, forward-only migrations, from migrations/
//	writer.go   the one writer: closures, batched into one transaction
//	tx.go       one closure's statements, and the events that it seals
//	tell.go     who is told after a commit
//	seal.go     what stands in no file in clear
//	…           one file for each kind of thing kept, SQL beside its function
//
// Everything is written by one goroutine, which batches waiting closures into
// one transaction with a savepoint each, so that a crowd shares one sync to disk.
// A write has returned without error only when it is committed and synced. Reads
// come from a pool of connections that cannot write.
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

// What the engine may answer to anything. Nothing was changed then, and the same
// call works again once the cause is gone; no restart is needed.
const (
	ErrFull     fault = "store.full"      // no room on the disk
	ErrReadOnly fault = "store.read-only" // the file or its disk cannot be written
	ErrBusy     fault = "store.busy"      // another process kept the lock too long
	ErrIO       fault = "store.io"        // the disk failed
	ErrGone     fault = "store.gone"      // the file was deleted, moved or replaced
	ErrClosed   fault = "store.closed"
	// ErrNewer: a later release made the database; this one leaves it alone.
	ErrNewer fault = "store.newer"
)

// Config says where the database is.
type Config struct {
	// Path of the SQLite file. It and its directory are made when missing, for
	// nobody but their owner. Local disks only: SQLite's locks and shared
	// memory don't work over network file systems.
	Path string
	// Now is the clock for events that bring no time; nil is time.Now.
	Now func() time.Time
	// Logger is told of panics in closures; nil is slog.Default().
	Logger *slog.Logger
	// Box seals endpoints, private keys and the parameters of notices. Without
	// it, writing or reading one is ErrNoKey, and so is a change with a notice.
	Box *secret.Box
	// Changed is called for each request that this Store changed, after its
	// transaction is committed and before the change's caller has its answer.
	// The audience is whose screens show the request, or showed it before.
	Changed func(id string, version int64, audience []ad.GUID)
	// Outbox is called after a commit that added notices or deliveries.
	//
	// Both run on the writer's goroutine, in the order of the commits: they must
	// not block, and must not call the Store.
	Outbox func()
}

// Store is an open database. Its methods may be called from any goroutine, but
// never from inside a closure that a write runs.
type Store struct {
	read    *sql.DB
	written *sql.DB // one connection, which tx holds
	tx      *tx

	mu      sync.RWMutex // held for reading while a job is handed over
	closed  bool
	jobs    chan *job
	drained chan struct{}
	log     *slog.Logger

	sealer  sealer
	holder  string // names this Store where it leases
	changed func(id string, version int64, audience []ad.GUID)
	outbox  func()
}

var (
	_ enroll.Store       = (*Store)(nil)
	_ workflow.Store     = (*Store)(nil)
	_ workflow.Freezes   = (*Store)(nil)
	_ workflow.Holders   = (*Store)(nil)
	_ workflow.Reminders = (*Store)(nil)
	_ push.Store         = (*Store)(nil)
	_ push.Counter       = (*Store)(nil)
)

const readers = 4

// Open opens or makes the database, brings it to the present schema and starts
// its writer. Errors beside those of the engine: ErrNewer.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := makeFile(c.Path); err != nil {
		return nil, err
	}
	written, err := openSQLite(c.Path, sqliteWriter)
	if err != nil {
		return nil, err
	}
	written.SetMaxOpenConns(1)
	s, err := start(ctx, written, c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", translate(err)), written.Close())
	}
	return s, nil
}

func start(ctx context.Context, written *sql.DB, c Config) (*Store, error) {
	if err := migrate(ctx, written, sqliteDialect, latest); err != nil {
		return nil, err
	}
	conn, err := written.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := newStore(c)
	if s.read, err = openSQLite(c.Path, sqliteReader); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	s.written, s.tx = written, newTx(conn, sqliteDialect, c.Now)
	s.tx.sealer = s.sealer
	s.tx.present = &present{path: c.Path}
	go s.loop()
	if err := s.sealPlain(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenReadOnly opens a database for reading, also while a server writes to it.
// Every write is ErrReadOnly. It changes nothing and migrates nothing; a database
// of another release is ErrNewer, or lacks what newer releases added.
func OpenReadOnly(ctx context.Context, c Config) (*Store, error) {
	return openReadOnly(ctx, c, sqliteReadOnly)
}

func openReadOnly(ctx context.Context, c Config, settings []string) (*Store, error) {
	read, err := openSQLite(c.Path, settings)
	if err != nil {
		return nil, err
	}
	if err := refuseNewer(ctx, read); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", translate(err)), read.Close())
	}
	s := newStore(c)
	s.read = read
	close(s.drained)
	return s, nil
}

func newStore(c Config) *Store {
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	return &Store{
		jobs: make(chan *job, maxBatch), drained: make(chan struct{}), log: log,
		sealer: sealer{c.Box}, holder: rand.Text(), changed: c.Changed, outbox: c.Outbox,
	}
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
	// The readers go first: the last connection folds the WAL into the file.
	err := s.read.Close()
	if s.written != nil {
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
