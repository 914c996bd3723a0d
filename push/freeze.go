package push

import (
	"context"
	"errors"
	"maps"
	"strings"
)

// Every message about the reader's own account offers "this wasn't me", but for the one
// that says that it is frozen: nothing is left to stop. The secret of that link stands behind the #, is made when the message is sent,
// and is kept nowhere. It opens a page, which asks; nothing happens by its being
// opened, since mail is opened by programs too.

const (
	freezePage = "/freeze#"
	// freezeFragment is behind the page that a push opens by a tap: that page offers
	// "this wasn't me", and its own way there.
	freezeFragment = "#stop="
)

// freezeWords are, as Title, what the way is called, and, as Text, the lines below a
// mail; {stop} is the link.
var freezeWords = map[string]words{
	"en": {Title: "This wasn’t me", Text: "\nThis wasn’t me: {stop}\nThe page has one button: it stops everything for your account in Latchkey, at once. The link is good for 7 days.\n"},
	"de": {Title: "Das war ich nicht", Text: "\nDas war ich nicht: {stop}\nDie Seite hat einen Knopf: Er hält in Latchkey sofort alles für Ihr Konto an. Der Link gilt 7 Tage.\n"},
}

// freezeUnasked stand in their place where nobody did anything yet.
var freezeUnasked = map[string]words{
	"en": {Title: "Stop everything", Text: "\nDoes somebody else use your account? Stop everything: {stop}\nThe page has one button: it stops everything for your account in Latchkey, at once. The link is good for 7 days.\n"},
	"de": {Title: "Alles anhalten", Text: "\nBenutzt jemand anderes Ihr Konto? Alles anhalten: {stop}\nDie Seite hat einen Knopf: Er hält in Latchkey sofort alles für Ihr Konto an. Der Link gilt 7 Tage.\n"},
}

func freezeTexts(kind, lang string) words {
	if kind == kindExpiring {
		return freezeUnasked[lang]
	}
	return freezeWords[lang]
}

// freezeToken is "" where a message offers no such way.
func (s *Service) freezeToken(d Delivery) string {
	if s.cfg.FreezeLink == nil || !plans[d.Kind].own {
		return ""
	}
	return s.cfg.FreezeLink(d.To, d.Kind, d.Notice, d.Created)
}

// freezeLine is what stands below a mail.
func (s *Service) freezeLine(lang string, d Delivery) string {
	token := s.freezeToken(d)
	if token == "" {
		return ""
	}
	return strings.ReplaceAll(freezeTexts(d.Kind, lang).Text, "{stop}", s.cfg.PublicURL+freezePage+token)
}

// freezeSMS is what stands behind a text message.
func (s *Service) freezeSMS(lang string, d Delivery) string {
	token := s.freezeToken(d)
	if token == "" {
		return ""
	}
	return " " + freezeTexts(d.Kind, lang).Title + ": " + s.cfg.PublicURL + freezePage + token
}

// The parameters of an alert: the account's objectGUID, how it was frozen, and where
// this mail goes.
const (
	paramAccount = "account"
	paramWay     = "way"
	paramTo      = "_to"
)

// spreadAlert makes one delivery for each address.
func (s *Service) spreadAlert(n Notice) ([]Delivery, string) {
	if s.mail == nil || len(s.cfg.Alerts) == 0 {
		return nil, codeNoWay
	}
	var out []Delivery
	for _, to := range s.cfg.Alerts {
		d := s.delivery(n, ChannelMail)
		d.Params = maps.Clone(d.Params)
		if d.Params == nil {
			d.Params = map[string]string{}
		}
		d.Params[paramTo] = to
		out = append(out, d)
	}
	return out, ""
}

// sendAlert writes in both languages, since it is not known who reads it. A directory
// that does not answer leaves the name out: an alert waits for nothing.
func (s *Service) sendAlert(ctx context.Context, d Delivery) verdict {
	to, ok := mailAddress(d.Params[paramTo])
	if !ok {
		return verdict{code: codeNoWay}
	}
	var who Person
	var err error
	if d.Params[paramAccount] != "" {
		who, err = s.cfg.Directory.Person(ctx, d.Params[paramAccount])
	}
	if err != nil && !errors.Is(err, ErrNobody) {
		s.log.Warn("name not read", "account", d.Params[paramAccount], "error", err)
	}
	text := s.alertText("en", d, who)
	text.Text += "\n----\n\n" + s.alertText("de", d, who).Text
	return s.mail.send(ctx, to, messageID(d), text, s.cfg.Now())
}

// frozenBy says in words how an account was frozen.
var frozenBy = map[string]map[string]string{
	"en": {
		"account": "its owner, signed in, said “this wasn’t me”",
		"notice":  "somebody said “this wasn’t me” by the link of a message to its owner",
		"report":  "an approver reported a request for it, and froze it with a passkey",
	},
	"de": {
		"account": "Der Mensch dazu hat, angemeldet, „Das war ich nicht“ gewählt",
		"notice":  "Über den Link einer Mitteilung an den Menschen dazu wurde „Das war ich nicht“ gewählt",
		"report":  "Jemand, der freigibt, hat einen Antrag dafür gemeldet und es mit dem Anmeldeschlüssel eingefroren",
	},
}

func (s *Service) alertText(lang string, d Delivery, who Person) words {
	w := s.texts(lang, d)
	name := shortened(who.Name, maxSupport)
	if name == "" {
		name = "?"
	}
	way := frozenBy[lang][d.Params[paramWay]]
	if way == "" {
		way = shortened(d.Params[paramWay], maxSupport)
	}
	fill := strings.NewReplacer("{name}", name, "{account}", shortened(d.Params[paramAccount], maxSupport), "{way}", way)
	w.Text = fill.Replace(w.Text)
	return w
}
