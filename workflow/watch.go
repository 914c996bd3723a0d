package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// watched says whether a look is due at an account that was unlocked.
func (r *Request) watched() bool {
	return r.State == Done && r.Intent != nil && r.Result != nil && r.Relocked == nil && !r.WatchUntil.IsZero()
}

// look reads an unlocked account on the controller that unlocked it, and tells
// when it is locked again.
func (e *Engine) look(ctx context.Context, seen Request) error {
	account, err := e.directory.AccountOn(ctx, seen.Intent.Controller, seen.Target)
	if err != nil {
		return fmt.Errorf("watch account: %w", err)
	}
	if account.GUID != seen.Target {
		return ErrOtherOne
	}
	_, err = e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		if !r.watched() || !r.Intent.same(seen.Intent) {
			return Change{}, errTakenOver
		}
		now := e.now()
		r.observe(now, account)
		if account.Locked {
			return r.relock(now, account), nil
		}
		r.Wake = now.Add(e.limits().WatchEvery)
		if !r.Wake.Before(r.WatchUntil) {
			r.Wake = r.WatchUntil
		}
		if !now.Before(r.WatchUntil) {
			r.Wake = time.Time{}
		}
		return Change{}, nil
	})
	return err
}

// observe keeps the looks that saw more bad tries.
func (r *Request) observe(now time.Time, account ad.Account) {
	before := 0
	if n := len(r.Observed); n > 0 {
		before = r.Observed[n-1].BadPasswords
	}
	if account.BadPasswords != before {
		r.Observed = append(r.Observed, Observation{At: now, BadPasswords: account.BadPasswords})
	}
}

func (r *Request) relock(now time.Time, account ad.Account) Change {
	at := account.LockedSince
	if at.IsZero() {
		at = now
	}
	r.Relocked = &Relock{At: at, BadPasswords: account.BadPasswords, Cause: r.likely(at)}
	r.Wake = time.Time{}
	event := r.executed(now, audit.ActorSystem, audit.AccountRelocked, audit.OK, "")
	event.Detail["cause"] = string(r.Relocked.Cause)
	event.Detail["bad_passwords"] = account.BadPasswords
	event.Detail["locked_since"] = at.UnixMilli()
	notice := r.notice(NoticeRelocked)
	notice.Params["cause"] = string(r.Relocked.Cause)
	return Change{Events: []audit.Event{event}, Notices: []Notice{notice}}
}

// soon is too soon for somebody to walk back to a keyboard and to mistype.
const soon = 30 * time.Second

// likely tells a device from a person: a device is at it again at once, or sends
// a few tries in each minute, evenly; a person types a burst.
func (r *Request) likely(at time.Time) RelockCause {
	if at.Sub(r.Result.At) < soon {
		return CauseDevice
	}
	if len(r.Observed) < 2 {
		return CauseTyping
	}
	least, most, before := 1<<30, 0, 0
	for _, o := range r.Observed {
		step := o.BadPasswords - before
		before = o.BadPasswords
		least, most = min(least, step), max(most, step)
	}
	if least > 0 && most-least <= 1 {
		return CauseDevice
	}
	return CauseTyping
}
