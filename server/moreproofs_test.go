package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// postbox keeps the codes that went out. The mail server and the gateway are push's
// matter, and run for real there and in the journeys.
type postbox struct {
	mu   sync.Mutex
	sent []enroll.SentCode
	err  error
	came chan struct{}
}

func (p *postbox) Bring(_ context.Context, c enroll.SentCode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.sent = append(p.sent, c)
	}
	select { // nobody need look for each
	case p.came <- struct{}{}:
	default:
	}
	return p.err
}

func (p *postbox) waits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.came = make(chan struct{}, 1000)
}

func (p *postbox) code(t *testing.T) string {
	t.Helper()
	select {
	case <-p.came:
	case <-time.After(30 * time.Second):
		t.Fatal("no code came")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent[len(p.sent)-1].Code.Reveal()
}

func everyProof() enroll.ProofSettings {
	s := enroll.ProofSettings{
		Mail: enroll.AddressSource{Verified: true}, SMS: enroll.AddressSource{Verified: true}, AskCount: 3,
	}
	for i := range 5 {
		s.Questions = append(s.Questions, enroll.Question{ID: fmt.Sprint("q", i), English: "What was it called?", German: "Wie hieß es?"})
	}
	return s
}

// alsoBy lets these alternatives do everything, beside the passkey.
func alsoBy(sets ...[]enroll.ProofKind) func(map[workflow.Kind]workflow.Act) {
	return func(acts map[workflow.Kind]workflow.Act) {
		for kind, act := range acts {
			act.Prove = append(slices.Clone(act.Prove), sets...)
			acts[kind] = act
		}
	}
}

func (p *phone) setsPIN() {
	p.h.t.Helper()
	if held := fetch[Proofs](p, "POST", "/api/proofs/pin", fields{"proof": p.mayChange(fields{"purpose": "pin"}), "pin": "739201"}); !held.PIN.Held || held.PIN.Least != 6 {
		p.h.t.Fatalf("PIN %+v", held.PIN)
	}
}

func (p *phone) setsAnswers() {
	p.h.t.Helper()
	var given []fields
	for i := range 5 {
		given = append(given, fields{"id": fmt.Sprint("q", i), "value": fmt.Sprintf("Rex the %dth", i)})
	}
	held := fetch[Proofs](p, "POST", "/api/proofs/questions", fields{"proof": p.mayChange(fields{"purpose": "questions"}), "answers": given})
	if !held.Questions.Held || held.Questions.Answer != 5 || len(held.Questions.List) != 5 {
		p.h.t.Fatalf("questions %+v", held.Questions)
	}
}

func (p *phone) verifies(kind, to string) {
	p.h.t.Helper()
	begun := fetch[AddressBegun](p, "POST", "/api/proofs/address/begin", fields{"proof": p.mayChange(fields{"purpose": kind}), "kind": kind, "address": to})
	fetch[Proofs](p, "POST", "/api/proofs/address/finish", fields{"token": begun.Token, "code": p.h.post.code(p.h.t)})
}

// answersTo are what setsAnswers said.
func answersTo(asked []Question) (out []string) {
	for _, q := range asked {
		out = append(out, "rex the "+strings.TrimPrefix(q.ID, "q")+"TH")
	}
	return out
}

// Each proof opens the way to an unlock, for somebody with no passkey at hand.
func TestEveryProofOpensAWayIn(t *testing.T) {
	for kind, proof := range map[enroll.ProofKind]func(p, other *phone, begun RecoveryBegun) (string, fields){
		enroll.ProofPIN: func(p, _ *phone, begun RecoveryBegun) (string, fields) {
			p.setsPIN()
			return begun.Token, fields{"kind": "pin", "value": "739 201"}
		},
		enroll.ProofQuestions: func(p, other *phone, _ RecoveryBegun) (string, fields) {
			p.setsAnswers()
			begun := fetch[RecoveryBegun](other, "POST", "/api/recover/begin", fields{"name": p.h.company.login(), "kind": "unlock"})
			return begun.Token, fields{"kind": "questions", "value": "", "answers": answersTo(begun.Questions)}
		},
		enroll.ProofMailCode: func(p, other *phone, begun RecoveryBegun) (string, fields) {
			p.verifies("mail-code", "me@home.example")
			sent := fetch[RecoveryBegun](other, "POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
			return sent.Token, fields{"kind": "mail-code", "value": p.h.post.code(p.h.t)}
		},
		enroll.ProofSMSCode: func(p, other *phone, begun RecoveryBegun) (string, fields) {
			p.verifies("sms-code", "+49 151 12345678")
			sent := fetch[RecoveryBegun](other, "POST", "/api/recover/send", fields{"token": begun.Token, "kind": "sms-code"})
			return sent.Token, fields{"kind": "sms-code", "value": p.h.post.code(p.h.t)}
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			h := newHouse(t, alsoBy([]enroll.ProofKind{kind}))
			h.post.waits()
			p, other := h.phone(), h.phone()
			p.enrol(h.invitation(h.company.person), h.company.who.Password)
			h.company.lock()
			begun := fetch[RecoveryBegun](other, "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": "unlock"})
			token, answer := proof(p, other, begun)
			wantProblem(t, other.call("POST", "/api/recover/finish", fields{"token": token, "proofs": []fields{{"kind": "recovery-code", "value": "x"}}}), http.StatusForbidden, "recover.refused")
			fetch[Me](other, "POST", "/api/recover/finish", fields{"token": token, "proofs": []fields{answer}})
			if r := fetch[Request](other, "POST", "/api/requests", fields{"kind": "unlock"}); r.State != "done" || !r.Unlocked {
				t.Fatalf("unlock %+v", r)
			}
			// Taken away, it opens nothing, and whoever came in by it is out.
			fetch[Proofs](p, "POST", "/api/proofs/remove", fields{"proof": p.mayChange(fields{"purpose": "remove-proof", "kind": string(kind)}), "kind": string(kind)})
			wantProblem(t, other.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
			wantProblem(t, h.phone().call("POST", "/api/recover/finish", fields{"token": token, "proofs": []fields{answer}}), http.StatusForbidden, "recover.refused")
		})
	}
}

func TestTheCurrentPasswordOpensAWayInForWhatChangesNoCredential(t *testing.T) {
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofPassword}))
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	h.phone().comesIn(h.company.login(), "unlock", "password", h.company.who.Password)
	wantProblem(t, h.phone().tries(h.company.login(), "unlock", "password", "Wrong-Secret-1"), http.StatusForbidden, "recover.refused")
	wantProblem(t, h.phone().tries(h.company.login(), "reset", "password", h.company.who.Password), http.StatusForbidden, "recover.refused")
}

