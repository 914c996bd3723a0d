package samba

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func bindCode(t *testing.T, dc *DC, bind, password string) string {
	t.Helper()
	c, err := dc.Dial(bind, password)
	if err == nil {
		c.Close()
		return ""
	}
	_, rest, found := strings.Cut(err.Error(), "data ")
	if !found {
		t.Fatalf("bind as %s: %v", bind, err)
	}
	code, _, _ := strings.Cut(rest, ",")
	return code
}

func modify(t *testing.T, dc *DC, bind, password, dn string, change func(*ldap.ModifyRequest)) error {
	t.Helper()
	c, err := dc.Dial(bind, password)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req := ldap.NewModifyRequest(dn, nil)
	change(req)
	return c.Modify(req)
}

func TestEverybodySeededBindsWithTheirPasswordUnlessDisabled(t *testing.T) {
	dc := New(t, Options{})
	if len(dc.People) < 5 {
		t.Fatalf("%d people", len(dc.People))
	}
	for _, p := range dc.People {
		want := ""
		if p.Account == "ivy" {
			want = "533"
		}
		if code := bindCode(t, dc, p.UPN, p.Password); code != want {
			t.Errorf("%s: %s", p.UPN, code)
		}
	}
	if code := bindCode(t, dc, dc.ServiceBind, dc.ServicePassword); code != "" {
		t.Errorf("service account: %s", code)
	}
}

