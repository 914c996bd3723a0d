// Package doctor is what the checks of an installation are made of. It checks
// nothing itself: each package checks what is its own and reports it here, so
// that the command, and whatever shows it later, say the same.
//
//	Kind     what can be found, once: a stable id, how bad it is, why it matters
//	Finding  a Kind as it was seen here, with the exact lines that mend it
//	Report   what one run found, good and bad, in the order it was looked at
package doctor

import (
	"fmt"
	"sync"
)

// Severity orders findings. The zero value is no severity, so that a forgotten
// one shows.
type Severity int

// From good to bad. Failure: something does not work, or is unsafe. Warning: it
// works, and will stop to, or is weaker than it should be.
const (
	_ Severity = iota
	OK
	Note
	Warning
	Failure
)

var severityNames = map[Severity]string{OK: "ok", Note: "note", Warning: "warning", Failure: "failure"}

func (s Severity) String() string {
	if name, ok := severityNames[s]; ok {
		return name
	}
	return fmt.Sprintf("severity %d", int(s))
}

// MarshalText is the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Kind is one thing that can be found. ID is stable ("ad.clock-skew"): scripts and
// the documentation name it. Why says what happens to people if it stays.
type Kind struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Why      string   `json:"why"`
}

// Line is one line to run, or to write into the configuration, as it stands.
type Line struct {
	Tool Tool   `json:"tool"`
	Text string `json:"text"`
}

// Tool says where a Line is typed.
type Tool string

// The tools of remedies.
const (
	DSACLs     Tool = "dsacls"
	PowerShell Tool = "powershell"
	SambaTool  Tool = "samba-tool"
	Shell      Tool = "shell"
	Config     Tool = "config"  // a line of the configuration file
	ByHand     Tool = "by-hand" // what to do where no command can
)

// Do says in words what mends something that no command can.
func Do(format string, args ...any) Line { return Line{ByHand, fmt.Sprintf(format, args...)} }

// Finding is a Kind as it was seen. Subject is what it is about: a controller, a
// unit, a file, a rule. Seen holds no secret.
type Finding struct {
	Kind
	Subject string `json:"subject"`
	Seen    string `json:"seen"`
	Mend    []Line `json:"mend,omitempty"`
}

// Report takes findings, from any goroutine. The zero value is empty.
type Report struct {
	mu   sync.Mutex
	list []Finding
}

// Good reports that a check found nothing wrong. area is the check's name, such
// as "ad.clock".
func (r *Report) Good(area, subject, seen string) {
	r.add(Finding{Kind: Kind{ID: area, Severity: OK}, Subject: subject, Seen: seen})
}

// Found reports one finding of a Kind.
func (r *Report) Found(k Kind, subject, seen string, mend ...Line) {
	r.add(Finding{Kind: k, Subject: subject, Seen: seen, Mend: mend})
}

func (r *Report) add(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, f)
}

// Add takes over what another report holds.
func (r *Report) Add(other *Report) {
	for _, f := range other.Findings() {
		r.add(f)
	}
}

// Mend replaces each line that mends something.
func (r *Report) Mend(replace func(Line) Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.list {
		lines := make([]Line, 0, len(f.Mend)) // those of the finding may be shared
		for _, l := range f.Mend {
			lines = append(lines, replace(l))
		}
		r.list[i].Mend = lines
	}
}

// Findings returns what was reported, in order.
func (r *Report) Findings() []Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Finding(nil), r.list...)
}

// Worst is the worst severity reported; OK when there is nothing.
func (r *Report) Worst() Severity {
	worst := OK
	for _, f := range r.Findings() {
		worst = max(worst, f.Severity)
	}
	return worst
}

// Of are the findings of one kind.
func (r *Report) Of(k Kind) []Finding {
	var out []Finding
	for _, f := range r.Findings() {
		if f.ID == k.ID && f.Severity != OK {
			out = append(out, f)
		}
	}
	return out
}
