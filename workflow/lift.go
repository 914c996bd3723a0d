package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// Once its owner proved that it is them, a freeze is lifted by IT, or by one of those
// whom the policy asks about this account: they know the person, and call them.

// LiftLabel names what whoever lifts a freeze signs.
const LiftLabel = "latchkey/lift/v1"

// maxThaws bounds how many frozen accounts are looked at for one inbox.
const maxThaws = 20

// Thaw is a frozen account whose owner asks to be let in again.
type Thaw struct {
	Freeze
	Person ad.Account
	// Unused: they hold a passkey, and proved it without one.
	Unused bool
}

// Thaws are those that the actor may lift, the last who asked first.
func (e *Engine) Thaws(ctx context.Context, who Actor) ([]Thaw, error) {
	if e.freezes == nil {
		return nil, errFreezes
	}
	all, err := e.freezes.ThawsAsked(ctx, who.Account, maxThaws)
	if err != nil {
		return nil, fmt.Errorf("list asked thaws: %w", err)
	}
	lifter := sync.OnceValues(func() (ad.Account, error) { return e.lifter(ctx, who.Account) })
	var out []Thaw
	var failed error // told only where there is nothing else to tell
	for _, f := range all {
		person, err := e.lifts(ctx, who.Account, lifter, f)
		switch {
		case errors.Is(err, ErrNotFrozen), errors.Is(err, ad.ErrNotFound), errors.Is(err, ErrFrozen):
		case err != nil:
			e.log.Warn("a frozen account can't be looked at", "account", f.Account, "error", err)
			failed = err
		default:
			out = append(out, Thaw{f, person, e.unused(ctx, f, person)})
		}
	}
	if len(out) == 0 && failed != nil {
		return nil, failed
	}
	return out, nil
}

// countTime bounds a count: everybody's first page waits for it, and a domain that does
// not answer may be a frozen stranger's.
const countTime = time.Second

// CountThaws counts the Thaws of somebody, as far as can be told in that time.
func (e *Engine) CountThaws(ctx context.Context, account ad.GUID) int {
	ctx, giveUp := context.WithCancel(ctx) // a deadline would count against a controller that is slow
	defer giveUp()
	defer time.AfterFunc(countTime, giveUp).Stop()
	list, err := e.Thaws(ctx, Actor{Account: account})
	if err != nil {
		e.log.Warn("freezes that somebody may lift are not counted", "account", account, "error", err)
	}
	return len(list)
}

// unused errs on the side of the warning.
func (e *Engine) unused(ctx context.Context, f Freeze, person ad.Account) bool {
	if len(f.Proved) == 0 || slices.ContainsFunc(f.Proved, enroll.ProofKind.IsPasskey) {
		return false
	}
	held, _, err := e.held(ctx, person)
	return err != nil || slices.ContainsFunc(held, enroll.ProofKind.IsPasskey)
}

// mayLift is ErrNotFrozen for whoever may not: what is not theirs is not there.
func (e *Engine) mayLift(ctx context.Context, who Actor, f Freeze) (ad.Account, error) {
	return e.lifts(ctx, who.Account, func() (ad.Account, error) { return e.lifter(ctx, who.Account) }, f)
}

// lifts is mayLift with the lifter's account read where it is needed.
func (e *Engine) lifts(ctx context.Context, who ad.GUID, lifter func() (ad.Account, error), f Freeze) (ad.Account, error) {
	if f.Asked.IsZero() || f.Account == who || who.IsZero() {
		return ad.Account{}, ErrNotFrozen
	}
	approver, err := lifter()
	if err != nil {
		return ad.Account{}, err
	}
	person, err := e.account(ctx, f.Account)
	if err != nil {
		return ad.Account{}, err
	}
	for _, kind := range Kinds {
		d := Evaluate(e.runningPolicy(), person, person, kind, e.circumstances(ctx, person.GUID, "", "", e.now()))
		if d.Verdict != Allow {
			continue
		}
		for _, t := range d.Approve {
			for _, by := range []*Approvers{&t.By, t.Else} {
				holds, err := e.holdsAny(ctx, approver, by, person)
				if holds || err != nil {
					return person, err
				}
			}
		}
	}
	return ad.Account{}, ErrNotFrozen
}

