package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

var errDown = errors.New("down")

// Each read of the directory and each call of the store fails once: nothing is
// written because of it, and what was opened still ends well.
func TestAFaultAtAnyCallDenies(t *testing.T) {
	for _, kind := range workflow.Kinds {
		for _, side := range []string{"store", "directory"} {
			for n := 1; n <= 40; n++ {
				done := false
				t.Run(fmt.Sprintf("%s/%s/%d", kind, side, n), func(t *testing.T) {
					inWorld(t, func(w *world) { done = w.oneFault(t, kind, side, n) })
				})
				if done {
					break
				}
			}
		}
	}
}

// oneFault is true when the journey has fewer calls than n.
func (w *world) oneFault(t *testing.T, kind workflow.Kind, side string, n int) bool {
	if kind == workflow.KindUnlock {
		w.lock(annGUID)
	}
	calls, failed := 0, ""
	fail := func(op string) error {
		if calls++; calls == n {
			failed = op
			if side == "directory" {
				return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown)
			}
			return errDown
		}
		return nil
	}
	if side == "store" {
		w.store.before = fail
	} else {
		w.dir.before = fail
	}
	r, err := w.journey(kind)
	if failed == "" {
		return true
	}
	outcome := failed == "update" && w.dir.written() == 1 // the outcome waited for the store
	if err == nil && !outcome {
		t.Fatalf("%s failed and nobody was told", failed)
	}
	if err != nil && w.dir.written() != 0 {
		t.Fatalf("%s failed, and %d writes", failed, w.dir.written())
	}
	if r.ID == "" {
		return false
	}
	w.store.before, w.dir.before = nil, nil
	w.settleAll(w.engine)
	if got := w.stored(r.ID); got.State.Open() {
		t.Fatalf("%s left %s open", failed, got.State)
	}
	w.checkBooks(t)
	return false
}

// journey goes from submission to execution, and stops at the first error.
func (w *world) journey(kind workflow.Kind) (workflow.Request, error) {
	r, err := w.engine.Submit(w.ctx, w.ann, kind, "")
	if err != nil {
		return r, err
	}
	label, statement, err := w.engine.Statement(w.ctx, w.ann, r.ID)
	if err != nil {
		return r, err
	}
	p := w.signIn(w.ann)
	p.ID, p.Label, p.Statement = "bound-"+p.ID, label, statement
	delete(w.proofs.signIns, w.ann.Session)
	proved, err := w.engine.Prove(w.ctx, w.ann, r.ID, p)
	if err != nil {
		return r, err
	}
	if proved.State != workflow.Approved {
		return proved, nil
	}
	_, err = w.execute(proved)
	return r, err
}

// settleAll lets the jobs run until nothing is due any more.
func (w *world) settleAll(e *workflow.Engine) {
	for range 60 {
		time.Sleep(3 * time.Minute)
		e.Tick(w.ctx)
	}
}

// checkBooks holds the log to the directory: as many writes as it tells of, and
// never two under one approval that nobody asked for.
func (w *world) checkBooks(t *testing.T) {
	t.Helper()
	if done := w.store.count(audit.ExecutionDone); done != w.dir.written() {
		t.Fatalf("%d writes, %d events", w.dir.written(), done)
	}
	if w.store.count(audit.ExecutionIntended) < w.dir.written() {
		t.Fatal("a write without its intent")
	}
}

// mortal is one server process: from the n-th call on nothing it does counts.
type mortal struct {
	mu    sync.Mutex
	left  int
	after bool // the last call still happens, and its answer is lost
	dead  bool
}

func (m *mortal) enter() (act bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return false, errDown
	}
	if m.left--; m.left > 0 {
		return true, nil
	}
	m.dead = true
	return m.after, errDown
}

type mortalStore struct {
	workflow.Store
	*mortal
}

func (s mortalStore) Create(ctx context.Context, r workflow.Request, c workflow.Change) error {
	act, err := s.enter()
	if act {
		return errors.Join(s.Store.Create(ctx, r, c), err)
	}
	return err
}

func (s mortalStore) Update(ctx context.Context, id string, fn func(*workflow.Request) (workflow.Change, error)) error {
	act, err := s.enter()
	if act {
		return errors.Join(s.Store.Update(ctx, id, fn), err)
	}
	return err
}

func (s mortalStore) Request(ctx context.Context, id string) (workflow.Request, error) {
	if act, err := s.enter(); !act || err != nil {
		return workflow.Request{}, errDown
	}
	return s.Store.Request(ctx, id)
}

type mortalDirectory struct {
	*directory
	*mortal
}

