package workflow

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// Seen is what a person sees of a kind.
type Seen string

// The answers.
const (
	SeenOffered  Seen = "shown"
	SeenRefused  Seen = "refused"   // with a reason, when asked for
	SeenNothing  Seen = "not-shown" // no rule gives it, so it is not there
	SeenMistaken Seen = "rule-in-error"
)

// Explanation is why one kind is, or is not, open to one person.
type Explanation struct {
	Decision Decision
	// Terms are the policy's, also where the account's state stands against it; nil
	// where the policy denies.
	Terms *Terms
	// Hold is what the rule that decides wants people to hold, in words; "" for nothing.
	// Whether this person does, only the store knows.
	Hold  string
	Trace Trace
	Seen  Seen
	// Err is why it is refused, and nil where it is not; Code is its code.
	Err  error
	Code string
}

// Explain evaluates as the running server does, with the same code, and keeps what
// was looked at. What only a store knows (a frozen account, an approver without a
// passkey, whether a cool-down runs) is no part of it.
func Explain(p Policy, account ad.Account, kind Kind, at Circumstances) Explanation {
	var x Explanation
	o := offer(p, account, kind, at, unprotected(account), &x.Trace)
	x.Decision, x.Terms, x.Err, x.Code = o.decision, o.policy.Terms(), o.err, o.Code
	if hold, err := p.holdOf(account, at); err == nil {
		x.Hold = hold.InWords()
	}
	switch {
	case !o.shown:
		x.Seen = SeenNothing
	case o.Allowed:
		x.Seen = SeenOffered
	case errors.Is(o.err, errRule):
		x.Seen = SeenMistaken
	default:
		x.Seen = SeenRefused
	}
	return x
}

// Terms are what a decision asks for, in words.
type Terms struct {
	Rule    string   `json:"rule"`
	Prove   []string `json:"prove"`             // alternatives; "a + b" asks for both
	Approve []string `json:"approve,omitempty"` // tiers: "manager else group:S-1-5-…"
	Number  Number   `json:"number,omitempty"`
	// CoolDown is the wait after a proof was replaced, such as "24h"; "" for none.
	CoolDown string `json:"cool_down,omitempty"`
}

// Terms of a decision that allows; nil of any other.
func (d Decision) Terms() *Terms {
	if d.Verdict != Allow {
		return nil
	}
	t := &Terms{Rule: d.Rule, Number: d.Number}
	for _, set := range d.Prove {
		t.Prove = append(t.Prove, joined(set))
	}
	for _, tier := range d.Approve {
		words := inWords(tier.By)
		if tier.Within > 0 {
			words += " within " + tier.Within.String()
		}
		if tier.Else != nil {
			words += ", else " + inWords(*tier.Else)
		}
		t.Approve = append(t.Approve, words)
	}
	if d.CoolDown > 0 {
		t.CoolDown = ShortDuration(d.CoolDown)
	}
	return t
}

// ShortDuration is "72h", as people write it, and not "72h0m0s".
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func joined(set []enroll.ProofKind) string {
	words := make([]string, len(set))
	for i, k := range set {
		words[i] = string(k)
	}
	return strings.Join(words, " + ")
}

// inWords names approvers as the configuration does.
func inWords(a Approvers) string {
	if a.Group != nil {
		return "group " + a.Group.DN
	}
	return "manager"
}

// same says whether two terms ask for the same, whichever rule does.
func (t *Terms) same(other *Terms) bool {
	return slices.Equal(t.Prove, other.Prove) && slices.Equal(t.Approve, other.Approve) &&
		t.Number == other.Number && t.CoolDown == other.CoolDown
}

// Turn is what becomes of one kind for one person between two policies.
type Turn string

// The turns.
const (
	Gains   Turn = "gains"
	Loses   Turn = "loses"
	Changes Turn = "changes" // proofs, approvals or the cool-down
	Breaks  Turn = "error"   // a rule of the new policy is in error, and denies
)

// Difference is one kind that two policies treat differently.
type Difference struct {
	Kind   Kind   `json:"kind"`
	Turn   Turn   `json:"turn"`
	Before *Terms `json:"before,omitempty"`
	After  *Terms `json:"after,omitempty"`
	// Rule and Code of the new policy's denial.
	Rule string `json:"rule,omitempty"`
	Code string `json:"code,omitempty"`
}

// Compare says what an account gains and loses from one policy to the next, kind by
// kind. The account's state is left out: what a policy gives counts, not whether it
// is any use today.
func Compare(before, after Policy, account ad.Account, at Circumstances) (out []Difference) {
	for _, kind := range Kinds {
		was, is := Evaluate(before, account, account, kind, at), Evaluate(after, account, account, kind, at)
		d := Difference{Kind: kind, Before: was.Terms(), After: is.Terms()}
		switch {
		case is.Verdict != Allow && is.faulty() && !(was.Verdict != Allow && was.faulty()):
			d.Turn = Breaks
		case d.Before == nil && d.After == nil:
			continue
		case d.Before == nil:
			d.Turn = Gains
		case d.After == nil:
			d.Turn = Loses
		case d.Before.same(d.After):
			continue
		default:
			d.Turn = Changes
		}
		if d.After == nil {
			last := is.Findings[len(is.Findings)-1]
			d.Rule, d.Code = last.Rule, last.Code
		}
		out = append(out, d)
	}
	return out
}

// HoldDifference is what somebody has to hold under one policy and under the next, in
// words; "" for nothing.
type HoldDifference struct {
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// CompareHolds is nil where both want the same of the account, and where one of them can't
// tell: a rule in error is a difference of every kind.
func CompareHolds(before, after Policy, account ad.Account, at Circumstances) *HoldDifference {
	was, wasErr := before.holdOf(account, at)
	is, isErr := after.holdOf(account, at)
	d := HoldDifference{Before: was.InWords(), After: is.InWords()}
	if wasErr != nil || isErr != nil || d.Before == d.After {
		return nil
	}
	return &d
}

// Protected says why Latchkey never acts for an account, or nil.
func Protected(a ad.Account) error { return unprotected(a) }
