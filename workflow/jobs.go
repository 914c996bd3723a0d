package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// What one round of jobs may take.
const (
	batch     = 100
	stepTime  = 30 * time.Second
	roundTime = 2 * time.Minute
	// postponed is when a step that failed is tried again.
	postponed = time.Minute
)

// Run does the jobs until ctx ends: deadlines, reminders, executions whose lease is over,
// unknown outcomes, approved unlocks that nobody executed, watches, and what nobody
// waits for any more.
func (e *Engine) Run(ctx context.Context) {
	ticker := time.NewTicker(e.every)
	defer ticker.Stop()
	for {
		e.Tick(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Tick does one round. A step that fails is logged and put off, and holds up no
// other. Many servers may tick at once: each step looks again inside Update.
func (e *Engine) Tick(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	e.stopLeft(ctx)
	due, err := e.store.Due(ctx, e.now(), batch)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Error("list due requests", "error", err)
		}
		return
	}
	for _, id := range due {
		if ctx.Err() != nil {
			return
		}
		e.step(ctx, id)
	}
}

func (e *Engine) step(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	err := e.wake(ctx, id)
	if err == nil || errors.Is(err, errTakenOver) {
		return
	}
	e.log.Warn("request waits", "request", id, "code", CodeOf(err), "error", err)
	if err := e.postpone(ctx, id); err != nil {
		e.log.Error("postpone request", "request", id, "error", err)
	}
}

// wake does what is due for one request.
func (e *Engine) wake(ctx context.Context, id string) error {
	r, err := e.store.Request(ctx, id)
	if err != nil {
		return err
	}
	now := e.now()
	switch {
	case r.Wake.IsZero() || now.Before(r.Wake):
		return nil // somebody else was here
	case r.past(now):
		return e.expire(ctx, id)
	case r.settleable(now):
		_, err := e.settle(ctx, r)
		return err
	case r.State == Pending:
		return e.nudge(ctx, id)
	case r.State == Approved && r.Kind == KindUnlock:
		_, err := e.attempt(ctx, audit.ActorSystem, r, order{})
		return err
	case r.watched():
		return e.look(ctx, r)
	}
	return e.postpone(ctx, id)
}

// expire ends what was not done in time.
func (e *Engine) expire(ctx context.Context, id string) error {
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if !r.past(now) {
			return Change{}, errTakenOver
		}
		from := r.State
		if err := r.to(Expired); err != nil {
			return Change{}, err
		}
		r.Wake = time.Time{}
		event := r.event(now, audit.ActorSystem, audit.RequestExpired, audit.OK, "")
		event.Detail["from"] = string(from)
		c := Change{Events: []audit.Event{event}}
		switch from {
		case Pending:
			c.Notices = []Notice{r.notice(NoticeLapsed)}
		case Approved:
			c.Notices = r.undone(audit.ActorSystem)
		}
		return c, nil
	})
	return err
}

// postpone keeps a request that can't be served now from standing in front of
// the others.
func (e *Engine) postpone(ctx context.Context, id string) error {
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if r.Wake.IsZero() || now.Before(r.Wake) {
			return Change{}, errTakenOver
		}
		r.Wake = r.nextTry(now)
		return Change{}, nil
	})
	if errors.Is(err, errTakenOver) {
		return nil
	}
	return err
}

// nextTry is zero where nothing is left to do.
func (r *Request) nextTry(now time.Time) time.Time {
	next := now.Add(postponed)
	switch {
	case r.State == Draft, r.State == Pending, r.State == Approved:
		if r.Deadline.Before(next) {
			return r.Deadline
		}
		return next
	case r.State == Executing, r.State == Unknown:
		return next
	case r.watched() && now.Before(r.WatchUntil):
		return next
	}
	return time.Time{}
}
