package workflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/enroll"
)

// What Doctor finds in policies.
var (
	FoundNoRules     = doctor.Kind{ID: "policy.none", Severity: doctor.Failure, Why: "No match means no: nobody can do anything."}
	FoundSameName    = doctor.Kind{ID: "policy.duplicate-name", Severity: doctor.Failure, Why: "The log names rules. With one name for two nobody can tell later which of them decided."}
	FoundHidden      = doctor.Kind{ID: "policy.unreachable", Severity: doctor.Warning, Why: "The first match decides. Whomever this rule means, an earlier one decides for them, so what it says has no effect."}
	FoundDropped     = doctor.Kind{ID: "policy.kind-dropped", Severity: doctor.Note, Why: "The first match decides alone: people of the earlier rule may not do what everybody behind them may."}
	FoundNobody      = doctor.Kind{ID: "policy.nobody", Severity: doctor.Warning, Why: "Nobody is allowed to do this: whoever needs it calls the help desk, as before."}
	FoundEverybody   = doctor.Kind{ID: "policy.everybody", Severity: doctor.Note, Why: "A phone and its passkey are enough for every account, those of payroll and management too. Protected accounts stay out in any case."}
	FoundWeakProof   = doctor.Kind{ID: "policy.weak-proof", Severity: doctor.Failure, Why: "Whoever holds a passkey or recovery codes is refused this way. For whoever holds neither it is a way by what can be guessed, read in a mailbox or talked out of them, and nobody is asked."}
	FoundUnlockWaits = doctor.Kind{ID: "policy.unlock-approval", Severity: doctor.Note, Why: "An unlock gives nobody a new secret. Waiting for an approver makes the commonest call take as long as before."}

	FoundGroupMissing     = doctor.Kind{ID: "policy.group-missing", Severity: doctor.Failure, Why: "A group that can't be found is an error of its rule, and the rule denies everybody it is asked about."}
	FoundGroupList        = doctor.Kind{ID: "policy.group-list", Severity: doctor.Failure, Why: "Membership of a mailing list is in nobody's token, so nobody would be in the group; the rule denies."}
	FoundGroupsUnread     = doctor.Kind{ID: "policy.groups-unread", Severity: doctor.Failure, Why: "While groups can't be read, their rules deny."}
	FoundUnitMissing      = doctor.Kind{ID: "policy.ou-missing", Severity: doctor.Failure, Why: "A unit that can't be found is an error of its rule, and the rule denies everybody it is asked about."}
	FoundUnitSetting      = doctor.Kind{ID: "policy.setting-ou-missing", Severity: doctor.Failure, Why: "Nobody lies below a unit that does not exist: whoever was to be protected is not, and of a base nobody is found."}
	FoundAttributeMissing = doctor.Kind{ID: "policy.attribute-missing", Severity: doctor.Failure, Why: "The directory answers for an attribute that does not exist as for one that is empty: whomever the condition was to mean, a rule behind it decides for them."}
	FoundAttributeSetting = doctor.Kind{ID: "policy.setting-attribute-missing", Severity: doctor.Failure, Why: "Nobody has a value in an attribute that does not exist: nothing can be compared with it, and nothing sent there."}
	FoundNamesUnread      = doctor.Kind{ID: "policy.names-unread", Severity: doctor.Failure, Why: "While the directory does not say which units and attributes there are, a typing mistake in one stays unseen."}
	FoundGroupEmpty       = doctor.Kind{ID: "policy.group-empty", Severity: doctor.Warning, Why: "A rule for a group without members is for nobody."}
	FoundNoApprovers      = doctor.Kind{ID: "policy.approvers-empty", Severity: doctor.Failure, Why: "Nobody can approve: every such request is refused."}
	FoundOneApprover      = doctor.Kind{ID: "policy.approvers-one", Severity: doctor.Warning, Why: "While that person is away nobody approves, and nobody at all approves for them."}
	FoundManyApprovers    = doctor.Kind{ID: "policy.approvers-many", Severity: doctor.Note, Why: "Only the first 25 are asked, always the same ones; where everybody is asked nobody feels meant."}
	FoundNoPasskey        = doctor.Kind{ID: "policy.approvers-passkey", Severity: doctor.Failure, Why: "An approval takes the approver's passkey. With none in the group every such request is refused."}
	FoundManagerAlone     = doctor.Kind{ID: "policy.manager-alone", Severity: doctor.Warning, Why: "People without a manager in the directory, or with one who is disabled or has no passkey, are refused."}
	FoundWithinShort      = doctor.Kind{ID: "policy.within-short", Severity: doctor.Warning, Why: "Nobody answers in so short a time: requests end by themselves."}
	FoundWithinLong       = doctor.Kind{ID: "policy.within-long", Severity: doctor.Warning, Why: "A request that waits for days is approved by somebody who no longer remembers it."}
)

