package workflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// seated finds a request in which the actor has a seat. Any other is
// ErrNoRequest, like one that does not exist.
func (e *Engine) seated(ctx context.Context, who Actor, id string) (Request, Seat, error) {
	r, err := e.store.Request(ctx, id)
	if err != nil {
		return Request{}, Seat{}, err
	}
	seat, found := r.seat(who.Account)
	if !found {
		return Request{}, Seat{}, ErrNoRequest
	}
	return r, seat, nil
}

// seat is never the requester's or the target's.
func (r *Request) seat(account ad.GUID) (Seat, bool) {
	i := slices.IndexFunc(r.Asked, func(s Seat) bool { return s.Account == account })
	if i < 0 || account.IsZero() || account == r.Requester || account == r.Target {
		return Seat{}, false
	}
	return r.Asked[i], true
}

// decidable says whether this person may still decide the request.
func (r *Request) decidable(by ad.GUID, now time.Time) error {
	_, found := r.seat(by)
	switch {
	case !found:
		return ErrNoRequest
	case r.reviewOf(by) != nil:
		return ErrReviewed
	case r.State == Pending && r.past(now):
		return ErrExpired
	case r.State == Pending:
		return nil
	case r.State == Expired, r.State == Cancelled:
		if !slices.ContainsFunc(r.Reviews, Review.counts) {
			return ended[r.State]
		}
	}
	return ErrReviewed
}

// mayApprove reads everybody again: the target is unprotected, fit and allowed,
// and the actor is still whom both the stored decision and the running policy
// want to ask.
func (e *Engine) mayApprove(ctx context.Context, who Actor, r Request, seat Seat) error {
	target, err := e.account(ctx, r.Target)
	if err != nil {
		return err
	}
	if err := unprotected(target); err != nil {
		return err
	}
	if r.here(who) {
		return ErrSameBrowser
	}
	if err := e.unfrozen(ctx, r.Target); err != nil {
		return err
	}
	running, err := e.judgeAccount(ctx, r, target)
	if err != nil {
		return err
	}
	return e.entitled(ctx, who, seat, target, r.Decision, running)
}

// mayRefuse asks less of the target than mayApprove: a request that can't be
// approved any more may still be denied.
func (e *Engine) mayRefuse(ctx context.Context, who Actor, r Request, seat Seat) error {
	target, err := e.account(ctx, r.Target)
	if err != nil {
		return err
	}
	return e.entitled(ctx, who, seat, target, r.Decision)
}

// entitled reads the actor and says whether they hold their seat under each of
// the decisions: as the target's manager, or as a member of the group.
func (e *Engine) entitled(ctx context.Context, who Actor, seat Seat, target ad.Account, decisions ...Decision) error {
	if err := e.unfrozen(ctx, who.Account); err != nil {
		return err
	}
	approver, err := e.account(ctx, who.Account)
	if err != nil {
		return err
	}
	holds, err := e.holdsSeat(ctx, approver, seat, target)
	if err != nil {
		return err
	}
	if !holds || !e.active(approver) || approver.GUID == target.GUID {
		return ErrNotApprover
	}
	for _, d := range decisions {
		if !d.names(seat) {
			return ErrNotApprover
		}
	}
	return nil
}

// errApprovers goes with a failure to look at those who approved: it denies, and
// ends no approval.
var errApprovers = errors.New("those who approved can't be looked at")

// approvalsHold is ErrApproverOut where somebody who approved could not do so now:
// left the seat, was disabled, frozen, or holds no passkey any more. Nothing is
// asked of the directory where nobody was to approve.
func (e *Engine) approvalsHold(ctx context.Context, r Request, target ad.Account, running Decision) error {
	if err := e.approversStand(ctx, r); err != nil {
		return err
	}
	for by := range r.approvers() {
		seat, found := r.seat(by)
		if !found {
			return ErrApproverOut
		}
		err := e.entitled(ctx, Actor{Account: by}, seat, target, r.Decision, running)
		switch {
		case errors.Is(err, ErrNotApprover), errors.Is(err, ErrFrozen), errors.Is(err, ad.ErrNotFound):
			return ErrApproverOut
		case err != nil:
			return errors.Join(errApprovers, err)
		}
	}
	return nil
}

