package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// MaxReason is the longest reason, in bytes.
const MaxReason = 2000

// Submit opens a request for the actor's own account, or takes up the open one
// of the same kind again.
//
// An unlock that the session's sign-in proves is approved and executed at once.
// Then, as with Prove and Execute, an error says why it did not get done (the
// request beside it is as it stands), and nil means done, or unknown: its State
// tells.
//
// What policy or protection forbid is kept as a denied request, with its event.
// Unlocking an account that is not locked leaves no trace.
func (e *Engine) Submit(ctx context.Context, who Actor, kind Kind, reason string) (Request, error) {
	r, err := e.open(ctx, who, kind, reason)
	if err != nil {
		return r, err
	}
	return e.perform(ctx, who, r)
}

// perform executes what executes by itself. Whoever comes second gets the
// request as the first one left it.
func (e *Engine) perform(ctx context.Context, who Actor, r Request) (Request, error) {
	if r.Kind != KindUnlock || r.State != Approved {
		return r, nil
	}
	done, err := e.attempt(ctx, who.Account.String(), r, order{address: who.Address, browser: who.Browser})
	if errors.Is(err, ErrExecuting) || errors.Is(err, ErrDone) {
		return e.Request(ctx, who, r.ID)
	}
	return done, err
}

// open returns the request without executing it.
func (e *Engine) open(ctx context.Context, who Actor, kind Kind, reason string) (Request, error) {
	if !slices.Contains(Kinds, kind) {
		return Request{}, ErrKind
	}
	if len(reason) > MaxReason || plain(reason) != reason {
		return Request{}, ErrReason
	}
	account, err := e.account(ctx, who.Account)
	if err != nil {
		return Request{}, err
	}
	frozen, err := e.isFrozen(ctx, who.Account)
	if err != nil {
		return Request{}, err
	}

	leave, err := e.turns.enter(ctx, who.Account)
	if err != nil {
		return Request{}, fmt.Errorf("wait for other submissions: %w", err)
	}
	defer leave()
	mine, err := e.store.Requests(ctx, Query{Requester: who.Account})
	if err != nil {
		return Request{}, fmt.Errorf("list requests: %w", err)
	}
	if r, found := unfinished(mine, who.Account, kind, e.now()); found {
		if frozen {
			return r, ErrFrozen
		}
		if !r.elsewhere(who.Session) || r.State == Executing || r.State == Unknown {
			return e.resume(ctx, who, r)
		}
		// Its owner proves who they are: what somebody asked for without that ends, lest
		// they give its number away.
		if err := e.supersede(ctx, r.ID, who.Account.String(), enroll.Ceremony{}); err != nil {
			return Request{}, err
		}
	}
	if e.tooMany(mine, frozen) {
		return Request{}, ErrTooMany
	}
	if frozen {
		return e.deny(ctx, e.fresh(who, account, kind, reason), ErrFrozen)
	}
	if err := e.expirePast(ctx, mine, who.Account, kind); err != nil {
		return Request{}, err
	}
	r, err := e.create(ctx, who, account, kind, reason)
	if errors.Is(err, ErrOpen) {
		return e.opened(ctx, who, kind)
	}
	return r, err
}

// expirePast ends what a job has not closed yet: it would stand in the way of
// the next one.
func (e *Engine) expirePast(ctx context.Context, list []Request, target ad.GUID, kind Kind) error {
	for _, r := range list {
		if r.Kind != kind || r.Target != target || !r.State.Open() || !r.past(e.now()) {
			continue
		}
		if err := e.expire(ctx, r.ID); err != nil && !errors.Is(err, errTakenOver) {
			return fmt.Errorf("expire request: %w", err)
		}
	}
	return nil
}

// opened takes up what another server opened at the same moment.
func (e *Engine) opened(ctx context.Context, who Actor, kind Kind) (Request, error) {
	mine, err := e.store.Requests(ctx, Query{Requester: who.Account})
	if err != nil {
		return Request{}, fmt.Errorf("list requests: %w", err)
	}
	if r, found := unfinished(mine, who.Account, kind, e.now()); found && !r.elsewhere(who.Session) {
		return e.resume(ctx, who, r)
	}
	return Request{}, ErrOpen // over again by now: the next try opens one
}

// unfinished finds the open request of a kind; one whose deadline is over and
// that no job has closed yet is not it.
func unfinished(list []Request, target ad.GUID, kind Kind, now time.Time) (Request, bool) {
	for _, r := range list {
		if r.Kind == kind && r.Target == target && r.State.Open() && !r.past(now) {
			return r, true
		}
	}
	return Request{}, false
}

// tooMany says whether somebody made the requests of an hour. What was refused because of a
// freeze counts while it lasts, and not once it is lifted: whoever is not let in then may have
// made all of it.
func (e *Engine) tooMany(mine []Request, frozen bool) bool {
	if !frozen {
		mine = slices.DeleteFunc(slices.Clone(mine), func(r Request) bool {
			return r.Result != nil && r.Result.Code == CodeOf(ErrFrozen)
		})
	}
	return recent(mine, e.now().Add(-time.Hour)) >= e.limits().PerHour
}

func recent(list []Request, since time.Time) (n int) {
	for _, r := range list {
		if r.Created.After(since) {
			n++
		}
	}
	return n
}

