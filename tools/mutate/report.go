package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// report counts, and tells of each survivor.
type report struct {
	out           io.Writer
	reasons       map[string]string
	whole         bool // nothing was left out
	killed, total int
	known         int
	alive         map[string]bool
}

func (r *report) add(w *work, alive []int) {
	if r.alive == nil {
		r.alive = map[string]bool{}
	}
	r.killed += len(w.chosen) - len(alive)
	r.total += len(w.chosen)
	fmt.Fprintf(r.out, "%s: %d of %d mutants killed\n", w.dir, len(w.chosen)-len(alive), len(w.chosen))
	for _, id := range alive {
		m := w.mutants[id]
		r.alive[m.key()] = true
		if reason := r.reasons[m.key()]; reason != "" {
			r.known++
			fmt.Fprintf(r.out, "  survives: %s (line %d)\n    %s\n", m.key(), m.line, reason)
			continue
		}
		fmt.Fprintf(r.out, "  SURVIVES, NO REASON: %s (line %d)\n", m.key(), m.line)
	}
}

// end says how it came out. A reason that fits no survivor is an error where all
// mutants were tried: the list is what is true, or worth nothing.
func (r *report) end(all []*work) error {
	fmt.Fprintf(r.out, "%d of %d mutants killed (%.1f percent); %d survive with a reason, %d without\n",
		r.killed, r.total, 100*float64(r.killed)/float64(max(r.total, 1)), r.known, len(r.alive)-r.known)
	stale := 0
	if r.whole {
		for _, key := range slices.Sorted(maps.Keys(r.reasons)) {
			if !r.alive[key] {
				stale++
				fmt.Fprintf(r.out, "  a reason for what does not survive: %s\n", key)
			}
		}
	}
	switch {
	case r.total == 0:
		return fmt.Errorf("no mutant was tried")
	case r.killed*100 < bar*r.total:
		return fmt.Errorf("%d of %d killed: the bar is %d percent", r.killed, r.total, bar)
	case stale > 0:
		return fmt.Errorf("%d reasons in survivors.txt fit no survivor", stale)
	}
	return nil
}
