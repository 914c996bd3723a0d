package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds about the running server.
var (
	FoundNotRunning = doctor.Kind{ID: "server.not-running", Severity: doctor.Warning, Why: "Nobody is helped while it does not run, and what only it can tell was not looked at."}
	FoundSilent     = doctor.Kind{ID: "server.silent", Severity: doctor.Failure, Why: "Commands reach the server through its control socket. One that does not answer there hangs."}
	FoundVersion    = doctor.Kind{ID: "server.version", Severity: doctor.Warning, Why: "The binary was replaced and the server not restarted: what was mended in the new release is not."}
	FoundStale      = doctor.Kind{ID: "server.configuration-stale", Severity: doctor.Warning, Why: "The file was changed since: the server works by the old rules, and the next start is the first to meet the new ones."}
	FoundNotReady   = doctor.Kind{ID: "server.not-ready", Severity: doctor.Failure, Why: "Database or directory can't be written: nobody can be helped right now."}
	FoundFiles      = doctor.Kind{ID: "server.open-files", Severity: doctor.Warning, Why: "Each open page takes a file. When the limit is reached, nobody gets in and nothing can be written."}
)

// Kinds are all that Doctor finds.
var Kinds = append([]doctor.Kind{FoundNotRunning, FoundSilent, FoundVersion, FoundStale, FoundNotReady, FoundFiles}, urlKinds...)

// leastFiles leaves room for the connections beside the database's and the
// directory's.
const leastFiles = connections/2 + 1024

// Running is what a server says of itself.
type Running struct {
	Version  string    `json:"version"`
	Hash     string    `json:"hash"` // of its configuration
	Started  time.Time `json:"started"`
	NotReady string    `json:"not_ready,omitempty"` // why
	Files    uint64    `json:"files"`               // that it may open; 0 where not known
}

// ErrNotRunning: no server runs here.
var ErrNotRunning = errors.New("the server is not running")

// Witness is the running server, as Doctor asks it.
type Witness interface {
	// Running is ErrNotRunning where none does.
	Running(ctx context.Context) (Running, error)
	Expect(ctx context.Context) (word string, err error)
	Saw(ctx context.Context, word string) (Sighting, bool, error)
}

// DoctorConfig says what to look at. Version, Hash and Static are this binary's
// and the file's, to compare with.
type DoctorConfig struct {
	PublicURL      string
	TrustedProxies []netip.Prefix
	Version        string
	Hash           string
	Static         fs.FS
	Witness        Witness
	Roots          *x509.CertPool // nil is the system's

	// Dial and LookUp reach the public URL; nil is the system's way.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	LookUp func(ctx context.Context, host string) ([]netip.Addr, error)
}

// partTime bounds one part of the checks.
const partTime = 15 * time.Second

// Doctor asks the running server, and then looks at the public URL as a browser
// meets it.
func Doctor(ctx context.Context, c DoctorConfig, r *doctor.Report) {
	at, err := parseOrigin(c.PublicURL)
	running := c.doctorRunning(ctx, r)
	if err != nil {
		return // the configuration's check says it
	}
	c.doctorURL(ctx, at, running, r)
}

// doctorRunning says whether a server runs that can be asked further.
func (c DoctorConfig) doctorRunning(ctx context.Context, r *doctor.Report) bool {
	const at = "the server"
	now, err := c.Witness.Running(ctx)
	switch {
	case errors.Is(err, ErrNotRunning):
		r.Found(FoundNotRunning, at, "No server runs on this data directory.", shell("systemctl start latchkey"))
		return false
	case err != nil:
		r.Found(FoundSilent, at, err.Error(), shell("systemctl restart latchkey"))
		return false
	}
	good := true
	found := func(k doctor.Kind, seen string, mend ...doctor.Line) {
		good = false
		r.Found(k, at, seen, mend...)
	}
	if now.Version != c.Version {
		found(FoundVersion, fmt.Sprintf("It is %s; this binary is %s.", now.Version, c.Version), shell("systemctl restart latchkey"))
	}
	if now.Hash != c.Hash {
		found(FoundStale, "It runs with another configuration than the file holds now.", shell("latchkey reload --config FILE"),
			shell("systemctl restart latchkey   # only where reload names a key that needs it"))
	}
	if now.NotReady != "" {
		found(FoundNotReady, now.NotReady, shell("latchkey doctor --only db --only ad --config FILE"),
			doctor.Do("Mend what that finds. The server is ready again by itself as soon as it can write."))
	}
	if now.Files > 0 && now.Files < leastFiles {
		found(FoundFiles, fmt.Sprintf("It may open %d files; %d should be.", now.Files, leastFiles),
			shell("systemctl edit latchkey   # and write: [Service] LimitNOFILE=65536"), shell("systemctl restart latchkey"))
	}
	if good {
		r.Good("server.running", at, fmt.Sprintf("Version %s, since %s, with the configuration in the file. It is ready.", now.Version, now.Started.Format("2006-01-02 15:04")))
	}
	return true
}

func shell(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Shell, Text: fmt.Sprintf(format, args...)}
}

func setting(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Config, Text: fmt.Sprintf(format, args...)}
}

// proxyLine is a line of the proxy's own configuration, for those that the
// documentation shows; "" where one needs none. IIS takes a line of PowerShell or,
// with a "<", one of the site's web.config.
func proxyLine(caddy, nginx, iis string) []doctor.Line {
	var out []doctor.Line
	if caddy != "" {
		out = append(out, doctor.Line{Tool: "Caddyfile", Text: caddy})
	}
	if nginx != "" {
		out = append(out, doctor.Line{Tool: "nginx.conf", Text: nginx})
	}
	if iis != "" {
		out = append(out, doctor.Line{Tool: "IIS", Text: iis})
	}
	return out
}

// arr sets what IIS's Application Request Routing does as a proxy.
func arr(name, value string) string {
	return "Set-WebConfigurationProperty -PSPath MACHINE/WEBROOT/APPHOST -Filter system.webServer/proxy -Name " + name + " -Value " + value
}

// unset takes a header out that IIS adds.
func unset(header string) string {
	return "Remove-WebConfigurationProperty -PSPath MACHINE/WEBROOT/APPHOST -Filter system.webServer/httpProtocol/customHeaders -Name . -AtElement @{name='" + header + "'}"
}

// passOn are the lines by which a proxy passes everything on to Latchkey.
func passOn() []doctor.Line {
	return proxyLine("reverse_proxy LISTEN-ADDRESS", "location / { proxy_pass http://LISTEN-ADDRESS; }",
		`<action type="Rewrite" url="http://LISTEN-ADDRESS/{R:1}" />`)
}

// name is the host without its port.
func (o origin) name() string {
	host, _, err := net.SplitHostPort(o.host)
	if err != nil {
		return o.host
	}
	return host
}

// address is what is dialled.
func (o origin) address() string {
	if strings.Contains(o.host, ":") {
		return o.host
	}
	if o.https {
		return o.host + ":443"
	}
	return o.host + ":80"
}
