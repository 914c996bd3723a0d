package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/config"
)

type demoRunCmd struct {
	Listen    string
	PublicURL string
	Proxy     string
	Data      string
	Ready     string
	Verbose   bool
}

// defaultDemo is the directory of a demo that was not given one.
const defaultDemo = "latchkey-demo"

// demoReady is what --ready writes; DATA/demo.json holds the same for `demo lock`.
type demoReady struct {
	URL             string       `json:"url"`
	LDAPSURL        string       `json:"ldaps_url"`
	CAFile          string       `json:"ca_file"`
	ServiceBind     string       `json:"service_bind"`
	ServicePassword string       `json:"service_password"`
	People          []demoPerson `json:"people"`
}

type demoPerson struct {
	Name       string `json:"name"`
	Account    string `json:"account"`
	Password   string `json:"password"`
	Invitation string `json:"invitation"`
	Department string `json:"department"`
	Note       string `json:"note,omitempty"`
}

// errBeyond: the made-up people have printed passwords.
var errBeyond = errors.New("the demo listens beyond this machine only with --public-url: its people's passwords are printed for everybody to read")

var errNoProxy = errors.New("--trusted-proxy: name the address of your TLS proxy; only it may reach the demo in clear")

// Run starts an in-memory controller with the company and Latchkey before it.
func (c demoRunCmd) Run(ctx context.Context, s streams) error {
	public, err := c.publicURL()
	if err != nil {
		return err
	}
	if c.Data, err = filepath.Abs(c.Data); err != nil { // its files are named in what it prints
		return err
	}
	// Before any file is written: a second demo must not take the first one's away.
	unlock, err := lockData(c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	dc, company, ready, err := c.directory()
	if err != nil {
		return err
	}
	defer dc.Close()
	cfg, err := c.configuration(public, company, ready)
	if err != nil {
		return err
	}
	quiet := s
	if !c.Verbose {
		cfg.Log.Level = "error"
	}
	return serve(ctx, cfg, quiet, true, func(a *app) error { return c.welcome(ctx, s, a, company, ready) })
}

// publicURL refuses to show printed passwords to a network.
func (c demoRunCmd) publicURL() (string, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", fmt.Errorf("--listen: %q is no host:port", c.Listen)
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return "", errors.New("--public-url: must begin with https://, the address of your own TLS proxy")
		}
		if c.Proxy == "" && beyond(host) {
			return "", errNoProxy
		}
		return strings.TrimSuffix(c.PublicURL, "/"), nil
	}
	if beyond(host) {
		return "", errBeyond
	}
	return "http://localhost:" + port, nil
}

// beyond says whether other machines reach the host.
func beyond(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !addr.IsLoopback())
}

// directory starts the controller with the company in it.
func (c demoRunCmd) directory() (*minidc.Server, minidc.Company, demoReady, error) {
	dc, company := minidc.NewCompany(time.Now)
	u, err := dc.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		return nil, company, demoReady{}, fmt.Errorf("start controller: %w", err)
	}
	ready := demoReady{
		LDAPSURL: u, CAFile: filepath.Join(c.Data, "ca.pem"),
		ServiceBind: company.ServiceBind, ServicePassword: company.ServicePassword,
	}
	if err := os.WriteFile(ready.CAFile, dc.CAPEM(), 0o600); err != nil {
		dc.Close()
		return nil, company, demoReady{}, fmt.Errorf("write CA: %w", err)
	}
	return dc, company, ready, nil
}

// demoPolicies lets Finance have a second pair of eyes; the groups are the
// company's.
const demoPolicies = `
approvers:
  - {name: it-security, group: "CN=IT-Security,OU=Groups,DC=corp,DC=example,DC=test"}
policies:
  - name: finance
    who: {group: "CN=Finance,OU=Groups,DC=corp,DC=example,DC=test"}
    unlock: {prove: [passkey]}
    reset: {prove: [passkey], approve: [{by: manager, within: 30m, else: it-security}]}
    enrol: {prove: [recovery-code], approve: [{by: manager, within: 30m, else: it-security}]}
    change: {prove: [passkey]}
    one-time: {prove: [passkey], approve: [{by: manager, within: 30m, else: it-security}], number: required}
  - name: staff
    who: {everyone: true}
    unlock: {prove: [passkey, recovery-code, totp]}
    reset: {prove: [passkey, recovery-code]}
    change: {prove: [passkey]}
    one-time: {prove: [passkey]}
    enrol: {prove: [passkey, recovery-code]}
`

