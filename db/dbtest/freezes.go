package dbtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// stopping is a closure for FreezeOwn: it cancels what is open, and ends the sessions.
func (s *suite) stopping(seen *[]string, more ...audit.Event) func([]*workflow.Request) (workflow.Change, error) {
	return func(open []*workflow.Request) (workflow.Change, error) {
		*seen = nil
		for _, r := range open {
			*seen = append(*seen, r.ID)
			r.State, r.Wake, r.ID, r.Version = workflow.Cancelled, time.Time{}, "another", 99
			r.Decision.Findings = nil
		}
		c := s.change(audit.AccountStopped)
		c.Events = append(c.Events, more...)
		c.EndSessions = &workflow.SessionsOf{Account: guid(1), Event: func(int) audit.Event { return s.event(audit.SignedOut, guid(1)) }}
		c.Freeze = &workflow.Freeze{Account: guid(1), By: guid(1), At: s.now}
		return c, nil
	}
}

// inEachState is one request in each state, by its name, and one of somebody else's.
func (s *suite) inEachState() {
	for i, state := range []workflow.State{
		workflow.Draft, workflow.Pending, workflow.Approved, workflow.Executing, workflow.Done, workflow.Denied, workflow.Cancelled,
	} {
		r := s.pending(string(state), guid(7))
		r.State, r.Created = state, s.now.Add(time.Duration(i)*time.Second)
		s.must(s.Create(s.ctx, r, workflow.Change{}))
	}
	other := s.request("somebody else's")
	other.Requester, other.Target = guid(2), guid(2)
	s.must(s.Create(s.ctx, other, workflow.Change{}))
}

func (s *suite) states(want map[string]workflow.State) {
	s.Helper()
	for id, state := range want {
		r, err := s.Request(s.ctx, id)
		s.must(err)
		s.same([]any{r.ID, r.State}, []any{id, state})
	}
}

func anOwnFreezeIsKeptWholeOrNotAtAll(s *suite) {
	s.signIn("s", s.proof("p", "s"))
	s.inEachState()
	var seen []string
	for _, fn := range []func([]*workflow.Request) (workflow.Change, error){
		s.stopping(&seen, s.event("request.invented", guid(1))),
		func(open []*workflow.Request) (workflow.Change, error) {
			_, _ = s.stopping(&seen)(open)
			return workflow.Change{}, errState
		},
	} {
		if err := s.FreezeOwn(s.ctx, guid(1), time.Time{}, fn); err == nil {
			s.Fatal("frozen")
		}
		s.states(map[string]workflow.State{"draft": workflow.Draft, "pending": workflow.Pending, "approved": workflow.Approved})
		frozen, err := s.IsFrozen(s.ctx, guid(1))
		s.must(err)
		s.same(frozen, false)
		s.same(len(s.claim(10)), 0)
		_, err = s.Session(s.ctx, "s", s.now)
		s.must(err)
	}

	s.must(s.FreezeOwn(s.ctx, guid(1), s.now, s.stopping(&seen)))
	s.same(seen, []string{"draft", "pending", "approved"})
	s.states(map[string]workflow.State{
		"draft": workflow.Cancelled, "pending": workflow.Cancelled, "approved": workflow.Cancelled, "executing": workflow.Executing,
		"done": workflow.Done, "denied": workflow.Denied, "cancelled": workflow.Cancelled, "somebody else's": workflow.Approved,
	})
	r, err := s.Request(s.ctx, "pending")
	s.must(err)
	s.same([]any{r.Version, len(r.Asked)}, []any{1, 1})
	s.waits(guid(7), 0)
	due, err := s.Due(s.ctx, s.now.Add(time.Hour), 100)
	s.must(err)
	s.same(len(due), 5) // none of the three
	got, err := s.Frozen(s.ctx, guid(1))
	s.must(err)
	s.same(*got, workflow.Freeze{Account: guid(1), By: guid(1), At: s.now})
	_, err = s.Session(s.ctx, "s", s.now)
	s.want(err, enroll.ErrNoSession)
	s.want(s.UseProof(s.ctx, "p", "test"), enroll.ErrNoProof)
	s.same(s.events(guid(1)), 2)
	s.same(len(s.claim(10)), 1)
	// Whoever was asked for something at that very moment comes too late with it.
	again := s.request("draft again")
	again.Kind = s.pending("draft").Kind
	s.want(s.Create(s.ctx, again, workflow.Change{}), workflow.ErrFrozen)

	// A second time nothing is done, and that is no error.
	seen = nil
	s.must(s.FreezeOwn(s.ctx, guid(1), s.now, s.stopping(&seen)))
	s.same([]any{len(seen), s.events(guid(1)), len(s.claim(10))}, []any{0, 2, 0})

	// What is cancelled has given its key back, and nobody stands in its way.
	s.must(s.unfreeze(audit.AccountUnfrozen))
	s.must(s.Create(s.ctx, again, workflow.Change{}))
	s.states(map[string]workflow.State{"draft again": workflow.Approved})
}

