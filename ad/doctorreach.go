package ad

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// reach looks at every controller from outside, all at once, and reports in the
// order of the configuration.
func (x *exam) reach(ctx context.Context) {
	x.lookUp(ctx)
	everybody := x.c.controllers()
	reports := make([]doctor.Report, len(everybody))
	x.visits = make([]*visit, len(everybody))
	var wait sync.WaitGroup
	for i, at := range everybody {
		x.visits[i] = &visit{at: at}
		wait.Go(func() { x.visit(ctx, x.visits[i], &reports[i]) })
	}
	wait.Wait()
	for i := range reports {
		x.pass(&reports[i])
	}
}

// pass hands one controller's findings on.
func (x *exam) pass(from *doctor.Report) {
	for _, f := range from.Findings() {
		if f.Severity == doctor.OK {
			x.r.Good(f.ID, f.Subject, f.Seen)
			continue
		}
		x.r.Found(f.Kind, f.Subject, f.Seen, f.Mend...)
	}
}

// visit goes as far as the controller lets it without a password.
func (x *exam) visit(ctx context.Context, v *visit, r *doctor.Report) {
	check := func(area string, f func(context.Context, *result) (string, error)) (well bool) {
		well = true
		examine(ctx, r, x.cfg.Timeout, area, v.at.name, func(ctx context.Context, out *result) (string, error) {
			seen, err := f(ctx, out)
			well = err == nil && worst(out.findings) < doctor.Failure
			return seen, err
		})
		return well
	}
	if !check("address", func(ctx context.Context, out *result) (string, error) { return x.resolve(ctx, v.at, out) }) ||
		!check("port", func(ctx context.Context, out *result) (string, error) { return x.connects(ctx, v.at, out) }) {
		return
	}
	var state tls.ConnectionState
	if !check("tls", func(ctx context.Context, out *result) (seen string, err error) {
		state, seen, err = x.inspect(ctx, v.at, out)
		return seen, err
	}) {
		return
	}
	v.trust = true
	check("tls-version", func(ctx context.Context, out *result) (string, error) { return x.versions(ctx, v.at, state, out) })
	if v.at.startTLS {
		check("starttls", func(ctx context.Context, out *result) (string, error) { return x.ldapsToo(ctx, v.at, out) })
	}
	check("plain-bind", func(ctx context.Context, out *result) (string, error) { return x.plainBind(ctx, v.at, out) })
	if check("root", func(ctx context.Context, out *result) (string, error) { return x.readFacts(ctx, v, out) }) && v.known {
		check("clock", func(_ context.Context, out *result) (string, error) { return v.root.judgeClock(out), nil })
		check("level", func(_ context.Context, out *result) (string, error) { return v.root.judgeLevel(out), nil })
		check("policy-hints", func(_ context.Context, out *result) (string, error) { return v.root.judgeHints(out), nil })
		check("latency", func(_ context.Context, out *result) (string, error) { return v.root.judgeLatency(out), nil })
	}
}

func worst(list []doctor.Finding) doctor.Severity {
	w := doctor.OK
	for _, f := range list {
		w = max(w, f.Severity)
	}
	return w
}

func (x *exam) resolve(ctx context.Context, at *controller, out *result) (string, error) {
	if net.ParseIP(at.host) != nil {
		return "an address, no name", nil
	}
	found, err := x.c.cfg.Discovery.resolver().LookupHost(ctx, at.host)
	if err != nil {
		out.found(kindUnresolved, err.Error(), x.c.cfg.Discovery.asks("A", at.host), nameIt(at.host))
		return "", nil
	}
	return some(found), nil
}

func (x *exam) connects(ctx context.Context, at *controller, out *result) (string, error) {
	raw, err := x.c.tcp(ctx, at.addr)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		out.found(kindRefused, at.addr+" refuses connections",
			power("Get-ChildItem Cert:\\LocalMachine\\My | Format-List Subject, DnsNameList, NotAfter, EnhancedKeyUsageList"),
			shell("testparm -sv 2>/dev/null | grep -E 'tls (enabled|certfile|keyfile)|server services'"),
			newCertificate(at), shell("systemctl restart samba-ad-dc"))
		return "", nil
	case err != nil:
		host, port, _ := net.SplitHostPort(at.addr)
		out.found(kindUnreachable, explain(err), power("Test-NetConnection %s -Port %s", host, port), shell("nc -vz %s %s", host, port),
			power("New-NetFirewallRule -DisplayName LDAP -Direction Inbound -Protocol TCP -LocalPort %s -Action Allow # on the controller", port), shell("ufw allow %s/tcp # on the controller", port))
		return "", nil
	}
	raw.Close()
	return at.addr, nil
}

