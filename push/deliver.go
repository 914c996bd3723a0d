package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// At most 12 messages about reviews to one device, or by mail to one person, in
// any 10 minutes: 6 at once, and one each 100 seconds. More wait.
const (
	capBurst  = 6
	capRefill = 100 * time.Second
)

// deliverPush sends to one device.
func (s *Service) deliverPush(ctx context.Context, d Delivery) error {
	if !s.cfg.Now().Before(d.Until) {
		return s.settle(ctx, d, verdict{code: codeLate}, nil)
	}
	sub, err := s.cfg.Store.Subscription(ctx, d.Subscription)
	if errors.Is(err, ErrNoSubscription) || err == nil && sub.Account != d.To {
		return s.settle(ctx, d, verdict{code: codeRemoved}, nil)
	} else if err != nil {
		return fmt.Errorf("read device: %w", err)
	}
	who, err := s.cfg.Directory.Person(ctx, d.To)
	if errors.Is(err, ErrNobody) || err == nil && who.Disabled {
		return s.settle(ctx, d, verdict{code: codeNobody}, nil)
	} else if err != nil { // only the language is missing
		who = Person{}
		s.log.Warn("language not read", "account", d.To, "error", err)
	}
	if wait := s.capped(ctx, d, sub.ID); wait > 0 {
		return s.settle(ctx, d, verdict{code: codeCapped, again: true, wait: wait}, nil)
	}
	m, err := s.message(ctx, d, who)
	if err != nil {
		return s.settle(ctx, d, verdict{code: codeTooLarge, alarm: true, err: err}, nil)
	}
	v := s.push(ctx, sub, m)
	if err := s.settle(ctx, d, v, nil); err != nil || !v.gone {
		return err
	}
	// Last: it takes everything with it that waits for the device.
	err = s.remove(ctx, sub.Account, sub.ID, audit.ActorSystem, codeGone)
	if errors.Is(err, ErrNoSubscription) {
		return nil
	}
	return err
}

// deliverMail sends a mail, or looks whether one is needed.
func (s *Service) deliverMail(ctx context.Context, d Delivery) error {
	devices, err := s.cfg.Store.Subscriptions(ctx, d.To)
	if err != nil {
		return fmt.Errorf("read devices: %w", err)
	}
	if d.Params[paramFallback] != "" && reached(devices, d.Created) {
		return s.settle(ctx, d, verdict{}, nil)
	}
	late := !s.cfg.Now().Before(d.Until)
	if late || s.mail == nil || d.Params[paramNoMail] != "" {
		return s.look(ctx, d, devices, late)
	}
	if wait := s.capped(ctx, d, string(ChannelMail)); wait > 0 {
		return s.settle(ctx, d, verdict{code: codeCapped, again: true, wait: wait}, nil)
	}
	v := verdict{code: codeMailDown, again: true, err: errBroken}
	if s.broken.pass(string(ChannelMail)) {
		v = s.sendMail(ctx, d)
		s.broken.done(string(ChannelMail), v.code != codeMailDown)
	}
	return s.settle(ctx, d, v, s.lookLater(d, devices), s.unlessReached(d, devices, v.code)...)
}

// look is the last of a notice's deliveries where no mail can go: it waits for the
// devices, and says in the log when none was reached.
func (s *Service) look(ctx context.Context, d Delivery, devices []Subscription, late bool) error {
	if reached(devices, d.Created) {
		return s.settle(ctx, d, verdict{}, nil)
	}
	if len(devices) > 0 && !late {
		due := earlier(s.cfg.Now().Add(fallbackAfter), d.Until)
		return over(s.cfg.Store.Retry(ctx, d.ID, due, codeNoWay))
	}
	code := codeNoWay
	if late {
		code = codeLate
	}
	return s.settle(ctx, d, verdict{code: code}, nil, s.failed(d.To, d.Kind, d.Params, code))
}

// lookLater takes the place of a mail that can't be sent while a device may still
// be reached.
func (s *Service) lookLater(d Delivery, devices []Subscription) []Delivery {
	if len(devices) == 0 || reached(devices, d.Created) {
		return nil
	}
	next := s.waiting(d)
	next.ID, next.Attempts = 0, 0
	next.Params[paramNoMail] = "true"
	return []Delivery{next}
}

// unlessReached is the event of a mail that is given up where nothing else can
// reach the person.
func (s *Service) unlessReached(d Delivery, devices []Subscription, code string) []audit.Event {
	if len(devices) > 0 || code == "" {
		return nil
	}
	return []audit.Event{s.failed(d.To, d.Kind, d.Params, code)}
}

func (s *Service) sendMail(ctx context.Context, d Delivery) verdict {
	who, err := s.cfg.Directory.Person(ctx, d.To)
	switch {
	case errors.Is(err, ErrNobody) || err == nil && who.Disabled:
		return verdict{code: codeNobody}
	case err != nil:
		return verdict{code: codeDirectory, again: true, err: err}
	}
	to, ok := mailAddress(who.Mail)
	if !ok {
		return verdict{code: codeNoWay}
	}
	text := s.texts(language(who.Language), d)
	return s.mail.send(ctx, to, messageID(d), text, s.cfg.Now())
}

// capped is how long a reviewer is to be left in peace; 0 for not at all. An error
// of the limits lets the message pass: losing it would be worse.
func (s *Service) capped(ctx context.Context, d Delivery, way string) time.Duration {
	if !plans[d.Kind].review {
		return 0
	}
	wait, err := s.cfg.Limits.Take(ctx, "push/review/"+d.To+"/"+way, capBurst, capRefill, s.cfg.Now())
	if err != nil {
		s.log.Error("limit not read", "account", d.To, "error", err)
		return 0
	}
	return wait
}

// report logs what did not work, at the level of who has to do something.
func (s *Service) report(text string, v verdict, args ...any) {
	level := slog.LevelInfo
	switch {
	case v.alarm:
		level = slog.LevelError
	case v.again && v.err != nil:
		level = slog.LevelWarn
	}
	args = append(args, "code", v.code)
	if v.err != nil {
		args = append(args, "error", v.err)
	}
	s.log.Log(context.Background(), level, text, args...)
}

// over ignores that a delivery ended meanwhile, or that its lease is another's.
func over(err error) error {
	if errors.Is(err, ErrNoDelivery) {
		return nil
	}
	return err
}
