package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/stand/smtpd"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/push/pushtest"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

const clinicHost = "latchkey.example.com"

// clinic is a whole installation: a directory, a running server, a proxy with TLS
// before it, push services, a mail server, a backup.
type clinic struct {
	t     *testing.T
	dir   string
	file  string // the configuration
	data  string
	mails *smtpd.Server
	at    examination
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// diskDir is a directory on a disk: the tests' own may lie in memory, which the doctor
// finds.
func diskDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "latchkey-clinic-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func newClinic(t *testing.T) *clinic { return newClinicOn(t, "") }

// newClinicOn takes the DSN of a PostgreSQL database.
func newClinicOn(t *testing.T, dsn string) *clinic {
	t.Helper()
	c := &clinic{t: t, dir: diskDir(t)}
	c.file, c.data = filepath.Join(c.dir, "latchkey.yaml"), filepath.Join(c.dir, "data")
	write := func(name string, b []byte) string {
		path := filepath.Join(c.dir, name)
		must(t, os.WriteFile(path, b, 0o600))
		return path
	}
	const password = "a-password-of-the-service-26"
	dc, controllers := rightDirectory(t, password)
	ca, err := authority.New()
	must(t, err)
	mails, err := smtpd.Start(ca)
	must(t, err)
	t.Cleanup(mails.Close)
	c.mails = mails
	_, mailPort, err := net.SplitHostPort(mails.Address())
	must(t, err)
	services := pushtest.New(t, nil)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	listen := free.Addr().String()
	must(t, free.Close())
	must(t, os.Mkdir(filepath.Join(c.dir, "backups"), 0o700))
	write("backups/latchkey.db", []byte("a copy"))
	must(t, os.WriteFile(c.file, fmt.Appendf(nil, `listen: %s
public_url: https://%s
organisation: Example
data: %s
trusted_proxies: [127.0.0.1]
support: {name: Desk, phone: "100"}
directory: {controllers: [%s], ca_file: %s, read: {bind: svc-read@corp.example.test, password_file: %[6]s}, write: {bind: svc-write@corp.example.test, password_file: %[6]s}}
push: {subject: desk@example.com, proxy: "%[7]s", ca_file: %s}
mail: {host: 127.0.0.1, port: %s, from: latchkey@example.com, ca_file: %s}
alerts: {mail: [it-security@example.com]}
proofs: {sms_code: {verified: true, countries: ["+49"], gateway: {url: "%s/send", body: "key={{urlquery secret}}&to={{urlquery number}}&text={{urlquery text}}", secret_file: %s}}}
secrets: {key_file: %s}
backup: {files: "%s/backups/*"}
policies:
  - name: staff
    who: {ou: "OU=Staff,DC=corp,DC=example,DC=test"}
    unlock: {prove: [passkey]}
    reset: {prove: [passkey]}
    change: {prove: [passkey]}
`, listen, clinicHost, c.data, controllers, write("ad.pem", dc.CAPEM()), write("password", []byte(password+"\n")),
		services.Proxy, write("push.pem", services.PEM), mailPort, write("mail.pem", ca.PEM()), quietGateway(t), write("sms.secret", []byte("key-4711\n")), filepath.Join(c.dir, "secret.key"), c.dir), 0o644))
	if dsn != "" {
		c.edit("# changed\ndatabase: {dsn_file: " + write("database.dsn", []byte(dsn)) + "}\n")
	}
	c.serve()
	c.proxy(listen)
	return c
}

// quietGateway fails the test when it is sent anything that could be an SMS.
func quietGateway(t *testing.T) (url string) {
	t.Helper()
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.URL.String() != "/" {
			t.Errorf("the gateway was sent %s %s", r.Method, r.URL.Path)
		}
	}))
	t.Cleanup(gateway.Close)
	return gateway.URL
}

