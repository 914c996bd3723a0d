package workflow

import (
	"slices"

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

// faulty says that the decision is a rule's error, and not its answer.
func (d Decision) faulty() bool {
	if len(d.Findings) == 0 {
		return true
	}
	code := d.Findings[len(d.Findings)-1].Code
	return slices.ContainsFunc(conditionErrors, func(err error) bool { return code == err.Error() })
}

// Evaluate says what the policy demands for one kind, on the account as it was
// read, under the circumstances. It is pure. The first rule that matches decides;
// none denies; and a rule whose condition is in error denies at once, whatever
// stands behind it.
//
// Protection and the account's own state are no part of a policy: see unprotected
// and fit.
func Evaluate(p Policy, requester, target ad.Account, kind Kind, at Circumstances) Decision {
	return evaluate(p, requester, target, kind, at, nil)
}

// evaluate tells a trace, where there is one, what it looked at. There is no other
// evaluation: what Explain shows is what decides.
func evaluate(p Policy, requester, target ad.Account, kind Kind, at Circumstances, trace *Trace) Decision {
	d := Decision{Policy: p.Hash}
	if requester.GUID.IsZero() || requester.GUID != target.GUID {
		return d.deny("", foundNotSelf, "")
	}
	made := p.made()
	on := newSubject(&target, at, made)
	i, err := made.first(&p, on, trace)
	switch {
	case err != nil:
		d.Findings = made.passed(i)
		return d.deny(p.Rules[i].Name, err.Error(), "")
	case i < 0:
		d.Findings = made.passed(len(p.Rules))
		return d.deny("", foundNoMatch, "")
	}
	return d.apply(&p.Rules[i], kind, made, i)
}

// apply is what the deciding rule says, the one of that number.
func (d Decision) apply(rule *Rule, kind Kind, made *maker, number int) Decision {
	d.Findings = made.passed(number)
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
	d.Findings = made.matched(number, rule.Name, kind)
	d.Verdict, d.Prove = Allow, act.Prove
	if kind.ChangesCredential() && len(act.Approve) == 0 {
		d.CoolDown = act.CoolDown
	}
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

// find adds a finding. What was found so far may be shared, so it is never written to.
func (d *Decision) find(rule, code, detail string) {
	d.Findings = append(make([]Finding, 0, len(d.Findings)+1), d.Findings...)
	d.Findings = append(d.Findings, Finding{Rule: rule, Code: code, Detail: detail})
}

func (d Decision) deny(rule, code, detail string) Decision {
	d.find(rule, code, detail)
	d.Verdict, d.Prove, d.Approve, d.Number, d.CoolDown = Deny, nil, nil, "", 0
	return d
}
