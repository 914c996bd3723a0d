package ad_test

import (
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between the client and a controller and breaks the connection
// on demand. It knows nothing of TLS, so it works before every engine.
type proxy struct {
	URL    string
	target string
	ln     net.Listener
	opened atomic.Int64

	mu        sync.Mutex
	conns     map[net.Conn]bool
	dropUp    bool // requests vanish
	dropDown  bool // answers vanish
	cutOnDown bool // the connection ends with the next answer, which vanishes
	onDown    func() (drop bool)
}

// proxied starts a proxy on the controller's own address, which is what its
// certificate names.
func (l *lab) proxied() *proxy {
	l.Helper()
	u, err := url.Parse(l.URL)
	if err != nil {
		l.Fatal(err)
	}
	return l.proxyOn(u.Hostname())
}

func (l *lab) proxyOn(host string) *proxy {
	l.Helper()
	u, err := url.Parse(l.URL)
	if err != nil {
		l.Fatal(err)
	}
	target := u.Host
	if u.Port() == "" {
		target = net.JoinHostPort(u.Hostname(), "636")
	}
	return newProxy(l.TB, host, target)
}

func newProxy(t testing.TB, host, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{URL: "ldaps://" + ln.Addr().String(), target: target, ln: ln, conns: map[net.Conn]bool{}}
	t.Cleanup(p.stop)
	go p.serve()
	return p
}

// name is what an Account calls a controller behind this proxy.
func (p *proxy) name() string { return strings.TrimPrefix(p.URL, "ldaps://") }

func (p *proxy) serve() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.opened.Add(1)
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.copy(server, client, func() (bool, bool) { return p.dropUp, false })
		go p.copy(client, server, func() (bool, bool) {
			drop := p.onDown != nil && p.onDown()
			return drop || p.dropDown || p.cutOnDown, p.cutOnDown
		})
	}
}

func (p *proxy) copy(to, from net.Conn, fate func() (drop, cut bool)) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		drop, cut := fate()
		p.mu.Unlock()
		if n > 0 && cut {
			return
		}
		if n > 0 && !drop {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) set(f func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// cut ends every open connection; new ones are welcome.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// stop refuses new connections too.
func (p *proxy) stop() {
	p.ln.Close()
	p.cut()
}
