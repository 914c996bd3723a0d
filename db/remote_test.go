package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

func openRemote(t testing.TB, dsn string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{DSN: secret.New(dsn), Box: dbtest.Box()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func dbName(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// wire stands between a Store and PostgreSQL, and cuts at a COMMIT.
type wire struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   string // "" passes all; "before" or "after" the server has it
	away  bool   // takes no new connection
	times int
}

// between returns the DSN that leads through the wire.
func between(t *testing.T, dsn string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: u.Host}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(c)
		}
	}()
	u.Host = l.Addr().String()
	return w, u.String()
}

func (w *wire) arm(cut string, away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut, w.away, w.times = cut, away, 0
}

func (w *wire) takes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.away || w.times == 0
}

// now says how to cut, once.
func (w *wire) now(b []byte) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut == "" || w.times > 0 || !bytes.Contains(b, []byte("COMMIT\x00")) {
		return ""
	}
	w.times++
	return w.cut
}

func (w *wire) serve(client net.Conn) {
	defer client.Close()
	if !w.takes() {
		return
	}
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	var mute sync.Mutex // held when the answers are to be lost
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if err != nil {
				client.Close()
				return
			}
			mute.Lock()
			_, err = client.Write(b[:n])
			mute.Unlock()
			if err != nil {
				return
			}
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		switch w.now(b[:n]) {
		case "before":
			return
		case "after":
			mute.Lock()
			_, _ = server.Write(b[:n])
			client.Close()
			mute.Unlock()
			// Only the server's own end tells that it is through.
			_, _ = io.Copy(io.Discard, server)
			return
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
	}
}

// The connection is lost right before, or right after, the server has the
// COMMIT: the caller is told that it is done, and it is done once.
func TestACommitWhoseAnswerIsLostIsDoneOnce(t *testing.T) {
	cluster := postgres.Shared(t)
	for _, cut := range []string{"before", "after"} {
		t.Run(cut, func(t *testing.T) {
			w, dsn := between(t, cluster.Database(t))
			s := openRemote(t, dsn)
			told := 0
			s.changed = func(string, int64, []ad.GUID) { told++ }
			for n := range 5 {
				w.arm(cut, false)
				r := workflow.Request{ID: string(rune('a' + n)), Requester: anna}
				if err := s.Create(t.Context(), r, workflow.Change{}); err != nil {
					t.Fatal(err)
				}
				w.mu.Lock()
				if w.times != 1 {
					t.Fatal("nothing was cut: the test tests nothing")
				}
				w.mu.Unlock()
				if err := s.Record(t.Context(), signedIn()); err != nil {
					t.Fatal(err)
				}
			}
			n, err := s.CountRequests(t.Context(), anna)
			if seq := verified(t, s).Head.Seq; err != nil || n != 5 || seq != 5 || told != 5 {
				t.Errorf("%d requests, %v, %d events, %d told of, want 5 of each", n, err, seq, told)
			}
		})
	}
}

// The server does not come back in time: whoever asked is told that nobody knows.
func TestACommitWhoseServerStaysAwayIsUnknown(t *testing.T) {
	w, dsn := between(t, postgres.Shared(t).Database(t))
	s := openRemote(t, dsn)
	s.settleTime = 100 * time.Millisecond
	w.arm("after", true)
	if err := s.Record(t.Context(), signedIn()); !errors.Is(err, ErrUnknown) {
		t.Fatalf("got %v", err)
	}
	if err := s.Record(t.Context(), signedIn()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("while the server is away: %v", err)
	}
	w.arm("", false)
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	if seq := verified(t, s).Head.Seq; seq != 2 {
		t.Errorf("the log ends at %d: the first was committed, the second not, want 2", seq)
	}
}

