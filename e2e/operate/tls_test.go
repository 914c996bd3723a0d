package operate

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/world"
)

// The person's whole way over Latchkey's own TLS, by HTTP/1.1, with 1.2 at least.
func TestPeopleAreServedOverTLSFromFiles(t *testing.T) {
	t.Parallel()
	s := newSecure(t)
	w := world.New(t, s.options())
	p := w.People[0]
	w.DC.Lock(p.DN)
	world.Must(t, p.Phone.SignIn(t.Context()))
	if r, err := p.Phone.Submit(t.Context(), "unlock"); err != nil || r.State != "done" || w.LockoutTime(p) != 0 {
		t.Errorf("unlock: %+v, %v", r, err)
	}
	live, err := p.Phone.Listen(t.Context())
	world.Must(t, err)
	defer live.Close()
	if c := <-live.Changes; c.Event != "hello" {
		t.Errorf("the stream begins with %+v", c)
	}
	roots := s.authority.Pool()
	state, err := shown(t, s.port, "localhost", &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("TLS %x, %q, %v", state.Version, state.NegotiatedProtocol, err)
	}
	if state, err := shown(t, s.port, "localhost", &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}); err != nil || state.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2: %x, %v", state.Version, err)
	}
	if _, err := shown(t, s.port, "localhost", &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was taken")
	}
	// A browser that speaks in clear to that port gets no page.
	conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
	world.Must(t, err)
	defer conn.Close()
	conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	conn.SetReadDeadline(time.Now().Add(15 * time.Second))
	b := make([]byte, 512)
	if n, _ := conn.Read(b); string(b[:min(n, 12)]) == "HTTP/1.1 200" {
		t.Errorf("served in clear: %s", b[:n])
	}
}

// A renewal is taken by itself, and a broken or foreign one never.
func TestARenewedCertificateIsTakenAndABrokenOneIsNot(t *testing.T) {
	t.Parallel()
	s := newSecure(t)
	w := world.New(t, s.options())
	serial := func() string { return s.serial(t) }
	first := serial()
	world.Must(t, s.authority.Write(s.certFile, s.keyFile, "localhost"))
	soon(t, 30*time.Second, "the renewal", func() bool { return serial() != first })
	second := serial()

	// Half of a renewal: the key of one, the certificate of another.
	other, err := authority.New()
	world.Must(t, err)
	stray := t.TempDir()
	world.Must(t, other.Write(stray+"/c", stray+"/k", "localhost"))
	world.Must(t, os.Rename(stray+"/k", s.keyFile))
	logged(t, w, "new certificate not taken")
	if serial() != second {
		t.Error("a pair that does not fit replaced the one that did")
	}
	// For another name.
	world.Must(t, s.authority.Write(s.certFile, s.keyFile, "elsewhere.example.test"))
	logged(t, w, "not localhost")
	// Readable by everybody.
	world.Must(t, s.authority.Write(stray+"/c", stray+"/k", "localhost"))
	chmod(t, stray+"/k", 0o644)
	world.Must(t, os.Rename(stray+"/k", s.keyFile))
	world.Must(t, os.Rename(stray+"/c", s.certFile))
	logged(t, w, "chmod o-rwx "+s.keyFile)
	if serial() != second {
		t.Error("a key that everybody may read was taken")
	}
	chmod(t, s.keyFile, 0o600)
	soon(t, 30*time.Second, "the mended pair", func() bool { return serial() != second })
}

func TestTheServerDoesNotStartWhereItsTLSIsWrong(t *testing.T) {
	t.Parallel()
	s := newSecure(t)
	w := world.New(t, s.options())
	world.Must(t, w.Terminate())
	for _, c := range []struct {
		name  string
		tls   map[string]any
		mode  os.FileMode
		words string
	}{
		{"key readable by others", nil, 0o644, "chmod o-rwx " + s.keyFile},
		{"no key", map[string]any{"key_file": ""}, 0o600, "tls.key_file: is missing"},
		{"no such file", map[string]any{"key_file": s.keyFile + ".absent"}, 0o600, "no such file"},
		{"key in place of the certificate", map[string]any{"cert_file": s.keyFile}, 0o600, "read certificate and key"},
		{"ACME beside files", map[string]any{"acme": map[string]any{"terms_accepted": true}}, 0o600, "can't stand beside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			chmod(t, s.keyFile, c.mode)
			w.Configure(map[string]any{"tls": c.tls})
			refusesToStart(t, w, c.words)
			chmod(t, s.keyFile, 0o600)
			w.Configure(map[string]any{"tls": map[string]any{"cert_file": s.certFile, "key_file": s.keyFile, "acme": nil}})
		})
	}
	other := newSecure(t)
	world.Must(t, other.authority.Write(s.certFile, s.keyFile, "elsewhere.example.test"))
	refusesToStart(t, w, "elsewhere.example.test")
}

// Nobody puts a form for passwords on the network in clear by accident.
func TestPlainHTTPBeyondThisMachineNeedsANamedProxy(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	world.Must(t, w.Terminate())
	port := world.FreePort(t)
	for _, listen := range []string{"0.0.0.0:" + port, "[::]:" + port, ":" + port, "latchkey.corp.example.test:" + port} {
		w.Configure(map[string]any{"listen": listen})
		refusesToStart(t, w, "listen: \""+listen+"\" is reached from other machines in clear")
	}
	for _, listen := range []string{"localhost:" + port, "[::1]:" + port, "127.0.0.7:" + port} {
		w.Configure(map[string]any{"listen": listen})
		if out, err := w.Command("config", "check", w.Config).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", listen, out)
		}
	}
	w.Configure(map[string]any{"listen": "127.0.0.1:" + port, "trusted_proxies": []string{"127.0.0.1"}})
	w.Start()
	res, err := http.Get("http://127.0.0.1:" + port + "/healthz")
	world.Must(t, err)
	res.Body.Close()
}
