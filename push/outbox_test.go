package push

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push/pushtest"
)

func TestReviewerHearsThatSomethingWaitsAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.notice(anna, kindReview)
	w.work()
	m := w.wantMessages(1)[0]
	badge := 3
	want := payload{WebPush: 8030, Mutable: true, Badge: &badge, Notification: notification{
		Title: "Ein Antrag wartet auf Sie", Body: "Öffnen Sie Latchkey, um zu sehen, wer worum bittet.", Lang: "de",
		Navigate: "https://latchkey.example.test/review/r1", Tag: "review-r1",
		Data: data{Kind: "review.asked", Request: "r1", Actions: []action{{"open", "Öffnen"}, {"deny", "Ablehnen"}}},
	}}
	if d := cmp.Diff(want, payloadOf(t, m)); d != "" {
		t.Error(d)
	}
	if m.TTL != 15*60 || m.Urgency != "high" || len(m.Topic) != 32 || m.Size > 1024 {
		t.Errorf("TTL %d, urgency %q, topic %q, %d bytes", m.TTL, m.Urgency, m.Topic, m.Size)
	}
	if m.Claims.Subject != "mailto:it@corp.example.test" || m.Claims.Audience != "https://"+fcm {
		t.Errorf("claims %+v", m.Claims)
	}
	if devices, _ := w.Devices(t.Context(), anna); devices[0].Reached.IsZero() {
		t.Error("the device does not count as reached")
	}
}

func TestEveryDeviceIsTold(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.device(bert)
	}
	w.device(anna)
	w.notice(bert, kindChanged, "kind", "unlock")
	w.work()
	for _, m := range w.wantMessages(3) {
		p := payloadOf(t, m)
		if p.Notification.Title != "Your account was unlocked" || !strings.Contains(p.Notification.Body, "call Helpdesk (4711)") {
			t.Errorf("%+v", p.Notification)
		}
		if p.Notification.Navigate != "https://latchkey.example.test/account" || m.Urgency != "normal" || m.TTL != 24*3600 {
			t.Errorf("%s, %s, %d", p.Notification.Navigate, m.Urgency, m.TTL)
		}
	}
}

// What each answer of a push service leads to: at once, and after ten minutes in
// which it stays the same.
func TestEachAnswerOfAPushServiceHasItsOwnEnd(t *testing.T) {
	for _, c := range []struct {
		status  int
		headers []string
		code    string        // on the device
		due     time.Duration // at least, until the next try; 0 for none
		gone    bool
		alarm   bool
	}{
		{status: 200}, {status: 201}, {status: 202},
		{status: 400, code: codeRefused, alarm: true},
		{status: 401, code: codeRefused, alarm: true},
		{status: 403, code: codeRefused, alarm: true, due: 15 * time.Minute},
		{status: 404, gone: true}, {status: 410, gone: true},
		{status: 413, code: codeTooLarge, alarm: true},
		{status: 429, code: codeBusy, due: time.Millisecond},
		{status: 429, headers: []string{"Retry-After", "120"}, code: codeBusy, due: 2 * time.Minute},
		{status: 429, headers: []string{"Retry-After", "Tue, 24 Nov 2026 09:03:00 GMT"}, code: codeBusy, due: 3 * time.Minute},
		{status: 500, code: codeUnreachable, due: time.Millisecond},
		{status: 502, code: codeUnreachable, due: time.Millisecond},
		{status: 503, headers: []string{"Retry-After", "60"}, code: codeUnreachable, due: time.Minute},
		{status: 302, headers: []string{"Location", "http://169.254.169.254/"}, code: codeRefused, alarm: true},
		{status: 307, headers: []string{"Location", "http://127.0.0.1:1/"}, code: codeRefused, alarm: true},
	} {
		t.Run(http.StatusText(c.status)+strings.Join(c.headers, ""), func(t *testing.T) {
			w := newWorld(t)
			_, sub := w.device(bert)
			w.services.AnswerStatus(c.status, c.headers...)
			w.notice(bert, kindApproved)
			w.work()
			devices, _ := w.Devices(t.Context(), bert)
			if c.gone != (len(devices) == 0) {
				t.Fatalf("%d devices", len(devices))
			}
			if c.gone {
				w.wantEvents(audit.DeviceRemoved, codeGone)
			} else if devices[0].Failed != c.code {
				t.Errorf("code %q, want %q", devices[0].Failed, c.code)
			}
			if alarmed := strings.Contains(w.log.String(), `level=ERROR msg="push refused"`); alarmed != c.alarm {
				t.Errorf("alarm %v: %s", alarmed, w.log)
			}
			if strings.Contains(w.log.String(), "/send/") {
				t.Errorf("the endpoint is in the log: %s", w.log)
			}
			var due time.Duration
			for _, d := range w.store.waiting() {
				if d.Subscription == sub.ID {
					due = d.Due.Sub(w.clock.Now())
				}
			}
			if c.due == 0 && due != 0 || c.due > 0 && (due < c.due || due > c.due+6*time.Minute) {
				t.Errorf("next try in %v, want %v", due, c.due)
			}
		})
	}
}

