package workflow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// MaxDenial is the longest text of a denial, in bytes: 300 characters of any script.
const MaxDenial = 1200

// Deny ends a request that waits. chip is one of DenyReasons, reason may be "".
func (e *Engine) Deny(ctx context.Context, who Actor, id, chip, reason string) (Reviewed, error) {
	seen, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return Reviewed{}, err
	}
	if err := seen.decidable(who.Account, e.now()); err != nil {
		return e.beside(ctx, who, seen, err)
	}
	if !slices.Contains(DenyReasons, chip) || len(reason) > MaxDenial || plain(reason) != reason {
		return e.beside(ctx, who, seen, ErrChip)
	}
	if err := e.mayRefuse(ctx, who, seen, seat); err != nil {
		return e.beside(ctx, who, seen, e.refused(ctx, who, id, err))
	}
	r, err := e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.decidable(who.Account, now); err != nil {
			return Change{}, err
		}
		r.review(Review{
			By: who.Account, Verdict: VerdictDeny, At: now, Tier: resolve(r.Decision, r.Reviews).tier,
			Chip: chip, Reason: reason,
		})
		event := r.event(now, who.Account.String(), audit.ReviewDenied, audit.Denied, chip)
		event.Personal = personal("reason", reason, "device", who.Device, "address", who.Address)
		return r.turnDown(Denied, ErrDenied, event, r.notice(NoticeDenied))
	})
	if err != nil {
		return e.beside(ctx, who, seen, err)
	}
	return e.decided(ctx, who, r)
}

// turnDown ends a request by a review.
func (r *Request) turnDown(next State, cause Code, event audit.Event, n Notice) (Change, error) {
	if err := r.to(next); err != nil {
		return Change{}, err
	}
	r.Result, r.Wake = &Result{At: event.Time, Code: string(cause)}, time.Time{}
	return Change{Events: []audit.Event{event}, Notices: []Notice{n}}, nil
}

// Report says that this is not right: the request can't go on, also where it was
// approved and is not executed yet. Idempotent.
func (e *Engine) Report(ctx context.Context, who Actor, id string) (Reviewed, error) {
	seen, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return Reviewed{}, err
	}
	err = seen.reportable(who.Account, e.now())
	if errors.Is(err, errReportedBefore) {
		return e.viewOne(ctx, who, seen)
	}
	if err != nil {
		return e.beside(ctx, who, seen, err)
	}
	if err := e.mayRefuse(ctx, who, seen, seat); err != nil {
		return e.beside(ctx, who, seen, e.refused(ctx, who, id, err))
	}
	r, err := e.update(ctx, id, func(r *Request) (Change, error) { return e.report(r, who) })
	switch {
	case errors.Is(err, errReportedBefore):
		return e.Review(ctx, who, id)
	case err != nil:
		return e.beside(ctx, who, seen, err)
	}
	return e.decided(ctx, who, r)
}

func (e *Engine) report(r *Request, who Actor) (Change, error) {
	now := e.now()
	if err := r.reportable(who.Account, now); err != nil {
		return Change{}, err
	}
	r.review(Review{By: who.Account, Verdict: VerdictReport, At: now, Tier: resolve(r.Decision, r.Reviews).tier})
	event := r.event(now, who.Account.String(), audit.ReviewReported, audit.Denied, string(ErrReported))
	event.Personal = personal("device", who.Device, "address", who.Address)
	n := r.notice(NoticeDenied)
	n.Params["reported"] = "true"
	next := Cancelled
	if r.State == Pending {
		next = Denied
	}
	return r.turnDown(next, ErrReported, event, n)
}

// errReportedBefore makes a second report of the same person no fault.
var errReportedBefore = errors.New("reported before")

// reportable: whoever approved may report still, also when the request went back
// to a draft; whoever denied has no need to.
func (r *Request) reportable(by ad.GUID, now time.Time) error {
	if _, found := r.seat(by); !found {
		return ErrNoRequest
	}
	if r.reportOf(by) != nil {
		return errReportedBefore
	}
	switch r.State {
	case Draft, Pending, Approved:
		if r.past(now) {
			return ErrExpired
		}
		return nil
	case Denied:
		return ErrReviewed
	}
	return ended[r.State]
}
