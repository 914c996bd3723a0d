package minidc_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
)

const (
	base    = "DC=corp,DC=example,DC=test"
	staff   = "OU=Staff," + base
	service = "CN=svc,OU=Service," + base
	alice   = "CN=Alice Doe," + staff
	secret  = "Alice-Pass.1"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a domain's time, which a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)} } // a Tuesday

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// lab is a domain with Alice, a service account and one connection of each.
type lab struct {
	testing.TB
	*minidc.Server
	url   string
	clock *clock
	svc   *ldap.Conn
}

func newLab(t testing.TB, cfg minidc.Config) *lab {
	t.Helper()
	l := &lab{TB: t, clock: newClock()}
	cfg.Now = l.clock.now
	l.Server = minidc.New(cfg)
	l.AddOU(staff)
	l.AddOU("OU=Service," + base)
	l.AddUser(minidc.User{Name: "svc", Parent: "OU=Service," + base, Account: "svc", Password: secret})
	l.AddUser(minidc.User{Name: "Alice Doe", Parent: staff, Account: "alice", Password: secret})
	l.Delegate(service, staff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet)
	l.SetDomainPolicy(minidc.Policy{MinLength: 8, Complexity: true, History: 3, MaxAge: 40 * 24 * time.Hour,
		LockoutThreshold: 3, LockoutDuration: 15 * time.Minute, ObservationWindow: 10 * time.Minute})
	l.url = serve(t, l.Server)
	l.svc = l.dial(l.url)
	must(t, l.svc.Bind(service, secret))
	return l
}

func serve(t testing.TB, s *minidc.Server) string {
	t.Helper()
	url, err := s.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return url
}

func (l *lab) tls() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(l.CAPEM())
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func (l *lab) dial(url string) *ldap.Conn {
	l.Helper()
	c, err := ldap.DialURL(url, ldap.DialWithTLSConfig(l.tls()))
	must(l, err)
	c.SetTimeout(10 * time.Second)
	l.Cleanup(func() { c.Close() })
	return c
}

func (l *lab) admin() *ldap.Conn {
	l.Helper()
	c := l.dial(l.url)
	must(l, c.Bind("administrator@corp.example.test", minidc.AdminPassword))
	return c
}

// bind returns the sub-code of Alice's bind, "" when it is good.
func (l *lab) bind(password string) string { return l.bindOn(l.url, password) }

func (l *lab) bindOn(url, password string) string {
	l.Helper()
	err := l.dial(url).Bind("alice@corp.example.test", password)
	if err == nil {
		return ""
	}
	_, data, ok := strings.Cut(err.Error(), "data ")
	if !ok {
		l.Fatalf("bind: %v", err)
	}
	code, _, _ := strings.Cut(data, ",")
	return code
}

func (l *lab) binds(password, want string) {
	l.Helper()
	if got := l.bind(password); got != want {
		l.Errorf("bind with %q: %q, want %q", password, got, want)
	}
}

func (l *lab) has(dn, attribute, want string) {
	l.Helper()
	if got := strings.Join(l.Get(dn, attribute), "|"); got != want {
		l.Errorf("%s is %q, want %q", attribute, got, want)
	}
}

func quote(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + s + `"`)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

type step func(*ldap.ModifyRequest)

func replace(name string, v ...string) step {
	return func(m *ldap.ModifyRequest) { m.Replace(name, v) }
}

func reset(password string) step { return replace("unicodePwd", quote(password)) }

func exchange(old, new string) step {
	return func(m *ldap.ModifyRequest) {
		m.Delete("unicodePwd", []string{quote(old)})
		m.Add("unicodePwd", []string{quote(new)})
	}
}

func with(c ldap.Control) step {
	return func(m *ldap.ModifyRequest) { m.Controls = append(m.Controls, c) }
}

func modify(c *ldap.Conn, dn string, steps ...step) error {
	m := ldap.NewModifyRequest(dn, nil)
	for _, s := range steps {
		s(m)
	}
	return c.Modify(m)
}

// want compares a result: "" for success, "19 0000052D", "50", or "lost" for
// no answer.
func (l *lab) want(err error, want string) {
	l.Helper()
	got := "lost"
	var e *ldap.Error
	switch {
	case err == nil:
		got = ""
	case errors.As(err, &e) && e.ResultCode < ldap.ErrorNetwork:
		got = fmt.Sprintf("%d %v", e.ResultCode, e.Err)
	}
	if got != want && (want == "" || !strings.HasPrefix(got, want)) {
		l.Errorf("got %q, want %q (%v)", got, want, err)
	}
}