func TestAFailingPushServiceIsTriedAgainUntilItTakes(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	tries := 0
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		tries++
		rw.WriteHeader(500)
	})
	w.notice(bert, kindApproved)
	w.work()
	w.later(10 * time.Minute)
	if tries < 4 || tries > 40 {
		t.Errorf("%d tries in ten minutes", tries)
	}
	w.services.Answer(nil)
	w.later(6 * time.Minute)
	w.wantMessages(1)
	w.wantEvents(audit.NoticeFailed)
}

func TestNothingIsSentWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.services.AnswerStatus(503)
	w.notice(anna, kindReview)
	w.work()
	w.later(15 * time.Minute)
	w.services.Answer(nil)
	w.later(time.Hour)
	w.wantMessages(0)
	w.wantEvents(audit.NoticeFailed, codeLate)
	if left := w.store.waiting(); len(left) > 0 {
		t.Errorf("still waiting: %+v", left)
	}
}

func TestAMessageThatWaitedTooLongIsNotSent(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.notice(anna, kindReview)
	if _, err := w.fanOut(t.Context()); err != nil { // then the server is down for an hour
		t.Fatal(err)
	}
	w.clock.forward(time.Hour)
	w.notice(anna, kindReview, "request", "r2")
	w.store.notices[w.store.next].row.Until = w.clock.Now()
	w.work()
	w.wantMessages(0)
	w.wantEvents(audit.NoticeFailed, codeLate, codeLate)
}

func TestNobodyWaitsPastTheEnd(t *testing.T) {
	w := newWorld(t)
	_, sub := w.device(anna)
	w.services.AnswerStatus(429, "Retry-After", "3600")
	w.notice(anna, kindReview)
	w.work()
	for _, d := range w.store.waiting() {
		if d.Subscription == sub.ID || d.Due.After(d.Until) {
			t.Errorf("%s waits until %v, its end is %v", d.Channel, d.Due, d.Until)
		}
	}
}

func TestNobodyReachableIsAnEvent(t *testing.T) {
	w := newWorld(t)
	w.notice(bert, kindApproved)
	w.notice(bert, "no.such-kind")
	w.work()
	w.wantEvents(audit.NoticeFailed, codeNoWay)
	w.device(bert)
	w.services.AnswerStatus(410)
	w.notice(bert, kindApproved)
	w.work()
	w.later(2 * time.Minute)
	w.wantEvents(audit.NoticeFailed, codeNoWay, codeNoWay)
	for _, e := range w.store.events {
		if len(e.Personal) > 0 && e.Action == audit.NoticeFailed {
			t.Errorf("personal text: %+v", e)
		}
	}
}

