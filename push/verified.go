package push

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// What happens to the ways into an account is told on every channel that its owner has:
// beside the devices and the mailbox of the directory, which the account itself may
// open, also on the mail address and the number that they verified here, or that policy
// takes from the directory for codes. One that was
// replaced or taken away is told of it too: whoever did that may not be its owner.

// ChannelSMS is to a number that was verified here.
const ChannelSMS Channel = "sms"

// Addresses knows what people verified here, and what of the directory stands for it.
type Addresses interface {
	VerifiedAddresses
	// MayBeInDirectory says whether codes go to an address of the directory, where nothing
	// was verified; InDirectory is that address, "" for none.
	MayBeInDirectory(sms bool) bool
	// GoToVerified says whether codes go to what the account verified. Where they do no
	// more, the directory's address stands for it again.
	GoToVerified(ctx context.Context, account string, sms bool) (bool, error)
	InDirectory(ctx context.Context, account string, sms bool) (string, error)
}

// VerifiedAddresses knows what people verified here.
type VerifiedAddresses interface {
	// HasVerified says what the account has, without opening it.
	HasVerified(ctx context.Context, account string) (mail, sms bool, err error)
	// Verified is the mail address or the number itself; "" where there is none, or
	// none any more. It is asked when a message is sent.
	Verified(ctx context.Context, account string, sms bool) (string, error)
}

// The parameters of a notice that name an address its owner had until now. The store
// keeps them sealed, and a message holds none.
const (
	ParamOldMail = "_old-mail"
	ParamOldSMS  = "_old-sms"
)

// paramVerified marks a delivery that goes to an address of its owner's; paramTo is
// where, if it is an old one, and paramDirectory says that the directory knows. paramOnly
// marks the one that the notice has no other way beside.
const (
	paramVerified  = "_verified"
	paramDirectory = "_directory"
	paramOnly      = "_only"
)

// besideVerified is paramDirectory of a delivery that another to what was verified stands
// beside: one address is told once.
const besideVerified = "beside"

const maxSMS = 300 // runes, before the link: two parts

// wide says whether a notice goes to what its reader verified too. A password is one of the
// ways in, so a new one is told there; an unlock changes none.
func (n Notice) wide() bool {
	return plans[n.Kind].wide || n.Kind == kindChanged && n.Params["kind"] != "unlock"
}

// further are the deliveries to what the person verified. A new address is not told of
// itself.
func (s *Service) further(ctx context.Context, n Notice) ([]Delivery, error) {
	if !n.wide() || s.cfg.Addresses == nil || !s.cfg.Now().Before(n.until()) {
		return nil, nil
	}
	hasMail, hasSMS, err := s.cfg.Addresses.HasVerified(ctx, n.To)
	if err != nil {
		return nil, fmt.Errorf("look for verified addresses: %w", err)
	}
	about := variant(Delivery{Kind: n.Kind, Params: n.Params})
	var out []Delivery
	add := func(by Channel, param, to string) {
		if by == ChannelMail && s.mail == nil || by == ChannelSMS && (s.cfg.Gateway == nil || plans[n.Kind].free) {
			return
		}
		d := s.delivery(n, by)
		d.Params = withoutOld(n.Params)
		d.Params[paramVerified] = "true"
		if param != "" {
			d.Params[param] = to
		}
		out = append(out, d)
	}
	for _, c := range []struct {
		by    Channel
		has   bool
		about string
		old   string
	}{{ChannelMail, hasMail, "mail-code", n.Params[ParamOldMail]}, {ChannelSMS, hasSMS, "sms-code", n.Params[ParamOldSMS]}} {
		switch {
		case c.has && about != c.about:
			add(c.by, "", "")
			if s.cfg.Addresses.MayBeInDirectory(c.by == ChannelSMS) { // whether codes go there shows when it is sent
				add(c.by, paramDirectory, besideVerified)
			}
		case s.cfg.Addresses.MayBeInDirectory(c.by == ChannelSMS): // also where its place was just taken
			add(c.by, paramDirectory, "true")
		}
		if c.old != "" {
			add(c.by, paramTo, c.old)
		}
	}
	return out, nil
}

// besideIsIdle says whether codes go to what the account verified, so that the directory's
// address is no way in. Where they don't, and where nobody knows, both are told.
func (s *Service) besideIsIdle(ctx context.Context, d Delivery) bool {
	goes, err := s.cfg.Addresses.GoToVerified(ctx, d.To, d.Channel == ChannelSMS)
	if err != nil {
		s.log.Warn("where codes go is not known", "account", d.To, "error", err)
	}
	return err == nil && goes
}

// Keeping is the parameters of a notice that waits while an address of its reader goes
// away, which old names by ParamOldMail or ParamOldSMS: what happened before is told there
// all the same. It says whether they change.
func (n Notice) Keeping(old map[string]string) (map[string]string, bool) {
	if !n.wide() {
		return n.Params, false
	}
	params, changed := maps.Clone(n.Params), false
	if params == nil {
		params = map[string]string{}
	}
	for _, name := range []string{ParamOldMail, ParamOldSMS} {
		if old[name] != "" && params[name] == "" {
			params[name], changed = old[name], true
		}
	}
	return params, changed
}

