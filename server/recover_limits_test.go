package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// networks is a house whose guests say where they come from.
func networks(t *testing.T, change ...func(map[workflow.Kind]workflow.Act)) *house {
	t.Helper()
	h := newHouse(t, change...)
	h.Server.Set(Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8")}})
	return h
}

func (h *house) guest(from string) *phone {
	p := h.phone()
	p.from = from
	return p
}

// owner holds a PIN, an app and recovery codes. Her phone is on a network of its own.
func (h *house) owner() (p *phone, app func() string, codes []string) {
	h.t.Helper()
	p = h.guest("203.0.113.200")
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.setsPIN()
	codes = p.codes()
	begun := fetch[TOTPBegun](p, "POST", "/api/proofs/totp/begin", fields{"proof": p.mayChange(fields{"purpose": "totp"})})
	app = func() string {
		h.later(31 * time.Second) // a code counts once
		c, err := totp.GenerateCode(strings.ReplaceAll(begun.Secret, " ", ""), h.now())
		if err != nil {
			h.t.Fatal(err)
		}
		return c
	}
	fetch[Proofs](p, "POST", "/api/proofs/totp/finish", fields{"token": begun.Token, "code": app()})
	return p, app, codes
}

const wrongPIN, rightPIN = "840672", "739201"

// tally notes which buckets a try met, and which of them were empty.
type tally struct {
	Limits
	seen []string
}

func (c *tally) Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	wait, err := c.Limits.Take(ctx, key, burst, refill, now)
	name, _, _ := strings.Cut(key, ":")
	c.seen = append(c.seen, fmt.Sprint(name, " ", wait == 0))
	return wait, err
}

// exported is the log.
func (h *house) exported() string {
	h.t.Helper()
	var out bytes.Buffer
	if err := h.store.Export(h.t.Context(), &out); err != nil {
		h.t.Fatal(err)
	}
	return out.String()
}

// bySeveral lets PIN, app, recovery code and mail code do what a passkey does.
func bySeveral(acts map[workflow.Kind]workflow.Act) {
	byCodesToo(acts)
	alsoBy([]enroll.ProofKind{enroll.ProofPIN}, []enroll.ProofKind{enroll.ProofMailCode})(acts)
}

// One network: /32, or /64. What it is told is the same for every name, and only of the
// kind of proof that was tried.
func TestTriesOfANameFromOneNetworkAreToldByKind(t *testing.T) {
	for at, from := range map[string]struct{ one, same, other string }{
		"an IPv4 address":  {"192.0.2.7", "192.0.2.7", "192.0.2.8"},
		"a /64 of IPv6":    {"2001:db8:7:1::1", "2001:db8:7:1:ffff::2", "2001:db8:7:2::1"},
		"a mapped address": {"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"},
	} {
		t.Run(at, func(t *testing.T) {
			h := networks(t, bySeveral)
			_, _, codes := h.owner()
			for _, name := range []string{"nobody.at.all", h.company.login()} {
				for i := range rateRecoverName.burst {
					if res := h.guest(from.one).tries(name, "unlock", "totp", "000000"); res.StatusCode != http.StatusForbidden {
						t.Fatalf("%s, try %d: %d", name, i, res.StatusCode)
					}
				}
				p := wantProblem(t, h.guest(from.same).tries(name, "unlock", "totp", "000000"), http.StatusTooManyRequests, "limit.reached")
				if most := int(rateRecoverName.refill.Seconds()); p.RetryAfter < most-60 || p.RetryAfter > most {
					t.Errorf("%s: wait %d", name, p.RetryAfter)
				}
				wantProblem(t, h.guest(from.same).tries(name, "unlock", "pin", wrongPIN), http.StatusForbidden, "recover.refused")
				wantProblem(t, h.guest(from.other).tries(name, "unlock", "totp", "000000"), http.StatusForbidden, "recover.refused")
			}
			h.guest(from.same).comesIn(h.company.login(), "unlock", "recovery-code", codes[0])
			h.later(rateRecoverName.refill + time.Second)
			wantProblem(t, h.guest(from.same).tries("nobody.at.all", "unlock", "totp", "000000"), http.StatusForbidden, "recover.refused")
		})
	}
}