// The server stops, or is killed, and comes back: nobody restarts Latchkey.
func TestAServerThatComesBackIsFoundAgain(t *testing.T) {
	cluster := postgres.Start(t)
	s := openRemote(t, cluster.Database(t))
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"stopped": cluster.Halt, "killed": cluster.Kill} {
		end()
		if err := s.Record(t.Context(), signedIn()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: write: %v", name, err)
		}
		if _, err := s.Head(t.Context()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: read: %v", name, err)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: ping: %v", name, err)
		}
		if err := cluster.Run(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Ping(t.Context()), s.Record(t.Context(), signedIn())); err != nil {
			t.Errorf("%s and back: %v", name, err)
		}
	}
	if seq := verified(t, s).Head.Seq; seq != 3 {
		t.Errorf("the log ends at %d, want 3", seq)
	}
}

// An administrator ends every session: reads and writes go on with new ones.
func TestSessionsThatAreEndedAreReplaced(t *testing.T) {
	cluster := postgres.Shared(t)
	dsn := cluster.Database(t)
	s := openRemote(t, dsn)
	for range 3 {
		if err := s.Record(t.Context(), signedIn()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range postgresReaders {
			all.Go(func() { _, _ = s.Head(t.Context()) })
		}
		all.Wait()
		cluster.Exec(t, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '`+dbName(dsn)+`'`)
		if _, err := s.Head(t.Context()); err != nil {
			t.Errorf("read: %v", err)
		}
		if _, err := s.Requests(t.Context(), workflow.Query{}); err != nil {
			t.Errorf("list: %v", err)
		}
		verified(t, s)
	}
}

// What the engine answers is translated, and goes away with its cause.
func TestPostgresFaultsAreNamed(t *testing.T) {
	s := openRemote(t, postgres.Shared(t).Database(t))
	for state, want := range map[string]error{
		"53100": ErrFull, "25006": ErrReadOnly, "53300": ErrBusy, "55P03": ErrBusy, "58030": ErrIO,
	} {
		err := s.write(t.Context(), func(tx *tx) error {
			_, err := tx.exec(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '` + state + `'; END $$`)
			return err
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", state, err, want)
		}
	}
	for _, state := range []string{"40001", "40P01"} { // they run again by themselves
		tries := 0
		err := s.write(t.Context(), func(tx *tx) error {
			if tries++; tries < batchTries {
				_, err := tx.exec(`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '` + state + `'; END $$`)
				return err
			}
			return tx.record(signedIn())
		})
		if err != nil || tries != batchTries {
			t.Errorf("%s: %v after %d tries", state, err, tries)
		}
	}
	if seq := verified(t, s).Head.Seq; seq != 2 {
		t.Errorf("the log ends at %d, want 2", seq)
	}
}

