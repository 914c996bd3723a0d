package autopush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// Receiver is the browser's half of a subscription, without a browser.
type Receiver struct {
	Endpoint string `json:"endpoint"`
	P256dh   string `json:"p256dh"` // base64url
	Auth     string `json:"auth"`   // base64url

	key  *ecdh.PrivateKey
	auth []byte
}

func newReceiver() (*Receiver, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	auth := make([]byte, 16)
	rand.Read(auth)
	text := base64.RawURLEncoding.EncodeToString
	return &Receiver{P256dh: text(key.PublicKey().Bytes()), Auth: text(auth), key: key, auth: auth}, nil
}

// read returns the text and the code that a browser would answer with.
func (r *Receiver) read(body []byte) (string, int) {
	text, err := r.Open(body)
	if err != nil {
		return "", 101
	}
	return string(text), 100
}

// Open decrypts an aes128gcm body of one record (RFC 8188 2, RFC 8291 3.4).
func (r *Receiver) Open(body []byte) ([]byte, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, errors.New("shorter than its header")
	}
	salt, size, id := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:21+int(body[20])]
	sealed := body[21+len(id):]
	if len(sealed) > int(size) {
		return nil, errors.New("more than one record")
	}
	sender, err := ecdh.P256().NewPublicKey(id)
	if err != nil {
		return nil, fmt.Errorf("read sender's key: %w", err)
	}
	shared, err := r.key.ECDH(sender)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(r.key.PublicKey().Bytes()) + string(id)
	input, err := hkdf.Key(sha256.New, shared, r.auth, info, 32)
	if err != nil {
		return nil, err
	}
	return unseal(input, salt, sealed)
}

func unseal(input, salt, sealed []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, input, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, input, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	padded, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return unpad(padded)
}

// unpad takes zeros and the last record's delimiter from the end (RFC 8188 2).
func unpad(b []byte) ([]byte, error) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case 0:
		case 2:
			return b[:i], nil
		default:
			return nil, errors.New("no delimiter of a last record")
		}
	}
	return nil, errors.New("nothing but padding")
}
