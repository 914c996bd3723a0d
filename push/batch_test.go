package push

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// reminders commits n of them to Bert and fans them out.
func (w *world) reminders(n int) {
	w.t.Helper()
	for i := range n {
		w.notice(bert, kindExpiring, "days", "7", "request", fmt.Sprint("r", i))
	}
	if _, err := w.fanOut(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// sends starts what there is room for, waits until it has ended, and returns how many
// messages have arrived since the world began.
func (w *world) sends() int {
	w.t.Helper()
	var flying sync.WaitGroup
	release := w.services.Hold() // no slot comes free meanwhile
	_, err := w.sendDue(w.t.Context(), make(chan struct{}, w.cfg.Workers), &flying)
	release()
	flying.Wait()
	if err != nil {
		w.t.Fatal(err)
	}
	return len(w.services.Messages())
}

func (w *world) wantSent(want int) {
	w.t.Helper()
	if n := w.sends(); n != want {
		w.t.Errorf("%d messages arrived, want %d", n, want)
	}
}

func TestTheDirectoryIsAskedOnceForAPersonAndABatch(t *testing.T) {
	for _, c := range []struct {
		kind  string
		asked int
	}{{kindExpiring, 1}, {kindReview, 4}} { // what is about a request asks for itself
		t.Run(c.kind, func(t *testing.T) {
			w := newWorld(t)
			w.device(bert)
			for i := range 4 {
				w.notice(bert, c.kind, "days", "7", "request", fmt.Sprint("r", i))
			}
			w.work()
			w.wantMessages(4)
			if n := w.people.asked[bert]; n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

func TestWhoIsDisabledHearsNothingASecondLater(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.reminders(8)
	w.wantSent(3)
	w.people.set(bert, Person{Disabled: true}, nil)
	w.clock.forward(time.Second)
	w.wantSent(3)
	w.work()
	w.wantMessages(3)
}

func TestADeviceThatIsRemovedIsNotToldASecondLater(t *testing.T) {
	w := newWorld(t)
	_, sub := w.device(bert)
	stays, _ := w.device(bert)
	w.reminders(6)
	w.sends()
	if err := w.Remove(t.Context(), bert, sub.ID); err != nil {
		t.Fatal(err)
	}
	before := len(w.services.Messages())
	w.clock.forward(time.Second)
	w.work()
	after := w.services.Messages()[before:]
	if len(after) == 0 {
		t.Error("the other device was not told either")
	}
	for _, m := range after {
		if m.To != stays {
			t.Error("a device that was removed was told")
		}
	}
}

func TestADeviceThatIsNotFoundAmongOthersIsAskedForByItself(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		w := newWorld(t)
		w.device(bert)
		w.device(bert)
		w.store.sealed = sealed
		w.reminders(3)
		w.work()
		w.wantMessages(6)
	}
}

func TestAReadThatFailedHoldsForNobodyAfterIt(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.reminders(8)
	w.people.set(bert, Person{}, errStore)
	w.wantSent(3) // only the language was missing
	w.people.set(bert, Person{Disabled: true}, nil)
	w.wantSent(3)
}

func TestWhatIsUrgentGoesBeforeWhatIsHeld(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.device(anna)
	w.reminders(ahead + 20)
	w.wantSent(3)
	w.notice(anna, kindReview)
	if _, err := w.fanOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.forward(claimEach)
	w.sends()
	urgent := 0
	for _, m := range w.services.Messages() {
		if m.Urgency == "high" {
			urgent++
		}
	}
	if urgent != 1 {
		t.Errorf("%d of what waits for a decision went before %d reminders", urgent, len(w.hand.held))
	}
}

// A lease that is nearly over is no time for a try: another server would begin one
// of its own meanwhile.
func TestWhatIsHeldForLongIsClaimedAnew(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.reminders(12)
	w.wantSent(3)
	w.clock.forward(5 * time.Second)
	w.wantSent(6)
	if n := len(w.hand.held); n != 6 {
		t.Fatalf("%d are held", n)
	}
	for _, d := range w.hand.held {
		if !d.of.claimed.Equal(w.clock.Now()) {
			t.Errorf("held since %v", d.of.claimed)
		}
	}
	w.work()
	w.wantMessages(12)
}

func TestWhatWaitsForASlotIsGivenBackAtTheEnd(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	asked, hold := make(chan struct{}, 8), make(chan struct{})
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-hold
		rw.WriteHeader(http.StatusCreated)
	})
	w.reminders(8)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for range 3 {
		<-asked
	}
	stop()
	close(hold)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	other, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 9, 9)
	if err != nil || len(other) != 5 {
		t.Errorf("another server finds %d: %v", len(other), err)
	}
}

// Nobody else is to be told that it went, nor to try it again, while it waits here.
func TestWhatIsHeldIsNobodyElses(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.reminders(8)
	w.wantSent(3)
	w.clock.forward(holdFor - time.Second)
	other, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 9, 9)
	if err != nil || len(other) != 0 {
		t.Errorf("another server claimed %d: %v", len(other), err)
	}
	w.wantSent(6)
}

// However long the push service takes for those.
func TestWhoHasToDecideWaitsBehindNoCrowd(t *testing.T) {
	for _, workers := range []int{4, 16} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Workers = workers })
			w.device(bert)
			w.device(anna)
			urgent, others, hold := make(chan struct{}, 1), make(chan struct{}, ahead), make(chan struct{})
			w.services.Answer(func(rw http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Urgency") == "high" {
					urgent <- struct{}{}
				} else {
					others <- struct{}{}
					<-hold
				}
				rw.WriteHeader(http.StatusCreated)
			})
			w.reminders(ahead)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			for range workers - workers/4 {
				<-others
			}
			w.notice(anna, kindReview)
			w.Kick()
			select {
			case <-urgent:
			case <-time.After(20 * time.Second):
				t.Error("not sent")
			}
			if n := len(others); n > ahead/2 {
				t.Errorf("%d went before", n)
			}
			stop()
			close(hold)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// running runs the outbox until the returned function is called.
