package main

import (
	"context"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/enroll"
)

// holders are the store's, but for what only the relying party knows: which passkeys
// count as hardware keys.
type holders struct {
	*db.Store
	passkeys *enroll.Service
}

// HeldProofs is workflow.Holders'.
func (h holders) HeldProofs(ctx context.Context, account ad.Account) (held, ranks []enroll.ProofKind, err error) {
	return h.passkeys.HeldBy(ctx, account)
}
