package workflow_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

func TestALostAnswerIsSettledByReading(t *testing.T) {
	for _, kind := range writing {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.lostAnswer(t, kind)
				time.Sleep(29 * time.Second)
				w.engine.Tick(w.ctx)
				wantState(t, w.stored(r.ID), workflow.Unknown) // the lease is not over
				time.Sleep(2 * time.Second)
				w.engine.Tick(w.ctx)
				r = w.stored(r.ID)
				wantState(t, r, workflow.Done)
				if !r.Result.Settled || w.dir.written() != 1 || w.store.count(audit.ExecutionSettled) != 1 {
					t.Fatalf("%+v, %d writes", r.Result, w.dir.written())
				}
				w.checkBooks(t)
			})
		})
	}
}

// lostAnswer executes a write that lands and whose answer does not come.
func (w *world) lostAnswer(t *testing.T, kind workflow.Kind) workflow.Request {
	t.Helper()
	if kind == workflow.KindUnlock {
		w.lock(annGUID)
	}
	w.dir.lost = true
	r := w.approved(kind)
	var err error
	if kind != workflow.KindUnlock {
		r, err = w.execute(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Unknown)
	w.dir.lost = false
	return r
}

func TestAWriteThatCouldNotBeReadBackIsDone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dir.after = fault("reset", ad.ErrUnavailable, ad.OutcomeWritten, errDown)
		r, err := w.execute(w.approved(workflow.KindReset))
		if err != nil || r.Result.Settled {
			t.Fatalf("%v, %+v", err, r.Result)
		}
		wantState(t, r, workflow.Done)
	})
}

func TestALostOneTimePasswordMayBeReplacedOnceItIsSettled(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.lostAnswer(t, workflow.KindOneTime)
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrUnsettled)
		time.Sleep(31 * time.Second)
		w.engine.Tick(w.ctx)
		value, old := values(r.Kind)
		got, shown, err := w.engine.Execute(w.ctx, w.ann, r.ID, value, old)
		if err != nil || shown.Empty() || w.dir.written() != 2 {
			t.Fatalf("%v, %d writes", err, w.dir.written())
		}
		wantState(t, got, workflow.Done)
	})
}

func TestAWriteThatNeverArrivedLeavesTheApproval(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.dir.refuse = fault("reset", ad.ErrUnavailable, ad.OutcomeUnknown, nil)
		got, err := w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Unknown)
		w.dir.refuse = nil
		time.Sleep(31 * time.Second)
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Approved)
		if w.dir.written() != 0 {
			t.Fatal("written on a guess")
		}
		if got, err = w.execute(r); err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
	})
}

func TestWhatCannotBeToldStaysUnknownAndThenEnds(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.lostAnswer(t, workflow.KindReset)
		reads := 0
		w.dir.on(func(op string) error {
			if op == "account-on" {
				reads++
				return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown)
			}
			return nil
		})
		for range 14 {
			time.Sleep(time.Minute)
			w.engine.Tick(w.ctx)
			wantState(t, w.stored(r.ID), workflow.Unknown)
		}
		if reads < 3 || reads > 8 {
			t.Fatalf("%d reads", reads)
		}
		time.Sleep(12 * time.Minute)
		w.engine.Tick(w.ctx)
		r = w.stored(r.ID)
		wantState(t, r, workflow.Failed)
		if r.Result.Code != "request.unsettled" || w.dir.written() != 1 {
			t.Fatalf("%+v", r.Result)
		}
	})
}

func TestAnUnlockThatWasLockedAnewIsNotGuessed(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.lostAnswer(t, workflow.KindUnlock)
		w.lock(annGUID)
		time.Sleep(31 * time.Second)
		w.engine.Tick(w.ctx)
		r = w.stored(r.ID)
		wantState(t, r, workflow.Failed)
		if r.Result.Code != "request.unsettled" {
			t.Fatalf("%+v", r.Result)
		}
		wantState(t, w.submit(workflow.KindUnlock), workflow.Draft) // and may be asked for again
	})
}

func TestAnUnknownOneIsReadAgainWhenThePersonAsks(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.lostAnswer(t, workflow.KindReset)
		again := w.submit(workflow.KindReset)
		if again.ID != r.ID || again.State != workflow.Unknown {
			t.Fatalf("%+v", again)
		}
		time.Sleep(31 * time.Second)
		wantState(t, w.submit(workflow.KindReset), workflow.Done)
	})
}

