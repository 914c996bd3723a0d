package push

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
	"github.com/latchkey/latchkey/push/pushtest"
	"github.com/latchkey/latchkey/secret"
)

// surgery is a right installation: push services behind a proxy, a mail server
// with TLS and an account, a store with one key.
type surgery struct {
	t         *testing.T
	authority *doctortest.Authority
	services  *pushtest.Service
	store     *memStore
	keys      Keys
	kind      mailKind
	host      string // of the mail server's certificate
	cert      doctortest.Certificate
	mail      *mailServer // nil until it is examined, unless a test brings it
	cfg       Config
}

func newSurgery(t *testing.T) *surgery {
	t.Helper()
	s := &surgery{t: t, authority: doctortest.NewAuthority(t), services: pushtest.New(t, nil), store: newMemStore(), host: "127.0.0.1"}
	s.keys, s.kind.login = s.store, "latchkey:right"
	k, err := newKeypair("k1", time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.store.keys = []Keypair{k}
	s.cfg = Config{
		Alerts:  []string{"it-security@example.com"},
		Subject: "desk@example.com", Organisation: "Corp", Proxy: s.services.Proxy, RootCAs: s.services.Roots,
		Mail: &MailConfig{Host: "127.0.0.1", User: "latchkey", Password: secret.New("right"), From: "latchkey@example.com", RootCAs: s.authority.Roots},
	}
	return s
}

// examine starts the mail server as the test left it.
func (s *surgery) examine() *doctor.Report {
	s.t.Helper()
	if s.mail == nil {
		if s.kind.cert == nil && s.host != "" {
			s.kind.cert = s.authority.Make(s.host, s.cert)
		}
		s.mail = newMailServer(s.t, s.kind)
	}
	if s.cfg.Mail != nil && s.cfg.Mail.Port == 0 {
		s.cfg.Mail.Port = s.mail.port
	}
	r := &doctor.Report{}
	Doctor(s.t.Context(), s.cfg, s.keys, r)
	return r
}

type sealedKeys struct{}

func (sealedKeys) VAPIDKeys(context.Context) ([]Keypair, error) { return nil, secret.ErrSealed }

var provocations = map[string]func(*surgery){
	FoundKeyMissing.ID:  func(s *surgery) { s.store.keys = nil },
	FoundKeyBroken.ID:   func(s *surgery) { s.store.keys[0].Private[5] ^= 1 },
	FoundKeySealed.ID:   func(s *surgery) { s.keys = sealedKeys{} },
	FoundSubject.ID:     func(s *surgery) { s.cfg.Subject = "desk" },
	FoundSubjectMade.ID: func(s *surgery) { s.cfg.Subject = "https://desk.corp.local/x" },
	FoundHosts.ID:       func(s *surgery) { s.cfg.Hosts = []string{"10.0.0.1"} },
	FoundCAFile.ID: func(s *surgery) {
		s.cfg.CAFile = filepath.Join(s.t.TempDir(), "ca.pem")
		if err := os.WriteFile(s.cfg.CAFile, []byte("nothing"), 0o600); err != nil {
			s.t.Fatal(err)
		}
	},
	FoundProxyDown.ID: func(s *surgery) {
		s.cfg.Proxy = &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", closedPort(s.t))}
	},
	FoundProxyNo.ID: func(s *surgery) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })}
		go func() { _ = srv.Serve(l) }()
		s.t.Cleanup(func() { _ = srv.Close() })
		s.cfg.Proxy = &url.URL{Scheme: "http", Host: l.Addr().String()}
	},
	FoundUntrusted.ID: func(s *surgery) { s.cfg.RootCAs = s.authority.Roots },
	FoundPrivate.ID: func(s *surgery) {
		s.cfg.Proxy, s.cfg.out.resolver = nil, fakeDNS(s.t, func(string) net.IP { return net.IPv4(10, 0, 0, 1) })
	},
	FoundUnreachable.ID: func(s *surgery) {
		s.services.Answer(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	},
	FoundNone.ID: func(s *surgery) { s.cfg.RootCAs = s.authority.Roots },
	FoundClock.ID: func(s *surgery) {
		s.services.AnswerStatus(404, "Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	},

	FoundMailConfig.ID:  func(s *surgery) { s.cfg.Mail.From = "not an address" },
	FoundMailDown.ID:    func(s *surgery) { s.cfg.Mail.Port = closedPort(s.t) },
	FoundMailRefuses.ID: func(s *surgery) { s.cfg.Mail.Port = talking(s.t, "554 no service here\r\n").Port },
	FoundMailNoTLS.ID:   func(s *surgery) { s.host = "" },
	FoundMailTrust.ID:   func(s *surgery) { s.cert.SelfSigned = true },
	FoundMailName.ID:    func(s *surgery) { s.host = "mail.example.com" },
	FoundMailExpired.ID: func(s *surgery) { s.cert.Left = -time.Hour },
	FoundMailDays.ID:    func(s *surgery) { s.cert.Left = 12 * 24 * time.Hour },
	FoundMailOld.ID:     func(s *surgery) { s.kind.old = true },
	FoundMailNoLogin.ID: func(s *surgery) { s.kind.login = "" },
	FoundMailLogin.ID:   func(s *surgery) { s.cfg.Mail.Password = secret.New("wrong") },
	FoundMailSender.ID: func(s *surgery) {
		s.kind.cert = s.authority.Make(s.host, s.cert)
		s.mail = newMailServer(s.t, s.kind)
		s.mail.set(func(m *mailServer) { m.from = &smtp.SMTPError{Code: 550, Message: "not yours"} })
	},
	FoundMailAlert.ID: func(s *surgery) {
		s.kind.cert = s.authority.Make(s.host, s.cert)
		s.mail = newMailServer(s.t, s.kind)
		s.mail.set(func(m *mailServer) { m.rcpt = &smtp.SMTPError{Code: 550, Message: "no such mailbox"} })
	},
	FoundMailFromMade.ID: func(s *surgery) { s.cfg.Mail.From = "latchkey@corp.local" },
}

// talking says one thing to whoever connects.
func talking(t *testing.T, text string) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(text))
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr)
}

