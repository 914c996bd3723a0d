package workflow_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// holding is everybody's passkey policy with a duty.
func holding(h *workflow.Hold) workflow.Policy {
	p := everyone("policy-hold", [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofRecoveryCode}, {enroll.ProofTOTP}})
	p.Rules[0].Hold = h
	return p
}

func limiting(h workflow.Hold) *workflow.Hold {
	h.Must = []enroll.ProofKind{enroll.ProofPasskey, enroll.ProofRecoveryCode}
	h.Limit = true
	return &h
}

func (w *world) duty() *workflow.Duty {
	w.t.Helper()
	d, err := w.engine.Duty(w.ctx, w.ann, person(annGUID, "ann"))
	wantErr(w.t, err, nil)
	return d
}

func TestWhatIsDueAndWhen(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		hold    workflow.Hold
		first   time.Duration // age of the first passkey; 0 for none
		held    []enroll.ProofKind
		missing int
		by      time.Duration // from now; 0 for no time
		overdue bool
	}{
		"at once":                   {workflow.Hold{}, day, nil, 1, 0, true},
		"within, and not over":      {workflow.Hold{Within: 14 * day}, 13 * day, nil, 1, day, false},
		"within, to the very end":   {workflow.Hold{Within: 14 * day}, 14 * day, nil, 1, 0, true},
		"within, and over":          {workflow.Hold{Within: 14 * day}, 15 * day, nil, 1, -day, true},
		"within, without a passkey": {workflow.Hold{Within: 14 * day}, 0, nil, 1, 0, false},
		"by a day to come":          {workflow.Hold{By: time.Now().Add(day)}, day, nil, 1, 0, false},
		"by a day that is over":     {workflow.Hold{By: time.Unix(1, 0)}, day, nil, 1, 0, true},
		"held":                      {workflow.Hold{}, day, []enroll.ProofKind{enroll.ProofRecoveryCode}, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.holds(append(c.held, enroll.ProofPasskey)...)
				if c.first > 0 {
					w.store.first = map[ad.GUID]time.Time{annGUID: time.Now().Add(-c.first)}
				}
				if !c.hold.By.IsZero() && c.hold.By.After(time.Unix(2, 0)) {
					c.hold.By = time.Now().Add(day) // by the clock of the bubble
				}
				w.engine.SetPolicy(holding(limiting(c.hold)))
				d := w.duty()
				if c.missing == 0 {
					if d != nil {
						t.Errorf("%+v", d)
					}
					return
				}
				if d == nil || len(d.Missing) != c.missing || d.Overdue != c.overdue || !d.Limits {
					t.Fatalf("%+v", d)
				}
				if c.by != 0 && !d.By.Equal(time.Now().Add(c.by)) {
					t.Errorf("by %v", d.By)
				}
				_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
				if errors.Is(err, workflow.ErrDuty) != c.overdue {
					t.Errorf("reset: %v", err)
				}
			})
		})
	}
}

func TestAnOverdueDutyLimitsToUnlockAndANewPasskey(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(holding(limiting(workflow.Hold{})))
		for _, kind := range workflow.Kinds {
			w.dir.edit(annGUID, func(a *ad.Account) { a.Locked = kind == workflow.KindUnlock })
			_, err := w.engine.Submit(w.ctx, w.ann, kind, "")
			if free := kind == workflow.KindUnlock || kind == workflow.KindEnrol; free != (err == nil) {
				t.Errorf("%s: %v", kind, err)
			} else if !free {
				var detail *workflow.Detailed
				if !errors.Is(err, workflow.ErrDuty) || !errors.As(err, &detail) || detail.Params["proofs"] != "recovery-code" {
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
		account := person(annGUID, "ann")
		account.Locked = true
		for _, o := range w.engine.Options(w.ctx, w.ann, account) {
			free := o.Kind == workflow.KindUnlock || o.Kind == workflow.KindEnrol
			if o.Kind != workflow.KindChange && (o.Allowed != free || !free && o.Code != string(workflow.ErrDuty)) {
				t.Errorf("option %+v", o)
			}
		}
		err := w.engine.Suffices(w.ctx, account, workflow.KindReset, "192.0.2.7", []enroll.ProofKind{enroll.ProofRecoveryCode})
		wantErr(t, err, workflow.ErrDuty)
		w.holds(enroll.ProofPasskey, enroll.ProofRecoveryCode)
		wantState(t, w.approved(workflow.KindReset), workflow.Approved)
	})
}

func TestADutyOnlyRemindsWhereNothingElseIsSaid(t *testing.T) {
	inWorld(t, func(w *world) {
		h := limiting(workflow.Hold{})
		h.Limit = false
		w.engine.SetPolicy(holding(h))
		if d := w.duty(); d == nil || !d.Overdue || d.Limits {
			t.Errorf("%+v", d)
		}
		wantState(t, w.approved(workflow.KindReset), workflow.Approved)
	})
}

// What was approved before the policy limits is held to at its next step.
func TestADutyHoldsAtTheLastStep(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.engine.SetPolicy(holding(limiting(workflow.Hold{})))
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrDuty)
		if w.dir.written() != 0 {
			t.Error("a password was written")
		}
	})
}

