package faults

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// hidden is a policy that Latchkey may not read, so that the directory judges.
func hidden(w *world.World, name string, p minidc.Policy) {
	w.DC.AddPSO(minidc.PSO{Name: "Strict " + name, Precedence: 10, Policy: p, AppliesTo: []string{"CN=" + name + "," + world.Staff}})
}

// filtered is what a password filter's refusal looks like: nothing but the code.
const filtered = "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"

func TestEachPasswordRefusalOfTheDirectoryHasItsOwnCode(t *testing.T) {
	t.Parallel()
	strict := minidc.Policy{MinLength: 14, Complexity: true, History: 5, LockoutThreshold: 9, LockoutDuration: time.Hour, ObservationWindow: time.Hour}
	w := open(t, world.Options{
		People: 5, Controller: minidc.Config{PolicyHints: true},
		Fill: func(w *world.World) {
			for _, p := range w.People[:3] {
				hidden(w, p.Account, strict)
			}
		},
	})
	for i, c := range []struct {
		name, value string
		fault       *minidc.Fault
		status      int
		code        string
	}{
		{"length", "Ab1!xyz", nil, 422, "password.too-short"},
		{"complexity", "onlylowercaseletters", nil, 422, "password.complexity"},
		{"history", "Start-Value-002!", nil, 422, "password.history"},
		{"filter", "Harbour-Lantern-1", new(minidc.RefuseWrites(19, filtered)), 422, "password.refused"},
		{"right", "Harbour-Lantern-1", new(minidc.RefuseWrites(50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0")), 502, "directory.rights"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.People[i]
			r := approved(t, p, "reset")
			check := unchanged(t, w, p)
			clear := func() {}
			if c.fault != nil {
				clear = w.DC.Inject(*c.fault)
			}
			_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": c.value})
			clear()
			refused(t, err, c.status, c.code)
			check()
			// One try is spent, and the approval stands for the next value.
			done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Quite-Another-77-Value"})
			if err != nil || done.Request.State != "done" {
				t.Errorf("next value: %+v, %v", done.Request, err)
			}
			all := actions(t, w.Export(), r.ID)
			if len(all) < 3 || all[len(all)-3] != "execution.refused" {
				t.Errorf("the log says %v", all)
			}
		})
	}
}

func TestFiveRefusedValuesEndTheApproval(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	r := approved(t, p, "reset")
	check := unchanged(t, w, p)
	clear := w.DC.Inject(minidc.RefuseWrites(19, filtered))
	for range 5 {
		_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		refused(t, err, 422, "password.refused")
	}
	clear()
	_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
	refused(t, err, 409, "request.failed")
	check()
	wantLast(t, actions(t, w.Export(), r.ID), "execution.failed")
}

// What is known beforehand never reaches the directory.
func TestWhatLatchkeyKnowsItRefusesBeforeTheDirectory(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1, Settings: map[string]any{
		"passwords": map[string]any{"strength": 2, "banned": []string{"Lantern"}},
	}})
	p := w.People[0]
	r := approved(t, p, "reset")
	check := unchanged(t, w, p)
	before := w.DC.Counters().Modifies
	for _, c := range []struct{ name, value, rules string }{
		{"length", "Ab1!x", "length"},
		{"classes", "onlylowercaseletters", "classes"},
		{"banned", "Some-Lantern-and-41-Doves", "banned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": c.value})
			if got := refused(t, err, 422, "password.rules").Params["rules"]; !has(got, c.rules) {
				t.Errorf("broken rules: %q", got)
			}
		})
	}
	for _, c := range []struct {
		body phone.Fields
		code string
	}{
		{phone.Fields{}, "password.missing"},
		{phone.Fields{"password": ""}, "password.missing"},
		{phone.Fields{"password": "Nul-\x00-Inside-77"}, "password.rules"},
		{phone.Fields{"password": "Quite-Another-77-Value", "old": "x"}, "password.unwanted"},
	} {
		_, err := p.Phone.Execute(t.Context(), r.ID, c.body)
		refused(t, err, 422, c.code)
	}
	check()
	if now := w.DC.Counters().Modifies; now != before {
		t.Errorf("%d writes were tried", now-before)
	}
}

func TestAChangeIsRefusedForAgeOldPasswordAndLockout(t *testing.T) {
	t.Parallel()
	policy := world.DefaultPolicy
	policy.MinAge = 24 * time.Hour
	w := open(t, world.Options{People: 2, Policy: &policy})
	young, old := w.People[0], w.People[1]
	w.DC.Set(old.DN, "pwdLastSet", filetime(time.Now().Add(-48*time.Hour)))
	body := func(oldPassword string) phone.Fields {
		return phone.Fields{"old": oldPassword, "password": "Quite-Another-77-Value"}
	}

	r := approved(t, young, "change")
	check := unchanged(t, w, young)
	_, err := young.Phone.Execute(t.Context(), r.ID, body(young.Password))
	if until := refused(t, err, 409, "password.too-young").Params["until"]; until == "" {
		t.Error("nobody says until when")
	}
	check()

	r = approved(t, old, "change")
	check = unchanged(t, w, old)
	for range 3 {
		_, err = old.Phone.Execute(t.Context(), r.ID, body("Wrong-Value-1!"))
		refused(t, err, 422, "password.old-wrong")
	}
	// Two tries below the lockout it stops, whatever is typed, and never falls
	// back to a reset.
	_, err = old.Phone.Execute(t.Context(), r.ID, body(old.Password))
	refused(t, err, 409, "password.no-tries-left")
	check()
	if n := w.DC.Counters().PasswordWrites; n != 0 {
		t.Errorf("%d passwords were written", n)
	}
}
