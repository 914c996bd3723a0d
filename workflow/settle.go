package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// reading is what the marks tell about a write whose answer was lost.
type reading int

const (
	undecided reading = iota
	landed
	missed
)

// read compares an account with the marks of the intent, on the same controller.
//
// msDS-KeyVersionNumber grows with each password write, so it decides alone
// where it can be read. pwdLastSet is the second best: it is 0 before and after a
// second one-time password.
func (i *Intent) read(kind Kind, now ad.Marks) reading {
	switch {
	case kind == KindUnlock:
		return i.readLockout(now)
	case i.Before.KeyVersion >= 0 && now.KeyVersion >= 0:
		return i.readKeyVersion(now)
	}
	return i.readPwdLastSet(now)
}

func (i *Intent) readLockout(now ad.Marks) reading {
	switch now.LockoutTime {
	case 0:
		return landed
	case i.Before.LockoutTime:
		return missed
	}
	return undecided // locked anew: whether we unlocked in between can't be told
}

func (i *Intent) readKeyVersion(now ad.Marks) reading {
	switch {
	case now.KeyVersion > i.Before.KeyVersion:
		return landed
	case now.KeyVersion == i.Before.KeyVersion:
		return missed
	}
	return undecided // lower: a controller put back from a backup
}

func (i *Intent) readPwdLastSet(now ad.Marks) reading {
	switch {
	case i.MustChange && i.Before.PwdLastSet == 0:
		return undecided
	case now.PwdLastSet == i.Before.PwdLastSet:
		return missed
	case i.MustChange == (now.PwdLastSet == 0):
		return landed
	}
	return undecided
}

// settleable: the answer is missing, and nobody can be writing any more. The
// process that holds the lease may still be alive; its outcome is then found by
// reading like any other.
func (r *Request) settleable(now time.Time) bool {
	lost := r.State == Executing || r.State == Unknown
	return lost && r.Intent != nil && !now.Before(r.Intent.settleFrom())
}

// settle reads on the controller of the intent and commits what the marks tell.
// It never writes to the directory.
func (e *Engine) settle(ctx context.Context, seen Request) (Request, error) {
	if !seen.settleable(e.now()) {
		return seen, nil
	}
	account, fault := e.directory.AccountOn(ctx, seen.Intent.Controller, seen.Target)
	told := undecided
	switch {
	case fault == nil && account.GUID == seen.Target:
		told = seen.Intent.read(seen.Kind, account.Marks)
	case fault == nil:
		fault = ErrOtherOne
	}
	r, err := e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		if !r.settleable(e.now()) || !r.Intent.same(seen.Intent) {
			return Change{}, errTakenOver
		}
		return e.settled(r, told, account, fault)
	})
	if errors.Is(err, errTakenOver) {
		return e.store.Request(ctx, seen.ID)
	}
	return r, err
}

// settled moves a request by a reading.
func (e *Engine) settled(r *Request, told reading, account ad.Account, fault error) (Change, error) {
	var events []audit.Event
	var notices []Notice
	if r.State == Executing {
		c, err := e.doubt(r, audit.ActorSystem, ErrUnsettled, Result{At: e.now(), Controller: r.Intent.Controller})
		if err != nil {
			return Change{}, err
		}
		events, notices = c.Events, c.Notices
	}
	var c Change
	var err error
	switch told {
	case landed:
		c, err = e.settledLanded(r, account)
	case missed:
		c, err = e.settledMissed(r, account)
	default:
		c, err = e.stillUnknown(r, fault)
	}
	c.Events, c.Notices = append(events, c.Events...), append(notices, c.Notices...)
	return c, err
}

func (e *Engine) settledLanded(r *Request, account ad.Account) (Change, error) {
	event := e.settlement(r, audit.OK, "written", account)
	c, err := e.finish(r, audit.ActorSystem, Result{At: event.Time, Controller: r.Intent.Controller, Settled: true}, account)
	c.Events = append([]audit.Event{event}, c.Events...)
	c.Notices = append([]Notice{r.notice(NoticeSettled)}, c.Notices...)
	return c, err
}

// settledMissed: nothing was written, so the approval stands again. An unlock is
// then executed anew by its job.
func (e *Engine) settledMissed(r *Request, account ad.Account) (Change, error) {
	event := e.settlement(r, audit.Failed, "not-written", account)
	if err := r.to(Approved); err != nil {
		return Change{}, err
	}
	r.Result = &Result{
		At: event.Time, Controller: r.Intent.Controller, Settled: true, After: account.Marks,
		Code: string(ad.ErrUnavailable),
	}
	r.Wake = r.Deadline
	if r.Kind == KindUnlock && event.Time.Before(r.Deadline) {
		r.Wake = event.Time
	}
	return Change{Events: []audit.Event{event}, Notices: []Notice{r.notice(NoticeSettled)}}, nil
}

// stillUnknown waits twice as long as the last time, and gives up at last: then
// the person may ask anew. An account that was read and is locked anew is given
// up at once: a later reading could only show somebody else's unlock.
func (e *Engine) stillUnknown(r *Request, fault error) (Change, error) {
	now := e.now()
	later := fault != nil || r.Kind != KindUnlock
	if later && now.Before(r.Intent.At.Add(e.limits().Unsettled)) {
		since := max(now.Sub(r.Intent.At), time.Second)
		r.Wake = now.Add(min(since, 10*time.Minute))
		return Change{}, nil
	}
	if err := r.to(Failed); err != nil {
		return Change{}, err
	}
	result := Result{At: now, Controller: r.Intent.Controller, Code: string(ErrUnsettled)}
	if fault != nil {
		_, result.Diagnostic = codeAndDiagnostic(fault)
	}
	r.Result, r.Wake = &result, time.Time{}
	return Change{
		Events:  []audit.Event{r.faulted(result, audit.ActorSystem, audit.ExecutionFailed, audit.Unknown)},
		Notices: []Notice{r.notice(NoticeSettled)},
	}, nil
}

func (e *Engine) settlement(r *Request, outcome audit.Outcome, reason string, account ad.Account) audit.Event {
	event := r.executed(e.now(), audit.ActorSystem, audit.ExecutionSettled, outcome, reason)
	marks(event.Detail, "after_", account.Marks)
	return event
}
