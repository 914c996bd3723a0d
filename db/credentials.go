package db

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

const (
	credentialColumns = `id, account, name, record, created, last_used, attested_model, attested_root`
	selectCredential  = `SELECT ` + credentialColumns + ` FROM credentials WHERE id = $1`
	updateUsed        = `UPDATE credentials SET last_used = $2` + asItWas
	updateAll         = `UPDATE credentials SET last_used = $2, name = $8, record = $9` + asItWas
	asItWas           = `
		WHERE id = $1 AND account = $3 AND name = $4 AND record = $5 AND attested_model = $6 AND attested_root = $7`
)

// Handle is enroll.CredentialStore's.
func (s *Store) Handle(ctx context.Context, account ad.GUID, candidate []byte) (handle []byte, err error) {
	const query = `SELECT handle FROM handles WHERE account = $1`
	if err := s.row(ctx, query, guidText(account)).Scan(&handle); err == nil {
		return handle, nil
	}
	err = s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO handles (account, handle) VALUES ($1, $2) ON CONFLICT (account) DO NOTHING`,
			guidText(account), candidate)
		if err != nil {
			return err
		}
		return t.row(query, guidText(account)).Scan(&handle)
	})
	return handle, wrap("user handle", err)
}

// Signer is enroll.CredentialStore's, in one statement.
func (s *Store) Signer(ctx context.Context, spent enroll.Ceremony, id, handle []byte) (enroll.Signer, error) {
	var found enroll.Signer
	var err error
	found.Credential, err = s.decoded.scan(s.row(ctx, `
		SELECT `+credentialColumns+`,
			EXISTS (SELECT 1 FROM handles WHERE handle = $2 AND handles.account = credentials.account),
			EXISTS (SELECT 1 FROM spent_ceremonies WHERE spent_ceremonies.expires = $4 AND spent_ceremonies.id = $3)
		FROM credentials WHERE id = $1`, id, handle, spent.ID, millis(spent.Expires)), &found.Owns, &found.Spent)
	if err != nil {
		return enroll.Signer{}, wrap("read passkey", err)
	}
	if found.Owns {
		s.decoded.owned(found.Credential, handle)
	}
	return found, nil
}

// LastSigner is enroll.CredentialStore's.
func (s *Store) LastSigner(spent enroll.Ceremony, id, handle []byte) (enroll.Signer, bool) {
	seen, ok := s.decoded.row(id)
	if !ok || s.decoded.wasSpent(spent) || len(handle) == 0 || seen.handle != string(handle) {
		return enroll.Signer{}, false
	}
	return enroll.Signer{Credential: seen.passkey, Owns: true}, true
}

// Credentials is enroll.CredentialStore's.
func (s *Store) Credentials(ctx context.Context, account ad.GUID) ([]enroll.Credential, error) {
	all, err := list(ctx, s, s.decoded.each,
		`SELECT `+credentialColumns+` FROM credentials WHERE account = $1 ORDER BY created, id`, guidText(account))
	return all, wrap("list passkeys", err)
}

// AddCredential is enroll.CredentialStore's.
func (s *Store) AddCredential(ctx context.Context, c enroll.Credential, events ...audit.Event) error {
	return wrap("add passkey", s.write(ctx, func(t *tx) error {
		if err := t.unfrozen(c.Account); err != nil {
			return err
		}
		if err := t.insertCredential(c); err != nil {
			return err
		}
		// Never the first: this takes a passkey, and whoever took that away was noted.
		if err := t.replaced(c.Account); err != nil {
			return err
		}
		return t.recordTold(events...)
	}))
}

// UpdateCredential is enroll.CredentialStore's.
func (s *Store) UpdateCredential(ctx context.Context, id []byte, fn func(*enroll.Credential) ([]audit.Event, error)) error {
	return wrap("update passkey", s.write(ctx, func(t *tx) error { return t.updateCredential(id, fn) }))
}

// RemoveCredential is enroll.CredentialStore's.
func (s *Store) RemoveCredential(ctx context.Context, account ad.GUID, id []byte, keep string, last bool, links enroll.Withdrawal, events ...audit.Event) error {
	return wrap("remove passkey", s.write(ctx, func(t *tx) error {
		if err := t.unfrozen(account); err != nil {
			return err
		}
		was, err := t.deleteCredential(account, id)
		if err != nil {
			return err
		}
		if !was {
			return enroll.ErrNoCredential
		}
		if err := t.refuseLast(account, last); err != nil {
			return err
		}
		if err := t.replaced(account); err != nil {
			return err
		}
		if _, err := t.endSessions(t.dialect.ofAccount+` AND credential = $2 AND id <> $3`, guidText(account), id, keep); err != nil {
			return err
		}
		// Which browser it was used in is not kept: it may be a lost phone's.
		if err := t.forgetBrowsers(account); err != nil {
			return err
		}
		if err := t.withdraw(account, links); err != nil {
			return err
		}
		return t.recordTold(events...)
	}))
}

// refuseLast looks, after the deletion, whether a passkey is left.
func (t *tx) refuseLast(account ad.GUID, meant bool) error {
	var left int
	err := t.row(`SELECT count(*) FROM credentials WHERE account = $1`, guidText(account)).Scan(&left)
	if err == nil && left == 0 && !meant {
		return enroll.ErrLastPasskey
	}
	return err
}

// Asserted is enroll.CredentialStore's.
func (s *Store) Asserted(ctx context.Context, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), proof enroll.Proof, session *enroll.Session) error {
	return wrap("keep assertion", s.write(ctx, func(t *tx) error { return t.asserted(id, fn, proof, session) }))
}

// SignedIn is enroll.CredentialStore's.
func (s *Store) SignedIn(ctx context.Context, spent enroll.Ceremony, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), proof enroll.Proof, session enroll.Session) error {
	return wrap("sign in", s.write(ctx, func(t *tx) error {
		if err := t.spend(spent); err != nil {
			return err
		}
		return t.asserted(id, fn, proof, &session)
	}))
}

func (t *tx) asserted(id []byte, fn func(*enroll.Credential) ([]audit.Event, error), proof enroll.Proof, session *enroll.Session) error {
	if err := t.updateCredential(id, fn); err != nil {
		return err
	}
	if err := t.insertProof(proof); err != nil {
		return err
	}
	if session == nil {
		return nil
	}
	return t.insertSession(*session)
}

// insertCredential tells by the row count whether the ID was there: error codes
// differ between engines.
func (t *tx) insertCredential(c enroll.Credential) error {
	attested, err := json.Marshal(c.Record.Attestation)
	if err != nil {
		return fmt.Errorf("encode attestation: %w", err)
	}
	c.Record.Attestation = webauthn.CredentialAttestation{}
	record, err := json.Marshal(c.Record)
	if err != nil {
		return fmt.Errorf("encode passkey: %w", err)
	}
	n, err := t.exec(`
		INSERT INTO credentials (`+credentialColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO NOTHING`,
		c.ID, guidText(c.Account), c.Name, string(record), millis(c.Created), millis(c.LastUsed), c.Attested.Model, c.Attested.Root)
	if err == nil && n == 0 {
		return enroll.ErrDuplicate
	}
	if err != nil {
		return err
	}
	_, err = t.exec(`
		INSERT INTO attestations (credential, body) VALUES ($1, $2)
		ON CONFLICT (credential) DO UPDATE SET body = excluded.body`, c.ID, string(attested))
	return err
}

