package ad_test

import (
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/samba"
)

// clinic is a real controller of its own, which the doctor's own lines mend.
type clinic struct {
	*lab
	dc         *samba.DC
	cfg        ad.Config
	doc        ad.DoctorConfig
	svc, read  string // account names
	sid, other string // their SIDs
}

// long is long enough for the policy of service accounts.
const long = "A-long-enough.Service-pass.26"

// expected is what Samba's nature leaves on a right installation.
var expected = []string{"ad.policy-hints-samba", "ad.single-controller"}

func newClinic(t *testing.T) *clinic {
	l := &lab{TB: t}
	samba.Require(t)
	dc := samba.New(t, samba.Options{})
	*l = lab{TB: t, Engine: "samba", URL: dc.LDAPSURL, StartTLSURL: dc.LDAPURL, CAFile: dc.CAFile, TLS: dc.TLS(), Base: dc.BaseDN, Domain: dc.Domain,
		Staff: dc.StaffOU, Ot: dc.OthersOU, Admin: ad.Service{Bind: dc.AdminBind, Password: pw(dc.AdminPassword)},
		Service: ad.Service{Bind: dc.ServiceBind, Password: pw(dc.ServicePassword)}, ServiceDN: dc.Service, Backdate: dc.Backdate}
	c := &clinic{lab: l, dc: dc, read: "svc-read", svc: l.get(dc.Service, "sAMAccountName").GetAttributeValue("sAMAccountName")}
	place := strings.SplitN(dc.Service, ",", 2)[1]
	l.add("CN=svc-read,"+place, attrs{"objectClass": {"user"}, "sAMAccountName": {"svc-read"}, "userPrincipalName": {"svc-read@" + dc.Domain},
		"userAccountControl": {"66048"}, "unicodePwd": {quote(dc.ServicePassword)}})
	c.sid, c.other = c.sidText(dc.Service), c.sidText("CN=svc-read,"+place)
	l.set("CN=Finance,CN=Password Settings Container,CN=System,"+dc.BaseDN, "msDS-LockoutThreshold", "10")
	c.cfg = ad.Config{Controllers: []string{dc.LDAPSURL}, CAFile: dc.CAFile, OpTimeout: 20 * time.Second,
		Read: ad.Service{Bind: "svc-read@" + dc.Domain, Password: pw(dc.ServicePassword)}, Write: l.Service}
	c.doc = ad.DoctorConfig{OUs: []string{dc.StaffOU}, Groups: []string{"CN=IT-Security,OU=Groups," + dc.BaseDN}, Timeout: 20 * time.Second}
	return c
}

func (c *clinic) sidText(dn string) string {
	c.Helper()
	sid, err := ad.SIDText(c.get(dn, "objectSid").GetRawAttributeValue("objectSid"))
	if err != nil {
		c.Fatal(err)
	}
	return sid
}

func (c *clinic) tools(lines ...[]string) {
	c.Helper()
	if err := c.dc.Tools(lines...); err != nil {
		c.Error(err)
	}
}

func grant(dn, sddl string) []string {
	return []string{"dsacl", "set", "--objectdn=" + dn, "--sddl=" + sddl}
}

func tool(args ...string) []string { return args }

func (c *clinic) run() []doctor.Finding {
	c.Helper()
	client, err := ad.Open(c.cfg)
	if err != nil {
		c.Fatal(err)
	}
	defer client.Close()
	var r doctor.Report
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client.Doctor(ctx, c.doc, &r)
	return r.Findings()
}

// treat finds the kinds, runs every samba-tool line of theirs as a shell reads
// it, and wants to find nothing more.
func (c *clinic) treat(kinds ...string) {
	c.Helper()
	findings := c.run()
	for _, id := range kinds {
		if _, found := has(findings, "ad."+id); !found {
			c.Errorf("%s is not found among%s", id, list(bad(findings)))
		}
	}
	var todo []string
	for _, f := range bad(findings) {
		for _, l := range f.Mend {
			if l.Tool == doctor.SambaTool && !slices.Contains(expected, f.ID) {
				todo = append(todo, l.Text)
			}
		}
	}
	// Other lines name an object where it lies now.
	slices.SortStableFunc(todo, func(a, b string) int { return strings.Index(a, "user move") - strings.Index(b, "user move") })
	var words [][]string
	for _, text := range todo {
		words = append(words, c.words(text))
	}
	c.tools(words...)
	c.healthy("after " + strings.Join(kinds, ", "))
}

// words takes a line apart as the shell does.
func (c *clinic) words(text string) []string {
	c.Helper()
	rest, ok := strings.CutPrefix(text, "samba-tool ")
	if !ok {
		c.Fatalf("%q is no line of samba-tool", text)
	}
	words, err := exec.Command("sh", "-c", `for word in `+strings.SplitN(rest, " #", 2)[0]+`; do printf '%s\0' "$word"; done`).Output()
	if err != nil {
		c.Fatalf("%q: %v", text, err)
	}
	args := strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00")
	if args[0] == "user" && args[1] == "setpassword" {
		args = append(args, "--newpassword="+long)
		c.cfg.Write.Password = pw(long)
	}
	return args
}

