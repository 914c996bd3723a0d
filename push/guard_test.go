package push

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// refused are endpoints that lead, or could lead, somewhere else than to a push
// service (docs/security.md, rule 6).
var refused = []string{
	"", "x", "/send/1", "//fcm.googleapis.com/x", "https:fcm.googleapis.com/x", "https:///x", "https://", "https://:443/x",
	// scheme and port
	"http://fcm.googleapis.com/x", "HTTP://fcm.googleapis.com/x", "ftp://fcm.googleapis.com/x", "file:///etc/passwd",
	"gopher://fcm.googleapis.com/x", "javascript:alert(1)", "unix:///run/docker.sock", "https+unix://fcm.googleapis.com/x",
	"https://fcm.googleapis.com:80/x", "https://fcm.googleapis.com:8443/x", "https://fcm.googleapis.com:/x",
	"https://fcm.googleapis.com:0443/x", "https://fcm.googleapis.com:443443/x", "https://fcm.googleapis.com:https/x",
	// addresses in all their spellings
	"https://127.0.0.1/x", "https://127.1/x", "https://0/x", "https://0.0.0.0/x", "https://2130706433/x", "https://0x7f000001/x",
	"https://0x7f.0.0.1/x", "https://0177.0.0.1/x", "https://017700000001/x", "https://127.0.0.1.:443/x", "https://10.0.0.1/x",
	"https://169.254.169.254/latest/meta-data/", "https://[::1]/x", "https://[::]/x", "https://[::ffff:127.0.0.1]/x",
	"https://[::ffff:7f00:1]/x", "https://[0:0:0:0:0:ffff:a9fe:a9fe]/x", "https://[fe80::1%25eth0]/x", "https://[fd00::1]/x",
	"https://[64:ff9b::7f00:1]/x", "https://[2002:7f00:1::]/x", "https://[::127.0.0.1]/x", "https://8.8.8.8/x", "https://[2001:4860:4860::8888]/x",
	"https://①②⑦.⓪.⓪.①/x", "https://127。0。0。1/x",
	// names
	"https://localhost/x", "https://localhost.localdomain/x", "https://metadata.google.internal/x", "https://evil.test/x",
	"https://evil.test/fcm.googleapis.com/x", "https://evil.test/?fcm.googleapis.com", "https://evil.test#fcm.googleapis.com",
	"https://fcm.googleapis.com.evil.test/x", "https://fcm.googleapis.comevil.test/x", "https://xfcm.googleapis.com/x",
	"https://evil-fcm.googleapis.com/x", "https://a.fcm.googleapis.com/x", "https://googleapis.com/x", "https://storage.googleapis.com/x",
	"https://push.services.mozilla.com/x", "https://evilpush.services.mozilla.com/x", "https://notify.windows.com/x",
	"https://evilnotify.windows.com/x", "https://.notify.windows.com/x", "https://a..notify.windows.com/x", "https://*.notify.windows.com/x",
	"https://push.apple.com/x", "https://evilpush.apple.com/x", "https://127.0.0.1.nip.io/x",
	// trailing dots, case, look-alikes
	"https://fcm.googleapis.com./x", "https://fcm.googleapis.com.:443/x", "https://FCM.googleapis.com/x", "https://fcm.googleapis.com../x",
	"https://fcm.googleapіs.com/x", "https://xn--fcm-googleapis-com.test/x", "https://fcm.xn--googleaps-93a.com/x", "https://fcm。googleapis。com/x",
	"https://fcm.googleapis.com%2eevil.test/x", "https://fcm.googleapis%2ecom/x", "https://fcm%00.googleapis.com/x", "https://fcm_.notify.windows.com/x",
	// userinfo, and what parsers disagree about
	"https://fcm.googleapis.com@evil.test/x", "https://user@fcm.googleapis.com/x", "https://user:pass@fcm.googleapis.com/x", "https://@fcm.googleapis.com/x",
	"https://:@fcm.googleapis.com/x", "https://evil.test\\@fcm.googleapis.com/x", "https://fcm.googleapis.com\\@evil.test/x", "https://evil.test\\.push.apple.com/x",
	"https://fcm.googleapis.com:443@evil.test/x", "https://fcm.googleapis.com:x@evil.test/x", "https://evil.test;fcm.googleapis.com/x",
	"https://fcm.googleapis.com\t/x", "https://fcm.googleapis.com\r\nHost: evil.test/x", "https://fcm.goo\ngleapis.com/x", " https://fcm.googleapis.com/x",
	"https://fcm.googleapis.com/x y", "https://fcm.googleapis.com/\x00", "https://fcm.googleapis.com/é", "https://fcm.googleapis.com/x#y",
	"https://[fcm.googleapis.com]/x", "https://[::1]fcm.googleapis.com/x", "https://fcm.googleapis.com[::1]/x", "https://[::1].push.apple.com/x",
	"https://a.push.apple.com,evil.test/x", "https://fcm.googleapis.com/" + strings.Repeat("x", maxEndpoint),
	"https://" + strings.Repeat("a.", 130) + "push.apple.com/x", "https://" + strings.Repeat("a", 64) + ".push.apple.com/x",
}