func TestDoctorFindsNothingWhereEverythingIsReached(t *testing.T) {
	for name, change := range map[string]func(*surgery){
		"starttls":   func(*surgery) {},
		"implicit":   func(s *surgery) { s.kind.implicit, s.cfg.Mail.TLS = true, MailImplicit },
		"no account": func(s *surgery) { s.kind.login, s.cfg.Mail.User = "", "" },
		"no mail":    func(s *surgery) { s.cfg.Mail = nil },
		"no alerts":  func(s *surgery) { s.cfg.Alerts = nil },
		"put off": func(s *surgery) {
			s.kind.cert = s.authority.Make(s.host, s.cert)
			s.mail = newMailServer(s.t, s.kind)
			s.mail.set(func(m *mailServer) { m.rcpt = &smtp.SMTPError{Code: 451, Message: "later"} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSurgery(t)
			change(s)
			r := s.examine()
			if r.Worst() != doctor.OK || len(r.Findings()) < 5 {
				t.Errorf("got %+v", r.Findings())
			}
			if mails := s.mail.mails(); len(mails) != 0 {
				t.Errorf("a mail was sent: %+v", mails)
			}
		})
	}
}

func TestDoctorFindsEachKind(t *testing.T) {
	for _, k := range Kinds {
		if doctor.Area(k.ID) == "sms" {
			continue // TestDoctorFindsEachKindOfTheGateway
		}
		t.Run(k.ID, func(t *testing.T) {
			provoke := provocations[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			s := newSurgery(t)
			provoke(s)
			r := s.examine()
			got := r.Of(k)
			if len(got) == 0 || got[0].Seen == "" || got[0].Subject == "" || !doctortest.Mends(got[0].Mend) {
				t.Fatalf("got %+v", r.Findings())
			}
		})
	}
}

// One cause is said once, and not for everything that it stops.
func TestAProxyThatIsDownIsSaidOnce(t *testing.T) {
	s := newSurgery(t)
	provocations[FoundProxyDown.ID](s)
	bad := 0
	for _, f := range s.examine().Findings() {
		if f.Severity != doctor.OK {
			bad++
		}
	}
	if bad != 1 {
		t.Errorf("%d findings", bad)
	}
}

// What does not answer costs its time once, side by side.
func TestDoctorIsBounded(t *testing.T) {
	s := newSurgery(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s.cfg.Proxy = &url.URL{Scheme: "http", Host: silent.Addr().String()}
	s.cfg.Mail.Port = silent.Addr().(*net.TCPAddr).Port
	s.cfg.Mail.TLS = MailImplicit
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began, r := time.Now(), &doctor.Report{}
	Doctor(ctx, s.cfg, s.keys, r)
	if took := time.Since(began); took > 5*time.Second || len(r.Of(FoundNone)) != 1 || len(r.Of(FoundMailDown)) != 1 {
		t.Errorf("%v, %+v", took, r.Findings())
	}
}

func TestMadeUpNamesAreKnown(t *testing.T) {
	for host, want := range map[string]bool{"example.com": false, "test": true, "a.test": true, "latest.com": false, "x.home.arpa": true, "CORP.LOCAL": true, "corp.local/path": true} {
		if _, got := madeUp(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}
