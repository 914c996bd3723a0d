package autopush_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/SherClockHolmes/webpush-go"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/stand/autopush"
)

// service is a running push service and an application server in front of it.
type service struct {
	*autopush.Server
	t               *testing.T
	client          *http.Client
	private, public string
}

func open(t *testing.T) *service {
	t.Helper()
	ca, err := authority.New()
	must(t, err)
	s, err := autopush.Start(ca)
	must(t, err)
	t.Cleanup(s.Close)
	proxy, err := url.Parse(s.ProxyURL())
	must(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, DisableKeepAlives: true}
	private, public, err := webpush.GenerateVAPIDKeys()
	must(t, err)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &service{s, t, &http.Client{Transport: transport, CheckRedirect: stay}, private, public}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *service) options() *webpush.Options {
	return &webpush.Options{
		HTTPClient: s.client, Subscriber: "desk@corp.example.test", TTL: 60, Urgency: webpush.UrgencyHigh, Topic: "abc",
		VAPIDPublicKey: s.public, VAPIDPrivateKey: s.private,
	}
}

func (s *service) send(r *autopush.Receiver, text string, o *webpush.Options) (int, error) {
	res, err := webpush.SendNotificationWithContext(s.t.Context(), []byte(text), subscription(r), o)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return res.StatusCode, nil
}

func subscription(r *autopush.Receiver) *webpush.Subscription {
	return &webpush.Subscription{Endpoint: r.Endpoint, Keys: webpush.Keys{Auth: r.Auth, P256dh: r.P256dh}}
}

func (s *service) subscribe() *autopush.Receiver {
	s.t.Helper()
	r, err := s.Subscribe(s.public)
	must(s.t, err)
	return r
}

func TestAMessageIsCheckedAndDecrypted(t *testing.T) {
	s := open(t)
	status, err := s.send(s.subscribe(), "Something waits for you", s.options())
	if err != nil || status != 201 {
		t.Fatalf("%d %v", status, err)
	}
	m := s.Messages.All()[0]
	if m.Text != "Something waits for you" || m.TTL != 60 || m.Urgency != "high" || m.Topic != "abc" || m.Subject != "mailto:desk@corp.example.test" || m.Received != 100 {
		t.Errorf("%+v", m)
	}
}

func TestWrongMessagesAreRefused(t *testing.T) {
	s := open(t)
	_, foreign, err := webpush.GenerateVAPIDKeys()
	must(t, err)
	for _, c := range []struct {
		name   string
		status int
		change func(*webpush.Options, *autopush.Receiver)
	}{
		{"another key than the subscription's", 403, func(o *webpush.Options, _ *autopush.Receiver) { o.VAPIDPublicKey = foreign }},
		{"prefix said twice", 403, func(o *webpush.Options, _ *autopush.Receiver) { o.Subscriber = "mailto:desk@corp.example.test" }},
		{"topic too long", 400, func(o *webpush.Options, _ *autopush.Receiver) { o.Topic = strings.Repeat("a", 33) }},
		{"record too long", 413, func(o *webpush.Options, _ *autopush.Receiver) { o.RecordSize = 8192 }},
		{"no such endpoint", 404, func(_ *webpush.Options, r *autopush.Receiver) { r.Endpoint += "x" }},
		{"ended", 410, func(_ *webpush.Options, r *autopush.Receiver) { s.Expire(r.Endpoint) }},
		{"TTL below zero", 400, func(o *webpush.Options, _ *autopush.Receiver) { o.TTL = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, r := s.options(), s.subscribe()
			c.change(o, r)
			if status, err := s.send(r, "x", o); err != nil || status != c.status {
				t.Errorf("answered %d, %v; want %d", status, err, c.status)
			}
			if all := s.Messages.All(); all[len(all)-1].Status != c.status {
				t.Errorf("kept as %+v", all[len(all)-1])
			}
		})
	}
}

