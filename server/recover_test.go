package server

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// byCodesToo lets recovery codes and the app do what a passkey does.
func byCodesToo(acts map[workflow.Kind]workflow.Act) {
	for kind, act := range acts {
		act.Prove = append(act.Prove, []enroll.ProofKind{enroll.ProofRecoveryCode}, []enroll.ProofKind{enroll.ProofTOTP})
		acts[kind] = act
	}
}

func (p *phone) mayChange(body fields) string {
	p.h.t.Helper()
	token, options := p.begin("/api/step-up/begin", body)
	return fetch[ProofID](p, "POST", "/api/step-up/finish", fields{"token": token, "credential": p.assert(options)}).Proof
}

func (p *phone) codes() []string {
	p.h.t.Helper()
	return fetch[Codes](p, "POST", "/api/proofs/recovery-codes", fields{"proof": p.mayChange(fields{"purpose": "recovery-codes"})}).Codes
}

// tries comes in without a passkey.
func (p *phone) tries(name, kind, proof, value string) *http.Response {
	p.h.t.Helper()
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": kind})
	return p.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": []fields{{"kind": proof, "value": value}}})
}

func (p *phone) comesIn(name, kind, proof, value string) Me {
	p.h.t.Helper()
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": kind})
	return fetch[Me](p, "POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": []fields{{"kind": proof, "value": value}}})
}

func TestALockedAccountIsUnlockedByARecoveryCode(t *testing.T) {
	h := newHouse(t, byCodesToo)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	codes := p.codes()
	held := fetch[Proofs](p, "GET", "/api/proofs", nil)
	if len(codes) != 10 || held.RecoveryCodes.Total != 10 || held.RecoveryCodes.Left != 10 || !held.RecoveryCodes.Offered {
		t.Fatalf("%d codes, held %+v", len(codes), held)
	}
	h.company.lock()

	other := h.phone() // somebody else's, with no passkey of theirs
	me := other.comesIn(h.company.login(), "unlock", "recovery-code", strings.ToLower(codes[0]))
	if !me.Session.Recovered || me.Session.Remember || me.Account.State[0] != "locked" {
		t.Fatalf("in: %+v, %v", me.Session, me.Account.State)
	}
	if r := fetch[Request](other, "POST", "/api/requests", fields{"kind": "unlock"}); r.State != "done" || !r.Unlocked {
		t.Fatalf("unlock %+v", r)
	}
	// The way in was for that, and nothing else.
	if r := fetch[Request](other, "POST", "/api/requests", fields{"kind": "reset"}); r.State != "draft" {
		t.Errorf("reset %+v", r)
	}
	wantProblem(t, h.phone().tries(h.company.login(), "unlock", "recovery-code", codes[0]), http.StatusForbidden, "recover.refused")
	if left := fetch[Proofs](p, "GET", "/api/proofs", nil).RecoveryCodes.Left; left != 9 {
		t.Errorf("%d codes left", left)
	}
	for _, c := range codes {
		if strings.Contains(h.logged.String(), c) {
			t.Error("the log holds a code")
		}
	}
}

