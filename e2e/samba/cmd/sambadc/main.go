// Command sambadc runs a real Samba domain controller in the foreground for
// tests that are not written in Go. It writes how to reach it to a file, as
// JSON, once it answers, and ends on SIGTERM, SIGINT or the end of its
// standard input.
//
//	sambadc --dir DIR --ready FILE [--company] [--kdc] [--dns]
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

	"github.com/latchkey/latchkey/e2e/samba"
)

// ready is the content of the file.
type ready struct {
	LDAPSURL        string         `json:"ldaps_url"`
	LDAPURL         string         `json:"ldap_url"`
	Host            string         `json:"host"`
	CAFile          string         `json:"ca_file"`
	BaseDN          string         `json:"base_dn"`
	AdminBind       string         `json:"admin_bind"`
	AdminPassword   string         `json:"admin_password"`
	ServiceBind     string         `json:"service_bind"`
	ServicePassword string         `json:"service_password"`
	People          []samba.Person `json:"people"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sambadc:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("sambadc", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory for the controller's files (default: a temporary one)")
	file := flags.String("ready", "", "file to write once the controller answers")
	var o samba.Options
	flags.BoolVar(&o.Company, "company", false, "seed the demo's company")
	flags.BoolVar(&o.KDC, "kdc", false, "run Kerberos too")
	flags.BoolVar(&o.DNS, "dns", false, "run the name server too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file == "" {
		return errors.New("--ready is missing")
	}
	o.Dir = *dir
	ctx, stop := untilEnd()
	defer stop()
	dc, err := samba.Start(ctx, o)
	if err != nil {
		return err
	}
	defer dc.Stop()
	if err := announce(*file, dc); err != nil {
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
func announce(file string, dc *samba.DC) error {
	b, err := json.MarshalIndent(ready{
		LDAPSURL: dc.LDAPSURL, LDAPURL: dc.LDAPURL, Host: dc.Host, CAFile: dc.CAFile, BaseDN: dc.BaseDN,
		AdminBind: dc.AdminBind, AdminPassword: dc.AdminPassword,
		ServiceBind: dc.ServiceBind, ServicePassword: dc.ServicePassword, People: dc.People,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