func oneOf200FreezesTheirOwn(s *suite) {
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	won := s.race(200, func(s *suite, _ int) error {
		ran := false
		err := s.FreezeOwn(s.ctx, guid(1), s.now, func(open []*workflow.Request) (workflow.Change, error) {
			ran = true
			var seen []string
			return s.stopping(&seen)(open)
		})
		if err == nil && !ran {
			return errState
		}
		return err
	}, errState)
	s.same(won, 1)
	s.same(s.events(guid(1)), 1) // no session was there to end
	s.same(len(s.claim(10)), 1)
	s.states(map[string]workflow.State{"one": workflow.Cancelled})
}

func (s *suite) unfreeze(action audit.Action) error {
	return s.Unfreeze(s.ctx, guid(1), func(*workflow.Freeze) (workflow.Change, error) {
		return workflow.Change{Events: []audit.Event{s.event(action, guid(1))}}, nil
	})
}

// The closure sees what its owner has asked, and its refusal changes nothing.
func aFreezeIsLiftedOnlyWhereThatIsMeant(s *suite) {
	var seen []string
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	s.must(s.FreezeOwn(s.ctx, guid(1), time.Now().Add(-time.Hour), s.stopping(&seen)))
	events := s.events(guid(1))
	lift := func() (asked time.Time, err error) {
		err = s.Unfreeze(s.ctx, guid(1), func(f *workflow.Freeze) (workflow.Change, error) {
			if asked = f.Asked; asked.IsZero() {
				return s.change(audit.AccountUnfrozen), workflow.ErrUnproved
			}
			return workflow.Change{Events: []audit.Event{s.event(audit.AccountUnfrozen, guid(1))}, Notices: []workflow.Notice{{To: guid(1), Kind: workflow.NoticeThawed}}}, nil
		})
		return asked, err
	}
	_, err := lift()
	s.want(err, workflow.ErrUnproved)
	frozen, err := s.IsFrozen(s.ctx, guid(1))
	s.must(err)
	s.same(frozen, true)
	s.same(s.events(guid(1)), events)
	s.claim(10)
	s.comeIn("s", s.proof("p", "s"))
	s.must(s.AskThaw(s.ctx, guid(1), []string{"p"}, func(f *workflow.Freeze) (workflow.Change, error) {
		f.Asked = s.now
		return workflow.Change{}, nil
	}))
	asked, err := lift()
	s.must(err)
	s.same(asked, s.now)
	s.same(len(s.claim(10)), 1)
	frozen, err = s.IsFrozen(s.ctx, guid(1))
	s.must(err)
	s.same(frozen, false)
	_, err = lift()
	s.want(err, workflow.ErrNotFrozen)
}

func aThawEndsWhatWasGivenBefore(s *suite) {
	var seen []string
	freeze := func(made time.Time) error { return s.FreezeOwn(s.ctx, guid(1), made, s.stopping(&seen)) }
	// The store tells the time of a thaw by its own clock.
	before, after := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	s.must(freeze(before))
	s.must(s.unfreeze(audit.AccountUnfrozen))
	s.want(freeze(before), workflow.ErrThawed)
	frozen, err := s.IsFrozen(s.ctx, guid(1))
	s.must(err)
	s.same(frozen, false)
	s.same(s.events(guid(1)), 2)
	// One of somebody else's was not lifted.
	s.must(s.FreezeOwn(s.ctx, guid(2), before, func([]*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Freeze: &workflow.Freeze{Account: guid(2), By: guid(2), At: s.now}}, nil
	}))
	s.must(freeze(after))
	s.must(s.unfreeze(audit.AccountUnfrozen))
	s.want(freeze(before), workflow.ErrThawed)
	s.must(freeze(time.Time{})) // what nobody was given has no age
}

