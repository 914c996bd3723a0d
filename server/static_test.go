package server

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latchkey/latchkey/pwa"
)

func TestTheAppsOwnRoutesAnswerThePageAndNothingElseDoes(t *testing.T) {
	st := newStage(t)
	for _, path := range []string{"/", "/account", "/passkeys", "/enrol", "/help", "/about", "/password/reset", "/activity", "/request/r1", "/?source=pwa"} {
		for _, method := range []string{"GET", "HEAD"} {
			res := st.ask(method, path, "")
			body := bodyOf(t, res)
			if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || (method == "GET") != strings.Contains(body, "Latchkey") {
				t.Errorf("%s %s: %d %q", method, path, res.StatusCode, body)
			}
			if res.Header.Get("Cache-Control") != "no-cache" || res.Header.Get("Vary") != pageVary {
				t.Errorf("%s: %v", path, res.Header)
			}
		}
	}
	for _, path := range []string{"/admin", "/password", "/password/a/b", "/request", "/index.php", "/assets/", "/assets/app.js", "/.keep", "/index.html.br", "/assets/app-1a2b3c.js.gz", "/apis", "/pages/start.en.html"} {
		wantProblem(t, st.ask("GET", path, ""), http.StatusNotFound, "route.unknown")
	}
}

func TestWhoeverIsLostGetsTheAppWithA404(t *testing.T) {
	st := newStage(t)
	res := st.ask("GET", "/acount", "", "Accept", "text/html,application/xhtml+xml")
	if res.StatusCode != http.StatusNotFound || !strings.Contains(bodyOf(t, res), "Latchkey") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	wantProblem(t, st.ask("GET", "/api/nothing", "", "Accept", "text/html"), http.StatusNotFound, "route.unknown")
	wantProblem(t, st.ask("POST", "/acount", "{}", "Accept", "text/html"), http.StatusNotFound, "route.unknown")
}

// The app's own table of routes and ours say the same.
func TestEveryRouteOfTheAppIsServed(t *testing.T) {
	source, err := os.ReadFile("../pwa/src/app.tsx")
	if err != nil {
		t.Fatal(err)
	}
	st := newStage(t)
	found := regexp.MustCompile(`path: '(/[^']*)'`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 5 {
		t.Fatalf("only %d routes found", len(found))
	}
	for _, m := range found {
		if res := st.ask("GET", strings.ReplaceAll(m[1], ":", "x"), ""); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", m[1], res.StatusCode)
		}
	}
}

func TestFilesComeInTheBestEncodingThatIsTaken(t *testing.T) {
	st := newStage(t)
	tags := map[string]bool{}
	for accept, want := range map[string]string{
		"br, gzip": "br", "gzip, deflate, br": "br", "gzip": "gzip", "gzip;q=0.5": "gzip", "br;q=0, gzip": "gzip",
		"BR": "br", "": "", "identity": "", "br;q=0": "", "brr": "", "br;q=x": "", "*": "",
	} {
		res := st.ask("GET", "/assets/app-1a2b3c.js", "", "Accept-Encoding", accept)
		body := map[string]string{"br": "br-of-app", "gzip": "gz-of-app", "": "export {}"}[want]
		if res.Header.Get("Content-Encoding") != want || bodyOf(t, res) != body {
			t.Errorf("%q: %q", accept, res.Header.Get("Content-Encoding"))
		}
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%q: %v", accept, res.Header)
		}
		tag := res.Header.Get("ETag")
		tags[tag] = true
		for _, known := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			again := st.ask("GET", "/assets/app-1a2b3c.js", "", "Accept-Encoding", accept, "If-None-Match", known)
			if again.StatusCode != http.StatusNotModified || bodyOf(t, again) != "" || again.Header.Get("ETag") != tag {
				t.Errorf("%q, %s: %d", accept, known, again.StatusCode)
			}
		}
		if st.ask("GET", "/assets/app-1a2b3c.js", "", "If-None-Match", `"other"`).StatusCode != http.StatusOK {
			t.Error("another tag matches")
		}
	}
	if len(tags) != 3 {
		t.Errorf("%d tags for three encodings", len(tags))
	}
}

func TestOnlyHashedFilesAreKeptForever(t *testing.T) {
	st := newStage(t)
	for _, path := range []string{"/sw.js", "/manifest.webmanifest", "/index.html"} {
		if got := st.ask("GET", path, "").Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestWithoutABuildThePageSaysWhatToRun(t *testing.T) {
	st := newStage(t, func(cfg *Config) { cfg.Static = fstest.MapFS{".keep": {}} })
	res := st.ask("GET", "/", "")
	if res.StatusCode != http.StatusServiceUnavailable || bodyOf(t, res) != "The web app isn't built: run ./task build\n" {
		t.Errorf("%d", res.StatusCode)
	}
	if st.ask("GET", "/api/info", "").StatusCode != http.StatusOK {
		t.Error("the API needs no build")
	}
}

func TestTheEmbeddedBuildIsServed(t *testing.T) {
	newStage(t, func(cfg *Config) { cfg.Static = pwa.Files() })
}

func TestAFileNamedLikeAPatternIsRefused(t *testing.T) {
	for _, name := range []string{"a:b.js", "a*.js", "a b.js", "a%2e.js", "a?.js"} {
		cfg := newStage(t).cfg
		cfg.Static = fstest.MapFS{name: {}}
		if _, err := New(cfg); err == nil {
			t.Errorf("%q passes", name)
		}
	}
}

func TestOnlyPagesAndTheirWorkerMayLoadAnything(t *testing.T) {
	st := newStage(t)
	for path, want := range map[string]string{
		"/": "script-src 'self'", "/account": "script-src 'self'", "/nothing": "script-src 'self'", "/index.html": "script-src 'self'", "/sw.js": "connect-src 'self'",
		"/assets/app-1a2b3c.js": "", "/manifest.webmanifest": "", "/api/info": "", "/api/me": "", "/api/nothing": "",
	} {
		policy := st.ask("GET", path, "", "Accept", "text/html").Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "base-uri 'none'") {
			t.Errorf("%s: %q", path, policy)
		}
		if want == "" && policy != dataPolicy || !strings.Contains(policy, want) {
			t.Errorf("%s: %q", path, policy)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	st := newStage(t)
	h := st.ask("GET", "/", "").Header
	for name, want := range map[string]string{
		"Content-Security-Policy":      "require-trusted-types-for 'script'; trusted-types app-sw",
		"Permissions-Policy":           "publickey-credentials-get=(self)",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Strict-Transport-Security":    "max-age=63072000",
	} {
		if !strings.Contains(h.Get(name), want) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("Server") != "" {
		t.Errorf("%v", h)
	}
	local := newStage(t, func(cfg *Config) { cfg.PublicURL = "http://localhost:8080" })
	if local.ask("GET", "/", "", "Host", "localhost:8080").Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over http")
	}
}
