package ad_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/samba"
	"github.com/latchkey/latchkey/secret"
)

// lab is a controller that a test may do anything to, and a client of it.
type lab struct {
	testing.TB
	Engine                  string
	URL, StartTLSURL        string
	CAFile                  string
	TLS                     *tls.Config
	Base, Domain, Staff, Ot string // DNs, and the DNS name
	Admin, Service          ad.Service
	ServiceDN               string
	Backdate                func(dn string, pwdLastSet int64) error

	admin  *ldap.Conn
	second *lab                               // of another controller of the same domain, where there is one
	server *minidc.Server                     // of a child domain
	baseDN string                             // for the configuration
	open   func(ad.Config) (directory, error) // nil opens a Client
}

// real is the Samba controller that all tests share; TestMain stops it.
var real *samba.DC

func TestMain(m *testing.M) {
	code := m.Run()
	if real != nil {
		real.Stop()
	}
	os.Exit(code)
}

// sambaLab starts the real controller at its first use.
func sambaLab(t testing.TB) *lab {
	t.Helper()
	samba.Require(t)
	if real == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		dc, err := samba.Start(ctx, samba.Options{})
		if err != nil {
			t.Fatal(err)
		}
		real = dc
	}
	return &lab{
		TB: t, Engine: "samba", URL: real.LDAPSURL, StartTLSURL: real.LDAPURL, CAFile: real.CAFile, TLS: real.TLS(),
		Base: real.BaseDN, Domain: real.Domain, Staff: real.StaffOU, Ot: real.OthersOU,
		Admin:     ad.Service{Bind: real.AdminBind, Password: secret.New(real.AdminPassword)},
		Service:   ad.Service{Bind: real.ServiceBind, Password: secret.New(real.ServicePassword)},
		ServiceDN: real.Service, Backdate: real.Backdate,
	}
}

// everywhere runs a test against every engine, at once: much of it is waiting.
func everywhere(t *testing.T, f func(*lab)) {
	for _, engine := range []struct {
		name string
		open func(testing.TB) *lab
	}{{"minidc", minidcLab}, {"forest of one", forestOfOne}, {"forest of two", forestOfTwo}, {"samba", sambaLab}} {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			f(engine.open(t))
		})
	}
}

func (l *lab) config() ad.Config {
	return ad.Config{Controllers: []string{l.URL}, CAFile: l.CAFile, BaseDN: l.baseDN, Read: l.Service, OpTimeout: 5 * time.Second}
}

// client opens what the lab is about: a Client, or a Forest.
func (l *lab) client(change ...func(*ad.Config)) directory {
	l.Helper()
	if l.open == nil {
		return l.domainClient(change...)
	}
	cfg := l.config()
	for _, f := range change {
		f(&cfg)
	}
	c, err := l.open(cfg)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(c.Close)
	return c
}

func (l *lab) domainClient(change ...func(*ad.Config)) *ad.Client {
	l.Helper()
	cfg := l.config()
	for _, f := range change {
		f(&cfg)
	}
	c, err := ad.Open(cfg)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(c.Close)
	return c
}

// conn is the administrator's connection.
func (l *lab) conn() *ldap.Conn {
	l.Helper()
	if l.admin != nil {
		return l.admin
	}
	c, err := ldap.DialURL(l.URL, ldap.DialWithTLSConfig(l.TLS))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close() })
	if err := c.Bind(l.Admin.Bind, l.Admin.Password.Reveal()); err != nil {
		l.Fatal(err)
	}
	l.admin = c
	return c
}

type attrs map[string][]string

var serial atomic.Int64

// fresh makes a name that nobody has.
func fresh(prefix string) string {
	return fmt.Sprintf("%s%d-%d", prefix, os.Getpid()%10000, serial.Add(1))
}

const start = "Start-Pass.1word"

// person adds somebody below the delegated OU.
func (l *lab) person(extra ...attrs) person { l.Helper(); return l.personIn(l.Staff, extra...) }

