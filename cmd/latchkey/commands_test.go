package main

import (
	"strings"
	"testing"
)

// A command line that can't be understood ends with 2, and does nothing.
func TestACommandLineThatMeansNothingEndsWithTwo(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, says := range map[string]string{
		"help nope":           `unknown command "nope" for "latchkey"`,
		"help keys nope":      `unknown command "nope" for "latchkey keys"`,
		"nope":                `unknown command "nope" for "latchkey"`,
		"reload --data=":      `"--data" flag: the path is empty`,
		"serve --config=":     `"--config" flag: the path is empty`,
		"demo lock x --data=": `"--data" flag: the path is empty`,
	} {
		if status, said := latchkey(t, strings.Fields(line)...); status != 2 || !strings.Contains(said, says) {
			t.Errorf("latchkey %s: %d, %s", line, status, said)
		}
	}
	for _, line := range []string{"help", "help keys rotate", "help help", "--help"} {
		if status, said := latchkey(t, strings.Fields(line)...); status != 0 || !strings.Contains(said, "Usage:") {
			t.Errorf("latchkey %s: %d, %s", line, status, said)
		}
	}
}
