package workflow_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// held starts a submission that stands still, holding its account's turn.
func (w *world) held(t *testing.T) (release func()) {
	t.Helper()
	inside, released := make(chan struct{}), make(chan struct{})
	var entered atomic.Bool
	w.store.before = func(op string) error {
		if op == "requests" && entered.CompareAndSwap(false, true) {
			close(inside)
			<-released
		}
		return nil
	}
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); err != nil {
			t.Error(err)
		}
	})
	<-inside
	return func() { close(released); all.Wait() }
}

// inTime waits for an answer that must not hang on another's.
func inTime(t *testing.T, fn func() error) error {
	t.Helper()
	answer := make(chan error, 1)
	go func() { answer <- fn() }()
	select {
	case err := <-answer:
		return err
	case <-time.After(5 * time.Second):
		t.Error("waits for another's submission")
		return nil
	}
}

func TestOnePersonsSubmissionHoldsNobodyElseUp(t *testing.T) {
	w := newWorld(t)
	defer w.held(t)()
	for n := range 256 {
		other := ad.GUID{0: byte(n), 15: 0x5a}
		w.dir.add(person(other, "other"))
		who := workflow.Actor{Account: other, Session: "session"}
		err := inTime(t, func() error {
			_, err := w.engine.Submit(w.ctx, who, workflow.KindReset, "")
			return err
		})
		if err != nil || t.Failed() {
			t.Fatalf("%d: %v", n, err)
		}
	}
}

func TestASubmissionWaitsForItsTurnNoLongerThanItsCaller(t *testing.T) {
	w := newWorld(t)
	release := w.held(t)
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Millisecond)
	defer cancel()
	err := inTime(t, func() error {
		_, err := w.engine.Submit(ctx, w.ann, workflow.KindReset, "")
		return err
	})
	wantErr(t, err, context.DeadlineExceeded)
	release()
	if _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, ""); err != nil {
		t.Fatal(err) // the turn was not lost
	}
}
