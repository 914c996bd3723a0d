package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// Whoever reviews gets the number by voice or not at all: it is in no answer of
// any route to anybody but the requester. (The double hands it over each time.)
func TestTheNumberIsInNoAnswerToAReviewer(t *testing.T) {
	for name, err := range map[string]error{
		"": nil, "a wrong number": &workflow.Detailed{Cause: workflow.ErrNumber, Params: map[string]string{"left": "2"}},
		"decided": workflow.ErrReviewed, "a fault": fmt.Errorf("request %s: %w", theNumber, http.ErrAbortHandler),
	} {
		st := newStage(t)
		st.seats.err = err
		answers := 0
		for _, r := range st.routes {
			res := st.in(r.method, goodPath(r), goodBody(r))
			if all := fmt.Sprint(res.Header) + bodyOf(t, res); strings.Contains(all, theNumber) {
				t.Errorf("%s: %s %s tells the number", name, r.method, r.path)
			}
			answers++
		}
		if answers < 50 || len(st.seats.calls) < 9 {
			t.Errorf("%d answers, %v", answers, st.seats.calls)
		}
		// In the log only what failed for a reason of its own stands as a cause.
		if err == nil && strings.Contains(st.logged.String(), theNumber) {
			t.Error("the number is in the log")
		}
	}
}

func TestTheRequesterSeesTheNumberWhileItIsPending(t *testing.T) {
	st := newStage(t)
	pending := st.seats.request()
	for _, c := range []struct {
		who    ad.GUID
		state  workflow.State
		number string
	}{
		{bob, workflow.Pending, theNumber},
		{alice, workflow.Pending, ""},
		{ad.GUID{}, workflow.Pending, ""},
		{bob, workflow.Approved, ""}, {bob, workflow.Done, ""}, {bob, workflow.Denied, ""}, {bob, workflow.Cancelled, ""}, {bob, workflow.Draft, ""},
	} {
		r := pending
		r.State = c.state
		if got := st.encodeRequest(c.who, nobodyKnows)(r).Review.Number; got != c.number {
			t.Errorf("%s, %s: %q", c.who, c.state, got)
		}
	}
}

func TestARequestTellsHowItsReviewStands(t *testing.T) {
	st := newStage(t)
	encode := st.encodeRequest(bob, nobodyKnows)
	if got := encode(workflow.Request{Requester: bob, State: workflow.Approved}); got.Review != nil {
		t.Errorf("nobody reviews, but %+v", got.Review)
	}
	r := st.seats.request()
	got := encode(r).Review
	if got.Since != "2026-11-24T07:58:00Z" || got.CanRemind != "2026-11-24T08:00:00Z" || got.Reminded != "" || got.Decided != nil {
		t.Errorf("%+v", got)
	}
	r.Reminded = st.clock.Now()
	if got := encode(r).Review; got.CanRemind != "" || got.Reminded != "2026-11-24T08:00:00Z" {
		t.Errorf("reminded: %+v", got)
	}
	r.State = workflow.Denied
	r.Reviews = []workflow.Review{
		{By: alice, Verdict: workflow.VerdictDeny, Chip: "other", Reason: "call me", At: r.Created},
		{By: eve, Verdict: workflow.VerdictApprove, Void: true},
	}
	denied := encode(r)
	if want := (Decided{Verdict: "deny", At: "2026-11-24T07:58:00Z", Chip: "other", Reason: "call me"}); denied.Review.Decided == nil || *denied.Review.Decided != want {
		t.Errorf("decided: %+v", denied.Review.Decided)
	}
	if denied.Code != "request.denied" || denied.Review.CanRemind != "" {
		t.Errorf("denied: %+v", denied)
	}
	r.Reviews[0].Verdict = workflow.VerdictReport
	if got := encode(r); got.Code != "review.reported" {
		t.Errorf("reported: %q", got.Code)
	}
}