// The lost phone: a code, a new passkey, the old one gone.
func TestALostPhoneIsReplaced(t *testing.T) {
	h := newHouse(t, byCodesToo)
	lost := h.phone()
	lost.enrol(h.invitation(h.company.person), h.company.who.Password)
	codes := lost.codes()

	fresh := h.phone()
	fresh.comesIn(h.company.login(), "enrol", "recovery-code", codes[1])
	r := fetch[Request](fresh, "POST", "/api/requests", fields{"kind": "enrol"})
	if r.State != "approved" {
		t.Fatalf("request %+v", r)
	}
	wantProblem(t, fresh.call("POST", "/api/requests/"+r.ID+"/execute", fields{}), http.StatusUnprocessableEntity, "request.kind")
	token, options := fresh.begin("/api/requests/"+r.ID+"/passkey/begin", fields{})
	done := fetch[Request](fresh, "POST", "/api/requests/"+r.ID+"/passkey/finish",
		fields{"token": token, "name": "New phone", "credential": fresh.create(options), "removeOthers": true})
	if done.State != "done" {
		t.Fatalf("registered %+v", done)
	}
	wantProblem(t, lost.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
	token, options = lost.begin("/api/sign-in/begin", fields{})
	if res := lost.call("POST", "/api/sign-in/finish", fields{"token": token, "credential": lost.assert(options), "remember": false}); res.StatusCode < 400 {
		t.Error("the lost phone signs in")
	}
	if me := fresh.signIn(); me.Passkeys != 1 || me.Session.Recovered {
		t.Errorf("signed in with the new one: %+v", me)
	}
	wantProblem(t, fresh.call("POST", "/api/requests/"+r.ID+"/passkey/begin", fields{}), http.StatusConflict, "request.done")
}

// Rule 3 through the door: a code of the app changes no password of somebody who
// holds a passkey, and says no more than a wrong one.
func TestAnAuthenticatorAppIsNoWayAroundThePasskey(t *testing.T) {
	h := newHouse(t, byCodesToo)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	begun := fetch[TOTPBegun](p, "POST", "/api/proofs/totp/begin", fields{"proof": p.mayChange(fields{"purpose": "totp"})})
	seed := strings.ReplaceAll(begun.Secret, " ", "")
	at := time.Now()
	code := func() string {
		c, err := totp.GenerateCode(seed, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wantProblem(t, p.call("POST", "/api/proofs/totp/finish", fields{"token": begun.Token, "code": "12345"}), http.StatusUnprocessableEntity, "proof.wrong")
	if held := fetch[Proofs](p, "POST", "/api/proofs/totp/finish", fields{"token": begun.Token, "code": code()}); !held.TOTP.Held {
		t.Fatalf("held %+v", held)
	}
	at = at.Add(30 * time.Second)
	for _, kind := range []string{"reset", "enrol", "one-time"} {
		wantProblem(t, h.phone().tries(h.company.login(), kind, "totp", code()), http.StatusForbidden, "recover.refused")
	}
	h.company.lock()
	other := h.phone()
	other.comesIn(h.company.login(), "unlock", "totp", code())
	if r := fetch[Request](other, "POST", "/api/requests", fields{"kind": "unlock"}); r.State != "done" {
		t.Errorf("unlock %+v", r)
	}
	fetch[Proofs](p, "POST", "/api/proofs/remove", fields{"proof": p.mayChange(fields{"purpose": "remove-proof", "kind": "totp"}), "kind": "totp"})
	at = at.Add(30 * time.Second)
	wantProblem(t, h.phone().tries(h.company.login(), "unlock", "totp", code()), http.StatusForbidden, "recover.refused")
}

// app is an authenticator app that a phone set up.
type app struct {
	p    *phone
	seed string
}

func (p *phone) setsUpApp() app {
	p.h.t.Helper()
	begun := fetch[TOTPBegun](p, "POST", "/api/proofs/totp/begin", fields{"proof": p.mayChange(fields{"purpose": "totp"})})
	a := app{p, strings.ReplaceAll(begun.Secret, " ", "")}
	fetch[Proofs](p, "POST", "/api/proofs/totp/finish", fields{"token": begun.Token, "code": a.code(0)})
	return a
}

// code is what it shows, on a phone whose clock is that far ahead.
func (a app) code(ahead time.Duration) string {
	a.p.h.t.Helper()
	c, err := totp.GenerateCode(a.seed, a.p.h.now().Add(ahead))
	if err != nil {
		a.p.h.t.Fatal(err)
	}
	return c
}

func (p *phone) removes(kind string) {
	p.h.t.Helper()
	fetch[Proofs](p, "POST", "/api/proofs/remove", fields{"proof": p.mayChange(fields{"purpose": "remove-proof", "kind": kind}), "kind": kind})
}

// The app is changed by taking it away and setting up another: each of the two makes a
// reset wait anew, as the first app beside a passkey does. The first passkey does not.
func TestAChangedAuthenticatorAppMakesAResetWait(t *testing.T) {
	const day = 24 * time.Hour
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		acts[workflow.KindReset] = workflow.Act{Prove: acts[workflow.KindReset].Prove, CoolDown: day}
		acts[workflow.KindUnlock] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofTOTP}}}
	})
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	free := func(when string) {
		t.Helper()
		r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
		if r.State != "draft" {
			t.Errorf("%s: %+v", when, r)
		}
		fetch[Request](p, "POST", "/api/requests/"+r.ID+"/cancel", fields{})
	}
	waits := func(when string) {
		t.Helper()
		wantProblem(t, p.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "proof.cool-down")
		h.ahead.Add(int64(day - time.Hour))
		p.signIn()
		wantProblem(t, p.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "proof.cool-down")
		h.ahead.Add(int64(2 * time.Hour))
		p.signIn()
		free("a day after " + when)
	}
	free("with the first passkey")
	p.setsUpApp()
	waits("the first app")
	p.removes("totp")
	waits("the app was taken away")
	p.setsUpApp()
	waits("another app")
	other := h.phone()
	token, options := p.begin("/api/passkeys/begin", fields{"proof": p.mayChange(fields{"purpose": "add-passkey"})})
	added := fetch[Passkey](p, "POST", "/api/passkeys/finish", fields{"token": token, "name": "Laptop", "credential": other.create(options)})
	waits("another passkey")
	fetch[nothing](p, "POST", "/api/passkeys/"+added.ID+"/remove", fields{"proof": p.mayChange(fields{"purpose": "remove-passkey", "passkey": added.ID}), "last": false})
	waits("a passkey was taken away")
}

