package faults

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

func TestOversizedAndForeignRequestsGetAProblem(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	lock(w, p)
	check := unchanged(t, w, p)
	token := strings.Repeat("A", 43)
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		body   string
		status int
		code   string
	}{
		{"body", nil, `{"token":"` + strings.Repeat("A", 70<<10) + `"}`, 413, "request.too-large"},
		{"header", func(r *http.Request) { r.Header.Set("X-Big", strings.Repeat("A", 20<<10)) }, "{}", 431, "request.headers"},
		{"address", func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a", 4<<10) }, "{}", 404, "route.unknown"},
		{"field", nil, `{"token":"` + strings.Repeat("A", 200) + `"}`, 422, "request.invalid"},
		{"unknown field", nil, `{"token":"` + token + `","x":1}`, 422, "request.invalid"},
		{"depth", nil, strings.Repeat("[", 5000), 400, "request.malformed"},
		{"twice", nil, `{"token":"a","token":"` + token + `"}`, 400, "request.malformed"},
		{"no UTF-8", nil, "{\"token\":\"\xff\xfe\"}", 400, "request.malformed"},
		{"no JSON", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "{}", 415, "request.content-type"},
		{"host", func(r *http.Request) { r.Host = "evil.example" }, "{}", 421, "host.unknown"},
		{"host and proxy", func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("X-Forwarded-Host", "localhost") }, "{}", 421, "host.unknown"},
		{"origin", func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, "{}", 403, "request.cross-site"},
		{"method", func(r *http.Request) { r.Method = "PUT" }, "{}", 405, "route.method"},
		{"path", func(r *http.Request) { r.URL.Path = "/api/enrol/%00" }, "{}", 404, "route.unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/api/enrol/open", strings.NewReader(c.body))
			world.Must(t, err)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Origin", w.URL)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if c.change != nil {
				c.change(r)
			}
			problem := send(t, r)
			refused(t, &problem, c.status, c.code)
		})
	}
	check()
	world.Must(t, p.Phone.SignIn(t.Context()))
}

// send returns the problem that a request gets, which quotes nothing of it.
func send(t *testing.T, r *http.Request) (problem phone.Problem) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	world.Must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	world.Must(t, err)
	if kind := res.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("answered with %q: %.200s", kind, text)
	}
	if strings.Contains(string(text), "evil") || strings.Contains(string(text), "AAAA") {
		t.Errorf("the answer quotes the request: %.200s", text)
	}
	if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Content-Security-Policy") == "" {
		t.Error("the answer has no headers of protection")
	}
	if err := json.Unmarshal(text, &problem); err != nil {
		t.Errorf("%.200s: %v", text, err)
	}
	if problem.Status == 0 {
		problem.Status = res.StatusCode
	}
	return problem
}