var accepted = []string{
	"https://fcm.googleapis.com/fcm/send/abc:def", "https://fcm.googleapis.com:443/wp/abc", "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
	"https://eu.updates.push.services.mozilla.com/wpush/v2/gAAA", "https://web.push.apple.com/QG", "https://api.push.apple.com/3",
	"https://wns2-am3p.notify.windows.com/w/?token=Bg%3d%3d", "https://push.corp.example.test/x", "https://a.b.wild.example.test/x",
}

func testGuard(t testing.TB) guard {
	g, err := newGuard([]string{"push.corp.example.test", "*.wild.example.test"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEndpointsThatAreNoPushServiceAreRefused(t *testing.T) {
	g := testGuard(t)
	w := newWorld(t)
	b := w.services.Browser(t, fcm, "")
	for _, endpoint := range refused {
		if _, err := g.check(endpoint); !errors.Is(err, ErrEndpoint) {
			t.Errorf("%q: %v", endpoint, err)
		}
		sub := subscription(anna, b)
		sub.Endpoint = endpoint
		if _, err := w.Subscribe(t.Context(), sub); !errors.Is(err, ErrEndpoint) {
			t.Errorf("subscribe %q: %v", endpoint, err)
		}
		// One that is in the store already, say from a configuration with more hosts.
		sub.ID, sub.Key = "x", w.keys.newest().ID
		if v := w.push(t.Context(), sub, message{payload: []byte("{}")}); v.code != codeEndpoint || v.again {
			t.Errorf("send to %q: %+v", endpoint, v)
		}
	}
	for _, endpoint := range accepted {
		if _, err := g.check(endpoint); err != nil {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	w.wantMessages(0)
	w.wantEvents(audit.DeviceAdded)
}

func TestHostsOfTheConfigurationAreNames(t *testing.T) {
	for _, host := range []string{"", "*", "*.", "*.com", "com", "127.0.0.1", "[::1]", "https://x.test", "x.test:443", "X.test", "x.test.", "*.*.x.test", "a b.test"} {
		if _, err := newGuard([]string{host}); err == nil {
			t.Errorf("%q was taken", host)
		}
	}
}

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	for _, address := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1",
		"fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "5f00::1", "4000::1",
	} {
		if err := dialsPublic("tcp", net.JoinHostPort(address, "443"), nil); err == nil {
			t.Errorf("%s is dialled", address)
		}
	}
	for _, address := range []string{"142.250.0.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450:4001::1", "2606:4700::1111", "2001:4860:4860::8888"} {
		if err := dialsPublic("tcp", net.JoinHostPort(address, "443"), nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		for _, bad := range []string{"80", "22", "0"} {
			if err := dialsPublic("tcp", net.JoinHostPort(address, bad), nil); err == nil {
				t.Errorf("%s port %s is dialled", address, bad)
			}
		}
	}
	if dialsPublic("udp", "8.8.8.8:443", nil) == nil || dialsPublic("tcp", "nonsense", nil) == nil || dialsPublic("unix", "/run/x", nil) == nil {
		t.Error("no address of TCP, and dialled")
	}
}

// A name that is public when it is looked at and private when it is dialled: the
// guard sees only what is dialled.
func TestARebindingNameIsNotDialled(t *testing.T) {
	var looked atomic.Int32
	resolver := fakeDNS(t, func(name string) net.IP {
		if looked.Add(1) == 1 {
			return net.IPv4(142, 250, 0, 1)
		}
		return net.IPv4(127, 0, 0, 1)
	})
	if ips, err := resolver.LookupIP(t.Context(), "ip4", "fcm.googleapis.com"); err != nil || !ips[0].Equal(net.IPv4(142, 250, 0, 1)) {
		t.Fatalf("first look: %v, %v", ips, err)
	}
	w := newWorld(t, func(c *Config) { c.Proxy, c.out = nil, outbound{resolver: resolver, timeout: 3 * time.Second} })
	_, sub := w.device(anna)
	v := w.push(t.Context(), sub, message{payload: []byte("{}")})
	if !errors.Is(v.err, errAddress) || v.code != codeUnreachable {
		t.Errorf("%+v", v)
	}
	if looked.Load() < 2 {
		t.Error("the name was not looked up again")
	}
}

func TestNoNameLeadsInside(t *testing.T) {
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	for _, ip := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.1.1", "0.0.0.0"} {
		resolver := fakeDNS(t, func(string) net.IP { return net.ParseIP(ip) })
		client := outbound{resolver: resolver, timeout: 3 * time.Second}.client()
		_, err := client.Get("https://web.push.apple.com/x")
		if !errors.Is(err, errAddress) {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

// fakeDNS resolves every name as it is told, over its own little server.
func fakeDNS(t *testing.T, answer func(name string) net.IP) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dnsAnswer(buf[:n], answer), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// dnsAnswer answers A questions, and says of others that there is nothing
// (RFC 1035 4).
func dnsAnswer(q []byte, answer func(string) net.IP) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	out := append([]byte(nil), q[:end]...)
	out[2], out[3] = 0x84, 0
	clear(out[6:12])
	if binary.BigEndian.Uint16(q[end-4:]) == 1 {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, answer(string(q[12:end-5])).To4()...)
	}
	return out
}

func TestTheProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:9")
	}
	resolver := fakeDNS(t, func(string) net.IP { return net.IPv4(10, 0, 0, 1) })
	client := outbound{resolver: resolver, timeout: time.Second}.client()
	if client.Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy")
	}
	if _, err := client.Get("https://fcm.googleapis.com/x"); !errors.Is(err, errAddress) {
		t.Error(err)
	}
}

func TestAnAnswerWithoutEndIsReadALittle(t *testing.T) {
	w := newWorld(t)
	_, sub := w.device(bert)
	var written atomic.Int64
	ended := make(chan struct{})
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		rw.WriteHeader(201)
		chunk := make([]byte, 32<<10)
		for {
			n, err := rw.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if v := w.push(t.Context(), sub, message{payload: []byte("{}")}); v.code != "" {
		t.Errorf("%+v", v)
	}
	<-ended
	if n := written.Load(); n > 16<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestAServerThatHangsIsLeftAlone(t *testing.T) {
	for name, hang := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"drips":     func(rw http.ResponseWriter, r *http.Request) { drip(rw, r) },
	} {
		w := newWorld(t, func(c *Config) { c.out.timeout = 300 * time.Millisecond })
		_, sub := w.device(bert)
		w.services.Answer(hang)
		start := time.Now()
		v := w.push(t.Context(), sub, message{payload: []byte("{}")})
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if name == "no answer" && (v.code != codeUnreachable || !v.again || strings.Contains(v.err.Error(), "/send/")) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// A push service that does not answer holds one worker, not all of them.
func TestAServiceThatHangsKeepsNobodyElseWaiting(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.out.timeout = 200 * time.Millisecond })
	for range 12 {
		w.device(bert)
	}
	other := w.services.Browser(t, "web.push.apple.com", w.PublicKey())
	if _, err := w.Subscribe(t.Context(), subscription(anna, other)); err != nil {
		t.Fatal(err)
	}
	var hung atomic.Int32
	w.services.Answer(func(rw http.ResponseWriter, r *http.Request) {
		if r.Host == fcm {
			hung.Add(1)
			<-r.Context().Done()
			return
		}
		rw.WriteHeader(201)
	})
	w.notice(bert, kindApproved)
	w.notice(anna, kindReview)
	w.work()
	if n := hung.Load(); int(n) > w.cfg.Workers {
		t.Errorf("%d tries waited", n)
	}
	if devices, _ := w.Devices(t.Context(), anna); devices[0].Reached.IsZero() {
		t.Error("the other push service was not asked")
	}
	w.services.Answer(nil)
	w.later(10 * time.Minute)
	w.wantMessages(12)
}

func drip(rw http.ResponseWriter, r *http.Request) {
	rw.WriteHeader(201)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(rw, "."); err != nil || http.NewResponseController(rw).Flush() != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	for _, to := range []string{"http://169.254.169.254/latest/meta-data/", "https://127.0.0.1/", "https://fcm.googleapis.com/other", "//evil.test/"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			w := newWorld(t)
			_, sub := w.device(bert)
			var asked atomic.Int32
			w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				rw.Header().Set("Location", to)
				rw.WriteHeader(status)
			})
			if v := w.push(t.Context(), sub, message{payload: []byte("{}")}); v.code != codeRefused || asked.Load() != 1 {
				t.Errorf("%d to %s: %+v, asked %d times", status, to, v, asked.Load())
			}
		}
	}
}

