package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

type pkixExtension = pkix.Extension

// visitor asks the public URL like a browser that keeps nothing.
type visitor struct {
	DoctorConfig
	at      origin
	running bool // a server can be asked what it saw
	client  *http.Client
}

const (
	// forged is an address that nobody has (RFC 5737): whoever believes it believes
	// anything.
	forged     = "192.0.2.77"
	maxClock   = time.Minute
	streamWait = 3 * time.Second // the stream itself goes on for longer
	maxPage    = 1 << 20
	// visits miss one of two servers, drawn by lot, once in 65,536 times.
	visits = 16
)

func (v *visitor) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: v.dial, TLSClientConfig: &tls.Config{RootCAs: v.Roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, DisableCompression: true, TLSHandshakeTimeout: partTime / 2,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (v *visitor) get(ctx context.Context, path string, headers ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.at.text+path, nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return v.client.Do(req)
}

// doctorAnswer sends a request that the running server waits for. Where several
// servers share the name, each request may reach another one: it goes out again.
func (v *visitor) doctorAnswer(ctx context.Context, r *doctor.Report) {
	path, word := pathHealth, ""
	if v.running {
		var err error
		if word, err = v.Witness.Expect(ctx); err != nil {
			r.Found(FoundSilent, "the server", err.Error(), shell("systemctl restart latchkey"))
			return
		}
		path += "?" + paramLook + "=" + url.QueryEscape(word)
	}
	for visit := range visits {
		own, ok := v.visit(ctx, path, visit == 0, r)
		if !ok || !v.running {
			return
		}
		seen, arrived, err := v.Witness.Saw(ctx, word)
		switch {
		case err != nil:
			r.Found(FoundSilent, "the server", err.Error(), shell("systemctl restart latchkey"))
			return
		case arrived:
			v.tellSighting(seen, own, r)
			return
		}
	}
	r.Found(FoundAnother, v.at.text, fmt.Sprintf("%d requests to the public URL were answered, and none arrived at the server that runs here.", visits),
		append([]doctor.Line{shell("curl -v %s/healthz", v.at.text)}, passOn()...)...)
}

// visit asks once, by a connection of its own, and returns that one's address here.
func (v *visitor) visit(ctx context.Context, path string, first bool, r *doctor.Report) (own string, ok bool) {
	fresh := *v
	fresh.client = v.newClient()
	defer fresh.client.CloseIdleConnections()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { own = i.Conn.LocalAddr().String() }})
	res, err := fresh.get(ctx, path, "X-Forwarded-For", forged)
	if err != nil {
		r.Found(FoundUnreachable, v.at.text, rootCause(err), unreachable(v.at)...)
		return "", false
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 16))
	if first {
		v.tellClock(res, r)
	}
	if res.StatusCode != http.StatusOK || string(body) != "ok\n" {
		r.Found(FoundStatus, v.at.text, fmt.Sprintf("/healthz answers %s.", res.Status),
			append([]doctor.Line{shell("curl -v %s/healthz", v.at.text)}, passOn()...)...)
		return "", false
	}
	return own, true
}

// tellSighting judges what lies between the browser and the server.
func (v *visitor) tellSighting(s Sighting, own string, r *doctor.Report) {
	if plainHost(v.at.https, s.Host) != v.at.host {
		r.Found(FoundHost, v.at.text, fmt.Sprintf("Requests arrive for %q.", s.Host),
			proxyLine("header_up Host {host}", "proxy_set_header Host $host;", arr("preserveHostHeader", "true"))...)
	}
	if s.Peer == own {
		r.Good("url.answer", v.at.text, "This server answers, with no proxy in between.")
		return
	}
	peer, err := netip.ParseAddrPort(s.Peer)
	if err != nil {
		return
	}
	proxy := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(s.Forwarded, ","), ",")
	last := strings.TrimSpace(hops[len(hops)-1])
	switch {
	case !contains(v.TrustedProxies, proxy):
		r.Found(FoundUnnamed, proxy.String(), "Requests arrive from this proxy, and trusted_proxies does not name it.", setting("trusted_proxies: [%s]", proxy))
	case last == forged:
		r.Found(FoundForged, proxy.String(), "A made-up X-Forwarded-For arrived as the client's address.",
			proxyLine("header_up X-Forwarded-For {remote_host}", "proxy_set_header X-Forwarded-For $remote_addr;", arr("xForwardedForHeaderName", "X-Forwarded-For"))...)
	case last == "":
		r.Found(FoundNotForward, proxy.String(), "Requests arrive without X-Forwarded-For.",
			proxyLine("header_up X-Forwarded-For {remote_host}", "proxy_set_header X-Forwarded-For $remote_addr;", arr("xForwardedForHeaderName", "X-Forwarded-For"))...)
	default:
		r.Good("url.answer", v.at.text, fmt.Sprintf("This server answers, through %s; the client's address arrived as %s.", proxy, doctor.Plain(last)))
	}
}

