package server

import (
	"errors"
	"net/http"
	"testing"
)

// A browser that several people use keeps nobody's session behind the next one's
// cookie.
func TestASignInEndsTheBrowsersPreviousSession(t *testing.T) {
	h := newHouse(t)
	p, q := h.phone(), h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	elsewhere := p.cookie
	p.cookie = ""
	p.signIn()
	first := p.cookie

	q.cookie = first // the next person at the same browser
	q.enrol(h.invitation(h.company.other), h.company.colleague.Password)
	if q.cookie == first {
		t.Fatal("no session of their own")
	}
	fetch[Me](q, "GET", "/api/me", nil)
	p.cookie = first
	wantProblem(t, p.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
	p.cookie = elsewhere
	fetch[Me](p, "GET", "/api/me", nil) // another browser's stays

	p.signIn()
	p.cookie = elsewhere
	wantProblem(t, p.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
}

func TestARefusedSignInEndsNothing(t *testing.T) {
	st := newStage(t)
	st.party.err = errors.New("refused")
	st.in("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":true}`)
	if st.party.ended != 0 {
		t.Errorf("%d sessions ended", st.party.ended)
	}
}

func TestAStoreThatFailsAtThePreviousSessionCostsNoSignIn(t *testing.T) {
	st := newStage(t)
	st.party.lookErr = errors.New("disk on fire")
	res := st.in("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":true}`)
	if res.StatusCode != http.StatusOK || res.Header.Get("Set-Cookie") == "" {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestRemovingTheirOwnPasskeySignsPeopleOutHere(t *testing.T) {
	h := newHouse(t)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	elsewhere := p.cookie
	p.cookie = ""
	p.signIn()
	here, mine := p.cookie, base64url(p.cred.ID)
	token, options := p.begin("/api/step-up/begin", fields{"purpose": "remove-passkey", "passkey": mine})
	proof := fetch[ProofID](p, "POST", "/api/step-up/finish", fields{"token": token, "credential": p.assert(options)}).Proof
	fetch[nothing](p, "POST", "/api/passkeys/"+mine+"/remove", fields{"proof": proof, "last": true})
	if p.cookie != "" {
		t.Error("the cookie stays")
	}
	for _, cookie := range []string{here, elsewhere} {
		p.cookie = cookie
		wantProblem(t, p.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
	}
}
