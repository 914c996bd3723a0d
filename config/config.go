// Package config is the configuration file: its keys, their defaults, and
// everything that can be checked before the server starts. A file is checked
// whole, and every problem is reported with its line and column.
//
// example.yaml documents each key with its default, its effect and the mistake
// that it prevents; a test holds it to the structs below.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// Config is the whole file. example.yaml says what each key means.
type Config struct {
	Listen         string    `yaml:"listen"`
	PublicURL      string    `yaml:"public_url"`
	Organisation   string    `yaml:"organisation"`
	Data           string    `yaml:"data"`
	Database       Database  `yaml:"database"`
	TrustedProxies []string  `yaml:"trusted_proxies"`
	TLS            TLS       `yaml:"tls"`
	LimitFactor    int       `yaml:"limit_factor"`
	Support        Support   `yaml:"support"`
	Directory      Directory `yaml:"directory"`
	Enrolment      Enrolment `yaml:"enrolment"`
	Sessions       Sessions  `yaml:"sessions"`
	Passwords      Passwords `yaml:"passwords"`
	Requests       Requests  `yaml:"requests"`
	Push           Push      `yaml:"push"`
	Mail           Mail      `yaml:"mail"`
	Reminders      Reminders `yaml:"reminders"`
	Alerts         Alerts    `yaml:"alerts"`
	Proofs         Proofs    `yaml:"proofs"`
	Secrets        Secrets   `yaml:"secrets"`
	Backup         Backup    `yaml:"backup"`
	Log            Log       `yaml:"log"`

	Approvers []ApproverGroup `yaml:"approvers"`
	Policies  []Policy        `yaml:"policies"`

	hash string
}

// Support is whom to ask; it stands on every error.
type Support struct {
	Name  string `yaml:"name"`
	Phone string `yaml:"phone"`
	Mail  string `yaml:"mail"`
	Hours string `yaml:"hours"`
}

// Directory says how to reach Active Directory: one domain, or several of one
// forest in Domains.
type Directory struct {
	Domain          string        `yaml:"domain"`
	Site            string        `yaml:"site"`
	TLS             string        `yaml:"tls"`
	DNS             []string      `yaml:"dns"`
	Controllers     []string      `yaml:"controllers"`
	CAFile          string        `yaml:"ca_file"`
	BaseDN          string        `yaml:"base_dn"`
	Read            Account       `yaml:"read"`
	Write           Account       `yaml:"write"`
	ProtectedGroups []string      `yaml:"protected_groups"`
	ProtectedOUs    []string      `yaml:"protected_ous"`
	Timeout         time.Duration `yaml:"timeout"`
	Domains         []Domain      `yaml:"domains"`
	// LocationAttribute says where somebody works, for `location` in policies.
	LocationAttribute string `yaml:"location_attribute"`
}

// Account is a service account. Its password is read from a file or from the
// environment, so that the configuration holds no secret.
type Account struct {
	Bind         string `yaml:"bind"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
}

// Enrolment is how passkeys are registered.
type Enrolment struct {
	Password        bool          `yaml:"password"`
	InvitationValid time.Duration `yaml:"invitation_valid"`
}

// Sessions is how long a sign-in lasts.
type Sessions struct {
	Idle     time.Duration `yaml:"idle"`
	Absolute time.Duration `yaml:"absolute"`
	Short    time.Duration `yaml:"short"`
}

// Passwords is what Latchkey asks of a password beside the directory.
type Passwords struct {
	Strength     int      `yaml:"strength"`
	Banned       []string `yaml:"banned"`
	BannedFile   string   `yaml:"banned_file"`
	BreachedFile string   `yaml:"breached_file"`
}

// Requests holds the times of a request.
type Requests struct {
	Approved time.Duration `yaml:"approved"`
	Watch    time.Duration `yaml:"watch"`
	Review   time.Duration `yaml:"review"`
}

// Log is the server's own log, on standard error.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Default is the configuration before the file is read.
func Default() Config {
	return Config{
		Listen:      "127.0.0.1:8080",
		Data:        "latchkey-data",
		LimitFactor: 1,
		Directory:   Directory{Timeout: 10 * time.Second},
		Enrolment:   Enrolment{Password: true, InvitationValid: 72 * time.Hour},
		Sessions:    Sessions{Idle: 30 * time.Minute, Absolute: 12 * time.Hour, Short: 10 * time.Minute},
		Passwords:   Passwords{Strength: 2},
		Requests:    Requests{Approved: time.Hour, Watch: 30 * time.Minute, Review: time.Hour},
		Mail:        Mail{TLS: MailStartTLS},
		Reminders:   Reminders{PasswordExpiry: []int{14, 7, 1}, To: RemindEnrolled},
		Backup:      Backup{Within: DefaultBackupWithin},
		Log:         Log{Level: "info", Format: "text"},
	}
}

// maxFile bounds the file: a configuration is a few kilobytes.
const maxFile = 1 << 20

// Load reads and checks a file. The error is a Problems, or the file's own.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, b)
}

// Parse checks text that came from name.
func Parse(name string, text []byte) (Config, error) {
	if len(text) > maxFile {
		return Config{}, Problems{{File: name, Line: 1, Column: 1, What: "the file is larger than 1 MiB"}}
	}
	if found := newFinder(name, text).checkShape(); len(found) > 0 {
		return Config{}, found
	}
	c := Default()
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
		return Config{}, syntaxProblem(name, err)
	}
	if found := c.check(name, text); len(found) > 0 {
		return Config{}, found
	}
	c.hash = hashOf(text)
	return c, nil
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Hash is the SHA-256 of the file's text, hex; it stands in every decision.
func (c Config) Hash() string { return c.hash }

// RPID is the host of the public URL: what passkeys are bound to.
func (c Config) RPID() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Proxies are the trusted proxies; the file has been checked.
func (c Config) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range c.TrustedProxies {
		if p, err := parsePrefix(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Policy returns the rules with groups named but not yet resolved.
func (c Config) Policy() workflow.Policy {
	p := workflow.Policy{Hash: c.hash}
	for _, rule := range c.Policies {
		p.Rules = append(p.Rules, rule.rule(c.Approvers, c.Directory.LocationAttribute))
	}
	return p
}

// Secret reads the account's password. Trailing line ends are cut off.
func (a Account) Secret() (secret.Text, error) {
	if a.PasswordEnv != "" {
		return secretEnv(a.PasswordEnv)
	}
	return secretFile(a.PasswordFile)
}
