package smtpd_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/stand/smtpd"
)

func open(t *testing.T) (*smtpd.Server, *x509.CertPool) {
	t.Helper()
	ca, err := authority.New()
	must(t, err)
	s, err := smtpd.Start(ca)
	must(t, err)
	t.Cleanup(s.Close)
	return s, ca.Pool()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const text = "From: a@corp.example.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nBody\r\n"

// send is a client of the standard library, which knows nothing of this server.
func send(s *smtpd.Server, roots *x509.CertPool, secure bool) error {
	conn, err := net.DialTimeout("tcp", s.Address(), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	if secure {
		if err := c.StartTLS(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}); err != nil {
			return err
		}
	}
	if err := c.Mail("desk@corp.example.test"); err != nil {
		return err
	}
	if err := c.Rcpt("dana@corp.example.test"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return w.Close()
}

func TestAMailIsKept(t *testing.T) {
	s, roots := open(t)
	must(t, send(s, roots, true))
	m := s.Mails.All()
	if len(m) != 1 || m[0].Subject != "Grüße" || m[0].To[0] != "dana@corp.example.test" || !m[0].TLS || !strings.Contains(m[0].Raw, "Body") {
		t.Errorf("%+v", m)
	}
}

func TestEachModeFailsInItsWay(t *testing.T) {
	s, roots := open(t)
	control := httptest.NewServer(s.Handler())
	defer control.Close()
	for mode, want := range map[smtpd.Mode]string{
		smtpd.Refuses: "550", smtpd.Greylists: "451", smtpd.BadCertificate: "unknown authority", smtpd.WrongName: "certificate",
		smtpd.NoTLS: "TLS not supported", smtpd.Down: "EOF|reset", smtpd.Hangs: "timeout",
	} {
		t.Run(string(mode), func(t *testing.T) {
			res, err := http.Post(control.URL+"/be", "application/json", strings.NewReader(`{"mode":"`+string(mode)+`"}`))
			must(t, err)
			res.Body.Close()
			err = send(s, roots, true)
			if err == nil || !containsOne(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
	s.Be(smtpd.Greylists)
	if err := send(s, roots, true); err == nil {
		t.Error("taken at the first try")
	}
	must(t, send(s, roots, true))
	if n := len(s.Mails.All()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func containsOne(s, wants string) bool {
	for w := range strings.SplitSeq(wants, "|") {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func TestWithoutTLSNothingIsTaken(t *testing.T) {
	s, roots := open(t)
	if err := send(s, roots, false); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("%v", err)
	}
}
