package operate

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

const proxyHost = "latchkey.corp.example.test"

// documented is an example of docs/proxies.md, as it stands there.
func documented(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "proxies.md"))
	world.Must(t, err)
	m := regexp.MustCompile("(?s)<!-- tested: " + regexp.QuoteMeta(name) + " -->\n```\\w*\n(.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatalf("docs/proxies.md has no example for %s", name)
	}
	return string(m[1])
}

// put replaces what must stand in the example.
func put(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the example has no %q:\n%s", pairs[i], text)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// proxy starts one with the documented text on the certificate's port.
type proxy struct {
	name  string
	start func(t *testing.T, s *secure, behind string)
}

var proxies = []proxy{{"caddy", startCaddy}, {"nginx", startNginx}}

// program finds what tools/deps installs.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s on this machine: run tools/deps", name)
	}
	t.Skipf("no %s on this machine: run tools/deps", name)
	return ""
}

// startCaddy adds to the site the certificate, and to the file that neither the
// ports of everybody nor an administration of this machine's are touched.
func startCaddy(t *testing.T, s *secure, behind string) {
	site := put(t, documented(t, "Caddyfile"), proxyHost+" {", fmt.Sprintf("https://%s:%s {\n\tbind 127.0.0.1\n\ttls %s %s", proxyHost, s.port, s.certFile, s.keyFile),
		"127.0.0.1:8080", behind)
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	world.Must(t, os.WriteFile(file, []byte("{\n\tadmin off\n\tauto_https disable_redirects\n}\n"+site), 0o600))
	run(t, []string{"XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "HOME=" + dir}, program(t, "caddy"), "run", "--config", file, "--adapter", "caddyfile")
	listens(t, s.port)
}

func startNginx(t *testing.T, s *secure, behind string) {
	server := put(t, documented(t, "nginx.conf"), "listen 443 ssl http2", "listen 127.0.0.1:"+s.port+" ssl http2",
		"/etc/latchkey/tls.pem", s.certFile, "/etc/latchkey/tls.key", s.keyFile, "127.0.0.1:8080", behind)
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	text := "daemon off;\npid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\n\taccess_log off;\n"
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += fmt.Sprintf("\t%s_temp_path %s/%s;\n", temp, dir, temp)
	}
	world.Must(t, os.WriteFile(file, []byte(text+server+"}\n"), 0o600))
	run(t, nil, program(t, "nginx"), "-p", dir, "-c", file, "-e", "stderr")
	listens(t, s.port)
}

func listens(t *testing.T, port string) {
	t.Helper()
	soon(t, 30*time.Second, "the proxy", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// cookies remembers the last one that a server set.
type cookies struct {
	http.RoundTripper
	mu   sync.Mutex
	last string
}

func (c *cookies) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err == nil && res.Header.Get("Set-Cookie") != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last = res.Header.Get("Set-Cookie")
	}
	return res, err
}

func (c *cookies) cookie() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// behind starts the proxy and a world behind it.
func (p proxy) behind(t *testing.T) (*world.World, *cookies, *http.Transport) {
	t.Helper()
	s := newSecure(t, proxyHost)
	port := world.FreePort(t)
	p.start(t, s, "127.0.0.1:"+port)
	reach := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool()}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			// A client that is no trusted proxy.
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.9")}}
			return d.DialContext(ctx, network, "127.0.0.1:"+s.port)
		},
	}
	seen := &cookies{RoundTripper: reach}
	w := world.New(t, world.Options{
		People: 1, Managers: 1, Stand: true, Port: port, Public: "https://" + proxyHost + ":" + s.port, Transport: seen,
		Settings: map[string]any{
			"trusted_proxies": []string{"127.0.0.1"}, "policies": world.ByManager(nil), "log": map[string]any{"level": "info", "format": "json"},
		},
	})
	return w, seen, reach
}

