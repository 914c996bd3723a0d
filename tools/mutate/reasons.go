package main

import (
	"fmt"
	"strings"
)

// parseReasons reads why mutants survive: a line with the mutant's key, then the
// reason in indented lines. # starts a comment line.
func parseReasons(text string) (map[string]string, error) {
	reasons := map[string]string{}
	key := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if key == "" {
				return nil, fmt.Errorf("line %d: a reason of no mutant", n)
			}
			reasons[key] = strings.TrimSpace(reasons[key] + " " + strings.TrimSpace(line))
		default:
			if key != "" && reasons[key] == "" {
				return nil, fmt.Errorf("line %d: %s has no reason", n, key)
			}
			if _, twice := reasons[line]; twice {
				return nil, fmt.Errorf("line %d: %s stands twice", n, line)
			}
			key = line
			reasons[key] = ""
		}
	}
	if key != "" && reasons[key] == "" {
		return nil, fmt.Errorf("%s has no reason", key)
	}
	return reasons, nil
}
