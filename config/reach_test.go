package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
)

func TestWaysOutHaveTheirDefaults(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte(valid(t)))
	if err != nil {
		t.Fatal(err)
	}
	if c.PushSubject() != "https://latchkey.corp.example.test" || c.PushProxy() != nil || c.Mail.Host != "" || c.Requests.Review != time.Hour {
		t.Errorf("%q %v %+v %v", c.PushSubject(), c.PushProxy(), c.Mail, c.Requests.Review)
	}
	if !reflect.DeepEqual(c.Reminders, config.Reminders{PasswordExpiry: []int{14, 7, 1}, To: config.RemindEnrolled}) {
		t.Errorf("%+v", c.Reminders)
	}
	if c.KeyFile() != filepath.Join(c.Data, "secret.key") {
		t.Errorf("%q", c.KeyFile())
	}
}

func TestWaysOutAreRead(t *testing.T) {
	t.Setenv("LATCHKEY_TEST_MAIL", "m4il")
	key := filepath.Join(t.TempDir(), "key")
	c, err := config.Parse("c.yaml", []byte(strings.Replace(valid(t), `phone: "100"`, "mail: desk@example.org", 1)+`
push: {hosts: ["*.push.example.org"], proxy: "http://proxy:3128"}
mail: {host: smtp.example.org, from: latchkey@example.org, tls: implicit, user: u, password_env: LATCHKEY_TEST_MAIL}
reminders: {password_expiry: []}
requests: {review: 20m}
secrets: {key_file: `+key+`}
`))
	if err != nil {
		t.Fatal(err)
	}
	password, err := c.Mail.Secret()
	if err != nil || password.Reveal() != "m4il" || c.Mail.TLS != config.MailImplicit || c.Mail.Port != 0 {
		t.Errorf("%+v, %v", c.Mail, err)
	}
	if c.PushSubject() != "desk@example.org" || c.PushProxy().Host != "proxy:3128" || len(c.Push.Hosts) != 1 || c.KeyFile() != key {
		t.Errorf("%q %+v %q", c.PushSubject(), c.Push, c.KeyFile())
	}
	if to := c.AlertMail(); len(to) != 1 || to[0] != "desk@example.org" {
		t.Errorf("alerts go to %v", to)
	}
	if c.Alerts.Mail = []string{"duty@example.org"}; c.AlertMail()[0] != "duty@example.org" {
		t.Errorf("alerts go to %v", c.AlertMail())
	}
	if len(c.Reminders.PasswordExpiry) != 0 || c.Reminders.To != config.RemindEnrolled || c.Requests.Review != 20*time.Minute {
		t.Errorf("%+v %v", c.Reminders, c.Requests.Review)
	}
	if none, err := (config.Mail{}).Secret(); err != nil || !none.Empty() {
		t.Errorf("without a user: %v", err)
	}
}

