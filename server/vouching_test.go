package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// byAWord lets a manager vouch for whoever has no proof.
func byAWord(acts map[workflow.Kind]workflow.Act) {
	for _, kind := range []workflow.Kind{workflow.KindUnlock, workflow.KindReset, workflow.KindEnrol} {
		act := acts[kind]
		act.Prove = append(act.Prove, []enroll.ProofKind{enroll.ProofVouching})
		act.Approve = []workflow.Tier{{By: workflow.Approvers{Manager: true}}}
		acts[kind] = act
	}
}

// waits is a browser whose owner gave a name, and asked.
type waits struct {
	*phone
	Waiting
}

// asks gives a name, and returns once whoever is asked was asked.
func (p *phone) asks(name, kind string, proofs ...fields) waits {
	p.h.t.Helper()
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": kind})
	return waits{p, p.asksAgain(begun.Token, proofs...)}
}

func (p *phone) asksAgain(token string, proofs ...fields) Waiting {
	p.h.t.Helper()
	if proofs == nil {
		proofs = []fields{}
	}
	out := fetch[Waiting](p, "POST", "/api/recover/ask", fields{"token": token, "proofs": proofs})
	if err := p.h.passkeys.Drain(p.h.t.Context()); err != nil {
		p.h.t.Fatal(err)
	}
	return out
}

func (w waits) state() Waited {
	w.h.t.Helper()
	return fetch[Waited](w.phone, "POST", "/api/recover/wait", fields{"token": w.Token})
}

// heard is a manager with a passkey, and the one request that waits for them.
func (h *house) heard(name string) (*phone, func() Review) {
	h.t.Helper()
	who, p := h.colleague(name), h.phone()
	p.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	return p, func() Review {
		h.t.Helper()
		in := fetch[Inbox](p, "GET", "/api/inbox", nil)
		if len(in.Waiting) != 1 {
			h.t.Fatalf("inbox %+v", in)
		}
		return in.Waiting[0]
	}
}

func (p *phone) vouchesFor(r Review, number string) Review {
	p.h.t.Helper()
	path := "/api/reviews/" + r.ID
	token, options := p.begin(path+"/approve/begin", fields{"number": number})
	return fetch[Review](p, "POST", path+"/approve/finish", fields{"token": token, "credential": p.assert(options)})
}

func (h *house) requester() minidc.Person { return h.colleague("priya.raman") }

func TestAManagersWordLetsSomebodyBackIn(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	q := h.phone().asks(h.requester().Account, "reset")
	r := next()
	if len(q.Number) != 2 || q.state().State != "waiting" || q.cookie != "" {
		t.Fatalf("waiting %+v", q.Waiting)
	}
	if !slices.Equal(r.Proofs, []string{"vouching"}) || !r.Number || r.Reason != "" {
		t.Errorf("the manager sees %+v", r)
	}
	if got := manager.vouchesFor(r, q.Number); got.State != "approved" {
		t.Fatalf("vouched %+v", got)
	}
	in := q.state()
	if in.State != "in" || in.Request != r.ID || in.Me == nil || !in.Me.Session.Recovered || in.Me.Session.Remember {
		t.Fatalf("in %+v", in)
	}
	// The answer was lost: the same token gives the same session.
	first := q.cookie
	q.cookie = ""
	if again := q.state(); again.State != "in" || q.cookie != first {
		t.Errorf("again %+v", again)
	}
	if again := q.state(); again.State != "in" || q.cookie != first {
		t.Errorf("with the cookie: %+v", again)
	}
	own := fetch[Request](q.phone, "POST", "/api/requests", fields{"kind": "reset"})
	if own.ID != r.ID || own.State != "approved" || !own.Vouched {
		t.Fatalf("its request %+v", own)
	}
	done := fetch[Executed](q.phone, "POST", "/api/requests/"+r.ID+"/execute", fields{"password": "Quartz-Lantern-4471-x"})
	if done.Request.State != "done" {
		t.Errorf("executed %+v", done)
	}
}

