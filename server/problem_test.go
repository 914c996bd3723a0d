package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/workflow"
)

func TestErrorsHaveStableAnswers(t *testing.T) {
	until := &workflow.Detailed{Cause: ad.ErrPasswordTooYoung, Params: map[string]string{"until": "2026-11-25T00:00:00Z"}}
	refused := &workflow.PasswordRefused{Findings: []password.Finding{{Code: "length"}, {Code: "classes", OK: true}, {Code: "banned"}}}
	directory := &ad.Error{Cause: ad.ErrPasswordHistory, Op: "reset password", Diagnostic: "0000052D: …"}
	for _, c := range []struct {
		err    error
		status int
		code   string
		params map[string]string
	}{
		{enroll.ErrInvitationUsed, http.StatusGone, "invitation.used", nil},
		{fmt.Errorf("finish sign-in: %w", enroll.ErrNotVerified), http.StatusForbidden, "passkey.not-verified", nil},
		{directory, http.StatusUnprocessableEntity, "password.history", map[string]string{"diagnostic": "0000052D: …"}},
		{fmt.Errorf("execute: %w", until), http.StatusConflict, "password.too-young", map[string]string{"until": "2026-11-25T00:00:00Z"}},
		{refused, http.StatusUnprocessableEntity, "password.rules", map[string]string{"rules": "length,banned"}},
		{workflow.ErrExpired, http.StatusConflict, "request.expired", nil},
		{workflow.ErrNotAllowed, http.StatusForbidden, "policy.not-allowed", nil},
		{&ad.Error{Cause: ad.ErrUnavailable, Op: "read account", Err: errors.New("dial tcp 10.1.2.3:636")}, http.StatusServiceUnavailable, "directory.unavailable", nil},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, "server.busy", nil},
		{errors.New("database is locked"), http.StatusInternalServerError, "internal", nil},
	} {
		st := newStage(t)
		st.rules.err = c.err
		p := wantProblem(t, st.in("POST", "/api/requests/r1/execute", `{"password":"x"}`), c.status, c.code)
		if c.params == nil {
			c.params = map[string]string{}
		}
		c.params["request"], c.params["triesLeft"] = "r1", "3"
		if fmt.Sprint(p.Params) != fmt.Sprint(c.params) {
			t.Errorf("%v: params %v, want %v", c.err, p.Params, c.params)
		}
		if p.Detail != "" || strings.Contains(fmt.Sprint(p), "10.1.2.3") || strings.Contains(fmt.Sprint(p), "locked") {
			t.Errorf("%v tells too much: %+v", c.err, p)
		}
		if log := st.logged.String(); !strings.Contains(log, p.Instance) || !strings.Contains(log, "cause=") {
			t.Errorf("%v: the log lacks id or cause: %s", c.err, log)
		}
	}
}

// Before a proof nothing of the directory is told, not even to whoever holds an
// invitation.
func TestDiagnosticsAreForTheSignedIn(t *testing.T) {
	st := newStage(t)
	st.party.err = &ad.Error{Cause: ad.ErrWrongPassword, Op: "check password", Controller: "dc1", Diagnostic: "data 52e"}
	p := wantProblem(t, st.ask("POST", "/api/enrol/password", `{"token":"t","password":"x"}`), http.StatusUnprocessableEntity, "bind.wrong-password")
	if p.Params != nil {
		t.Errorf("params %v", p.Params)
	}
}

func TestEverySentinelOfEnrollHasARow(t *testing.T) {
	known := map[string]bool{}
	for _, c := range causes {
		known[c.code] = true
	}
	files, err := filepath.Glob("../enroll/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources", err)
	}
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b(Err[A-Z]\w*)\s*=\s*errors\.New\("([^"]+)"\)`).FindAllStringSubmatch(string(text), -1) {
			found++
			if !known[m[2]] {
				t.Errorf("%s (%s) has no row in causes.go", m[1], m[2])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d sentinels found", found)
	}
}

const canary = "Canary-9f3b-Passw0rd"

// Whatever is sent where, it comes back in no answer and stands in no log.
func TestNothingThatWasSentIsEchoedOrLogged(t *testing.T) {
	st := newStage(t)
	for _, r := range st.routes {
		path, cookie := goodPath(r), cookieName+"="+goodCookie
		var answers []*http.Response
		add := func(method, target, body string, headers ...string) {
			answers = append(answers, st.ask(method, target, body, append(headers, "Cookie", cookie)...))
		}
		if r.method == http.MethodPost || r.method == http.MethodPatch {
			add(r.method, path, `{"`+canary+`":1}`)
			add(r.method, path, `"`+canary+`"`)
			add(r.method, path, `{"password":"`+canary)
			add(r.method, path, canary)
			add(r.method, path, `{"kind":"`+canary+`","purpose":"`+canary+`"}`)
			add(r.method, path, `{"password":["`+canary+`"],"token":{"`+canary+`":1},"name":["`+canary+`"],"last":"`+canary+`"}`)
			add(r.method, path, strings.Replace(goodBody(r), "{", `{"password":"`+strings.Repeat(canary, 100)+`",`, 1))
			add(r.method, path, strings.ReplaceAll(goodBody(r), `"t"`, `"`+strings.Repeat(canary, 20)+`"`))
			add(r.method, path, `{"x":"`+strings.Repeat(canary, 3000)+`"}`)
			add(r.method, path, goodBody(r), "Content-Type", "text/"+canary)
		}
		add(r.method, path+"?"+canary+"="+canary, goodBody(r))
		add(r.method, path+"/"+canary, goodBody(r))
		add(canary, path, goodBody(r))
		add(r.method, path, goodBody(r), "X-Forwarded-For", canary, "Origin", "https://"+canary)
		add(r.method, path, goodBody(r), "Host", canary+".test")
		cookie = cookieName + "=" + canary
		add(r.method, path, goodBody(r))
		for _, res := range answers {
			if all := fmt.Sprint(res.Header) + bodyOf(t, res); strings.Contains(all, canary) || strings.Contains(all, strings.ToLower(canary)) {
				t.Errorf("%s %s echoes: %s", r.method, path, all)
			}
		}
	}
	if log := st.logged.String(); strings.Contains(log, canary) || log == "" {
		i := strings.Index(log, canary)
		t.Errorf("the log holds it: …%s…", log[max(0, i-200):min(len(log), i+100)])
	}
}

