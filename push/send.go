package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/SherClockHolmes/webpush-go"
)

// A verdict is how a try to deliver ended.
type verdict struct {
	code  string // "" when it was taken
	again bool   // worth another try
	gone  bool   // the subscription is no more
	alarm bool   // somebody has to repair something
	slow  bool   // not before a quarter of an hour
	wait  time.Duration
	made  time.Time // what was sent knew of all that was committed before
	err   error     // for the log; holds no endpoint and no address
}

// push sends one message to one device.
func (s *Service) push(ctx context.Context, to Subscription, m message) verdict {
	endpoint, err := s.guard.check(to.Endpoint)
	if err != nil {
		return verdict{code: codeEndpoint, alarm: true, err: err}
	}
	key, err := s.key(ctx, to.Key)
	if errors.Is(err, errNoKey) {
		return verdict{code: codeRefused, alarm: true, err: err}
	} else if err != nil {
		return verdict{code: codeUnreachable, again: true, err: err}
	}
	authorization, err := s.vapid.authorization(key, "https://"+endpoint.Hostname())
	if err != nil {
		return verdict{code: codeRefused, alarm: true, err: err}
	}
	host := endpoint.Hostname()
	if !s.broken.pass(host) {
		return verdict{code: codeUnreachable, again: true, err: errBroken}
	}
	answer, err := s.post(ctx, to, m, authorization)
	s.broken.done(host, err == nil)
	if err != nil {
		return verdict{code: codeUnreachable, again: true, err: withoutURL(err)}
	}
	drain(answer.Body)
	return s.judge(answer)
}

// post encrypts (RFC 8291) and sends.
func (s *Service) post(ctx context.Context, to Subscription, m message, authorization string) (*http.Response, error) {
	return webpush.SendNotificationWithContext(ctx,
		slices.Clip(m.payload), // the library writes its padding behind it
		&webpush.Subscription{
			Endpoint: to.Endpoint,
			Keys:     webpush.Keys{P256dh: b64.EncodeToString(to.P256dh), Auth: b64.EncodeToString(to.Auth)},
		},
		&webpush.Options{
			HTTPClient: s.client, Authorization: authorization,
			RecordSize: recordSize(len(m.payload)),
			TTL:        int(m.ttl / time.Second), Urgency: m.urgency, Topic: m.topic,
		})
}

// recordSize rounds up to a step, so that the size tells little of the text:
// header 86, delimiter 1, tag 16 bytes (RFC 8188 2).
func recordSize(payload int) uint32 {
	const overhead, step = 86 + 1 + 16, 512
	return uint32(min((payload+overhead+step-1)/step*step, int(webpush.MaxRecordSize)))
}

// drain reads a little, so that the connection can be used again, and no more:
// an answer may be without end.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxAnswerBody)
	_ = body.Close()
}

// judge reads a push service's answer (RFC 8030 5, RFC 8292 4.2).
func (s *Service) judge(answer *http.Response) verdict {
	status := answer.StatusCode
	if status >= 200 && status < 300 {
		return verdict{}
	}
	err := fmt.Errorf("push service answers %d", status)
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return verdict{code: codeGone, gone: true, err: err}
	case status == http.StatusForbidden:
		return verdict{code: codeRefused, alarm: true, again: true, slow: true, err: err}
	case status == http.StatusRequestEntityTooLarge:
		return verdict{code: codeTooLarge, alarm: true, err: err}
	case status == http.StatusTooManyRequests:
		return verdict{code: codeBusy, again: true, wait: s.retryAfter(answer), err: err}
	case status >= 500:
		return verdict{code: codeUnreachable, again: true, wait: s.retryAfter(answer), err: err}
	case status >= 300 && status < 400:
		return verdict{code: codeRefused, alarm: true, err: errRedirect}
	}
	return verdict{code: codeRefused, alarm: true, err: err}
}

func (s *Service) retryAfter(answer *http.Response) time.Duration {
	return retryAfter(answer.Header.Get("Retry-After"), s.cfg.Now())
}

// withoutURL takes the endpoint out of an error of the client.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
