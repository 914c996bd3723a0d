// Package samba runs a real Samba Active Directory domain controller for
// tests: one process on a loopback address of its own, with a certificate of
// its own authority and a small seeded domain.
//
//	provision ─► base snapshot ─► seed over LDAP ─► seeded snapshot ─► untar, start (≈ 1 s)
//
// Both snapshots are kept in the user's cache directory under a hash of all
// that went into them, and are made anew after a week, because passwords age.
// Start unpacks the seeded one; Reset goes back to it. The controller holds
// the reading end of a pipe and ends with the process that started it, however
// that one ends. It needs root and Debian's packages: see Available.
package samba

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The made-up domain. Everything below it is derived from these.
const (
	realm           = "CORP.EXAMPLE.TEST"
	netBIOS         = "CORP"
	hostName        = "dc1"
	adminPassword   = "Adm1n-Pass.word"
	servicePassword = "Svc-Pass.word-26" // of svc-latchkey
)

// ErrUnavailable is what Available's error wraps.
var ErrUnavailable = errors.New("no real Samba controller on this machine")

// needed maps each file that must exist to the Debian package that brings it.
var needed = []struct{ file, pkg string }{
	{"/usr/sbin/samba", "samba"},
	{"/usr/bin/samba-tool", "samba"},
	{"/usr/share/samba/setup/provision.ldif", "samba-ad-provision"},
	{"/usr/lib/*/samba/ldb/samba_dsdb.so", "samba-dsdb-modules"},
	{"/usr/lib/*/samba/vfs/acl_xattr.so", "samba-vfs-modules"},
	{"/usr/bin/ldbmodify", "ldb-tools"},
}

// Available returns nil when a controller can be started here. Otherwise the
// error names what is missing.
func Available() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it needs root (ports 389 and 636)", ErrUnavailable)
	}
	var missing []string
	for _, n := range needed {
		if !exists(n.file) {
			missing = append(missing, fmt.Sprintf("%s (package %s)", n.file, n.pkg))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: missing %s", ErrUnavailable, strings.Join(missing, ", "))
	}
	return nil
}

// Require skips the test where no controller can run, and fails it where one
// must: with CI=true or LATCHKEY_REQUIRE_SAMBA=1.
func Require(t testing.TB) {
	t.Helper()
	err := Available()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true" || os.Getenv("LATCHKEY_REQUIRE_SAMBA") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Options say which controller to start. The zero value is a good one.
type Options struct {
	// Dir keeps the controller's files; "" is a temporary directory that Stop
	// removes.
	Dir string
	// Company seeds the demo's made-up company in place of the plain people.
	Company bool
	// Empty leaves out all seeds: the domain is as it was provisioned, without People,
	// OUs and service account.
	Empty bool
	// KDC adds Kerberos (88, 464); DNS adds the name server (53).
	KDC, DNS bool
	// Beside takes the certificate authority of another controller, so that
	// one CA file verifies both. The two hold the same objects (GUIDs, SIDs,
	// passwords) at the start, and do not replicate.
	Beside *DC
}

// DC is a running controller.
type DC struct {
	Address  string // 127.0.77.x
	Host     string // the name in its certificate, beside the address
	LDAPSURL string // ldaps://127.0.77.x
	LDAPURL  string // ldap://127.0.77.x, for StartTLS
	CAFile   string // PEM
	BaseDN   string
	Domain   string // DNS name, the suffix of user principal names
	NetBIOS  string

	AdminBind, AdminPassword     string
	ServiceBind, ServicePassword string
	Service                      string // DN of the service account

	StaffOU  string // delegated to the service account
	OthersOU string // not delegated
	People   []Person

	opts     Options
	dir      string
	snapshot string
	unlock   func()
	ca       *authority
	process  *process
}

// New starts a controller for one test and stops it with the test.
func New(t testing.TB, o Options) *DC {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dc, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dc.Stop)
	return dc
}

// Start unpacks the seeded domain (making it first, once a week, in about 15
// seconds) and starts a controller on it. It returns when LDAPS answers. ctx
// bounds the start only.
func Start(ctx context.Context, o Options) (*DC, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	seed, err := seedOf(o.Company)
	if err != nil {
		return nil, err
	}
	prepare := func() (string, error) { return seeded(ctx, seed) }
	if o.Empty {
		seed.Objects = nil
		prepare = func() (string, error) { return provisioned(ctx) }
	}
	snap, err := prepare()
	if err != nil {
		return nil, fmt.Errorf("prepare domain: %w", err)
	}
	dc, err := launch(ctx, o, snap)
	if err != nil {
		return nil, fmt.Errorf("start controller: %w", err)
	}
	dc.People = peopleOf(dc, seed)
	return dc, nil
}

// launch starts a controller on a snapshot, seeded or not.
func launch(ctx context.Context, o Options, snapshot string) (_ *DC, err error) {
	dc := newDC(o, snapshot)
	if dc.Address, dc.unlock, err = freeAddress(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			dc.Stop()
		}
	}()
	if err := dc.makeDir(); err != nil {
		return nil, err
	}
	dc.LDAPSURL, dc.LDAPURL = "ldaps://"+dc.Address, "ldap://"+dc.Address
	if err := dc.certify(); err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	if err := dc.unpack(); err != nil {
		return nil, err
	}
	return dc, dc.run(ctx)
}

// makeDir settles the directory; smb.conf wants it absolute.
func (dc *DC) makeDir() (err error) {
	if dc.dir == "" {
		dc.dir, err = os.MkdirTemp("", "latchkey-samba-")
		return err
	}
	if dc.dir, err = filepath.Abs(dc.dir); err != nil {
		return err
	}
	return os.MkdirAll(dc.dir, 0o700)
}

