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

// errFreezes goes with a freeze that can't be looked up: it denies, and ends no
// approval.
var errFreezes = errors.New("freezes can't be read")

// unfrozen is ErrFrozen for an account that Latchkey does nothing for.
func (e *Engine) unfrozen(ctx context.Context, account ad.GUID) error {
	if e.freezes == nil {
		return errFreezes
	}
	freeze, err := e.freezes.Frozen(ctx, account)
	if err != nil {
		return errors.Join(errFreezes, err)
	}
	if freeze != nil {
		return ErrFrozen
	}
	return nil
}

// barred is what stands against an account whatever is asked for.
func (e *Engine) barred(ctx context.Context, account ad.Account) error {
	if err := unprotected(account); err != nil {
		return err
	}
	return e.unfrozen(ctx, account.GUID)
}

// isFrozen is unfrozen as an answer.
func (e *Engine) isFrozen(ctx context.Context, account ad.GUID) (bool, error) {
	err := e.unfrozen(ctx, account)
	if errors.Is(err, ErrFrozen) {
		return true, nil
	}
	return false, err
}

// Lifter is who lifts a freeze with no passkey of their own: the command line.
type Lifter struct {
	By   string // an objectGUID or one of audit's Actor… words
	User string // who ran the command, as the machine knows them; personal
	// WithoutProof lifts where the owner has not proved that it is them.
	WithoutProof bool
}

// ErrUnproved: the owner of a frozen account has not proved that it is them.
var ErrUnproved = errors.New("the owner of the account has not proved that it is them")

// Unfreeze lets Latchkey act for the account again, and tells its owner. Errors:
// ErrNotFrozen; ErrUnproved where its owner has not asked for it, unless that is meant.
func (e *Engine) Unfreeze(ctx context.Context, account ad.GUID, by Lifter) error {
	if e.freezes == nil {
		return errFreezes
	}
	err := e.freezes.Unfreeze(ctx, account, func(f *Freeze) (Change, error) {
		proved := !f.Asked.IsZero()
		if !proved && !by.WithoutProof {
			return Change{}, ErrUnproved
		}
		return Change{
			Events: []audit.Event{{
				Time: e.now(), Action: audit.AccountUnfrozen, Actor: by.By, Target: account.String(), Outcome: audit.OK,
				Detail: map[string]any{"proved": proved}, Personal: personal("user", by.User),
			}},
			Notices: []Notice{{To: account, Kind: NoticeThawed, Params: map[string]string{}}},
		}, nil
	})
	if err != nil {
		return fmt.Errorf("unfreeze account: %w", err)
	}
	return nil
}

// BeginFreeze says what the reviewer signs who reported the request, to freeze
// its target's account.
func (e *Engine) BeginFreeze(ctx context.Context, who Actor, id string) (string, []byte, error) {
	r, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return "", nil, err
	}
	if err := e.mayFreeze(ctx, who, r, seat); err != nil {
		return "", nil, e.refused(ctx, who, id, err)
	}
	b, err := freezeStatement(r, who.Account)
	return FreezeLabel, b, err
}

// freezeWithin is how long a report lets its reviewer freeze: it is about what
// happens now, and no right over the account to be kept for later.
const freezeWithin = day

// mayFreeze: whoever reported the request a short time ago, has not frozen by that
// report, and is still whom the decision asks for.
func (e *Engine) mayFreeze(ctx context.Context, who Actor, r Request, seat Seat) error {
	if err := r.freezable(who.Account, e.now()); err != nil {
		return err
	}
	return e.mayRefuse(ctx, who, r, seat)
}

func (r *Request) freezable(by ad.GUID, now time.Time) error {
	mine := r.reportOf(by)
	switch {
	case mine == nil:
		return ErrNotAllowed
	case mine.Proof != "":
		return ErrReviewed
	case now.Sub(mine.At) >= freezeWithin:
		return ErrExpired
	}
	return nil
}

// Freeze freezes the target's account, ends its sessions and takes back its other
// open requests. An account that is frozen already stays as Change.Freeze says.
func (e *Engine) Freeze(ctx context.Context, who Actor, id string, p enroll.Proof) (Reviewed, error) {
	r, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return Reviewed{}, err
	}
	if err := e.mayFreeze(ctx, who, r, seat); err != nil {
		return e.beside(ctx, who, r, e.refused(ctx, who, id, err))
	}
	after, err := e.update(ctx, id, func(r *Request) (Change, error) {
		if err := r.freezable(who.Account, e.now()); err != nil {
			return Change{}, err
		}
		signed, err := freezeStatement(*r, who.Account)
		if err != nil {
			return Change{}, err
		}
		if err := e.checkReviewProof(*r, who, p, FreezeLabel, signed); err != nil {
			return Change{}, err
		}
		return e.freeze(r, who.Account, p), nil
	})
	if err != nil {
		return e.beside(ctx, who, r, err)
	}
	e.cancelOthers(context.WithoutCancel(ctx), after)
	return e.decided(ctx, who, after)
}

// freeze keeps the proof with the report that it stands on.
func (e *Engine) freeze(r *Request, by ad.GUID, p enroll.Proof) Change {
	now := e.now()
	r.Reviews = slices.Clone(r.Reviews)
	report := r.reportOf(by)
	report.Proof, report.Statement, report.Receipt = p.ID, p.Statement, p.Receipt

	event := r.event(now, by.String(), audit.AccountFrozen, audit.OK, "")
	addReceipt(event.Detail, p)
	ended := r.event(now, by.String(), audit.SignedOut, audit.OK, string(ErrFrozen))
	return Change{
		Events:      []audit.Event{event},
		Notices:     []Notice{r.noticeTo(r.Target, NoticeFrozen), alertOf(r.Target, wayReport, "", now)},
		EndSessions: endOf(r.Target, "", ended),
		Freeze:      &Freeze{Account: r.Target, By: by, Request: r.ID, At: now},
	}
}

// cancelOthers takes back what is open for a frozen account. What can't be now
// is stopped at its next step, where the freeze is looked at again.
func (e *Engine) cancelOthers(ctx context.Context, frozen Request) {
	open, err := e.store.Requests(ctx, Query{Target: frozen.Target, States: []State{Draft, Pending, Approved}})
	if err != nil {
		e.log.Error("list requests of a frozen account", "request", frozen.ID, "error", err)
		return
	}
	for _, other := range open {
		if other.ID == frozen.ID || other.Target != frozen.Target {
			continue
		}
		_, err := e.update(ctx, other.ID, func(r *Request) (Change, error) {
			return e.cancelled(r, audit.ActorSystem, ErrFrozen)
		})
		if err != nil && !errors.Is(err, ErrTransition) {
			e.log.Warn("request of a frozen account stays open", "request", other.ID, "error", err)
		}
	}
}

// cancelled takes a request back for a reason of the product's own.
func (e *Engine) cancelled(r *Request, by string, cause Code) (Change, error) {
	if err := r.to(Cancelled); err != nil {
		return Change{}, err
	}
	now := e.now()
	r.Wake = time.Time{}
	r.Result = &Result{At: now, Code: string(cause)}
	event := r.event(now, by, audit.RequestCancelled, audit.OK, string(cause))
	return Change{Events: []audit.Event{event}}, nil
}
