package dbtest

import (
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// pending is a request that waits for reviewers.
func (s *suite) pending(id string, reviewers ...ad.GUID) workflow.Request {
	r := s.request(id)
	r.State = workflow.Pending
	for _, account := range reviewers {
		r.Asked = append(r.Asked, workflow.Seat{Account: account, At: s.now})
	}
	return r
}

// review appends to a request what a reviewer said.
func (s *suite) review(id string, v workflow.Review) error {
	return s.Update(s.ctx, id, func(r *workflow.Request) (workflow.Change, error) {
		v.At = s.now
		r.Reviews = append(r.Reviews, v)
		return s.change(audit.ReviewDenied), nil
	})
}

func (s *suite) asked(account ad.GUID) (ids []string) {
	s.Helper()
	all, err := s.Requests(s.ctx, workflow.Query{Asked: account})
	s.must(err)
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}

func (s *suite) waits(account ad.GUID, want int) {
	s.Helper()
	n, err := s.Waiting(s.ctx, account.String())
	s.must(err)
	s.same(n, want)
}

func aSeatFindsItsRequests(s *suite) {
	s.must(s.Create(s.ctx, s.pending("a", guid(7), guid(8)), workflow.Change{}))
	s.must(s.Create(s.ctx, s.request("b"), workflow.Change{}))
	s.same(s.asked(guid(7)), []string{"a"})
	s.same(len(s.asked(guid(1))), 0) // the requester has no seat
	// Seats that come later, twice for the same person; other seats than before.
	ask := func(accounts ...ad.GUID) error {
		return s.Update(s.ctx, "b", func(r *workflow.Request) (workflow.Change, error) {
			*r = s.pending("b", accounts...)
			return workflow.Change{}, nil
		})
	}
	s.must(ask(guid(7), guid(7)))
	s.same(s.asked(guid(7)), []string{"b", "a"})
	s.waits(guid(7), 2)
	s.must(ask(guid(9)))
	s.same(s.asked(guid(7)), []string{"a"})
	s.same(s.asked(guid(9)), []string{"b"})
	n, err := s.CountAsked(s.ctx, guid(7))
	s.must(err)
	s.same(n, 1)

	s.must(s.review("a", workflow.Review{By: guid(7), Verdict: workflow.VerdictApprove}))
	s.waits(guid(7), 0)
	s.waits(guid(8), 1)
	void := func(r *workflow.Request) (workflow.Change, error) {
		r.Reviews[0].Void = true
		return workflow.Change{}, nil
	}
	s.must(s.Update(s.ctx, "a", void))
	s.waits(guid(7), 1)
	s.must(s.Update(s.ctx, "a", func(r *workflow.Request) (workflow.Change, error) {
		r.State = workflow.Denied
		return workflow.Change{}, nil
	}))
	s.waits(guid(7), 0)
	s.same(s.asked(guid(7)), []string{"a"}) // decided, and still theirs to see
	// A change that fails leaves the seats.
	err = s.Update(s.ctx, "a", func(r *workflow.Request) (workflow.Change, error) {
		r.Asked = nil
		return s.change("request.invented"), nil
	})
	s.want(err, audit.ErrEvent)
	s.same(s.asked(guid(7)), []string{"a"})
}

func oneOf200ReviewsConsumesAProof(s *suite) {
	s.signIn("s", s.proof("p", "s"))
	for i := range 200 {
		s.must(s.Create(s.ctx, s.pending(fmt.Sprint(i), guid(7)), workflow.Change{}))
	}
	approval := workflow.Review{By: guid(7), Verdict: workflow.VerdictApprove, Proof: "p"}
	won := s.race(200, func(s *suite, i int) error { return s.review(fmt.Sprint(i), approval) }, workflow.ErrProofUsed)
	s.same(won, 1)
	s.waits(guid(7), 199)
	s.same(s.events(guid(1)), 1)
	s.want(s.UseProof(s.ctx, "p", "test"), enroll.ErrNoProof)
	s.want(s.Create(s.ctx, s.request("x", "p"), workflow.Change{}), workflow.ErrProofUsed)

	// What a request has is not consumed again, and a denial consumes nothing.
	s.must(s.Create(s.ctx, s.pending("y", guid(7)), workflow.Change{}))
	s.must(s.review("y", workflow.Review{By: guid(7), Verdict: workflow.VerdictApprove, Proof: "q"}))
	s.must(s.review("y", workflow.Review{By: guid(8), Verdict: workflow.VerdictDeny}))
	s.must(s.review("y", workflow.Review{By: guid(9), Verdict: workflow.VerdictDeny}))
	s.want(s.review("y", workflow.Review{By: guid(9), Proof: "p"}), workflow.ErrProofUsed)
}

func (s *suite) freeze(request string, f workflow.Freeze, more ...audit.Event) error {
	return s.Update(s.ctx, request, func(*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Freeze: &f, Events: append([]audit.Event{s.event(audit.ReviewReported, guid(1))}, more...)}, nil
	})
}

