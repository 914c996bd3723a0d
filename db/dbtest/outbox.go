package dbtest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
)

const lease = time.Minute

// claim claims notices now.
func (s *suite) claim(limit int) []push.Notice {
	s.Helper()
	all, err := s.ClaimNotices(s.ctx, s.now, lease, limit)
	s.must(err)
	return all
}

// notices commits n of them.
func (s *suite) notices(n int) {
	s.Helper()
	var c workflow.Change
	for i := range n {
		c.Notices = append(c.Notices, workflow.Notice{To: guid(1), Kind: "k", Params: map[string]string{"n": fmt.Sprint(i)}})
	}
	s.made++
	s.must(s.Create(s.ctx, s.request(fmt.Sprint("notices ", s.made)), c))
}

func (s *suite) delivery(n int) push.Delivery {
	return push.Delivery{
		To: guid(1).String(), Kind: workflow.NoticeReview, Params: map[string]string{"n": fmt.Sprint(n)},
		Channel: push.ChannelMail, Created: s.now, Until: s.now.Add(time.Hour), Due: s.now,
	}
}

// deliveries puts them in the place of a notice, and returns them claimed.
func (s *suite) deliveries(all ...push.Delivery) []push.Delivery {
	s.Helper()
	s.notices(1)
	s.must(s.Fan(s.ctx, s.claim(1)[0].ID, all))
	return s.due(s.now)
}

func (s *suite) due(now time.Time) []push.Delivery {
	s.Helper()
	all, err := s.ClaimDeliveries(s.ctx, now, lease, 100, 100)
	s.must(err)
	return all
}

func aNoticeComesBackWhole(s *suite) {
	want := workflow.Notice{
		To: guid(1), Kind: workflow.NoticeReview, Until: s.now.Add(time.Hour),
		Params: map[string]string{"request": "one", "\u2028": "<\"hostile\">"},
	}
	c := workflow.Change{Notices: []workflow.Notice{want, {To: guid(2), Kind: "bare"}}}
	failing := c
	failing.Events = []audit.Event{s.event("request.invented", guid(1))}
	s.want(s.Create(s.ctx, s.request("none"), failing), audit.ErrEvent)
	s.same(len(s.claim(10)), 0)
	next, err := s.NextDelivery(s.ctx)
	s.must(err)
	s.same(next.IsZero(), true)

	s.must(s.Create(s.ctx, s.request("one"), c))
	next, err = s.NextDelivery(s.ctx)
	s.must(err)
	if next.IsZero() || next.After(time.Now()) {
		s.Errorf("what waits now is due at %v", next)
	}
	got := s.claim(10)
	s.same(len(got), 2)
	s.same([]any{got[0].To, got[0].Kind, got[0].Params, got[0].Until}, []any{guid(1).String(), want.Kind, want.Params, want.Until})
	s.same([]any{got[1].To, len(got[1].Params), got[1].Until.IsZero(), got[1].Created.IsZero()}, []any{guid(2).String(), 0, true, false})
}

func eachNoticeGoesToOneClaimer(s *suite) {
	s.notices(50)
	var mu sync.Mutex
	var got []string
	s.race(40, func(s *suite, _ int) error {
		all, err := s.ClaimNotices(s.ctx, s.now, lease, 3)
		mu.Lock()
		defer mu.Unlock()
		for i, n := range all {
			got = append(got, n.Params["n"])
			if i > 0 && n.ID < all[i-1].ID {
				s.Errorf("%d comes after %d", n.ID, all[i-1].ID)
			}
		}
		return err
	}, nil)
	slices.Sort(got)
	s.same([]int{len(got), len(slices.Compact(got))}, []int{50, 50})
}

