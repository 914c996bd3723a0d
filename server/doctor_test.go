package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
)

// gateway is a right installation: a server on a real socket, a proxy with TLS and
// HTTP/2 before it, and port 80 that leads there.
type gateway struct {
	*stage
	authority *doctortest.Authority
	cfg       DoctorConfig
	running   Running
	runErr    error
	behind    string // the server's own address
	name      string // in the certificate
	cert      doctortest.Certificate
	tls       *tls.Config
	rewrite   func(*httputil.ProxyRequest)
	answer    func(*http.Response) error
	wrap      func(http.Handler) http.Handler
	plain     http.HandlerFunc
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{authority: doctortest.NewAuthority(t), name: testHost, tls: &tls.Config{}}
	g.stage = newStage(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	g.behind = g.answering()
	g.running = Running{Version: "v1", Hash: "h1", Started: time.Now(), Files: 1 << 16}
	g.rewrite = func(*httputil.ProxyRequest) {}
	g.wrap = func(h http.Handler) http.Handler { return h }
	g.plain = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
	}
	g.cfg = DoctorConfig{
		PublicURL: "https://" + testHost, TrustedProxies: g.Server.cfg.TrustedProxies, Version: "v1", Hash: "h1", Static: builtApp(),
		Witness: g, Roots: g.authority.Roots,
		LookUp: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	}
	return g
}

func (g *gateway) Running(context.Context) (Running, error) { return g.running, g.runErr }
func (g *gateway) Expect(context.Context) (string, error)   { return g.Server.Expect(), nil }
func (g *gateway) Saw(_ context.Context, w string) (Sighting, bool, error) {
	s, ok := g.Server.Saw(w)
	return s, ok, nil
}

// answering is listening once it answers: a test that asks nothing would end before
// the server has begun, and stopping it then stops nothing.
func (st *stage) answering() string {
	st.t.Helper()
	at := st.listening()
	res, err := http.Get("http://" + at + pathHealth)
	if err != nil {
		st.t.Fatal(err)
	}
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return at
}

// serve starts a server of the test on loopback.
func (g *gateway) serve(h http.Handler, secure *tls.Config) string {
	g.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	srv := &http.Server{Handler: h, TLSConfig: secure, ErrorLog: log.New(io.Discard, "", 0)}
	if secure == nil {
		go func() { _ = srv.Serve(l) }()
	} else {
		go func() { _ = srv.ServeTLS(l, "", "") }()
	}
	g.t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

func (g *gateway) examine() *doctor.Report {
	g.t.Helper()
	proxy := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), ModifyResponse: g.answer,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: g.behind})
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
			g.rewrite(r)
		},
	}
	if g.tls.Certificates == nil {
		g.tls.Certificates = []tls.Certificate{*g.authority.Make(g.name, g.cert)}
	}
	if g.cfg.Dial == nil {
		secure, plain := g.serve(g.wrap(proxy), g.tls), g.serve(g.plain, nil)
		g.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			to := map[string]string{testHost + ":443": secure, testHost + ":80": plain}[address]
			return new(net.Dialer).DialContext(ctx, network, to)
		}
	}
	r := &doctor.Report{}
	Doctor(g.t.Context(), g.cfg, r)
	return r
}