// deleteCredential is false where the account has no such passkey.
func (t *tx) deleteCredential(account ad.GUID, id []byte) (bool, error) {
	t.decoded.forget(id)
	n, err := t.exec(`DELETE FROM credentials WHERE id = $1 AND account = $2`, id, guidText(account))
	if err != nil || n == 0 {
		return false, err
	}
	_, err = t.exec(`DELETE FROM attestations WHERE credential = $1`, id)
	return true, err
}

// updateCredential gives fn the passkey and keeps what it changed; ID, account,
// creation and what was attested then stay what they are. It tries the row as it was
// seen last, and writes only over that very row; whatever stands in the way of it, the
// row as it is decides.
func (t *tx) updateCredential(id []byte, fn func(*enroll.Credential) ([]audit.Event, error)) error {
	if seen, ok := t.decoded.row(id); ok {
		events, written, err := t.writeOver(seen, fn)
		if err != nil {
			return err
		}
		if written {
			return t.record(events...)
		}
	}
	c, text, err := t.decoded.read(t.row(selectCredential+t.dialect.forUpdate, id))
	if err != nil {
		return err
	}
	changed := c
	events, err := fn(&changed)
	if err != nil {
		return err
	}
	written, err := t.replaceCredential(c, text, changed)
	if err == nil && !written { // the row was read just now, and nobody else writes
		err = fmt.Errorf("passkey not written: %w", ErrIO)
	}
	if err != nil {
		return err
	}
	return t.record(events...)
}

