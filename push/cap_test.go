package push

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// reviews commits n notices of reviews to Anna, of use for so long.
func (w *world) reviews(from, n int, useful time.Duration) {
	w.t.Helper()
	for i := range n {
		w.notice(anna, kindReview, "request", fmt.Sprint("r", from+i))
		w.store.notices[w.store.next].row.Until = w.clock.Now().Add(useful)
	}
}

// Twenty requests at once, whatever ways lead to their approver: six messages, one
// that speaks for the rest, and nobody waits until it is too late. One worker takes
// them in order, so the counts are exact; of several one may speak for the rest with
// the sixth message already, so theirs are the most there can be.
func TestWhatTheCapHoldsBackIsToldTogether(t *testing.T) {
	for _, c := range []struct {
		name           string
		mail, device   bool
		useful         time.Duration
		pushes, mails  int
		together, lost int
	}{
		{name: "mail", mail: true, useful: 15 * time.Minute, mails: 7, together: 1},
		{name: "device", device: true, useful: 15 * time.Minute, pushes: 7, together: 1},
		{name: "device and mail", device: true, mail: true, useful: 15 * time.Minute, pushes: 7, together: 1},
		// With no time to wait the next way is taken, and what has none is an event.
		{name: "device and mail, a minute", device: true, mail: true, useful: time.Minute, pushes: 6, mails: 6, lost: 8},
		{name: "mail, a minute", mail: true, useful: time.Minute, mails: 6, lost: 14},
		{name: "device, a minute", device: true, useful: time.Minute, pushes: 6, lost: 14},
	} {
		for _, workers := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s, %d", c.name, workers), func(t *testing.T) {
				w, m := mailWorld(t, "127.0.0.1", mailKind{})
				w.cfg.Workers = workers
				if !c.mail {
					w.mail = nil
				}
				if c.device {
					w.device(anna)
				}
				w.reviews(0, 20, c.useful)
				w.work()
				w.later(3 * time.Minute)
				together := w.together(m)
				got := []int{len(w.services.Messages()), len(m.mails()), together, len(w.store.happened(audit.NoticeFailed)), len(w.store.waiting())}
				want := []int{c.pushes, c.mails, c.together, c.lost, 0}
				if workers == 1 && !slices.Equal(got, want) {
					t.Errorf("pushes, mails, together, lost, waiting: %v, want %v", got, want)
				}
				if first := max(got[0], got[1]); first < capBurst {
					t.Errorf("%d messages, and %d may go at once", first, capBurst)
				}
				if got[0] > want[0] || got[1] > want[1] || together < c.together || got[3] > c.lost || got[4] > 0 {
					t.Errorf("pushes, mails, together, lost, waiting: %v, want at most %v", got, want)
				}
			})
		}
	}
}

// together counts the messages that spoke for the rest.
func (w *world) together(s *mailServer) int {
	n := 0
	for _, m := range w.services.Messages() {
		if p := payloadOf(w.t, m).Notification; p.Data.Kind == kindSeveral {
			n++
			if p.Navigate != "https://latchkey.example.test/inbox" || len(p.Data.Actions) > 0 || p.Tag != "review" || m.Urgency != "high" {
				w.t.Errorf("%+v", p)
			}
		}
	}
	for _, mail := range s.mails() {
		if subject, body := decoded(w.t, mail); subject == german[kindSeveral].Subject && strings.Contains(body, "https://latchkey.example.test/inbox\n") {
			n++
		}
	}
	return n
}

// A request each 20 seconds for an hour: never more than 12 messages in ten
// minutes, and nobody hears of one later than two minutes after it was made.
func TestAReviewerIsLeftInPeace(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	var told []time.Time
	var made []time.Time // of what nobody was told yet
	start := w.clock.Now()
	for n := 0; w.clock.Now().Sub(start) < time.Hour; n++ {
		if n%4 == 0 {
			w.reviews(n, 1, 15*time.Minute)
		}
		w.work()
		for range len(w.services.Messages()) - len(told) {
			told = append(told, w.clock.Now())
		}
		made = nil
		for _, d := range w.store.waiting() {
			if d.Channel == ChannelPush {
				made = append(made, d.Created)
			}
		}
		for _, at := range made {
			if wait := w.clock.Now().Sub(at); wait > 2*time.Minute {
				t.Fatalf("a request waits for %v to be told of", wait)
			}
		}
		w.clock.forward(5 * time.Second)
	}
	if len(told) < 30 || len(told) > 45 {
		t.Errorf("%d messages in an hour", len(told))
	}
	for i := range told {
		if i+12 < len(told) && told[i+12].Sub(told[i]) < 10*time.Minute {
			t.Fatalf("13 in %v", told[i+12].Sub(told[i]))
		}
	}
	w.wantEvents(audit.NoticeFailed)
}