func (d mortalDirectory) Account(ctx context.Context, g ad.GUID) (ad.Account, error) {
	if act, err := d.enter(); !act || err != nil {
		return ad.Account{}, errDown
	}
	return d.directory.Account(ctx, g)
}

func (d mortalDirectory) Unlock(ctx context.Context, w ad.Write) (ad.Account, error) {
	return d.dying(func() (ad.Account, error) { return d.directory.Unlock(ctx, w) })
}

func (d mortalDirectory) ResetPassword(ctx context.Context, w ad.Write, p ad.NewPassword) (ad.Account, error) {
	return d.dying(func() (ad.Account, error) { return d.directory.ResetPassword(ctx, w, p) })
}

func (d mortalDirectory) dying(write func() (ad.Account, error)) (ad.Account, error) {
	act, err := d.enter()
	if !act {
		return ad.Account{}, errDown
	}
	a, wrote := write()
	if err != nil {
		return ad.Account{}, errDown
	}
	return a, wrote
}

// The process dies at each of its calls, before it or right after it took effect;
// another one takes over. Nothing is written twice, nothing stays unknown, and
// the log tells of each write.
func TestACrashAnywhereIsTakenOver(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindUnlock, workflow.KindReset, workflow.KindOneTime} {
		for _, after := range []bool{false, true} {
			for n := 1; n <= 12; n++ {
				t.Run(fmt.Sprintf("%s/%v/%d", kind, after, n), func(t *testing.T) {
					inWorld(t, func(w *world) { w.crash(t, kind, n, after) })
				})
			}
		}
	}
}

func (w *world) crash(t *testing.T, kind workflow.Kind, n int, after bool) {
	if kind == workflow.KindUnlock {
		w.lock(annGUID)
	}
	w.dir.policy.MinAge = 0
	life := &mortal{left: n, after: after}
	healthy := w.engine
	w.engine = w.start(mortalStore{w.store, life}, mortalDirectory{w.dir, life})
	_, _ = w.journey(kind)
	atDeath := w.dir.written()
	if atDeath > 1 {
		t.Fatalf("%d writes before the crash", atDeath)
	}

	w.engine = healthy
	healthy.Tick(w.ctx)
	if w.dir.written() != atDeath {
		t.Fatal("written again at once")
	}
	// The lease is over: taken over.
	time.Sleep(31 * time.Second)
	healthy.Tick(w.ctx)
	for id := range w.store.requests {
		if r := w.stored(id); r.State == workflow.Executing || r.State == workflow.Unknown {
			t.Fatalf("%s after the lease", r.State)
		}
	}
	w.settleAll(healthy)
	if w.dir.written() > 1 || kind != workflow.KindUnlock && w.dir.written() != atDeath {
		t.Fatalf("%d writes, %d at the crash", w.dir.written(), atDeath)
	}
	for id := range w.store.requests {
		if r := w.stored(id); r.State.Open() {
			t.Fatalf("%s stayed open", r.State)
		} else if (r.State == workflow.Done) != (w.dir.written() == 1) {
			t.Fatalf("%s with %d writes", r.State, w.dir.written())
		}
	}
	w.checkBooks(t)
}

func TestALostAnswerIsSettledByReading(t *testing.T) {
	for _, kind := range workflow.Kinds {
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
		w.dir.before = func(op string) error {
			if op == "account-on" {
				reads++
				return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown)
			}
			return nil
		}
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
		w.dir.before = func(op string) error {
			if op == "reset-sent" {
				time.Sleep(14 * time.Second)
				other.Tick(w.ctx)
				wantState(w.t, w.stored(r.ID), workflow.Executing)
			}
			return nil
		}
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
		w.dir.before = func(op string) error {
			if op != "reset-sent" {
				return nil
			}
			w.dir.before = nil
			time.Sleep(40 * time.Second)
			return fault(op, ad.ErrPasswordHistory, ad.OutcomeNotWritten, nil)
		}
		go func() {
			_, err := w.execute(r)
			slept <- err
		}()
		time.Sleep(31 * time.Second)
		other.Tick(w.ctx)
		wantState(t, w.stored(r.ID), workflow.Approved)
		w.dir.before = func(op string) error {
			if op == "reset-sent" {
				wantErr(t, <-slept, workflow.ErrExecuting)
				wantState(t, w.stored(r.ID), workflow.Executing)
			}
			return nil
		}
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

func TestAFailingRequestHoldsUpNoOther(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.lock(bobGUID)
		bob := workflow.Actor{Account: bobGUID, Session: "session-bob"}
		w.signIn(w.ann)
		w.signIn(bob)
		w.submit(workflow.KindUnlock)
		if _, err := w.engine.Submit(w.ctx, bob, workflow.KindUnlock, ""); err != nil {
			t.Fatal(err)
		}
		w.dir.before = func(op string) error {
			if op == "account-on" {
				return errDown
			}
			return nil
		}
		time.Sleep(time.Minute)
		w.engine.Tick(w.ctx)
		if due, err := w.store.Due(w.ctx, time.Now(), 10); err != nil || len(due) != 0 {
			t.Fatalf("%v, %v stay due", err, due)
		}
	})
}

