package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/latchkey/latchkey/enroll"
)

// The way in without a passkey. Somebody is named before anything is proved, so every
// answer that does not let them in comes in the same time, whatever there was to do. To
// begin, and to send a code, the same is done for every name: the answer comes at the next
// multiple of a pause that is longer than that. What is done with proofs is not the same:
// their refusal comes when the pause is over, whatever is not done by then. (docs/security.md,
// rule 13)
var pauses = timing{
	begin: 500 * time.Millisecond, finish: time.Second, guess: 2 * time.Second, asked: 3 * time.Second, wait: 250 * time.Millisecond,
}

// timing of answers: finish of recovery codes, guess of what could be guessed, asked of
// that of which the directory is asked beside. slack is nothing but in tests that have no
// pauses.
type timing struct{ begin, finish, guess, asked, wait, slack time.Duration }

// of a try with these proofs: what the pause is must not depend on whose they are.
func (p timing) of(given []recoveryAnswer) time.Duration {
	pause := p.finish
	for _, a := range given {
		switch kind := enroll.ProofKind(a.Kind); {
		case enroll.NeedsDirectory(kind):
			return p.asked
		case enroll.Guessable(kind):
			pause = p.guess
		}
	}
	return pause
}

// behindTime bounds what goes on after its answer: more than a bind of the directory's
// takes, and less than the page waits, so that nothing is used up for a page that is gone.
const behindTime = 20 * time.Second

// patience is with one try, whose answer comes at the pause unless waits has been asked.
type patience struct {
	mu         sync.Mutex
	gone, kept bool
}

// waits says whether there is no answer yet; then there is none before the end.
func (p *patience) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = p.kept || !p.gone
	return p.kept
}

// leaves says whether the answer goes out now.
func (p *patience) leaves() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = p.gone || !p.kept
	return p.gone
}

// left says whether it went out.
func (p *patience) left() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// patiently does what somebody asks for who is not let in before it is done. Who is let in
// is answered at once: that says more than its time. Any refusal comes when the pause is
// over; so does that of what is not done by then, and that goes on to its end by itself: a
// password that the directory looks at is one, whether anybody waits for it or not. Do
// gets the call without its connection.
func patiently[T any](ctx context.Context, s *Server, pause time.Duration, do func(ctx context.Context, c *call) (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	var p patience
	start, c, done := time.Now(), callOf(ctx).apart(), make(chan result, 1)
	c.seen.client.Waits = p.waits
	s.behind.Go(func() {
		r := result{err: errPanicked}
		defer func() {
			if v := recover(); v != nil {
				s.log.Error("panic", "id", c.id, "route", c.route, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			}
			done <- r
		}()
		ctx, cancel := context.WithTimeout(context.Background(), behindTime)
		defer cancel()
		r.v, r.err = do(ctx, c)
		if r.err != nil && p.left() {
			s.log.Warn("refused before it was done", "id", c.id, "error", r.err)
		}
	})
	over := time.NewTimer(pause + pauses.slack)
	defer over.Stop()
	var r result
	select {
	case r = <-done:
	case <-over.C:
		if p.leaves() {
			return r.v, errLate
		}
		r = <-done
	}
	switch {
	case r.err == nil:
	case p.leaves(): // by now, if it was done just when the pause was over
		rest(ctx, pause-time.Since(start))
	default:
		steady(ctx, start, pause)
	}
	return r.v, r.err
}

var (
	errPanicked = errors.New("panic")
	errLate     = fmt.Errorf("not done when its refusal is due: %w", enroll.ErrRecoverRefused)
)

// steady waits for the next multiple of every since start.
func steady(ctx context.Context, start time.Time, every time.Duration) {
	rest(ctx, every-time.Since(start)%every)
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
