package push

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// Code is one that somebody proves themselves with. It goes out at once, past the
// outbox: it is kept nowhere, and whoever waits for it asks again.
type Code struct {
	SMS      bool   // else a mail
	To       string // a bare mail address, or a number as +4912345 (ITU-T E.164)
	Code     secret.Text
	Language string // BCP 47, or ""
	Stranger bool   // nobody is signed in who asked for it
	notice   bool   // no code: it tells of a change, and costs its reader no code of theirs
}

// What SendCode answers.
var (
	// ErrNotSent: the mail server or the gateway did not take it.
	ErrNotSent = errors.New("code.not-sent")
	// ErrCountry: no codes go to that country.
	ErrCountry = errors.New("code.country")
	// ErrTooOften: too many codes went to that address, or to that country. How long
	// until another goes, TooOften has.
	ErrTooOften = errors.New("code.too-many")
)

// TooOften is ErrTooOften with the wait.
type TooOften struct{ Wait time.Duration }

func (e TooOften) Error() string        { return ErrTooOften.Error() }
func (e TooOften) Is(target error) bool { return target == ErrTooOften }

// The limits of codes, in the store, so that they hold across servers and restarts:
// of one address, so that nobody's phone rings all night, and of one country, whose
// numbers could be somebody's who is paid for each message (toll fraud).
const (
	codesOne       = 4
	codesOneRefill = 5 * time.Minute
	// Strangers have buckets of their own: a few in a day for one address, and half of
	// what a country gets, so that they use up nobody else's.
	codesDay       = 10
	codesDayRefill = 24 * time.Hour / codesDay
	codeTime       = 10 * time.Second // that a mail server or gateway has
)

// SendCode hands a code to the mail server or to the SMS gateway, and returns once it
// was taken. Errors: ErrNotSent, ErrCountry, ErrTooOften, the store's.
func (s *Service) SendCode(ctx context.Context, c Code) error {
	if err := s.mayGo(ctx, c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, codeTime)
	defer cancel()
	lang := language(c.Language)
	w := s.codeWords(lang, c)
	var err error
	switch {
	case c.SMS:
		err = s.cfg.Gateway.send(ctx, c.To, w.Body)
	case s.mail == nil:
		err = errors.New("there is no mail server")
	default:
		to, ok := mailAddress(c.To)
		if !ok {
			return fmt.Errorf("send code: %w", ErrNotSent)
		}
		err = s.mail.send(ctx, to, s.cfg.NewID(), w, s.cfg.Now()).err
	}
	if err != nil {
		// What a gateway says may quote the code: only what kind of failure it was.
		s.log.Error("code not sent", slog.Bool("sms", c.SMS), slog.Any("error", err))
		return fmt.Errorf("send code: %w", ErrNotSent)
	}
	return nil
}

// mayGo counts a code before it goes.
func (s *Service) mayGo(ctx context.Context, c Code) error {
	who := "own:"
	if c.Stranger {
		who = "stranger:"
		if err := s.count(ctx, "code-day:"+codeKey(c.To), codesDay, codesDayRefill); err != nil {
			return err
		}
	}
	if c.notice { // what waits for its country's share uses up nothing of the number's
		if err := s.countCountry(ctx, c.To, who, true); err != nil {
			return err
		}
		return s.count(ctx, "notice:"+codeKey(c.To), codesOne, codesOneRefill)
	}
	if err := s.count(ctx, who+codeKey(c.To), codesOne, codesOneRefill); err != nil || !c.SMS {
		return err
	}
	return s.countCountry(ctx, c.To, who, false)
}

// countCountry counts an SMS by its country. Notices have half of what signed-in people
// have, so that these keep the other half for codes.
func (s *Service) countCountry(ctx context.Context, to, who string, notice bool) error {
	if s.cfg.Gateway == nil {
		return fmt.Errorf("send code: %w", ErrNotSent)
	}
	country, ok := s.cfg.Gateway.country(to)
	if !ok {
		return fmt.Errorf("send code: %w", ErrCountry)
	}
	share, most := hourlyShare(s.cfg.Gateway.cfg.Hourly, who)
	if notice {
		burst, refill := withinAnHour(max(1, most/2))
		if err := s.count(ctx, "notice-country:"+country, burst, refill); err != nil {
			return err
		}
	}
	burst, refill := withinAnHour(most)
	return s.count(ctx, share+"code-country:"+country, burst, refill)
}

// hourlyShare is what strangers, or people who are signed in, have of a country's codes:
// half each, that those use up nothing of these. One alone they share.
func hourlyShare(hourly int, who string) (share string, most int) {
	switch {
	case hourly < 2:
		return "any:", 1
	case who == "own:":
		return who, (hourly + 1) / 2
	}
	return who, hourly / 2
}

// withinAnHour is a bucket that gives out no more than n in any hour: what it holds when
// full, and what it gains meanwhile, come to n.
func withinAnHour(n int) (burst int, refill time.Duration) {
	burst = (n + 1) / 2
	return burst, time.Hour / time.Duration(n-burst+1)
}

func (s *Service) count(ctx context.Context, key string, burst int, refill time.Duration) error {
	wait, err := s.cfg.Limits.Take(ctx, key, burst, refill, s.cfg.Now())
	if err != nil {
		return fmt.Errorf("count codes: %w", err)
	}
	if wait > 0 {
		return fmt.Errorf("send code: %w", TooOften{wait})
	}
	return nil
}

// codes are the words of a mail and of an SMS. They never hold a link: nobody is to get
// used to following one to a code. The last line of an SMS is what browsers read the
// code and its site from (https://wicg.github.io/sms-one-time-codes/).
var codes = map[string]words{
	"en": {
		Subject: "Your code for Latchkey",
		Text: "{code}\n\nThis is your code for Latchkey at {org}. Type it there within ten minutes.\n\n" +
			"Nobody will ever ask you for it: not on the phone, not in a chat. If you did not ask for a code, somebody else did. They can do nothing without it. Call {support}.\n",
		Body: "{code} is your Latchkey code at {org}. Tell it to nobody.\n\n@{host} #{digits}",
	},
	"de": {
		Subject: "Ihr Code für Latchkey",
		Text: "{code}\n\nDas ist Ihr Code für Latchkey bei {org}. Geben Sie ihn dort innerhalb von zehn Minuten ein.\n\n" +
			"Niemand fragt Sie je danach: weder am Telefon noch im Chat. Haben Sie keinen Code angefordert, dann war es jemand anderes, der ohne den Code nichts ausrichten kann. Rufen Sie an: {support}.\n",
		Body: "{code} ist Ihr Latchkey-Code bei {org}. Nennen Sie ihn niemandem.\n\n@{host} #{digits}",
	},
}

func (s *Service) codeWords(lang string, c Code) words {
	w, code := codes[lang], c.Code.Reveal()
	host := ""
	if u, err := url.Parse(s.cfg.PublicURL); err == nil {
		host = u.Hostname()
	}
	fill := strings.NewReplacer(
		"{org}", shortened(s.cfg.Organisation, maxSupport), "{code}", code, "{digits}", strings.ReplaceAll(code, " ", ""),
		"{support}", shortened(s.cfg.Support.text(), maxSupport), "{host}", host,
	)
	return words{Body: fill.Replace(w.Body), Subject: fill.Replace(w.Subject), Text: fill.Replace(w.Text)}
}

// codeKey hides the address: none stands in the store.
func codeKey(to string) string {
	sum := sha256.Sum256([]byte("latchkey/code-to/v1\x00" + strings.ToLower(to)))
	return "code-to:" + hex.EncodeToString(sum[:16])
}
