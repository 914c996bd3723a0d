package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/stand/autopush"
	"github.com/latchkey/latchkey/e2e/world"
)

// offices is a company in which everybody has a manager of their own, who approves.
type offices struct {
	company
	patience int // a manager decides at one in so many looks
	happened *happened
}

// happened is what the test is about. Where a slow machine has not come to it by
// the last kill, there are more of them.
type happened struct{ approved, denied, executed atomic.Int32 }

// all says that enough happened. Of few requests none may be denied by chance.
func (h *happened) all() bool {
	return h.approved.Load() > 0 && (h.denied.Load() > 0 || everyday.Quick()) && h.executed.Load() > 0
}

// perManager is how many requests one manager may get: Latchkey leaves a reviewer
// in peace who gets more than six within ten minutes, and these would be told
// together. A token that died with the server may lead to that all the same.
const perManager = 6

// TestKillsAtRandomLoseNoApproval kills the server while people ask for resets and
// their managers decide. In the end every request is in a state that is right,
// everybody was told at least once of everything that concerns them, counted at the
// push service, and the directory counted each approved reset once.
func TestKillsAtRandomLoseNoApproval(t *testing.T) {
	beside(t)
	kills, people, patience := 40, 20, 8
	if soaking() {
		kills, people, patience = 200, 50, 20
	}
	if everyday.Quick() {
		kills, people, patience = 3, 10, 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d kills, %d requests in flight", seed, kills, people)
	w := offices{newCompany(t, world.Options{
		People: people, Managers: people, Stand: true, Settings: map[string]any{"policies": world.ByManager(nil)},
	}), patience, &happened{}}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	deciding, home := context.WithCancel(t.Context())
	defer home()
	var asking, busy sync.WaitGroup
	for i, p := range w.People {
		asking.Go(func() { w.until(ctx, p, rand.New(rand.NewPCG(seed, uint64(i))), w.asker()) })
	}
	for i, m := range w.Managers {
		busy.Go(func() { w.until(deciding, m, rand.New(rand.NewPCG(seed, uint64(1000+i))), w.decides) })
	}
	w.killing(rand.New(rand.NewPCG(seed, 1<<32)), kills)
	stop()
	asking.Wait()
	w.empty()
	home()
	busy.Wait()
	w.settle()
	w.count()
	w.right()
}

// killing goes on until everything happened: on a busy machine few kills leave the
// time for a whole request.
func (w offices) killing(r *rand.Rand, kills int) {
	most := len(w.People) / 2 // acts before a kill
	if everyday.Quick() {
		most = 3 * len(w.People) // so that some requests are gone through before the first
	}
	var started time.Duration
	for n := 0; n < kills || !w.happened.all() && n < max(5*kills, 30); n++ {
		started = w.restart(n, r, most, started)
	}
}

// until goes on until ctx ends; what a dying server answers is no error.
func (w offices) until(ctx context.Context, p *world.Person, r *rand.Rand, do act) {
	for ctx.Err() == nil {
		w.WaitUp(ctx)
		if err := do(ctx, p, r); err != nil && ctx.Err() == nil && !expected(err) {
			w.T.Errorf("%s: %v", p.Account, err)
			return
		}
	}
}

type act = func(context.Context, *world.Person, *rand.Rand) error

// asker asks again and again, until the manager has got enough.
func (w offices) asker() act {
	asked := map[string]bool{}
	return func(ctx context.Context, p *world.Person, r *rand.Rand) error {
		if len(asked) == perManager {
			<-ctx.Done()
			return nil
		}
		return w.asks(ctx, p, r, asked)
	}
}

// asks opens a reset, waits for the answer, and sets a password when it is yes.
func (w offices) asks(ctx context.Context, p *world.Person, r *rand.Rand, asked map[string]bool) error {
	req, err := p.Phone.Ask(ctx, "reset", fmt.Sprintf("reason %d", r.IntN(1000)))
	if err != nil {
		if over := p.Phone.SignIn(ctx); over != nil { // a settled password ends every other session
			return over
		}
		w.breath(ctx)
		return err
	}
	asked[req.ID] = true
	w.went()
	if req.State == "pending" && r.IntN(8) == 0 {
		_, err = p.Phone.Cancel(ctx, req.ID)
		return err
	}
	for req.State == "pending" {
		w.breath(ctx)
		if req, err = p.Phone.Read(ctx, req.ID); err != nil {
			return err
		}
	}
	if req.State != "approved" {
		return nil
	}
	_, err = p.Phone.Execute(ctx, req.ID, phone.Fields{"password": fmt.Sprintf("Fresh-Value-%d!", r.IntN(1_000_000))})
	if err == nil {
		w.happened.executed.Add(1)
		w.went()
	}
	return err
}

// breath is the pause between two looks at a page.
func (w offices) breath(ctx context.Context) {
	pause, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	<-pause.Done()
}

// decides looks at the inbox and now and then says something about what waits there.
func (w offices) decides(ctx context.Context, m *world.Person, r *rand.Rand) error {
	w.breath(ctx)
	in, err := m.Phone.Inbox(ctx)
	if err != nil {
		return err
	}
	for _, waits := range in.Waiting {
		if r.IntN(w.patience) != 0 {
			continue
		}
		switch r.IntN(8) {
		case 0:
			if _, err = m.Phone.Deny(ctx, waits.ID, "not-now", ""); err == nil {
				w.happened.denied.Add(1)
			}
		case 1:
			_, err = m.Phone.Report(ctx, waits.ID)
		default:
			if _, err = m.Phone.Approve(ctx, waits.ID, ""); err == nil {
				w.happened.approved.Add(1)
			}
		}
		if err != nil {
			return err
		}
		w.went()
	}
	return nil
}

// empty waits until no manager has anything left to decide.
func (w offices) empty() {
	w.T.Helper()
	w.soon("the managers", func() (left string) {
		for _, m := range w.Managers {
			in, err := m.Phone.Clone().Inbox(w.T.Context())
			if err != nil || len(in.Waiting) > 0 {
				left = fmt.Sprintf("%s has %d waiting, %v", m.Account, len(in.Waiting), err)
			}
		}
		return left
	})
}

func (w offices) soon(what string, left func() string) {
	w.T.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for {
		open := left()
		if open == "" {
			return
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("%s: %s\n%s", what, open, w.LogTail())
		}
		w.breath(w.T.Context())
	}
}

// story is what the log says of one request.
type story struct {
	person  *world.Person
	actions []string
}

func (s *story) has(action string) bool { return slices.Contains(s.actions, action) }

func (s *story) count(action string) (n int) {
	for _, a := range s.actions {
		if a == action {
			n++
		}
	}
	return n
}

// right holds each request to one outcome, and each outcome to its messages.
func (w offices) right() {
	w.T.Helper()
	stories := w.stories()
	sum := map[string]int{}
	for id, s := range stories {
		w.oneOutcome(id, s)
		for _, action := range []string{"review.asked", "review.approved", "review.denied", "review.reported", "request.cancelled", "execution.done"} {
			sum[action] += min(1, s.count(action))
		}
	}
	w.T.Log(len(stories), "requests:", sum)
	if sum["review.approved"] == 0 || sum["review.denied"] == 0 && !everyday.Quick() || sum["execution.done"] == 0 {
		w.T.Error("not everything happened: the test shows nothing")
	}
	w.soon("messages", func() string { return w.untold(stories) })
	sent := w.Stand.Push.Messages.All()
	w.T.Logf("%d messages at the push service", len(sent))
	for _, m := range sent {
		if m.Status != 201 || m.Received != 100 {
			w.T.Errorf("the push service answered %d %s", m.Status, m.Problem)
		}
	}
}

func (w offices) oneOutcome(id string, s *story) {
	w.T.Helper()
	ends := 0
	for _, action := range []string{"review.denied", "request.cancelled", "request.expired", "execution.done", "execution.failed"} {
		ends += s.count(action)
	}
	switch {
	case ends > 1:
		w.T.Errorf("%s ended %d times: %v", id, ends, s.actions)
	case s.count("review.approved") > 1:
		w.T.Errorf("%s was approved more than once: %v", id, s.actions)
	case s.has("execution.intended") && !s.has("review.approved"):
		w.T.Errorf("%s was executed without an approval: %v", id, s.actions)
	case s.has("review.denied") && s.has("review.approved"):
		w.T.Errorf("%s was both approved and denied: %v", id, s.actions)
	}
}

// stories reads the exported log, by request.
func (w offices) stories() map[string]*story {
	w.T.Helper()
	byID := map[string]*world.Person{}
	for _, p := range w.People {
		byID[p.ID.String()] = p
	}
	f, err := os.ReadFile(w.Export())
	world.Must(w.T, err)
	out := map[string]*story{}
	for text := range strings.Lines(string(f)) {
		var l struct {
			Event struct {
				Action, Target, Request string
			} `json:"event"`
		}
		world.Must(w.T, json.Unmarshal([]byte(text), &l))
		e := l.Event
		if e.Request == "" || byID[e.Target] == nil {
			continue
		}
		if out[e.Request] == nil {
			out[e.Request] = &story{person: byID[e.Target]}
		}
		out[e.Request].actions = append(out[e.Request].actions, e.Action)
	}
	return out
}

// told says for each event who has to hear of it, and as what.
var told = map[string]struct {
	notice  string
	manager bool
}{
	"review.asked":    {"review.asked", true},
	"review.approved": {"request.approved", false},
	"review.denied":   {"request.denied", false},
	"review.reported": {"request.denied", false},
	"execution.done":  {"account.changed", false},
}

// untold names a message that did not arrive, or "".
func (w offices) untold(stories map[string]*story) string {
	arrived := map[string]bool{}
	for _, m := range w.Stand.Push.Messages.All() {
		var text struct {
			Notification struct {
				Data struct{ Kind, Request string }
			}
		}
		if m.Status == 201 && json.Unmarshal([]byte(m.Text), &text) == nil {
			d := text.Notification.Data
			arrived[m.Token+" "+d.Kind+" "+d.Request] = true
		}
	}
	for id, s := range stories {
		for _, action := range s.actions {
			want, ok := told[action]
			if !ok {
				continue
			}
			to := s.person
			if want.manager {
				to = to.Manager
			}
			together := want.manager && arrived[token(to.Device)+" review.several "]
			if !together && !arrived[token(to.Device)+" "+want.notice+" "+id] {
				return fmt.Sprintf("%s was not told of %s of %s: %v", to.Account, action, id, s.actions)
			}
		}
	}
	return ""
}

func token(r *autopush.Receiver) string { return r.Endpoint[strings.LastIndexByte(r.Endpoint, '/')+1:] }