func TestGuessesOfOneNetworkAreToldWhoeverIsNamed(t *testing.T) {
	for at, from := range map[string]struct{ one, same, other string }{
		"an IPv4 address": {"192.0.2.7", "192.0.2.7", "192.0.2.8"},
		"a /64 of IPv6":   {"2001:db8:7:1::1", "2001:db8:7:1:ffff::2", "2001:db8:7:2::1"},
	} {
		t.Run(at, func(t *testing.T) {
			h := networks(t, bySeveral)
			_, _, codes := h.owner()
			for i := range rateRecoverNet.burst {
				if res := h.guest(from.one).tries(fmt.Sprint("guess.", i), "unlock", "totp", "000000"); res.StatusCode != http.StatusForbidden {
					t.Fatalf("try %d: %d", i, res.StatusCode)
				}
			}
			for _, name := range []string{"nobody.at.all", h.company.login()} {
				p := wantProblem(t, h.guest(from.same).tries(name, "unlock", "pin", wrongPIN), http.StatusTooManyRequests, "limit.reached")
				if most := int(rateRecoverNet.refill.Seconds()); p.RetryAfter < most-60 || p.RetryAfter > most {
					t.Errorf("%s: wait %d", name, p.RetryAfter)
				}
				wantProblem(t, h.guest(from.other).tries(name, "unlock", "pin", wrongPIN), http.StatusForbidden, "recover.refused")
			}
			h.guest(from.same).comesIn(h.company.login(), "unlock", "recovery-code", codes[0])
		})
	}
}

// Whoever has a /48 has 65,536 networks to guess from, and gets sixteen.
func TestGuessesOfOneIPv6SiteHaveAnEnd(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverAll)
	h := networks(t, bySeveral)
	passed := 0
	for i := range siteFactor + 2 {
		for j := range rateRecoverNet.burst {
			res := h.guest(fmt.Sprintf("2001:db8:7:%x::1", i)).tries(fmt.Sprint("guess.", i, ".", j), "unlock", "totp", "000000")
			if res.StatusCode == http.StatusForbidden {
				passed++
			}
		}
	}
	if most := siteFactor * rateRecoverNet.burst; passed < most || passed > most+5 { // and what it gained meanwhile
		t.Errorf("%d passed, want %d", passed, most)
	}
}

// By account, kind for kind, nothing is told: a right proof past it is a wrong one, for
// a quarter of an hour.
func TestTriesOfAnAccountAreCountedByKindAndNotTold(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverNet, &rateRecoverAll)
	h := networks(t, bySeveral)
	h.post.waits()
	p, app, _ := h.owner()
	p.verifies("mail-code", "me@home.example")
	const from = "192.0.2.7"
	byMail := func() *http.Response {
		q := h.guest(from)
		begun := fetch[RecoveryBegun](q, "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": "unlock"})
		sent := fetch[RecoveryBegun](q, "POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
		return q.call("POST", "/api/recover/finish", fields{"token": sent.Token, "proofs": []fields{{"kind": "mail-code", "value": h.post.code(t)}}})
	}
	wrong := func(n int) {
		for range n {
			wantProblem(t, h.guest(from).tries(h.company.login(), "unlock", "mail-code", "0000 0000"), http.StatusForbidden, "recover.refused")
		}
	}
	wrong(rateRecoverFresh.burst + rateRecoverOne.burst - 1)
	if res := byMail(); res.StatusCode != http.StatusOK {
		t.Fatalf("with the last token: %d", res.StatusCode)
	}
	wantProblem(t, byMail(), http.StatusForbidden, "recover.refused")
	if events := h.exported(); !strings.Contains(events, "too many tries for this account with this kind of proof") {
		t.Error("the log does not say why")
	}
	// Another kind is none of it, and nor is another network.
	h.guest(from).comesIn(h.company.login(), "unlock", "totp", app())
	h.guest("192.0.2.8").comesIn(h.company.login(), "unlock", "pin", rightPIN)
	h.later(rateRecoverOne.refill + time.Second)
	if res := byMail(); res.StatusCode != http.StatusOK {
		t.Errorf("after the wait: %d", res.StatusCode)
	}
}

