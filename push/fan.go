package push

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// Each notice has one delivery by mail even where mail is not needed: it looks,
// a while after the devices were tried, whether one of them took this very notice.
// Where none did it sends the mail, and where that can't be it is what says so in the
// log. These parameters are its memory.
const (
	paramFallback = "_fallback" // send only when no device took it
	paramNoMail   = "_no-mail"  // mail was refused for good: only look
	fallbackAfter = time.Minute
)

// fan makes deliveries of a notice, and the event where there can be none.
func (s *Service) fan(ctx context.Context, n Notice, devices []Subscription) error {
	more, err := s.further(ctx, n)
	if err != nil {
		return err
	}
	n.Params = withoutOld(n.Params)
	deliveries, code := s.spread(n, devices)
	if code == codeNoWay && len(more) > 0 { // whether it is one shows when it is sent
		more[0].Params[paramOnly], code = "true", ""
	}
	deliveries = append(deliveries, more...)
	var events []audit.Event
	if code != "" {
		s.log.Warn("notice reaches nobody", "kind", n.Kind, "account", n.To, "code", code)
	}
	if code != "" && code != codeKind {
		events = append(events, s.failed(n.To, n.Kind, n.Params, code))
	}
	if err := s.cfg.Store.Fan(ctx, n.ID, deliveries, events...); err != nil && !errors.Is(err, ErrNoDelivery) {
		return fmt.Errorf("fan out notice: %w", err)
	}
	return nil
}

// spread says which ways a notice goes, or why none.
func (s *Service) spread(n Notice, devices []Subscription) ([]Delivery, string) {
	p, known := plans[n.Kind]
	if !known || n.Kind == kindTest || n.Kind == kindSeveral {
		return nil, codeKind
	}
	if !s.cfg.Now().Before(n.until()) {
		return nil, codeLate
	}
	if p.alert {
		return s.spreadAlert(n)
	}
	if len(devices) == 0 && s.mail == nil {
		return nil, codeNoWay
	}
	out := make([]Delivery, 0, len(devices)+1)
	for _, device := range devices {
		d := s.delivery(n, ChannelPush)
		d.Subscription = device.ID
		out = append(out, d)
	}
	last := s.delivery(n, ChannelMail)
	if len(devices) > 0 && (s.mail == nil || !p.both) {
		last = s.waiting(last)
	}
	return append(out, last), ""
}

func (s *Service) delivery(n Notice, by Channel) Delivery {
	return Delivery{
		To: n.To, Kind: n.Kind, Params: maps.Clone(n.Params), Channel: by,
		Created: n.Created, Until: n.until(), Due: s.cfg.Now(), Notice: n.ID,
	}
}

// waiting makes a delivery by mail wait for the devices.
func (s *Service) waiting(d Delivery) Delivery {
	d.Params = maps.Clone(d.Params)
	if d.Params == nil {
		d.Params = map[string]string{}
	}
	d.Params[paramFallback] = "true"
	now := s.cfg.Now()
	d.Due = now.Add(min(fallbackAfter, d.Until.Sub(now)/2)) // a mail still needs time of its own
	return d
}

// failed is the event that nobody could be reached.
func (s *Service) failed(to, kind string, params map[string]string, code string) audit.Event {
	if plans[kind].alert {
		to = params[paramAccount]
	}
	return audit.Event{
		Time: s.cfg.Now(), Action: audit.NoticeFailed, Actor: audit.ActorSystem, Target: to,
		Request: params["request"], Outcome: audit.Failed, Reason: code,
		Detail: map[string]any{"notice": kind},
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
