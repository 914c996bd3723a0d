package workflow_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

var hardwareKey = [][]enroll.ProofKind{{enroll.ProofHardwareKey}}

// withKey is the same proof, made with a hardware key.
func withKey(p enroll.Proof) enroll.Proof {
	p.Kind = enroll.ProofHardwareKey
	return p
}

func TestAHardwareKeyIsAPasskeyToo(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, kind := range writing[1:] {
			r := w.submit(kind)
			r, err := w.engine.Prove(w.ctx, w.ann, r.ID, withKey(w.stepUp(w.ann, r.ID)))
			wantErr(t, err, nil)
			wantState(t, r, workflow.Approved)
			if p := w.stored(r.ID).Proofs; len(p) != 1 || p[0].Kind != enroll.ProofHardwareKey {
				t.Errorf("%s: stored %+v", kind, p)
			}
		}
	})
}

func TestAPlainPasskeyIsNoHardwareKey(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("policy-2", hardwareKey))
		for _, kind := range writing[1:] {
			r := w.submit(kind)
			if needs := r.Needs(); !slices.Equal(needs, hardwareKey[0]) {
				t.Errorf("%s needs %v", kind, needs)
			}
			_, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
			wantErr(t, err, workflow.ErrNotHardware)
			wantState(t, w.stored(r.ID), workflow.Draft)
			if p := w.stored(r.ID).Proofs; len(p) != 0 {
				t.Errorf("%s: consumed %+v", kind, p)
			}
			r, err = w.engine.Prove(w.ctx, w.ann, r.ID, withKey(w.stepUp(w.ann, r.ID)))
			wantErr(t, err, nil)
			wantState(t, r, workflow.Approved)
		}
	})
}

func TestASignInWithAHardwareKeyUnlocksWhereOneIsAskedFor(t *testing.T) {
	for name, plain := range map[string]bool{"hardware key": false, "plain passkey": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(everyone("policy-2", hardwareKey))
				w.lock(annGUID)
				p := w.signIn(w.ann)
				if !plain {
					w.proofs.signIns[w.ann.Session] = withKey(p)
				}
				r := w.submit(workflow.KindUnlock)
				if plain {
					wantState(t, r, workflow.Draft)
					_, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
					wantErr(t, err, workflow.ErrNotHardware)
					return
				}
				wantState(t, r, workflow.Done)
				// The same sign-in is used up, whatever kind it is.
				w.lock(annGUID)
				if again := w.submit(workflow.KindUnlock); again.State != workflow.Draft {
					t.Errorf("a used sign-in brought it to %s", again.State)
				}
			})
		})
	}
}

// A policy that changes while a request waits is held to at the next step, by another
// server too, which reads the proof from the store.
func TestAPasskeyProvedBeforeThePolicyAskedForAHardwareKeyCountsNoMore(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.approved(workflow.KindReset)
		w.policy = everyone("policy-2", hardwareKey)
		w.engine = w.start(w.store, w.dir)
		_, err := w.execute(r)
		wantErr(t, err, workflow.ErrProofMissing)
		wantState(t, w.stored(r.ID), workflow.Draft)
		if needs := w.stored(r.ID).Needs(); !slices.Equal(needs, hardwareKey[0]) {
			t.Errorf("needs %v", needs)
		}
		r, err = w.engine.Prove(w.ctx, w.ann, r.ID, withKey(w.stepUp(w.ann, r.ID)))
		wantErr(t, err, nil)
		w.engine = w.start(w.store, w.dir)
		r, err = w.execute(r)
		wantErr(t, err, nil)
		wantState(t, r, workflow.Done)
	})
}

func TestWhoHoldsBothMayUseThePasskeyWhereThePolicyTakesIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.holds = map[ad.GUID][]enroll.ProofKind{annGUID: {enroll.ProofHardwareKey}}
		wantState(t, w.approved(workflow.KindReset), workflow.Approved)
	})
}

func TestAHardwareKeyIsNeverAWayInWithoutAPasskey(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("policy-2", [][]enroll.ProofKind{
			{enroll.ProofHardwareKey}, {enroll.ProofHardwareKey, enroll.ProofTOTP}, {enroll.ProofRecoveryCode},
		}))
		if ways := w.engine.Recoveries(); len(ways) != 1 || ways[0].Prove[0] != enroll.ProofRecoveryCode {
			t.Errorf("ways in %v", ways)
		}
	})
}

func TestWhoIsToHaveHardwareKeysOnly(t *testing.T) {
	recovery := [][]enroll.ProofKind{{enroll.ProofRecoveryCode, enroll.ProofTOTP}}
	act := func(prove [][]enroll.ProofKind) workflow.Act { return workflow.Act{Prove: prove} }
	group := workflow.Condition{Group: &workflow.Group{DN: "CN=Gone", Err: "not found"}}
	inside := workflow.Condition{Network: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	all := workflow.Condition{Everyone: true}
	rule := func(who workflow.Condition, unlock, reset [][]enroll.ProofKind) workflow.Rule {
		return workflow.Rule{Name: "r", Who: who, Acts: map[workflow.Kind]workflow.Act{
			workflow.KindUnlock: act(unlock), workflow.KindReset: act(reset), workflow.KindEnrol: act(recovery),
		}}
	}
	for name, c := range map[string]struct {
		rules  []workflow.Rule
		from   string
		only   bool
		faulty bool
	}{
		"nothing else":             {[]workflow.Rule{rule(all, hardwareKey, hardwareKey)}, "192.0.2.7", true, false},
		"a passkey for one kind":   {[]workflow.Rule{rule(all, hardwareKey, passkey)}, "192.0.2.7", false, false},
		"passkeys":                 {[]workflow.Rule{rule(all, passkey, passkey)}, "192.0.2.7", false, false},
		"no passkey of any kind":   {[]workflow.Rule{rule(all, recovery, recovery)}, "192.0.2.7", false, false},
		"other people's rule":      {[]workflow.Rule{rule(workflow.Condition{Department: "Board"}, hardwareKey, hardwareKey), rule(all, passkey, passkey)}, "192.0.2.7", false, false},
		"passkeys from inside":     {[]workflow.Rule{rule(inside, passkey, passkey), rule(all, hardwareKey, hardwareKey)}, "192.0.2.7", false, false},
		"and none from outside":    {[]workflow.Rule{rule(inside, passkey, passkey), rule(all, hardwareKey, hardwareKey)}, "198.51.100.7", true, false},
		"an address that is none":  {[]workflow.Rule{rule(inside, passkey, passkey), rule(all, hardwareKey, hardwareKey)}, "", true, true},
		"a rule in error":          {[]workflow.Rule{rule(group, passkey, passkey), rule(all, hardwareKey, hardwareKey)}, "192.0.2.7", true, true},
		"an error without any key": {[]workflow.Rule{rule(group, passkey, passkey)}, "192.0.2.7", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(workflow.Policy{Hash: "p", Rules: c.rules})
				only, err := w.engine.HardwareOnly(w.ctx, person(annGUID, "ann"), c.from)
				if only != c.only || (err != nil) != c.faulty {
					t.Errorf("%v, %v", only, err)
				}
			})
		})
	}
}
