package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/workflow"
)

// valid is a whole file that every case below breaks in one place.
func valid(t *testing.T) string {
	t.Helper()
	pw := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(pw, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return `public_url: https://latchkey.corp.example.test
organisation: Example Corp
support: {name: Desk, phone: "100"}
directory:
  controllers: [ldaps://dc1.corp.example.test]
  read: {bind: svc, password_file: ` + pw + `}
policies:
  - name: all
    who: {everyone: true}
    unlock: {prove: [passkey]}
`
}

func TestValidFileLoadsWithDefaults(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte(valid(t)))
	if err != nil {
		t.Fatal(err)
	}
	if c.RPID() != "latchkey.corp.example.test" || c.Listen != "127.0.0.1:8080" || !c.Enrolment.Password {
		t.Errorf("unexpected configuration: %+v", c)
	}
	p := c.Policy()
	if len(p.Rules) != 1 || len(p.Hash) != 64 || len(p.Rules[0].Acts[workflow.KindUnlock].Prove) != 1 {
		t.Errorf("unexpected policy: %+v", p)
	}
	if _, ok := p.Rules[0].Acts[workflow.KindReset]; ok {
		t.Error("a kind that is not named must not be allowed")
	}
}

func TestEachMistakeIsNamedWithItsPlace(t *testing.T) {
	cases := []struct {
		name, old, new string
		key, what      string
		line           int
	}{
		{"unknown key", "organisation:", "organization:", "", `"organization" is no key here; allowed: listen, public_url, organisation`, 2},
		{"unknown key below", "bind: svc", "binds: svc", "directory.read", "allowed: bind, password_file, password_env", 6},
		{"key without a value", "organisation: Example Corp", "organisation:", "organisation", "is empty", 2},
		{"time without a unit", "organisation:", "sessions: {idle: 30}\norganisation:", "sessions.idle", "such as 30m", 2},
		{"time in words", "organisation:", "sessions: {idle: half}\norganisation:", "sessions.idle", "such as 30m", 2},
		{"number in words", "organisation:", "limit_factor: many\norganisation:", "limit_factor", "whole number", 2},
		{"yes for true", "everyone: true", "everyone: yes", "policies[0].who.everyone", "true or false", 9},
		{"list where one value belongs", "organisation: Example Corp", "organisation: [Example, Corp]", "organisation", "one value", 2},
		{"value where keys belong", `{name: Desk, phone: "100"}`, "Desk", "support", "allowed: name, phone, mail, hours", 3},
		{"second document", "policies:", "---\npolicies:", "", "second document", 8},
		{"not YAML", "policies:", "policies: [", "", "", 0},
		{"wrong type", "[ldaps://dc1.corp.example.test]", "7", "directory.controllers", "must be a list", 5},
		{"address as public URL", "https://latchkey.corp.example.test", "https://10.0.0.5", "public_url", "passkeys need a host name", 1},
		{"single label", "https://latchkey.corp.example.test", "https://latchkey", "public_url", "no dot", 1},
		{"plain http", "https://latchkey", "http://latchkey", "public_url", "https://", 1},
		{"path in public URL", "example.test\norg", "example.test/reset\norg", "public_url", "end after the host", 1},
		{"everybody a proxy", "organisation:", "trusted_proxies: [\"::/0\"]\norganisation:", "trusted_proxies[0]", "forge", 2},
		{"a tag", "organisation: Example", "organisation: !!str Example", "organisation", "remove !!str", 2},
		{"a tag on what is no list", "[ldaps://dc1.corp.example.test]", "!x 7", "directory.controllers", "remove !x", 5},
		{"no support", `support: {name: Desk, phone: "100"}`, "", "support", "whom to ask", 0},
		{"plain LDAP scheme", "ldaps://dc1", "http://dc1", "directory.controllers[0]", "ldaps://host", 5},
		{"no service account", "bind: svc, ", "", "directory.read.bind", "service account", 6},
		{"missing secret file", "/password}", "/absent}", "directory.read.password_file", "no such file", 6},
		{"unknown proof", "prove: [passkey]", "prove: [passkeys]", "policies[0].unlock.prove[0]", "allowed: passkey", 10},
		{"no proof", "prove: [passkey]", "prove: []", "policies[0].unlock", "without a proof", 10},
		{"matches nobody", "{everyone: true}", "{everyone: false}", "policies[0].who", "matches nobody", 9},
		{"group is no DN", "{everyone: true}", "{group: Finance}", "policies[0].who.group", "distinguished name", 9},
		{"unknown key of an act", "prove: [passkey]", "prove: [passkey], approved: []", "policies[0].unlock", "allowed: prove, approve, number", 10},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(valid(t), tc.old, tc.new, 1)
			_, err := config.Parse("c.yaml", []byte(text))
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

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, err := config.Parse("c.yaml", []byte("listen: nowhere\npublic_url: ftp://x\n"))
	var found config.Problems
	if !errors.As(err, &found) || len(found) < 5 {
		t.Errorf("want all problems at once, got %v", err)
	}
}

func TestEveryUnknownKeyIsReportedAtOnce(t *testing.T) {
	_, err := config.Parse("c.yaml", []byte("foo: 1\nlog: {levl: info}\npolicies: [{nam: x}]\n"))
	var found config.Problems
	if !errors.As(err, &found) || len(found) != 3 {
		t.Errorf("want three unknown keys, got %v", err)
	}
}

func TestAnEmptyFileIsOneMistake(t *testing.T) {
	for _, text := range []string{"", "\n", "# only a comment\n"} {
		_, err := config.Parse("c.yaml", []byte(text))
		var found config.Problems
		if !errors.As(err, &found) || len(found) != 1 || !strings.Contains(found[0].What, "config example") {
			t.Errorf("%q: want one mistake, got %v", text, err)
		}
	}
}

func TestWorldReadableSecretIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := config.Account{PasswordFile: path}.Secret()
	if !errors.Is(err, config.ErrWorldReadable) {
		t.Errorf("want ErrWorldReadable, got %v", err)
	}
}

