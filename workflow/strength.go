package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

const (
	foundTooWeak  = "proof-too-weak"
	foundCoolDown = "cool-down"
	foundVouched  = "only-vouched"
)

// door is how somebody came to a request.
type door int

const (
	byProof door = iota // signed in, or with a proof of their own
	byWord              // a colleague's word is to be the proof
)

func (r *Request) door() door {
	if r.Vouched() {
		return byWord
	}
	return byProof
}

// decide is policy, state and what the person holds together. Without an approval a
// credential changes only by a proof that is no weaker than the strongest one held
// (docs/security.md, rule 3): weaker alternatives of the policy fall away. A store
// that can't say what is held denies.
func (e *Engine) decide(ctx context.Context, account ad.Account, kind Kind, at Circumstances, by door) (Decision, error) {
	p := e.runningPolicy()
	d, err := allowed(p, account, account, kind, at)
	if err != nil {
		return d, err
	}
	hold, err := p.holdOf(account, at)
	if err != nil {
		return d.deny(d.Rule, foundDuty, ""), err
	}
	if d, err = e.dutiful(ctx, d, hold, account, kind); err != nil {
		return d, err
	}
	if d, err = e.strongEnough(ctx, d, account, kind, by); err != nil {
		return d, err
	}
	return e.cooled(ctx, d, account.GUID)
}

// cooled denies while a proof was replaced so short a time ago that its owner may not
// have heard of it yet. A store that can't say when denies.
func (e *Engine) cooled(ctx context.Context, d Decision, account ad.GUID) (Decision, error) {
	if d.CoolDown <= 0 {
		return d, nil
	}
	if e.holders == nil {
		return d.deny(d.Rule, foundCoolDown, ""), errors.Join(ErrNotAllowed, errRule, errors.New("nobody knows when proofs were replaced"))
	}
	at, err := e.holders.ProofsReplaced(ctx, account)
	if err != nil {
		return d.deny(d.Rule, foundCoolDown, ""), errors.Join(ErrNotAllowed, errRule, err)
	}
	until := at.Add(d.CoolDown)
	if at.IsZero() || !e.now().Before(until) {
		return d, nil
	}
	return d.deny(d.Rule, foundCoolDown, ""), &Detailed{Cause: ErrCoolDown, Params: map[string]string{"until": until.UTC().Format(time.RFC3339)}}
}

func (e *Engine) strongEnough(ctx context.Context, d Decision, account ad.Account, kind Kind, by door) (Decision, error) {
	// A word counts where it is asked for, and where somebody is asked to give it.
	if (by != byWord || len(d.Approve) == 0) && slices.ContainsFunc(d.Prove, byVouching) {
		if d.Prove = slices.DeleteFunc(slices.Clone(d.Prove), byVouching); len(d.Prove) == 0 {
			return d.deny(d.Rule, foundVouched, ""), ErrOnlyVouched
		}
	}
	// What only names somebody proves nothing, whatever the policy says.
	if slices.ContainsFunc(d.Prove, names) {
		if d.Prove = slices.DeleteFunc(slices.Clone(d.Prove), names); len(d.Prove) == 0 {
			return d.deny(d.Rule, foundTooWeak, ""), ErrProofTooWeak
		}
	}
	if !kind.ChangesCredential() || len(d.Approve) > 0 || !slices.ContainsFunc(d.Prove, weak) {
		return d, nil
	}
	_, ranks, err := e.held(ctx, account)
	if err != nil {
		return d.deny(d.Rule, foundTooWeak, ""), errors.Join(ErrNotAllowed, errRule, err)
	}
	strong := strongAlternatives(d.Prove, ranks)
	if len(strong) == 0 {
		return d.deny(d.Rule, foundTooWeak, ""), ErrProofTooWeak
	}
	d.Prove = strong
	return d, nil
}

// stronger is an option as what the person holds leaves it, and hold of their rule.
func (e *Engine) stronger(ctx context.Context, o offered, account ad.Account, hold *Hold) offered {
	d, err := e.dutiful(ctx, o.decision, hold, account, o.Kind)
	if err == nil {
		d, err = e.strongEnough(ctx, d, account, o.Kind, byProof)
	}
	if err == nil {
		d, err = e.cooled(ctx, d, account.GUID)
	}
	return o.answered(d, err)
}

