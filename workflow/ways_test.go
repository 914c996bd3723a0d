package workflow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// proofSets reads "passkey+pin, mail-code".
func proofSets(text string) (out [][]enroll.ProofKind) {
	for _, set := range strings.Split(text, ", ") {
		var kinds []enroll.ProofKind
		for _, kind := range strings.Split(set, "+") {
			kinds = append(kinds, enroll.ProofKind(kind))
		}
		out = append(out, kinds)
	}
	return out
}

func inText(ways []workflow.Way) string {
	var out []string
	for _, way := range ways {
		text := strings.Trim(fmt.Sprint(way.Needs), "[]")
		if len(way.Lacks) > 0 {
			text += " (lacks " + strings.Trim(fmt.Sprint(way.Lacks), "[]") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestARequestOffersWhatIsLeftOfEachAlternative(t *testing.T) {
	for _, c := range []struct {
		name, prove, proved, atHand, want string
	}{
		{"one", "passkey", "", "", "passkey"},
		{"a touch before what is typed", "recovery-code, passkey", "", "passkey recovery-code", "passkey, recovery-code"},
		{"the policy's order", "totp, recovery-code", "", "recovery-code totp", "totp, recovery-code"},
		{"the shortest first", "pin+mail-code, totp", "", "totp pin mail-code", "totp, pin mail-code"},
		{"what is at hand first", "totp, pin+mail-code", "", "pin mail-code", "pin mail-code, totp (lacks totp)"},
		{"a passkey with either", "passkey+mail-code, passkey+pin", "", "passkey mail-code pin", "passkey mail-code, passkey pin"},
		{"no PIN", "passkey+pin, passkey+mail-code", "", "passkey mail-code", "passkey mail-code, passkey pin (lacks pin)"},
		{"nothing at hand", "passkey+pin, totp", "", "none", "totp (lacks totp), passkey pin (lacks passkey pin)"},
		{"nobody knows", "passkey+pin, totp", "", "", "totp, passkey pin"},
		{"after the passkey", "passkey+mail-code, passkey+pin", "passkey", "", "mail-code, pin"},
		{"after the PIN", "passkey+mail-code, passkey+pin", "pin", "", "passkey"},
		{"half of a longer one", "totp, pin+mail-code", "pin", "", "totp, mail-code"},
		{"one that asks for more", "passkey+pin, passkey", "", "", "passkey"},
		{"twice the same", "pin+totp, totp+pin", "", "", "pin totp"},
		{"a hardware key is a passkey", "hardware-key, passkey", "", "passkey", "passkey"},
		{"and is at hand as one", "passkey+pin", "", "hardware-key pin", "passkey pin"},
		{"but a passkey is no hardware key", "hardware-key, totp", "", "passkey totp", "totp, hardware-key (lacks hardware-key)"},
		{"a word is not given for oneself", "vouching, vouching+pin, totp", "", "", "totp"},
		{"all is proved", "passkey, totp", "totp", "", ""},
		{"a proof twice", "pin+pin", "", "", "pin"},
	} {
		r := workflow.Request{Decision: workflow.Decision{Prove: proofSets(c.prove)}}
		for _, kind := range strings.Fields(c.proved) {
			r.Proofs = append(r.Proofs, workflow.ConsumedProof{ID: kind, Kind: enroll.ProofKind(kind)})
		}
		var atHand []enroll.ProofKind
		for _, kind := range strings.Fields(c.atHand) {
			atHand = append(atHand, enroll.ProofKind(kind))
		}
		if got := inText(r.Ways(atHand)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	void := workflow.Request{
		Decision: workflow.Decision{Prove: proofSets("passkey+pin, totp")},
		Proofs:   []workflow.ConsumedProof{{ID: "1", Kind: enroll.ProofPasskey, Void: true}},
	}
	if got := inText(void.Ways(nil)); got != "totp, passkey pin" {
		t.Errorf("a proof that counts no more: %q", got)
	}
	if got := (workflow.Request{}).Ways(nil); len(got) != 0 {
		t.Errorf("without any alternative: %v", got)
	}
}

// Whatever a request offers is enough, and nothing less is.
func TestEachWayThatIsOfferedIsEnough(t *testing.T) {
	for _, prove := range []string{"recovery-code, passkey", "passkey+recovery-code, passkey+pin", "totp+recovery-code, recovery-code+mail-code, passkey"} {
		for i := range proofSets(prove) {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(everyone("policy-2", proofSets(prove)))
				r := w.submit(workflow.KindReset)
				ways := r.Ways(nil)
				if len(ways) != len(proofSets(prove)) {
					t.Fatalf("of %s: %v", prove, ways)
				}
				for n, kind := range ways[i].Needs {
					wantState(t, r, workflow.Draft)
					p := w.stepUp(w.ann, r.ID)
					p.Kind, p.ID = kind, fmt.Sprint(p.ID, n)
					var err error
					r, err = w.engine.Prove(w.ctx, w.ann, r.ID, p)
					wantErr(t, err, nil)
				}
				wantState(t, r, workflow.Approved)
				if left := r.Ways(nil); len(left) != 0 {
					t.Errorf("left %v", left)
				}
			})
		}
	}
}

// What Start offers is of the whole policy: each way once, with the kinds that it leads to.
func TestAWayInLeadsToWhatSomeRuleDoesForIt(t *testing.T) {
	word := []workflow.Tier{{By: workflow.Approvers{Manager: true}}}
	prove := func(text string, approve ...workflow.Tier) workflow.Act {
		return workflow.Act{Prove: proofSets(text), Approve: approve}
	}
	policy := workflow.Policy{Hash: "h", Rules: []workflow.Rule{
		{Name: "one", Who: workflow.Condition{Department: "Finance"}, Acts: map[workflow.Kind]workflow.Act{
			workflow.KindUnlock: prove("passkey, pin, recovery-code"), workflow.KindReset: prove("passkey, recovery-code"),
		}},
		{Name: "two", Who: workflow.Condition{Everyone: true}, Acts: map[workflow.Kind]workflow.Act{
			workflow.KindUnlock: prove("passkey, vouching"), workflow.KindReset: prove("vouching", word...),
			workflow.KindChange: prove("totp"), workflow.KindOneTime: prove("recovery-code, directory"), workflow.KindEnrol: prove("hardware-key+pin"),
		}},
	}}
	w := newWorld(t)
	w.engine.SetPolicy(policy)
	want := "[{[pin] [unlock]} {[recovery-code] [unlock reset one-time]} {[vouching] [reset]}]"
	if got := fmt.Sprint(w.engine.Recoveries()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
