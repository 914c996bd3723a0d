package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/config"
)

type configCheckCmd struct {
	File string
}

// Run prints every mistake, a line each, and fails when there is one.
func (c configCheckCmd) Run(_ context.Context, s streams) error {
	loaded, err := config.Load(c.File)
	var found config.Problems
	if errors.As(err, &found) {
		for _, p := range found {
			fmt.Fprintln(s.err, p)
		}
		fmt.Fprintf(s.err, "%d to mend in %s\n", len(found), c.File)
		return errShown
	}
	if err != nil {
		return err
	}
	// What push makes of it is known to push only.
	if _, err := openGateway(loaded); err != nil {
		fmt.Fprintf(s.err, "%s: %v\n1 to mend in %s\n", c.File, err, c.File)
		return errShown
	}
	for _, w := range loaded.Warnings() {
		fmt.Fprintf(s.err, "warning: %s\n", w)
	}
	fmt.Fprintf(s.out, "%s is right: %d policies for %s\n", c.File, len(loaded.Policies), loaded.PublicURL)
	return nil
}

type configExampleCmd struct{}

// Run prints the example.
func (configExampleCmd) Run(_ context.Context, s streams) error {
	_, err := s.out.Write(config.Example)
	return err
}

type configSchemaCmd struct{}

// Run prints the schema.
func (configSchemaCmd) Run(_ context.Context, s streams) error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = s.out.Write(schema)
	return err
}
