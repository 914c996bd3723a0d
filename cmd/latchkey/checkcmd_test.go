package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/config"
)

// What only the directory knows is asked for where that is wanted, and with nothing else.
func TestCheckAsksTheDirectoryForTheGroups(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(3, 3)), 12)
	group := func(name string) string { return "CN=" + name + ",OU=Groups," + realmBase }
	empty := group("Nobody")
	r.dc.AddGroup(minidc.Group{Name: "Nobody", Parent: "OU=Groups," + realmBase})
	full := group(realmGroups[0])
	file := filepath.Join(r.dir, "checked.yaml")
	for _, c := range []struct {
		name, who, by string
		status        int
		says          []string
	}{
		{"people in both", full, full, 0, []string{"is right: 2 policies"}},
		{"approvers that are nobody", full, empty, 1, []string{empty + " (some): No enabled person is in it. Nobody can approve", "1 to mend for " + file}},
		{"an unknown group", group("Gone"), full, 1, []string{group("Gone") + " (some): The directory has no such group", "1 to mend"}},
		{"unknown approvers", full, group("Gone"), 1, []string{group("Gone") + " (some): The directory has no such group"}},
		{"a rule for nobody", empty, full, 0, []string{"warning: " + empty + " (some): No enabled person is in it.", "is right"}},
	} {
		must(t, os.WriteFile(file, []byte(r.head+fmt.Sprintf(`
policies:
  - {name: some, who: {group: %q}, unlock: {prove: [passkey]}, reset: {prove: [passkey], approve: [{by: {group: %q}}]}}
  - {name: rest, who: {everyone: true}, unlock: {prove: [passkey]}}
`, c.who, c.by)), 0o600))
		status, said := latchkey(t, "config", "check", file, "--directory")
		for _, s := range c.says {
			if status != c.status || !strings.Contains(said, s) {
				t.Errorf("%s: %d, no %q in\n%s", c.name, status, s, said)
			}
		}
		if status, said := latchkey(t, "config", "check", file); status != 0 || !strings.HasSuffix(strings.TrimSpace(said), "is right: 2 policies for http://localhost:8080") {
			t.Errorf("%s, without the directory: %d %s", c.name, status, said)
		}
	}
	r.dc.Close()
	if status, said := latchkey(t, "config", "check", file, "--directory"); status != 1 || strings.Contains(said, "is right") {
		t.Errorf("no directory answers: %d %s", status, said)
	}
}