// resume takes up an open request: a new sign-in may prove an unlock that was
// left as a draft, and a lost answer may be readable by now.
func (e *Engine) resume(ctx context.Context, who Actor, r Request) (Request, error) {
	switch {
	case r.State == Draft:
		found, err := e.sessionProofs(ctx, who, r)
		if err != nil || len(found) == 0 {
			return r, err
		}
		proved, err := e.prove(ctx, who, r.ID, found, sessionProves)
		if errors.Is(err, ErrProofUsed) || errors.Is(err, ErrProofMismatch) || errors.Is(err, ErrNotHardware) {
			return r, nil
		}
		return proved, err
	case r.State == Approved && !r.provedIn(who.Session):
		return e.provenHere(ctx, who, r)
	case r.settleable(e.now()):
		return e.settle(ctx, r)
	}
	return r, nil
}

// provenHere takes a request over into another session of the same person, where that
// one's own proofs count for it. Without any the request stays as it is.
func (e *Engine) provenHere(ctx context.Context, who Actor, r Request) (Request, error) {
	found, err := e.sessionProofs(ctx, who, r)
	if err != nil || len(found) == 0 || r.Kind == KindUnlock {
		return r, err
	}
	r, err = e.askHere(ctx, who, r)
	if !errors.Is(err, ErrProofMissing) || r.State != Draft {
		return r, err
	}
	return e.resume(ctx, who, r)
}

func (e *Engine) create(ctx context.Context, who Actor, account ad.Account, kind Kind, reason string) (Request, error) {
	r := e.fresh(who, account, kind, reason)
	if err := unprotected(account); err != nil {
		return e.deny(ctx, r, err)
	}
	decision, err := e.decide(ctx, account, kind, e.circumstances(ctx, account.GUID, r.Address, r.Browser, r.Created), byProof)
	r.Decision = decision
	if errors.Is(err, ErrNotLocked) {
		return Request{}, err
	}
	if err != nil {
		return e.deny(ctx, r, err)
	}

	p, err := e.panel(ctx, decision, account, r.Requester)
	if errors.Is(err, ErrNoApprover) {
		return e.deny(ctx, r, err)
	}
	if err != nil {
		return Request{}, err
	}
	found, err := e.sessionProofs(ctx, who, r)
	if err != nil {
		return Request{}, err
	}
	if len(found) > 0 {
		created, err := e.insert(ctx, r, who, found, p)
		if !errors.Is(err, ErrProofUsed) {
			return created, err
		}
	}
	return e.insert(ctx, r, who, nil, p)
}

func (e *Engine) fresh(who Actor, account ad.Account, kind Kind, reason string) Request {
	now := e.now()
	return Request{
		ID: e.newID(), Kind: kind, Requester: who.Account, Target: account.GUID, Reason: reason,
		Decision: Decision{Policy: e.runningPolicy().Hash},
		Created:  now, Updated: now, Deadline: now.Add(e.limits().Draft),
		Session: who.Session, Device: plain(who.Device), Address: plain(who.Address), Browser: who.Browser,
	}
}

// deny keeps what was asked for and refused. cause is returned.
func (e *Engine) deny(ctx context.Context, r Request, cause error) (Request, error) {
	if err := r.to(Denied); err != nil {
		return Request{}, err
	}
	if len(r.Decision.Findings) == 0 {
		r.Decision = r.Decision.deny("", CodeOf(cause), "")
	}
	r.Result = &Result{At: r.Created, Code: CodeOf(cause)}
	event := submitted(&r, audit.RequestDenied, audit.Denied, CodeOf(cause))
	if err := e.store.Create(ctx, r, Change{Events: []audit.Event{event}}); err != nil {
		return Request{}, fmt.Errorf("record denial: %w", err)
	}
	return Request{}, cause
}

// insert stores a new request, with the proofs of the session where there are any.
func (e *Engine) insert(ctx context.Context, r Request, who Actor, proofs []enroll.Proof, p panel) (Request, error) {
	events := []audit.Event{submitted(&r, audit.RequestSubmitted, audit.OK, "")}
	events = append(events, consumeAll(&r, r.Created, who, proofs)...)
	c, err := e.advance(&r, p, r.Created, who.Account.String())
	if err != nil {
		return Request{}, err
	}
	c.Events = append(events, c.Events...)
	if err := e.store.Create(ctx, r, c); err != nil {
		return Request{}, fmt.Errorf("create request: %w", err)
	}
	return r, nil
}

func consume(r *Request, p enroll.Proof) {
	r.Proofs = append(slices.Clip(r.Proofs), ConsumedProof{ID: p.ID, Kind: p.Kind, At: p.At, Receipt: p.Receipt, Session: p.Session})
}

// advance puts a request where its proofs and reviews bring it: a draft while a
// proof is missing, pending while a review is, else approved.
func (e *Engine) advance(r *Request, p panel, now time.Time, by string) (Change, error) {
	switch {
	case len(r.Needs()) > 0:
		r.Wake = r.Deadline
		if r.State == Draft {
			return Change{}, nil
		}
		return Change{}, r.to(Draft)
	case !r.reviewed():
		return e.pend(r, p, now, by)
	}
	return e.grant(r, now, by)
}

// approvedWake: an approved unlock executes by itself, so a job takes it up
// when the process that approved it is gone.
func (e *Engine) approvedWake(r *Request, now time.Time) time.Time {
	if again := now.Add(e.limits().Lease); r.Kind == KindUnlock && again.Before(r.Deadline) {
		return again
	}
	return r.Deadline
}
