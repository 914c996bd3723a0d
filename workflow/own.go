package workflow

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// Account reads the actor's own account.
func (e *Engine) Account(ctx context.Context, who Actor) (ad.Account, error) {
	return e.account(ctx, who.Account)
}

// Options says what the person may do now, kind by kind, and why not.
func (e *Engine) Options(ctx context.Context, account ad.Account) []Option {
	stop := unprotected(account)
	if stop == nil {
		stop = e.unfrozen(ctx, account.GUID)
	}
	out := make([]Option, 0, len(Kinds))
	for _, kind := range Kinds {
		err := stop
		var decision Decision
		if err == nil {
			decision, err = e.decide(ctx, account, kind)
		}
		option := Option{Kind: kind, Allowed: err == nil, Approval: err == nil && len(decision.Approve) > 0}
		if err != nil {
			option.Code = cmp.Or(CodeOf(err), string(ErrNotAllowed))
		}
		out = append(out, option)
	}
	return out
}

// Request reads one of the actor's own. Anybody else's is ErrNoRequest, like one
// that does not exist.
func (e *Engine) Request(ctx context.Context, who Actor, id string) (Request, error) {
	r, err := e.store.Request(ctx, id)
	if err != nil {
		return Request{}, err
	}
	if who.Account.IsZero() || r.Requester != who.Account {
		return Request{}, ErrNoRequest
	}
	return r, nil
}

// Mine lists the actor's requests, newest first.
func (e *Engine) Mine(ctx context.Context, who Actor) ([]Request, error) {
	if who.Account.IsZero() {
		return nil, nil
	}
	list, err := e.store.Requests(ctx, Query{Requester: who.Account})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return list, nil
}

// Cancel takes a request back before it is executed; idempotent.
func (e *Engine) Cancel(ctx context.Context, who Actor, id string) (Request, error) {
	seen, err := e.Request(ctx, who, id)
	if err != nil || seen.State == Cancelled {
		return seen, err
	}
	return e.update(ctx, id, func(r *Request) (Change, error) {
		switch r.State {
		case Cancelled:
			return Change{}, nil
		case Draft, Pending, Approved:
		default:
			return Change{}, ended[r.State]
		}
		if err := r.to(Cancelled); err != nil {
			return Change{}, err
		}
		r.Wake = time.Time{}
		event := r.event(e.now(), who.Account.String(), audit.RequestCancelled, audit.OK, "")
		return Change{Events: []audit.Event{event}}, nil
	})
}

// Seen confirms the generated password as seen: it is not replaced any more.
// Idempotent.
func (e *Engine) Seen(ctx context.Context, who Actor, id string) (Request, error) {
	seen, err := e.Request(ctx, who, id)
	if err != nil {
		return Request{}, err
	}
	if seen.Kind != KindOneTime {
		return Request{}, ErrKind
	}
	if seen.State == Done && seen.Seen {
		return seen, nil
	}
	return e.update(ctx, id, func(r *Request) (Change, error) {
		if r.State != Done {
			return Change{}, ended[r.State]
		}
		if r.Seen {
			return Change{}, nil
		}
		r.Seen = true
		event := r.executed(e.now(), who.Account.String(), audit.GeneratedSeen, audit.OK, "")
		return Change{Events: []audit.Event{event}}, nil
	})
}