// The lost phone, with nobody's code left: a new passkey by a manager's word.
func TestAManagersWordReplacesALostPhone(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	who, lost := h.requester(), h.phone()
	lost.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	fresh := h.phone().asks(who.Account, "enrol")
	r := next()
	// The owner is not told the number: they would give it to whoever calls.
	mine := fetch[Request](lost, "GET", "/api/requests/"+r.ID, nil)
	if !mine.Vouched || mine.Review == nil || mine.Review.Number != "" {
		t.Errorf("its owner sees %+v, %+v", mine, mine.Review)
	}
	manager.vouchesFor(r, fresh.Number)
	if in := fresh.state(); in.State != "in" {
		t.Fatalf("in %+v", in)
	}
	token, options := fresh.begin("/api/requests/"+r.ID+"/passkey/begin", fields{})
	done := fetch[Request](fresh.phone, "POST", "/api/requests/"+r.ID+"/passkey/finish",
		fields{"token": token, "name": "New phone", "credential": fresh.create(options), "removeOthers": true})
	if done.State != "done" {
		t.Fatalf("registered %+v", done)
	}
	wantProblem(t, lost.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
	if me := fresh.signIn(); me.Passkeys != 1 {
		t.Errorf("signed in %+v", me)
	}
}

// Another browser's number is not this one's, a denial opens nothing and is told to
// nobody, and a second page does not come in by the first one's word.
func TestAWordIsForOneBrowser(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	mallory := h.phone().asks(h.requester().Account, "reset")
	r := next()
	if got := fetch[Review](manager, "POST", "/api/reviews/"+r.ID+"/deny", fields{"chip": "other", "reason": ""}); got.State != "denied" {
		t.Fatalf("denied %+v", got)
	}
	if got := mallory.state(); got.State != "waiting" || mallory.cookie != "" {
		t.Errorf("after a denial: %+v", got)
	}
	other := h.phone().asks(h.requester().Account, "reset")
	manager.vouchesFor(next(), other.Number)
	if got := mallory.state(); got.State != "waiting" {
		t.Errorf("comes in by another's word: %+v", got)
	}
	if got := other.state(); got.State != "in" {
		t.Errorf("%+v", got)
	}
	wantProblem(t, mallory.call("POST", "/api/recover/ask", fields{"token": "x", "proofs": []fields{}}), http.StatusGone, "ceremony.unknown")
	wantProblem(t, mallory.call("POST", "/api/recover/wait", fields{"token": "x"}), http.StatusGone, "ceremony.unknown")
}

// The manager's own device, on which somebody asks in another's name.
func TestNobodyVouchesInTheBrowserThatAsked(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	manager.signIn()
	q := manager.asks(h.requester().Account, "reset")
	r := next()
	wantProblem(t, manager.call("POST", "/api/reviews/"+r.ID+"/approve/begin", fields{"number": q.Number}), http.StatusForbidden, "review.same-browser")
	if got := fetch[Review](manager, "POST", "/api/reviews/"+r.ID+"/deny", fields{"chip": "other", "reason": ""}); got.State != "denied" {
		t.Errorf("denied %+v", got)
	}
}

// A window in which nobody signed in before gets its name when it asks.
func TestNobodyVouchesInAWindowThatAskedBeforeTheySignedIn(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	q := manager.asks(h.requester().Account, "reset")
	r := next()
	manager.signIn()
	wantProblem(t, manager.call("POST", "/api/reviews/"+r.ID+"/approve/begin", fields{"number": q.Number}), http.StatusForbidden, "review.same-browser")
}

// Whoever stops waiting asks nobody any more.
func TestWhoeverWaitsNoLongerTakesItOutOfTheInbox(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	q := h.phone().asks(h.requester().Account, "reset")
	r := next()
	if res := q.call("POST", "/api/recover/stop", fields{"token": q.Token}); res.StatusCode != http.StatusNoContent || bodyOf(t, res) != "" {
		t.Fatalf("stopped %d", res.StatusCode)
	}
	if err := h.passkeys.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := fetch[Inbox](manager, "GET", "/api/inbox", nil); len(in.Waiting) != 0 {
		t.Errorf("inbox %+v", in.Waiting)
	}
	if got := fetch[Review](manager, "GET", "/api/reviews/"+r.ID, nil); got.State != "cancelled" {
		t.Errorf("its request %+v", got)
	}
	if got := q.state(); got.State != "waiting" {
		t.Errorf("and waits on: %+v", got)
	}
	wantProblem(t, q.call("POST", "/api/recover/stop", fields{"token": "x"}), http.StatusGone, "ceremony.unknown")
}

// asksBehind is answered while nobody was asked yet.
func (p *phone) asksBehind(name, kind string) waits {
	p.h.t.Helper()
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": kind})
	return waits{p, fetch[Waiting](p, "POST", "/api/recover/ask", fields{"token": begun.Token, "proofs": []fields{}})}
}

func (w waits) stops() {
	w.h.t.Helper()
	if res := w.call("POST", "/api/recover/stop", fields{"token": w.Token}); res.StatusCode != http.StatusNoContent {
		w.h.t.Fatalf("stopped %d", res.StatusCode)
	}
}

func (h *house) drain() {
	h.t.Helper()
	if err := h.passkeys.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// A slow directory holds the asking up, and who asked is gone before it.
func TestAStopThatOvertakesItsAskingStopsIt(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, _ := h.heard("kwame.mensah")
	letGo := h.company.hold()
	defer letGo()
	h.phone().asksBehind(h.requester().Account, "reset").stops()
	letGo()
	h.drain()
	if in := fetch[Inbox](manager, "GET", "/api/inbox", nil); len(in.Waiting) != 0 || len(in.Decided) != 0 {
		t.Errorf("inbox %+v", in)
	}
	mine, err := h.store.Requests(t.Context(), workflow.Query{Requester: ad.GUID(h.requester().GUID)})
	if err != nil || len(mine) != 0 {
		t.Errorf("asked all the same: %+v, %v", mine, err)
	}
	q := h.phone().asks(h.requester().Account, "reset") // who asks anew is heard
	if in := fetch[Inbox](manager, "GET", "/api/inbox", nil); len(in.Waiting) != 1 || q.state().State != "waiting" {
		t.Errorf("asked anew: %+v", in)
	}
}

// The process ends between the answer and what is done behind it.
func TestAStopOutlivesACrash(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	q := h.phone().asks(h.requester().Account, "reset")
	r := next()
	crash := func(context.Context, ad.GUID, string) error { return errors.New("the process ended") }
	if err := h.passkeys.StopWord(t.Context(), secret.New(q.Token), crash); err != nil {
		t.Fatal(err)
	}
	h.drain()
	h.engine.Tick(t.Context())
	if got := fetch[Review](manager, "GET", "/api/reviews/"+r.ID, nil); got.State != "cancelled" {
		t.Errorf("after the restart: %+v", got)
	}
	other := h.phone().asks(h.requester().Account, "reset")
	h.engine.Tick(t.Context())
	if r := next(); r.State != "pending" || other.state().State != "waiting" {
		t.Errorf("what nobody stopped: %+v", r)
	}
}

// Whoever asks without end, and fills what may be under way at once, keeps nobody from
// taking theirs back.
func TestAFloodOfAskingStopsNoStop(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateWordNet, &rateWordOne, &rateWordNear, &rateWordAll)
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	q := h.phone().asks(h.requester().Account, "reset")
	r := next()
	letGo := h.company.hold()
	defer letGo()
	for range 20 {
		h.phone().asksBehind(h.company.colleague.Account, "reset")
	}
	q.stops()
	letGo()
	h.drain()
	if got := fetch[Review](manager, "GET", "/api/reviews/"+r.ID, nil); got.State != "cancelled" {
		t.Errorf("its request %+v", got)
	}
}

// Many who wait at one site ask more often than it may: to stop is counted by itself.
func TestWhoeverMayNotAskHowItStandsMayStop(t *testing.T) {
	h := newHouse(t, byAWord)
	manager, next := h.heard("kwame.mensah")
	q := h.phone().asks(h.requester().Account, "reset")
	r := next()
	var last int
	for range rateWait.burst + 10 {
		last = q.call("POST", "/api/recover/wait", fields{"token": q.Token}).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Fatalf("asked without end: %d", last)
	}
	q.stops()
	h.drain()
	if got := fetch[Review](manager, "GET", "/api/reviews/"+r.ID, nil); got.State != "cancelled" {
		t.Errorf("its request %+v", got)
	}
}

// Whoever has the name and nothing else is told the same, whoever it is: status, headers
// with their values, and body, of each step and whatever came before it.
func TestAskingForAWordTellsNothingOfWhoExists(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateWait, &rateStop,
		&rateRecoverNet, &rateRecoverAll, &rateRecoverOne, &rateWordNet, &rateWordAll, &rateWordOne, &rateWordNear, &rateWordFrom, &rateWordApprover)
	h := newHouse(t, byAWord, func(acts map[workflow.Kind]workflow.Act) {
		for kind, act := range acts {
			act.Prove = append(act.Prove, []enroll.ProofKind{enroll.ProofDirectory, enroll.ProofVouching}, []enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofVouching})
			acts[kind] = act
		}
	})
	h.engine.Set(workflow.Settings{Limits: workflow.Limits{PerHour: 1 << 20}})
	_, next := h.heard("kwame.mensah")
	kinds, names := h.strangers()
	seen := answersAlike{}
	for _, name := range kinds {
		for _, act := range []string{"unlock", "reset", "enrol"} {
			p := h.phone()
			same := func(which, path string, body fields, status int) string {
				t.Helper()
				res := p.call("POST", path, body)
				text := bodyOf(t, res)
				res.Body = io.NopCloser(strings.NewReader(text))
				seen.compare(h, act+", "+which, name, res, status)
				return text
			}
			token := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": names[name], "kind": act}).Token
			for _, number := range []string{"E-4711", "wrong"} {
				token := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": names[name], "kind": act}).Token
				same("a number beside, "+number, "/api/recover/ask", fields{"token": token, "proofs": []fields{{"kind": "directory", "value": number}}}, http.StatusOK)
				h.drain()
				same("and a wrong code after "+number, "/api/recover/ask", fields{"token": token, "proofs": []fields{{"kind": "recovery-code", "value": "0000"}}}, http.StatusForbidden)
			}
			word := fields{"token": token, "proofs": []fields{}}
			same("a code beside", "/api/recover/ask", fields{"token": token, "proofs": []fields{{"kind": "recovery-code", "value": "0000"}}}, http.StatusForbidden)
			asked := fields{"token": decoded[Waiting](t, same("ask", "/api/recover/ask", word, http.StatusOK)).Token}
			same("wait at once", "/api/recover/wait", asked, http.StatusOK)
			h.drain()
			if name == "holds all" && act != "unlock" { // nothing is locked
				next() // the manager was asked indeed
			}
			same("wait", "/api/recover/wait", asked, http.StatusOK)
			same("ask once more", "/api/recover/ask", word, http.StatusOK)
			wrong := []fields{{"kind": "recovery-code", "value": "0000-0000-0000-0000"}}
			same("and then by a wrong code", "/api/recover/ask", fields{"token": token, "proofs": wrong}, http.StatusForbidden)
			same("stop", "/api/recover/stop", asked, http.StatusNoContent)
			same("stop once more", "/api/recover/stop", asked, http.StatusNoContent)
			h.drain()
			same("wait after it", "/api/recover/wait", asked, http.StatusOK)
		}
	}
}

