package ad

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// service is one of the two service accounts.
type service int

const (
	reading service = iota
	writing
)

func (s service) String() string { return [...]string{"read", "write"}[s] }

// How long a refused service account is left alone: long enough that no
// lockout threshold is reached by the tries.
const (
	firstRest = 10 * time.Minute
	longRest  = 2 * time.Hour
)

// gate lets the service account bind on one controller at a time, and on none
// after a refusal: trying the same wrong password on all of them, or from
// eight goroutines, would lock the account.
type gate struct {
	account Service
	which   service
	now     func() time.Time
	log     *slog.Logger
	turn    chan struct{} // holds one value while nobody binds

	mu    sync.Mutex
	rest  time.Duration
	until time.Time
	last  *bindRefused
}

// bindRefused is code 49 for the service account.
type bindRefused struct {
	which      service
	diagnostic string
}

func (e *bindRefused) Error() string {
	return fmt.Sprintf("the %s service account was refused", e.which)
}

func newGate(which service, account Service, now func() time.Time, log *slog.Logger) *gate {
	g := &gate{account: account, which: which, now: now, log: log, turn: make(chan struct{}, 1)}
	g.turn <- struct{}{}
	return g
}

// shut returns the refusal that still counts.
func (g *gate) shut() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last != nil && g.now().Before(g.until) {
		return g.last
	}
	return nil
}

// bind authenticates the connection as the service account, or not at all.
func (g *gate) bind(ctx context.Context, c *conn) error {
	select {
	case <-g.turn:
		defer func() { g.turn <- struct{}{} }()
	case <-ctx.Done():
		return &lostError{err: ctx.Err()}
	}
	if err := g.shut(); err != nil {
		return err
	}
	err := c.bind(ctx, g.account.Bind, g.account.Password.Reveal())
	if r := refused(err); r != nil && r.ResultCode == ldap.LDAPResultInvalidCredentials {
		return g.close(c, diagnosticOf(r))
	}
	if err == nil {
		g.open()
	}
	return err
}

// close remembers the refusal, and says so loudly once each time.
func (g *gate) close(c *conn, diagnostic string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rest = min(max(2*g.rest, firstRest), longRest)
	g.until = g.now().Add(g.rest)
	g.last = &bindRefused{g.which, diagnostic}
	g.log.Error("service account refused: it is not tried again for a while",
		"account", g.which.String(), "controller", c.at.name, "code", bindCode(diagnostic), "rest", g.rest)
	return g.last
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rest, g.last = 0, nil
}
