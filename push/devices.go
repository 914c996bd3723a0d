package push

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey/latchkey/audit"
)

const (
	maxDevices    = 50
	maxDeviceText = 120 // runes
	authLen       = 16  // RFC 8291 3.2
)

// Subscribe saves a subscription of the signed-in person, or renews it. Account,
// Endpoint, P256dh and Auth are needed; Key may be the public key that it was made
// with, otherwise a new one counts as made with the newest. Errors: ErrEndpoint,
// ErrKey, ErrAnothers, ErrTooManyDevices.
func (s *Service) Subscribe(ctx context.Context, sub Subscription) (Subscription, error) {
	if err := s.acceptable(sub); err != nil {
		return Subscription{}, err
	}
	now := s.cfg.Now()
	sub.ID, sub.Created, sub.Renewed = s.cfg.NewID(), now, now
	sub.Device, sub.Failed = shortened(sub.Device, maxDeviceText), ""
	if err := s.bindKey(ctx, &sub); err != nil {
		return Subscription{}, err
	}
	saved, err := s.cfg.Store.SaveSubscription(ctx, sub, maxDevices, audit.Event{
		Time: now, Action: audit.DeviceAdded, Actor: sub.Account, Target: sub.Account, Outcome: audit.OK,
		Detail: map[string]any{"device": sub.ID}, Personal: map[string]string{"device": sub.Device},
	})
	if err != nil {
		return Subscription{}, fmt.Errorf("save device: %w", err)
	}
	return saved, nil
}

// Replace saves a subscription as Subscribe does, in the place of the account's own
// one with the endpoint old, as a browser does by itself that has nobody at it.
// ErrNoSubscription when old is not this account's: who is signed in there now is
// not who subscribed.
func (s *Service) Replace(ctx context.Context, sub Subscription, old string) (Subscription, error) {
	devices, err := s.Devices(ctx, sub.Account)
	if err != nil {
		return Subscription{}, err
	}
	i := slices.IndexFunc(devices, func(d Subscription) bool { return d.Endpoint == old })
	if i < 0 {
		return Subscription{}, fmt.Errorf("replace device: %w", ErrNoSubscription)
	}
	saved, err := s.Subscribe(ctx, sub)
	if err != nil || saved.ID == devices[i].ID {
		return saved, err
	}
	// A crash before this leaves a device that its push service calls gone.
	if err := s.Remove(ctx, sub.Account, devices[i].ID); err != nil && !errors.Is(err, ErrNoSubscription) {
		return Subscription{}, err
	}
	return saved, nil
}

// acceptable checks what the browser said.
func (s *Service) acceptable(sub Subscription) error {
	if sub.Account == "" {
		return fmt.Errorf("no account: %w", ErrEndpoint)
	}
	if _, err := s.guard.check(sub.Endpoint); err != nil {
		return err
	}
	if len(sub.Auth) != authLen {
		return fmt.Errorf("authentication secret of %d bytes: %w", len(sub.Auth), ErrEndpoint)
	}
	if _, err := ecdh.P256().NewPublicKey(sub.P256dh); err != nil {
		return fmt.Errorf("key of the browser: %w", ErrEndpoint)
	}
	return nil
}

// bindKey finds the VAPID key that a subscription was made with. Where the browser
// doesn't say, one that is renewed stays with its own.
func (s *Service) bindKey(ctx context.Context, sub *Subscription) error {
	if sub.Key != "" {
		k, err := s.key(ctx, sub.Key)
		if errors.Is(err, errNoKey) {
			return fmt.Errorf("save device: %w", ErrKey)
		}
		sub.Key = k.ID
		return err
	}
	sub.Key = s.keys.newest().ID
	devices, err := s.cfg.Store.Subscriptions(ctx, sub.Account)
	if err != nil {
		return fmt.Errorf("read devices: %w", err)
	}
	same := func(d Subscription) bool { return d.Endpoint == sub.Endpoint }
	if i := slices.IndexFunc(devices, same); i >= 0 {
		sub.Key = devices[i].Key
	}
	return nil
}

// Devices lists an account's, oldest first.
func (s *Service) Devices(ctx context.Context, account string) ([]Subscription, error) {
	devices, err := s.cfg.Store.Subscriptions(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	return devices, nil
}

// Remove ends a device of the account's; ErrNoSubscription when it is not theirs.
func (s *Service) Remove(ctx context.Context, account, id string) error {
	return s.remove(ctx, account, id, account, "")
}

// remove is by the owner, or by the system when a push service said so.
func (s *Service) remove(ctx context.Context, account, id, by, reason string) error {
	err := s.cfg.Store.RemoveSubscription(ctx, account, id, audit.Event{
		Time: s.cfg.Now(), Action: audit.DeviceRemoved, Actor: by, Target: account, Outcome: audit.OK, Reason: reason,
		Detail: map[string]any{"device": id},
	})
	if err != nil {
		return fmt.Errorf("remove device: %w", err)
	}
	return nil
}

// Test sends a message to one device at once, outside the outbox. Errors:
// ErrNoSubscription, ErrGone (then the device is removed), ErrUnreachable.
func (s *Service) Test(ctx context.Context, account, id string) error {
	sub, err := s.cfg.Store.Subscription(ctx, id)
	if err != nil {
		return fmt.Errorf("read device: %w", err)
	}
	if sub.Account != account {
		return fmt.Errorf("test a device: %w", ErrNoSubscription)
	}
	who, err := s.cfg.Directory.Person(ctx, account)
	if err != nil {
		who = Person{} // the language only
	}
	d := Delivery{To: account, Kind: kindTest, Until: s.cfg.Now().Add(testTTL)}
	m, err := s.message(ctx, d, who)
	if err != nil {
		return err
	}
	v := s.push(ctx, sub, m)
	switch {
	case v.code == "":
		if err := s.cfg.Store.Reached(ctx, id, s.cfg.Now()); err != nil && !errors.Is(err, ErrNoSubscription) {
			return fmt.Errorf("mark device: %w", err)
		}
		return nil
	case v.gone:
		if err := s.remove(ctx, account, id, audit.ActorSystem, codeGone); err != nil && !errors.Is(err, ErrNoSubscription) {
			return err
		}
		return fmt.Errorf("test a device: %w", ErrGone)
	}
	s.report("test message not taken", v, "account", account, "device", id)
	return fmt.Errorf("test a device: %w", ErrUnreachable)
}

// MailHint is the account's mail address as it may be shown to its owner; ""
// where mail is not sent, or the directory has none.
func (s *Service) MailHint(ctx context.Context, account string) (string, error) {
	if s.mail == nil {
		return "", nil
	}
	who, err := s.cfg.Directory.Person(ctx, account)
	if errors.Is(err, ErrNobody) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read mail address: %w", err)
	}
	address, ok := mailAddress(who.Mail)
	if !ok {
		return "", nil
	}
	local, domain, _ := strings.Cut(address, "@")
	first, _ := utf8.DecodeRuneInString(local)
	return string(first) + "…@" + domain, nil
}

// shortened keeps printable text, at most n runes of it.
func shortened(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
}
