package ad

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy is the least that an entry of a person has.
func healthy(change map[string][]string) entry {
	sid, _ := sidBytes("S-1-5-21-1-2-3-1104")
	group, _ := sidBytes("S-1-5-21-1-2-3-513")
	attrs := map[string][]string{
		"objectGUID": {"0123456789abcdef"}, "objectSid": {string(sid)}, "objectClass": {"top", "person", "organizationalPerson", "user"},
		"sAMAccountType": {normalUser}, "tokenGroups": {string(group)}, "primaryGroupID": {"513"},
		attrUAC: {"512"}, attrUACComputed: {"0"}, "pwdLastSet": {"133500000000000000"},
	}
	for k, v := range change {
		if attrs[k] = v; v == nil {
			delete(attrs, k)
		}
	}
	return entry{ldap.NewEntry("CN=a,DC=corp", attrs)}
}

func TestAttributesAreBoundedAndForgiven(t *testing.T) {
	a, _, err := parseAccount(healthy(map[string][]string{"displayName": {strings.Repeat("ü", 5000) + "\xff", "second"}, "mail": {"\xff"},
		"badPwdCount": {"99999999999"}, "accountExpires": {"9223372036854775806"}}), now)
	if err != nil || len(a.DisplayName) > maxText || !utf8.ValidString(a.DisplayName) || a.Mail != "\uFFFD" || a.BadPasswords != 1<<20 || !a.AccountExpires.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
	if a, _, err := parseAccount(healthy(nil), now); err != nil || a.BadPasswords != 0 {
		t.Errorf("%d wrong passwords where a controller never saw one, %v", a.BadPasswords, err)
	}
	if a.Marks.KeyVersion != -1 {
		t.Errorf("key version %d where none can be read", a.Marks.KeyVersion)
	}
}

