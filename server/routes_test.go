package server

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// bodies are good bodies by path; {} where none is named.
var bodies = map[string]string{
	"/api/sign-in/finish":               `{"token":"t","credential":{},"remember":true}`,
	"/api/sign-out":                     `{"everywhere":false}`,
	"/api/requests":                     `{"kind":"unlock"}`,
	"/api/requests/{id}/proof/finish":   `{"token":"t","credential":{}}`,
	"/api/requests/{id}/password/check": `{"password":"x"}`,
	"/api/enrol/open":                   `{"token":"t"}`,
	"/api/enrol/password":               `{"token":"t","password":"x"}`,
	"/api/enrol/begin":                  `{"token":"t","grant":""}`,
	"/api/enrol/finish":                 `{"token":"t","name":"Phone","credential":{},"remember":false}`,
	"/api/step-up/begin":                `{"purpose":"add-passkey"}`,
	"/api/step-up/finish":               `{"token":"t","credential":{}}`,
	"/api/passkeys/begin":               `{"proof":"p"}`,
	"/api/passkeys/finish":              `{"token":"t","name":"Phone","credential":{}}`,
	"/api/passkeys/invite":              `{"proof":"p"}`,
	"/api/proofs/recovery-codes":        `{"proof":"p"}`,
	"/api/proofs/totp/begin":            `{"proof":"p"}`,
	"/api/proofs/pin":                   `{"proof":"p","pin":"739201"}`,
	"/api/proofs/questions":             `{"proof":"p","answers":[{"id":"pet","value":"Rex the dog"}]}`,
	"/api/proofs/address/begin":         `{"proof":"p","kind":"mail-code","address":"a@corp.example.test"}`,
	"/api/proofs/address/finish":        `{"token":"t","code":"12345678"}`,
	"/api/requests/{id}/ask":            `{"kinds":["mail-code"]}`,
	"/api/requests/{id}/answers":        `{"token":"t","proofs":[{"kind":"pin","value":"739201"}]}`,
	"/api/recover/send":                 `{"token":"t","kind":"mail-code"}`,
	"/api/proofs/totp/finish":           `{"token":"t","code":"123456"}`,
	"/api/proofs/remove":                `{"proof":"p","kind":"totp"}`,
	"/api/recover/begin":                `{"name":"dana","kind":"unlock"}`,
	"/api/recover/ask":                  `{"token":"t","proofs":[]}`,
	"/api/recover/wait":                 `{"token":"t"}`,
	"/api/recover/stop":                 `{"token":"t"}`,
	"/api/recover/finish":               `{"token":"t","proofs":[{"kind":"recovery-code","value":"123456"}]}`,
	"/api/requests/{id}/passkey/finish": `{"token":"t","name":"n","credential":{},"removeOthers":true}`,
	"/api/passkeys/{id}":                `{"name":"Phone"}`,
	"/api/passkeys/{id}/remove":         `{"proof":"p","last":false}`,
	"/api/reviews/{id}/approve/begin":   `{"number":"47"}`,
	"/api/reviews/{id}/approve/finish":  `{"token":"t","credential":{}}`,
	"/api/reviews/{id}/deny":            `{"chip":"not-asked","reason":""}`,
	"/api/reviews/{id}/freeze/finish":   `{"token":"t","credential":{}}`,
	"/api/freeze/thaw/finish":           `{"token":"t","credential":{}}`,
	"/api/thaws/{account}/finish":       `{"token":"t","credential":{}}`,
	"/api/freeze/notice":                `{"token":"t"}`,
	"/api/devices":                      `{"endpoint":"https://push.example.test/x","p256dh":"AAAA","auth":"AAAA"}`,
}

func goodBody(r route) string {
	if r.method == http.MethodGet || r.method == http.MethodHead {
		return ""
	}
	if b, ok := bodies[r.path]; ok {
		return b
	}
	return "{}"
}

func goodPath(r route) string {
	id := "r1"
	if strings.HasPrefix(r.path, "/api/passkeys") {
		id = base64url(someone)
	}
	return strings.NewReplacer("{id}", id, "{kind}", "reset", "{account}", alice.String()).Replace(r.path)
}

var styleHash = regexp.MustCompile(` 'sha256-[A-Za-z0-9+/=]{44}'`)