// What is not about a review never waits for the cap.
func TestTheCapIsOfReviewsOnly(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.reviews(0, 7, 15*time.Minute)
	w.notice(anna, kindChanged)
	w.work()
	w.wantMessages(7)
}

func TestATokenIsTakenForAMessageAndNotForATry(t *testing.T) {
	w := newWorld(t)
	w.device(anna)
	w.services.AnswerStatus(503)
	w.reviews(1, 1, 15*time.Minute)
	w.work()
	w.later(5 * time.Minute)
	w.services.Answer(nil)
	w.reviews(2, 5, 10*time.Minute)
	w.work()
	if got := len(w.services.Messages()); got < 5 {
		t.Errorf("%d of 5 messages went: the tries of another used their tokens", got)
	}
}

func TestATokenIsNotTakenWhereNoTryIsMade(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Workers = 1 })
	_, sub := w.device(anna)
	tries := 0
	w.services.Answer(func(http.ResponseWriter, *http.Request) {
		tries++
		panic(http.ErrAbortHandler) // the connection breaks
	})
	w.reviews(0, 3, 15*time.Minute)
	w.work()
	taken := w.limits.full["push/review/"+anna+"/"+sub.ID].Sub(w.clock.Now())
	if tries != 1 || taken != capRefill {
		t.Errorf("%d tries took tokens of %v", tries, taken)
	}
}

// Of two notices one is taken and the other refused for good.
func TestANoticeIsNotReachedByTheMessageOfAnother(t *testing.T) {
	for _, mail := range []bool{true, false} {
		w, m := mailWorld(t, "127.0.0.1", mailKind{})
		if !mail {
			w.mail = nil
		}
		w.cfg.Workers = 1
		w.device(anna)
		answers := []int{http.StatusRequestEntityTooLarge, http.StatusCreated}
		w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(answers[0])
			answers = answers[1:]
		})
		w.reviews(1, 2, 15*time.Minute)
		w.work()
		w.later(2 * time.Minute)
		if !mail {
			w.wantEvents(audit.NoticeFailed, codeNoWay)
			continue
		}
		w.wantEvents(audit.NoticeFailed)
		mails := m.mails()
		if len(mails) != 1 {
			t.Fatalf("%d mails; %s", len(mails), w.log)
		}
		if _, body := decoded(t, mails[0]); !strings.Contains(body, "/review/r1\n") {
			t.Errorf("the mail is about another: %s", body)
		}
	}
}

// Forty reminders were there first, and the mail server takes its time.
func TestAnApproverGoesBeforeWhatGoesToMany(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.cfg.Workers = 1
	w.device(anna)
	for n := range 40 {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
		w.people.all[id] = Person{Mail: fmt.Sprintf("p%d@corp.example.test", n)}
		w.notice(id, kindExpiring, "days", "7")
	}
	w.clock.forward(time.Second)
	w.reviews(1, 1, 15*time.Minute)
	before := -1
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		before = len(m.mails())
		rw.WriteHeader(http.StatusCreated)
	})
	w.work()
	if sent := len(m.mails()); before != 0 || sent != 40 {
		t.Errorf("%d of %d mails went before the approver's push", before, sent)
	}
}

func TestTheLastSlotsAreNotForMany(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.notice(bert, kindExpiring, "days", "7")
	if _, err := w.fanOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, w.cfg.Workers)
	for range w.cfg.Workers - 1 {
		slots <- struct{}{}
	}
	if started, err := w.sendDue(t.Context(), slots, nil); started || err != nil {
		t.Errorf("a reminder took the last slot: %v", err)
	}
}
