package workflow_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

// holding keeps an operation of the store back until together is called: by then
// all servers have made their checks.
func (w *world) holding(held string) (together func()) {
	gate := make(chan struct{})
	w.store.before = func(op string) error {
		if op == held {
			<-gate
		}
		return nil
	}
	return func() {
		synctest.Wait()
		close(gate)
	}
}

// Two taps that reach two servers at one moment make one request, and both are
// shown it.
func TestTwoServersOpenOneRequest(t *testing.T) {
	inWorld(t, func(w *world) {
		engines := []*workflow.Engine{w.engine, w.start(w.store, w.dir)}
		got, together := make(chan workflow.Request, 2), w.holding("create")
		for _, e := range engines {
			go func() {
				r, err := e.Submit(w.ctx, w.ann, workflow.KindReset, "")
				if err != nil {
					t.Error(err)
				}
				got <- r
			}()
		}
		together()
		if a, b := <-got, <-got; a.ID != b.ID || a.ID == "" {
			t.Errorf("two requests were opened: %s, %s", a.ID, b.ID)
		}
		if n := w.store.count(audit.RequestSubmitted); n != 1 {
			t.Errorf("%d were recorded", n)
		}
	})
}

// Two requests for one account are executed on two servers at one moment, and the
// first one's answer is lost: the other writes nothing, so that the marks tell.
func TestTwoServersWriteToAnAccountOneAfterTheOther(t *testing.T) {
	inWorld(t, func(w *world) {
		requests := []workflow.Request{w.approved(workflow.KindReset), w.approved(workflow.KindOneTime)}
		engines := []*workflow.Engine{w.engine, w.start(w.store, w.dir)}
		w.dir.lost = true
		got, together := make(chan error, 2), w.holding("update")
		for i, e := range engines {
			go func() {
				value, old := values(requests[i].Kind)
				_, _, err := e.Execute(w.ctx, w.ann, requests[i].ID, value, old)
				got <- err
			}()
		}
		together()
		a, b := <-got, <-got
		if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), workflow.ErrExecuting) {
			t.Errorf("got %v and %v, want one to be executing", a, b)
		}
		if w.dir.written() != 1 || w.store.count(audit.ExecutionIntended) != 1 {
			t.Errorf("%d writes, %d intents", w.dir.written(), w.store.count(audit.ExecutionIntended))
		}
	})
}

// A request whose deadline is over and that no job has closed yet stands in
// nobody's way.
func TestARequestPastItsDeadlineGivesWay(t *testing.T) {
	inWorld(t, func(w *world) {
		old := w.submit(workflow.KindReset)
		time.Sleep(time.Until(old.Deadline))
		next := w.submit(workflow.KindReset)
		if next.ID == old.ID {
			t.Fatal("a request past its deadline was taken up")
		}
		wantState(t, next, workflow.Draft)
		wantState(t, w.stored(old.ID), workflow.Expired)
	})
}