func TestASettlerDoesNotTouchAnotherProcessesLease(t *testing.T) {
	inWorld(t, func(w *world) {
		other := w.start(w.store, w.dir)
		r := w.approved(workflow.KindReset)
		w.dir.on(func(op string) error {
			if op == "reset-sent" {
				time.Sleep(14 * time.Second)
				other.Tick(w.ctx)
				wantState(w.t, w.stored(r.ID), workflow.Executing)
			}
			return nil
		})
		got, err := w.execute(r)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
	})
}

// The store is away while the outcome waits; another process settles meanwhile.
func TestAnOutcomeSettledByAnotherProcessIsNotCommittedTwice(t *testing.T) {
	inWorld(t, func(w *world) {
		other := w.start(w.store, w.dir)
		life := &mortal{left: 1 << 30}
		w.engine = w.start(mortalStore{w.store, life}, w.dir)
		r := w.approved(workflow.KindOneTime)
		fails := 0
		w.store.before = func(op string) error {
			if op == "update" && w.dir.written() == 1 && w.stored0(r.ID).State == workflow.Executing {
				if fails++; fails == 20 {
					w.store.before = nil
					time.Sleep(time.Second)
					other.Tick(w.ctx)
				}
				return errDown
			}
			return nil
		}
		value, old := values(r.Kind)
		got, shown, err := w.engine.Execute(w.ctx, w.ann, r.ID, value, old)
		if err != nil || got.State != workflow.Done || !got.Result.Settled || !shown.Empty() {
			t.Fatalf("%v, %+v, shown %v", err, got, !shown.Empty())
		}
		w.checkBooks(t)
	})
}

// stored0 reads without the store's hooks.
func (w *world) stored0(id string) workflow.Request {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	r, _ := w.store.load(id)
	return r
}

// A process that slept past its lease comes back while another one executes the
// same request: its outcome is not that execution's.
func TestALateOutcomeDoesNotTouchTheNextExecution(t *testing.T) {
	inWorld(t, func(w *world) {
		other := w.start(w.store, w.dir)
		r := w.approved(workflow.KindReset)
		slept := make(chan error)
		w.dir.on(func(op string) error {
			if op != "reset-sent" {
				return nil
			}
			w.dir.on(nil)
			time.Sleep(40 * time.Second)
			return fault(op, ad.ErrPasswordHistory, ad.OutcomeNotWritten, nil)
		})
		go func() {
			_, err := w.execute(r)
			slept <- err
		}()
		time.Sleep(31 * time.Second)
		other.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Approved)
		w.dir.on(func(op string) error {
			if op == "reset-sent" {
				wantErr(t, <-slept, workflow.ErrExecuting)
				wantState(t, w.stored(r.ID), workflow.Executing)
			}
			return nil
		})
		value, old := values(r.Kind)
		got, _, err := other.Execute(w.ctx, w.ann, r.ID, value, old)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, got, workflow.Done)
		w.checkBooks(t)
	})
}

func TestAnOutcomeWaitsForTheStoreAndTheWriteIsNotRepeated(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindOneTime)
		var since time.Time
		w.store.before = func(op string) error {
			if w.dir.written() == 0 {
				return nil
			}
			if since.IsZero() {
				since = time.Now()
			}
			if time.Since(since) < 20*time.Second {
				return errDown
			}
			return nil
		}
		value, old := values(r.Kind)
		got, shown, err := w.engine.Execute(w.ctx, w.ann, r.ID, value, old)
		if err != nil || shown.Empty() || w.dir.written() != 1 {
			t.Fatalf("%v, %d writes", err, w.dir.written())
		}
		wantState(t, got, workflow.Done)
	})
}

func TestAPasswordIsNotShownWhenItsOutcomeIsNotCommitted(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindOneTime)
		w.store.before = func(string) error {
			if w.dir.written() == 1 {
				return errDown
			}
			return nil
		}
		value, old := values(r.Kind)
		_, shown, err := w.engine.Execute(w.ctx, w.ann, r.ID, value, old)
		if err == nil || !shown.Empty() {
			t.Fatal("shown before it was committed")
		}
		w.store.before = nil
		w.engine.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Done)
	})
}
