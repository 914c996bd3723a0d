package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

const (
	factorColumns = `id, account, kind, secret, step, created, used, fails, failed, own_fails, own_failed`
	selectFactor  = `SELECT ` + factorColumns + ` FROM factors WHERE id = $1`
)

// Factors is enroll.FactorStore's.
func (s *Store) Factors(ctx context.Context, account ad.GUID) ([]enroll.Factor, error) {
	all, err := list(ctx, s, s.sealer.scanFactor,
		`SELECT `+factorColumns+` FROM factors WHERE account = $1 ORDER BY created, id`, guidText(account))
	return all, wrap("list proofs", err)
}

// ReplaceFactors is enroll.FactorStore's.
func (s *Store) ReplaceFactors(ctx context.Context, account ad.GUID, kind enroll.ProofKind, with []enroll.Factor, events ...audit.Event) error {
	return wrap("replace proofs", s.write(ctx, func(t *tx) error {
		if err := t.unfrozen(account); err != nil {
			return err
		}
		held, err := t.held(account, nil)
		if err != nil {
			return err
		}
		before, err := t.oldAddress(account, kind, with)
		if err != nil {
			return err
		}
		if err := t.keepAddress(account, before); err != nil {
			return err
		}
		n, err := t.exec(`DELETE FROM factors WHERE account = $1 AND kind = $2`, guidText(account), string(kind))
		if err != nil {
			return err
		}
		if n == 0 && len(with) == 0 {
			return enroll.ErrNoFactor
		}
		// A removal counts: what is set up after it would be a replacement in two steps.
		if held {
			if err := t.replaced(account); err != nil {
				return err
			}
		}
		// Whoever came in by them is out: their owner replaces what somebody else may have.
		if err := t.endRecovered(account, ""); err != nil {
			return err
		}
		for _, f := range with {
			if f.Account != account || f.Kind != kind {
				return fmt.Errorf("proof of %s in place of %s", f.Kind, kind)
			}
			if err := t.insertFactor(f); err != nil {
				return err
			}
		}
		return t.recordToldWith(before, events...)
	}))
}

// oldAddress is the account's of a kind, unless it stays, as a parameter of a notice that
// goes there too: whoever replaces it may not be its owner.
func (t *tx) oldAddress(account ad.GUID, kind enroll.ProofKind, with []enroll.Factor) (map[string]string, error) {
	param := map[enroll.ProofKind]string{enroll.ProofMailCode: push.ParamOldMail, enroll.ProofSMSCode: push.ParamOldSMS}[kind]
	if param == "" {
		return nil, nil
	}
	to, err := t.sealer.verified(t.row(selectVerified, guidText(account), string(kind)))
	if errors.Is(err, secret.ErrSealed) { // under a key that is lost: nobody can be told, and it may go
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if stays := len(with) == 1 && string(with[0].Secret) == to; to == "" || stays {
		return nil, nil
	}
	return map[string]string{param: to}, nil
}

// keepAddress keeps the address that goes away with what its owner is still to be told of.
// Whoever holds such a row just now loses it, and at worst tells it twice: what they read
// before knows nothing of the address.
func (t *tx) keepAddress(account ad.GUID, old map[string]string) error {
	if len(old) == 0 {
		return nil
	}
	notices, err := collect(t, scanNotice, waitingNotices+t.dialect.forUpdate, guidText(account))
	if err != nil {
		return err
	}
	for _, n := range notices {
		if err := t.keepWith(`UPDATE outbox SET body = $2, lease = 0, holder = '' WHERE id = $1`, n.ID, noticePlace(n.To, n.Kind, n.nonce), n.body,
			func(params map[string]string) (map[string]string, bool) {
				n.Params = params
				return n.Keeping(old)
			}); err != nil {
			return err
		}
	}
	// After the notices: what was made of one meanwhile is seen.
	deliveries, err := collect(t, scanDelivery, waitingDeliveries+t.dialect.forUpdate, guidText(account), string(push.ChannelMail), string(push.ChannelSMS))
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		if err := t.keepWith(`UPDATE deliveries SET body = $2, lease = 0, holder = '' WHERE id = $1`, d.ID, deliveryPlace(d.Delivery, d.nonce), d.body,
			func(params map[string]string) (map[string]string, bool) {
				d.Params = params
				return d.Keeping(old)
			}); err != nil {
			return err
		}
	}
	return nil
}