// configuration is written to a file and read like anybody's, so that the demo
// runs what a real installation runs.
func (c demoRunCmd) configuration(public string, company minidc.Company, ready demoReady) (config.Config, error) {
	password := filepath.Join(c.Data, "service.password")
	if err := os.WriteFile(password, []byte(company.ServicePassword), 0o600); err != nil {
		return config.Config{}, fmt.Errorf("write service password: %w", err)
	}
	text := fmt.Sprintf(`# Written by latchkey demo at each start.
listen: %q
public_url: %q
organisation: Brightwater Boats
data: %q
support: {name: The Brightwater help desk, phone: "+49 30 5550 100", mail: help@corp.example.test, hours: "Mon–Fri 7:00–19:00"}
directory:
  controllers: [%q]
  ca_file: %q
  read: {bind: %q, password_file: %q}
passwords: {strength: 2, banned: [brightwater, latchkey]}
`, c.Listen, public, c.Data, ready.LDAPSURL, ready.CAFile, ready.ServiceBind, password) + demoPolicies
	if c.Proxy != "" {
		text += fmt.Sprintf("trusted_proxies: [%q]\n", c.Proxy)
	}
	path := filepath.Join(c.Data, "latchkey.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return config.Config{}, fmt.Errorf("write configuration: %w", err)
	}
	return config.Load(path)
}

// welcome makes a link for each person and prints who is who.
func (c demoRunCmd) welcome(ctx context.Context, s streams, a *app, company minidc.Company, ready demoReady) error {
	ready.URL = a.cfg.PublicURL
	for _, p := range company.People {
		person := demoPerson{Name: p.Name, Account: p.Account, Password: p.Password, Department: p.Department, Note: p.Note}
		a.inviteDemo(ctx, &person, ad.GUID(p.GUID))
		ready.People = append(ready.People, person)
	}
	if err := writeReady(filepath.Join(c.Data, demoFile), ready); err != nil {
		return err
	}
	if err := writeReady(c.Ready, ready); err != nil {
		return err
	}
	printWelcome(s, c.Data, ready)
	return nil
}

// inviteDemo makes a person's link. No controller checks the password of a locked
// account, so the link of whoever is locked out from the start doesn't ask for it.
func (a *app) inviteDemo(ctx context.Context, person *demoPerson, id ad.GUID) {
	call := inviteCall{Account: person.Account}
	if who, err := a.dir.Account(ctx, id); err == nil && who.Locked {
		call.Password = new(bool)
		person.Note += "; the link asks for no password"
	}
	answer, err := a.invite(ctx, call)
	if err != nil {
		person.Note = strings.TrimPrefix(person.Note+"; can't be invited: "+err.Error(), "; ")
		return
	}
	person.Invitation = answer.Link
}

const demoFile = "demo.json"

func printWelcome(s streams, data string, r demoReady) {
	fmt.Fprintf(s.out, "\nLatchkey is open at %s\n\n", r.URL)
	fmt.Fprintf(s.out, "Brightwater Boats, a made-up company. Open somebody's link in Chrome on this machine,\ngive the password beside it once, and register a passkey. Then lock them out and get back in.\n")
	department := ""
	for _, p := range r.People {
		if p.Department != department {
			department = p.Department
			fmt.Fprintf(s.out, "\n%s\n", department)
		}
		fmt.Fprintf(s.out, "  %-20s %-18s password %s\n", p.Name, p.Account, p.Password)
		if p.Note != "" {
			fmt.Fprintf(s.out, "  %20s %s\n", "", p.Note)
		}
		if p.Invitation != "" {
			fmt.Fprintf(s.out, "  %20s %s\n", "", p.Invitation)
		}
	}
	first := r.People[0].Account
	fmt.Fprintf(s.out, "\nLock somebody out:  bin/latchkey demo lock %s --data %s\n", first, data)
	fmt.Fprintf(s.out, "Another link:       bin/latchkey invite --data %s %s\n", data, first)
	fmt.Fprintf(s.out, "In Finance somebody else approves a new password: ask as tomasz.wisniewski, and approve as\namara.okafor in another browser profile.\n")
	fmt.Fprintf(s.out, "The log:            bin/latchkey audit export --data %s log.jsonl\n", data)
	fmt.Fprintf(s.out, "The directory forgets everything when the demo ends; passkeys stay in %s.\nStop with Ctrl-C.\n\n", data)
}
