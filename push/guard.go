package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// An endpoint comes from a browser, so it is whatever its owner wants it to be:
// the guard is what keeps the server from being sent to its own network
// (docs/security.md, rule 6).

const (
	maxEndpoint   = 2000
	sendTimeout   = 10 * time.Second
	maxAnswerBody = 64 << 10
)

// services are the push services of the browsers. A leading "*." stands for any
// number of labels.
var services = []string{
	"fcm.googleapis.com",
	"updates.push.services.mozilla.com",
	"*.push.services.mozilla.com",
	"web.push.apple.com",
	"*.push.apple.com",
	"*.notify.windows.com",
}

var (
	errAddress  = errors.New("address is not public")
	errRedirect = errors.New("push service redirects")
	errProxy    = errors.New("proxy answers")
	errBroken   = errors.New("not tried: it did not answer a moment ago")
)

// guard knows where messages may go.
type guard struct{ hosts []string }

func newGuard(extra []string) (guard, error) {
	g := guard{hosts: slices.Clone(services)}
	for _, h := range extra {
		name := strings.TrimPrefix(h, "*.")
		if !plainHost(name) || strings.Count(name, ".") == 0 {
			return guard{}, fmt.Errorf("push host %q is no host name", h)
		}
		g.hosts = append(g.hosts, h)
	}
	return g, nil
}

// check returns the parsed endpoint, or ErrEndpoint. It compares what the client
// will dial, never the text.
func (g guard) check(endpoint string) (*url.URL, error) {
	u, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	if !g.allows(u.Hostname()) {
		return nil, fmt.Errorf("no push service that is known here: %w", ErrEndpoint)
	}
	return u, nil
}

func parseEndpoint(endpoint string) (*url.URL, error) {
	if len(endpoint) > maxEndpoint || strings.ContainsFunc(endpoint, unprintable) {
		return nil, fmt.Errorf("length or characters of the endpoint: %w", ErrEndpoint)
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil: // its text holds the endpoint
		return nil, fmt.Errorf("parse endpoint: %w", ErrEndpoint)
	case u.Scheme != "https" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("shape of the endpoint: %w", ErrEndpoint)
	case u.Host != u.Hostname() && u.Host != u.Hostname()+":443":
		return nil, fmt.Errorf("port of the endpoint: %w", ErrEndpoint)
	case !plainHost(u.Hostname()):
		return nil, fmt.Errorf("host of the endpoint: %w", ErrEndpoint)
	}
	return u, nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }

// plainHost takes lower-case letters, digits and hyphens in labels that are not
// empty, and no address: neither 127.0.0.1 nor 0x7f.1 nor 2130706433.
func plainHost(host string) bool {
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	top := labels[len(labels)-1] // a number only in addresses (URL Standard, "ends in a number")
	return len(host) <= 253 && top[0] >= 'a' && top[0] <= 'z'
}

func (g guard) allows(host string) bool {
	return slices.ContainsFunc(g.hosts, func(allowed string) bool {
		if suffix, wild := strings.CutPrefix(allowed, "*"); wild {
			return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
		}
		return host == allowed
	})
}

// special are ranges that are in use for something else than hosts of the
// internet, or that lead to other ranges inside (IANA special-purpose registries,
// RFC 6890; NAT64, 6to4 and Teredo carry IPv4 addresses).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

var globalIPv6 = netip.MustParsePrefix("2000::/3") // RFC 4291 2.4: all that is assigned

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// public says whether an address is a host of the internet.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Is4In6() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() && !globalIPv6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// dialsPublic is a net.Dialer's Control: it sees the address that is about to be
// connected to, after every name was resolved.
func dialsPublic(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return errAddress
	}
	if to.Port() != 443 || !public(to.Addr()) {
		return errAddress
	}
	return nil
}

// outbound is how the client reaches push services.
type outbound struct {
	proxy    *url.URL // nil dials itself
	roots    *x509.CertPool
	resolver *net.Resolver
	timeout  time.Duration
	together int // messages on their way at once
}

// client makes the one client that messages leave by. With a proxy the proxy
// dials, and the list of hosts is the guard. The environment's proxy is never
// used.
func (o outbound) client() *http.Client {
	dialer := &net.Dialer{Timeout: o.timeout, Resolver: o.resolver, Control: dialsPublic}
	t := &http.Transport{
		TLSClientConfig:        &tls.Config{RootCAs: o.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxAnswerBody,
		MaxIdleConnsPerHost:    o.together, // without HTTP/2 each message needs a connection: none is made anew
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    o.timeout,
	}
	if o.proxy != nil {
		dialer.Control = nil
		t.Proxy = http.ProxyURL(o.proxy)
		t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("%w %d", errProxy, answer.StatusCode)
			}
			return nil
		}
	}
	t.DialContext = dialer.DialContext
	return &http.Client{
		Transport:     t,
		Timeout:       o.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