// FoundKinds are all that Doctor finds; Kinds are those of requests.
var FoundKinds = []doctor.Kind{
	FoundNoRules, FoundSameName, FoundHidden, FoundDropped, FoundNobody, FoundEverybody, FoundWeakProof, FoundUnlockWaits,
	FoundGroupMissing, FoundGroupList, FoundGroupsUnread, FoundUnitMissing, FoundUnitSetting, FoundAttributeMissing, FoundAttributeSetting, FoundNamesUnread,
	FoundGroupEmpty, FoundNoApprovers, FoundOneApprover, FoundManyApprovers,
	FoundNoPasskey, FoundManagerAlone, FoundWithinShort, FoundWithinLong,
}

// Names is what Doctor asks of the directory.
type Names interface {
	// ResolveGroup is ad.ErrNotFound for no group, and ad.ErrMailingList too for
	// one that is in nobody's token.
	ResolveGroup(ctx context.Context, dn string) (sid string, err error)
	// Members reads the enabled people in a group, nested ones too, at most limit.
	Members(ctx context.Context, groupSID string, limit int) ([]ad.Account, error)
	// FindUnit and FindAttribute are ad.ErrNotFound for what is not there; FindUnit is
	// ad.ErrSpelling too where it is there under another name.
	FindUnit(ctx context.Context, dn string) error
	FindAttribute(ctx context.Context, name string) error
}

// DoctorConfig is what Doctor asks; nil leaves out what it is for.
type DoctorConfig struct {
	Directory Names
	Holders   Holders
	// Units and Attributes are those that settings name beside the policies.
	Units, Attributes []Setting
}

// Setting is a key of the configuration, and what it names in the directory.
type Setting struct{ Key, Name string }

// Bounds of a sensible wait for a review.
const (
	shortWithin = 5 * time.Minute
	longWithin  = 24 * time.Hour
)

// Doctor examines a policy whose groups need not be resolved.
func Doctor(ctx context.Context, p Policy, c DoctorConfig, r *doctor.Report) {
	if len(p.Rules) == 0 {
		r.Found(FoundNoRules, "policies", "There is no rule.", policyLine("policies: [{name: staff, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey]}}]"))
		return
	}
	own := &doctor.Report{}
	doctorOrder(p, own)
	doctorKinds(p, own)
	for _, rule := range p.Rules {
		for _, kind := range Kinds {
			if act, named := rule.Acts[kind]; named {
				doctorAct(rule, kind, act, own)
			}
		}
	}
	if own.Worst() == doctor.OK {
		own.Good("policy.rules", "policies", fmt.Sprintf("%d rules, each of which decides for somebody.", len(p.Rules)))
	}
	r.Add(own)
	DoctorNames(ctx, p, c, r)
}

func policyLine(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Config, Text: fmt.Sprintf(format, args...)}
}

