package workflow

import (
	"context"
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
	// Terms are the policy's, also where the account's state, or what the person holds,
	// stands against it; nil where the policy denies.
	Terms *Terms
	// Hold is what the rule that decides wants people to hold, in words; "" for nothing.
	Hold  string
	Trace Trace
	Seen  Seen
	// Err is why it is refused, and nil where it is not; Code is its code.
	Err  error
	Code string
	// Known is nil where no store was asked.
	Known *Stands
}

// Stands is what an explanation has from a store.
type Stands struct {
	// Left are the alternatives that count for them who are signed in, as Terms.Prove; nil
	// where it is refused. The others are weaker than what they hold, or somebody's word.
	Left []string
	// Ways are those that let them in without a passkey for this kind, as Terms.Prove.
	Ways []string
	// Lacks is what they have to hold, and do not; nil for nothing.
	Lacks *Duty
	// Asked are how many could be asked to approve, where somebody has to; -1 where nobody
	// has to, or nobody looked. Where it is 0 asking is refused: ErrNoApprover.
	Asked int
}

// Known is what is asked of a store to explain: what the person holds, and who could
// approve.
type Known interface {
	Holders
	Frozen(ctx context.Context, account ad.GUID) (*Freeze, error)
}

// ExplainConfig is what an explanation reads beside the account.
type ExplainConfig struct {
	Policy Policy
	Known  Known
	// People find who could approve; nil leaves that open.
	People People
}

// Explain evaluates as the running server does, with the same code, and keeps what
// was looked at, as far as the policy goes: what only a store knows is no part of it.
func Explain(p Policy, account ad.Account, kind Kind, at Circumstances) Explanation {
	var x Explanation
	return x.tell(offer(p, account, kind, at, unprotected(account), &x.Trace), p, account, at)
}

// ExplainKnown is Explain with what the person holds: what the running server answers to
// them, signed in and on the way in without a passkey. Requests that are open, limits that
// are used up, and the rules of passwords are no part of it.
func ExplainKnown(ctx context.Context, c ExplainConfig, account ad.Account, kind Kind, at Circumstances) Explanation {
	e := New(Config{Policy: c.Policy, Holders: c.Known, Freezes: known{Known: c.Known}, People: c.People,
		Now: func() time.Time { return at.Now }})
	v := e.view(ctx, account, at)
	var x Explanation
	o := e.option(ctx, v, kind, &x.Trace)
	x = x.tell(o, v.policy, account, at)
	x.Known = &Stands{Ways: e.waysIn(ctx, account, kind, at), Asked: -1}
	if v.hold != nil {
		x.Known.Lacks, _ = e.duty(ctx, v.hold, account) // what can't be read denies, and has done so
	}
	if x.Err != nil {
		return x
	}
	x.Known.Left = alternativeWords(x.Decision.Prove)
	if len(x.Decision.Approve) > 0 && c.People != nil {
		x.Known.Asked = e.askable(ctx, x.Decision, account)
	}
	return x
}

// known is a store of which only one thing is asked.
type known struct {
	Freezes
	Known
}

// Frozen is Freezes' and Known's.
func (k known) Frozen(ctx context.Context, account ad.GUID) (*Freeze, error) {
	return k.Known.Frozen(ctx, account)
}

func (x Explanation) tell(o offered, p Policy, account ad.Account, at Circumstances) Explanation {
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

// askable is how many could be asked, and -1 where that can't be found out.
func (e *Engine) askable(ctx context.Context, d Decision, account ad.Account) int {
	p, err := e.panel(ctx, d, account, account.GUID)
	if err != nil && !errors.Is(err, ErrNoApprover) {
		return -1
	}
	return len(p.seats)
}

// waysIn are the alternatives on the way in without a passkey that are enough for the
// account. Whoever comes that way has a new browser.
func (e *Engine) waysIn(ctx context.Context, account ad.Account, kind Kind, at Circumstances) []string {
	at.Device = DeviceNew
	address := ""
	if at.Address.IsValid() {
		address = at.Address.String()
	}
	var enough [][]enroll.ProofKind
	for _, way := range e.Recoveries() {
		if !slices.Contains(way.Kinds, kind) {
			continue
		}
		err := e.suffices(ctx, account, kind, at, address, way.Prove)
		if byVouching(way.Prove) {
			err = e.wordSuffices(ctx, account, kind, at, way.Prove)
		}
		if err == nil {
			enough = append(enough, way.Prove)
		}
	}
	return alternativeWords(enough)
}

// wordSuffices says whether somebody is asked for a word. Where nobody looks who approves
// that is left open.
func (e *Engine) wordSuffices(ctx context.Context, account ad.Account, kind Kind, at Circumstances, set []enroll.ProofKind) error {
	if err := e.barred(ctx, account); err != nil {
		return err
	}
	given := make([]ConsumedProof, len(set))
	for i, one := range set {
		given[i].Kind = one
	}
	d, err := e.worded(ctx, account, kind, at, given)
	switch {
	case err != nil:
		return err
	case len(d.Approve) == 0: // as insertVouched
		return ErrNotAllowed
	case e.people == nil:
		return nil
	}
	_, err = e.panel(ctx, d, account, account.GUID)
	return err
}

func alternativeWords(sets [][]enroll.ProofKind) (words []string) {
	for _, set := range sets {
		words = append(words, joined(set))
	}
	return words
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
	t.Prove = alternativeWords(d.Prove)
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
