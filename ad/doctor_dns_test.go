package ad_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/doctor"
)

const askBerlin = "_ldap._tcp.berlin._sites.dc._msdcs.corp.example.test"

// byDNS is the same right installation where nothing but its own name server knows
// the controllers, as with a machine that is no member of the domain.
func (w *ward) byDNS() *nameServer {
	s := newNameServer(w)
	second, err := w.other.ListenLDAP("127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	s.set(func(s *nameServer) {
		for i, port := range []uint16{portOf(w, w.clear), portOf(w, second)} {
			host := fmt.Sprintf("dc%d.corp.example.test", i+1)
			s.hosts[host] = loopback
			record := dnsmessage.SRVResource{Priority: uint16(i), Weight: 100, Port: port, Target: dnsmessage.MustNewName(host + ".")}
			s.srv[askAll] = append(s.srv[askAll], record)
			s.srv[askBerlin] = append(s.srv[askBerlin], record)
			if i == 0 {
				s.srv[askPDC] = []dnsmessage.SRVResource{record}
			}
		}
	})
	w.secure = "1" // StartTLS it is
	w.cfg.Controllers = nil
	w.cfg.Discovery = &ad.Discovery{Domain: "corp.example.test", Site: "Berlin", StartTLS: true, Resolver: s.resolver(), Servers: []string{s.addr}}
	return s
}

// withoutRecords takes the answer to questions away until the mending.
func withoutRecords(questions ...string) func(*ward) {
	return func(w *ward) {
		s := w.byDNS()
		for _, q := range questions {
			var before []dnsmessage.SRVResource
			s.set(func(s *nameServer) { before = s.srv[q]; delete(s.srv, q) })
			w.undo(func() { s.set(func(s *nameServer) { s.srv[q] = before }) })
		}
	}
}

// moreRecords adds records to the domain's until the mending.
func (w *ward) moreRecords(s *nameServer, hosts ...string) {
	var before []dnsmessage.SRVResource
	s.set(func(s *nameServer) {
		before = s.srv[askAll]
		for _, h := range hosts {
			s.srv[askAll] = append(s.srv[askAll][:len(s.srv[askAll]):len(s.srv[askAll])], dnsmessage.SRVResource{
				Priority: 9, Weight: 100, Port: before[0].Port, Target: dnsmessage.MustNewName(h + ".")})
		}
	})
	w.undo(func() { s.set(func(s *nameServer) { s.srv[askAll] = before }) })
}

var dnsIlls = []ill{
	{kind: "dns-unanswered", provoke: func(w *ward) {
		s := w.byDNS()
		w.both(func() { s.set(func(s *nameServer) { s.code = dnsmessage.RCodeServerFailure }) }, func() { s.set(func(s *nameServer) { s.code = 0 }) })
	}},
	{kind: "srv-missing", provoke: withoutRecords(askAll)},
	{kind: "srv-pdc-missing", provoke: withoutRecords(askPDC)},
	{kind: "site-unknown", provoke: withoutRecords(askBerlin)},
	{kind: "srv-refused", provoke: func(w *ward) { w.moreRecords(w.byDNS(), "dc1.evil.test") }},
	{kind: "controllers-left", provoke: func(w *ward) {
		s := w.byDNS()
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) {
			d := *c.Discovery
			d.Site = ""
			c.Discovery, c.OpTimeout = &d, 2*time.Second
		})
		var hosts []string
		for i := range 20 {
			hosts = append(hosts, fmt.Sprintf("dc%d.corp.example.test", i+3))
		}
		w.moreRecords(s, hosts...)
	}},
	{kind: "no-controllers", provoke: withoutRecords(askAll, askPDC, askBerlin)},
}

func TestAnInstallationThatOnlyItsOwnNameServersKnowIsGreen(t *testing.T) {
	w := newWard(t)
	w.byDNS()
	if _, err := net.DefaultResolver.LookupHost(ctxFor(t), "dc1.corp.example.test"); err == nil {
		t.Fatal("the machine's own name servers know the controller")
	}
	all := w.run()
	if spoiled := bad(all); len(spoiled) > 0 {
		t.Errorf("found%s", list(spoiled))
	}
	seen := map[string]int{}
	for _, f := range all {
		seen[f.ID]++
	}
	if seen["ad.discovery"] != 1 || seen["ad.address"] != 2 || seen["ad.plain-bind"] != 2 {
		t.Errorf("looked at %v", seen)
	}
}