func TestOneDeviceThatWorksIsEnough(t *testing.T) {
	w := newWorld(t)
	good, _ := w.device(bert)
	bad, _ := w.device(bert)
	w.services.Answer(func(rw http.ResponseWriter, r *http.Request) {
		if "https://"+r.Host+r.URL.Path == bad.Endpoint {
			rw.WriteHeader(410)
			return
		}
		rw.WriteHeader(201)
	})
	w.notice(bert, kindApproved)
	w.work()
	w.later(5 * time.Minute)
	w.wantEvents(audit.NoticeFailed)
	devices, _ := w.Devices(t.Context(), bert)
	if len(devices) != 1 || devices[0].Endpoint != good.Endpoint {
		t.Errorf("%d devices", len(devices))
	}
}

func TestACrashAfterSendingSendsAgainUnderTheSameTopicAndTag(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.store.losing = true
	w.notice(anna, kindReview)
	w.work()
	w.wantMessages(1)
	w.store.losing = false
	w.clock.forward(lease + time.Second)
	w.work()
	got := w.wantMessages(2)
	if got[0].Topic != got[1].Topic || payloadOf(t, got[0]).Notification.Tag != payloadOf(t, got[1]).Notification.Tag {
		t.Error("topic or tag differ")
	}
}

func TestTopicsDifferByRequestPersonAndClass(t *testing.T) {
	seen := map[string]string{}
	for name, d := range map[string]Delivery{
		"one":     {To: anna, Kind: kindReview, Params: map[string]string{"request": "r1"}},
		"request": {To: anna, Kind: kindReview, Params: map[string]string{"request": "r2"}},
		"person":  {To: bert, Kind: kindReview, Params: map[string]string{"request": "r1"}},
		"class":   {To: anna, Kind: kindChanged, Params: map[string]string{"request": "r1"}},
	} {
		topic := topic(d, plans[d.Kind])
		if other := seen[topic]; other != "" {
			t.Errorf("%s and %s have one topic", name, other)
		}
		seen[topic] = name
	}
	reminder := Delivery{To: anna, Kind: kindReminder, Params: map[string]string{"request": "r1"}}
	if seen[topic(reminder, plans[kindReminder])] != "one" {
		t.Error("a reminder does not replace what it reminds of")
	}
}

func TestSomebodyDisabledOrUnknownHearsNothing(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.device("00000000-0000-4000-8000-000000000000")
	w.people.all[anna] = Person{Disabled: true}
	w.notice(anna, kindReview)
	w.notice("00000000-0000-4000-8000-000000000000", kindChanged)
	w.work()
	w.wantMessages(0)
}

func TestWithoutADirectoryTheMessageStillGoes(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.people.err = context.DeadlineExceeded
	w.notice(anna, kindReview)
	w.work()
	if p := payloadOf(t, w.wantMessages(1)[0]); p.Notification.Lang != "en" {
		t.Errorf("language %q", p.Notification.Lang)
	}
}

type away struct{}

func (away) Waiting(context.Context, string) (int, error) { return 0, errStore }
func (away) Take(context.Context, string, int, time.Duration, time.Time) (time.Duration, error) {
	return 0, errStore
}

func (away) TakeAll(context.Context, []Bucket, time.Time) ([]time.Duration, error) {
	return nil, errStore
}

func TestWithoutACountOrALimitTheMessageStillGoes(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Counter, c.Limits = away{}, away{} })
	w.device(anna)
	w.notice(anna, kindReview)
	w.work()
	if p := payloadOf(t, w.wantMessages(1)[0]); p.Badge != nil {
		t.Errorf("badge %d", *p.Badge)
	}
}

func TestARemovedDeviceIsNotTold(t *testing.T) {
	w := newWorld(t)
	_, sub := w.device(bert)
	w.services.AnswerStatus(500)
	w.notice(bert, kindApproved)
	w.work()
	if err := w.Remove(t.Context(), bert, sub.ID); err != nil {
		t.Fatal(err)
	}
	w.services.Answer(nil)
	w.later(10 * time.Minute)
	w.wantMessages(0)
	w.wantEvents(audit.DeviceRemoved, "")
}

