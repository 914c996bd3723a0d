package config

import (
	"strings"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// Policy is one entry of `policies:`. First match wins; no match means no.
type Policy struct {
	Name    string `yaml:"name"`
	Who     Who    `yaml:"who"`
	Unlock  *Act   `yaml:"unlock"`
	Reset   *Act   `yaml:"reset"`
	Change  *Act   `yaml:"change"`
	OneTime *Act   `yaml:"one-time"`
	Enrol   *Act   `yaml:"enrol"`
	Hold    *Hold  `yaml:"hold"`
}

// Act is what one kind of request takes. Prove is a list of alternatives, "+"
// means all of them: [passkey, recovery-code + mail-code]. Approve is the tiers
// of reviews, Number when the approver types the requester's two digits.
type Act struct {
	Prove   []string `yaml:"prove"`
	Approve []Tier   `yaml:"approve"`
	Number  string   `yaml:"number"`
	// Independent, nil for true, refuses two proofs in one alternative that are lost
	// together.
	Independent *bool `yaml:"independent"`
	// CoolDown is the wait after a proof was added, replaced or removed.
	CoolDown time.Duration `yaml:"cool_down"`
}

// proofs that this version knows.
var proofs = []enroll.ProofKind{
	enroll.ProofPasskey, enroll.ProofHardwareKey, enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofMailCode, enroll.ProofSMSCode,
	enroll.ProofPIN, enroll.ProofQuestions, enroll.ProofDirectory, enroll.ProofPassword, enroll.ProofVouching,
}

func (p Policy) acts() map[workflow.Kind]*Act {
	return map[workflow.Kind]*Act{
		workflow.KindUnlock:  p.Unlock,
		workflow.KindReset:   p.Reset,
		workflow.KindChange:  p.Change,
		workflow.KindOneTime: p.OneTime,
		workflow.KindEnrol:   p.Enrol,
	}
}

func (p Policy) rule(groups []ApproverGroup, location string) workflow.Rule {
	r := workflow.Rule{Name: p.Name, Who: p.Who.condition(location), Acts: map[workflow.Kind]workflow.Act{}, Hold: p.Hold.hold()}
	for kind, act := range p.acts() {
		if act != nil {
			r.Acts[kind] = act.act(groups)
		}
	}
	return r
}

func (a Act) act(groups []ApproverGroup) workflow.Act {
	out := workflow.Act{Prove: a.alternatives(), Number: workflow.Number(a.Number), CoolDown: a.CoolDown}
	for _, t := range a.Approve {
		out.Approve = append(out.Approve, t.tier(groups))
	}
	return out
}

func (a Act) alternatives() [][]enroll.ProofKind {
	var out [][]enroll.ProofKind
	for _, alternative := range a.Prove {
		var all []enroll.ProofKind
		for word := range strings.SplitSeq(alternative, "+") {
			all = append(all, enroll.ProofKind(strings.TrimSpace(word)))
		}
		out = append(out, all)
	}
	return out
}
