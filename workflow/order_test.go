package workflow_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

// Any order of anything that can happen, by two processes over one company:
// never more writes than the log tells, never one without proof, and every
// request ends.
func TestAnyOrderOfEventsKeepsTheBooks(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			if seed%2 == 1 {
				w.reviewed(managerOr, []workflow.Number{workflow.NumberRequired, workflow.NumberOff}[seed/2%2])
			}
			w.randomly(t, rand.New(rand.NewPCG(seed, 1)), seed)
		})
	}
}

func (w *world) randomly(t *testing.T, rnd *rand.Rand, seed uint64) {
	w.dir.policy.MinAge, w.dir.policy.LockoutThreshold = 0, 0
	engines := []*workflow.Engine{w.engine, w.start(w.store, w.dir)}
	w.store.before = func(string) error { return sometimes(rnd, 30, errDown) }
	w.store.after = w.store.before
	w.dir.on(func(op string) error {
		return sometimes(rnd, 20, fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown))
	})
	for range 60 {
		w.engine = engines[rnd.IntN(2)]
		w.anything(rnd)
	}
	w.engine.SetPolicy(w.policy)
	w.store.before, w.store.after, w.dir.before, w.dir.refuse, w.dir.lost = nil, nil, nil, nil, false
	w.settleAll(w.engine)
	for id := range w.store.requests {
		if r := w.stored(id); r.State.Open() {
			t.Fatalf("seed %d: %s stayed open", seed, r.State)
		}
	}
	// An unlock whose answer was lost, of an account that was locked anew before
	// it could be read, is told as unsettled.
	done, unsettled := w.store.count(audit.ExecutionDone), 0
	for _, e := range w.store.events {
		if e.Action == audit.ExecutionFailed && e.Reason == string(workflow.ErrUnsettled) {
			unsettled++
		}
	}
	if n := w.dir.written(); n < done || n > done+unsettled {
		t.Fatalf("seed %d: %d writes, %d told as done, %d as unsettled", seed, n, done, unsettled)
	}
	if w.store.count(audit.ExecutionIntended) < w.dir.written() {
		t.Fatalf("seed %d: a write without its intent", seed)
	}
	if n := w.unreviewed(); n > 0 {
		t.Fatalf("seed %d: %d writes without a review", seed, n)
	}
}

// unreviewed counts the executions of requests that a review was asked for and
// that nobody approved, or that somebody reported before.
func (w *world) unreviewed() (n int) {
	approved, against := map[string]bool{}, map[string]bool{}
	for _, e := range w.store.events {
		switch e.Action {
		case audit.ReviewApproved:
			approved[e.Request] = true
		case audit.ReviewDenied, audit.ReviewReported:
			against[e.Request] = true
		case audit.ExecutionIntended:
			asked := len(w.stored(e.Request).Decision.Approve) > 0
			if asked && !approved[e.Request] || against[e.Request] {
				n++
			}
		}
	}
	return n
}

func sometimes(rnd *rand.Rand, n int, err error) error {
	if rnd.IntN(n) == 0 {
		return err
	}
	return nil
}

func (w *world) anything(rnd *rand.Rand) {
	kind := writing[rnd.IntN(len(writing))]
	value, old := values(kind)
	var id string
	for _, r := range w.mine() {
		if r.Kind == kind {
			id = r.ID
			break
		}
	}
	switch rnd.IntN(16) {
	case 0:
		w.lock(annGUID)
	case 1:
		w.signIn(w.ann)
	case 2, 3:
		_, _ = w.engine.Submit(w.ctx, w.ann, kind, "")
	case 4, 5:
		_, _ = w.journey(kind)
	case 6, 7:
		_, _, _ = w.engine.Execute(w.ctx, w.ann, id, value, old)
	case 8:
		_, _ = w.engine.Cancel(w.ctx, w.ann, id)
	case 9:
		_, _ = w.engine.Seen(w.ctx, w.ann, id)
	case 10:
		w.dir.lost = rnd.IntN(3) == 0
		w.dir.refuse = sometimes(rnd, 3, fault("write", ad.ErrPasswordHistory, ad.Outcome(rnd.IntN(2)), nil))
	case 11:
		time.Sleep(time.Duration(rnd.IntN(20)) * time.Minute)
		w.engine.Tick(w.ctx)
	default:
		w.anyReview(rnd, id)
	}
}

// anyReview is something that a reviewer may do, in time or not.
func (w *world) anyReview(rnd *rand.Rand, id string) {
	who := []workflow.Actor{boss, boss, boss, hal}[rnd.IntN(4)]
	switch rnd.IntN(12) {
	case 0:
		_, _ = w.engine.Deny(w.ctx, who, id, "unsure", "")
	case 1:
		_, _ = w.engine.Report(w.ctx, who, id)
	case 2:
		_, _ = w.engine.Remind(w.ctx, w.ann, id)
	case 3:
		_, _, _ = w.engine.BeginApproval(w.ctx, who, id, "00")
	case 4:
		w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = []string{"CN=boss," + staffOU, ""}[rnd.IntN(2)] })
	case 5:
		w.ann.Session = []string{"session-ann", "session-2"}[rnd.IntN(2)]
	default:
		for _, r := range w.mine() {
			if r.State == workflow.Pending {
				_, _ = w.answered(r)
			}
		}
	}
}

func (w *world) mine() []workflow.Request {
	list, _ := w.engine.Mine(w.ctx, w.ann)
	return list
}
