//go:build linux

package afternoon

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/samba"
	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/push/pushtest"
)

// site is the organisation: its domain, its authority, its ways out, and the machine.
type site struct {
	*machine
	dc        *samba.DC
	authority *authority.Authority
	proxyCA   string            // file
	proxy     string            // URL
	people    map[string]string // passwords by account

	invitation string // what the last step of the installation printed
}

const host = "latchkey.corp.example.test"

// newSite provisions a domain with people in it, as it was before Latchkey.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{machine: newMachine(t), people: map[string]string{"ada": "Boat-Builder-26!", "dana.reyes": "Payroll-Clerk-26!", "gus": "Help-Desk-26!"}}
	own := filepath.Join(os.Getenv(inside), "own")
	s.dc = samba.New(t, samba.Options{Empty: true, DNS: true, Dir: filepath.Join(own, "dc")})
	if s.dc.Address != "127.0.77.1" {
		t.Fatalf("on a machine of its own the controller is at %s", s.dc.Address)
	}
	// The machine is the controller, too: samba-tool finds the domain by itself.
	must(t, os.MkdirAll("/etc/samba", 0o755))
	conf, err := os.ReadFile(filepath.Join(own, "dc", "etc", "smb.conf"))
	must(t, err)
	write(t, "/etc/samba/smb.conf", string(conf))
	write(t, "/etc/resolv.conf", "nameserver "+s.dc.Address+"\n")
	write(t, "/etc/hosts", "127.0.0.1 localhost "+host+" db."+s.dc.Domain+"\n")
	s.populate(t)
	s.outside(t)
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// populate makes people, and the policy that an organisation has: ada's manager is
// nobody, dana's is ada.
func (s *site) populate(t *testing.T) {
	t.Helper()
	c, err := s.dc.Dial(s.dc.AdminBind, s.dc.AdminPassword)
	must(t, err)
	defer c.Close()
	add := func(dn, class string, attrs map[string]string) {
		t.Helper()
		req := ldap.NewAddRequest(dn, nil)
		req.Attribute("objectClass", []string{class})
		for name, v := range attrs {
			req.Attribute(name, []string{v})
		}
		must(t, c.Add(req))
	}
	for _, ou := range []string{s.dc.StaffOU, "OU=Groups," + s.dc.BaseDN} {
		add(ou, "organizationalUnit", nil)
	}
	person := func(name, account, manager string) string {
		t.Helper()
		given, surname, _ := strings.Cut(name, " ")
		upn := account + "@" + s.dc.Domain
		attrs := map[string]string{"sAMAccountName": account, "userPrincipalName": upn, "mail": upn, "givenName": given, "sn": surname,
			"displayName": name, "userAccountControl": "512", "unicodePwd": samba.Quote(s.people[account])}
		if manager != "" {
			attrs["manager"] = manager
		}
		dn := "CN=" + name + "," + s.dc.StaffOU
		add(dn, "user", attrs)
		return dn
	}
	ada := person("Ada Stone", "ada", "")
	person("Dana Reyes", "dana.reyes", ada)
	add("CN=Helpdesk,OU=Groups,"+s.dc.BaseDN, "group", map[string]string{"sAMAccountName": "Helpdesk", "groupType": "-2147483646",
		"member": person("Gus Vale", "gus", "")})
	policy := ldap.NewModifyRequest(s.dc.BaseDN, nil)
	for name, v := range map[string]string{"minPwdLength": "12", "minPwdAge": "0", "lockoutThreshold": "10",
		"lockoutDuration": "-18000000000", "lockOutObservationWindow": "-18000000000"} {
		policy.Replace(name, []string{v})
	}
	must(t, c.Modify(policy))
}

// outside gives the machine what a network has: an authority that every machine
// trusts, and a proxy that is the only way to the push services.
func (s *site) outside(t *testing.T) {
	t.Helper()
	var err error
	s.authority, err = authority.New()
	must(t, err)
	roots, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	must(t, err)
	write(t, "/etc/ssl/certs/ca-certificates.crt", string(roots)+string(s.authority.PEM()))
	services := pushtest.New(t, nil)
	s.proxy, s.proxyCA = services.Proxy.String(), "/etc/ssl/proxy-ca.pem"
	write(t, s.proxyCA, string(services.PEM))
}

// newPhone is a phone that trusts the organisation's authority.
func (s *site) newPhone(t *testing.T) *phone.Phone {
	t.Helper()
	p, err := phone.New("https://" + host)
	must(t, err)
	return p.Through(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool()}, ForceAttemptHTTP2: true, DisableKeepAlives: true})
}

// bind tries a password at the controller, without Latchkey, and returns AD's
// reason where it is refused.
func (s *site) bind(t *testing.T, account, password string) string {
	t.Helper()
	c, err := s.dc.Dial(account+"@"+s.dc.Domain, password)
	if err == nil {
		c.Close()
		return ""
	}
	_, rest, found := strings.Cut(err.Error(), "data ")
	if !found {
		t.Fatalf("bind as %s: %v", account, err)
	}
	reason, _, _ := strings.Cut(rest, ",")
	return reason
}

// lock sends wrong passwords, as a forgotten device does, until the account is locked.
func (s *site) lock(t *testing.T, account string) {
	t.Helper()
	for range 20 {
		if s.bind(t, account, "not-the-password-1") == "775" {
			return
		}
	}
	t.Fatalf("twenty wrong passwords did not lock %s", account)
}
