package push

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// memStore is a Store in memory, held to what Store's comments say.
type memStore struct {
	mu         sync.Mutex
	next       int64
	notices    map[int64]*held[Notice]
	deliveries map[int64]*held[Delivery]
	ended      map[int64]string // code of what is over
	taken      map[int64]int    // pushes by notice
	subs       []Subscription
	keys       []Keypair
	events     []audit.Event
	fail       error         // what every method answers; nil for none
	failing    chan struct{} // closed when somebody was answered so; nil for nobody waits
	losing     bool          // Delivered never comes back: a crash
	sealed     bool          // no subscription is found among others
	looking    func()        // is called before notices are claimed
	claims     []int         // of deliveries: how many of a bulk kind each asked for at most
}

type held[T any] struct {
	row   T
	until time.Time // of the lease
}

var errStore = errors.New("the store is away")

func newMemStore() *memStore {
	return &memStore{notices: map[int64]*held[Notice]{}, deliveries: map[int64]*held[Delivery]{}, ended: map[int64]string{}, taken: map[int64]int{}}
}

func (s *memStore) locked() func() { s.mu.Lock(); return s.mu.Unlock }

// put commits a notice.
func (s *memStore) put(n Notice) {
	defer s.locked()()
	s.next++
	n.ID = s.next
	s.notices[n.ID] = &held[Notice]{row: n}
}

func (s *memStore) ClaimNotices(_ context.Context, now time.Time, lease time.Duration, limit int) ([]Notice, error) {
	if s.looking != nil {
		s.looking()
	}
	defer s.locked()()
	if s.fail != nil && s.failing != nil {
		close(s.failing)
		s.failing = nil
	}
	var out []Notice
	kind := func(id int64) string { return s.notices[id].row.Kind }
	for _, id := range bulkLast(maps.Keys(s.notices), kind) {
		if h := s.notices[id]; len(out) < limit && !h.until.After(now) {
			h.until = now.Add(lease)
			out = append(out, h.row)
		}
	}
	return out, s.fail
}

func (s *memStore) Fan(_ context.Context, notice int64, deliveries []Delivery, events ...audit.Event) error {
	defer s.locked()()
	if s.fail != nil {
		return s.fail
	}
	if s.notices[notice] == nil {
		return ErrNoDelivery
	}
	delete(s.notices, notice)
	s.add(deliveries)
	s.events = append(s.events, events...)
	return nil
}

func (s *memStore) add(deliveries []Delivery) {
	for _, d := range deliveries {
		s.next++
		d.ID, d.Params = s.next, maps.Clone(d.Params)
		s.deliveries[d.ID] = &held[Delivery]{row: d}
	}
}

func (s *memStore) ClaimDeliveries(_ context.Context, now time.Time, lease time.Duration, limit, bulk int) ([]Delivery, error) {
	defer s.locked()()
	s.claims = append(s.claims, bulk)
	var out []Delivery
	kind := func(id int64) string { return s.deliveries[id].row.Kind }
	for _, id := range bulkLast(maps.Keys(s.deliveries), kind) {
		h, most := s.deliveries[id], limit
		if Bulk(h.row.Kind) {
			most = bulk
		}
		if len(out) < most && !h.until.After(now) && !h.row.Due.After(now) {
			h.until = now.Add(lease)
			d := h.row
			d.Params = maps.Clone(d.Params)
			out = append(out, d)
		}
	}
	return out, s.fail
}

func (s *memStore) asked() []int { defer s.locked()(); return slices.Clone(s.claims) }

func (s *memStore) ReleaseDeliveries(_ context.Context, ids ...int64) error {
	defer s.locked()()
	for _, id := range ids {
		if h := s.deliveries[id]; h != nil {
			h.until = time.Time{}
		}
	}
	return s.fail
}

func (s *memStore) Delivered(_ context.Context, id int64, at time.Time) error {
	defer s.locked()()
	if s.losing {
		return errStore
	}
	return s.take(id, at)
}