func (v *visitor) tellClock(res *http.Response, r *doctor.Report) {
	at, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	if off := time.Since(at); off.Abs() > maxClock {
		r.Found(FoundClock, v.at.text, fmt.Sprintf("The clock here differs by %s from that of whatever answers there.", off.Round(time.Second)), shell("timedatectl set-ntp true"))
		return
	}
	r.Good("server.clock", v.at.text, "The clock here agrees with the one of whatever answers there.")
}

// doctorPage compares the page and its headers with what this binary sends.
func (v *visitor) doctorPage(ctx context.Context, r *doctor.Report) {
	res, err := v.get(ctx, "/", "Accept-Encoding", "br, gzip")
	if err != nil {
		return // doctorAnswer says it
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return
	}
	v.tellHeaders(res, r)
	if e := res.Header.Get("Content-Encoding"); e != "br" && e != "gzip" {
		r.Found(FoundSlow, v.at.text, "The page arrives uncompressed.", proxyLine("", "proxy_set_header Accept-Encoding $http_accept_encoding;",
			`# remove: <set name="HTTP_ACCEPT_ENCODING" … /> from the rewrite rules`)...)
	} else {
		r.Good("url.compression", v.at.text, "The page arrives compressed ("+e+").")
	}
	v.tellPage(ctx, r)
	v.tellCache(ctx, r)
}

func (v *visitor) tellHeaders(res *http.Response, r *doctor.Report) {
	policy := res.Header.Values("Content-Security-Policy")
	drop := proxyLine("# remove: header Content-Security-Policy …", "# remove: add_header / proxy_hide_header Content-Security-Policy …", unset("Content-Security-Policy"))
	good := true
	switch {
	case len(policy) == 0:
		good = false
		r.Found(FoundPolicyGone, v.at.text, "The page arrives without a content security policy.", drop...)
	case len(policy) > 1 || policy[0] != v.policy():
		good = false
		r.Found(FoundPolicy, v.at.text, "The page arrives with another policy: "+doctor.Plain(strings.Join(policy, " | ")), drop...)
	}
	var altered []string
	want := slices.Clone(secureHeaders[1:])
	if v.at.https {
		want = append(want, [2]string{"Strict-Transport-Security", transport})
	}
	for _, kv := range want {
		if got := res.Header.Values(kv[0]); len(got) != 1 || got[0] != kv[1] {
			altered = append(altered, kv[0])
		}
	}
	if len(altered) > 0 {
		good = false
		r.Found(FoundHeaders, v.at.text, "Missing, doubled or altered: "+strings.Join(altered, ", ")+".", proxyLine("# remove: header "+altered[0]+" …", "# remove: add_header "+altered[0]+" …", unset(altered[0]))...)
	}
	if good {
		r.Good("url.headers", v.at.text, "Every security header arrives as it was sent.")
	}
}

// policy is what this binary sends with its page.
func (v *visitor) policy() string {
	own, err := plainPage(v.Static)
	if err != nil {
		return contentPolicy
	}
	return policyOf(own)
}

// reference finds what a page loads or leads to with a host of its own.
var reference = regexp.MustCompile(`(?i)\b(?:src|href|action|data|poster)\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)`)

