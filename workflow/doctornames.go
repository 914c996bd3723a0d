package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/doctor"
)

// DoctorNames asks the directory for what a policy and its settings name: groups, units
// and attributes.
func DoctorNames(ctx context.Context, p Policy, c DoctorConfig, r *doctor.Report) {
	if c.Directory != nil && c.doctorGroups(ctx, p, r) && c.doctorUnits(ctx, p, r) {
		c.doctorAttributes(ctx, p, r)
	}
}

// meant is a unit or an attribute that conditions name, with the rules that do.
type meant struct {
	name    string
	rules   []string
	in, out bool // above, and below, an odd number of nots
}

func (m *meant) where() string { return m.name + " (" + strings.Join(m.rules, ", ") + ")" }

// matched says what a condition comes to that matches nobody.
func (m *meant) matched() string {
	switch {
	case m.in && m.out:
		return "nobody would match, and below not everybody"
	case m.out:
		return "it stands below not, where everybody would match"
	}
	return "nobody would match"
}

// meantBy lists what the conditions name, each name once, in the order of the rules.
func meantBy(p Policy, names func(*Condition) []string) []*meant {
	var out []*meant
	byName := map[string]*meant{}
	for _, rule := range p.Rules {
		rule.Who.Walk(func(c *Condition, in bool) {
			for _, name := range names(c) {
				key := strings.ToLower(name)
				m := byName[key]
				if m == nil {
					m = &meant{name: name}
					byName[key], out = m, append(out, m)
				}
				if !slices.Contains(m.rules, rule.Name) {
					m.rules = append(m.rules, rule.Name)
				}
				m.in, m.out = m.in || in, m.out || !in
			}
		})
	}
	return out
}

func (c DoctorConfig) doctorUnits(ctx context.Context, p Policy, r *doctor.Report) bool {
	units := meantBy(p, func(c *Condition) []string {
		if c.OU == "" {
			return nil
		}
		return []string{c.OU}
	})
	for _, m := range units {
		none, ok := unfound(m.where(), c.Directory.FindUnit(ctx, m.name), r)
		if !ok {
			return false
		}
		if none != "" {
			r.Found(FoundUnitMissing, m.where(), fmt.Sprintf(none, "unit")+" If it did not deny, "+m.matched()+".",
				append(unitList(), policyLine("ou: DISTINGUISHED-NAME-FROM-THAT-LIST"))...)
		}
	}
	for _, s := range c.Units {
		none, ok := unfound(s.where(), c.Directory.FindUnit(ctx, s.Name), r)
		if !ok {
			return false
		}
		if none != "" {
			r.Found(FoundUnitSetting, s.where(), fmt.Sprintf(none, "unit"),
				append(unitList(), policyLine("%s: DISTINGUISHED-NAME-FROM-THAT-LIST", s.Key))...)
		}
	}
	return true
}

func (c DoctorConfig) doctorAttributes(ctx context.Context, p Policy, r *doctor.Report) {
	named := meantBy(p, func(c *Condition) (names []string) {
		for _, one := range c.attributes() {
			names = append(names, one.Name)
		}
		return names
	})
	for _, m := range named {
		none, ok := unfound(m.where(), c.Directory.FindAttribute(ctx, m.name), r)
		if !ok {
			return
		}
		if none != "" {
			r.Found(FoundAttributeMissing, m.where(), fmt.Sprintf(none, "attribute")+" As it stands "+strings.Replace(m.matched(), "would match", "matches", 1)+".",
				append(attributeList(m.name), policyLine("attribute: {name: lDAPDisplayName-FROM-THAT-LIST, value: …}"))...)
		}
	}
	for _, s := range c.Attributes {
		none, ok := unfound(s.where(), c.Directory.FindAttribute(ctx, s.Name), r)
		if !ok {
			return
		}
		if none != "" {
			r.Found(FoundAttributeSetting, s.where(), fmt.Sprintf(none, "attribute"),
				append(attributeList(s.Name), policyLine("%s: lDAPDisplayName-FROM-THAT-LIST", s.Key))...)
		}
	}
}

func (s Setting) where() string { return s.Name + " (" + s.Key + ")" }

// unfound is what is said of a name that is not there; "" where it is. It is not ok that
// the directory does not say: then the next one fails the same way.
func unfound(where string, err error, r *doctor.Report) (none string, ok bool) {
	switch {
	case err == nil:
		return "", true
	case errors.Is(err, ad.ErrSpelling):
		return "The directory has this %s, and spells it otherwise.", true
	case errors.Is(err, ad.ErrNotFound):
		return "The directory has no such %s, or the service account may not see it.", true
	}
	r.Found(FoundNamesUnread, where, err.Error(), doctor.Line{Tool: doctor.Shell, Text: "latchkey doctor --only ad --config FILE"},
		doctor.Do("Mend what that finds, and look again: names behind this one were not looked up."))
	return "", false
}

func unitList() []doctor.Line {
	return []doctor.Line{
		{Tool: doctor.PowerShell, Text: "Get-ADOrganizationalUnit -Filter * | Format-Table DistinguishedName"},
		{Tool: doctor.SambaTool, Text: "samba-tool ou list --full-dn"},
	}
}

// attributeList finds attributes that begin like the one that is not there.
func attributeList(name string) []doctor.Line {
	like := name[:min(len(name), 4)]
	return []doctor.Line{
		{Tool: doctor.PowerShell, Text: fmt.Sprintf("Get-ADObject -SearchBase (Get-ADRootDSE).schemaNamingContext -LDAPFilter '(lDAPDisplayName=%s*)' -Properties lDAPDisplayName | Format-Table lDAPDisplayName", like)},
		{Tool: doctor.Shell, Text: fmt.Sprintf("ldbsearch --cross-ncs -H /var/lib/samba/private/sam.ldb '(lDAPDisplayName=%s*)' lDAPDisplayName # on a Samba controller", like)},
	}
}
