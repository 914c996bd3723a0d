package db

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds at a PostgreSQL database.
var (
	FoundPgUnreachable = doctor.Kind{ID: "db.pg-unreachable", Severity: doctor.Failure, Why: "Nothing is done that can't be written down first: without its database the server helps nobody."}
	FoundPgRefused     = doctor.Kind{ID: "db.pg-refused", Severity: doctor.Failure, Why: "PostgreSQL answers and does not let Latchkey in: the server does not start."}
	FoundPgFull        = doctor.Kind{ID: "db.pg-full", Severity: doctor.Failure, Why: "PostgreSQL takes no more connections: a server that lost its own does not get them back, and acts stop."}
	FoundPgConnections = doctor.Kind{ID: "db.pg-connections", Severity: doctor.Warning, Why: "A server holds up to ten connections, and two more while it starts. One that starts now may not get them."}
	FoundPgPlain       = doctor.Kind{ID: "db.pg-plain", Severity: doctor.Warning, Why: "The database crosses the network in clear, its password too where it is asked for so: whoever sits in between reads and changes who holds which passkey. It is right only where nobody can, as between containers of one machine or within a VPN."}
	FoundPgUnverified  = doctor.Kind{ID: "db.pg-unverified", Severity: doctor.Warning, Why: "Nobody looks at the certificate: whoever sits in between can show their own, and is handed the password."}
	FoundPgPooler      = doctor.Kind{ID: "db.pg-pooler", Severity: doctor.Failure, Why: "Latchkey keeps settings and listens on its sessions. Shared by transaction they reach others: timeouts are lost, and open pages don't hear of what happens."}
	FoundPgEncoding    = doctor.Kind{ID: "db.pg-encoding", Severity: doctor.Failure, Why: "Names and the log would come back otherwise than they were written; the server does not start."}
	FoundPgOld         = doctor.Kind{ID: "db.pg-old", Severity: doctor.Warning, Why: "Latchkey is not tried on it, and its security fixes have ended or end soon."}
	FoundPgSuper       = doctor.Kind{ID: "db.pg-superuser", Severity: doctor.Warning, Why: "Whoever gets hold of the DSN then has every database of the server, its files, and commands on its machine. Latchkey needs to own its database, and nothing else."}
	FoundPgRights      = doctor.Kind{ID: "db.pg-rights", Severity: doctor.Failure, Why: "The server can't make or change its tables: it does not start, or fails at the next upgrade."}
	FoundPgReadOnly    = doctor.Kind{ID: "db.pg-read-only", Severity: doctor.Failure, Why: "Every act stops before anything is written."}
	FoundPgReadFirst   = doctor.Kind{ID: "db.pg-read-only-default", Severity: doctor.Warning, Why: "Acts ask for writing themselves and go on. The change of tables of the next release does not: the server would not start after the upgrade."}
	FoundPgSync        = doctor.Kind{ID: "db.pg-fsync", Severity: doctor.Failure, Why: "A power cut damages the database, or takes back what people were told is done: a used proof could be used again."}
	FoundPgPages       = doctor.Kind{ID: "db.pg-full-page-writes", Severity: doctor.Warning, Why: "A power cut while a page is written leaves half of it, and nothing to mend it from, unless the storage writes whole pages (ZFS)."}
	FoundPgCommit      = doctor.Kind{ID: "db.pg-commit", Severity: doctor.Warning, Why: "Latchkey asks for it in its own sessions, and only that stands between a power cut and the loss of what was committed last."}
	FoundPgVacuum      = doctor.Kind{ID: "db.pg-autovacuum", Severity: doctor.Warning, Why: "Tables grow without end, and personal values that were erased stay in their pages."}
)

var postgresKinds = []doctor.Kind{
	FoundPgUnreachable, FoundPgRefused, FoundPgFull, FoundPgConnections, FoundPgPlain, FoundPgUnverified, FoundPgPooler, FoundPgEncoding,
	FoundPgOld, FoundPgSuper, FoundPgRights, FoundPgReadOnly, FoundPgReadFirst, FoundPgSync, FoundPgPages, FoundPgCommit, FoundPgVacuum,
}

const (
	// postgresTested is the oldest release that the tests run on.
	postgresTested = 15
	// serverSessions are those of one server: readers, the writer, one that listens,
	// and two of its start.
	serverSessions = postgresReaders + 4
	// poolerRounds: a pooler with other work hands out sessions in no order.
	poolerRounds = 5
)

