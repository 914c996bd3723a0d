package workflow

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// BeginApproval checks the two digits, where they are asked for, and says what
// the reviewer signs. A wrong number is ErrNumber with "left"; the last one
// cancels the request: ErrNumberUsed. What is no number at all counts for none.
func (e *Engine) BeginApproval(ctx context.Context, who Actor, id, number string) (string, []byte, error) {
	r, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return "", nil, err
	}
	if err := r.decidable(who.Account, e.now()); err != nil {
		return "", nil, err
	}
	if err := e.mayApprove(ctx, who, r, seat); err != nil {
		return "", nil, e.refused(ctx, who, id, err)
	}
	if !r.fitsNumber(number) {
		return "", nil, e.wrongNumber(ctx, who, id, number)
	}
	b, err := reviewStatement(r, who.Account)
	return ReviewLabel, b, err
}

func (r *Request) fitsNumber(number string) bool {
	return r.Number == "" || subtle.ConstantTimeCompare([]byte(r.Number), []byte(number)) == 1
}

// wrongNumber counts a number that is not the request's.
func (e *Engine) wrongNumber(ctx context.Context, who Actor, id, number string) error {
	var refusal error
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		if err := r.decidable(who.Account, e.now()); err != nil {
			return Change{}, err
		}
		if r.fitsNumber(number) {
			return Change{}, ErrChanged
		}
		if isNumber(number) {
			r.WrongNumbers++
		}
		left := max(0, e.limits().Numbers-r.WrongNumbers)
		refusal = &Detailed{ErrNumber, map[string]string{"left": strconv.Itoa(left)}}
		var c Change
		if left == 0 {
			var err error
			if c, err = e.cancelled(r, audit.ActorSystem, ErrNumberUsed); err != nil {
				return Change{}, err
			}
			n := r.notice(NoticeDenied)
			n.Params["numbers"] = "true"
			c.Notices = append(c.Notices, n)
			refusal = ErrNumberUsed
		}
		event := r.event(e.now(), who.Account.String(), audit.ReviewRefused, audit.Denied, CodeOf(refusal))
		event.Detail["left"] = left
		c.Events = append([]audit.Event{event}, c.Events...)
		return c, nil
	})
	return errors.Join(err, unlessFailed(refusal, err))
}

func unlessFailed(refusal, err error) error {
	if err != nil {
		return nil
	}
	return refusal
}

func isNumber(s string) bool {
	return len(s) == 2 && s[0] >= '0' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9'
}

// Approve takes the proof over BeginApproval's statement. The first decision
// wins: the others get ErrReviewed, with the request beside it. An unlock is
// executed by the way, and its State tells how that went. Of a word and the stop of
// who waits for it one comes first: after the stop it is ErrCancelled.
func (e *Engine) Approve(ctx context.Context, who Actor, id string, p enroll.Proof) (Reviewed, error) {
	seen, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return Reviewed{}, err
	}
	if err := seen.decidable(who.Account, e.now()); err != nil {
		return e.beside(ctx, who, seen, err)
	}
	if err := e.mayApprove(ctx, who, seen, seat); err != nil {
		return e.beside(ctx, who, seen, e.tooLate(ctx, who, id, e.refused(ctx, who, id, err)))
	}
	r, err := e.update(ctx, id, func(r *Request) (Change, error) {
		c, err := e.approve(r, who, seen, p)
		c.Unspent = r.Waiting.unspent()
		return c, err
	})
	if errors.Is(err, enroll.ErrNoCeremony) && seen.Waiting.Over != "" {
		err = e.unwaited(ctx, id)
	}
	if err != nil {
		return e.beside(ctx, who, seen, err)
	}
	return e.decided(ctx, who, e.performApproved(ctx, r))
}

// unwaited takes back at once what nobody waits for any more: whoever would have
// vouched for it reads that it was.
func (e *Engine) unwaited(ctx context.Context, id string) error {
	if err := e.stopWaiting(ctx, id); err != nil {
		return err
	}
	return ErrCancelled
}

