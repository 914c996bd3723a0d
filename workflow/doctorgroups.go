package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/doctor"
)

// named is a group that a policy names, with the rules that do.
type named struct {
	dn        string
	rules     []string
	who       bool // in a condition
	approvers bool
}

func (n named) where() string { return n.dn + " (" + strings.Join(n.rules, ", ") + ")" }

// groupsOf lists each group once, in the order of the rules.
func groupsOf(p Policy) []*named {
	var out []*named
	byDN := map[string]*named{}
	add := func(rule string, g *Group, approvers bool) {
		if g == nil {
			return
		}
		n := byDN[strings.ToLower(g.DN)]
		if n == nil {
			n = &named{dn: g.DN}
			byDN[strings.ToLower(g.DN)], out = n, append(out, n)
		}
		if len(n.rules) == 0 || n.rules[len(n.rules)-1] != rule {
			n.rules = append(n.rules, rule)
		}
		n.who, n.approvers = n.who || !approvers, n.approvers || approvers
	}
	for _, rule := range p.Rules {
		rule.Who.Walk(func(c *Condition, _ bool) { add(rule.Name, c.Group, false) })
		for _, kind := range Kinds {
			for _, tier := range rule.Acts[kind].Approve {
				add(rule.Name, tier.By.Group, true)
				if tier.Else != nil {
					add(rule.Name, tier.Else.Group, true)
				}
			}
		}
	}
	return out
}

// doctorGroups asks the directory for the groups of a policy: unknown ones, empty ones,
// and approvers that are nobody. It says whether the directory answered.
func (c DoctorConfig) doctorGroups(ctx context.Context, p Policy, r *doctor.Report) bool {
	for _, n := range groupsOf(p) {
		sid, err := c.Directory.ResolveGroup(ctx, n.dn)
		switch {
		case errors.Is(err, ad.ErrMailingList):
			r.Found(FoundGroupList, n.where(), "It is a mailing list.",
				doctor.Line{Tool: doctor.PowerShell, Text: "Set-ADGroup -Identity " + psWord(n.dn) + " -GroupCategory Security"})
		case errors.Is(err, ad.ErrNotFound):
			r.Found(FoundGroupMissing, n.where(), "The directory has no such group, or the service account may not see it.",
				doctor.Line{Tool: doctor.PowerShell, Text: fmt.Sprintf("Get-ADGroup -Filter \"Name -eq '%s'\"", firstName(n.dn))},
				doctor.Line{Tool: doctor.SambaTool, Text: "samba-tool group list --full-dn"}, policyLine("group: DISTINGUISHED-NAME-FROM-THAT-LIST"))
		case err != nil:
			r.Found(FoundGroupsUnread, n.where(), err.Error(), doctor.Line{Tool: doctor.Shell, Text: "latchkey doctor --only ad --config FILE"},
				doctor.Do("Mend what that finds. Groups are read anew each time."))
			return false // the next one fails the same way
		default:
			c.doctorMembers(ctx, n, sid, r)
		}
	}
	return true
}

// firstName is the value of a DN's first part, without what a shell would read.
func firstName(dn string) string {
	first, _, _ := strings.Cut(dn, ",")
	_, name, _ := strings.Cut(first, "=")
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("'\"`$\\;", c) {
			return -1
		}
		return c
	}, name)
}

// primaryRIDs are groups that people have as primary group, which no list of
// members shows: Domain Users and Domain Guests (MS-DTYP 2.4.2.4).
var primaryRIDs = []string{"-513", "-514"}

// maxAsked is how many of a group are asked, and one more.
const maxAsked = 25

func (c DoctorConfig) doctorMembers(ctx context.Context, n *named, sid string, r *doctor.Report) {
	limit := 1
	if n.approvers {
		limit = maxAsked + 1
	}
	people, err := c.Directory.Members(ctx, sid, limit)
	if err != nil {
		r.Found(FoundGroupsUnread, n.where(), err.Error(), doctor.Line{Tool: doctor.Shell, Text: "latchkey doctor --only ad --config FILE"},
			doctor.Do("Mend what that finds. Groups are read anew each time."))
		return
	}
	before := len(r.Findings())
	if n.who && len(people) == 0 && !isPrimary(sid) {
		r.Found(FoundGroupEmpty, n.where(), "No enabled person is in it.", addMember(n.dn)...)
	}
	if n.approvers {
		c.doctorApprovers(ctx, n, people, r)
	}
	if len(r.Findings()) == before {
		r.Good("policy.group", n.where(), "A security group with members.")
	}
}

func isPrimary(sid string) bool {
	for _, rid := range primaryRIDs {
		if strings.HasSuffix(sid, rid) {
			return true
		}
	}
	return false
}

func addMember(dn string) []doctor.Line {
	return []doctor.Line{
		{Tool: doctor.PowerShell, Text: "Add-ADGroupMember -Identity " + psWord(dn) + " -Members PERSON"},
		{Tool: doctor.SambaTool, Text: fmt.Sprintf("samba-tool group addmembers '%s' PERSON", firstName(dn))},
	}
}

func (c DoctorConfig) doctorApprovers(ctx context.Context, n *named, people []ad.Account, r *doctor.Report) {
	switch {
	case len(people) == 0:
		r.Found(FoundNoApprovers, n.where(), "No enabled person is in it.", addMember(n.dn)...)
		return
	case len(people) == 1:
		r.Found(FoundOneApprover, n.where(), "One person is in it.", addMember(n.dn)...)
	case len(people) > maxAsked:
		r.Found(FoundManyApprovers, n.where(), fmt.Sprintf("More than %d people are in it.", maxAsked),
			policyLine("approve: [{by: {group: DN-OF-A-SMALLER-GROUP}}]"))
	}
	if c.Holders == nil {
		return
	}
	for _, who := range people {
		if holds, err := c.Holders.HasPasskey(ctx, who.GUID); err != nil || holds {
			return // a store that fails has its own finding
		}
	}
	r.Found(FoundNoPasskey, n.where(), fmt.Sprintf("None of the %d people asked first holds a passkey.", len(people)),
		doctor.Line{Tool: doctor.Shell, Text: "latchkey invite --config FILE " + shellWord(people[0].SAMAccountName)})
}

// psWord quotes for PowerShell, where a doubled quote is one.
func psWord(s string) string { return "'" + strings.ReplaceAll(doctor.Plain(s), "'", "''") + "'" }

// shellWord keeps a name from the directory from being read by a shell.
func shellWord(s string) string { return "'" + strings.ReplaceAll(doctor.Plain(s), "'", "") + "'" }