func newDC(o Options, snapshot string) *DC {
	base := "DC=" + strings.ReplaceAll(strings.ToLower(realm), ".", ",DC=")
	domain := strings.ToLower(realm)
	return &DC{
		Host: hostName + "." + domain, BaseDN: base, Domain: domain, NetBIOS: netBIOS,
		AdminBind: "administrator@" + domain, AdminPassword: adminPassword,
		ServiceBind: "svc-latchkey@" + domain, ServicePassword: servicePassword,
		Service: "CN=svc-latchkey,OU=Service," + base,
		StaffOU: "OU=Staff," + base, OthersOU: "OU=Others," + base,
		opts: o, dir: o.Dir, snapshot: snapshot,
	}
}

// Stop ends the controller and gives its address back. It may be called twice.
func (dc *DC) Stop() {
	dc.halt()
	if dc.unlock != nil {
		dc.unlock()
		dc.unlock = nil
	}
	if dc.opts.Dir == "" && dc.dir != "" {
		os.RemoveAll(dc.dir)
	}
}

// Kill ends the controller at once (SIGKILL), as a power cut would. Start it
// again with Restart.
func (dc *DC) Kill() {
	if dc.process != nil {
		dc.process.kill()
		dc.process = nil
	}
}

// Restart stops the controller if it runs, and starts it on the same files.
func (dc *DC) Restart(ctx context.Context) error {
	dc.halt()
	return dc.run(ctx)
}

// Reset puts the domain back to the seeded snapshot; open connections are
// closed. It takes about a second.
func (dc *DC) Reset(ctx context.Context) error {
	dc.halt()
	if err := dc.unpack(); err != nil {
		return err
	}
	return dc.run(ctx)
}

// Log returns what the controller has written so far.
func (dc *DC) Log() string {
	b, _ := os.ReadFile(dc.path("log"))
	return string(b)
}

// TLS returns a client configuration that trusts this controller only.
func (dc *DC) TLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(dc.ca.cert)
	return &tls.Config{RootCAs: pool, ServerName: dc.Address, MinVersion: tls.VersionTLS12}
}

// Dial opens an LDAPS connection; an empty bind name stays anonymous.
func (dc *DC) Dial(bind, password string) (*ldap.Conn, error) {
	c, err := ldap.DialURL(dc.LDAPSURL, ldap.DialWithTLSConfig(dc.TLS()))
	if err != nil || bind == "" {
		return c, err
	}
	if err := c.Bind(bind, password); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Hire adds an enabled account below StaffOU, over a connection of an administrator's, and
// returns its DN.
func (dc *DC) Hire(admin *ldap.Conn, account, password string) (dn string, err error) {
	dn = "CN=" + account + "," + dc.StaffOU
	add := ldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"user"})
	add.Attribute("sAMAccountName", []string{account})
	add.Attribute("userPrincipalName", []string{account + "@" + dc.Domain})
	add.Attribute("userAccountControl", []string{"512"})
	add.Attribute("unicodePwd", []string{Quote(password)})
	return dn, admin.Add(add)
}

// Backdate sets pwdLastSet of the account named dn to a FILETIME, which LDAP
// does not allow: this is how an expired password is made. 0 needs no Backdate.
func (dc *DC) Backdate(dn string, pwdLastSet int64) error {
	return dc.Force(dn, "pwdLastSet", fmt.Sprint(pwdLastSet))
}

// Force replaces one attribute past the rules that LDAP clients meet.
func (dc *DC) Force(dn, attribute, value string) error {
	return dc.ForceAll([]string{dn}, attribute, value)
}

// ForceAll is Force for many accounts in one go.
func (dc *DC) ForceAll(dns []string, attribute, value string) error {
	// DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID lets system-owned values through.
	cmd := exec.Command("ldbmodify", "-H", dc.database(), "--configfile="+dc.conf(), "--controls=local_oid:1.3.6.1.4.1.7165.4.3.12:0")
	var ldif strings.Builder
	for _, dn := range dns {
		fmt.Fprintf(&ldif, "dn: %s\nchangetype: modify\nreplace: %s\n%s: %s\n\n", dn, attribute, attribute, value)
	}
	cmd.Stdin = strings.NewReader(ldif.String())
	return output(cmd)
}

// Tool runs samba-tool on the controller's own database.
func (dc *DC) Tool(args ...string) error {
	return output(exec.Command("samba-tool", append(args, "-H", dc.database(), "-s", dc.conf())...))
}

// toolScript is /usr/bin/samba-tool for many lines: most of one's time is that
// of its imports.
const toolScript = `
import json, sys
from samba.netcmd.main import cmd_sambatool
for line in json.load(sys.stdin):
    try:
        code = cmd_sambatool()._run("samba-tool", *line)
    except SystemExit as e:
        code = e.code
    if code:
        sys.exit("samba-tool %r: %r" % (line, code))
`

// Tools is Tool for several lines, up to the first that fails.
func (dc *DC) Tools(lines ...[]string) error {
	var all [][]string
	for _, args := range lines {
		all = append(all, append(slices.Clone(args), "-H", dc.database(), "-s", dc.conf()))
	}
	in, err := json.Marshal(all)
	if err != nil {
		return err
	}
	cmd := exec.Command("/usr/bin/python3", "-c", toolScript)
	cmd.Stdin = bytes.NewReader(in)
	return output(cmd)
}

func output(cmd *exec.Cmd) error {
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Args[0], err, strings.TrimSpace(string(b)))
	}
	return nil
}
