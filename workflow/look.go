package workflow

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// Errors of a condition: each makes its rule deny.
var (
	errEmptyCondition = errors.New("condition-empty")
	errGroup          = errors.New("group-unresolved")
	errMembership     = errors.New("membership-unknown")
	errDN             = errors.New("dn-unreadable")
	errUnit           = errors.New("unit-unresolved")
	errAttribute      = errors.New("attribute-unread")
	errAddress        = errors.New("address-unknown")
	errNetwork        = errors.New("network-unreadable")
	errHours          = errors.New("hours-unreadable")
	errState          = errors.New("state-unknown")
	errDevice         = errors.New("device-unknown")
)

var conditionErrors = []error{
	errEmptyCondition, errGroup, errMembership, errDN, errUnit, errAttribute, errAddress, errNetwork, errHours, errState, errDevice,
}

// Ready returns the policy with its conditions made ready, so that an evaluation
// reads no name, network or text of the configuration again. The rules must not be
// changed any more.
func (p Policy) Ready() Policy {
	m := newMaker()
	for i := range p.Rules {
		m.tests = append(m.tests, p.Rules[i].Who.test("who", m))
		m.holds = m.holds || p.Rules[i].Hold != nil
		m.noMatch = append(m.noMatch, Finding{Rule: p.Rules[i].Name, Code: foundNotMatched})
	}
	m.named, m.recoveries = p.alternatives(), p.recoveries()
	p.ready = m
	return p
}

func (p Policy) made() *maker {
	if p.ready != nil && len(p.ready.tests) == len(p.Rules) {
		return p.ready
	}
	return p.Ready().ready
}

// maker makes tests ready. Groups, time zones and attributes get numbers, so that an
// account's token is gone through once, a moment is put into each zone once, and each
// attribute is looked up once, however many rules ask.
type maker struct {
	tests      []test
	noMatch    []Finding // what each rule leaves that does not match
	named      [][]enroll.ProofKind
	recoveries []Recovery
	holds      bool // some rule says what to hold
	devices    bool // some condition asks for a new device
	sids       map[string]int
	zones      []*time.Location
	names      []string // of attributes

	found sync.Map     // of decided: the findings of those that matched before
	kept  atomic.Int64 // how many they are together
}

// decided names the rule that matched, and the kind that it was asked for.
type decided struct {
	rule int
	kind Kind
}

// maxKept bounds the findings that are kept, of 48 bytes each.
const maxKept = 1 << 16

// passed are the findings of the first n rules, of which none matched. All decisions
// share them: nobody may write to them, and an append copies.
func (m *maker) passed(n int) []Finding { return m.noMatch[:n:n] }

// matched are those of a rule that matched, with the ones before it: made once for all
// decisions, since long policies give long ones.
func (m *maker) matched(number int, rule string, kind Kind) []Finding {
	key := decided{number, kind}
	if known, ok := m.found.Load(key); ok {
		return known.([]Finding)
	}
	all := append(make([]Finding, 0, number+1), m.noMatch[:number]...)
	all = append(all, Finding{Rule: rule, Code: foundMatched, Detail: string(kind)})
	if m.kept.Add(int64(len(all))) > maxKept {
		m.kept.Add(-int64(len(all)))
		return all
	}
	m.found.Store(key, all)
	return all
}

func newMaker() *maker { return &maker{sids: map[string]int{}} }

func (m *maker) sid(text string) int {
	n, known := m.sids[text]
	if !known {
		n = len(m.sids)
		m.sids[text] = n
	}
	return n
}

func (m *maker) zone(z *time.Location) int {
	for i, known := range m.zones {
		if known == z || known.String() == z.String() {
			return i
		}
	}
	m.zones = append(m.zones, z)
	return len(m.zones) - 1
}

func (m *maker) name(attribute string) int {
	if n := slices.Index(m.names, attribute); n >= 0 {
		return n
	}
	m.names = append(m.names, attribute)
	return len(m.names) - 1
}