func TestNameServersThatNobodyAnswersAtAreAFailure(t *testing.T) {
	w := newWard(t)
	resolver, err := ad.NameServers("127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.Controllers = nil
	w.cfg.Discovery = &ad.Discovery{Domain: "corp.example.test", Site: "Nowhere", Resolver: resolver, Servers: []string{"127.0.0.1:9"}}
	findings := w.run()
	for _, id := range []string{"ad.dns-unanswered", "ad.no-controllers"} {
		if f, ok := has(findings, id); !ok || f.Severity != doctor.Failure {
			t.Errorf("%s is not found among%s", id, list(findings))
		}
	}
	f, _ := has(findings, "ad.dns-unanswered")
	if said := strings.Join(texts(f.Mend), "\n"); !strings.Contains(said, "dig @'127.0.0.1' -p '9' SRV '"+askAll+"'") {
		t.Errorf("to mend it: %s", said)
	}
}

func TestLinesForDNSAskTheConfiguredServersAndNameTheRecord(t *testing.T) {
	w := newWard(t)
	s := w.byDNS()
	w.moreRecords(s, "dc1.evil.test", "dc9.corp.example.test")
	w.cfg.Discovery.Servers = []string{"10.1.2.3"}
	var all []string
	for _, f := range bad(w.run()) {
		all = append(all, texts(f.Mend)...)
	}
	said := strings.Join(all, "\n")
	for _, want := range []string{
		"dig @'10.1.2.3' -p '53' A 'dc9.corp.example.test'",
		"Resolve-DnsName -Server '10.1.2.3' -Type A 'dc9.corp.example.test'",
		"$_.RecordData.DomainName -eq 'dc1.evil.test.'",
		fmt.Sprintf("samba-tool dns delete localhost '_msdcs.corp.example.test' '_ldap._tcp.dc' SRV 'dc1.evil.test %s 9 100' -U Administrator", w.plain),
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no line says %s in\n%s", want, said)
		}
	}
}

// The rest of the domain's controllers is left on purpose where the site says who
// is near.
func TestControllersBeyondTheSiteAreNoFinding(t *testing.T) {
	w := newWard(t)
	s := w.byDNS()
	w.cfg.OpTimeout = 2 * time.Second
	var hosts []string
	for i := range 20 {
		hosts = append(hosts, fmt.Sprintf("dc%d.corp.example.test", i+3))
	}
	w.moreRecords(s, hosts...)
	if f, ok := has(w.run(), "ad.controllers-left"); ok {
		t.Errorf("found %s", f.Seen)
	}
}

func TestWhatDNSLacksIsTold(t *testing.T) {
	many := func(w *ward, s *nameServer) {
		var hosts []string
		for i := range 20 {
			hosts = append(hosts, fmt.Sprintf("dc%d.corp.example.test", i+3))
		}
		w.moreRecords(s, hosts...)
	}
	for _, tc := range []struct {
		name  string
		spoil func(*ward, *nameServer)
		want  []string
	}{
		{"records that say: not available here", func(_ *ward, s *nameServer) {
			for _, q := range []string{askAll, askPDC, askBerlin} {
				s.named(q, 0, ".")
			}
		}, []string{"ad.srv-missing", "ad.no-controllers"}},
		{"a server that says nothing", func(w *ward, s *nameServer) {
			w.cfg.OpTimeout = 300 * time.Millisecond
			s.set(func(s *nameServer) { s.silent = true })
		}, []string{"ad.dns-unanswered", "ad.no-controllers"}},
		{"an unknown site among many controllers", func(w *ward, s *nameServer) {
			w.cfg.OpTimeout, w.cfg.Discovery.Site = 2*time.Second, "Nowhere"
			many(w, s)
		}, []string{"ad.site-unknown", "ad.controllers-left"}},
		{"one stranger at another controller's side", func(w *ward, s *nameServer) { w.moreRecords(s, "dc1.evil.test") }, []string{"ad.srv-refused"}},
		{"nobody but strangers", func(_ *ward, s *nameServer) {
			for _, q := range []string{askAll, askPDC, askBerlin} {
				s.named(q, 389, "dc1.evil.test")
			}
		}, []string{"ad.srv-refused", "ad.no-controllers"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			tc.spoil(w, w.byDNS())
			findings := w.run()
			for _, id := range tc.want {
				if _, ok := has(findings, id); !ok {
					t.Errorf("%s is not found among%s", id, list(bad(findings)))
				}
			}
		})
	}
}

func TestPlainLDAPIsTriedWhereTheConfiguredServersLead(t *testing.T) {
	w := wardOf(t, minidc.Config{PolicyHints: true, ClearBind: true}, minidc.Config{PolicyHints: true})
	w.byDNS()
	if _, ok := has(w.run(), "ad.plain-bind-taken"); !ok {
		t.Error("a password over plain LDAP is not told of")
	}
}