// rightDirectory is a domain of two controllers with all that docs/install.md and
// docs/ad-rights.md ask for. It returns their addresses as the file lists them.
func rightDirectory(t *testing.T, password string) (dc *minidc.Server, controllers string) {
	t.Helper()
	const base = "DC=corp,DC=example,DC=test"
	const staff, service = "OU=Staff," + base, "OU=Service," + base
	at := time.Now() // it stands, so that a busy machine is no slow controller
	dc = minidc.New(minidc.Config{PolicyHints: true, Now: func() time.Time { return at }})
	dc.AddOU(staff)
	dc.AddOU(service)
	for _, name := range []string{"svc-read", "svc-write"} {
		dc.AddUser(minidc.User{Name: name, Parent: service, Account: name, Password: password,
			Attributes: map[string][]string{"userAccountControl": {"66048"}}})
	}
	dc.AddUser(minidc.User{Name: "Alice Doe", Parent: staff, Account: "alice", Password: "Start-Value-001!"})
	reader, writer := "CN=svc-read,"+service, "CN=svc-write,"+service
	dc.Delegate(writer, staff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet, minidc.ReadPSOs)
	dc.Delegate(reader, staff, minidc.ReadPSOs)
	lock := minidc.Policy{MinLength: 12, Complexity: true, History: 24, LockoutThreshold: 10, LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute}
	dc.SetDomainPolicy(lock)
	dc.AddPSO(minidc.PSO{Name: "latchkey-service", Precedence: 1, AppliesTo: []string{reader, writer},
		Policy: minidc.Policy{MinLength: 24, Complexity: true, History: 24}})
	other := dc.Join(minidc.Config{PolicyHints: true, Host: "dc2.corp.example.test"})
	t.Cleanup(func() { dc.Close(); other.Close() })
	one, err := dc.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	two, err := other.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	return dc, fmt.Sprintf("%q, %q", one, two)
}

// serve runs the server as the command does, until the test ends.
func (c *clinic) serve() {
	c.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended, ready, out := make(chan int, 1), filepath.Join(c.dir, "ready.json"), &bytes.Buffer{}
	go func() { ended <- run(ctx, []string{"serve", "--config", c.file, "--ready", ready}, streams{out, out}) }()
	over := time.After(time.Minute)
	for {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		select {
		case status := <-ended:
			c.t.Fatalf("the server ended with %d: %s", status, out)
		case <-over:
			c.t.Fatal("the server did not start")
		case <-time.After(5 * time.Millisecond): // the file is the event
		}
	}
	c.t.Cleanup(func() {
		stop()
		<-ended
	})
}

// proxy is the one of docs/install.md: TLS, HTTP/2, the Host header kept.
func (c *clinic) proxy(to string) {
	c.t.Helper()
	ca := doctortest.NewAuthority(c.t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(c.t, err)
	proxy := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{*ca.Make(clinicHost, doctortest.Certificate{})}},
		Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		}},
	}
	go func() { _ = proxy.ServeTLS(l, "", "") }()
	c.t.Cleanup(func() { _ = proxy.Close() })
	c.at = examination{
		path: c.file, roots: ca.Roots,
		lookUp: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != clinicHost+":443" {
				return nil, syscall.ECONNREFUSED // nothing else is served
			}
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		},
	}
}

func (c *clinic) examine() *doctor.Report { return c.at.run(c.t.Context(), time.Minute) }

func (c *clinic) wantGreen() {
	c.t.Helper()
	for _, f := range c.examine().Findings() {
		if f.Severity != doctor.OK {
			c.t.Errorf("found %s at %s: %s", f.ID, f.Subject, f.Seen)
		}
	}
}

// TestDoctorOfAWholeInstallation: green where everything is right, and one
// finding from each package where it is not.
func TestDoctorOfAWholeInstallation(t *testing.T) {
	c := newClinic(t)
	c.wantGreen()
	if n := len(c.examine().Findings()); n < 25 {
		t.Errorf("only %d things were looked at", n)
	}
	for _, tc := range []struct {
		name         string
		kind         doctor.Kind
		wrong, right func()
	}{
		{"a changed file", server.FoundStale, func() { c.edit("# changed\n") }, func() { c.edit("") }},
		{"an open data directory", doctor.Kind{ID: "data.mode"}, func() { must(t, os.Chmod(c.data, 0o755)) }, func() { must(t, os.Chmod(c.data, 0o700)) }},
		{"a key of others", secret.FoundKeyReadable, func() { must(t, os.Chmod(filepath.Join(c.dir, "secret.key"), 0o644)) },
			func() { must(t, os.Chmod(filepath.Join(c.dir, "secret.key"), 0o600)) }},
		{"few open files", server.FoundFiles, func() { limitFiles(t, 1024) }, func() { limitFiles(t, 0) }},
		{"a request that lacks the code", push.FoundSMSText, func() { c.swap("{{urlquery text}}", "hello") }, func() { c.swap("text=hello", "text={{urlquery text}}") }},
		{"a gateway's key of others", config.FoundProblem, func() { must(t, os.Chmod(filepath.Join(c.dir, "sms.secret"), 0o644)) },
			func() { must(t, os.Chmod(filepath.Join(c.dir, "sms.secret"), 0o600)) }},
		{"alerts to nobody", config.FoundAlertsNone, func() { c.swap("alerts: {mail: [it-security@example.com]}", "alerts: {}") },
			func() { c.swap("alerts: {}", "alerts: {mail: [it-security@example.com]}") }},
		{"alerts to no mailbox", push.FoundMailAlert, func() { c.mails.Be(smtpd.Refuses) }, func() { c.mails.Be(smtpd.Well) }},
		{"a unit below not that is not there", workflow.FoundUnitMissing, func() { c.swap("who: {ou:", `who: {not: {ou: "OU=Slaes,DC=corp,DC=example,DC=test"}, ou:`) },
			func() { c.swap(`who: {not: {ou: "OU=Slaes,DC=corp,DC=example,DC=test"}, ou:`, "who: {ou:") }},
		{"an attribute that is not there", workflow.FoundAttributeMissing, func() { c.swap("who: {ou:", "who: {attribute: {name: employType, value: x}, ou:") },
			func() { c.swap("who: {attribute: {name: employType, value: x}, ou:", "who: {ou:") }},
		{"an attribute of a proof that is not there", workflow.FoundAttributeSetting, func() { c.swap("proofs: {", "proofs: {directory: {attribute: employeNumber, en: a, de: b}, ") },
			func() { c.swap("proofs: {directory: {attribute: employeNumber, en: a, de: b}, ", "proofs: {") }},
		{"a key that opens nothing", push.FoundKeySealed, func() { c.otherKey() }, func() { c.ownKey() }},
	} {
		tc.wrong()
		if got := c.examine().Of(tc.kind); len(got) != 1 {
			t.Errorf("%s: %+v", tc.name, got)
		}
		tc.right()
	}
	c.wantGreen()
}

