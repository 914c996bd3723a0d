package ad

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey/latchkey/doctor"
)

// DoctorConfig says what the rest of the configuration asks of the directory.
type DoctorConfig struct {
	// OUs are the units that policies speak of (DNs): the service account needs
	// its rights below each. None is the base.
	OUs []string
	// Groups are the groups that policies name (DNs).
	Groups []string
	// Sample bounds the people of one unit whose permissions are looked at, and
	// the protected accounts; 0 is 100.
	Sample int
	// Timeout bounds each check; 0 is the client's time-out for an operation.
	Timeout time.Duration

	// ports tells where plain LDAP and LDAPS of a host are; nil is 389 and 636.
	ports func(host string) (plain, secure string)
}

// The bounds that separate right from doubtful.
const (
	slowAnswer     = 200 * time.Millisecond
	clockDrift     = time.Minute
	clockSkew      = 5 * time.Minute // what Kerberos allows (RFC 4120 8.2)
	certificateEnd = 30 * 24 * time.Hour
	passwordEnd    = 14 * 24 * time.Hour
	oldPassword    = 365 * 24 * time.Hour
	lowThreshold   = 5
	shortPassword  = 8
	shortMaxAge    = 30 * 24 * time.Hour
	maxExamples    = 3
	levelWithPSOs  = 3 // DS_BEHAVIOR_WIN2008 (MS-ADTS 6.1.4.4)
)

// Doctor examines every controller, the service accounts, their rights and the
// domain's policy, and reports what it found; see DoctorKinds. It writes nothing
// to the directory. A service account that is refused once is not tried again,
// and no password goes anywhere but through verified TLS.
func (c *Client) Doctor(ctx context.Context, cfg DoctorConfig, r *doctor.Report) {
	if cfg.Sample <= 0 {
		cfg.Sample = 100
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = c.timeout
	}
	if cfg.ports == nil {
		cfg.ports = func(string) (string, string) { return "389", "636" }
	}
	x := &exam{c: c, cfg: cfg, r: r}
	defer x.close()
	x.reach(ctx)
	x.bindAll(ctx)
	x.together()
	if on := x.best(); on != nil {
		x.look(ctx, on)
	}
}

// exam is one run.
type exam struct {
	c      *Client
	cfg    DoctorConfig
	r      *doctor.Report
	visits []*visit   // by controller, as configured
	on     *visit     // whose connections the checks below use
	own    [2]servant // by service; the same twice where the accounts are
	base   string     // bounds who is found
	head   string     // of the domain
	hasPSO bool       // the policy for service accounts exists, or its making was shown
}

// visit is what one controller showed.
type visit struct {
	at    *controller
	trust bool // its TLS is as the client demands it
	root  rootFacts
	known bool     // root was read
	conns [2]*conn // bound, by service
	info  *rootInfo
	pdc   pdcFacts
}

func (x *exam) close() {
	for _, v := range x.visits {
		for i, on := range v.conns {
			if on != nil && (i == 0 || on != v.conns[0]) {
				on.close()
			}
		}
	}
}

// best is the controller that Latchkey would write to: the PDC emulator, or else
// the first that is writable, or at least answers.
func (x *exam) best() *visit {
	var best *visit
	rank := -1
	for _, v := range x.visits {
		n := -1
		switch {
		case v.conns[reading] == nil:
		case v.info.pdc && v.info.writable:
			n = 2
		case v.info.writable:
			n = 1
		default:
			n = 0
		}
		if n > rank {
			best, rank = v, n
		}
	}
	return best
}

// look is what needs a bound service account.
func (x *exam) look(ctx context.Context, on *visit) {
	x.on = on
	x.head = on.info.base
	x.base = x.head
	if x.c.cfg.BaseDN != "" {
		x.base = x.c.cfg.BaseDN
	}
	x.checkBase(ctx)
	x.checkPolicy(ctx)
	x.checkServices(ctx)
	x.checkNamed(ctx)
	for _, ou := range x.units() {
		x.checkUnit(ctx, ou)
	}
	x.checkProtected(ctx)
}

// units are where the rights are needed.
func (x *exam) units() []string {
	if len(x.cfg.OUs) == 0 {
		return []string{x.base}
	}
	var out []string
	seen := map[string]bool{}
	for _, ou := range x.cfg.OUs {
		if key := strings.ToLower(ou); !seen[key] {
			seen[key] = true
			out = append(out, ou)
		}
	}
	return out
}

// result is what one check found.
type result struct {
	subject  string
	findings []doctor.Finding
}

func (f *result) found(k doctor.Kind, seen string, mend ...[]doctor.Line) {
	f.about(f.subject, k, seen, mend...)
}

// about reports on something else than the check's subject.
func (f *result) about(subject string, k doctor.Kind, seen string, mend ...[]doctor.Line) {
	f.findings = append(f.findings, doctor.Finding{Kind: k, Subject: clean(subject), Seen: clean(seen), Mend: lines(mend...)})
}

// check runs one check within its time, and reports what it found, or that all
// is well: seen then says what was looked at. An error is a finding too.
func (x *exam) check(ctx context.Context, area, subject string, f func(context.Context, *result) (seen string, err error)) {
	examine(ctx, x.r, x.cfg.Timeout, area, subject, f)
}

func examine(ctx context.Context, r *doctor.Report, limit time.Duration, area, subject string,
	f func(context.Context, *result) (string, error)) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := &result{subject: subject}
	seen, err := f(ctx, out)
	if err != nil {
		out.found(kindCheckFailed, "check ad."+area+": "+explain(err))
	}
	for _, one := range out.findings {
		r.Found(one.Kind, one.Subject, one.Seen, one.Mend...)
	}
	if len(out.findings) == 0 {
		r.Good("ad."+area, clean(subject), clean(seen))
	}
}

// explain is an error for people, without packets.
func explain(err error) string {
	if r := refused(err); r != nil {
		return fmt.Sprintf("LDAP result %d (%s)", r.ResultCode, diagnosticOf(r))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// clean makes a text from the directory fit for a terminal: bounded, one line,
// and nothing that can't be seen.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxText {
		s = cut(s, maxText-len("…")) + "…"
	}
	return s
}

// some names the first few of a list.
func some(names []string) string {
	if len(names) <= maxExamples {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:maxExamples], "; "), len(names)-maxExamples)
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }
