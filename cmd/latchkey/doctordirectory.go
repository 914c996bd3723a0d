package main

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/workflow"
)

// examineDirectory looks at the controllers and the service accounts of each
// domain, with its units and groups that the policies speak of.
func examineDirectory(ctx context.Context, dir *ad.Forest, cfg config.Config, r *doctor.Report) {
	var c ad.DoctorConfig
	for _, rule := range cfg.Policy().Rules {
		spokenOf(&c, rule.Who)
		for _, act := range rule.Acts {
			for _, tier := range act.Approve {
				c.Groups = addGroup(c.Groups, tier.By.Group)
				if tier.Else != nil {
					c.Groups = addGroup(c.Groups, tier.Else.Group)
				}
			}
		}
	}
	domains := cfg.Directory.All()
	for i, client := range dir.Domains() {
		own := c
		if len(domains) > 1 {
			own.OUs, own.Groups = namesOf(domains[i], c.OUs), namesOf(domains[i], c.Groups)
		}
		client.Doctor(ctx, own, r)
	}
}

// namesOf leaves the names of one domain.
func namesOf(d config.Domain, names []string) (own []string) {
	domain := d.Domain
	if domain == "" {
		domain = ad.DomainOf(d.BaseDN)
	}
	for _, dn := range names {
		if strings.EqualFold(ad.DomainOf(dn), domain) {
			own = append(own, dn)
		}
	}
	return own
}

// spokenOf collects what a condition names. A unit that is named to be left out
// needs no rights.
func spokenOf(c *ad.DoctorConfig, who workflow.Condition) {
	who.Walk(func(one *workflow.Condition, in bool) {
		if one.OU != "" && in {
			c.OUs = add(c.OUs, one.OU)
		}
		c.Groups = addGroup(c.Groups, one.Group)
	})
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
