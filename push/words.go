package push

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// words are what one kind says in one language. In them {org}, {support}, {link},
// {days}, {date} and {who} are replaced, and in an alert {name}, {account} and {way}.
type words struct{ Title, Body, Subject, Text string }

// catalogues hold the words of each kind, or of a kind and one of its variants
// ("account.changed/unlock").
var catalogues = map[string]map[string]words{"en": english, "de": german}

// actions are what a reviewer's notification offers. Both open the page, and the
// second one with Deny opened there: nothing is decided in a notification.
var actions = map[string][]action{
	"en": {{"open", "Open"}, {"deny", "Deny"}},
	"de": {{"open", "Öffnen"}, {"deny", "Ablehnen"}},
}

const maxSupport = 120 // runes, so that every message fits

// language is German for every kind of German, and English for all others.
func language(tag string) string {
	primary, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	if strings.EqualFold(primary, "de") {
		return "de"
	}
	return "en"
}

// texts are the words of a delivery.
func (s *Service) texts(lang string, d Delivery) words {
	w, fill := s.template(lang, d)
	return words{Title: fill(w.Title), Body: fill(w.Body), Subject: fill(w.Subject), Text: fill(w.Text)}
}

// template are the words of a delivery before they are filled in: a push needs the
// shorter half of them.
func (s *Service) template(lang string, d Delivery) (w words, fill func(string) string) {
	w, ok := catalogues[lang][d.Kind+"/"+variant(d)]
	if !ok {
		w = catalogues[lang][d.Kind]
	}
	return w, func(text string) string {
		return filled(text, func(name string) string {
			switch name {
			case "org":
				return shortened(s.cfg.Organisation, maxSupport)
			case "support":
				return shortened(s.cfg.Support.text(), maxSupport)
			case "link":
				return s.cfg.PublicURL + plans[d.Kind].path(d.Params)
			case "days":
				return strconv.Itoa(days(d))
			case "date":
				return date(lang, d)
			case "who":
				return shortened(d.Params["who"], maxSupport)
			}
			return "{" + name + "}" // what an alert fills in itself
		})
	}
}

// filled puts values in the place of names in braces. What they hold is not looked at
// again. A strings.Replacer would be built anew for each message, which costs more than
// all it says.
func filled(text string, value func(name string) string) string {
	var out strings.Builder
	for {
		before, rest, more := strings.Cut(text, "{")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !more || !closed {
			if more {
				out.WriteString("{" + rest)
			}
			return out.String()
		}
		out.WriteString(value(name))
		text = after
	}
}

// variant is what a kind is about, where the words tell it apart.
func variant(d Delivery) string {
	switch d.Kind {
	case kindChanged, kindApproved, kindProofs:
		return d.Params["kind"]
	case kindVouch:
		return d.Params["beside"]
	case kindFrozen:
		if w := d.Params["way"]; w == "account" || w == "notice" {
			return "own"
		}
	case kindDenied:
		for _, why := range []string{"reported", "numbers"} {
			if d.Params[why] == "true" {
				return why
			}
		}
	case kindThaw, kindProved, kindLift:
		if d.Params["by"] == "recovery" {
			return "recovery"
		}
	case kindExpiring:
		if days(d) <= 1 {
			return "one"
		}
	}
	return ""
}

func days(d Delivery) int {
	n, err := strconv.Atoi(d.Params["days"])
	if err != nil {
		return 0
	}
	return n
}

// date is the day on which a password ends, in UTC: the page has the exact time.
func date(lang string, d Delivery) string {
	ms, err := strconv.ParseInt(d.Params["expires"], 10, 64)
	if err != nil {
		return ""
	}
	at := time.UnixMilli(ms).UTC()
	if lang == "de" {
		return at.Format("02.01.2006")
	}
	return at.Format("2 January 2006")
}

// text names whom to ask.
func (s Support) text() string {
	way := s.Phone
	if way == "" {
		way = s.Mail
	}
	if s.Name == "" || way == "" {
		return s.Name + way
	}
	if utf8.RuneCountInString(s.Name) > maxSupport/2 {
		return way
	}
	return s.Name + " (" + way + ")"
}