func aFreezeIsLiftedWholeOrNotAtAll(s *suite) {
	lift := func(proof string, more ...audit.Event) error {
		return s.Lift(s.ctx, guid(1), proof, func(*workflow.Freeze) (workflow.Change, error) {
			c := s.change(audit.AccountUnfrozen)
			c.Events = append(c.Events, more...)
			return c, nil
		})
	}
	frozen := func(want bool) {
		s.Helper()
		f, err := s.Frozen(s.ctx, guid(1))
		s.must(err)
		s.same(f != nil, want)
	}
	s.want(lift("p"), workflow.ErrNotFrozen)
	var seen []string
	given := time.Now().Add(-time.Hour) // by the store's own clock
	s.must(s.FreezeOwn(s.ctx, guid(1), time.Time{}, s.stopping(&seen)))
	s.claim(10)
	s.want(lift("p", s.event("request.invented", guid(1))), audit.ErrEvent)
	s.want(s.Lift(s.ctx, guid(1), "p", func(*workflow.Freeze) (workflow.Change, error) { return workflow.Change{}, errState }), errState)
	frozen(true)
	s.must(lift("p"))
	frozen(false)
	s.same(len(s.claim(10)), 1)
	s.want(lift("p"), workflow.ErrNotFrozen)
	// What was given before is worth nothing, and a proof counts once.
	s.want(s.FreezeOwn(s.ctx, guid(1), given, s.stopping(&seen)), workflow.ErrThawed)
	s.must(s.FreezeOwn(s.ctx, guid(1), time.Time{}, s.stopping(&seen)))
	s.want(lift("p"), workflow.ErrProofUsed)
	frozen(true)
}

// Somebody came in to ask, and its owner says by the link of that that it wasn't them: what
// was proved before is about the freeze before. It keeps who froze it first.
func aLinkOfLaterBeginsAFreezeAnewOnce(s *suite) {
	var seen []string
	c := s.change(audit.AccountStopped)
	c.Freeze = &workflow.Freeze{Account: guid(1), By: guid(7), Request: "theirs", At: s.now}
	s.must(s.Create(s.ctx, s.request("theirs"), c))
	first, err := s.Frozen(s.ctx, guid(1))
	s.must(err)
	events := s.events(guid(1))
	for _, made := range []time.Time{{}, s.now.Add(-time.Hour), s.now} {
		s.must(s.FreezeOwn(s.ctx, guid(1), made, s.stopping(&seen)))
		s.same(s.events(guid(1)), events)
	}
	made := s.now.Add(time.Minute)
	s.now = made.Add(time.Second)
	for range 2 {
		s.must(s.FreezeOwn(s.ctx, guid(1), made, s.stopping(&seen)))
		after, err := s.Frozen(s.ctx, guid(1))
		s.must(err)
		want := *first
		want.At = s.now
		s.same(*after, want)
		s.same(s.events(guid(1)), events+1)
	}
}

// Whoever asked may not be its owner, who says by the link of that that it wasn't them.
func aSecondFreezeTakesBackWhatWasAskedFor(s *suite) {
	var seen []string
	own := func(made time.Time) error { return s.FreezeOwn(s.ctx, guid(1), made, s.stopping(&seen)) }
	s.must(s.Create(s.ctx, s.request("theirs"), workflow.Change{}))
	s.must(own(time.Time{}))
	other := workflow.Freeze{Account: guid(2), By: guid(2), At: s.now, Asked: s.now, Alerted: s.now, Told: s.now}
	s.must(s.FreezeOwn(s.ctx, guid(2), time.Time{}, func([]*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Freeze: &other}, nil
	}))
	is := func(want workflow.Freeze, events int) {
		s.Helper()
		f, err := s.Frozen(s.ctx, guid(1))
		s.must(err)
		s.same(*f, want)
		s.same(s.events(guid(1)), events)
	}
	for n, again := range []func() error{func() error { return own(s.now) }, func() error { // an approver's
		c := s.change(audit.AccountStopped)
		c.Freeze = &workflow.Freeze{Account: guid(1), By: guid(7), Request: "theirs", At: s.now}
		return s.Update(s.ctx, "theirs", func(*workflow.Request) (workflow.Change, error) { return c, nil })
	}} {
		before, err := s.Frozen(s.ctx, guid(1))
		s.must(err)
		events := s.events(guid(1)) + 1
		asked := s.now.Add(10 * time.Minute)
		s.must(s.AskThaw(s.ctx, guid(1), []string{fmt.Sprint("p", n)}, func(f *workflow.Freeze) (workflow.Change, error) {
			f.Asked, f.Alerted, f.Told, f.Proved = asked.Add(time.Hour), asked.Add(time.Second), asked, []enroll.ProofKind{enroll.ProofPasskey}
			return s.change(audit.AccountAskedFor), nil
		}))
		before.Asked, before.Alerted, before.Told, before.Proved = asked.Add(time.Hour), asked.Add(time.Second), asked, []enroll.ProofKind{enroll.ProofPasskey}
		s.must(own(time.Time{}))
		s.must(own(s.now))
		is(*before, events) // by no session, and by no link that was there before

		s.now = asked.Add(time.Minute)
		s.must(again())
		after := workflow.Freeze{Account: guid(1), By: guid(1), At: s.now, Alerted: before.Alerted, Told: asked}
		is(after, events+1)
		s.must(own(s.now)) // and once
		is(after, events+1)
		all, err := s.ThawsAsked(s.ctx, guid(3), 10)
		s.must(err)
		s.same(all, []workflow.Freeze{other})
	}
}