// join says how the answers of a test's parts make its own.
type join int

const (
	leaf join = iota
	joinAll
	joinAny
	joinNot
)

// test is a condition, or a part of one, made ready.
type test struct {
	key   string // as the configuration spells it
	value string // likewise, for a trace
	join  join
	holds func(*subject) (bool, error) // of a leaf
	parts []test                       // of the others
}

// look looks at every part, so that an error is never hidden behind a part that
// does not match, or behind one that does. The first error counts.
func (t *test) look(on *subject, trace *Step) (bool, error) {
	switch {
	case t.join == leaf:
		match, err := t.holds(on)
		if trace != nil {
			trace.answer(t, on, match, err)
		}
		return match && err == nil, err
	case trace == nil && len(t.parts) == 1 && t.join != joinNot: // its only part is its answer
		return t.parts[0].look(on, nil)
	}
	match, first := t.join != joinAny, error(nil)
	if len(t.parts) == 0 {
		first = errEmptyCondition
	}
	for i := range t.parts {
		holds, err := t.parts[i].look(on, trace.part())
		switch {
		case err != nil && first == nil:
			first = err
		case t.join == joinAny:
			match = match || holds
		default:
			match = match && holds
		}
	}
	if t.join == joinNot {
		match = !match
	}
	match = match && first == nil
	if trace != nil {
		trace.answer(t, on, match, first)
	}
	return match, first
}

// test makes the condition ready.
func (c *Condition) test(key string, m *maker) test {
	return test{key: key, join: joinAll, parts: c.parts(m)}
}

func (c *Condition) parts(m *maker) (out []test) {
	if c.Everyone {
		out = append(out, test{key: "everyone", value: "true", holds: func(*subject) (bool, error) { return true, nil }})
	}
	if c.Group != nil {
		out = append(out, test{key: "group", value: c.Group.DN, holds: c.Group.holds(m)})
	}
	if c.OU != "" {
		out = append(out, c.unit())
	}
	if c.Department != "" {
		want := c.Department
		out = append(out, test{key: "department", value: want, holds: func(on *subject) (bool, error) {
			return strings.EqualFold(on.account.Department, want), nil
		}})
	}
	for _, one := range c.attributes() {
		out = append(out, one.test(m))
	}
	if c.Network != nil {
		out = append(out, networkTest(c.Network))
	}
	if c.Hours != nil {
		out = append(out, test{key: "hours", value: c.Hours.String(), holds: c.Hours.holds(m)})
	}
	if c.State != nil {
		out = append(out, stateTest(c.State))
	}
	if c.NewDevice != nil {
		m.devices = true
		out = append(out, deviceTest(*c.NewDevice))
	}
	if c.Any != nil {
		out = append(out, test{key: "any", join: joinAny, parts: testsOf(c.Any, m)})
	}
	if c.All != nil {
		out = append(out, test{key: "all", join: joinAll, parts: testsOf(c.All, m)})
	}
	if c.Not != nil {
		out = append(out, test{key: "not", join: joinNot, parts: []test{c.Not.test("who", m)}})
	}
	return out
}

func testsOf(list []Condition, m *maker) []test {
	out := make([]test, len(list))
	for i := range list {
		out[i] = list[i].test("who", m)
	}
	return out
}

// holds: every account has at least its primary group, so an empty list is one
// that could not be read.
func (g *Group) holds(m *maker) func(*subject) (bool, error) {
	if g.Err != "" || g.SID == "" {
		return func(*subject) (bool, error) { return false, errGroup }
	}
	n := m.sid(g.SID)
	return func(on *subject) (bool, error) {
		if len(on.account.Groups) == 0 {
			return false, errMembership
		}
		return on.in(n), nil
	}
}

