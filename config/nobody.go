package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// A policy that nobody can satisfy looks like any other. What no file can mend is refused;
// what depends on what people hold already is warned of. What it takes to have a proof:
//
//   - directory, password, and a code to an address of the directory take nothing;
//   - vouching takes others, beside approve;
//   - all others but a passkey take a passkey: nothing else sets them up;
//   - a passkey takes an invitation, or enrol where it is lost.
//
// So the only loop there can be is an enrol that comes back to the lost passkey: because
// it asks for one, which takes a second, or for what counts only beside none. Duties can't
// make one: what is missing stands against neither setting it up nor enrol.

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

// fewWarnings are of acts and alternatives that only few people can satisfy: who holds
// more than a file can tell of, or holds it from another time.
func (c Config) fewWarnings() (all []string) {
	for i, p := range c.Policies {
		for kind, act := range p.acts() {
			if act == nil {
				continue
			}
			at := fmt.Sprintf("policy %q, %s: ", p.Name, kind)
			for _, set := range act.alternatives() {
				if proofs := c.unheld(i, set); len(proofs) > 0 {
					all = append(all, at+fmt.Sprintf("hold lets nobody here set up %s: only for somebody who did before, or under another entry; write %s under hold.may, or leave it out",
						strings.Join(proofs, " or "), strings.Join(proofs, ", ")))
				}
			}
			if w := c.few(i, kind, *act); w != "" {
				all = append(all, at+w)
			}
		}
	}
	return all
}

// few is what is to be said of an act of which every alternative is for few; "" for nothing.
func (c Config) few(number int, kind workflow.Kind, act Act) string {
	var whom []string
	weak := false
	for _, set := range act.alternatives() {
		one := c.onlyFor(kind, act, set)
		if one == "" {
			return ""
		}
		weak = weak || !loops(kind, set)
		if !slices.Contains(whom, one) {
			whom = append(whom, one)
		}
	}
	if len(whom) == 0 {
		return ""
	}
	instead := "prove: [passkey]"
	if kind == workflow.KindEnrol {
		instead = "prove: [recovery-code]"
		if !c.maySetUp(number, enroll.ProofRecoveryCode) {
			instead += ", and recovery-code under hold.may"
		}
	}
	if weak {
		instead += ", or approve: [{by: manager}] beside it"
	}
	return fmt.Sprintf("only for somebody %s; write %s", strings.Join(whom, ", or "), instead)
}

// onlyFor says who comes through by an alternative; "" for whoever can give its proofs.
func (c Config) onlyFor(kind workflow.Kind, act Act, set []enroll.ProofKind) string {
	switch {
	case loops(kind, set):
		return "who has another passkey"
	case c.outranked(kind, act, set):
		return "whose passkeys were all removed, since nothing weaker counts beside one"
	}
	return ""
}

// unheld are the proofs of an alternative that nobody may set up here.
func (c Config) unheld(number int, set []enroll.ProofKind) (out []string) {
	for _, proof := range set {
		if c.setUp(proof) && !c.maySetUp(number, proof) {
			out = append(out, string(proof))
		}
	}
	return out
}

// loops: it comes back to a lost passkey, unless there is a second one.
func loops(kind workflow.Kind, set []enroll.ProofKind) bool {
	return kind == workflow.KindEnrol && slices.ContainsFunc(set, enroll.ProofKind.IsPasskey)
}

// outranked: a credential without approve takes a proof that is no weaker than the
// strongest held (docs/security.md, rule 3). Whoever set a proof up holds the passkey
// that set it up, the lost one too, until it is removed.
func (c Config) outranked(kind workflow.Kind, act Act, set []enroll.ProofKind) bool {
	strongest := func(proof enroll.ProofKind) bool {
		return enroll.Strength(proof) >= enroll.Strength(enroll.ProofPasskey)
	}
	return kind.ChangesCredential() && len(act.Approve) == 0 && slices.ContainsFunc(set, c.setUp) && !slices.ContainsFunc(set, strongest)
}
