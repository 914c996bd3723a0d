// Command pgserver runs a PostgreSQL server with one empty database in the
// foreground, for tests that are not written in Go. It writes the DSN to a file,
// as JSON, once it answers, and ends on SIGTERM, SIGINT or the end of its standard
// input.
//
//	pgserver --ready FILE
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/latchkey/latchkey/e2e/postgres"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pgserver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("pgserver", flag.ContinueOnError)
	file := flags.String("ready", "", "file to write once the server answers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file == "" {
		return errors.New("--ready is missing")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	c, err := postgres.New()
	if err != nil {
		return err
	}
	defer c.Stop()
	const database = "latchkey"
	if err := c.Create(ctx, database); err != nil {
		return err
	}
	b, err := json.Marshal(map[string]string{"dsn": c.DSN(database)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(*file+".new", b, 0o600); err != nil {
		return err
	}
	if err := os.Rename(*file+".new", *file); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
