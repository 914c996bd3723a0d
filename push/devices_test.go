package push

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

func TestASubscriptionIsTheSignedInPersons(t *testing.T) {
	w := newWorld(t)
	b, sub := w.device(anna)
	w.wantEvents(audit.DeviceAdded, "")
	if _, err := w.Subscribe(t.Context(), subscription(bert, b)); !errors.Is(err, ErrAnothers) {
		t.Errorf("somebody else's endpoint: %v", err)
	}
	w.clock.forward(time.Hour)
	renewed, err := w.Subscribe(t.Context(), subscription(anna, b))
	if err != nil || renewed.ID != sub.ID || !renewed.Created.Equal(sub.Created) || !renewed.Renewed.Equal(w.clock.Now()) {
		t.Errorf("%+v, %v", renewed, err)
	}
	w.wantEvents(audit.DeviceAdded, "")
	for name, err := range map[string]error{
		"remove": w.Remove(t.Context(), bert, sub.ID),
		"test":   w.Test(t.Context(), bert, sub.ID),
		"none":   w.Test(t.Context(), bert, "x"),
	} {
		if !errors.Is(err, ErrNoSubscription) {
			t.Errorf("%s somebody else's: %v", name, err)
		}
	}
	w.wantEvents(audit.DeviceRemoved)
	w.wantMessages(0)
}

// A browser that changes its subscription by itself does not know who is signed in.
func TestABrowserReplacesOnlyWhatIsTheSamePersons(t *testing.T) {
	w := newWorld(t)
	old, sub := w.device(anna)
	made := w.services.Browser(t, fcm, w.PublicKey())
	for name, from := range map[string]string{anna: "https://" + fcm + "/send/none", bert: old.Endpoint} {
		if _, err := w.Replace(t.Context(), subscription(name, made), from); !errors.Is(err, ErrNoSubscription) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wantEvents(audit.DeviceAdded, "")
	got, err := w.Replace(t.Context(), subscription(anna, made), old.Endpoint)
	if err != nil || got.ID == sub.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	if devices, _ := w.Devices(t.Context(), anna); len(devices) != 1 || devices[0].Endpoint != made.Endpoint {
		t.Errorf("%+v", devices)
	}
	w.wantEvents(audit.DeviceRemoved, "")
	if again, err := w.Replace(t.Context(), subscription(anna, made), made.Endpoint); err != nil || again.ID != got.ID {
		t.Errorf("the same endpoint: %+v, %v", again, err)
	}
	w.wantEvents(audit.DeviceRemoved, "")
}

func TestKeysOfABrowserAreChecked(t *testing.T) {
	w := newWorld(t)
	b := w.services.Browser(t, fcm, "")
	for name, change := range map[string]func(*Subscription){
		"no account":     func(s *Subscription) { s.Account = "" },
		"no key":         func(s *Subscription) { s.P256dh = nil },
		"short key":      func(s *Subscription) { s.P256dh = s.P256dh[:64] },
		"long key":       func(s *Subscription) { s.P256dh = append(s.P256dh[:65:65], 0) },
		"infinity":       func(s *Subscription) { s.P256dh = []byte{0} },
		"compressed":     func(s *Subscription) { s.P256dh = append([]byte{2}, s.P256dh[1:33]...) },
		"off the curve":  func(s *Subscription) { s.P256dh = append([]byte{4}, make([]byte, 64)...) },
		"no secret":      func(s *Subscription) { s.Auth = nil },
		"short secret":   func(s *Subscription) { s.Auth = s.Auth[:15] },
		"long secret":    func(s *Subscription) { s.Auth = append(s.Auth[:16:16], 0) },
		"hostile target": func(s *Subscription) { s.Endpoint = "https://169.254.169.254/" },
	} {
		s := subscription(anna, b)
		change(&s)
		if _, err := w.Subscribe(t.Context(), s); !errors.Is(err, ErrEndpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wantEvents(audit.DeviceAdded)
}

func TestTheFiftyFirstDeviceIsRefused(t *testing.T) {
	w := newWorld(t)
	first, _ := w.device(anna)
	for range 49 {
		w.device(anna)
	}
	if _, err := w.Subscribe(t.Context(), subscription(anna, w.services.Browser(t, fcm, ""))); !errors.Is(err, ErrTooManyDevices) {
		t.Errorf("the 51st: %v", err)
	}
	if _, err := w.Subscribe(t.Context(), subscription(anna, first)); err != nil {
		t.Errorf("renewing the first of 50: %v", err)
	}
	w.device(bert)
}

func TestNamesOfDevicesAreCut(t *testing.T) {
	w := newWorld(t)
	s := subscription(anna, w.services.Browser(t, fcm, ""))
	s.Device = "Fire\r\nfox\x00" + strings.Repeat("ü", 500)
	saved, err := w.Subscribe(t.Context(), s)
	if err != nil || len([]rune(saved.Device)) != maxDeviceText || !strings.HasPrefix(saved.Device, "Firefoxü") {
		t.Errorf("%q, %v", saved.Device, err)
	}
}

func TestATestMessageGoesAtOnce(t *testing.T) {
	w := newWorld(t)
	_, sub := w.device(anna)
	if err := w.Test(t.Context(), anna, sub.ID); err != nil {
		t.Fatal(err)
	}
	m := w.wantMessages(1)[0]
	p := payloadOf(t, m)
	if p.Notification.Data.Kind != "test" || p.Notification.Title != "Mitteilungen kommen hier an" || m.TTL != 60 ||
		p.Notification.Navigate != "https://latchkey.example.test/devices" {
		t.Errorf("%+v, TTL %d", p, m.TTL)
	}
	if devices, _ := w.Devices(t.Context(), anna); !devices[0].Reached.Equal(w.clock.Now()) {
		t.Error("the device does not count as reached")
	}
	for _, status := range []int{400, 403, 413, 429, 500, 302} {
		w.services.AnswerStatus(status)
		if err := w.Test(t.Context(), anna, sub.ID); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%d: %v", status, err)
		}
	}
	w.services.AnswerStatus(410)
	if err := w.Test(t.Context(), anna, sub.ID); !errors.Is(err, ErrGone) {
		t.Errorf("410: %v", err)
	}
	if devices, _ := w.Devices(t.Context(), anna); len(devices) != 0 {
		t.Error("the device is still there")
	}
	w.wantEvents(audit.DeviceRemoved, codeGone)
	if len(w.store.waiting()) != 0 {
		t.Error("something is in the outbox")
	}
}
