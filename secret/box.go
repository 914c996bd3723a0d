package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
)

// Box seals what the database keeps but must not show: endpoints, private keys,
// outbox parameters. AES-256-GCM (NIST SP 800-38D); the first key seals, each
// opens. What is sealed begins with the key's id, so that keys can be replaced
// while both are known.
//
// Its keys may be replaced while it is used: see Load. It is safe for concurrent use.
type Box struct{ keys atomic.Pointer[[]boxKey] }

type boxKey struct {
	id   [keyIDLen]byte
	aead cipher.AEAD
	mac  []byte
}

const (
	keyLen   = 32
	keyIDLen = 4
)

// Errors of a box.
var (
	// ErrKeyFile: the key file is missing something, too short, or readable by
	// others. The server does not start.
	ErrKeyFile = errors.New("secret.key-file")
	// ErrSealed: sealed under another key, for another place, or altered.
	ErrSealed = errors.New("secret.sealed")

	errWeak = errors.New("no random key")
)

// NewBox makes a box of keys of 32 bytes each; the first one seals.
func NewBox(keys ...[]byte) (*Box, error) {
	b := &Box{}
	if err := b.set(keys); err != nil {
		return nil, err
	}
	return b, nil
}

// set replaces the keys, or returns an error and changes nothing.
func (b *Box) set(keys [][]byte) error {
	made, err := boxKeys(keys)
	if err == nil {
		b.keys.Store(&made)
	}
	return err
}

func boxKeys(keys [][]byte) (all []boxKey, err error) {
	for _, key := range keys {
		if len(key) != keyLen {
			return nil, fmt.Errorf("key of %d bytes: %w", len(key), ErrKeyFile)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("make cipher: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("make cipher: %w", err)
		}
		all = append(all, boxKey{id: keyID(key), aead: aead, mac: mac(key, "latchkey/mac/v1", nil)})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no key: %w", ErrKeyFile)
	}
	return all, nil
}

// keyID tells keys apart, and nothing of what they are.
func keyID(key []byte) (id [keyIDLen]byte) {
	sum := sha256.Sum256(append([]byte("latchkey/key/v1\x00"), key...))
	copy(id[:], sum[:])
	return id
}

// MAC is HMAC-SHA-256 of data under the active key (RFC 2104), for one place: what
// looks chosen by chance, and is the same each time until the key is another.
func (b *Box) MAC(where string, data []byte) []byte {
	return mac((*b.keys.Load())[0].mac, where, data)
}

func mac(key []byte, where string, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(where + "\x00"))
	h.Write(data)
	return h.Sum(nil)
}

// Active is the id of the key that seals, in hex.
func (b *Box) Active() string { return hex.EncodeToString((*b.keys.Load())[0].id[:]) }

// IDs are those of all keys, the one that seals first.
func (b *Box) IDs() (all []string) {
	for _, k := range *b.keys.Load() {
		all = append(all, hex.EncodeToString(k.id[:]))
	}
	return all
}

// Reseal seals under the active key what an older one sealed. What is under the
// active key already comes back as it is. ErrSealed where no key opens it.
func (b *Box) Reseal(where string, sealed []byte) ([]byte, error) {
	plain, err := b.Open(where, sealed)
	if err != nil {
		return nil, err
	}
	if active := (*b.keys.Load())[0].id; string(active[:]) == string(sealed[:keyIDLen]) {
		return sealed, nil
	}
	return b.Seal(where, plain), nil
}

// Seal encrypts for one place: where names the table, column and row, so that a
// value can't be moved to another.
func (b *Box) Seal(where string, plain []byte) []byte {
	k := (*b.keys.Load())[0]
	return k.aead.Seal(k.id[:], nil, plain, []byte(where))
}

// Open returns ErrSealed for everything that was not sealed for where by one of
// the keys.
func (b *Box) Open(where string, sealed []byte) ([]byte, error) {
	if len(sealed) > keyIDLen {
		for _, k := range *b.keys.Load() {
			if string(k.id[:]) != string(sealed[:keyIDLen]) {
				continue
			}
			if plain, err := k.aead.Open(nil, nil, sealed[keyIDLen:], []byte(where)); err == nil {
				return plain, nil
			}
		}
	}
	return nil, ErrSealed
}
