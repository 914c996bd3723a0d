package push

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
	"github.com/latchkey/latchkey/secret"
)

// exchange is a right gateway with TLS, and a right description of it.
type exchange struct {
	t         *testing.T
	authority *doctortest.Authority
	host      string // of the certificate
	cert      doctortest.Certificate
	tls       tls.Config
	gateway   *smsGateway
	cfg       GatewayConfig
}

func newExchange(t *testing.T) *exchange {
	t.Helper()
	e := &exchange{t: t, authority: doctortest.NewAuthority(t), host: "127.0.0.1", gateway: newSMSGateway(t)}
	e.cfg = e.gateway.config()
	e.cfg.URL, e.cfg.Client = "", &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: e.authority.Roots}}}
	return e
}

// examine starts the gateway as the test left it.
func (e *exchange) examine() *doctor.Report {
	e.t.Helper()
	if e.cfg.URL == "" {
		s := httptest.NewUnstartedServer(e.gateway.Config.Handler)
		s.TLS, s.Config.ErrorLog = &e.tls, log.New(io.Discard, "", 0)
		s.TLS.Certificates = []tls.Certificate{*e.authority.Make(e.host, e.cert)}
		s.StartTLS()
		e.t.Cleanup(s.Close)
		e.cfg.URL = s.URL + "/send"
	}
	r := &doctor.Report{}
	DoctorGateway(e.t.Context(), e.cfg, r)
	return r
}

func nowhere(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("no name server")
}

var smsProvocations = map[string]func(*exchange){
	FoundSMSConfig.ID:       func(e *exchange) { e.cfg.Body = "{{nummer}}" },
	FoundSMSNumber.ID:       func(e *exchange) { e.cfg.Body = `{"to":"+49151","text":{{json text}}}` },
	FoundSMSText.ID:         func(e *exchange) { e.cfg.Body = `{"to":{{json number}},"text":"Hello"}` },
	FoundSMSSecretNone.ID:   func(e *exchange) { e.cfg.Secret = secret.Text{} },
	FoundSMSSecretUnsent.ID: func(e *exchange) { e.cfg.Headers = nil },
	FoundSMSUnresolved.ID: func(e *exchange) {
		e.cfg.URL = "https://sms.corp.example/send"
		dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: nowhere}}
		e.cfg.Client.Transport.(*http.Transport).DialContext = dialer.DialContext
	},
	FoundSMSDown.ID: func(e *exchange) {
		at := url.URL{Scheme: "https", Host: (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: closedPort(e.t)}).String()}
		e.cfg.URL = at.String()
	},
	FoundSMSTrust.ID:   func(e *exchange) { e.cert.SelfSigned = true },
	FoundSMSName.ID:    func(e *exchange) { e.host = "sms.example.com" },
	FoundSMSExpired.ID: func(e *exchange) { e.cert.Left = -time.Hour },
	FoundSMSOld.ID:     func(e *exchange) { e.tls.MinVersion, e.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
	FoundSMSDays.ID:    func(e *exchange) { e.cert.Left = 12 * 24 * time.Hour },
}

func TestDoctorSendsNoSMSToARightGateway(t *testing.T) {
	for name, change := range map[string]func(*exchange){
		"with TLS":                 func(*exchange) {},
		"in clear on this machine": func(e *exchange) { e.cfg.URL = e.gateway.URL + "/send" },
		"a form by GET": func(e *exchange) {
			e.cfg.Method, e.cfg.Body, e.cfg.Headers = http.MethodGet, "", nil
			e.cfg.URL = e.gateway.URL + "/?key={{urlquery secret}}&to={{urlquery number}}&text={{urlquery text}}"
		},
		"without a key": func(e *exchange) { e.cfg.Headers, e.cfg.Secret = nil, secret.Text{} },
		"one that answers no head": func(e *exchange) {
			e.gateway.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			change(e)
			r := e.examine()
			if r.Worst() != doctor.OK || len(r.Findings()) < 2 {
				t.Errorf("got %+v", r.Findings())
			}
			if want := []smsSent{{Method: http.MethodHead, Path: "/"}}; len(e.gateway.got) != 1 || e.gateway.got[0] != want[0] {
				t.Errorf("it was sent %+v", e.gateway.got)
			}
		})
	}
}

// Each kind is provoked by one change, is all that is found, says how it is mended and
// nothing secret, and is gone when the change is.
func TestDoctorFindsEachKindOfTheGateway(t *testing.T) {
	for _, k := range smsKinds {
		t.Run(k.ID, func(t *testing.T) {
			provoke := smsProvocations[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			e := newExchange(t)
			provoke(e)
			r := e.examine()
			got := r.Of(k)
			if len(got) != 1 || got[0].Seen == "" || got[0].Subject == "" || !doctortest.Mends(got[0].Mend) {
				t.Fatalf("got %+v", r.Findings())
			}
			for _, f := range r.Findings() {
				if f.ID != k.ID && f.Severity != doctor.OK {
					t.Errorf("beside it: %+v", f)
				}
				for _, line := range append(f.Mend, doctor.Line{Text: f.Seen + f.Subject}) {
					if strings.Contains(line.Text, "key-4711") {
						t.Errorf("it tells the key: %+v", f)
					}
				}
			}
			if r := newExchange(t).examine(); r.Worst() != doctor.OK {
				t.Errorf("mended, and still %+v", r.Findings())
			}
		})
	}
}

// A gateway that is spoken to in clear from another machine, and one that never answers.
func TestDoctorSaysWhatTheGatewaysRequestLacks(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*exchange)
		kind   doctor.Kind
		mend   string
	}{
		"in clear": {func(e *exchange) { e.cfg.URL = "http://sms.corp.example/send" }, FoundSMSConfig, "url: "},
		"no host":  {func(e *exchange) { e.cfg.URL = "/send" }, FoundSMSConfig, "url: "},
		"a header": {func(e *exchange) { e.cfg.Headers = []string{"nothing"} }, FoundSMSConfig, "headers: "},
		"a body":   {func(e *exchange) { e.cfg.Body = "{{" }, FoundSMSConfig, "body: "},
		"a method": {func(e *exchange) { e.cfg.URL, e.cfg.Method = "https://sms.corp.example/", "a b" }, FoundSMSConfig, "url: "},
		"silence": {func(e *exchange) {
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				e.t.Fatal(err)
			}
			e.t.Cleanup(func() { _ = silent.Close() })
			e.cfg.URL, e.cfg.Timeout = "https://"+silent.Addr().String(), 50*time.Millisecond
		}, FoundSMSDown, "curl -v -I https://127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			tc.change(e)
			r := e.examine()
			if got := r.Of(tc.kind); len(got) != 1 || !doctortest.Mends(got[0].Mend) || !strings.Contains(got[0].Mend[0].Text, tc.mend) {
				t.Errorf("got %+v", r.Findings())
			}
		})
	}
}
