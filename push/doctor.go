package push

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/secret"
)

// What Doctor finds about notifications.
var (
	FoundKeyMissing  = doctor.Kind{ID: "push.key-missing", Severity: doctor.Warning, Why: "Messages are signed with it. The first start makes it; without it nobody can switch notifications on."}
	FoundKeyBroken   = doctor.Kind{ID: "push.key-broken", Severity: doctor.Failure, Why: "The public half is not the private half's: push services refuse every message."}
	FoundKeySealed   = doctor.Kind{ID: "secret.key-wrong", Severity: doctor.Failure, Why: "The key file does not open what the database holds: the server does not start with it."}
	FoundSubject     = doctor.Kind{ID: "push.subject", Severity: doctor.Failure, Why: "Push services refuse messages of a sender whom they can't write to."}
	FoundSubjectMade = doctor.Kind{ID: "push.subject-private", Severity: doctor.Warning, Why: "Nobody outside can write there. Apple refuses everything from a made-up sender, in words that do not say so."}
	FoundHosts       = doctor.Kind{ID: "push.hosts", Severity: doctor.Failure, Why: "The server does not start with such an entry."}
	FoundCAFile      = doctor.Kind{ID: "push.ca-file", Severity: doctor.Failure, Why: "The server does not start with a CA file that holds no certificate."}
	FoundProxyDown   = doctor.Kind{ID: "push.proxy-unreachable", Severity: doctor.Failure, Why: "Notifications leave by this proxy: no approver hears of anything by push."}
	FoundProxyNo     = doctor.Kind{ID: "push.proxy-refuses", Severity: doctor.Failure, Why: "The proxy does not let this server through: browsers of this push service get no notification."}
	FoundUntrusted   = doctor.Kind{ID: "push.tls", Severity: doctor.Failure, Why: "Something between here and the push service opens the connection. Without its authority in push.ca_file no message leaves."}
	FoundPrivate     = doctor.Kind{ID: "push.address-private", Severity: doctor.Failure, Why: "Latchkey sends only to addresses of the internet, so that nobody can use it to reach machines inside."}
	FoundUnreachable = doctor.Kind{ID: "push.unreachable", Severity: doctor.Warning, Why: "People with this push service's browser get no notification; they hear by mail, or when they look."}
	FoundNone        = doctor.Kind{ID: "push.none-reachable", Severity: doctor.Failure, Why: "Nobody gets a notification: an approver hears of nothing until they look."}
	FoundClock       = doctor.Kind{ID: "push.clock", Severity: doctor.Warning, Why: "Signatures carry the time. With a wrong clock push services refuse messages, and one-time proofs and Kerberos fail."}
)

// Kinds are all that Doctor finds.
var Kinds = slices.Concat([]doctor.Kind{
	FoundKeyMissing, FoundKeyBroken, FoundKeySealed, FoundSubject, FoundSubjectMade, FoundHosts, FoundCAFile,
	FoundProxyDown, FoundProxyNo, FoundUntrusted, FoundPrivate, FoundUnreachable, FoundNone, FoundClock,
}, mailKinds, smsKinds)

// Keys is what Doctor needs of a Store.
type Keys interface {
	VAPIDKeys(ctx context.Context) ([]Keypair, error)
}

// clockSkew is how far the clock may be off.
const clockSkew = time.Minute

// Doctor checks what notifications and mail need, as a Service would send them.
// Of cfg it reads what says how to reach: Subject, Hosts, Proxy, CAFile, RootCAs
// Mail and Alerts. Nothing is sent to anybody. keys is nil where no database is.
func Doctor(ctx context.Context, cfg Config, keys Keys, r *doctor.Report) {
	var at sync.WaitGroup
	parts := [3]*doctor.Report{{}, {}, {}}
	at.Go(func() { doctorKeys(ctx, cfg, keys, parts[0]) })
	at.Go(func() { doctorServices(ctx, cfg, parts[1]) })
	at.Go(func() { doctorMail(ctx, cfg, parts[2]) })
	at.Wait()
	for _, p := range parts {
		r.Add(p)
	}
}