// passkey + something: neither alone is enough, in whichever order they come.
func TestARequestTakesThePasskeyAndAnotherProof(t *testing.T) {
	both := func(acts map[workflow.Kind]workflow.Act) {
		acts[workflow.KindReset] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPIN, enroll.ProofMailCode}}}
	}
	h := newHouse(t, both)
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.setsPIN()
	p.verifies("mail-code", "me@home.example")
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	if r.State != "draft" || len(r.Needs) != 3 {
		t.Fatalf("request %+v", r)
	}
	path := "/api/requests/" + r.ID
	h.post.err = enroll.ErrNotSent
	wantProblem(t, p.call("POST", path+"/ask", fields{"kinds": []string{"mail-code"}}), http.StatusBadGateway, "code.not-sent")
	<-h.post.came
	h.post.err = nil
	asked := fetch[ProofsAsked](p, "POST", path+"/ask", fields{"kinds": []string{"mail-code"}})
	code := h.post.code(t)
	if asked.Sent["mail-code"] != "m•••@home.example" {
		t.Errorf("asked %+v", asked)
	}
	answers := func(pin, code string) fields {
		return fields{"token": asked.Token, "proofs": []fields{{"kind": "pin", "value": pin}, {"kind": "mail-code", "value": code}}}
	}
	wantProblem(t, p.call("POST", path+"/answers", answers("739202", code)), http.StatusUnprocessableEntity, "proof.wrong")
	if r = fetch[Request](p, "POST", path+"/answers", answers("739201", code)); r.State != "draft" || !slices.Equal(r.Needs, []string{"passkey"}) {
		t.Fatalf("request %+v", r)
	}
	wantProblem(t, p.call("POST", path+"/answers", answers("739201", code)), http.StatusGone, "ceremony.unknown")
	token, options := p.begin(path+"/proof/begin", fields{})
	if r = fetch[Request](p, "POST", path+"/proof/finish", fields{"token": token, "credential": p.assert(options)}); r.State != "approved" {
		t.Fatalf("request %+v", r)
	}
	if done := fetch[Executed](p, "POST", path+"/execute", fields{"password": "Harbour-Violet-92"}); done.Request.State != "done" || !h.company.opens("Harbour-Violet-92") {
		t.Errorf("executed %+v", done)
	}
}

