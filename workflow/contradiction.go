package workflow

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// Contradiction are conditions of rule i that are never true at once, by their places in
// it, such as who.ou and who.not.ou. There are more of them where each way through an any
// fails by others. None for a rule that somebody may match, as far as that shows without
// the directory.
func (p Policy) Contradiction(i int) [][]string {
	r := &refuter{left: maxCompared}
	clashes, refuted := r.refute(nil, []claim{{at: &place{step: "who"}, c: &p.Rules[i].Who, is: true}}, nil)
	if !refuted {
		return nil
	}
	// A part that is true of nobody is no news beside pairs of which that does not show.
	if paired := func(clash []string) bool { return len(clash) > 1 }; slices.ContainsFunc(clashes, paired) {
		clashes = slices.DeleteFunc(clashes, func(clash []string) bool { return !paired(clash) })
	}
	var out [][]string
	for _, clash := range clashes {
		if !slices.ContainsFunc(out, func(one []string) bool { return slices.Equal(one, clash) }) {
			out = append(out, clash)
		}
	}
	return out
}

// maxCompared bounds the work: who writes forty anys into one rule has 2^40 ways through
// them, and is believed.
const maxCompared = 1 << 16

// claim is a condition of a rule that has to match, or must not.
type claim struct {
	at  *place
	c   *Condition
	is  bool
	one bool // a single part
}

// place is where a condition stands; it is only written out where something is found, since
// deep conditions have long ones.
type place struct {
	above *place
	step  string // ".all", "[0]"
}

func (p *place) String() string {
	var steps []string
	for ; p != nil; p = p.above {
		steps = append(steps, p.step)
	}
	slices.Reverse(steps)
	return strings.Join(steps, "")
}

// refuter looks for a way through a rule on which nothing contradicts anything.
type refuter struct {
	left int // steps and comparisons
}

// refute says whether facts, all of todo and one of each of either are never true at once,
// and which of them clash. Facts are single parts that don't clash so far.
func (r *refuter) refute(facts, todo []claim, either [][]claim) (clashes [][]string, refuted bool) {
	for len(todo) > 0 {
		if r.left--; r.left < 0 {
			return nil, false
		}
		next := todo[0]
		todo = todo[1:]
		parts := next.parts()
		if !next.is && len(parts) > 1 {
			either = append(slices.Clip(either), parts)
			continue
		}
		for _, part := range parts {
			switch more, ways := part.inner(); {
			case more != nil:
				todo = append(slices.Clip(todo), more...)
			case ways != nil:
				either = append(slices.Clip(either), ways)
			default:
				if clash := clash(facts, part); clash != nil {
					return [][]string{clash}, true
				}
				facts = append(slices.Clip(facts), part)
				r.left -= len(facts)
			}
		}
	}
	if len(either) == 0 {
		return nil, false
	}
	for _, way := range either[0] {
		found, refuted := r.refute(facts, []claim{way}, either[1:])
		if !refuted {
			return nil, false
		}
		clashes = append(clashes, found...)
	}
	return clashes, true
}

// parts are the claims, of one part each, that all have to hold; of one that must not match,
// those of which one has to.
func (k claim) parts() (out []claim) {
	if k.one {
		return []claim{k}
	}
	c := k.c
	add := func(key string, one Condition) { out = append(out, claim{&place{k.at, "." + key}, &one, k.is, true}) }
	if c.Everyone {
		add("everyone", Condition{Everyone: true})
	}
	if c.Group != nil {
		add("group", Condition{Group: c.Group})
	}
	if c.OU != "" {
		add("ou", Condition{OU: c.OU})
	}
	if c.Department != "" {
		add("department", Condition{Department: c.Department})
	}
	for _, one := range c.attributes() {
		add(one.key, Condition{Attribute: one.Attribute})
	}
	if c.Network != nil {
		add("network", Condition{Network: c.Network})
	}
	if c.Hours != nil {
		add("hours", Condition{Hours: c.Hours})
	}
	if c.State != nil {
		add("state", Condition{State: c.State})
	}
	if c.NewDevice != nil {
		add("new_device", Condition{NewDevice: c.NewDevice})
	}
	if c.Any != nil {
		add("any", Condition{Any: c.Any})
	}
	if c.All != nil {
		add("all", Condition{All: c.All})
	}
	if c.Not != nil {
		add("not", Condition{Not: c.Not})
	}
	return out
}

// inner is what a single part says in other words: claims that all hold, or ways of which
// one does. Neither for a part that says it itself, and for an empty list, which is an
// error.
func (k claim) inner() (all, ways []claim) {
	var list []claim
	switch c := k.c; {
	case c.Not != nil:
		return []claim{{at: k.at, c: c.Not, is: !k.is}}, nil
	case len(c.Any)+len(c.All) > 0:
		for i := range c.Any {
			list = append(list, claim{at: &place{k.at, fmt.Sprintf("[%d]", i)}, c: &c.Any[i], is: k.is})
		}
		for i := range c.All {
			list = append(list, claim{at: &place{k.at, fmt.Sprintf("[%d]", i)}, c: &c.All[i], is: k.is})
		}
		if k.is == (len(c.All) > 0) {
			return list, nil
		}
	case k.is && len(c.State) > 1:
		for _, s := range c.State {
			list = append(list, claim{k.at, &Condition{State: []AccountState{s}}, true, true})
		}
	case k.is && len(c.Network) > 1:
		for _, n := range c.Network {
			list = append(list, claim{k.at, &Condition{Network: []netip.Prefix{n}}, true, true})
		}
	}
	return nil, list
}

