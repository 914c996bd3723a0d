// Command stand runs the stand-ins of package stand for tests that are not written
// in Go. It writes where they are to a file, as JSON, and ends on SIGTERM, SIGINT or
// the end of its standard input.
//
//	stand --dir DIR --ready FILE [--desktop]
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

	"github.com/latchkey/latchkey/e2e/stand"
)

// ready is the content of the file.
type ready struct {
	Control    string `json:"control"`
	CAFile     string `json:"ca_file"`
	PushSocket string `json:"push_socket"`
	Proxy      string `json:"proxy"`
	Mail       string `json:"mail"` // host:port
	SMS        string `json:"sms"`  // where messages are sent
	SMSToken   string `json:"sms_token"`
	Bus        string `json:"bus"` // of the desktop, or ""
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stand:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("stand", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory for files and the bus's socket")
	file := flags.String("ready", "", "file to write once all of it answers")
	desktop := flags.Bool("desktop", false, "show notifications on a session bus")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" || *file == "" {
		return errors.New("--dir and --ready are needed")
	}
	ctx, stop := untilEnd()
	defer stop()
	s, err := stand.Start(ctx, *dir, *desktop)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := announce(*file, s); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// untilEnd returns a context that ends with a signal or with standard input.
func untilEnd() (context.Context, func()) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, func() { cancel(); stop() }
}

// announce writes the file in one step, so that a reader never sees half of it.
func announce(file string, s *stand.Stand) error {
	r := ready{Control: s.ControlURL(), CAFile: s.CAFile, PushSocket: s.Push.SocketURL(), Proxy: s.Push.ProxyURL(), Mail: s.Mail.Address(), SMS: s.SMS.URL(), SMSToken: s.SMS.Token}
	if s.Desktop != nil {
		r.Bus = s.Desktop.Address
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
