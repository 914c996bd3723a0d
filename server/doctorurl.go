package server

import (
	"context"
	"crypto/tls"
	"encoding/asn1"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds at the public URL.
var (
	FoundDNS         = doctor.Kind{ID: "url.dns", Severity: doctor.Failure, Why: "Nobody can open the page."}
	FoundElsewhere   = doctor.Kind{ID: "url.elsewhere", Severity: doctor.Note, Why: "That is right for a proxy or a load balancer on another machine, and only then."}
	FoundUnreachable = doctor.Kind{ID: "url.unreachable", Severity: doctor.Failure, Why: "Nobody can open the page."}
	FoundNoTLS       = doctor.Kind{ID: "url.no-tls", Severity: doctor.Failure, Why: "Browsers make and use passkeys over TLS only."}
	FoundChain       = doctor.Kind{ID: "url.tls-chain", Severity: doctor.Failure, Why: "Browsers refuse the page. The commonest cause is that the proxy does not send the intermediate certificate."}
	FoundSelfSigned  = doctor.Kind{ID: "url.tls-self-signed", Severity: doctor.Failure, Why: "Browsers warn, and make no passkey even for those who click the warning away."}
	FoundName        = doctor.Kind{ID: "url.tls-name", Severity: doctor.Failure, Why: "The certificate is another name's, and browsers refuse the page."}
	FoundExpired     = doctor.Kind{ID: "url.tls-expired", Severity: doctor.Failure, Why: "Browsers refuse the page."}
	FoundEndsSoon    = doctor.Kind{ID: "url.tls-ends", Severity: doctor.Failure, Why: "The renewal has failed for weeks. When the certificate ends, nobody gets in."}
	FoundDays        = doctor.Kind{ID: "url.tls-days", Severity: doctor.Warning, Why: "It should have been renewed by now. When it ends, nobody gets in."}
	FoundPrivateCA   = doctor.Kind{ID: "url.tls-private", Severity: doctor.Note, Why: "Phones trust a private authority only after it was installed on each of them; a person's own phone refuses the page."}
	FoundOldTLS      = doctor.Kind{ID: "url.tls-old", Severity: doctor.Warning, Why: "TLS 1.0 and 1.1 are broken, and no browser needs them any more (RFC 8996)."}
	FoundPlainHTTP   = doctor.Kind{ID: "url.plain-http", Severity: doctor.Note, Why: "Whoever types the name without https:// lands there, and not here."}
	FoundHTTP2       = doctor.Kind{ID: "url.http2", Severity: doctor.Note, Why: "The page takes longer over a phone network, and an open page holds one of six connections."}

	FoundStatus     = doctor.Kind{ID: "url.status", Severity: doctor.Failure, Why: "What answers at the public URL does not pass requests on to Latchkey."}
	FoundAnother    = doctor.Kind{ID: "url.another-answers", Severity: doctor.Failure, Why: "Somebody else answers under this name: an old installation, a server of another installation behind the same proxy, or a cache. Of several that share a database, a proxy that always picks the same one shows here, too."}
	FoundHost       = doctor.Kind{ID: "url.host-rewritten", Severity: doctor.Failure, Why: "Latchkey answers only to its own name, so that nobody can lure it into making links to another. Every page is refused."}
	FoundUnnamed    = doctor.Kind{ID: "url.proxy-unnamed", Severity: doctor.Warning, Why: "Everybody has the proxy's address: one person's wrong tries use up everybody's, and the log can't say who it was."}
	FoundNotForward = doctor.Kind{ID: "url.not-forwarded", Severity: doctor.Warning, Why: "The proxy is trusted and does not say for whom it asks, so everybody has its address."}
	FoundForged     = doctor.Kind{ID: "url.forged-address", Severity: doctor.Failure, Why: "The proxy passes on what a client claims to be, and Latchkey believes the proxy: anybody escapes the limits and lays a false trail in the log."}
	FoundPolicyGone = doctor.Kind{ID: "url.csp-missing", Severity: doctor.Failure, Why: "Without its content security policy a page with a script from elsewhere would run it."}
	FoundPolicy     = doctor.Kind{ID: "url.csp-altered", Severity: doctor.Warning, Why: "The policy fits the page exactly. Another one lets more in, or breaks the page."}
	FoundHeaders    = doctor.Kind{ID: "url.headers", Severity: doctor.Warning, Why: "Each of these headers closes a door of the browser; what lies in between opens it again."}
	FoundCached     = doctor.Kind{ID: "url.cached", Severity: doctor.Warning, Why: "Answers are one person's. A cache in between may show them to the next."}
	FoundSlow       = doctor.Kind{ID: "url.compression", Severity: doctor.Note, Why: "The page was made small when it was built; uncompressed it is three times as large on the phone network."}
	FoundBuffered   = doctor.Kind{ID: "url.buffered", Severity: doctor.Warning, Why: "What lies in between keeps events back: an approval shows on the open page only when it asks again, and not at once."}
	FoundPage       = doctor.Kind{ID: "url.page-altered", Severity: doctor.Warning, Why: "Something in between writes into the page, where passwords are typed."}
	FoundForeign    = doctor.Kind{ID: "url.mixed-content", Severity: doctor.Failure, Why: "The page refers to another origin: somebody else's program on the page where passwords are typed."}
	FoundClock      = doctor.Kind{ID: "server.clock", Severity: doctor.Warning, Why: "Passkeys, codes and deadlines live by the clock, and Kerberos refuses five minutes."}
)

var urlKinds = []doctor.Kind{
	FoundDNS, FoundElsewhere, FoundUnreachable, FoundNoTLS, FoundChain, FoundSelfSigned, FoundName, FoundExpired, FoundEndsSoon, FoundDays,
	FoundPrivateCA, FoundOldTLS, FoundPlainHTTP, FoundHTTP2, FoundStatus, FoundAnother, FoundHost, FoundUnnamed, FoundNotForward, FoundForged,
	FoundPolicyGone, FoundPolicy, FoundHeaders, FoundCached, FoundSlow, FoundBuffered, FoundPage, FoundForeign, FoundClock,
}

// doctorURL goes the way of a browser: name, connection, certificate, answers.
func (c DoctorConfig) doctorURL(ctx context.Context, at origin, running bool, r *doctor.Report) {
	if !c.doctorName(ctx, at, r) {
		return
	}
	if at.https && !c.doctorTLS(ctx, at, r) {
		return
	}
	v := &visitor{DoctorConfig: c, at: at, running: running}
	v.client = v.newClient()
	defer v.client.CloseIdleConnections()
	parts := []doctor.Check{
		{Name: "url.answer", Run: v.doctorAnswer}, {Name: "url.page", Run: v.doctorPage}, {Name: "url.live", Run: v.doctorStream},
	}
	if at.https {
		parts = append(parts, doctor.Check{Name: "url.tls-old", Run: v.doctorOldTLS}, doctor.Check{Name: "url.plain-http", Run: v.doctorPlain})
	}
	r.Add(doctor.Run(ctx, partTime, parts...))
}

// doctorName says whether the name leads anywhere.
func (c DoctorConfig) doctorName(ctx context.Context, at origin, r *doctor.Report) bool {
	look := c.LookUp
	if look == nil {
		look = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := look(ctx, at.name())
	if err != nil || len(found) == 0 {
		r.Found(FoundDNS, at.name(), fmt.Sprintf("The name can't be found from here: %v", err), append([]doctor.Line{shell("getent hosts %s", at.name())}, nameLines(at.name())...)...)
		return false
	}
	var texts []string
	here := false
	own := ownAddresses()
	for _, a := range found {
		a = a.Unmap()
		texts = append(texts, a.String())
		here = here || a.IsLoopback() || slices.Contains(own, a) || contains(c.TrustedProxies, a)
	}
	all := strings.Join(texts, ", ")
	if !here {
		r.Found(FoundElsewhere, at.name(), "The name leads to "+all+", which is neither this machine nor a proxy that is named.",
			setting("trusted_proxies: [ADDRESS-THAT-THE-PROXY-CONNECTS-FROM]"))
		return true
	}
	r.Good("url.dns", at.name(), "The name leads to "+all+".")
	return true
}

func ownAddresses() (out []netip.Addr) {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

func (c DoctorConfig) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, network, address)
}

// handshake opens a connection as a browser would.
func (c DoctorConfig) handshake(ctx context.Context, at origin, change func(*tls.Config)) (state tls.ConnectionState, dialled bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, partTime/2)
	defer cancel()
	raw, err := c.dial(ctx, "tcp", at.address())
	if err != nil {
		return state, false, err
	}
	defer raw.Close()
	cfg := &tls.Config{ServerName: at.name(), RootCAs: c.Roots, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(cfg)
	}
	conn := tls.Client(raw, cfg)
	err = conn.HandshakeContext(ctx)
	return conn.ConnectionState(), true, err
}