func (s *memStore) DeliveredTogether(_ context.Context, at time.Time, ids ...int64) error {
	defer s.locked()()
	if s.losing {
		return errStore
	}
	for _, id := range ids {
		if err := s.take(id, at); err != nil && !errors.Is(err, ErrNoDelivery) {
			return err
		}
	}
	return nil
}

func (s *memStore) take(id int64, at time.Time) error {
	h := s.deliveries[id]
	if err := s.end(id, "", func(sub *Subscription) { sub.Reached, sub.Failed = at, "" }); err != nil {
		return err
	}
	if h.row.Channel == ChannelPush {
		s.taken[h.row.Notice]++
	}
	return nil
}

func (s *memStore) DeliveredWith(_ context.Context, d Delivery, at, made time.Time, kinds ...string) error {
	defer s.locked()()
	if s.losing {
		return errStore
	}
	if err := s.take(d.ID, at); err != nil {
		return err
	}
	for _, id := range slices.Collect(maps.Keys(s.deliveries)) {
		r := s.deliveries[id].row
		if r.To == d.To && r.Channel == d.Channel && r.Subscription == d.Subscription && slices.Contains(kinds, r.Kind) && !r.Created.After(made) {
			_ = s.take(id, at) // it is there
		}
	}
	return nil
}

func (s *memStore) Capped(_ context.Context, d Delivery) (bool, error) {
	defer s.locked()()
	for id, h := range s.deliveries {
		if h.row.To == d.To && h.row.Channel == d.Channel && h.row.Subscription == d.Subscription && h.row.Cap == CapWaits && id != d.ID {
			return true, s.fail
		}
	}
	return false, s.fail
}

func (s *memStore) Progress(_ context.Context, notice int64) (p Progress, err error) {
	defer s.locked()()
	if notice == 0 {
		return p, s.fail
	}
	p.Taken = s.taken[notice]
	for _, h := range s.deliveries {
		if h.row.Notice == notice && h.row.Channel == ChannelPush {
			p.Waiting++
			if h.row.Cap == CapWaits {
				p.Capped++
			}
		}
	}
	return p, s.fail
}

// bulkLast sorts ids, and puts those of a bulk kind last.
func bulkLast(ids iter.Seq[int64], kind func(int64) string) []int64 {
	sorted := slices.Sorted(ids)
	bulk := func(id int64) bool { return Bulk(kind(id)) }
	return slices.Concat(slices.DeleteFunc(slices.Clone(sorted), bulk), slices.DeleteFunc(sorted, func(id int64) bool { return !bulk(id) }))
}

func (s *memStore) Retry(_ context.Context, id int64, due time.Time, code string, c Cap) error {
	defer s.locked()()
	h := s.deliveries[id]
	if h == nil {
		return ErrNoDelivery
	}
	h.until, h.row.Due, h.row.Cap = time.Time{}, due, c
	h.row.Attempts++
	s.mark(h.row.Subscription, failedBy(code))
	return s.fail
}

func (s *memStore) GiveUp(_ context.Context, id int64, _ time.Time, code string, next []Delivery, events ...audit.Event) error {
	defer s.locked()()
	if err := s.end(id, code, failedBy(code)); err != nil {
		return err
	}
	s.add(next)
	s.events = append(s.events, events...)
	return nil
}

func failedBy(code string) func(*Subscription) {
	return func(sub *Subscription) { sub.Failed = code }
}

func (s *memStore) end(id int64, code string, mark func(*Subscription)) error {
	h := s.deliveries[id]
	if s.fail != nil || h == nil {
		return cmp.Or(s.fail, ErrNoDelivery)
	}
	s.mark(h.row.Subscription, mark)
	delete(s.deliveries, id)
	s.ended[id] = code
	return nil
}

func (s *memStore) mark(id string, fn func(*Subscription)) {
	for i := range s.subs {
		if s.subs[i].ID == id {
			fn(&s.subs[i])
		}
	}
}

