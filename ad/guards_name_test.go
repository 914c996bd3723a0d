package ad

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// A name that says which domain it is of can mean nobody elsewhere.
func TestANameThatSaysItsDomainIsOfThatDomain(t *testing.T) {
	for _, tc := range []struct {
		domain, name string
		want         bool
	}{
		{"corp.example.test", `CORP\ann`, true}, {"corp.example.test", "ann@corp.example.test", true}, {"corp.example.test", "ann@CORP.example.test", true},
		{"corp.example.test", "a@b@corp.example.test", true}, {"corp.example.test", "ann@corp.example.test@", false},
		{"corp.example.test", "ann", false}, {"corp.example.test", "@corp.example.test", false}, {"corp.example.test", "ann@child.corp.example.test", false},
		{"", "ann@", false}, {"", "ann", false}, {"", `CORP\ann`, true},
	} {
		if got := (&Client{dnsDomain: tc.domain}).claims(tc.name); got != tc.want {
			t.Errorf("%s in %q: %v", tc.name, tc.domain, got)
		}
	}
}

// What the controller finds by its own comparison, without regard to accents, is looked
// at once more; and what somebody lacks is no name of theirs.
func TestANameMeansWhoBearsIt(t *testing.T) {
	for _, tc := range []struct {
		given    givenName
		sam, upn string
		want     bool
	}{
		{givenName{sam: "ann"}, "Ann", "", true}, {givenName{sam: "ann"}, "änn", "ann", false}, {givenName{sam: "ann"}, "bob", "", false},
		{givenName{upn: "ann@x"}, "other", "Ann@x", true}, {givenName{upn: "ann"}, "ann", "", true}, {givenName{upn: "ann@x"}, "other", "änn@x", false},
		{givenName{upn: "ann@x"}, "", "", false}, {givenName{sam: "ann"}, "", "", false},
		{givenName{sam: "ann", upn: "ann@x"}, "ann", "", true}, {givenName{sam: "ann", upn: "ann@x"}, "", "ann@x", true}, {givenName{sam: "ann", upn: "ann@x"}, "bob", "bob@x", false},
	} {
		e := entry{&ldap.Entry{Attributes: []*ldap.EntryAttribute{
			{Name: "sAMAccountName", ByteValues: [][]byte{[]byte(tc.sam)}, Values: []string{tc.sam}},
			{Name: "userPrincipalName", ByteValues: [][]byte{[]byte(tc.upn)}, Values: []string{tc.upn}},
		}}}
		if got := tc.given.means(e); got != tc.want {
			t.Errorf("%+v, %q, %q: %v", tc.given, tc.sam, tc.upn, got)
		}
	}
}

func TestADomainIsMadeOfWholeNames(t *testing.T) {
	for dn, want := range map[string]string{
		"CN=x,DC=corp,DC=test": "DC=corp,DC=test", "CN=x,DC=a+OU=b,DC=test": "DC=test", "CN=x,OU=test": "", "CN=x": "",
	} {
		if got := domainHead(dn); !strings.EqualFold(got, want) {
			t.Errorf("%s: %q", dn, got)
		}
	}
}

// Nobody is asked about a name that nobody can have.
func TestANameThatNobodyCanHaveIsNotLookedUp(t *testing.T) {
	for name, want := range map[string]bool{
		"CN=a,DC=x": true, "": false, " ": false, "no name": false, "CN=\xff,DC=x": false, "<GUID=efc818ee-a600-4d1b-9c0e-0123456789ab>": false,
		"  <SID=S-1-5-21-1-2-3-500>,DC=x": false, "<a=b>,DC=x": false,
		"CN=" + strings.Repeat("a", maxDN-3): true, "CN=" + strings.Repeat("a", maxDN-2): false,
	} {
		if got := isPlainDN(name); got != want {
			t.Errorf("%.50q: %v", name, got)
		}
	}
	c := &Client{} // that has no controller, so that what is looked up is no ErrNotFound
	for _, name := range []string{"", strings.Repeat("a", maxName+1), "a\xff", "a\x00b"} {
		if _, err := c.Resolve(context.Background(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%.50q: %v", name, err)
		}
	}
}

// One attribute without end would make every reading of an account as long.
func TestAnAttributeOfTooManyValuesIsNotReadInPart(t *testing.T) {
	c := &Client{cfg: Config{Attributes: []string{"url"}}}
	for n, good := range map[int]bool{0: true, maxValues: true, maxValues + 1: false} {
		e := entry{&ldap.Entry{Attributes: []*ldap.EntryAttribute{{Name: "url", Values: make([]string, n), ByteValues: make([][]byte, n)}}}}
		got, err := c.readExtra(e)
		if (err == nil) != good || good && len(got["url"]) != n {
			t.Errorf("%d: %d, %v", n, len(got["url"]), err)
		}
	}
}
