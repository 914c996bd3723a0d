package pushtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// verify checks "vapid t=…, k=…" (RFC 8292 3).
func verify(header, audience string, now time.Time) (Claims, string, error) {
	var c Claims
	rest, ok := strings.CutPrefix(header, "vapid t=")
	token, key, ok2 := strings.Cut(rest, ", k=")
	parts := strings.Split(token, ".")
	if !ok || !ok2 || len(parts) != 3 {
		return c, "", errors.New("no VAPID header")
	}
	point, err := b64.DecodeString(key)
	if err != nil {
		return c, "", fmt.Errorf("key: %w", err)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return c, "", fmt.Errorf("key: %w", err)
	}
	signature, err := b64.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return c, "", errors.New("signature is no pair of 32 bytes")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return c, "", errors.New("signature is wrong")
	}
	return c, key, claims(&c, parts, audience, now)
}

func claims(c *Claims, parts []string, audience string, now time.Time) error {
	var head struct{ Alg, Typ string }
	for i, into := range []any{&head, c} {
		text, err := b64.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
	}
	left := time.Unix(c.Expires, 0).Sub(now)
	switch {
	case head.Alg != "ES256":
		return fmt.Errorf("algorithm %q", head.Alg)
	case c.Audience != audience:
		return fmt.Errorf("audience %q at %q", c.Audience, audience)
	case left <= 0 || left > 24*time.Hour:
		return fmt.Errorf("token has %v left", left)
	case strings.HasPrefix(c.Subject, "mailto:mailto:"),
		!strings.HasPrefix(c.Subject, "mailto:") && !strings.HasPrefix(c.Subject, "https://"):
		return fmt.Errorf("subject %q", c.Subject)
	}
	return nil
}

// open decrypts one record (RFC 8188 2, RFC 8291 3).
func (b *Browser) open(body []byte) ([]byte, error) {
	const saltLen, headLen, tagLen = 16, 21, 16
	if len(body) < headLen+65+tagLen || body[headLen-1] != 65 {
		return nil, errors.New("no header of RFC 8291")
	}
	salt, point, sealed := body[:saltLen], body[headLen:headLen+65], body[headLen+65:]
	if size := binary.BigEndian.Uint32(body[saltLen:]); len(sealed) > int(size) {
		return nil, fmt.Errorf("record of %d bytes in a size of %d", len(sealed), size)
	}
	sender, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("sender's key: %w", err)
	}
	shared, err := b.private.ECDH(sender)
	if err != nil {
		return nil, fmt.Errorf("agree on a key: %w", err)
	}
	info := append(append([]byte("WebPush: info\x00"), b.P256dh...), point...)
	input, err := hkdf.Key(sha256.New, shared, b.Auth, string(info), 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, input, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, input, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	return decrypt(key, nonce, sealed)
}

func decrypt(key, nonce, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	plain = bytes.TrimRight(plain, "\x00")
	if len(plain) == 0 || plain[len(plain)-1] != 2 { // the last record's delimiter
		return nil, errors.New("no delimiter of a last record")
	}
	return plain[:len(plain)-1], nil
}
