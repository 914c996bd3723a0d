package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Box seals what the database keeps but must not show: endpoints, private keys,
// outbox parameters. AES-256-GCM (NIST SP 800-38D); the first key seals, each
// opens. What is sealed begins with the key's id, so that keys can be replaced
// while both are known.
type Box struct{ keys []boxKey }

type boxKey struct {
	id   [keyIDLen]byte
	aead cipher.AEAD
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
		k := boxKey{aead: aead}
		sum := sha256.Sum256(append([]byte("latchkey/key/v1\x00"), key...))
		copy(k.id[:], sum[:])
		b.keys = append(b.keys, k)
	}
	if len(b.keys) == 0 {
		return nil, fmt.Errorf("no key: %w", ErrKeyFile)
	}
	return b, nil
}

// Seal encrypts for one place: where names the table, column and row, so that a
// value can't be moved to another.
func (b *Box) Seal(where string, plain []byte) []byte {
	k := b.keys[0]
	return k.aead.Seal(k.id[:], nil, plain, []byte(where))
}

// Open returns ErrSealed for everything that was not sealed for where by one of
// the keys.
func (b *Box) Open(where string, sealed []byte) ([]byte, error) {
	if len(sealed) > keyIDLen {
		for _, k := range b.keys {
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

// LoadBox reads a key file: one key in base64 on each line, the newest first,
// lines with # are comments. It is made, with one fresh key and mode 0600, where
// create says so and there is none.
func LoadBox(path string, create bool) (*Box, error) {
	if create {
		if err := makeKeyFile(path); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is readable by others (mode %v); run chmod 600 on it: %w", path, info.Mode().Perm(), ErrKeyFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	keys, err := parseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return NewBox(keys...)
}

func parseKeys(text string) (keys [][]byte, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keyLen {
			return nil, fmt.Errorf("line %d is no key of 32 bytes in base64: %w", n, ErrKeyFile)
		}
		if weak(key) {
			return nil, fmt.Errorf("line %d is %w: %w", n, errWeak, ErrKeyFile)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// weak: all zero, or one byte over and over. A random key has 32 of 256 values
// and never fewer than 8 different ones.
func weak(key []byte) bool {
	seen := map[byte]bool{}
	for _, c := range key {
		seen[c] = true
	}
	return len(seen) < 8
}

// makeKeyFile leaves a file that exists alone. A crash leaves no half of one.
func makeKeyFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	key := make([]byte, keyLen)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	text := "# Latchkey's key for what the database keeps sealed. Back it up apart from the database.\n" +
		base64.StdEncoding.EncodeToString(key) + "\n"
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	// Link fails where another process was first: its key stays.
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make key file: %w", err)
	}
	return nil
}