// A name that nobody has goes through the same buckets, which empty alike.
func TestTriesOfANameThatNobodyHasAreCountedAlike(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover)
	h := networks(t, bySeveral)
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	h.owner()
	seen := map[string][]string{}
	for at, name := range []string{h.company.login(), "nobody.at.all"} {
		count.seen = nil
		for i := range 2 * rateRecoverNet.burst {
			if i == rateRecoverNet.burst {
				h.later(4 * rateRecoverName.refill)
			}
			kind, from := []string{"pin", "totp"}[i%2], fmt.Sprintf("192.0.2.%d", 10*at+i%2)
			res := h.guest(from).tries(name, "unlock", kind, wrongPIN)
			seen[name] = append(seen[name], fmt.Sprint(res.StatusCode, " ", res.Header.Get("Retry-After") != ""))
		}
		seen[name] = append(seen[name], count.seen...)
		h.later(24 * time.Hour) // all together are counted anew
	}
	if a, b := seen[h.company.login()], seen["nobody.at.all"]; !slices.Equal(a, b) {
		t.Errorf("somebody: %v\nnobody: %v", a, b)
	}
	for _, met := range []string{"429 true", "recover-first true", "recover-one true"} {
		if !slices.Contains(seen["nobody.at.all"], met) {
			t.Errorf("no %s in %v", met, seen["nobody.at.all"])
		}
	}
}

// Somebody tries to keep a person out, from five networks, all day long: she comes in
// at once by whatever she has, from a network that tried nothing.
func TestWrongPINsOfStrangersShutNobodyOut(t *testing.T) {
	h := networks(t, bySeveral)
	_, app, codes := h.owner()
	short, _, _ := strings.Cut(h.company.login(), "@")
	attack := func(times int) (looked int) {
		for i := range 5 {
			for _, name := range []string{h.company.login(), short} {
				for range times {
					if res := h.guest(fmt.Sprintf("192.0.2.%d", i)).tries(name, "unlock", "pin", wrongPIN); res.StatusCode == http.StatusForbidden {
						looked++
					}
				}
			}
		}
		return looked
	}
	if n := attack(5); n < 5*rateRecoverFresh.burst {
		t.Fatalf("%d tries", n)
	}
	her := func(from string) {
		t.Helper()
		h.guest(from).comesIn(h.company.login(), "unlock", "totp", app())
		h.guest(from).comesIn(h.company.login(), "unlock", "recovery-code", codes[0])
		h.guest(from).comesIn(h.company.login(), "unlock", "pin", rightPIN)
		codes = codes[1:]
	}
	her("198.51.100.1")
	for range 8 {
		h.later(time.Hour)
		attack(1)
	}
	her("198.51.100.2")
	her("2001:db8:5::1")
}

// With many networks somebody can make a new one wait, for a quarter of an hour, and
// never a browser that she used her passkey in.
func TestManyNetworksMakeANewOneWaitAndNoKnownBrowser(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverNet, &rateRecoverAll)
	h := networks(t, bySeveral)
	p, app, _ := h.owner()
	p.signIn()
	if p.browser == "" {
		t.Fatal("the browser has no cookie")
	}
	for i := range rateRecoverFirst.burst/rateRecoverFresh.burst + 1 {
		for range rateRecoverFresh.burst {
			wantProblem(t, h.guest(fmt.Sprintf("192.0.2.%d", i)).tries(h.company.login(), "unlock", "pin", wrongPIN), http.StatusForbidden, "recover.refused")
		}
	}
	known := h.guest("192.0.2.1") // even from one of those networks
	known.browser = p.browser
	known.comesIn(h.company.login(), "unlock", "pin", rightPIN)
	for range 5 { // then it rests, for networks that have tried
		wantProblem(t, h.guest("192.0.2.99").tries(h.company.login(), "unlock", "pin", wrongPIN), http.StatusForbidden, "recover.refused")
	}
	wantProblem(t, h.guest("198.51.100.1").tries(h.company.login(), "unlock", "pin", rightPIN), http.StatusForbidden, "recover.refused")
	h.guest("198.51.100.1").comesIn(h.company.login(), "unlock", "totp", app())
	h.later(rateRecoverFirst.refill + time.Second)
	h.guest("198.51.100.1").comesIn(h.company.login(), "unlock", "pin", rightPIN)

	// What somebody tries in that browser has an end, too.
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	for range rateRecoverKnown.burst + 1 {
		at := h.guest("192.0.2.1")
		at.browser = p.browser
		wantProblem(t, at.tries(h.company.login(), "unlock", "totp", "000000"), http.StatusForbidden, "recover.refused")
	}
	met := slices.DeleteFunc(count.seen, func(s string) bool { return s != rateRecoverKnown.name+" true" })
	if len(met) != rateRecoverKnown.burst {
		t.Errorf("%d tries in a known browser count apart, want %d", len(met), rateRecoverKnown.burst)
	}
}

