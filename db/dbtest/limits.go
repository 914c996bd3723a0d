package dbtest

import (
	"errors"
	"time"

	"github.com/latchkey/latchkey/push"
)

var errWait = errors.New("wait")

func (s *suite) take(key string, at time.Time) time.Duration {
	s.Helper()
	wait, err := s.Take(s.ctx, key, 3, 10*time.Second, at)
	s.must(err)
	return wait
}

func aBucketRefills(s *suite) {
	for range 3 {
		s.same(s.take("anna", s.now), time.Duration(0))
	}
	s.same(s.take("anna", s.now), 10*time.Second)
	s.same(s.take("anna", s.now.Add(4*time.Second)), 6*time.Second)
	s.same(s.take("bert", s.now), time.Duration(0)) // another bucket
	s.same(s.take("anna", s.now.Add(10*time.Second)), time.Duration(0))
	s.same(s.take("anna", s.now.Add(10*time.Second)), 10*time.Second)
	s.same(s.take("anna", s.now), 20*time.Second)                   // a clock that went back a little gives nothing
	s.same(s.take("anna", s.now.Add(-time.Hour)), time.Duration(0)) // one that ran an hour ahead shuts nobody out
	s.same(s.take("anna", s.now.Add(-time.Hour)), time.Duration(0))
	s.same(s.take("anna", s.now.Add(-time.Hour)), time.Duration(0))
	if s.take("anna", s.now.Add(-time.Hour)) == 0 {
		s.Error("a clock that was set back gave more than a burst")
	}
	// Full again, and no fuller than burst.
	for range 3 {
		s.same(s.take("anna", s.now.Add(time.Hour)), time.Duration(0))
	}
	if s.take("anna", s.now.Add(time.Hour)) == 0 {
		s.Error("the bucket held more than its burst")
	}
	n, err := s.PurgeLimits(s.ctx, s.now.Add(time.Hour))
	s.must(err)
	s.same(n, 1) // bert's
	if s.take("anna", s.now.Add(time.Hour)) == 0 {
		s.Error("a bucket was forgotten before it was full")
	}
	if _, err := s.Take(s.ctx, "anna", 1, 0, s.now); err == nil {
		s.Error("a bucket that gains a token in no time was taken from")
	}
	if _, err := s.Take(s.ctx, "anna", 0, time.Second, s.now); err == nil {
		s.Error("a bucket without room gave a token")
	}
	wait, err := s.Take(s.ctx, "fast", 1, 100*time.Microsecond, s.now)
	s.must(err)
	s.same(wait, time.Duration(0))
}

func tokensAreTakenTogetherOrNot(s *suite) {
	wide, narrow := push.Bucket{Key: "wide", Burst: 3, Refill: time.Minute}, push.Bucket{Key: "narrow", Burst: 1, Refill: time.Hour}
	take := func(want ...time.Duration) {
		s.Helper()
		waits, err := s.TakeAll(s.ctx, []push.Bucket{wide, narrow}, s.now)
		s.must(err)
		s.same(waits, want)
	}
	take(0, 0)
	for range 5 {
		take(0, time.Hour) // the first bucket gave, and got it back
	}
	for range 2 {
		wait, err := s.Take(s.ctx, wide.Key, wide.Burst, wide.Refill, s.now)
		s.must(err)
		s.same(wait, time.Duration(0))
	}
	take(time.Minute, time.Hour)
	if _, err := s.TakeAll(s.ctx, []push.Bucket{narrow, {Key: "none"}}, s.now); err == nil {
		s.Error("a bucket without room gave a token")
	}
	waits, err := s.TakeAll(s.ctx, nil, s.now)
	s.must(err)
	s.same(len(waits), 0)
}

func theBurstIsSharedBy200(s *suite) {
	won := s.race(200, func(s *suite, _ int) error {
		wait, err := s.Take(s.ctx, "shared", 20, time.Minute, s.now)
		if err == nil && wait > 0 {
			return errWait
		}
		return err
	}, errWait)
	s.same(won, 20)
}
