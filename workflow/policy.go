package workflow

import (
	"time"

	"github.com/latchkey/latchkey/enroll"
)

// Policy is the checked form of the configuration's `policies:`, with groups
// resolved to SIDs. First match wins; no match means no; an error in a condition
// is an error of the rule and denies.
type Policy struct {
	Rules []Rule
	// Hash of the configuration text, hex SHA-256: part of every decision.
	Hash string

	ready *maker // of the rules; see Ready
}

// Rule is one entry.
type Rule struct {
	Name string
	Who  Condition
	Acts map[Kind]Act
	Hold *Hold // nil: nothing is said about what to hold
}

// Act is what a rule demands for one kind.
type Act struct {
	// Prove lists alternatives; each is a set of proofs that are all needed.
	Prove [][]enroll.ProofKind
	// Approve lists the tiers of reviews; empty needs none. This version knows
	// one tier; Evaluate denies an act that names more.
	Approve []Tier
	// Number says when the approver types the two digits that the requester's
	// screen shows; "" is NumberWeakProof.
	Number Number
	// CoolDown is how long after a proof was replaced nothing of this kind is done
	// without an approval; 0 for no wait.
	CoolDown time.Duration
}

// Tier is one tier of approvers: one of them has to approve.
type Tier struct {
	By Approvers
	// Within bounds the wait; 0 is Limits.Review.
	Within time.Duration
	// Else stands in where By is a manager who can't be asked: missing, gone,
	// disabled, the requester or the target, or without a passkey. nil: nobody.
	Else *Approvers
}

// Approvers are who may review. Exactly one field is set.
type Approvers struct {
	Manager bool   // the target's manager, as the directory says at each step
	Group   *Group // its members, nested ones too
}

// Number is a policy's `number:`.
type Number string

// When the number is asked for.
const (
	NumberRequired  Number = "required"
	NumberWeakProof Number = "weak-proof" // where the requester proved less than a passkey
	NumberOff       Number = "off"
)

// Verdict of a policy. The zero value denies.
type Verdict int

// The verdicts.
const (
	Deny Verdict = iota
	Allow
)

// Decision is what the policy said, kept with the request.
type Decision struct {
	Verdict Verdict              `json:"verdict"`
	Rule    string               `json:"rule,omitempty"`
	Prove   [][]enroll.ProofKind `json:"prove,omitempty"`
	Approve []Tier               `json:"approve,omitempty"`
	Number  Number               `json:"number,omitempty"`
	// CoolDown is the act's, of a kind that changes a credential without approval.
	CoolDown time.Duration `json:"cool_down,omitempty"`
	Policy   string        `json:"policy"` // hash
	// Findings tell, in order, why; the last one decided.
	Findings []Finding `json:"findings"`
}

// Finding is one step of an evaluation.
type Finding struct {
	Rule   string `json:"rule,omitempty"`
	Code   string `json:"code"` // "matched", "not-matched", "kind-not-allowed", "group-unresolved", "protected" …
	Detail string `json:"detail,omitempty"`
}

// Limits are the times of a request; zero values take the defaults.
type Limits struct {
	Draft       time.Duration // proofs must come within; 10 minutes
	Approved    time.Duration // a reset stays open for typing; 60 minutes
	SignInProof time.Duration // a sign-in counts for an unlock within; 5 minutes
	Write       time.Duration // one directory write; 15 seconds
	Lease       time.Duration // of an executor, from the intent; 30 seconds
	Watch       time.Duration // after an unlock; 30 minutes; below 0: never
	Tries       int           // refused values under one approval; 5
	WatchEvery  time.Duration // between two looks of a watch; 60 seconds
	Unsettled   time.Duration // an unknown outcome is read again until then; 15 minutes
	PerHour     int           // requests of one person within an hour; 20
	Review      time.Duration // a review must come within; 60 minutes
	Asked       int           // approvers of one group that are asked; 25
	Numbers     int           // wrong numbers: this one cancels the request; 3
	Remind      time.Duration // the requester may remind after; 2 minutes
}

// withDefaults fills what is zero.
func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{
		{&l.Draft, 10 * time.Minute}, {&l.Approved, time.Hour}, {&l.SignInProof, 5 * time.Minute},
		{&l.Write, 15 * time.Second}, {&l.Lease, 30 * time.Second},
		{&l.WatchEvery, time.Minute}, {&l.Unsettled, 15 * time.Minute},
		{&l.Review, time.Hour}, {&l.Remind, 2 * time.Minute},
	} {
		if *d.at <= 0 {
			*d.at = d.value
		}
	}
	if l.Watch == 0 {
		l.Watch = 30 * time.Minute
	}
	// Nobody may settle while a write may still be sent.
	l.Lease = max(l.Lease, l.Write)
	for _, n := range []struct {
		at    *int
		value int
	}{{&l.Tries, 5}, {&l.PerHour, 20}, {&l.Asked, 25}, {&l.Numbers, 3}} {
		if *n.at <= 0 {
			*n.at = n.value
		}
	}
	return l
}
