package workflow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// oneController is where a write whose answer was lost is read again.
type oneController struct {
	*people
	account ad.Account
}

func (c *oneController) AccountOn(context.Context, string, ad.GUID) (ad.Account, error) {
	return c.account, nil
}

// lostReset is Ann's reset whose answer was lost, and whose lease is over.
func lostReset() Request {
	r := waiting()
	r.State, r.Wake = Unknown, noon
	r.Intent = &Intent{At: noon.Add(-time.Minute), Lease: noon, WriteDeadline: noon.Add(-time.Second), Controller: "dc1", Before: ad.Marks{KeyVersion: 7}}
	return r
}

// rereading is an office whose controller shows Ann with that many passwords.
func rereading(r Request, keyVersion int64) (*Engine, *single) {
	e, store := office(r)
	e.directory = &oneController{&people{}, ad.Account{GUID: annID, Marks: ad.Marks{KeyVersion: keyVersion}}}
	return e, store
}

// What the marks tell is about one execution: they are not committed to another one,
// nor to what was settled meanwhile.
func TestWhatWasReadIsCommittedToItsOwnExecutionOnly(t *testing.T) {
	next, later := *lostReset().Intent, *lostReset().Intent
	next.Executor = "another"
	later.Lease = noon.Add(time.Minute)
	for name, change := range map[string]func(*Request){
		"settled by another server":     func(r *Request) { r.State = Done },
		"executing again":               func(r *Request) { r.State, r.Intent = Executing, &later },
		"lost again, by another server": func(r *Request) { r.Intent = &next },
	} {
		e, store := rereading(lostReset(), 8)
		then := lostReset()
		change(&then)
		store.then = &then
		r, err := e.settle(t.Context(), lostReset())
		if err != nil || r.State != Unknown || r.Result != nil || store.r.State != Unknown { // as the store has it
			t.Errorf("%s: %v, %s, %+v", name, err, r.State, r.Result)
		}
	}
	e, store := rereading(lostReset(), 8)
	if r, err := e.settle(t.Context(), lostReset()); err != nil || r.State != Done || store.r.State != Done {
		t.Errorf("its own: %v, %s", err, r.State)
	}
}

func TestWithoutAnIntentNothingIsSettled(t *testing.T) {
	r := lostReset()
	r.Intent = nil
	if r.settleable(noon) {
		t.Error("a lost answer to nothing")
	}
}

// Whoever waits for an answer that was lost is told how it came out, and so is the log.
func TestALostAnswerIsToldAndSoIsWhatItTurnsOutToBe(t *testing.T) {
	for name, tc := range map[string]struct {
		is         Request
		keyVersion int64
		state      State
		actions    []audit.Action
		notices    []string
	}{
		"written":           {lostReset(), 8, Done, []audit.Action{audit.ExecutionSettled, audit.ExecutionDone}, []string{NoticeSettled, NoticeChanged}},
		"not written":       {lostReset(), 7, Approved, []audit.Action{audit.ExecutionSettled}, []string{NoticeSettled}},
		"never to be known": {func() Request { r := lostReset(); r.Intent.At = noon.Add(-time.Hour); return r }(), 6, Failed, []audit.Action{audit.ExecutionFailed}, []string{NoticeSettled}},
		"a server is gone":  {func() Request { r := lostReset(); r.State = Executing; return r }(), 7, Approved, []audit.Action{audit.ExecutionUnknown, audit.ExecutionSettled}, []string{NoticeUnknown, NoticeSettled}},
	} {
		e, _ := rereading(tc.is, tc.keyVersion)
		r := tc.is
		told := r.Intent.read(r.Kind, ad.Marks{KeyVersion: tc.keyVersion})
		c, err := e.settled(&r, told, ad.Account{GUID: annID, Marks: ad.Marks{KeyVersion: tc.keyVersion}}, nil)
		if err != nil || r.State != tc.state || r.Result == nil {
			t.Errorf("%s: %v, %s, %+v", name, err, r.State, r.Result)
		}
		var actions []audit.Action
		for _, event := range c.Events {
			actions = append(actions, event.Action)
		}
		var notices []string
		for _, n := range c.Notices {
			notices = append(notices, n.Kind)
		}
		if !slices.Equal(actions, tc.actions) || !slices.Equal(notices, tc.notices) {
			t.Errorf("%s: %v %v, want %v %v", name, actions, notices, tc.actions, tc.notices)
		}
	}
}

