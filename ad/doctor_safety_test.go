package ad_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/doctor"
)

func TestTheDoctorTriesAWrongPasswordOnce(t *testing.T) {
	w := newWard(t)
	w.cfg.Read.Password, w.cfg.Write.Password = pw("wrong"), pw("wrong too")
	findings := w.run()
	if bad := w.one.Counters().BadBinds + w.other.Counters().BadBinds; bad != 2 {
		t.Errorf("%d wrong passwords for two accounts on two controllers", bad)
	}
	for _, dn := range []string{reader, writer} {
		if n := w.one.Get(dn, "badPwdCount")[0]; n > "1" {
			t.Errorf("%s counts %s", dn, n)
		}
	}
	if f, ok := has(findings, "ad.bind-password"); !ok || f.Severity != doctor.Failure {
		t.Errorf("found%s", list(bad(findings)))
	}
}

func TestTheDoctorLocksNobodyByTryingPlainLDAP(t *testing.T) {
	w := wardOf(t, minidc.Config{PolicyHints: true, ClearBind: true}, minidc.Config{PolicyHints: true})
	for range 12 { // over the threshold
		w.run()
	}
	for _, dn := range []string{reader, writer, alice, "CN=Administrator,CN=Users," + miniBase} {
		if n := w.one.Get(dn, "badPwdCount"); len(n) > 0 && n[0] != "0" {
			t.Errorf("%s counts %s", dn, n)
		}
	}
}

func TestTheDoctorSendsNoPasswordThroughUnverifiedTLS(t *testing.T) {
	w := newWard(t)
	w.cfg.CAFile = otherCAFor(w)
	w.run()
	if n := w.one.Counters().Binds + w.other.Counters().Binds; n != 0 {
		t.Errorf("%d binds to controllers that nobody vouches for", n)
	}
}

func TestHostileAnswersAreReportedAndHarmNothing(t *testing.T) {
	properties := strings.Fields(`defaultNamingContext dnsHostName dsServiceName vendorName supportedControl supportedCapabilities namingContexts
		currentTime domainFunctionality isSynchronized configurationNamingContext tokenGroups`)
	for _, junk := range []string{"", "\x00", "\x1b[2J\r\nhere", strings.Repeat("A", 1<<16), "\xff\xfe", "DC=a,,=", "-1", "99999999999999999999"} {
		w := newWard(t)
		for _, p := range properties {
			if p != "supportedCapabilities" {
				w.one.Answer(p, junk)
			}
		}
		for name, values := range map[string][]string{"servicePrincipalName": {junk}, "userWorkstations": {junk}, "logonHours": {junk},
			"accountExpires": {junk}, "pwdLastSet": {junk}} {
			if junk != "" {
				w.one.Set(writer, name, values...)
			}
		}
		findings := w.run()
		if len(bad(findings)) == 0 {
			t.Errorf("%.20q: all is well", junk)
		}
		for _, f := range findings {
			for _, s := range append([]string{f.Subject, f.Seen}, texts(f.Mend)...) {
				if len(s) > 4096 || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%.20q: %s says %.200q", junk, f.ID, s)
				}
			}
		}
	}
}

func texts(lines []doctor.Line) (out []string) {
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func TestTheDoctorEndsWithItsContext(t *testing.T) {
	w := newWard(t)
	w.one.Inject(minidc.Silent().On(minidc.OpSearch))
	w.other.Inject(minidc.Silent().On(minidc.OpSearch))
	c, err := ad.Open(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctxFor(t), 500*time.Millisecond)
	defer cancel()
	var r doctor.Report
	began := time.Now()
	c.Doctor(ctx, w.doc.Ports(w.plain, w.secure), &r)
	if took := time.Since(began); took > w.cfg.OpTimeout/2 {
		t.Errorf("took %s after the end of half a second", took)
	}
	if r.Worst() != doctor.Failure {
		t.Errorf("found%s", list(r.Findings()))
	}
}

// Lines of the manual and of the doctor must not drift apart.
func TestLinesOfTheDoctorAreThoseOfTheManual(t *testing.T) {
	w := newWard(t)
	w.one.Revoke(writer, miniStaff)
	w.one.Revoke(writer, psoContainer)
	var all []string
	for _, f := range bad(w.run()) {
		all = append(all, texts(f.Mend)...)
	}
	said := strings.Join(all, "\n")
	manual := readManual(t)
	for _, line := range []string{`/I:S /G "CORP\svc-write:CA;Reset Password;user"`, `/I:S /G "CORP\svc-write:RPWP;lockoutTime;user"`,
		`/I:S /G "CORP\svc-write:RPWP;pwdLastSet;user"`, `dsacls "CN=Password Settings Container,CN=System,DC=corp,DC=example,DC=test" /I:T /G "CORP\svc-write:GR"`,
		"(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;", "(OA;CIIO;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;bf967aba-0de6-11d0-a285-00aa003049e2;",
		"(OA;CIIO;RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2;bf967aba-0de6-11d0-a285-00aa003049e2;", "(A;CI;RPLCLORC;;;"} {
		if !strings.Contains(said, line) {
			t.Errorf("the doctor does not say %s in\n%s", line, said)
		}
		if !strings.Contains(manual, line) {
			t.Errorf("docs/ad-rights.md does not say %s", line)
		}
	}
}
