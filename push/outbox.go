package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/audit"
)

const (
	lease      = 45 * time.Second // longer than one try may take
	tryTime    = 30 * time.Second
	idle       = 10 * time.Second // another server may have written
	shortRest  = time.Second / 2
	afterError = 5 * time.Second
	noticeHeap = 200 // notices in one claim
	// claimTogether is how long a free slot waits for others.
	claimTogether = 20 * time.Millisecond
	lastTry       = 10 * time.Second // before the end
	purgeEach     = time.Hour
	purgeAfter    = 7 * 24 * time.Hour
)

// Kick wakes the outbox: something was committed. It never waits.
func (s *Service) Kick() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Run works on the outbox until the context ends, then lets what is on its way
// finish. Several servers may run it.
func (s *Service) Run(ctx context.Context) error {
	var flying sync.WaitGroup
	defer flying.Wait()
	s.hand.run(true)
	defer func() {
		s.hand.run(false)
		s.letGo(ctx)
	}()
	slots := make(chan struct{}, s.cfg.Workers)
	var purged, looked time.Time
	// A slot that came free says nothing of notices: those are looked for after a
	// commit, after a rest, and now and then, for other servers write them too.
	for look := true; ctx.Err() == nil; {
		now := s.cfg.Now()
		if now.Sub(purged) >= purgeEach {
			s.tidy(ctx, now)
			purged = now
		}
		select {
		case <-s.kick:
			look = true
		default:
		}
		var err error
		if look || now.Sub(looked) >= idle {
			looked, s.hand.short = now, false
			look, err = s.fanOut(ctx)
		}
		var sent bool
		if err == nil {
			sent, err = s.sendDue(ctx, slots, &flying)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("outbox stands still", "error", err)
			s.rest(ctx, afterError)
			look = true
		} else if !look && !sent {
			look = s.rest(ctx, s.pause(ctx, slots))
		}
	}
	return nil
}

// fanOut says whether there may be more.
func (s *Service) fanOut(ctx context.Context) (bool, error) {
	notices, err := s.cfg.Store.ClaimNotices(ctx, s.cfg.Now(), lease, noticeHeap)
	if err != nil {
		return false, err
	}
	// Those of a bulk kind come last and have no order among them: all at once, so
	// that the store can commit them together.
	s.hand.short = s.hand.short && len(notices) == 0
	single := slices.IndexFunc(notices, func(n Notice) bool { return Bulk(n.Kind) })
	if single < 0 {
		single = len(notices)
	}
	for i := range single {
		if err := s.fanTogether(ctx, notices[i:i+1]); err != nil {
			return false, err
		}
	}
	if single < len(notices) {
		err = s.fanTogether(ctx, notices[single:])
	}
	return len(notices) > 0, err
}