// doctorPostgres looks at the line to the server, its settings and the content.
func (c DoctorConfig) doctorPostgres(ctx context.Context, r *doctor.Report) {
	before := len(r.Findings())
	line, err := parseDSN(c.DSN.Reveal())
	if err != nil {
		r.Found(FoundPgUnreachable, "database", err.Error(), c.try())
		return
	}
	c.doctorTLS(line, r)
	// As the DSN stands: a server that Latchkey refuses can be looked at, too.
	conn, err := dialed(ctx, line)
	if err != nil {
		c.doctorRefusal(err, line, r)
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	at, err := c.doctorServer(ctx, conn, r)
	if err != nil {
		r.Found(FoundUnread, c.name(), err.Error(), c.try())
		return
	}
	if sharesSessions(ctx, line) {
		r.Found(FoundPgPooler, c.name(), "Two of our sessions were one session of PostgreSQL.", c.pastPooler())
	}
	if !c.doctorSchema(ctx, conn, r) || len(r.Of(FoundPgEncoding)) > 0 || len(r.Of(FoundPgPooler)) > 0 {
		return // Latchkey does not work with it
	}
	if len(r.Findings()) == before {
		r.Good("db.server", c.name(), fmt.Sprintf("PostgreSQL %s answers, its settings fit, its schema is %d.", at, latest))
	}
	c.doctorStore(ctx, line, r)
}

func dialed(ctx context.Context, line *pgx.ConnConfig) (*pgx.Conn, error) {
	line = line.Copy()
	line.RuntimeParams["client_encoding"] = "UTF8"
	line.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // a pooler keeps no statement
	return pgx.ConnectConfig(ctx, line)
}

// name is what findings are about. It holds no password.
func (c DoctorConfig) name() string {
	line, err := parseDSN(c.DSN.Reveal())
	if err != nil {
		return "database"
	}
	return fmt.Sprintf("%s at %s", line.Database, net.JoinHostPort(line.Host, fmt.Sprint(line.Port)))
}

// dsn is the DSN in a line of a shell.
func (c DoctorConfig) dsn() string {
	if c.DSNEnv != "" {
		return `"$` + c.DSNEnv + `"`
	}
	return `"$(cat ` + c.DSNFile + `)"`
}

// try is what shows the answer with nothing of Latchkey in between.
func (c DoctorConfig) try() doctor.Line { return shell("psql %s -c 'SELECT 1'", c.dsn()) }

// admin is a statement for whoever administers the server, on its machine.
func admin(statement string) doctor.Line {
	return shell("runuser -u postgres -- psql -c '%s'", strings.ReplaceAll(statement, "'", `'\''`))
}

// edit changes the DSN where it stands.
func (c DoctorConfig) edit(change, why string) doctor.Line {
	if c.DSNEnv != "" {
		return shell("systemctl edit latchkey   # the environment's %s: %s", c.DSNEnv, why)
	}
	return shell("sed -i '%s' %s   # %s", change, c.DSNFile, why)
}

func (c DoctorConfig) pastPooler() doctor.Line {
	return c.edit("s/:6432/:5432/", "name PostgreSQL itself, not the pooler")
}

// doctorTLS judges what the DSN asks for. pgx tries the fallbacks after the first.
func (c DoctorConfig) doctorTLS(line *pgx.ConnConfig, r *doctor.Report) {
	lines := append([]*pgconn.FallbackConfig{{Host: line.Host, TLSConfig: line.TLSConfig}}, line.Fallbacks...)
	mend := c.edit("s/sslmode=[a-z-]*/sslmode=verify-full/", "sslmode=verify-full, with &sslrootcert=FILE for an authority of your own")
	for _, l := range lines {
		if local(l.Host) {
			continue
		}
		t := l.TLSConfig
		switch {
		case t == nil:
			r.Found(FoundPgPlain, l.Host, "The DSN lets the connection go without TLS.", mend)
			return
		case t.InsecureSkipVerify && t.VerifyPeerCertificate == nil && t.VerifyConnection == nil:
			r.Found(FoundPgUnverified, l.Host, "The DSN asks for TLS, and for no look at the certificate.", mend)
			return
		}
	}
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

// doctorRefusal says why there is no connection.
func (c DoctorConfig) doctorRefusal(err error, line *pgx.ConnConfig, r *doctor.Report) {
	var answer *pgconn.PgError
	switch {
	case !errors.As(err, &answer):
		r.Found(FoundPgUnreachable, c.name(), err.Error(), c.try())
	case answer.Code == "53300": // too_many_connections
		r.Found(FoundPgFull, c.name(), answer.Message+".", admin("SELECT usename, count(*) FROM pg_stat_activity GROUP BY 1"))
	case answer.Code == "08P01" && strings.Contains(answer.Message, "startup parameter"):
		r.Found(FoundPgPooler, c.name(), "What answers takes no settings: "+answer.Message+".", c.pastPooler())
	case answer.Code == "28000", answer.Code == "28P01", answer.Code == "3D000", answer.Code == "42501":
		// invalid_authorization_specification, invalid_password,
		// invalid_catalog_name, insufficient_privilege
		mend := []doctor.Line{c.try()}
		if answer.Code == "3D000" {
			mend = []doctor.Line{admin(fmt.Sprintf("CREATE DATABASE %s OWNER %s ENCODING 'UTF8' TEMPLATE template0", quoted(line.Database), quoted(line.User)))}
		}
		r.Found(FoundPgRefused, c.name(), answer.Message+".", mend...)
	default:
		r.Found(FoundPgUnreachable, c.name(), answer.Message+".", c.try())
	}
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// postgresServer is what a session sees of its server.
type postgresServer struct {
	encoding, version, commit, fsync, pages, vacuum string
	number                                          int
	standby, readOnly, super, create                bool
	role, database                                  string
	foreign                                         int // tables of ours that somebody else owns
	left                                            int // connections
	held                                            int // connections of a server of Latchkey on this machine
	size                                            int64
}

func readServer(ctx context.Context, conn *pgx.Conn) (s postgresServer, err error) {
	err = conn.QueryRow(ctx, `
		SELECT current_setting('server_encoding'), current_setting('server_version'), current_setting('server_version_num')::int,
			current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'), current_setting('autovacuum'),
			pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
			r.rolsuper, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), current_user::text, current_database()::text,
			pg_database_size(current_database()),
			(SELECT count(*) FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
				WHERE n.nspname = current_schema() AND t.relkind = 'r' AND t.relname = ANY ($1) AND NOT pg_has_role(t.relowner, 'USAGE')),
			least(
				current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - (SELECT sum(numbackends) FROM pg_stat_database),
				CASE WHEN d.datconnlimit < 0 THEN 1000000 ELSE d.datconnlimit - (SELECT numbackends FROM pg_stat_database WHERE datname = d.datname) END,
				CASE WHEN r.rolconnlimit < 0 THEN 1000000 ELSE r.rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = r.rolname) END)::int,
			(SELECT count(*) FROM pg_stat_activity a, pg_stat_activity mine WHERE mine.pid = pg_backend_pid() AND a.pid <> mine.pid
				AND a.usename = mine.usename AND a.datname = mine.datname AND a.client_addr IS NOT DISTINCT FROM mine.client_addr AND a.application_name = $2)
		FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`,
		append(slices.Clone(copied), "audit_head", "writers", "retired_keys", "goose_db_version"), application(conn.Config())).Scan(
		&s.encoding, &s.version, &s.number, &s.commit, &s.fsync, &s.pages, &s.vacuum, &s.standby, &s.readOnly,
		&s.super, &s.create, &s.role, &s.database, &s.size, &s.foreign, &s.left, &s.held)
	return s, err
}

// application is what a server's sessions are called.
func application(line *pgx.ConnConfig) string {
	if name, named := line.RuntimeParams["application_name"]; named {
		return name
	}
	return postgresSession["application_name"]
}

func (c DoctorConfig) doctorServer(ctx context.Context, conn *pgx.Conn, r *doctor.Report) (version string, err error) {
	s, err := readServer(ctx, conn)
	if err != nil {
		return "", err
	}
	role, database, found := quoted(s.role), quoted(s.database), func(k doctor.Kind, seen string, mend ...doctor.Line) { r.Found(k, c.name(), seen, mend...) }
	set := func(setting string) doctor.Line {
		return admin(fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET %s", role, database, setting))
	}
	system := func(name string) []doctor.Line {
		return []doctor.Line{admin("ALTER SYSTEM SET " + name + " = on"), admin("SELECT pg_reload_conf()")}
	}
	if s.encoding != "UTF8" {
		found(FoundPgEncoding, "Its encoding is "+s.encoding+".",
			admin(fmt.Sprintf("CREATE DATABASE latchkey_utf8 OWNER %s ENCODING 'UTF8' TEMPLATE template0", role)))
	}
	if oldest := max(c.oldest, postgresTested); s.number < oldest*10_000 {
		found(FoundPgOld, fmt.Sprintf("It is PostgreSQL %s; Latchkey is tested from %d on.", s.version, oldest), shell("pg_upgradecluster --help"))
	}
	if s.super {
		found(FoundPgSuper, s.role+" is a superuser.", admin("ALTER ROLE "+role+" NOSUPERUSER"))
	}
	if !s.create || s.foreign > 0 {
		found(FoundPgRights, fmt.Sprintf("%s may make tables there: %v; tables of Latchkey that it does not own: %d.", s.role, s.create, s.foreign),
			admin(fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", database, role)),
			shell("runuser -u postgres -- psql -d %s -c 'GRANT CREATE ON SCHEMA public TO %s'", s.database, role))
	}
	switch {
	case s.standby:
		found(FoundPgReadOnly, "It is a standby.", c.edit("s/?/?target_session_attrs=read-write\\&/", "and name every server of the cluster: host1,host2"))
	case s.readOnly:
		found(FoundPgReadFirst, "default_transaction_read_only is on.", set("default_transaction_read_only = off"))
	}
	if free := max(s.left, 0) + s.held; free < serverSessions { // those it holds are free when it starts again
		found(FoundPgConnections, fmt.Sprintf("%d connections are left for %s, with those that a server holds here.", free, s.role),
			admin("SELECT datname, usename, count(*) FROM pg_stat_activity GROUP BY 1, 2"),
			admin("ALTER SYSTEM SET max_connections = 200"), admin("ALTER ROLE "+role+" CONNECTION LIMIT -1"))
	}
	if s.fsync != "on" {
		found(FoundPgSync, "fsync is off.", system("fsync")...)
	}
	if s.pages != "on" {
		found(FoundPgPages, "full_page_writes is off.", system("full_page_writes")...)
	}
	if s.commit == "off" {
		found(FoundPgCommit, "synchronous_commit is off.", set("synchronous_commit = on"))
	}
	if s.vacuum != "on" {
		found(FoundPgVacuum, "autovacuum is off.", system("autovacuum")...)
	}
	if s.size > largeFile {
		found(FoundLarge, fmt.Sprintf("It has %d GiB.", s.size>>30), c.export())
	}
	return s.version, nil
}

// sharesSessions says whether what answers hands one session of PostgreSQL to two of
// ours, or one of ours another each time.
func sharesSessions(ctx context.Context, line *pgx.ConnConfig) bool {
	var pids [2]uint32
	var conns [2]*pgx.Conn
	for i := range conns {
		conn, err := dialed(ctx, line)
		if err != nil {
			return false // the number of connections is looked at elsewhere
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		conns[i] = conn
	}
	for range poolerRounds {
		for i, conn := range conns {
			var pid uint32
			if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
				return false
			}
			if pids[i] != 0 && pids[i] != pid || pids[1-i] == pid {
				return true
			}
			pids[i] = pid
		}
	}
	return false
}

// doctorSchema says whether the tables are those of this release.
func (c DoctorConfig) doctorSchema(ctx context.Context, conn *pgx.Conn, r *doctor.Report) bool {
	var made bool
	err := conn.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&made)
	if err == nil && !made {
		r.Found(FoundMissing, c.name(), "There are no tables in it yet.", shell("systemctl start latchkey"))
		return false
	}
	var version int64
	if err == nil {
		err = conn.QueryRow(ctx, versionQuery).Scan(&version)
	}
	if err != nil {
		r.Found(FoundUnread, c.name(), err.Error(), c.try())
		return false
	}
	return c.doctorVersion(version, r)
}

// doctorStore opens the database as a server does, and reads.
func (c DoctorConfig) doctorStore(ctx context.Context, line *pgx.ConnConfig, r *doctor.Report) {
	s, err := openReadOnly(ctx, Config{DSN: c.DSN}, nil)
	if err == nil {
		defer func() { _ = s.read.Close() }()
		c.doctorStored(ctx, s, r)
		return
	}
	c.doctorRefusal(err, line, r)
}
