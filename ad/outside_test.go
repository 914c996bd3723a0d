package ad

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func TestAMembersNameIsReadWithItsSID(t *testing.T) {
	const guid, sid = "<GUID=efc818ee-a600-4d1b-9c0e-0123456789ab>;", "<SID=S-1-5-21-1-2-3-1104>;"
	for value, want := range map[string]stranger{
		guid + sid + "CN=a,DC=x": {dn: "CN=a,DC=x", sid: "S-1-5-21-1-2-3-1104"},
		guid + "CN=a,DC=x":       {dn: "CN=a,DC=x"},
		"CN=a,DC=x":              {dn: "CN=a,DC=x"},
		"<SID=nobody>;CN=a,DC=x": {dn: "CN=a,DC=x"},
		"<SID=S-1-5-21-1":        {dn: "<SID=S-1-5-21-1"},
	} {
		if got := parseExtendedName(value); got != want {
			t.Errorf("%q: %+v", value, got)
		}
	}
	for value, far := range map[string]bool{
		"CN=a,DC=corp,DC=test": false, "cn=a,dc=CORP,dc=test": false, "CN=a,DC=child,DC=corp,DC=test": true, "CN=a,DC=test": true,
		"": true, "CN=S-1-5-21-1-2-3-1104,CN=ForeignSecurityPrincipals,DC=corp,DC=test": true,
		"CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=corp,DC=test": false, "broken": true,
	} {
		if s, got := abroad(value, "corp.test"); got != far || strings.HasPrefix(value, "CN=S-1-5-21") && s.sid != "S-1-5-21-1-2-3-1104" {
			t.Errorf("%q: %v, %+v", value, got, s)
		}
	}
}

func TestManyMembersComeInRanges(t *testing.T) {
	of := func(names ...string) entry {
		e := entry{&ldap.Entry{}}
		for _, n := range names {
			values := []string{"v"}
			if n == "member" && len(names) > 1 {
				values = nil // beside a range the plain name is empty
			}
			e.Attributes = append(e.Attributes, &ldap.EntryAttribute{Name: n, Values: values})
		}
		return e
	}
	for _, tc := range []struct {
		e     entry
		count int
		next  string
	}{
		{of("member"), 1, ""}, {of("MEMBER"), 1, ""}, {of(), 0, ""}, {of("cn"), 0, ""},
		{of("member", "member;range=0-1499"), 1, "member;range=1500-*"},
		{of("member;range=1500-*"), 1, ""},
		{of("member;range=0-x"), 1, ""}, {of("member;range=0--5"), 1, ""}, {of("member;range=0-99999999999999999999"), 1, ""},
	} {
		values, next := tc.e.ranged("member")
		if len(values) != tc.count || next != tc.next {
			t.Errorf("%v: %v, %q", tc.e.Attributes, values, next)
		}
	}
}

func FuzzExtendedName(f *testing.F) {
	f.Add("<GUID=efc818ee-a600-4d1b-9c0e-0123456789ab>;<SID=S-1-5-21-1-2-3-1104>;CN=a,DC=x")
	f.Add("<>;<SID=>;")
	f.Fuzz(func(t *testing.T, value string) {
		s, far := abroad(value, "corp.test")
		if s.sid != "" {
			if _, err := sidBytes(s.sid); err != nil {
				t.Errorf("%q is no SID", s.sid)
			}
		}
		if !far && !equalFold(dnsName(s.dn), "corp.test") {
			t.Errorf("%q is not of the domain", s.dn)
		}
	})
}

func FuzzTargetsOfDNS(f *testing.F) {
	f.Add("dc1.corp.example.test")
	f.Add("a.b.corp.example.test")
	f.Add("-.corp.example.test")
	d := &Discovery{Domain: "corp.example.test"}
	f.Fuzz(func(t *testing.T, host string) {
		if !d.holds(host) {
			return
		}
		at, err := parseController(d.url(host), 1)
		if err != nil || at.host != host || at.name != host || !strings.HasSuffix(host, ".corp.example.test") {
			t.Errorf("%q: %+v, %v", host, at, err)
		}
	})
}