func TestEveryRouteAnswersASession(t *testing.T) {
	st := newStage(t)
	for _, r := range st.routes {
		res := st.in(r.method, goodPath(r), goodBody(r))
		if res.StatusCode >= 300 {
			t.Errorf("%s %s: %d %s", r.method, r.path, res.StatusCode, bodyOf(t, res))
		}
		policy := styleHash.ReplaceAllString(res.Header.Get("Content-Security-Policy"), "") // of a document
		want := dataPolicy
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || r.path == "/sw.js" {
			want = contentPolicy
		}
		if policy != want || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: no security headers", r.method, r.path)
		}
		if strings.HasPrefix(r.path, "/api") && res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: cacheable", r.method, r.path)
		}
	}
}

func TestAnonymousIsRefusedOnEveryRouteThatIsNotPublic(t *testing.T) {
	open := map[string]bool{}
	for _, p := range []string{
		"GET /healthz", "GET /readyz", "GET /api/openapi.json", "GET /api/info",
		"POST /api/sign-in/begin", "POST /api/sign-in/finish", "POST /api/forget",
		"POST /api/enrol/open", "POST /api/enrol/password", "POST /api/enrol/begin", "POST /api/enrol/finish",
		"POST /api/recover/begin", "POST /api/recover/finish", "POST /api/recover/send", "POST /api/recover/ask", "POST /api/recover/wait",
		"POST /api/recover/stop",
		"POST /api/freeze/notice",
	} {
		open[p] = true
	}
	st := newStage(t)
	for _, r := range st.routes {
		if open[r.method+" "+r.path] || !strings.HasPrefix(r.path, "/api") {
			continue
		}
		for _, cookie := range []string{"", cookieName + "=" + strings.Repeat("x", 43), "latchkey=" + goodCookie, cookieName + "=" + goodCookie + "x"} {
			wantProblem(t, st.ask(r.method, goodPath(r), goodBody(r), "Cookie", cookie), http.StatusUnauthorized, "session.unknown")
		}
	}
}

func TestFilesAndHealthAreTheOnlyRoutesOutsideTheAPI(t *testing.T) {
	for _, r := range newStage(t).routes {
		if r.guard == asset && (strings.HasPrefix(r.path, "/api") || (r.method != http.MethodGet && r.method != http.MethodHead)) {
			t.Errorf("%s %s is guarded like a file", r.method, r.path)
		}
	}
}

func TestARowWithoutAGuardIsRefused(t *testing.T) {
	st := newStage(t)
	rows := []route{{method: get, path: "/api/open", mount: plainly(st.health)}}
	if err := st.mountAll(rows); !errors.Is(err, errNoGuard) {
		t.Errorf("got %v", err)
	}
}

func TestTheRouterHoldsNothingButTheTable(t *testing.T) {
	st := newStage(t)
	rows := map[string]bool{}
	for _, r := range st.routes {
		rows[r.method+" "+fiberPath(r.path)] = true
	}
	for _, r := range st.App().GetRoutes() {
		if !rows[r.Method+" "+r.Path] {
			t.Errorf("%s %s is not in the table", r.Method, r.Path)
		}
	}
}

// Each way to write a path other than the table's is not found (or not allowed, where it
// names something by id), with and without a session.
func TestPathTricksAreNotFound(t *testing.T) {
	st := newStage(t)
	for _, r := range st.routes {
		path := goodPath(r)
		if path == "/" {
			continue
		}
		last := strings.LastIndex(path, "/")
		tricks := []string{
			"/" + path, path[:last] + "/" + path[last:], path[:last] + "/." + path[last:], path + "/..", path + "/",
			"/x/.." + path, path + ";x", path + "%00", path + "%20", path + ".", path + "%2f",
			path[:last] + "%2f" + path[last+1:], path[:last] + "/%2e" + path[last:], "/%2e%2e" + path,
			path[:last+1] + "%" + "61" + path[last+1:], path + "#", path + "*",
			strings.ToUpper(path),
		}
		for _, trick := range tricks {
			if !strings.HasPrefix(trick, "/") {
				continue // fasthttp refuses it by itself: connection_test.go
			}
			if (strings.Contains(r.path, "{") || r.guard == asset) && (trick == path+"." || trick == strings.ToUpper(path)) {
				continue // an id of its own
			}
			for _, cookie := range []string{"", cookieName + "=" + goodCookie} {
				res := st.ask(r.method, trick, goodBody(r), "Cookie", cookie)
				if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusMethodNotAllowed {
					t.Errorf("%s %s: %d", r.method, trick, res.StatusCode)
				}
			}
		}
	}
}

