package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Check looks at one thing and reports what it found. Name is the beginning of
// the ids that it reports, such as "url.tls".
type Check struct {
	Name string
	Run  func(ctx context.Context, r *Report)
}

// Kinds of the run itself.
var (
	Unfinished = Kind{"doctor.unfinished", Failure, "A check that does not end says nothing. Often a disk or a server of the network hangs, and what people do then hangs too."}
	Crashed    = Kind{"doctor.crashed", Failure, "A check that broke off says nothing. This is a defect of Latchkey: please report the text."}
)

// Kinds are the kinds of this package.
var Kinds = []Kind{Unfinished, Crashed}

// grace is what a check gets beyond its time to say that it ran out of it.
const grace = time.Second

// Run runs the checks at once, each within the time, and returns what they
// reported in the order of the checks, however they finished. A check that does
// not come back is left behind and reported.
func Run(ctx context.Context, within time.Duration, checks ...Check) *Report {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	parts := make([]*Report, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { parts[i] = c.run(ctx) })
	}
	all.Wait()
	out := &Report{}
	for _, p := range parts {
		out.list = append(out.list, p.Findings()...)
	}
	return out
}

// run hands out what was reported by the end of the time. Whatever a check that
// was left behind reports later, nobody reads.
func (c Check) run(ctx context.Context) *Report {
	own, done := &Report{}, make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if cause := recover(); cause != nil {
				own.Found(Crashed, c.Name, fmt.Sprint(cause))
			}
		}()
		c.Run(ctx, own)
	}()
	select {
	case <-done:
		return own
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-done:
		return own
	case <-late.C:
	}
	kept := &Report{list: own.Findings()}
	kept.Found(Unfinished, c.Name, "The check did not come back in time.")
	return kept
}

// Area is the part of an id before the first dot: "url" of "url.tls-chain".
func Area(id string) string {
	area, _, _ := strings.Cut(id, ".")
	return area
}

// Counts says how many findings there are of each severity.
func (r *Report) Counts() map[Severity]int {
	out := map[Severity]int{}
	for _, f := range r.Findings() {
		out[f.Severity]++
	}
	return out
}

// ExitCode is what a command that ran the checks ends with: 0 for nothing worse
// than a note, 3 for warnings, 4 for failures. 1 and 2 mean that nothing was
// checked.
func (r *Report) ExitCode() int {
	switch r.Worst() {
	case Warning:
		return 3
	case Failure:
		return 4
	}
	return 0
}

// Only keeps the findings of some areas, and those about the checks themselves.
func (r *Report) Only(areas ...string) *Report {
	out := &Report{}
	for _, f := range r.Findings() {
		if a := Area(f.ID); a == "doctor" || slices.Contains(areas, a) {
			out.list = append(out.list, f)
		}
	}
	return out
}
