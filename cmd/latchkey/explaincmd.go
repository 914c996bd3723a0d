package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

type configExplainCmd struct {
	Config, Person, Kind string
	Holds                []string
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

	Holds     []enroll.ProofKind `json:"holds"`          // null where it is not known
	Void      []enroll.ProofKind `json:"void,omitempty"` // what of theirs proves nothing any more, and ranks
	Supposed  bool               `json:"supposed,omitempty"`
	Unread    string             `json:"unread,omitempty"`    // why it is not known
	SignedIn  []string           `json:"signed_in,omitempty"` // proofs that count for them, as in terms
	WayIn     []string           `json:"way_in,omitempty"`    // those that let them in without a passkey
	Lacks     *lacks             `json:"lacks,omitempty"`     // of hold
	Approvers *int               `json:"approvers,omitempty"` // who could be asked

	Sees   workflow.Seen     `json:"sees"`
	Code   string            `json:"code,omitempty"`
	Params map[string]string `json:"params,omitempty"` // of the code, as the server's problem has them
	Text   string            `json:"text,omitempty"`
	Detail string            `json:"detail,omitempty"` // the finding that decided
}

// lacks is what somebody has to hold, and does not.
type lacks struct {
	Proofs  []enroll.ProofKind `json:"proofs"`
	By      time.Time          `json:"by,omitzero"`
	Overdue bool               `json:"overdue"`
}

// explainHelp is what --help adds.
const explainHelp = `Reads the person from the directory, and what they hold from the server's database,
and answers as the server does to this person: each rule up to the one that decides,
each condition with what it saw, the proofs and approvals that follow, which of them
count for somebody who holds what they hold, which let them in without a passkey, how
many could be asked to approve, and what the person sees: a refusal with its reason, a
cool-down with its end, a duty that is overdue. It writes nothing; a server may run.

Where the database can't be read, it is told as far as the policy goes. --holds supposes
what they hold, and reads no database: nothing was replaced lately then, nothing is
frozen, and the first passkey is of that moment. Requests that are open, limits that are
used up, and passwords are not looked at.`

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
	supposed, err := supposedHeld(c.Holds)
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
	of := r.standingOf(ctx, cfg, who, supposed, at.Now)
	x := explain(ctx, r.resolve(ctx, cfg), who, kind, at, of)
	if err := of.close(); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, x)
	}
	x.print(s.out)
	return nil
}

func explain(ctx context.Context, p workflow.Policy, who ad.Account, kind workflow.Kind, at workflow.Circumstances, of standing) explained {
	var found workflow.Explanation
	if of.known == nil {
		found = workflow.Explain(p, who, kind, at)
	} else {
		found = workflow.ExplainKnown(ctx, workflow.ExplainConfig{Policy: p, Known: of.known, People: of.people}, who, kind, at)
	}
	x := explained{
		Person: plainName(who), Account: plainText(who.SAMAccountName), GUID: who.GUID.String(), Kind: kind,
		Device: at.Device, At: at.Now.Format(time.RFC3339), Policy: p.Hash, Rules: found.Trace.Rules, Sees: found.Seen, Code: found.Code,
		Supposed: of.supposed,
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
		var detailed *workflow.Detailed
		if errors.As(found.Err, &detailed) {
			x.Params = detailed.Params
		}
	}
	if of.unread != nil {
		x.Unread = plainText(of.unread.Error())
	}
	if found.Known != nil {
		x.stands(*found.Known, of)
	}
	return x
}

func (x *explained) stands(k workflow.Stands, of standing) {
	x.Holds = append([]enroll.ProofKind{}, of.held...)
	slices.Sort(x.Holds)
	for _, kind := range of.ranks {
		if !slices.Contains(of.held, kind) {
			x.Void = append(x.Void, kind)
		}
	}
	x.SignedIn, x.WayIn = k.Left, k.Ways
	if k.Asked >= 0 {
		x.Approvers = &k.Asked
	}
	if d := k.Lacks; d != nil {
		x.Lacks = &lacks{Proofs: d.Missing, By: d.By, Overdue: d.Overdue}
	}
}

func kindWords() string { return kindList(workflow.Kinds) }

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
	fmt.Fprintln(out, "holds:     "+x.holds())
	x.printTerms(out)
	if x.Hold != "" {
		fmt.Fprintln(out, "must hold: "+x.Hold)
	}
	if x.Lacks != nil {
		fmt.Fprintln(out, "lacks:     "+x.Lacks.words())
	}
	fmt.Fprintln(out, "sees:      "+x.sees())
}

func (x explained) printTerms(out io.Writer) {
	t := x.Terms
	if t == nil {
		return
	}
	fmt.Fprintf(out, "proofs:    %s\napprovals: %s\n", proofWords(t), approvalWords(t))
	if t.CoolDown != "" {
		fmt.Fprintf(out, "cool-down: after a proof of theirs was added, replaced or removed, waits %s\n", t.CoolDown)
	}
	if x.SignedIn != nil {
		fmt.Fprintf(out, "signed in: %s\n", anyOf(x.SignedIn))
	}
	if x.Holds != nil {
		fmt.Fprintf(out, "way in:    without a passkey: %s\n", cmp.Or(anyOf(x.WayIn), "none"))
	}
	if x.Approvers != nil {
		fmt.Fprintf(out, "asked:     %s\n", approverWords(*x.Approvers))
	}
}

func approverWords(n int) string {
	if n > 0 {
		return fmt.Sprintf("%d who could approve now", n)
	}
	title, code := server.Title(workflow.ErrNoApprover)
	return fmt.Sprintf("nobody could approve now; asking is refused: %s (%s)", title, code)
}

func (x explained) holds() string {
	switch words := cmp.Or(kindList(x.Holds), "nothing"); {
	case x.Holds == nil:
		return fmt.Sprintf("not known, see --holds: %s", x.Unread)
	case x.Supposed:
		return words + ", as supposed"
	case x.Void != nil:
		return words + "; no more, but for its rank: " + kindList(x.Void)
	default:
		return words
	}
}

func (l lacks) words() string {
	words := kindList(l.Proofs)
	switch {
	case l.Overdue && l.By.IsZero():
		return words + ", overdue"
	case l.Overdue:
		return words + ", overdue since " + l.By.UTC().Format(time.RFC3339)
	case l.By.IsZero():
		return words + ", in the time that begins with the first passkey"
	}
	return words + ", by " + l.By.UTC().Format(time.RFC3339)
}

func (x explained) sees() string {
	why := fmt.Sprintf("%s (%s)", x.Text, x.Code)
	if until := x.Params["until"]; until != "" {
		why += ", until " + until
	}
	if proofs := x.Params["proofs"]; proofs != "" {
		why += ", " + proofs
	}
	switch x.Sees {
	case workflow.SeenOffered:
		if x.Holds == nil {
			return string(x.Kind) + " is shown, as far as the policy goes"
		}
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

func proofWords(t *workflow.Terms) string { return anyOf(t.Prove) }

func anyOf(alternatives []string) string { return strings.Join(alternatives, ", or ") }

func approvalWords(t *workflow.Terms) string {
	if len(t.Approve) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s (number: %s)", strings.Join(t.Approve, "; then "), t.Number)
}
