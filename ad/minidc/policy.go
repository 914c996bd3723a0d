package minidc

import (
	"bytes"
	"slices"
	"time"
)

// Policy is the domain's, or a fine-grained, password and lockout policy.
// Zero durations mean: no maximum age, locked until unlocked.
type Policy struct {
	MinLength         int
	Complexity        bool
	History           int
	MinAge            time.Duration
	MaxAge            time.Duration
	LockoutThreshold  int // 0 never locks
	LockoutDuration   time.Duration
	ObservationWindow time.Duration
}

// ticks is an interval as the directory writes it: negative, 100 ns.
func ticks(d time.Duration) int64 { return -int64(d / 100) }

const never = -1 << 63

// span reads an interval; 0 and the smallest number mean none.
func span(v int64) time.Duration {
	if v >= 0 || v == never || v < -(1<<62)/100 {
		return 0
	}
	return time.Duration(-v) * 100
}

// domainPolicy reads the policy from the domain's head.
func (d *directory) domainPolicy() Policy {
	r := d.root
	return Policy{
		MinLength:         int(r.number("minpwdlength")),
		Complexity:        r.number("pwdproperties")&1 != 0,
		History:           int(r.number("pwdhistorylength")),
		MinAge:            span(r.number("minpwdage")),
		MaxAge:            span(r.number("maxpwdage")),
		LockoutThreshold:  int(r.number("lockoutthreshold")),
		LockoutDuration:   span(r.number("lockoutduration")),
		ObservationWindow: span(r.number("lockoutobservationwindow")),
	}
}

// policyFor is the policy that applies to one account.
func (d *directory) policyFor(e *entry) Policy {
	p := d.resultantPSO(e)
	if p == nil {
		return d.domainPolicy()
	}
	return Policy{
		MinLength:         int(p.number("msds-minimumpasswordlength")),
		Complexity:        p.first("msds-passwordcomplexityenabled") == "TRUE",
		History:           int(p.number("msds-passwordhistorylength")),
		MinAge:            span(p.number("msds-minimumpasswordage")),
		MaxAge:            span(p.number("msds-maximumpasswordage")),
		LockoutThreshold:  int(p.number("msds-lockoutthreshold")),
		LockoutDuration:   span(p.number("msds-lockoutduration")),
		ObservationWindow: span(p.number("msds-lockoutobservationwindow")),
	}
}

// resultantPSO is the fine-grained policy that wins for an account, or nil
// (MS-ADTS 3.1.1.4.5.36): its own before a group's, then the lowest
// precedence, then the smallest GUID.
func (d *directory) resultantPSO(e *entry) *entry {
	if !e.isUser() || e.is("computer") || e.sid == d.domain.child(502) {
		return nil
	}
	own := e.back["msds-psoappliesto"]
	if len(own) == 0 {
		for _, g := range d.groupsOf(e) {
			own = append(own, g.back["msds-psoappliesto"]...)
		}
	}
	if len(own) == 0 {
		return nil
	}
	return slices.MinFunc(own, func(a, b *entry) int {
		if p, q := a.number("msds-passwordsettingsprecedence"), b.number("msds-passwordsettingsprecedence"); p != q {
			return int(p - q)
		}
		return bytes.Compare(a.guid[:], b.guid[:])
	})
}

// groupsOf are the security groups of an account, nested, with the primary
// group: what tokenGroups shows.
func (d *directory) groupsOf(e *entry) []*entry {
	var out []*entry
	seen := map[*entry]bool{e: true}
	var add func(g *entry)
	add = func(g *entry) {
		if g == nil || seen[g] || !g.security() || g.number("grouptype")&groupLocal != 0 && !d.owns(g) {
			return
		}
		seen[g] = true
		out = append(out, g)
		for _, up := range g.back["member"] {
			add(up)
		}
	}
	add(d.primaryGroup(e))
	for _, g := range e.back["member"] {
		add(g)
	}
	return out
}

func (d *directory) primaryGroup(e *entry) *entry {
	rid := e.number("primarygroupid")
	if rid <= 0 || rid > 1<<32-1 {
		return nil
	}
	return d.bySID(d.domain.child(uint32(rid)))
}
