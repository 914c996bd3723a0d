package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// frozenOne is somebody with a phone, an approved reset and a link from a notice.
func frozenOne(t *testing.T) (h *house, who *phone, account ad.GUID, r Request, token string) {
	t.Helper()
	h = newHouse(t)
	person, p := h.colleague("priya.raman"), h.phone()
	account = ad.GUID(person.GUID)
	p.enrol(h.invitation(account), person.Password)
	return h, p, account, p.approved("reset"), h.engine.FreezeLink(account, workflow.NoticeChanged, 1, time.Now()).Reveal()
}

func (h *house) wantStopped(who *phone, account ad.GUID, r Request) {
	h.t.Helper()
	if frozen, err := h.store.IsFrozen(h.t.Context(), account); err != nil || !frozen {
		h.t.Fatalf("frozen: %v, %v", frozen, err)
	}
	sessions, err := h.store.Sessions(h.t.Context(), account)
	if err != nil || len(sessions) > 0 {
		h.t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	wantProblem(h.t, who.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
	me := who.signIn() // who is frozen still reads how it stands
	for _, o := range me.Options {
		if o.Allowed || o.Code != "account.frozen" {
			h.t.Errorf("%+v", o)
		}
	}
	i := slices.IndexFunc(me.Requests, func(one Request) bool { return one.ID == r.ID })
	if i < 0 || me.Requests[i].State != "cancelled" || me.Requests[i].Code != "account.frozen" {
		h.t.Errorf("%+v", me.Requests)
	}
	wantProblem(h.t, who.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "account.frozen")
}

func TestALinkOfANoticeFreezesItsAccountAndSaysNothing(t *testing.T) {
	h, who, account, r, token := frozenOne(t)
	stranger := h.phone() // the mail is read on another device: no session, no passkey
	for range 2 {
		res := stranger.call("POST", "/api/freeze/notice", fields{"token": token})
		if res.StatusCode != http.StatusNoContent || bodyOf(t, res) != "" || stranger.cookie != "" {
			t.Fatalf("%d, cookie %q", res.StatusCode, stranger.cookie)
		}
	}
	h.wantStopped(who, account, r)
	if strings.Contains(h.logged.String(), token) {
		t.Error("the link stands in the log")
	}
	list, err := h.store.Events(t.Context(), account, 50)
	if err != nil {
		t.Fatal(err)
	}
	stopped := 0
	for _, e := range list {
		if e.Action == audit.AccountStopped {
			stopped++
		}
	}
	if stopped != 1 {
		t.Errorf("%d freezes in the log", stopped)
	}

	// Lifted: what was used is good for nothing more.
	if err := h.engine.Unfreeze(t.Context(), account, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, stranger.call("POST", "/api/freeze/notice", fields{"token": token}), http.StatusNotFound, "freeze.link")
	if fetch[Request](who, "POST", "/api/requests", fields{"kind": "reset"}).State != "draft" {
		t.Error("not served again")
	}
}

func TestOnesOwnAccountIsFrozenByATouch(t *testing.T) {
	h, who, account, r, _ := frozenOne(t)
	if res := who.call("POST", "/api/freeze", fields{}); res.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", res.StatusCode, bodyOf(t, res))
	}
	if who.cookie != "" {
		t.Errorf("the cookie stays: %q", who.cookie)
	}
	wantProblem(t, who.call("POST", "/api/freeze", fields{}), http.StatusUnauthorized, "session.unknown")
	h.wantStopped(who, account, r)
	// Who is frozen already and taps again is frozen, and no session is left.
	if res := who.call("POST", "/api/freeze", fields{}); res.StatusCode != http.StatusNoContent {
		t.Fatalf("%d", res.StatusCode)
	}
}

// Whatever is sent, and whatever there is here: one answer, in status, headers and
// body, for all that does not freeze.
func TestAllWrongLinksAreAnsweredAlike(t *testing.T) {
	h, who, account, _, good := frozenOne(t)
	missing := ad.GUID{15: 9}
	old := time.Now().Add(-8 * 24 * time.Hour)
	invitation := h.invitation(account)
	signIn, _ := who.begin("/api/sign-in/begin", fields{})
	stepUp, _ := who.begin("/api/step-up/begin", fields{"purpose": "add-passkey"})
	_, session, _ := strings.Cut(who.cookie, "=")
	stranger := h.phone()
	var want string
	for name, token := range map[string]string{
		"nothing": "", "noise": strings.Repeat("A", 120), "no text of ours": "/../\u00e4",
		"cut": good[:len(good)-1], "longer": good + "A", "turned": good[1:] + good[:1],
		"old":             h.engine.FreezeLink(account, workflow.NoticeChanged, 1, old).Reveal(),
		"old, of nobody":  h.engine.FreezeLink(missing, workflow.NoticeChanged, 1, old).Reveal(),
		"an invitation's": invitation, "a sign-in's": signIn, "a step-up's": stepUp, "a session's": session, "an account's": account.String(),
	} {
		res := stranger.call("POST", "/api/freeze/notice", fields{"token": token})
		h := res.Header.Clone()
		h.Del("Date")
		var p Problem
		if err := json.Unmarshal([]byte(bodyOf(t, res)), &p); err != nil {
			t.Fatal(err)
		}
		p.Instance = ""
		got := fmt.Sprintf("%d %v %+v", res.StatusCode, h, p)
		h.Del("Content-Length")
		if want == "" {
			want = got
		}
		if got != want || p.Code != "freeze.link" {
			t.Errorf("%s: %s\nothers: %s", name, got, want)
		}
	}
	if frozen, err := h.store.IsFrozen(t.Context(), account); err != nil || frozen {
		t.Fatalf("frozen: %v, %v", frozen, err)
	}
	if me := fetch[Me](who, "GET", "/api/me", nil); me.Session.SignedIn == "" {
		t.Error("the session ended")
	}
	// And the link is no key to anything else.
	for path, body := range map[string]fields{
		"/api/enrol/open": {"token": good}, "/api/enrol/begin": {"token": good, "grant": ""},
		"/api/sign-in/finish": {"token": good, "credential": fields{}, "remember": false},
	} {
		if res := stranger.call("POST", path, body); res.StatusCode < 400 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	stranger.cookie = cookieName + "=" + good
	wantProblem(t, stranger.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")
}

// Mail is opened by programs: a GET, a HEAD, a form and another site's page do nothing.
func TestOnlyAPostOfOurPageFreezes(t *testing.T) {
	h, who, account, _, token := frozenOne(t)
	for _, path := range []string{"/freeze", "/freeze?token=" + token, "/api/freeze/notice?token=" + token, "/api/freeze/notice", "/api/freeze/thaw/begin"} {
		res := who.call("GET", path, nil)
		if strings.HasPrefix(path, "/api") {
			wantProblem(t, res, http.StatusMethodNotAllowed, "route.method")
		} else if res.StatusCode != http.StatusOK || strings.Contains(bodyOf(t, res), token) {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	if frozen, err := h.store.IsFrozen(t.Context(), account); err != nil || frozen {
		t.Fatalf("frozen: %v, %v", frozen, err)
	}
}

// Who froze themselves proves that it is them, and is served once somebody lifts it.
func TestItIsMeAgainTakesThePasskeyAndSomebodyWhoLifts(t *testing.T) {
	h, who, account, _, _ := frozenOne(t)
	wantProblem(t, who.call("POST", "/api/freeze/thaw/begin", fields{}), http.StatusConflict, "account.not-frozen")
	stepUp, options := who.begin("/api/step-up/begin", fields{"purpose": "add-passkey"})
	if res := who.call("POST", "/api/freeze", fields{}); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.StatusCode)
	}
	who.signIn()
	if f := fetch[OwnFreeze](who, "GET", "/api/freeze", nil); !f.Frozen || !f.Own || f.At == "" || f.Asked != "" {
		t.Fatalf("%+v", f)
	}
	if res := who.call("POST", "/api/freeze/thaw/finish", fields{"token": stepUp, "credential": who.assert(options)}); res.StatusCode < 400 {
		t.Fatal("a proof about something else was taken")
	}
	token, options := who.begin("/api/freeze/thaw/begin", fields{})
	credential := who.assert(options)
	if f := fetch[OwnFreeze](who, "POST", "/api/freeze/thaw/finish", fields{"token": token, "credential": credential}); f.Asked == "" || !f.Frozen {
		t.Fatalf("%+v", f)
	}
	wantProblem(t, who.call("POST", "/api/freeze/thaw/finish", fields{"token": token, "credential": credential}), http.StatusGone, "ceremony.unknown")
	wantProblem(t, who.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "account.frozen")
	if err := h.engine.Unfreeze(t.Context(), account, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
		t.Fatal(err)
	}
	if f := fetch[OwnFreeze](who, "GET", "/api/freeze", nil); f != (OwnFreeze{}) {
		t.Fatalf("%+v", f)
	}
	var log strings.Builder
	if err := h.store.Export(t.Context(), &log); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(strings.NewReader(log.String()))
	if err != nil || !strings.Contains(log.String(), `"account.asked-for"`) {
		t.Fatalf("%+v, %v", report, err)
	}
}

// Whom the policy asks about an account lets it in again, once its owner proved that it
// is them; for anybody else it is not there.
func TestAManagerLiftsAFreezeOnceItsOwnerProved(t *testing.T) {
	h, who, manager, stranger, _ := asked(t)
	account := ad.GUID(h.colleague("priya.raman").GUID)
	who.call("POST", "/api/freeze", fields{})
	who.signIn()
	path := "/api/thaws/" + account.String()
	list := func(p *phone) []Thaw { return fetch[ThawList](p, "GET", "/api/thaws", nil).Thaws }
	if got := list(manager); len(got) != 0 {
		t.Fatalf("before its owner asked: %+v", got)
	}
	wantProblem(t, manager.call("POST", path+"/begin", fields{}), http.StatusConflict, "account.not-frozen")
	token, options := who.begin("/api/freeze/thaw/begin", fields{})
	fetch[OwnFreeze](who, "POST", "/api/freeze/thaw/finish", fields{"token": token, "credential": who.assert(options)})
	for name, p := range map[string]*phone{"a stranger": stranger, "its owner": who} {
		if got := list(p); len(got) != 0 {
			t.Errorf("%s sees %+v", name, got)
		}
		wantProblem(t, p.call("POST", path+"/begin", fields{}), http.StatusConflict, "account.not-frozen")
	}
	got := list(manager)
	if len(got) != 1 || got[0].Account != account.String() || !got[0].Own || got[0].Asked == "" || got[0].Frozen == "" || got[0].DisplayName == "" {
		t.Fatalf("the manager sees %+v", got)
	}
	wantProblem(t, manager.call("POST", "/api/thaws/nobody/begin", fields{}), http.StatusConflict, "account.not-frozen")
	token, options = manager.begin(path+"/begin", fields{})
	if left := fetch[ThawList](manager, "POST", path+"/finish", fields{"token": token, "credential": manager.assert(options)}); len(left.Thaws) != 0 {
		t.Errorf("left %+v", left)
	}
	if frozen, err := h.store.IsFrozen(t.Context(), account); frozen || err != nil {
		t.Errorf("frozen: %v, %v", frozen, err)
	}
	if r := fetch[Request](who, "POST", "/api/requests", fields{"kind": "reset"}); r.State != "draft" {
		t.Errorf("asks again: %+v", r)
	}
	var log strings.Builder
	if err := h.store.Export(t.Context(), &log); err != nil {
		t.Fatal(err)
	}
	if report, err := audit.Verify(strings.NewReader(log.String())); err != nil || !strings.Contains(log.String(), workflow.LiftLabel) {
		t.Errorf("%+v, %v", report, err)
	}
}

// saysItIsMe proves it with the passkey.
func (p *phone) saysItIsMe() OwnFreeze {
	p.h.t.Helper()
	token, options := p.begin("/api/freeze/thaw/begin", fields{})
	return fetch[OwnFreeze](p, "POST", "/api/freeze/thaw/finish", fields{"token": token, "credential": p.assert(options)})
}

// giving replaces the policy by one whose only rule is for these people.
func (h *house) giving(who workflow.Condition) {
	acts := map[workflow.Kind]workflow.Act{}
	for _, k := range workflow.Kinds {
		acts[k] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}}
	}
	h.engine.SetPolicy(workflow.Policy{Hash: "g", Rules: []workflow.Rule{{Name: "some", Who: who, Acts: acts}}})
}

// Whoever is frozen sees it and says that it is them, whatever else stands against the
// account, and whatever the policy gives it: what they are offered does not say it of all.
func TestEveryFrozenAccountIsSaidToBeAndItsOwnerSaysThatItIsThem(t *testing.T) {
	noOptions := func(t *testing.T, list []Option) {
		t.Helper()
		if len(list) != 0 {
			t.Errorf("%+v", list)
		}
	}
	refused := func(code string) func(*testing.T, []Option) {
		return func(t *testing.T, list []Option) {
			t.Helper()
			if len(list) == 0 {
				t.Error("nothing is there")
			}
			for _, o := range list {
				if o.Allowed || o.Code != code {
					t.Errorf("%+v", o)
				}
			}
		}
	}
	day := time.Now().UTC().Add(3 * 24 * time.Hour).Weekday()
	hours := workflow.Hours{To: 1440, Zone: time.UTC}
	hours.Days[day] = true
	for name, c := range map[string]struct {
		account string
		policy  *workflow.Condition // nil for everybody's
		frozen  func(*testing.T, []Option)
		refusal string // of a request once it is lifted; "" for none
	}{
		"an ordinary one":                     {"priya.raman", nil, refused("account.frozen"), ""},
		"a protected one":                     {"elena.petrova", nil, refused("account.protected"), "account.protected"},
		"where a rule is for other hours":     {"priya.raman", &workflow.Condition{Hours: &hours}, noOptions, "policy.not-allowed"},
		"where a rule is for other networks":  {"priya.raman", &workflow.Condition{Network: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, noOptions, "policy.not-allowed"},
		"where no rule is for them":           {"priya.raman", &workflow.Condition{Department: "Nowhere"}, noOptions, "policy.not-allowed"},
		"a protected one that no rule is for": {"elena.petrova", &workflow.Condition{Department: "Nowhere"}, noOptions, "account.protected"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if c.policy != nil {
				h.giving(*c.policy)
			}
			person, who := h.colleague(c.account), h.phone()
			who.from = "203.0.113.7"
			account := ad.GUID(person.GUID)
			if me := who.enrol(h.invitation(account), person.Password); me.Frozen {
				t.Fatal("frozen before anybody froze it")
			}
			if res := who.call("POST", "/api/freeze", fields{}); res.StatusCode != http.StatusNoContent {
				t.Fatal(res.StatusCode)
			}
			if me := who.signIn(); !me.Frozen {
				t.Errorf("signing in says of a frozen account %+v", me)
			}
			me := fetch[Me](who, "GET", "/api/me", nil)
			if !me.Frozen {
				t.Errorf("it is not said of a frozen account: %+v", me)
			}
			c.frozen(t, me.Options)
			wantProblem(t, who.call("POST", "/api/requests", fields{"kind": "reset"}), http.StatusForbidden, "account.frozen")
			lift := func() error { return h.engine.Unfreeze(t.Context(), account, workflow.Lifter{By: audit.ActorOperator}) }
			if err := lift(); !errors.Is(err, workflow.ErrUnproved) {
				t.Fatalf("lifted before its owner asked: %v", err)
			}
			if f := who.saysItIsMe(); !f.Frozen || f.Asked == "" {
				t.Fatalf("%+v", f)
			}
			if me := fetch[Me](who, "GET", "/api/me", nil); !me.Frozen {
				t.Error("asking has lifted it")
			}
			if err := lift(); err != nil {
				t.Fatal(err)
			}
			if me := fetch[Me](who, "GET", "/api/me", nil); me.Frozen {
				t.Error("still said to be frozen")
			}
			// And the account is as it was before, no more.
			res := who.call("POST", "/api/requests", fields{"kind": "reset"})
			if c.refusal == "" && res.StatusCode != http.StatusCreated {
				t.Errorf("not served again: %d", res.StatusCode)
			}
			if c.refusal != "" {
				wantProblem(t, res, http.StatusForbidden, c.refusal)
			}
		})
	}
}

// An account of which that can't be read is not said to be fine.
func TestNobodyIsShownAnAccountWhoseFreezeCantBeRead(t *testing.T) {
	st := newStage(t)
	st.seats.ice = errors.New("no store")
	wantProblem(t, st.in("GET", "/api/me", ""), http.StatusInternalServerError, "internal")
}

// A protected account's manager lifts its freeze as anybody's: Latchkey does nothing for
// it before, and nothing after.
func TestAProtectedAccountIsLetInAgainAndGetsNothing(t *testing.T) {
	h := newHouse(t, byTheManager)
	boss, person := h.colleague("ingrid.solheim"), h.colleague("elena.petrova")
	manager, who := h.phone(), h.phone()
	manager.enrol(h.invitation(ad.GUID(boss.GUID)), boss.Password)
	who.enrol(h.invitation(ad.GUID(person.GUID)), person.Password)
	nothing := func() {
		t.Helper()
		for _, o := range fetch[Me](who, "GET", "/api/me", nil).Options {
			if o.Allowed || o.Code != "account.protected" {
				t.Errorf("%+v", o)
			}
		}
	}
	who.call("POST", "/api/freeze", fields{})
	who.signIn()
	nothing()
	who.saysItIsMe()
	nothing()
	manager.lifts(ad.GUID(person.GUID))
	if me := fetch[Me](who, "GET", "/api/me", nil); me.Frozen {
		t.Error("frozen still")
	}
	nothing()
	for _, k := range workflow.Kinds {
		if k != workflow.KindEnrol { // which nobody asks for with a passkey at hand
			wantProblem(t, who.call("POST", "/api/requests", fields{"kind": k}), http.StatusForbidden, "account.protected")
		}
	}
}

// lifts the freeze, through the door.
func (p *phone) lifts(account ad.GUID) {
	p.h.t.Helper()
	path := "/api/thaws/" + account.String()
	token, options := p.begin(path+"/begin", fields{})
	fetch[ThawList](p, "POST", path+"/finish", fields{"token": token, "credential": p.assert(options)})
}

// Whoever was never asked for a review sees on their first page that somebody waits to be
// let in again; the number is that of the inbox.
func TestAFreezeThatSomebodyMayLiftWaitsOnTheirFirstPage(t *testing.T) {
	h := newHouse(t, byTheManager)
	phones := map[string]*phone{}
	for _, name := range []string{"kwame.mensah", "priya.raman", "siobhan.oneill", "yusuf.demir"} {
		person, p := h.colleague(name), h.phone()
		p.enrol(h.invitation(ad.GUID(person.GUID)), person.Password)
		phones[name] = p
	}
	manager := phones["kwame.mensah"]
	waits := func(name string, want int, reviewer bool) {
		t.Helper()
		p := phones[name]
		me := fetch[Me](p, "GET", "/api/me", nil)
		shown := len(fetch[Inbox](p, "GET", "/api/inbox", nil).Waiting) + len(fetch[ThawList](p, "GET", "/api/thaws", nil).Thaws)
		if me.Waiting != want || me.Reviewer != reviewer || shown != want {
			t.Errorf("%s: %d wait, %v, and the inbox shows %d; want %d, %v", name, me.Waiting, me.Reviewer, shown, want, reviewer)
		}
	}
	freeze := func(name string) {
		t.Helper()
		phones[name].call("POST", "/api/freeze", fields{})
		phones[name].signIn()
	}
	freeze("priya.raman")
	waits("kwame.mensah", 0, false) // nobody has asked for it
	phones["priya.raman"].saysItIsMe()
	waits("kwame.mensah", 1, true)
	waits("yusuf.demir", 0, false)
	waits("priya.raman", 0, false)
	freeze("siobhan.oneill")
	phones["siobhan.oneill"].saysItIsMe()
	waits("kwame.mensah", 2, true)
	waits("priya.raman", 0, false)
	manager.lifts(ad.GUID(h.colleague("priya.raman").GUID))
	waits("kwame.mensah", 1, true)
	r := fetch[Request](phones["priya.raman"], "POST", "/api/requests", fields{"kind": "reset", "reason": "forgot it"})
	token, options := phones["priya.raman"].begin("/api/requests/"+r.ID+"/proof/begin", fields{})
	fetch[Request](phones["priya.raman"], "POST", "/api/requests/"+r.ID+"/proof/finish", fields{"token": token, "credential": phones["priya.raman"].assert(options)})
	waits("kwame.mensah", 2, true)
	manager.lifts(ad.GUID(h.colleague("siobhan.oneill").GUID))
	waits("kwame.mensah", 1, true)
	freeze("kwame.mensah") // who is frozen lifts nothing
	freeze("siobhan.oneill")
	phones["siobhan.oneill"].saysItIsMe()
	if me := fetch[Me](manager, "GET", "/api/me", nil); !me.Frozen || me.Waiting != 1 {
		t.Errorf("%+v", me)
	}
}
