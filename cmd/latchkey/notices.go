package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// openBox reads the key that seals what the database must not show, or makes it
// at the first start.
func openBox(cfg config.Config) (*secret.Box, error) {
	box, err := secret.LoadBox(cfg.KeyFile(), true)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	return box, nil
}

func (a *app) newNotices(ctx context.Context, cfg config.Config, dir *directory) (*push.Service, error) {
	c := push.Config{
		Store: a.store, Directory: people{dir}, Counter: waits{a.store, a.engine}, Limits: a.store, Addresses: addresses{a.store, a.passkeys},
		PublicURL: cfg.PublicURL, Organisation: cfg.Organisation,
		Support: push.Support{Name: cfg.Support.Name, Phone: cfg.Support.Phone, Mail: cfg.Support.Mail},
		Alerts:  cfg.AlertMail(), FreezeLink: a.freezeToken,
		Subject: cfg.PushSubject(), Hosts: cfg.Push.Hosts, Proxy: cfg.PushProxy(), CAFile: cfg.Push.CAFile,
		Now: now, Logger: a.log,
	}
	gateway, err := openGateway(cfg)
	if err != nil {
		return nil, err
	}
	c.Gateway = gateway
	if m := cfg.Mail; m.Host != "" {
		password, err := m.Secret()
		if err != nil {
			return nil, fmt.Errorf("mail account: %w", err)
		}
		c.Mail = &push.MailConfig{
			Host: m.Host, Port: m.Port, TLS: push.MailTLS(m.TLS), User: m.User, Password: password, From: m.From, CAFile: m.CAFile,
		}
	}
	s, err := push.New(ctx, c)
	if err != nil {
		return nil, wrongKey(cfg, err)
	}
	return s, nil
}

// waits counts what the first page does: requests, and freezes to lift.
type waits struct {
	requests push.Counter
	engine   *workflow.Engine
}

// Waiting is push.Counter's.
func (w waits) Waiting(ctx context.Context, account string) (int, error) {
	id, err := ad.ParseGUID(account)
	if err != nil {
		return 0, fmt.Errorf("read account: %w", err)
	}
	n, err := w.requests.Waiting(ctx, account)
	if err != nil {
		return 0, err
	}
	return n + w.engine.CountThaws(ctx, id), nil
}

// freezeToken is what a message's link to freeze the account holds.
func (a *app) freezeToken(account, kind string, notice int64, made time.Time) string {
	id, err := ad.ParseGUID(account)
	if err != nil {
		return ""
	}
	return a.engine.FreezeLink(id, kind, notice, made).Reveal()
}

// addresses are those that people verified here, and those to which policy has codes sent
// in place of them.
type addresses struct {
	push.VerifiedAddresses
	passkeys *enroll.Service
}

func (x addresses) MayBeInDirectory(sms bool) bool { return x.passkeys.SendsToDirectory(codeBy(sms)) }

func (x addresses) InDirectory(ctx context.Context, account string, sms bool) (string, error) {
	id, err := ad.ParseGUID(account)
	if err != nil {
		return "", fmt.Errorf("read account: %w", err)
	}
	return x.passkeys.DirectoryAddress(ctx, id, codeBy(sms))
}

func (x addresses) GoToVerified(ctx context.Context, account string, sms bool) (bool, error) {
	id, err := ad.ParseGUID(account)
	if err != nil {
		return false, fmt.Errorf("read account: %w", err)
	}
	return x.passkeys.SendsToVerified(ctx, id, codeBy(sms))
}

func codeBy(sms bool) enroll.ProofKind {
	if sms {
		return enroll.ProofSMSCode
	}
	return enroll.ProofMailCode
}

// people finds whom push is to reach.
type people struct{ dir *directory }

// Person is push.Directory's.
func (p people) Person(ctx context.Context, account string) (push.Person, error) {
	id, err := ad.ParseGUID(account)
	if err != nil {
		return push.Person{}, fmt.Errorf("read account: %w", err)
	}
	who, err := p.dir.Contact(ctx, id)
	if errors.Is(err, ad.ErrNotFound) {
		return push.Person{}, push.ErrNobody
	}
	if err != nil {
		return push.Person{}, err
	}
	return push.Person(who), nil
}

// remindEvery is the pause between two looks at everybody's password.
const remindEvery = 6 * time.Hour

// remind tells people whose password expires soon: at the start, and from then on
// a few times a day. What was told once is not told again.
func (a *app) remind(ctx context.Context) {
	look := func() {
		if err := a.engine.RemindExpiring(ctx, a.config().Reminders.PasswordExpiry); err != nil && ctx.Err() == nil {
			a.log.Error("remind of passwords that expire", "error", err)
		}
	}
	look()
	every(ctx, remindEvery, look)
}