func configLine(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Config, Text: fmt.Sprintf(format, args...)}
}

func shellLine(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Shell, Text: fmt.Sprintf(format, args...)}
}

func doctorKeys(ctx context.Context, cfg Config, keys Keys, r *doctor.Report) {
	doctorSubject(cfg.Subject, r)
	if keys == nil {
		return
	}
	all, err := keys.VAPIDKeys(ctx)
	switch {
	case errors.Is(err, secret.ErrSealed):
		r.Found(FoundKeySealed, "secrets.key_file", "The key that signs notifications can't be opened with it.", shellLine("install -m 600 BACKUP-OF-THE-KEY FILE-OF-THE-KEY"))
		return
	case err != nil:
		return // the database's own check says it
	case len(all) == 0:
		r.Found(FoundKeyMissing, "database", "It holds no key for notifications.", shellLine("systemctl start latchkey"))
		return
	}
	good := true
	for _, k := range all {
		private, err := ecdh.P256().NewPrivateKey(k.Private)
		if err != nil || b64.EncodeToString(private.PublicKey().Bytes()) != k.Public {
			good = false
			r.Found(FoundKeyBroken, "key "+k.ID, "Its halves do not belong together.", shellLine("cp BACKUP-OF-THE-DATABASE latchkey.db   # with the server stopped"))
		}
	}
	if good {
		r.Good("push.key", "database", fmt.Sprintf("It holds %d key(s) for notifications, whole.", len(all)))
	}
}

func doctorSubject(subject string, r *doctor.Report) {
	claim, err := subjectClaim(subject)
	if err != nil {
		r.Found(FoundSubject, "push.subject", err.Error(), configLine("push: {subject: servicedesk@your-domain.example}"))
		return
	}
	host := strings.TrimPrefix(claim, "https://")
	if _, after, ok := cutLast(claim, "@"); ok {
		host = after
	}
	if top, made := madeUp(host); made {
		r.Found(FoundSubjectMade, "push.subject", fmt.Sprintf("%q ends in .%s, which the internet does not know.", subject, top),
			configLine("push: {subject: servicedesk@your-domain.example}"))
		return
	}
	r.Good("push.subject", "push.subject", subject+" is whom push services may write to.")
}

// madeUpTops are endings that stand for no domain of the internet (RFC 2606 2,
// RFC 6762, RFC 8375, ICANN's reservation of internal).
var madeUpTops = []string{"test", "example", "invalid", "localhost", "local", "internal", "intranet", "lan", "corp", "home", "home.arpa", "localdomain", "private"}

func madeUp(host string) (top string, made bool) {
	host, _, _ = strings.Cut(strings.ToLower(host), "/")
	for _, top := range madeUpTops {
		if host == top || strings.HasSuffix(host, "."+top) {
			return top, true
		}
	}
	return "", false
}

// visited is how one push service answered.
type visited struct {
	host string
	at   time.Time // by the service's own clock; zero where it says none
	took time.Duration
	err  error
}

// doctorServices opens a connection to each push service that has a name of its
// own, as a message would.
func doctorServices(ctx context.Context, cfg Config, r *doctor.Report) {
	g, err := newGuard(cfg.Hosts)
	if err != nil {
		r.Found(FoundHosts, "push.hosts", err.Error(), configLine("push: {hosts: [push.your-domain.example]}"))
		return
	}
	if err := cfg.reach(); err != nil {
		r.Found(FoundCAFile, "push.ca_file", err.Error(), shellLine("openssl x509 -in %s -noout -subject", cfg.CAFile), shellLine("install -m 644 CA-OF-THE-PROXY.pem %s", cfg.CAFile))
		return
	}
	hosts := slices.DeleteFunc(slices.Clone(g.hosts), func(h string) bool { return strings.HasPrefix(h, "*") })
	client := cfg.out.client()
	defer client.CloseIdleConnections()
	all := make([]visited, len(hosts))
	var asked sync.WaitGroup
	for i, h := range hosts {
		asked.Go(func() { all[i] = visit(ctx, client, h) })
	}
	asked.Wait()
	cfg.tell(all, r)
}