// fanTogether reads the devices of all that the notices are for.
func (s *Service) fanTogether(ctx context.Context, notices []Notice) error {
	people := make([]string, len(notices))
	for i, n := range notices {
		people[i] = n.To
	}
	slices.Sort(people)
	devices, err := s.cfg.Store.Subscriptions(ctx, slices.Compact(people)...)
	if err != nil {
		return fmt.Errorf("read devices: %w", err)
	}
	of := map[string][]Subscription{}
	for _, d := range devices {
		of[d.Account] = append(of[d.Account], d)
	}
	errs := make([]error, len(notices))
	var all sync.WaitGroup
	for i, n := range notices {
		all.Go(func() { errs[i] = s.fan(ctx, n, of[n.To]) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// sendDue starts as many deliveries as there are free slots, and says whether
// there may be more. What goes to many at once holds its slot until the other side
// has answered; that is written down while the next one is on its way. The last
// quarter of the slots is not for it: a mail server that takes its time holds up
// nobody who has to decide.
func (s *Service) sendDue(ctx context.Context, slots chan struct{}, flying *sync.WaitGroup) (bool, error) {
	s.letGoStale(ctx)
	if len(slots) == cap(slots) {
		return false, nil
	}
	start := func(all []leased) {
		for _, h := range all {
			slots <- struct{}{}
			flying.Go(func() { s.fly(ctx, h, slots, flying) })
		}
	}
	free := func() int { return cap(slots) - len(slots) }
	many, reserve, started := manyFit(slots) || s.hand.isLow(), cap(slots)/4, 0
	startHeld := func() {
		s.letGoStale(ctx)
		all := s.hand.take(free() - reserve)
		started += len(all)
		start(all)
	}
	now, pressed := s.cfg.Now(), s.hand.isPressed()
	asks := pressed || !s.hand.dry(now) && !(many && s.hand.enough(now))
	if many && (reserve > 0 && !pressed || !asks) { // first, so that the slots work while the store is asked
		startHeld()
	}
	if !asks {
		return started > 0, nil
	}
	due, err := s.claimDue(ctx, free(), many)
	if err != nil {
		return false, err
	}
	start(due)
	if many {
		startHeld()
	}
	return started+len(due) > 0, nil
}

// claimDue returns what is to be started now, and takes into the hand what goes to many
// at once.
func (s *Service) claimDue(ctx context.Context, room int, many bool) (now []leased, err error) {
	together := s.newBatch(s.cfg.Now())
	s.hand.looked = together.claimed
	most := 0
	if many {
		most = ahead - s.hand.len()
	}
	due, err := s.cfg.Store.ClaimDeliveries(ctx, together.claimed, lease, room, most)
	if err != nil {
		return nil, err
	}
	var held []leased
	for _, d := range due {
		// What the store took for one of many, and another version does not, has no slot yet.
		if Bulk(d.Kind) || len(now) >= room {
			held = append(held, leased{d, together})
			if d.Subscription != "" {
				together.ids = append(together.ids, d.Subscription)
			}
		} else {
			now = append(now, leased{d, &batch{claimed: together.claimed, known: &known{}}})
		}
	}
	s.hand.short = many && len(now) < room && len(due) < most
	slices.Sort(together.ids)
	together.ids = slices.Compact(together.ids)
	s.hand.put(held, len(now) == room)
	return now, nil
}

// fly tries a delivery and, where it goes to many, those that are held after it; then it
// frees its slot.
func (s *Service) fly(ctx context.Context, h leased, slots chan struct{}, flying *sync.WaitGroup) {
	for more := true; more; {
		h, more = s.flyOne(ctx, h, slots, flying)
	}
}

// flyOne returns the next for the same slot.
func (s *Service) flyOne(ctx context.Context, h leased, slots chan struct{}, flying *sync.WaitGroup) (next leased, more bool) {
	left := false
	leave := func() { // the slot, to another, while it is written down how this one ended
		left = true
		if next, ok := s.next(ctx); ok {
			flying.Go(func() { s.fly(ctx, next, slots, flying) })
			return
		}
		<-slots
		s.freed(slots)
	}
	try, cancel := context.WithTimeout(context.WithoutCancel(ctx), tryTime)
	defer cancel()
	answered := func() {}
	if Bulk(h.Kind) {
		answered = leave
	}
	s.deliver(try, h, answered)
	if s.taken.first() {
		flying.Go(func() { s.writeTaken(ctx) })
	}
	if left {
		return leased{}, false
	}
	if Bulk(h.Kind) {
		if next, more = s.next(ctx); more {
			return next, true
		}
	}
	<-slots
	s.freed(slots)
	return leased{}, false
}

// next is what is held for a slot of one that went to many.
func (s *Service) next(ctx context.Context) (leased, bool) {
	if ctx.Err() != nil {
		return leased{}, false
	}
	next, ok, low := s.hand.pass(s.cfg.Now())
	if low {
		s.wakeSender()
	}
	return next, ok
}

// freed wakes the outbox when a delivery has ended: at once where the next one is held
// or half of the slots are free, else shortly, so that many share one claim.
func (s *Service) freed(slots chan struct{}) {
	if 2*len(slots) <= cap(slots) || s.hand.len() > 0 {
		s.wakeSender()
		return
	}
	time.AfterFunc(claimTogether, s.wakeSender)
}

func (s *Service) wakeSender() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

// manyFit says whether so much room is left that some of it is for what goes to
// many at once.
func manyFit(slots chan struct{}) bool { return cap(slots)-len(slots) > cap(slots)/4 }

// pause is how long there is nothing to do. While something is on its way nobody asks
// the store what is due next: that wakes the outbox when it ends.
func (s *Service) pause(ctx context.Context, slots chan struct{}) time.Duration {
	if len(slots) > 0 {
		return shortRest
	}
	next, err := s.cfg.Store.NextDelivery(ctx)
	if err != nil || next.IsZero() {
		return idle
	}
	// What is due and was not claimed is held by somebody: no hurry.
	return min(max(next.Sub(s.cfg.Now()), shortRest), idle)
}

// rest ends early when there is something to do, and says whether that may be a
// notice.
func (s *Service) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.room:
		return false
	case <-ctx.Done():
	case <-s.kick:
	case <-t.C:
	}
	return true
}

// tidy forgets what ended long ago, and learns keys that another server made.
func (s *Service) tidy(ctx context.Context, now time.Time) {
	if _, err := s.cfg.Store.PurgeDeliveries(ctx, now.Add(-purgeAfter)); err != nil && ctx.Err() == nil {
		s.log.Error("outbox not tidied", "error", err)
	}
	if err := s.loadKeys(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("push keys not read", "error", err)
	}
}

// deliver tries once and writes down how it ended. In between it calls answered, unless
// that is written down with others.
func (s *Service) deliver(ctx context.Context, h leased, answered func()) {
	var err error
	d := h.Delivery
	if d.Channel == ChannelPush {
		err = s.deliverPush(ctx, d, h.of, answered)
	} else if d.Params[paramVerified] != "" {
		err = s.deliverVerified(ctx, d, answered)
	} else {
		err = s.deliverMail(ctx, d, answered)
	}
	if err != nil { // the lease ends, and it is tried again
		s.log.Error("delivery not settled", "kind", d.Kind, "account", d.To, "delivery", d.ID, "error", err)
	}
}

// settle writes a verdict down. next takes its place where it is given up.
func (s *Service) settle(ctx context.Context, d Delivery, v verdict, next []Delivery, events ...audit.Event) error {
	now := s.cfg.Now()
	if v.code == "" {
		if d.Cap == CapTogether && !v.made.IsZero() {
			return over(s.cfg.Store.DeliveredWith(ctx, d, now, v.made, reviewKinds...))
		}
		if Bulk(d.Kind) {
			s.taken.add(d.ID)
			return nil
		}
		return over(s.cfg.Store.Delivered(ctx, d.ID, now))
	}
	text := "message not taken"
	if v.alarm {
		text = string(d.Channel) + " refused"
	}
	s.report(text, v, "kind", d.Kind, "account", d.To, "delivery", d.ID, "device", d.Subscription)
	if due, ok := s.dueAgain(d, v, now); ok {
		return over(s.cfg.Store.Retry(ctx, d.ID, due, d.kept(v.code), d.Cap))
	}
	return over(s.cfg.Store.GiveUp(ctx, d.ID, now, d.kept(v.code), next, events...))
}

// kept is the code that the store keeps: a device has not failed because its
// owner is left in peace, or is gone.
func (d Delivery) kept(code string) string {
	if d.Channel == ChannelPush && !strings.HasPrefix(code, "device.") {
		return ""
	}
	return code
}

// dueAgain is when to try again, or that there is no time left for it. It is
// never earlier than what the other side asked for.
func (s *Service) dueAgain(d Delivery, v verdict, now time.Time) (time.Time, bool) {
	if !v.again {
		return time.Time{}, false
	}
	wait := backoff(d.Attempts, s.cfg.Rand)
	switch left := d.Until.Sub(now); {
	case v.slow:
		wait += slowRetry
	case v.wait > 0:
		wait = v.wait + min(wait, v.wait/10+time.Second)
	case wait >= left && left > lastTry: // rather early than too late
		wait = left / 2
	}
	due := now.Add(wait)
	return due, due.Before(d.Until)
}