func (v *visitor) tellPage(ctx context.Context, r *doctor.Report) {
	res, err := v.get(ctx, "/", "Accept-Encoding", "identity")
	if err != nil {
		return
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if err != nil || res.Header.Get("Content-Encoding") != "" {
		return
	}
	own, err := plainPage(v.Static)
	if err == nil && bytes.Equal(own, page) {
		r.Good("url.page", v.at.text, "The page arrives as this binary holds it.")
		return
	}
	for _, m := range reference.FindAllSubmatch(page, -1) {
		u, err := url.Parse(string(m[1]))
		if err != nil || u.Scheme == "http" || plainHost(true, u.Host) != v.at.host {
			r.Found(FoundForeign, v.at.text, "The page refers to "+doctor.Plain(string(m[1]))+".", append([]doctor.Line{shell("curl -s %s/ | grep -n '//'", v.at.text)}, rewrites()...)...)
			return
		}
	}
	if err == nil {
		r.Found(FoundPage, v.at.text, "The page is another than this binary holds.", append([]doctor.Line{
			shell("curl -s %s/   # compare with curl -s -H 'Host: %s' http://LISTEN-ADDRESS/", v.at.text, v.at.host)}, rewrites()...)...)
	}
}

// rewrites are what writes into pages on the way.
func rewrites() []doctor.Line {
	return append(proxyLine("# remove: replace …", "# remove: sub_filter … and pagespeed on", "# remove: <outboundRules> … from the rewrite rules"),
		doctor.Do("Where a service in between (a content network, a filter of the company's) does it, switch off there what changes pages under this name."))
}

// tellCache asks twice for what must never be kept.
func (v *visitor) tellCache(ctx context.Context, r *doctor.Report) {
	res, err := v.get(ctx, "/api/info", "Sec-Fetch-Site", "same-origin", "Origin", v.at.text)
	if err != nil {
		return
	}
	_ = res.Body.Close()
	if got := res.Header.Values("Cache-Control"); !slices.Equal(got, []string{"no-store"}) || res.Header.Get("Age") != "" {
		r.Found(FoundCached, v.at.text, fmt.Sprintf("An answer that says no-store arrives with Cache-Control %q, Age %q.", strings.Join(got, ", "), doctor.Plain(res.Header.Get("Age"))),
			proxyLine("", "proxy_cache off; # and no expires or add_header Cache-Control",
				"Set-WebConfigurationProperty -PSPath MACHINE/WEBROOT/APPHOST -Filter system.webServer/caching -Name enabled -Value false")...)
		return
	}
	r.Good("url.cache", v.at.text, "Answers arrive as not to be kept.")
}

// doctorStream looks whether the first bytes of a stream come before its end.
func (v *visitor) doctorStream(ctx context.Context, r *doctor.Report) {
	if !v.running {
		return
	}
	word, err := v.Witness.Expect(ctx)
	if err != nil {
		return // doctorAnswer says it
	}
	for range visits {
		if v.stream(ctx, word, r) {
			return
		}
	}
}

// stream says whether the server that waits for the word was met.
func (v *visitor) stream(ctx context.Context, word string, r *doctor.Report) (met bool) {
	fresh := *v
	fresh.client = v.newClient()
	defer fresh.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, streamWait)
	defer cancel()
	res, err := fresh.get(ctx, pathHealth+"?"+paramStream+"="+url.QueryEscape(word), "Accept", "text/event-stream")
	if err == nil {
		defer res.Body.Close()
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
			return false // another's answer; that none is this server's, doctorAnswer says
		}
		_, err = io.ReadFull(res.Body, make([]byte, 3))
	}
	switch {
	case err == nil:
		r.Good("url.live", v.at.text, "Events arrive at once.")
	case errors.Is(err, context.DeadlineExceeded):
		if _, arrived, err := v.Witness.Saw(context.WithoutCancel(ctx), word); err == nil && arrived {
			r.Found(FoundBuffered, v.at.text, fmt.Sprintf("Nothing of a stream arrived within %s, though the server had sent it.", streamWait),
				proxyLine("flush_interval -1", "proxy_buffering off;", arr("responseBufferLimit", "0"))...)
		}
	}
	return true
}

// rootCause leaves out the URL that every layer repeats.
func rootCause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}
