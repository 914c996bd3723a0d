package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/workflow"
)

type configCheckCmd struct {
	File      string
	Directory bool
}

// checkHelp is what --help adds.
const checkHelp = "Finds mistakes of writing, and policies that are never reached or ask for what nobody can give; warns of " +
	"those that few people can satisfy. With --directory it also asks the directory, with the configured account and without " +
	"writing, for what the file names: whether there are such groups, OUs and attributes, and whether anybody is in the groups who could approve."

// checkWithin bounds the questions to the directory.
const checkWithin = time.Minute

// Run prints every mistake, a line each, and fails when there is one.
func (c configCheckCmd) Run(ctx context.Context, s streams) error {
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
	if c.Directory {
		if err := c.names(ctx, loaded, s); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "%s is right: %d policies for %s\n", c.File, len(loaded.Policies), loaded.PublicURL)
	return nil
}

// names says what the directory has of what the file names, as the doctor does.
func (c configCheckCmd) names(ctx context.Context, cfg config.Config, s streams) error {
	in, err := openPolicies(cfg, s)
	if err != nil {
		return err
	}
	defer in.dir.Close()
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	found := &doctor.Report{}
	workflow.DoctorNames(ctx, cfg.Policy(), workflow.DoctorConfig{
		Directory: in.dir, Units: cfg.UnitSettings(), Attributes: cfg.AttributeSettings(),
	}, found)
	mend := 0
	for _, f := range found.Findings() {
		said := doctor.Plain(fmt.Sprintf("%s: %s %s", f.Subject, f.Seen, f.Why))
		switch f.Severity {
		case doctor.Failure:
			mend++
			fmt.Fprintln(s.err, said)
		case doctor.Warning:
			fmt.Fprintf(s.err, "warning: %s\n", said)
		case doctor.OK, doctor.Note:
		}
	}
	if mend > 0 {
		fmt.Fprintf(s.err, "%d to mend for %s\n", mend, c.File)
		return errShown
	}
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
