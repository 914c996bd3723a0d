package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad/minidc"
)

func TestMinidcConforms(t *testing.T) { runMinidc(t, minidc.Config{}) }

// The other face that minidc can show: policy hints, as Windows offers them.
func TestMinidcWithPolicyHintsConforms(t *testing.T) { runMinidc(t, minidc.Config{PolicyHints: true}) }

const (
	minidcBase    = "DC=corp,DC=example,DC=test"
	minidcService = "CN=svc-latchkey,OU=Service," + minidcBase
	minidcSecret  = minidc.AdminPassword
)

func runMinidc(t *testing.T, cfg minidc.Config) {
	dc := minidc.New(cfg)
	for _, ou := range []string{"OU=Service,", "OU=Staff,", "OU=Others,"} {
		dc.AddOU(ou + minidcBase)
	}
	dc.AddUser(minidc.User{Name: "svc-latchkey", Parent: "OU=Service," + minidcBase, Account: "svc-latchkey", Password: minidcSecret,
		Attributes: map[string][]string{"userAccountControl": {strconv.Itoa(uacNormal | uacNeverExpires)}}})
	dc.Delegate(minidcService, "OU=Staff,"+minidcBase, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet)
	dc.Delegate(minidcService, "CN=Password Settings Container,CN=System,"+minidcBase, minidc.ReadPSOs)
	Run(t, minidcTarget(t, dc))
}

func minidcTarget(t *testing.T, dc *minidc.Server) Target {
	t.Helper()
	secure, plain := listen(t, dc, "127.0.0.1:0", "127.0.0.1:0")
	t.Cleanup(func() { dc.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(dc.CAPEM())
	return Target{
		Engine:   "minidc",
		LDAPSURL: secure, LDAPURL: plain, TLS: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12},
		BaseDN: minidcBase, Domain: "corp.example.test", NetBIOS: "CORP",
		AdminBind: "administrator@corp.example.test", AdminPassword: minidcSecret,
		ServiceBind: "svc-latchkey@corp.example.test", ServicePassword: minidcSecret,
		StaffOU: "OU=Staff," + minidcBase, OthersOU: "OU=Others," + minidcBase,
		Backdate: func(dn string, pwdLastSet int64) error {
			dc.Set(dn, "pwdLastSet", strconv.FormatInt(pwdLastSet, 10))
			return nil
		},
		Restart: func() error {
			if err := dc.Close(); err != nil {
				return err
			}
			listen(t, dc, strings.TrimPrefix(secure, "ldaps://"), strings.TrimPrefix(plain, "ldap://"))
			return nil
		},
	}
}

func listen(t *testing.T, dc *minidc.Server, secureAddr, plainAddr string) (secure, plain string) {
	t.Helper()
	secure, err := dc.ListenLDAPS(secureAddr)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = dc.ListenLDAP(plainAddr); err != nil {
		t.Fatal(err)
	}
	return secure, plain
}