// A session without a passkey gets what its guard says, and nothing else.
func TestASessionWithoutAPasskeyDoesOnlyWhatItIsFor(t *testing.T) {
	h := newHouse(t, byCodesToo)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	codes := p.codes()
	other := h.phone()
	other.comesIn(h.company.login(), "unlock", "recovery-code", codes[0])
	closed := 0
	for _, r := range h.routes {
		if r.guard != session {
			continue
		}
		closed++
		wantProblem(t, other.call(r.method, goodPath(r), nil), http.StatusForbidden, "session.recovered")
	}
	if closed < 20 {
		t.Errorf("%d routes are closed", closed)
	}
}

// anew is what is made for each answer: of that the length is compared. The questions are
// drawn by the name as it was typed, whether anybody has it or not.
var anew = regexp.MustCompile(`("(?:token|number|until|instance)":"|"id":"q)([^"]*)`)

// shapeOf is all that an answer says: status, each header with its value, and body.
func (h *house) shapeOf(res *http.Response) string {
	h.t.Helper()
	masked := func(s string) string { return strings.Repeat("x", len(s)) }
	header := res.Header.Clone()
	header.Del("Date")
	for i, line := range header["Set-Cookie"] {
		if name, rest, ok := strings.Cut(line, "="); ok {
			value, attributes, _ := strings.Cut(rest, ";")
			header["Set-Cookie"][i] = name + "=" + masked(value) + ";" + attributes
		}
	}
	var out strings.Builder
	out.WriteString(res.Status + "\n")
	_ = header.Write(&out) // sorted; a strings.Builder takes all
	body := anew.ReplaceAllStringFunc(bodyOf(h.t, res), func(s string) string {
		part := anew.FindStringSubmatch(s)
		return part[1] + masked(part[2])
	})
	return out.String() + body
}

// answersAlike holds what nobody's name was answered, by what was asked.
type answersAlike map[string]string

// compare holds an answer to that for nobody, who comes first, and to the status.
func (a answersAlike) compare(h *house, which, name string, res *http.Response, status int) {
	h.t.Helper()
	shape := h.shapeOf(res)
	if before, ok := a[which]; !ok {
		a[which] = shape
	} else if before != shape {
		h.t.Errorf("%s of %s:\n%s\nof nobody:\n%s", which, name, shape, before)
	}
	if res.StatusCode != status {
		h.t.Errorf("%s of %s: %d", which, name, res.StatusCode)
	}
}

