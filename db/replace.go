package db

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// unfrozen is enroll.ErrFrozen where the account was frozen since it was looked at: no way in
// is added to it or taken away any more.
func (t *tx) unfrozen(account ad.GUID) error {
	var frozen bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM freezes WHERE account = $1)`, guidText(account)).Scan(&frozen)
	if err == nil && frozen {
		return enroll.ErrFrozen
	}
	return err
}

// register keeps the passkey that a request allowed, in the request's transaction.
func (t *tx) register(r *enroll.Registered) error {
	if r == nil {
		return nil
	}
	if err := t.unfrozen(r.Credential.Account); errors.Is(err, enroll.ErrFrozen) {
		return workflow.ErrFrozen
	} else if err != nil {
		return err
	}
	if err := t.insertCredential(r.Credential); err != nil {
		return err
	}
	// Also where it is the first: no invitation of IT made it, and the way that was taken
	// may be weaker than what the passkey opens.
	if err := t.replaced(r.Credential.Account); err != nil {
		return err
	}
	if err := t.recordTold(r.Event); err != nil || !r.Alone {
		return err
	}
	account := r.Credential.Account
	others, err := collect(t, t.decoded.each, `
		SELECT `+credentialColumns+` FROM credentials WHERE account = $1 AND id <> $2 ORDER BY created, id`,
		guidText(account), r.Credential.ID)
	if err != nil {
		return err
	}
	for _, other := range others {
		if _, err := t.deleteCredential(account, other.ID); err != nil {
			return err
		}
		if _, err := t.endSessions(t.dialect.ofAccount+` AND credential = $2 AND id <> $3`, guidText(account), other.ID, r.Keep); err != nil {
			return err
		}
		if err := t.recordTold(r.Removed(other)); err != nil {
			return err
		}
	}
	if err := t.endRecovered(account, r.Keep); err != nil {
		return err
	}
	// Nor is the browser of a passkey that is lost their own any more.
	if err := t.forgetBrowsers(account); err != nil {
		return err
	}
	return t.withdraw(account, r.Links)
}

// HeldProofs is workflow.Holders', where all that is kept counts.
func (s *Store) HeldProofs(ctx context.Context, account ad.Account) (held, ranks []enroll.ProofKind, err error) {
	kinds, err := list(ctx, s, func(row scanner) (k enroll.ProofKind, err error) { return k, row.Scan(&k) }, `
		SELECT 'passkey' FROM credentials WHERE account = $1
		UNION
		SELECT kind FROM factors WHERE account = $1 AND (kind <> 'recovery-code' OR used = 0)
		ORDER BY 1`, guidText(account.GUID))
	return kinds, kinds, wrap("list proofs held", err)
}

// FirstPasskey is workflow.Holders'.
func (s *Store) FirstPasskey(ctx context.Context, account ad.GUID) (time.Time, error) {
	var at int64
	err := s.row(ctx, `SELECT COALESCE(MIN(created), 0) FROM credentials WHERE account = $1`, guidText(account)).Scan(&at)
	if err != nil {
		return time.Time{}, wrap("when the first passkey was made", err)
	}
	return fromMillis(at), nil
}

// held says whether the account holds any proof but one passkey, which may be nil. A
// recovery code that was used counts: it was held.
func (t *tx) held(account ad.GUID, but []byte) (held bool, err error) {
	if but == nil {
		but = []byte{} // NULL would compare to nothing
	}
	err = t.row(`
		SELECT EXISTS (SELECT 1 FROM credentials WHERE account = $1 AND id <> $2)
			OR EXISTS (SELECT 1 FROM factors WHERE account = $1)`, guidText(account), but).Scan(&held)
	return held, err
}

// replaced notes that a proof was added, replaced or taken away where one was held. An
// invitation's passkey, the very first proof of somebody, is not noted.
func (t *tx) replaced(account ad.GUID) error {
	_, err := t.exec(`
		INSERT INTO replaced_proofs (account, at) VALUES ($1, $2)
		ON CONFLICT (account) DO UPDATE SET at = excluded.at`, guidText(account), millis(t.now()))
	return err
}

// everReplaced says whether a proof of the account was replaced or taken away at any time.
func (t *tx) everReplaced(account ad.GUID) (ever bool, err error) {
	err = t.row(`SELECT EXISTS (SELECT 1 FROM replaced_proofs WHERE account = $1)`, guidText(account)).Scan(&ever)
	return ever, err
}

// ProofsReplaced is workflow.Holders'.
func (s *Store) ProofsReplaced(ctx context.Context, account ad.GUID) (time.Time, error) {
	var at int64
	err := s.row(ctx, `SELECT COALESCE(MAX(at), 0) FROM replaced_proofs WHERE account = $1`, guidText(account)).Scan(&at)
	if err != nil {
		return time.Time{}, wrap("when proofs were replaced", err)
	}
	return fromMillis(at), nil
}
