// Package smtpd is a mail server on loopback (RFC 5321) that demands STARTTLS
// (RFC 3207), keeps what it gets, and can be told to fail.
package smtpd

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/stand/watched"
)

// Mode is how the server behaves.
type Mode string

// The modes.
const (
	Well           Mode = ""                // takes every mail
	Refuses        Mode = "refuses"         // 550 for every recipient
	Greylists      Mode = "greylists"       // 451 for the first try to each recipient
	BadCertificate Mode = "bad-certificate" // of an authority that nobody knows
	WrongName      Mode = "wrong-name"      // a good certificate of another host
	NoTLS          Mode = "no-tls"          // offers no STARTTLS
	Down           Mode = "down"            // closes every connection at once
	Hangs          Mode = "hangs"           // never says a word
)

// Mail is one that was taken.
type Mail struct {
	From    string    `json:"from"` // of the envelope
	To      []string  `json:"to"`
	At      time.Time `json:"at"`
	Subject string    `json:"subject"` // decoded
	Raw     string    `json:"raw"`
	TLS     bool      `json:"tls"`
}

// Server is the mail server.
type Server struct {
	Mails watched.List[Mail]

	mu      sync.Mutex
	mode    Mode
	tried   map[string]bool // recipients that were greylisted once
	certs   map[Mode]tls.Certificate
	hanging []net.Conn

	listener      net.Listener
	secure, plain *smtp.Server
}

// Start listens on loopback; its certificate is for 127.0.0.1 and localhost.
func Start(ca *authority.Authority) (*Server, error) {
	stranger, err := authority.New()
	if err != nil {
		return nil, err
	}
	s := &Server{tried: map[string]bool{}, certs: map[Mode]tls.Certificate{}}
	good, err1 := ca.For("localhost", "127.0.0.1")
	other, err2 := ca.For("mail.example.test")
	bad, err3 := stranger.For("localhost", "127.0.0.1")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	s.certs[Well], s.certs[WrongName], s.certs[BadCertificate] = good, other, bad
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s.secure, s.plain = s.server(), s.server()
	s.secure.TLSConfig = &tls.Config{GetCertificate: s.certificate}
	go s.accept()
	return s, nil
}

func (s *Server) server() *smtp.Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout, srv.MaxMessageBytes = "localhost", 30*time.Second, 30*time.Second, 1<<20
	srv.ErrorLog = log.New(io.Discard, "", 0) // clients that don't like the certificate are meant to leave
	return srv
}

// Address is host and port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends everything.
func (s *Server) Close() {
	s.listener.Close()
	s.secure.Close()
	s.plain.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.hanging {
		c.Close()
	}
}

// Be changes the mode, for connections from now on.
func (s *Server) Be(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode, s.tried = m, map[string]bool{}
}

func (s *Server) now() Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}

func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, ok := s.certs[s.now()]
	if !ok {
		c = s.certs[Well]
	}
	return &c, nil
}

// accept hands each connection on as the mode says.
func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		switch s.now() {
		case Down:
			c.Close()
		case Hangs:
			s.mu.Lock()
			s.hanging = append(s.hanging, c)
			s.mu.Unlock()
		case NoTLS:
			go s.plain.Serve(&one{conn: c})
		default:
			go s.secure.Serve(&one{conn: c})
		}
	}
}

// one is a listener with a single connection.
type one struct {
	conn net.Conn
	done bool
}

func (o *one) Accept() (net.Conn, error) {
	if o.done {
		return nil, net.ErrClosed
	}
	o.done = true
	return o.conn, nil
}

func (o *one) Close() error   { return nil }
func (o *one) Addr() net.Addr { return o.conn.LocalAddr() }

// session is one connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	mail   Mail
}

func (s *session) Reset()        { s.mail = Mail{} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	_, secure := s.conn.TLSConnectionState()
	if !secure {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Must issue a STARTTLS command first"}
	}
	s.mail = Mail{From: from, TLS: secure}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case s.server.now() == Refuses:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox"}
	case s.server.now() == Greylists && s.server.first(to):
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Try again later"}
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *Server) first(to string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.tried[to]
	s.tried[to] = true
	return !was
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "Not a message"}
	}
	s.mail.Subject, _ = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	s.mail.Raw, s.mail.At = string(raw), time.Now()
	s.server.Mails.Add(s.mail)
	return nil
}

// Handler is for tests:
//
//	GET  /mails?after=N   what was taken, once it is more than N
//	POST /be {mode}
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /mails", &s.Mails)
	mux.HandleFunc("POST /be", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Mode Mode }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Be(in.Mode)
	})
	return mux
}
