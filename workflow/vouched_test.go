package workflow_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// The approver is asked for the number whatever the policy says, and their signature
// says that they were the proof.
func TestWhoeverVouchesSignsThatTheyDo(t *testing.T) {
	underReview(t, byManager, workflow.NumberOff, func(w *world) {
		for kind, act := range w.policy.Rules[0].Acts {
			act.Prove = byWord
			w.policy.Rules[0].Acts[kind] = act
		}
		w.engine.SetPolicy(w.policy)
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, ""); !errors.Is(err, workflow.ErrNumber) {
			t.Fatalf("without the number: %v", err)
		}
		_, signed, err := w.engine.BeginApproval(w.ctx, boss, r.ID, "47")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(signed), `"proof":"vouching"`) || !strings.Contains(string(signed), `"number":"47"`) {
			t.Errorf("signed %s", signed)
		}
	})
}

func TestWhoeverStopsWaitingTakesItBack(t *testing.T) {
	eachWaiting(t, func(w *world, session string) {
		for range 2 {
			if err := w.engine.StopVouching(w.ctx, annGUID, session); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// eachWaiting has a word asked for by the session "waits", has it answered or not, and
// stops the waiting for one of several sessions: what is taken back is hers alone, and
// nothing that is over.
func eachWaiting(t *testing.T, stop func(w *world, session string)) {
	t.Helper()
	for name, c := range map[string]struct {
		before  func(w *world, r workflow.Request)
		session string
		want    workflow.State
	}{
		"nobody answered yet": {session: "waits", want: workflow.Cancelled},
		"vouched for":         {before: (*world).vouchesFor, session: "waits", want: workflow.Cancelled},
		"denied":              {before: (*world).refuses, session: "waits", want: workflow.Denied},
		"another browser's":   {session: "elsewhere", want: workflow.Pending},
		"no session":          {want: workflow.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			vouching(t, byWord, func(w *world) {
				r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
				if err != nil {
					t.Fatal(err)
				}
				if c.before != nil {
					c.before(w, r)
				}
				stop(w, c.session)
				wantState(t, w.stored(r.ID), c.want)
				last := w.store.events[len(w.store.events)-1]
				stopped := c.want == workflow.Cancelled
				if stopped && (last.Actor != audit.ActorAnonymous || w.vouched("waits")) || w.store.count(audit.RequestCancelled) != map[bool]int{true: 1}[stopped] {
					t.Errorf("the log ends with %+v", last)
				}
				// The same page asks for nothing anew by its old token.
				if again, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits")); err != nil || again.ID != r.ID {
					t.Errorf("again: %+v, %v", again, err)
				}
			})
		})
	}
}

// A stop that came before its asking is over keeps anybody from being asked.
func TestNobodyIsAskedForWhomNobodyWaits(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		v := word(workflow.KindReset, "waits")
		v.Over.ID, w.store.spent["over"] = "over", "waits"
		if r, err := w.engine.Vouch(w.ctx, v); !errors.Is(err, enroll.ErrNoCeremony) || r.ID != "" || len(w.store.requests) != 0 || w.store.told(ad.GUID{}, "") != 0 {
			t.Fatalf("asked %+v, %v", r, err)
		}
		v.Over.ID = "another"
		r, err := w.engine.Vouch(w.ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, r, workflow.Pending)
		// Nor does it take another's place, unseen by whoever it is about.
		v.Session, v.Over.ID = "elsewhere", "over"
		_, err = w.engine.Vouch(w.ctx, v)
		wantErr(t, err, enroll.ErrNoCeremony)
		wantState(t, w.stored(r.ID), workflow.Pending)
	})
}

// What was to be taken back, and was not, a job takes back.
func TestAJobTakesBackWhatNobodyWaitsFor(t *testing.T) {
	eachWaiting(t, func(w *world, session string) {
		w.store.spent["over"] = session
		down := errors.New("down")
		for _, op := range []string{"requests", "update"} {
			w.store.before = func(at string) error {
				if at == op {
					return down
				}
				return nil
			}
			w.engine.Tick(w.ctx)
		}
		w.store.before = nil
		for range 2 {
			w.engine.Tick(w.ctx)
		}
	})
}

