package ad

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Client reads and writes one domain. Its methods are safe for concurrent use,
// and return *Error when they fail.
type Client struct {
	cfg       Config
	dnsDomain string // of the configuration; "" takes what the controllers say
	roster    *roster
	roots     *x509.CertPool
	timeout   time.Duration
	now       func() time.Time
	log       *slog.Logger
	gates     [2]*gate // by service; the same one twice where the accounts are the same
	closed    atomic.Bool
	finding   chan struct{} // holds one value while nobody looks for roles
	looked    atomic.Bool   // everybody was asked once
	names     names
	protected protectedGroups
	others    []*Client // of the same forest; set before the first use
	outside   outside

	protectedOUs []Name // of the configuration
}

// Open checks the configuration and returns the client. It does not touch the
// network: see Ready.
func Open(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg, timeout: cfg.OpTimeout, now: cfg.Now, log: cfg.Logger, finding: make(chan struct{}, 1)}
	if c.timeout == 0 {
		c.timeout = 10 * time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	c.gates[reading] = newGate(reading, cfg.Read, c.now, c.log)
	c.gates[writing] = c.gates[reading]
	if cfg.Write.Bind != "" && cfg.Write != cfg.Read {
		c.gates[writing] = newGate(writing, cfg.Write, c.now, c.log)
	}
	c.finding <- struct{}{}
	return c, nil
}

// check reports every mistake at once.
func (c *Client) check() error {
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	size := c.cfg.PoolSize
	if size == 0 {
		size = 8
	}
	if size < 0 || c.timeout < 0 {
		add(errors.New("pool size and time-out must not be negative"))
		size = 1
	}
	c.dnsDomain = strings.ToLower(c.cfg.dnsDomain())
	c.roster = newRoster(c.cfg.Discovery, size)
	if c.cfg.Discovery != nil {
		errs = append(errs, c.cfg.Discovery.check()...)
	} else if len(c.cfg.Controllers) == 0 {
		add(errors.New("no controller is named, and no domain to find them in"))
	}
	seen := map[string]bool{}
	for _, address := range c.cfg.Controllers {
		at, err := parseController(address, size)
		if err != nil {
			add(err)
			continue
		}
		if seen[at.name] {
			add(fmt.Errorf("controller %q is named twice", at.name))
		}
		seen[at.name] = true
		c.roster.fixed = append(c.roster.fixed, at)
	}
	if c.cfg.Read.Bind == "" || c.cfg.Read.Password.Empty() {
		add(errors.New("the read service account needs a name and a password"))
	}
	if (c.cfg.Write.Bind == "") != c.cfg.Write.Password.Empty() {
		add(errors.New("the write service account needs a name and a password, or neither"))
	}
	errs = append(errs, c.checkNames()...)
	roots, err := loadRoots(c.cfg.CAFile)
	if err != nil {
		add(err)
	}
	c.roots = roots
	return errors.Join(errs...)
}

func (c *Client) checkNames() (errs []error) {
	read := func(dn string) Name {
		name, err := ParseName(dn)
		if parsed, other := ldap.ParseDN(dn); err != nil || other != nil || len(parsed.RDNs) == 0 {
			errs = append(errs, fmt.Errorf("%q is no distinguished name", dn))
		}
		return name
	}
	for _, dn := range c.cfg.ProtectedGroups {
		read(dn)
	}
	for _, dn := range c.cfg.ProtectedOUs {
		c.protectedOUs = append(c.protectedOUs, read(dn))
	}
	if c.cfg.BaseDN != "" {
		read(c.cfg.BaseDN)
	}
	return errs
}

// Close closes every idle connection; borrowed ones close when they come back.
func (c *Client) Close() {
	c.closed.Store(true)
	for _, at := range c.roster.all() {
		at.drop()
	}
}

