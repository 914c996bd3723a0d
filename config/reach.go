package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// Push is how notifications leave: web push to the browsers' services.
type Push struct {
	Subject string   `yaml:"subject"`
	Hosts   []string `yaml:"hosts"`
	Proxy   string   `yaml:"proxy"`
	CAFile  string   `yaml:"ca_file"`
}

// Mail is the second channel; without a host no mail is sent.
type Mail struct {
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	From         string `yaml:"from"`
	TLS          string `yaml:"tls"`
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	CAFile       string `yaml:"ca_file"`
}

// Reminders are what people hear of without having asked.
type Reminders struct {
	// PasswordExpiry are days before the end; empty sends none.
	PasswordExpiry []int  `yaml:"password_expiry"`
	To             string `yaml:"to"`
}

// Whom a reminder goes to.
const (
	RemindEnrolled  = "enrolled"  // holders of a passkey
	RemindEverybody = "everybody" // by mail, others too
)

// Secrets is the key that seals what the database must not show.
type Secrets struct {
	KeyFile string `yaml:"key_file"`
}

// The ways to protect mail on its way.
const (
	MailStartTLS = "starttls"
	MailImplicit = "implicit"
	MailNone     = "none"
)

// Secret reads the password of the mail account; it is empty without a user.
func (m Mail) Secret() (secret.Text, error) {
	if m.User == "" {
		return secret.Text{}, nil
	}
	return m.account().Secret()
}

func (m Mail) account() Account {
	return Account{Bind: m.User, PasswordFile: m.PasswordFile, PasswordEnv: m.PasswordEnv}
}

// PushSubject is the address that push services may write to: a bare mail
// address, or an https URL (RFC 8292 2.1).
func (c Config) PushSubject() string {
	switch {
	case c.Push.Subject != "":
		return c.Push.Subject
	case c.Support.Mail != "":
		return c.Support.Mail
	}
	return "https://" + c.RPID()
}

// PushProxy is nil for none; the file has been checked.
func (c Config) PushProxy() *url.URL {
	u, err := url.Parse(c.Push.Proxy)
	if err != nil || u.Host == "" {
		return nil
	}
	return u
}

// KeyFile is where the sealing key lies.
func (c Config) KeyFile() string {
	if c.Secrets.KeyFile != "" {
		return c.Secrets.KeyFile
	}
	return filepath.Join(c.Data, "secret.key")
}

func (c Config) checkPush(f *finder) {
	c.checkSubject(f)
	for i, h := range c.Push.Hosts {
		if !isPushHost(h) {
			f.add(fmt.Sprintf("push.hosts[%d]", i), "%q is no host name, such as push.example.com or *.push.example.com: without scheme, port and path", h)
		}
	}
	if c.Push.Proxy != "" {
		checkProxy(f, c.Push.Proxy)
	}
	checkFile(f, "push.ca_file", c.Push.CAFile)
}

// checkSubject: a push service that can't tell whom to write to refuses
// everything, and Apple's with words that do not say so.
func (c Config) checkSubject(f *finder) {
	subject, key, hint := c.PushSubject(), "push.subject", ""
	if c.Push.Subject == "" && c.Support.Mail != "" {
		key, hint = "support.mail", ": push services write there, unless push.subject says otherwise"
	}
	host, ok := subjectHost(subject)
	switch {
	case strings.HasPrefix(strings.ToLower(subject), "mailto:"):
		f.add(key, "must be the bare address: Latchkey writes mailto: before it, and push services refuse it twice")
	case !ok:
		f.add(key, "%q is neither a bare mail address nor an https URL%s", subject, hint)
	case isMadeUp(host) && (c.Push.Subject != "" || c.Support.Mail != "" && !isLocal(c.RPID())):
		f.add(key, "ends in %q, which Apple's push service refuses: set push.subject to an address or https URL that exists", host)
	}
}

// isLocal: a server that only this machine reaches needs no real address.
func isLocal(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }

// subjectHost is the host of a subject, lower case.
func subjectHost(subject string) (string, bool) {
	if a, err := mail.ParseAddress(subject); err == nil && a.Address == subject {
		return strings.ToLower(subject[strings.LastIndexByte(subject, '@')+1:]), true
	}
	u, err := url.Parse(subject)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	return strings.ToLower(u.Hostname()), true
}

// isMadeUp: nobody can be reached there.
func isMadeUp(host string) bool {
	return net.ParseIP(host) != nil || slices.ContainsFunc([]string{"localhost", "local", "invalid"}, func(top string) bool {
		return host == top || strings.HasSuffix(host, "."+top)
	})
}

