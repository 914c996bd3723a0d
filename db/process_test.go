package db

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

var crashes = flag.Int("crashes", 15, "how often a writing process is killed")

// The test binary is its own child: what it does is named in the environment.
const childEnv = "LATCHKEY_DB_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		child(what, os.Args[len(os.Args)-1])
		return
	}
	flag.Parse()
	os.Exit(postgres.Main(m))
}

func child(what, path string) {
	switch what {
	case "write":
		writeForever(path)
	case "export":
		exportOnce(path)
	case "read-only":
		writeWhatCannotBeWritten(path)
	}
}

func run(t *testing.T, what, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, path)
	c.Env = append(os.Environ(), childEnv+"="+what)
	c.Stderr = os.Stderr
	return c
}

// writeForever writes from many goroutines and prints what was acknowledged, in
// one system call each.
func writeForever(path string) {
	ctx := context.Background()
	s, err := Open(ctx, either(path))
	if err != nil {
		fmt.Println("open", err)
		return
	}
	go fanForever(ctx, s)
	for g := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				c := workflow.Change{Events: []audit.Event{signedIn()}, Notices: []workflow.Notice{{To: anna, Kind: "k"}}}
				if err := s.Create(ctx, workflow.Request{ID: id, Requester: anna}, c); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Printf("created %s\n", id)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed
}

// fanForever makes a delivery of each notice.
func fanForever(ctx context.Context, s *Store) {
	for {
		all, err := s.ClaimNotices(ctx, time.Now(), time.Hour, 10)
		for _, n := range all {
			if err = s.Fan(ctx, n.ID, []push.Delivery{{To: n.To, Kind: n.Kind}}); err != nil {
				break
			}
		}
		if err != nil {
			fmt.Println("error", err)
			return
		}
	}
}

// noticesWhole looks at what was left of the outbox: a notice for each request,
// and either it waits, leased at most, or it has its one delivery.
func noticesWhole(t *testing.T, s *Store, requests int) {
	t.Helper()
	var all, waiting, fanned, deliveries int
	err := s.row(t.Context(), `
		SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM outbox WHERE body IS NOT NULL),
			(SELECT count(*) FROM outbox WHERE ended > 0), (SELECT count(*) FROM deliveries)`).
		Scan(&all, &waiting, &fanned, &deliveries)
	if err != nil || all != requests || all != waiting+fanned || fanned != deliveries {
		t.Fatalf("%d requests, %d notices, %d of them wait and %d are fanned out, %d deliveries, %v",
			requests, all, waiting, fanned, deliveries, err)
	}
	claimed, err := s.ClaimNotices(t.Context(), time.Now().Add(2*time.Hour), time.Nanosecond, requests)
	if err != nil || len(claimed) != waiting {
		t.Fatalf("%d notices claimed again, %v, %d waited", len(claimed), err, waiting)
	}
}

// A process is killed at a random moment, again and again, on the same file.
// Whatever it was told is committed is there, each request has its event and its
// notice, each notice that is over its delivery, and the chain verifies.
func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	killWriters(t, filepath.Join(t.TempDir(), "x.db"), *crashes)
}

func TestNothingAcknowledgedToPostgresIsLostWhenTheProcessIsKilled(t *testing.T) {
	killWriters(t, postgres.Shared(t).Database(t), max(*crashes/3, 1))
}

// either is a path, or a DSN.
func either(at string) Config {
	if strings.HasPrefix(at, "postgres://") {
		return Config{DSN: secret.New(at), Box: dbtest.Box()}
	}
	return Config{Path: at, Box: dbtest.Box()}
}

func killWriters(t *testing.T, path string, crashes int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d crashes", seed, crashes)
	random := rand.New(rand.NewPCG(seed, 0))
	acknowledged := 0
	for range crashes {
		ids := writeAndKill(t, path, 1+random.IntN(400))
		acknowledged += len(ids)
		s, err := Open(t.Context(), either(path))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		for _, id := range ids {
			if _, err := s.Request(t.Context(), id); err != nil {
				t.Fatalf("%s was acknowledged: %v", id, err)
			}
		}
		requests, err := s.CountRequests(t.Context(), anna)
		if err != nil {
			t.Fatal(err)
		}
		if report := verified(t, s); report.Head.Seq != int64(requests) {
			t.Fatalf("%d requests, %d events", requests, report.Head.Seq)
		}
		noticesWhole(t, s, requests)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged writes", acknowledged)
}

// writeAndKill kills the child after it acknowledged n writes, and returns all
// that it acknowledged.
func writeAndKill(t *testing.T, path string, n int) (ids []string) {
	t.Helper()
	c := run(t, "write", path)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // killed; a line without its end was not acknowledged
			_ = c.Wait()
			return ids
		}
		id, ok := strings.CutPrefix(strings.TrimSpace(line), "created ")
		if !ok {
			_ = c.Process.Kill()
			t.Fatal(line)
		}
		if ids = append(ids, id); len(ids) == n {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func exportOnce(path string) {
	s, err := OpenReadOnly(context.Background(), Config{Path: path})
	if err == nil {
		err = errors.Join(s.Export(context.Background(), os.Stdout), s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Another process exports while this one writes.
func TestAnotherProcessExportsWhileWeWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := openAt(t, path)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				_ = s.Record(ctx, signedIn())
			}
		})
	}
	if err := s.Record(t.Context(), signedIn()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		out, err := run(t, "export", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		if report, err := audit.Verify(bytes.NewReader(out)); err != nil || report.Head.Seq == 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	stop()
	writers.Wait()
}

func TestAStoppedStoreIsExportedToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := openAt(t, path)
	if err := errors.Join(s.Record(t.Context(), signedIn()), s.Close()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := OpenReadOnly(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if seq := verified(t, reader).Head.Seq; seq != 1 {
		t.Errorf("the log ends at %d", seq)
	}
	for name, err := range map[string]error{
		"record": reader.Record(t.Context(), signedIn()),
		"take": func() error {
			_, err := reader.TakeCeremony(t.Context(), "x", enroll.PurposeSignIn, time.Now())
			return err
		}(),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("reading changed the file: %v", err)
	}
}

func writeWhatCannotBeWritten(path string) {
	ctx := context.Background()
	s, err := Open(ctx, Config{Path: path})
	if err != nil {
		fmt.Println("open:", kind(err))
		return
	}
	fmt.Println("record:", kind(s.Record(ctx, signedIn())))
	fmt.Println("ping:", kind(s.Ping(ctx)))
	fmt.Println("session:", kind(s.EndSession(ctx, "x")))
	n, _ := s.CountEvents(ctx, anna)
	fmt.Println("events:", n)
	_ = s.Close()
}

func kind(err error) string {
	for _, e := range []error{ErrFull, ErrReadOnly, ErrBusy, ErrIO} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return fmt.Sprint(err)
}
