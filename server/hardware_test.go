package server

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/enroll/enrolltest"
	"github.com/latchkey/latchkey/workflow"
)

func decoded[T any](t *testing.T, text string) *T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

// hardwareOnly is a house whose people need hardware keys of one maker.
func hardwareOnly(t *testing.T) (*house, *enrolltest.Maker) {
	t.Helper()
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		for kind := range acts {
			acts[kind] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofHardwareKey}}}
		}
	})
	maker := enrolltest.NewMaker(t, time.Now().Add(10*365*24*time.Hour))
	h.takes(maker)
	return h, maker
}

// takes lets keys of a maker count as hardware keys, of these models or all.
func (h *house) takes(maker *enrolltest.Maker, models ...string) {
	h.t.Helper()
	h.takesAll(maker, false, models)
}

func (h *house) takesAll(maker *enrolltest.Maker, computers bool, models []string) {
	h.t.Helper()
	keys, err := enroll.NewHardwareKeys([]*x509.Certificate{maker.Root}, models, computers)
	if err != nil {
		h.t.Fatal(err)
	}
	s := everyProof()
	s.Hardware = keys
	if err := h.passkeys.Set(enroll.Settings{Proofs: s}); err != nil {
		h.t.Fatal(err)
	}
}

func TestAComputersOwnChipThroughTheEdge(t *testing.T) {
	h, maker := hardwareOnly(t)
	p := h.phone()
	p.key = maker.Computer(uuid.New())
	link := h.invitation(h.company.person)
	grant := fetch[Grant](p, "POST", "/api/enrol/password", fields{"token": link, "password": h.company.who.Password})
	begin := func() (token, options string) {
		return p.begin("/api/enrol/begin", fields{"token": link, "grant": grant.Grant})
	}
	finish := func(token string, options string) *http.Response {
		return p.call("POST", "/api/enrol/finish", fields{"token": token, "name": "Computer", "credential": p.create(options), "remember": true})
	}
	wantProblem(t, finish(begin()), http.StatusUnprocessableEntity, "passkey.not-hardware")
	h.takesAll(maker, true, []string{uuid.NewString()})
	token, options := begin()
	if hints := decoded[struct {
		PublicKey struct{ Hints []string }
	}](t, options).PublicKey.Hints; !slices.Equal(hints, []string{"security-key", "client-device"}) {
		t.Errorf("hints %q", hints)
	}
	if res := finish(token, options); res.StatusCode != http.StatusOK {
		t.Fatalf("enrol: %d", res.StatusCode)
	}
	if own := fetch[passkeyList](p, "GET", "/api/passkeys", nil).Passkeys; len(own) != 1 || !own[0].Hardware || !own[0].Computer {
		t.Errorf("passkeys %+v", own)
	}
	h.company.lock()
	p.signIn()
	if r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "unlock"}); r.State != "done" {
		t.Errorf("unlock %+v", r)
	}
	h.takes(maker)
	if own := fetch[passkeyList](p, "GET", "/api/passkeys", nil).Passkeys; own[0].Hardware || own[0].Computer {
		t.Errorf("a computer that is not taken any more is shown as %+v", own[0])
	}
}

func TestASecurityKeyThroughTheEdge(t *testing.T) {
	h, maker := hardwareOnly(t)
	p := h.phone()
	link := h.invitation(h.company.person)
	grant := fetch[Grant](p, "POST", "/api/enrol/password", fields{"token": link, "password": h.company.who.Password})
	token, options := p.begin("/api/enrol/begin", fields{"token": link, "grant": grant.Grant})
	wantProblem(t, p.call("POST", "/api/enrol/finish", fields{"token": token, "name": "Phone", "credential": p.create(options), "remember": true}),
		http.StatusUnprocessableEntity, "passkey.not-hardware")

	model := uuid.New()
	p.key = maker.Key(model)
	token, options = p.begin("/api/enrol/begin", fields{"token": link, "grant": grant.Grant}) // the link is as good as before
	if asks := decoded[struct {
		PublicKey struct {
			Attestation string
			Hints       []string
		}
	}](t, options); asks.PublicKey.Attestation != "direct" || !slices.Equal(asks.PublicKey.Hints, []string{"security-key"}) {
		t.Errorf("options %+v", asks)
	}
	fetch[Me](p, "POST", "/api/enrol/finish", fields{"token": token, "name": "Key", "credential": p.create(options), "remember": true})
	if own := fetch[passkeyList](p, "GET", "/api/passkeys", nil).Passkeys; len(own) != 1 || !own[0].Hardware {
		t.Errorf("passkeys %+v", own)
	}

	h.company.lock()
	p.signIn()
	if r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "unlock"}); r.State != "done" {
		t.Fatalf("unlock %+v", r)
	}
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	if r.State != "draft" || !slices.Equal(r.Needs, []string{"hardware-key"}) {
		t.Fatalf("reset %+v", r)
	}
	prove := func() *http.Response {
		token, options := p.begin("/api/requests/"+r.ID+"/proof/begin", fields{})
		return p.call("POST", "/api/requests/"+r.ID+"/proof/finish", fields{"token": token, "credential": p.assert(options)})
	}
	h.takes(maker, uuid.NewString()) // another model than this one
	wantProblem(t, prove(), http.StatusUnprocessableEntity, "proof.not-hardware")
	if own := fetch[passkeyList](p, "GET", "/api/passkeys", nil).Passkeys; own[0].Hardware {
		t.Errorf("a model that was taken out is shown as %+v", own[0])
	}
	h.takes(maker, model.String())
	if res := prove(); res.StatusCode != http.StatusOK {
		t.Fatalf("prove: %d", res.StatusCode)
	}
	r = fetch[Executed](p, "POST", "/api/requests/"+r.ID+"/execute", fields{"password": "Harbour-Violet-92"}).Request
	if r.State != "done" {
		t.Errorf("reset %+v", r)
	}

	// Another passkey beside it is refused, and nothing of it stays.
	token, options = p.begin("/api/step-up/begin", fields{"purpose": "add-passkey"})
	proof := fetch[ProofID](p, "POST", "/api/step-up/finish", fields{"token": token, "credential": p.assert(options)}).Proof
	token, options = p.begin("/api/passkeys/begin", fields{"proof": proof})
	wantProblem(t, p.call("POST", "/api/passkeys/finish", fields{"token": token, "name": "Laptop", "credential": h.phone().create(options)}),
		http.StatusUnprocessableEntity, "passkey.not-hardware")
	if own := fetch[passkeyList](p, "GET", "/api/passkeys", nil).Passkeys; len(own) != 1 {
		t.Errorf("%d passkeys", len(own))
	}
	refused := 0
	for _, e := range fetch[activityList](p, "GET", "/api/activity", nil).Events {
		if e.Action == string(audit.PasskeyRefused) {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("the log tells of %d refusals", refused)
	}
}
