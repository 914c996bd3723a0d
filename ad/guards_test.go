package ad

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/secret"
)

const domainOfTests = "S-1-5-21-1-2-3"

func TestOnlyADomainsSIDIsOne(t *testing.T) {
	for sid, want := range map[string]bool{
		domainOfTests: true, "S-1-5-22-1-2-3": false, "S-1-4-21-1-2-3": false, "S-1-5-21-1-2": false, "S-1-5-21-1-2-3-4": false,
		"S-1-5-21-1-2-x": false, "S-1-5-32-544": false, "S-1-5": false, "": false,
	} {
		if isDomainSID(sid) != want {
			t.Errorf("%q: %v", sid, !want)
		}
		if isAccountSID(sid+"-1100") != want {
			t.Errorf("%q, an account: %v", sid, !want)
		}
		if isProtectedSID(sid+"-512") != want {
			t.Errorf("%q, its Domain Admins: %v", sid, !want)
		}
	}
}

func TestOfATokenOnlyTheSIDsOfDomainsCount(t *testing.T) {
	own := domainOfTests + "-1100"
	got := accountSIDs([]string{"S-1-1-0", "S-1-5-32-544", own, "S-1-5-22-1-2-3-1100", "x", ""})
	if !slices.Equal(got, []string{own}) {
		t.Errorf("%v", got)
	}
}

func TestGroupsAreKnownOnlyWhereAllOfThemAre(t *testing.T) {
	groups := Account{Groups: []string{domainOfTests + "-513"}}
	for name, tc := range map[string]struct {
		a    Account
		raw  rawAccount
		want bool
	}{
		"all":               {groups, rawAccount{primaryGroup: 513}, true},
		"none":              {Account{}, rawAccount{primaryGroup: 513}, false},
		"one can't be read": {groups, rawAccount{primaryGroup: 513, groupsBroken: true}, false},
		"no primary group":  {groups, rawAccount{primaryGroup: -1}, false},
	} {
		if groupsKnown(tc.a, tc.raw) != tc.want {
			t.Errorf("%s: %v", name, !tc.want)
		}
	}
}

func TestAPlaceThatCantBeReadIsNoPlace(t *testing.T) {
	for name, tc := range map[string]struct {
		units         []string
		dn            string
		inside, known bool
	}{
		"below":              {[]string{"OU=a,DC=b"}, "CN=x,OU=a,DC=b", true, true},
		"below the second":   {[]string{"OU=a,DC=b", "OU=c,DC=b"}, "CN=x,OU=c,DC=b", true, true},
		"beside":             {[]string{"OU=a,DC=b"}, "CN=x,OU=c,DC=b", false, true},
		"no unit":            {nil, "CN=x", false, true},
		"no name":            {[]string{"OU=a,DC=b"}, "x", false, false},
		"an empty name":      {[]string{"OU=a,DC=b"}, "", false, false},
		"a unit that's none": {[]string{"OU=a,DC=b", "x"}, "CN=x,OU=a,DC=b", false, false},
	} {
		c, unread := Open(Config{Controllers: []string{"ldaps://a"}, Read: Service{"a", secret.New("b")}, ProtectedOUs: tc.units})
		e := healthy(nil)
		e.DN = tc.dn
		_, raw, err := parseAccount(e, now)
		if known := unread == nil && err == nil; known != tc.known || known && c.inProtectedOU(raw.place) != tc.inside {
			t.Errorf("%s: %v, %v", name, unread, err)
		}
	}
}

// There is no connection here: nothing is asked of a controller.
func TestADomainWhoseGroupsCouldHaveNoSIDIsNotAsked(t *testing.T) {
	longest := "S-1-5" + strings.Repeat("-1", 15)
	set := protectedSet{complete: true}
	err := (&Client{}).findBuiltin(t.Context(), nil, "DC=b", longest, &set)
	if e := fault("", nil, err); err == nil || e.Cause != ErrProtocol {
		t.Error(err)
	}
}

// There is no connection here: nothing is asked of a controller.
func TestAPasswordThatWasNeverSetIsNotTooYoung(t *testing.T) {
	c := &Client{}
	for name, a := range map[string]Account{
		"never set": {}, "to be changed": {PasswordSet: time.Now(), MustChange: true}, "set to be changed": {MustChange: true},
	} {
		if c.tooYoung(t.Context(), nil, a) {
			t.Errorf("%s", name)
		}
	}
}