// Once it was said that nobody waits, nobody vouches, although it is not taken back yet:
// what executes by itself does not happen, and the approver reads why.
func TestNobodyVouchesForWhomNobodyWaits(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindUnlock, workflow.KindReset} {
		t.Run(string(kind), func(t *testing.T) {
			vouching(t, byWord, func(w *world) {
				w.lock(annGUID)
				v := word(kind, "waits")
				v.Over.ID = "over"
				r, err := w.engine.Vouch(w.ctx, v)
				if err != nil {
					t.Fatal(err)
				}
				w.store.spent["over"] = "waits"
				seen, err := w.approve(boss, r)
				wantErr(t, err, workflow.ErrCancelled)
				if seen.Open || seen.Code != workflow.CodeOf(workflow.ErrCancelled) {
					t.Errorf("seen %+v", seen)
				}
				wantState(t, w.stored(r.ID), workflow.Cancelled)
				if w.store.count(audit.ReviewApproved) != 0 || w.store.count(audit.ExecutionIntended) != 0 || w.store.count(audit.RequestCancelled) != 1 {
					t.Errorf("the log says %+v", w.store.events)
				}
			})
		})
	}
}

func TestNobodyVouchesForWhomNobodyWaitsWhileThatIsNotTakenBack(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		w.lock(annGUID)
		v := word(workflow.KindUnlock, "waits")
		v.Over.ID = "over"
		r, err := w.engine.Vouch(w.ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		w.store.spent["over"] = "waits"
		down, updates := errors.New("down"), 0
		w.store.before = func(at string) error {
			if at == "update" {
				if updates++; updates == 2 {
					return down
				}
			}
			return nil
		}
		_, err = w.approve(boss, r)
		wantErr(t, err, down)
		wantState(t, w.stored(r.ID), workflow.Pending)
		if w.store.count(audit.ReviewApproved) != 0 {
			t.Error("approved")
		}
	})
}

func (w *world) vouchesFor(r workflow.Request) {
	w.t.Helper()
	if _, err := w.approve(boss, r); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refuses(r workflow.Request) {
	w.t.Helper()
	if _, err := w.engine.Deny(w.ctx, boss, r.ID, "other", ""); err != nil {
		w.t.Fatal(err)
	}
}

// What its owner does, signed in, is no browser's that waits.
func TestStoppingEndsNothingThatWasProved(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		own := w.submit(workflow.KindReset)
		if err := w.engine.StopVouching(w.ctx, annGUID, own.Session); err != nil {
			t.Fatal(err)
		}
		wantState(t, w.stored(own.ID), workflow.Draft)
	})
}

// An approver who asks in somebody's name on their own device does not vouch there; at
// the next desk, behind the same address, somebody else may.
func TestNobodyVouchesWhereItWasAsked(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		v := word(workflow.KindReset, "waits")
		v.Browser = "own"
		r, err := w.engine.Vouch(w.ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		here, there := boss, boss
		here.Browser, there.Browser, there.Address = "own", "another", r.Address
		_, _, err = w.engine.BeginApproval(w.ctx, here, r.ID, "47")
		wantErr(t, err, workflow.ErrSameBrowser)
		if _, err := w.engine.Approve(w.ctx, here, r.ID, w.signature(there, r)); !errors.Is(err, workflow.ErrSameBrowser) {
			t.Fatalf("begun elsewhere, finished here: %v", err)
		}
		if n := w.store.count(audit.ReviewRefused); n != 2 {
			t.Errorf("%d times in the log", n)
		}
		if got, err := w.approve(there, r); err != nil || got.Request.State != workflow.Approved {
			t.Fatalf("from the same address: %+v, %v", got, err)
		}
	})
	vouching(t, byWord, func(w *world) { // and to deny is always right
		v := word(workflow.KindReset, "waits")
		v.Browser = "own"
		r, err := w.engine.Vouch(w.ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		here := boss
		here.Browser = "own"
		if _, err := w.engine.Deny(w.ctx, here, r.ID, "other", ""); err != nil {
			t.Fatal(err)
		}
	})
	vouching(t, byWord, func(w *world) { // browsers without a name are not the same one
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		w.vouchesFor(r)
	})
}
