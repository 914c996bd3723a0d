package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

var allProofs = []enroll.ProofKind{
	enroll.ProofPasskey, enroll.ProofHardwareKey, enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofPassword, enroll.ProofMailCode,
	enroll.ProofSMSCode, enroll.ProofPIN, enroll.ProofQuestions, enroll.ProofDirectory, enroll.ProofVouching,
}

// sets are every set of one or two proofs.
func sets() (out [][]enroll.ProofKind) {
	for i, a := range allProofs {
		out = append(out, []enroll.ProofKind{a})
		for _, b := range allProofs[i+1:] {
			out = append(out, []enroll.ProofKind{a, b})
		}
	}
	return out
}

func rank(set []enroll.ProofKind) (most int) {
	for _, k := range set {
		most = max(most, enroll.Strength(k))
	}
	return most
}

func covers(have, want []enroll.ProofKind) bool {
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || h.Counts(w)
		}
		if !found {
			return false
		}
	}
	return true
}

// Rule 3, over every pair of proofs held, asked for and given: without an approval no
// credential changes by less than the strongest proof held; and what the policy asks
// for is given in full.
func TestNoCredentialChangesBelowTheStrongestProofHeld(t *testing.T) {
	w := newWorld(t)
	tried, let, turn := 0, 0, 0
	kinds := func() []workflow.Kind { // one in turn, or all of them
		if os.Getenv("LATCHKEY_SOAK") != "" {
			return workflow.Kinds
		}
		turn++
		return workflow.Kinds[turn%len(workflow.Kinds):][:1]
	}
	for _, held := range append(sets(), nil) {
		w.holds(held...)
		for _, asked := range sets() {
			for _, approve := range []bool{false, true} {
				policy := everyone("h", [][]enroll.ProofKind{asked})
				for kind, act := range policy.Rules[0].Acts {
					if approve {
						act.Approve = []workflow.Tier{{By: workflow.Approvers{Manager: true}}}
					}
					policy.Rules[0].Acts[kind] = act
				}
				w.engine.SetPolicy(policy)
				for _, given := range sets() {
					for _, kind := range kinds() {
						tried++
						err := w.engine.Suffices(context.Background(), w.account(annGUID), kind, w.ann.Address, given)
						changes := kind == workflow.KindReset || kind == workflow.KindOneTime || kind == workflow.KindEnrol
						// A word is no proof at this door, whoever is asked.
						want := covers(given, asked) && rank(asked) > 0 && !slices.Contains(asked, enroll.ProofVouching) && (approve || !changes || rank(asked) >= rank(held))
						if (err == nil) != want {
							t.Errorf("%s, held %v, asked %v (approve %t), given %v: %v", kind, held, asked, approve, given, err)
						}
						if err != nil && !errors.Is(err, enroll.ErrRecoverRefused) {
							t.Errorf("another answer: %v", err)
						}
						if err == nil {
							let++
						}
					}
				}
			}
		}
	}
	if let == 0 || let == tried {
		t.Errorf("%d of %d let through", let, tried)
	}
	t.Logf("%d combinations, %d let through", tried, let)
}

// The same of a request of whoever is signed in, whose decision keeps what may be
// proved: over every pair held, every proof asked for, and alone or beside a stronger one.
func TestARequestKeepsNoAlternativeBelowTheStrongestProofHeld(t *testing.T) {
	tried, refused := 0, 0
	for _, held := range sets() {
		for _, asked := range allProofs {
			for _, prove := range [][][]enroll.ProofKind{{{asked}}, {{asked}, {enroll.ProofRecoveryCode}}} {
				for _, kind := range workflow.Kinds {
					w := newWorld(t)
					if kind == workflow.KindUnlock {
						w.lock(annGUID)
					}
					w.holds(held...)
					w.engine.SetPolicy(everyone("h", prove))
					tried++
					r, err := w.engine.Submit(t.Context(), w.ann, kind, "")
					changes := kind == workflow.KindReset || kind == workflow.KindOneTime || kind == workflow.KindEnrol
					strong := func(set []enroll.ProofKind) bool {
						return rank(set) > 0 && !slices.Contains(set, enroll.ProofVouching) && (!changes || rank(set) >= rank(held))
					}
					if want := slices.ContainsFunc(prove, strong); (err == nil) != want {
						t.Errorf("%s, held %v, asked %v: %v", kind, held, prove, err)
					}
					if err != nil {
						refused++
					}
					for _, set := range r.Decision.Prove {
						if err == nil && !strong(set) {
							t.Errorf("%s, held %v, asked %v: may be proved by %v", kind, held, prove, set)
						}
					}
				}
			}
		}
	}
	if refused == 0 || refused == tried {
		t.Errorf("%d of %d refused", refused, tried)
	}
	t.Logf("%d combinations, %d refused", tried, refused)
}

