package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// smsGateway is a real one on loopback, as far as it speaks: what it got, and what it
// answers.
type smsGateway struct {
	*httptest.Server
	mu     sync.Mutex
	got    []smsSent
	answer http.HandlerFunc
}

type smsSent struct{ Method, Path, Key, Kind, Body string }

func newSMSGateway(t *testing.T) *smsGateway {
	t.Helper()
	g := &smsGateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		g.got = append(g.got, smsSent{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)})
		answer := g.answer
		g.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"status":"queued"}`)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *smsGateway) answers(h http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = h
}

func (g *smsGateway) config() GatewayConfig {
	return GatewayConfig{
		URL: g.URL + "/send", Headers: []string{"Authorization: Bearer {{secret}}", "Content-Type: application/json"},
		Body: `{"to":{{json number}},"text":{{json text}}}`, Secret: secret.New("key-4711"), Contains: `"queued"`,
		Countries: []string{"+49", "+4930", "+43"}, Hourly: 24, Timeout: 2 * time.Second,
	}
}

func gatewayOf(t *testing.T, c GatewayConfig) *Gateway {
	t.Helper()
	g, err := NewGateway(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sms(to string) Code {
	return Code{SMS: true, To: to, Code: secret.New("1234 5678"), Language: "de"}
}

func TestACodeGoesToTheGatewayAsItIsDescribed(t *testing.T) {
	w, gw := newWorld(t), newSMSGateway(t)
	w.cfg.Gateway = gatewayOf(t, gw.config())
	if err := w.SendCode(t.Context(), sms("+4915112345678")); err != nil {
		t.Fatal(err)
	}
	got := gw.got[0]
	var body struct{ To, Text string }
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || got.Path != "/send" || got.Key != "Bearer key-4711" || body.To != "+4915112345678" ||
		!strings.HasPrefix(body.Text, "1234 5678 ist Ihr Latchkey-Code") || !strings.HasSuffix(body.Text, " #12345678") {
		t.Errorf("sent %+v, %q", got, body.Text)
	}
	c := gw.config()
	c.Method, c.URL, c.Body, c.Contains = http.MethodGet, gw.URL+"/send?to={{urlquery number}}&text={{urlquery text}}", "", ""
	w.cfg.Gateway = gatewayOf(t, c)
	if err := w.SendCode(t.Context(), sms("+4315112345678")); err != nil {
		t.Fatal(err)
	}
	if got := gw.got[1]; got.Method != http.MethodGet || !strings.HasPrefix(got.Path, "/send?to=%2B4315112345678&text=1234+5678+ist") {
		t.Errorf("sent %+v", got)
	}
}

// Down, slow, nonsense: each is one answer, and no line of the log holds the code, the
// number or the key.
func TestAGatewayThatFailsIsToldAndLeaksNothing(t *testing.T) {
	w, gw := newWorld(t), newSMSGateway(t)
	w.cfg.Gateway = gatewayOf(t, gw.config())
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	for what, answer := range map[string]http.HandlerFunc{
		"refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"says no": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"failed","text":"1234 5678"}`)
		},
		"sends away": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"says nothing": func(_ http.ResponseWriter, r *http.Request) { <-stop },
		"breaks off":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"has no end": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
	} {
		gw.answers(answer)
		w.clock.forward(time.Hour)
		if err := w.SendCode(t.Context(), sms("+4915112345678")); err == nil || err.Error() != "send code: code.not-sent" {
			t.Errorf("%s: %v", what, err)
		}
	}
	c := gw.config()
	c.URL = "http://127.0.0.1:1/send?key={{secret}}&to={{number}}"
	w.cfg.Gateway = gatewayOf(t, c)
	w.clock.forward(time.Hour)
	if err := w.SendCode(t.Context(), sms("+4915112345678")); err == nil || err.Error() != "send code: code.not-sent" {
		t.Errorf("down: %v", err)
	}
	for _, hidden := range []string{"5678", "key-4711"} {
		if strings.Contains(w.log.String(), hidden) {
			t.Errorf("the log holds %q", hidden)
		}
	}
}