func TestAStateThatCantBeReadIsNoHealthyAccount(t *testing.T) {
	for name, change := range map[string]map[string][]string{
		"no guid":            {"objectGUID": nil},
		"short guid":         {"objectGUID": {"x"}},
		"broken sid":         {"objectSid": {"x"}},
		"no uac":             {attrUAC: nil},
		"no computed":        {attrUACComputed: nil},
		"two computed":       {attrUACComputed: {"0", "16"}},
		"computed no number": {attrUACComputed: {"locked"}},
		"huge number":        {"lockoutTime": {"99999999999999999999"}},
	} {
		if a, _, err := parseAccount(healthy(change), now); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	var e *Error
	if _, _, err := parseAccount(healthy(map[string][]string{attrUACComputed: nil}), now); !errors.As(err, &e) || e.Cause != ErrRights {
		t.Error(err)
	}
}

func TestWhatAnAccountIsDecidesFirst(t *testing.T) {
	krbtgt, _ := sidBytes("S-1-5-21-1-2-3-502")
	guest, _ := sidBytes("S-1-5-21-1-2-3-501")
	for name, c := range map[string]struct {
		change map[string][]string
		want   Protection
	}{
		"person":           {nil, NotProtected},
		"inetOrgPerson":    {map[string][]string{"objectClass": {"user", "inetOrgPerson"}}, NotProtected},
		"krbtgt":           {map[string][]string{"objectSid": {string(krbtgt)}}, ProtectedKrbtgt},
		"krbtgt of a RODC": {map[string][]string{attrSecondaryKey: {"12345"}}, ProtectedKrbtgt},
		"guest":            {map[string][]string{"objectSid": {string(guest)}}, ProtectedNotPerson},
		"computer":         {map[string][]string{"objectClass": {"user", "computer"}}, ProtectedNotPerson},
		"gMSA":             {map[string][]string{"objectClass": {"user", "computer", "msDS-GroupManagedServiceAccount"}}, ProtectedNotPerson},
		"computer's type":  {map[string][]string{"sAMAccountType": {"805306369"}}, ProtectedNotPerson},
		"trust":            {map[string][]string{attrUAC: {"2080"}}, ProtectedNotPerson},
		"contact":          {map[string][]string{"objectClass": {"contact"}, attrUAC: nil, attrUACComputed: nil, "objectSid": nil}, ProtectedNotPerson},
		"no class":         {map[string][]string{"objectClass": nil}, ProtectedNotPerson},
		"no type":          {map[string][]string{"sAMAccountType": nil}, ProtectedUnknown},
		"no sid":           {map[string][]string{"objectSid": nil}, ProtectedUnknown},
	} {
		a, raw, err := parseAccount(healthy(c.change), now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := whatItIs(a, raw); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestBrokenGroupsAreNoGroups(t *testing.T) {
	a, raw, err := parseAccount(healthy(map[string][]string{"tokenGroups": {"x"}}), now)
	if err != nil || !raw.groupsBroken || len(a.Groups) != 0 {
		t.Errorf("%+v, %+v, %v", a, raw, err)
	}
}

func TestUnreadableMembershipIsKnownAsSuch(t *testing.T) {
	for name, change := range map[string]map[string][]string{
		"no token": {"tokenGroups": nil}, "broken token": {"tokenGroups": {"x"}}, "part of a token": {"tokenGroups": nil, "tokenGroups;range=0-1499": {"x"}},
		"no primary group": {"primaryGroupID": nil},
	} {
		a, raw, err := parseAccount(healthy(change), now)
		if err != nil || groupsKnown(a, raw) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if a, raw, err := parseAccount(healthy(nil), now); err != nil || !groupsKnown(a, raw) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestThePrimaryGroupCountsWithoutTheToken(t *testing.T) {
	a, raw, err := parseAccount(healthy(map[string][]string{"primaryGroupID": {"512"}}), now)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := (*Client)(nil).holdsProtected(t.Context(), nil, a, raw, protectedSet{}); !held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
}

func TestHalfAPolicyIsNone(t *testing.T) {
	whole := map[string][]string{"minPwdLength": {"8"}, "pwdProperties": {"1"}, "pwdHistoryLength": {"5"}, "minPwdAge": {"-864000000000"},
		"maxPwdAge": {"-9223372036854775808"}, "lockoutThreshold": {"5"}, "lockoutDuration": {"0"}, "lockOutObservationWindow": {"-18000000000"}}
	want := PasswordPolicy{Source: PolicyDomain, MinLength: 8, Complexity: true, History: 5, MinAge: 24 * time.Hour, LockoutThreshold: 5, ObservationWindow: 30 * time.Minute}
	if got, ok := parsePolicy(entry{ldap.NewEntry("", whole)}, domainPolicy, PolicyDomain); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	for name := range whole {
		for _, bad := range [][]string{nil, {"x"}, {"1", "2"}, {"99999999999999999999"}} {
			broken := map[string][]string{}
			for k, v := range whole {
				broken[k] = v
			}
			if broken[name] = bad; bad == nil {
				delete(broken, name)
			}
			if got, ok := parsePolicy(entry{ldap.NewEntry("", broken)}, domainPolicy, PolicyDomain); ok {
				t.Errorf("%s %q: %+v", name, bad, got)
			}
		}
	}
}

func FuzzAccount(f *testing.F) {
	f.Add("displayName", []byte("\x00"), []byte("16"))
	f.Add("tokenGroups", []byte{1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}, []byte("-1"))
	f.Add("nTSecurityDescriptor", []byte{1}, []byte("0"))
	f.Fuzz(func(t *testing.T, name string, value, computed []byte) {
		if strings.EqualFold(name, attrUACComputed) {
			return
		}
		a, raw, err := parseAccount(healthy(map[string][]string{name: {string(value)}, attrUACComputed: {string(computed)}}), now)
		if err == nil && !utf8.ValidString(a.DisplayName) {
			t.Errorf("%q", a.DisplayName)
		}
		whatItIs(a, raw)
	})
}
