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

// Statement is what a proof for this request signs. The request must be a draft.
func (e *Engine) Statement(ctx context.Context, who Actor, id string) (string, []byte, error) {
	r, err := e.Request(ctx, who, id)
	if err != nil {
		return "", nil, err
	}
	if err := r.provable(e.now()); err != nil {
		return "", nil, err
	}
	b, err := statement(r)
	return Label, b, err
}

// Prove consumes a proof that is bound to the request's statement, of the
// actor's account and session, and fresh. When no proof is missing any more the
// request is approved, and an unlock is executed: then see Submit for what comes
// back.
func (e *Engine) Prove(ctx context.Context, who Actor, id string, p enroll.Proof) (Request, error) {
	r, err := e.prove(ctx, who, id, p, boundProves)
	if err != nil {
		return r, err
	}
	return e.perform(ctx, who, r)
}

// binding says whether a proof is for this very request.
type binding func(Request, enroll.Proof) error

// boundProves: signed over this request's statement as it is now.
func boundProves(r Request, p enroll.Proof) error {
	b, err := statement(r)
	if err != nil {
		return err
	}
	if !p.Bound(Label, b) {
		return ErrProofMismatch
	}
	return nil
}

// signInProves: a sign-in is bound to nothing, and counts for one unlock of the
// signer's own account (docs/security.md, rule 2).
func signInProves(r Request, p enroll.Proof) error {
	if r.Kind != KindUnlock || r.Target != p.Account || p.Kind != enroll.ProofPasskey ||
		p.Label != "" || len(p.Statement) > 0 {
		return ErrProofMismatch
	}
	return nil
}

func (e *Engine) prove(ctx context.Context, who Actor, id string, p enroll.Proof, binds binding) (Request, error) {
	r, err := e.Request(ctx, who, id)
	if err != nil {
		return Request{}, err
	}
	if err := r.provable(e.now()); err != nil {
		return Request{}, err
	}
	// The account is looked at again before anything is approved.
	account, decision, err := e.stillAllowed(ctx, r)
	if err != nil {
		return Request{}, err
	}
	if err := e.checkProof(r, who, p, binds, e.now()); err != nil {
		return Request{}, err
	}
	asked, err := e.panelFor(ctx, r, p, decision, account)
	if err != nil {
		return Request{}, err
	}
	return e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.provable(now); err != nil {
			return Change{}, err
		}
		if err := e.checkProof(*r, who, p, binds, now); err != nil {
			return Change{}, err
		}
		consume(r, p)
		events := []audit.Event{proved(r, now, who.Account.String(), p)}
		r.adopt(decision)
		c, err := e.advance(r, asked, now, who.Account.String())
		c.Events = append(events, c.Events...)
		return c, err
	})
}

// panelFor looks up who is to review, if the proof is the last one that is
// missing. r is a copy.
func (e *Engine) panelFor(ctx context.Context, r Request, p enroll.Proof, running Decision, account ad.Account) (panel, error) {
	consume(&r, p)
	r.adopt(running)
	if len(r.Needs()) > 0 || r.reviewed() {
		return panel{}, nil
	}
	return e.panel(ctx, r.Decision, account, r.Requester)
}

// adopt takes the running policy's decision over where it asks for more than the
// request has: then the statement changes with it, and reviews that were given
// for less count no more.
func (r *Request) adopt(running Decision) {
	covered := r.Decision.covers(running)
	if covered && len(missing(running.Prove, r.Proofs)) == 0 {
		return
	}
	r.Decision = running
	if !covered {
		r.voidReviews()
	}
}

func (r *Request) voidReviews() {
	r.Reviews = slices.Clone(r.Reviews)
	for i := range r.Reviews {
		r.Reviews[i].Void = true
	}
}

func (r *Request) provable(now time.Time) error {
	switch {
	case r.State == Draft && r.past(now):
		return ErrExpired
	case r.State == Draft:
		return nil
	case r.State == Approved:
		return ErrNotDraft
	}
	return ended[r.State]
}

// checkProof holds a proof to the person, the session, the purpose and the time.
func (e *Engine) checkProof(r Request, who Actor, p enroll.Proof, binds binding, now time.Time) error {
	if r.consumed(p.ID) {
		return ErrProofUsed
	}
	if p.ID == "" || p.Kind == "" || who.Session == "" || p.Session != who.Session ||
		p.Account != who.Account || p.Account != r.Requester {
		return ErrProofMismatch
	}
	if err := binds(r, p); err != nil {
		return err
	}
	if !wanted(r.Decision.Prove, p.Kind) {
		return ErrProofMismatch
	}
	if !e.isFresh(p.At, now) {
		return ErrProofExpired
	}
	return nil
}

// wanted: a proof that no alternative names is not consumed for nothing.
func wanted(alternatives [][]enroll.ProofKind, kind enroll.ProofKind) bool {
	return slices.ContainsFunc(alternatives, func(set []enroll.ProofKind) bool {
		return slices.Contains(set, kind)
	})
}

// clockSkew is how far ahead another server's clock may stand.
const clockSkew = 30 * time.Second

func (e *Engine) isFresh(at, now time.Time) bool {
	age := now.Sub(at)
	return age <= e.limits().SignInProof && age >= -clockSkew
}

// stillAllowed reads the account and asks the running policy again.
func (e *Engine) stillAllowed(ctx context.Context, r Request) (ad.Account, Decision, error) {
	account, err := e.account(ctx, r.Target)
	if err != nil {
		return ad.Account{}, Decision{}, err
	}
	if err := unprotected(account); err != nil {
		return ad.Account{}, Decision{}, err
	}
	if err := e.unfrozen(ctx, r.Target); err != nil {
		return ad.Account{}, Decision{}, err
	}
	decision, err := e.judgeAccount(r, account)
	return account, decision, err
}

// judgeAccount holds one reading of the account to the stored decision and to
// the running policy. (In self-service the requester is the target.)
func (e *Engine) judgeAccount(r Request, account ad.Account) (Decision, error) {
	if account.GUID != r.Target || r.Requester != r.Target {
		return Decision{}, ErrOtherOne
	}
	if r.Decision.Verdict != Allow {
		return Decision{}, ErrNotAllowed
	}
	return allowed(e.runningPolicy(), account, account, r.Kind, circumstances(r.Address, e.now()))
}

// signIn finds the proof that the session's sign-in left, where it may count.
func (e *Engine) signIn(ctx context.Context, who Actor, r Request) (enroll.Proof, bool, error) {
	if r.Kind != KindUnlock || who.Session == "" || e.proofs == nil {
		return enroll.Proof{}, false, nil
	}
	p, err := e.proofs.SignInProof(ctx, who.Session)
	if errors.Is(err, enroll.ErrNoProof) {
		return enroll.Proof{}, false, nil
	}
	if err != nil {
		return enroll.Proof{}, false, fmt.Errorf("find sign-in proof: %w", err)
	}
	return p, e.checkProof(r, who, p, signInProves, e.now()) == nil, nil
}
