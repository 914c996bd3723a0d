package autopush

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/stand/watched"
)

// Host is the name that endpoints carry, Origin what a VAPID token is for.
const (
	Host   = "updates.push.services.mozilla.com"
	Origin = "https://" + Host
)

// Server is the push service.
type Server struct {
	Messages watched.List[Message]

	mu       sync.Mutex
	agents   map[string]*agent   // by uaid
	channels map[string]*channel // by token; gone ones stay, to answer 410
	faults   []Fault

	socket, service, proxy net.Listener
	servers                []*http.Server
	stopped                context.Context // ends what hangs
	stop                   context.CancelFunc
}

// channel is one subscription.
type channel struct {
	id, token string // the browser's id, and the one in the endpoint
	agent     *agent // nil for a Receiver's
	receiver  *Receiver
	key       []byte // the application server's, 65 bytes; nil for anybody
	gone      bool
}

// Message is what an application server has sent, and what became of it.
type Message struct {
	ID       string    `json:"id"` // the autopush version
	Token    string    `json:"token"`
	At       time.Time `json:"at"`
	Status   int       `json:"status"` // as answered; 0 for no answer
	Problem  string    `json:"problem,omitempty"`
	TTL      int       `json:"ttl"` // seconds
	Urgency  string    `json:"urgency,omitempty"`
	Topic    string    `json:"topic,omitempty"`
	Size     int       `json:"size"` // bytes
	Subject  string    `json:"subject,omitempty"`
	Expires  time.Time `json:"expires"`            // of the VAPID token
	VAPID    string    `json:"vapid,omitempty"`    // the token itself: is it reused?
	Text     string    `json:"text,omitempty"`     // decrypted, of a Receiver's
	Received int       `json:"received,omitempty"` // the browser's code: 100 delivered, 101 not decrypted, 102 not delivered
}

// Start listens on loopback with a certificate of ca's.
func Start(ca *authority.Authority) (*Server, error) {
	cert, err := ca.For(Host)
	if err != nil {
		return nil, err
	}
	s := &Server{agents: map[string]*agent{}, channels: map[string]*channel{}}
	s.stopped, s.stop = context.WithCancel(context.Background())
	for _, l := range []*net.Listener{&s.socket, &s.service, &s.proxy} {
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			s.Close()
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	secure := tls.NewListener(s.service, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	s.serve(s.socket, http.HandlerFunc(s.connect))
	s.serve(secure, http.HandlerFunc(s.deliver))
	s.serve(s.proxy, http.HandlerFunc(s.tunnel))
	return s, nil
}

func (s *Server) serve(l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, srv)
	go srv.Serve(l)
}

// Close ends everything.
func (s *Server) Close() {
	s.stop()
	s.Drop()
	for _, srv := range s.servers {
		srv.Close()
	}
}

// SocketURL is for the browser's dom.push.serverURL.
func (s *Server) SocketURL() string { return "ws://" + s.socket.Addr().String() + "/" }

// ProxyURL is for the application server.
func (s *Server) ProxyURL() string { return "http://" + s.proxy.Addr().String() }

// Subscribe makes a subscription without a browser. key is the application
// server's public key, base64url.
func (s *Server) Subscribe(key string) (*Receiver, error) {
	r, err := newReceiver()
	if err != nil {
		return nil, err
	}
	c := &channel{id: random(), receiver: r}
	if c.key, err = decode(key); err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	r.Endpoint = s.open(c)
	return r, nil
}

// open gives the channel its endpoint.
func (s *Server) open(c *channel) (endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.token = random()
	s.channels[c.token] = c
	return Origin + path + c.token
}

// Expire ends a subscription, or all of them for "": the next message is answered
// with 410. The browser learns nothing.
func (s *Server) Expire(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, c := range s.channels {
		if endpoint == "" || endpoint == Origin+path+token {
			c.gone = true
		}
	}
}

func random() string {
	b := make([]byte, 16)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// decode reads base64url with or without its padding.
func decode(text string) ([]byte, error) {
	for len(text) > 0 && text[len(text)-1] == '=' {
		text = text[:len(text)-1]
	}
	return base64.RawURLEncoding.DecodeString(text)
}
