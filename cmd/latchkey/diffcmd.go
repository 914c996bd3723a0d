package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

type configDiffCmd struct {
	Old, New string
	People   []string
	circumstances
	JSON bool
}

// turned is one person whom two versions treat differently.
type turned struct {
	Person      string                   `json:"person"`
	Account     string                   `json:"account"`
	GUID        string                   `json:"objectGUID"`
	Differences []workflow.Difference    `json:"differences"`
	Hold        *workflow.HoldDifference `json:"hold,omitempty"`
}

// counted are the numbers at the end.
type counted struct {
	People    int `json:"people"`
	Protected int `json:"protected"` // left out: Latchkey never acts for them
	Differ    int `json:"differ"`
	Gains     int `json:"gains"`
	Loses     int `json:"loses"`
	Changes   int `json:"changes"`
	Errors    int `json:"errors"`
	Holds     int `json:"holds"` // who have to hold something else
}

const allPeople = "all"

// Run compares what two versions give to people, as the directory of the new one
// has them.
func (c configDiffCmd) Run(ctx context.Context, s streams) error {
	at, err := c.read()
	if err != nil {
		return err
	}
	if slices.Contains(c.People, allPeople) && len(c.People) > 1 {
		return errors.New("--people: all stands alone, without names")
	}
	before, err := loadPolicies(c.Old, s)
	if err != nil {
		return err
	}
	after, err := loadPolicies(c.New, s)
	if err != nil {
		return err
	}
	r, err := openPolicies(after, s, before.Attributes()...)
	if err != nil {
		return err
	}
	defer r.dir.Close()
	d := diff{reader: r, before: r.resolve(ctx, before), after: r.resolve(ctx, after), at: at, tell: newProgress(s.err)}
	defer d.tell.end()
	if err := d.all(ctx, c.People); err != nil {
		return err
	}
	d.tell.end()
	if c.JSON {
		return printJSON(s.out, struct {
			People []turned `json:"people"`
			Counts counted  `json:"counts"`
		}{append([]turned{}, d.found...), d.counts})
	}
	d.print(s.out)
	return nil
}

type diff struct {
	reader        policyReader
	before, after workflow.Policy
	at            workflow.Circumstances
	tell          *progress

	found  []turned
	counts counted
}

// all compares everybody who is named, or everybody.
func (d *diff) all(ctx context.Context, names []string) error {
	if !slices.Contains(names, allPeople) {
		for _, name := range names {
			who, err := d.reader.person(ctx, name)
			if err != nil {
				return err
			}
			d.add(who)
		}
		return nil
	}
	// 16 bytes each; what is read of them is let go batch by batch.
	var people []ad.GUID
	seen := map[ad.GUID]bool{}
	err := d.reader.dir.Everybody(ctx, func(page []ad.GUID) error {
		for _, g := range page {
			if !seen[g] {
				seen[g], people = true, append(people, g)
			}
		}
		d.tell.say("%d people found", len(people))
		return nil
	})
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(people, readBatch) {
		if err := d.batch(ctx, batch); err != nil {
			return err
		}
		d.tell.say("%d of %d people compared", d.counts.People, len(people))
	}
	return nil
}

// readBatch are read at a time, readers of them at once: half of the connections
// that a directory keeps.
const (
	readBatch = 200
	readers   = 4
)

func (d *diff) batch(ctx context.Context, people []ad.GUID) error {
	accounts, errs := make([]ad.Account, len(people)), make([]error, len(people))
	var running sync.WaitGroup
	for n := range readers {
		running.Go(func() {
			for i := n; i < len(people); i += readers {
				accounts[i], errs[i] = d.reader.dir.Account(ctx, people[i])
			}
		})
	}
	running.Wait()
	for i, who := range accounts {
		switch {
		case errors.Is(errs[i], ad.ErrNotFound): // deleted meanwhile
		case errs[i] != nil:
			return fmt.Errorf("read %s: %w", people[i], errs[i]) // a list that lacks somebody must not look whole
		default:
			d.add(who)
		}
	}
	return nil
}

