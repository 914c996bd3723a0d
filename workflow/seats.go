package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// panel is what a request takes into its reviews: who is asked under these
// tiers, the two digits and the salts. It is drawn up outside of Update, since it
// takes the directory.
type panel struct {
	tiers  []Tier
	seats  []Seat // without the time
	number string
	salts  map[string][]byte
}

// panel is empty where the decision asks for no review, and ErrNoApprover where
// nobody could give one.
func (e *Engine) panel(ctx context.Context, d Decision, target ad.Account, requester ad.GUID) (panel, error) {
	if len(d.Approve) == 0 {
		return panel{}, nil
	}
	seats, err := e.seats(ctx, d.Approve[0], target, requester)
	if err != nil {
		return panel{}, err
	}
	if len(seats) == 0 {
		return panel{}, ErrNoApprover
	}
	p := panel{tiers: d.Approve, seats: seats, salts: map[string][]byte{}}
	if p.number, err = drawNumber(e.random); err != nil {
		return panel{}, err
	}
	for _, field := range shown {
		salted, err := audit.NewSalted("", e.random)
		if err != nil {
			return panel{}, fmt.Errorf("draw salt: %w", err)
		}
		p.salts[field] = salted.Salt[:]
	}
	return p, nil
}

// drawNumber draws two digits, each pair as likely as any other.
func drawNumber(random io.Reader) (string, error) {
	var b [1]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("draw number: %w", err)
		}
		if b[0] < 200 {
			return fmt.Sprintf("%02d", b[0]%100), nil
		}
	}
}

// seats are the people of a tier who can be asked: the manager, or, where that
// one can't be, whoever stands in. A directory that fails denies; that the
// manager or the group is gone, or lives in another domain, is an answer.
func (e *Engine) seats(ctx context.Context, t Tier, target ad.Account, requester ad.GUID) ([]Seat, error) {
	if e.people == nil || e.holders == nil {
		return nil, fmt.Errorf("no way to find reviewers: %w", ErrNotAllowed)
	}
	seats, err := e.seatsOf(ctx, t.By, target, requester)
	if err != nil || len(seats) > 0 || t.Else == nil || !t.By.Manager {
		return seats, err
	}
	return e.seatsOf(ctx, *t.Else, target, requester)
}

func (e *Engine) seatsOf(ctx context.Context, a Approvers, target ad.Account, requester ad.GUID) ([]Seat, error) {
	candidates, group, err := e.candidates(ctx, a, target)
	if err != nil {
		return nil, err
	}
	var seats []Seat
	taken := map[ad.GUID]bool{{}: true, target.GUID: true, requester: true}
	for _, c := range candidates {
		if taken[c.GUID] {
			continue
		}
		taken[c.GUID] = true
		can, err := e.canReview(ctx, c)
		if err != nil {
			return nil, err
		}
		if can {
			seats = append(seats, Seat{Account: c.GUID, Group: group})
		}
		if len(seats) == e.limits().Asked {
			break
		}
	}
	return seats, nil
}

// membersPerSeat is how many members of a group are read for each seat: not
// everybody holds a passkey.
const membersPerSeat = 4

func (e *Engine) candidates(ctx context.Context, a Approvers, target ad.Account) ([]ad.Account, string, error) {
	if !a.Manager {
		members, err := e.people.Members(ctx, a.Group.SID, membersPerSeat*e.limits().Asked)
		if errors.Is(err, ad.ErrNotFound) {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("read approvers' group: %w", err)
		}
		return members, a.Group.SID, nil
	}
	manager, err := e.manager(ctx, target)
	if err != nil || manager.GUID.IsZero() {
		return nil, "", err
	}
	return []ad.Account{manager}, "", nil
}

// manager is the zero account where there is none.
func (e *Engine) manager(ctx context.Context, target ad.Account) (ad.Account, error) {
	if target.ManagerDN == "" {
		return ad.Account{}, nil
	}
	manager, err := e.people.AccountByDN(ctx, target.ManagerDN)
	if errors.Is(err, ad.ErrNotFound) || errors.Is(err, ad.ErrReferral) {
		return ad.Account{}, nil
	}
	if err != nil {
		return ad.Account{}, fmt.Errorf("read manager: %w", err)
	}
	return manager, nil
}

// canReview: is able to sign in, holds a passkey, and is not frozen.
func (e *Engine) canReview(ctx context.Context, a ad.Account) (bool, error) {
	if !e.active(a) {
		return false, nil
	}
	holds, err := e.holders.HasPasskey(ctx, a.GUID)
	if err != nil {
		return false, fmt.Errorf("look for passkey: %w", err)
	}
	if !holds {
		return false, nil
	}
	frozen, err := e.isFrozen(ctx, a.GUID)
	return !frozen && err == nil, err
}

func (e *Engine) active(a ad.Account) bool {
	return !a.Disabled && (a.AccountExpires.IsZero() || e.now().Before(a.AccountExpires))
}