// A code is asked for one request: whoever reads it out, or types it in the wrong place,
// opens no other with it.
func TestACodeCountsForTheRequestThatItWasAskedForOnly(t *testing.T) {
	ways := [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofMailCode}}
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		acts[workflow.KindReset], acts[workflow.KindOneTime] = workflow.Act{Prove: ways}, workflow.Act{Prove: ways}
	})
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.verifies("mail-code", "me@home.example")
	path := func(kind string) string {
		return "/api/requests/" + fetch[Request](p, "POST", "/api/requests", fields{"kind": kind}).ID
	}
	mine, other := path("reset"), path("one-time")
	asked := fetch[ProofsAsked](p, "POST", mine+"/ask", fields{"kinds": []string{"mail-code"}})
	given := fields{"token": asked.Token, "proofs": []fields{{"kind": "mail-code", "value": h.post.code(t)}}}
	wantProblem(t, p.call("POST", other+"/answers", given), http.StatusGone, "ceremony.unknown")
	if r := fetch[Request](p, "POST", mine+"/answers", given); !slices.Equal(r.Needs, []string{"passkey"}) {
		t.Errorf("request %+v", r)
	}
	who, stranger := h.colleague("yusuf.demir"), h.phone()
	stranger.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	wantProblem(t, stranger.call("POST", mine+"/ask", fields{"kinds": []string{"mail-code"}}), http.StatusNotFound, "request.unknown")
}

// Of several alternatives each is offered, what the person has at hand first; with the
// gateway down another one is as good, and half of one alone is not.
func TestWithTheGatewayDownAnotherWayIsTaken(t *testing.T) {
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		acts[workflow.KindReset] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofMailCode}, {enroll.ProofPasskey, enroll.ProofPIN}}}
	})
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	path := "/api/requests/" + r.ID
	offers := func(want string) {
		t.Helper()
		got := fetch[Request](p, "GET", path, nil)
		if fmt.Sprint(got.Ways) != want || !slices.Equal(got.Needs, got.Ways[0].Needs) {
			t.Errorf("ways %v, needs %v, want %s", got.Ways, got.Needs, want)
		}
	}
	offers("[{[passkey mail-code] [mail-code]} {[passkey pin] [pin]}]")
	p.setsPIN()
	offers("[{[passkey pin] []} {[passkey mail-code] [mail-code]}]")
	p.verifies("mail-code", "me@home.example")
	offers("[{[passkey mail-code] []} {[passkey pin] []}]")

	h.post.err = enroll.ErrNotSent
	wantProblem(t, p.call("POST", path+"/ask", fields{"kinds": []string{"mail-code"}}), http.StatusBadGateway, "code.not-sent")
	<-h.post.came
	pin := func(value string) fields {
		return fields{"token": "", "proofs": []fields{{"kind": "pin", "value": value}}}
	}
	wantProblem(t, p.call("POST", path+"/answers", pin("739202")), http.StatusUnprocessableEntity, "proof.wrong")
	if r = fetch[Request](p, "POST", path+"/answers", pin("739201")); r.State != "draft" || fmt.Sprint(r.Ways) != "[{[passkey] []}]" {
		t.Fatalf("request %+v", r)
	}
	token, options := p.begin(path+"/proof/begin", fields{})
	if r = fetch[Request](p, "POST", path+"/proof/finish", fields{"token": token, "credential": p.assert(options)}); r.State != "approved" || len(r.Ways) != 0 {
		t.Fatalf("request %+v", r)
	}
	if me := fetch[Me](p, "GET", "/api/me", nil); len(me.Requests) != 1 || me.Requests[0].State != "approved" {
		t.Errorf("requests %+v", me.Requests)
	}
}

