package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/pwa"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

type doctorCmd struct {
	Config string
	Only   []string
	JSON   bool
	Quiet  bool
	Within time.Duration
}

// doctorHelp is what --help adds.
const doctorHelp = "Looks at the whole installation and changes nothing: no mail is sent, no account touched. " +
	"Run it as the service's user, so that it sees what the service sees. It ends with 0 when nothing is worse than a note, " +
	"3 with warnings, 4 with failures; 1 and 2 mean that nothing was checked."

// exitStatus ends a command that has said everything itself.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// doctorKinds is all that can be found; docs/doctor.md lists it.
var doctorKinds = slices.Concat(config.Kinds, secret.Kinds, db.Kinds, ad.DoctorKinds(), server.Kinds, workflow.FoundKinds, push.Kinds, doctor.Kinds)

// Run examines, prints and ends with the status of the worst finding.
func (c doctorCmd) Run(ctx context.Context, s streams) error {
	for _, area := range c.Only {
		if !slices.Contains(doctor.Areas(), area) {
			fmt.Fprintf(s.err, "latchkey: --only: %q is no area; there are %s\n", area, strings.Join(doctor.Areas(), ", "))
			return exitStatus(2)
		}
	}
	report := examination{path: c.Config, only: c.Only}.run(ctx, c.Within)
	var err error
	if c.JSON {
		err = report.JSON(s.out, version, time.Now(), c.Quiet)
	} else {
		err = report.Text(s.out, doctor.Look{Colour: isTerminal(s.out), Quiet: c.Quiet})
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if code := report.ExitCode(); code != 0 {
		return exitStatus(code)
	}
	return nil
}

// isTerminal says whether colours are wanted (https://no-color.org).
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// examination is one run. What reaches the public URL is nil but in tests.
type examination struct {
	path   string
	only   []string
	roots  *x509.CertPool
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	lookUp func(ctx context.Context, host string) ([]netip.Addr, error)

	cfg config.Config
}

// run reads the file first: everything else is said there. A file that can't be
// read is all there is to say.
func (e examination) run(ctx context.Context, within time.Duration) *doctor.Report {
	report := &doctor.Report{}
	var ok bool
	if e.cfg, ok = config.Doctor(e.path, report); ok {
		report.Add(doctor.Run(ctx, within, e.checks()...))
	}
	report.Mend(e.exact)
	if len(e.only) > 0 {
		return report.Only(e.only...)
	}
	return report
}

// exact names the file that the checks do not know.
func (e examination) exact(l doctor.Line) doctor.Line {
	l.Text = strings.ReplaceAll(l.Text, "--config FILE", "--config "+e.path)
	return l
}

// checks are those of the wanted areas. Some packages answer for two.
func (e examination) checks() []doctor.Check {
	all := []struct {
		areas []string
		run   func(context.Context, *doctor.Report)
	}{
		{[]string{"secret"}, e.secrets},
		{[]string{"db", "data"}, e.database},
		{[]string{"server", "url"}, e.server},
		{[]string{"ad"}, e.directory},
		{[]string{"policy"}, e.policies},
		{[]string{"push", "mail", "secret"}, e.notices},
		{[]string{"sms"}, e.codes},
	}
	var out []doctor.Check
	for _, c := range all {
		wanted := len(e.only) == 0 || slices.ContainsFunc(c.areas, func(a string) bool { return slices.Contains(e.only, a) })
		if wanted {
			out = append(out, doctor.Check{Name: c.areas[0], Run: c.run})
		}
	}
	return out
}

func (e examination) databasePath() string { return filepath.Join(e.cfg.Data, databaseName) }

func (e examination) secrets(ctx context.Context, r *doctor.Report) {
	sealed, known := e.sealed(ctx)
	c := secret.DoctorConfig{KeyFile: e.cfg.KeyFile(), Data: e.cfg.Data, HasDatabase: sealed, Unasked: !known}
	add := func(key, path string, value secret.Text, err error) {
		if err == nil && !value.Empty() { // one that can't be read is a mistake of the file
			c.Passwords = append(c.Passwords, secret.Password{Key: key, Path: path, Value: value})
		}
	}
	for i, d := range e.cfg.Directory.All() {
		key := "directory"
		if len(e.cfg.Directory.Domains) > 0 {
			key = fmt.Sprintf("directory.domains[%d]", i)
		}
		value, err := d.Read.Secret()
		add(key+".read", d.Read.PasswordFile, value, err)
		if d.Write != (config.Account{}) {
			value, err := d.Write.Secret()
			add(key+".write", d.Write.PasswordFile, value, err)
		}
	}
	value, err := e.cfg.Mail.Secret()
	add("mail", e.cfg.Mail.PasswordFile, value, err)
	secret.Doctor(c, r)
}

func (e examination) database(ctx context.Context, r *doctor.Report) {
	d := e.cfg.Database
	dsn, _ := d.DSN() // one that can't be read is a mistake of the file
	db.Doctor(ctx, db.DoctorConfig{
		Path: e.databasePath(), Postgres: d != (config.Database{}), DSN: dsn, DSNFile: d.DSNFile, DSNEnv: d.DSNEnv, KeyFile: e.cfg.KeyFile(),
		RPID: e.cfg.RPID(), Backups: e.cfg.Backup.Files, BackupsWithin: e.cfg.Backup.Within,
	}, r)
}

// sealed says whether there is a database that only the key opens.
func (e examination) sealed(ctx context.Context) (sealed, known bool) {
	if e.cfg.Database == (config.Database{}) {
		_, err := os.Stat(e.databasePath())
		return err == nil, true
	}
	where, err := databaseOf(e.cfg)
	if err != nil || where.DSN.Empty() {
		return false, false
	}
	sealed, err = db.Sealed(ctx, where)
	return sealed, err == nil
}

func (e examination) server(ctx context.Context, r *doctor.Report) {
	server.Doctor(ctx, server.DoctorConfig{
		PublicURL: e.cfg.PublicURL, TrustedProxies: e.cfg.Proxies(), Version: version, Hash: e.cfg.Hash(), Static: pwa.Files(),
		Witness: controlWitness{e.cfg.Data}, Roots: e.roots, Dial: e.dial, LookUp: e.lookUp,
	}, r)
}

func (e examination) directory(ctx context.Context, r *doctor.Report) {
	dir, err := openDirectory(e.cfg.Directory, e.cfg.Attributes(), newLogger(config.Log{}, slog.LevelError, streams{io.Discard, io.Discard}))
	if err != nil {
		return // what can't be opened is a mistake of the file
	}
	defer dir.Close()
	examineDirectory(ctx, dir, e.cfg, r)
}

func (e examination) policies(ctx context.Context, r *doctor.Report) {
	c := workflow.DoctorConfig{Units: e.cfg.UnitSettings(), Attributes: e.cfg.AttributeSettings()}
	if dir, err := openDirectory(e.cfg.Directory, e.cfg.Attributes(), newLogger(config.Log{}, slog.LevelError, streams{io.Discard, io.Discard})); err == nil {
		defer dir.Close()
		c.Directory = dir
	}
	if store := e.store(ctx); store != nil {
		defer store.Close()
		c.Holders = store
	}
	workflow.Doctor(ctx, e.cfg.Policy(), c, r)
}

// store is nil where the database can't be read; its own check says why.
func (e examination) store(ctx context.Context) *db.Store {
	box, err := secret.LoadBox(e.cfg.KeyFile(), false)
	if err != nil {
		return nil
	}
	store, err := openToRead(ctx, e.cfg, box)
	if err != nil {
		return nil
	}
	return store
}

func (e examination) notices(ctx context.Context, r *doctor.Report) {
	c := push.Config{
		Organisation: e.cfg.Organisation, Alerts: e.cfg.AlertMail(), Subject: e.cfg.PushSubject(), Hosts: e.cfg.Push.Hosts, Proxy: e.cfg.PushProxy(), CAFile: e.cfg.Push.CAFile,
	}
	if m := e.cfg.Mail; m.Host != "" {
		password, err := m.Secret()
		if err == nil { // otherwise a mistake of the file
			c.Mail = &push.MailConfig{Host: m.Host, Port: m.Port, TLS: push.MailTLS(m.TLS), User: m.User, Password: password, From: m.From, CAFile: m.CAFile}
		}
	}
	var keys push.Keys
	if store := e.store(ctx); store != nil {
		defer store.Close()
		keys = store
	}
	push.Doctor(ctx, c, keys, r)
}

// codes is about those by SMS; those by mail need what every mail needs.
func (e examination) codes(ctx context.Context, r *doctor.Report) {
	if e.cfg.Proofs.SMSCode == nil || e.cfg.Proofs.SMSCode.Gateway.URL == "" {
		return // nothing, or a mistake of the file
	}
	if c, err := gatewayOf(*e.cfg.Proofs.SMSCode); err == nil { // otherwise a mistake of the file
		push.DoctorGateway(ctx, c, r)
	}
}

// controlWitness asks the running server through its control socket.
type controlWitness struct{ data string }

func (w controlWitness) Running(ctx context.Context) (server.Running, error) {
	now, err := callRunning.ask(ctx, w.data, nothing{})
	if errors.Is(err, errNotRunning) {
		return now, server.ErrNotRunning
	}
	return now, err
}

func (w controlWitness) Expect(ctx context.Context) (string, error) {
	return callExpect.ask(ctx, w.data, nothing{})
}

func (w controlWitness) Saw(ctx context.Context, word string) (server.Sighting, bool, error) {
	saw, err := callSaw.ask(ctx, w.data, word)
	return saw.Sighting, saw.Arrived, err
}
