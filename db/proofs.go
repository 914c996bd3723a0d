package db

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/enroll"
)

const (
	proofColumns = `id, kind, account, session, label, statement, at, receipt`
	notConsumed  = ` NOT EXISTS (SELECT 1 FROM consumed_proofs WHERE consumed_proofs.proof = proofs.id)`
)

// SignInProof is enroll.SessionStore's: the newest one.
func (s *Store) SignInProof(ctx context.Context, session string) (enroll.Proof, error) {
	p, err := scanProof(s.row(ctx, `
		SELECT `+proofColumns+` FROM proofs
		WHERE session = $1 AND label = '' AND`+notConsumed+`
		ORDER BY at DESC, id LIMIT 1`, session))
	return p, wrap("sign-in proof", err)
}

// Proof is enroll.ProofStore's.
func (s *Store) Proof(ctx context.Context, id string) (enroll.Proof, error) {
	p, err := scanProof(s.row(ctx, `SELECT `+proofColumns+` FROM proofs WHERE id = $1 AND`+notConsumed, id))
	return p, wrap("read proof", err)
}

// UseProof is enroll.ProofStore's.
func (s *Store) UseProof(ctx context.Context, id, use string) error {
	return wrap("use proof", s.write(ctx, func(t *tx) error {
		n, err := t.exec(`
			INSERT INTO consumed_proofs (proof, use) SELECT id, CAST($2 AS TEXT) FROM proofs WHERE id = $1
			ON CONFLICT (proof) DO NOTHING`, id, use)
		if err == nil && n == 0 {
			return enroll.ErrNoProof
		}
		return err
	}))
}

// PurgeProofs is enroll.ProofStore's. That a proof was consumed is remembered
// for good. Ids begin with the time, in 12 hex digits, and lead to what is old; those
// that earlier releases drew by chance are, all but one in 2^17, beyond any time that
// comes soon, and the rest are passed in time. What is deleted, the time alone decides.
func (s *Store) PurgeProofs(ctx context.Context, before time.Time) (int, error) {
	const soon = 24 * time.Hour * 30
	return s.purge(ctx, "purge proofs", `DELETE FROM proofs WHERE (id < $2 OR id > $3) AND at < $1`,
		millis(before), timePrefix(before), timePrefix(before.Add(soon)))
}

func timePrefix(at time.Time) string { return fmt.Sprintf("%012x", max(at.UnixMilli(), 0)) }

func (t *tx) insertProof(p enroll.Proof) error {
	t.receipt = appendReceipt(t.receipt[:0], p.Receipt)
	_, err := t.exec(`INSERT INTO proofs (`+proofColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		p.ID, string(p.Kind), t.account(p.Account), p.Session, p.Label, bytesOf(p.Statement), millis(p.At), string(t.receipt))
	return err
}

// appendReceipt is json.Marshal, which a test holds it to.
func appendReceipt(b []byte, r enroll.Receipt) []byte {
	b = appendBase64(append(b, `{"credential_id":`...), r.CredentialID)
	b = appendBase64(append(b, `,"client_data_json":`...), r.ClientDataJSON)
	b = appendBase64(append(b, `,"authenticator_data":`...), r.AuthenticatorData)
	b = appendBase64(append(b, `,"signature":`...), r.Signature)
	b = appendBase64(append(b, `,"nonce":`...), r.Nonce)
	return append(b, '}')
}

func appendBase64(b, value []byte) []byte {
	if value == nil {
		return append(b, `null`...)
	}
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), value), '"')
}

func scanProof(row scanner) (p enroll.Proof, err error) {
	var account, receipt string
	var at int64
	err = row.Scan(&p.ID, &p.Kind, &account, &p.Session, &p.Label, &p.Statement, &at, &receipt)
	if err != nil {
		return enroll.Proof{}, orMissing(err, enroll.ErrNoProof)
	}
	if err := json.Unmarshal([]byte(receipt), &p.Receipt); err != nil {
		return enroll.Proof{}, fmt.Errorf("decode receipt: %w", err)
	}
	p.At = fromMillis(at)
	p.Account, err = guidOf(account)
	return p, err
}
