package doctor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Look says how Text writes.
type Look struct {
	Colour bool
	Quiet  bool // leaves out what is right
}

// areas are their headings, in the order of an installation.
var areas = []struct{ id, title string }{
	{"config", "Configuration"}, {"secret", "Keys and passwords"}, {"data", "Data directory"}, {"db", "Database"},
	{"server", "Server"}, {"url", "Public address"}, {"ad", "Active Directory"}, {"policy", "Policies"},
	{"push", "Notifications"}, {"mail", "Mail"}, {"sms", "Codes by SMS"}, {"doctor", "The checks themselves"},
}

// Areas are the ids of the areas.
func Areas() []string {
	var out []string
	for _, a := range areas {
		out = append(out, a.id)
	}
	return out
}

func title(area string) string {
	for _, a := range areas {
		if a.id == area {
			return a.title
		}
	}
	return area
}

// group is what was found in one area, the best first.
type group struct {
	area  string
	worst Severity
	list  []Finding
}

// groups come with the worst last, where the eye is when the command has ended.
func (r *Report) groups() []group {
	byArea := map[string]*group{}
	var order []*group
	for _, a := range areas {
		byArea[a.id] = &group{area: a.id, worst: OK}
		order = append(order, byArea[a.id])
	}
	for _, f := range r.Findings() {
		g := byArea[Area(f.ID)]
		if g == nil {
			g = &group{area: Area(f.ID), worst: OK}
			byArea[g.area] = g
			order = append(order, g)
		}
		g.list, g.worst = append(g.list, f), max(g.worst, f.Severity)
	}
	var out []group
	for _, g := range order {
		if len(g.list) > 0 {
			slices.SortStableFunc(g.list, func(a, b Finding) int { return int(a.Severity - b.Severity) })
			out = append(out, *g)
		}
	}
	slices.SortStableFunc(out, func(a, b group) int { return int(a.worst - b.worst) })
	return out
}

// Text writes the report for people: by area, what is wrong last, a summary at
// the end. Names and answers from outside lose their control characters.
func (r *Report) Text(w io.Writer, look Look) error {
	p := &printer{out: bufio.NewWriter(w), look: look}
	for _, g := range r.groups() {
		if look.Quiet && g.worst == OK {
			continue
		}
		p.line(bold, title(g.area))
		for _, f := range g.list {
			p.finding(f)
		}
		p.line(none, "")
	}
	p.summary(r.Counts())
	return p.out.Flush()
}

type colour string

const (
	none   colour = ""
	bold   colour = "1"
	faint  colour = "2"
	red    colour = "1;31"
	green  colour = "32"
	yellow colour = "1;33"
	blue   colour = "36"
)

var marks = map[Severity]struct {
	word   string
	colour colour
}{
	OK: {"ok", green}, Note: {"note", blue}, Warning: {"warning", yellow}, Failure: {"FAILURE", red},
}

type printer struct {
	out  *bufio.Writer
	look Look
}

func (p *printer) paint(c colour, s string) string {
	if !p.look.Colour || c == none {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// line: an error to write shows when the printer is flushed.
func (p *printer) line(c colour, s string) { fmt.Fprintln(p.out, p.paint(c, s)) }

const (
	indent = "           "
	width  = 92
)

func (p *printer) finding(f Finding) {
	if f.Severity == OK && p.look.Quiet {
		return
	}
	mark := marks[f.Severity]
	subject := Plain(f.Subject)
	if subject != "" {
		subject += ": "
	}
	lines := wrapped(subject + Plain(f.Seen))
	fmt.Fprintf(p.out, "  %s%s\n", p.paint(mark.colour, fmt.Sprintf("%-9s", mark.word)), lines[0])
	for _, l := range lines[1:] {
		p.line(none, indent+l)
	}
	if f.Severity == OK {
		return
	}
	for _, l := range wrapped(f.Why + " [" + f.ID + "]") {
		p.line(faint, indent+l)
	}
	p.mend(f.Mend)
}

var toolNames = map[Tool]string{
	Shell: "Run", DSACLs: "Run (dsacls)", PowerShell: "Run (PowerShell)", SambaTool: "Run (samba-tool)", Config: "In the configuration",
	ByHand: "By hand",
}

func (p *printer) mend(lines []Line) {
	var last Tool
	for _, l := range lines {
		if l.Tool != last {
			name := toolNames[l.Tool]
			if name == "" {
				name = string(l.Tool)
			}
			p.line(none, indent+name+":")
			last = l.Tool
		}
		p.line(bold, indent+"    "+Plain(l.Text))
	}
}

func (p *printer) summary(counts map[Severity]int) {
	var parts []string
	for _, s := range []Severity{Failure, Warning, Note, OK} {
		n := counts[s]
		if n == 0 && (s == Note || s == OK) {
			continue
		}
		word := map[Severity]string{Failure: "failures", Warning: "warnings", Note: "notes", OK: "right"}[s]
		if n == 1 {
			word = strings.TrimSuffix(word, "s")
		}
		c := marks[s].colour
		if n == 0 {
			c = none
		}
		parts = append(parts, p.paint(c, fmt.Sprintf("%d %s", n, word)))
	}
	fmt.Fprintln(p.out, strings.Join(parts, ", "))
}

// wrapped breaks text between words. A word that is longer stays whole.
func wrapped(text string) []string {
	out, line := []string{}, ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width-len(indent) {
			out, line = append(out, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}

// Plain drops what could draw on a terminal: control characters and the signs
// that turn the direction of writing.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0, r >= 0x200e && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

// document is the JSON form; docs/doctor.md describes it.
type document struct {
	Format   int              `json:"format"`
	Latchkey string           `json:"latchkey"`
	At       time.Time        `json:"at"`
	Worst    Severity         `json:"worst"`
	Exit     int              `json:"exit"`
	Counts   map[Severity]int `json:"counts"`
	Findings []Finding        `json:"findings"`
}

// JSON writes the report for programs; version is the program's that checked.
func (r *Report) JSON(w io.Writer, version string, at time.Time, quiet bool) error {
	d := document{Format: 1, Latchkey: version, At: at.UTC(), Worst: r.Worst(), Exit: r.ExitCode(), Counts: r.Counts(), Findings: []Finding{}}
	for _, f := range r.Findings() {
		if !quiet || f.Severity != OK {
			d.Findings = append(d.Findings, f)
		}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(d)
}
