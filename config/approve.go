package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/latchkey/latchkey/workflow"
)

// Tier is one entry of `approve:`: who is asked, how long, and who stands in.
type Tier struct {
	By     *Approvers    `yaml:"by"`
	Within time.Duration `yaml:"within"`
	Else   *Approvers    `yaml:"else"`
}

// Approvers is a word (manager, or a name of `approvers:`), or {group: DN}.
type Approvers struct {
	Word  string
	Group string `yaml:"group"`
}

// ApproverGroup is one entry of `approvers:`: a group under a short name.
type ApproverGroup struct {
	Name  string `yaml:"name"`
	Group string `yaml:"group"`
}

const wordManager = "manager"

// UnmarshalYAML takes both forms; checkShape has looked at them before.
func (a *Approvers) UnmarshalYAML(decode func(any) error) error {
	if decode(&a.Word) == nil {
		return nil
	}
	var m struct {
		Group string `yaml:"group"`
	}
	if err := decode(&m); err != nil {
		return fmt.Errorf("read approvers: %w", err)
	}
	a.Group = m.Group
	return nil
}

// approvers holds a value of by: or else: to its two forms.
func (f *finder) approvers(n ast.Node, key string) {
	switch m := n.(type) {
	case ast.MapNode:
		f.keys(n, approversType, key)
	case *ast.StringNode:
	default:
		f.at(m, key, "must be manager, a name of approvers, or {group: DN}")
	}
}

// resolve turns a value into what workflow knows; the file has been checked.
func (a Approvers) resolve(groups []ApproverGroup) workflow.Approvers {
	if a.Word == wordManager {
		return workflow.Approvers{Manager: true}
	}
	return workflow.Approvers{Group: &workflow.Group{DN: a.groupDN(groups)}}
}

// groupDN is "" for the manager, and for a name that nothing has.
func (a Approvers) groupDN(groups []ApproverGroup) string {
	if a.Word == "" {
		return a.Group
	}
	for _, g := range groups {
		if g.Name == a.Word {
			return g.Group
		}
	}
	return ""
}

func (t Tier) tier(groups []ApproverGroup) workflow.Tier {
	out := workflow.Tier{Within: t.Within}
	if t.By != nil {
		out.By = t.By.resolve(groups)
	}
	if t.Else != nil {
		stand := t.Else.resolve(groups)
		out.Else = &stand
	}
	return out
}

func (c Config) checkApprovers(f *finder) {
	seen := map[string]bool{}
	for i, g := range c.Approvers {
		key := fmt.Sprintf("approvers[%d]", i)
		switch {
		case g.Name == "":
			f.add(key, "needs a name: policies use it in by and else")
		case g.Name == wordManager:
			f.add(key+".name", "manager is the account's manager: choose another name")
		case seen[g.Name]:
			f.add(key+".name", "%q is used twice", g.Name)
		}
		seen[g.Name] = true
		if g.Group == "" {
			f.add(key, "needs a group: the DN of the group whose members approve")
		}
		checkDN(f, key+".group", g.Group)
	}
}

// checkReview holds what an act says of reviews together.
func (c Config) checkReview(f *finder, at string, act Act) {
	if act.Number != "" {
		oneOf(f, at+".number", act.Number, allowed["*.number"]...)
		if len(act.Approve) == 0 {
			f.add(at+".number", "has no effect without approve: it is the approver who types the number")
		}
	}
	if act.Approve != nil && len(act.Approve) == 0 {
		f.add(at+".approve", "names nobody: remove it where no approval is wanted, or write [{by: manager}]")
	}
	if len(act.Approve) > 1 {
		f.add(at+".approve[1]", "is a second tier: one tier in this version")
	}
	for i, tier := range act.Approve {
		c.checkTier(f, fmt.Sprintf("%s.approve[%d]", at, i), tier)
	}
}

func (c Config) checkTier(f *finder, at string, t Tier) {
	if t.Within != 0 || f.has(at+".within") { // 0s written down is no default
		between(f, at+".within", t.Within, minReview, maxReview)
	}
	if t.By == nil {
		f.add(at, "needs by: %s", c.approverForms())
		return
	}
	c.checkBy(f, at+".by", *t.By)
	if t.Else == nil {
		return
	}
	switch {
	case t.By.Word != wordManager:
		f.add(at+".else", "has no effect: it stands in for a manager, and by is a group")
	case t.Else.Word == wordManager:
		f.add(at+".else", "must be a group: it stands in for the manager")
	default:
		c.checkBy(f, at+".else", *t.Else)
	}
}

func (c Config) checkBy(f *finder, at string, a Approvers) {
	switch {
	case a.Word == wordManager:
	case a.Word != "" && a.groupDN(c.Approvers) == "" && !c.names(a.Word):
		f.add(at, "%q is not known; write %s", a.Word, c.approverForms())
	case a.Word == "" && a.Group == "":
		f.add(at, "needs a group: {group: DN}")
	case a.Word == "":
		checkDN(f, at+".group", a.Group)
	}
}

// names: an entry without a group is reported where it stands, and only there.
func (c Config) names(word string) bool {
	for _, g := range c.Approvers {
		if g.Name == word {
			return true
		}
	}
	return false
}

// approverForms lists what may stand in by and else.
func (c Config) approverForms() string {
	forms := []string{wordManager, "{group: DN}"}
	for _, g := range c.Approvers {
		if g.Name != "" {
			forms = append(forms, g.Name)
		}
	}
	if len(c.Approvers) == 0 {
		forms = append(forms, "a name of the top-level list approvers")
	}
	return strings.Join(forms, ", ")
}
