package ad_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// until waits for what happens beside.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// twoFound makes two controllers of one domain that DNS names.
func twoFound(t *testing.T) (l *lab, s *nameServer, one, other *minidc.Server) {
	l, one, other = two(t, minidc.Config{}, minidc.Config{})
	s = newNameServer(t)
	s.at("dc1.corp.example.test", loopback)
	s.at("dc2.corp.example.test", loopback)
	s.name(l, true, true)
	return l, s, one, other
}

// name says which of the two DNS names.
func (s *nameServer) name(l *lab, first, second bool) {
	s.set(func(s *nameServer) {
		s.srv[askAll] = nil
		for i, at := range []struct {
			named bool
			lab   *lab
		}{{first, l}, {second, l.second}} {
			if at.named {
				s.srv[askAll] = append(s.srv[askAll], dnsmessage.SRVResource{Priority: uint16(i), Port: portOf(l, at.lab.StartTLSURL),
					Target: dnsmessage.MustNewName(fmt.Sprintf("dc%d.corp.example.test.", i+1))})
			}
		}
	})
}

func TestControllersJoinAndLeaveWithDNS(t *testing.T) {
	l, s, one, _ := twoFound(t)
	p, time := l.person(), newClock()
	s.name(l, true, false)
	c := l.lookedUp(s, func(c *ad.Config) { c.Now = time.now })
	if a := l.read(c, p.GUID); a.Controller != l.nameOf("dc1.corp.example.test") {
		t.Fatalf("read on %s", a.Controller)
	}
	s.name(l, false, true)
	time.pass(16 * minute)
	l.read(c, p.GUID) // asks DNS beside
	until(t, "the second one joins", func() bool {
		return slices.Equal(l.lookup(c).Controllers, []string{l.second.nameOf("dc2.corp.example.test")})
	})
	if a := l.read(c, p.GUID); a.Controller != l.second.nameOf("dc2.corp.example.test") {
		t.Errorf("read on %s", a.Controller)
	}
	before := one.Counters().Connections
	s.name(l, true, false)
	time.pass(16 * minute)
	l.read(c, p.GUID)
	until(t, "the first one comes back", func() bool {
		return slices.Equal(l.lookup(c).Controllers, []string{l.nameOf("dc1.corp.example.test")})
	})
	l.read(c, p.GUID)
	if one.Counters().Connections == before {
		t.Error("no connection of the one that had left should have been kept")
	}
}

func TestAFailedLookupKeepsWhatWasKnown(t *testing.T) {
	for name, broken := range map[string]func(*nameServer){
		"no such name":    func(s *nameServer) { clear(s.srv) },
		"failure":         func(s *nameServer) { s.code = dnsmessage.RCodeServerFailure },
		"no good record":  func(s *nameServer) { s.srv[askAll] = s.srv[askAll][:0] },
		"hostile records": func(s *nameServer) { s.srv[askAll][0].Target = dnsmessage.MustNewName("dc1.evil.test.") },
	} {
		t.Run(name, func(t *testing.T) {
			l, s := foundLab(t)
			s.set(func(s *nameServer) { delete(s.srv, askPDC) })
			p, time := l.person(), newClock()
			c := l.lookedUp(s, func(c *ad.Config) { c.Now = time.now })
			l.read(c, p.GUID)
			s.set(broken)
			time.pass(16 * minute)
			l.read(c, p.GUID)
			until(t, "the lookup fails", func() bool { return l.lookup(c).Err != nil })
			l.read(c, p.GUID)
			if got := l.lookup(c); len(got.Controllers) != 1 || got.Next.Sub(got.At) > 5*minute {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestWhenNobodyAnswersDNSIsAskedForOthers(t *testing.T) {
	l, s, one, _ := twoFound(t)
	p, time := l.person(), newClock()
	s.name(l, true, false)
	c := l.lookedUp(s, func(c *ad.Config) { c.Now = time.now })
	l.read(c, p.GUID)
	one.Close()
	s.name(l, false, true)
	time.pass(11 * oneSecond)
	if a := l.read(c, p.GUID); a.Controller != l.second.nameOf("dc2.corp.example.test") {
		t.Errorf("read on %s", a.Controller)
	}
	asked := s.count(askAll)
	for range 5 {
		l.read(c, p.GUID)
	}
	if s.count(askAll) != asked {
		t.Errorf("DNS was asked %d times more", s.count(askAll)-asked)
	}
}

// A write that is under way when its controller leaves DNS ends on it, and its
// outcome is settled there by name, also after a restart.
func TestAWriteEndsOnTheControllerThatLeftDNS(t *testing.T) {
	l, s, one, other := twoFound(t)
	p, time := l.person(), newClock()
	s.name(l, true, false)
	c := l.lookedUp(s, func(c *ad.Config) { c.Now = time.now })
	before := l.read(c, p.GUID)
	landed, err := c.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID, Controller: before.Controller, Check: func(ad.Account) error {
		s.name(l, false, true)
		time.pass(16 * minute)
		if _, err := c.Resolve(ctxFor(t), p.SAM); err != nil {
			return err
		}
		until(t, "the first one leaves", func() bool {
			return slices.Equal(l.lookup(c).Controllers, []string{l.second.nameOf("dc2.corp.example.test")})
		})
		return nil
	}}, ad.NewPassword{Value: pw(better)})
	if err != nil || landed.Controller != before.Controller || one.Counters().PasswordWrites != 1 || other.Counters().PasswordWrites != 0 {
		t.Fatalf("%+v, %v", landed, err)
	}
	restarted := l.lookedUp(s)
	for name, c := range map[string]*ad.Client{"running": c, "restarted": restarted} {
		a, err := c.AccountOn(ctxFor(t), before.Controller, p.GUID)
		if err != nil || a.Controller != before.Controller || a.Marks != landed.Marks {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	for _, name := range []string{"dc1.evil.test", "127.0.0.1", "dc1.child.corp.example.test", "", "dc1.corp.example.test/x"} {
		if _, err := restarted.AccountOn(ctxFor(t), name, p.GUID); !errors.Is(err, ad.ErrUnavailable) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestControllersThatAreNamedStayBesideThoseThatAreFound(t *testing.T) {
	l, s, _, _ := twoFound(t)
	s.name(l, false, true)
	c := l.lookedUp(s, func(c *ad.Config) { c.Controllers = []string{l.URL} })
	infos, err := c.Capabilities(ctxFor(t))
	if err != nil || len(infos) != 2 || "ldaps://"+infos[0].Name != l.URL || infos[1].Name != l.second.nameOf("dc2.corp.example.test") {
		t.Errorf("%+v, %v", infos, err)
	}
}
