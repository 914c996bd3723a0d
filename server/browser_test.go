package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// A browser names itself by a cookie that no script reads, made where somebody signs in
// as on a device of their own, and becomes known a day later.
func TestABrowserBecomesKnownThroughTheEdge(t *testing.T) {
	h := newHouse(t)
	yes := true
	act := map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}}}
	h.engine.SetPolicy(workflow.Policy{Hash: "n", Rules: []workflow.Rule{
		{Name: "new", Who: workflow.Condition{NewDevice: &yes}, Acts: map[workflow.Kind]workflow.Act{}},
		{Name: "known", Who: workflow.Condition{Everyone: true}, Acts: act},
	}})
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	if p.browser != "" {
		t.Error("enrolling named the browser")
	}
	token, options := p.begin("/api/sign-in/begin", fields{})
	fetch[Me](p, "POST", "/api/sign-in/finish", fields{"token": token, "credential": p.assert(options), "remember": false})
	if p.browser != "" {
		t.Error("somebody else's device was named")
	}
	token, options = p.begin("/api/sign-in/begin", fields{})
	res := p.call("POST", "/api/sign-in/finish", fields{"token": token, "credential": p.assert(options), "remember": true})
	set := ""
	for _, line := range res.Header.Values("Set-Cookie") {
		if strings.HasPrefix(line, browserCookie+"=") {
			set = line
		}
	}
	for _, want := range []string{"HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=34560000"} {
		if !strings.Contains(set, want) {
			t.Errorf("%q lacks %s", set, want)
		}
	}
	first := p.browser
	if p.signIn(); p.browser != first {
		t.Error("the browser got another name")
	}
	wantProblem(t, p.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "policy.not-allowed")

	// As if the sign-in had been a day ago.
	hash := sha256.Sum256([]byte(first))
	at := time.Now().Add(-25 * time.Hour)
	session := enroll.Session{ID: "old", Account: h.company.person, Credential: p.cred.ID, SignedIn: at, LastSeen: at, Expires: at, Browser: hex.EncodeToString(hash[:])}
	for _, browser := range []string{"", strings.Repeat("A", 43), "no cookie of ours"} {
		other := h.phone()
		other.cookie, other.browser = p.cookie, browser
		wantProblem(t, other.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "policy.not-allowed")
	}
	if err := h.store.EndSessions(t.Context(), h.company.person, "", enroll.Withdrawal{}); err != nil { // and nothing is known any more
		t.Fatal(err)
	}
	if err := h.store.AddSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	p.signIn()
	if r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"}); r.State != "draft" {
		t.Errorf("from a known browser: %+v", r)
	}
	if me := fetch[Me](p, "GET", "/api/me", nil); len(me.Options) != 1 {
		t.Errorf("options %+v", me.Options)
	}
	fetch[nothing](p, "POST", "/api/sign-out", fields{"everywhere": true})
	if me := p.signIn(); len(me.Options) != 0 {
		t.Errorf("signed out everywhere, and the browser is still known: %+v", me.Options)
	}
}
