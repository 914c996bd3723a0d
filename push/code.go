package push

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
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
	// Known: a stranger in a browser that a passkey of the person was used in. What other
	// strangers ask for stands in the way of no such code.
	Known bool
	// From is the network that a stranger asks from.
	From   string
	notice bool // no code: it tells of a change, and costs its reader no code of theirs
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
type TooOften struct {
	Wait time.Duration
	// Country is the one whose share is used up, where whoever runs the server is to
	// hear of it: once in an hour. Else "".
	Country string
}

func (e TooOften) Error() string        { return ErrTooOften.Error() }
func (e TooOften) Is(target error) bool { return target == ErrTooOften }

// The limits of codes, in the store, so that they hold across servers and restarts:
// of one address, so that nobody's phone rings all night, and of one country, whose
// numbers could be somebody's who is paid for each message (toll fraud).
const (
	codesOne       = 4
	codesOneRefill = 5 * time.Minute
	// Strangers have buckets of their own: a few in a day for one address, and half of
	// what a country gets, so that they use up nobody else's. So does a browser that the
	// person is known by.
	codesDay       = 10
	codesDayRefill = 24 * time.Hour / codesDay
	// Of that one network has less than comes back, and of a country's share a part: to
	// use them up takes several.
	codesFrom       = 5
	codesFromRefill = 6 * time.Hour
	shareFrom       = 6
	codeTime        = 10 * time.Second // that a mail server or gateway has
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

// mayGo counts a code before it goes: in all that it counts in, or in nothing.
func (s *Service) mayGo(ctx context.Context, c Code) error {
	from := ofAddress(c)
	country, own := "", len(from)
	if c.SMS {
		if s.cfg.Gateway == nil {
			return fmt.Errorf("send code: %w", ErrNotSent)
		}
		var ok bool
		if country, ok = s.cfg.Gateway.country(c.To); !ok {
			return fmt.Errorf("send code: %w", ErrCountry)
		}
		from = append(from, ofCountry(c, country, s.cfg.Gateway.cfg.Hourly)...)
	}
	now := s.cfg.Now()
	waits, err := s.cfg.Limits.TakeAll(ctx, from, now)
	if err != nil {
		return fmt.Errorf("count codes: %w", err)
	}
	wait := slices.Max(waits)
	if wait == 0 {
		return nil
	}
	often := TooOften{Wait: wait}
	if c.SMS && !c.notice && waits[own] > 0 {
		alerted, err := s.cfg.Limits.Take(ctx, "code-alert:"+from[own].Key, 1, time.Hour, now)
		if err != nil {
			s.log.Error("nobody is told that a country's share is used up", slog.Any("error", err))
		} else if alerted == 0 {
			often.Country = country
		}
	}
	return fmt.Errorf("send code: %w", often)
}

// ofAddress are the buckets of one address.
func ofAddress(c Code) []Bucket {
	key := codeKey(c.To)
	switch {
	case c.notice:
		return []Bucket{{"notice:" + key, codesOne, codesOneRefill}}
	case !c.Stranger:
		return []Bucket{{"own:" + key, codesOne, codesOneRefill}}
	case c.Known:
		return []Bucket{{"known:" + key, codesOne, codesOneRefill}, {"known-day:" + key, codesDay, codesDayRefill}}
	}
	return []Bucket{
		{"stranger:" + key, codesOne, codesOneRefill}, {"code-day:" + key, codesDay, codesDayRefill},
		{"code-from:" + key + " " + networkKey(c.From), codesFrom, codesFromRefill},
	}
}

// ofCountry are the buckets of an SMS by its country, its share first. Notices have half
// of what signed-in people have, so that these keep the other half for codes; one network
// of strangers has a sixth of what strangers have.
func ofCountry(c Code, country string, hourly int) []Bucket {
	who := "own:"
	if c.Stranger && !c.Known {
		who = "stranger:"
	}
	share, most := hourlyShare(hourly, who)
	of := func(key string, n int) Bucket {
		burst, refill := withinAnHour(max(1, n))
		return Bucket{key, burst, refill}
	}
	out := []Bucket{of(share+"code-country:"+country, most)}
	switch {
	case c.notice:
		out = append(out, of("notice-country:"+country, most/2))
	case who == "stranger:":
		out = append(out, of("country-from:"+country+" "+networkKey(c.From), most/shareFrom))
	}
	return out
}

// hourlyShare is what strangers have of a country's codes, or people who are signed in or
// in a browser that they are known by: half each, that those use up nothing of these. One
// alone they share.
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
	return "code-to:" + hidden("latchkey/code-to/v1\x00", strings.ToLower(to))
}

func networkKey(from string) string { return "network:" + hidden("latchkey/code-from/v1\x00", from) }

func hidden(label, text string) string {
	sum := sha256.Sum256([]byte(label + text))
	return hex.EncodeToString(sum[:16])
}
