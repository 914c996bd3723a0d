package dbtest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// request is of a kind of its own, so that one person may have many open.
func (s *suite) request(id string, proofs ...string) workflow.Request {
	r := workflow.Request{
		ID: id, Kind: workflow.Kind("reset of " + id), State: workflow.Approved, Requester: guid(1), Target: guid(1),
		Reason: "<b>hostile</b> \u2028 \"reason\"", Created: s.now, Updated: s.now, Deadline: s.now.Add(time.Hour), Wake: s.now.Add(time.Minute),
		Decision: workflow.Decision{
			Verdict: workflow.Allow, Rule: "all", Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}, Policy: "00ff",
			Findings: []workflow.Finding{{Rule: "all", Code: "matched"}},
		},
		Intent: &workflow.Intent{At: s.now, Controller: "dc1", Before: ad.Marks{KeyVersion: 3}, WriteDeadline: s.now.Add(time.Second)},
		Result: &workflow.Result{At: s.now, Code: "password.history"}, Tries: 2, Session: "s", Device: "d", Address: "a",
	}
	for _, p := range proofs {
		r.Proofs = append(r.Proofs, s.consumed(p))
	}
	return r
}

func (s *suite) consumed(id string) workflow.ConsumedProof {
	p := s.proof(id, "s")
	return workflow.ConsumedProof{ID: p.ID, Kind: p.Kind, At: p.At, Receipt: p.Receipt}
}

func (s *suite) change(action audit.Action) workflow.Change {
	return workflow.Change{
		Events:  []audit.Event{s.event(action, guid(1))},
		Notices: []workflow.Notice{{To: guid(1), Kind: "done", Params: map[string]string{"k": "v"}}},
	}
}

func aRequestComesBackWhole(s *suite) {
	_, err := s.Request(s.ctx, "one")
	s.want(err, workflow.ErrNoRequest)
	want := s.request("one", "p")
	s.must(s.Create(s.ctx, want, s.change(audit.RequestSubmitted)))
	got, err := s.Request(s.ctx, "one")
	s.must(err)
	s.same(asJSON(got), asJSON(want))
	s.same(s.events(guid(1)), 1)
	if err := s.Create(s.ctx, want, s.change(audit.RequestSubmitted)); err == nil {
		s.Fatal("the same request was created twice")
	}
	s.same(s.events(guid(1)), 1)
	s.want(s.Update(s.ctx, "none", nil), workflow.ErrNoRequest)
}

var errState = errors.New("request.state")

func oneOf200ChangesTheState(s *suite) {
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	won := s.race(200, func(s *suite, _ int) error {
		return s.Update(s.ctx, "one", func(r *workflow.Request) (workflow.Change, error) {
			if r.State != workflow.Approved {
				return workflow.Change{}, errState
			}
			r.State, r.ID, r.Version = workflow.Executing, "another", 99
			return s.change(audit.ExecutionIntended), nil
		})
	}, errState)
	s.same(won, 1)
	r, err := s.Request(s.ctx, "one")
	s.must(err)
	s.same([]any{r.ID, r.State, r.Version}, []any{"one", workflow.Executing, 1})
	s.same(s.events(guid(1)), 1)
}