func aLeaseThatIsOverIsClaimedAgain(s *suite) {
	s.notices(1)
	first := s.claim(1)
	s.same(len(s.claim(1)), 0)
	next, err := s.NextDelivery(s.ctx)
	s.must(err)
	s.same(next, s.now.Add(lease))
	s.now = s.now.Add(lease - time.Millisecond)
	s.same(len(s.claim(1)), 0)
	s.now = s.now.Add(time.Millisecond)
	s.same(s.claim(1), first)

	s.must(s.Fan(s.ctx, first[0].ID, []push.Delivery{s.delivery(1)}))
	got := s.due(s.now)
	s.same(len(got), 1)
	s.same(len(s.due(s.now.Add(lease-time.Millisecond))), 0)
	s.same(s.due(s.now.Add(lease)), got)
}

// As many are held as a server holds that can open none of them.
func whatIsFreeIsSeenBehindWhatIsHeld(s *suite) {
	const held = 300
	all := make([]push.Delivery, held+1)
	for i := range all {
		all[i] = s.delivery(i)
	}
	s.same(len(s.deliveries(all...)), 100)
	for range held/100 - 1 {
		s.same(len(s.due(s.now)), 100)
	}
	next, err := s.NextDelivery(s.ctx)
	s.must(err)
	s.same(next, s.now)
	s.same(len(s.due(s.now)), 1)
	next, err = s.NextDelivery(s.ctx)
	s.must(err)
	s.same(next, s.now.Add(lease))
}

func aNoticeFansOutOnce(s *suite) {
	s.notices(1)
	s.want(s.Fan(s.ctx, 1, nil), push.ErrNoDelivery) // nobody claimed it
	id := s.claim(1)[0].ID
	s.want(s.Fan(s.ctx, id, []push.Delivery{s.delivery(1)}, s.event("request.invented", guid(1))), audit.ErrEvent)
	s.same(len(s.due(s.now)), 0)
	won := s.race(200, func(s *suite, i int) error {
		return s.Fan(s.ctx, id, []push.Delivery{s.delivery(i), s.delivery(i)}, s.event(audit.NoticeFailed, guid(1)))
	}, push.ErrNoDelivery)
	s.same(won, 1)
	s.same(len(s.due(s.now)), 2)
	s.same(s.events(guid(1)), 1)
	s.now = s.now.Add(lease)
	s.same(len(s.claim(1)), 0)
}

func aDeliveryComesBackWholeWhenItIsDue(s *suite) {
	now, soon, late := s.delivery(1), s.delivery(2), s.delivery(3)
	now.Params = map[string]string{"request": "one", "\u2028": "<\"hostile\">"}
	now.Attempts, now.Notice, now.Cap = 2, 7, push.CapTogether
	soon.Channel, soon.Subscription, soon.Due = push.ChannelPush, "sub", s.now.Add(time.Second)
	late.Due, late.Until = s.now.Add(time.Hour), time.Time{}
	got := s.deliveries(late, soon, now)
	s.same(len(got), 1)
	now.ID = got[0].ID
	s.same(got[0], now)
	s.must(s.Delivered(s.ctx, now.ID, s.now))
	next, err := s.NextDelivery(s.ctx)
	s.must(err)
	s.same(next, soon.Due)
	got = s.due(late.Due)
	s.same(len(got), 2) // the longest due first
	soon.ID, late.ID = got[0].ID, got[1].ID
	s.same(got, []push.Delivery{soon, late})
	// Without a time it is due at once.
	bare := s.deliveries(push.Delivery{To: guid(1).String(), Kind: "k", Channel: push.ChannelMail})
	s.same([]any{len(bare), bare[0].Created.IsZero()}, []any{1, false})
}

func eachDeliveryGoesToOneClaimer(s *suite) {
	s.notices(1)
	var all []push.Delivery
	for i := range 50 {
		all = append(all, s.delivery(i))
	}
	s.must(s.Fan(s.ctx, s.claim(1)[0].ID, all))
	var mu sync.Mutex
	var got []string
	s.race(40, func(s *suite, _ int) error {
		claimed, err := s.ClaimDeliveries(s.ctx, s.now, lease, 3, 3)
		mu.Lock()
		defer mu.Unlock()
		for _, d := range claimed {
			got = append(got, d.Params["n"])
		}
		return err
	}, nil)
	slices.Sort(got)
	s.same([]int{len(got), len(slices.Compact(got))}, []int{50, 50})
}

