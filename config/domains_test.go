package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/config"
)

func TestADomainNeedsNoControllers(t *testing.T) {
	text := strings.Replace(valid(t), "controllers: [ldaps://dc1.corp.example.test]", "domain: corp.example.test\n  site: Berlin\n  tls: starttls\n  dns: [10.1.2.3, \"10.1.2.4:5353\"]", 1)
	c, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	all := c.Directory.All()
	if len(all) != 1 || all[0].Domain != "corp.example.test" || all[0].Site != "Berlin" || all[0].TLS != config.DirectoryStartTLS || len(all[0].DNS) != 2 || all[0].Read.Bind != "svc" {
		t.Errorf("%+v", all)
	}
}

// several is a file with two domains.
func several(t *testing.T) string {
	text := valid(t)
	_, rest, _ := strings.Cut(text, "password_file: ")
	file, _, _ := strings.Cut(rest, "}")
	before, _, _ := strings.Cut(text, "directory:")
	_, after, _ := strings.Cut(text, "policies:")
	return before + `directory:
  domains:
    - domain: corp.example.test
      read: {bind: svc, password_file: ` + file + `}
    - controllers: [ldaps://dc1.child.corp.example.test]
      base_dn: OU=Staff,DC=child,DC=corp,DC=example,DC=test
      read: {bind: svc, password_file: ` + file + `}
policies:` + after
}

func TestSeveralDomainsAreMapped(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte(several(t)))
	if err != nil {
		t.Fatal(err)
	}
	if all := c.Directory.All(); len(all) != 2 || all[0].Domain != "corp.example.test" || len(all[1].Controllers) != 1 {
		t.Errorf("%+v", all)
	}
}

func TestEachMistakeOfADomainIsNamedWithItsPlace(t *testing.T) {
	one, many := valid(t), several(t)
	for _, tc := range []struct {
		name, text, old, new string
		key, what            string
		line                 int
	}{
		{"neither controllers nor domain", one, "  controllers: [ldaps://dc1.corp.example.test]\n", "", "directory.controllers", "or write domain", 5},
		{"no DNS name", one, "controllers: [ldaps://dc1.corp.example.test]", "domain: corp..test", "directory.domain", "no DNS name", 5},
		{"site without domain", one, "directory:", "directory:\n  site: Berlin", "directory.site", "nothing without domain", 5},
		{"tls without domain", one, "directory:", "directory:\n  tls: ldaps", "directory.tls", "nothing without domain", 5},
		{"dns without domain", one, "directory:", "directory:\n  dns: [10.1.2.3]", "directory.dns", "nothing without domain", 5},
		{"unknown tls", one, "directory:", "directory:\n  domain: corp.example.test\n  tls: none", "directory.tls", "allowed: ldaps, starttls", 6},
		{"site in words", one, "directory:", "directory:\n  domain: corp.example.test\n  site: the first", "directory.site", "no name of a site", 6},
		{"name server by name", one, "directory:", "directory:\n  domain: corp.example.test\n  dns: [dns1]", "directory.dns[0]", "no address", 6},
		{"base outside", one, "directory:", "directory:\n  domain: corp.example.test\n  base_dn: OU=x,DC=other,DC=test", "directory.base_dn", "outside of the domain", 6},
		{"base in a child domain", one, "directory:", "directory:\n  domain: corp.example.test\n  base_dn: DC=a,DC=corp,DC=example,DC=test", "directory.base_dn", "outside of the domain", 6},
		{"protected group outside", one, "directory:", "directory:\n  domain: corp.example.test\n  protected_groups: [\"CN=x,DC=other\"]", "directory.protected_groups[0]", "outside of the domain", 6},
		{"protected unit outside", many, "base_dn: OU", "protected_ous: [\"OU=x,DC=corp\"]\n      base_dn: OU", "directory.domains[1].protected_ous[0]", "outside of the domain", 9},
		{"an empty list", one, "directory:", "directory:\n  domains: []", "directory.domains", "is empty", 5},
		{"keys beside the list", many, "  domains:", "  ca_file: x\n  domains:", "directory.ca_file", "can't stand beside domains", 5},
		{"the same domain twice", many, "DC=child,", "", "directory.domains[1]", "is domains[0] already", 0},
		{"a nameless one", many, "      base_dn: OU=Staff,DC=child,DC=corp,DC=example,DC=test\n", "", "directory.domains[1]", "needs domain or base_dn", 0},
		{"a controller of two", many, "domain: corp.example.test", "domain: corp.example.test\n      controllers: [LDAPS://dc1.child.corp.example.test]", "directory.domains[1].controllers[0]", "a controller of domains[0] already", 0},
		{"unknown key of a domain", many, "base_dn: OU", "timeout: 5s\n      base_dn: OU", "directory.domains[1]", `"timeout" is no key here`, 0},
		{"no account", many, "- domain: corp.example.test\n      read:", "- domain: corp.example.test\n      write:", "directory.domains[0].read.bind", "is missing", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !strings.Contains(tc.text, tc.old) {
				t.Fatal("the case breaks nothing")
			}
			_, err := config.Parse("c.yaml", []byte(strings.Replace(tc.text, tc.old, tc.new, 1)))
			var found config.Problems
			if !errors.As(err, &found) {
				t.Fatalf("want problems, got %v", err)
			}
			for _, p := range found {
				if p.Key == tc.key && strings.Contains(p.What, tc.what) && (tc.line == 0 || p.Line == tc.line) && p.Column > 0 {
					return
				}
			}
			t.Errorf("want %s %q at line %d, got:\n%v", tc.key, tc.what, tc.line, err)
		})
	}
}