// TestDoctorLetsAChangedFileBeReadWithoutARestart runs the first line that the
// doctor gives.
func TestDoctorLetsAChangedFileBeReadWithoutARestart(t *testing.T) {
	c := newClinic(t)
	c.edit("# changed\n")
	found := c.examine().Of(server.FoundStale)
	if len(found) != 1 || len(found[0].Mend) == 0 {
		t.Fatalf("%+v", found)
	}
	words := strings.Fields(found[0].Mend[0].Text)
	if want := []string{"latchkey", "reload", "--config", c.file}; !slices.Equal(words, want) {
		t.Fatalf("%q, not %q", words, want)
	}
	var out bytes.Buffer
	if status := run(t.Context(), words[1:], streams{&out, &out}); status != 0 {
		t.Fatalf("%d: %s", status, out.String())
	}
	c.wantGreen()
}

// The same beside PostgreSQL: what can't be opened is told with its cause, and by the
// check whose it is.
func TestDoctorOfAWholeInstallationOnPostgreSQL(t *testing.T) {
	cluster := postgres.Durable(t)
	cluster.Exec(t, `CREATE ROLE clinic LOGIN`)
	cluster.Exec(t, `CREATE DATABASE clinic OWNER clinic`)
	cluster.Exec(t, `CREATE DATABASE fresh OWNER clinic`)
	dsn := func(database string) []byte { return []byte(cluster.DSNOf("clinic", database)) }
	c := newClinicOn(t, string(dsn("clinic")))
	c.wantGreen()
	file, key := filepath.Join(c.dir, "database.dsn"), filepath.Join(c.dir, "secret.key")
	at := func(dsn []byte) { must(t, os.WriteFile(file, dsn, 0o600)) }
	only := func(what string, wanted ...doctor.Kind) (found []doctor.Finding) {
		t.Helper()
		for _, f := range c.examine().Only("db", "data", "secret").Findings() {
			if f.Severity == doctor.OK {
				continue
			}
			found = append(found, f)
			if !slices.ContainsFunc(wanted, func(k doctor.Kind) bool { return k.ID == f.ID }) {
				t.Errorf("%s: found %s: %s", what, f.ID, f.Seen)
			}
		}
		if len(found) != len(wanted) {
			t.Errorf("%s: %+v", what, found)
		}
		return found
	}

	must(t, os.Rename(key, key+".away"))
	only("a missing key", secret.FoundKeyMissing)
	at(dsn("fresh"))
	only("before the first start", db.FoundMissing)
	at([]byte("postgres://clinic@127.0.0.1:1/clinic?sslmode=disable"))
	for _, f := range only("no server", db.FoundPgUnreachable) {
		if !strings.Contains(f.Seen, "dial") || !strings.Contains(f.Mend[0].Text, file) {
			t.Errorf("told without its cause, or a line that can't be run: %+v", f)
		}
	}
	must(t, os.Rename(key+".away", key))
	at(dsn("clinic"))
	c.swap(c.dir+"/backups/*", "/nowhere/*")
	only("no backups", db.FoundBackupGone)
	c.swap("/nowhere/*", c.dir+"/backups/*")
	must(t, os.Chmod(c.data, 0o755))
	only("an open directory", db.FoundDataOpen)
	must(t, os.Chmod(c.data, 0o700))
	cluster.Exec(t, `ALTER ROLE clinic SUPERUSER`)
	only("a superuser", db.FoundPgSuper)
	cluster.Exec(t, `ALTER ROLE clinic NOSUPERUSER`)
	c.wantGreen()
}