// clash is what of the facts, and the part, are never true at once; nil for nothing.
func clash(facts []claim, part claim) []string {
	switch {
	case part.c.unread():
		return nil // an error, which is told elsewhere
	case part.c.Everyone && !part.is:
		return []string{part.at.String()}
	}
	for _, fact := range facts {
		if !fact.c.unread() && contradict(fact, part) {
			return []string{fact.at.String(), part.at.String()}
		}
	}
	return nil
}

// contradict says whether two single parts are never true at once.
func contradict(a, b claim) bool {
	switch {
	case a.is && b.is:
		return a.c.excludes(b.c)
	case b.is:
		a, b = b, a
		fallthrough
	case a.is:
		return coverage{}.implied(b.c, a.c) || a.c.Hours != nil && b.c.Hours != nil && a.c.Hours.within(b.c.Hours)
	}
	return a.c.NewDevice != nil && b.c.NewDevice != nil && *a.c.NewDevice != *b.c.NewDevice
}

// unread: a single part that is an error of the rule, whoever asks.
func (c *Condition) unread() bool {
	if c.OU != "" {
		_, err := ad.ParseName(c.OU)
		return err != nil
	}
	return c.Attribute != nil && (c.Attribute.Name == "" || c.Attribute.Value == "") ||
		c.Network != nil && (len(c.Network) == 0 || slices.ContainsFunc(c.Network, func(n netip.Prefix) bool { return !n.IsValid() })) ||
		c.Hours != nil && !c.Hours.readable() ||
		c.State != nil && (len(c.State) == 0 || slices.ContainsFunc(c.State, func(s AccountState) bool { return !slices.Contains(AccountStates, s) })) ||
		c.All != nil // an empty one, see inner; an empty any covers nobody
}

// excludes says whether nobody matches both of two single parts. Somebody may be in any two
// groups, and have two values of an attribute that the schema does not keep to one.
func (c *Condition) excludes(other *Condition) bool {
	switch {
	case c.OU != "" && other.OU != "":
		return apart(c.OU, other.OU)
	case c.Department != "" && other.Department != "":
		return !strings.EqualFold(c.Department, other.Department)
	case c.Attribute != nil && other.Attribute != nil:
		return strings.EqualFold(c.Attribute.Name, other.Attribute.Name) && ad.SingleValued(c.Attribute.Name) &&
			!strings.EqualFold(c.Attribute.Value, other.Attribute.Value)
	case c.Network != nil && other.Network != nil:
		return !slices.ContainsFunc(c.Network, func(n netip.Prefix) bool { return slices.ContainsFunc(other.Network, n.Overlaps) })
	case c.Hours != nil && other.Hours != nil:
		return c.Hours.sameZone(other.Hours) && !c.Hours.ever(other.Hours, func(its, others bool) bool { return its && others })
	case c.State != nil && other.State != nil:
		return !slices.ContainsFunc(c.State, func(s AccountState) bool {
			return slices.ContainsFunc(other.State, func(o AccountState) bool { return !s.excludes(o) })
		})
	case c.NewDevice != nil && other.NewDevice != nil:
		return *c.NewDevice != *other.NewDevice
	}
	return false
}

// apart: nothing lies under two units of which neither lies under the other.
func apart(ou, other string) bool {
	a, _ := ad.ParseName(ou) // one that can't be read is unread
	b, _ := ad.ParseName(other)
	return a != b && !a.Under(b) && !b.Under(a)
}

// excludes: a password that must be changed does not count as expired. All others may
// come together.
func (s AccountState) excludes(other AccountState) bool {
	return s == StateExpired && other == StateMustChange || s == StateMustChange && other == StateExpired
}

func (h *Hours) sameZone(other *Hours) bool {
	return h.Zone.String() == other.Zone.String()
}

// within says whether each time in the hours lies in the other ones, by the same clock.
func (h *Hours) within(other *Hours) bool {
	return h.sameZone(other) && !h.ever(other, func(its, others bool) bool { return its && !others })
}

// ever says whether there is a time of which fn is true, given whether each of the two
// contains it. Between the ends of either nothing changes, so those are looked at.
func (h *Hours) ever(other *Hours, fn func(its, others bool) bool) bool {
	for day := range h.Days {
		for _, minute := range []int{0, h.From, h.To % (24 * 60), other.From, other.To % (24 * 60)} {
			at := wallTime{time.Weekday(day), minute}
			if fn(h.contain(at), other.contain(at)) {
				return true
			}
		}
	}
	return false
}