// doctorTLS says whether a browser would go on.
func (c DoctorConfig) doctorTLS(ctx context.Context, at origin, r *doctor.Report) bool {
	state, dialled, err := c.handshake(ctx, at, nil)
	if err != nil {
		tellHandshake(at, dialled, err, r)
		return false
	}
	leaf := state.PeerCertificates[0]
	left, bad := doctor.TLSLeft(leaf, time.Now())
	ends := fmt.Sprintf("The certificate ends in %d days, on %s.", int(left.Hours()/24), leaf.NotAfter.Format(time.DateOnly))
	renew := shell("certbot renew   # or whatever renews it; then reload the proxy")
	switch bad {
	case doctor.Failure:
		r.Found(FoundEndsSoon, at.name(), ends, renew)
	case doctor.Warning:
		r.Found(FoundDays, at.name(), ends, renew)
	default:
		r.Good("url.tls", at.name(), fmt.Sprintf("%s, trusted here, for this name. %s", tls.VersionName(state.Version), ends))
	}
	if !slices.ContainsFunc(leaf.Extensions, func(e pkixExtension) bool { return e.Id.Equal(publishedOID) }) {
		r.Found(FoundPrivateCA, at.name(), fmt.Sprintf("%q signed the certificate, and no public log knows it.", leaf.Issuer.CommonName),
			shell("certbot certonly -d %s   # a certificate of a public authority", at.name()))
	}
	if state.NegotiatedProtocol != "h2" {
		r.Found(FoundHTTP2, at.name(), "It does not speak HTTP/2.", proxyLine("", "listen 443 ssl; http2 on;",
			`New-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Services\HTTP\Parameters -Name EnableHttp2Tls -Value 1 -PropertyType DWord -Force   # then restart Windows`)...)
	} else {
		r.Good("url.http2", at.name(), "It speaks HTTP/2.")
	}
	return true
}