func anUpdateIsKeptWholeOrNotAtAll(s *suite) {
	s.must(s.Create(s.ctx, s.request("one", "p"), workflow.Change{}))
	s.must(s.Create(s.ctx, s.request("two", "q"), workflow.Change{}))
	update := func(fn func(*workflow.Request) (workflow.Change, error)) error {
		return s.Update(s.ctx, "one", func(r *workflow.Request) (workflow.Change, error) {
			r.State, r.Reason = workflow.Failed, "changed"
			r.Decision.Findings[0].Code = "changed"
			return fn(r)
		})
	}
	for name, fn := range map[string]func(*workflow.Request) (workflow.Change, error){
		"its own error": func(*workflow.Request) (workflow.Change, error) { return s.change(audit.RequestDenied), errState },
		"a used proof": func(r *workflow.Request) (workflow.Change, error) {
			r.Proofs = append(r.Proofs, s.consumed("fresh"), s.consumed("q"))
			return s.change(audit.RequestProved), nil
		},
		"an unknown event": func(*workflow.Request) (workflow.Change, error) { return s.change("request.invented"), nil },
	} {
		if err := update(fn); err == nil {
			s.Fatalf("%s: no error", name)
		}
		got, err := s.Request(s.ctx, "one")
		s.must(err)
		s.same(asJSON(got), asJSON(s.request("one", "p")))
		s.same(s.events(guid(1)), 0)
	}
	s.want(update(func(*workflow.Request) (workflow.Change, error) { return workflow.Change{}, errState }), errState)
	// "fresh" was not consumed on the way; "p", which it had, is not consumed again.
	s.must(update(func(r *workflow.Request) (workflow.Change, error) {
		r.Proofs = append(r.Proofs, s.consumed("fresh"))
		return s.change(audit.RequestProved), nil
	}))
}

func oneOf200RequestsConsumesAProof(s *suite) {
	s.signIn("s", s.proof("p", "s"))
	for i := range 100 {
		s.must(s.Create(s.ctx, s.request(fmt.Sprintf("updated %d", i)), workflow.Change{}))
	}
	won := s.race(200, func(s *suite, i int) error {
		if i >= 100 {
			return s.Create(s.ctx, s.request(fmt.Sprintf("created %d", i), "p"), s.change(audit.RequestProved))
		}
		return s.Update(s.ctx, fmt.Sprintf("updated %d", i), func(r *workflow.Request) (workflow.Change, error) {
			r.Proofs = append(r.Proofs, s.consumed("p"))
			return s.change(audit.RequestProved), nil
		})
	}, workflow.ErrProofUsed)
	s.same(won, 1)
	s.same(s.events(guid(1)), 1)
	_, err := s.SignInProof(s.ctx, "s")
	s.want(err, enroll.ErrNoProof)
	s.want(s.UseProof(s.ctx, "p", "test"), enroll.ErrNoProof)
}

func aChangeEndsTheOtherSessions(s *suite) {
	for _, id := range []string{"kept", "old", "older"} {
		s.must(s.AddSession(s.ctx, s.session(id, guid(1), "one")))
	}
	s.must(s.AddSession(s.ctx, s.session("other", guid(2), "two")))
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	var ended int
	finish := func(fault error, more ...audit.Event) error {
		return s.Update(s.ctx, "one", func(r *workflow.Request) (workflow.Change, error) {
			c := s.change(audit.ExecutionDone)
			c.Events = append(c.Events, more...)
			c.EndSessions = &workflow.SessionsOf{Account: guid(1), Keep: "kept", Event: func(n int) audit.Event {
				ended = n
				return s.event(audit.SignedOut, guid(1))
			}}
			return c, fault
		})
	}
	alive := func(want ...bool) {
		s.Helper()
		for i, id := range []string{"kept", "old", "older", "other"} {
			if _, err := s.Session(s.ctx, id, s.now); (err == nil) != want[i] {
				s.Errorf("%s: %v, want alive %t", id, err, want[i])
			}
		}
	}
	s.want(finish(errState), errState)
	if err := finish(nil, s.event("request.invented", guid(1))); err == nil {
		s.Fatal("an unknown event was kept")
	}
	alive(true, true, true, true)
	s.must(finish(nil))
	s.same(ended, 2)
	alive(true, false, false, true)
	s.same(s.events(guid(1)), 2)
	s.must(finish(nil)) // ends none, and logs no end
	s.same(s.events(guid(1)), 3)
}

