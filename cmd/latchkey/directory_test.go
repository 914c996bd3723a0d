package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/e2e/samba"
)

// mapped opens the directory of a configuration file.
func mapped(t *testing.T, directory string) *ad.Forest {
	t.Helper()
	cfg, err := config.Parse("c.yaml", []byte(`public_url: https://latchkey.corp.example.test
organisation: Example Corp
support: {name: Desk, phone: "100"}
policies: [{name: all, who: {everyone: true}, unlock: {prove: [passkey]}}]
directory:
`+directory))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := openDirectory(cfg.Directory, cfg.Attributes(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dir.Close)
	return dir
}

func passwordFile(t *testing.T, password string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestADomainAndItsNameServerAreAllThatTheFileNeeds(t *testing.T) {
	dc := samba.New(t, samba.Options{DNS: true})
	if err := dc.Register(); err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{"", "  tls: starttls\n", "  site: Default-First-Site-Name\n"} {
		dir := mapped(t, fmt.Sprintf("  domain: %s\n  dns: [%s]\n  ca_file: %s\n  read: {bind: %s, password_file: %s}\n",
			dc.Domain, dc.Address, dc.CAFile, dc.ServiceBind, passwordFile(t, dc.ServicePassword))+extra)
		if err := dir.Ready(within(t)); err != nil {
			t.Fatalf("%q: %v", extra, err)
		}
		id, err := dir.Resolve(within(t), dc.People[0].Account)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := dir.Account(within(t), id); err != nil || a.Controller != dc.Host {
			t.Errorf("%q: read on %s, %v", extra, a.Controller, err)
		}
	}
}

func TestEveryDomainOfTheFileIsMapped(t *testing.T) {
	root := minidc.New(minidc.Config{})
	child := root.Child(minidc.Config{Domain: "child.corp.example.test"})
	ca, err := root.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := "  domains:\n"
	for _, d := range []struct {
		dc   *minidc.Server
		base string
	}{{root, "DC=corp,DC=example,DC=test"}, {child, "DC=child,DC=corp,DC=example,DC=test"}} {
		t.Cleanup(func() { d.dc.Close() })
		address, err := d.dc.ListenLDAPS("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		d.dc.AddUser(minidc.User{Name: "svc", Account: "svc", Password: "Service-Harbour-1"})
		d.dc.AddUser(minidc.User{Name: "p", Account: "p" + d.base[3:7], Password: "Service-Harbour-1"})
		text += fmt.Sprintf("    - controllers: [%q]\n      base_dn: %s\n      ca_file: %s\n      read: {bind: \"CN=svc,CN=Users,%s\", password_file: %s}\n",
			address, d.base, ca, d.base, passwordFile(t, "Service-Harbour-1"))
	}
	dir := mapped(t, text)
	if down := dir.Down(within(t)); len(down) > 0 {
		t.Fatal(down)
	}
	for _, name := range []string{"pcorp", "pchil"} {
		id, err := dir.Resolve(within(t), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a, err := dir.Account(within(t), id); err != nil || a.SAMAccountName != name {
			t.Errorf("%+v, %v", a, err)
		}
	}
}