func TestOnlyARightTokenSends(t *testing.T) {
	s := open(t)
	r := s.subscribe()
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	right := object{"aud": autopush.Origin, "exp": in(23 * time.Hour), "sub": "mailto:a@b.test"}
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"right":               {s.token(right), 201},
		"none":                {"", 401},
		"another scheme":      {"Bearer x", 401},
		"not readable":        {"vapid t=a.b.c, k=" + s.public, 403},
		"no key":              {"vapid t=e30.e30.e30, k=!", 403},
		"forged":              {strings.Replace(s.token(right), ".", ".e", 1), 403},
		"for another service": {s.token(object{"aud": "https://fcm.googleapis.com", "exp": in(time.Hour), "sub": "mailto:a@b.test"}), 403},
		"over":                {s.token(object{"aud": autopush.Origin, "exp": in(-time.Minute), "sub": "mailto:a@b.test"}), 403},
		"more than a day":     {s.token(object{"aud": autopush.Origin, "exp": in(25 * time.Hour), "sub": "mailto:a@b.test"}), 403},
		"no contact":          {s.token(object{"aud": autopush.Origin, "exp": in(time.Hour)}), 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.Endpoint, strings.NewReader("x"))
		must(t, err)
		req.Header.Set("TTL", "1")
		req.Header.Set("Content-Encoding", "aes128gcm")
		req.Header.Set("Authorization", c.header)
		res, err := s.client.Do(req)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, c.status)
		}
	}
}

// token signs claims as an application server does (RFC 8292 2).
func (s *service) token(claims object) string {
	part := func(v any) string { b, _ := json.Marshal(v); return base64.RawURLEncoding.EncodeToString(b) }
	signed := part(object{"typ": "JWT", "alg": "ES256"}) + "." + part(claims)
	secret, err := base64.RawURLEncoding.DecodeString(s.private)
	must(s.t, err)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
	must(s.t, err)
	digest := sha256.Sum256([]byte(signed))
	x, y, err := ecdsa.Sign(rand.Reader, key, digest[:])
	must(s.t, err)
	signature := append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)
	return "vapid t=" + signed + "." + base64.RawURLEncoding.EncodeToString(signature) + ", k=" + s.public
}

func TestTheProxyLeadsNowhereElse(t *testing.T) {
	s := open(t)
	for _, u := range []string{"https://127.0.0.1:1/", "https://updates.push.services.mozilla.com:8443/", "http://" + autopush.Host + "/"} {
		res, err := s.client.Get(u)
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %d", u, res.StatusCode)
			}
		}
	}
}

func TestFaultsComeAsTold(t *testing.T) {
	s := open(t)
	r := s.subscribe()
	s.Fail(autopush.Fault{Times: 2, Status: 503, RetryAfter: "7"}, autopush.Fault{Times: 1, Status: 302, Location: "http://127.0.0.1:1/"},
		autopush.Fault{Times: 1, Reset: true}, autopush.Fault{Times: 1, Status: 200, Endless: true})
	var got []string
	for range 5 {
		status, err := s.send(r, "x", s.options())
		got = append(got, fmt.Sprint(status, err != nil))
	}
	if want := "503 false,503 false,302 false,0 true,200 false"; strings.Join(got, ",") != want {
		t.Errorf("answered %v, want %s", got, want)
	}
	if status, err := s.send(r, "x", s.options()); status != 201 {
		t.Errorf("afterwards %d %v", status, err)
	}
	s.Fail(autopush.Fault{Hang: true})
	o := s.options()
	o.HTTPClient = &http.Client{Transport: s.client.Transport, Timeout: 100 * time.Millisecond}
	if _, err := s.send(r, "x", o); err == nil {
		t.Error("it did not hang")
	}
}

// browser speaks as Firefox does.
type browser struct {
	t    *testing.T
	conn *websocket.Conn
	uaid string
}

type object = map[string]any

func (s *service) browser(uaid string) *browser {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), s.SocketURL(), &websocket.DialOptions{Subprotocols: []string{"push-notification"}})
	must(s.t, err)
	s.t.Cleanup(func() { conn.CloseNow() })
	b := &browser{t: s.t, conn: conn}
	hello := object{"messageType": "hello", "broadcasts": object{}, "use_webpush": true}
	if uaid != "" {
		hello["uaid"] = uaid
	}
	b.uaid, _ = b.ask(hello)["uaid"].(string)
	return b
}

func (b *browser) ask(v object) object {
	b.t.Helper()
	must(b.t, wsjson.Write(b.t.Context(), b.conn, v))
	return b.next()
}

func (b *browser) next() (v object) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	must(b.t, wsjson.Read(ctx, b.conn, &v))
	return v
}