func oneOf200EndsADelivery(s *suite) {
	id := s.deliveries(s.delivery(1))[0].ID
	won := s.race(200, func(s *suite, i int) error {
		if i%2 == 0 {
			return s.Delivered(s.ctx, id, s.now)
		}
		return s.GiveUp(s.ctx, id, s.now, "push.gone", nil)
	}, push.ErrNoDelivery)
	s.same(won, 1)
	s.want(s.Retry(s.ctx, id, s.now, "push.refused", push.CapUnasked), push.ErrNoDelivery)
	s.want(s.Delivered(s.ctx, 99, s.now), push.ErrNoDelivery)
	next, err := s.NextDelivery(s.ctx)
	s.must(err)
	s.same(next.IsZero(), true)
	s.same(len(s.due(s.now.Add(time.Hour))), 0)
}

func aRetryGivesTheLeaseBack(s *suite) {
	first := s.deliveries(s.delivery(1))[0]
	s.must(s.Retry(s.ctx, first.ID, s.now.Add(time.Second), "push.refused", push.CapWaits))
	s.want(s.Delivered(s.ctx, first.ID, s.now), push.ErrNoDelivery) // the lease is given back
	s.same(len(s.due(s.now)), 0)
	got := s.due(s.now.Add(time.Second))
	first.Attempts, first.Due, first.Cap = 1, s.now.Add(time.Second), push.CapWaits
	s.same(got, []push.Delivery{first})
	s.must(s.Delivered(s.ctx, first.ID, s.now))
}

// More than one statement names; what is held no more is left as it is.
func whatWasTakenTogetherEndsTogether(s *suite) {
	one, other := s.subscribe("one", guid(1)), s.subscribe("other", guid(1))
	var all []push.Delivery
	for i := range 70 {
		d := s.delivery(i)
		switch { // the last third goes by mail
		case i < 30:
			d.Channel, d.Subscription = push.ChannelPush, one.ID
		case i < 50:
			d.Channel, d.Subscription = push.ChannelPush, other.ID
		}
		all = append(all, d)
	}
	all = s.deliveries(all...)
	lost, ended := all[:2], all[2]
	s.must(s.ReleaseDeliveries(s.ctx, lost[0].ID, lost[1].ID))
	s.must(s.GiveUp(s.ctx, ended.ID, s.now, "push.gone", nil))
	for _, d := range all[30:50] {
		s.must(s.Retry(s.ctx, d.ID, s.now.Add(time.Minute), "push.refused", push.CapUnasked)) // gives the lease back
	}
	at, ids := s.now.Add(time.Second), []int64{99999}
	for _, d := range all {
		ids = append(ids, d.ID)
	}
	s.must(s.DeliveredTogether(s.ctx, at))
	s.same(len(s.due(s.now)), 2)
	s.must(s.ReleaseDeliveries(s.ctx, lost[0].ID, lost[1].ID))
	s.must(s.DeliveredTogether(s.ctx, at, ids...))
	got, err := s.Subscription(s.ctx, one.ID)
	s.must(err)
	s.same([]any{got.Failed, got.Reached}, []any{"", at})
	got, err = s.Subscription(s.ctx, other.ID)
	s.must(err)
	s.same([]any{got.Failed, got.Reached}, []any{"push.refused", time.Time{}})
	s.same(s.due(s.now), lost)
	s.must(s.DeliveredTogether(s.ctx, at, lost[0].ID, lost[1].ID))
	s.same(len(s.due(s.now.Add(time.Minute))), 20)
	s.must(s.DeliveredTogether(s.ctx, at, ids...))
	s.same(len(s.due(s.now.Add(time.Hour))), 0)
	p, err := s.Progress(s.ctx, all[0].Notice)
	s.must(err)
	s.same(p, push.Progress{})
}