// Another's browser is nobody's own.
func TestABrowserIsKnownToItsOwnAccountOnly(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover)
	h := networks(t, bySeveral)
	p, _, _ := h.owner()
	p.signIn()
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	for _, name := range []string{h.company.colleague.Account, "nobody.at.all"} {
		q := h.guest("192.0.2.1")
		q.browser = p.browser
		wantProblem(t, q.tries(name, "unlock", "totp", "000000"), http.StatusForbidden, "recover.refused")
	}
	if slices.ContainsFunc(count.seen, func(s string) bool { return strings.HasPrefix(s, rateRecoverKnown.name) }) {
		t.Errorf("met %v", count.seen)
	}
}

// A site of IPv6 has its first tries once, or a single one could use up everybody's.
func TestAnIPv6SiteHasItsFirstTriesOnce(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover)
	h := networks(t, bySeveral)
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	for i := range 2 * rateRecoverFresh.burst {
		h.guest(fmt.Sprintf("2001:db8:7:%x::1", i)).tries("nobody.at.all", "unlock", "totp", "000000")
	}
	first := 0
	for _, s := range count.seen {
		if s == rateRecoverFirst.name+" true" {
			first++
		}
	}
	if first != rateRecoverFresh.burst {
		t.Errorf("%d first tries, want %d", first, rateRecoverFresh.burst)
	}
}

// Signed in, each kind has its own bucket, and it is told.
func TestAnswersOfASignedInPersonAreCountedByKind(t *testing.T) {
	wide(t, &rateExecute)
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		acts[workflow.KindReset] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPIN}, {enroll.ProofPasskey, enroll.ProofTOTP}}}
	})
	p, _, _ := h.owner()
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	answer := func(kind, value string) *http.Response {
		return p.call("POST", "/api/requests/"+r.ID+"/answers", fields{"token": "", "proofs": []fields{{"kind": kind, "value": value}}})
	}
	// What rests by itself, as a PIN does, never gets so far.
	for range rateAnswer.burst {
		wantProblem(t, answer("mail-code", "0000 0000"), http.StatusUnprocessableEntity, "proof.wrong")
	}
	got := wantProblem(t, answer("mail-code", "0000 0000"), http.StatusTooManyRequests, "limit.reached")
	if most := int(rateAnswer.refill.Seconds()); got.RetryAfter < most-60 || got.RetryAfter > most {
		t.Errorf("wait %d", got.RetryAfter)
	}
	wantProblem(t, answer("totp", "000000"), http.StatusUnprocessableEntity, "proof.wrong")
	for range 5 {
		wantProblem(t, answer("pin", wrongPIN), http.StatusUnprocessableEntity, "proof.wrong")
	}
	wantProblem(t, answer("pin", rightPIN), http.StatusTooManyRequests, "proof.locked")
	h.later(rateAnswer.refill + time.Second)
	r = fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	wantProblem(t, answer("mail-code", "0000 0000"), http.StatusUnprocessableEntity, "proof.wrong")
	if res := answer("pin", rightPIN); res.StatusCode != http.StatusOK {
		t.Errorf("after the wait: %d %s", res.StatusCode, bodyOf(t, res))
	}
}

