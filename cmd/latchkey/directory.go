package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

// directory is the client of now: a reload puts another one in its place. A call
// that is under way stays with the one that it began with.
type directory struct{ p atomic.Pointer[ad.Forest] }

func newDirectory(c *ad.Forest) *directory {
	d := &directory{}
	d.p.Store(c)
	return d
}

// replace closes the one before: connections that are borrowed from it close when
// they come back.
func (d *directory) replace(c *ad.Forest) { d.p.Swap(c).Close() }

func (d *directory) Close() { d.p.Load().Close() }

func (d *directory) Ready(ctx context.Context) error { return d.p.Load().Ready(ctx) }

func (d *directory) Resolve(ctx context.Context, name string) (ad.GUID, error) {
	return d.p.Load().Resolve(ctx, name)
}

func (d *directory) ResolveGroup(ctx context.Context, dn string) (string, error) {
	return d.p.Load().ResolveGroup(ctx, dn)
}

func (d *directory) FindUnit(ctx context.Context, dn string) error {
	return d.p.Load().FindUnit(ctx, dn)
}

func (d *directory) Account(ctx context.Context, id ad.GUID) (ad.Account, error) {
	return d.p.Load().Account(ctx, id)
}

func (d *directory) AccountOn(ctx context.Context, controller string, id ad.GUID) (ad.Account, error) {
	return d.p.Load().AccountOn(ctx, controller, id)
}

func (d *directory) AccountByDN(ctx context.Context, dn string) (ad.Account, error) {
	return d.p.Load().AccountByDN(ctx, dn)
}

func (d *directory) Members(ctx context.Context, group string, limit int) ([]ad.Account, error) {
	return d.p.Load().Members(ctx, group, limit)
}

func (d *directory) Expiring(ctx context.Context, now time.Time, within time.Duration, fn func([]ad.Expiring) error) error {
	return d.p.Load().Expiring(ctx, now, within, fn)
}

func (d *directory) Photo(ctx context.Context, id ad.GUID) ([]byte, error) {
	return d.p.Load().Photo(ctx, id)
}

func (d *directory) Contact(ctx context.Context, id ad.GUID) (ad.Contact, error) {
	return d.p.Load().Contact(ctx, id)
}

func (d *directory) PasswordPolicy(ctx context.Context, a ad.Account) (ad.PasswordPolicy, error) {
	return d.p.Load().PasswordPolicy(ctx, a)
}

func (d *directory) CheckPassword(ctx context.Context, id ad.GUID, password secret.Text) error {
	return d.p.Load().CheckPassword(ctx, id, password)
}

func (d *directory) Unlock(ctx context.Context, w ad.Write) (ad.Account, error) {
	return d.p.Load().Unlock(ctx, w)
}

func (d *directory) ResetPassword(ctx context.Context, w ad.Write, p ad.NewPassword) (ad.Account, error) {
	return d.p.Load().ResetPassword(ctx, w, p)
}

func (d *directory) ChangePassword(ctx context.Context, w ad.Write, old, fresh secret.Text) (ad.Account, error) {
	return d.p.Load().ChangePassword(ctx, w, old, fresh)
}