func whatWasNotTriedIsGivenBack(s *suite) {
	got := s.deliveries(s.delivery(1), s.delivery(2), s.delivery(3))
	s.must(s.Delivered(s.ctx, got[1].ID, s.now))
	s.must(s.ReleaseDeliveries(s.ctx, got[0].ID, got[1].ID, 99))
	s.want(s.Delivered(s.ctx, got[0].ID, s.now), push.ErrNoDelivery) // the lease is given back
	s.same(s.due(s.now), got[:1])
	s.must(s.ReleaseDeliveries(s.ctx))
	s.same(len(s.due(s.now)), 0)
}

func givingUpPutsNextInItsPlaceOrNothing(s *suite) {
	id := s.deliveries(s.delivery(1))[0].ID
	next := []push.Delivery{s.delivery(2), s.delivery(3)}
	s.want(s.GiveUp(s.ctx, id, s.now, "push.gone", next, s.event("request.invented", guid(1))), audit.ErrEvent)
	s.same(len(s.due(s.now)), 0)
	s.must(s.GiveUp(s.ctx, id, s.now, "push.gone", next, s.event(audit.NoticeFailed, guid(1))))
	got := s.due(s.now)
	s.same([]any{len(got), got[0].Params["n"], got[1].Params["n"]}, []any{2, "2", "3"})
	s.same(s.events(guid(1)), 1)
}

func aSubscriptionKnowsHowItsLastDeliveryEnded(s *suite) {
	sub := s.subscribe("sub", guid(1))
	d := s.delivery(1)
	d.Channel, d.Subscription = push.ChannelPush, sub.ID
	state := func(code string, reached time.Time) {
		s.Helper()
		got, err := s.Subscription(s.ctx, sub.ID)
		s.must(err)
		s.same([]any{got.Failed, got.Reached}, []any{code, reached})
	}
	id := s.deliveries(d)[0].ID
	s.must(s.Retry(s.ctx, id, s.now, "push.refused", push.CapUnasked))
	state("push.refused", time.Time{})
	id = s.due(s.now)[0].ID
	s.must(s.Delivered(s.ctx, id, s.now))
	state("", s.now)
	s.now = s.now.Add(lease)
	id = s.deliveries(d)[0].ID
	s.must(s.GiveUp(s.ctx, id, s.now, "push.gone", nil))
	state("push.gone", s.now.Add(-lease))
	s.now = s.now.Add(lease)
	id = s.deliveries(d)[0].ID
	s.must(s.Delivered(s.ctx, id, s.now.Add(-time.Hour))) // a clock that is behind
	state("", s.now.Add(-2*lease))
	s.must(s.Reached(s.ctx, sub.ID, s.now)) // outside the outbox
	state("", s.now)
	s.want(s.Reached(s.ctx, "none", s.now), push.ErrNoSubscription)
}

func whatEndedIsForgottenLater(s *suite) {
	late := s.delivery(2)
	late.Due = s.now.Add(time.Hour)
	id := s.deliveries(s.delivery(1), late)[0].ID
	s.must(s.Delivered(s.ctx, id, s.now))
	purge := func(before time.Time, want int) {
		s.Helper()
		n, err := s.PurgeDeliveries(s.ctx, before)
		s.must(err)
		s.same(n, want)
	}
	purge(s.now.Add(-10*365*24*time.Hour), 0)
	purge(s.now.Add(time.Minute), 2) // the notice and one delivery
	purge(s.now.Add(time.Minute), 0)
	s.same(len(s.due(late.Due)), 1)
	// Nothing could ever end what was left for so long.
	purge(late.Due.Add(time.Hour), 1)
}