// edit adds to the file.
func (c *clinic) edit(text string) {
	b, err := os.ReadFile(c.file)
	must(c.t, err)
	b, _, _ = bytes.Cut(b, []byte("# changed\n"))
	must(c.t, os.WriteFile(c.file, append(b, text...), 0o644))
}

// swap changes the file.
func (c *clinic) swap(old, new string) {
	b, err := os.ReadFile(c.file)
	must(c.t, err)
	if !bytes.Contains(b, []byte(old)) {
		c.t.Fatalf("%q is not in the file", old)
	}
	must(c.t, os.WriteFile(c.file, bytes.Replace(b, []byte(old), []byte(new), 1), 0o644))
}

func (c *clinic) otherKey() {
	key := filepath.Join(c.dir, "secret.key")
	must(c.t, os.Rename(key, key+".own"))
	_, err := secret.LoadBox(key, true)
	must(c.t, err)
}

func (c *clinic) ownKey() {
	key := filepath.Join(c.dir, "secret.key")
	must(c.t, os.Rename(key+".own", key))
}

var filesBefore syscall.Rlimit

// limitFiles lowers what this process, which the server runs in, may open; 0 puts
// it back.
func limitFiles(t *testing.T, n uint64) {
	t.Helper()
	if n == 0 {
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &filesBefore))
		return
	}
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &filesBefore))
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: filesBefore.Max}))
}

// The command line: status by severity, JSON that parses, one area, nothing green
// where it is not wanted.
func TestDoctorCommand(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "latchkey.yaml")
	password := filepath.Join(dir, "password")
	must(t, os.WriteFile(password, []byte("a-password-of-the-service-26"), 0o600))
	text := `public_url: https://latchkey.example.com
organisation: Example
data: ` + filepath.Join(dir, "data") + `
trusted_proxies: [127.0.0.1]
support: {name: Desk, phone: "100"}
directory: {controllers: ["ldaps://127.0.0.1:1"], read: {bind: svc, password_file: ` + password + `}}
policies: [{name: staff, who: {ou: "OU=Staff,DC=corp,DC=example,DC=test"}, unlock: {prove: [passkey]}, reset: {prove: [passkey]}, change: {prove: [passkey]}}]
`
	must(t, os.WriteFile(file, []byte(text), 0o644))
	if status, said := latchkey(t, "doctor", "--config", file, "--only", "config"); status != 0 || !strings.Contains(said, "0 failures, 0 warnings") {
		t.Errorf("right: %d, %s", status, said)
	}
	if status, said := latchkey(t, "doctor", "--config", file, "--only", "config", "--quiet"); status != 0 || strings.Contains(said, "Configuration") {
		t.Errorf("quiet: %d, %s", status, said)
	}
	if status, said := latchkey(t, "doctor", "--config", file, "--only", "db"); status != 3 || !strings.Contains(said, "db.backup-none") {
		t.Errorf("warnings: %d, %s", status, said)
	}
	if _, said := latchkey(t, "doctor", "--config", file, "--only", "db", "--only", "server"); strings.Contains(said, "--config FILE") {
		t.Errorf("a line that can't be run as it stands: %s", said)
	}
	must(t, os.Chmod(file, 0o666))
	status, said := latchkey(t, "doctor", "--config", file, "--only", "config", "--json")
	var got struct {
		Exit     int
		Findings []doctorJSON
	}
	if err := json.Unmarshal([]byte(said), &got); err != nil || status != 4 || got.Exit != 4 {
		t.Errorf("failure: %d, %v, %s", status, err, said)
	}
	if status, said := latchkey(t, "doctor", "--config", file, "--only", "nothing"); status != 2 || !strings.Contains(said, "no area") {
		t.Errorf("unknown area: %d, %s", status, said)
	}
	if status, said := latchkey(t, "doctor", "--config", filepath.Join(dir, "none.yaml")); status != 4 || !strings.Contains(said, "config.unreadable") {
		t.Errorf("no file: %d, %s", status, said)
	}
	if status, said := latchkey(t, "doctor", "--help"); status != 0 || !strings.Contains(said, "3 with warnings") {
		t.Errorf("help: %d, %s", status, said)
	}
}

type doctorJSON struct{ ID, Severity string }
