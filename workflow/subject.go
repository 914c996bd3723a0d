package workflow

import (
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// subject is one account under one set of circumstances, as the tests look at it.
// What takes time to prepare is prepared once, when the first test needs it.
type subject struct {
	account *ad.Account
	at      Circumstances

	made   *maker
	groups []uint64 // a bit for each group of the maker
	few    [4]uint64
	clocks []zoneTime // one for each of its zones
	one    [1]zoneTime
	values []attributeValues // one for each of its attributes
	some   [4]attributeValues
	dn     ad.Name
	dnErr  error
	dnRead bool
}

// zoneTime is what a zone's clock shows, once it was looked at.
type zoneTime struct {
	wallTime
	read bool
}

// attributeValues are those of the account, once they were looked for.
type attributeValues struct {
	values       []string
	read, looked bool
}

func newSubject(a *ad.Account, at Circumstances, made *maker) *subject {
	at.Address = at.Address.Unmap().WithZone("")
	return &subject{account: a, at: at, made: made}
}

// in says whether the account is in the group of that number.
func (s *subject) in(group int) bool {
	if s.groups == nil {
		if n := len(s.made.sids)/64 + 1; n <= len(s.few) {
			s.groups = s.few[:]
		} else {
			s.groups = make([]uint64, n)
		}
		for _, sid := range s.account.Groups {
			if n, named := s.made.sids[sid]; named {
				s.groups[n/64] |= 1 << (n % 64)
			}
		}
	}
	return s.groups[group/64]&(1<<(group%64)) != 0
}

// clock is what the clock of that zone shows.
func (s *subject) clock(zone int) wallTime {
	if s.clocks == nil {
		if s.clocks = s.one[:]; len(s.made.zones) > len(s.one) {
			s.clocks = make([]zoneTime, len(s.made.zones))
		}
	}
	if c := &s.clocks[zone]; !c.read {
		c.wallTime, c.read = wallClock(s.at.Now, s.made.zones[zone]), true
	}
	return s.clocks[zone].wallTime
}

// attribute returns the values of the attribute of that number, and whether the account
// was read with it.
func (s *subject) attribute(number int) ([]string, bool) {
	if s.values == nil {
		if s.values = s.some[:]; len(s.made.names) > len(s.some) {
			s.values = make([]attributeValues, len(s.made.names))
		}
	}
	v := &s.values[number]
	if !v.looked {
		v.values, v.read = s.account.Attributes[s.made.names[number]]
		v.looked = true
	}
	return v.values, v.read
}

func (s *subject) name() (ad.Name, error) {
	if !s.dnRead {
		s.dn, s.dnErr = ad.ParseName(s.account.DN)
		s.dnRead = true
	}
	return s.dn, s.dnErr
}

// saw is what a test looked at, for a trace.
func (s *subject) saw(t *test) string {
	switch t.key {
	case "group":
		return "" // a person's SIDs say nothing to anybody
	case "ou":
		return s.account.DN
	case "department":
		return s.account.Department
	case "company", "location", "attribute":
		name, _, _ := strings.Cut(t.value, " = ")
		return strings.Join(s.account.Attributes[strings.ToLower(name)], ", ")
	case "network":
		if s.at.Address == (netip.Addr{}) {
			return ""
		}
		return s.at.Address.String()
	case "hours":
		return s.at.Now.UTC().Format(time.RFC3339)
	case "new_device":
		return string(s.at.Device)
	case "state":
		var held []string
		for _, one := range AccountStates {
			if stateHolds(s.account, one) {
				held = append(held, string(one))
			}
		}
		return strings.Join(held, ", ")
	}
	return ""
}

// Trace is what an evaluation looked at, rule by rule, until one decided.
type Trace struct {
	Rules []Step `json:"rules"`
}

// Step is one part of a condition as it was looked at. Value is what the policy asks
// for, Saw what there was. Error is the code of a condition's error.
type Step struct {
	Rule  string `json:"rule,omitempty"` // of the outermost ones
	Key   string `json:"key"`            // "who", "group", "any" …
	Value string `json:"value,omitempty"`
	Saw   string `json:"saw,omitempty"`
	Match bool   `json:"match"`
	Error string `json:"error,omitempty"`
	Parts []Step `json:"parts,omitempty"`
}

// rule begins the trace of a rule.
func (t *Trace) rule(name string) *Step {
	t.Rules = append(t.Rules, Step{Rule: name})
	return &t.Rules[len(t.Rules)-1]
}

func (s *Step) part() *Step {
	if s == nil {
		return nil
	}
	s.Parts = append(s.Parts, Step{})
	return &s.Parts[len(s.Parts)-1]
}

func (s *Step) answer(t *test, on *subject, match bool, err error) {
	s.Key, s.Value, s.Match = t.key, t.value, match
	if t.join == leaf {
		s.Saw = on.saw(t)
	}
	if err != nil {
		s.Error = err.Error()
	}
}
