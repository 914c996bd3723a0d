package workflow

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// HardwareOnly says whether the running policy takes of the account, from that address,
// a passkey on an attested security key and no other: some kind asks for a hardware key,
// and none for a passkey as such. Beside an error it says yes.
// The browser counts as new: most register on one.
func (e *Engine) HardwareOnly(ctx context.Context, account ad.Account, address string) (bool, error) {
	if !e.Offers(enroll.ProofHardwareKey) {
		return false, nil
	}
	p, at := e.runningPolicy(), e.circumstances(ctx, account.GUID, address, "", e.now())
	only, faulty := false, false
	for _, kind := range Kinds {
		d := Evaluate(p, account, account, kind, at)
		if d.Verdict != Allow {
			faulty = faulty || d.faulty()
			continue
		}
		if takes(d.Prove, enroll.ProofPasskey) {
			return false, nil
		}
		only = only || takes(d.Prove, enroll.ProofHardwareKey)
	}
	if faulty {
		return true, errors.Join(ErrNotAllowed, errRule)
	}
	return only, nil
}

// takes says whether any alternative names this very kind.
func takes(alternatives [][]enroll.ProofKind, kind enroll.ProofKind) bool {
	return slices.ContainsFunc(alternatives, func(set []enroll.ProofKind) bool { return slices.Contains(set, kind) })
}
