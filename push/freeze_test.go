package push

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push/pushtest"
)

// linked makes readable links, and counts how often one is made.
func linked(c *Config) {
	c.FreezeLink = func(account, kind string, notice int64, made time.Time) string {
		return fmt.Sprintf("%s-%s-%d-%d", account[:4], strings.ReplaceAll(kind, ".", "_"), notice, made.Unix())
	}
}

func mailedTo(t *testing.T, m *mailServer) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range m.mails() {
		_, body := decoded(t, r)
		out[r.to] = body
	}
	return out
}

// What happened to one's own account offers the way to stop it, whichever kind it is
// and on each channel; what is about somebody else's, or asks or tells nothing of it, does not.
func TestEveryNoticeOfOnesOwnAccountOffersToStop(t *testing.T) {
	own := map[string]bool{
		kindApproved: true, kindDenied: true, kindLapsed: true, kindFailed: true, kindUnknown: true, kindSettled: true, kindChanged: true, kindRelocked: true, kindProofs: true, kindReplaced: false, kindVouch: true, kindThawed: true, kindProved: true, kindLift: false,
		kindReview: false, kindReminder: false, kindFrozen: false, kindExpiring: true, kindSeveral: false, kindTest: false, kindAlert: false, kindThaw: false, kindBrake: false, kindWords: false, kindCodes: false,
	}
	for kind := range plans {
		want, known := own[kind]
		if !known {
			t.Errorf("%s: nobody has thought about it", kind)
		}
		w := newWorld(t, linked)
		d := Delivery{ID: 1, Notice: 7, To: anna, Kind: kind, Created: time.Unix(1700000000, 0), Until: w.clock.Now().Add(time.Hour), Params: map[string]string{"request": "r1", "kind": "reset"}}
		for lang, line := range map[string]string{"en": "\nThis wasn’t me: ", "de": "\nDas war ich nicht: "} {
			if kind == kindExpiring { // which nobody did
				line = map[string]string{"en": "\nDoes somebody else use your account? Stop everything: ", "de": "\nBenutzt jemand anderes Ihr Konto? Alles anhalten: "}[lang]
			}
			m, err := w.message(t.Context(), d, Person{Language: lang})
			if err != nil {
				t.Fatal(err)
			}
			token := "0f8f-" + strings.ReplaceAll(kind, ".", "_") + "-7-1700000000"
			n := payloadOf(t, pushtest.Message{Payload: m.payload}).Notification
			if got := strings.HasSuffix(n.Navigate, "#stop="+token); got != want {
				t.Errorf("%s: a push leads to %s", kind, n.Navigate)
			}
			offered := len(n.Data.Actions) == 1 && n.Data.Actions[0].Action == "freeze" && n.Data.Actions[0].Title != "" && strings.HasSuffix(line, n.Data.Actions[0].Title+": ")
			if offered != want {
				t.Errorf("%s: %+v", kind, n.Data.Actions)
			}
			if got := strings.HasPrefix(w.freezeLine(lang, d), line+"https://latchkey.example.test/freeze#"+token+"\n"); got != want {
				t.Errorf("%s: %q", kind, w.freezeLine(lang, d))
			}
		}
	}
}

func TestAMailHoldsTheLinkAndTheStoreDoesNot(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	linked(&w.cfg)
	w.device(bert)
	w.notice(bert, kindChanged, "kind", "reset")
	if _, err := w.fanOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := ""
	for _, d := range w.store.deliveries {
		kept += fmt.Sprintf("%+v\n", *d)
	}
	if !strings.Contains(kept, kindChanged) || strings.Contains(kept, "account_changed") {
		t.Fatalf("kept: %s", kept)
	}
	w.work()
	body := mailedTo(t, m)["bert@corp.example.test"]
	if !strings.Contains(body, "\nThis wasn’t me: https://latchkey.example.test/freeze#7c9e-account_changed-1-") {
		t.Errorf("%s", body)
	}
	if n := payloadOf(t, w.wantMessages(1)[0]).Notification; !strings.HasPrefix(n.Navigate, "https://latchkey.example.test/account#stop=7c9e-") {
		t.Errorf("%+v", n)
	}
	if strings.Contains(w.log.String(), "7c9e-account_changed") {
		t.Errorf("%s", w.log)
	}
}

