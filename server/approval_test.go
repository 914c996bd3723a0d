package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/workflow"
)

// byTheManager has a reset reviewed, with the number.
func byTheManager(acts map[workflow.Kind]workflow.Act) {
	act := acts[workflow.KindReset]
	act.Approve, act.Number = []workflow.Tier{{By: workflow.Approvers{Manager: true}}}, workflow.NumberRequired
	acts[workflow.KindReset] = act
}

func (h *house) colleague(account string) minidc.Person {
	h.t.Helper()
	p, ok := h.company.seeded.Person(account)
	if !ok {
		h.t.Fatal("nobody is called", account)
	}
	return p
}

// asked is a house in which somebody's reset waits for their manager.
func asked(t *testing.T) (h *house, requester, manager, stranger *phone, r Request) {
	t.Helper()
	h = newHouse(t, byTheManager)
	var phones []*phone
	for _, name := range []string{"kwame.mensah", "priya.raman", "yusuf.demir"} {
		who, p := h.colleague(name), h.phone()
		p.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
		phones = append(phones, p)
	}
	manager, requester, stranger = phones[0], phones[1], phones[2]
	r = fetch[Request](requester, "POST", "/api/requests", fields{"kind": "reset", "reason": "forgot it"})
	token, options := requester.begin("/api/requests/"+r.ID+"/proof/begin", fields{})
	r = fetch[Request](requester, "POST", "/api/requests/"+r.ID+"/proof/finish", fields{"token": token, "credential": requester.assert(options)})
	if r.State != "pending" || r.Review == nil || len(r.Review.Number) != 2 {
		t.Fatalf("proved %+v, %+v", r, r.Review)
	}
	return h, requester, manager, stranger, r
}

func TestAManagerApprovesWithThePasskey(t *testing.T) {
	h, requester, manager, stranger, r := asked(t)
	list := fetch[AskedList](requester, "GET", "/api/requests/"+r.ID+"/asked", nil)
	if list.Count != 1 || list.Group != "" || len(list.Asked) != 1 || list.Asked[0].DisplayName != h.colleague("kwame.mensah").Name || list.Asked[0].At == "" {
		t.Errorf("asked %+v", list)
	}
	me := fetch[Me](manager, "GET", "/api/me", nil)
	if me.Waiting != 1 || !me.Reviewer {
		t.Errorf("the manager: %d, %v", me.Waiting, me.Reviewer)
	}
	if me := fetch[Me](stranger, "GET", "/api/me", nil); me.Waiting != 0 || me.Reviewer {
		t.Errorf("a stranger: %d, %v", me.Waiting, me.Reviewer)
	}
	in := fetch[Inbox](manager, "GET", "/api/inbox", nil)
	if len(in.Waiting) != 1 || in.Waiting[0].ID != r.ID || !in.Waiting[0].Open || !in.Waiting[0].Number || in.Waiting[0].Reason != "forgot it" {
		t.Fatalf("inbox %+v", in)
	}

	path := "/api/reviews/" + r.ID
	wrong := "00"
	if r.Review.Number == wrong {
		wrong = "01"
	}
	if p := wantProblem(t, manager.call("POST", path+"/approve/begin", fields{"number": wrong}), http.StatusUnprocessableEntity, "review.number"); p.Params["left"] != "2" {
		t.Errorf("%v", p.Params)
	}
	token, options := manager.begin(path+"/approve/begin", fields{"number": r.Review.Number})
	got := fetch[Review](manager, "POST", path+"/approve/finish", fields{"token": token, "credential": manager.assert(options)})
	if got.State != "approved" || got.Open || got.Mine == nil || got.Mine.Verdict != "approve" {
		t.Errorf("approved %+v", got)
	}
	now := fetch[Request](requester, "GET", "/api/requests/"+r.ID, nil)
	if now.State != "approved" || now.Review.Decided == nil || now.Review.Decided.Verdict != "approve" || now.Review.Number != "" || now.Review.WrongNumbers != 1 {
		t.Errorf("the requester sees %+v, %+v", now, now.Review)
	}
	const fresh = "Quartz-Lantern-4471-x"
	done := fetch[Executed](requester, "POST", "/api/requests/"+r.ID+"/execute", fields{"password": fresh})
	if done.Request.State != "done" {
		t.Errorf("executed %+v", done)
	}
	if me := fetch[Me](manager, "GET", "/api/me", nil); me.Waiting != 0 || !me.Reviewer {
		t.Errorf("afterwards: %d, %v", me.Waiting, me.Reviewer)
	}
}

