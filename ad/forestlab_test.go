package ad_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

const (
	childDomain = "child.corp.example.test"
	childBase   = "DC=child," + miniBase
	childStaff  = "OU=Staff," + childBase
)

// forestOfOne is the in-memory domain behind a Forest.
func forestOfOne(t testing.TB) *lab {
	l := minidcLab(t)
	l.open = func(cfg ad.Config) (directory, error) { return ad.OpenForest(cfg) }
	return l
}

// forestOfTwo is the in-memory domain behind a Forest with a child domain in it,
// which comes first and knows nobody of these tests.
func forestOfTwo(t testing.TB) *lab {
	root := domain(t, minidc.Config{})
	l := labOf(t, root)
	c := labOfChild(t, root)
	l.open = func(cfg ad.Config) (directory, error) {
		if cfg.BaseDN == "" {
			cfg.BaseDN = l.Base
		}
		other := c.config()
		other.Now = cfg.Now
		return ad.OpenForest(other, cfg)
	}
	return l
}

// labOfChild makes a child domain that is seeded as its parent is.
func labOfChild(t testing.TB, root *minidc.Server) *lab {
	t.Helper()
	s := root.Child(minidc.Config{Domain: childDomain})
	t.Cleanup(func() { s.Close() })
	for _, ou := range []string{childStaff, "OU=Others," + childBase, "OU=Service," + childBase} {
		s.AddOU(ou)
	}
	service := "CN=svc-latchkey,OU=Service," + childBase
	s.AddUser(minidc.User{Name: "svc-latchkey", Parent: "OU=Service," + childBase, Account: "svc-latchkey", Password: svcPassword})
	s.Delegate(service, childStaff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet, minidc.ReadPSOs)
	s.SetDomainPolicy(minidc.Policy{MinLength: 8, Complexity: true, History: 5, MaxAge: 42 * 24 * time.Hour, LockoutThreshold: 5,
		LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute})
	l := labOf(t, s)
	l.Base, l.Domain, l.Staff, l.Ot, l.ServiceDN = childBase, childDomain, childStaff, "OU=Others,"+childBase, service
	l.Admin.Bind, l.Service.Bind = "administrator@"+childDomain, "svc-latchkey@"+childDomain
	l.server = s
	l.baseDN = childBase
	return l
}

// whyNotReady asks every domain: a Forest is ready while one of them is.
func (l *lab) whyNotReady(c directory) error {
	if f, ok := c.(*ad.Forest); ok {
		return errors.Join(f.Down(ctxFor(l))...)
	}
	return c.Ready(ctxFor(l))
}