func (l *lab) personIn(ou string, extra ...attrs) person {
	l.Helper()
	sam := fresh("p")
	p := person{lab: l, SAM: sam, UPN: sam + "@" + l.Domain, DN: "CN=" + sam + "," + ou}
	a := attrs{"objectClass": {"user"}, "sAMAccountName": {sam}, "userPrincipalName": {p.UPN}, "userAccountControl": {"512"},
		"displayName": {"Person " + sam}, "unicodePwd": {quote(start)}}
	for _, x := range extra {
		maps.Copy(a, x)
	}
	l.add(p.DN, a)
	p.GUID = l.guid(p.DN)
	return p
}

type person struct {
	lab          *lab
	DN, SAM, UPN string
	GUID         ad.GUID
}

func (l *lab) add(dn string, a attrs) {
	l.Helper()
	r := ldap.NewAddRequest(dn, nil)
	for name, values := range a {
		r.Attribute(name, values)
	}
	if err := l.conn().Add(r); err != nil {
		l.Fatalf("add %s: %v", dn, err)
	}
}

func (l *lab) set(dn, name string, values ...string) {
	l.Helper()
	r := ldap.NewModifyRequest(dn, nil)
	r.Replace(name, values)
	if err := l.conn().Modify(r); err != nil {
		l.Fatalf("set %s of %s: %v", name, dn, err)
	}
}

func (l *lab) join(group, member string) {
	l.Helper()
	r := ldap.NewModifyRequest(group, nil)
	r.Add("member", []string{member})
	if err := l.conn().Modify(r); err != nil {
		l.Fatalf("join %s: %v", group, err)
	}
}

func (l *lab) get(dn, name string) *ldap.Entry {
	l.Helper()
	res, err := l.conn().Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{name}, nil))
	if err != nil || len(res.Entries) != 1 {
		l.Fatalf("read %s: %v", dn, err)
	}
	return res.Entries[0]
}

func (l *lab) number(dn, name string) int64 {
	l.Helper()
	s := l.get(dn, name).GetAttributeValue(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		l.Fatal(err)
	}
	return n
}

func (l *lab) guid(dn string) ad.GUID {
	l.Helper()
	g, err := ad.GUIDFromBytes(l.get(dn, "objectGUID").GetRawAttributeValue("objectGUID"))
	if err != nil {
		l.Fatal(err)
	}
	return g
}

// group adds a group; kind is groupType.
func (l *lab) group(kind int, members ...string) string {
	l.Helper()
	name := fresh("g")
	dn := "CN=" + name + "," + l.Staff
	a := attrs{"objectClass": {"group"}, "sAMAccountName": {name}, "groupType": {strconv.Itoa(kind)}}
	if len(members) > 0 {
		a["member"] = members
	}
	l.add(dn, a)
	return dn
}

// Kinds of groups (MS-ADTS 2.2.12).
const (
	globalSecurity    = -0x80000000 | 2
	universalSecurity = -0x80000000 | 8
	localSecurity     = -0x80000000 | 4
	globalList        = 2
	universalList     = 8
)

// bind signs in outside of the client, and returns the sub-code or "".
func (p person) bind(password string) string {
	p.lab.Helper()
	c, err := ldap.DialURL(p.lab.URL, ldap.DialWithTLSConfig(p.lab.TLS))
	if err != nil {
		p.lab.Fatal(err)
	}
	defer c.Close()
	err = c.Bind(p.DN, password)
	if err == nil {
		return ""
	}
	_, rest, _ := strings.Cut(err.Error(), "data ")
	code, _, _ := strings.Cut(rest, ",")
	if code == "" {
		p.lab.Fatal(err)
	}
	return code
}

// lock locks by wrong passwords.
func (p person) lock() {
	p.lab.Helper()
	for range 10 {
		if p.bind("wrong") == "775" {
			return
		}
	}
	p.lab.Fatal("ten wrong passwords did not lock")
}

func quote(password string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func pw(s string) secret.Text { return secret.New(s) }