func TestPostgresLogRefusesChanges(t *testing.T) {
	s := openRemote(t, postgres.Shared(t).Database(t))
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`UPDATE audit_entries SET actor = 'x'`, `DELETE FROM audit_entries`, `TRUNCATE audit_entries CASCADE`,
		`UPDATE audit_personal SET value = 'x'`,
	} {
		err := s.write(t.Context(), func(t *tx) error { _, err := t.exec(query); return err })
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// Servers that start at once migrate once, and one of a later release is left alone.
func TestServersThatStartAtOnceMigrateOnce(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	var all sync.WaitGroup
	stores := make([]*Store, 6)
	for i := range stores {
		all.Go(func() {
			s, err := Open(t.Context(), Config{DSN: secret.New(dsn)})
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			if err := s.Record(t.Context(), signedIn()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	if seq := verified(t, stores[0]).Head.Seq; seq != int64(len(stores)) {
		t.Errorf("the log ends at %d, want %d", seq, len(stores))
	}
	err := stores[0].write(t.Context(), func(t *tx) error {
		_, err := t.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(t.Context(), Config{DSN: secret.New(dsn)}); !errors.Is(err, ErrNewer) {
		t.Errorf("open: %v", err)
	}
	if _, err := OpenReadOnly(t.Context(), Config{DSN: secret.New(dsn)}); !errors.Is(err, ErrNewer) {
		t.Errorf("open read-only: %v", err)
	}
}

func TestAPostgresReaderWritesNothing(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	s := openRemote(t, dsn)
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	reader, err := OpenReadOnly(t.Context(), Config{DSN: secret.New(dsn)})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if seq := verified(t, reader).Head.Seq; seq != 1 {
		t.Errorf("the log ends at %d", seq)
	}
	if err := reader.Record(t.Context(), signedIn()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("record: %v", err)
	}
	if _, err := reader.read.Exec(`DELETE FROM sessions`); !errors.Is(translate(err), ErrReadOnly) {
		t.Errorf("a reader wrote: %v", err)
	}
}

// A DSN that can't be read is refused without showing its password.
func TestADSNIsNotShown(t *testing.T) {
	for _, dsn := range []string{
		"postgres://u:a-secret-word@127.0.0.1:1/x?sslmode=nonsense", "postgres://u:a-secret-word@127.0.0.1:1/x?sslmode=disable",
		"host=127.0.0.1 port=1 password=a-secret-word dbname", "://u:a-secret-word@",
	} {
		_, err := Open(t.Context(), Config{DSN: secret.New(dsn)})
		if err == nil || strings.Contains(err.Error(), "a-secret-word") {
			t.Errorf("%v", err)
		}
	}
}

// The database server is killed under writing processes, again and again: what
// was acknowledged is there, once, and what failed is not, except where nobody
// could know.
func TestNothingAcknowledgedIsLostWhenPostgresIsKilled(t *testing.T) {
	cluster := postgres.Start(t)
	dsn := cluster.Database(t)
	stores := []*Store{openRemote(t, dsn), openRemote(t, dsn)}
	var mu sync.Mutex
	outcome := map[string]error{}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for g := range 8 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d-%d", g, i)
				c := workflow.Change{Events: []audit.Event{signedIn()}}
				err := stores[g%2].Create(t.Context(), workflow.Request{ID: id, Requester: anna}, c)
				mu.Lock()
				outcome[id] = err
				mu.Unlock()
				if errors.Is(err, ErrUnreachable) { // as a person does, who tries again a little later
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	acknowledged := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, err := range outcome {
			if err == nil {
				n++
			}
		}
		return n
	}
	for range 4 {
		for before := acknowledged(); acknowledged() < before+50; {
			time.Sleep(time.Millisecond)
		}
		cluster.Kill()
		if err := cluster.Run(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	writers.Wait()
	there, unknown := 0, 0
	for id, err := range outcome {
		_, missing := stores[0].Request(t.Context(), id)
		switch {
		case err == nil && missing != nil:
			t.Errorf("%s was acknowledged: %v", id, missing)
		case errors.Is(err, ErrUnknown):
			unknown++
		case err != nil && missing == nil:
			t.Errorf("%s failed with %v, and is there", id, err)
		case err != nil && !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrBusy):
			t.Errorf("%s: %v", id, err)
		}
		if missing == nil {
			there++
		}
	}
	t.Logf("%d requests, %d of %d acknowledged, %d unknown", there, acknowledged(), len(outcome), unknown)
	if seq := verified(t, stores[1]).Head.Seq; seq != int64(there) {
		t.Errorf("%d requests, %d events", there, seq)
	}
}

// A full disk is no lost connection.
func TestFaultsOfTheFileSystemAreNotThoseOfANetwork(t *testing.T) {
	for err, want := range map[error]error{
		&os.PathError{Op: "open", Err: syscall.ENOSPC}:    ErrFull,
		&os.PathError{Op: "open", Err: syscall.EROFS}:     ErrReadOnly,
		&net.OpError{Op: "dial", Err: syscall.ECONNRESET}: ErrUnreachable,
		io.ErrUnexpectedEOF:                               ErrUnreachable,
	} {
		if got := translate(err); !errors.Is(got, want) {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
	if err := translate(context.DeadlineExceeded); errors.Is(err, ErrUnreachable) {
		t.Errorf("a caller who gave up: %v", err)
	}
}