// keepWith seals a row's parameters anew where keep changes them. What no key opens
// tells nobody anything.
func (t *tx) keepWith(update string, id int64, where string, body []byte, keep func(map[string]string) (map[string]string, bool)) error {
	params, err := t.sealer.openParams(where, body)
	if errors.Is(err, secret.ErrSealed) {
		return nil
	}
	if err != nil {
		return err
	}
	params, changed := keep(params)
	if !changed {
		return nil
	}
	if body, err = t.sealer.sealParams(where, params); err != nil {
		return err
	}
	_, err = t.exec(update, id, body)
	t.told.outbox = true
	return err
}

const (
	waitingNotices    = `SELECT id, to_guid, kind, nonce, body, created, until FROM outbox WHERE to_guid = $1 AND ended = 0 ORDER BY id`
	waitingDeliveries = `SELECT id, ` + deliveryColumns + ` FROM deliveries WHERE to_guid = $1 AND ended = 0 AND subscription = '' AND channel IN ($2, $3) ORDER BY id`
)

// selectVerified: there is one of a kind.
const selectVerified = `SELECT ` + factorColumns + ` FROM factors WHERE account = $1 AND kind = $2 ORDER BY created DESC, id LIMIT 1`

func (s sealer) verified(row scanner) (string, error) {
	f, err := s.scanFactor(row)
	if errors.Is(err, enroll.ErrNoFactor) {
		return "", nil
	}
	return string(f.Secret), err
}

// HasVerified is push.VerifiedAddresses'.
func (s *Store) HasVerified(ctx context.Context, account string) (mail, sms bool, err error) {
	kinds, err := list(ctx, s, func(row scanner) (k enroll.ProofKind, err error) { return k, row.Scan(&k) },
		`SELECT kind FROM factors WHERE account = $1 ORDER BY kind`, account)
	return slices.Contains(kinds, enroll.ProofMailCode), slices.Contains(kinds, enroll.ProofSMSCode), wrap("look for verified addresses", err)
}

// Verified is push.VerifiedAddresses'.
func (s *Store) Verified(ctx context.Context, account string, sms bool) (string, error) {
	kind := enroll.ProofMailCode
	if sms {
		kind = enroll.ProofSMSCode
	}
	to, err := s.sealer.verified(s.row(ctx, selectVerified, account, string(kind)))
	return to, wrap("read verified address", err)
}

// endRecovered ends an account's sessions that no passkey opened, but one.
func (t *tx) endRecovered(account ad.GUID, keep string) error {
	_, err := t.endSessions(t.dialect.ofAccount+` AND length(credential) = 0 AND id <> $2`, guidText(account), keep)
	return err
}

// Recovered is enroll.FactorStore's.
func (s *Store) Recovered(ctx context.Context, spent enroll.Ceremony, uses []enroll.FactorUse, session enroll.Session, events ...audit.Event) error {
	return wrap("sign in without a passkey", s.write(ctx, func(t *tx) error {
		if err := t.spend(spent); err != nil {
			return err
		}
		for _, u := range uses {
			if err := t.useFactor(u); err != nil {
				return err
			}
		}
		if err := t.insertSession(session); err != nil {
			return err
		}
		return t.recordTold(events...)
	}))
}

// Answered is enroll.FactorStore's.
func (s *Store) Answered(ctx context.Context, spent enroll.Ceremony, uses []enroll.FactorUse, events ...audit.Event) error {
	return wrap("prove in a session", s.write(ctx, func(t *tx) error {
		if err := t.spend(spent); err != nil {
			return err
		}
		for _, u := range uses {
			if err := t.useFactor(u); err != nil {
				return err
			}
		}
		return t.recordTold(events...)
	}))
}

