// Package operate goes through what whoever runs Latchkey does with it: TLS,
// proxies, a changed configuration, another key, through the real server.
package operate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/world"
)

func TestMain(m *testing.M) { world.Main(m) }

// soon waits for something of another process.
func soon(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about within %s", what, within)
		}
	}
}

// logged waits until the server's log holds a text.
func logged(t *testing.T, w *world.World, text string) {
	t.Helper()
	soon(t, 20*time.Second, text, func() bool { return bytes.Contains(w.Log(), []byte(text)) })
}

// secure is a certificate for localhost on a port of its own.
type secure struct {
	authority         *authority.Authority
	port, public      string
	certFile, keyFile string
}

func newSecure(t *testing.T, names ...string) *secure {
	t.Helper()
	ca, err := authority.New()
	world.Must(t, err)
	dir, port := t.TempDir(), world.FreePort(t)
	s := &secure{authority: ca, port: port, public: "https://localhost:" + port, certFile: dir + "/tls.pem", keyFile: dir + "/tls.key"}
	world.Must(t, ca.Write(s.certFile, s.keyFile, append(names, "localhost")...))
	return s
}

// options are those of a world behind the certificate.
func (s *secure) options() world.Options {
	return world.Options{
		People: 1, Port: s.port, Public: s.public, Transport: trusting(s.authority.Pool()),
		Settings: map[string]any{"tls": map[string]any{"cert_file": s.certFile, "key_file": s.keyFile}},
	}
}

// trusting keeps no connection, so that each call sees the certificate of now.
func trusting(roots *x509.CertPool) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
}

// shown is the certificate that a server answers with.
func shown(t *testing.T, port, name string, c *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	c = c.Clone()
	c.ServerName = name
	d := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := tls.DialWithDialer(d, "tcp", "127.0.0.1:"+port, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

// refusesToStart runs the server on a world's changed configuration, which must
// end with these words.
func refusesToStart(t *testing.T, w *world.World, words string) {
	t.Helper()
	out, err := w.Command("serve", "--config", w.Config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), words) {
		t.Errorf("want a refusal with %q, got %v:\n%s", words, err, out)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	world.Must(t, os.Chmod(path, mode))
}

// serial is of the certificate that the server shows now.
func (s *secure) serial(t *testing.T) string {
	t.Helper()
	state, err := shown(t, s.port, "localhost", &tls.Config{RootCAs: s.authority.Pool()})
	world.Must(t, err)
	return state.PeerCertificates[0].SerialNumber.Text(16)
}
