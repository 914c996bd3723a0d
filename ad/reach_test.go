package ad_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
)

func via(proxies ...*proxy) func(*ad.Config) {
	return func(c *ad.Config) {
		c.Controllers = nil
		for _, p := range proxies {
			c.Controllers = append(c.Controllers, p.URL)
		}
	}
}

// knowing returns a client that has heard of every controller, so that it asks
// them in the configured order.
func (l *lab) knowing(change ...func(*ad.Config)) directory {
	l.Helper()
	c := l.client(change...)
	if _, err := c.Capabilities(ctxFor(l)); err != nil {
		l.Fatal(err)
	}
	return c
}

func TestOpenNamesEveryMistake(t *testing.T) {
	_, err := ad.Open(ad.Config{Controllers: []string{"ldap+tls://a", "https://b", "ldaps://u@c", "ldaps:///x", "ldaps://d", "ldaps://d:636"},
		CAFile: filepath.Join(t.TempDir(), "none"), BaseDN: "no dn", ProtectedOUs: []string{""}, PoolSize: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"ldap+tls://a", "https://b", "ldaps://u@c", "ldaps:///x", "named twice", "CA file", `"no dn"`, `""`, "read service account", "negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestStartTLSIsDemandedAndWorks(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person()
		p.lock()
		c := l.client(func(c *ad.Config) { c.Controllers = []string{l.StartTLSURL} })
		if err := c.Ready(ctxFor(l)); err != nil {
			l.Fatal(err)
		}
		if _, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)}); err != nil {
			l.Fatal(err)
		}
	})
}

func TestAServerWithoutTLSLearnsNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	heard := make(chan string, 8)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			// protocolError(2): StartTLS is not supported.
			c.Write([]byte{0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 2, 4, 0, 4, 0})
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			rest, _ := io.ReadAll(c)
			heard <- string(b[:n]) + string(rest)
			c.Close()
		}
	}()
	c, err := ad.Open(ad.Config{Controllers: []string{"ldap://" + ln.Addr().String()}, Read: ad.Service{Bind: "svc", Password: pw("c4nary")}, OpTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resolve(ctxFor(t), "ada"); !errors.Is(err, ad.ErrUnavailable) {
		t.Error(err)
	}
	if got := <-heard; strings.Contains(got, "c4nary") || !strings.Contains(got, "1.3.6.1.4.1.1466.20037") {
		t.Errorf("%q", got)
	}
}

func TestAWrongHostNameOrAuthorityIsNoController(t *testing.T) {
	everywhere(t, func(l *lab) {
		var host x509.HostnameError
		err := l.client(via(l.proxyOn("127.0.99.9"))).Ready(ctxFor(l))
		if !errors.Is(err, ad.ErrUnavailable) || !errors.As(err, &host) {
			l.Errorf("wrong host: %v", err)
		}
		var authority x509.UnknownAuthorityError
		for _, file := range []string{"", otherCA(t)} {
			err := l.client(func(c *ad.Config) { c.CAFile = file }).Ready(ctxFor(l))
			if !errors.Is(err, ad.ErrUnavailable) || !errors.As(err, &authority) {
				l.Errorf("CA file %q: %v", file, err)
			}
		}
	})
}

func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheNextControllerAnswersForADeadOne(t *testing.T) {
	everywhere(t, func(l *lab) {
		dead, live, p := l.proxied(), l.proxied(), l.person()
		dead.stop()
		c := l.client(via(dead, live))
		if a := l.read(c, p.GUID); a.Controller != live.name() {
			l.Errorf("answered by %s", a.Controller)
		}
		if a, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)}); err != nil || a.Controller != live.name() {
			l.Errorf("%+v, %v", a, err)
		}
	})
}