func (d *diff) add(who ad.Account) {
	d.counts.People++
	if workflow.Protected(who) != nil {
		d.counts.Protected++
		return
	}
	differences := workflow.Compare(d.before, d.after, who, d.at)
	hold := workflow.CompareHolds(d.before, d.after, who, d.at)
	if len(differences) == 0 && hold == nil {
		return
	}
	d.counts.Differ++
	if hold != nil {
		d.counts.Holds++
	}
	for _, one := range differences {
		switch one.Turn {
		case workflow.Gains:
			d.counts.Gains++
		case workflow.Loses:
			d.counts.Loses++
		case workflow.Changes:
			d.counts.Changes++
		case workflow.Breaks:
			d.counts.Errors++
		}
	}
	d.found = append(d.found, turned{plainName(who), plainText(who.SAMAccountName), who.GUID.String(), append([]workflow.Difference{}, differences...), hold})
}

func (d *diff) print(out io.Writer) {
	for _, one := range d.found {
		fmt.Fprintf(out, "%s (%s)\n", one.Person, one.Account)
		for _, x := range one.Differences {
			fmt.Fprintf(out, "  %-8s %-8s %s\n", x.Kind, x.Turn, differenceWords(x))
		}
		if one.Hold != nil {
			turn, words := holdWords(*one.Hold)
			fmt.Fprintf(out, "  %-8s %-8s %s\n", "hold", turn, words)
		}
	}
	if len(d.found) > 0 {
		fmt.Fprintln(out)
	}
	c := d.counts
	fmt.Fprintf(out, "%d of %d people differ: %d gains, %d losses, %d changes, %d errors; %d have to hold something else; %d protected people left out\n",
		c.Differ, c.People, c.Gains, c.Loses, c.Changes, c.Errors, c.Holds, c.Protected)
}

// holdWords says what somebody has to hold from now on, or no longer.
func holdWords(x workflow.HoldDifference) (turn, text string) {
	switch {
	case x.Before == "":
		return "begins", x.After
	case x.After == "":
		return "ends", "had to hold " + x.Before
	}
	return "changes", x.Before + " → " + x.After
}

func differenceWords(x workflow.Difference) string {
	switch x.Turn {
	case workflow.Gains:
		return termWords(x.After)
	case workflow.Changes:
		var parts []string
		if was, is := proofWords(x.Before), proofWords(x.After); was != is {
			parts = append(parts, "proofs: "+was+" → "+is)
		}
		if was, is := approvalWords(x.Before), approvalWords(x.After); was != is {
			parts = append(parts, "approvals: "+was+" → "+is)
		}
		if was, is := cmp.Or(x.Before.CoolDown, "none"), cmp.Or(x.After.CoolDown, "none"); was != is {
			parts = append(parts, "cool-down: "+was+" → "+is)
		}
		return strings.Join(parts, "; ") + fmt.Sprintf(" (rule %q)", x.After.Rule)
	}
	why := x.Code
	if x.Rule != "" {
		why += fmt.Sprintf(" (rule %q)", x.Rule)
	}
	if x.Before != nil {
		why += "; had " + termWords(x.Before)
	}
	return why
}

func termWords(t *workflow.Terms) string {
	words := fmt.Sprintf("proofs: %s; approvals: %s", proofWords(t), approvalWords(t))
	if t.CoolDown != "" {
		words += "; cool-down: " + t.CoolDown
	}
	return words + fmt.Sprintf(" (rule %q)", t.Rule)
}

// progress tells on standard error what goes on, once it takes longer than a second
// and then once a second.
type progress struct {
	out  io.Writer
	last time.Time
	said bool
}

func newProgress(out io.Writer) *progress { return &progress{out: out, last: time.Now()} }

func (p *progress) say(format string, args ...any) {
	if time.Since(p.last) < time.Second {
		return
	}
	p.last, p.said = time.Now(), true
	fmt.Fprintf(p.out, "\r"+format, args...)
}

func (p *progress) end() {
	if p.said {
		fmt.Fprintln(p.out)
		p.said = false
	}
}