func TestSecretFromEnvironment(t *testing.T) {
	t.Setenv("LATCHKEY_TEST_PASSWORD", "pä55")
	got, err := config.Account{PasswordEnv: "LATCHKEY_TEST_PASSWORD"}.Secret()
	if err != nil || got.Reveal() != "pä55" {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
	if _, err := (config.Account{PasswordEnv: "LATCHKEY_TEST_ABSENT"}).Secret(); err == nil {
		t.Error("an absent variable must be an error")
	}
}

// The example names every key, and nothing else: it is the reference.
func TestExampleDocumentsEveryKey(t *testing.T) {
	text := string(config.Example)
	for _, key := range keys(reflect.TypeFor[config.Config](), nil) {
		if !regexp.MustCompile(`(?m)^[ #{-]*.*\b` + regexp.QuoteMeta(key) + `:`).MatchString(text) {
			t.Errorf("example.yaml does not document %q", key)
		}
	}
	_, err := config.Parse("example.yaml", config.Example)
	var found config.Problems
	if err != nil && !errors.As(err, &found) {
		t.Fatal(err)
	}
	for _, p := range found {
		if !strings.Contains(p.What, "no such file") {
			t.Errorf("the example has a mistake: %v", p)
		}
	}
}

func keys(t reflect.Type, seen []reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, s := range seen {
		if s == t {
			return nil
		}
	}
	var out []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" {
			out = append(out, name)
			out = append(out, keys(t.Field(i).Type, append(seen, t))...)
		}
	}
	return out
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("listen: x\npolicies: [{who: {not: {not: {everyone: true}}}}]"))
	f.Add([]byte("policies: [{unlock: {prove: [passkey], approve: [{by: manager, within: 15m, else: {group: x}}], number: off}}]"))
	f.Add([]byte("approvers: [{name: a}]\nx: &x {by: a}\npolicies: [{reset: {approve: [*x, {<<: *x}, {by: &y manager, else: *y}]}}]"))
	f.Add([]byte("mail: {host: \"\", tls: none}\npush: {proxy: \"http://%zz\", hosts: [\"*.\"]}\nreminders: {password_expiry: [99999999999999999999]}"))
	f.Add([]byte("approvers: !x 0\nlisten: x"))
	f.Add(config.Example)
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := config.Parse("f.yaml", text)
		var found config.Problems
		if err != nil && !errors.As(err, &found) {
			t.Errorf("an error without a place: %v", err)
		}
	})
}
