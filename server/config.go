package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config says what the edge serves. Fields without a default are needed.
type Config struct {
	// PublicURL is the only address that people use, "https://unlock.example.test"
	// or, on one machine, "http://localhost:8080". Links, the Host check and the
	// cross-site check come from it and from nothing else.
	PublicURL string
	// RPID is what passkeys are bound to: the host of PublicURL or a suffix of it.
	RPID         string
	Organisation string
	Support      Support
	Attribute    *Words // see Settings
	Version      string
	Demo         bool
	// Retention is how long events are kept, an ISO 8601 duration; "" for no limit.
	Retention string

	// TrustedProxies may name the client in X-Forwarded-For. Empty trusts nobody.
	TrustedProxies []netip.Prefix
	// LimitFactor raises the limits that count by client address, for sites
	// where many people share one; 0 is 1.
	LimitFactor int
	// BodyLimit bounds a request's body in bytes; 0 is 64 KiB.
	BodyLimit int
	// Tries is how many refused values one approval stands, for the page; 0 is 5.
	Tries int

	Passkeys Passkeys
	Requests Requests
	Log      Log
	Limits   Limits
	Browsers Browsers // nil knows none
	Reviews  Reviews
	Freezes  Freezes
	Photos   Photos
	Devices  Devices
	// Live is where the store tells of changed requests; nil makes one that
	// nobody tells.
	Live *Broker
	// Numbers is how many wrong numbers cancel a request, for the page; 0 is 3.
	Numbers int
	// Ready is nil while store and directory can be reached.
	Ready func(context.Context) error
	// Static is the web app's build, as pwa.Files returns it.
	Static fs.FS

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now

	streams streamTimes // zero takes the defaults
}

// Support is whom to ask; it stands on every error page.
type Support struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Hours string `json:"hours"`
	Mail  string `json:"mail"`
}

const (
	defaultBodyLimit = 64 << 10
	defaultTries     = 5
	defaultNumbers   = 3
)

// withDefaults fills what may be left out and reports everything that may not.
func (c Config) withDefaults() (Config, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.LimitFactor = max(c.LimitFactor, 1)
	if c.BodyLimit <= 0 {
		c.BodyLimit = defaultBodyLimit
	}
	if c.Tries <= 0 {
		c.Tries = defaultTries
	}
	if c.Numbers <= 0 {
		c.Numbers = defaultNumbers
	}
	if c.Live == nil {
		c.Live = NewBroker()
	}
	c.streams = c.streams.withDefaults()
	return c, errors.Join(
		need("RPID", c.RPID != ""),
		need("Passkeys", c.Passkeys != nil),
		need("Requests", c.Requests != nil),
		need("Log", c.Log != nil),
		need("Limits", c.Limits != nil),
		need("Reviews", c.Reviews != nil),
		need("Freezes", c.Freezes != nil),
		need("Photos", c.Photos != nil),
		need("Devices", c.Devices != nil),
		need("Ready", c.Ready != nil),
		need("Static", c.Static != nil),
	)
}

func need(name string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("server: %s is missing", name)
}

// origin is the parsed public URL.
type origin struct {
	text  string // "https://unlock.example.test", as browsers send it in Origin
	host  string // lower case, with the port unless it is the scheme's own
	https bool
}

// parseOrigin reads a public URL: scheme, host and port, and nothing after them.
// Plain http is for a machine's own browser only.
func parseOrigin(public string) (origin, error) {
	u, err := url.Parse(strings.TrimSuffix(public, "/"))
	switch {
	case err != nil:
		return origin{}, fmt.Errorf("read public URL: %w", err)
	case u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return origin{}, errors.New("public URL must be scheme and host only")
	case u.Scheme == "https":
	case u.Scheme == "http" && localName(u.Hostname()):
	default:
		return origin{}, errors.New("public URL must be https, or http on localhost")
	}
	host := plainHost(u.Scheme == "https", u.Host)
	return origin{text: u.Scheme + "://" + host, host: host, https: u.Scheme == "https"}, nil
}

// localName says whether browsers treat the name as this machine.
func localName(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// plainHost lower-cases a Host and cuts off the port that the scheme implies.
func plainHost(https bool, host string) string {
	host = strings.ToLower(host)
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return host
	}
	if (https && port == "443") || (!https && port == "80") {
		return name
	}
	return host
}
