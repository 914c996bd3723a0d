package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// Account reads the actor's own account.
func (e *Engine) Account(ctx context.Context, who Actor) (ad.Account, error) {
	return e.account(ctx, who.Account)
}

// Options says what the person may do now, kind by kind, and why not. A kind that no
// rule gives to this person, here and now, is not among them.
func (e *Engine) Options(ctx context.Context, who Actor, account ad.Account) []Option {
	v := e.view(ctx, account, e.circumstances(ctx, account.GUID, who.Address, who.Browser, e.now()))
	out := make([]Option, 0, len(Kinds))
	for _, kind := range Kinds {
		if o := e.option(ctx, v, kind, nil); o.shown {
			out = append(out, o.Option)
		}
	}
	return out
}

// view is an account as its person comes, and what that means for every kind.
type view struct {
	policy  Policy
	account ad.Account
	at      Circumstances
	hold    *Hold // of the rule that decides
	stop    error // protection, a freeze, or a rule that can't be read
}

func (e *Engine) view(ctx context.Context, account ad.Account, at Circumstances) view {
	v := view{policy: e.runningPolicy(), account: account, at: at}
	hold, unclear := v.policy.holdOf(account, at)
	v.hold = hold
	if v.stop = e.barred(ctx, account); v.stop == nil {
		v.stop = unclear
	}
	return v
}

// option is what one kind comes to for the person who is signed in: what the server
// offers, and what Explain tells.
func (e *Engine) option(ctx context.Context, v view, kind Kind, trace *Trace) offered {
	o := offer(v.policy, v.account, kind, v.at, v.stop, trace)
	if o.err == nil {
		o = e.stronger(ctx, o, v.account, v.hold)
	}
	return o
}

// offered is what a person sees of one kind, and why.
type offered struct {
	Option
	policy   Decision // before the account's state had a say
	decision Decision // with what the person holds, where that had a say
	err      error
	// shown: what a policy does not give is not there at all. A rule in error is the
	// owner's mistake, and the person who meets it is told that it is no use here.
	shown bool
}

// offer is what one kind comes to. stop stands against every kind: protection, or a
// frozen account.
func offer(p Policy, account ad.Account, kind Kind, at Circumstances, stop error, trace *Trace) offered {
	policy := evaluate(p, account, account, kind, at, trace)
	d, err := weighed(policy, account, kind, at.Now)
	o := offered{Option: Option{Kind: kind}, policy: policy, shown: !errors.Is(err, ErrNotAllowed) || errors.Is(err, errRule)}
	if stop != nil {
		err = stop
	}
	return o.answered(d, err)
}

// answered is the option with its decision, and what stands against it.
func (o offered) answered(d Decision, err error) offered {
	o.decision, o.err, o.Code = d, err, ""
	o.Allowed, o.Approval = err == nil, err == nil && len(d.Approve) > 0
	if err != nil {
		o.Code = cmp.Or(CodeOf(err), string(ErrNotAllowed))
	}
	return o
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
		return e.takenBack(r, who.Account.String())
	})
}

func (e *Engine) takenBack(r *Request, by string) (Change, error) {
	if err := r.to(Cancelled); err != nil {
		return Change{}, err
	}
	r.Wake = time.Time{}
	event := r.event(e.now(), by, audit.RequestCancelled, audit.OK, "")
	return Change{Events: []audit.Event{event}}, nil
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