func TestAnUnlockedAccountIsWatched(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  []int // at each minute; the last one locks
		at   time.Duration
		want workflow.RelockCause
	}{
		{"at once", nil, 10 * time.Second, workflow.CauseDevice},
		{"evenly", []int{1, 2, 4}, 3*time.Minute + 30*time.Second, workflow.CauseDevice},
		{"in one burst", []int{0, 0, 0}, 3*time.Minute + 30*time.Second, workflow.CauseTyping},
		{"unevenly", []int{1, 1, 1}, 3*time.Minute + 30*time.Second, workflow.CauseTyping},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.lock(annGUID)
				w.signIn(w.ann)
				r := w.submit(workflow.KindUnlock)
				start := time.Now()
				for _, n := range c.bad {
					w.dir.edit(annGUID, func(a *ad.Account) { a.BadPasswords = n })
					time.Sleep(time.Minute)
					w.engine.Tick(w.ctx)
				}
				time.Sleep(time.Until(start.Add(c.at)))
				w.lock(annGUID)
				time.Sleep(time.Minute)
				w.engine.Tick(w.ctx)
				r = w.stored(r.ID)
				if r.Relocked == nil || r.Relocked.Cause != c.want || r.Relocked.BadPasswords != 5 {
					t.Fatalf("%+v, observed %+v", r.Relocked, r.Observed)
				}
				time.Sleep(time.Hour)
				w.engine.Tick(w.ctx)
				if w.store.count(audit.AccountRelocked) != 1 || len(w.store.notices) != 1 || w.dir.written() != 1 {
					t.Fatal("told twice, or written")
				}
			})
		})
	}
}

func TestAWatchEndsAfterHalfAnHour(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lock(annGUID)
		w.signIn(w.ann)
		r := w.submit(workflow.KindUnlock)
		for range 31 {
			time.Sleep(time.Minute)
			w.engine.Tick(w.ctx)
		}
		w.lock(annGUID)
		time.Sleep(time.Hour)
		w.engine.Tick(w.ctx)
		if r = w.stored(r.ID); r.Relocked != nil || !r.Wake.IsZero() {
			t.Fatalf("%+v", r)
		}
	})
}

func TestRunStopsWithItsContext(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		ctx, stop := context.WithCancel(w.ctx)
		stopped := make(chan struct{})
		go func() { w.engine.Run(ctx); close(stopped) }()
		time.Sleep(11 * time.Minute)
		stop()
		<-stopped
		wantState(t, w.stored(r.ID), workflow.Expired)
	})
}

// Any order of anything that can happen, by two processes over one company:
// never more writes than the log tells, never one without proof, and every
// request ends.
func TestAnyOrderOfEventsKeepsTheBooks(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.randomly(t, rand.New(rand.NewPCG(seed, 1)), seed)
		})
	}
}

func (w *world) randomly(t *testing.T, rnd *rand.Rand, seed uint64) {
	w.dir.policy.MinAge, w.dir.policy.LockoutThreshold = 0, 0
	engines := []*workflow.Engine{w.engine, w.start(w.store, w.dir)}
	w.store.before = func(string) error { return sometimes(rnd, 30, errDown) }
	w.store.after = w.store.before
	w.dir.before = func(op string) error {
		return sometimes(rnd, 20, fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, errDown))
	}
	for range 60 {
		w.engine = engines[rnd.IntN(2)]
		w.anything(rnd)
	}
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
}

func sometimes(rnd *rand.Rand, n int, err error) error {
	if rnd.IntN(n) == 0 {
		return err
	}
	return nil
}

func (w *world) anything(rnd *rand.Rand) {
	kind := workflow.Kinds[rnd.IntN(len(workflow.Kinds))]
	value, old := values(kind)
	var id string
	for _, r := range w.mine() {
		if r.Kind == kind {
			id = r.ID
			break
		}
	}
	switch rnd.IntN(12) {
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
	}
}

func (w *world) mine() []workflow.Request {
	list, _ := w.engine.Mine(w.ctx, w.ann)
	return list
}