func aThawIsAskedForWholeOrNotAtAll(s *suite) {
	by := []enroll.ProofKind{enroll.ProofTOTP, enroll.ProofPIN}
	ask := func(proof string, at time.Time, more ...audit.Event) error {
		return s.AskThaw(s.ctx, guid(1), []string{proof, proof + " beside"}, func(f *workflow.Freeze) (workflow.Change, error) {
			f.Asked, f.Proved, f.By, f.At, f.Request = at, by, guid(9), at, "another"
			c := s.change(audit.AccountAskedFor)
			c.Events = append(c.Events, more...)
			return c, nil
		})
	}
	s.want(ask("p", s.now), workflow.ErrNotFrozen)
	var seen []string
	s.must(s.FreezeOwn(s.ctx, guid(1), time.Time{}, s.stopping(&seen)))
	s.claim(10)
	want := workflow.Freeze{Account: guid(1), By: guid(1), At: s.now}
	asked := func() {
		s.Helper()
		got, err := s.Frozen(s.ctx, guid(1))
		s.must(err)
		s.same(*got, want)
	}
	s.want(ask("p", s.now, s.event("request.invented", guid(1))), audit.ErrEvent)
	s.want(s.AskThaw(s.ctx, guid(1), []string{"p"}, func(*workflow.Freeze) (workflow.Change, error) { return workflow.Change{}, errState }), errState)
	asked()
	s.same(len(s.claim(10)), 0)
	// Only when it was asked for changes, and the proof is used.
	want.Asked, want.Proved = s.now.Add(time.Minute), by
	s.must(ask("p", want.Asked))
	asked()
	s.same([]any{s.events(guid(1)), len(s.claim(10))}, []any{2, 1})
	// One of them that is used is as bad as all.
	one := func(*workflow.Freeze) (workflow.Change, error) { return s.change(audit.AccountAskedFor), nil }
	s.want(s.AskThaw(s.ctx, guid(1), []string{"new", "p beside"}, one), workflow.ErrProofUsed)
	s.want(s.AskThaw(s.ctx, guid(1), []string{"new", "new"}, one), workflow.ErrProofUsed)
	asked()
	s.want(ask("p", s.now.Add(time.Hour)), workflow.ErrProofUsed)
	asked()
	by = []enroll.ProofKind{enroll.ProofRecoveryCode}
	want.Asked, want.Proved = s.now.Add(2*time.Minute), by
	s.must(ask("q", want.Asked))
	asked()
	s.must(ask("new", want.Asked)) // which was used for nothing
}

func thoseWhoAskForAThawAreListed(s *suite) {
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	var all []workflow.Freeze
	for i := range 5 {
		f := workflow.Freeze{Account: guid(i + 1), By: guid(7), Request: "one", At: s.now.Add(-time.Duration(i) * time.Hour)}
		s.must(s.freeze("one", f))
		if i == 2 { // who does not ask is not listed
			continue
		}
		f.Asked = s.now.Add(time.Duration(i) * time.Minute)
		s.must(s.AskThaw(s.ctx, f.Account, []string{string(rune('p' + i))}, func(own *workflow.Freeze) (workflow.Change, error) {
			own.Asked = f.Asked
			return s.change(audit.AccountAskedFor), nil
		}))
		all = append(all, f)
	}
	slices.Reverse(all) // the last who asked first
	for _, c := range []struct {
		except int
		most   int
		want   []workflow.Freeze
	}{{9, 20, all}, {9, 2, all[:2]}, {5, 20, all[1:]}} {
		got, err := s.ThawsAsked(s.ctx, guid(c.except), c.most)
		s.must(err)
		s.same(got, c.want)
	}
	s.must(s.Unfreeze(s.ctx, guid(5), func(*workflow.Freeze) (workflow.Change, error) { return s.change(audit.AccountUnfrozen), nil }))
	got, err := s.ThawsAsked(s.ctx, guid(9), 20)
	s.must(err)
	s.same(got, all[1:])
}
