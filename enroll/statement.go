package enroll

import (
	"crypto/sha256"
	"fmt"

	"github.com/latchkey/latchkey/ad"
)

// NonceLen is the length of a step-up's nonce in bytes.
const NonceLen = 32

const (
	maxLabel     = 64
	maxStatement = 64 << 10
)

// Challenge is what a step-up signs: SHA-256 over the label's ASCII bytes, the
// 32-byte nonce and the statement's bytes, with nothing between them. Labels are
// constants that end in a version, none is a prefix of another, and the nonce's
// length is fixed, so the three parts can be told apart.
func Challenge(label string, nonce, statement []byte) []byte {
	h := sha256.New()
	h.Write([]byte(label))
	h.Write(nonce)
	h.Write(statement)
	return h.Sum(nil)
}

// AddPasskeyStatement is what an assertion with LabelAddPasskey is bound to: the
// account's objectGUID as text.
func AddPasskeyStatement(account ad.GUID) []byte { return []byte(account.String()) }

// RemovePasskeyStatement is what an assertion with LabelRemovePasskey is bound
// to: the credential ID.
func RemovePasskeyStatement(credential []byte) []byte { return credential }

// ProofStatement is what an assertion is bound to that makes or removes a proof of
// this kind: both, the account first.
func ProofStatement(account ad.GUID, kind ProofKind) []byte {
	return []byte(account.String() + "\x00" + string(kind))
}

// RecoverStatement is what proofs without a passkey are bound to: the account, and
// the one act that they were given for.
func RecoverStatement(account ad.GUID, act string) []byte {
	return []byte(account.String() + "\x00" + act)
}

func checkStatement(label string, statement []byte) error {
	if label == "" || len(label) > maxLabel || len(statement) == 0 || len(statement) > maxStatement {
		return fmt.Errorf("label of %d, statement of %d bytes: %w", len(label), len(statement), ErrStatement)
	}
	for _, c := range []byte(label) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("label: %w", ErrStatement)
		}
	}
	return nil
}