// lifters are those who are told of it: whom the policy asks in the first place.
func (e *Engine) lifters(ctx context.Context, account ad.GUID) (out []ad.GUID, err error) {
	person, err := e.account(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, kind := range Kinds {
		d := Evaluate(e.runningPolicy(), person, person, kind, e.circumstances(ctx, person.GUID, "", "", e.now()))
		if d.faulty() {
			e.log.Warn("a rule that asks where somebody is can't say who lifts a freeze: IT does", "rule", d.Rule)
		}
		if d.Verdict != Allow || len(d.Approve) == 0 {
			continue
		}
		seats, err := e.seats(ctx, d.Approve[0], person, account)
		if err != nil {
			return nil, err
		}
		for _, s := range seats {
			if !slices.Contains(out, s.Account) {
				out = append(out, s.Account)
			}
		}
	}
	return out[:min(len(out), e.limits().Asked)], nil
}

// lifter reads somebody who can lift a freeze at all: active, and not frozen.
func (e *Engine) lifter(ctx context.Context, account ad.GUID) (ad.Account, error) {
	if err := e.unfrozen(ctx, account); err != nil {
		return ad.Account{}, err
	}
	a, err := e.account(ctx, account)
	if err != nil {
		return ad.Account{}, err
	}
	if !e.active(a) {
		return ad.Account{}, ErrNotFrozen
	}
	return a, nil
}

func (e *Engine) holdsAny(ctx context.Context, approver ad.Account, by *Approvers, person ad.Account) (bool, error) {
	switch {
	case by == nil:
		return false, nil
	case by.Manager:
		return e.holdsSeat(ctx, approver, Seat{}, person)
	case by.Group == nil || by.Group.SID == "":
		return false, nil
	}
	return e.holdsSeat(ctx, approver, Seat{Group: by.Group.SID}, person)
}

// liftable reads the freeze; ErrNotFrozen where there is none that the actor may lift.
func (e *Engine) liftable(ctx context.Context, who Actor, account ad.GUID) (Freeze, error) {
	if e.freezes == nil {
		return Freeze{}, errFreezes
	}
	f, err := e.freezes.Frozen(ctx, account)
	if err != nil {
		return Freeze{}, fmt.Errorf("look for a freeze: %w", err)
	}
	if f == nil {
		return Freeze{}, ErrNotFrozen
	}
	_, err = e.mayLift(ctx, who, *f)
	return *f, err
}

// BeginLift says what the actor signs to lift the freeze of somebody else's account. seen
// is when its owner asked for it, as the actor was shown, to the second; zero for what a page of an
// earlier release doesn't say. ErrAskedAnew where somebody asked since, and perhaps proved
// less.
func (e *Engine) BeginLift(ctx context.Context, who Actor, account ad.GUID, seen time.Time) (string, []byte, error) {
	f, err := e.liftable(ctx, who, account)
	if err != nil {
		return "", nil, err
	}
	if !seen.IsZero() && seen.Unix() != f.Asked.Unix() {
		return "", nil, ErrAskedAnew
	}
	b, err := liftStatement(f, who.Account)
	return LiftLabel, b, err
}

// Lift lets Latchkey act for the account again. Its owner is told. Errors:
// ErrNotFrozen, also for whoever may not; ErrProofMismatch, ErrProofExpired,
// ErrProofUsed.
func (e *Engine) Lift(ctx context.Context, who Actor, account ad.GUID, p enroll.Proof) error {
	if _, err := e.liftable(ctx, who, account); err != nil {
		return err
	}
	err := e.freezes.Lift(ctx, account, p.ID, func(f *Freeze) (Change, error) {
		if f.Asked.IsZero() {
			return Change{}, ErrNotFrozen
		}
		signed, err := liftStatement(*f, who.Account)
		if err != nil {
			return Change{}, err
		}
		if err := e.checkReviewProof(Request{}, who, p, LiftLabel, signed); err != nil {
			return Change{}, err
		}
		event := audit.Event{
			Time: e.now(), Action: audit.AccountUnfrozen, Actor: who.Account.String(), Target: account.String(), Outcome: audit.OK,
			Detail: map[string]any{}, Personal: personal("device", who.Device, "address", who.Address),
		}
		addReceipt(event.Detail, p)
		return Change{
			Events:  []audit.Event{event},
			Notices: []Notice{{To: account, Kind: NoticeThawed, Params: map[string]string{}}},
		}, nil
	})
	if err != nil {
		return fmt.Errorf("lift freeze: %w", err)
	}
	return nil
}

// liftStatement names the freeze, and what its owner proved, by their moments.
func liftStatement(f Freeze, by ad.GUID) ([]byte, error) {
	b, err := audit.Canonical(map[string]any{
		"v":        LiftLabel,
		"account":  f.Account.String(),
		"frozen":   f.At.UnixMilli(),
		"asked":    f.Asked.UnixMilli(),
		"approver": by.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("write lift statement: %w", err)
	}
	return b, nil
}
