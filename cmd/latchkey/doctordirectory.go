package main

import (
	"context"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/workflow"
)

// examineDirectory looks at the controllers and the service accounts, with the
// units and groups that the policies speak of.
func examineDirectory(ctx context.Context, dir *ad.Client, cfg config.Config, r *doctor.Report) {
	var c ad.DoctorConfig
	for _, rule := range cfg.Policy().Rules {
		spokenOf(&c, rule.Who, true)
		for _, act := range rule.Acts {
			for _, tier := range act.Approve {
				c.Groups = addGroup(c.Groups, tier.By.Group)
				if tier.Else != nil {
					c.Groups = addGroup(c.Groups, tier.Else.Group)
				}
			}
		}
	}
	dir.Doctor(ctx, c, r)
}

// spokenOf collects what a condition names. A unit that is named to be left out
// needs no rights.
func spokenOf(c *ad.DoctorConfig, who workflow.Condition, in bool) {
	if who.OU != "" && in {
		c.OUs = add(c.OUs, who.OU)
	}
	c.Groups = addGroup(c.Groups, who.Group)
	if who.Not != nil {
		spokenOf(c, *who.Not, !in)
	}
}

func addGroup(list []string, g *workflow.Group) []string {
	if g == nil {
		return list
	}
	return add(list, g.DN)
}

func add(list []string, dn string) []string {
	for _, known := range list {
		if known == dn {
			return list
		}
	}
	return append(list, dn)
}
