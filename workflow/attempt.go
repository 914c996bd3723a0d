package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// attempt executes once: intent, write, outcome. by is the actor of its events.
//
//	crash before the intent      nothing happened
//	crash after the intent       settled by reading, when the lease is over
//	crash after the write        likewise: the marks tell that it landed
//	outcome can't be committed   carried for a minute, then settled by reading
func (e *Engine) attempt(ctx context.Context, by string, r Request, o order) (Request, error) {
	e.flights.begin()
	defer e.flights.end()

	account, err := e.account(ctx, r.Target)
	if err != nil {
		return r, err
	}
	if err := e.ready(ctx, r, o, account); err != nil {
		return e.withdraw(ctx, by, r, err)
	}
	intended, err := e.intendAlone(ctx, by, r, o, account)
	if err != nil {
		return r, err
	}
	landed, refusal, err := e.send(ctx, intended, o)
	return e.conclude(ctx, by, intended, outcomeOf(landed, refusal, err))
}

// ready is what must hold before an intent is worth committing. The same is
// asked again by guard, on the connection that writes; of the approvers, what the
// store knows.
func (e *Engine) ready(ctx context.Context, r Request, o order, account ad.Account) error {
	if err := unprotected(account); err != nil {
		return err
	}
	if err := e.unfrozen(ctx, r.Target); err != nil {
		return err
	}
	running, err := e.judgeAccount(ctx, r.from(o.address, o.browser), account)
	if err != nil {
		return err
	}
	if !r.satisfies(running) {
		return &askAgain{running}
	}
	return e.approvalsHold(ctx, r, account, running)
}

// withdraw ends an approval that no longer holds, or takes it back to a draft.
// Nothing was written. cause is returned.
func (e *Engine) withdraw(ctx context.Context, by string, seen Request, cause error) (Request, error) {
	r, err := e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		if r.State != Approved {
			return Change{}, cause
		}
		return e.refuse(r, by, cause, Result{At: e.now()})
	})
	if err != nil {
		return seen, errors.Join(cause, unless(err, cause))
	}
	return r, cause
}

// unless leaves out an error that says the same again.
func unless(err, same error) error {
	if errors.Is(err, same) {
		return nil
	}
	return err
}

// intendAlone lets no second request write to the account while the outcome of
// another is open: its marks would be taken for those of this one.
func (e *Engine) intendAlone(ctx context.Context, by string, r Request, o order, account ad.Account) (Request, error) {
	leave, err := e.turns.enter(ctx, r.Target)
	if err != nil {
		return Request{}, fmt.Errorf("wait for other executions: %w", err)
	}
	defer leave()
	others, err := e.store.Requests(ctx, Query{Target: r.Target, States: []State{Executing, Unknown}})
	if err != nil {
		return Request{}, fmt.Errorf("list executions: %w", err)
	}
	for _, other := range others {
		lost := other.State == Executing || other.State == Unknown
		if lost && other.ID != r.ID && other.Target == r.Target {
			return Request{}, ended[other.State]
		}
	}
	return e.intend(ctx, by, r, o, account)
}

// intend commits what is about to be written. Of many at once one wins: the
// others find the request executing.
func (e *Engine) intend(ctx context.Context, by string, seen Request, o order, account ad.Account) (Request, error) {
	return e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.executable(now); err != nil {
			return Change{}, err
		}
		if r.State == Done && r.Version != seen.Version {
			return Change{}, ErrExecuting
		}
		if len(r.Needs()) > 0 || !r.reviewed() || (r.Kind != KindUnlock && !r.provedIn(o.session)) {
			return Change{}, ErrProofMissing
		}
		if err := r.to(Executing); err != nil {
			return Change{}, err
		}
		r.Intent = e.intent(r.Kind, account, now)
		r.Intent.Session = o.session
		r.Wake = r.Intent.Lease
		r.Result, r.Seen, r.Relocked, r.Observed, r.WatchUntil = nil, false, nil, nil, time.Time{}
		return Change{Events: []audit.Event{e.intended(r, now, by)}}, nil
	})
}

func (e *Engine) intent(kind Kind, account ad.Account, now time.Time) *Intent {
	return &Intent{
		At: now, Controller: account.Controller, Before: account.Marks, WasLocked: account.Locked,
		WriteDeadline: now.Add(e.limits().Write), Lease: now.Add(e.limits().Lease),
		Executor: e.executor, MustChange: kind == KindOneTime,
	}
}

func (e *Engine) intended(r *Request, now time.Time, by string) audit.Event {
	event := r.executed(now, by, audit.ExecutionIntended, audit.OK, "")
	event.Detail["write_deadline"] = r.Intent.WriteDeadline.UnixMilli()
	event.Detail["lease"] = r.Intent.Lease.UnixMilli()
	event.Detail["must_change"] = r.Intent.MustChange
	return event
}

// send makes the one write. refusal is what guard said, as it said it.
func (e *Engine) send(ctx context.Context, r Request, o order) (landed ad.Account, refusal, err error) {
	ctx, cancel := e.writeContext(ctx, r)
	defer cancel()
	w := ad.Write{Target: r.Target, Controller: r.Intent.Controller, Check: func(a ad.Account) error {
		refusal = e.guard(ctx, r, o, a)
		return refusal
	}}
	landed, err = e.write(ctx, r, w, o)
	return landed, refusal, err
}

// conclude commits an outcome. The write is never repeated; the commit is, while
// the store fails, and not at the browser's mercy.
func (e *Engine) conclude(ctx context.Context, by string, r Request, o outcome) (Request, error) {
	ctx = context.WithoutCancel(ctx)
	pause := 50 * time.Millisecond
	var waited time.Duration
	for {
		done, err := e.commit(ctx, by, r, o)
		switch {
		case err == nil:
			return done, o.told()
		case errors.Is(err, errTakenOver):
			return e.overtaken(ctx, r, o)
		case errors.Is(err, ErrNoRequest), waited >= storePatience:
			e.log.Error("outcome is not committed", "request", r.ID, "error", err)
			return r, fmt.Errorf("commit outcome: %w", err)
		}
		e.log.Warn("outcome waits for the store", "request", r.ID, "error", err)
		time.Sleep(pause)
		waited += pause
		pause = min(2*pause, 2*time.Second)
	}
}

// overtaken: another process settled it, after the lease; or an earlier commit
// went through although the store said otherwise.
func (e *Engine) overtaken(ctx context.Context, r Request, o outcome) (Request, error) {
	now, err := e.store.Request(ctx, r.ID)
	if err != nil {
		return r, fmt.Errorf("read request: %w", err)
	}
	if !now.Intent.same(r.Intent) {
		return now, ErrExecuting
	}
	return now, o.told()
}

// same says whether two intents are one: of the same execution.
func (i *Intent) same(other *Intent) bool {
	return i != nil && other != nil && i.At.Equal(other.At) && i.Lease.Equal(other.Lease) &&
		i.Executor == other.Executor && i.Controller == other.Controller && i.Before == other.Before
}

var errTakenOver = errors.New("the execution was settled by another process")

// commit writes an outcome into the request, if it is still this execution's.
func (e *Engine) commit(ctx context.Context, by string, seen Request, o outcome) (Request, error) {
	return e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		if !r.Intent.same(seen.Intent) || r.State != Executing {
			return Change{}, errTakenOver
		}
		return e.apply(r, by, o)
	})
}