func TestAReviewerSeesTheRequest(t *testing.T) {
	st := newStage(t)
	want := Review{
		ID: "r1", Kind: "reset", State: "pending", Open: true, Account: bob.String(), DisplayName: "Bob", Department: "Cash",
		Title: "Teller", Name: "bob", Photo: true, Reason: "forgot <b>it</b>", Device: "Firefox on Linux", Address: "10.1.2.3", Internal: true,
		Proofs: []string{"passkey"}, Created: "2026-11-24T07:58:00Z", Asked: "2026-11-24T07:58:00Z", Deadline: "2026-11-24T08:58:00Z",
		Number: true, NumbersLeft: 3, Signs: []Sign{{Code: "often", Count: 3}}, Version: 3,
	}
	for _, c := range []struct{ method, path, body, call string }{
		{"GET", "/api/reviews/r1", "", "review"},
		{"POST", "/api/reviews/r1/approve/finish", `{"token":"t","credential":{}}`, "approve"},
		{"POST", "/api/reviews/r1/deny", `{"chip":"other","reason":"call me"}`, "deny"},
		{"POST", "/api/reviews/r1/report", "{}", "report"},
		{"POST", "/api/reviews/r1/freeze/finish", `{"token":"t","credential":{}}`, "freeze"},
	} {
		st.seats.calls = nil
		var got Review
		if err := json.Unmarshal([]byte(bodyOf(t, st.in(c.method, c.path, c.body))), &got); err != nil {
			t.Fatal(c.path, err)
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || !slices.Equal(st.seats.calls, []string{c.call}) {
			t.Errorf("%s, %v:\n%+v\n%+v", c.path, st.seats.calls, got, want)
		}
	}
	if st.seats.chip != "other" || st.seats.said != "call me" || st.seats.proof.ID != "p1" {
		t.Errorf("%+v", st.seats)
	}
	var in Inbox
	if err := json.Unmarshal([]byte(bodyOf(t, st.in("GET", "/api/inbox", ""))), &in); err != nil {
		t.Fatal(err)
	}
	if len(in.Waiting) != 1 || in.Waiting[0].ID != "r1" || in.Decided == nil || in.ReadAt != "2026-11-24T08:00:00Z" {
		t.Errorf("%+v", in)
	}
}

// A ceremony that fails never reaches workflow, and a statement that workflow
// refuses never reaches the passkey.
func TestADecisionNeedsItsPasskey(t *testing.T) {
	st := newStage(t)
	st.party.err = enroll.ErrRefused
	for _, path := range []string{"/api/reviews/r1/approve/finish", "/api/reviews/r1/freeze/finish"} {
		wantProblem(t, st.in("POST", path, `{"token":"t","credential":{}}`), http.StatusForbidden, enroll.ErrRefused.Error())
	}
	if len(st.seats.calls) > 0 {
		t.Errorf("called %v", st.seats.calls)
	}
	st = newStage(t)
	st.seats.err = &workflow.Detailed{Cause: workflow.ErrNumber, Params: map[string]string{"left": "2"}}
	p := wantProblem(t, st.in("POST", "/api/reviews/r1/approve/begin", `{"number":"12"}`), http.StatusUnprocessableEntity, "review.number")
	if p.Params["left"] != "2" || st.seats.typed != "12" {
		t.Errorf("%+v, typed %q", p, st.seats.typed)
	}
}

func TestARequestOfNoSeatOfMineIsUnknown(t *testing.T) {
	st := newStage(t)
	for _, r := range st.routes {
		if !strings.HasPrefix(r.path, "/api/reviews/") {
			continue
		}
		wantProblem(t, st.in(r.method, strings.Replace(r.path, "{id}", "r2", 1), goodBody(r)), http.StatusNotFound, "request.unknown")
	}
}

func TestWhatStandsAgainstAReviewHasItsAnswer(t *testing.T) {
	for code, status := range map[workflow.Code]int{
		workflow.ErrReviewed: 409, workflow.ErrNumberUsed: 409, workflow.ErrNumber: 422, workflow.ErrNotApprover: 403, workflow.ErrChip: 422,
		workflow.ErrReported: 409, workflow.ErrFrozen: 403, workflow.ErrExpired: 409, workflow.ErrCancelled: 409, workflow.ErrReminded: 409,
		workflow.ErrNotAllowed: 403, workflow.ErrProofMismatch: 403,
	} {
		st := newStage(t)
		st.seats.err = fmt.Errorf("review: %w", code)
		wantProblem(t, st.in("POST", "/api/reviews/r1/deny", `{"chip":"other","reason":""}`), status, string(code))
	}
}

func TestAskedNamesAFewAndCountsAll(t *testing.T) {
	st := newStage(t)
	at := time.Date(2026, 11, 24, 7, 58, 0, 0, time.UTC)
	group := &workflow.Group{DN: `CN=Team leads\, north,OU=Groups,DC=example,DC=test`, SID: "S-1-5-21-1-2-3-1105"}
	r := workflow.Request{Decision: workflow.Decision{Approve: []workflow.Tier{{By: workflow.Approvers{Manager: true}, Else: &workflow.Approvers{Group: group}}}}}
	for i := range 7 {
		r.Asked = append(r.Asked, workflow.Seat{Account: ad.GUID{byte(i)}, At: at, Group: group.SID})
	}
	if got := groupName(r); got != "Team leads, north" {
		t.Errorf("group %q", got)
	}
	r.Asked[0].Group = ""
	if got := groupName(r); got != "" {
		t.Errorf("a manager's group is %q", got)
	}
	if got := st.encodeAsked(r)(ad.Account{GUID: ad.GUID{4}, SAMAccountName: "dana", Department: "Cash"}); got != (Asked{
		Account: ad.GUID{4}.String(), DisplayName: "dana", Department: "Cash", Photo: true, At: "2026-11-24T07:58:00Z",
	}) {
		t.Errorf("%+v", got)
	}
}

func TestInternalAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"10.1.2.3": true, "172.16.0.1": true, "172.32.0.1": false, "192.168.7.7": true, "127.0.0.1": true, "::1": true,
		"fd00::1": true, "fe80::1": false, "::ffff:10.0.0.1": true, "192.0.2.1": false, "2001:db8::1": false, "100.64.0.1": false, "": false, "x": false,
	} {
		if internal(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
}

func TestMeSaysWhatWaits(t *testing.T) {
	var me Me
	if err := json.Unmarshal([]byte(bodyOf(t, newStage(t).in("GET", "/api/me", ""))), &me); err != nil {
		t.Fatal(err)
	}
	if me.Waiting != 2 || !me.Reviewer { // a request, and a freeze
		t.Errorf("%+v", me)
	}
}

// What an approver held in their hand is theirs: the activity of the account that
// they decided about tells what was done, and not with which device.
func TestMyActivityTellsNoDeviceOfAnApprover(t *testing.T) {
	for by, want := range map[string]string{bob.String(): "Tablet", "anonymous": "Tablet", alice.String(): ""} {
		told := encodeEvent(audit.Entry{
			Action: audit.ReviewApproved, Actor: by, Target: bob.String(), Bytes: []byte(`{"outcome":"ok"}`),
			Personal: map[string]audit.Salted{"device": {Value: "Tablet"}},
		})
		if told.Device != want || told.Outcome != "ok" {
			t.Errorf("by %s: %+v", by, told)
		}
	}
}
