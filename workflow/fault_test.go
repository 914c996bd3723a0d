package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

var errDown = errors.New("down")

// Each read of the directory and each call of the store fails once: nothing is
// written because of it, and what was opened still ends well.
func TestAFaultAtAnyCallDenies(t *testing.T) {
	for _, reviewed := range []bool{false, true} {
		for _, kind := range writing {
			for _, side := range []string{"store", "directory"} {
				faultAtEach(t, fmt.Sprintf("%v/%s/%s", reviewed, kind, side), func(t *testing.T, w *world, n int) bool {
					if reviewed {
						w.reviewed(managerOr, workflow.NumberRequired)
					}
					return w.oneFault(t, kind, side, n)
				})
			}
		}
	}
}

// faultAtEach goes on until a journey has no more calls that could fail.
func faultAtEach(t *testing.T, name string, one func(*testing.T, *world, int) bool) {
	t.Helper()
	for n := 1; n <= 80; n++ {
		done := false
		t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
			inWorld(t, func(w *world) { done = one(t, w, n) })
		})
		if done {
			return
		}
	}
	t.Fatalf("%s: more than 80 calls", name)
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
	// What fails behind an approval is the request's business, which goes on by itself.
	approved := w.store.count(audit.ReviewApproved) == 1
	if err == nil && !outcome && !approved {
		t.Fatalf("%s failed and nobody was told", failed)
	}
	if err != nil && w.dir.written() != 0 {
		t.Fatalf("%s failed, and %d writes", failed, w.dir.written())
	}
	if r.ID == "" {
		return false
	}
	w.store.before = nil
	w.dir.on(nil)
	w.settleAll(w.engine)
	if got := w.stored(r.ID); got.State.Open() {
		t.Fatalf("%s left %s open", failed, got.State)
	}
	w.checkBooks(t)
	if n := w.unreviewed(); n > 0 {
		t.Fatalf("%d writes without a review", n)
	}
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
	if proved.State == workflow.Pending {
		if proved, err = w.answered(proved); err != nil {
			return r, err
		}
	}
	if proved.State != workflow.Approved {
		return proved, nil
	}
	_, err = w.execute(proved)
	return r, err
}

// answered is the boss's part of a journey.
func (w *world) answered(r workflow.Request) (workflow.Request, error) {
	label, statement, err := w.engine.BeginApproval(w.ctx, boss, r.ID, r.Number)
	if err != nil {
		return r, err
	}
	seen, err := w.engine.Approve(w.ctx, boss, r.ID, signed(boss, label, statement))
	return seen.Request, err
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
			for n := 1; n <= 24; n++ {
				t.Run(fmt.Sprintf("reviewed/%s/%v/%d", kind, after, n), func(t *testing.T) {
					inWorld(t, func(w *world) {
						w.reviewed(managerOr, "")
						w.crash(t, kind, n, after)
						w.toldOfEach(t)
					})
				})
			}
		}
	}
}

// toldOfEach: whoever was asked knows, and so does the requester of each end.
func (w *world) toldOfEach(t *testing.T) {
	t.Helper()
	for action, kind := range map[audit.Action]string{
		audit.ReviewAsked: workflow.NoticeReview, audit.ReviewApproved: workflow.NoticeApproved, audit.ExecutionDone: workflow.NoticeChanged,
	} {
		if events, notices := w.store.count(action), w.store.told(ad.GUID{}, kind); events != notices {
			t.Fatalf("%d times %s, and %d notices", events, action, notices)
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