// Without the directory nobody knows where a code could go: every way is offered.
func TestWhatIsAtHandIsNoReasonToOfferNothing(t *testing.T) {
	st := newStage(t)
	st.rules.request = workflow.Request{ID: "r1", State: workflow.Draft, Requester: alice, Decision: workflow.Decision{Prove: [][]enroll.ProofKind{
		{enroll.ProofTOTP, enroll.ProofPIN}, {enroll.ProofMailCode},
	}}}
	st.party.atHand = errors.New("the directory is away")
	body := bodyOf(t, st.in("GET", "/api/requests/r1", ""))
	if !strings.Contains(body, `"needs":["mail-code"],"ways":[{"needs":["mail-code"],"lacks":[]},{"needs":["totp","pin"],"lacks":[]}]`) {
		t.Error(body)
	}
}

// Names that nobody has are asked, sent to and refused like others.
func TestQuestionsAndCodesTellNothingOfANameThatNobodyHas(t *testing.T) {
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofQuestions}, []enroll.ProofKind{enroll.ProofMailCode}))
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.setsAnswers()
	p.verifies("mail-code", "me@home.example")
	var seen []string
	for _, name := range []string{h.company.login(), "nobody.at.all"} {
		q := h.phone()
		begun := fetch[RecoveryBegun](q, "POST", "/api/recover/begin", fields{"name": name, "kind": "unlock"})
		res := q.call("POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
		sent := bodyOf(t, res)
		finish := q.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": []fields{{"kind": "questions", "value": "", "answers": []string{"a", "b", "c"}}}})
		refused := bodyOf(t, finish)
		refused = refused[:strings.Index(refused, "instance")]
		seen = append(seen, fmt.Sprint(len(begun.Questions), len(begun.Token), res.StatusCode, len(sent), finish.StatusCode, refused))
	}
	if seen[0] != seen[1] {
		t.Errorf("%v", seen)
	}
}

// The first page knows what the directory's proof is called, from the start on.
func TestThePageKnowsWhatTheDirectoryIsAskedFor(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Attribute = &Words{English: "Employee number", German: "Personalnummer"} })
	res := st.ask("GET", "/api/info", "")
	if text := bodyOf(t, res); !strings.Contains(text, `"attribute":{"en":"Employee number","de":"Personalnummer"}`) {
		t.Error(text)
	}
}

// What no rule takes is not tried, and not sent: it would cost its owner tries in the
// directory, and calls in the night.
func TestWhatNoRuleTakesIsNotTried(t *testing.T) {
	h := newHouse(t, byCodesToo)
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.verifies("mail-code", "me@home.example")
	for range 3 {
		wantProblem(t, h.phone().tries(h.company.login(), "unlock", "password", "Wrong-Secret-1"), http.StatusForbidden, "recover.refused")
	}
	wantProblem(t, h.phone().tries(h.company.login(), "unlock", "password", h.company.who.Password), http.StatusForbidden, "recover.refused")
	account, err := h.company.Account(t.Context(), h.company.person)
	if err != nil || account.BadPasswords != 0 {
		t.Errorf("%d bad passwords, %v", account.BadPasswords, err)
	}
	before := len(h.post.sent)
	begun := fetch[RecoveryBegun](h.phone(), "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": "unlock"})
	fetch[RecoveryBegun](h.phone(), "POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
	select {
	case <-h.post.came:
		t.Error("a code went out")
	default:
	}
	if h.post.mu.Lock(); len(h.post.sent) != before {
		t.Errorf("%d codes more", len(h.post.sent)-before)
	}
	h.post.mu.Unlock()
}