// What counts by account stands in the way of an employee number beside a word as well, and
// is not told: by another spelling of the name it would say that somebody has it.
func TestTooManyNumbersBesideAWordAreNotTold(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverNet, &rateRecoverAll, &rateWordNet, &rateWordAll, &rateWordOne, &rateWordNear)
	h := newHouse(t, byAWord, alsoBy([]enroll.ProofKind{enroll.ProofDirectory, enroll.ProofVouching}))
	tries := rateRecoverFresh.burst + rateRecoverOne.burst + 1
	for _, name := range []string{h.requester().Account, "nobody.here"} {
		p := h.phone()
		for i := range tries {
			token := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": "reset"}).Token
			res := p.call("POST", "/api/recover/ask", fields{"token": token, "proofs": []fields{{"kind": "directory", "value": "wrong"}}})
			if body := bodyOf(t, res); res.StatusCode != http.StatusOK {
				t.Fatalf("%s, try %d: %d %s", name, i, res.StatusCode, body)
			}
		}
	}
	h.drain()
	if n := strings.Count(h.logged.String(), errAccountTries.Error()); n != 2 {
		t.Errorf("%d of 2 are past what is counted by account", n)
	}
}

// A recovery code beside a word lets nobody wait whom no rule of their own lets ask, or
// whom nobody could vouch for: it is refused as a wrong one is, and is good afterwards.
// (docs/security.md, rule 13)
func TestWhatIsProvedBesideAWordIsKeptWhereNobodyIsAsked(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateWordNet)
	h := newHouse(t)
	manager := []workflow.Tier{{By: workflow.Approvers{Manager: true}}}
	both := workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofRecoveryCode, enroll.ProofVouching}}, Approve: manager}
	rules := func(who workflow.Condition) {
		h.engine.SetPolicy(workflow.Policy{Hash: "w", Rules: []workflow.Rule{
			{Name: "some", Who: who, Acts: map[workflow.Kind]workflow.Act{workflow.KindReset: both}},
			{Name: "others", Who: workflow.Condition{Everyone: true}, Acts: map[workflow.Kind]workflow.Act{
				workflow.KindEnrol: {Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}},
			}},
		}})
	}
	everybody, nobody := workflow.Condition{Everyone: true}, workflow.Condition{Company: &workflow.Attribute{Name: "company", Value: "Elsewhere"}}
	rules(everybody)
	who := h.requester()
	owner := h.phone()
	owner.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	codes := owner.codes()
	asks := func(code string) string {
		t.Helper()
		p := h.phone()
		token := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": who.Account, "kind": "reset"}).Token
		res := p.call("POST", "/api/recover/ask", fields{"token": token, "proofs": []fields{{"kind": "recovery-code", "value": code}}})
		return fmt.Sprint(res.StatusCode, " ", anew.ReplaceAllString(bodyOf(t, res), "$1"))
	}
	wrong := asks("0000-0000-0000-0000")
	if !strings.HasPrefix(wrong, "403 ") || !strings.Contains(wrong, "recover.refused") {
		t.Fatal(wrong)
	}
	// Her manager has no passkey yet, and then no rule is hers. None of it costs her a try.
	for range rateWordOne.burst {
		if got := asks(codes[0]); got != wrong {
			t.Errorf("where nobody could vouch: %s, and a wrong one: %s", got, wrong)
		}
	}
	_, next := h.heard("kwame.mensah")
	rules(nobody)
	if got := asks(codes[0]); got != wrong {
		t.Errorf("where no rule is theirs: %s, and a wrong one: %s", got, wrong)
	}
	rules(everybody)
	if got := asks(codes[0]); !strings.HasPrefix(got, "200 ") {
		t.Errorf("where one is: %s", got)
	}
	if r := next(); !slices.Equal(r.Proofs, []string{"recovery-code", "vouching"}) {
		t.Errorf("the manager sees %+v", r)
	}
}

