package push

import (
	"context"
	"errors"
	"sync"
	"time"
)

// fresh is how long what was read for one message of a batch holds for another.
const fresh = time.Second

// batch is what messages share that were claimed together and go to many at once:
// what each of them needs to know is read once for a person, and the devices with one
// another. What is about a request has a batch of its own.
type batch struct {
	claimed time.Time
	ids     []string // of the devices, each once
	devices shared[map[string]Subscription]
	*known
}

// known is what batches that follow one another share while it is fresh.
type known struct {
	began  time.Time
	people shared[Person]
	badges shared[*int]
}

// newBatch goes on with what is known. It belongs to the goroutine of the outbox.
func (s *Service) newBatch(now time.Time) *batch {
	if k := s.hand.known; k == nil || now.Before(k.began) || now.Sub(k.began) >= fresh {
		s.hand.known = &known{began: now}
	}
	return &batch{claimed: now, known: s.hand.known}
}

// shared reads what several ask for once.
type shared[T any] struct {
	mu    sync.Mutex
	reads map[string]*reading[T]
}

type reading[T any] struct {
	began time.Time
	ended chan struct{}
	value T
	err   error
}

// get answers from a reading that is under way or fresh. One that failed, other than
// by finding nothing, holds for those who waited for it and for nobody after them.
func (r *shared[T]) get(ctx context.Context, key string, now time.Time, read func() (T, error)) (T, error) {
	one, mine := r.reading(key, now)
	if !mine {
		select {
		case <-one.ended:
			return one.value, one.err
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	defer close(one.ended)
	one.value, one.err = read()
	if one.err != nil && !errors.Is(one.err, ErrNobody) {
		r.forget(key, one)
	}
	return one.value, one.err
}

// reading says whether it is the caller's to read.
func (r *shared[T]) reading(key string, now time.Time) (one *reading[T], mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.reads[key]; one != nil && now.Sub(one.began) < fresh && !now.Before(one.began) {
		return one, false
	}
	if r.reads == nil {
		r.reads = map[string]*reading[T]{}
	}
	one = &reading[T]{began: now, ended: make(chan struct{})}
	r.reads[key] = one
	return one, true
}

func (r *shared[T]) forget(key string, one *reading[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reads[key] == one {
		delete(r.reads, key)
	}
}

// device is read with all others of the batch. Whichever is not among them is asked
// for by itself, which says why.
func (s *Service) device(ctx context.Context, of *batch, id string) (Subscription, error) {
	if len(of.ids) > 1 {
		all, err := of.devices.get(ctx, "", s.cfg.Now(), func() (map[string]Subscription, error) {
			return s.cfg.Store.SubscriptionsByID(ctx, of.ids)
		})
		if sub, is := all[id]; is && err == nil {
			return sub, nil
		}
	}
	return s.cfg.Store.Subscription(ctx, id)
}

func (s *Service) person(ctx context.Context, of *batch, account string) (Person, error) {
	return of.people.get(ctx, account, s.cfg.Now(), func() (Person, error) { return s.cfg.Directory.Person(ctx, account) })
}

// badgeOf is nil where it can't be counted.
func (s *Service) badgeOf(ctx context.Context, of *batch, account string) *int {
	n, _ := of.badges.get(ctx, account, s.cfg.Now(), func() (*int, error) { return s.badge(ctx, account), nil })
	return n
}