// strangers are names of every sort, by what they are, in the order in which they are
// tried: nobody's first.
func (h *house) strangers() (kinds []string, names map[string]string) {
	h.t.Helper()
	names = map[string]string{
		"holds all": h.company.login(), "holds nothing": h.company.colleague.Account, "by another name": strings.ToUpper(h.company.login()) + "@corp.example.test",
		"nobody": "nobody.at.all", "nobody of the domain": "nobody@corp.example.test", "nobody of another": "nobody@elsewhere.example",
		"an administrator": "Administrator", "krbtgt": "krbtgt", "a filter": "x' OR 1=1", "a star": "*", "Latchkey itself": "svc-latchkey",
	}
	for _, p := range h.company.seeded.People {
		a, err := h.company.Account(h.t.Context(), ad.GUID(p.GUID))
		switch {
		case err != nil:
			h.t.Fatal(err)
		case a.Disabled:
			names["disabled"] = p.Account
		case a.Protected != ad.NotProtected:
			names["protected"] = p.Account
		case a.Locked:
			names["locked"] = p.Account
		}
	}
	for _, must := range []string{"disabled", "protected", "locked"} {
		if names[must] == "" {
			h.t.Fatal("nobody is", must)
		}
	}
	frozen := h.colleague("tomasz.wisniewski")
	link := h.engine.FreezeLink(ad.GUID(frozen.GUID), workflow.NoticeChanged, 1, h.now())
	fetch[nothing](h.phone(), "POST", "/api/freeze/notice", fields{"token": link.Reveal()})
	names["frozen"] = frozen.Account
	kinds = slices.Sorted(maps.Keys(names))
	return append([]string{"nobody"}, slices.DeleteFunc(kinds, func(k string) bool { return k == "nobody" })...), names
}

