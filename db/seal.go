package db

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/latchkey/latchkey/secret"
)

// ErrNoKey: the store was opened without Config.Box, and what is kept sealed can
// neither be written nor read.
const ErrNoKey fault = "store.no-key"

// sealer seals columns (docs/security.md: endpoints, private keys and outbox
// parameters stand in no file in clear).
type sealer struct {
	box  *secret.Box
	used map[string]bool // ids of the keys that the open transaction sealed with; nil where nobody asks
}

// place is for which table, column and row a value is sealed. A row that gets
// its number from the engine is named by what it says and by a nonce.
func place(table, column string, row ...string) string {
	return table + "/" + column + "\x00" + strings.Join(row, "\x00")
}

func (s sealer) seal(where string, plain []byte) ([]byte, error) {
	if s.box == nil {
		return nil, ErrNoKey
	}
	sealed := s.box.Seal(where, plain)
	s.note(sealed)
	return sealed, nil
}

func (s sealer) open(where string, sealed []byte) ([]byte, error) {
	if s.box == nil {
		return nil, ErrNoKey
	}
	return s.box.Open(where, sealed)
}

func (s sealer) sealParams(where string, params map[string]string) ([]byte, error) {
	plain, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("encode parameters: %w", err)
	}
	return s.seal(where, plain)
}

func (s sealer) openParams(where string, sealed []byte) (params map[string]string, err error) {
	plain, err := s.open(where, sealed)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(plain, &params); err != nil {
		return nil, fmt.Errorf("decode parameters: %w", err)
	}
	return params, nil
}

// nonce names a row before it has a number.
func (t *tx) nonce() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(t.random, b[:]); err != nil {
		return "", fmt.Errorf("make nonce: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}