// shake opens a connection and its TLS without judging the certificate. Nothing
// is ever sent over it: what it shows is judged afterwards.
func (c *Client) shake(ctx context.Context, addr, host string, start bool, change func(*tls.Config)) (tls.ConnectionState, error) {
	raw, err := c.tcp(ctx, addr)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer raw.Close()
	if start {
		if err := startTLS(ctx, raw); err != nil {
			return tls.ConnectionState{}, &startError{err}
		}
	}
	cfg := &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	if change != nil {
		change(cfg)
	}
	secured := tls.Client(raw, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	return secured.ConnectionState(), nil
}

// startError is a failure before TLS began.
type startError struct{ error }

func (e *startError) Unwrap() error { return e.error }

// inspect makes the handshake and judges the certificate.
func (x *exam) inspect(ctx context.Context, at *controller, out *result) (tls.ConnectionState, string, error) {
	// Half of the time, so that the other half tells why there was no answer.
	trying, cancel := context.WithTimeout(ctx, x.cfg.Timeout/2)
	state, err := x.c.shake(trying, at.addr, at.host, at.startTLS, nil)
	late := trying.Err() != nil
	cancel()
	if err != nil {
		x.noTLS(ctx, at, err, late || isTimeout(err), out)
		return state, "", nil
	}
	faults, seen := judgeCertificates(state.PeerCertificates, x.c.roots, at.host, x.c.now())
	for _, f := range faults {
		out.found(f.kind, f.seen, f.mend(at))
	}
	return state, seen, nil
}

// noTLS finds out what the port speaks instead.
func (x *exam) noTLS(ctx context.Context, at *controller, err error, late bool, out *result) {
	var record tls.RecordHeaderError
	var started *startError
	text := err.Error()
	ask := func(start bool) error { _, err := x.c.shake(ctx, at.addr, at.host, start, nil); return err }
	switch {
	case strings.Contains(text, "failed to parse certificate") || strings.Contains(text, "x509: "):
		out.found(kindCertUnreadable, text, newCertificate(at))
	case errors.As(err, &started) && strings.Contains(text, "LDAP result"):
		out.found(kindStartTLS, text, newCertificate(at))
	case at.startTLS && ask(false) == nil:
		out.found(kindStartOnTLS, at.addr+" speaks TLS from the first byte", config("controllers: [ldaps://%s]", at.addr))
	case errors.As(err, &record), !at.startTLS && ask(true) == nil:
		_, secure := x.cfg.ports(at.host)
		out.found(kindNotTLS, at.addr+" speaks plain LDAP", config("controllers: [ldaps://%s]", net.JoinHostPort(at.host, secure)))
	case late:
		out.found(kindSilent, at.addr+" takes a connection and says nothing",
			power("Get-Service NTDS -ComputerName %s", at.host), shell("systemctl status samba-ad-dc"),
			power("Invoke-Command -ComputerName %s {Restart-Service NTDS -Force}", at.host), shell("systemctl restart samba-ad-dc"))
	default:
		out.found(kindTLSFailed, text, newCertificate(at))
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// versions looks at the version agreed on, and whether an old one would do.
func (x *exam) versions(ctx context.Context, at *controller, now tls.ConnectionState, out *result) (string, error) {
	mend := [][]doctor.Line{
		power(`New-Item 'HKLM:\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server','HKLM:\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Server' -Force | New-ItemProperty -Name Enabled -Value 0 -PropertyType DWord -Force`),
		smbConf("tls priority = NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"),
	}
	if now.Version < tls.VersionTLS12 {
		out.found(kindTLSOld, tls.VersionName(now.Version)+" is the newest it speaks", mend...)
		return "", nil
	}
	old, err := x.c.shake(ctx, at.addr, at.host, at.startTLS, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
	if err == nil {
		out.found(kindTLSOldToo, "takes "+tls.VersionName(old.Version), mend...)
	}
	return tls.VersionName(now.Version), nil
}

// ldapsToo says whether StartTLS could be spared.
func (x *exam) ldapsToo(ctx context.Context, at *controller, out *result) (string, error) {
	_, secure := x.cfg.ports(at.host)
	addr := net.JoinHostPort(at.host, secure)
	if _, err := x.c.shake(ctx, addr, at.host, false, nil); err != nil {
		return "LDAPS is not offered, so StartTLS it is", nil
	}
	out.found(kindNoLDAPS, addr+" speaks TLS from the first byte", config("controllers: [ldaps://%s]", addr))
	return "", nil
}

// plainBind tries to sign in over plain LDAP as somebody who does not exist. A
// controller that demands signing refuses before it looks at the name; another
// one says that name or password are wrong. Channel binding is of no matter: it
// is demanded of SASL binds, and Latchkey makes simple ones over TLS.
func (x *exam) plainBind(ctx context.Context, at *controller, out *result) (string, error) {
	plain, _ := x.cfg.ports(at.host)
	addr := net.JoinHostPort(at.host, plain)
	raw, err := x.c.tcp(ctx, addr)
	if err != nil {
		return "plain LDAP is not offered at " + addr, nil
	}
	l := ldap.NewConn(raw, false)
	l.SetTimeout(x.cfg.Timeout)
	l.Start()
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	nobody := "latchkey-doctor-" + strings.ToLower(rand.Text()[:12])
	answer := refused(l.Bind(nobody+"@"+dnsLabel(at.host), rand.Text()))
	switch {
	case answer == nil:
		return addr + " does not answer a bind without TLS", nil
	case answer.ResultCode == ldap.LDAPResultInvalidCredentials:
		out.found(kindPlainBind, addr+" judged a name and password that came without TLS",
			power(`Set-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\NTDS\Parameters' -Name LDAPServerIntegrity -Value 2`),
			smbConf("ldap server require strong auth = yes"))
		return "", nil
	}
	return fmt.Sprintf("%s refuses a bind without TLS (result %d); channel binding does not concern simple binds", addr, answer.ResultCode), nil
}

// dnsLabel is a domain for the name of nobody.
func dnsLabel(host string) string {
	if _, domain, ok := strings.Cut(host, "."); ok && net.ParseIP(host) == nil {
		return domain
	}
	return "invalid"
}