// names: no proof is among it.
func names(set []enroll.ProofKind) bool { return strength(set) == 0 }

func byVouching(set []enroll.ProofKind) bool { return slices.Contains(set, enroll.ProofVouching) }

// weak: something could be held that is stronger.
func weak(set []enroll.ProofKind) bool {
	return strength(set) < enroll.Strength(enroll.ProofPasskey)
}

// strength of proofs that are all given is that of the strongest.
func strength(set []enroll.ProofKind) (most int) {
	for _, kind := range set {
		most = max(most, enroll.Strength(kind))
	}
	return most
}

func strongAlternatives(prove [][]enroll.ProofKind, ranks []enroll.ProofKind) (strong [][]enroll.ProofKind) {
	for _, set := range prove {
		if strength(set) >= strength(ranks) {
			strong = append(strong, set)
		}
	}
	return strong
}

// held is Holders.HeldProofs.
func (e *Engine) held(ctx context.Context, account ad.Account) (held, ranks []enroll.ProofKind, err error) {
	if e.holders == nil {
		return nil, nil, errors.New("nobody knows which proofs are held")
	}
	if held, ranks, err = e.holders.HeldProofs(ctx, account); err != nil {
		return nil, nil, fmt.Errorf("list proofs held: %w", err)
	}
	return held, ranks, nil
}

// Suffices says whether these proofs are all that the running policy asks of the
// account for the kind, before any approval: nil, or enroll.ErrRecoverRefused. The
// account's state is no part of it: whoever proved enough is shown that. A protected
// and a frozen account are told as such; "thaw" is "suffices" where these proofs are enough
// to ask for a thaw. address is the client's.
func (e *Engine) Suffices(ctx context.Context, account ad.Account, kind Kind, address string, proved []enroll.ProofKind) error {
	if !slices.Contains(Kinds, kind) {
		return enroll.ErrRecoverRefused
	}
	return e.suffices(ctx, account, kind, e.circumstances(ctx, account.GUID, address, "", e.now()), address, proved)
}

// suffices takes the address as ThawSuffices does.
func (e *Engine) suffices(ctx context.Context, account ad.Account, kind Kind, at Circumstances, address string, proved []enroll.ProofKind) error {
	p := e.runningPolicy()
	d := Evaluate(p, account, account, kind, at)
	if d.Verdict != Allow {
		return enroll.ErrRecoverRefused
	}
	hold, err := p.holdOf(account, at)
	if err != nil {
		return enroll.ErrRecoverRefused
	}
	d, err = e.strongEnough(ctx, d, account, kind, byProof)
	if errors.Is(err, ErrProofTooWeak) || errors.Is(err, ErrOnlyVouched) {
		return enroll.ErrRecoverRefused
	}
	if err != nil {
		return err
	}
	have := make([]ConsumedProof, 0, len(proved))
	for _, kind := range proved {
		have = append(have, ConsumedProof{Kind: kind})
	}
	if len(missing(d.Prove, have)) > 0 {
		return enroll.ErrRecoverRefused
	}
	if err := unprotected(account); err != nil {
		return err
	}
	if _, err := e.dutiful(ctx, d, hold, account, kind); err != nil {
		return err
	}
	err = e.unfrozen(ctx, account.GUID)
	if errors.Is(err, ErrFrozen) && e.ThawSuffices(ctx, account, address, proved) == nil {
		return &Detailed{Cause: ErrFrozen, Params: map[string]string{"thaw": "suffices"}}
	}
	return err
}

// Offers says whether the running policy takes this kind of proof for anything.
func (e *Engine) Offers(kind enroll.ProofKind) bool {
	return takes(e.runningPolicy().made().named, kind)
}

// alternatives are all that any rule names, each once. They are gathered when a policy
// is made ready: the first page asks for them, of anybody.
func (p Policy) alternatives() (out [][]enroll.ProofKind) {
	for _, rule := range p.Rules {
		for _, kind := range Kinds {
			for _, set := range rule.Acts[kind].Prove {
				if !slices.ContainsFunc(out, func(o []enroll.ProofKind) bool { return slices.Equal(o, set) }) {
					out = append(out, set)
				}
			}
		}
	}
	return out
}
