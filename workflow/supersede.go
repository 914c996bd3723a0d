package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// makeWay ends the open request of the kind, where that gives way.
func (e *Engine) makeWay(ctx context.Context, mine []Request, v Vouch) error {
	if err := e.expirePast(ctx, mine, v.Account, v.Kind); err != nil {
		return err
	}
	open, found := unfinished(mine, v.Account, v.Kind, e.now())
	if !found {
		return nil
	}
	return e.supersede(ctx, open.ID, audit.ActorAnonymous, v.Over)
}

// leftAlone is ErrOpen where what is open was asked for in a browser that its owner is
// known by, and this in none: or whoever has the name could end each that they ask for.
// One in which a word was given has done so for its session, or will never.
func (e *Engine) leftAlone(ctx context.Context, open Request, v Vouch) error {
	if !open.Vouched() || open.State != Pending || open.AskedIn == v.Browser || e.browsers == nil {
		return nil
	}
	theirs, err := e.browsers.KnownBrowser(ctx, v.Account, open.AskedIn, open.Created)
	if err != nil {
		return fmt.Errorf("know browser: %w", err)
	}
	here, err := e.browsers.KnownBrowser(ctx, v.Account, v.Browser, e.now())
	if err != nil {
		return fmt.Errorf("know browser: %w", err)
	}
	if theirs && !here {
		return ErrOpen
	}
	return nil
}

// givesWay: to a word asked for elsewhere, while nobody has given one; and once the
// session of whoever was vouched for is over. So does a draft in which nothing was
// proved: whoever began it may be the one who now asks for a word.
func (r *Request) givesWay(now time.Time) bool {
	switch {
	case r.State == Executing, r.State == Unknown:
		return false
	case !r.Vouched() && (r.State != Draft || r.proved()):
		return false
	}
	for _, v := range r.Reviews {
		if v.counts() && v.Verdict == VerdictApprove && now.Before(v.At.Add(enroll.RecoveredValid)) {
			return false
		}
	}
	return true
}

// proved says whether anything that was given for it still counts.
func (r *Request) proved() bool {
	return slices.ContainsFunc(r.Proofs, func(p ConsumedProof) bool { return !p.Void }) || slices.ContainsFunc(r.Reviews, Review.counts)
}

// supersede cancels a request that somebody asked for by a word, or that gives way to
// one, unless it is being executed. over is Vouch.Over: what was stopped takes nobody's
// place.
func (e *Engine) supersede(ctx context.Context, id, by string, over enroll.Ceremony) error {
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		switch r.State {
		case Draft, Pending, Approved:
		case Executing, Unknown:
			return Change{}, ErrOpen
		default:
			return Change{}, errTakenOver
		}
		if by == audit.ActorAnonymous && !r.givesWay(e.now()) {
			return Change{}, ErrOpen
		}
		c, err := e.cancelled(r, by, ErrSuperseded)
		c.Unspent = over
		return c, err
	})
	if err != nil && !errors.Is(err, errTakenOver) {
		return fmt.Errorf("make way: %w", err)
	}
	return nil
}