func (c *Condition) unit() test {
	ou, err := ad.ParseName(c.OU)
	if c.OUErr != "" {
		return test{key: "ou", value: c.OU, holds: func(*subject) (bool, error) { return false, errUnit }}
	}
	return test{key: "ou", value: c.OU, holds: func(on *subject) (bool, error) {
		dn, unread := on.name()
		if err != nil || unread != nil {
			return false, errDN
		}
		return dn.Under(ou), nil
	}}
}

// keyed is an attribute under the key that the configuration has for it.
type keyed struct {
	key string
	*Attribute
}

func (c *Condition) attributes() (out []keyed) {
	for _, one := range []keyed{{"company", c.Company}, {"location", c.Location}, {"attribute", c.Attribute}} {
		if one.Attribute != nil {
			out = append(out, one)
		}
	}
	return out
}

// test: an attribute that may be written by the person is an error here as well as
// in the file, whoever made the condition.
func (k keyed) test(m *maker) test {
	name, want := strings.ToLower(k.Name), k.Value
	refused := name == "" || want == "" || ad.SelfWritten(name)
	shown, number := k.Name+" = "+want, m.name(name)
	return test{key: k.key, value: shown, holds: func(on *subject) (bool, error) {
		values, read := on.attribute(number)
		if !read || refused {
			return false, errAttribute
		}
		for _, v := range values {
			if strings.EqualFold(v, want) {
				return true, nil
			}
		}
		return false, nil
	}}
}

func networkTest(nets []netip.Prefix) test {
	bad := len(nets) == 0
	words := make([]string, len(nets))
	for i, n := range nets {
		words[i] = n.String()
		bad = bad || !n.IsValid()
	}
	return test{key: "network", value: strings.Join(words, ", "), holds: func(on *subject) (bool, error) {
		switch {
		case bad:
			return false, errNetwork
		case !on.at.Address.IsValid():
			return false, errAddress
		}
		return slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Contains(on.at.Address) }), nil
	}}
}

func (h *Hours) holds(m *maker) func(*subject) (bool, error) {
	if !h.readable() {
		return func(*subject) (bool, error) { return false, errHours }
	}
	zone := m.zone(h.Zone)
	return func(on *subject) (bool, error) {
		if on.at.Now.IsZero() {
			return false, errHours
		}
		return h.contain(on.clock(zone)), nil
	}
}

// String is the hours as the configuration writes them.
func (h *Hours) String() string {
	var days []string
	for i := range h.Days {
		if day := time.Weekday((i + 1) % 7); h.Days[day] {
			days = append(days, strings.ToLower(day.String()[:3]))
		}
	}
	zone := "no zone"
	if h.Zone != nil {
		zone = h.Zone.String()
	}
	return fmt.Sprintf("%s %02d:%02d-%02d:%02d %s", strings.Join(days, ","), h.From/60, h.From%60, h.To/60, h.To%60, zone)
}

func stateTest(states []AccountState) test {
	bad := len(states) == 0
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
		bad = bad || !slices.Contains(AccountStates, s)
	}
	return test{key: "state", value: strings.Join(words, ", "), holds: func(on *subject) (bool, error) {
		if bad {
			return false, errState
		}
		return slices.ContainsFunc(states, func(s AccountState) bool { return stateHolds(on.account, s) }), nil
	}}
}

func deviceTest(want bool) test {
	return test{key: "new_device", value: strconv.FormatBool(want), holds: func(on *subject) (bool, error) {
		if on.at.Device != DeviceNew && on.at.Device != DeviceKnown {
			return false, errDevice
		}
		return (on.at.Device == DeviceNew) == want, nil
	}}
}

func stateHolds(a *ad.Account, s AccountState) bool {
	switch s {
	case StateLocked:
		return a.Locked
	case StateExpired:
		return a.PasswordExpired
	case StateMustChange:
		return a.MustChange
	case StateNeverUsed:
		return a.LastLogon.IsZero()
	}
	return false
}