// publishedOID marks the proofs of publication that every public authority puts
// into a certificate (RFC 6962 3.3).
var publishedOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

func tellHandshake(at origin, dialled bool, err error, r *doctor.Report) {
	look := shell("openssl s_client -connect %s -servername %s", at.address(), at.name())
	if !dialled {
		r.Found(FoundUnreachable, at.address(), err.Error(), unreachable(at)...)
		return
	}
	switch doctor.TLSFaultOf(err) {
	case doctor.TLSName:
		r.Found(FoundName, at.name(), err.Error(), look, shell("certbot certonly -d %s   # and name what it makes in the proxy", at.name()))
	case doctor.TLSExpired:
		r.Found(FoundExpired, at.name(), err.Error(), shell("certbot renew"), look)
	case doctor.TLSSelfSigned:
		r.Found(FoundSelfSigned, at.name(), err.Error(), shell("certbot certonly -d %s", at.name()))
	case doctor.TLSUntrusted:
		mend := []doctor.Line{look, shell("cat CERTIFICATE.pem INTERMEDIATE.pem > fullchain.pem   # and name that file in the proxy:")}
		mend = append(mend, proxyLine("tls /etc/caddy/fullchain.pem /etc/caddy/tls.key", "ssl_certificate /etc/nginx/fullchain.pem;",
			`Import-Certificate -FilePath INTERMEDIATE.cer -CertStoreLocation Cert:\LocalMachine\CA   # then restart IIS`)...)
		r.Found(FoundChain, at.name(), err.Error(),
			append(mend, shell("cp YOUR-AUTHORITY.crt /usr/local/share/ca-certificates/ && update-ca-certificates   # here, where the authority is your own"))...)
	default:
		r.Found(FoundNoTLS, at.address(), "The TLS handshake failed: "+err.Error(), append([]doctor.Line{look}, proxyLine(at.name()+" { reverse_proxy LISTEN-ADDRESS }",
			"listen 443 ssl;", "New-WebBinding -Name SITE -Protocol https -Port 443 -HostHeader "+at.name()+" -SslFlags 1")...)...)
	}
}

