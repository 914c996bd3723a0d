package conformance

import (
	"testing"

	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/samba"
)

func TestSambaConforms(t *testing.T) {
	everyday.Left(t, "minidc is held to the same cases here, and package ad works with Samba")
	dc := samba.New(t, samba.Options{})
	Run(t, Target{
		Engine:   "samba",
		LDAPSURL: dc.LDAPSURL, LDAPURL: dc.LDAPURL, TLS: dc.TLS(),
		BaseDN: dc.BaseDN, Domain: dc.Domain, NetBIOS: dc.NetBIOS,
		AdminBind: dc.AdminBind, AdminPassword: dc.AdminPassword,
		ServiceBind: dc.ServiceBind, ServicePassword: dc.ServicePassword,
		StaffOU: dc.StaffOU, OthersOU: dc.OthersOU,
		Backdate: dc.Backdate,
		Restart:  func() error { return dc.Restart(t.Context()) },
	})
}
