package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// sends asks for a code for a name that is given anew.
func (p *phone) sends(name string) *http.Response {
	p.h.t.Helper()
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": "unlock"})
	return p.call("POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
}

// However a name is spelled, its sends and tries from one network count together, and alike
// where nobody has it.
func TestSpellingsOfANameCountTogether(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover)
	h := networks(t, bySeveral)
	h.owner()
	short, domain, _ := strings.Cut(h.company.login(), "@")
	for _, name := range []string{short, "nobody.at.all"} {
		spellings := []string{name, strings.ToUpper(name), `CORP\` + name, name + "@" + domain, " " + name + " "}
		p := h.guest("192.0.2.7")
		for i := range rateRecoverSend.burst {
			if res := p.sends(spellings[i%len(spellings)]); res.StatusCode != http.StatusOK {
				t.Fatalf("%q: %d", spellings[i], res.StatusCode)
			}
		}
		for i := range rateRecoverName.burst {
			wantProblem(t, p.tries(spellings[i%len(spellings)], "unlock", "pin", wrongPIN), http.StatusForbidden, "recover.refused")
		}
		for _, spelling := range spellings {
			wantProblem(t, p.sends(spelling), http.StatusTooManyRequests, "limit.reached")
			wantProblem(t, p.tries(spelling, "unlock", "pin", wrongPIN), http.StatusTooManyRequests, "limit.reached")
		}
	}
}

// Whoever tries names in a browser that somebody else uses too learns nothing of who used
// it: what is told ends at the same try for every name.
func TestASharedBrowserTellsNothingOfWhoUsedIt(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName)
	h := networks(t, bySeveral, byAWord)
	h.post.waits()
	p, _, _ := h.owner()
	p.signIn()
	for what, ask := range map[string]func(q *phone, name string) int{
		"codes": func(q *phone, name string) int { return q.sends(name).StatusCode },
		"words": func(q *phone, name string) int {
			begun := fetch[RecoveryBegun](q, "POST", "/api/recover/begin", fields{"name": name, "kind": "reset"})
			return q.call("POST", "/api/recover/ask", fields{"token": begun.Token, "proofs": []fields{}}).StatusCode
		},
	} {
		until := map[string]int{}
		for i, name := range []string{h.company.login(), "nobody.at.all"} {
			q := h.guest([]string{"192.0.2.7", "192.0.2.8"}[i])
			q.browser = p.browser
			for ask(q, name) == http.StatusOK {
				until[name]++
			}
		}
		if n := until["nobody.at.all"]; n == 0 || until[h.company.login()] != n {
			t.Errorf("%s: %v", what, until)
		}
	}
}

// Strangers in her own network ask for codes without end; the browser that she used her
// passkey in asks for hers all the same, and no other browser nor other account by it.
func TestAKnownBrowserAsksForCodesByItself(t *testing.T) {
	h := networks(t, bySeveral)
	h.post.waits()
	p, _, _ := h.owner()
	p.verifies("mail-code", "me@home.example")
	p.signIn()
	h.drain()
	h.post.sent = nil
	const from = "192.0.2.7"
	known := h.guest(from)
	known.browser = p.browser
	for range rateRecoverSend.burst {
		h.guest(from).sends(h.company.login())
	}
	wantProblem(t, h.guest(from).sends(h.company.login()), http.StatusTooManyRequests, "limit.reached")
	if res := known.sends(h.company.login()); res.StatusCode != http.StatusOK {
		t.Fatalf("her own browser: %d", res.StatusCode)
	}
	h.drain()
	h.post.mu.Lock()
	var lanes []bool
	for _, c := range h.post.sent {
		lanes = append(lanes, c.Known)
		if !c.Stranger || c.From != from {
			t.Errorf("a stranger's code: %+v", c)
		}
	}
	h.post.mu.Unlock()
	slices.SortFunc(lanes, func(a, b bool) int { return map[bool]int{true: 1}[a] - map[bool]int{true: 1}[b] })
	if want := []bool{false, false, false, false, true}; !slices.Equal(lanes, want) {
		t.Errorf("in lanes of their own: %v", lanes)
	}
	for range rateRecoverSend.burst {
		h.guest(from).sends(h.company.colleague.Account)
	}
	wantProblem(t, known.sends(h.company.colleague.Account), http.StatusTooManyRequests, "limit.reached")
	for range rateSendKnown.burst { // and what is asked for there has an end
		known.sends(h.company.login())
	}
	wantProblem(t, known.sends(h.company.login()), http.StatusTooManyRequests, "limit.reached")
}

// One network asks about somebody all day, and another is heard at any time.
func TestOneNetworkUsesUpNobodysWords(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateWordNet, &rateWordFrom, &rateWordApprover)
	h := networks(t, byAWord)
	_, next := h.heard("kwame.mensah")
	name := h.requester().Account
	for i := range 40 {
		h.guest("192.0.2.7").asks(name, "reset")
		if i > 10 {
			h.later(30 * time.Minute)
		}
	}
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	h.guest("192.0.2.7").asks(name, "reset")
	h.guest("203.0.113.9").asks(name, "reset")
	next()
	if !slices.Contains(count.seen, rateWordOne.name+" true") || slices.Contains(count.seen, rateWordOne.name+" false") {
		t.Errorf("met %v", count.seen)
	}
}

// Strangers of many networks use up all that is asked about her; the browser that she used
// her passkey in asks all the same, and what it asked for stays.
func TestAKnownBrowserAsksForAWordByItself(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName)
	h := networks(t, byAWord)
	_, next := h.heard("kwame.mensah")
	who := h.requester()
	owner := h.guest("203.0.113.200")
	owner.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	owner.signIn()
	flood := func() {
		t.Helper()
		for i := range 60 {
			h.guest([]string{"192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.10"}[i%4]).call("POST", "/api/recover/ask", fields{
				"token":  fetch[RecoveryBegun](h.guest("192.0.2.99"), "POST", "/api/recover/begin", fields{"name": who.Account, "kind": "reset"}).Token,
				"proofs": []fields{},
			})
			if i%4 == 0 {
				h.drain()
			}
		}
		h.drain()
	}
	flood()
	before := next().ID
	known := h.guest("192.0.2.7")
	known.browser = owner.browser
	waiting := known.asks(who.Account, "reset")
	mine := next()
	if mine.ID == before {
		t.Fatal("strangers keep her from being heard")
	}
	h.later(30 * time.Minute)
	stranger := h.guest("198.51.100.77").asks(who.Account, "reset")
	if r := next(); r.ID != mine.ID || waiting.state().State != "waiting" || stranger.state().State != "waiting" {
		t.Errorf("a stranger's took its place: %+v", r)
	}
	again := known.asks(who.Account, "reset") // the page was lost
	if r := next(); r.ID == mine.ID || again.state().State != "waiting" {
		t.Error("nor does her own")
	}
}

// Neighbours guess at her recovery codes until they are told to wait: her right one is
// taken. Only a flood of one network, whoever is named, has an end.
func TestWhatNeighboursGuessStandsInTheWayOfNoRecoveryCode(t *testing.T) {
	wide(t, &rateRecoverBegin)
	h := networks(t, bySeveral)
	_, _, codes := h.owner()
	const from = "192.0.2.7"
	for range rateRecover.burst - 2 {
		wantProblem(t, h.guest(from).tries(h.company.login(), "unlock", "recovery-code", "0000-0000-0000-0000"), http.StatusForbidden, "recover.refused")
	}
	h.guest(from).comesIn(h.company.login(), "unlock", "recovery-code", codes[0])
	wantProblem(t, h.guest(from).tries("nobody", "unlock", "recovery-code", "0000"), http.StatusForbidden, "recover.refused")
	wantProblem(t, h.guest(from).tries("nobody", "unlock", "recovery-code", "0000"), http.StatusTooManyRequests, "limit.reached")
}