func TestADenialTellsTheRequesterWhy(t *testing.T) {
	_, requester, manager, _, r := asked(t)
	wantProblem(t, manager.call("POST", "/api/reviews/"+r.ID+"/deny", fields{"chip": "because", "reason": ""}), http.StatusUnprocessableEntity, "review.reason")
	got := fetch[Review](manager, "POST", "/api/reviews/"+r.ID+"/deny", fields{"chip": "other", "reason": "call me"})
	if got.State != "denied" || got.Mine.Reason != "call me" {
		t.Errorf("%+v", got)
	}
	now := fetch[Request](requester, "GET", "/api/requests/"+r.ID, nil)
	if now.Code != "request.denied" || now.Review.Decided.Chip != "other" || now.Review.Decided.Reason != "call me" {
		t.Errorf("%+v, %+v", now, now.Review)
	}
	wantProblem(t, manager.call("POST", "/api/reviews/"+r.ID+"/deny", fields{"chip": "other", "reason": ""}), http.StatusConflict, "review.decided")
}

func TestAReportFreezesTheAccount(t *testing.T) {
	_, requester, manager, _, r := asked(t)
	path := "/api/reviews/" + r.ID
	wantProblem(t, manager.call("POST", path+"/freeze/begin", fields{}), http.StatusForbidden, "policy.not-allowed")
	if got := fetch[Review](manager, "POST", path+"/report", fields{}); got.Mine == nil || got.Mine.Verdict != "report" || got.Frozen {
		t.Errorf("%+v", got)
	}
	token, options := manager.begin(path+"/freeze/begin", fields{})
	if got := fetch[Review](manager, "POST", path+"/freeze/finish", fields{"token": token, "credential": manager.assert(options)}); !got.Frozen {
		t.Errorf("%+v", got)
	}
	wantProblem(t, requester.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")

	// Whoever holds the passkey may see why. They add no way in and take none away, and are
	// told so before they touch a sensor.
	requester.signIn()
	passkey := fetch[passkeyList](requester, "GET", "/api/passkeys", nil).Passkeys[0].ID
	for _, purpose := range []fields{
		{"purpose": "add-passkey"}, {"purpose": "remove-passkey", "passkey": passkey}, {"purpose": "recovery-codes"}, {"purpose": "totp"},
		{"purpose": "mail-code"}, {"purpose": "sms-code"}, {"purpose": "pin"}, {"purpose": "questions"}, {"purpose": "remove-proof", "kind": "totp"},
	} {
		wantProblem(t, requester.call("POST", "/api/step-up/begin", purpose), http.StatusForbidden, "account.frozen")
	}
}

// The worker keeps an inbox where the server says so, and until when: somebody
// else's device shows nobody's, once the browser is closed, and one's own none after
// the session.
func TestAnInboxIsKeptOnOnesOwnDeviceOnly(t *testing.T) {
	_, _, manager, _, _ := asked(t)
	for _, own := range []bool{true, false} {
		token, options := manager.begin("/api/sign-in/begin", fields{})
		fetch[Me](manager, "POST", "/api/sign-in/finish", fields{"token": token, "credential": manager.assert(options), "remember": own})
		got := manager.call("GET", "/api/inbox", nil).Header.Get("X-Latchkey-Keep")
		if !own && got == "" {
			continue
		}
		until, err := time.Parse(time.RFC3339, got)
		if left := time.Until(until); !own || err != nil || left < 23*time.Hour || left > 24*time.Hour {
			t.Errorf("own %v: %q, %v", own, got, err)
		}
	}
}

// Everything of a review is unknown to whoever has no seat, the requester as well,
// and the requester's half to the reviewer.
func TestAReviewIsItsReviewersAlone(t *testing.T) {
	h, requester, manager, stranger, r := asked(t)
	someoneElse := ad.GUID(h.colleague("yusuf.demir").GUID).String()
	for _, row := range h.routes {
		if !strings.Contains(row.path, "{id}") || !(strings.HasPrefix(row.path, "/api/reviews/") || strings.HasPrefix(row.path, "/api/requests/")) {
			continue
		}
		path := strings.NewReplacer("{id}", r.ID, "{account}", someoneElse).Replace(row.path)
		outside := []*phone{stranger, requester}
		if strings.HasPrefix(row.path, "/api/requests/") {
			outside = []*phone{stranger, manager}
		}
		for i, p := range outside {
			if strings.HasSuffix(path, "/finish") {
				continue // the ceremony is refused before
			}
			body := fields{}
			if strings.HasSuffix(path, "/answers") {
				body = fields{"token": "", "proofs": []fields{{"kind": "pin", "value": "739201"}}}
			}
			if strings.HasSuffix(path, "/ask") {
				body = fields{"kinds": []string{"mail-code"}}
			}
			for _, has := range []string{"password", "old", "number", "chip", "reason"} {
				if strings.Contains(bodies[row.path]+map[string]string{"execute": `"password"`}[path[strings.LastIndex(path, "/")+1:]], `"`+has+`"`) {
					body[has] = "x"
				}
			}
			res := p.call(row.method, path, body)
			if text := bodyOf(t, res); res.StatusCode != http.StatusNotFound || !(strings.Contains(text, "request.unknown") || strings.Contains(text, "route.unknown")) {
				t.Errorf("%d: %s %s: %d %s", i, row.method, path, res.StatusCode, text)
			}
		}
	}
}

// An approval of another purpose, or of another's passkey, is none.
func TestAnotherAssertionApprovesNothing(t *testing.T) {
	_, requester, manager, _, r := asked(t)
	path := "/api/reviews/" + r.ID
	token, options := manager.begin("/api/step-up/begin", fields{"purpose": "add-passkey"})
	wantProblem(t, manager.call("POST", path+"/approve/finish", fields{"token": token, "credential": manager.assert(options)}), http.StatusForbidden, "proof.mismatch")
	token, options = manager.begin(path+"/approve/begin", fields{"number": r.Review.Number})
	res := manager.call("POST", path+"/approve/finish", fields{"token": token, "credential": requester.assert(options)})
	if res.StatusCode < 400 {
		t.Errorf("somebody else's passkey: %d", res.StatusCode)
	}
	if got := fetch[Request](requester, "GET", "/api/requests/"+r.ID, nil); got.State != "pending" {
		t.Errorf("%+v", got)
	}
}

// The page of both hears of each step, and nobody else's does.
func TestADecisionIsToldToBothAtOnce(t *testing.T) {
	h, _, manager, _, r := asked(t)
	streams := map[string]*stream{}
	for _, name := range []string{"priya.raman", "kwame.mensah", "yusuf.demir"} {
		st, err := h.cfg.Live.open(name, ad.GUID(h.colleague(name).GUID))
		if err != nil {
			t.Fatal(err)
		}
		streams[name] = st
	}
	fetch[Review](manager, "POST", "/api/reviews/"+r.ID+"/deny", fields{"chip": "not-now", "reason": ""})
	for name, st := range streams {
		select {
		case <-st.wake:
		case <-time.After(100 * time.Millisecond):
		}
		got, _ := h.cfg.Live.take(st)
		want := []LiveRequest{{r.ID, r.Version + 1}}
		if name == "yusuf.demir" {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s heard %v, want %v", name, got, want)
		}
	}
}