// isPushHost takes host names in lower case, of at least two labels.
func isPushHost(h string) bool {
	labels := strings.Split(strings.TrimPrefix(h, "*."), ".")
	for _, l := range labels {
		if l == "" || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	top := labels[len(labels)-1]
	return len(labels) > 1 && len(h) <= 253 && top[0] >= 'a' && top[0] <= 'z'
}

func checkProxy(f *finder, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		f.add("push.proxy", "is no proxy, such as http://proxy.corp.example.test:3128")
	case u.User != nil:
		f.add("push.proxy", "holds a name or a password: this file is no place for secrets; let the proxy know this server by its address")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		f.add("push.proxy", "must end after host and port")
	}
}

func (c Config) checkMail(f *finder) {
	m := c.Mail
	if m.Host == "" {
		if m != Default().Mail {
			f.add("mail.host", "is missing: without it no mail is sent")
		}
		return
	}
	if strings.ContainsAny(m.Host, "/:@ ") && net.ParseIP(m.Host) == nil {
		f.add("mail.host", "%q is no host name, such as smtp.corp.example.test: the port has a key of its own", m.Host)
	}
	if a, err := mail.ParseAddress(m.From); err != nil || a.Address != m.From {
		f.add("mail.from", "%q is no bare mail address, such as latchkey@corp.example.test: the organisation is put before it", m.From)
	}
	checkMailTLS(f, m)
	checkMailAccount(f, m)
	checkFile(f, "mail.ca_file", m.CAFile)
}

func checkMailTLS(f *finder, m Mail) {
	oneOf(f, "mail.tls", m.TLS, allowed["mail.tls"]...)
	switch {
	case m.Port < 0 || m.Port > 65535:
		f.add("mail.port", "%d is out of range: 1 to 65535", m.Port)
	case m.Port == 465 && m.TLS == MailStartTLS:
		f.add("mail.port", "465 begins with TLS and would hang: write tls: implicit, or port: 587")
	}
	if m.TLS == MailNone && !isLoopback(m.Host) {
		f.add("mail.tls", "none is for a mail server on this machine: %q would get names and links in clear", m.Host)
	}
}

func checkMailAccount(f *finder, m Mail) {
	named := m.PasswordFile != "" || m.PasswordEnv != ""
	switch {
	case m.User == "" && named:
		f.add("mail.user", "is missing: a password without a user is never used")
	case m.User != "" && m.TLS == MailNone:
		f.add("mail.user", "would send the password in clear: write tls: starttls or implicit")
	case m.User != "":
		checkAccount(f, "mail", m.account())
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) checkReminders(f *finder) {
	seen := map[int]bool{}
	for i, days := range c.Reminders.PasswordExpiry {
		key := fmt.Sprintf("reminders.password_expiry[%d]", i)
		if days < 1 || days > 90 {
			f.add(key, "%d is out of range: 1 to 90 days", days)
		}
		if seen[days] {
			f.add(key, "%d stands twice", days)
		}
		seen[days] = true
	}
	if len(c.Reminders.PasswordExpiry) > 10 {
		f.add("reminders.password_expiry", "holds more than 10 days: nobody reads what comes every day")
	}
	oneOf(f, "reminders.to", c.Reminders.To, allowed["reminders.to"]...)
	if c.Reminders.To == RemindEverybody && c.Mail.Host == "" && len(c.Reminders.PasswordExpiry) > 0 {
		f.add("reminders.to", "everybody needs mail: who holds no passkey has no other way to hear of it")
	}
}

// checkKeyFile: a key that others may read seals nothing. It is made at the
// first start where there is none.
func (c Config) checkKeyFile(f *finder) {
	info, err := os.Stat(c.KeyFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(c.KeyFile())); err != nil && c.Secrets.KeyFile != "" {
			f.add("secrets.key_file", "%v: make the directory, the key is made at the first start", err)
		}
	case err != nil && c.Secrets.KeyFile == "": // the server's own directory, closed to us
	case err != nil:
		f.add("secrets.key_file", "%v", err)
	case info.IsDir():
		f.add("secrets.key_file", "%s is a directory: name a file in it", c.KeyFile())
	case info.Mode().Perm()&0o077 != 0:
		f.add("secrets.key_file", "%s may be read by others: chmod 600 it", c.KeyFile())
	}
}

// Longest and shortest wait for a review.
const (
	minReview = time.Minute
	maxReview = 72 * time.Hour
)