// doctorOrder looks for rules that stand behind ones that take everything away.
func doctorOrder(p Policy, r *doctor.Report) {
	for i, rule := range p.Rules {
		for _, earlier := range p.Rules[:i] {
			if earlier.Name == rule.Name {
				r.Found(FoundSameName, rule.Name, "Two rules have this name.", policyLine("- name: %s-2", rule.Name))
			}
		}
		if by := p.HiddenBy(i); len(by) > 0 {
			seen := fmt.Sprintf("%q stands before it and matches everybody that it matches.", p.Rules[by[0]].Name)
			if len(by) > 1 {
				seen = fmt.Sprintf("%d rules before it, %q first, match everybody that it matches.", len(by), p.Rules[by[0]].Name)
			}
			r.Found(FoundHidden, rule.Name, seen, policyLine("# move %q above %q", rule.Name, p.Rules[by[0]].Name))
			continue
		}
		doctorDropped(p, i, r)
	}
}

// doctorDropped compares a rule with those behind it that are for more people.
func doctorDropped(p Policy, i int, r *doctor.Report) {
	rule := p.Rules[i]
	for _, kind := range Kinds {
		if _, named := rule.Acts[kind]; named {
			continue
		}
		for _, later := range p.Rules[i+1:] {
			if _, named := later.Acts[kind]; named && later.Who.covers(rule.Who) {
				r.Found(FoundDropped, rule.Name, fmt.Sprintf("It does not name %s, which %q behind it allows.", kind, later.Name),
					policyLine("%s: {prove: [passkey]}   # in %q", kind, rule.Name))
				break
			}
		}
	}
}

// doctorKinds looks for what nobody may do. A one-time password and a passkey
// without a passkey are for special cases, so their absence is no fault.
func doctorKinds(p Policy, r *doctor.Report) {
	for _, kind := range Kinds {
		named := slices.ContainsFunc(p.Rules, func(rule Rule) bool { _, ok := rule.Acts[kind]; return ok })
		if !named && kind != KindOneTime && kind != KindEnrol {
			r.Found(FoundNobody, string(kind), "No rule names it.", policyLine("%s: {prove: [passkey]}", kind))
		}
	}
	alone := slices.IndexFunc(p.Rules, func(rule Rule) bool {
		act, ok := rule.Acts[KindReset]
		return ok && rule.Who.Total() && len(act.Approve) == 0
	})
	if alone == 0 {
		r.Found(FoundEverybody, p.Rules[0].Name, "The first rule lets everybody reset their password, and asks nobody else.",
			policyLine("reset: {prove: [passkey], approve: [{by: manager, else: helpdesk}]}   # in a rule for those accounts, above it"))
	}
}

// doctorAct looks at what one rule demands for one kind.
func doctorAct(rule Rule, kind Kind, act Act, r *doctor.Report) {
	at := rule.Name + ", " + string(kind)
	if kind.ChangesCredential() && len(act.Approve) == 0 && act.provesLess() {
		r.Found(FoundWeakProof, at, "It can be proved by less than a passkey or a recovery code, and nobody approves.", policyLine("%s: {prove: [%s]}", kind, strongest(kind)))
	}
	if kind == KindUnlock && len(act.Approve) > 0 {
		r.Found(FoundUnlockWaits, at, "It waits for an approval.", policyLine("unlock: {prove: [passkey]}"))
	}
	for _, tier := range act.Approve {
		if tier.By.Manager && tier.Else == nil {
			r.Found(FoundManagerAlone, at, "It asks the manager, and nobody stands in.", policyLine("approve: [{by: manager, else: helpdesk}]"))
		}
		if tier.Within > 0 && tier.Within < shortWithin {
			r.Found(FoundWithinShort, at, fmt.Sprintf("Approvers have %s.", tier.Within), policyLine("within: 15m"))
		}
		if tier.Within > longWithin {
			r.Found(FoundWithinLong, at, fmt.Sprintf("Approvers have %s.", tier.Within), policyLine("within: 4h"))
		}
	}
}

// strongest is a proof for the kind that nothing held outranks. A new passkey is for
// whoever has none at hand.
func strongest(kind Kind) enroll.ProofKind {
	if kind == KindEnrol {
		return enroll.ProofRecoveryCode
	}
	return enroll.ProofPasskey
}

// provesLess says whether there is a way by less than a passkey or a recovery code.
func (a Act) provesLess() bool {
	return slices.ContainsFunc(a.Prove, weak)
}