// visit asks for the root page, whose answer does not matter.
func visit(ctx context.Context, client *http.Client, host string) visited {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		return visited{host: host, err: err}
	}
	res, err := client.Do(req)
	if err != nil {
		return visited{host: host, err: err}
	}
	defer res.Body.Close()
	at, _ := http.ParseTime(res.Header.Get("Date"))
	return visited{host: host, at: at, took: time.Since(began)}
}

func (c Config) tell(all []visited, r *doctor.Report) {
	failed := slices.DeleteFunc(slices.Clone(all), func(a visited) bool { return a.err == nil })
	for _, f := range failed {
		if isProxyDown(f.err) {
			r.Found(FoundProxyDown, c.Proxy.Host, lastError(f.err), shellLine("curl -v -x %s https://%s/", c.Proxy, f.host), configLine("push: {proxy: http://proxy.your-domain.example:3128}"))
			return
		}
	}
	for _, f := range failed {
		c.tellFailure(f, r)
	}
	if len(failed) == len(all) {
		r.Found(FoundNone, "push services", fmt.Sprintf("None of %d can be reached from here.", len(all)),
			shellLine("curl -v https://%s/", all[0].host), configLine("push: {proxy: http://proxy.your-domain.example:3128}"))
	}
	for _, a := range all {
		if a.err == nil {
			r.Good("push.service", a.host, fmt.Sprintf("It answers, in %d ms.", a.took.Milliseconds()))
			tellClock(a, r)
		}
	}
}

func (c Config) tellFailure(f visited, r *doctor.Report) {
	curl := shellLine("curl -v https://%s/", f.host)
	if c.Proxy != nil {
		curl = shellLine("curl -v -x %s https://%s/", c.Proxy, f.host)
	}
	switch fault := doctor.TLSFaultOf(f.err); {
	case errors.Is(f.err, errProxy):
		r.Found(FoundProxyNo, f.host, lastError(f.err), curl, doctor.Do("Let the proxy connect this machine to %s, port 443, without a password.", f.host))
	case errors.Is(f.err, errAddress):
		r.Found(FoundPrivate, f.host, "Its name leads to an address that is none of the internet.", shellLine("getent hosts %s", f.host),
			doctor.Do("Give this machine a DNS server that knows the internet's names, or the proxy that does:"), configLine("push: {proxy: http://proxy.your-domain.example:3128}"))
	case fault == doctor.TLSUntrusted || fault == doctor.TLSSelfSigned || fault == doctor.TLSName:
		r.Found(FoundUntrusted, f.host, lastError(f.err), shellLine("openssl s_client -connect %s:443 -showcerts", f.host), configLine("push: {ca_file: /etc/latchkey/proxy-ca.pem}"))
	default:
		r.Found(FoundUnreachable, f.host, lastError(f.err), curl, doctor.Do("Let this machine out to %s, port 443, or name the proxy that may:", f.host),
			configLine("push: {proxy: http://proxy.your-domain.example:3128}"))
	}
}

func tellClock(a visited, r *doctor.Report) {
	if a.at.IsZero() {
		return
	}
	if off := time.Since(a.at); off.Abs() > clockSkew {
		r.Found(FoundClock, a.host, fmt.Sprintf("The clock here differs by %s from that service's.", off.Round(time.Second)), shellLine("timedatectl set-ntp true"))
	}
}

func isProxyDown(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "proxyconnect"
}

// lastError is the innermost error that says something: the layers around it
// repeat the URL.
func lastError(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || errors.Is(err, errProxy) && !strings.HasPrefix(err.Error(), "Get ") {
			return err.Error()
		}
		if _, ok := err.(*net.OpError); ok {
			return err.Error()
		}
		err = inner
	}
}