func (c *clinic) healthy(when string) {
	c.Helper()
	left := slices.DeleteFunc(bad(c.run()), func(f doctor.Finding) bool { return slices.Contains(expected, f.ID) })
	if len(left) > 0 {
		c.Fatalf("%s:%s", when, list(left))
	}
}

func TestSambasOwnToolsMendWhatTheDoctorFinds(t *testing.T) {
	everyday.Left(t, "each finding is provoked and mended on minidc here")
	c := newClinic(t)
	place := "CN=Users," + c.Base
	// The reader has no right yet, and either account is locked like anybody.
	c.treat("pso-unreadable", "service-lockout")

	c.tools(tool("domain", "passwordsettings", "set", "--account-lockout-threshold=3", "--min-pwd-length=7", "--complexity=off", "--min-pwd-age=1",
		"--max-pwd-age=14", "--history-length=0", "--store-plaintext=on"),
		tool("domain", "passwordsettings", "pso", "set", "Finance", "--account-lockout-threshold=2"))
	c.treat("lockout-threshold-low", "password-short", "password-complexity-off", "password-min-age", "password-max-age", "password-history-off",
		"password-reversible")
	c.set(c.Base, "lockoutThreshold", "0")
	c.treat("lockout-off")

	fresh := "OU=It's new\\, & $more," + c.Base
	c.add(fresh, attrs{"objectClass": {"organizationalUnit"}})
	c.personIn(fresh)
	ines := c.person(attrs{"objectClass": {"inetOrgPerson"}})
	c.doc.OUs = append(c.doc.OUs, fresh)
	c.treat("right-reset", "right-lockout-time", "right-pwd-last-set", "inetorgperson")
	client := c.client(func(cfg *ad.Config) { cfg.Read, cfg.Write = c.cfg.Read, c.cfg.Write })
	if _, err := client.ResetPassword(ctxFor(t), ad.Write{Target: ines.GUID}, ad.NewPassword{Value: pw(better), MustChange: true}); err != nil {
		t.Errorf("what the doctor calls right is refused: %v", err)
	}

	c.set(c.ServiceDN, "servicePrincipalName", "HTTP/latchkey."+c.Domain)
	c.set(c.ServiceDN, "userAccountControl", strconv.Itoa(66048|0x80000))
	c.set(c.ServiceDN, "accountExpires", in(60*day))
	c.treat("service-spn", "service-delegation", "service-account-ends")

	// samba-tool dsacl delete, which takes that away, is of Samba 4.18; this one may be
	// older, so that the descriptor is written back.
	before := string(c.get(c.Staff, "nTSecurityDescriptor").GetRawAttributeValue("nTSecurityDescriptor"))
	c.tools(grant(c.Staff, "(A;CI;GA;;;"+c.sid+")"))
	f, found := has(c.run(), "ad.service-unit-control")
	for _, want := range []string{"change permissions or the owner", "delete", "userAccountControl", "create people"} {
		if !found || !strings.Contains(f.Seen, want) {
			t.Errorf("%q is not in %+v", want, f)
		}
	}
	// What is for objects below keeps its generic bit, on the unit it is spelt out.
	for _, half := range []string{"(A;CIIO;0x10000000;;;", "(A;;0xf01ff;;;"} {
		if said := strings.Join(texts(f.Mend), "\n"); !strings.Contains(said, "dsacl delete --objectdn='"+c.Staff+"' --sddl='"+half+c.sid+")'") {
			t.Errorf("to mend it: %s", said)
		}
	}
	c.set(c.Staff, "nTSecurityDescriptor", before)
	c.healthy("after full control")

	boss := c.person()
	c.join("CN=Domain Admins,"+place, boss.DN)
	c.treat("ou-protected-people", "protected-writable")

	c.tools(
		grant(c.Base, "(A;;WDWO;;;"+c.sid+")(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;"+c.sid+")"),
		grant(c.Base, "(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;"+c.sid+")"),
		grant("CN=krbtgt,"+place, "(OA;;CR;00299570-246d-11d0-a768-00aa006e0529;;"+c.sid+")"),
		grant("CN=AdminSDHolder,CN=System,"+c.Base, "(A;;GA;;;"+c.sid+")"),
		grant("CN=Domain Admins,"+place, "(A;;WP;;;"+c.sid+")"),
		grant(c.Staff, "(OA;CIIO;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;bf967aba-0de6-11d0-a285-00aa003049e2;"+c.other+")"),
	)
	c.treat("service-domain-control", "service-replication", "service-domain-reset", "krbtgt-writable", "adminsdholder-writable",
		"protected-group-writable", "reader-may-write")

	c.join("CN=Account Operators,CN=Builtin,"+c.Base, c.ServiceDN)
	c.join("CN=Domain Admins,"+place, c.ServiceDN)
	c.treat("service-privileged")
}

func TestSambaTellsWhyAServiceAccountIsRefused(t *testing.T) {
	c := newClinic(t)
	c.treat("pso-unreadable", "service-lockout")
	c.set(c.ServiceDN, "userAccountControl", "66050")
	c.treat("bind-disabled")
	c.set(c.ServiceDN, "accountExpires", "131000000000000000")
	c.treat("bind-account-expired")
	c.set(c.ServiceDN, "userAccountControl", "512")
	c.set(c.ServiceDN, "pwdLastSet", "0")
	c.treat("bind-must-change")
}