func TestASilentControllerCostsItsTimeOnce(t *testing.T) {
	everywhere(t, func(l *lab) {
		mute, live, p := l.proxied(), l.proxied(), l.person()
		c := l.knowing(via(mute, live), func(c *ad.Config) { c.OpTimeout = time.Second })
		if a := l.read(c, p.GUID); a.Controller != mute.name() {
			l.Fatalf("answered by %s", a.Controller)
		}
		mute.set(func(p *proxy) { p.dropUp = true })
		if a := l.read(c, p.GUID); a.Controller != live.name() {
			l.Fatalf("answered by %s", a.Controller)
		}
		began := time.Now()
		for range 5 {
			l.read(c, p.GUID)
		}
		if spent := time.Since(began); spent > time.Second {
			l.Errorf("five more took %v", spent)
		}
	})
}

func TestADeadlineLeavesTimeForTheNextController(t *testing.T) {
	everywhere(t, func(l *lab) {
		mute, live, p := l.proxied(), l.proxied(), l.person()
		c := l.knowing(via(mute, live), func(c *ad.Config) { c.OpTimeout = time.Minute })
		l.read(c, p.GUID)
		mute.set(func(p *proxy) { p.dropUp = true })
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if a, err := c.Account(ctx, p.GUID); err != nil || a.Controller != live.name() {
			l.Errorf("%s, %v", a.Controller, err)
		}
	})
}

func TestACancelledReadReturnsAtOnce(t *testing.T) {
	everywhere(t, func(l *lab) {
		mute, p := l.proxied(), l.person()
		c := l.client(via(mute), func(c *ad.Config) { c.OpTimeout = time.Minute })
		l.read(c, p.GUID)
		mute.set(func(p *proxy) { p.dropUp = true })
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := c.Account(ctx, p.GUID)
		if !errors.Is(err, ad.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
			l.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestConnectionsThatWereClosedMeanwhileAreReplaced(t *testing.T) {
	everywhere(t, func(l *lab) {
		front, p := l.proxied(), l.person()
		c := l.client(via(front))
		for range 3 {
			l.read(c, p.GUID)
			front.cut()
		}
		p.lock()
		a := l.read(c, p.GUID)
		front.cut()
		if _, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID, Controller: a.Controller}); err != nil {
			l.Error(err)
		}
	})
}

func TestALostAnswerIsUnknownAndNeverSentAgain(t *testing.T) {
	everywhere(t, func(l *lab) {
		for _, how := range []struct {
			name   string
			break_ func(*proxy)
			lands  bool
		}{
			{"answer cut off", func(p *proxy) { p.cutOnDown = true }, true},
			{"answer swallowed", func(p *proxy) { p.dropDown = true }, true},
			{"request swallowed", func(p *proxy) { p.dropUp = true }, false},
		} {
			front, other, p := l.proxied(), l.proxied(), l.person()
			p.lock()
			c := l.knowing(via(front, other), func(c *ad.Config) { c.OpTimeout = time.Second })
			before := l.read(c, p.GUID)
			_, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID, Controller: before.Controller, Check: func(ad.Account) error {
				front.set(how.break_)
				return nil
			}}, ad.NewPassword{Value: pw(better), MustChange: true})
			l.causes(err, ad.ErrUnavailable, ad.OutcomeUnknown)

			front.set(func(p *proxy) { p.cutOnDown, p.dropDown, p.dropUp = false, false, false })
			after, err := c.AccountOn(ctxFor(l), before.Controller, p.GUID)
			if err != nil {
				l.Fatalf("%s: %v", how.name, err)
			}
			want := before.Marks
			if how.lands {
				want = ad.Marks{KeyVersion: before.Marks.KeyVersion + 1}
			}
			if after.Marks != want {
				l.Errorf("%s: %+v, want %+v", how.name, after.Marks, want)
			}
		}
	})
}