// Strangers who ask in anybody's name, and empty what an approver and an account have for
// that, neither stand in the way of what is asked for with a proof nor can be told by it.
func TestStrangersStandInNoProofsWay(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateWordNet)
	h := newHouse(t, byAWord, alsoBy([]enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofVouching}))
	_, next := h.heard("kwame.mensah")
	who := h.requester()
	owner := h.phone()
	owner.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	code := owner.codes()[0]
	for range rateWordFrom.burst + rateWordNear.burst {
		h.phone().asks(who.Account, "reset")
	}
	if r := next(); !slices.Equal(r.Proofs, []string{"vouching"}) {
		t.Fatalf("the manager sees %+v", r)
	}
	h.phone().asks(who.Account, "reset", fields{"kind": "recovery-code", "value": code})
	if r := next(); !slices.Contains(r.Proofs, "recovery-code") {
		t.Errorf("with a proof the manager sees %+v", r)
	}
}

// An approver is left in peace, whoever is named.
func TestAnApproverIsNotAskedWithoutEnd(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateWordNet, &rateWordOne, &rateWordNear)
	h := newHouse(t, byAWord)
	_, next := h.heard("kwame.mensah")
	seen := map[string]bool{}
	for range rateWordFrom.burst {
		h.phone().asks(h.requester().Account, "reset")
		seen[next().ID] = true
	}
	q := h.phone().asks(h.requester().Account, "reset")
	if r := next(); !seen[r.ID] || q.state().State != "waiting" {
		t.Errorf("asked once more: %+v", r)
	}
	told := func(what audit.Action) int {
		t.Helper()
		var log strings.Builder
		if err := h.store.Export(t.Context(), &log); err != nil {
			t.Fatal(err)
		}
		return strings.Count(log.String(), `"`+string(what)+`"`)
	}
	if words, spray := told(audit.WordsBraked), told(audit.RecoverBraked); words != 1 || spray != 0 {
		t.Errorf("told of words %d times, of spraying %d times", words, spray)
	}
	// Who tries codes within the same hour is told of all the same.
	narrow(t, &rateRecoverAll)
	for _, name := range []string{"guess.1", "guess.2"} {
		h.phone().tries(name, "unlock", "totp", "000000")
	}
	if words, spray := told(audit.WordsBraked), told(audit.RecoverBraked); words != 1 || spray != 1 {
		t.Errorf("after spraying: told of words %d times, of spraying %d times", words, spray)
	}
	// From elsewhere they are heard.
	h.Server.Set(Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8")}})
	other := h.phone()
	other.from = "203.0.113.9"
	other.asks(h.requester().Account, "reset")
	if r := next(); seen[r.ID] {
		t.Error("one network keeps another from being heard")
	}
}

