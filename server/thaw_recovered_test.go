package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// byTheManagerOrCodes is byTheManager for whoever has a recovery code, too.
func byTheManagerOrCodes(acts map[workflow.Kind]workflow.Act) {
	byTheManager(acts)
	byCodesToo(acts)
}

// The phone is gone, and the account frozen: a recovery code says that it is them, once;
// whoever lifts it sees what it was; and the code is good for nothing else.
func TestItIsMeAgainWithoutAPasskeyTakesACodeAndSomebodyWhoLifts(t *testing.T) {
	h := newHouse(t, byTheManagerOrCodes)
	boss, person := h.colleague("kwame.mensah"), h.colleague("priya.raman")
	manager, lost := h.phone(), h.phone()
	manager.enrol(h.invitation(ad.GUID(boss.GUID)), boss.Password)
	account := ad.GUID(person.GUID)
	lost.enrol(h.invitation(account), person.Password)
	codes := lost.codes()

	other := h.phone()
	wantProblem(t, other.tries("priya.raman", workflow.ActThaw, "recovery-code", codes[0]), http.StatusForbidden, "recover.refused")
	if left := fetch[Proofs](lost, "GET", "/api/proofs", nil).RecoveryCodes.Left; left != 10 {
		t.Fatalf("%d codes left", left)
	}
	if res := lost.call("POST", "/api/freeze", fields{}); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.StatusCode)
	}
	res := other.tries("priya.raman", "unlock", "recovery-code", codes[0])
	body := bodyOf(t, res)
	if res.StatusCode != http.StatusForbidden || !strings.Contains(body, `"account.frozen"`) || !strings.Contains(body, `"thaw":"suffices"`) {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	wantProblem(t, other.tries("priya.raman", workflow.ActThaw, "recovery-code", "0000-0000-0000-0000"), http.StatusForbidden, "recover.refused")
	begun := fetch[RecoveryBegun](other, "POST", "/api/recover/begin", fields{"name": "priya.raman", "kind": workflow.ActThaw})
	wantProblem(t, other.call("POST", "/api/recover/ask", fields{"token": begun.Token, "proofs": []fields{}}), http.StatusForbidden, "recover.refused")

	me := other.comesIn("priya.raman", workflow.ActThaw, "recovery-code", codes[0])
	if !me.Session.Recovered || slices.ContainsFunc(me.Options, func(o Option) bool { return o.Allowed }) {
		t.Fatalf("in: %+v, %+v", me.Session, me.Options)
	}
	if f := fetch[OwnFreeze](other, "GET", "/api/freeze", nil); !f.Frozen || f.Asked != "" {
		t.Fatalf("coming in asked already: %+v", f)
	}
	for _, kind := range []string{"unlock", "reset", "enrol"} {
		wantProblem(t, other.call("POST", "/api/requests", fields{"kind": kind}), http.StatusForbidden, "account.frozen")
	}
	if f := fetch[OwnFreeze](other, "POST", "/api/freeze/thaw/recovered", fields{}); f.Asked == "" || !f.Frozen {
		t.Fatalf("%+v", f)
	}
	wantProblem(t, other.call("POST", "/api/freeze/thaw/recovered", fields{}), http.StatusForbidden, "proof.mismatch")
	wantProblem(t, h.phone().tries("priya.raman", workflow.ActThaw, "recovery-code", codes[0]), http.StatusForbidden, "recover.refused")

	got := fetch[ThawList](manager, "GET", "/api/thaws", nil).Thaws
	if len(got) != 1 || !slices.Equal(got[0].Proved, []string{"recovery-code"}) || !got[0].Unused {
		t.Fatalf("the manager sees %+v", got)
	}
	path := "/api/thaws/" + account.String()
	for _, other := range []string{"2020-01-01T00:00:00Z", "yesterday"} {
		wantProblem(t, manager.call("POST", path+"/begin", fields{"asked": other}), http.StatusConflict, "account.asked-anew")
	}
	token, options := manager.begin(path+"/begin", fields{"asked": got[0].Asked})
	fetch[ThawList](manager, "POST", path+"/finish", fields{"token": token, "credential": manager.assert(options)})
	wantProblem(t, other.call("GET", "/api/freeze", nil), http.StatusUnauthorized, "session.unknown") // it was for that
	lost.signIn()                                                                                     // which was found
	if r := fetch[Request](lost, "POST", "/api/requests", fields{"kind": "reset"}); r.State != "draft" {
		t.Errorf("once let in: %+v", r)
	}
	h.wantLogged(`"account.asked-for"`, `"proof_kinds":["recovery-code"]`, `"account.frozen"`)
}

// wantLogged verifies the log and looks for what is in it.
func (h *house) wantLogged(all ...string) {
	h.t.Helper()
	var log strings.Builder
	if err := h.store.Export(h.t.Context(), &log); err != nil {
		h.t.Fatal(err)
	}
	if _, err := audit.Verify(strings.NewReader(log.String())); err != nil {
		h.t.Fatal(err)
	}
	for _, want := range all {
		if !strings.Contains(log.String(), want) {
			h.t.Errorf("the log has no %s", want)
		}
	}
}

// A passkey is asked for its own proof: what opened the session is none for this.
func TestASignInByPasskeyAsksForNoThawByItself(t *testing.T) {
	_, who, _, _, _ := frozenOne(t)
	who.call("POST", "/api/freeze", fields{})
	who.signIn()
	wantProblem(t, who.call("POST", "/api/freeze/thaw/recovered", fields{}), http.StatusForbidden, "proof.mismatch")
	if f := fetch[OwnFreeze](who, "GET", "/api/freeze", nil); f.Asked != "" {
		t.Errorf("%+v", f)
	}
}

// A session that was opened for an unlock asks for no thaw, also where the account was
// frozen since: the freeze has ended it.
func TestAWayInForAnotherActAsksForNoThaw(t *testing.T) {
	h := newHouse(t, byCodesToo)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	codes := p.codes()
	other := h.phone()
	other.comesIn(h.company.login(), "unlock", string(enroll.ProofRecoveryCode), codes[0])
	wantProblem(t, other.call("POST", "/api/freeze/thaw/recovered", fields{}), http.StatusConflict, "account.not-frozen")
	p.call("POST", "/api/freeze", fields{})
	wantProblem(t, other.call("POST", "/api/freeze/thaw/recovered", fields{}), http.StatusUnauthorized, "session.unknown")
	p.signIn()
	if f := fetch[OwnFreeze](p, "GET", "/api/freeze", nil); !f.Frozen || f.Asked != "" {
		t.Errorf("%+v", f)
	}
}
