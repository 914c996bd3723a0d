package minidc_test

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
)

func newCompany(t *testing.T) (*lab, minidc.Company) {
	t.Helper()
	l := &lab{TB: t, clock: newClock()}
	var c minidc.Company
	l.Server, c = minidc.NewCompany(l.clock.now)
	l.url = serve(t, l.Server)
	l.svc = l.dial(l.url)
	must(t, l.svc.Bind(c.ServiceBind, c.ServicePassword))
	return l, c
}

func TestEverybodyOfTheCompanyIsAsTheNoteSays(t *testing.T) {
	l, c := newCompany(t)
	special := map[string]string{
		"juergen.weiss": "775", "siobhan.oneill": "532", "mai.nguyen": "773", "diego.nunez": "533",
	}
	if len(c.People) != 12 {
		t.Errorf("%d people", len(c.People))
	}
	departments := map[string]int{}
	for _, p := range c.People {
		departments[p.Department]++
		got := ""
		if err := l.dial(l.url).Bind(p.UPN, p.Password); err != nil {
			_, got, _ = strings.Cut(err.Error(), "data ")
			got, _, _ = strings.Cut(got, ",")
		}
		if got != special[p.Account] {
			t.Errorf("%s: bind %q, want %q", p.Account, got, special[p.Account])
		}
		if special[p.Account] != "" && p.Note == "" {
			t.Errorf("%s has no note", p.Account)
		}
	}
	if len(departments) != 3 || c.People[0].Note != "" {
		t.Errorf("departments %v, first %v", departments, c.People[0])
	}
}

func TestTheCompanysServiceAccountDoesWhatLatchkeyNeeds(t *testing.T) {
	l, c := newCompany(t)
	for _, p := range c.People {
		for _, steps := range [][]step{{replace("lockoutTime", "0")}, {reset("Temporary-Pass.20"), replace("pwdLastSet", "0")}} {
			if err := modify(l.svc, p.DN, steps...); err != nil {
				t.Errorf("%s: %v", p.Account, err)
			}
		}
	}
	l.want(modify(l.svc, "CN=Administrator,CN=Users,"+c.BaseDN, replace("lockoutTime", "0")), "50")
	locked, _ := c.Person("juergen.weiss")
	pso := read(l, l.svc, locked.DN, "msDS-ResultantPSO").GetAttributeValue("msDS-ResultantPSO")
	if v := read(l, l.svc, pso, "msDS-MinimumPasswordLength").GetAttributeValue("msDS-MinimumPasswordLength"); v != "14" {
		t.Errorf("minimum length %q", v)
	}
}

func TestTheCompanysPasswordsKeepToTheirPolicies(t *testing.T) {
	l, c := newCompany(t)
	for _, p := range c.People {
		if err := modify(l.svc, p.DN, reset(p.Password)); err != nil {
			t.Errorf("%s: %v", p.Account, err)
		}
	}
}

// Passkeys of the demo outlive its directory: they are kept by objectGUID.
func TestTheCompanysPeopleKeepTheirGUIDs(t *testing.T) {
	_, a := newCompany(t)
	_, b := newCompany(t)
	for i, p := range a.People {
		if p.GUID != b.People[i].GUID || p.GUID == (minidc.GUID{}) {
			t.Errorf("%s: %s and %s", p.Account, p.GUID, b.People[i].GUID)
		}
	}
}

func TestTheCompanysGroupsNest(t *testing.T) {
	l, c := newCompany(t)
	for account, group := range map[string]string{
		"elena.petrova": "CN=Domain Admins,CN=Users,", "juergen.weiss": "CN=Finance,OU=Groups,", "priya.raman": "CN=Everybody,OU=Groups,",
	} {
		p, _ := c.Person(account)
		res, err := l.svc.Search(ldap.NewSearchRequest(p.DN, ldap.ScopeBaseObject, 0, 0, 0, false,
			"(memberOf:1.2.840.113556.1.4.1941:="+group+c.BaseDN+")", []string{"manager"}, nil))
		must(t, err)
		if len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("manager") == "" {
			t.Errorf("%s is not in %s or has no manager", account, group)
		}
	}
}
