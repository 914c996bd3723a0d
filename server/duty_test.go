package server

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// holding lets the house's people do everything with a passkey, a code or an app, and
// asks them to hold something.
func (h *house) holding(hold workflow.Hold) {
	acts := map[workflow.Kind]workflow.Act{}
	for _, k := range workflow.Kinds {
		acts[k] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofRecoveryCode}, {enroll.ProofTOTP}, {enroll.ProofPIN}}}
	}
	h.engine.SetPolicy(workflow.Policy{Hash: "d", Rules: []workflow.Rule{{Name: "all", Who: workflow.Condition{Everyone: true}, Acts: acts, Hold: &hold}}})
}

func TestWhatAPersonHasToSetUpThroughTheEdge(t *testing.T) {
	h := newHouse(t)
	p := h.phone()
	if me := p.enrol(h.invitation(h.company.person), h.company.who.Password); me.Duty != nil {
		t.Fatalf("a duty that no rule names: %+v", me.Duty)
	}
	must := []enroll.ProofKind{enroll.ProofPasskey, enroll.ProofRecoveryCode}
	h.holding(workflow.Hold{Must: must, Within: 14 * 24 * time.Hour, May: []enroll.ProofKind{enroll.ProofTOTP}, Limit: true})
	me := fetch[Me](p, "GET", "/api/me", nil)
	by, err := time.Parse(time.RFC3339, me.Duty.By)
	if d := me.Duty; !slices.Equal(d.Missing, []string{"recovery-code"}) || d.Overdue || !d.Limits || err != nil || time.Until(by) < 13*24*time.Hour {
		t.Errorf("the duty %+v", d)
	}
	p.approved("reset") // it is not over yet

	h.holding(workflow.Hold{Must: must, May: []enroll.ProofKind{enroll.ProofTOTP}, Limit: true})
	if d := fetch[Me](p, "GET", "/api/me", nil).Duty; !d.Overdue || d.By != "" {
		t.Errorf("the duty %+v", d)
	}
	res := p.call("POST", "/api/requests", fields{"kind": "change"})
	problem := decoded[Problem](t, bodyOf(t, res))
	if res.StatusCode != http.StatusConflict || problem.Code != "duty.missing" || problem.Params["proofs"] != "recovery-code" {
		t.Errorf("a change: %d %+v", res.StatusCode, problem)
	}
	h.company.lock()
	p.signIn()
	if r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "unlock"}); r.State != "done" {
		t.Errorf("unlock %+v", r)
	}
	if r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "enrol"}); r.State != "draft" {
		t.Errorf("a new passkey %+v", r)
	}

	held := fetch[Proofs](p, "GET", "/api/proofs", nil)
	if !held.RecoveryCodes.Offered || !held.TOTP.Offered || held.PIN.Offered {
		t.Errorf("offered %+v", held)
	}
	wantProblem(t, p.call("POST", "/api/proofs/pin", fields{"proof": p.mayChange(fields{"purpose": "pin"}), "pin": "739201"}), http.StatusForbidden, "policy.not-allowed")
	fetch[Codes](p, "POST", "/api/proofs/recovery-codes", fields{"proof": p.mayChange(fields{"purpose": "recovery-codes"})})
	if me = fetch[Me](p, "GET", "/api/me", nil); me.Duty != nil {
		t.Errorf("done, and still %+v", me.Duty)
	}
	if r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "change"}); r.State != "draft" {
		t.Errorf("a change %+v", r)
	}
}

// What a rule takes away while somebody types a code is not set up any more.
func TestAnAddressIsNotKeptOnceThePolicyTakesItAway(t *testing.T) {
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofMailCode}))
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	begun := fetch[AddressBegun](p, "POST", "/api/proofs/address/begin",
		fields{"proof": p.mayChange(fields{"purpose": "mail-code"}), "kind": "mail-code", "address": "me@home.example"})
	code := h.post.code(t)
	h.holding(workflow.Hold{May: []enroll.ProofKind{enroll.ProofTOTP}})
	wantProblem(t, p.call("POST", "/api/proofs/address/finish", fields{"token": begun.Token, "code": code}), http.StatusForbidden, "policy.not-allowed")
	if held := fetch[Proofs](p, "GET", "/api/proofs", nil); held.MailCode.Address != "" {
		t.Errorf("held %+v", held.MailCode)
	}
}

// The mailbox that the account opens is refused by name, and the touch is kept.
func TestTheAccountsOwnMailboxIsNotVerified(t *testing.T) {
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofMailCode}))
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	h.company.dc.Set(h.company.who.DN, "mail", "Own.Mailbox@corp.example.test")
	proof := p.mayChange(fields{"purpose": "mail-code"})
	res := p.call("POST", "/api/proofs/address/begin", fields{"proof": proof, "kind": "mail-code", "address": "own.mailbox@corp.example.test"})
	wantProblem(t, res, http.StatusUnprocessableEntity, "proof.address-own")
	fetch[AddressBegun](p, "POST", "/api/proofs/address/begin", fields{"proof": proof, "kind": "mail-code", "address": "me@home.example"})
}
