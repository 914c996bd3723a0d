package push

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

func TestTheFirstKeyIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	w.wantEvents(audit.PushKeysMade, "")
	var together sync.WaitGroup
	keys := make([]string, 8)
	store := newMemStore()
	for i := range keys {
		together.Go(func() {
			cfg := w.config()
			cfg.Store = store
			s, err := New(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = s.PublicKey()
		})
	}
	together.Wait()
	for _, k := range keys {
		if k == "" || k != keys[0] {
			t.Errorf("keys %q", keys)
		}
	}
	if len(store.keys) != 1 || len(store.happened(audit.PushKeysMade)) != 1 {
		t.Errorf("%d keys, %d events", len(store.keys), len(store.happened(audit.PushKeysMade)))
	}
	if point, err := b64.DecodeString(keys[0]); err != nil || len(point) != 65 || point[0] != 4 {
		t.Errorf("public key %q", keys[0])
	}
}

// The stand-in answers 403 to any other key than the subscription's.
func TestASubscriptionStaysWithItsKey(t *testing.T) {
	w := newWorld(t)
	older := w.PublicKey()
	before, sub := w.device(anna)
	if err := w.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.PublicKey() == older {
		t.Fatal("the newest key is the older one")
	}
	if renewed, err := w.Subscribe(t.Context(), subscription(anna, before)); err != nil || renewed.Key != sub.Key || renewed.ID != sub.ID {
		t.Fatalf("%+v, %v", renewed, err)
	}
	w.device(anna)
	late := w.services.Browser(t, fcm, older) // its page was open since before
	s := subscription(anna, late)
	s.Key = older
	if saved, err := w.Subscribe(t.Context(), s); err != nil || saved.Key != sub.Key {
		t.Fatalf("%+v, %v", saved, err)
	}
	w.notice(anna, kindReview)
	w.work()
	w.wantMessages(3)
}

func TestASubscriptionMadeWithAStrangersKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	old := w.PublicKey()
	if err := w.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	stranger := newWorld(t).PublicKey()
	for key, want := range map[string]error{stranger: ErrKey, "x": ErrKey, old: nil, w.PublicKey(): nil} {
		b := w.services.Browser(t, fcm, key)
		sub := subscription(anna, b)
		sub.Key = key
		saved, err := w.Subscribe(t.Context(), sub)
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if want == nil && w.Test(t.Context(), anna, saved.ID) != nil {
			t.Errorf("nothing arrives under a key of ours: %s", w.log)
		}
	}
	if devices, _ := w.Devices(t.Context(), anna); len(devices) != 2 {
		t.Errorf("%d devices", len(devices))
	}
}

func TestAKeyOfAnotherServerIsFound(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	other, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := w.services.Browser(t, fcm, other.PublicKey())
	if _, err := other.Subscribe(t.Context(), subscription(anna, b)); err != nil {
		t.Fatal(err)
	}
	w.notice(anna, kindReview)
	w.work()
	w.wantMessages(1)
	w.tidy(t.Context(), w.clock.Now())
	if w.PublicKey() != other.PublicKey() {
		t.Error("the newest key was not learnt")
	}
}

func TestATokenIsUsedForHoursAtOneOriginOnly(t *testing.T) {
	w := newWorld(t)
	_, sub := w.device(anna)
	k := w.keys.newest()
	v := w.vapid
	first, err := v.authorization(k, "https://a.push.apple.com")
	if err != nil {
		t.Fatal(err)
	}
	same := func() string {
		h, err := v.authorization(k, "https://a.push.apple.com")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if other, _ := v.authorization(k, "https://b.push.apple.com"); other == first {
		t.Error("one token at two origins")
	}
	w.clock.forward(time.Hour)
	if same() != first {
		t.Error("a new token within the hour")
	}
	w.clock.forward(5 * time.Hour)
	if same() == first {
		t.Error("the same token after six hours")
	}
	for range maxTokens + 10 {
		if _, err := v.authorization(k, "https://"+w.cfg.NewID()+".push.apple.com"); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.tokens) > maxTokens {
		t.Errorf("%d tokens are kept", len(v.tokens))
	}
	// The stand-in checks signature, audience and the day's limit of each.
	for range 3 {
		if err := w.Test(t.Context(), anna, sub.ID); err != nil {
			t.Fatal(err)
		}
	}
	got := w.wantMessages(3)
	if got[0].Authorization != got[1].Authorization || got[1].Authorization != got[2].Authorization {
		t.Error("three messages, more than one token")
	}
	if left := time.Unix(got[0].Claims.Expires, 0).Sub(w.clock.Now()); left < time.Hour || left >= 24*time.Hour {
		t.Errorf("the token has %v left", left)
	}
}

func TestTheSubjectIsAnAddressOrAURL(t *testing.T) {
	for subject, want := range map[string]string{
		"it@corp.example.test": "mailto:it@corp.example.test", "https://corp.example.test/it": "https://corp.example.test/it",
		"": "", "mailto:it@corp.example.test": "", "http://corp.example.test": "", "IT <it@corp.example.test>": "", "it": "", "https://": "",
	} {
		if got, err := subjectClaim(subject); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", subject, got, err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*Config){
		"no store":        func(c *Config) { c.Store = nil },
		"no limits":       func(c *Config) { c.Limits = nil },
		"no public URL":   func(c *Config) { c.PublicURL = "" },
		"no subject":      func(c *Config) { c.Subject = "mailto:x@y.test" },
		"no host name":    func(c *Config) { c.Hosts = []string{"*"} },
		"no such CA file": func(c *Config) { c.CAFile = "testdata/none.pem" },
		"no certificate":  func(c *Config) { c.CAFile = "doc.go" },
		"socks":           func(c *Config) { u := *c.Proxy; u.Scheme = "socks5"; c.Proxy = &u },
		"no mail host":    func(c *Config) { c.Mail = &MailConfig{} },
	} {
		cfg := w.config()
		change(&cfg)
		if _, err := New(t.Context(), cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	cfg := w.config()
	w.store.fail = errStore
	if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), errStore.Error()) {
		t.Errorf("store away: %v", err)
	}
}
