package server

import (
	"net/http"
	"strings"
	"testing"
)

func TestOnlyOurOwnPageUsesTheAPI(t *testing.T) {
	own := "https://" + testHost
	for _, c := range []struct {
		name         string
		method       string
		site, origin string
		ok           bool
	}{
		{"our page", "POST", "same-origin", own, true},
		{"our page in a browser without Sec-Fetch", "POST", "", own, true},
		{"a program", "POST", "", "", true},
		{"another site", "POST", "cross-site", "https://evil.test", false},
		{"another site that hides its origin", "POST", "cross-site", "null", false},
		{"a sandboxed frame", "POST", "", "null", false},
		{"a neighbour", "POST", "same-site", "https://wiki.example.test", false},
		{"a neighbour in an old browser", "POST", "", "https://wiki.example.test", false},
		{"the same host without TLS", "POST", "", "http://" + testHost, false},
		{"the same host, another port", "POST", "", own + ":8443", false},
		{"same-origin claimed with another origin", "POST", "same-origin", "https://evil.test", false},
		{"a lying proxy", "POST", "none", own, false},
		{"an unknown site word", "POST", "sideways", own, false},
		{"our page reads", "GET", "same-origin", "", true},
		{"typed into the address bar", "GET", "none", "", true},
		{"another site reads", "GET", "cross-site", "", false},
		{"another site reads with CORS", "GET", "cross-site", "https://evil.test", false},
	} {
		st := newStage(t)
		for _, r := range st.routes {
			path := r.path
			if r.method != c.method || !strings.HasPrefix(path, "/api/") {
				continue
			}
			res := st.in(c.method, goodPath(r), goodBody(r), "Sec-Fetch-Site", c.site, "Origin", c.origin)
			if c.ok && res.StatusCode >= 300 {
				t.Errorf("%s, %s: %d", c.name, path, res.StatusCode)
			}
			if !c.ok {
				wantProblem(t, res, http.StatusForbidden, "request.cross-site")
				if st.limits.took > 0 || st.party.ended > 0 || len(st.seats.calls) > 0 || st.phones.got.Account != "" {
					t.Errorf("%s, %s: something happened", c.name, path)
				}
			}
			if res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: CORS is offered", c.name)
			}
		}
	}
}

func TestTwoOriginsAreNone(t *testing.T) {
	st := newStage(t)
	for _, h := range []string{"Origin", "Sec-Fetch-Site"} {
		value := map[string]string{"Origin": "https://" + testHost, "Sec-Fetch-Site": "same-origin"}[h]
		wantProblem(t, st.in("POST", "/api/forget", "{}", h, value, h, value), http.StatusForbidden, "request.cross-site")
	}
}

func TestBodiesAreJSONAndNothingElse(t *testing.T) {
	st := newStage(t)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-seq", "application/problem+json", "application/json; charset=utf-16", ";", ""} {
		res := st.in("POST", "/api/forget", "{}", "Content-Type", kind)
		if kind == "" {
			continue
		}
		if res.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d", kind, res.StatusCode)
		}
	}
	for _, encoding := range []string{"gzip", "br", "deflate", "identity"} {
		wantProblem(t, st.in("POST", "/api/forget", "{}", "Content-Encoding", encoding), http.StatusUnsupportedMediaType, "request.content-type")
	}
	if res := st.in("POST", "/api/forget", "{}", "Accept", "text/html"); res.StatusCode != http.StatusNoContent {
		t.Errorf("accept: %d", res.StatusCode)
	}
}