// writeOver changes the row if it is still the one that was seen. An error of fn is of
// no account then: it may have been about a row that is no more.
func (t *tx) writeOver(seen row, fn func(*enroll.Credential) ([]audit.Event, error)) (events []audit.Event, written bool, err error) {
	changed := seen.passkey
	events, err = fn(&changed)
	if err != nil {
		return nil, false, nil
	}
	written, err = t.replaceCredential(seen.passkey, seen.text, changed)
	return events, written, err
}

// replaceCredential is false where the row is not what it was: all that can change of it
// is compared. Most passkeys count nothing, and only the time is written.
func (t *tx) replaceCredential(was enroll.Credential, text string, c enroll.Credential) (bool, error) {
	record := text
	var n int64
	var err error
	if c.Name == was.Name && sameRecord(&c.Record, &was.Record) {
		n, err = t.exec(updateUsed, was.ID, millis(c.LastUsed), t.account(was.Account), was.Name, text, was.Attested.Model, was.Attested.Root)
	} else {
		encoded, merr := json.Marshal(c.Record)
		if merr != nil {
			return false, fmt.Errorf("encode passkey: %w", merr)
		}
		record = string(encoded)
		n, err = t.exec(updateAll, was.ID, millis(c.LastUsed), t.account(was.Account), was.Name, text, was.Attested.Model, was.Attested.Root,
			c.Name, record)
	}
	if err != nil || n == 0 {
		return false, err
	}
	was.Name, was.Record, was.LastUsed = c.Name, c.Record, c.LastUsed
	t.decoded.keep(was, record)
	return true, nil
}

// sameRecord is reflect.DeepEqual, which a sign-in that changed nothing need not wait for.
func sameRecord(a, b *webauthn.Credential) bool {
	return same(a, b) || reflect.DeepEqual(*a, *b)
}

// same knows each field of a record: a test looks for those that the library adds. It may
// take the same for different, where one is behind another pointer.
func same(a, b *webauthn.Credential) bool {
	return sameBytes(a.ID, b.ID) && sameBytes(a.PublicKey, b.PublicKey) &&
		a.AttestationType == b.AttestationType && a.AttestationFormat == b.AttestationFormat &&
		slices.Equal(a.Transport, b.Transport) && (a.Transport == nil) == (b.Transport == nil) &&
		a.Flags == b.Flags && a.Extensions == b.Extensions &&
		sameBytes(a.Authenticator.AAGUID, b.Authenticator.AAGUID) && a.Authenticator.SignCount == b.Authenticator.SignCount &&
		a.Authenticator.CloneWarning == b.Authenticator.CloneWarning && a.Authenticator.Attachment == b.Authenticator.Attachment &&
		sameBytes(a.Attestation.ClientDataJSON, b.Attestation.ClientDataJSON) &&
		sameBytes(a.Attestation.ClientDataHash, b.Attestation.ClientDataHash) &&
		sameBytes(a.Attestation.AuthenticatorData, b.Attestation.AuthenticatorData) &&
		sameBytes(a.Attestation.Object, b.Attestation.Object) &&
		a.Attestation.PublicKeyAlgorithm == b.Attestation.PublicKeyAlgorithm
}

// sameBytes tells none from empty, as JSON does.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// flagsOf gives the flags their octet back, which the library's JSON leaves out.
func flagsOf(f webauthn.CredentialFlags) webauthn.CredentialFlags {
	var octet protocol.AuthenticatorFlags
	for _, flag := range []struct {
		set bool
		bit protocol.AuthenticatorFlags
	}{
		{f.UserPresent, protocol.FlagUserPresent}, {f.UserVerified, protocol.FlagUserVerified},
		{f.BackupEligible, protocol.FlagBackupEligible}, {f.BackupState, protocol.FlagBackupState},
	} {
		if flag.set {
			octet |= flag.bit
		}
	}
	return webauthn.NewCredentialFlags(octet)
}