// unreachable: the name leads somewhere, and nothing answers there.
func unreachable(at origin) []doctor.Line {
	lines := []doctor.Line{
		shell("curl -v %s/healthz", at.text), shell("systemctl restart caddy   # or nginx: whatever answers for Latchkey"),
		shell("ufw allow 443/tcp   # or in your own firewall"),
	}
	return append(lines, proxyLine("", "", "Start-Website -Name SITE")...)
}

// nameLines put a name into DNS.
func nameLines(name string) []doctor.Line {
	host, zone, _ := strings.Cut(name, ".")
	return []doctor.Line{
		{Tool: doctor.PowerShell, Text: fmt.Sprintf("Add-DnsServerResourceRecordA -ZoneName %s -Name %s -IPv4Address ADDRESS-OF-THE-PROXY", zone, host)},
		{Tool: doctor.SambaTool, Text: fmt.Sprintf("samba-tool dns add CONTROLLER %s %s A ADDRESS-OF-THE-PROXY", zone, host)},
	}
}

// doctorOldTLS tries what no browser does any more.
func (v *visitor) doctorOldTLS(ctx context.Context, r *doctor.Report) {
	state, _, err := v.handshake(ctx, v.at, func(c *tls.Config) {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	})
	if err == nil {
		r.Found(FoundOldTLS, v.at.name(), "It speaks "+tls.VersionName(state.Version)+".", proxyLine("", "ssl_protocols TLSv1.2 TLSv1.3;", `New-Item 'HKLM:\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server','HKLM:\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Server' -Force | New-ItemProperty -Name Enabled -Value 0 -PropertyType DWord -Force`)...)
		return
	}
	r.Good("url.tls-version", v.at.name(), "It refuses TLS below 1.2.")
}

// doctorPlain looks what port 80 does, where the URL is on the usual port.
func (v *visitor) doctorPlain(ctx context.Context, r *doctor.Report) {
	if strings.Contains(v.at.host, ":") {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.at.host+"/", nil)
	if err != nil {
		return
	}
	res, err := v.client.Do(req)
	if err != nil {
		r.Good("url.plain-http", v.at.name(), "Nothing answers without TLS.")
		return
	}
	defer res.Body.Close()
	if res.StatusCode/100 == 3 && strings.HasPrefix(res.Header.Get("Location"), "https://") {
		r.Good("url.plain-http", v.at.name(), "Without TLS one is led to the page with it.")
		return
	}
	r.Found(FoundPlainHTTP, v.at.name(), fmt.Sprintf("http:// answers %d, and does not lead to https://.", res.StatusCode),
		proxyLine("", "server { listen 80; server_name "+v.at.name()+"; return 301 https://$host$request_uri; }",
			`<rule name="https" stopProcessing="true"><match url="(.*)" /><conditions><add input="{HTTPS}" pattern="off" /></conditions><action type="Redirect" url="https://{HTTP_HOST}/{R:1}" /></rule>`)...)
}