func TestMethodOverridesAreIgnored(t *testing.T) {
	st := newStage(t)
	read := map[string]bool{}
	for _, r := range st.routes {
		read[r.path] = read[r.path] || r.method == http.MethodGet
	}
	for _, r := range st.routes {
		if r.method != http.MethodPost || read[r.path] {
			continue
		}
		for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			res := st.in(http.MethodGet, goodPath(r), "", header, "POST")
			if res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s with %s: %d", r.path, header, res.StatusCode)
			}
		}
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	st := newStage(t)
	for _, method := range []string{"PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"} {
		wantProblem(t, st.ask(method, "/api/me", ""), http.StatusMethodNotAllowed, "route.method")
	}
	if got := st.ask("PUT", "/api/me", "").Header.Get("Allow"); got != "GET" {
		t.Errorf("Allow: %q", got)
	}
	wantProblem(t, st.ask("GET", "/api/nothing", ""), http.StatusNotFound, "route.unknown")
	wantProblem(t, st.ask("GET", "/nothing", ""), http.StatusNotFound, "route.unknown")
}

func TestUnknownHostsAreMisdirected(t *testing.T) {
	for _, c := range []struct {
		public, host string
		ok           bool
	}{
		{"https://unlock.example.test", "unlock.example.test", true},
		{"https://unlock.example.test", "UNLOCK.example.test", true},
		{"https://unlock.example.test", "unlock.example.test:443", true},
		{"https://unlock.example.test", "unlock.example.test:80", false},
		{"https://unlock.example.test", "unlock.example.test.", false},
		{"https://unlock.example.test", "evil.test", false},
		{"https://unlock.example.test", "unlock.example.test.evil.test", false},
		{"https://unlock.example.test", "evil.test@unlock.example.test", false},
		{"https://unlock.example.test", "localhost", false},
		{"https://unlock.example.test", "127.0.0.1", false},
		{"https://unlock.example.test:8443/", "unlock.example.test:8443", true},
		{"https://unlock.example.test:8443/", "unlock.example.test", false},
		{"http://localhost:8080", "localhost:8080", true},
		{"http://localhost:8080", "127.0.0.1:8080", false},
		{"http://localhost:8080", "localhost", false},
	} {
		st := newStage(t, func(cfg *Config) { cfg.PublicURL = c.public })
		for _, path := range []string{"/", "/api/info", "/api/me", "/assets/app-1a2b3c.js", "/nothing", "/%2e", "/a//b"} {
			res := st.ask("GET", path, "", "Host", c.host, "Accept", "text/html", "X-Forwarded-Host", st.origin.host, "X-Forwarded-Proto", "https")
			if got := res.StatusCode != http.StatusMisdirectedRequest && res.StatusCode != http.StatusBadRequest; got != c.ok {
				t.Errorf("%s at %s, %s: %d", c.host, c.public, path, res.StatusCode)
			}
		}
		if res := st.ask("GET", pathHealth, "", "Host", c.host); res.StatusCode != http.StatusOK && !strings.Contains(c.host, "@") {
			t.Errorf("health at %s: %d", c.host, res.StatusCode)
		}
	}
}

func TestPublicURLsThatBrowsersWouldRefuseAreRefused(t *testing.T) {
	for _, public := range []string{
		"", "unlock.example.test", "http://unlock.example.test", "https://", "https://a.test/path", "https://a.test?x",
		"https://user@a.test", "ftp://a.test", "http://127.0.0.1:8080", "https://a.test#x", "http://localhost.evil.test",
	} {
		if _, err := parseOrigin(public); err == nil {
			t.Errorf("%q passes", public)
		}
	}
}

func TestConfigNamesEverythingThatIsMissing(t *testing.T) {
	_, err := New(Config{})
	for _, name := range []string{"RPID", "Passkeys", "Requests", "Log", "Limits", "Reviews", "Photos", "Devices", "Ready", "Static"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestForwardedHostNeverReachesALink(t *testing.T) {
	st := newStage(t)
	for _, header := range []string{"X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host", "X-Forwarded-Server"} {
		res := st.ask("POST", "/api/enrol/open", `{"token":"t"}`, header, "evil.example", "X-Forwarded-Proto", "http")
		body := bodyOf(t, res)
		if strings.Contains(body, "evil") || !strings.Contains(body, `"link":"https://unlock.example.test/enrol#t"`) {
			t.Errorf("%s: %s", header, body)
		}
	}
}
