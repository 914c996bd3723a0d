package workflow

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/ad"
)

// Walk visits the condition and every one inside it, outer ones first. in is false
// below an odd number of nots. What fn changes is changed.
func (c *Condition) Walk(fn func(c *Condition, in bool)) { c.walk(fn, true) }

func (c *Condition) walk(fn func(*Condition, bool), in bool) {
	fn(c, in)
	for _, list := range [][]Condition{c.Any, c.All} {
		for i := range list {
			list[i].walk(fn, in)
		}
	}
	if c.Not != nil {
		c.Not.walk(fn, !in)
	}
}

// Attributes are the directory attributes that the condition compares.
func (c *Condition) Attributes() (names []string) {
	c.Walk(func(c *Condition, _ bool) {
		for _, one := range c.attributes() {
			names = append(names, one.Name)
		}
	})
	return names
}

// Total says whether the condition matches everybody, always, as far as that shows
// without the directory.
func (c Condition) Total() bool { return c.covers(Condition{Everyone: true}) }

// HiddenBy are the rules before rule i, by their numbers, that together match everybody
// whom it matches, as far as that shows without the directory: what it says has no
// effect. None for a rule that decides for somebody.
func (p Policy) HiddenBy(i int) []int {
	later := p.Rules[i].Who
	if j := slices.IndexFunc(p.Rules[:i], func(earlier Rule) bool { return earlier.Who.covers(later) }); j >= 0 {
		return []int{j}
	}
	if len(later.Any)+len(later.All) == 0 {
		return nil // nothing that several could share
	}
	var needed []int
	for j := range i {
		needed = append(needed, j)
	}
	if !p.anyOf(needed).covers(later) {
		return nil
	}
	for j := range i {
		if rest := slices.DeleteFunc(slices.Clone(needed), func(n int) bool { return n == j }); p.anyOf(rest).covers(later) {
			needed = rest
		}
	}
	return needed
}

// anyOf matches whom any of the rules matches.
func (p Policy) anyOf(rules []int) (c Condition) {
	for _, i := range rules {
		c.Any = append(c.Any, p.Rules[i].Who)
	}
	return c
}

// covers says whether everybody whom later matches is matched by c as well, or is
// an error of it, which decides too. It says no where that does not show without
// the directory.
func (c Condition) covers(later Condition) bool { return coverage{}.covers(&c, &later) }

// coverage is what was found of pairs of conditions. Without it a file that nests deeply
// would take for ever.
type coverage map[pair]bool

type pair struct{ wide, narrow *Condition }

func (k coverage) covers(c, later *Condition) bool {
	at := pair{c, later}
	found, known := k[at]
	if !known {
		found = k.find(c, later)
		k[at] = found
	}
	return found
}

func (k coverage) find(c, later *Condition) bool {
	if c.empty() || later.empty() {
		return false
	}
	if k.implied(c, later) {
		return true
	}
	// later is within each of its All, and within its Any together.
	for i := range later.All {
		if k.covers(c, &later.All[i]) {
			return true
		}
	}
	for i := range later.Any {
		if !k.covers(c, &later.Any[i]) {
			return false
		}
	}
	return len(later.Any) > 0
}

// empty says whether nothing is asked for, which is an error. What lies within is not made
// ready for that.
func (c *Condition) empty() bool {
	top := *c
	top.Any, top.All, top.Not = nil, nil, nil
	return c.Any == nil && c.All == nil && c.Not == nil && len(top.parts(newMaker())) == 0
}

// implied says whether later implies every part of c.
func (k coverage) implied(c, later *Condition) bool {
	for i := range c.All {
		if !k.covers(&c.All[i], later) {
			return false
		}
	}
	one := c.Any == nil
	for i := range c.Any {
		one = one || k.covers(&c.Any[i], later)
	}
	return one &&
		(c.Group == nil || later.Group != nil && strings.EqualFold(c.Group.DN, later.Group.DN)) &&
		(c.OU == "" || later.OU != "" && (strings.EqualFold(c.OU, later.OU) || isUnder(later.OU, c.OU))) &&
		(c.Department == "" || strings.EqualFold(c.Department, later.Department)) &&
		c.Company.implied(*later) && c.Location.implied(*later) && c.Attribute.implied(*later) &&
		(c.Network == nil || holdsAll(c.Network, later.Network)) &&
		(c.Hours == nil || later.Hours != nil && c.Hours.String() == later.Hours.String()) &&
		(c.State == nil || len(later.State) > 0 && !slices.ContainsFunc(later.State, func(s AccountState) bool { return !slices.Contains(c.State, s) })) &&
		(c.NewDevice == nil || later.NewDevice != nil && *c.NewDevice == *later.NewDevice) &&
		(c.Not == nil || later.Not != nil && k.covers(later.Not, c.Not))
}

// implied says whether later asks for the same value of the same attribute.
func (a *Attribute) implied(later Condition) bool {
	return a == nil || slices.ContainsFunc(later.attributes(), func(k keyed) bool {
		return strings.EqualFold(k.Name, a.Name) && strings.EqualFold(k.Value, a.Value)
	})
}

// holdsAll says whether each network lies within one of the wider ones.
func holdsAll(wide, narrow []netip.Prefix) bool {
	return len(narrow) > 0 && !slices.ContainsFunc(narrow, func(n netip.Prefix) bool {
		return !slices.ContainsFunc(wide, func(w netip.Prefix) bool { return w.Bits() <= n.Bits() && w.Contains(n.Addr()) })
	})
}

func isUnder(dn, ou string) bool {
	lies, err := ad.Under(dn, ou)
	return err == nil && lies
}
