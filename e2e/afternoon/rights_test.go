//go:build linux

package afternoon

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad"
)

// ace is an entry of an access control list, as either tool's line asks for it.
type ace struct {
	on               string // whose list
	inherit          string // SDDL: CI the object and all below, CIIO only below
	rights           string // SDDL
	object, inherits string // GUIDs: which attribute or extended right; which class
}

// sameRights reads the lines for Windows with the names that the domain's own schema
// has, and holds them to what the lines for Samba give.
func (s *site) sameRights(t *testing.T, all pages) {
	windows := s.dsacls(t, all.in(t, rightsPage, "Windows", "bat")[0].text)
	samba := sddl(t, all.in(t, rightsPage, "Samba", "sh")[1].text)
	if len(windows) != 4 || !slices.Equal(windows, samba) {
		t.Errorf("dsacls gives\n%+v\nsamba-tool gives\n%+v", windows, samba)
	}
	s.sameAccount(t, all)
	s.samePolicy(t, all)
}

var (
	setLine   = regexp.MustCompile(`(?m)^set (\w+)=(.*)$`)
	dsacls    = regexp.MustCompile(`(?m)^dsacls "([^"]+)" /I:([ST]) /G "%SVC%:([^"]+)"$`)
	sddlLine  = regexp.MustCompile(`(?m)^samba-tool dsacl set --objectdn="([^"]+)" --sddl="([^"]+)"$`)
	sddlEntry = regexp.MustCompile(`\((O?A);(\w+);(\w+);([\w-]*);([\w$-]*);\$SID\)`)
)

// dsacls: /I:S is "only objects below", /I:T "this object and those below"; CA is an
// extended right by its display name; GR of a directory object is RP, LC, LO and RC.
func (s *site) dsacls(t *testing.T, text string) (all []ace) {
	t.Helper()
	vars := map[string]string{}
	for _, m := range setLine.FindAllStringSubmatch(text, -1) {
		vars[m[1]] = strings.TrimSpace(m[2])
	}
	if vars["SVC"] != s.dc.NetBIOS+`\svc-latchkey` {
		t.Errorf("the lines for Windows are for %s", vars["SVC"])
	}
	for _, m := range dsacls.FindAllStringSubmatch(text, -1) {
		a := ace{on: strings.ReplaceAll(m[1], "%OU%", vars["OU"]), inherit: map[string]string{"S": "CIIO", "T": "CI"}[m[2]]}
		parts := strings.Split(m[3], ";")
		switch {
		case parts[0] == "CA" && len(parts) == 3:
			a.rights, a.object = "CR", s.extendedRight(t, parts[1])
		case parts[0] == "RPWP" && len(parts) == 3:
			a.rights, a.object = "RPWP", s.schema(t, parts[1])
		case parts[0] == "GR" && len(parts) == 1:
			a.rights = "RPLCLORC"
		default:
			t.Errorf("what is %s?", m[3])
		}
		if len(parts) == 3 {
			a.inherits = s.schema(t, parts[2])
		}
		all = append(all, a)
	}
	return all
}

func sddl(t *testing.T, text string) (all []ace) {
	t.Helper()
	class := regexp.MustCompile(`(?m)^U=(\S+)$`).FindStringSubmatch(text)
	if class == nil {
		t.Fatal("the lines for Samba name no class")
	}
	for _, m := range sddlLine.FindAllStringSubmatch(text, -1) {
		for _, e := range sddlEntry.FindAllStringSubmatch(m[2], -1) {
			all = append(all, ace{m[1], e[2], e[3], e[4], strings.ReplaceAll(e[5], "$U", class[1])})
		}
	}
	return all
}

// one searches the directory for the one object and its attributes.
func (s *site) one(t *testing.T, base, filter string, attrs ...string) *ldap.Entry {
	t.Helper()
	c, err := s.dc.Dial(s.dc.AdminBind, s.dc.AdminPassword)
	must(t, err)
	defer c.Close()
	res, err := c.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, filter, attrs, nil))
	must(t, err)
	if len(res.Entries) != 1 {
		t.Fatalf("%d of %s", len(res.Entries), filter)
	}
	return res.Entries[0]
}

