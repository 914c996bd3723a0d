package workflow

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// A request of KindEnrol lets its requester register a passkey, once, while it is
// approved. Nothing is written to the directory, so it is done in the one transaction
// that keeps the passkey, and no outcome can be lost.

// Enrollable says whether the actor may register a passkey by this request now, in
// this session. For another session than the one that proved, the request goes back
// to a draft and comes with ErrProofMissing.
func (e *Engine) Enrollable(ctx context.Context, who Actor, id string) (Request, error) {
	r, err := e.Request(ctx, who, id)
	if err != nil {
		return Request{}, err
	}
	if r.Kind != KindEnrol {
		return r, ErrKind
	}
	if err := r.executable(e.now()); err != nil {
		return r, err
	}
	if !r.provedIn(who.Session) {
		return e.askHere(ctx, who, r)
	}
	account, err := e.account(ctx, r.Target)
	if err != nil {
		return r, err
	}
	err = e.ready(ctx, r, order{address: who.Address, browser: who.Browser}, account)
	var more *askAgain
	if errors.As(err, &more) {
		return e.askAgainFor(ctx, who, r, more.running)
	}
	return r, err
}

// askAgainFor takes the request back to a draft under what the running policy asks.
func (e *Engine) askAgainFor(ctx context.Context, who Actor, seen Request, running Decision) (Request, error) {
	r, err := e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.executable(now); err != nil {
			return Change{}, err
		}
		r.Result = &Result{At: now, Code: string(ErrProofMissing)}
		return e.askMore(r, who.Account.String(), running, *r.Result)
	})
	if err != nil {
		return seen, err
	}
	return r, ErrProofMissing
}

// managerOf tells the manager of somebody who makes a passkey without a passkey
// (docs/security.md, rule 1). A manager who can't be found keeps nobody from a new
// phone: the person's own channels are told in any case.
func (e *Engine) managerOf(ctx context.Context, r Request) []Notice {
	if !r.weaklyProved() {
		return nil
	}
	others, err := e.ToldOfPasskey(ctx, r.Target)
	if err != nil {
		e.log.Error("manager not told of a new passkey", "request", r.ID, "error", err)
		return nil
	}
	var told []Notice
	for _, o := range others {
		n := r.noticeTo(o.To, o.Kind)
		maps.Copy(n.Params, o.Params)
		told = append(told, n)
	}
	return told
}

// ToldOfPasskey are the notices to others than the account's owner of a passkey that was
// made without one: to the manager, where there is one.
func (e *Engine) ToldOfPasskey(ctx context.Context, target ad.GUID) ([]enroll.Notice, error) {
	if e.people == nil {
		return nil, nil
	}
	account, err := e.account(ctx, target)
	if err != nil {
		return nil, err
	}
	manager, err := e.manager(ctx, account)
	if err != nil || manager.GUID.IsZero() || manager.GUID == account.GUID {
		return nil, err
	}
	return []enroll.Notice{{To: manager.GUID, Kind: NoticeReplaced, Params: map[string]string{
		"who": plain(cmp.Or(account.DisplayName, account.SAMAccountName)),
	}}}, nil
}

// Enrol keeps the passkey that was registered by this request, and with it the
// request is done. Everything is looked at again right before.
func (e *Engine) Enrol(ctx context.Context, who Actor, id string, made enroll.Registered) (Request, error) {
	r, err := e.Enrollable(ctx, who, id)
	if err != nil {
		return r, err
	}
	if made.Credential.Account != r.Target {
		return r, ErrOtherOne
	}
	told := e.managerOf(ctx, r)
	return e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.executable(now); err != nil {
			return Change{}, err
		}
		if !r.provedIn(who.Session) {
			return Change{}, ErrProofMissing
		}
		if err := r.to(Done); err != nil {
			return Change{}, err
		}
		r.Result, r.Wake = &Result{At: now}, time.Time{}
		event := r.executed(now, who.Account.String(), audit.ExecutionDone, audit.OK, "")
		event.Detail[audit.DetailCredential] = audit.Base64(made.Credential.ID)
		return Change{Events: []audit.Event{event}, Notices: told, Passkey: &made}, nil
	})
}
