package workflow_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

var (
	aCode = []enroll.ProofKind{enroll.ProofTOTP}
	aWord = []enroll.ProofKind{enroll.ProofVouching}
)

// explain is what is said of ann, and held to what the server offers her.
func (w *world) explain(p workflow.Policy, kind workflow.Kind) workflow.Explanation {
	w.t.Helper()
	w.engine.SetPolicy(p)
	c := workflow.ExplainConfig{Policy: p.Ready(), Known: w.store, People: w.dir}
	at := workflow.Circumstances{Now: time.Now(), Address: netip.MustParseAddr(w.ann.Address), Device: workflow.DeviceNew}
	account := w.account(annGUID)
	x := workflow.ExplainKnown(w.ctx, c, account, kind, at)
	shown := false
	for _, o := range w.engine.Options(w.ctx, w.ann, account) {
		if o.Kind == kind {
			shown = true
			if o.Code != x.Code || o.Allowed != (x.Seen == workflow.SeenOffered) {
				w.t.Errorf("offered %+v, explained %+v", o, x)
			}
		}
	}
	if shown == (x.Seen == workflow.SeenNothing) {
		w.t.Errorf("shown: %t, explained %+v", shown, x)
	}
	return x
}

func approvedBy(p workflow.Policy, tiers ...workflow.Tier) workflow.Policy {
	for kind, act := range p.Rules[0].Acts {
		act.Approve = tiers
		p.Rules[0].Acts[kind] = act
	}
	return p
}

func TestExplainSaysWhatSomebodyWhoHoldsThisIsTold(t *testing.T) {
	manager := workflow.Tier{By: workflow.Approvers{Manager: true}}
	for _, c := range []struct {
		name   string
		holds  []enroll.ProofKind
		policy workflow.Policy
		kind   workflow.Kind
		set    func(*world)
		code   error
		left   string // alternatives
		ways   string
		asked  int
	}{
		{name: "a weaker proof than one that is held", holds: []enroll.ProofKind{enroll.ProofPasskey, enroll.ProofTOTP},
			policy: everyone("h", [][]enroll.ProofKind{aCode}), code: workflow.ErrProofTooWeak, asked: -1},
		{name: "the strongest that is held", holds: aCode,
			policy: everyone("h", [][]enroll.ProofKind{aCode, {enroll.ProofPIN}}), left: "[totp]", ways: "[totp]", asked: -1},
		{name: "of alternatives those that are strong enough", holds: []enroll.ProofKind{enroll.ProofPasskey},
			policy: everyone("h", [][]enroll.ProofKind{{enroll.ProofPasskey}, aCode, {enroll.ProofRecoveryCode, enroll.ProofPIN}}), left: "[passkey recovery-code + pin]", ways: "[recovery-code + pin]", asked: -1},
		{name: "an unlock by any", holds: []enroll.ProofKind{enroll.ProofPasskey}, kind: workflow.KindUnlock, set: func(w *world) { w.lock(annGUID) },
			policy: everyone("h", [][]enroll.ProofKind{aCode}), left: "[totp]", ways: "[totp]", asked: -1},
		{name: "an account that is not locked", holds: []enroll.ProofKind{enroll.ProofPasskey}, kind: workflow.KindUnlock,
			policy: everyone("h", [][]enroll.ProofKind{aCode}), code: workflow.ErrNotLocked, ways: "[totp]", asked: -1},
		{name: "a word alone", policy: approvedBy(everyone("h", [][]enroll.ProofKind{aWord}), manager),
			code: workflow.ErrOnlyVouched, ways: "[vouching]", asked: -1},
		{name: "a word whom nobody could give", policy: approvedBy(everyone("h", [][]enroll.ProofKind{aWord}), manager),
			set: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "" }) }, code: workflow.ErrOnlyVouched, asked: -1},
		{name: "a word that nobody is asked for", policy: everyone("h", [][]enroll.ProofKind{{enroll.ProofVouching, enroll.ProofPIN}}),
			code: workflow.ErrOnlyVouched, asked: -1},
		{name: "a word beside a frozen account", policy: approvedBy(everyone("h", [][]enroll.ProofKind{aWord}), manager),
			set: func(w *world) { w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID} }, code: workflow.ErrFrozen, asked: -1},
		{name: "an approval", holds: []enroll.ProofKind{enroll.ProofPasskey},
			policy: approvedBy(everyone("h", [][]enroll.ProofKind{{enroll.ProofPasskey}, aCode, aWord}), manager), left: "[passkey totp]", ways: "[totp vouching]", asked: 1},
		{name: "an approval that nobody can give", holds: []enroll.ProofKind{enroll.ProofPasskey},
			policy: approvedBy(everyone("h", passkey), manager), set: func(w *world) { w.store.keyless[bobGUID] = true }, left: "[passkey]", asked: 0},
		{name: "a directory that does not tell who approves", holds: []enroll.ProofKind{enroll.ProofPasskey},
			policy: approvedBy(everyone("h", passkey), manager), set: func(w *world) { w.dir.before = failsAt("by-dn") }, left: "[passkey]", asked: -1},
		{name: "a cool-down", holds: []enroll.ProofKind{enroll.ProofPasskey}, policy: cooling(),
			set: func(w *world) { w.store.replaced[annGUID] = time.Now().Add(-time.Hour) }, code: workflow.ErrCoolDown, asked: -1},
		{name: "a cool-down that is over", holds: []enroll.ProofKind{enroll.ProofPasskey}, policy: cooling(),
			set: func(w *world) { w.store.replaced[annGUID] = time.Now().Add(-25 * time.Hour) }, left: "[passkey]", asked: -1},
		{name: "a freeze", holds: []enroll.ProofKind{enroll.ProofPasskey}, policy: everyone("h", passkey),
			set: func(w *world) { w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID} }, code: workflow.ErrFrozen, asked: -1},
		{name: "a duty that is overdue", holds: []enroll.ProofKind{enroll.ProofPasskey}, policy: holding(limiting(workflow.Hold{})),
			code: workflow.ErrDuty, asked: -1},
		{name: "a duty that never stands against an unlock", holds: []enroll.ProofKind{enroll.ProofPasskey}, kind: workflow.KindUnlock, set: func(w *world) { w.lock(annGUID) },
			policy: holding(limiting(workflow.Hold{})), left: "[passkey recovery-code totp]", ways: "[recovery-code totp]", asked: -1},
		{name: "no way in to a change", holds: aCode, kind: workflow.KindChange,
			policy: everyone("h", [][]enroll.ProofKind{aCode}), left: "[totp]", asked: -1},
		{name: "a store that does not say", policy: everyone("h", [][]enroll.ProofKind{aCode}),
			set: func(w *world) { w.store.before = failsAt("held-proofs") }, code: workflow.ErrNotAllowed, asked: -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				t := w.t
				w.holds(c.holds...)
				bob := w.account(bobGUID).DN
				w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = bob })
				if c.set != nil {
					c.set(w)
				}
				if c.kind == "" {
					c.kind = workflow.KindReset
				}
				x := w.explain(c.policy, c.kind)
				if !errors.Is(x.Err, c.code) || (x.Err == nil) != (c.code == nil) {
					t.Fatalf("%v, want %v", x.Err, c.code)
				}
				if got := listed(x.Known.Left); got != c.left {
					t.Errorf("left %s, want %s", got, c.left)
				}
				if got := listed(x.Known.Ways); got != c.ways {
					t.Errorf("ways %s, want %s", got, c.ways)
				}
				if x.Known.Asked != c.asked {
					t.Errorf("asked %d, want %d", x.Known.Asked, c.asked)
				}
			})
		})
	}
}

