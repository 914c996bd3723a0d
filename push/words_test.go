package push

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/push/pushtest"
)

func TestEveryKindHasWordsInBothLanguages(t *testing.T) {
	if e, d := slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(german)); !slices.Equal(e, d) {
		t.Fatalf("english %q\ngerman %q", e, d)
	}
	for kind := range plans {
		if _, ok := english[kind]; !ok {
			t.Errorf("%s has no words", kind)
		}
	}
	placeholder := regexp.MustCompile(`\{[a-z]*\}`)
	for lang, catalogue := range catalogues {
		for kind, w := range catalogue {
			base, _, _ := strings.Cut(kind, "/")
			if _, ok := plans[base]; !ok {
				t.Errorf("%s %s: no such kind", lang, kind)
			}
			all := w.Title + w.Body + w.Subject + w.Text
			if w.Title == "" || w.Body == "" || w.Subject == "" || w.Text == "" {
				t.Errorf("%s %s: a text is missing", lang, kind)
			}
			if strings.ContainsAny(all, "!<>%") || regexp.MustCompile(`(?i)\b(please|successfully|bitte|erfolgreich)\b`).MatchString(all) {
				t.Errorf("%s %s: not our tone: %s", lang, kind, all)
			}
			for _, p := range placeholder.FindAllString(all, -1) {
				if !slices.Contains([]string{"{org}", "{support}", "{link}", "{days}", "{date}"}, p) &&
					(kind != kindReplaced || p != "{who}" || strings.Contains(w.Title+w.Body, p)) && // no name on a locked screen
					(!plans[base].alert || !slices.Contains([]string{"{name}", "{account}", "{way}"}, p)) {
					t.Errorf("%s %s: unknown %s", lang, kind, p)
				}
			}
			if !strings.Contains(w.Text, "{link}") || strings.ContainsAny(w.Subject+w.Title, "\r\n") {
				t.Errorf("%s %s: no link, or a title of two lines", lang, kind)
			}
		}
	}
}

func TestOwnersHearWhatHappenedAndWhomToCall(t *testing.T) {
	s := newWorld(t).Service
	for what, title := range map[string]string{
		"passkey": "A new passkey was made for you", "passkey-removed": "A passkey of yours was removed",
		"recovery-code": "New recovery codes were made", "totp": "An authenticator app was set up",
		"removed": "A way to prove that it is you was removed", "recovered": "Somebody signed in without a passkey",
		"code-used":     "A recovery code of yours was used",
		"something new": "The ways into your account were changed",
	} {
		if w := s.texts("en", Delivery{Kind: kindProofs, Params: map[string]string{"kind": what}}); w.Title != title {
			t.Errorf("%s: %+v", what, w)
		}
	}
	if w := s.texts("en", Delivery{Kind: kindReplaced, Params: map[string]string{"who": "Dana\r\nBcc: x"}}); strings.ContainsAny(w.Subject, "\r\n") || !strings.Contains(w.Text, "Dana") {
		t.Errorf("%+v", w)
	}
	for kind, title := range map[string]string{
		"unlock": "Your account was unlocked", "reset": "A new password was set", "change": "Your password was changed",
		"one-time": "A one-time password was made", "something new": "Your account was changed",
	} {
		w := s.texts("en", Delivery{Kind: kindChanged, Params: map[string]string{"kind": kind}})
		if w.Title != title || w.Body != "If this was not you, call Helpdesk (4711)." || !strings.Contains(w.Text, "call Helpdesk (4711)") {
			t.Errorf("%s: %+v", kind, w)
		}
	}
	for why, title := range map[string]string{"": "Your request was denied", "reported": "Your request was stopped", "numbers": "Your request was stopped"} {
		if w := s.texts("en", Delivery{Kind: kindDenied, Params: map[string]string{why: "true"}}); w.Title != title || (why == "numbers") != strings.Contains(w.Body, "three times") {
			t.Errorf("%s: %+v", why, w)
		}
	}
	w := s.texts("de", Delivery{Kind: kindExpiring, Params: map[string]string{"days": "14", "expires": "1796083200000"}})
	if w.Title != "Ihr Passwort läuft in 14 Tagen ab" || !strings.Contains(w.Text, "01.12.2026") {
		t.Errorf("%+v", w)
	}
	if w := s.texts("en", Delivery{Kind: kindExpiring, Params: map[string]string{"days": "1", "expires": "1796083200000"}}); w.Title != "Your password expires within a day" {
		t.Errorf("%+v", w)
	}
}