// replaced makes every answer of a path this one.
func (g *gateway) replaced(path string, answer http.HandlerFunc) {
	g.wrap = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				answer(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

func header(fn func(http.Header)) func(*gateway) {
	return func(g *gateway) { g.answer = func(r *http.Response) error { fn(r.Header); return nil } }
}

// page rewrites the uncompressed page.
func page(old, new string) func(*gateway) {
	return func(g *gateway) {
		g.answer = func(r *http.Response) error {
			if r.Request.URL.Path != "/" || r.Header.Get("Content-Encoding") != "" {
				return nil
			}
			b, err := io.ReadAll(r.Body)
			b = bytes.Replace(b, []byte(old), []byte(new), 1)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Set("Content-Length", fmt.Sprint(len(b)))
			return err
		}
	}
}

const day = 24 * time.Hour

var provocations = map[string]func(*gateway){
	FoundNotRunning.ID: func(g *gateway) { g.runErr = fmt.Errorf("ask: %w", ErrNotRunning) },
	FoundSilent.ID:     func(g *gateway) { g.runErr = errors.New("no answer") },
	FoundVersion.ID:    func(g *gateway) { g.running.Version = "v0" },
	FoundStale.ID:      func(g *gateway) { g.running.Hash = "h0" },
	FoundNotReady.ID:   func(g *gateway) { g.running.NotReady = "write database: store.full" },
	FoundFiles.ID:      func(g *gateway) { g.running.Files = 1024 },

	FoundDNS.ID: func(g *gateway) {
		g.cfg.LookUp = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	},
	FoundElsewhere.ID: func(g *gateway) {
		g.cfg.LookUp = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("198.51.100.9")}, nil
		}
	},
	FoundUnreachable.ID: func(g *gateway) {
		g.cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	},
	FoundNoTLS.ID: func(g *gateway) {
		clear := g.serve(g.plain, nil)
		g.cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, clear)
		}
	},
	FoundChain.ID:      func(g *gateway) { g.cfg.Roots = doctortest.NewAuthority(g.t).Roots },
	FoundSelfSigned.ID: func(g *gateway) { g.cert.SelfSigned = true },
	FoundName.ID:       func(g *gateway) { g.name = "other.example.test" },
	FoundExpired.ID:    func(g *gateway) { g.cert.Left = -time.Hour },
	FoundEndsSoon.ID:   func(g *gateway) { g.cert.Left = 6 * day },
	FoundDays.ID:       func(g *gateway) { g.cert.Left = 29 * day },
	FoundPrivateCA.ID:  func(g *gateway) { g.cert.Private = true },
	FoundOldTLS.ID:     func(g *gateway) { g.tls.MinVersion = tls.VersionTLS10 },
	FoundPlainHTTP.ID: func(g *gateway) {
		g.plain = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }
	},
	FoundHTTP2.ID: func(g *gateway) { g.tls.NextProtos = []string{"http/1.1"} },

	FoundStatus.ID: func(g *gateway) { g.behind = "127.0.0.1:1" },
	FoundAnother.ID: func(g *gateway) {
		g.replaced(pathHealth, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	},
	FoundHost.ID:       func(g *gateway) { g.rewrite = func(r *httputil.ProxyRequest) { r.Out.Host = "127.0.0.1:8080" } },
	FoundUnnamed.ID:    func(g *gateway) { g.cfg.TrustedProxies = nil },
	FoundNotForward.ID: func(g *gateway) { g.rewrite = func(r *httputil.ProxyRequest) { r.Out.Header["X-Forwarded-For"] = nil } },
	FoundForged.ID: func(g *gateway) {
		g.rewrite = func(r *httputil.ProxyRequest) { r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] }
	},
	FoundPolicyGone.ID: header(func(h http.Header) { h.Del("Content-Security-Policy") }),
	FoundPolicy.ID:     header(func(h http.Header) { h.Add("Content-Security-Policy", "default-src *") }),
	FoundHeaders.ID:    header(func(h http.Header) { h.Set("Referrer-Policy", "origin"); h.Del("Strict-Transport-Security") }),
	FoundCached.ID:     header(func(h http.Header) { h.Set("Cache-Control", "public, max-age=600") }),
	FoundSlow.ID:       func(g *gateway) { g.rewrite = func(r *httputil.ProxyRequest) { r.Out.Header.Del("Accept-Encoding") } },
	FoundBuffered.ID: func(g *gateway) {
		g.wrap = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kept := httptest.NewRecorder()
				h.ServeHTTP(kept, r)
				for k, v := range kept.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(kept.Code)
				_, _ = w.Write(kept.Body.Bytes())
			})
		}
	},
	FoundPage.ID:    page("<title>", "<script>track()</script><title>"),
	FoundForeign.ID: page("<title>", `<script src="//cdn.example.com/x.js"></script><title>`),
	FoundClock.ID:   header(func(h http.Header) { h.Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat)) }),
}

func TestDoctorFindsNothingBehindARightProxy(t *testing.T) {
	if r := newGateway(t).examine(); r.Worst() != doctor.OK || len(r.Findings()) < 10 {
		t.Errorf("got %+v", r.Findings())
	}
}

