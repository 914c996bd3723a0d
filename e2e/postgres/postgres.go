// Package postgres starts real PostgreSQL servers for tests: one cluster for a
// test process, with a database for each test, and clusters of their own for
// tests that kill one. Nothing outlives the test process.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrUnavailable: this machine has no PostgreSQL server.
var ErrUnavailable = errors.New("no PostgreSQL server on this machine (package postgresql)")

// binaries is the directory of initdb and postgres: Debian's newest, or that of
// the PATH. A link is followed, so that the programs find their own files.
var binaries = sync.OnceValues(func() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) + strings.Compare(b, a) })
	if inPath, err := exec.LookPath("initdb"); err == nil {
		found = append(found, inPath)
	}
	for _, path := range found {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(real), "postgres")); err == nil {
			return filepath.Dir(real), nil
		}
	}
	return "", ErrUnavailable
})

// Require skips the test where no server can run, and fails it where one must:
// with CI=true or LATCHKEY_REQUIRE_POSTGRES=1.
func Require(t testing.TB) {
	t.Helper()
	_, err := binaries()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true" || os.Getenv("LATCHKEY_REQUIRE_POSTGRES") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

var shared = sync.OnceValues(func() (*Cluster, error) { return start(false) })

// Main runs a package's tests and stops the shared cluster. Call it from TestMain.
func Main(m *testing.M) int {
	defer StopShared()
	return m.Run()
}

// StopShared stops the cluster of the process, where one was started.
func StopShared() {
	if sharedStarted.Load() {
		if c, err := shared(); err == nil {
			c.Stop()
		}
	}
}

var sharedStarted atomic.Bool

// Shared is the cluster of this test process.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	Require(t)
	sharedStarted.Store(true)
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Start starts a cluster of the test's own, which ends with it.
func Start(t testing.TB) *Cluster {
	t.Helper()
	return own(t, false)
}

// Durable is Start with the settings of a database that is meant to last.
func Durable(t testing.TB) *Cluster {
	t.Helper()
	return own(t, true)
}

func own(t testing.TB, durable bool) *Cluster {
	t.Helper()
	Require(t)
	c, err := start(durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

// New starts a cluster that its caller stops.
func New() (*Cluster, error) { return start(false) }

// Create makes an empty database.
func (c *Cluster) Create(ctx context.Context, name string) error {
	return c.exec(ctx, "CREATE DATABASE "+name)
}

var databases atomic.Int64

// Database makes an empty database and returns its DSN. It is dropped when the
// test ends.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return c.database(t, "")
}

// Filled is a Database that begins as the first call's fill left one: what every
// test begins with is made once.
func (c *Cluster) Filled(t testing.TB, fill func(dsn string) error) string {
	t.Helper()
	c.filled.Do(func() {
		c.Exec(t, "CREATE DATABASE filled")
		if err := fill(c.DSN("filled")); err != nil {
			t.Fatal(err)
		}
	})
	return c.database(t, " TEMPLATE filled")
}

func (c *Cluster) database(t testing.TB, from string) string {
	t.Helper()
	name := fmt.Sprintf("t%d", databases.Add(1))
	c.Exec(t, "CREATE DATABASE "+name+from)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// The cluster may be gone by now, on purpose.
		_ = c.exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	return c.DSN(name)
}

// DSN of a database, over TCP, for the owner of the cluster.
func (c *Cluster) DSN(database string) string { return c.DSNOf(owner, database) }

// DSNOf is the DSN of another role, which is asked for no password.
func (c *Cluster) DSNOf(role, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Host: "127.0.0.1:" + c.port, Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Exec runs a statement as the owner of the cluster.
func (c *Cluster) Exec(t testing.TB, statement string) {
	t.Helper()
	if err := c.exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (c *Cluster) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
