package workflow_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

var steps = []int{7, 14, 1, 0, -3}

func (w *world) remind(t *testing.T) {
	t.Helper()
	if err := w.engine.RemindExpiring(w.ctx, steps); err != nil {
		t.Fatal(err)
	}
}

func (w *world) expires(g ad.GUID, in time.Duration) {
	w.dir.expiring = append(w.dir.expiring, []ad.Expiring{{GUID: g, Expires: time.Now().Add(in)}})
}

func TestAnExpiringPasswordIsToldOnceAStep(t *testing.T) {
	const day = 24 * time.Hour
	inWorld(t, func(w *world) {
		w.expires(annGUID, 15*day)
		told := map[int]string{1: "14", 8: "7", 14: "1"}
		for n := range 16 {
			before := w.store.told(annGUID, workflow.NoticeExpiring)
			w.remind(t)
			w.remind(t)
			want := before
			if told[n] != "" {
				want++
			}
			if got := w.store.told(annGUID, workflow.NoticeExpiring); got != want {
				t.Fatalf("day %d: told %d times, want %d", n, got, want)
			}
			if want > before {
				last := w.store.notices[len(w.store.notices)-1]
				expires := w.dir.expiring[0][0].Expires
				if last.Params["days"] != told[n] || last.Params["expires"] != fmt.Sprint(expires.UnixMilli()) || !last.Until.Equal(expires) {
					t.Fatalf("day %d: %+v", n, last)
				}
			}
			time.Sleep(day)
		}
	})
}

// A job that was away for days tells how many are left, and not of the step that
// it missed.
func TestAMissedStepTellsTheDaysThatAreLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		w.expires(annGUID, 100*time.Hour)
		w.remind(t)
		if len(w.store.notices) != 1 || w.store.notices[0].Params["days"] != "5" {
			t.Fatalf("%+v", w.store.notices)
		}
	})
}

func TestWhoIsNotReminded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.keyless[annGUID] = true
		w.store.frozen[bobGUID] = workflow.Freeze{Account: bobGUID}
		w.expires(annGUID, time.Hour)
		w.expires(bobGUID, time.Hour)
		w.expires(guid(7), 20*24*time.Hour)
		w.expires(guid(8), -time.Hour)
		w.expires(ad.GUID{}, time.Hour)
		w.remind(t)
		if len(w.store.notices) != 0 {
			t.Fatalf("%+v", w.store.notices)
		}
		all := workflow.New(workflow.Config{Store: w.store, Directory: w.dir, RemindEverybody: true})
		if err := all.RemindExpiring(w.ctx, steps); err != nil || w.store.told(annGUID, workflow.NoticeExpiring) != 1 || len(w.store.notices) != 1 {
			t.Fatalf("%v, %+v", err, w.store.notices)
		}
		if err := w.engine.RemindExpiring(w.ctx, []int{0, -1}); err != nil {
			t.Fatal(err)
		}
		bare := workflow.New(workflow.Config{Store: w.store, Directory: struct{ workflow.Directory }{w.dir}})
		if bare.RemindExpiring(w.ctx, steps) == nil {
			t.Fatal("nobody to ask, and no error")
		}
	})
}

// Each call fails once; the next round tells everybody once.
func TestAFaultyRoundOfRemindersEndsInNoDuplicates(t *testing.T) {
	for n := 1; n < 60; n++ {
		whole := false
		inWorld(t, func(w *world) {
			for i := range byte(6) {
				w.expires(guid(20+i), time.Duration(i+1)*24*time.Hour)
			}
			calls := 0
			fail := func(string) error {
				if calls++; calls == n {
					return errDown
				}
				return nil
			}
			w.store.before = fail
			w.dir.on(fail)
			err := w.engine.RemindExpiring(w.ctx, steps)
			whole = calls < n
			if whole == errors.Is(err, errDown) {
				t.Fatalf("call %d: %v", n, err)
			}
			w.store.before = nil
			w.dir.on(nil)
			w.remind(t)
			for i := range byte(6) {
				if got := w.store.told(guid(20+i), workflow.NoticeExpiring); got != 1 {
					t.Fatalf("call %d: told %d times", n, got)
				}
			}
		})
		if whole {
			return
		}
	}
	t.Fatal("never a whole round")
}
