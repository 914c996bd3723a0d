package workflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/enroll"
)

// transitions is the whole table: what is not here does not happen. The empty
// state is a request that is not stored yet.
var transitions = map[State][]State{
	"":        {Draft, Pending, Approved, Denied},
	Draft:     {Pending, Approved, Expired, Cancelled},
	Pending:   {Approved, Denied, Expired, Cancelled},
	Approved:  {Executing, Done, Draft, Failed, Expired, Cancelled},
	Executing: {Done, Failed, Unknown, Approved, Draft},
	Unknown:   {Done, Approved, Failed},
	Done:      {Executing, Draft},
	Failed:    nil,
	Denied:    nil,
	Expired:   nil,
	Cancelled: nil,
}

// to moves a request by the table. Only a generated password that nobody
// confirmed leaves done, and only a new passkey is done without an execution.
func (r *Request) to(next State) error {
	unwritten := r.State == Approved && next == Done && r.Kind != KindEnrol
	written := next == Executing && r.Kind == KindEnrol
	if !slices.Contains(transitions[r.State], next) || (r.State == Done && !r.replaceable()) || unwritten || written {
		return fmt.Errorf("%s to %s: %w", r.State, next, ErrTransition)
	}
	r.State = next
	return nil
}

// replaceable says whether the request holds a generated password that its owner
// never confirmed as seen.
func (r *Request) replaceable() bool {
	return r.State == Done && r.Kind == KindOneTime && !r.Seen
}

// Needs lists the proofs that are missing: those of the alternative that takes
// the fewest more. It is empty when none is.
func (r Request) Needs() []enroll.ProofKind { return missing(r.Decision.Prove, r.Proofs) }

// missing is never empty for an empty list of alternatives: no demand at all is
// a fault of the policy, and Evaluate denies it.
func missing(alternatives [][]enroll.ProofKind, have []ConsumedProof) []enroll.ProofKind {
	best := []enroll.ProofKind{""}
	for i, set := range alternatives {
		lack := lacking(set, have)
		if len(set) > 0 && (i == 0 || best[0] == "" || len(lack) < len(best)) {
			best = lack
		}
		if len(set) > 0 && len(lack) == 0 {
			return nil
		}
	}
	return best
}

// lacking is what of a set is not proved, each once.
func lacking(set []enroll.ProofKind, have []ConsumedProof) (lack []enroll.ProofKind) {
	for _, kind := range set {
		proved := slices.ContainsFunc(have, func(p ConsumedProof) bool { return p.Kind.Counts(kind) && !p.Void })
		if !proved && !slices.Contains(lack, kind) {
			lack = append(lack, kind)
		}
	}
	return lack
}

// provedIn says whether every proof that counts was made in this session.
func (r *Request) provedIn(session string) bool {
	return session != "" && !slices.ContainsFunc(r.Proofs, func(p ConsumedProof) bool {
		return !p.Void && p.Session != session
	})
}

// void takes from the proofs of other sessions that they count. They stay with
// the request, which keeps them consumed.
func (r *Request) void(session string) {
	r.Proofs = slices.Clone(r.Proofs)
	for i, p := range r.Proofs {
		r.Proofs[i].Void = p.Void || session == "" || p.Session != session
	}
}

// executable says whether an execution may begin now.
func (r *Request) executable(now time.Time) error {
	switch {
	case r.replaceable():
		if r.Result != nil && !r.Result.Settled && now.Before(r.Result.At.Add(replaceAfter)) {
			return ErrExecuting
		}
	case r.State != Approved:
		return ended[r.State]
	}
	if !now.Before(r.Deadline) {
		return ErrExpired
	}
	return nil
}

// replaceAfter keeps two taps on one button from making two passwords, of which
// the person would read the dead one.
const replaceAfter = 3 * time.Second

// past says that a deadline that still matters in this state is over.
func (r *Request) past(now time.Time) bool {
	switch r.State {
	case Draft, Pending, Approved:
		return !now.Before(r.Deadline)
	}
	return false
}
