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
	return e.ProveAll(ctx, who, id, []enroll.Proof{p})
}

// ProveAll is Prove for several proofs at once: all of them count, or none.
func (e *Engine) ProveAll(ctx context.Context, who Actor, id string, ps []enroll.Proof) (Request, error) {
	r, err := e.prove(ctx, who, id, ps, boundProves)
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
	if r.Kind != KindUnlock || r.Target != p.Account || !p.Kind.IsPasskey() ||
		p.Label != "" || len(p.Statement) > 0 {
		return ErrProofMismatch
	}
	return nil
}

// sessionProves: what a session was opened by. Without a passkey that is bound to the
// account and to one kind.
func sessionProves(r Request, p enroll.Proof) error {
	if p.Label != enroll.LabelRecover {
		return signInProves(r, p)
	}
	if r.Target != p.Account || !p.Bound(enroll.LabelRecover, enroll.RecoverStatement(r.Target, string(r.Kind))) {
		return ErrProofMismatch
	}
	return nil
}

func (e *Engine) prove(ctx context.Context, who Actor, id string, ps []enroll.Proof, binds binding) (Request, error) {
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
	if err := e.checkProofs(r, who, ps, binds, e.now()); err != nil {
		return Request{}, err
	}
	asked, err := e.panelFor(ctx, r, ps, decision, account)
	if err != nil {
		return Request{}, err
	}
	return e.update(ctx, id, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.provable(now); err != nil {
			return Change{}, err
		}
		if err := e.checkProofs(*r, who, ps, binds, now); err != nil {
			return Change{}, err
		}
		events := consumeAll(r, now, who, ps)
		r.adopt(decision)
		r.voidWeakened()
		c, err := e.advance(r, asked, now, who.Account.String())
		c.Events = append(events, c.Events...)
		return c, err
	})
}

// panelFor looks up who is to review, if the proof is the last one that is
// missing. r is a copy.
func (e *Engine) panelFor(ctx context.Context, r Request, ps []enroll.Proof, running Decision, account ad.Account) (panel, error) {
	for _, p := range ps {
		consume(&r, p)
	}
	r.adopt(running)
	r.voidWeakened()
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

// voidWeakened: reviews were given for what was proved then. Where another session
// goes on with less, they count no more, and whoever reviews is asked anew, with the
// number where that is for weaker proofs.
func (r *Request) voidWeakened() {
	var all, live []enroll.ProofKind
	for _, p := range r.Proofs {
		all = append(all, p.Kind)
		if !p.Void {
			live = append(live, p.Kind)
		}
	}
	if strength(live) < strength(all) || r.weaklyProved() && slices.ContainsFunc(all, enroll.ProofKind.IsPasskey) {
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

// checkProofs is checkProof for each of them.
func (e *Engine) checkProofs(r Request, who Actor, ps []enroll.Proof, binds binding, now time.Time) error {
	for _, p := range ps {
		if err := e.checkProof(r, who, p, binds, now); err != nil {
			return err
		}
	}
	return nil
}

// consumeAll consumes the proofs, each with its event.
func consumeAll(r *Request, now time.Time, who Actor, ps []enroll.Proof) []audit.Event {
	events := make([]audit.Event, 0, len(ps))
	for _, p := range ps {
		consume(r, p)
		events = append(events, proved(r, now, who.Account.String(), p))
	}
	return events
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
		if p.Kind.IsPasskey() && wanted(r.Decision.Prove, enroll.ProofHardwareKey) {
			return ErrNotHardware
		}
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
		return slices.ContainsFunc(set, kind.Counts)
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
	decision, err := e.judgeAccount(ctx, r, account)
	return account, decision, err
}

// judgeAccount holds one reading of the account to the stored decision and to
// the running policy. (In self-service the requester is the target.)
func (e *Engine) judgeAccount(ctx context.Context, r Request, account ad.Account) (Decision, error) {
	if account.GUID != r.Target || r.Requester != r.Target {
		return Decision{}, ErrOtherOne
	}
	if r.Decision.Verdict != Allow {
		return Decision{}, ErrNotAllowed
	}
	return e.decide(ctx, account, r.Kind, e.circumstances(ctx, account.GUID, r.Address, r.Browser, e.now()), r.door())
}

// sessionProofs finds the proofs that opened the session, where they may count: a
// passkey's for an unlock, or those of a sign-in without one for what it was for.
func (e *Engine) sessionProofs(ctx context.Context, who Actor, r Request) ([]enroll.Proof, error) {
	if who.Session == "" || e.proofs == nil {
		return nil, nil
	}
	found, err := e.proofs.RecoverProofs(ctx, who.Session)
	if err != nil {
		return nil, fmt.Errorf("find proofs of the session: %w", err)
	}
	if r.Kind == KindUnlock {
		p, err := e.proofs.SignInProof(ctx, who.Session)
		if err == nil {
			found = append(found, p)
		} else if !errors.Is(err, enroll.ErrNoProof) {
			return nil, fmt.Errorf("find sign-in proof: %w", err)
		}
	}
	now := e.now()
	return slices.DeleteFunc(found, func(p enroll.Proof) bool {
		return e.checkProof(r, who, p, sessionProves, now) != nil
	}), nil
}