// How long it takes until another code goes is told to whoever is signed in, and to
// nobody else.
func TestTheWaitForAnotherCodeIsToldToItsOwnerOnly(t *testing.T) {
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofMailCode}))
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.verifies("mail-code", "me@home.example")
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	h.post.err = enroll.SentOften{Wait: 95 * time.Minute}
	res := p.call("POST", "/api/requests/"+r.ID+"/ask", fields{"kinds": []string{"mail-code"}})
	got := wantProblem(t, res, http.StatusTooManyRequests, "code.too-many")
	if got.RetryAfter != 95*60 || res.Header.Get("Retry-After") != "5700" {
		t.Errorf("wait %d, header %q", got.RetryAfter, res.Header.Get("Retry-After"))
	}
	res = p.call("POST", "/api/proofs/address/begin", fields{"proof": p.mayChange(fields{"purpose": "mail-code"}), "kind": "mail-code", "address": "me@other.example"})
	if wantProblem(t, res, http.StatusTooManyRequests, "code.too-many").RetryAfter != 95*60 {
		t.Error("no wait for an address that is verified")
	}
	var seen []string
	for _, name := range []string{h.company.login(), "nobody.at.all"} {
		q := h.phone()
		begun := fetch[RecoveryBegun](q, "POST", "/api/recover/begin", fields{"name": name, "kind": "unlock"})
		res := q.call("POST", "/api/recover/send", fields{"token": begun.Token, "kind": "mail-code"})
		seen = append(seen, fmt.Sprint(res.StatusCode, res.Header.Get("Retry-After"), len(bodyOf(t, res))))
	}
	if seen[0] != seen[1] || !strings.HasPrefix(seen[0], "200") {
		t.Errorf("sent: %v", seen)
	}
}

// What docs/security.md says of guesses: of one secret, from however many networks.
func TestGuessesOfADayAreThoseOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, row := range map[enroll.ProofKind]string{
		enroll.ProofPIN: "PIN of six digits", enroll.ProofTOTP: "app: three codes of a million are right",
		enroll.ProofMailCode: "code by mail or SMS, eight digits, ten minutes", enroll.ProofQuestions: "three answers, each one of twenty that are likely",
	} {
		first, rest := rateRecoverFirst.forKind(kind), rateRecoverOne.forKind(kind)
		daily := int(24*time.Hour/first.refill + 24*time.Hour/rest.refill)
		if want := fmt.Sprintf("| %s | %d | %d |", row, daily+first.burst+rest.burst, daily); !strings.Contains(string(text), want) {
			t.Errorf("no %q", want)
		}
	}
}

// From new networks without end, tries of a day are as many as that: the first tries in
// one lane, all others in the next.
func TestNewNetworksWithoutEndGuessNoMore(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverNet, &rateRecoverAll)
	h := networks(t, bySeveral)
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	tries := func(n int) (looked int) {
		count.seen = nil
		for i := range n {
			at := time.Duration(h.ahead.Load()).Hours()
			wantProblem(t, h.guest(fmt.Sprintf("10.%d.0.%d", int(at), i)).tries("nobody.at.all", "unlock", "totp", "000000"), http.StatusForbidden, "recover.refused")
		}
		for _, s := range count.seen {
			if s == rateRecoverFirst.name+" true" || s == rateRecoverOne.name+" true" {
				looked++
			}
		}
		return looked
	}
	if n := tries(60); n != rateRecoverFirst.burst+rateRecoverOne.burst {
		t.Errorf("%d at once", n)
	}
	h.later(2*time.Hour + time.Minute)
	if n := tries(60); n != 16 {
		t.Errorf("%d in two hours more", n)
	}
}