// Keeping is as Notice.Keeping for what is on its way to that very address.
func (d Delivery) Keeping(old map[string]string) (map[string]string, bool) {
	to := old[map[Channel]string{ChannelMail: ParamOldMail, ChannelSMS: ParamOldSMS}[d.Channel]]
	if to == "" || d.Params[paramVerified] == "" || d.Params[paramTo] != "" || d.Params[paramDirectory] != "" {
		return d.Params, false
	}
	params := maps.Clone(d.Params)
	params[paramTo] = to
	return params, true
}

func withoutOld(params map[string]string) map[string]string {
	out := maps.Clone(params)
	if out == nil {
		out = map[string]string{}
	}
	delete(out, ParamOldMail)
	delete(out, ParamOldSMS)
	return out
}

// deliverVerified sends to what the person verified, or had verified, or what the directory
// has in place of it. It is beside the other ways: that it fails is no event of its own,
// unless there is no other.
func (s *Service) deliverVerified(ctx context.Context, d Delivery, answered func()) error {
	made := s.cfg.Now()
	settle := func(v verdict) error {
		if d.Params[paramOnly] == "" || v.code == "" {
			return s.settle(ctx, d, v, nil)
		}
		return s.settle(ctx, d, v, nil, s.failed(d.To, d.Kind, d.Params, v.code))
	}
	if !made.Before(d.Until) {
		return settle(verdict{code: codeLate})
	}
	if d.Params[paramDirectory] == besideVerified && s.besideIsIdle(ctx, d) {
		return settle(verdict{})
	}
	to, old := d.Params[paramTo], d.Params[paramTo] != ""
	if !old {
		var err error
		if d.Params[paramDirectory] != "" {
			to, err = s.cfg.Addresses.InDirectory(ctx, d.To, d.Channel == ChannelSMS)
		} else {
			to, err = s.cfg.Addresses.Verified(ctx, d.To, d.Channel == ChannelSMS)
		}
		if err != nil {
			return settle(verdict{code: codeDirectory, again: true, err: fmt.Errorf("read address: %w", err)})
		}
	}
	who, err := s.cfg.Directory.Person(ctx, d.To)
	if to == "" || errors.Is(err, ErrNobody) || err == nil && who.Disabled {
		return settle(verdict{code: codeNobody})
	}
	if err != nil { // only the language is missing
		s.log.Warn("language not read", "account", d.To, "error", err)
	}
	if d.Channel == ChannelMail && strings.EqualFold(to, who.Mail) {
		return settle(verdict{}) // the mailbox of the directory, which is told anyway
	}
	if d.Params[paramDirectory] == besideVerified {
		if other, err := s.cfg.Addresses.Verified(ctx, d.To, d.Channel == ChannelSMS); err == nil && strings.EqualFold(to, other) {
			return settle(verdict{})
		}
	}
	v := s.sendVerified(ctx, d, to, language(who.Language))
	v.made = made
	if v.code != "" {
		answered()
	}
	return settle(v)
}

// sendVerified gives an address that was replaced the link too: where a stranger did that, it
// is the only one that its owner still reads. A freeze by whoever has it by now is undone.
func (s *Service) sendVerified(ctx context.Context, d Delivery, to, lang string) verdict {
	if !s.broken.pass(string(d.Channel)) {
		return verdict{code: codeMailDown, again: true, err: errBroken}
	}
	var v verdict
	if d.Channel == ChannelSMS {
		v = s.sendSMS(ctx, to, s.texts(lang, d), s.freezeSMS(lang, d))
		v.again = v.again && s.cfg.Now().Sub(d.Created) < smsAfter
	} else {
		text := s.texts(lang, d)
		text.Text += s.freezeLine(lang, d)
		v = s.mail.send(ctx, to, messageID(d), text, s.cfg.Now())
	}
	s.broken.done(string(d.Channel), v.code != codeMailDown)
	return v
}

// smsAfter is how long an SMS may come after what it tells. Later it is no news any more,
// and somebody who changed proofs all day would have one sent for each.
const smsAfter = 2 * time.Hour

// inOneAlphabet keeps to what every phone shows and 153 characters of which fit into a
// part (3GPP TS 23.038, 6.2.1): one curly apostrophe would leave room for 67.
var inOneAlphabet = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "„", `"`, "–", "-", "—", "-", "…", "...", "\u00a0", " ")

// sendSMS says it in short, and how to stop it. It is counted as a code to a signed-in person
// is: by number, but apart from their codes, and with those by country. Whoever changes
// proofs again and again sends no more than that.
func (s *Service) sendSMS(ctx context.Context, to string, w words, stop string) verdict {
	switch err := s.mayGo(ctx, Code{SMS: true, To: to, notice: true}); {
	case errors.Is(err, ErrTooOften):
		return verdict{code: codeCapped, again: true, wait: 5 * time.Minute}
	case errors.Is(err, ErrCountry), errors.Is(err, ErrNotSent):
		return verdict{code: codeNoWay}
	case err != nil:
		return verdict{code: codeMailDown, again: true, err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, codeTime)
	defer cancel()
	said := inOneAlphabet.Replace(shortened("Latchkey, "+shortened(s.cfg.Organisation, maxSupport)+": "+w.Title+". "+w.Body, maxSMS) + stop)
	if s.cfg.Gateway.send(ctx, to, said) != nil {
		// What a gateway says may quote the number.
		return verdict{code: codeMailDown, again: true, alarm: true, err: errors.New("the SMS gateway took no message")}
	}
	return verdict{}
}
