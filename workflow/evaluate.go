package workflow

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// The codes of findings.
const (
	foundMatched    = "matched"
	foundNotMatched = "not-matched"
	foundNoMatch    = "no-rule-matched"
	foundNoKind     = "kind-not-allowed"
	foundNotSelf    = "not-self"
	foundNoProof    = "no-proof-named"
	foundTiers      = "tiers-not-supported"
	foundApprovers  = "approvers-unclear"
	foundNumber     = "number-unknown"
)

// Errors of a condition: each makes its rule deny.
var (
	errEmptyCondition = errors.New("condition-empty")
	errGroup          = errors.New("group-unresolved")
	errMembership     = errors.New("membership-unknown")
	errDN             = errors.New("dn-unreadable")
)

// faulty says that the decision is a rule's error, and not its answer.
func (d Decision) faulty() bool {
	if len(d.Findings) == 0 {
		return true
	}
	code := d.Findings[len(d.Findings)-1].Code
	for _, err := range []error{errEmptyCondition, errGroup, errMembership, errDN} {
		if code == err.Error() {
			return true
		}
	}
	return false
}

// Evaluate says what the policy demands for one kind, on the account as it was
// read. It is pure. The first rule that matches decides; none denies; and a rule
// whose condition is in error denies at once, whatever stands behind it.
//
// Protection and the account's own state are no part of a policy: see unprotected
// and fit.
func Evaluate(p Policy, requester, target ad.Account, kind Kind, _ time.Time) Decision {
	d := Decision{Policy: p.Hash}
	if requester.GUID.IsZero() || requester.GUID != target.GUID {
		return d.deny("", foundNotSelf, "")
	}
	for _, rule := range p.Rules {
		match, err := rule.Who.matches(target)
		if err != nil {
			return d.deny(rule.Name, err.Error(), "")
		}
		if match {
			return d.apply(rule, kind)
		}
		d.find(rule.Name, foundNotMatched, "")
	}
	return d.deny("", foundNoMatch, "")
}

// apply is what the deciding rule says.
func (d Decision) apply(rule Rule, kind Kind) Decision {
	d.Rule = rule.Name
	act, named := rule.Acts[kind]
	switch {
	case !named:
		return d.deny(rule.Name, foundNoKind, string(kind))
	case !demandsProof(act):
		return d.deny(rule.Name, foundNoProof, string(kind))
	}
	if fault := act.reviewFault(); fault != "" {
		return d.deny(rule.Name, fault, string(kind))
	}
	d.find(rule.Name, foundMatched, string(kind))
	d.Verdict, d.Prove = Allow, act.Prove
	if len(act.Approve) > 0 {
		d.Approve, d.Number = act.Approve, act.Number.orDefault()
	}
	return d
}

// reviewFault is the code of what is wrong with the act's reviews, or "".
func (a Act) reviewFault() string {
	if len(a.Approve) > 1 {
		return foundTiers
	}
	if !slices.Contains([]Number{NumberRequired, NumberWeakProof, NumberOff}, a.Number.orDefault()) {
		return foundNumber
	}
	for _, tier := range a.Approve {
		if fault := tier.By.fault(); fault != "" {
			return fault
		}
		if tier.Else == nil {
			continue
		}
		if fault := tier.Else.fault(); fault != "" {
			return fault
		}
		if !tier.By.Manager {
			return foundApprovers
		}
	}
	return ""
}

// fault: neither or both is a mistake, and a group that is not resolved is an
// error of the rule.
func (a Approvers) fault() string {
	switch {
	case a.Manager == (a.Group != nil):
		return foundApprovers
	case a.Group != nil && (a.Group.Err != "" || a.Group.SID == ""):
		return errGroup.Error()
	}
	return ""
}

func (n Number) orDefault() Number {
	if n == "" {
		return NumberWeakProof
	}
	return n
}

// demandsProof: an act that anybody could do unproved is a mistake, not a policy.
func demandsProof(a Act) bool {
	for _, set := range a.Prove {
		if len(set) == 0 || slices.Contains(set, "") {
			return false
		}
	}
	return len(a.Prove) > 0
}

func (d *Decision) find(rule, code, detail string) {
	d.Findings = append(d.Findings, Finding{Rule: rule, Code: code, Detail: detail})
}

func (d Decision) deny(rule, code, detail string) Decision {
	d.find(rule, code, detail)
	d.Verdict, d.Prove, d.Approve, d.Number = Deny, nil, nil, ""
	return d
}

// matches looks at every part, so that an error is never hidden behind a part
// that does not match.
func (c Condition) matches(a ad.Account) (bool, error) {
	parts := c.parts()
	if len(parts) == 0 {
		return false, errEmptyCondition
	}
	all := true
	for _, part := range parts {
		match, err := part(a)
		if err != nil {
			return false, err
		}
		all = all && match
	}
	return all, nil
}

type part func(ad.Account) (bool, error)

func (c Condition) parts() []part {
	var out []part
	if c.Everyone {
		out = append(out, func(ad.Account) (bool, error) { return true, nil })
	}
	if c.Group != nil {
		out = append(out, c.Group.holds)
	}
	if c.OU != "" {
		out = append(out, func(a ad.Account) (bool, error) { return under(a.DN, c.OU) })
	}
	if c.Department != "" {
		out = append(out, func(a ad.Account) (bool, error) {
			return strings.EqualFold(a.Department, c.Department), nil
		})
	}
	if c.Not != nil {
		out = append(out, func(a ad.Account) (bool, error) {
			match, err := c.Not.matches(a)
			return !match, err
		})
	}
	return out
}

// holds: every account has at least its primary group, so an empty list is one
// that could not be read.
func (g *Group) holds(a ad.Account) (bool, error) {
	switch {
	case g.Err != "" || g.SID == "":
		return false, errGroup
	case len(a.Groups) == 0:
		return false, errMembership
	}
	return slices.Contains(a.Groups, g.SID), nil
}

func under(dn, ou string) (bool, error) {
	lies, err := ad.Under(dn, ou)
	if err != nil {
		return false, errDN
	}
	return lies, nil
}