func (s *memStore) NextDelivery(context.Context) (time.Time, error) {
	defer s.locked()()
	var next time.Time
	for _, h := range s.deliveries {
		if at := h.row.Due; next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, s.fail
}

func (s *memStore) PurgeDeliveries(context.Context, time.Time) (int, error) {
	defer s.locked()()
	return 0, s.fail
}

func (s *memStore) Reached(_ context.Context, id string, at time.Time) error {
	defer s.locked()()
	s.mark(id, func(sub *Subscription) { sub.Reached, sub.Failed = at, "" })
	return s.fail
}

func (s *memStore) SaveSubscription(_ context.Context, sub Subscription, limit int, events ...audit.Event) (Subscription, error) {
	defer s.locked()()
	others := 0
	for i, old := range s.subs {
		switch {
		case old.Endpoint == sub.Endpoint && old.Account != sub.Account:
			return Subscription{}, ErrAnothers
		case old.Endpoint == sub.Endpoint:
			sub.ID, sub.Created, sub.Reached = old.ID, old.Created, old.Reached
			s.subs[i] = sub
			return sub, s.fail
		case old.Account == sub.Account:
			others++
		}
	}
	if others >= limit {
		return Subscription{}, ErrTooManyDevices
	}
	s.subs = append(s.subs, sub)
	s.events = append(s.events, events...)
	return sub, s.fail
}

func (s *memStore) Subscription(_ context.Context, id string) (Subscription, error) {
	defer s.locked()()
	for _, sub := range s.subs {
		if sub.ID == id {
			return sub, s.fail
		}
	}
	return Subscription{}, cmp.Or(s.fail, ErrNoSubscription)
}

func (s *memStore) SubscriptionsByID(_ context.Context, ids []string) (map[string]Subscription, error) {
	defer s.locked()()
	out := map[string]Subscription{}
	for _, sub := range s.subs {
		if slices.Contains(ids, sub.ID) && !s.sealed {
			out[sub.ID] = sub
		}
	}
	return out, s.fail
}

func (s *memStore) Subscriptions(_ context.Context, accounts ...string) ([]Subscription, error) {
	defer s.locked()()
	var out []Subscription
	for _, sub := range s.subs {
		if slices.Contains(accounts, sub.Account) {
			out = append(out, sub)
		}
	}
	return out, s.fail
}

func (s *memStore) RemoveSubscription(_ context.Context, account, id string, events ...audit.Event) error {
	defer s.locked()()
	before := len(s.subs)
	s.subs = slices.DeleteFunc(s.subs, func(sub Subscription) bool { return sub.ID == id && sub.Account == account })
	if len(s.subs) == before {
		return ErrNoSubscription
	}
	maps.DeleteFunc(s.deliveries, func(_ int64, h *held[Delivery]) bool { return h.row.Subscription == id })
	s.events = append(s.events, events...)
	return s.fail
}

func (s *memStore) VAPIDKeys(context.Context) ([]Keypair, error) {
	defer s.locked()()
	return slices.Clone(s.keys), s.fail
}

func (s *memStore) AddVAPIDKey(_ context.Context, k Keypair, first bool, events ...audit.Event) (bool, error) {
	defer s.locked()()
	if first && len(s.keys) > 0 {
		return false, nil
	}
	s.keys = append([]Keypair{k}, s.keys...)
	s.events = append(s.events, events...)
	return true, s.fail
}

// happened lists actions and reasons of the events.
func (s *memStore) happened(a audit.Action) (reasons []string) {
	defer s.locked()()
	for _, e := range s.events {
		if e.Action == a {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

func (s *memStore) waiting() []Delivery {
	defer s.locked()()
	var out []Delivery
	for _, id := range slices.Sorted(maps.Keys(s.deliveries)) {
		out = append(out, s.deliveries[id].row)
	}
	return out
}