// windowsName is what Windows shows for an extended right; Samba's own display names
// are others (MS-ADTS 5.1.3.2.1 has the objects).
var windowsName = map[string]string{"Reset Password": "User-Force-Change-Password"}

func (s *site) extendedRight(t *testing.T, name string) string {
	t.Helper()
	return s.one(t, "CN=Extended-Rights,CN=Configuration,"+s.dc.BaseDN, "(cn="+windowsName[name]+")", "rightsGuid").GetAttributeValue("rightsGuid")
}

func (s *site) schema(t *testing.T, name string) string {
	t.Helper()
	e := s.one(t, "CN=Schema,CN=Configuration,"+s.dc.BaseDN, "(lDAPDisplayName="+name+")", "schemaIDGUID")
	id, err := ad.GUIDFromBytes(e.GetRawAttributeValue("schemaIDGUID"))
	must(t, err)
	return id.String()
}

// sameAccount: what New-ADUser is told is what samba-tool has made.
func (s *site) sameAccount(t *testing.T, all pages) {
	t.Helper()
	line := commands(all.in(t, rightsPage, "Windows", "powershell")[0].text)[0]
	e := s.one(t, s.dc.BaseDN, "(sAMAccountName=svc-latchkey)", "cn", "sAMAccountName", "userPrincipalName", "userAccountControl")
	for name, attribute := range map[string]string{"Name": "cn", "SamAccountName": "sAMAccountName", "UserPrincipalName": "userPrincipalName"} {
		if want := fmt.Sprintf("-%s '%s'", name, e.GetAttributeValue(attribute)); !strings.Contains(line, want) {
			t.Errorf("New-ADUser is not told %s: %s", want, line)
		}
	}
	if e.DN != "CN=svc-latchkey,CN=Users,"+s.dc.BaseDN || strings.Contains(line, "-Path") {
		t.Errorf("the two make it in different places: %s", e.DN)
	}
	if enabled := strings.Contains(line, "-Enabled $true"); !enabled || e.GetAttributeValue("userAccountControl") != "512" {
		t.Errorf("enabled %v, userAccountControl %s", enabled, e.GetAttributeValue("userAccountControl"))
	}
}

// samePolicy: what PowerShell is told is what samba-tool has made, and it holds for
// the account. Never is the least number of 100 ns (MS-ADTS 3.1.1.3.4.1.1).
func (s *site) samePolicy(t *testing.T, all pages) {
	t.Helper()
	lines := commands(all.in(t, rightsPage, "Lockout of the service accounts", "powershell")[0].text)
	e := s.one(t, "CN=Password Settings Container,CN=System,"+s.dc.BaseDN, "(cn=latchkey-service)", "*")
	for _, c := range []struct{ option, attribute, made string }{
		{"-Precedence 1", "msDS-PasswordSettingsPrecedence", "1"},
		{"-LockoutThreshold 0", "msDS-LockoutThreshold", "0"},
		{"-MinPasswordLength 24", "msDS-MinimumPasswordLength", "24"},
		{"-MaxPasswordAge 0", "msDS-MaximumPasswordAge", "-9223372036854775808"},
		{"-ComplexityEnabled $true", "msDS-PasswordComplexityEnabled", "TRUE"},
		{"-ReversibleEncryptionEnabled $false", "msDS-PasswordReversibleEncryptionEnabled", "FALSE"},
	} {
		if made := e.GetAttributeValue(c.attribute); made != c.made || !strings.Contains(lines[0]+" ", c.option+" ") {
			t.Errorf("samba-tool made %s %s; PowerShell is to be told %s: %s", c.attribute, made, c.option, lines[0])
		}
	}
	if options := strings.Count(lines[0], " -"); options != 7 { // Name, and those above
		t.Errorf("%d options, of which 7 are compared: %s", options, lines[0])
	}
	if !strings.Contains(lines[1], "-Identity 'latchkey-service' -Subjects 'svc-latchkey'") {
		t.Errorf("to whom? %s", lines[1])
	}
	if holds := s.one(t, s.dc.BaseDN, "(sAMAccountName=svc-latchkey)", "msDS-ResultantPSO").GetAttributeValue("msDS-ResultantPSO"); !strings.HasPrefix(holds, "CN=latchkey-service,") {
		t.Errorf("the policy of svc-latchkey is %q", holds)
	}
}