// Whatever a notice carries, a reviewer's message holds none of it but the id.
func TestReviewersReadNoNameAndNoKind(t *testing.T) {
	s := newWorld(t).Service
	for _, kind := range []string{kindReview, kindReminder} {
		for lang := range catalogues {
			params := map[string]string{"request": "r1", "kind": "reset", "name": "Dana", "reason": "canary"}
			other := map[string]string{"request": "r1", "kind": "unlock"}
			a := s.texts(lang, Delivery{Kind: kind, Params: params})
			if b := s.texts(lang, Delivery{Kind: kind, Params: other}); a != b {
				t.Errorf("%s %s depends on the parameters: %+v, %+v", lang, kind, a, b)
			}
		}
	}
}

// Whoever is said to have no code has given none, and whose proof was given reads that.
func TestAnOwnerReadsWhatWasGivenBesideAWord(t *testing.T) {
	s := newWorld(t).Service
	none := map[string]string{"en": "no passkey and no code", "de": "und ohne Code"}
	for beside, want := range map[string]map[string]string{
		"":              none,
		"proof":         {"en": "a PIN, a code or another proof of yours", "de": "einen anderen Nachweis von Ihnen"},
		"recovery-code": {"en": "a recovery code of yours", "de": "einen Ihrer Wiederherstellungscodes"},
	} {
		for lang, part := range want {
			w := s.texts(lang, Delivery{Kind: kindVouch, Params: map[string]string{"request": "r1", "beside": beside}})
			stop := map[string]string{"en": "somebody else has that proof: choose “This wasn’t me”", "de": "Wählen Sie „Das war ich nicht“"}[lang]
			if !strings.Contains(w.Text, part) || strings.Contains(w.Text, stop) != (beside != "") || !strings.Contains(w.Text, "Helpdesk (4711)") {
				t.Errorf("%s %q: %s", lang, beside, w.Text)
			}
			if beside != "" && strings.Contains(w.Text, none[lang]) {
				t.Errorf("%s %q: %s", lang, beside, w.Text)
			}
		}
	}
}

// The page asks whoever says "it is me again" to call, and whoever lifts waits for that.
func TestWhoeverAsksToBeLetInAgainIsToldToCall(t *testing.T) {
	s := newWorld(t).Service
	for _, by := range []string{"", "recovery"} {
		for lang, part := range map[string]string{"en": "If this was you, call and say what happened.", "de": "Wenn Sie das waren, rufen Sie an, und sagen Sie, was geschehen ist."} {
			w := s.texts(lang, Delivery{Kind: kindProved, Params: map[string]string{"by": by}})
			if !strings.Contains(w.Text, part) {
				t.Errorf("%q, %s: %s", by, lang, w.Text)
			}
		}
	}
}

func TestGermanIsForEveryKindOfGerman(t *testing.T) {
	for tag, want := range map[string]string{"de": "de", "de-AT": "de", "DE_ch": "de", "den": "en", "": "en", "fr": "en", "en-DE": "en", "-de": "en"} {
		if got := language(tag); got != want {
			t.Errorf("%q: %s", tag, got)
		}
	}
}

func TestEveryMessageFits(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Organisation = strings.Repeat("Ö", 5000)
		c.Support = Support{Name: strings.Repeat("H\r\n", 5000), Phone: strings.Repeat("4", 5000)}
		c.PublicURL = "https://" + strings.Repeat("a.", 100) + "test"
	})
	for kind := range plans {
		for _, who := range []Person{{Language: "de"}, {Language: "en"}} {
			d := Delivery{To: anna, Kind: kind, Until: w.clock.Now().Add(90 * 24 * time.Hour), Params: map[string]string{"request": "../../x?y#z\r\n\"", "kind": "reset"}}
			m, err := w.message(t.Context(), d, who)
			if err != nil || len(m.payload) > maxPayload || recordSize(len(m.payload)) > 4096 {
				t.Errorf("%s: %d bytes, %v", kind, len(m.payload), err)
			}
			if m.ttl != maxTTL {
				t.Errorf("%s: TTL %v", kind, m.ttl)
			}
			p := payloadOf(t, pushtest.Message{Payload: m.payload})
			if strings.Contains(p.Notification.Navigate, "../") {
				t.Errorf("%s: leads to %s", kind, p.Notification.Navigate)
			}
		}
	}
}

func TestSupportIsNamed(t *testing.T) {
	for want, s := range map[string]Support{
		"Desk (100)": {Name: "Desk", Phone: "100", Mail: "d@x.test"}, "Desk (d@x.test)": {Name: "Desk", Mail: "d@x.test"}, "100": {Phone: "100"}, "Desk": {Name: "Desk"}, "": {},
	} {
		if got := s.text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFilledPutsValuesInOnce(t *testing.T) {
	value := func(name string) string { return map[string]string{"a": "{b}", "b": "B"}[name] }
	for text, want := range map[string]string{
		"": "", "as it is": "as it is", "{a} and {b}{b}": "{b} and BB", "open {a": "open {a", "shut a}": "shut a}", "{": "{", "{}": "", "x{a}": "x{b}",
	} {
		if got := filled(text, value); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