// Ready says whether Latchkey could act now: a writable controller answers,
// both service accounts may bind, and the protected groups can be resolved.
func (c *Client) Ready(ctx context.Context) error {
	const op = "check directory"
	for _, as := range []service{reading, writing} {
		err := c.try(ctx, op, as, func(ctx context.Context, on *conn) error {
			if !on.alive(ctx) {
				return &lostError{err: errors.New("no sign of life")}
			}
			info, _ := on.at.state(c.now())
			own, err := c.ownSIDs(ctx, on)
			if err != nil {
				return err
			}
			groups, err := c.protectedOf(ctx, on, info.base)
			if err == nil && !(own.complete && groups.complete) {
				err = unprotectable
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.knowsOutsiders(ctx)
}

// unprotectable: readiness must not hide that nobody can be served.
var unprotectable = &Error{Cause: ErrNotFound, Outcome: OutcomeNotWritten,
	Err: errors.New("a protected group or a service account can't be found, so everybody is protected")}

// as is the pool that a service uses.
func (c *Client) as(which service) service { return c.gates[which].which }

// try runs f, which must not write, on the first controller that answers. When
// none does, DNS is asked for others.
func (c *Client) try(ctx context.Context, op string, as service, f func(context.Context, *conn) error) error {
	order := c.order(ctx)
	failed := c.round(ctx, op, as, order, f)
	if failed != nil && passing(failed.Cause) && ctx.Err() == nil {
		if others := c.newcomers(ctx, order); len(others) > 0 {
			failed = c.round(ctx, op, as, others, f)
		}
	}
	if failed != nil {
		return failed
	}
	return nil
}

// round asks these controllers, one after the other.
func (c *Client) round(ctx context.Context, op string, as service, order []*controller, f func(context.Context, *conn) error) *Error {
	var failed *Error
	for i, at := range order {
		err := c.attempt(ctx, at, as, i < len(order)-1, f)
		if err == nil {
			return nil
		}
		e := fault(op, at, err)
		if !passing(e.Cause) {
			return e
		}
		if failed == nil || failed.Cause != ErrProtocol {
			failed = e
		}
		if ctx.Err() != nil {
			break
		}
	}
	if failed == nil {
		failed = &Error{Cause: ErrUnavailable, Op: op, Outcome: OutcomeNotWritten, Err: c.whyNone()}
	}
	return failed
}

// whyNone is why there is no controller to ask.
func (c *Client) whyNone() error {
	if last, ok := c.Discovery(); ok && last.Err != nil {
		return errors.Join(errNoController, last.Err)
	}
	return errNoController
}

var errNoController = errors.New("no writable controller answers")

// attempt leaves half of the time that is left to the controllers behind.
func (c *Client) attempt(ctx context.Context, at *controller, as service, more bool, f func(context.Context, *conn) error) error {
	if deadline, ok := ctx.Deadline(); ok && more {
		share, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
		ctx = share
	}
	return c.use(ctx, at, c.as(as), f)
}

// passing says whether another controller may know better.
func passing(cause Cause) bool { return cause == ErrUnavailable || cause == ErrProtocol }

// judge keeps count of a controller's failures. A caller that gave up says
// nothing about the controller.
func (c *Client) judge(ctx context.Context, at *controller, err error) {
	switch {
	case errors.Is(ctx.Err(), context.Canceled) || shutOut(err):
	case lost(err):
		if at.down(c.now()) {
			c.log.Warn("controller does not answer", "controller", at.name, "error", err.Error())
		}
	default:
		if at.up() {
			c.log.Info("controller answers again", "controller", at.name)
		}
	}
}

func shutOut(err error) bool {
	var e *bindRefused
	return errors.As(err, &e)
}

// named returns the controller of that name.
func (c *Client) named(op, name string) (*controller, *Error) {
	if at := c.roster.named(name); at != nil {
		return at, nil
	}
	return nil, &Error{Cause: ErrUnavailable, Op: op, Controller: name, Outcome: OutcomeNotWritten,
		Err: errors.New("no such controller is configured")}
}
