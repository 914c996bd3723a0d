// Command table reads the rows that a bench run has added to a file, prints them
// and writes them as one JSON list:
//
//	go run ./e2e/bench/cmd/table bin/bench.jsonl bin/bench.json
//
// A bar that does not hold is said so in the table; the command still succeeds.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/latchkey/latchkey/e2e/bench"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: table ROWS.jsonl BENCH.json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	rows, err := read(from)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, append(text, '\n'), 0o644); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\tlimit beside it\tratio (rounds)\tbar\t")
	for _, r := range rows {
		fmt.Fprintln(w, line(r))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Println()
	for _, r := range rows {
		if r.Note != "" {
			fmt.Printf("%s: %s\n", r.Name, r.Note)
		}
	}
	return nil
}

func line(r bench.Row) string {
	limit, ratio, holds := "–", "–", "holds"
	if r.Limit != nil {
		limit = fmt.Sprintf("%g %s", *r.Limit, r.Unit)
	}
	if r.Ratio != nil && len(r.Spread) == 2 {
		ratio = fmt.Sprintf("%g (%g to %g)", *r.Ratio, r.Spread[0], r.Spread[1])
	}
	if !r.Holds {
		holds = "DOES NOT HOLD"
	}
	return fmt.Sprintf("%s\t%g %s\t%s\t%s\t%s\t%s", r.Name, r.Value, r.Unit, limit, ratio, r.Bar, holds)
}

func read(path string) (rows []bench.Row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var r bench.Row
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		rows = append(rows, r)
	}
	return rows, s.Err()
}