func TestAnAlertGoesToEachAddressInBothLanguages(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	linked(&w.cfg)
	w.cfg.Alerts = []string{"it-security@corp.example.test", "duty@corp.example.test"}
	w.device(anna) // its owner is told by a notice of their own
	w.notice("", kindAlert, "account", anna, "way", "notice", "request", "")
	w.work()
	w.wantMessages(0)
	mails := mailedTo(t, m)
	if len(mails) != 2 || mails["duty@corp.example.test"] == "" {
		t.Fatalf("%v", mails)
	}
	for _, body := range mails {
		for _, part := range []string{
			"Anna BossBcc: x@evil.test (" + anna + ") was frozen in Latchkey at Corp: somebody said “this wasn’t me” by the link",
			"latchkey unfreeze " + anna, "wurde in Latchkey bei Corp eingefroren", "https://latchkey.example.test/\n",
		} {
			if !strings.Contains(body, part) {
				t.Errorf("%q is not in\n%s", part, body)
			}
		}
		if strings.ContainsAny(body, "{}") || strings.Contains(body, "freeze#") {
			t.Errorf("%s", body)
		}
	}
	w.wantEvents(audit.NoticeFailed)
}

// The directory may be the very thing that is down.
func TestAnAlertGoesWithoutANameWhereTheDirectoryIsDown(t *testing.T) {
	for _, err := range []error{ErrNobody, fmt.Errorf("down")} {
		w, m := mailWorld(t, "127.0.0.1", mailKind{})
		w.cfg.Alerts, w.people.err = []string{"duty@corp.example.test"}, err
		w.notice("", kindAlert, "account", anna, "way", "account")
		w.work()
		if body := mailedTo(t, m)["duty@corp.example.test"]; !strings.Contains(body, "("+anna+") was frozen") {
			t.Errorf("%q", body)
		}
	}
}

func TestAnAlertThatCanGoNowhereStandsInTheLog(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Alerts = []string{"duty@corp.example.test"} }) // no mail server
	w.notice("", kindAlert, "account", anna, "way", "account")
	w.work()
	w.wantEvents(audit.NoticeFailed, codeNoWay)
	for _, e := range w.store.events {
		if e.Action == audit.NoticeFailed && e.Target != anna { // whom it is about, since it is to nobody in the directory
			t.Errorf("%+v", e)
		}
	}

	w2, m := mailWorld(t, "127.0.0.1", mailKind{}) // no address
	w2.notice("", kindAlert, "account", anna, "way", "account")
	w2.work()
	w2.wantEvents(audit.NoticeFailed, codeNoWay)
	if len(m.mails()) != 0 || !strings.Contains(w2.log.String(), "notice reaches nobody") {
		t.Errorf("%s", w2.log)
	}
}

func TestWhoFrozeOneselfReadsOfThat(t *testing.T) {
	s := newWorld(t).Service
	for way, title := range map[string]string{"account": "Your account is stopped here", "notice": "Your account is stopped here", "": "Latchkey is closed for your account"} {
		if w := s.texts("en", Delivery{Kind: kindFrozen, Params: map[string]string{"way": way}}); w.Title != title || !strings.Contains(w.Text, "Call Helpdesk (4711)") {
			t.Errorf("%q: %+v", way, w)
		}
	}
}

func TestWhoLiftsFreezesIsToldThatSomebodyAsks(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.cfg.Alerts = []string{"duty@corp.example.test"}
	w.notice("", kindThaw, "account", anna)
	w.work()
	body := mailedTo(t, m)["duty@corp.example.test"]
	for _, part := range []string{"(" + anna + ") is frozen in Latchkey at Corp, and proved with a passkey", "latchkey unfreeze " + anna, "Ich bin es wieder"} {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in\n%s", part, body)
		}
	}
}

func TestThatCodesAreUsedUpIsToldWithoutAnybodysName(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.cfg.Alerts = []string{"duty@corp.example.test"}
	w.notice("", kindCodes)
	w.work()
	body := mailedTo(t, m)["duty@corp.example.test"]
	for _, part := range []string{"codes by SMS", "in Latchkey at Corp", "proof.codes-used-up", "SMS-Codes"} {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in\n%s", part, body)
		}
	}
}

func TestABrakeIsToldWithoutAnybodysName(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.cfg.Alerts = []string{"duty@corp.example.test"}
	w.notice("", kindBrake)
	w.work()
	body := mailedTo(t, m)["duty@corp.example.test"]
	for _, part := range []string{"one account after the other in Latchkey at Corp", "kein Konto wurde gesperrt"} {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in\n%s", part, body)
		}
	}
	if strings.Contains(w.log.String(), "name not read") {
		t.Errorf("%s", w.log)
	}
}

// Of words nothing is closed but words: nobody is told to close a network for it alone.
func TestThatWordsAreAskedForTooOftenIsToldAsThat(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.cfg.Alerts = []string{"duty@corp.example.test"}
	w.notice("", kindWords)
	w.work()
	body := mailedTo(t, m)["duty@corp.example.test"]
	for _, part := range []string{"vouch", "left in peace", "every other way in work as ever", "request.submitted by anonymous", "Wer zu oft gefragt wurde, hat Ruhe"} {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in\n%s", part, body)
		}
	}
	if strings.Contains(body, "guessed") || strings.Contains(body, "erraten") {
		t.Errorf("it speaks of guesses:\n%s", body)
	}
}
