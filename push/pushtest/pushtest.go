// Package pushtest is a stand-in for the push services of the browsers, for
// tests: it is reached as an outbound proxy, so that what is tested speaks to
// https://fcm.googleapis.com and the like just as it does outside, it checks
// VAPID (RFC 8292) and decrypts (RFC 8291) as a browser does, and it answers as
// it is told.
package pushtest

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

var b64 = base64.RawURLEncoding

// Service is the stand-in. Its fields are set before it is used.
type Service struct {
	Proxy *url.URL       // what messages are to leave by
	Roots *x509.CertPool // what to trust
	PEM   []byte         // likewise

	now   func() time.Time
	ca    *authority
	inner *connListener

	mu       sync.Mutex
	browsers map[string]*Browser // by endpoint
	answer   http.HandlerFunc
	hold     chan struct{} // nil holds nothing    // nil takes the message
	messages []Message
	arrived  chan struct{} // closed and replaced at each message
}

// Browser is one subscription's receiving end.
type Browser struct {
	Endpoint string
	P256dh   []byte
	Auth     []byte
	// Key is the VAPID public key that it was made with; "" takes any.
	Key string

	private *ecdh.PrivateKey
}

// Message is what a browser was sent, decrypted.
type Message struct {
	To            *Browser
	Payload       []byte
	Size          int // of the body as it was sent
	TTL           int // seconds
	Urgency       string
	Topic         string
	Authorization string
	Claims        Claims
	Key           string // the VAPID public key that it is signed with
}

// Claims are a VAPID token's.
type Claims struct {
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Expires  int64  `json:"exp"`
}

// New starts one that ends with the test. now is its clock; nil is the real one.
func New(t testing.TB, now func() time.Time) *Service {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	s := &Service{now: now, browsers: map[string]*Browser{}, arrived: make(chan struct{})}
	var err error
	if s.ca, err = newAuthority(); err != nil {
		t.Fatal(err)
	}
	s.Roots, s.PEM = s.ca.pool, s.ca.pem
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Proxy = &url.URL{Scheme: "http", Host: outer.Addr().String()}
	s.inner = &connListener{conns: make(chan net.Conn), done: make(chan struct{}), address: outer.Addr()}
	quiet := log.New(io.Discard, "", 0)
	proxy := &http.Server{Handler: http.HandlerFunc(s.connect), ErrorLog: quiet}
	service := &http.Server{
		Handler: http.HandlerFunc(s.receive), ErrorLog: quiet,
		TLSConfig: &tls.Config{GetCertificate: s.ca.certificate, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = proxy.Serve(outer) }()
	go func() { _ = service.ServeTLS(s.inner, "", "") }()
	t.Cleanup(func() {
		_ = proxy.Close()
		_ = service.Close()
	})
	return s
}

// connect is the proxy's half: every host is this one.
func (s *Service) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	s.inner.give(conn)
}

// Browser subscribes a browser at a host ("fcm.googleapis.com") with a VAPID
// public key, or with "" for any.
func (s *Service) Browser(t testing.TB, host, key string) *Browser {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{
		Endpoint: "https://" + host + "/send/" + rand.Text(), Auth: make([]byte, 16),
		P256dh: private.PublicKey().Bytes(), Key: key, private: private,
	}
	_, _ = rand.Read(b.Auth)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browsers[b.Endpoint] = b
	return b
}

// Answer says how the next messages are answered; nil takes them.
func (s *Service) Answer(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = h
}

// AnswerStatus answers with a status, and headers in pairs.
func (s *Service) AnswerStatus(status int, headers ...string) {
	s.Answer(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	})
}

// Hold lets messages wait until release is called.
func (s *Service) Hold() (release func()) {
	hold := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = hold
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hold = nil
		close(hold)
	}
}

// Messages are what was taken so far.
func (s *Service) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Wait returns once n messages were taken, or fails the test.
func (s *Service) Wait(t testing.TB, n int) []Message {
	t.Helper()
	over := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		got, arrived := append([]Message(nil), s.messages...), s.arrived
		s.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-arrived:
		case <-over:
			t.Fatalf("%d messages arrived, want %d", len(got), n)
		}
	}
}

// receive is the push service's half.
func (s *Service) receive(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hold, answer, to := s.hold, s.answer, s.browsers["https://"+r.Host+r.URL.Path]
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if answer != nil {
		answer(w, r)
		return
	}
	if to == nil {
		w.WriteHeader(http.StatusGone)
		return
	}
	m, status, err := s.read(r, to)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
	w.WriteHeader(http.StatusCreated)
}

// read checks a message as push services and browsers do, and says which status
// it gets where it is wrong.
func (s *Service) read(r *http.Request, to *Browser) (Message, int, error) {
	m := Message{To: to, Urgency: r.Header.Get("Urgency"), Topic: r.Header.Get("Topic"), Authorization: r.Header.Get("Authorization")}
	var err error
	if m.TTL, err = strconv.Atoi(r.Header.Get("TTL")); err != nil || m.TTL < 0 {
		return m, http.StatusBadRequest, fmt.Errorf("TTL %q", r.Header.Get("TTL"))
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Encoding") != "aes128gcm" {
		return m, http.StatusUnsupportedMediaType, fmt.Errorf("%s, encoding %q", r.Method, r.Header.Get("Content-Encoding"))
	}
	if _, err := b64.DecodeString(m.Topic); err != nil || len(m.Topic) > 32 {
		return m, http.StatusBadRequest, fmt.Errorf("topic %q", m.Topic)
	}
	if m.Claims, m.Key, err = verify(m.Authorization, "https://"+r.Host, s.now()); err != nil {
		return m, http.StatusUnauthorized, err
	}
	if to.Key != "" && to.Key != m.Key {
		return m, http.StatusForbidden, fmt.Errorf("another key than the subscription's")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 4097))
	if err != nil || len(body) > 4096 {
		return m, http.StatusRequestEntityTooLarge, fmt.Errorf("body of %d bytes, %v", len(body), err)
	}
	m.Size = len(body)
	if m.Payload, err = to.open(body); err != nil {
		return m, http.StatusBadRequest, err
	}
	return m, http.StatusCreated, nil
}