// The same holds for the request itself, whatever came before it.
func TestARequestAsksForTheStrongestProofHeld(t *testing.T) {
	alternatives := [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofTOTP}, {enroll.ProofRecoveryCode}}
	for _, c := range []struct {
		held  []enroll.ProofKind
		kind  workflow.Kind
		prove string
		err   error
	}{
		{[]enroll.ProofKind{enroll.ProofPasskey, enroll.ProofTOTP}, workflow.KindReset, "[[passkey] [recovery-code]]", nil},
		{[]enroll.ProofKind{enroll.ProofTOTP}, workflow.KindReset, "[[passkey] [totp] [recovery-code]]", nil},
		{[]enroll.ProofKind{enroll.ProofPasskey}, workflow.KindEnrol, "[[passkey] [recovery-code]]", nil},
		{[]enroll.ProofKind{enroll.ProofPasskey}, workflow.KindChange, "[[passkey] [totp] [recovery-code]]", nil},
	} {
		w := newWorld(t)
		w.holds(c.held...)
		w.engine.SetPolicy(everyone("h", alternatives))
		r, err := w.engine.Submit(t.Context(), w.ann, c.kind, "")
		if !errors.Is(err, c.err) || fmt.Sprint(r.Decision.Prove) != c.prove {
			t.Errorf("%s, held %v: %v, %v", c.kind, c.held, r.Decision.Prove, err)
		}
	}
	w := newWorld(t)
	w.holds(enroll.ProofPasskey)
	w.engine.SetPolicy(everyone("h", [][]enroll.ProofKind{{enroll.ProofTOTP}}))
	if _, err := w.engine.Submit(t.Context(), w.ann, workflow.KindReset, ""); !errors.Is(err, workflow.ErrProofTooWeak) {
		t.Errorf("only a weaker one: %v", err)
	}
	w.store.before = func(op string) error {
		if op == "held-proofs" {
			return errors.New("the store is away")
		}
		return nil
	}
	if _, err := w.engine.Submit(t.Context(), w.ann, workflow.KindOneTime, ""); !errors.Is(err, workflow.ErrNotAllowed) {
		t.Errorf("a store that can't say: %v", err)
	}
}

// Who writes in the directory can void what somebody set up. That lowers nothing: the rank
// of it stays, for a credential and for a thaw; but it fulfils no duty.
func TestWhatProvesNothingAnyMoreKeepsItsRank(t *testing.T) {
	inWorld(t, func(w *world) {
		policy := func(asked, duty []enroll.ProofKind) {
			p := everyone("h", [][]enroll.ProofKind{asked})
			p.Rules[0].Hold = &workflow.Hold{Must: duty}
			w.engine.SetPolicy(p)
		}
		frozen := workflow.Freeze{Account: annGUID, By: annGUID}
		refused := map[bool]int{}
		for _, kind := range allProofs {
			if kind.IsPasskey() || enroll.Strength(kind) == 0 || kind == enroll.ProofVouching {
				continue
			}
			for _, asked := range sets() {
				answers := func() (out []error) {
					policy(asked, nil)
					for _, act := range workflow.Kinds {
						out = append(out, w.engine.Suffices(w.ctx, w.account(annGUID), act, w.ann.Address, asked))
					}
					w.store.frozen[annGUID] = frozen
					out = append(out, w.engine.ThawSuffices(w.ctx, w.account(annGUID), w.ann.Address, asked))
					delete(w.store.frozen, annGUID)
					return out
				}
				w.holds(kind)
				w.store.voided[annGUID] = nil
				held := answers()
				w.holds()
				w.store.voided[annGUID] = []enroll.ProofKind{kind}
				void := answers()
				for i := range held {
					refused[held[i] != nil]++
					if (held[i] == nil) != (void[i] == nil) {
						t.Errorf("%s, asked %v, %d: held %v, void %v", kind, asked, i, held[i], void[i])
					}
				}
			}
			policy([]enroll.ProofKind{enroll.ProofPasskey}, []enroll.ProofKind{kind})
			if d, err := w.engine.Duty(w.ctx, w.ann, w.account(annGUID)); err != nil || d == nil || !slices.Equal(d.Missing, []enroll.ProofKind{kind}) {
				t.Errorf("%s fulfils a duty: %+v, %v", kind, d, err)
			}
		}
		if refused[true] == 0 || refused[false] == 0 {
			t.Errorf("refused: %v", refused)
		}
	})
}

func (w *world) holds(kinds ...enroll.ProofKind) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.keyless[annGUID] = true
	w.store.holds[annGUID] = nil
	for _, k := range kinds {
		if k.IsPasskey() {
			w.store.keyless[annGUID] = false
		} else {
			w.store.holds[annGUID] = append(w.store.holds[annGUID], k)
		}
	}
}

func (w *world) account(id ad.GUID) ad.Account {
	w.t.Helper()
	a, err := w.dir.Account(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// What Start offers follows the policy that runs, each alternative once.
func TestStartOffersWhatSomeRuleNames(t *testing.T) {
	w := newWorld(t)
	if got := w.engine.Recoveries(); len(got) != 0 || w.engine.Offers(enroll.ProofTOTP) {
		t.Errorf("by passkeys alone: %v", got)
	}
	both := []enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofTOTP}
	w.engine.SetPolicy(everyone("h", [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofRecoveryCode}, both}))
	if got := fmt.Sprint(w.engine.Recoveries()); got != "[{[recovery-code] [unlock reset one-time enrol]} {[recovery-code totp] [unlock reset one-time enrol]}]" || !w.engine.Offers(enroll.ProofTOTP) {
		t.Errorf("with codes: %s", got)
	}
	w.engine.SetPolicy(everyone("h2", passkey))
	if got := w.engine.Recoveries(); len(got) != 0 {
		t.Errorf("after a reload: %v", got)
	}
}
