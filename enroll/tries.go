package enroll

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

const (
	maxTries     = 5 // wrong passwords that kill an invitation
	unknownTries = 2 // likewise, where the lockout threshold can't be read
	reserve      = 2 // tries that are always left to the person
)

// PolicyReader is what a Directory may offer beside: with it, no invitation
// brings an account within two tries of its lockout.
type PolicyReader interface {
	PasswordPolicy(ctx context.Context, a ad.Account) (ad.PasswordPolicy, error)
}

// triesAllowed returns how many tries the invitation may have in all, or why not
// even one is made now. A threshold that can't be read leaves two in all: none
// would keep everybody out of a domain whose policy is hidden, and a lockout
// threshold below three is one that typing alone would trip.
//
// A stranger, who proved nothing yet, leaves half of the tries to the person.
func (s *Service) triesAllowed(ctx context.Context, a ad.Account, stranger bool) (int, error) {
	if a.Locked {
		return 0, ad.ErrLocked
	}
	reader, ok := s.directory.(PolicyReader)
	if !ok {
		return unknownTries, nil
	}
	policy, err := reader.PasswordPolicy(ctx, a)
	if err != nil || policy.Source == ad.PolicyUnreadable || policy.LockoutThreshold < 0 {
		return unknownTries, nil
	}
	if policy.LockoutThreshold == 0 {
		return maxTries, nil
	}
	bad := a.BadPasswords
	if s.windowOver(policy, a) {
		bad = 0 // the controller starts again with the next wrong one
	}
	left := reserve
	if stranger {
		left = max(reserve, (policy.LockoutThreshold+1)/2)
	}
	if bad+1 > policy.LockoutThreshold-left {
		return 0, ErrNoTries
	}
	return maxTries, nil
}

// clockMargin is how far our clock and a controller's may stand apart before
// Kerberos itself stops working.
const clockMargin = 5 * time.Minute

// windowOver says whether the controller, whose clock counts, forgets the wrong
// passwords so far. When the last one was is known, or the count stands.
func (s *Service) windowOver(policy ad.PasswordPolicy, a ad.Account) bool {
	return policy.ObservationWindow > 0 && !a.LastBad.IsZero() &&
		s.now().After(a.LastBad.Add(policy.ObservationWindow+clockMargin))
}

// doubtTime is how long no password is tried of an account of which an answer was lost: the
// controller, or the one that it asks in turn, may count that try after we hung up.
const doubtTime = 2 * time.Minute

// checkPassword tries a password once. The caller has the account's turn.
func (s *Service) checkPassword(ctx context.Context, account ad.GUID, password secret.Text) error {
	err := s.directory.CheckPassword(ctx, account, password)
	var failed *ad.Error
	if unreached(err) && errors.As(err, &failed) && failed.Outcome == ad.OutcomeUnknown {
		s.doubts.add(account, s.now())
	}
	return err
}

// doubts are the accounts of which it is not known yet how many wrong passwords are
// counted. Each server knows its own: of two, each may lose one answer more.
type doubts struct {
	mu    sync.Mutex
	since map[ad.GUID]time.Time
}

func (d *doubts) add(account ad.GUID, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.since, func(_ ad.GUID, at time.Time) bool { return now.Sub(at) >= doubtTime })
	if d.since == nil {
		d.since = map[ad.GUID]time.Time{}
	}
	d.since[account] = now
}

func (d *doubts) has(account ad.GUID, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Sub(d.since[account]) < doubtTime // of none: long ago
}

// gates lets one caller in for each account. It holds no entry for an account
// that nobody waits for.
type gates struct {
	mu   sync.Mutex
	open map[ad.GUID]*gate
}

type gate struct {
	turn  chan struct{}
	users int
}

// try is enter for somebody who does not wait.
func (g *gates) try(account ad.GUID) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[account] != nil {
		return nil, false
	}
	if g.open == nil {
		g.open = map[ad.GUID]*gate{}
	}
	x := &gate{turn: make(chan struct{}, 1), users: 1}
	x.turn <- struct{}{}
	g.open[account] = x
	return func() { <-x.turn; g.left(account, x) }, true
}

// left forgets a gate that nobody uses any more.
func (g *gates) left(account ad.GUID, x *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x.users--; x.users == 0 {
		delete(g.open, account)
	}
}

// enter waits for the account's turn, or for the end of ctx.
func (g *gates) enter(ctx context.Context, account ad.GUID) (leave func(), err error) {
	g.mu.Lock()
	if g.open == nil {
		g.open = map[ad.GUID]*gate{}
	}
	x := g.open[account]
	if x == nil {
		x = &gate{turn: make(chan struct{}, 1)}
		g.open[account] = x
	}
	x.users++
	g.mu.Unlock()

	done := func() { g.left(account, x) }
	select {
	case x.turn <- struct{}{}:
		return func() { <-x.turn; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}
