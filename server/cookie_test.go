package server

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

func TestTheCookieIsForThisHostOnly(t *testing.T) {
	for _, public := range []string{"https://" + testHost, "http://localhost:8080"} {
		for _, remember := range []string{"true", "false"} {
			st := newStage(t, func(cfg *Config) { cfg.PublicURL = public })
			res := st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":`+remember+`}`, "Host", st.origin.host)
			if res.StatusCode != http.StatusOK {
				t.Fatal(bodyOf(t, res))
			}
			want := cookieName + "=" + goodCookie + "; Path=/"
			if remember == "true" {
				want += "; Max-Age=3600"
			}
			want += "; HttpOnly; Secure; SameSite=Strict"
			got := res.Header["Set-Cookie"]
			if remember == "true" { // the browser's own, on a device that is to be known again
				if own := regexp.MustCompile(`^` + browserCookie + `=[\w-]{43}; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict$`); len(got) != 2 || !own.MatchString(got[1]) {
					t.Fatalf("got %q", got)
				}
				got = got[:1]
			}
			if len(got) != 1 || got[0] != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if body := bodyOf(t, res); strings.Contains(body, goodCookie) {
				t.Error("the secret stands in the body")
			}
			if (remember == "true") != st.party.from.Remember {
				t.Error("remember is lost")
			}
		}
	}
}

func TestAnUnknownSessionsCookieIsTakenBack(t *testing.T) {
	st := newStage(t)
	res := st.ask("GET", "/api/me", "", "Cookie", cookieName+"="+strings.Repeat("x", 43))
	if got := res.Header.Get("Set-Cookie"); !strings.HasPrefix(got, cookieName+"=; Path=/; Max-Age=0") {
		t.Errorf("got %q", got)
	}
	if got := st.ask("GET", "/api/me", "").Header.Get("Set-Cookie"); got != "" {
		t.Errorf("nothing to take back: %q", got)
	}
}

// What was asked beside a sign-in, with the cookie of the session before it, may be
// answered behind it: the stream that ended with that session is asked for anew at once.
func TestALateAnswerTakesNoCookieBack(t *testing.T) {
	st := newStage(t)
	for _, r := range st.routes {
		if r.path == "/api/me" || r.path == "/api/forget" { // a page begins, or is to forget
			continue
		}
		res := st.ask(r.method, goodPath(r), goodBody(r), "Cookie", cookieName+"="+strings.Repeat("x", 43))
		for _, k := range res.Cookies() {
			if k.Name == cookieName && k.MaxAge < 0 {
				t.Errorf("%s %s takes it back", r.method, r.path)
			}
		}
	}
	res := st.ask("GET", "/api/me", "", "Cookie", cookieName+"="+strings.Repeat("x", 43), headerUnattended, "1")
	if got := res.Header.Get("Set-Cookie"); got != "" {
		t.Errorf("a page that asks by itself: %q", got)
	}
}

// A directory that fails right after the sign-in costs no second one.
func TestTheSessionOutlivesAFailingDirectory(t *testing.T) {
	st := newStage(t)
	st.rules.err = &ad.Error{Cause: ad.ErrUnavailable, Op: "read account"}
	res := st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":false}`)
	if len(res.Header["Set-Cookie"]) != 1 || res.Header.Get("Retry-After") != "5" {
		t.Errorf("headers %v", res.Header)
	}
	wantProblem(t, res, http.StatusServiceUnavailable, "directory.unavailable")
}

func TestARefusedSignInSetsNoCookie(t *testing.T) {
	st := newStage(t)
	st.party.err = enroll.ErrRefused
	res := st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":true}`)
	if res.Header.Get("Set-Cookie") != "" {
		t.Error("a cookie all the same")
	}
	wantProblem(t, res, http.StatusForbidden, "passkey.refused")
}

func TestForgetWorksWithAndWithoutASession(t *testing.T) {
	st := newStage(t)
	for i, cookie := range []string{"", cookieName + "=" + strings.Repeat("x", 43), cookieName + "=" + goodCookie} {
		res := st.ask("POST", "/api/forget", "{}", "Cookie", cookie)
		if res.StatusCode != http.StatusNoContent || res.Header.Get("Clear-Site-Data") != `"cache", "storage"` {
			t.Errorf("%q: %d %v", cookie, res.StatusCode, res.Header)
		}
		for _, name := range []string{cookieName, languageCookie} {
			gone := slices.ContainsFunc(res.Cookies(), func(k *http.Cookie) bool {
				return k.Name == name && k.Value == "" && k.MaxAge < 0 && k.Path == "/" && k.Secure && k.Domain == ""
			})
			if !gone || !strings.Contains(res.Header.Get("Set-Cookie"), "Max-Age=0") {
				t.Errorf("%q: %s stays: %v", cookie, name, res.Header["Set-Cookie"])
			}
		}
		if (st.party.ended == 1) != (i == 2) {
			t.Errorf("%q: ended %d", cookie, st.party.ended)
		}
	}
}