// narrow gives limits one try.
func narrow(t *testing.T, rates ...*rate) {
	t.Helper()
	for _, r := range rates {
		was := *r
		r.burst, r.refill = 1, time.Hour
		t.Cleanup(func() { *r = was })
	}
}

// Too many words close nothing but words: that is said of them, once in an hour, and
// neither alert takes the other's place, whichever comes first.
func TestWordsAndGuessesAreToldApart(t *testing.T) {
	wide(t, &rateWordNet, &rateRecover, &rateRecoverName)
	narrow(t, &rateWordAll, &rateRecoverAll)
	word := []string{"/api/recover/ask", `{"token":"t","proofs":[]}`, string(audit.WordsBraked), "nobody is asked for a word"}
	guess := []string{"/api/recover/finish", `{"token":"t","proofs":[{"kind":"totp","value":"000000"}]}`, string(audit.RecoverBraked), "closed for everybody"}
	for _, order := range [][2][]string{{word, guess}, {guess, word}} {
		st := newStage(t)
		var want []audit.Action
		for _, c := range order {
			before := st.logged.Len()
			for range 3 {
				st.in("POST", c[0], c[1])
			}
			want = append(want, audit.Action(c[2]))
			if !slices.Equal(st.party.braked, want) {
				t.Errorf("told of %v, want %v", st.party.braked, want)
			}
			said := st.logged.String()[before:]
			if closed := strings.Contains(said, "closed for everybody"); !strings.Contains(said, c[3]) || closed != (c[2] == string(audit.RecoverBraked)) {
				t.Errorf("%s: logged %s", c[2], said)
			}
		}
	}
}

// A recovery code beside a word: its owner hears of the asking, and, also by text message,
// that the code is used.
func TestWhoseCodeIsGivenBesideAWordHearsOfBoth(t *testing.T) {
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		byAWord(acts)
		for kind, act := range acts {
			act.Prove = append(act.Prove, []enroll.ProofKind{enroll.ProofVouching, enroll.ProofRecoveryCode})
			acts[kind] = act
		}
	})
	_, next := h.heard("kwame.mensah")
	who, p := h.requester(), h.phone()
	p.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	codes := p.codes()
	told := func() (out []string) {
		t.Helper()
		all, err := h.store.ClaimNotices(t.Context(), h.now(), time.Minute, 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			if n.To == ad.GUID(who.GUID).String() {
				out = append(out, strings.TrimSpace(n.Kind+" "+n.Params["kind"]+" "+n.Params["beside"]))
			}
		}
		slices.Sort(out)
		return out
	}
	told()
	h.phone().asks(who.Account, "reset", fields{"kind": "recovery-code", "value": codes[0]})
	next()
	if got, want := told(), []string{"proof.changed code-used", "request.vouch reset recovery-code"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
