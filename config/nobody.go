package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// A policy that nobody can satisfy looks like any other. What it takes to have a proof:
//
//   - directory, password, and a code to an address of the directory take nothing;
//   - vouching takes others, beside approve;
//   - all others but a passkey take a passkey: nothing else sets them up;
//   - a passkey takes an invitation, or enrol where it is lost.
//
// So the only loop there can be is an enrol that comes back to the lost passkey: because
// it asks for one, or for what counts only beside none. Duties can't make one: what is
// missing stands against neither setting it up nor enrol.

// checkGivable finds alternatives that nobody can give.
func (c Config) checkGivable(f *finder, at string, number int, kind workflow.Kind) {
	p := c.Policies[number]
	for i, set := range p.acts()[kind].alternatives() {
		key := fmt.Sprintf("%s.prove[%d]", at, i)
		if beside(set) > mostGiven {
			f.add(key, "asks for too much at once: %d proofs at most, and a passkey beside them; leave some out", mostGiven)
		}
		if slices.Contains(set, enroll.ProofPassword) && (kind == workflow.KindUnlock || p.Who.onlyLocked()) {
			f.add(key, "nobody can give password here: that of a locked account is never tried; write recovery-code or totp in its place")
		}
		if slices.Contains(set, enroll.ProofVouching) && kind == workflow.KindChange {
			f.add(key, "nobody can give vouching here: change is for whoever is signed in, where a word is no proof; write passkey")
		}
	}
}

// mostGiven are the proofs that one step takes, beside a passkey.
const mostGiven = 4

func beside(set []enroll.ProofKind) (n int) {
	for _, proof := range set {
		if !proof.IsPasskey() {
			n++
		}
	}
	return n
}

// setUp says whether its owner has to set the proof up, with a passkey.
func (c Config) setUp(proof enroll.ProofKind) bool {
	switch proof {
	case enroll.ProofMailCode:
		return c.Proofs.MailCode != nil && c.Proofs.MailCode.Attribute == ""
	case enroll.ProofSMSCode:
		return c.Proofs.SMSCode != nil && c.Proofs.SMSCode.Attribute == ""
	}
	return slices.Contains(holdable, proof) && !proof.IsPasskey()
}

// maySetUp says whether the entry's people may set the proof up. Where one of two
// entries asks for circumstances the other may decide for them at other times.
func (c Config) maySetUp(number int, proof enroll.ProofKind) bool {
	varies := c.Policies[number].Who.varies()
	for i, p := range c.Policies {
		lets := p.Hold == nil || p.Hold.May == nil ||
			slices.Contains(p.Hold.May, string(proof)) || slices.Contains(p.Hold.Must, string(proof))
		if lets && (i == number || varies || p.Who.varies()) {
			return true
		}
	}
	return false
}

// varies says whether the same person may match now and not later, without any change
// by an administrator.
func (w Who) varies() bool {
	return w.Network != nil || w.Hours != nil || w.State != nil || w.NewDevice != nil ||
		slices.ContainsFunc(w.Any, Who.varies) || slices.ContainsFunc(w.All, Who.varies) || w.Not != nil && w.Not.varies()
}

// onlyLocked says whether only locked accounts match.
func (w Who) onlyLocked() bool {
	other := func(state string) bool { return state != string(workflow.StateLocked) }
	return len(w.State) > 0 && !slices.ContainsFunc(w.State, other) || slices.ContainsFunc(w.All, Who.onlyLocked) ||
		len(w.Any) > 0 && !slices.ContainsFunc(w.Any, func(one Who) bool { return !one.onlyLocked() })
}

// checkSatisfiable finds an act of which every alternative is closed.
func (c Config) checkSatisfiable(f *finder, at string, number int, kind workflow.Kind) {
	act := *c.Policies[number].acts()[kind]
	var all []string
	loop, weak := true, false
	for _, set := range act.alternatives() {
		why := c.closed(number, kind, act, set)
		if why == "" {
			return
		}
		loop, weak = loop && loops(kind, set), weak || c.outranked(kind, act, set)
		if !slices.Contains(all, why) {
			all = append(all, why)
		}
	}
	if len(all) == 0 {
		return
	}
	what, instead := "nobody can satisfy it", "prove: [passkey]"
	if loop {
		what = "is a loop"
	}
	if kind == workflow.KindEnrol {
		instead = "prove: [recovery-code]"
		if !c.maySetUp(number, enroll.ProofRecoveryCode) {
			instead += ", and recovery-code under hold.may"
		}
	}
	if weak {
		instead += ", or approve: [{by: manager}] beside it"
	}
	f.add(at, "%s: %s; write %s", what, strings.Join(all, "; "), instead)
}

// closed is why nobody comes through by an alternative; "" where somebody does.
func (c Config) closed(number int, kind workflow.Kind, act Act, set []enroll.ProofKind) string {
	switch proof := c.unheld(number, set); {
	case proof != "":
		return fmt.Sprintf("hold lets nobody here set up %s", proof)
	case loops(kind, set):
		return "it takes a passkey to replace a lost one"
	case c.outranked(kind, act, set):
		return "whoever set these proofs up holds a passkey, which is stronger, and nothing weaker counts"
	}
	return ""
}

// unheld is a proof that nobody may set up here; "" for none.
func (c Config) unheld(number int, set []enroll.ProofKind) enroll.ProofKind {
	for _, proof := range set {
		if c.setUp(proof) && !c.maySetUp(number, proof) {
			return proof
		}
	}
	return ""
}

func loops(kind workflow.Kind, set []enroll.ProofKind) bool {
	return kind == workflow.KindEnrol && slices.ContainsFunc(set, enroll.ProofKind.IsPasskey)
}

// outranked: a credential without approve takes a proof that is no weaker than the
// strongest held (docs/security.md, rule 3). Whoever set a proof up holds the passkey
// that set it up, the lost one too. Who removed all passkeys of their own free will is
// nobody to write a policy for.
func (c Config) outranked(kind workflow.Kind, act Act, set []enroll.ProofKind) bool {
	strongest := func(proof enroll.ProofKind) bool {
		return enroll.Strength(proof) >= enroll.Strength(enroll.ProofPasskey)
	}
	return kind.ChangesCredential() && len(act.Approve) == 0 && slices.ContainsFunc(set, c.setUp) && !slices.ContainsFunc(set, strongest)
}

// unheldWarnings are of alternatives that only people of earlier days can still give.
func (c Config) unheldWarnings() (all []string) {
	for i, p := range c.Policies {
		for kind, act := range p.acts() {
			if act == nil {
				continue
			}
			for _, set := range act.alternatives() {
				if proof := c.unheld(i, set); proof != "" {
					all = append(all, fmt.Sprintf("policy %q, %s: hold lets nobody set up %s, so that only those have it who did before; write %s under hold.may, or leave it out", p.Name, kind, proof, proof))
				}
			}
		}
	}
	return all
}