// A mistyped unit or attribute matches nobody and says nothing: wherever it stands, the
// directory is asked for it.
func TestCheckAsksTheDirectoryForUnitsAndAttributes(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(3, 3)), 3)
	r.dc.AddOU("OU=Two Words," + realmBase)
	file := filepath.Join(r.dir, "checked.yaml")
	unit := func(name string) string { return fmt.Sprintf("{ou: %q}", "OU="+name+","+realmBase) }
	attribute := func(name string) string { return "{attribute: {name: " + name + ", value: contractor}}" }
	const noUnit, noAttribute = "The directory has no such unit", "The directory has no such attribute"
	for _, c := range []struct {
		name, who, directory, more string
		says                       []string // nothing: it is right
	}{
		{"both there", "{all: [" + unit("staff") + ", " + attribute("EMPLOYEETYPE") + "]}", "", "", nil},
		{"a constructed attribute", attribute("canonicalName"), "", "", nil},
		{"a mistyped unit", unit("Staf"), "", "", []string{"OU=Staf," + realmBase + " (some): " + noUnit, "nobody would match.", "its rule", "1 to mend for " + file}},
		{"below not", "{everyone: true, not: " + unit("Staf") + "}", "", "", []string{noUnit, "it stands below not, where everybody would match", "1 to mend"}},
		{"below not and any and all", "{not: {any: [" + unit("Sales") + ", {all: [" + unit("Staff") + ", {not: " + unit("Staf") + "}]}]}}", "", "",
			[]string{"OU=Sales," + realmBase + " (some): " + noUnit, "OU=Staf," + realmBase + " (some): " + noUnit, "2 to mend"}},
		{"a unit spelled otherwise", unit("Two  Words"), "", "", []string{"The directory has this unit, and spells it otherwise.", "1 to mend"}},
		{"a unit of no domain here", `{ou: "OU=Staff,DC=elsewhere,DC=test"}`, "", "", []string{noUnit}},
		{"a mistyped attribute", attribute("employType"), "", "", []string{"employType (some): " + noAttribute, "As it stands nobody matches.", "a rule behind it decides", "1 to mend"}},
		{"one below not", "{everyone: true, not: " + attribute("employType") + "}", "", "", []string{noAttribute, "below not, where everybody matches", "1 to mend"}},
		{"the location", "{location: Berlin}", "location_attribute: extensionAttrbute3", "", []string{"extensionAttrbute3 (some): " + noAttribute, "extensionAttrbute3 (directory.location_attribute): " + noAttribute, "2 to mend"}},
		{"a proof's", unit("Staff"), "", "proofs: {directory: {attribute: employeNumber, en: Number, de: Nummer}}", []string{"employeNumber (proofs.directory.attribute): " + noAttribute, "1 to mend"}},
		{"a protected unit", unit("Staff"), `protected_ous: ["OU=Borad,` + realmBase + `"]`, "", []string{"OU=Borad," + realmBase + " (directory.protected_ous[0]): " + noUnit, "1 to mend"}},
		{"the base", unit("Staff"), `base_dn: "OU=Stuff,` + realmBase + `"`, "", []string{"OU=Stuff," + realmBase + " (directory.base_dn): " + noUnit, "1 to mend"}},
	} {
		head := r.head
		if c.directory != "" {
			head = strings.Replace(head, "location_attribute: extensionAttribute3", c.directory, 1)
		}
		must(t, os.WriteFile(file, []byte(head+c.more+fmt.Sprintf(`
policies:
  - {name: some, who: %s, unlock: {prove: [passkey]}}
  - {name: rest, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey]}}
`, c.who)), 0o600))
		if status, said := latchkey(t, "config", "check", file); status != 0 {
			t.Errorf("%s, without the directory: %d %s", c.name, status, said)
		}
		status, said := latchkey(t, "config", "check", file, "--directory")
		if right := len(c.says) == 0; right != (status == 0) || right != strings.Contains(said, "is right: 2 policies") {
			t.Errorf("%s: %d %s", c.name, status, said)
		}
		for _, s := range c.says {
			if !strings.Contains(said, s) {
				t.Errorf("%s: no %q in\n%s", c.name, s, said)
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func()
	}{
		{"a schema that can't be read", func() { r.dc.Answer("schemaNamingContext", "CN=Gone,"+realmBase) }},
		{"no directory", func() { r.dc.Close() }},
	} {
		must(t, os.WriteFile(file, []byte(r.head+`
policies: [{name: some, who: {attribute: {name: employeeType, value: x}}, unlock: {prove: [passkey]}}]
`), 0o600))
		c.spoil()
		status, said := latchkey(t, "config", "check", file, "--directory")
		if status != 1 || strings.Contains(said, "is right") || strings.Contains(said, noAttribute) || !strings.Contains(said, "employeeType (some): find attribute: directory.") {
			t.Errorf("%s: %d %s", c.name, status, said)
		}
	}
}

// A unit is looked up at the start and again, like a group: while it is not there its rule
// denies, and nobody falls to the rule behind.
func TestARuleWhoseUnitIsNotThereDenies(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(3, 3)), 3)
	const unit = "OU=Staff," + realmBase
	must(t, os.WriteFile(r.config, []byte(r.head+fmt.Sprintf(`
policies:
  - {name: some, who: {everyone: true, not: {any: [{ou: %q}]}}, unlock: {prove: [passkey]}}
  - {name: rest, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey]}}
`, unit)), 0o600))
	cfg, err := config.Load(r.config)
	must(t, err)
	said := &bytes.Buffer{}
	a, err := openApp(t.Context(), cfg, streams{said, said})
	must(t, err)
	defer a.close()
	state := func() string {
		p, sids := a.resolve(t.Context(), cfg, a.dir, a.sids)
		a.sids = sids
		return p.Rules[0].Who.Not.Any[0].OUErr
	}
	if got := state(); got != "" {
		t.Fatal(got)
	}
	admin := r.administrator(t)
	must(t, admin.ModifyDN(ldap.NewModifyDNRequest(unit, "OU=People", true, "")))
	if got := state(); !strings.Contains(got, "directory.not-found") || len(a.sids) != 0 {
		t.Errorf("renamed: %q, kept %v", got, a.sids)
	}
	if _, said := latchkey(t, "config", "explain", "--config", r.config, "--person", r.names[0], "--kind", "reset"); !strings.Contains(said, `rule "some" is in error and denies: unit-unresolved`) {
		t.Errorf("renamed: %s", said)
	}
	must(t, admin.ModifyDN(ldap.NewModifyDNRequest("OU=People,"+realmBase, "OU=Staff", true, "")))
	if got := state(); got != "" {
		t.Errorf("there again: %q", got)
	}
	if d := a.resolvesIn(); d != groupsAgain {
		t.Errorf("looked up again in %s", d)
	}
	if p, _ := a.resolve(t.Context(), cfg, down{}, a.sids); p.Rules[0].Who.Not.Any[0].OUErr != "" {
		t.Error("an outage forgets a unit")
	}
	if d := a.resolvesIn(); d != groupsSoon {
		t.Errorf("in an outage looked up again in %s", d)
	}
	if p, _ := a.resolve(t.Context(), cfg, down{}, nil); p.Rules[0].Who.Not.Any[0].OUErr == "" {
		t.Error("a unit that was never found is taken for there")
	}
}

// administrator is a connection that may do anything.
func (r *realm) administrator(t *testing.T) *ldap.Conn {
	t.Helper()
	at, err := r.dc.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.dc.CAPEM())
	conn, err := ldap.DialURL(at, ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.Bind("administrator@corp.example.test", minidc.AdminPassword))
	return conn
}