func TestRunIsWokenAndFinishesWhatIsOnItsWay(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Now = nil })
	b := w.services.Browser(t, fcm, w.PublicKey())
	if _, err := w.Subscribe(t.Context(), subscription(bert, b)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	asked, hold := make(chan struct{}), make(chan struct{})
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-hold
		rw.WriteHeader(201)
	})
	w.store.put(Notice{To: bert, Kind: kindApproved, Created: time.Now(), Params: map[string]string{"request": "r1"}})
	w.Kick()
	<-asked
	stop()
	close(hold)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if devices, _ := w.Devices(t.Context(), bert); devices[0].Reached.IsZero() {
		t.Error("what was on its way was not written down")
	}
}

func TestAStoreThatIsAwayStopsNothingForGood(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Now = nil })
	w.services = pushtest.New(t, nil)
	w.cfg.Proxy, w.cfg.RootCAs = w.services.Proxy, w.services.Roots
	if err := w.cfg.reach(); err != nil {
		t.Fatal(err)
	}
	w.client = w.cfg.out.client()
	w.device(bert)
	failing := make(chan struct{})
	w.store.fail, w.store.failing = errStore, failing
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-failing
	w.store.put(Notice{To: bert, Kind: kindApproved, Created: time.Now(), Params: map[string]string{"request": "r1"}})
	unlock := w.store.locked()
	w.store.fail = nil
	unlock()
	w.Kick()
	w.services.Wait(t, 1)
	stop()
	<-ended
}

// slowToWrite says when it is told of a delivery, and holds it back.
type slowToWrite struct {
	*memStore
	told, letGo chan struct{}
}

func (s slowToWrite) Delivered(ctx context.Context, id int64, at time.Time) error {
	s.told <- struct{}{}
	<-s.letGo
	return s.memStore.Delivered(ctx, id, at)
}

func (s slowToWrite) DeliveredTogether(ctx context.Context, at time.Time, ids ...int64) error {
	for range ids {
		s.told <- struct{}{}
	}
	<-s.letGo
	return s.memStore.DeliveredTogether(ctx, at, ids...)
}

// A reminder has left its slot once it was taken; what is about a review keeps it
// until that is written, for the cap counts one after the other.
func TestWhatGoesToManyIsSentWhileItIsWrittenDown(t *testing.T) {
	for _, c := range []struct {
		kind             string
		held, each, sent int
	}{{kindExpiring, 0, 3, 6}, {kindReview, 4, 4, 4}} { // the last quarter is not for many
		t.Run(c.kind, func(t *testing.T) {
			told, letGo := make(chan struct{}, 8), make(chan struct{})
			w := newWorld(t, func(c *Config) {
				c.Workers, c.Store = 4, slowToWrite{c.Store.(*memStore), told, letGo}
			})
			w.device(bert)
			for n := range 8 {
				w.notice(bert, c.kind, "days", "7", "request", fmt.Sprint("r", n))
			}
			if _, err := w.fanOut(t.Context()); err != nil {
				t.Fatal(err)
			}
			slots := make(chan struct{}, w.cfg.Workers)
			var flying sync.WaitGroup
			for seen := 0; seen < c.sent; seen += c.each {
				if _, err := w.sendDue(t.Context(), slots, &flying); err != nil {
					t.Fatal(err)
				}
				for range c.each {
					<-told
				}
				if len(slots) != c.held {
					t.Errorf("%d slots are held while it is written down, want %d", len(slots), c.held)
				}
			}
			close(letGo)
			flying.Wait()
			if n := len(w.services.Messages()); n != c.sent {
				t.Errorf("%d were sent, want %d", n, c.sent)
			}
			if n := len(w.store.waiting()); n != 16-c.sent { // with the look whether each was taken
				t.Errorf("%d wait, want %d", n, 16-c.sent)
			}
		})
	}
}
