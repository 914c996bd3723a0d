package push

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/SherClockHolmes/webpush-go"
)

const (
	maxPayload = 3 << 10
	maxTTL     = 28 * 24 * time.Hour
	testTTL    = time.Minute
)

// A message is one push on its way.
type message struct {
	payload []byte
	ttl     time.Duration
	urgency webpush.Urgency
	topic   string
}

// The payload is a declarative message: a browser that knows those shows it as it
// is, another hands it to the service worker (Push API, "declarative push
// message").
type payload struct {
	WebPush      int          `json:"web_push"`
	Mutable      bool         `json:"mutable"`
	Badge        *int         `json:"app_badge,omitempty"`
	Notification notification `json:"notification"`
}

type notification struct {
	Title    string `json:"title"`
	Body     string `json:"body"`
	Navigate string `json:"navigate"`
	Tag      string `json:"tag"`
	Lang     string `json:"lang"`
	Data     data   `json:"data"`
}

type data struct {
	Kind    string   `json:"kind"`
	Request string   `json:"request,omitempty"`
	Actions []action `json:"actions,omitempty"`
}

type action struct {
	Action string `json:"action"`
	Title  string `json:"title"`
}

// message writes what one device is sent.
func (s *Service) message(ctx context.Context, d Delivery, who Person) (message, error) {
	return s.compose(d, who, s.badge(ctx, d.To))
}

func (s *Service) compose(d Delivery, who Person, badge *int) (message, error) {
	p := plans[d.Kind]
	lang := language(who.Language)
	text, fill := s.template(lang, d)
	out := payload{WebPush: 8030, Mutable: true, Badge: badge, Notification: notification{
		Title: fill(text.Title), Body: fill(text.Body), Lang: lang,
		Navigate: s.cfg.PublicURL + p.path(d.Params), Tag: p.tag(d.Params),
		Data: data{Kind: d.Kind, Request: d.Params["request"]},
	}}
	if p.review {
		out.Notification.Data.Actions = actions[lang]
	}
	if token := s.freezeToken(d); token != "" {
		out.Notification.Navigate += freezeFragment + token
		out.Notification.Data.Actions = []action{{"freeze", freezeTexts(d.Kind, lang).Title}}
	}
	bytes, err := json.Marshal(out)
	if err != nil {
		return message{}, fmt.Errorf("write message: %w", err)
	}
	if len(bytes) > maxPayload {
		return message{}, fmt.Errorf("message of %d bytes is too long", len(bytes))
	}
	m := message{payload: bytes, urgency: webpush.UrgencyNormal, topic: topic(d, p)}
	m.ttl = min(max(d.Until.Sub(s.cfg.Now()), 0), maxTTL)
	if p.urgent {
		m.urgency = webpush.UrgencyHigh
	}
	return m, nil
}

// badge is left away where it can't be counted.
func (s *Service) badge(ctx context.Context, account string) *int {
	n, err := s.cfg.Counter.Waiting(ctx, account)
	if err != nil {
		s.log.Warn("badge not counted", "account", account, "error", err)
		return nil
	}
	return &n
}

// topic lets a push service replace what it still holds (RFC 8030 5.4): 32
// characters of base64url. A hash, since the service sees it.
func topic(d Delivery, p plan) string {
	sum := sha256.Sum256([]byte("latchkey/topic/v1\x00" + d.To + "\x00" + p.tag(d.Params)))
	return b64.EncodeToString(sum[:24])
}
