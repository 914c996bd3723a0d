package minidc_test

import (
	"bytes"
	"image/jpeg"
	"slices"
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

func TestTheCompanysApproversAreOfEveryKind(t *testing.T) {
	l, c := newCompany(t)
	for _, p := range c.People {
		want := ""
		if boss, ok := c.Person(p.Manager); ok {
			want = boss.DN
		}
		if got := read(l, l.svc, p.DN, "manager").GetAttributeValue("manager"); got != want {
			t.Errorf("%s: manager %q, want %q", p.Account, got, want)
		}
	}
	for account, manager := range map[string]string{"priya.raman": "kwame.mensah", "mai.nguyen": "diego.nunez", "ingrid.solheim": "ingrid.solheim", "zoe.lefevre": ""} {
		if p, _ := c.Person(account); p.Manager != manager {
			t.Errorf("%s: %q", account, p.Manager)
		}
	}
	res, err := l.svc.Search(ldap.NewSearchRequest(c.BaseDN, ldap.ScopeWholeSubtree, 0, 0, 0, false,
		"(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:=CN=IT-Security,OU=Groups,"+c.BaseDN+"))", []string{"sAMAccountName"}, nil))
	must(t, err)
	var approvers []string
	for _, e := range res.Entries {
		approvers = append(approvers, e.GetAttributeValue("sAMAccountName"))
	}
	slices.Sort(approvers)
	if !slices.Equal(approvers, []string{"elena.petrova", "yusuf.demir", "zoe.lefevre"}) {
		t.Errorf("%v", approvers)
	}
}

func TestTheCompanysPhotosAreSmallPictures(t *testing.T) {
	l, c := newCompany(t)
	photos := 0
	for _, p := range c.People {
		e := read(l, l.svc, p.DN, "thumbnailPhoto", "jpegPhoto")
		for _, a := range e.Attributes {
			photos++
			img, err := jpeg.Decode(bytes.NewReader(a.ByteValues[0]))
			must(t, err)
			if len(a.ByteValues[0]) > 10_000 || img.Bounds().Dx() != 96 {
				t.Errorf("%s: %d bytes, %v", p.Account, len(a.ByteValues[0]), img.Bounds())
			}
		}
	}
	if photos != 5 {
		t.Errorf("%d photos", photos)
	}
}
