package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// rootFresh is how long a controller's rootDSE and roles are believed: roles
// move rarely, and by hand.
const rootFresh = 10 * time.Minute

// rootInfo is what a controller says of itself (MS-ADTS 3.1.1.3.2).
type rootInfo struct {
	host     string // dnsHostName
	base     string // defaultNamingContext
	config   string // configurationNamingContext
	schema   string // schemaNamingContext
	hints    string // OID of the policy hints control, or ""
	site     string // that the controller lies in
	writable bool
	pdc      bool
	time     time.Time
	readAt   time.Time
}

var rootAttrs = []string{"dnsHostName", "defaultNamingContext", "configurationNamingContext", "schemaNamingContext", "dsServiceName",
	"supportedControl", "supportedCapabilities", "isSynchronized", "currentTime"}

// protocolError is an answer that can't be understood.
type protocolError struct{ err error }

func (e *protocolError) Error() string { return e.err.Error() }
func (e *protocolError) Unwrap() error { return e.err }

func misread(format string, args ...any) error { return &protocolError{fmt.Errorf(format, args...)} }

// errOtherDomain: the controller serves another domain than the configuration says.
var errOtherDomain = errors.New("another domain")

// learn makes sure that the controller's rootDSE is known.
func (c *Client) learn(ctx context.Context, on *conn) error {
	if info, _ := on.at.state(c.now()); info != nil && c.now().Sub(info.readAt) < rootFresh {
		return nil
	}
	info, err := c.readRoot(ctx, on)
	if err != nil {
		return fmt.Errorf("read rootDSE: %w", err)
	}
	on.at.setInfo(info)
	if info.hints == "" {
		c.log.Info("controller offers no policy hints: a reset is not held to the password history", "controller", on.at.name)
	}
	return nil
}

func (c *Client) readRoot(ctx context.Context, on *conn) (*rootInfo, error) {
	root, ok, err := on.object(ctx, "", rootAttrs)
	if err != nil {
		return nil, err
	}
	if !ok || root.text("defaultNamingContext") == "" {
		return nil, misread("no defaultNamingContext")
	}
	if got := dnsName(root.text("defaultNamingContext")); c.dnsDomain != "" && !equalFold(got, c.dnsDomain) {
		return nil, misread("a controller of %q, not of %q: %w", cut(got, 255), c.dnsDomain, errOtherDomain)
	}
	info := &rootInfo{
		site: siteOf(root.text("dsServiceName")), host: root.text("dnsHostName"), base: root.text("defaultNamingContext"), config: root.text("configurationNamingContext"),
		schema: root.text("schemaNamingContext"),
		hints:  hintsOf(root.texts("supportedControl")), readAt: c.now(),
	}
	info.time, _ = time.Parse("20060102150405.0Z", root.text("currentTime"))
	info.writable = !slices.Contains(root.texts("supportedCapabilities"), oidPartialSecrets) &&
		!strings.EqualFold(root.text("isSynchronized"), "FALSE")
	return info, c.readRoles(ctx, on, info, root.text("dsServiceName"))
}

// readRoles asks who the PDC emulator is, and whether this controller is
// read-only. A controller that does not say is no PDC emulator.
func (c *Client) readRoles(ctx context.Context, on *conn, info *rootInfo, settings string) error {
	if settings == "" {
		return nil
	}
	head, _, err := on.object(ctx, info.base, []string{"fSMORoleOwner"})
	if err != nil && refused(err) == nil {
		return err
	}
	if head.Entry != nil {
		info.pdc = strings.EqualFold(head.text("fSMORoleOwner"), settings)
	}
	own, _, err := on.object(ctx, settings, []string{"msDS-isRODC"})
	if err != nil && refused(err) == nil {
		return err
	}
	if own.Entry != nil && strings.EqualFold(own.text("msDS-isRODC"), "TRUE") {
		info.writable = false
	}
	return nil
}

// siteOf reads the site out of the DN of a controller's NTDS settings:
// CN=NTDS Settings,CN=DC1,CN=Servers,CN=Berlin,CN=Sites,… (MS-ADTS 6.1.1.2.2.1.2.1).
func siteOf(settings string) string {
	parsed, err := ldap.ParseDN(settings)
	if err != nil || len(parsed.RDNs) < 5 {
		return ""
	}
	return cut(parsed.RDNs[3].Attributes[0].Value, maxText)
}

func hintsOf(controls []string) string {
	for _, oid := range []string{oidPolicyHints, oidPolicyHintsDeprecated} {
		if slices.Contains(controls, oid) {
			return oid
		}
	}
	return ""
}

// tokensOf reads the SIDs of whoever is bound; none where the controller does
// not tell.
func (c *conn) tokensOf(ctx context.Context) ([]string, error) {
	root, ok, err := c.object(ctx, "", []string{"tokenGroups"})
	if refused(err) != nil || err == nil && !ok {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return root.sids("tokenGroups")
}

// ControllerInfo is what one controller can do.
type ControllerInfo struct {
	Name          string // as Account.Controller has it
	Host          string // dnsHostName
	Site          string // that it lies in; "" where it does not say
	Writable      bool
	PDCEmulator   bool
	PolicyHints   string // OID of the policy hints control; "" where it isn't offered
	NamingContext string
	ClockSkew     time.Duration // the controller's clock minus ours
	Err           error         // why nothing is known of it; an *Error
}

// Capabilities asks every controller, each for itself. The error is nil as
// long as one answered; otherwise it is the first one's.
func (c *Client) Capabilities(ctx context.Context) ([]ControllerInfo, error) {
	const op = "read capabilities"
	if c.roster.find != nil && c.roster.due(c.now()) {
		c.look(ctx)
	}
	everybody := c.controllers()
	out := make([]ControllerInfo, len(everybody))
	each(everybody, func(i int, at *controller) { out[i] = c.capability(ctx, op, at) })
	if len(out) == 0 {
		return nil, &Error{Cause: ErrUnavailable, Op: op, Outcome: OutcomeNotWritten, Err: c.whyNone()}
	}
	var errs []error
	for _, info := range out {
		if info.Err == nil {
			return out, nil
		}
		errs = append(errs, info.Err)
	}
	var first *Error
	errors.As(errs[0], &first)
	return out, &Error{Cause: first.Cause, Op: op, Outcome: OutcomeNotWritten, Err: errors.Join(errs...)}
}

func (c *Client) capability(ctx context.Context, op string, at *controller) ControllerInfo {
	out := ControllerInfo{Name: at.name}
	err := c.use(ctx, at, reading, func(ctx context.Context, on *conn) error {
		before := c.now()
		info, err := c.readRoot(ctx, on)
		if err != nil {
			return err
		}
		at.setInfo(info)
		out = ControllerInfo{Name: at.name, Host: info.host, Site: info.site, Writable: info.writable, PDCEmulator: info.pdc,
			PolicyHints: info.hints, NamingContext: info.base}
		if !info.time.IsZero() {
			out.ClockSkew = info.time.Sub(before)
		}
		return nil
	})
	if err != nil {
		out.Err = fault(op, at, err)
	}
	return out
}
