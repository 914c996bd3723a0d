package workflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// unlocked is Ann's unlock that was done, and is looked after.
func unlocked() Request {
	r := lostReset()
	r.Kind, r.State, r.Result, r.WatchUntil = KindUnlock, Done, &Result{At: noon}, noon.Add(time.Minute)
	return r
}

func TestOnlyWhatWasUnlockedIsLookedAfterAndToldOnce(t *testing.T) {
	if r := unlocked(); !r.watched() {
		t.Error("an unlock is not looked after")
	}
	for name, change := range map[string]func(*Request){
		"not done":           func(r *Request) { r.State = Unknown },
		"done by nobody":     func(r *Request) { r.Intent = nil },
		"without an outcome": func(r *Request) { r.Result = nil },
		"told already":       func(r *Request) { r.Relocked = &Relock{} },
		"nothing to watch":   func(r *Request) { r.WatchUntil = time.Time{} },
	} {
		r := unlocked()
		if change(&r); r.watched() {
			t.Error(name)
		}
	}
}

// absent is a controller that doesn't answer.
type absent struct{ *people }

func (absent) AccountOn(context.Context, string, ad.GUID) (ad.Account, error) {
	return ad.Account{GUID: annID, Locked: true}, errGone
}

// Nobody is told of a lock that was not seen on their own account, after this very unlock.
func TestALockIsToldOnlyWhereItWasSeen(t *testing.T) {
	another := *unlocked().Intent
	another.Executor = "another"
	for name, tc := range map[string]struct {
		directory Directory
		then      func(*Request)
		want      error
	}{
		"no answer":                   {absent{&people{}}, nil, errGone},
		"the answer is about another": {&oneController{&people{}, ad.Account{GUID: bobID, Locked: true}}, nil, ErrOtherOne},
		"told by another server":      {&oneController{&people{}, ad.Account{GUID: annID, Locked: true}}, func(r *Request) { r.Relocked = &Relock{Cause: CauseTyping} }, errTakenOver},
		"another execution by now":    {&oneController{&people{}, ad.Account{GUID: annID, Locked: true}}, func(r *Request) { r.Intent = &another }, errTakenOver},
		"seen":                        {&oneController{&people{}, ad.Account{GUID: annID, Locked: true}}, nil, nil},
	} {
		e, store := office(unlocked())
		e.directory = tc.directory
		if tc.then != nil {
			then := unlocked()
			tc.then(&then)
			store.then = &then
		}
		err := e.look(t.Context(), unlocked())
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || (store.r.Relocked != nil) != (tc.want == nil) {
			t.Errorf("%s: %v, %+v", name, err, store.r.Relocked)
		}
	}
}

// A directory that answers with nothing has not named anybody.
func TestNobodyIsNoAccount(t *testing.T) {
	e, _ := office(waiting())
	if _, err := e.account(t.Context(), ad.GUID{}); !errors.Is(err, ErrOtherOne) {
		t.Errorf("%v", err)
	}
}

// What is shown to a reviewer is signed with a salt of one length: with another its hash
// would not be that of the log.
func TestASaltHasOneLength(t *testing.T) {
	for length, good := range map[int]bool{0: false, 15: false, 16: true, 17: false} {
		r := waiting()
		r.Salts = map[string][]byte{"reason": make([]byte, length)}
		if _, err := r.shown("reason"); (err == nil) != good {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

func TestALinkBeginsAFreezeAnewOnlyWhereItIsYounger(t *testing.T) {
	asked := Freeze{At: noon, Asked: noon.Add(time.Hour), Told: noon.Add(-time.Minute)} // told by a clock that stands behind
	for name, tc := range map[string]struct {
		f    Freeze
		made time.Time
		want bool
	}{
		"younger than the freeze":               {Freeze{At: noon}, noon.Add(1), true},
		"of the freeze itself":                  {Freeze{At: noon}, noon, false},
		"from before":                           {Freeze{At: noon}, noon.Add(-1), false},
		"of what was told of the asking":        {asked, asked.Told, true},
		"from before what was told":             {asked, asked.Told.Add(-1), false},
		"nobody asked":                          {Freeze{At: noon, Told: asked.Told}, asked.Told, false},
		"made at no time, and nothing was told": {Freeze{At: noon, Asked: asked.Asked}, time.Time{}, false},
	} {
		if got := tc.f.Again(tc.made); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
