package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

type configExplainCmd struct {
	Config, Person, Kind string
	circumstances
	JSON bool
}

// explained is the answer, as --json prints it.
type explained struct {
	Person  string          `json:"person"`
	Account string          `json:"account"`
	GUID    string          `json:"objectGUID"`
	Kind    workflow.Kind   `json:"kind"`
	From    string          `json:"from,omitempty"`
	Device  workflow.Device `json:"device,omitempty"`
	At      string          `json:"at"`
	Policy  string          `json:"policy"`
	Rule    string          `json:"rule,omitempty"` // that decided
	Rules   []workflow.Step `json:"rules"`          // up to the one that decided
	Terms   *workflow.Terms `json:"terms,omitempty"`
	Hold    string          `json:"hold,omitempty"` // what the rule wants people to hold
	Sees    workflow.Seen   `json:"sees"`
	Code    string          `json:"code,omitempty"`
	Text    string          `json:"text,omitempty"`
	Detail  string          `json:"detail,omitempty"` // the finding that decided
}

// Run reads the person from the directory and evaluates as the server would.
func (c configExplainCmd) Run(ctx context.Context, s streams) error {
	kind := workflow.Kind(c.Kind)
	if !slices.Contains(workflow.Kinds, kind) {
		return fmt.Errorf("--kind: %q is none of %s", c.Kind, kindWords())
	}
	at, err := c.read()
	if err != nil {
		return err
	}
	cfg, err := loadPolicies(c.Config, s)
	if err != nil {
		return err
	}
	r, err := openPolicies(cfg, s)
	if err != nil {
		return err
	}
	defer r.dir.Close()
	who, err := r.person(ctx, c.Person)
	if err != nil {
		return err
	}
	x := explain(r.resolve(ctx, cfg), who, kind, at)
	if c.JSON {
		return printJSON(s.out, x)
	}
	x.print(s.out)
	return nil
}

func explain(p workflow.Policy, who ad.Account, kind workflow.Kind, at workflow.Circumstances) explained {
	found := workflow.Explain(p, who, kind, at)
	x := explained{
		Person: plainName(who), Account: plainText(who.SAMAccountName), GUID: who.GUID.String(), Kind: kind,
		Device: at.Device, At: at.Now.Format(time.RFC3339), Policy: p.Hash, Rules: found.Trace.Rules, Sees: found.Seen, Code: found.Code,
	}
	if at.Address.IsValid() {
		x.From = at.Address.String()
	}
	last := found.Decision.Findings[len(found.Decision.Findings)-1]
	// A rule in error decides without having matched.
	x.Rule, x.Terms, x.Hold = cmp.Or(found.Decision.Rule, last.Rule), found.Terms, found.Hold
	if found.Err != nil {
		x.Text, _ = server.Title(found.Err)
		x.Detail = last.Code
	}
	return x
}

func kindWords() string {
	words := make([]string, len(workflow.Kinds))
	for i, k := range workflow.Kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (x explained) print(out io.Writer) {
	from := "an address that is not known (see --from)"
	if x.From != "" {
		from = x.From
	}
	with := ""
	switch {
	case x.Device != "":
		with = fmt.Sprintf(", with a %s browser", x.Device)
	case x.Code != "" && x.Detail == "device-unknown":
		with = ", with a browser that nobody looked at (see --device)"
	}
	fmt.Fprintf(out, "%s (%s), %s, from %s%s, at %s\n\n", x.Person, x.Account, x.Kind, from, with, x.At)
	for i, rule := range x.Rules {
		answer := "does not match"
		switch {
		case rule.Error != "":
			answer = "is in error and denies: " + rule.Error
		case rule.Match && i == len(x.Rules)-1:
			answer = "matches and decides"
		}
		fmt.Fprintf(out, "rule %q %s\n", rule.Rule, answer)
		printSteps(out, rule.Parts, "  ")
	}
	if x.Rule == "" {
		fmt.Fprintln(out, "no rule matches")
	}
	fmt.Fprintln(out)
	if t := x.Terms; t != nil {
		fmt.Fprintf(out, "proofs:    %s\napprovals: %s\n", proofWords(t), approvalWords(t))
		if t.CoolDown != "" {
			fmt.Fprintf(out, "cool-down: after a proof of theirs was added, replaced or removed, waits %s\n", t.CoolDown)
		}
	}
	if x.Hold != "" {
		fmt.Fprintln(out, "must hold: "+x.Hold)
	}
	fmt.Fprintln(out, "sees:      "+x.sees())
}

func (x explained) sees() string {
	why := fmt.Sprintf("%s (%s)", x.Text, x.Code)
	switch x.Sees {
	case workflow.SeenOffered:
		return string(x.Kind) + " is shown"
	case workflow.SeenNothing:
		return fmt.Sprintf("%s is not shown; asked for all the same: %s, %s", x.Kind, why, x.Detail)
	case workflow.SeenMistaken:
		return fmt.Sprintf("%s is refused, since a rule is in error: %s, %s", x.Kind, why, x.Detail)
	}
	return fmt.Sprintf("%s is refused: %s", x.Kind, why)
}

func printSteps(out io.Writer, steps []workflow.Step, indent string) {
	for _, s := range steps {
		answer := "no"
		switch {
		case s.Error != "":
			answer = "error: " + s.Error
		case s.Match:
			answer = "yes"
		}
		line := indent + s.Key
		if s.Value != "" {
			line += " " + plainText(s.Value)
		}
		line += ": " + answer
		if s.Saw != "" {
			line += " (" + plainText(s.Saw) + ")"
		}
		fmt.Fprintln(out, line)
		printSteps(out, s.Parts, indent+"  ")
	}
}

func proofWords(t *workflow.Terms) string { return strings.Join(t.Prove, ", or ") }

func approvalWords(t *workflow.Terms) string {
	if len(t.Approve) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s (number: %s)", strings.Join(t.Approve, "; then "), t.Number)
}
