// Package bench is what `./task bench` measures: how near the product comes to
// the best that the same machine can do, both in alternating rounds of one run.
//
//	bench.go   rows, rounds, medians, and the file that they go to
//	ldaptap    a proxy that counts and records LDAP operations
//	cmd/table  prints the rows and writes bin/bench.json
//
// The measurements are tests, so that a normal run keeps them working: there they
// run at a tiny count and no time is judged. LATCHKEY_BENCH names the file, in an
// existing directory, that rows are added to; only with it counts are full. A bar
// that does not hold is a row that says so, and never a failed test.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Row is one bar and what was measured.
type Row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // of value and limit
	// Limit is what the machine does at best, by the same count in rounds between
	// those of the product; nil where the bar is a plain figure.
	Limit *float64 `json:"limit"`
	// Ratio is the median of the rounds' value to limit, Spread their smallest and
	// largest.
	Ratio  *float64  `json:"ratio,omitempty"`
	Spread []float64 `json:"spread,omitempty"`
	Bar    string    `json:"bar"`
	Holds  bool      `json:"holds"`
	Note   string    `json:"note,omitempty"`
}

// File is where rows go; "" means a tiny count and no file.
func File() string { return os.Getenv("LATCHKEY_BENCH") }

// Count is full in a real run and tiny in a normal test.
func Count(full, tiny int) int {
	if File() != "" {
		return full
	}
	return tiny
}

// Rounds is how often product and limit take turns.
func Rounds() int { return Count(7, 1) }

// Compared are the rounds of a product and its limit.
type Compared struct{ Product, Limit, Ratio []float64 }

// Alternate measures the two in turns, and lets each begin every second round.
// Both return how many a second, or how many a second of processor time.
func Alternate(rounds int, product, limit func() float64) (c Compared) {
	for i := range rounds {
		var p, l float64
		if i%2 == 0 {
			l, p = limit(), product()
		} else {
			p, l = product(), limit()
		}
		c.Product, c.Limit, c.Ratio = append(c.Product, p), append(c.Limit, l), append(c.Ratio, p/l)
	}
	return c
}

// AtLeast is the row of a ratio that must not be smaller than bar.
func (c Compared) AtLeast(name, unit string, bar float64, note string) Row {
	r := c.row(name, unit, note)
	r.Bar, r.Holds = fmt.Sprintf("≥ %.2f of the limit", bar), *r.Ratio >= bar
	return r
}

// AtMost is the row of a ratio that must not be larger than bar.
func (c Compared) AtMost(name, unit string, bar float64, note string) Row {
	r := c.row(name, unit, note)
	r.Bar, r.Holds = fmt.Sprintf("≤ %.2f of the limit", bar), *r.Ratio <= bar
	return r
}

func (c Compared) row(name, unit, note string) Row {
	limit, ratio := Median(c.Limit), Median(c.Ratio)
	return Row{
		Name: name, Value: round(Median(c.Product)), Unit: unit, Limit: new(round(limit)), Ratio: new(round(ratio)),
		Spread: []float64{round(slices.Min(c.Ratio)), round(slices.Max(c.Ratio))}, Note: note,
	}
}

// Below is the row of a plain figure that must not be larger than bar.
func Below(name string, value float64, unit string, bar float64, note string) Row {
	return Row{Name: name, Value: round(value), Unit: unit, Bar: fmt.Sprintf("≤ %g %s", bar, unit), Holds: value <= bar, Note: note}
}

// Add puts the row into the file, and into the test's log.
func (r Row) Add(t testing.TB) {
	t.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(line))
	if File() == "" {
		return
	}
	f, err := os.OpenFile(File(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Median of at least one.
func Median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// Percentile of durations: p is 0.99.
func Percentile(all []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(float64(len(sorted))*p), len(sorted)-1)]
}

// Rate times n of something.
func Rate(n int, do func()) float64 {
	start := time.Now()
	do()
	return float64(n) / time.Since(start).Seconds()
}

// CPURate is Rate by the processor time of this process and of others that work
// for it, by their ids. Other processes on the machine disturb it less.
func CPURate(n int, do func(), others ...int) float64 {
	before := cpu(others)
	do()
	return float64(n) / (cpu(others) - before).Seconds()
}

func cpu(others []int) (sum time.Duration) {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	sum = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	for _, pid := range others {
		var ns time.Duration
		// Its first number: https://docs.kernel.org/scheduler/sched-stats.html
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if _, scanned := fmt.Sscan(string(stat), &ns); (err != nil || scanned != nil) && File() != "" {
			panic(fmt.Sprintf("no processor time of process %d: %v, %v", pid, err, scanned))
		}
		sum += ns
	}
	return sum
}

// round keeps three significant places of what is small and whole numbers of what
// is large: the noise is larger.
func round(v float64) float64 {
	s := fmt.Sprintf("%.3g", v)
	if v >= 1000 || v <= -1000 {
		s = fmt.Sprintf("%.0f", v)
	}
	var out float64
	_, _ = fmt.Sscan(strings.TrimSpace(s), &out)
	return out
}