func (w *world) running() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() {
		w.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

// arrivals has every message taken, and counts them.
func (w *world) arrivals() chan struct{} {
	all := make(chan struct{}, 10*ahead)
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusCreated)
		all <- struct{}{}
	})
	return all
}

func TestSlotsGoOnWhileTheStoreTakesItsTime(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.reminders(40)
	asked, hold := make(chan struct{}, 3), make(chan struct{})
	done := make(chan struct{}, 40)
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		select {
		case asked <- struct{}{}:
			<-hold
		default:
		}
		rw.WriteHeader(http.StatusCreated)
		done <- struct{}{}
	})
	looks, answer := make(chan struct{}), make(chan struct{})
	first := true
	w.store.looking = func() {
		if !first {
			looks <- struct{}{}
			<-answer
		}
		first = false
	}
	stop := w.running()
	for len(asked) < cap(asked) {
		runtime.Gosched()
	}
	w.Kick()
	<-looks // it waits for the store from here on
	close(hold)
	for range 40 {
		<-done
	}
	w.store.looking = nil
	close(answer)
	stop()
}

func TestNothingIsClaimedWhereNothingMoreIsDue(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.reminders(40)
	all := w.arrivals()
	began := time.Now()
	stop := w.running()
	for range 40 {
		<-all
	}
	stop()
	// Once more after each rest, which is by the clock on the wall.
	if asked, most := w.store.asked(), 1+int(time.Since(began)/shortRest); len(asked) > most {
		t.Errorf("%v asked for after all were claimed", asked)
	}
}

func TestMoreIsClaimedBeforeNothingIsHeld(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.out.timeout = time.Minute })
	w.device(bert)
	for range 2 {
		w.reminders(ahead) // as many as one look takes
	}
	one := make(chan struct{})
	w.services.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		<-one
		rw.WriteHeader(http.StatusCreated)
	})
	stop := w.running()
	for range ahead - few - 1 { // three of those that are left are on their way
		one <- struct{}{}
	}
	for over := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		asked := w.store.asked()
		if n := len(asked) - 1; n > 0 && asked[n] > 0 {
			break
		}
		if time.Now().After(over) {
			t.Errorf("%v asked for, %d held", asked, w.hand.len())
			break
		}
	}
	close(one)
	stop()
}

// A slot of one of many is no longer passed on.
func TestWhatFillsAllSlotsAndGoesFirstGetsThoseThatComeFree(t *testing.T) {
	w := newWorld(t)
	w.device(bert)
	w.device(anna)
	hold := make(chan struct{})
	var mu sync.Mutex
	var order []string
	w.services.Answer(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.Header.Get("Urgency"))
		mu.Unlock()
		<-hold
		rw.WriteHeader(http.StatusCreated)
	})
	sent := func(n int) []string {
		for {
			mu.Lock()
			if len(order) >= n {
				defer mu.Unlock()
				return slices.Clone(order)
			}
			mu.Unlock()
			runtime.Gosched()
		}
	}
	w.reminders(ahead)
	stop := w.running()
	sent(3)
	for i := range 3 {
		w.notice(anna, kindReview, "request", fmt.Sprint("u", i))
	}
	w.Kick()
	sent(4) // the reserve
	for range 4 {
		hold <- struct{}{}
	}
	got := sent(7)[4:7]
	slices.Sort(got)
	if !slices.Equal(got, []string{"high", "high", "normal"}) {
		t.Errorf("%v", got)
	}
	close(hold)
	stop()
}