// approversStand is the part of approvalsHold that the store answers. A write holds
// a connection to the directory, and must not wait for a second one: as many
// writes as there are connections would wait for each other.
func (e *Engine) approversStand(ctx context.Context, r Request) error {
	for by := range r.approvers() {
		frozen, err := e.isFrozen(ctx, by)
		if err != nil {
			return errors.Join(errApprovers, err)
		}
		if e.holders == nil {
			return errApprovers
		}
		holds, err := e.holders.HasPasskey(ctx, by)
		if err != nil {
			return errors.Join(errApprovers, err)
		}
		if frozen || !holds {
			return ErrApproverOut
		}
	}
	return nil
}

// approvers are those whose approval counts.
func (r *Request) approvers() iter.Seq[ad.GUID] {
	return func(yield func(ad.GUID) bool) {
		for _, v := range r.Reviews {
			if v.counts() && v.Verdict == VerdictApprove && !yield(v.By) {
				return
			}
		}
	}
}

func (e *Engine) holdsSeat(ctx context.Context, approver ad.Account, seat Seat, target ad.Account) (bool, error) {
	if seat.Group != "" {
		return slices.Contains(approver.Groups, seat.Group), nil
	}
	if e.people == nil {
		return false, ErrNotAllowed
	}
	manager, err := e.manager(ctx, target)
	return manager.GUID == approver.GUID, err
}

// names says whether a seat is one that the decision asks for. One that asks for
// no review at all stands against nobody.
func (d Decision) names(seat Seat) bool {
	if len(d.Approve) == 0 {
		return true
	}
	return slices.ContainsFunc(d.Approve, func(t Tier) bool {
		return t.By.seats(seat) || t.Else != nil && t.Else.seats(seat)
	})
}

func (a Approvers) seats(seat Seat) bool {
	if seat.Group == "" {
		return a.Manager
	}
	return a.Group != nil && a.Group.SID == seat.Group
}

// checkReviewProof holds a reviewer's proof to the person, the session, the
// statement and the time.
func (e *Engine) checkReviewProof(r Request, who Actor, p enroll.Proof, label string, signed []byte) error {
	switch {
	case r.consumed(p.ID):
		return ErrProofUsed
	case p.ID == "" || !p.Kind.IsPasskey() || who.Session == "" || p.Session != who.Session || p.Account != who.Account:
		return ErrProofMismatch
	case !p.Bound(label, signed):
		return ErrProofMismatch
	case !e.isFresh(p.At, e.now()):
		return ErrProofExpired
	}
	return nil
}

func (r *Request) consumed(proof string) bool {
	return slices.ContainsFunc(r.Proofs, func(p ConsumedProof) bool { return p.ID == proof }) ||
		slices.ContainsFunc(r.Reviews, func(v Review) bool { return proof != "" && v.Proof == proof })
}

func addReceipt(detail map[string]any, p enroll.Proof) {
	detail["proof"] = p.ID
	audit.Receipt{
		Label: p.Label, Nonce: p.Receipt.Nonce, Statement: p.Statement, CredentialID: p.Receipt.CredentialID,
		ClientDataJSON: p.Receipt.ClientDataJSON, AuthenticatorData: p.Receipt.AuthenticatorData, Signature: p.Receipt.Signature,
	}.AddTo(detail)
}

// refused writes down that somebody may not review any more. cause is returned.
func (e *Engine) refused(ctx context.Context, who Actor, id string, cause error) error {
	if !errors.Is(cause, ErrNotApprover) && !errors.Is(cause, ErrFrozen) && !errors.Is(cause, ErrSameBrowser) {
		return cause
	}
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		event := r.event(e.now(), who.Account.String(), audit.ReviewRefused, audit.Denied, CodeOf(cause))
		return Change{Events: []audit.Event{event}}, nil
	})
	if err != nil {
		return errors.Join(cause, fmt.Errorf("record refusal: %w", err))
	}
	return cause
}