func TestAStoreThatCantSayWhatIsHeldDeniesOnlyWhereTheDutyLimits(t *testing.T) {
	for _, limit := range []bool{true, false} {
		for _, broken := range []string{"held-proofs", "first-passkey"} {
			inWorld(t, func(w *world) {
				h := limiting(workflow.Hold{Within: time.Hour})
				h.Limit = limit
				w.engine.SetPolicy(holding(h))
				fault := errors.New("store is down")
				w.store.before = func(what string) error {
					if what == broken {
						return fault
					}
					return nil
				}
				if _, err := w.engine.Duty(w.ctx, w.ann, person(annGUID, "ann")); !errors.Is(err, fault) {
					t.Errorf("the duty: %v", err)
				}
				_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindChange, "")
				if limit != errors.Is(err, workflow.ErrNotAllowed) {
					t.Errorf("limit %v, %s: %v", limit, broken, err)
				}
				w.lock(annGUID)
				if _, err := w.engine.Submit(w.ctx, w.ann, workflow.KindUnlock, ""); err != nil {
					t.Errorf("unlock: %v", err)
				}
			})
		}
	}
}

func TestAHardwareKeyIsThePasskeyThatHasToBeHeld(t *testing.T) {
	inWorld(t, func(w *world) {
		w.holds(enroll.ProofHardwareKey)
		w.engine.SetPolicy(holding(&workflow.Hold{Must: []enroll.ProofKind{enroll.ProofPasskey}}))
		if d := w.duty(); d != nil {
			t.Errorf("%+v", d)
		}
		w.engine.SetPolicy(holding(&workflow.Hold{Must: []enroll.ProofKind{enroll.ProofHardwareKey}}))
		w.holds(enroll.ProofPasskey)
		if d := w.duty(); d == nil || !slices.Equal(d.Missing, []enroll.ProofKind{enroll.ProofHardwareKey}) {
			t.Errorf("%+v", d)
		}
	})
}

func TestWhatARuleLeavesOutIsNotSetUp(t *testing.T) {
	none, codes := []enroll.ProofKind{}, []enroll.ProofKind{enroll.ProofRecoveryCode}
	for name, c := range map[string]struct {
		hold *workflow.Hold
		want string
		set  bool // an authenticator app
	}{
		"nothing is said":      {nil, "[recovery-code totp]", true},
		"may is not said":      {&workflow.Hold{Must: codes}, "[recovery-code totp]", true},
		"may is nothing":       {&workflow.Hold{Must: codes, May: none}, "[recovery-code]", false},
		"may is something":     {&workflow.Hold{Must: codes, May: []enroll.ProofKind{enroll.ProofTOTP}}, "[recovery-code totp]", true},
		"what no rule takes":   {&workflow.Hold{May: []enroll.ProofKind{enroll.ProofPIN}}, "[]", false},
		"may without any must": {&workflow.Hold{May: []enroll.ProofKind{enroll.ProofTOTP}}, "[totp]", true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(holding(c.hold))
				offered, err := w.engine.Offered(w.ctx, w.ann)
				wantErr(t, err, nil)
				text := make([]string, len(offered))
				for i, k := range offered {
					text[i] = string(k)
				}
				if got := "[" + strings.Join(text, " ") + "]"; got != c.want {
					t.Errorf("offered %s, want %s", got, c.want)
				}
				if err := w.engine.MaySetUp(w.ctx, w.ann, enroll.ProofTOTP); (err == nil) != c.set || err != nil && !errors.Is(err, workflow.ErrNotAllowed) {
					t.Errorf("an app: %v", err)
				}
			})
		})
	}
}

// The rule that decides for the person counts, and one in error denies.
func TestTheDutyIsThatOfTheRuleThatDecides(t *testing.T) {
	inWorld(t, func(w *world) {
		p := holding(limiting(workflow.Hold{}))
		p.Rules[0].Who = workflow.Condition{Department: "Board"}
		rest := everyone("", passkey).Rules[0]
		p.Rules = append(p.Rules, rest)
		w.engine.SetPolicy(p)
		if d := w.duty(); d != nil {
			t.Errorf("another department's duty: %+v", d)
		}
		wantErr(t, w.engine.MaySetUp(w.ctx, w.ann, enroll.ProofPIN), nil)
		p.Rules[0].Who = workflow.Condition{Group: &workflow.Group{DN: "CN=Gone", Err: "not found"}}
		w.engine.SetPolicy(p)
		wantErr(t, w.engine.MaySetUp(w.ctx, w.ann, enroll.ProofTOTP), workflow.ErrNotAllowed)
		_, err := w.engine.Offered(w.ctx, w.ann)
		wantErr(t, err, workflow.ErrNotAllowed)
	})
}

func TestExplainSaysWhatHasToBeHeld(t *testing.T) {
	at := workflow.Circumstances{Now: time.Now()}
	for _, c := range []struct {
		hold *workflow.Hold
		want string
	}{
		{nil, ""},
		{limiting(workflow.Hold{Within: 14 * 24 * time.Hour, May: []enroll.ProofKind{enroll.ProofTOTP}}),
			"passkey, recovery-code within 14 days of the first passkey; may hold totp; otherwise, once overdue, only unlock and enrol"},
		{&workflow.Hold{Must: []enroll.ProofKind{enroll.ProofPasskey}, By: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)},
			"passkey by 2026-12-31; otherwise they are reminded"},
		{&workflow.Hold{May: []enroll.ProofKind{}}, "nothing in particular; may hold nothing else; otherwise they are reminded"},
	} {
		if x := workflow.Explain(holding(c.hold), person(annGUID, "ann"), workflow.KindReset, at); x.Hold != c.want {
			t.Errorf("%q, want %q", x.Hold, c.want)
		}
	}
}
