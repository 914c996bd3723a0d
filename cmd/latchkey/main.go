// Command latchkey is the whole product in one binary: the server, the demo, and
// the commands of whoever runs it. It parses flags, joins the packages and prints;
// it holds no rules.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the build.
var version = "dev"

// streams are where a command reads and writes; tests bring their own.
type streams struct {
	out, err io.Writer
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// errShown ends a command with status 1 after it has said everything itself.
var errShown = errors.New("already shown")

// run parses and runs one command line and returns the exit status: 0, 1 for a
// command that failed, 2 for a command line that can't be understood, and those of
// the doctor.
func run(ctx context.Context, args []string, s streams) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &parser{streams: s}
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !p.ran {
		fmt.Fprintf(s.err, "latchkey: %v\nTry: latchkey --help\n", err)
		return 2
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if !errors.Is(err, errShown) {
		fmt.Fprintf(s.err, "latchkey: %v\n", err)
	}
	return 1
}