// Toll fraud: no number rings all night, and no country's bill grows without end.
func TestCodesAreLimitedByNumberAndByCountry(t *testing.T) {
	w, gw := newWorld(t), newSMSGateway(t)
	w.cfg.Gateway = gatewayOf(t, gw.config())
	for i := range codesOne {
		if err := w.SendCode(t.Context(), sms("+4915112345678")); err != nil {
			t.Fatalf("code %d: %v", i, err)
		}
	}
	wantCode := func(what string, err, want error) {
		t.Helper()
		if err == nil || !strings.HasSuffix(err.Error(), want.Error()) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	err := w.SendCode(t.Context(), sms("+4915112345678"))
	wantCode("one number too often", err, ErrTooOften)
	var often TooOften
	if !errors.As(err, &often) || !errors.Is(err, ErrTooOften) || often.Wait != codesOneRefill {
		t.Errorf("wait %v", often.Wait)
	}
	for _, other := range []string{"+4915112345671", "+4915112345672"} {
		if err := w.SendCode(t.Context(), sms(other)); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
	wantCode("one country too often", w.SendCode(t.Context(), sms("+4915112345673")), ErrTooOften)
	if err := w.SendCode(t.Context(), sms("+493012345673")); err != nil {
		t.Errorf("another prefix: %v", err)
	}
	wantCode("another country", w.SendCode(t.Context(), sms("+88112345678")), ErrCountry)
	if len(gw.got) != 7 {
		t.Errorf("%d went out", len(gw.got))
	}
}

// In no hour, wherever it begins, do more go out than are allowed.
func TestNoHourHasMoreCodesThanAreAllowed(t *testing.T) {
	for _, hourly := range []int{1, 2, 3, 5, 12, 60} {
		w, gw := newWorld(t), newSMSGateway(t)
		c := gw.config()
		c.Hourly = hourly
		w.cfg.Gateway = gatewayOf(t, c)
		var went []time.Time
		for i := range 3 * 60 {
			for _, stranger := range []bool{true, false} {
				code := sms(fmt.Sprintf("+4915%08d%d", i, len(went)))
				code.Stranger, code.From = stranger, fmt.Sprint(i, len(went))
				for w.SendCode(t.Context(), code) == nil {
					went = append(went, w.clock.Now())
					code.To += "0"
					code.From += "0"
				}
			}
			w.clock.forward(time.Minute)
		}
		most := 0
		for i, from := range went {
			n := 0
			for _, at := range went[i:] {
				if at.Before(from.Add(time.Hour)) {
					n++
				}
			}
			most = max(most, n)
		}
		if most != hourly {
			t.Errorf("%d an hour: %d went out in one", hourly, most)
		}
	}
}

// asked is a code that somebody without a session asks for.
func asked(to, from string) Code {
	c := sms(to)
	c.Stranger, c.From = true, from
	return c
}

func codesWorld(t *testing.T, hourly int) (*world, *smsGateway) {
	w, gw := newWorld(t), newSMSGateway(t)
	c := gw.config()
	c.Hourly = hourly
	w.cfg.Gateway = gatewayOf(t, c)
	return w, gw
}

const danas = "+4915112345678"

// A code that one limit holds back uses up nothing of another: whoever asks and asks takes
// nobody's codes of a day by what never went.
func TestACodeThatIsHeldBackUsesUpNothing(t *testing.T) {
	w, gw := codesWorld(t, 12)
	for i := range 12 { // the country's share
		_ = w.SendCode(t.Context(), asked(fmt.Sprintf("+491521234%04d", i), fmt.Sprint(i)))
	}
	for i := range 60 {
		if err := w.SendCode(t.Context(), asked(danas, fmt.Sprint("network", i))); !errors.Is(err, ErrTooOften) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	before := len(gw.got)
	for i := range codesDay {
		w.clock.forward(20 * time.Minute)
		if err := w.SendCode(t.Context(), asked(danas, fmt.Sprint("network", i))); err != nil {
			t.Fatalf("code %d: %v", i, err)
		}
	}
	if len(gw.got) != before+codesDay {
		t.Errorf("%d went out", len(gw.got)-before)
	}
}

// One network asks all day for codes to one number, and another is sent one at any time.
func TestOneNetworkUsesUpNobodysCodesOfADay(t *testing.T) {
	w, _ := codesWorld(t, 600)
	for minute := range 3 * 24 * 60 {
		_ = w.SendCode(t.Context(), asked(danas, "198.51.100.1"))
		if minute%(6*60) == 6*60-1 {
			w.clock.forward(codesOneRefill) // between two that go to one number
			if err := w.SendCode(t.Context(), asked(danas, "203.0.113.1")); err != nil {
				t.Fatalf("after %d minutes: %v", minute, err)
			}
		}
		w.clock.forward(time.Minute)
	}
}

// To end codes by SMS to a country takes many networks, and whoever runs the server hears
// of it: once in an hour.
func TestOneNetworkUsesUpNoCountrysShare(t *testing.T) {
	w, _ := codesWorld(t, 60)
	number := 0
	from := func(network string) (went int, told int) {
		for range 60 {
			number++
			err := w.SendCode(t.Context(), asked(fmt.Sprintf("+49152%07d", number), network))
			var often TooOften
			switch {
			case err == nil:
				went++
			case !errors.As(err, &often):
				t.Fatal(err)
			case often.Country != "":
				told++
				if often.Country != "+49" {
					t.Errorf("country %q", often.Country)
				}
			}
		}
		return went, told
	}
	if went, told := from("198.51.100.1"); went != 3 || told != 0 { // of 15 at once
		t.Fatalf("one network: %d went, %d told", went, told)
	}
	if went, told := from("198.51.100.2"); went != 3 || told != 0 {
		t.Fatalf("another: %d went, %d told", went, told)
	}
	told := 0
	for i := range 20 {
		_, n := from(fmt.Sprint("network", i))
		told += n
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	if err := w.SendCode(t.Context(), sms("+4915212345678")); err != nil {
		t.Errorf("to somebody signed in: %v", err)
	}
	w.clock.forward(time.Hour)
	for i := range 20 {
		_, n := from(fmt.Sprint("network", i))
		told += n
	}
	if told != 2 {
		t.Errorf("told %d times in two hours", told)
	}
}

// What strangers ask for stands in the way of no code to a browser that its owner is known
// by, whose codes have an end as well.
func TestACodeToAKnownBrowserWaitsForNoStranger(t *testing.T) {
	w, _ := codesWorld(t, 60)
	for i := range 200 {
		_ = w.SendCode(t.Context(), asked(danas, fmt.Sprint(i)))
		_ = w.SendCode(t.Context(), asked(fmt.Sprintf("+49151%08d", i), fmt.Sprint(i)))
		w.clock.forward(5 * time.Minute)
	}
	for i := range 200 {
		_ = w.SendCode(t.Context(), asked(danas, fmt.Sprint(i)))
		_ = w.SendCode(t.Context(), asked(fmt.Sprintf("+49151%08d", i), fmt.Sprint(i)))
	}
	known := asked(danas, "198.51.100.1")
	if err := w.SendCode(t.Context(), known); !errors.Is(err, ErrTooOften) {
		t.Fatalf("a stranger: %v", err)
	}
	known.Known = true
	went := 0
	for range 24 * 60 {
		if w.SendCode(t.Context(), known) == nil {
			went++
		}
		w.clock.forward(time.Minute)
	}
	if most := 2 * codesDay; went < codesDay || went > most {
		t.Errorf("%d went in a day, of at most %d", went, most)
	}
}

func TestADescriptionOfAGatewayIsChecked(t *testing.T) {
	good := GatewayConfig{URL: "https://sms.example.test/send", Countries: []string{"+49"}}
	for what, change := range map[string]func(*GatewayConfig){
		"in clear":      func(c *GatewayConfig) { c.URL = "http://sms.example.test/send" },
		"secret host":   func(c *GatewayConfig) { c.URL = "https://{{secret}}.sms.example.test/send" },
		"behind a name": func(c *GatewayConfig) { c.URL = "https://latchkey:x@{{secret}}.example.test" },
		"its port":      func(c *GatewayConfig) { c.URL = "https://sms.example.test:{{number}}?a" },
		"no host":       func(c *GatewayConfig) { c.URL = "/send" },
		"a broken word": func(c *GatewayConfig) { c.Body = "{{number" },
		"another word":  func(c *GatewayConfig) { c.Body = "{{password}}" },
		"no header":     func(c *GatewayConfig) { c.Headers = []string{"Authorization"} },
		"two headers":   func(c *GatewayConfig) { c.Headers = []string{"A: b\r\nC: d"} },
		"no method":     func(c *GatewayConfig) { c.Method = "SEND IT" },
	} {
		c := good
		change(&c)
		if _, err := NewGateway(c); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	gatewayOf(t, good)
	for _, right := range []string{
		"https://sms.example.test/{{urlquery number}}?key={{secret}}", "https://latchkey:{{urlquery secret}}@sms.example.test/send",
	} {
		good.URL = right
		gatewayOf(t, good)
	}
}

func TestACodeGoesByMailWithoutALink(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	if err := w.SendCode(t.Context(), Code{To: "anna@corp.example.test", Code: secret.New("1234 5678")}); err != nil {
		t.Fatal(err)
	}
	got := m.mails()
	if len(got) != 1 || got[0].to != "anna@corp.example.test" || !m.secure[0] {
		t.Fatalf("mails %+v", got)
	}
	if _, body := decoded(t, got[0]); !strings.HasPrefix(body, "1234 5678\n") || strings.Contains(body, "http") {
		t.Errorf("mail %q", body)
	}
	if err := w.SendCode(t.Context(), Code{To: "anna@corp.example.test\r\nBcc: x@y.example", Code: secret.New("1")}); err == nil {
		t.Error("a second recipient is taken")
	}
	if err := w.SendCode(t.Context(), sms("+4915112345678")); err == nil {
		t.Error("an SMS without a gateway")
	}
}
