package workflow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// browsers knows since when each browser was used.
type browsers struct {
	first map[string]time.Time
	err   error
	asked int
}

func (b *browsers) KnownBrowser(_ context.Context, account ad.GUID, browser string, before time.Time) (bool, error) {
	b.asked++
	at, known := b.first[account.String()+browser]
	return known && !at.After(before), b.err
}

// strictWhenNew asks for an app beside the passkey where the browser is new.
func strictWhenNew() workflow.Policy {
	yes := true
	p := everyone("policy-device", [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofTOTP}})
	p.Rules[0].Name, p.Rules[0].Who = "new", workflow.Condition{NewDevice: &yes}
	rest := everyone("", passkey).Rules[0]
	rest.Name = "known"
	p.Rules = append(p.Rules, rest)
	return p
}

func (w *world) withBrowsers(b *browsers) {
	w.engine = workflow.New(workflow.Config{
		Store: w.store, Directory: w.dir, Proofs: w.proofs, Judge: w.judge, Policy: strictWhenNew(),
		People: w.dir, Holders: w.store, Freezes: w.store, Reminders: w.store, Browsers: b, Executor: "one",
	})
}

func TestABrowserIsKnownADayAfterItWasUsed(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		browser string
		ago     time.Duration
		rule    string
	}{
		"no cookie":            {"", 0, "new"},
		"never used":           {"other", 0, "new"},
		"used a moment ago":    {"mine", time.Minute, "new"},
		"not quite a day ago":  {"mine", day - time.Millisecond, "new"},
		"a day ago":            {"mine", day, "known"},
		"somebody else's only": {"bobs", 2 * day, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.withBrowsers(&browsers{first: map[string]time.Time{
					annGUID.String() + "mine": time.Now().Add(-c.ago), bobGUID.String() + "bobs": time.Now().Add(-c.ago),
				}})
				w.ann.Browser = c.browser
				r := w.submit(workflow.KindReset)
				if r.Decision.Rule != c.rule || r.Browser != c.browser {
					t.Errorf("rule %q, browser %q", r.Decision.Rule, r.Browser)
				}
				if len(r.Needs()) != map[string]int{"new": 2, "known": 1}[c.rule] {
					t.Errorf("needs %v", r.Needs())
				}
			})
		})
	}
}

func TestAStoreThatCantSayWhetherABrowserIsNewDenies(t *testing.T) {
	for _, of := range []*browsers{{err: errors.New("store is down")}, nil} {
		inWorld(t, func(w *world) {
			w.withBrowsers(of)
			if of == nil {
				w.engine = w.start(w.store, w.dir) // the store knows no browsers
				w.engine.SetPolicy(strictWhenNew())
			}
			w.ann.Browser = "mine"
			_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
			wantErr(t, err, workflow.ErrNotAllowed)
			for _, o := range w.engine.Options(w.ctx, w.ann, person(annGUID, "ann")) {
				if o.Allowed {
					t.Errorf("option %+v", o)
				}
			}
		})
	}
}

// Whoever executes counts, wherever it was approved.
func TestAnotherBrowserIsAskedForMoreAtTheLastStep(t *testing.T) {
	inWorld(t, func(w *world) {
		w.withBrowsers(&browsers{first: map[string]time.Time{annGUID.String() + "mine": time.Now().Add(-48 * time.Hour)}})
		w.ann.Browser = "mine"
		r := w.approved(workflow.KindReset)
		w.ann.Browser = "other"
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrProofMissing)
		if w.dir.written() != 0 || len(w.stored(r.ID).Needs()) != 1 {
			t.Errorf("written %d, needs %v", w.dir.written(), w.stored(r.ID).Needs())
		}
	})
}

func TestNobodyAsksForBrowsersThatNoRuleNames(t *testing.T) {
	inWorld(t, func(w *world) {
		b := &browsers{}
		w.withBrowsers(b)
		w.engine.SetPolicy(everyone("plain", passkey))
		w.ann.Browser = "mine"
		w.approved(workflow.KindReset)
		if b.asked != 0 {
			t.Errorf("asked %d times", b.asked)
		}
	})
}

func TestANewDeviceIsExplained(t *testing.T) {
	for device, want := range map[workflow.Device]string{workflow.DeviceNew: "new", workflow.DeviceKnown: "known", "": "device-unknown"} {
		x := workflow.Explain(strictWhenNew(), person(annGUID, "ann"), workflow.KindReset, workflow.Circumstances{Now: time.Now(), Device: device})
		last := x.Decision.Findings[len(x.Decision.Findings)-1]
		if device == "" && (x.Seen != workflow.SeenMistaken || last.Code != want) || device != "" && x.Decision.Rule != want {
			t.Errorf("%q: %q, %+v", device, x.Decision.Rule, last)
		}
	}
	yes, no := true, false
	all := workflow.Condition{Any: []workflow.Condition{{NewDevice: &yes}}}
	if all.Total() || (workflow.Condition{NewDevice: &no}).Total() {
		t.Error("a condition on the device is for everybody")
	}
}