// Through each documented proxy: HTTP/2, the passkey's origin, the real address,
// headers and cookie as Latchkey sent them.
func TestBehindADocumentedProxyEverythingArrives(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w, seen, reach := p.behind(t)
			person := w.People[0].Phone
			world.Must(t, person.SignIn(t.Context())) // over the origin that people see
			for _, part := range []string{"__Host-latchkey=", "; path=/", "; secure", "; httponly", "; samesite=strict"} {
				if !strings.Contains(strings.ToLower(seen.cookie()), strings.ToLower(part)) {
					t.Errorf("no %q in the cookie that came through", part)
				}
			}
			req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/api/sign-in/begin", strings.NewReader("{}"))
			world.Must(t, err)
			for name, v := range map[string]string{
				"Content-Type": "application/json", "Origin": w.URL, "Sec-Fetch-Site": "same-origin",
				"X-Forwarded-For": "198.51.100.66", "X-Forwarded-Host": "evil.example", "X-Real-IP": "198.51.100.66",
			} {
				req.Header.Set(name, v)
			}
			mark := len(w.Log())
			res, err := (&http.Client{Transport: reach}).Do(req)
			world.Must(t, err)
			res.Body.Close()
			if res.StatusCode != 200 || res.ProtoMajor != 2 {
				t.Errorf("answered %s by %s", res.Status, res.Proto)
			}
			sent(t, w, reach, "POST", "/api/sign-in/begin", "{}")
			sent(t, w, reach, "GET", "/", "")
			line := `"route":"/api/sign-in/begin"`
			soon(t, 10*time.Second, "the access line", func() bool { return bytes.Contains(w.Log()[mark:], []byte(line)) })
			if log := w.Log()[mark:]; !bytes.Contains(log, []byte(`"client":"127.0.0.9"`)) || bytes.Contains(log, []byte("198.51.100.66")) {
				t.Errorf("whose address was taken?\n%s", log)
			}
			foreign, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+"/", nil)
			world.Must(t, err)
			foreign.Host = "evil.example"
			if res, err := (&http.Client{Transport: reach}).Do(foreign); err == nil {
				res.Body.Close()
				if res.StatusCode != 421 && res.Header.Get("Content-Security-Policy") != "" { // or the proxy answers by itself
					t.Errorf("another host is served: %s", res.Status)
				}
			}
			assets(t, w, reach)
		})
	}
}

// sent: an answer has its headers from Latchkey, each once and unchanged. A document
// has another policy than the API, with its own style in it.
func sent(t *testing.T, w *world.World, reach *http.Transport, method, path, body string) {
	t.Helper()
	ask := func(base string, over http.RoundTripper) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		world.Must(t, err)
		req.Host = strings.TrimPrefix(w.URL, "https://")
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Origin", w.URL)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		res, err := over.RoundTrip(req)
		world.Must(t, err)
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("%s %s%s: %s", method, base, path, res.Status)
		}
		return res
	}
	through, own := ask(w.URL, reach), ask("http://127.0.0.1:"+w.Port, http.DefaultTransport)
	for _, name := range []string{"Content-Security-Policy", "Strict-Transport-Security", "Permissions-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		if got := through.Header.Values(name); len(got) != 1 || got[0] == "" || got[0] != own.Header.Get(name) {
			t.Errorf("%s %s: %s: %q, Latchkey sent %q", method, path, name, got, own.Header.Get(name))
		}
	}
}

// assets: what the build compressed arrives compressed.
func assets(t *testing.T, w *world.World, reach *http.Transport) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+"/", nil)
	world.Must(t, err)
	req.Header.Set("Accept-Encoding", "br")
	res, err := (&http.Client{Transport: reach}).Do(req)
	world.Must(t, err)
	defer res.Body.Close()
	if res.StatusCode == 200 && res.Header.Get("Content-Encoding") != "br" {
		t.Errorf("the page came as %q", res.Header.Get("Content-Encoding"))
	}
}

// A change reaches an open screen through the proxy at once, not when a buffer is
// full: long before the next sign of life, which comes after 15 seconds.
func TestEventsArriveAtOnceThroughADocumentedProxy(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w, _, _ := p.behind(t)
			person, manager := w.People[0].Phone, w.Managers[0].Phone
			world.Must(t, person.SignIn(t.Context()))
			world.Must(t, manager.SignIn(t.Context()))
			r, err := person.Submit(t.Context(), "reset")
			world.Must(t, err)
			r, err = person.Prove(t.Context(), r.ID)
			world.Must(t, err)
			live, err := person.Listen(t.Context())
			world.Must(t, err)
			defer live.Close()
			next(t, live, "hello", "")
			began := time.Now()
			_, err = manager.Approve(t.Context(), r.ID, "")
			world.Must(t, err)
			next(t, live, "request", r.ID)
			took := time.Since(began)
			t.Logf("the approval and its event took %s", took)
			if took > 10*time.Second {
				t.Errorf("the event took %s", took)
			}
		})
	}
}

func next(t *testing.T, live *phone.Live, event, id string) {
	t.Helper()
	end := time.After(14 * time.Second)
	for {
		select {
		case c, ok := <-live.Changes:
			if !ok {
				t.Fatalf("the stream ended before %s", event)
			}
			if c.Event == event && (id == "" || c.ID == id) {
				return
			}
		case <-end:
			t.Fatalf("%s did not arrive", event)
		}
	}
}
