package ad_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/samba"
)

// The questions that are asked for corp.example.test.
const (
	askAll = "_ldap._tcp.dc._msdcs.corp.example.test"
	askPDC = "_ldap._tcp.pdc._msdcs.corp.example.test"
)

var loopback = [4]byte{127, 0, 0, 1}

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// portOf is the port of a URL.
func portOf(t testing.TB, s string) uint16 {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

// lookedUp makes a client that knows of no controller but what DNS says. The
// records carry the lab's StartTLS port.
func (l *lab) lookedUp(s *nameServer, change ...func(*ad.Config)) *ad.Client {
	l.Helper()
	return l.domainClient(append([]func(*ad.Config){func(c *ad.Config) {
		c.Controllers = nil
		c.Discovery = &ad.Discovery{Domain: "corp.example.test", StartTLS: true, Resolver: s.resolver()}
	}}, change...)...)
}

// foundLab is a controller that a name server names.
func foundLab(t *testing.T) (*lab, *nameServer) {
	l, s := minidcLab(t), newNameServer(t)
	port := portOf(t, l.StartTLSURL)
	s.named(askAll, port, "dc1.corp.example.test")
	s.named(askPDC, port, "dc1.corp.example.test")
	s.at("dc1.corp.example.test", loopback)
	return l, s
}

func (l *lab) lookup(c *ad.Client) ad.Lookup {
	l.Helper()
	last, ok := c.Discovery()
	if !ok {
		l.Fatal("this client looks nothing up")
	}
	return last
}

func (l *lab) nameOf(host string) string {
	l.Helper()
	return net.JoinHostPort(host, strconv.Itoa(int(portOf(l, l.StartTLSURL))))
}

func TestDNSNamesTheControllers(t *testing.T) {
	l, s := foundLab(t)
	p := l.person()
	p.lock()
	c := l.lookedUp(s)
	if err := c.Ready(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	a, err := c.Unlock(ctxFor(t), ad.Write{Target: p.GUID})
	if err != nil || a.Locked || a.Controller != l.nameOf("dc1.corp.example.test") {
		t.Errorf("%+v, %v", a, err)
	}
	last := l.lookup(c)
	if last.Err != nil || !slices.Equal(last.Controllers, []string{a.Controller}) || len(last.Questions) != 2 || last.Questions[0].Records != 1 {
		t.Errorf("%+v", last)
	}
	if wait := last.Next.Sub(last.At); wait < 5*time.Minute || wait > 15*time.Minute {
		t.Errorf("asked again after %v", wait)
	}
	if s.count(askAll) != 1 {
		t.Errorf("asked %d times", s.count(askAll))
	}
}

// The real controller's own name server, and LDAPS on 636, which has no record.
func TestSambasOwnRecordsLeadToIt(t *testing.T) {
	dc := samba.New(t, samba.Options{DNS: true})
	if err := dc.Register(); err != nil {
		t.Fatal(err)
	}
	resolver, err := ad.NameServers(dc.Address)
	if err != nil {
		t.Fatal(err)
	}
	for _, site := range []string{"", "Default-First-Site-Name", "No-Such-Site"} {
		for _, startTLS := range []bool{false, true} {
			c, err := ad.Open(ad.Config{CAFile: dc.CAFile, Read: ad.Service{Bind: dc.ServiceBind, Password: pw(dc.ServicePassword)},
				Discovery: &ad.Discovery{Domain: dc.Domain, Site: site, StartTLS: startTLS, Resolver: resolver}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Ready(ctxFor(t)); err != nil {
				t.Fatalf("site %q, StartTLS %v: %v", site, startTLS, err)
			}
			infos, err := c.Capabilities(ctxFor(t))
			if err != nil || len(infos) != 1 || infos[0].Name != dc.Host || !infos[0].PDCEmulator || infos[0].Site != "Default-First-Site-Name" {
				t.Errorf("site %q: %+v, %v", site, infos, err)
			}
			last, _ := c.Discovery()
			if site == "No-Such-Site" && (last.Questions[1].Err == nil || last.Err != nil) {
				t.Errorf("%+v", last)
			}
			if site == "Default-First-Site-Name" && last.Questions[1].Records != 1 {
				t.Errorf("%+v", last)
			}
		}
	}
}

func TestTheSitesControllersAreAskedFirst(t *testing.T) {
	s := newNameServer(t)
	s.named("_ldap._tcp.Berlin._sites.dc._msdcs.corp.example.test", 389)
	s.set(func(s *nameServer) {
		s.srv["_ldap._tcp.berlin._sites.dc._msdcs.corp.example.test"] = []dnsmessage.SRVResource{
			{Priority: 0, Weight: 1, Port: 389, Target: dnsmessage.MustNewName("near.corp.example.test.")}}
	})
	s.named(askAll, 389, "far.corp.example.test", "near.corp.example.test")
	s.named(askPDC, 389, "pdc.corp.example.test")
	l := minidcLab(t)
	c := l.lookedUp(s, func(c *ad.Config) { c.Discovery.Site, c.OpTimeout = "Berlin", time.Second })
	_, _ = c.Capabilities(ctxFor(t))
	want := []string{"pdc.corp.example.test", "near.corp.example.test", "far.corp.example.test"}
	if last := l.lookup(c); !slices.Equal(last.Controllers, want) {
		t.Errorf("%v", last.Controllers)
	}
}

func TestALowerPriorityIsAskedFirst(t *testing.T) {
	s := newNameServer(t)
	s.set(func(s *nameServer) {
		for i, host := range []string{"c", "a", "b"} {
			s.srv[askAll] = append(s.srv[askAll], dnsmessage.SRVResource{Priority: []uint16{20, 0, 10}[i], Port: 389,
				Target: dnsmessage.MustNewName(host + ".corp.example.test.")})
		}
	})
	l := minidcLab(t)
	c := l.lookedUp(s, func(c *ad.Config) { c.OpTimeout = time.Second })
	_, _ = c.Capabilities(ctxFor(t))
	if got := l.lookup(c).Controllers; !slices.Equal(got, []string{"a.corp.example.test", "b.corp.example.test", "c.corp.example.test"}) {
		t.Errorf("%v", got)
	}
}

func TestHostileAnswersNameNobody(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*nameServer)
		want  string
	}{
		{"another domain", func(s *nameServer) { s.named(askAll, 389, "dc1.evil.test") }, "no record names a controller"},
		{"the domain's name as a prefix", func(s *nameServer) { s.named(askAll, 389, "corp.example.test.evil.test") }, "no record names"},
		{"a suffix without a dot", func(s *nameServer) { s.named(askAll, 389, "evilcorp.example.test") }, "no record names"},
		{"further below: another domain of the forest", func(s *nameServer) { s.named(askAll, 389, "dc1.child.corp.example.test") }, "no record names"},
		{"the domain itself", func(s *nameServer) { s.named(askAll, 389, "corp.example.test") }, "no record names"},
		{"an address", func(s *nameServer) { s.named(askAll, 389, "127.0.0.1") }, "no record names"},
		{"a slash", func(s *nameServer) { s.named(askAll, 389, "a/b.corp.example.test") }, "no record names"},
		{"an at sign", func(s *nameServer) { s.named(askAll, 389, "a@b.corp.example.test") }, "no record names"},
		{"port 0", func(s *nameServer) { s.named(askAll, 0, "dc1.corp.example.test") }, "no record names"},
		{"not available", func(s *nameServer) { s.named(askAll, 0, ".") }, "no record names"},
		{"no such name", func(s *nameServer) {}, "no such host"},
		{"failure", func(s *nameServer) { s.code = dnsmessage.RCodeServerFailure }, "server misbehaving"},
		{"refusal", func(s *nameServer) { s.code = dnsmessage.RCodeRefused }, "server misbehaving"},
		{"cut short without TCP", func(s *nameServer) {
			s.named(askAll, 389, "dc1.corp.example.test")
			s.cut, s.noTCP = true, true
		}, "look up the controllers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newNameServer(t)
			tc.spoil = locked(tc.spoil)
			tc.spoil(s)
			l := minidcLab(t)
			_, err := l.lookedUp(s).Capabilities(ctxFor(t))
			if !errors.Is(err, ad.ErrUnavailable) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// locked lets a test change fields that the server reads.
func locked(f func(*nameServer)) func(*nameServer) {
	return func(s *nameServer) {
		plain := &nameServer{TB: s.TB, srv: s.srv, hosts: s.hosts}
		f(plain)
		s.set(func(s *nameServer) {
			s.code, s.cut, s.noTCP, s.silent = plain.code, plain.cut, plain.noTCP, plain.silent
		})
	}
}

func TestASilentNameServerIsGivenUpInTime(t *testing.T) {
	s := newNameServer(t)
	s.set(func(s *nameServer) { s.silent = true })
	l := minidcLab(t)
	c := l.lookedUp(s)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	if _, err := c.Resolve(ctx, "ada"); !errors.Is(err, ad.ErrUnavailable) || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAnAnswerThatIsCutShortIsReadOverTCP(t *testing.T) {
	l, s := foundLab(t)
	s.set(func(s *nameServer) { s.cut = true })
	if err := l.lookedUp(s).Ready(ctxFor(t)); err != nil {
		t.Error(err)
	}
}

func TestOfManyControllersAFewAreUsed(t *testing.T) {
	l, s := foundLab(t)
	var hosts []string
	for i := range 500 {
		hosts = append(hosts, fmt.Sprintf("dc%d.corp.example.test", i+2))
	}
	s.named(askAll, 389, hosts...)
	c := l.lookedUp(s)
	if err := c.Ready(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	last := l.lookup(c)
	if len(last.Controllers) != 16 || last.Left != 485 || last.Controllers[0] != l.nameOf("dc1.corp.example.test") {
		t.Errorf("%d used, %d left: %v", len(last.Controllers), last.Left, last.Controllers)
	}
}

// A name that DNS lies about has no certificate, and gets no password.
func TestTheCertificateMustNameTheHostThatDNSNamed(t *testing.T) {
	l, s := foundLab(t)
	s.named(askAll, portOf(t, l.StartTLSURL), "web.corp.example.test")
	s.named(askPDC, portOf(t, l.StartTLSURL), "web.corp.example.test")
	s.at("web.corp.example.test", loopback)
	var wrong x509.HostnameError
	if err := l.lookedUp(s).Ready(ctxFor(t)); !errors.Is(err, ad.ErrUnavailable) || !errors.As(err, &wrong) {
		t.Error(err)
	}
}

func TestAControllerOfAnotherDomainIsRefused(t *testing.T) {
	other := minidc.New(minidc.Config{Domain: "other.example.test", Host: "dc1.corp.example.test"})
	t.Cleanup(func() { other.Close() })
	l, s := foundLab(t)
	clear, err := other.ListenLDAP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := other.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.named(askAll, portOf(t, clear), "dc1.corp.example.test")
	s.named(askPDC, portOf(t, clear), "dc1.corp.example.test")
	c := l.lookedUp(s, func(c *ad.Config) {
		c.CAFile, c.Read = file, ad.Service{Bind: "administrator@other.example.test", Password: pw(minidc.AdminPassword)}
	})
	if err := c.Ready(ctxFor(t)); !errors.Is(err, ad.ErrProtocol) || !strings.Contains(err.Error(), `"other.example.test"`) {
		t.Error(err)
	}
}

func TestDiscoveryIsCheckedWhenItIsOpened(t *testing.T) {
	_, err := ad.Open(ad.Config{Read: ad.Service{Bind: "svc", Password: pw("x")}, Discovery: &ad.Discovery{Domain: "corp..test", Site: "a b"}})
	if err == nil || !strings.Contains(err.Error(), "corp..test") || !strings.Contains(err.Error(), "a b") {
		t.Error(err)
	}
	for _, bad := range [][]string{nil, {"dns.example.test"}, {"127.0.0.1:0"}, {"127.0.0.1:99999"}, {"::1:x"}} {
		if _, err := ad.NameServers(bad...); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, good := range []string{"127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:53"} {
		if _, err := ad.NameServers(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

const (
	minute    = time.Minute
	oneSecond = time.Second
)
