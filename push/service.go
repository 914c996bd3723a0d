package push

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Limits are token buckets that outlive the process. Take returns 0 when there
// was a token, otherwise how long until there is one.
type Limits interface {
	Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (wait time.Duration, err error)
	// TakeAll takes one token from each bucket, or none from any, and returns the wait
	// of each.
	TakeAll(ctx context.Context, from []Bucket, now time.Time) (waits []time.Duration, err error)
}

// Bucket holds Burst tokens when full, and gains one each Refill.
type Bucket struct {
	Key    string
	Burst  int
	Refill time.Duration
}

// Support is whom every message says to ask.
type Support struct{ Name, Phone, Mail string }

// Config is what a Service needs. Nil Now, Rand, NewID and Logger have defaults.
type Config struct {
	Store     Store
	Directory Directory
	Counter   Counter
	Limits    Limits

	PublicURL    string // https://host, where every message leads
	Organisation string
	Support      Support

	// Subject is whom a push service may write to: a bare mail address or an
	// https URL (RFC 8292 2.1).
	Subject string
	// Hosts are push services beside those of the known browsers; "*.host"
	// stands for all below.
	Hosts []string
	// Proxy is what push services are reached by; nil reaches them directly.
	Proxy *url.URL
	// CAFile and RootCAs are trusted beside the system's certificates, for
	// proxies that open TLS.
	CAFile  string
	RootCAs *x509.CertPool // in place of the system's; nil for those

	Mail *MailConfig // nil sends no mail
	// Gateway sends codes by SMS; nil: there are none.
	Gateway *Gateway
	// Addresses knows what people verified here; nil: nothing goes there.
	Addresses Addresses
	// Alerts are the addresses that an alert goes to; none where empty.
	Alerts []string
	// FreezeLink makes the secret behind the # of a link by which the reader of a
	// notice can freeze their account: a token of base64url, or "" for no link. It is
	// made when a message is sent, and never kept. nil makes none.
	FreezeLink func(account, kind string, notice int64, made time.Time) string

	Workers int // messages on their way at once; 0 is 20. Below 4 none is kept free of what goes to many

	Now    func() time.Time
	Rand   io.Reader // safe for concurrent use; nil is crypto/rand
	NewID  func() string
	Logger *slog.Logger

	out outbound // tests set its resolver and time-out
}

// Service reaches people.
type Service struct {
	cfg    Config
	log    *slog.Logger
	guard  guard
	client *http.Client
	mail   *mailer // nil sends none
	vapid  *vapid
	keys   keyring
	broken breaker
	hand   hand
	taken  taken
	kick   chan struct{} // something was committed
	room   chan struct{} // a slot is free
}

// New checks the configuration and makes the first VAPID key where the store has
// none.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("set up push: %w", err)
	}
	s := &Service{cfg: cfg, log: cfg.Logger, client: cfg.out.client(), kick: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	subject, err := subjectClaim(cfg.Subject)
	if err != nil {
		return nil, fmt.Errorf("set up push: %w", err)
	}
	s.vapid = &vapid{subject: subject, now: cfg.Now}
	s.broken.now = cfg.Now
	if s.guard, err = newGuard(cfg.Hosts); err != nil {
		return nil, fmt.Errorf("set up push: %w", err)
	}
	if cfg.Mail != nil {
		if s.mail, err = newMailer(*cfg.Mail, cfg.Organisation); err != nil {
			return nil, fmt.Errorf("set up mail: %w", err)
		}
	}
	if err := s.firstKey(ctx); err != nil {
		return nil, fmt.Errorf("set up push: %w", err)
	}
	return s, nil
}

func (c *Config) complete() error {
	if c.Store == nil || c.Directory == nil || c.Counter == nil || c.Limits == nil {
		return errors.New("store, directory, counter and limits are needed")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("public URL %q has no host", c.PublicURL)
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.Workers <= 0 {
		c.Workers = 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.NewID == nil {
		c.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c.reach()
}

// reach says how push services are reached.
func (c *Config) reach() error {
	if c.Proxy != nil && (c.Proxy.Host == "" || c.Proxy.Scheme != "http" && c.Proxy.Scheme != "https") {
		return errors.New("the proxy needs to be http://host:port or https://host:port")
	}
	roots, err := trusted(c.RootCAs, c.CAFile)
	if err != nil {
		return err
	}
	c.out.proxy, c.out.roots = c.Proxy, roots
	if c.out.timeout == 0 {
		c.out.timeout = sendTimeout
	}
	c.out.together = c.Workers
	return nil
}

// trusted adds a file's certificates to the pool, or to the system's.
func trusted(pool *x509.CertPool, file string) (*x509.CertPool, error) {
	if file == "" {
		return pool, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	if pool != nil {
		pool = pool.Clone()
	} else if pool, err = x509.SystemCertPool(); err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s holds no certificate", file)
	}
	return pool, nil
}