func requestsAreMadeOnlyWhereACeremonyIsUnspent(s *suite) {
	over := enroll.Ceremony{ID: "over", Purpose: enroll.PurposeStop, Session: "waits", Created: s.now, Expires: s.now}
	c := workflow.Change{Unspent: over, Events: []audit.Event{s.event(audit.RequestSubmitted, guid(1))}}
	s.must(s.Create(s.ctx, s.request("before"), c))
	s.must(s.SpendCeremony(s.ctx, over, nil))
	r := s.request("after")
	r.Kind = workflow.KindUnlock
	s.want(s.Create(s.ctx, r, c), enroll.ErrNoCeremony)
	_, err := s.Request(s.ctx, "after")
	s.want(err, workflow.ErrNoRequest)
	s.want(s.Update(s.ctx, "before", func(r *workflow.Request) (workflow.Change, error) {
		r.State = workflow.Cancelled
		return c, nil
	}), enroll.ErrNoCeremony)
	before, err := s.Request(s.ctx, "before")
	s.must(err)
	s.same(before.State, workflow.Approved)
	s.same(s.events(guid(1)), 1)
	c.Unspent.ID = "another"
	s.must(s.Create(s.ctx, r, c))
	// Whoever came in by it stopped nothing.
	taken := enroll.Ceremony{ID: "taken", Purpose: enroll.PurposeRecover, Created: s.now, Expires: s.now}
	s.must(s.SpendCeremony(s.ctx, taken, nil))
	c.Unspent.ID = taken.ID
	s.must(s.Update(s.ctx, r.ID, func(r *workflow.Request) (workflow.Change, error) {
		r.Version++
		return c, nil
	}))
}

func requestsAreFound(s *suite) {
	for i := range 5 {
		r := s.request(fmt.Sprint(i))
		r.Created = s.now.Add(time.Duration(i) * time.Second)
		r.Target = guid(1 + i%2)
		if i == 3 {
			r.Kind, r.State, r.Requester = workflow.KindUnlock, workflow.Done, guid(3)
		}
		r.Session = "s"
		if i >= 3 {
			r.Session, r.Proofs = fmt.Sprint("waits", i), []workflow.ConsumedProof{{ID: fmt.Sprint("word", i), Kind: enroll.ProofVouching}}
		}
		s.must(s.Create(s.ctx, r, workflow.Change{}))
	}
	for _, c := range []enroll.Ceremony{
		{ID: "stop", Purpose: enroll.PurposeStop, Session: "waits4", Expires: s.now},
		{ID: "taken", Purpose: enroll.PurposeRecover, Session: "waits3", Expires: s.now},
		{ID: "no word", Purpose: enroll.PurposeStop, Session: "s", Expires: s.now},
		{ID: "unknown", Purpose: enroll.PurposeStop, Expires: s.now},
	} {
		s.must(s.SpendCeremony(s.ctx, c, nil))
	}
	for _, c := range []struct {
		q    workflow.Query
		want []string
	}{
		{workflow.Query{}, []string{"4", "3", "2", "1", "0"}},
		{workflow.Query{Limit: 2}, []string{"4", "3"}},
		{workflow.Query{Target: guid(2)}, []string{"3", "1"}},
		{workflow.Query{Requester: guid(1), Target: guid(2)}, []string{"1"}},
		{workflow.Query{Kind: workflow.KindUnlock}, []string{"3"}},
		{workflow.Query{States: []workflow.State{workflow.Done, workflow.Failed}}, []string{"3"}},
		{workflow.Query{States: []workflow.State{workflow.Expired}}, nil},
		{workflow.Query{Vouched: "waits4"}, []string{"4"}},
		{workflow.Query{Requester: guid(3), Vouched: "waits3", Limit: 1}, []string{"3"}},
		{workflow.Query{Requester: guid(1), Vouched: "waits3"}, nil},
		{workflow.Query{Vouched: "s"}, nil},
		{workflow.Query{Stopped: true}, []string{"4"}},
		{workflow.Query{Stopped: true, States: []workflow.State{workflow.Done}, Limit: 1}, nil},
	} {
		all, err := s.Requests(s.ctx, c.q)
		s.must(err)
		var ids []string
		for _, r := range all {
			ids = append(ids, r.ID)
		}
		s.same(ids, c.want)
	}
	n, err := s.CountRequests(s.ctx, guid(3))
	s.must(err)
	s.same(n, 1)
	n, err = s.CountRequests(s.ctx, guid(1))
	s.must(err)
	s.same(n, 4)
}

