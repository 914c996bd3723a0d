package faults

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// A controller's clock decides in the directory, Latchkey's in Latchkey; where
// they disagree people are still helped, once.
func TestAControllersWrongClockStopsNobody(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := world.DefaultPolicy
			policy.MaxAge = 42 * 24 * time.Hour
			w := open(t, world.Options{People: 1, Policy: &policy, Controller: minidc.Config{
				Now: func() time.Time { return time.Now().Add(skew) },
			}})
			p := w.People[0]
			w.DC.Lock(p.DN)
			world.Must(t, p.Phone.SignIn(t.Context()))
			var me struct {
				Account struct {
					State       []string  `json:"state"`
					LockedSince time.Time `json:"lockedSince"`
				} `json:"account"`
			}
			world.Must(t, p.Phone.Call(t.Context(), "GET", "/api/me", nil, &me))
			if off := time.Until(me.Account.LockedSince) - skew; me.Account.State[0] != "locked" || off.Abs() > time.Minute {
				t.Errorf("shown as %v since %s", me.Account.State, me.Account.LockedSince)
			}
			r, err := p.Phone.Submit(t.Context(), "unlock")
			if err != nil || r.State != "done" || w.LockoutTime(p) != 0 {
				t.Fatalf("unlock: %+v, %v, lockoutTime %d", r, err, w.LockoutTime(p))
			}
			reset(t, w, p, "Harbour-Lantern-1")
		})
	}
}

// Latchkey's clock says that the password is old enough, the controller's that it
// is not: the controller wins, with the code of its reason.
func TestTheMinimumAgeIsTheControllersToJudge(t *testing.T) {
	t.Parallel()
	policy := world.DefaultPolicy
	policy.MinAge = time.Hour
	w := open(t, world.Options{People: 1, Policy: &policy, Controller: minidc.Config{
		Now: func() time.Time { return time.Now().Add(-2 * time.Hour) },
	}})
	p := w.People[0]
	r := approved(t, p, "change")
	check := unchanged(t, w, p)
	_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"old": p.Password, "password": "Quite-Another-77-Value"})
	refused(t, err, 409, "password.too-young")
	check()
	wantLast(t, actions(t, w.Export(), r.ID), "execution.refused")
}