func TestAnOutcomeAgainstTheTableOfStatesIsRefused(t *testing.T) {
	e, _ := office(waiting())
	over := func() *Request { r := lostReset(); r.State = Cancelled; return &r }
	for name, step := range map[string]func(*Request) (Change, error){
		"written":           func(r *Request) (Change, error) { return e.finish(r, "x", Result{At: noon}, ad.Account{}) },
		"lost":              func(r *Request) (Change, error) { return e.doubt(r, "x", errGone, Result{At: noon}) },
		"refused for good":  func(r *Request) (Change, error) { return e.refuse(r, "x", ErrFrozen, Result{At: noon}) },
		"asked for more":    func(r *Request) (Change, error) { return e.refuse(r, "x", &askAgain{}, Result{At: noon}) },
		"read: not written": func(r *Request) (Change, error) { return e.settledMissed(r, ad.Account{}) },
		"read: never known": func(r *Request) (Change, error) { r.Intent.At = noon.Add(-time.Hour); return e.stillUnknown(r, nil) },
	} {
		r := over()
		if c, err := step(r); !errors.Is(err, ErrTransition) || r.State != Cancelled || c.Events != nil {
			t.Errorf("%s: %v, %s, %v", name, err, r.State, c.Events)
		}
	}
}

// A job writes nothing to the directory but an unlock that was approved.
func TestNothingButAnUnlockExecutesByItself(t *testing.T) {
	for _, kind := range []Kind{KindReset, KindChange, KindOneTime} {
		r := waiting()
		r.State, r.Kind, r.Wake = Approved, kind, noon
		e, store := office(r)
		if err := e.wake(t.Context(), r.ID); err != nil || store.r.State != Approved || store.r.Intent != nil || !store.r.Wake.After(noon) {
			t.Errorf("%s: %v, %s, %v, due %v", kind, err, store.r.State, store.r.Intent, store.r.Wake)
		}
	}
}

func TestARequestThatCantBeReadIsNotPassedOver(t *testing.T) {
	e, store := office(waiting())
	store.err = errGone
	if err := e.wake(t.Context(), "r-1"); !errors.Is(err, errGone) {
		t.Errorf("%v", err)
	}
}

// Two servers may find the same request due: what the first one did stays.
func TestWhatAnotherServerDidMeanwhileIsNotPutOff(t *testing.T) {
	for name, wake := range map[string]time.Time{"nothing is left to do": {}, "it is due later": noon.Add(time.Second)} {
		r := waiting()
		r.Wake = noon
		e, store := office(r)
		then := r
		then.Wake = wake
		store.then = &then
		if err := e.postpone(t.Context(), r.ID); err != nil || !store.r.Wake.Equal(noon) { // the store was not written
			t.Errorf("%s: %v, due %v", name, err, store.r.Wake)
		}
	}
	r := waiting()
	r.Wake = noon
	e, store := office(r)
	if err := e.postpone(t.Context(), r.ID); err != nil || !store.r.Wake.Equal(noon.Add(postponed)) {
		t.Errorf("%v, due %v", err, store.r.Wake)
	}
}

// kept are reminders that nobody gets.
type kept struct{ Reminders }

func (kept) PurgeReminders(context.Context, time.Time) (int, error) { return 0, nil }

// forgetful are reminders that can't be forgotten any more.
type forgetful struct{ Reminders }

func (forgetful) PurgeReminders(context.Context, time.Time) (int, error) { return 0, errGone }

// nobody's password ends.
type nobody struct{ People }

func (nobody) Expiring(context.Context, time.Time, time.Duration, func([]ad.Expiring) error) error {
	return nil
}

func TestARoundOfRemindersNeedsWhomToAskAndWhereToKeepIt(t *testing.T) {
	holders := &people{}
	for name, tc := range map[string]struct {
		people    People
		holders   Holders
		reminders Reminders
		everybody bool
		fails     bool
	}{
		"all":                             {nobody{}, holders, kept{}, false, false},
		"no directory":                    {nil, holders, kept{}, false, true},
		"nothing to keep it in":           {nobody{}, holders, nil, false, true},
		"nobody who holds a passkey":      {nobody{}, nil, kept{}, false, true},
		"everybody, whatever they hold":   {nobody{}, nil, kept{}, true, false},
		"what is past can't be forgotten": {nobody{}, holders, forgetful{}, false, true},
	} {
		e, _ := office(waiting())
		e.people, e.holders, e.reminders = tc.people, tc.holders, tc.reminders
		e.Set(Settings{RemindEverybody: tc.everybody})
		if err := e.RemindExpiring(t.Context(), []int{7}); (err != nil) != tc.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}