// register subscribes under a key of the receiver's.
func (s *service) register(b *browser, id string) *autopush.Receiver {
	s.t.Helper()
	answer := b.ask(object{"messageType": "register", "channelID": id, "key": s.public + "="})
	endpoint, _ := answer["pushEndpoint"].(string)
	keys := s.subscribe()
	return &autopush.Receiver{Endpoint: endpoint, P256dh: keys.P256dh, Auth: keys.Auth}
}

func TestABrowserRegistersGetsAndAcknowledges(t *testing.T) {
	s := open(t)
	b := s.browser("")
	r := s.register(b, "one")
	if !strings.HasPrefix(r.Endpoint, autopush.Origin+"/") {
		t.Fatalf("endpoint %q", r.Endpoint)
	}
	if status, err := s.send(r, "x", s.options()); status != 201 {
		t.Fatal(status, err)
	}
	n := b.next()
	if n["messageType"] != "notification" || n["channelID"] != "one" || n["data"] == "" {
		t.Fatalf("%v", n)
	}
	must(t, wsjson.Write(t.Context(), b.conn, object{"messageType": "ack", "updates": []object{{"channelID": "one", "version": n["version"], "code": 100}}}))
	_, err := s.Messages.Until(t.Context(), func(all []autopush.Message) bool { return all[len(all)-1].Received == 100 })
	must(t, err)
	if got := b.ask(object{}); len(got) != 0 {
		t.Errorf("ping answered with %v", got)
	}
	b.ask(object{"messageType": "unregister", "channelID": "one"})
	if status, err := s.send(r, "x", s.options()); status != 410 {
		t.Errorf("after unregister: %d %v", status, err)
	}
}

func TestMessagesWaitForABrowserThatIsAway(t *testing.T) {
	s := open(t)
	b := s.browser("")
	r := s.register(b, "one")
	s.Drop()
	if _, _, err := b.conn.Read(t.Context()); err == nil {
		t.Fatal("still connected")
	}
	o := s.options()
	for _, topic := range []string{"same", "same", "other"} {
		o.Topic = topic
		if status, err := s.send(r, topic, o); status != 201 {
			t.Fatal(status, err)
		}
	}
	sent := s.Messages.All()
	back := s.browser(b.uaid)
	if back.uaid != b.uaid {
		t.Errorf("became %s", back.uaid)
	}
	for _, want := range sent[1:] {
		if n := back.next(); n["version"] != want.ID {
			t.Errorf("got %v, want %s", n["version"], want.ID)
		}
	}
	s.Forget()
	if again := s.browser(b.uaid); again.uaid == b.uaid {
		t.Error("known again")
	}
	if status, err := s.send(r, "x", o); status != 410 {
		t.Errorf("after forgetting: %d %v", status, err)
	}
}

func TestTestsAskOverHTTP(t *testing.T) {
	s := open(t)
	control := httptest.NewServer(s.Handler())
	t.Cleanup(control.Close)
	post := func(path, body string) string {
		res, err := http.Post(control.URL+path, "application/json", strings.NewReader(body))
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, res.StatusCode, b)
		}
		return string(b)
	}
	var r autopush.Receiver
	must(t, json.Unmarshal([]byte(post("/subscribe", `{"key":"`+s.public+`"}`)), &r))
	post("/fail", `[{"times":1,"status":429,"retryAfter":"1"}]`)
	first, _ := s.send(&r, "x", s.options())
	second, _ := s.send(&r, "y", s.options())
	post("/expire", `{"endpoint":""}`)
	third, _ := s.send(&r, "z", s.options())
	if first != 429 || second != 201 || third != 410 {
		t.Errorf("%d, %d, %d", first, second, third)
	}
	res, err := http.Get(control.URL + "/messages?after=2")
	must(t, err)
	defer res.Body.Close()
	var all []autopush.Message
	must(t, json.NewDecoder(res.Body).Decode(&all))
	if len(all) != 3 || all[1].Text != "y" {
		t.Errorf("%+v", all)
	}
	post("/drop", "")
	post("/forget", "")
}

func FuzzOpen(f *testing.F) {
	ca, err := authority.New()
	if err != nil {
		f.Fatal(err)
	}
	s, err := autopush.Start(ca)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	r, err := s.Subscribe("")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Repeat([]byte{4}, 120))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, err := r.Open(b); err == nil {
			t.Errorf("opened %x as %q", b, text)
		}
	})
}
