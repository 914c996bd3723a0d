package ad_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/doctor"
)

// ward is a right installation on two in-memory controllers, which a test spoils
// and mends.
type ward struct {
	testing.TB
	one, other    *minidc.Server
	oneURL, clear string // of the first controller
	otherURL      string
	cfg           ad.Config
	doc           ad.DoctorConfig
	plain, secure string // ports that stand for 389 and 636
	kept          []func()
}

const (
	reader    = "CN=svc-read,OU=Service," + miniBase
	writer    = "CN=svc-write,OU=Service," + miniBase
	readBind  = "svc-read@corp.example.test"
	writeBind = "svc-write@corp.example.test"
	alice     = "CN=Alice Doe," + miniStaff
	approvers = "CN=Approvers,OU=Groups," + miniBase
	admins    = "CN=Domain Admins,CN=Users," + miniBase
	pso       = "CN=latchkey-service,CN=Password Settings Container,CN=System," + miniBase
)

func newWard(t testing.TB) *ward {
	return wardOf(t, minidc.Config{PolicyHints: true}, minidc.Config{PolicyHints: true})
}

func wardOf(t testing.TB, first, second minidc.Config) *ward {
	w := &ward{TB: t}
	// The clock stands, so that a busy machine is no slow controller.
	at := time.Now()
	first.Now = func() time.Time { return at }
	w.one = minidc.New(first)
	for _, ou := range []string{miniStaff, miniOthers, "OU=Groups," + miniBase, "OU=Service," + miniBase} {
		w.one.AddOU(ou)
	}
	for _, name := range []string{"svc-read", "svc-write"} {
		w.one.AddUser(minidc.User{Name: name, Parent: "OU=Service," + miniBase, Account: name, Password: svcPassword,
			Attributes: attrs{"userAccountControl": {"66048"}}})
	}
	w.one.AddUser(minidc.User{Name: "Alice Doe", Parent: miniStaff, Account: "alice", Password: start})
	w.one.AddGroup(minidc.Group{Name: "Approvers", Parent: "OU=Groups," + miniBase, Members: []string{alice}})
	w.rights()
	w.one.Delegate(reader, miniStaff, minidc.ReadPSOs)
	w.policy(func(*minidc.Policy) {})
	w.one.AddPSO(minidc.PSO{Name: "latchkey-service", Precedence: 1, AppliesTo: []string{reader, writer},
		Policy: minidc.Policy{MinLength: 24, Complexity: true, History: 24}})
	second.Host = "dc2.corp.example.test"
	w.other = w.one.Join(second)
	t.Cleanup(func() { w.one.Close(); w.other.Close() })
	must := func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	w.oneURL, w.clear = must(w.one.ListenLDAPS("127.0.0.1:0")), must(w.one.ListenLDAP("127.0.0.1:0"))
	w.otherURL = must(w.other.ListenLDAPS("127.0.0.1:0"))
	w.plain, w.secure = port(w.clear), port(w.oneURL)
	w.cfg = ad.Config{Controllers: []string{w.oneURL, w.otherURL}, CAFile: must(w.one.CAFile(t.TempDir())), OpTimeout: 10 * time.Second, Now: first.Now,
		Read: ad.Service{Bind: readBind, Password: pw(svcPassword)}, Write: ad.Service{Bind: writeBind, Password: pw(svcPassword)}}
	w.doc = ad.DoctorConfig{OUs: []string{miniStaff}, Groups: []string{approvers}}
	return w
}

func (w *ward) rights() {
	w.one.Delegate(writer, miniStaff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet, minidc.ReadPSOs)
}

// policy sets the domain's policy to a sound one, changed.
func (w *ward) policy(change func(*minidc.Policy)) {
	p := minidc.Policy{MinLength: 12, Complexity: true, History: 24, LockoutThreshold: 10, LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute}
	change(&p)
	w.one.SetDomainPolicy(p)
}

func port(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u.Port()
}

// run is one run of the doctor, as a command makes it: with a client of its own.
func (w *ward) run() []doctor.Finding {
	w.Helper()
	c, err := ad.Open(w.cfg)
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	var r doctor.Report
	before := [2]minidc.Counters{w.one.Counters(), w.other.Counters()}
	c.Doctor(ctxFor(w), w.doc.Ports(w.plain, w.secure), &r)
	for i, after := range []minidc.Counters{w.one.Counters(), w.other.Counters()} {
		b := before[i]
		if after.Modifies+after.Adds+after.Deletes+after.Renames != b.Modifies+b.Adds+b.Deletes+b.Renames {
			w.Errorf("controller %d was written to", i+1)
		}
	}
	return r.Findings()
}

// bad leaves what is not green.
func bad(findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Severity == doctor.OK })
}

func list(findings []doctor.Finding) string {
	var s strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&s, "\n  %s %s [%s] %s %v", f.Severity, f.ID, f.Subject, f.Seen, f.Mend)
	}
	return s.String()
}

func has(findings []doctor.Finding, id string) (doctor.Finding, bool) {
	for _, f := range findings {
		if f.ID == id && f.Severity != doctor.OK {
			return f, true
		}
	}
	return doctor.Finding{}, false
}

func TestARightInstallationIsGreen(t *testing.T) {
	w := newWard(t)
	all := w.run()
	if spoiled := bad(all); len(spoiled) > 0 {
		t.Errorf("found%s", list(spoiled))
	}
	areas := map[string]bool{}
	for _, f := range all {
		areas[f.ID] = true
		if f.Seen == "" || f.Subject == "" {
			t.Errorf("%s says nothing of %q", f.ID, f.Subject)
		}
	}
	for _, area := range []string{"address", "port", "tls", "tls-version", "plain-bind", "root", "clock", "level", "policy-hints", "latency", "bind",
		"roles", "controllers", "base", "password-policy", "service", "privileges", "pso", "unit", "unit-protected", "rights", "unit-control", "reads", "reader",
		"protected", "policy-group"} {
		if !areas["ad."+area] {
			t.Errorf("nothing was reported of %s", area)
		}
	}
	t.Logf("%d checks", len(all))
}