// A rule that takes a proof for an unlock takes it for nothing else: for that it is not
// tried either.
func TestWhatNoRuleTakesForThisKindIsNotTried(t *testing.T) {
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		acts[workflow.KindUnlock] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofPassword}, {enroll.ProofMailCode}}}
	})
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.verifies("mail-code", "me@home.example")
	badPasswords := func() int {
		account, err := h.company.Account(t.Context(), h.company.person)
		if err != nil {
			t.Fatal(err)
		}
		return account.BadPasswords
	}
	wantProblem(t, h.phone().tries(h.company.login(), "reset", "password", "Wrong-Secret-1"), http.StatusForbidden, "recover.refused")
	if n := badPasswords(); n != 0 {
		t.Errorf("%d bad passwords after a try for a reset", n)
	}
	wantProblem(t, h.phone().tries(h.company.login(), "unlock", "password", "Wrong-Secret-1"), http.StatusForbidden, "recover.refused")
	if n := badPasswords(); n != 1 {
		t.Errorf("%d bad passwords after one for an unlock", n)
	}
	for _, kind := range []string{"reset", "unlock"} {
		begun := fetch[RecoveryBegun](h.phone(), "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": kind})
		fetch[RecoveryBegun](h.phone(), "POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
	}
	h.post.code(t)
	if h.post.mu.Lock(); len(h.post.sent) != 2 {
		t.Errorf("%d codes, want that of the address and that for the unlock", len(h.post.sent))
	}
	h.post.mu.Unlock()
}

// What the person set up and what counts no more is shown as such, held no more, and may
// be taken away or set up anew.
func TestWhatCountsNoMoreIsShownAndMayBeTakenAway(t *testing.T) {
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofQuestions}, []enroll.ProofKind{enroll.ProofSMSCode}, []enroll.ProofKind{enroll.ProofMailCode}))
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.setsAnswers()
	p.verifies("sms-code", "+49 151 12345678")
	p.verifies("mail-code", "me@home.example")
	set := func(change func(*enroll.ProofSettings)) Proofs {
		t.Helper()
		s := everyProof()
		change(&s)
		if err := h.passkeys.Set(enroll.Settings{Proofs: s}); err != nil {
			t.Fatal(err)
		}
		return fetch[Proofs](p, "GET", "/api/proofs", nil)
	}
	got := set(func(*enroll.ProofSettings) {})
	if q := got.Questions; !q.Held || q.Stale || got.SMSCode.Stale != "" || got.MailCode.Stale != "" {
		t.Fatalf("before anything changes: %+v", got)
	}
	got = set(func(s *enroll.ProofSettings) {
		s.Questions = append(s.Questions, enroll.Question{ID: "new", English: "Which was the first?", German: "Welches war das erste?"})
		s.SMS, s.Mail = enroll.AddressSource{Attribute: "extensionAttribute4"}, enroll.AddressSource{}
	})
	if q := got.Questions; q.Held || !q.Stale || !q.Offered || q.Created == "" || len(q.List) != 6 {
		t.Errorf("a question more: %+v", q)
	}
	if c := got.SMSCode; c.Stale != "+49 ••• •••78" || c.Address != "" || c.From != "" || c.CanVerify || c.Created == "" {
		t.Errorf("a number that nobody may verify any more: %+v", c)
	}
	if c := got.MailCode; c.Stale != "m•••@home.example" || c.Address != "" || c.From != "" || c.CanVerify {
		t.Errorf("an address that nobody may verify any more: %+v", c)
	}
	ask := "/api/requests/" + fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"}).ID + "/ask"
	wantProblem(t, p.call("POST", ask, fields{"kinds": []string{"questions"}}), http.StatusNotFound, "proof.not-held")
	wantProblem(t, p.call("POST", ask, fields{"kinds": []string{"sms-code"}}), http.StatusConflict, "proof.no-address")
	for _, kind := range []string{"sms-code", "mail-code", "questions"} {
		got = fetch[Proofs](p, "POST", "/api/proofs/remove", fields{"proof": p.mayChange(fields{"purpose": "remove-proof", "kind": kind}), "kind": kind})
	}
	if got.SMSCode.Stale != "" || got.MailCode.Stale != "" || got.Questions.Stale || got.Questions.Held {
		t.Errorf("taken away: %+v", got)
	}
}
