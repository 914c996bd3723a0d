package faults

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/stand/autopush"
	"github.com/latchkey/latchkey/e2e/stand/smtpd"
	"github.com/latchkey/latchkey/e2e/world"
)

// answer is what a push service does with one message.
type answer struct {
	name  string
	fault autopush.Fault
	gone  bool
}

// Whatever a push service answers, the person is told which it was, only "gone"
// ends the device, and the next message is tried anew.
func TestEachAnswerOfAPushServiceHasItsConsequence(t *testing.T) {
	t.Parallel()
	answers := []answer{
		{"400", autopush.Fault{Status: 400}, false}, {"401", autopush.Fault{Status: 401}, false}, {"403", autopush.Fault{Status: 403}, false},
		{"404", autopush.Fault{Status: 404}, true}, {"410", autopush.Fault{Status: 410}, true}, {"413", autopush.Fault{Status: 413}, false},
		{"429", autopush.Fault{Status: 429, RetryAfter: "3600"}, false}, {"500", autopush.Fault{Status: 500}, false}, {"502", autopush.Fault{Status: 502}, false},
		{"redirect", autopush.Fault{Status: 307, Location: "http://169.254.169.254/latest/meta-data"}, false},
		{"endless", autopush.Fault{Status: 500, Endless: true}, false},
	}
	w := open(t, world.Options{People: len(answers), Stand: true})
	for i, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			p := w.People[i]
			left := tested(t, w, p, c)
			if !c.gone {
				world.Must(t, p.Phone.TestDevice(t.Context(), left[0].ID))
			}
		})
	}
}

// A push service that does not answer at all is left alone for a moment.
func TestAPushServiceThatIsSilentEndsNoDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []answer{{"reset", autopush.Fault{Reset: true}, false}, {"hang", autopush.Fault{Hang: true}, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, world.Options{People: 1, Stand: true})
			p := w.People[0]
			left := tested(t, w, p, c)
			began := time.Now()
			refused(t, p.Phone.TestDevice(t.Context(), left[0].ID), 502, "device.unreachable")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("asked again at once, for %s", took)
			}
		})
	}
}

// tested sends one message that is answered so, and returns the devices that are left.
func tested(t *testing.T, w *world.World, p *world.Person, c answer) []phone.Device {
	t.Helper()
	_, devices, err := p.Phone.Devices(t.Context())
	world.Must(t, err)
	c.fault.Times = 1
	w.Stand.Push.Fail(c.fault)
	sent := len(w.Stand.Push.Messages.All())
	err = p.Phone.TestDevice(t.Context(), devices[0].ID)
	if c.gone {
		refused(t, err, 410, "device.gone")
	} else {
		refused(t, err, 502, "device.unreachable")
	}
	if n := len(w.Stand.Push.Messages.All()) - sent; n != 1 {
		t.Errorf("%d messages were tried", n)
	}
	_, left, err := p.Phone.Devices(t.Context())
	world.Must(t, err)
	if gone := len(left) == 0; gone != c.gone {
		t.Fatalf("%d devices are left", len(left))
	}
	return left
}

// An address that is no push service's is refused before anything is sent there,
// and so is somebody else's.
func TestADeviceSomewhereElseIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 2, Stand: true})
	p, other := w.People[0], w.People[1]
	good := p.Device
	for _, endpoint := range []string{
		"", "x", "http://" + autopush.Host + "/wpush/v2/a", "https://127.0.0.1/a", "https://[::1]/a", "https://[::ffff:127.0.0.1]/a", "https://0x7f000001/a",
		"https://0177.0.0.1/a", "https://169.254.169.254/latest", "https://localhost/a", "https://" + autopush.Host + ".evil.example/a",
		"https://evil.example/" + autopush.Host, "https://" + autopush.Host + "@evil.example/a", "https://evil.example#" + autopush.Host,
		"https://" + autopush.Host + ":8443/a", "file:///etc/passwd", "https://10.0.0.1/fcm.googleapis.com",
	} {
		_, err := p.Phone.Clone().Subscribe(t.Context(), endpoint, good.P256dh, good.Auth)
		var problem *phone.Problem
		if errors.As(err, &problem) && problem.Status == 429 {
			break // the limit of a person's own: the rest is held to the same rule in its package
		}
		refused(t, err, 422, "device.endpoint")
	}
	_, err := other.Phone.Subscribe(t.Context(), good.Endpoint, good.P256dh, good.Auth)
	refused(t, err, 409, "device.another")
	if n := len(w.Stand.Push.Messages.All()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// What can't be told hinders nothing that is done, and is told later.
func TestAMailServerThatFailsHindersNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []smtpd.Mode{smtpd.Down, smtpd.Greylists, smtpd.BadCertificate} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := open(t, world.Options{People: 1, Stand: true})
			p := w.People[0]
			w.Stand.Mail.Be(mode)
			reset(t, w, p, "Quite-Another-77-Value")
			soon(t, 30*time.Second, "the push", func() bool {
				for _, m := range w.Stand.Push.Messages.All() {
					if m.Received == 100 && strings.Contains(m.Text, "account.changed") {
						return true
					}
				}
				return false
			})
			if mode != smtpd.Greylists {
				w.Stand.Mail.Be(smtpd.Well)
			}
			soon(t, 4*time.Minute, "the mail", func() bool { return len(w.Stand.Mail.Mails.All()) > 0 })
			m := w.Stand.Mail.Mails.All()[0]
			if !m.TLS || len(m.To) != 1 || m.To[0] != p.Account+"@corp.example.test" || strings.Contains(m.Raw, "Quite-Another") {
				t.Errorf("%+v", m)
			}
		})
	}
}
