package workflow

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// pend puts the request before its reviewers.
func (e *Engine) pend(r *Request, p panel, now time.Time, by string) (Change, error) {
	if len(p.seats) == 0 || !sameTiers(p.tiers, r.Decision.Approve) {
		return Change{}, ErrChanged // another decision than the one that the seats were looked up for
	}
	if err := r.to(Pending); err != nil {
		return Change{}, err
	}
	r.Asked = slices.Clone(p.seats)
	for i := range r.Asked {
		r.Asked[i].At = now
	}
	r.Salts, r.Number = p.salts, ""
	if r.numbered() {
		r.Number = p.number
	}
	r.Reminded, r.Nudged = time.Time{}, time.Time{}
	wait := p.tiers[0].Within
	if wait <= 0 {
		wait = e.limits().Review
	}
	r.Deadline, r.Wake = now.Add(wait), now.Add(wait/2)
	return Change{Events: []audit.Event{asked(r, now, by)}, Notices: r.toReviewers(NoticeReview)}, nil
}

func asked(r *Request, now time.Time, by string) audit.Event {
	event := r.event(now, by, audit.ReviewAsked, audit.OK, "")
	seats := make([]string, 0, len(r.Asked))
	for _, s := range r.Asked {
		seats = append(seats, s.Account.String())
	}
	event.Detail["seats"] = seats
	event.Detail["tier"] = resolve(r.Decision, r.Reviews).tier
	event.Detail["deadline"] = r.Deadline.UnixMilli()
	event.Detail["number"] = r.Number != ""
	return event
}

// numbered says whether the approver has to type the two digits.
func (r *Request) numbered() bool {
	if r.Vouched() {
		return true
	}
	switch r.Decision.Number {
	case NumberOff:
		return false
	case NumberWeakProof:
		return r.weaklyProved()
	}
	return true
}

// weaklyProved: no passkey is among the proofs that count.
func (r *Request) weaklyProved() bool {
	return !slices.ContainsFunc(r.Proofs, func(p ConsumedProof) bool {
		return !p.Void && p.Kind.IsPasskey()
	})
}

// toReviewers are notices to everybody who has not answered.
func (r *Request) toReviewers(kind string) []Notice {
	var out []Notice
	for _, s := range r.Asked {
		if r.reviewOf(s.Account) == nil {
			n := r.noticeTo(s.Account, kind)
			n.Until = r.Deadline
			out = append(out, n)
		}
	}
	return out
}

// nudge reminds the reviewers once, at half of the time, and then waits for the
// deadline.
func (e *Engine) nudge(ctx context.Context, id string) error {
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if r.State != Pending || r.past(now) || now.Before(r.Wake) {
			return Change{}, errTakenOver
		}
		r.Wake = r.Deadline
		if !r.Nudged.IsZero() {
			return Change{}, nil
		}
		r.Nudged = now
		return r.reminder(now, audit.ActorSystem), nil
	})
	return err
}

func (r *Request) reminder(now time.Time, by string) Change {
	return Change{
		Events:  []audit.Event{r.event(now, by, audit.ReviewReminded, audit.OK, "")},
		Notices: r.toReviewers(NoticeReminder),
	}
}

// Remind asks the reviewers again, once, and not before Limits.Remind is over:
// ErrReminded. The actor is the requester.
func (e *Engine) Remind(ctx context.Context, who Actor, id string) (Request, error) {
	seen, err := e.Request(ctx, who, id)
	if err != nil {
		return Request{}, err
	}
	if err := e.unfrozen(ctx, seen.Target); err != nil {
		return seen, err
	}
	r, err := e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		switch {
		case r.State != Pending:
			return Change{}, r.standsAt()
		case r.past(now):
			return Change{}, ErrExpired
		case !r.Reminded.IsZero() || now.Before(r.askedAt().Add(e.limits().Remind)):
			return Change{}, ErrReminded
		}
		r.Reminded = now
		return r.reminder(now, who.Account.String()), nil
	})
	if err != nil {
		return seen, err
	}
	return r, nil
}

// standsAt is why a request in this state takes no further step.
func (r *Request) standsAt() error {
	if r.State == Approved {
		return ErrReviewed
	}
	return ended[r.State]
}

func (r *Request) askedAt() time.Time {
	if len(r.Asked) == 0 {
		return r.Updated
	}
	return r.Asked[0].At
}

// Asked reads who sits in the seats of the actor's own request, in their order and
// at most limit: each is a look into the directory.
func (e *Engine) Asked(ctx context.Context, who Actor, id string, limit int) ([]ad.Account, error) {
	r, err := e.Request(ctx, who, id)
	if err != nil {
		return nil, err
	}
	seats := r.Asked[:min(len(r.Asked), limit)]
	out := make([]ad.Account, 0, len(seats))
	read := e.reader()
	for _, s := range seats {
		a, err := read(ctx, s.Account)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