// tooLate tells whoever comes second that it was decided: the account that they are
// refused for is unlocked because of that. It is a refusal in any case.
func (e *Engine) tooLate(ctx context.Context, who Actor, id string, cause error) error {
	if !errors.Is(cause, ErrNotLocked) {
		return cause
	}
	now, _, err := e.seated(ctx, who, id)
	if err != nil {
		return cause
	}
	if late := now.decidable(who.Account, e.now()); late != nil {
		return late
	}
	return cause
}

func (e *Engine) approve(r *Request, who Actor, seen Request, p enroll.Proof) (Change, error) {
	now := e.now()
	if err := r.decidable(who.Account, now); err != nil {
		return Change{}, err
	}
	if !slices.Equal(r.Asked, seen.Asked) {
		return Change{}, ErrChanged
	}
	signed, err := reviewStatement(*r, who.Account)
	if err != nil {
		return Change{}, err
	}
	if err := e.checkReviewProof(*r, who, p, ReviewLabel, signed); err != nil {
		return Change{}, err
	}
	event, err := approval(r, now, who, p)
	if err != nil {
		return Change{}, err
	}
	r.review(Review{
		By: who.Account, Verdict: VerdictApprove, At: now, Tier: resolve(r.Decision, r.Reviews).tier,
		Proof: p.ID, Statement: p.Statement, Receipt: p.Receipt,
	})
	if !r.reviewed() {
		return Change{Events: []audit.Event{event}}, nil
	}
	c, err := e.grant(r, now, who.Account.String())
	c.Events = append([]audit.Event{event}, c.Events...)
	return c, err
}

func (r *Request) review(v Review) { r.Reviews = append(slices.Clip(r.Reviews), v) }

// approval is the event with the receipt. What was shown stands beside it with
// the salts of the signed hashes, each as base64url salt, a dot and the value.
func approval(r *Request, at time.Time, who Actor, p enroll.Proof) (audit.Event, error) {
	e := r.event(at, who.Account.String(), audit.ReviewApproved, audit.OK, "")
	e.Detail["tier"] = resolve(r.Decision, r.Reviews).tier
	addReceipt(e.Detail, p)
	e.Personal = personal("device", who.Device, "address", who.Address)
	for _, field := range shown {
		s, err := r.shown(field)
		if err != nil {
			return audit.Event{}, err
		}
		e.Personal["shown_"+field] = audit.Base64(s.Salt[:]) + "." + s.Value
	}
	return e, nil
}

// grant approves a request whose proofs and reviews are complete. Going back for
// another proof makes a reviewed approval no longer.
func (e *Engine) grant(r *Request, now time.Time, by string) (Change, error) {
	if err := r.to(Approved); err != nil {
		return Change{}, err
	}
	r.Deadline = now.Add(e.limits().Approved)
	if until := e.approvedUntil(r); !until.IsZero() {
		r.Deadline = until
	}
	r.Wake = e.approvedWake(r, now)
	c := Change{Events: []audit.Event{r.event(now, by, audit.RequestApproved, audit.OK, "")}}
	if len(r.Decision.Approve) > 0 {
		n := r.notice(NoticeApproved)
		n.Until = r.Deadline
		c.Notices = []Notice{n}
	}
	return c, nil
}

// approvedUntil is when the reviews that count are used up; zero where none do.
func (e *Engine) approvedUntil(r *Request) (until time.Time) {
	for _, v := range r.Reviews {
		if v.counts() && v.Verdict == VerdictApprove && v.At.Add(e.limits().Approved).After(until) {
			until = v.At.Add(e.limits().Approved)
		}
	}
	return until
}

// performApproved executes what executes by itself. How that ends is the
// request's business, and not the reviewer's.
func (e *Engine) performApproved(ctx context.Context, r Request) Request {
	if r.Kind != KindUnlock || r.State != Approved {
		return r
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTime)
	defer cancel()
	done, err := e.attempt(ctx, audit.ActorSystem, r, order{})
	if err != nil {
		e.log.Warn("approved request is not executed", "request", r.ID, "code", CodeOf(err), "error", err)
		if done, err = e.store.Request(ctx, r.ID); err != nil {
			return r
		}
	}
	return done
}