// UpdateFactor is enroll.FactorStore's.
func (s *Store) UpdateFactor(ctx context.Context, id string, fn func(*enroll.Factor) error) error {
	return wrap("count a try", s.write(ctx, func(t *tx) error {
		f, err := t.sealer.scanFactor(t.row(selectFactor+t.dialect.forUpdate, id))
		if err != nil {
			return err
		}
		if err := fn(&f); err != nil {
			return err
		}
		return t.keepFactor(f)
	}))
}

func (t *tx) keepFactor(f enroll.Factor) error {
	_, err := t.exec(`UPDATE factors SET step = $2, used = $3, fails = $4, failed = $5, own_fails = $6, own_failed = $7 WHERE id = $1`,
		f.ID, f.Step, millis(f.Used), f.Fails, millis(f.Failed), f.OwnFails, millis(f.OwnFailed))
	return err
}

func (t *tx) useFactor(u enroll.FactorUse) error {
	if u.ID == "" {
		return t.insertProof(u.Proof)
	}
	f, err := t.sealer.scanFactor(t.row(selectFactor+t.dialect.forUpdate, u.ID))
	if err != nil {
		return err
	}
	if f.Account != u.Proof.Account || f.Kind != u.Proof.Kind {
		return enroll.ErrNoFactor
	}
	if err := u.Fn(&f); err != nil {
		return err
	}
	if err := t.keepFactor(f); err != nil {
		return err
	}
	return t.insertProof(u.Proof)
}

func (t *tx) insertFactor(f enroll.Factor) error {
	sealed, err := t.sealer.seal(factorPlace(f.Account, f.ID), f.Secret)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO factors (`+factorColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		f.ID, guidText(f.Account), string(f.Kind), sealed, f.Step, millis(f.Created), millis(f.Used),
		f.Fails, millis(f.Failed), f.OwnFails, millis(f.OwnFailed))
	return err
}

func factorPlace(account ad.GUID, id string) string {
	return place("factors", "secret", guidText(account), id)
}

func (s sealer) scanFactor(row scanner) (f enroll.Factor, err error) {
	var account string
	var sealed []byte
	var created, used, failed, ownFailed int64
	if err := row.Scan(&f.ID, &account, &f.Kind, &sealed, &f.Step, &created, &used, &f.Fails, &failed, &f.OwnFails, &ownFailed); err != nil {
		return enroll.Factor{}, orMissing(err, enroll.ErrNoFactor)
	}
	if f.Account, err = guidOf(account); err != nil {
		return enroll.Factor{}, err
	}
	if f.Secret, err = s.open(factorPlace(f.Account, f.ID), sealed); err != nil {
		return enroll.Factor{}, fmt.Errorf("open proof: %w", err)
	}
	f.Created, f.Used, f.Failed, f.OwnFailed = fromMillis(created), fromMillis(used), fromMillis(failed), fromMillis(ownFailed)
	return f, nil
}

// recordTold records events of enroll and tells their person.
func (t *tx) recordTold(events ...audit.Event) error { return t.recordToldWith(nil, events...) }

// recordToldWith is recordTold with more parameters for the notices.
func (t *tx) recordToldWith(more map[string]string, events ...audit.Event) error {
	if err := t.record(events...); err != nil {
		return err
	}
	for _, e := range events {
		n, tells := enroll.Tells(e)
		if !tells {
			continue
		}
		maps.Copy(n.Params, more)
		if err := t.insertNotice(workflow.Notice{To: n.To, Kind: n.Kind, Params: n.Params}); err != nil {
			return err
		}
	}
	return nil
}

// RecoverProofs is enroll.SessionStore's, the oldest first.
func (s *Store) RecoverProofs(ctx context.Context, session string) ([]enroll.Proof, error) {
	all, err := list(ctx, s, scanProof, `
		SELECT `+proofColumns+` FROM proofs
		WHERE session = $1 AND label = $2 AND`+notConsumed+`
		ORDER BY at, id`, session, enroll.LabelRecover)
	return all, wrap("proofs of a session", err)
}
