package faults

import (
	"testing"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

func TestAnAuthenticatorIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	other := w.Hire(minidc.User{Account: "other", Password: "Start-Value-001!"})
	for _, who := range []*world.Person{p, other} {
		link := w.Invite(who.Account)
		same := p.Phone.Clone()
		refused(t, same.Enrol(t.Context(), link, who.Password), 409, "passkey.already-registered")
		wantEvent(t, w.Export(), who.ID.String(), "passkey.refused", "passkey.already-registered")
		// The invitation was not used up by it.
		world.Must(t, w.NewPhone().Enrol(t.Context(), link, who.Password))
	}
	world.Must(t, p.Phone.SignIn(t.Context()))
}

func TestARegistrationIsForThisSiteAndThisUser(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	p := w.Hire(minidc.User{Account: "new", Password: "Start-Value-000!"})
	link, own := w.Invite(p.Account), w.NewPhone()
	grant, err := own.ProvePassword(t.Context(), link, p.Password)
	world.Must(t, err)

	own.Unverified = true
	refused(t, own.Register(t.Context(), link, grant, "Phone"), 403, "passkey.not-verified")
	own.Unverified, own.SignsFor = false, "https://latchkey.evil.example"
	refused(t, own.Register(t.Context(), link, grant, "Phone"), 403, "passkey.wrong-origin")
	own.SignsFor = ""
	body, err := own.Create(t.Context(), "/api/enrol/begin", phone.Fields{"token": phone.Token(link), "grant": grant}, phone.Fields{"name": "Phone", "remember": true})
	world.Must(t, err)
	world.Must(t, own.Call(t.Context(), "POST", "/api/enrol/finish", body, nil))
	refused(t, w.NewPhone().Call(t.Context(), "POST", "/api/enrol/finish", body, nil), 410, "ceremony.unknown")
}

const signInBegin, signInFinish = "/api/sign-in/begin", "/api/sign-in/finish"

func TestASignInIsForThisCeremonyThisSiteAndThisUser(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 2})
	p, other := w.People[0], w.People[1]
	lock(w, p)
	check := unchanged(t, w, p)
	remember := phone.Fields{"remember": true}
	finish := func(body phone.Fields) error {
		return w.NewPhone().Call(t.Context(), "POST", signInFinish, body, nil)
	}
	sign := func(from *phone.Phone) phone.Fields {
		body, err := from.Sign(t.Context(), signInBegin, remember)
		world.Must(t, err)
		return body
	}

	replayed := sign(p.Phone)
	world.Must(t, finish(replayed))
	refused(t, finish(replayed), 410, "ceremony.unknown")
	replayed["token"] = sign(p.Phone)["token"]
	refused(t, finish(replayed), 403, "passkey.refused")

	elsewhere := p.Phone.Clone()
	elsewhere.SignsFor = "https://latchkey.evil.example"
	refused(t, finish(sign(elsewhere)), 403, "passkey.wrong-origin")
	unverified := p.Phone.Clone()
	unverified.Unverified = true
	refused(t, finish(sign(unverified)), 403, "passkey.not-verified")
	refused(t, finish(sign(w.NewPhone())), 404, "passkey.unknown")

	// A step-up of one request proves no other one, and nobody else.
	world.Must(t, other.Phone.SignIn(t.Context()))
	first, err := other.Phone.Submit(t.Context(), "reset")
	world.Must(t, err)
	second, err := other.Phone.Submit(t.Context(), "one-time")
	world.Must(t, err)
	proof, err := other.Phone.Sign(t.Context(), "/api/requests/"+first.ID+"/proof/begin", nil)
	world.Must(t, err)
	refused(t, other.Phone.Call(t.Context(), "POST", "/api/requests/"+second.ID+"/proof/finish", proof, nil), 403, "proof.mismatch")
	_, err = other.Phone.Execute(t.Context(), second.ID, phone.Fields{})
	refused(t, err, 403, "proof.missing")
	refused(t, p.Phone.Call(t.Context(), "GET", "/api/requests/"+first.ID, nil, nil), 404, "request.unknown")
	check()

	log := w.Export()
	for _, code := range []string{"passkey.refused", "passkey.wrong-origin", "passkey.not-verified"} {
		wantEvent(t, log, p.ID.String(), "session.refused", code)
	}
}

func TestARemovedPasskeyOpensNothing(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	lost := w.NewPhone()
	world.Must(t, lost.Enrol(t.Context(), w.Invite(p.Account), p.Password))
	begun, err := lost.Sign(t.Context(), signInBegin, phone.Fields{"remember": true})
	world.Must(t, err)

	world.Must(t, p.Phone.SignIn(t.Context()))
	proof, err := p.Phone.StepUp(t.Context(), "remove-passkey", lost.CredentialID())
	world.Must(t, err)
	// The proof removes this passkey and no other.
	refused(t, p.Phone.Call(t.Context(), "POST", "/api/passkeys/"+p.Phone.CredentialID()+"/remove",
		phone.Fields{"proof": proof, "last": true}, nil), 403, "proof.mismatch")
	world.Must(t, p.Phone.Call(t.Context(), "POST", "/api/passkeys/"+lost.CredentialID()+"/remove",
		phone.Fields{"proof": proof, "last": false}, nil))

	lock(w, p)
	check := unchanged(t, w, p)
	refused(t, lost.Call(t.Context(), "POST", signInFinish, begun, nil), 404, "passkey.unknown")
	refused(t, lost.SignIn(t.Context()), 404, "passkey.unknown")
	// The session that the lost phone had is over, too.
	_, err = lost.Submit(t.Context(), "unlock")
	refused(t, err, 401, "session.unknown")
	check()
}

func TestAPersonWhoLeftGetsNowhere(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	lock(w, p)
	r := approved(t, p, "reset")
	begun, err := p.Phone.Sign(t.Context(), signInBegin, phone.Fields{"remember": true})
	world.Must(t, err)
	w.DC.Delete(p.DN)
	before := w.DC.Counters()

	gone := func(err error) { refused(t, err, 404, "directory.not-found") }
	gone(p.Phone.Call(t.Context(), "GET", "/api/me", nil, nil))
	_, err = p.Phone.Submit(t.Context(), "unlock")
	gone(err)
	_, err = p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Fresh-Value-001!"})
	gone(err)
	refused(t, p.Phone.Clone().Call(t.Context(), "POST", signInFinish, begun, nil), 403, "account.gone")
	// The refused sign-in ended every session of the person.
	refused(t, p.Phone.Call(t.Context(), "GET", "/api/me", nil, nil), 401, "session.unknown")
	if now := w.DC.Counters(); now.Modifies != before.Modifies {
		t.Error("the directory was written to")
	}
	wantEvent(t, w.Export(), p.ID.String(), "session.refused", "account.gone")
}
