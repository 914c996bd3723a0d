package workflow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

// directory is a scripted Active Directory. It checks nothing itself: what the
// workflow forgets gets through.
type directory struct {
	mu       sync.Mutex
	accounts map[ad.GUID]*ad.Account
	policy   ad.PasswordPolicy
	expiring [][]ad.Expiring // pages
	twice    bool            // Members lists everybody twice
	writes   []written
	calls    []string
	// before runs at each call, outside of the lock; it may flip state.
	before func(op string) error
	// refuse is the directory's answer to a write; nothing is written.
	refuse error
	// lost loses the answer of a write that landed; after is told behind it.
	lost  bool
	after error
}

type written struct {
	op         string
	target     ad.GUID
	controller string
	mustChange bool
	value      string
	at         time.Time
}

func newDirectory() *directory {
	return &directory{
		accounts: map[ad.GUID]*ad.Account{},
		policy: ad.PasswordPolicy{
			Source: ad.PolicyDomain, MinLength: 8, Complexity: true, History: 24,
			MinAge: 24 * time.Hour, LockoutThreshold: 5, ObservationWindow: 30 * time.Minute,
		},
	}
}

func (d *directory) add(a ad.Account) { d.accounts[a.GUID] = &a }

func (d *directory) edit(g ad.GUID, fn func(*ad.Account)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn(d.accounts[g])
}

// on sets what runs at each call from now on.
func (d *directory) on(fn func(op string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = fn
}

func (d *directory) begin(ctx context.Context, op string) error {
	d.mu.Lock()
	d.calls = append(d.calls, op)
	before := d.before
	d.mu.Unlock()
	if ctx.Err() != nil {
		return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, ctx.Err())
	}
	if before == nil {
		return nil
	}
	return before(op)
}

func fault(op string, cause ad.Cause, outcome ad.Outcome, err error) error {
	return &ad.Error{Cause: cause, Op: op, Outcome: outcome, Err: err, Diagnostic: "0000052D: \xff hostile"}
}

func (d *directory) read(op string, g ad.GUID) (ad.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, known := d.accounts[g]
	if !known {
		return ad.Account{}, fault(op, ad.ErrNotFound, ad.OutcomeNotWritten, nil)
	}
	out := *a
	out.ReadAt = time.Now()
	out.Groups = slices.Clone(a.Groups)
	return out, nil
}

func (d *directory) Account(ctx context.Context, g ad.GUID) (ad.Account, error) {
	if err := d.begin(ctx, "account"); err != nil {
		return ad.Account{}, err
	}
	return d.read("account", g)
}

func (d *directory) AccountOn(ctx context.Context, controller string, g ad.GUID) (ad.Account, error) {
	if err := d.begin(ctx, "account-on"); err != nil {
		return ad.Account{}, err
	}
	if controller != "dc1.corp.example.test" {
		return ad.Account{}, fault("account-on", ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
	}
	return d.read("account-on", g)
}

func (d *directory) AccountByDN(ctx context.Context, dn string) (ad.Account, error) {
	if err := d.begin(ctx, "by-dn"); err != nil {
		return ad.Account{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.accounts {
		if a.DN == dn {
			return *a, nil
		}
	}
	return ad.Account{}, fault("by-dn", ad.ErrNotFound, ad.OutcomeNotWritten, nil)
}

func (d *directory) Members(ctx context.Context, group string, limit int) ([]ad.Account, error) {
	if err := d.begin(ctx, "members"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ad.Account
	for _, a := range d.accounts {
		if slices.Contains(a.Groups, group) {
			out = append(out, *a)
		}
	}
	if d.twice {
		out = append(out, out...)
	}
	slices.SortFunc(out, func(a, b ad.Account) int { return strings.Compare(a.DN, b.DN) })
	return out[:min(limit, len(out))], nil
}

func (d *directory) Expiring(ctx context.Context, now time.Time, within time.Duration, fn func([]ad.Expiring) error) error {
	if err := d.begin(ctx, "expiring"); err != nil {
		return err
	}
	for _, page := range d.expiring {
		if err := errors.Join(fn(page), d.begin(ctx, "expiring-page")); err != nil {
			return err
		}
	}
	return nil
}

func (d *directory) PasswordPolicy(ctx context.Context, _ ad.Account) (ad.PasswordPolicy, error) {
	if err := d.begin(ctx, "policy"); err != nil {
		return ad.PasswordPolicy{}, err
	}
	return d.policy, nil
}

func (d *directory) Unlock(ctx context.Context, w ad.Write) (ad.Account, error) {
	return d.write(ctx, "unlock", w, func(a *ad.Account) { unlocked(a) }, written{})
}

func unlocked(a *ad.Account) {
	a.Locked, a.LockedSince, a.BadPasswords, a.Marks.LockoutTime = false, time.Time{}, 0, 0
}

func (d *directory) ResetPassword(ctx context.Context, w ad.Write, p ad.NewPassword) (ad.Account, error) {
	return d.write(ctx, "reset", w, func(a *ad.Account) {
		setPassword(a)
		unlocked(a)
		if p.MustChange {
			a.Marks.PwdLastSet, a.PasswordSet, a.MustChange = 0, time.Time{}, true
		}
	}, written{mustChange: p.MustChange, value: p.Value.Reveal()})
}

func (d *directory) ChangePassword(ctx context.Context, w ad.Write, _, new secret.Text) (ad.Account, error) {
	return d.write(ctx, "change", w, setPassword, written{value: new.Reveal()})
}

func setPassword(a *ad.Account) {
	a.PasswordSet, a.MustChange = time.Now(), false
	if a.Marks.KeyVersion >= 0 {
		a.Marks.KeyVersion++
	}
	lockedSince++
	a.Marks.PwdLastSet = lockedSince
}

func (d *directory) write(ctx context.Context, op string, w ad.Write, apply func(*ad.Account), what written) (ad.Account, error) {
	if err := d.begin(ctx, op); err != nil {
		return ad.Account{}, err
	}
	a, err := d.read(op, w.Target)
	if err != nil {
		return ad.Account{}, err
	}
	if err := w.Check(a); err != nil {
		return ad.Account{}, fault(op, ad.ErrRefused, ad.OutcomeNotWritten, err)
	}
	if err := d.begin(ctx, op+"-sent"); err != nil {
		return ad.Account{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return ad.Account{}, d.refuse
	}
	apply(d.accounts[w.Target])
	what.op, what.target, what.controller, what.at = op, w.Target, w.Controller, time.Now()
	d.writes = append(d.writes, what)
	if d.lost {
		return ad.Account{}, fault(op, ad.ErrUnavailable, ad.OutcomeUnknown, context.DeadlineExceeded)
	}
	if d.after != nil {
		return ad.Account{}, d.after
	}
	return *d.accounts[w.Target], nil
}

func (d *directory) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.writes)
}