func TestDoctorFindsEachKind(t *testing.T) {
	for _, k := range Kinds {
		t.Run(k.ID, func(t *testing.T) {
			t.Parallel()
			provoke := provocations[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			g := newGateway(t)
			provoke(g)
			r := g.examine()
			got := r.Of(k)
			if len(got) != 1 || got[0].Subject == "" || got[0].Seen == "" || !doctortest.Mends(got[0].Mend) {
				t.Fatalf("got %+v", r.Findings())
			}
			for _, f := range r.Findings() {
				if f.Severity != doctor.OK && f.ID != k.ID && k.ID != FoundStatus.ID && k.ID != FoundHost.ID {
					t.Errorf("found besides: %+v", f)
				}
			}
		})
	}
}

// A page over https that is told of its own host in clear is as open as any other.
func TestAReferenceWithoutTLSIsForeign(t *testing.T) {
	g := newGateway(t)
	page("<title>", `<img src="http://`+testHost+`/x.png"><title>`)(g)
	if r := g.examine(); len(r.Of(FoundForeign)) != 1 {
		t.Errorf("got %+v", r.Findings())
	}
}

// Without TLS and proxy, as on one machine, the server is found as well.
func TestDoctorReachesAServerWithoutAProxy(t *testing.T) {
	g := newGateway(t)
	st := newStage(t, func(c *Config) { c.PublicURL = "http://localhost:8080"; c.RPID = "localhost" })
	g.stage, g.cfg.PublicURL = st, "http://localhost:8080"
	direct := st.answering()
	g.cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, direct)
	}
	r := g.examine()
	if r.Worst() != doctor.OK || !strings.Contains(fmt.Sprint(r.Findings()), "no proxy in between") {
		t.Errorf("got %+v", r.Findings())
	}
}

// Only words that were made here are kept, and not for long.
func TestHealthKeepsNothingOfStrangers(t *testing.T) {
	st := newStage(t)
	for _, target := range []string{"/healthz?doctor=guess", "/healthz?doctor-stream=guess", "/healthz?doctor=", "/healthz?doctor-stream"} {
		if res := st.ask("GET", target, ""); res.StatusCode != 200 || bodyOf(t, res) != "ok\n" {
			t.Errorf("%s: %d", target, res.StatusCode)
		}
	}
	if _, ok := st.Saw("guess"); ok || len(st.witness.expected) != 0 {
		t.Errorf("kept %v", st.witness.expected)
	}
	word := st.Expect()
	st.clock.add(2 * expectedFor)
	st.ask("GET", "/healthz?doctor="+word, "")
	if _, ok := st.Saw(word); ok {
		t.Error("an old word still counts")
	}
	var words []string
	for range 3 * maxExpected {
		st.clock.add(time.Millisecond)
		words = append(words, st.Expect())
	}
	if len(st.witness.expected) > maxExpected {
		t.Errorf("%d words are kept", len(st.witness.expected))
	}
	// The newest are those that somebody waits for.
	for i, word := range words {
		st.ask("GET", "/healthz?doctor="+word, "")
		if _, ok := st.Saw(word); ok != (i >= len(words)-maxExpected) {
			t.Errorf("word %d of %d counts: %t", i, len(words), ok)
		}
	}
	word = st.Expect()
	st.ask("GET", "/healthz?doctor="+word, "", "X-Forwarded-For", "203.0.113.5", "Host", "elsewhere.example.test")
	if s, ok := st.Saw(word); !ok || s.Host != "elsewhere.example.test" || len(s.Forwarded) != 1 || s.Forwarded[0] != "203.0.113.5" {
		t.Errorf("%+v, %v", s, ok)
	}
}

// Two servers share the name, and the proxy sends nobody to the same one twice: the
// word that only one of them knows reaches it all the same.
func TestDoctorFindsItsServerBehindOneNameOfSeveral(t *testing.T) {
	g := newGateway(t)
	other := newStage(t, func(c *Config) { c.TrustedProxies = g.Server.cfg.TrustedProxies }).answering()
	var asked atomic.Int64
	g.rewrite = func(r *httputil.ProxyRequest) {
		if asked.Add(1)%5 != 0 {
			r.Out.URL.Host = other
		}
	}
	r := g.examine()
	if r.Worst() != doctor.OK {
		t.Errorf("got %+v", r.Findings())
	}
	for _, id := range []string{"url.answer", "url.live"} {
		if !slices.ContainsFunc(r.Findings(), func(f doctor.Finding) bool { return f.ID == id }) {
			t.Errorf("nothing is said of %s: %+v", id, r.Findings())
		}
	}
}
