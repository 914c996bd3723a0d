package push

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/latchkey/latchkey/config"
)

// The gateways that docs/operations.md describes send, as they stand there: but for the
// host and the file of the key nothing is changed.
func TestTheExamplesOfGatewaysSend(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n([^`]*?gateway:.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(examples) != 2 {
		t.Fatalf("%d examples", len(examples))
	}
	key := filepath.Join(t.TempDir(), "sms.secret")
	if err := os.WriteFile(key, []byte("key&4711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ kind, authorization, answer, holds string }{
		{"application/json", "Bearer key&4711", `{"status":"queued"}`, `{"to": "+4915112345678", "text": "`},
		{"application/x-www-form-urlencoded", "", "OK 42", "apikey=key%264711&to=%2B4915112345678&message="},
	} {
		var e struct{ Gateway config.Gateway }
		if err := yaml.UnmarshalWithOptions([]byte(examples[i][1]), &e, yaml.Strict()); err != nil {
			t.Fatalf("example %d: %v", i, err)
		}
		w := newWorld(t)
		gw := newSMSGateway(t)
		gw.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, want.answer) })
		e.Gateway.URL = regexp.MustCompile(`^https://[^/]+`).ReplaceAllString(e.Gateway.URL, gw.URL)
		e.Gateway.SecretFile = key
		secret, err := e.Gateway.Secret()
		if err != nil {
			t.Fatal(err)
		}
		w.cfg.Gateway = gatewayOf(t, GatewayConfig{
			Method: e.Gateway.Method, URL: e.Gateway.URL, Headers: e.Gateway.Headers, Body: e.Gateway.Body, Secret: secret,
			Status: e.Gateway.Success.Status, Contains: e.Gateway.Success.Contains, Countries: []string{"+49"},
		})
		if err := w.SendCode(t.Context(), sms("+4915112345678")); err != nil {
			t.Errorf("example %d: %v", i, err)
		}
		gw.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no credit") })
		if err := w.SendCode(t.Context(), sms("+4915112345678")); err == nil {
			t.Errorf("example %d takes any answer for sent", i)
		}
		if got := gw.got[0]; got.Method != http.MethodPost || got.Kind != want.kind || got.Key != want.authorization || !strings.HasPrefix(got.Body, want.holds) {
			t.Errorf("example %d sends %+v", i, got)
		}
	}
}
