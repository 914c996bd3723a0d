//go:build linux

package afternoon

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/postgres"
)

// database is the organisation's PostgreSQL, with TLS and the name that the pages
// give it, and an administrator whose name is postgres.
type database struct {
	admin *url.URL // of database postgres
	port  string
}

func newDatabase(t *testing.T, s *site) database {
	t.Helper()
	c := postgres.Durable(t) // the doctor looks at its settings, too
	admin, err := url.Parse(c.DSN("postgres"))
	must(t, err)
	c.Exec(t, "CREATE ROLE postgres SUPERUSER LOGIN")
	admin.User = url.User("postgres")
	d := database{admin, admin.Port()}
	d.exec(t, "ALTER ROLE latchkey RENAME TO cluster_owner") // the pages make a role of that name
	var data string
	d.with(t, func(conn *pgx.Conn) { must(t, conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data)) })
	info, err := os.Stat(data)
	must(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	cert, key := filepath.Join(data, "tls.pem"), filepath.Join(data, "tls.key")
	must(t, s.authority.Write(cert, key, "db.corp.example.test"))
	for _, file := range []string{cert, key} {
		must(t, os.Chown(file, int(owner.Uid), int(owner.Gid)))
		must(t, os.Chmod(file, 0o600))
	}
	for _, set := range []string{"ssl_cert_file = 'tls.pem'", "ssl_key_file = 'tls.key'", "ssl = on"} {
		d.exec(t, "ALTER SYSTEM SET "+set)
	}
	d.exec(t, "SELECT pg_reload_conf()")
	write(t, "/etc/latchkey/db-ca.pem", string(s.authority.PEM()))
	return d
}

func (d database) with(t *testing.T, do func(*pgx.Conn)) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.admin.String())
	must(t, err)
	defer conn.Close(t.Context())
	do(conn)
}

func (d database) exec(t *testing.T, statement string) {
	t.Helper()
	d.with(t, func(conn *pgx.Conn) {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	})
}

// move takes the installation to PostgreSQL, as docs/operations.md says, and then to
// what a dump of it holds.
func (s *site) move(t *testing.T, all pages, ada *phone.Phone) {
	d := newDatabase(t, s)
	const password = "Quiet-Database-26"
	for _, b := range all.in(t, operationsPage, "PostgreSQL", "sql") {
		for statement := range strings.SplitSeq(strings.ReplaceAll(b.text, "…", password), ";") {
			if strings.TrimSpace(statement) != "" {
				d.exec(t, statement)
			}
		}
	}
	s.replace(operationsPage, ":…@", ":"+password+"@", "the password that was set")
	s.replace(operationsPage, "db.corp.example.test/", "db.corp.example.test:"+d.port+"/", "the port of a test's PostgreSQL is a free one")
	dsn := s.here(all.in(t, operationsPage, "PostgreSQL", "")[0])
	s.typed["/etc/latchkey/database.dsn"] = dsn
	s.run(t, all.in(t, operationsPage, "PostgreSQL", "sh")[0])
	wants(t, s.run(t, all.in(t, operationsPage, "Moving from the file", "sh")[0]), "Copied. The log is whole")
	write(t, configFile, read(t, configFile)+all.in(t, operationsPage, "PostgreSQL", "yaml")[0].text)
	s.back(t, ada)

	as := func(user string) string { return fmt.Sprintf("PGHOST=127.0.0.1 PGPORT=%s PGUSER=%s ", d.port, user) }
	s.line(t, as("postgres")+s.span(t, all, "pg_dump ")+" > latchkey.dump")
	s.line(t, "systemctl stop latchkey")
	d.exec(t, "ALTER DATABASE latchkey RENAME TO latchkey_before")
	d.exec(t, "CREATE DATABASE latchkey OWNER latchkey ENCODING 'UTF8' TEMPLATE template0")
	s.line(t, strings.ReplaceAll(as("latchkey")+s.span(t, all, "pg_restore "), "…", "latchkey")+" latchkey.dump")
	s.back(t, ada)
}

// span is the one inline command of docs/operations.md that begins so.
func (s *site) span(t *testing.T, all pages, start string) string {
	t.Helper()
	for _, i := range all[operationsPage].inline {
		if strings.HasPrefix(i.text, start) {
			return i.text
		}
	}
	t.Fatalf("%s has no %q", operationsPage, start)
	return ""
}

// back starts on PostgreSQL: ada's passkey is there, and the log is whole.
func (s *site) back(t *testing.T, ada *phone.Phone) {
	t.Helper()
	s.line(t, "systemctl start latchkey")
	s.lock(t, "ada")
	s.unlock(t, ada, "ada")
	s.line(t, "runuser -u latchkey -- latchkey audit export --config "+configFile+" $TMPDIR/log.jsonl")
	wants(t, s.line(t, "latchkey audit verify $TMPDIR/log.jsonl"), "is whole")
	s.healthy(t, s.line(t, "runuser -u latchkey -- latchkey doctor --config "+configFile+" --only db"))
}