func aFreezeIsKeptWithItsChangeAndOnce(s *suite) {
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	first := workflow.Freeze{Account: guid(1), By: guid(7), Request: "one", At: s.now}
	s.want(s.freeze("one", first, s.event("request.invented", guid(1))), audit.ErrEvent)
	got, err := s.Frozen(s.ctx, guid(1))
	s.must(err)
	s.same(got == nil, true)

	s.must(s.freeze("one", first))
	s.must(s.freeze("one", workflow.Freeze{Account: guid(1), By: guid(8), Request: "two", At: s.now.Add(time.Hour)}))
	got, err = s.Frozen(s.ctx, guid(1))
	s.must(err)
	s.same(*got, first)
	is, err := s.IsFrozen(s.ctx, guid(1))
	s.must(err)
	s.same(is, true)
	later := workflow.Freeze{Account: guid(2), By: guid(7), Request: "one", At: s.now.Add(time.Minute)}
	s.must(s.freeze("one", later))
	all, err := s.AllFrozen(s.ctx)
	s.must(err)
	s.same(all, []workflow.Freeze{later, first})
	got, err = s.Frozen(s.ctx, guid(3))
	s.must(err)
	s.same(got == nil, true)
	is, err = s.IsFrozen(s.ctx, guid(3))
	s.must(err)
	s.same(is, false)
}

func oneOf200LiftsAFreeze(s *suite) {
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	s.want(s.unfreeze(audit.AccountUnfrozen), workflow.ErrNotFrozen)
	s.must(s.freeze("one", workflow.Freeze{Account: guid(1), By: guid(7), Request: "one", At: s.now}))
	s.want(s.unfreeze("request.invented"), audit.ErrEvent)
	got, err := s.Frozen(s.ctx, guid(1))
	s.must(err)
	s.same(got != nil, true)
	won := s.race(200, func(s *suite, _ int) error {
		return s.unfreeze(audit.AccountUnfrozen)
	}, workflow.ErrNotFrozen)
	s.same(won, 1)
	s.same(s.events(guid(1)), 2)
}

func oneOf200Reminds(s *suite) {
	n := workflow.Notice{To: guid(1), Kind: workflow.NoticeExpiring, Params: map[string]string{"days": "7"}}
	expires := s.now.Add(7 * 24 * time.Hour)
	sent := make(chan bool, 200)
	s.race(200, func(s *suite, _ int) error {
		did, err := s.Remind(s.ctx, guid(1), expires, 7, n)
		sent <- did
		return err
	}, nil)
	close(sent)
	count := 0
	for did := range sent {
		if did {
			count++
		}
	}
	s.same(count, 1)
	s.same(len(s.claim(100)), 1)
	for _, c := range []struct {
		account ad.GUID
		expires time.Time
		days    int
		want    bool
	}{
		{guid(1), expires, 7, false},
		{guid(1), expires, 3, true},
		{guid(1), expires.Add(time.Hour), 7, true},
		{guid(2), expires, 7, true},
	} {
		did, err := s.Remind(s.ctx, c.account, c.expires, c.days, n)
		s.must(err)
		s.same(did, c.want)
	}
	gone, err := s.PurgeReminders(s.ctx, expires.Add(time.Minute))
	s.must(err)
	s.same(gone, 3)
	did, err := s.Remind(s.ctx, guid(1), expires.Add(time.Hour), 7, n)
	s.must(err)
	s.same(did, false)
}

func aHolderHasAPasskey(s *suite) {
	has, err := s.HasPasskey(s.ctx, guid(1))
	s.must(err)
	s.same(has, false)
	s.must(s.AddCredential(s.ctx, s.credential("c", guid(1))))
	has, err = s.HasPasskey(s.ctx, guid(1))
	s.must(err)
	s.same(has, true)
	has, err = s.HasPasskey(s.ctx, guid(2))
	s.must(err)
	s.same(has, false)
}