func TestAnInvalidRequestNamesTheRule(t *testing.T) {
	st := newStage(t)
	for body, want := range map[string]string{
		`{}`:                      "expected required property kind to be present",
		`{"kind":"unlock","x":1}`: "unexpected property",
		`{"kind":"delete"}`:       `expected value to be one of "unlock, reset, change, one-time, enrol"`,
		`{"kind":1}`:              "expected string",
	} {
		p := wantProblem(t, st.in("POST", "/api/requests", body), http.StatusUnprocessableEntity, "request.invalid")
		if p.Detail != want {
			t.Errorf("%s: %q", body, p.Detail)
		}
	}
	wantProblem(t, st.in("GET", "/api/me?verbose=1", ""), http.StatusUnprocessableEntity, "request.invalid")
}

func TestAPanicIsAnInternalProblem(t *testing.T) {
	st := newStage(t)
	st.rules.hook = func(context.Context) { panic("boom " + canary) }
	res := st.in("POST", "/api/requests/r1/execute", `{"password":"x"}`)
	wantProblem(t, res, http.StatusInternalServerError, "internal")
	if !strings.Contains(st.logged.String(), "boom") {
		t.Error("the panic is not in the log")
	}
	if res := st.in("GET", "/api/me", ""); res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
}

// fullDisk is what a store may answer to anything.
type fullDisk struct{}

func (fullDisk) Error() string    { return "store.full" }
func (fullDisk) StoreFault() bool { return true }

func TestAStoreThatTakesNothingIsNoFaultOfTheServer(t *testing.T) {
	st := newStage(t)
	st.limits.err = fmt.Errorf("record: %w", fullDisk{})
	p := wantProblem(t, st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{}}`), http.StatusServiceUnavailable, "store.unavailable")
	if p.RetryAfter == 0 || strings.Contains(fmt.Sprint(p), "full") {
		t.Errorf("told %+v", p)
	}
	if !strings.Contains(st.logged.String(), "store.full") {
		t.Error("the log lacks the cause")
	}
}

func TestAFailingStoreDenies(t *testing.T) {
	st := newStage(t)
	st.party.lookErr = errors.New("disk I/O error")
	wantProblem(t, st.in("GET", "/api/me", ""), http.StatusInternalServerError, "internal")
	st.party.lookErr = nil
	st.limits.err = errors.New("disk I/O error")
	wantProblem(t, st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{}}`), http.StatusInternalServerError, "internal")
	wantProblem(t, st.in("POST", "/api/requests/r1/execute", `{"password":"x"}`), http.StatusInternalServerError, "internal")
}

// A request of somebody else and one that does not exist are the same answer, as
// are all cookies that open nothing.
func TestUnknownThingsLookAlike(t *testing.T) {
	st := newStage(t)
	same := func(name string, answers ...*http.Response) {
		t.Helper()
		first := ""
		for _, res := range answers {
			text := regexp.MustCompile(`"instance":"[a-z2-7]{10}"`).ReplaceAllString(bodyOf(t, res), "") +
				fmt.Sprint(res.StatusCode, res.Header["Content-Type"], res.Header["Set-Cookie"])
			if first == "" {
				first = text
			}
			if text != first {
				t.Errorf("%s differ:\n%s\n%s", name, first, text)
			}
		}
	}
	same("requests", st.in("GET", "/api/requests/r2", ""), st.in("GET", "/api/requests/"+strings.Repeat("a", 36), ""),
		st.in("GET", "/api/requests/0192f0c0-0000-7000-8000-000000000000", ""))
	same("passkeys", st.in("POST", "/api/passkeys/AAAA/remove", `{"proof":"p","last":"x"}`), st.in("POST", "/api/passkeys/BBBB/remove", `{"proof":"p","last":"x"}`))
	same("cookies", st.ask("GET", "/api/me", "", "Cookie", cookieName+"="+strings.Repeat("x", 43)),
		st.ask("GET", "/api/me", "", "Cookie", cookieName+"="+strings.Repeat("y", 43)), st.ask("GET", "/api/me", "", "Cookie", cookieName+"=short"))
	st.party.err = enroll.ErrNoInvitation
	same("invitations", st.ask("POST", "/api/enrol/open", `{"token":"a"}`), st.ask("POST", "/api/enrol/open", `{"token":"`+strings.Repeat("b", 43)+`"}`))
}

func TestTheAccessLogHoldsPatternsAndNoValues(t *testing.T) {
	st := newStage(t)
	st.in("GET", "/api/requests/r1", "", "User-Agent", "Agent-"+canary)
	log := st.logged.String()
	for _, want := range []string{"msg=request", "method=GET", "route=/api/requests/{id}", "status=200", "ms=", "id=", "client=0.0.0.0"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	if strings.Contains(log, "r1") && strings.Contains(log, "/api/requests/r1") || strings.Contains(log, goodCookie) || strings.Contains(log, canary) {
		t.Error(log)
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	for wait, want := range map[time.Duration]int{time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := retryAfter(fmt.Errorf("x: %w", limited{wait})); got != want {
			t.Errorf("%v: %d", wait, got)
		}
	}
}