func TestEachMistakeOnTheWayOutIsNamedWithItsPlace(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open.key")
	if err := os.WriteFile(open, []byte("x"), 0o640); err != nil {
		t.Fatal(err)
	}
	const mailOK = "mail: {host: smtp.example.org, from: a@example.org, "
	for _, k := range []struct{ name, text, key, what string }{
		{"mailto twice", "push: {subject: \"mailto:a@example.org\"}", "push.subject", "Latchkey writes mailto: before it"},
		{"a name before the address", "push: {subject: \"Desk <a@example.org>\"}", "push.subject", "neither a bare mail address nor an https URL"},
		{"plain http", "push: {subject: \"http://example.org\"}", "push.subject", "neither"},
		{"localhost", "push: {subject: a@localhost}", "push.subject", "Apple"},
		{"local", "push: {subject: a@corp.local}", "push.subject", "Apple"},
		{"invalid", "push: {subject: \"https://x.INVALID/contact\"}", "push.subject", "Apple"},
		{"a scheme in a push host", "push: {hosts: [\"https://push.example.org\"]}", "push.hosts[0]", "without scheme"},
		{"an address as push host", "push: {hosts: [10.0.0.1]}", "push.hosts[0]", "no host name"},
		{"everything as push host", "push: {hosts: [\"*\"]}", "push.hosts[0]", "no host name"},
		{"everything below a top", "push: {hosts: [\"*.com\"]}", "push.hosts[0]", "no host name"},
		{"a proxy without a scheme", "push: {proxy: \"proxy:3128\"}", "push.proxy", "such as http://"},
		{"a password for the proxy", "push: {proxy: \"http://a:geheim@proxy:3128\"}", "push.proxy", "no place for secrets"},
		{"a path behind the proxy", "push: {proxy: \"http://proxy:3128/x\"}", "push.proxy", "end after host"},
		{"no file of the proxy's CA", "push: {ca_file: /absent.pem}", "push.ca_file", "no such file"},
		{"mail without a host", "mail: {from: a@example.org}", "mail.host", "no mail is sent"},
		{"a port in the mail host", "mail: {host: \"smtp.example.org:25\", from: a@example.org}", "mail.host", "port has a key"},
		{"no sender", "mail: {host: smtp.example.org}", "mail.from", "bare mail address"},
		{"a name in the sender", "mail: {host: smtp.example.org, from: \"IT <a@example.org>\"}", "mail.from", "bare mail address"},
		{"unknown protection", mailOK + "tls: ssl}", "mail.tls", "starttls, implicit, none"},
		{"clear mail to another machine", mailOK + "tls: none}", "mail.tls", "on this machine"},
		{"clear password", "mail: {host: localhost, from: a@example.org, tls: none, user: u, password_env: HOME}", "mail.user", "in clear"},
		{"465 with starttls", mailOK + "port: 465}", "mail.port", "tls: implicit"},
		{"port out of range", mailOK + "port: 70000}", "mail.port", "1 to 65535"},
		{"a user without a password", mailOK + "user: u}", "mail", "password_file or password_env"},
		{"a password without a user", mailOK + "password_env: HOME}", "mail.user", "never used"},
		{"both passwords", mailOK + "user: u, password_env: HOME, password_file: /x}", "mail", "either password_file or password_env"},
		{"no file of the password", mailOK + "user: u, password_file: /absent}", "mail.password_file", "no such file"},
		{"no day", "reminders: {password_expiry: [0]}", "reminders.password_expiry[0]", "1 to 90"},
		{"a day twice", "reminders: {password_expiry: [7, 7]}", "reminders.password_expiry[1]", "twice"},
		{"every day", "reminders: {password_expiry: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}", "reminders.password_expiry", "more than 10"},
		{"days in words", "reminders: {password_expiry: [two]}", "reminders.password_expiry[0]", "whole number"},
		{"days without a list", "reminders: {password_expiry: 14}", "reminders.password_expiry", "such as [14, 7, 1]"},
		{"unknown people", "reminders: {to: all}", "reminders.to", "enrolled, everybody"},
		{"everybody without mail", "reminders: {to: everybody}", "reminders.to", "needs mail"},
		{"an alert without mail", "alerts: {mail: [a@example.org]}", "alerts.mail", "has no way out"},
		{"a name before an alert's address", "alerts: {mail: [\"IT <a@example.org>\"]}", "alerts.mail[0]", "no bare mail address"},
		{"a long review", "requests: {review: 100h}", "requests.review", "72h"},
		{"a key that others read", "secrets: {key_file: " + open + "}", "secrets.key_file", "chmod 600"},
		{"a directory as key", "secrets: {key_file: /tmp}", "secrets.key_file", "is a directory"},
		{"a key in no directory", "secrets: {key_file: /absent/key}", "secrets.key_file", "make the directory"},
	} {
		t.Run(k.name, func(t *testing.T) { mistake(t, valid(t)+k.text+"\n", k.key, k.what, 11, 0) })
	}
}

func TestASupportMailThatNobodyCanReachNeedsASubject(t *testing.T) {
	for from, fine := range map[string]bool{"desk@corp.local": false, "servicedesk": false, "desk@example.org": true, "desk@corp.example.test": true} {
		text := strings.Replace(valid(t), `phone: "100"`, "mail: "+from, 1)
		_, err := config.Parse("c.yaml", []byte(text))
		if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "c.yaml:3:29: support.mail") {
			t.Errorf("%s: %v", from, err)
		}
		if _, err := config.Parse("c.yaml", []byte(text+"push: {subject: \"https://example.org/contact\"}\n")); err != nil {
			t.Errorf("%s with a subject: %v", from, err)
		}
	}
	local := strings.Replace(valid(t), "https://latchkey.corp.example.test", "http://localhost:8080", 1)
	if _, err := config.Parse("c.yaml", []byte(local)); err != nil {
		t.Errorf("on this machine: %v", err)
	}
}

func TestMailOnThisMachineNeedsNoTLS(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "\"::1\""} {
		if _, err := config.Parse("c.yaml", []byte(valid(t)+"mail: {host: "+host+", port: 2525, from: a@example.org, tls: none}\n")); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