func dueRequestsAreFoundWhenTheirTimeHasCome(s *suite) {
	for id, wake := range map[string]time.Time{
		"never": {}, "soon": s.now.Add(time.Millisecond), "exact": s.now.Add(1500 * time.Microsecond), "late": s.now.Add(time.Hour),
	} {
		r := s.request(id)
		r.Wake = wake
		s.must(s.Create(s.ctx, r, workflow.Change{}))
	}
	for _, c := range []struct {
		after time.Duration
		limit int
		want  []string
	}{
		{0, 10, nil},
		{time.Millisecond, 10, []string{"soon"}},
		{2 * time.Millisecond, 10, []string{"soon", "exact"}},
		{2 * time.Hour, 10, []string{"soon", "exact", "late"}},
		{2 * time.Hour, 1, []string{"soon"}},
	} {
		ids, err := s.Due(s.ctx, s.now.Add(c.after), c.limit)
		s.must(err)
		s.same(ids, c.want)
	}
	s.must(s.Update(s.ctx, "soon", func(r *workflow.Request) (workflow.Change, error) {
		r.Wake = time.Time{}
		return workflow.Change{}, nil
	}))
	ids, err := s.Due(s.ctx, s.now.Add(time.Millisecond), 10)
	s.must(err)
	s.same(len(ids), 0)
}

// Of many requests for one thing one is opened, until it is over.
func oneOf200OpensARequest(s *suite) {
	open := func(s *suite, id string, kind workflow.Kind) error {
		r := s.request(id)
		r.Kind, r.State = kind, workflow.Draft
		return s.Create(s.ctx, r, s.change(audit.RequestSubmitted))
	}
	won := s.race(200, func(s *suite, i int) error { return open(s, fmt.Sprint(i), workflow.KindReset) }, workflow.ErrOpen)
	s.same(won, 1)
	s.same(s.events(guid(1)), 1)
	s.must(open(s, "another kind", workflow.KindUnlock))
	all, err := s.Requests(s.ctx, workflow.Query{Kind: workflow.KindReset})
	s.must(err)
	s.same(len(all), 1)
	to := func(state workflow.State) {
		s.must(s.Update(s.ctx, all[0].ID, func(r *workflow.Request) (workflow.Change, error) {
			r.State = state
			return s.change(audit.RequestProved), nil
		}))
	}
	to(workflow.Unknown)
	s.want(open(s, "too soon", workflow.KindReset), workflow.ErrOpen)
	to(workflow.Done)
	s.must(open(s, "the next", workflow.KindReset))
	to(workflow.Executing) // a generated password is replaced: that is not a new request
	to(workflow.Done)
	s.want(open(s, "and one more", workflow.KindReset), workflow.ErrOpen)
}

// Of many requests for one account one is executed, until its outcome is known.
func oneOf200WritesToAnAccount(s *suite) {
	s.race(200, func(s *suite, i int) error {
		r := s.request(fmt.Sprint(i))
		r.State = ""
		return s.Create(s.ctx, r, workflow.Change{})
	}, nil)
	execute := func(s *suite, id string, state workflow.State) error {
		return s.Update(s.ctx, id, func(r *workflow.Request) (workflow.Change, error) {
			r.State = state
			return s.change(audit.ExecutionIntended), nil
		})
	}
	var first atomic.Value
	won := s.race(200, func(s *suite, i int) error {
		err := execute(s, fmt.Sprint(i), workflow.Executing)
		if err == nil {
			first.Store(fmt.Sprint(i))
		}
		return err
	}, workflow.ErrExecuting)
	s.same(won, 1)
	s.same(s.events(guid(1)), 1)
	id := first.Load().(string)
	s.must(execute(s, id, workflow.Unknown))
	next := map[bool]string{true: "1", false: "0"}[id == "0"]
	s.want(execute(s, next, workflow.Executing), workflow.ErrExecuting)
	s.must(execute(s, id, workflow.Done))
	s.must(execute(s, next, workflow.Executing))
}