func FuzzEndpoint(f *testing.F) {
	for _, e := range append(append([]string{}, refused...), accepted...) {
		f.Add(e)
	}
	g := testGuard(f)
	f.Fuzz(func(t *testing.T, endpoint string) {
		u, err := g.check(endpoint)
		if err != nil {
			if !errors.Is(err, ErrEndpoint) || endpoint != "" && len(endpoint) > 8 && strings.Contains(err.Error(), endpoint) {
				t.Fatalf("%v", err)
			}
			return
		}
		// What the client would dial is what was allowed.
		again, err := http.NewRequest(http.MethodPost, endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		host := again.URL.Hostname()
		if again.URL.Scheme != "https" || again.URL.User != nil || !g.allows(host) || net.ParseIP(host) != nil || host != u.Hostname() {
			t.Fatalf("%q leads to %v", endpoint, again.URL)
		}
		if port := again.URL.Port(); port != "" && port != "443" {
			t.Fatalf("%q leads to port %s", endpoint, port)
		}
		if strings.ToLower(host) != host || strings.HasSuffix(host, ".") || strings.ContainsAny(host, "%@\\:/") {
			t.Fatalf("host %q", host)
		}
		if _, err := url.Parse(u.String()); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"", "0", "120", "-1", "1e9", "99999999999999999999", "Tue, 24 Nov 2026 09:03:00 GMT", "Tuesday, 24-Nov-26 09:03:00 GMT", "x", " 5 "} {
		f.Add(v)
	}
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if d := retryAfter(value, now); d < 0 || d > retryAfterMax {
			t.Fatalf("%q: %v", value, d)
		}
	})
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-1": 0, "1.5": 0, "soon": 0, "99999999999999999999": retryAfterMax, "86400": retryAfterMax,
		"Tue, 24 Nov 2026 09:03:00 GMT": 3 * time.Minute, "Tue, 24 Nov 2026 08:00:00 GMT": 0, "Wed, 25 Nov 2026 09:00:00 GMT": retryAfterMax,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
