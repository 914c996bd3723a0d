package push

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/push/pushtest"
)

// mailServer is a real mail server on loopback.
type mailServer struct {
	mu       sync.Mutex
	port     int
	login    string // "user:password" that it wants; "" wants none
	rcpt     error  // what it answers to recipients
	from     error  // likewise to senders
	data     error
	received []received
	secure   []bool // of each sender, whether it came over TLS
}

type received struct {
	from, to string
	head     mail.Header
	body     string
	raw      string
}

type mailKind struct {
	cert     *tls.Certificate // nil offers no TLS
	implicit bool
	login    string
	old      bool // speaks TLS 1.1 at most
}

func newMailServer(t *testing.T, k mailKind) *mailServer {
	t.Helper()
	m := &mailServer{login: k.login}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &mailSession{server: m, conn: c, open: m.login == ""}, nil
	}))
	s.Domain, s.ErrorLog = "mail.example.test", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = listener.Addr().(*net.TCPAddr).Port
	if k.cert != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*k.cert}}
	}
	if k.old {
		s.TLSConfig.MinVersion, s.TLSConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}
	if k.implicit {
		listener = tls.NewListener(listener, s.TLSConfig)
	}
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(func() { _ = s.Close() })
	return m
}

func (m *mailServer) set(fn func(m *mailServer)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn(m)
}

func (m *mailServer) mails() []received {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]received(nil), m.received...)
}

type mailSession struct {
	server   *mailServer
	conn     *smtp.Conn
	open     bool
	from, to string
}

func (s *mailSession) Reset()        { s.from, s.to = "", "" }
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) AuthMechanisms() []string {
	if s.server.login == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user+":"+password != s.server.login {
			return smtp.ErrAuthFailed
		}
		s.open = true
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	_, secure := s.conn.TLSConnectionState()
	s.server.secure = append(s.server.secure, secure)
	if !s.open {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.server.from
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.to = to
	return s.server.rcpt
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	msg, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.data != nil {
		return s.server.data
	}
	s.server.received = append(s.server.received, received{from: s.from, to: s.to, head: msg.Header, body: string(body), raw: string(raw)})
	return nil
}

// mailWorld is a world with a mail server. change sees the sender's half.
func mailWorld(t *testing.T, host string, k mailKind, change ...func(*MailConfig)) (*world, *mailServer) {
	t.Helper()
	services := pushtest.New(t, nil)
	if k.cert == nil && host != "" {
		cert, err := services.Certificate(host)
		if err != nil {
			t.Fatal(err)
		}
		k.cert = cert
	}
	m := newMailServer(t, k)
	c := MailConfig{Host: "127.0.0.1", Port: m.port, From: "latchkey@corp.example.test", RootCAs: services.Roots}
	for _, fn := range change {
		fn(&c)
	}
	return newWorld(t, func(cfg *Config) { cfg.Mail = &c }), m
}