// What is told comes before what is counted by account, at the door of a colleague's word
// too: or past one limit a second spelling of a name would show that somebody has it.
func TestAskingForAWordTellsNothingByItsLimits(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverNet, &rateRecoverAll)
	h := networks(t, bySeveral, byAWord)
	h.owner()
	short, _, _ := strings.Cut(h.company.login(), "@")
	for range rateRecoverFresh.burst + rateRecoverOne.burst { // all that is counted by account is used up
		h.guest("192.0.2.1").tries(h.company.login(), "unlock", "pin", wrongPIN)
	}
	ask := func(name string) *http.Response {
		p := h.guest("192.0.2.1")
		begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": "unlock"})
		return p.call("POST", "/api/recover/ask", fields{"token": begun.Token, "proofs": []fields{{"kind": "pin", "value": wrongPIN}}})
	}
	for range rateWordNet.burst {
		ask("nobody.at.all")
	}
	for _, name := range []string{"nobody.at.all", "nobody.else", h.company.login(), short} {
		wantProblem(t, ask(name), http.StatusTooManyRequests, "limit.reached")
	}
}

// What no rule takes, a kind twice and what stands beside a recovery code use up none of
// what an account has: one request shuts somebody out of one kind at most.
func TestWhatIsRefusedAnywayCostsNobodyATry(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverName, &rateRecoverNet, &rateRecoverAll)
	h := networks(t, bySeveral, alsoBy([]enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofPIN}))
	h.owner()
	count := &tally{Limits: h.store}
	h.Server.cfg.Limits = count
	for name, proofs := range map[string][]fields{
		"what no rule takes":        {{"kind": "pin", "value": wrongPIN}, {"kind": "totp", "value": "000000"}},
		"one kind twice":            {{"kind": "pin", "value": wrongPIN}, {"kind": "pin", "value": wrongPIN}},
		"beside a wrong code":       {{"kind": "recovery-code", "value": "0000-0000-0000-0000"}, {"kind": "pin", "value": wrongPIN}},
		"beside a code, no rule":    {{"kind": "recovery-code", "value": "0000-0000-0000-0000"}, {"kind": "totp", "value": "000000"}},
		"what is none of the kinds": {{"kind": "password", "value": "x"}},
	} {
		count.seen = nil
		p := h.guest("192.0.2.1")
		begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": "unlock"})
		wantProblem(t, p.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": proofs}), http.StatusForbidden, "recover.refused")
		if slices.ContainsFunc(count.seen, func(s string) bool {
			return strings.HasPrefix(s, rateRecoverOne.name) || strings.HasPrefix(s, rateRecoverFirst.name) || strings.HasPrefix(s, rateRecoverFresh.name)
		}) {
			t.Errorf("%s: met %v", name, count.seen)
		}
	}
	// Two that could be guessed count as two for the network and the brake.
	count.seen = nil
	p := h.guest("192.0.2.1")
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": "unlock"})
	p.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": []fields{{"kind": "pin", "value": wrongPIN}, {"kind": "totp", "value": "000000"}}})
	if n := len(slices.DeleteFunc(slices.Clone(count.seen), func(s string) bool { return !strings.HasPrefix(s, rateRecoverAll.name+" ") })); n != 2 {
		t.Errorf("the brake counts %d of two guesses: %v", n, count.seen)
	}
}

// Somebody who tries without end, from new networks all the time, does not keep the rest
// of a factor going by it: whoever waits a quarter of an hour gets in. And who tries in
// the owner's own network never shuts out her known browser.
func TestAnAimedLockHasAnEnd(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverAll)
	h := networks(t, bySeveral)
	p, _, _ := h.owner()
	p.signIn()
	for i := range 40 {
		h.later(rateRecoverFirst.refill)
		h.guest(fmt.Sprintf("192.0.2.%d", i)).tries(h.company.login(), "unlock", "pin", wrongPIN)
	}
	for range 2 * rateRecoverName.burst { // by her own neighbours, until they are told to wait
		h.guest("198.51.100.7").tries(h.company.login(), "unlock", "pin", wrongPIN)
	}
	known := h.guest("198.51.100.7")
	wantProblem(t, known.tries(h.company.login(), "unlock", "pin", rightPIN), http.StatusTooManyRequests, "limit.reached")
	known.browser = p.browser
	known.comesIn(h.company.login(), "unlock", "pin", rightPIN)
	h.guest("203.0.113.99").comesIn(h.company.login(), "unlock", "pin", rightPIN)
}
