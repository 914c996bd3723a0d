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
// any 10 minutes: 6 at once, and one each 100 seconds. What comes above that
// waits, and the next one speaks for all that wait.
const (
	capBurst  = 6
	capRefill = 100 * time.Second
)

// deliverPush sends to one device.
func (s *Service) deliverPush(ctx context.Context, d Delivery, of *batch, answered func()) error {
	made := s.cfg.Now()
	if !made.Before(d.Until) {
		return s.settle(ctx, d, verdict{code: codeLate}, nil)
	}
	sub, err := s.device(ctx, of, d.Subscription)
	if errors.Is(err, ErrNoSubscription) || err == nil && sub.Account != d.To {
		return s.settle(ctx, d, verdict{code: codeRemoved}, nil)
	} else if err != nil {
		return fmt.Errorf("read device: %w", err)
	}
	who, err := s.person(ctx, of, d.To)
	if errors.Is(err, ErrNobody) || err == nil && who.Disabled {
		return s.settle(ctx, d, verdict{code: codeNobody}, nil)
	} else if err != nil { // only the language is missing
		who = Person{}
		s.log.Warn("language not read", "account", d.To, "error", err)
	}
	v := s.tryPush(ctx, &d, of, sub, who)
	v.made = made
	if v.code != "" {
		answered()
	}
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

// tryPush asks for a token only where a try is made with it.
func (s *Service) tryPush(ctx context.Context, d *Delivery, of *batch, to Subscription, who Person) verdict {
	if endpoint, err := s.guard.check(to.Endpoint); err == nil && !s.broken.ready(endpoint.Hostname()) {
		return verdict{code: codeUnreachable, again: true, err: errBroken}
	}
	if wait := s.capped(ctx, d, to.ID); wait > 0 {
		return verdict{code: codeCapped, again: true, wait: wait}
	}
	m, err := s.compose(d.said(), who, s.badgeOf(ctx, of, d.To))
	if err != nil {
		return verdict{code: codeTooLarge, alarm: true, err: err}
	}
	return s.push(ctx, to, m)
}

// deliverMail sends a mail, or looks whether one is needed.
func (s *Service) deliverMail(ctx context.Context, d Delivery, answered func()) error {
	made := s.cfg.Now()
	pushes, err := s.cfg.Store.Progress(ctx, d.Notice)
	if err != nil {
		return fmt.Errorf("read progress: %w", err)
	}
	fallback := d.Params[paramFallback] != ""
	if fallback && pushes.Taken > 0 {
		return s.settle(ctx, d, verdict{}, nil)
	}
	late := !made.Before(d.Until)
	if late || s.mail == nil || d.Params[paramNoMail] != "" {
		return s.look(ctx, d, pushes, late)
	}
	if due := made.Add(fallbackAfter); fallback && pushes.Capped > 0 && due.Before(d.Until) {
		return over(s.cfg.Store.Retry(ctx, d.ID, due, codeCapped, d.Cap))
	}
	v := s.tryMail(ctx, &d)
	v.made = made
	if v.code != "" {
		answered()
	}
	next, events := s.instead(d, pushes, v.code)
	return s.settle(ctx, d, v, next, events...)
}

func (s *Service) tryMail(ctx context.Context, d *Delivery) verdict {
	down := verdict{code: codeMailDown, again: true, err: errBroken}
	if !s.broken.ready(string(ChannelMail)) {
		return down
	}
	if wait := s.capped(ctx, d, string(ChannelMail)); wait > 0 {
		return verdict{code: codeCapped, again: true, wait: wait}
	}
	if !s.broken.pass(string(ChannelMail)) {
		return down
	}
	v := s.sendMail(ctx, d.said())
	s.broken.done(string(ChannelMail), v.code != codeMailDown)
	return v
}

// look is the last of a notice's deliveries where no mail can go: it waits for the
// devices, and says in the log when none took the notice.
func (s *Service) look(ctx context.Context, d Delivery, pushes Progress, late bool) error {
	if pushes.Taken > 0 {
		return s.settle(ctx, d, verdict{}, nil)
	}
	if pushes.Waiting > 0 && !late {
		due := earlier(s.cfg.Now().Add(fallbackAfter), d.Until)
		return over(s.cfg.Store.Retry(ctx, d.ID, due, codeNoWay, d.Cap))
	}
	code := codeNoWay
	if late {
		code = codeLate
	}
	return s.settle(ctx, d, verdict{code: code}, nil, s.failed(d.To, d.Kind, d.Params, code))
}

// instead is what follows a mail that is given up: a look at the devices that are
// still tried, or the event that nobody can be reached.
func (s *Service) instead(d Delivery, pushes Progress, code string) ([]Delivery, []audit.Event) {
	switch {
	case pushes.Taken > 0:
		return nil, nil
	case pushes.Waiting == 0:
		return nil, []audit.Event{s.failed(d.To, d.Kind, d.Params, code)}
	}
	next := s.waiting(d)
	next.ID, next.Attempts = 0, 0
	next.Params[paramNoMail] = "true"
	return []Delivery{next}, nil
}

func (s *Service) sendMail(ctx context.Context, d Delivery) verdict {
	if plans[d.Kind].alert {
		return s.sendAlert(ctx, d)
	}
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
	lang := language(who.Language)
	text := s.texts(lang, d)
	text.Text += s.freezeLine(lang, d)
	return s.mail.send(ctx, to, messageID(d), text, s.cfg.Now())
}

// capped is how long a reviewer is to be left in peace; 0 for not at all. Each
// message is asked for once. An error of the limits lets it pass: losing it would
// be worse.
func (s *Service) capped(ctx context.Context, d *Delivery, way string) time.Duration {
	if !plans[d.Kind].review || d.Cap == CapPassed || d.Cap == CapTogether {
		return 0
	}
	wait, err := s.cfg.Limits.Take(ctx, "push/review/"+d.To+"/"+way, capBurst, capRefill, s.cfg.Now())
	if err != nil {
		s.log.Error("limit not read", "account", d.To, "error", err)
		return 0
	}
	if wait > 0 {
		d.Cap = CapWaits
		return wait
	}
	d.Cap = CapPassed
	if others, err := s.cfg.Store.Capped(ctx, *d); err != nil { // they ask for themselves
		s.log.Error("outbox not read", "account", d.To, "error", err)
	} else if others {
		d.Cap = CapTogether
	}
	return 0
}

// said is what a message says: of itself, or that there is more to review.
func (d Delivery) said() Delivery {
	if d.Cap == CapTogether {
		d.Kind, d.Params = kindSeveral, nil
	}
	return d
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