func TestAWriteThatLandedIsWrittenEvenIfItCantBeReadBack(t *testing.T) {
	everywhere(t, func(l *lab) {
		front, p := l.proxied(), l.person()
		c := l.client(via(front), func(c *ad.Config) { c.OpTimeout = time.Second })
		before := l.read(c, p.GUID)
		var answers atomic.Int64
		_, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID, Controller: before.Controller, Check: func(ad.Account) error {
			front.set(func(p *proxy) { p.onDown = func() bool { return answers.Add(1) > 1 } })
			return nil
		}}, ad.NewPassword{Value: pw(better)})
		l.causes(err, ad.ErrUnavailable, ad.OutcomeWritten)
		if code := p.bind(better); code != "" {
			l.Errorf("bind: %s", code)
		}
	})
}

func TestAWrongServicePasswordIsTriedOnce(t *testing.T) {
	everywhere(t, func(l *lab) {
		svc, target := l.person(), l.person()
		clock := time.Now()
		var mu sync.Mutex
		now := func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
		c := l.client(via(l.proxied(), l.proxied(), l.proxied()), func(c *ad.Config) {
			c.Read, c.Now = ad.Service{Bind: svc.UPN, Password: pw("wrong")}, now
		})
		all := func() {
			var wait sync.WaitGroup
			for range 20 {
				wait.Go(func() {
					_, err := c.Account(ctxFor(l), target.GUID)
					l.causes(err, ad.ErrServiceBind, ad.OutcomeNotWritten)
					_, err = c.Unlock(ctxFor(l), ad.Write{Target: target.GUID})
					l.causes(err, ad.ErrServiceBind, ad.OutcomeNotWritten)
				})
			}
			wait.Wait()
		}
		all()
		if n := l.number(svc.DN, "badPwdCount"); n != 1 {
			l.Errorf("badPwdCount %d after the first round", n)
		}
		mu.Lock()
		clock = clock.Add(11 * time.Minute)
		mu.Unlock()
		all()
		if n := l.number(svc.DN, "badPwdCount"); n != 2 {
			l.Errorf("badPwdCount %d after the second round", n)
		}
	})
}

func TestARefusedWriteAccountDoesNotStopReading(t *testing.T) {
	everywhere(t, func(l *lab) {
		svc, p := l.person(), l.person()
		c := l.client(func(c *ad.Config) { c.Write = ad.Service{Bind: svc.UPN, Password: pw("wrong")} })
		l.causes(second(c.Unlock(ctxFor(l), ad.Write{Target: p.GUID})), ad.ErrServiceBind, ad.OutcomeNotWritten)
		l.read(c, p.GUID)
		if err := l.whyNotReady(c); !errors.Is(err, ad.ErrServiceBind) {
			l.Errorf("Ready: %v", err)
		}
	})
}

func TestReadAndWriteUseTheirOwnAccounts(t *testing.T) {
	everywhere(t, func(l *lab) {
		reader, p := l.person(), l.person()
		p.lock()
		c := l.client(func(c *ad.Config) { c.Read, c.Write = ad.Service{Bind: reader.UPN, Password: pw(start)}, l.Service })
		if err := c.Ready(ctxFor(l)); err != nil {
			l.Fatal(err)
		}
		if _, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID}); err != nil {
			l.Fatal(err)
		}
		p.lock()
		swapped := l.client(func(c *ad.Config) { c.Write, c.Read = ad.Service{Bind: reader.UPN, Password: pw(start)}, l.Service })
		l.causes(second(swapped.Unlock(ctxFor(l), ad.Write{Target: p.GUID})), ad.ErrRights, ad.OutcomeNotWritten)
	})
}

func TestThePoolStaysWithinItsBound(t *testing.T) {
	everywhere(t, func(l *lab) {
		front, p := l.proxied(), l.person()
		c := l.client(via(front), func(c *ad.Config) { c.PoolSize = 2 })
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for range 5 {
					if _, err := c.Account(ctxFor(l), p.GUID); err != nil {
						l.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if n := front.opened.Load(); n > 2 {
			l.Errorf("%d connections", n)
		}
		if err := c.CheckPassword(ctxFor(l), p.GUID, pw(start)); err != nil {
			l.Error(err)
		}
	})
}
