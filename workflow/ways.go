package workflow

import (
	"cmp"
	"slices"

	"github.com/latchkey/latchkey/enroll"
)

// Way is what is left of one alternative of a request.
type Way struct {
	Needs []enroll.ProofKind
	// Lacks are those of Needs that the person could not give now.
	Lacks []enroll.ProofKind
}

// Ways lists what is left of each alternative, the likeliest first: those that the
// person could give now, the shortest, and of equals what takes the least typing; else
// in the policy's order. One that asks for all of another and for more is left out, and
// so is a colleague's word, which nobody gives for themselves. It is empty when no proof
// is missing. atHand are the kinds that could be given now; nil where nobody knows, and
// then nothing lacks.
//
// It offers and decides nothing: see Needs.
func (r Request) Ways(atHand []enroll.ProofKind) []Way {
	if len(r.Needs()) == 0 {
		return nil
	}
	var sets [][]enroll.ProofKind
	for _, set := range r.Decision.Prove {
		if len(set) > 0 && !byVouching(set) {
			sets = append(sets, lacking(set, r.Proofs))
		}
	}
	var ways []Way
	for i, set := range sets {
		if !asksMore(sets, i) {
			ways = append(ways, Way{Needs: set, Lacks: notAmong(set, atHand)})
		}
	}
	slices.SortStableFunc(ways, func(a, b Way) int {
		return cmp.Or(
			cmp.Compare(min(len(a.Lacks), 1), min(len(b.Lacks), 1)),
			cmp.Compare(len(a.Needs), len(b.Needs)),
			cmp.Compare(typed(a.Needs), typed(b.Needs)),
		)
	})
	return ways
}

// asksMore says whether another of the sets is given wherever this one is; of two that
// ask the same the first stays.
func asksMore(sets [][]enroll.ProofKind, at int) bool {
	for i, other := range sets {
		if i == at || !answers(sets[at], other) {
			continue
		}
		if i < at || !answers(other, sets[at]) {
			return true
		}
	}
	return false
}

// answers: whoever gives all of have has given all of want.
func answers(have, want []enroll.ProofKind) bool {
	return !slices.ContainsFunc(want, func(w enroll.ProofKind) bool {
		return !slices.ContainsFunc(have, func(h enroll.ProofKind) bool { return h.Counts(w) })
	})
}

func notAmong(set, atHand []enroll.ProofKind) (out []enroll.ProofKind) {
	for _, kind := range set {
		if atHand != nil && !slices.ContainsFunc(atHand, func(h enroll.ProofKind) bool { return h.Counts(kind) }) {
			out = append(out, kind)
		}
	}
	return out
}

// typed counts what a touch of a passkey does not do.
func typed(set []enroll.ProofKind) (n int) {
	for _, kind := range set {
		if !kind.IsPasskey() {
			n++
		}
	}
	return n
}

// Recovery is a way in without a passkey, and what some rule does for it.
type Recovery struct {
	Prove []enroll.ProofKind
	Kinds []Kind
}

// Recoveries are the alternatives without a passkey that any rule names, in the policy's
// order, with the kinds that they lead to: what Start offers to everybody alike. A change
// is none of them, for it takes the old password, and nobody is locked out who has that.
func (e *Engine) Recoveries() []Recovery { return e.runningPolicy().made().recoveries }

// recoveries are gathered when a policy is made ready: the first page asks for them, of
// anybody.
func (p Policy) recoveries() (out []Recovery) {
	for _, set := range p.alternatives() {
		if slices.ContainsFunc(set, enroll.ProofKind.IsPasskey) || names(set) {
			continue
		}
		if kinds := p.leads(set); len(kinds) > 0 {
			out = append(out, Recovery{Prove: set, Kinds: kinds})
		}
	}
	return out
}

// leads are the kinds that some rule does for exactly these proofs. A word leads
// nowhere that nobody is asked to give it; see strongEnough.
func (p Policy) leads(set []enroll.ProofKind) (kinds []Kind) {
	for _, kind := range Kinds {
		if kind != KindChange && slices.ContainsFunc(p.Rules, func(rule Rule) bool {
			act := rule.Acts[kind]
			named := slices.ContainsFunc(act.Prove, func(s []enroll.ProofKind) bool { return slices.Equal(s, set) })
			return named && (len(act.Approve) > 0 || !byVouching(set))
		}) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
