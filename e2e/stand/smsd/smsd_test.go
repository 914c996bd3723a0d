package smsd_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/smsd"
)

const message = `{"to":"+4915123456789","text":"1234 5678"}`

func open(t *testing.T) *smsd.Server {
	t.Helper()
	s, err := smsd.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// post is a client of the standard library, which knows nothing of this gateway.
func post(t *testing.T, s *smsd.Server, token, kind, body string) (status int, says string, err error) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return res.StatusCode, string(b), err
}

func TestAMessageIsKept(t *testing.T) {
	s := open(t)
	status, says, err := post(t, s, s.Token, "application/json", message)
	if err != nil || status != http.StatusOK || says != `{"status":"queued"}` {
		t.Fatalf("%d %s %v", status, says, err)
	}
	if m := s.Messages.All(); len(m) != 1 || m[0].To != "+4915123456789" || m[0].Text != "1234 5678" {
		t.Errorf("%+v", m)
	}
}

func TestWhatIsNoMessageIsNotKept(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		token, kind, body string
		want              int
	}{
		"another token":       {"other", "application/json", message, http.StatusUnauthorized},
		"no token":            {"", "application/json", message, http.StatusUnauthorized},
		"another type":        {s.Token, "text/plain", message, http.StatusUnsupportedMediaType},
		"no JSON":             {s.Token, "application/json", "to=+49", http.StatusBadRequest},
		"no text":             {s.Token, "application/json", `{"to":"+49151"}`, http.StatusBadRequest},
		"something else, too": {s.Token, "application/json", `{"to":"+49151","text":"x","class":0}`, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			status, says, err := post(t, s, c.token, c.kind, c.body)
			if err != nil || status != c.want || strings.Contains(says, "queued") {
				t.Errorf("%d %s %v, want %d", status, says, err, c.want)
			}
		})
	}
	if m := s.Messages.All(); len(m) != 0 {
		t.Errorf("%+v", m)
	}
}

func TestEachModeFailsInItsWay(t *testing.T) {
	s := open(t)
	control := httptest.NewServer(s.Handler())
	defer control.Close()
	for mode, want := range map[smsd.Mode]func(status int, says string, err error) bool{
		smsd.Rejects: func(status int, says string, _ error) bool {
			return status == 200 && strings.Contains(says, "rejected")
		},
		smsd.Refuses:  func(status int, _ string, _ error) bool { return status == 503 },
		smsd.Nonsense: func(status int, says string, _ error) bool { return status == 200 && strings.Contains(says, "<title>") },
		smsd.Endless:  func(status int, says string, _ error) bool { return status == 200 && len(says) == 1<<10 },
		smsd.Hangs:    func(_ int, _ string, err error) bool { return err != nil && strings.Contains(err.Error(), "Timeout") },
		smsd.Down:     func(_ int, _ string, err error) bool { return err != nil && strings.Contains(err.Error(), "EOF") },
	} {
		t.Run(string(mode), func(t *testing.T) {
			res, err := http.Post(control.URL+"/be", "application/json", strings.NewReader(`{"mode":"`+string(mode)+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if status, says, err := post(t, s, s.Token, "application/json", message); !want(status, says, err) {
				t.Errorf("%d %.80s %v", status, says, err)
			}
		})
	}
	if m := s.Messages.All(); len(m) != 0 {
		t.Errorf("kept meanwhile: %+v", m)
	}
	s.Be(smsd.Well)
	if status, _, err := post(t, s, s.Token, "application/json", message); err != nil || status != http.StatusOK {
		t.Errorf("%d %v", status, err)
	}
}