// Whoever is named, and whatever is guessed, each answer before a proof is the same:
// status, headers with their values, and body.
func TestAWayInTellsNothingOfWhoExists(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverNet, &rateRecoverName, &rateRecoverOne, &rateRecoverAll, &rateRecoverSend)
	alone := []enroll.ProofKind{
		enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofPIN, enroll.ProofQuestions, enroll.ProofPassword,
		enroll.ProofDirectory, enroll.ProofMailCode, enroll.ProofSMSCode,
	}
	var sets [][]enroll.ProofKind
	for _, kind := range alone {
		sets = append(sets, []enroll.ProofKind{kind})
	}
	sets = append(sets, []enroll.ProofKind{enroll.ProofDirectory, enroll.ProofPIN}, []enroll.ProofKind{enroll.ProofTOTP, enroll.ProofMailCode})
	h := newHouse(t, alsoBy(sets...))
	proofs := everyProof()
	proofs.Directory = "department" // which is guessed rightly of the first one
	if err := h.passkeys.Set(enroll.Settings{Proofs: proofs}); err != nil {
		t.Fatal(err)
	}
	h.post.waits()
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.codes()
	p.setsUpApp()
	p.setsPIN()
	p.setsAnswers()
	p.verifies("mail-code", "me@home.example")
	p.verifies("sms-code", "+49 151 12345678")
	guess := func(kind enroll.ProofKind) fields {
		switch kind {
		case enroll.ProofRecoveryCode:
			return fields{"kind": kind, "value": "0000-0000-0000-0000"}
		case enroll.ProofQuestions:
			return fields{"kind": kind, "value": "", "answers": []string{"the blue one", "the green one", "the grey one"}}
		case enroll.ProofPassword:
			return fields{"kind": kind, "value": "Wrong-Secret-1"}
		case enroll.ProofDirectory:
			return fields{"kind": kind, "value": h.company.who.Department}
		}
		return fields{"kind": kind, "value": "000000"}
	}
	isSlow := func(k enroll.ProofKind) bool { return k == enroll.ProofPIN || k == enroll.ProofQuestions }
	kinds, names := h.strangers()
	seen := answersAlike{}
	same := func(which, name string, res *http.Response, status int) {
		t.Helper()
		seen.compare(h, which, name, res, status)
	}
	for _, name := range kinds {
		for _, act := range []string{"unlock", "reset", "thaw"} {
			same(act+", begin", name, h.phone().call("POST", "/api/recover/begin", fields{"name": names[name], "kind": act}), http.StatusOK)
			for _, set := range sets {
				if act != "unlock" && slices.ContainsFunc(set, isSlow) {
					continue // they are looked at as for an unlock, and each takes its time
				}
				which := fmt.Sprint(act, " by ", set)
				q := h.phone()
				token := fetch[RecoveryBegun](q, "POST", "/api/recover/begin", fields{"name": names[name], "kind": act}).Token
				var given []fields
				for _, kind := range set {
					if kind == enroll.ProofMailCode || kind == enroll.ProofSMSCode {
						sent := fields{"token": token, "kind": kind}
						same(which+", send", name, q.call("POST", "/api/recover/send", sent), http.StatusOK)
						token = fetch[RecoveryBegun](q, "POST", "/api/recover/send", sent).Token
						same(which+", send once more", name, q.call("POST", "/api/recover/send", fields{"token": token, "kind": kind}), http.StatusOK)
					}
					given = append(given, guess(kind))
				}
				finish := fields{"token": token, "proofs": given}
				same(which+", finish", name, q.call("POST", "/api/recover/finish", finish), http.StatusForbidden)
				if act != "unlock" {
					continue
				}
				same(which+", finish once more", name, q.call("POST", "/api/recover/finish", finish), http.StatusForbidden)
				same(which+", what no rule takes", name, q.call("POST", "/api/recover/finish", fields{"token": token, "proofs": append(given, guess(enroll.ProofRecoveryCode))}), http.StatusForbidden)
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d answers were compared", len(seen))
	}
}

// Of a recovery code only a flood of one network is told, and never against a passkey.
func TestTriesOfAWayInAreCounted(t *testing.T) {
	wide(t, &rateRecoverBegin)
	h := newHouse(t, byCodesToo)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	for i := range rateRecover.burst {
		name := []string{h.company.login(), "nobody"}[i%2]
		if res := h.phone().tries(name, "unlock", "recovery-code", "0000"); res.StatusCode != http.StatusForbidden {
			t.Fatalf("%s, try %d: %d", name, i, res.StatusCode)
		}
	}
	for _, name := range []string{h.company.login(), "nobody"} {
		wantProblem(t, h.phone().tries(name, "unlock", "recovery-code", "0000"), http.StatusTooManyRequests, "limit.reached")
	}
	if me := p.signIn(); me.Passkeys != 1 {
		t.Errorf("the passkey: %+v", me)
	}
}

// A clock that is minutes off is told to whoever is signed in, with how far, and counts
// as a wrong code. The way in tells a stranger nothing of it.
func TestAClockThatIsOffIsToldOnlyInside(t *testing.T) {
	h := newHouse(t, func(acts map[workflow.Kind]workflow.Act) {
		byCodesToo(acts)
		acts[workflow.KindReset] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofTOTP}}}
	})
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	a := p.setsUpApp()
	h.ahead.Add(int64(15 * time.Minute))
	p.signIn()
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "reset"})
	tries := func(code string) *http.Response {
		return p.call("POST", "/api/requests/"+r.ID+"/answers", fields{"token": "", "proofs": []fields{{"kind": "totp", "value": code}}})
	}
	said := wantProblem(t, tries(a.code(-4*time.Minute)), http.StatusUnprocessableEntity, "proof.clock").Params
	if said["clock"] != "behind" || said["minutes"] != "4" {
		t.Errorf("of a clock behind: %v", said)
	}
	if said = wantProblem(t, tries(a.code(3*time.Minute)), http.StatusUnprocessableEntity, "proof.clock").Params; said["clock"] != "ahead-used" || said["minutes"] != "3" {
		t.Errorf("of a clock ahead: %v", said)
	}
	for range 10 { // with these two they are the twelve that an account has at once
		wantProblem(t, tries("000"), http.StatusUnprocessableEntity, "proof.wrong")
	}
	wantProblem(t, tries("000"), http.StatusTooManyRequests, "limit.reached")

	res := h.phone().tries(h.company.login(), "unlock", "totp", a.code(5*time.Minute))
	if got := wantProblem(t, res, http.StatusForbidden, "recover.refused"); len(got.Params) != 0 {
		t.Errorf("a stranger is told %v", got.Params)
	}
	h.ahead.Add(int64(10 * time.Minute))
	begun := fetch[TOTPBegun](p, "POST", "/api/proofs/totp/begin", fields{"proof": p.mayChange(fields{"purpose": "totp"})})
	fresh := app{p, strings.ReplaceAll(begun.Secret, " ", "")}
	set := p.call("POST", "/api/proofs/totp/finish", fields{"token": begun.Token, "code": fresh.code(7 * time.Minute)})
	if said = wantProblem(t, set, http.StatusUnprocessableEntity, "proof.clock").Params; said["clock"] != "ahead" || said["minutes"] != "7" {
		t.Errorf("setting up: %v", said)
	}
}