// The states are told by the notes that the demo prints.
func TestTheCompanyIsTheDemos(t *testing.T) {
	dc := New(t, Options{Company: true})
	want := map[string]string{"siobhan.oneill": "532", "mai.nguyen": "773", "diego.nunez": "533", "juergen.weiss": "775"}
	if len(dc.People) < 12 {
		t.Errorf("%d people", len(dc.People))
	}
	for _, p := range dc.People {
		if code := bindCode(t, dc, p.UPN, p.Password); code != want[p.Account] {
			t.Errorf("%s (%s): %q, want %q", p.Account, p.Note, code, want[p.Account])
		}
	}
	c, err := dc.Dial(dc.ServiceBind, dc.ServicePassword)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	res, err := c.Search(ldap.NewSearchRequest(dc.StaffOU, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(memberOf:1.2.840.113556.1.4.1941:=CN=Domain Admins,CN=Users,"+dc.BaseDN+")", []string{"sAMAccountName"}, nil))
	if err != nil || len(res.Entries) != 1 || res.Entries[0].GetAttributeValue("sAMAccountName") != "elena.petrova" {
		t.Errorf("administrators: %v, %v", res, err)
	}
}

func TestApproversOfEveryKindAreThere(t *testing.T) {
	for _, seed := range []struct {
		name      string
		company   bool
		managers  map[string]string
		approvers []string
		photos    []string
	}{
		{"plain", false, map[string]string{"ada": "fay", "ben": "", "cleo": "ivy", "dan": "dan"}, []string{"gus", "hal"}, []string{"ada", "fay"}},
		{"company", true, map[string]string{"priya.raman": "kwame.mensah", "mai.nguyen": "diego.nunez", "ingrid.solheim": "ingrid.solheim", "zoe.lefevre": ""},
			[]string{"elena.petrova", "yusuf.demir", "zoe.lefevre"}, []string{"priya.raman", "kwame.mensah", "amara.okafor", "ingrid.solheim", "yusuf.demir"}},
	} {
		t.Run(seed.name, func(t *testing.T) {
			dc := New(t, Options{Company: seed.company})
			c, err := dc.Dial(dc.ServiceBind, dc.ServicePassword)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			find := func(filter string, attrs ...string) []*ldap.Entry {
				res, err := c.Search(ldap.NewSearchRequest(dc.StaffOU, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, filter, attrs, nil))
				if err != nil {
					t.Fatal(err)
				}
				return res.Entries
			}
			for account, boss := range seed.managers {
				want := ""
				if boss != "" {
					want = person(t, dc, boss).DN
				}
				if got := find("(sAMAccountName="+account+")", "manager")[0].GetAttributeValue("manager"); got != want {
					t.Errorf("%s: manager %q, want %q", account, got, want)
				}
			}
			var approvers []string
			for _, e := range find("(memberOf:1.2.840.113556.1.4.1941:=CN=IT-Security,OU=Groups,"+dc.BaseDN+")", "sAMAccountName") {
				approvers = append(approvers, e.GetAttributeValue("sAMAccountName"))
			}
			if slices.Sort(approvers); !slices.Equal(approvers, seed.approvers) {
				t.Errorf("approvers %v", approvers)
			}
			for _, account := range seed.photos {
				e := find("(sAMAccountName="+account+")", "thumbnailPhoto", "jpegPhoto")[0]
				if len(e.Attributes) != 1 || !bytes.HasPrefix(e.Attributes[0].ByteValues[0], []byte{0xff, 0xd8, 0xff}) {
					t.Errorf("%s has no photo", account)
				}
			}
		})
	}
}

func TestTheServiceAccountMayResetBelowStaffOnly(t *testing.T) {
	dc := New(t, Options{})
	set := func(req *ldap.ModifyRequest) { req.Replace("unicodePwd", []string{Quote("Another-word-26")}) }
	if err := modify(t, dc, dc.ServiceBind, dc.ServicePassword, person(t, dc, "ada").DN, set); err != nil {
		t.Error(err)
	}
	err := modify(t, dc, dc.ServiceBind, dc.ServicePassword, person(t, dc, "eve").DN, set)
	if !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
		t.Errorf("outside the OU: %v", err)
	}
}

func TestAnEmptyDomainHoldsNothingOfOurs(t *testing.T) {
	dc := New(t, Options{Empty: true})
	c, err := dc.Dial(dc.AdminBind, dc.AdminPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	res, err := c.Search(ldap.NewSearchRequest(dc.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(|(sAMAccountName=svc-latchkey)(ou=Staff)(sAMAccountName=ada))", []string{"cn"}, nil))
	if err != nil || len(res.Entries) > 0 || len(dc.People) > 0 {
		t.Errorf("%v, %v, people %v", res, err, dc.People)
	}
}

func TestBackdateMakesAPasswordExpired(t *testing.T) {
	dc := New(t, Options{})
	p := person(t, dc, "ben")
	if err := dc.Backdate(p.DN, 133000000000000000); err != nil {
		t.Fatal(err)
	}
	if code := bindCode(t, dc, p.UPN, p.Password); code != "532" {
		t.Errorf("code %q, want 532", code)
	}
}

func TestResetRestartAndKillKeepTheirPromises(t *testing.T) {
	dc := New(t, Options{})
	p := person(t, dc, "ada")
	set := func(req *ldap.ModifyRequest) { req.Replace("unicodePwd", []string{Quote("Another-word-26")}) }
	if err := modify(t, dc, dc.AdminBind, dc.AdminPassword, p.DN, set); err != nil {
		t.Fatal(err)
	}
	dc.Kill()
	if c, err := dc.Dial("", ""); err == nil {
		c.Close()
		t.Fatal("answers after Kill")
	}
	if err := dc.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := bindCode(t, dc, p.UPN, "Another-word-26"); code != "" {
		t.Errorf("after Restart: %s", code)
	}
	if err := dc.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := bindCode(t, dc, p.UPN, p.Password); code != "" {
		t.Errorf("after Reset: %s", code)
	}
}

func TestTwoControllersStandBesideEachOther(t *testing.T) {
	a := New(t, Options{})
	b := New(t, Options{Beside: a})
	if a.Address == b.Address {
		t.Fatalf("both on %s", a.Address)
	}
	x, err := os.ReadFile(a.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	if y, err := os.ReadFile(b.CAFile); err != nil || string(x) != string(y) {
		t.Errorf("authorities differ (%v)", err)
	}
	p := person(t, b, "ada")
	if code := bindCode(t, b, p.UPN, p.Password); code != "" {
		t.Error(code)
	}
}

// TestMain is also the program that the next test kills: with the variable set
// it starts a controller and waits.
func TestMain(m *testing.M) {
	file := os.Getenv("LATCHKEY_SAMBA_HOLD")
	if file == "" {
		os.Exit(m.Run())
	}
	if err := hold(file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func hold(file string) error {
	dc, err := Start(context.Background(), Options{Dir: filepath.Dir(file)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", []byte(dc.Address), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	select {}
}

func TestTheControllerEndsWithAProgramThatIsKilled(t *testing.T) {
	Require(t)
	file := filepath.Join(t.TempDir(), "address")
	cmd := exec.Command(os.Args[0])
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "LATCHKEY_SAMBA_HOLD="+file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := eventually(t, func() (string, bool) { b, err := os.ReadFile(file); return string(b), err == nil })
	if portsFree(address) {
		t.Fatalf("nothing listens on %s", address)
	}
	cmd.Process.Kill()
	cmd.Wait()
	eventually(t, func() (string, bool) { return "", portsFree(address) })
}

func TestAnUnusableDirectoryIsAnErrorAndLeavesNoProcess(t *testing.T) {
	Require(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if dc, err := Start(context.Background(), Options{Dir: file}); err == nil {
		dc.Stop()
		t.Fatal("started")
	}
}

func eventually[T any](t *testing.T, ready func() (T, bool)) T {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		if v, ok := ready(); ok {
			return v
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("waited a minute")
		}
	}
}

func person(t *testing.T, dc *DC, account string) Person {
	t.Helper()
	for _, p := range dc.People {
		if p.Account == account {
			return p
		}
	}
	t.Fatalf("no %s", account)
	return Person{}
}

func TestTheAuthorityIsNotTheMachines(t *testing.T) {
	dc := New(t, Options{})
	if c, err := ldap.DialURL(dc.LDAPSURL); err == nil {
		c.Close()
		t.Fatal("verified without the CA file")
	}
}