func listed(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprint(words)
}

func TestExplainSaysWhatIsLackedAndHowLongACoolDownLasts(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.holds(enroll.ProofPasskey)
		w.store.first = map[ad.GUID]time.Time{annGUID: time.Now().Add(-13 * 24 * time.Hour)}
		x := w.explain(holding(limiting(workflow.Hold{Within: 14 * 24 * time.Hour})), workflow.KindReset)
		if d := x.Known.Lacks; x.Err != nil || d == nil || d.Overdue || !d.By.Equal(time.Now().Add(24*time.Hour)) || !slices.Equal(d.Missing, []enroll.ProofKind{enroll.ProofRecoveryCode}) {
			t.Errorf("%v, %+v", x.Err, x.Known.Lacks)
		}
		if x := w.explain(everyone("h", passkey), workflow.KindReset); x.Known.Lacks != nil {
			t.Errorf("lacks %+v", x.Known.Lacks)
		}
		replaced := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		w.store.replaced[annGUID] = replaced
		x = w.explain(cooling(), workflow.KindReset)
		var detailed *workflow.Detailed
		if !errors.As(x.Err, &detailed) || detailed.Params["until"] != replaced.Add(24*time.Hour).Format(time.RFC3339) {
			t.Errorf("%v, %+v", x.Err, detailed)
		}
	})
}

// What another rule takes is offered to everybody, and is no way in for her.
func TestExplainTakesOnlyHerOwnRulesWords(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		manager := workflow.Tier{By: workflow.Approvers{Manager: true}}
		both := []enroll.ProofKind{enroll.ProofVouching, enroll.ProofPIN}
		bob := w.account(bobGUID).DN
		w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = bob })
		w.lock(annGUID)
		others := approvedBy(only("h", workflow.Condition{Department: "Sales"}, [][]enroll.ProofKind{aWord, both}), manager)
		for name, c := range map[string]struct {
			hers workflow.Policy
			ways string
		}{
			"hers asks for more":           {approvedBy(everyone("h", [][]enroll.ProofKind{both}), manager), "[vouching + pin]"},
			"hers asks nobody for a word":  {everyone("h", [][]enroll.ProofKind{both, {enroll.ProofPIN}}), "[pin]"},
			"hers takes each of the words": {approvedBy(everyone("h", [][]enroll.ProofKind{aWord, both}), manager), "[vouching vouching + pin]"},
		} {
			p := workflow.Policy{Hash: "h", Rules: append(slices.Clone(others.Rules), c.hers.Rules...)}
			if x := w.explain(p, workflow.KindUnlock); listed(x.Known.Ways) != c.ways {
				t.Errorf("%s: %v", name, x.Known.Ways)
			}
		}
	})
}

// Where nobody looks who approves, that is left open, and a word counts.
func TestExplainLeavesOpenWhoApproves(t *testing.T) {
	inWorld(t, func(w *world) {
		w.holds(enroll.ProofPasskey)
		p := approvedBy(everyone("h", [][]enroll.ProofKind{{enroll.ProofPasskey}, aWord}), workflow.Tier{By: workflow.Approvers{Manager: true}})
		c := workflow.ExplainConfig{Policy: p.Ready(), Known: w.store}
		x := workflow.ExplainKnown(w.ctx, c, w.account(annGUID), workflow.KindReset, workflow.Circumstances{Now: time.Now()})
		if x.Err != nil || x.Known.Asked != -1 || listed(x.Known.Ways) != "[vouching]" {
			w.t.Errorf("%v, %+v", x.Err, x.Known)
		}
	})
}

func failsAt(op string) func(string) error {
	return func(now string) error {
		if now == op {
			return errors.New("away")
		}
		return nil
	}
}
