package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
)

// notices holds the service that reaches people. The store, which wakes it, is
// open before it is.
type notices struct{ p atomic.Pointer[push.Service] }

func (n *notices) service() *push.Service { return n.p.Load() }

// Kick says that something was put into the outbox.
func (n *notices) Kick() {
	if s := n.service(); s != nil {
		s.Kick()
	}
}

func (n *notices) run(ctx context.Context, log *slog.Logger) {
	if err := n.service().Run(ctx); err != nil && ctx.Err() == nil {
		log.Error("notices stopped", "error", err)
	}
}

// openBox reads the key that seals what the database must not show, or makes it
// at the first start.
func openBox(cfg config.Config) (*secret.Box, error) {
	box, err := secret.LoadBox(cfg.KeyFile(), true)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	return box, nil
}

func (a *app) openNotices(ctx context.Context) error {
	c := push.Config{
		Store: a.store, Directory: people{a.dir}, Counter: a.store, Limits: a.store,
		PublicURL: a.cfg.PublicURL, Organisation: a.cfg.Organisation,
		Support: push.Support{Name: a.cfg.Support.Name, Phone: a.cfg.Support.Phone, Mail: a.cfg.Support.Mail},
		Subject: a.cfg.PushSubject(), Hosts: a.cfg.Push.Hosts, Proxy: a.cfg.PushProxy(), CAFile: a.cfg.Push.CAFile,
		Logger: a.log,
	}
	if m := a.cfg.Mail; m.Host != "" {
		password, err := m.Secret()
		if err != nil {
			return fmt.Errorf("mail account: %w", err)
		}
		c.Mail = &push.MailConfig{
			Host: m.Host, Port: m.Port, TLS: push.MailTLS(m.TLS), User: m.User, Password: password, From: m.From, CAFile: m.CAFile,
		}
	}
	s, err := push.New(ctx, c)
	if err != nil {
		return wrongKey(a.cfg, err)
	}
	a.notices.p.Store(s)
	return nil
}

// people finds whom push is to reach.
type people struct{ dir *ad.Client }

// Person is push.Directory's.
func (p people) Person(ctx context.Context, account string) (push.Person, error) {
	id, err := ad.ParseGUID(account)
	if err != nil {
		return push.Person{}, fmt.Errorf("read account: %w", err)
	}
	who, err := p.dir.Account(ctx, id)
	if errors.Is(err, ad.ErrNotFound) {
		return push.Person{}, push.ErrNobody
	}
	if err != nil {
		return push.Person{}, err
	}
	return push.Person{Name: who.DisplayName, Mail: who.Mail, Language: who.Language, Disabled: who.Disabled}, nil
}

// remindEvery is the pause between two looks at everybody's password.
const remindEvery = 6 * time.Hour

// remind tells people whose password expires soon: at the start, and from then on
// a few times a day. What was told once is not told again.
func (a *app) remind(ctx context.Context) {
	days := a.cfg.Reminders.PasswordExpiry
	if len(days) == 0 {
		return
	}
	look := func() {
		if err := a.engine.RemindExpiring(ctx, days); err != nil && ctx.Err() == nil {
			a.log.Error("remind of passwords that expire", "error", err)
		}
	}
	look()
	every(ctx, remindEvery, look)
}
