package minidc

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"
)

// Config says which domain and which controller of it to imitate.
type Config struct {
	Domain  string // DNS name, "corp.example.test", the default
	NetBIOS string // "CORP"; default: the first label in capitals
	Host    string // this controller, "dc1.corp.example.test", the default
	// Now is the clock of the domain; nil is time.Now.
	Now func() time.Time
	// PolicyHints offers the control 1.2.840.113556.1.4.2239 (and 2066), as
	// Windows does and Samba doesn't: a reset is then held to the history.
	PolicyHints bool
	// ReadOnly makes a read-only controller (RODC): it refers every write.
	ReadOnly bool
	// ClearBind takes passwords without TLS, as a controller does that demands
	// no signing.
	ClearBind bool
	// PDC makes this controller the PDC emulator. The first controller of a
	// domain is it anyway, until another one is joined with PDC set.
	PDC bool
}

func (c Config) complete() Config {
	if c.Domain == "" {
		c.Domain = "corp.example.test"
	}
	label, _, _ := strings.Cut(c.Domain, ".")
	if c.NetBIOS == "" {
		c.NetBIOS = strings.ToUpper(label)
	}
	if c.Host == "" {
		c.Host = "dc1." + c.Domain
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Server is one domain controller. Its methods are safe while it serves.
// Those that fill the directory panic on names that can't be, as test fixtures do.
type Server struct {
	cfg    Config
	dir    *directory
	ca     *authority
	cert   tls.Certificate
	dsa    *entry            // its NTDS Settings object
	counts map[*entry]*count // guarded by dir.mu

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
	running   sync.WaitGroup
	faults    []*fault
	counters  Counters
	shape     func(*tls.Config)   // of what handshakes use, or nil
	answers   map[string][]string // of the root DSE, by lower-case name
	stop      chan struct{}       // closed by Close, then made anew
}

// count is what a controller keeps to itself of one account.
type count struct {
	bad     int
	badTime int64 // FILETIME
}

// New makes a domain with its first controller. It does not listen yet.
func New(cfg Config) *Server {
	cfg = cfg.complete()
	return newController(cfg, newDirectory(cfg), newAuthority())
}

// Join makes another controller of the same domain. Both show the same
// objects at once; bad passwords are counted by each for itself. cfg needs a
// Host of its own; Domain, NetBIOS and Now are the domain's.
func (s *Server) Join(cfg Config) *Server {
	cfg.Domain, cfg.NetBIOS, cfg.Now = s.cfg.Domain, s.cfg.NetBIOS, s.cfg.Now
	return newController(cfg.complete(), s.dir, s.ca)
}

func newController(cfg Config, d *directory, ca *authority) *Server {
	s := &Server{
		cfg:       cfg,
		dir:       d,
		ca:        ca,
		cert:      ca.issue(cfg.Host),
		counts:    map[*entry]*count{},
		listeners: map[net.Listener]struct{}{},
		conns:     map[net.Conn]struct{}{},
		counters:  Counters{Writes: map[GUID]int{}},
		answers:   map[string][]string{},
		stop:      make(chan struct{}),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addController(s)
	return s
}

// CAPEM is the certificate of the authority that signed the controllers'
// certificates.
func (s *Server) CAPEM() []byte { return s.ca.pem }

// CAFile writes CAPEM to a file below dir and returns its path.
func (s *Server) CAFile(dir string) (string, error) { return s.ca.file(dir) }

// ListenLDAPS serves LDAP over TLS on addr ("127.0.0.1:0") and returns the
// URL, which names the host of addr. It may be called again after Close.
func (s *Server) ListenLDAPS(addr string) (url string, err error) {
	return s.listen(addr, "ldaps://", true)
}

// ListenLDAP serves LDAP on addr; only after StartTLS is a password taken.
func (s *Server) ListenLDAP(addr string) (url string, err error) {
	return s.listen(addr, "ldap://", false)
}

func (s *Server) listen(addr, scheme string, secure bool) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.listeners[ln] = struct{}{}
	s.mu.Unlock()
	s.running.Go(func() { s.accept(ln, secure) })
	return scheme + ln.Addr().String(), nil
}

func (s *Server) accept(ln net.Listener, secure bool) {
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if !s.track(ln, nc) {
			nc.Close()
			return
		}
		s.running.Go(func() {
			defer s.untrack(nc)
			s.serve(nc, secure)
		})
	}
}

// track remembers a connection; false says that the listener is closed.
func (s *Server) track(ln net.Listener, nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.listeners[ln]; !open {
		return false
	}
	s.conns[nc] = struct{}{}
	s.counters.Connections++
	return true
}

func (s *Server) untrack(nc net.Conn) {
	nc.Close()
	s.mu.Lock()
	delete(s.conns, nc)
	s.mu.Unlock()
}

// Close stops listening, cuts every connection and waits for them to end. The
// directory stays; the server may listen again.
func (s *Server) Close() error {
	s.mu.Lock()
	var errs []error
	for ln := range s.listeners {
		errs = append(errs, ln.Close())
	}
	clear(s.listeners)
	for nc := range s.conns {
		nc.Close()
	}
	close(s.stop)
	s.stop = make(chan struct{})
	s.mu.Unlock()
	s.running.Wait()
	return errors.Join(errs...)
}

// stopped is closed when the server closes; s.mu is held.
func (s *Server) stopped() <-chan struct{} { return s.stop }

// tlsConfig is what the listener and StartTLS use.
func (s *Server) tlsConfig() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}
	if s.shape != nil {
		s.shape(c)
	}
	return c
}
