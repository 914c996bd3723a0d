package server

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

// company is a small directory with one controller. It knows accounts, one
// password for everybody's first, lockout and writes.
type company struct {
	person, other ad.GUID
	first         string

	mu       sync.Mutex
	accounts map[ad.GUID]*ad.Account
	secrets  map[ad.GUID]string
}

func newCompany(*testing.T) *company {
	c := &company{person: ad.GUID{1}, other: ad.GUID{2}, first: "First-Secret-1"}
	c.accounts = map[ad.GUID]*ad.Account{}
	c.secrets = map[ad.GUID]string{}
	for id, name := range map[ad.GUID]string{c.person: "Alice", c.other: "Bob"} {
		c.accounts[id] = &ad.Account{
			GUID: id, SAMAccountName: name, GivenName: name, DisplayName: name, LogonAllowed: true, Controller: "dc1",
			PasswordSet: time.Now().Add(-90 * 24 * time.Hour), Marks: ad.Marks{KeyVersion: 3, PwdLastSet: 5},
		}
		c.secrets[id] = c.first
	}
	return c
}

func (c *company) password() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secrets[c.person]
}

func (c *company) lock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[c.person]
	a.Locked, a.LockedSince, a.BadPasswords, a.LastBad, a.Marks.LockoutTime = true, time.Now(), 5, time.Now(), 99
}

func (c *company) Account(_ context.Context, id ad.GUID) (ad.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.accounts[id]
	if !ok {
		return ad.Account{}, &ad.Error{Cause: ad.ErrNotFound, Op: "read account"}
	}
	out := *a
	out.ReadAt = time.Now()
	return out, nil
}

func (c *company) AccountOn(ctx context.Context, _ string, id ad.GUID) (ad.Account, error) {
	return c.Account(ctx, id)
}

func (c *company) PasswordPolicy(context.Context, ad.Account) (ad.PasswordPolicy, error) {
	return ad.PasswordPolicy{Source: ad.PolicyDomain, MinLength: 10, Complexity: true, History: 5, LockoutThreshold: 10, ObservationWindow: time.Minute}, nil
}

func (c *company) CheckPassword(_ context.Context, id ad.GUID, password secret.Text) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secrets[id] != password.Reveal() {
		return &ad.Error{Cause: ad.ErrWrongPassword, Op: "check password", Outcome: ad.OutcomeNotWritten}
	}
	return nil
}

// write applies what a modify does, after the check that the caller asked for.
func (c *company) write(ctx context.Context, w ad.Write, apply func(*ad.Account) error) (ad.Account, error) {
	a, err := c.Account(ctx, w.Target)
	if err != nil {
		return a, err
	}
	if err := w.Check(a); err != nil {
		return a, &ad.Error{Cause: ad.ErrRefused, Op: "write", Outcome: ad.OutcomeNotWritten, Err: err}
	}
	c.mu.Lock()
	err = apply(c.accounts[w.Target])
	c.mu.Unlock()
	if err != nil {
		return a, err
	}
	return c.Account(ctx, w.Target)
}

func (c *company) Unlock(ctx context.Context, w ad.Write) (ad.Account, error) {
	return c.write(ctx, w, func(a *ad.Account) error {
		a.Locked, a.LockedSince, a.BadPasswords, a.Marks.LockoutTime = false, time.Time{}, 0, 0
		return nil
	})
}

func (c *company) set(a *ad.Account, value string, mustChange bool) {
	c.secrets[a.GUID] = value
	a.Marks.KeyVersion++
	a.Marks.PwdLastSet++
	a.MustChange = mustChange
	if mustChange {
		a.Marks.PwdLastSet = 0
	}
}

func (c *company) ResetPassword(ctx context.Context, w ad.Write, p ad.NewPassword) (ad.Account, error) {
	return c.write(ctx, w, func(a *ad.Account) error {
		c.set(a, p.Value.Reveal(), p.MustChange)
		return nil
	})
}

func (c *company) ChangePassword(ctx context.Context, w ad.Write, old, value secret.Text) (ad.Account, error) {
	return c.write(ctx, w, func(a *ad.Account) error {
		if c.secrets[a.GUID] != old.Reveal() {
			return &ad.Error{Cause: ad.ErrOldPassword, Op: "change password", Outcome: ad.OutcomeNotWritten}
		}
		c.set(a, value.Reveal(), false)
		return nil
	})
}
