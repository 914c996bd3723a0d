package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// pathValue is a path, as an absolute one; "~/" is the home directory, for shells
// leave it alone behind "=".
type pathValue struct {
	path *string
	kind string // FILE or DIR
	off  bool   // the empty text is none, and not a mistake
}

func (v pathValue) String() string {
	if v.path == nil {
		return ""
	}
	return *v.path
}

func (v pathValue) Type() string { return v.kind }

// Set refuses what no absolute path can be made of.
func (v pathValue) Set(text string) (err error) {
	if text == "" && v.off {
		*v.path = ""
		return nil
	}
	*v.path, err = absolute(text)
	return err
}

// absolute refuses the empty text, which a variable of a script may be: it would mean
// the working directory.
func absolute(text string) (string, error) {
	if text == "" {
		return "", errors.New("the path is empty")
	}
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		text = filepath.Join(home, rest)
	}
	return filepath.Abs(text)
}

func file(cmd *cobra.Command, to *string, name, help string) {
	cmd.Flags().Var(pathValue{to, "FILE", false}, name, help)
}

// ready is the flag of a file that says that the server answers; "" writes none.
func ready(cmd *cobra.Command, to *string, help string) {
	cmd.Flags().Var(pathValue{to, "FILE", true}, "ready", help)
}

func dir(cmd *cobra.Command, to *string, name, help string) {
	cmd.Flags().Var(pathValue{to, "DIR", false}, name, help)
}

// textValue is a text whose kind the help names.
type textValue struct {
	text *string
	kind string
}

func (v textValue) String() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

func (v textValue) Type() string { return v.kind }

// Set takes any text.
func (v textValue) Set(text string) error { *v.text = text; return nil }

func text(cmd *cobra.Command, to *string, kind, name, help string) {
	cmd.Flags().Var(textValue{to, kind}, name, help)
}

func required(cmd *cobra.Command, name string) {
	if err := cmd.MarkFlagRequired(name); err != nil {
		panic(err) // a flag that is not there
	}
}

// either: exactly one of the two.
func either(cmd *cobra.Command, a, b string) {
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		switch isA, isB := cmd.Flags().Changed(a), cmd.Flags().Changed(b); {
		case isA && isB:
			return fmt.Errorf("%s: --%s and --%s don't go together", cmd.CommandPath(), a, b)
		case !isA && !isB:
			return fmt.Errorf("%s: name one of --%s and --%s", cmd.CommandPath(), a, b)
		}
		return nil
	}
}

// flags of an installation, see where.
func (w *where) flags(cmd *cobra.Command) *cobra.Command {
	file(cmd, &w.Config, "config", "The server's configuration; or --data.")
	dir(cmd, &w.Data, "data", "The data directory of a running server or demo; or --config.")
	either(cmd, "config", "data")
	return cmd
}
