// Package enrolltest makes security keys for tests: authenticators whose maker vouches
// for them with a certificate, as real ones do (WebAuthn 8.2, packed attestation).
package enrolltest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/google/uuid"
)

// Maker has a root, and makes security keys.
type Maker struct {
	Root *x509.Certificate
	key  *ecdsa.PrivateKey
	t    testing.TB
}

// NewMaker makes one whose root ends then.
func NewMaker(t testing.TB, ends time.Time) *Maker {
	m := &Maker{key: newKey(t), t: t}
	m.Root = m.certify(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Security Key Root"},
		NotBefore: time.Now().Add(-10 * 365 * 24 * time.Hour), NotAfter: ends,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, &m.key.PublicKey)
	return m
}

// PEM is the root as a roots_file holds it.
func (m *Maker) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Root.Raw})
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (m *Maker) certify(c, parent *x509.Certificate, public *ecdsa.PublicKey) *x509.Certificate {
	m.t.Helper()
	if parent == nil {
		parent = c
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, public, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		m.t.Fatal(err)
	}
	return made
}

// SecurityKey holds one passkey. Its fields may be changed before it is used.
type SecurityKey struct {
	// Model is what the authenticator says that it is, Certified what its maker says;
	// uuid.Nil leaves the extension out.
	Model, Certified uuid.UUID
	// Format is "packed", "self" (packed, without a certificate), "fido-u2f" or "none".
	// Under any other name there is what Forge makes, or a packed statement.
	Format string
	// Forge makes the attestation statement of a signed registration, beside the
	// certificates of a packed one.
	Forge func(auth, clientHash []byte, x5c any) map[string]any
	// Backup says that the passkey may be backed up, BackupLater that it will be.
	Backup, BackupLater bool
	// Spoiled breaks the attestation's signature.
	Spoiled bool
	Count   uint32
	ID      []byte

	maker  *Maker
	key    *ecdsa.PrivateKey
	handle []byte
}

// Key makes a security key of a model.
func (m *Maker) Key(model uuid.UUID) *SecurityKey {
	k := &SecurityKey{Model: model, Certified: model, Format: "packed", maker: m, key: newKey(m.t), ID: make([]byte, 32)}
	if _, err := rand.Read(k.ID); err != nil {
		m.t.Fatal(err)
	}
	return k
}

// Create answers creation options at an origin, as toJSON does.
func (k *SecurityKey) Create(options *protocol.CredentialCreation, origin string) []byte {
	t := k.maker.t
	t.Helper()
	switch handle := options.Response.User.ID.(type) {
	case protocol.URLEncodedBase64:
		k.handle = handle
	case string: // as JSON has it
		k.handle, _ = base64.RawURLEncoding.DecodeString(handle)
	}
	client := clientData(t, "webauthn.create", options.Response.Challenge, origin)
	auth := k.authData(options.Response.RelyingParty.ID, k.Backup, true)
	object := map[string]any{"fmt": "none", "authData": auth, "attStmt": map[string]any{}}
	switch k.Format {
	case "none":
	case "self":
		object["fmt"], object["attStmt"] = "packed", k.statement(auth, client)
	default:
		object["fmt"], object["attStmt"] = k.Format, k.statement(auth, client)
	}
	return toJSON(t, map[string]any{
		"id": base64url(k.ID), "rawId": base64url(k.ID), "type": "public-key", "authenticatorAttachment": "cross-platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"response": map[string]any{
			"clientDataJSON": base64url(client), "attestationObject": base64url(toCBOR(t, object)), "transports": []string{"usb", "nfc"},
		},
	})
}

func (k *SecurityKey) statement(auth, client []byte) map[string]any {
	t := k.maker.t
	t.Helper()
	hash := sha256.Sum256(client)
	signer, out := k.key, map[string]any{"alg": -7}
	if k.Format != "self" {
		signer = newKey(t)
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(24 * 365 * time.Hour),
			BasicConstraintsValid: true,
			Subject: pkix.Name{
				Country: []string{"SE"}, Organization: []string{"Example Keys"},
				OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Example Key 1",
			},
		}
		if k.Certified != uuid.Nil {
			value, err := asn1.Marshal(k.Certified[:])
			if err != nil {
				t.Fatal(err)
			}
			leaf.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: value}}
		}
		out["x5c"] = []any{k.maker.certify(leaf, k.maker.Root, &signer.PublicKey).Raw}
	}
	out["sig"] = sign(t, signer, auth, hash[:])
	if k.Spoiled {
		out["sig"] = sign(t, newKey(t), auth, hash[:])
	}
	if k.Format == "fido-u2f" {
		out["sig"] = sign(t, signer, k.u2f(auth), hash[:], k.ID, k.point())
		delete(out, "alg")
	}
	if k.Forge != nil {
		return k.Forge(auth, hash[:], out["x5c"])
	}
	return out
}

// u2f begins what a U2F authenticator signs at a registration: a zero byte and the hash
// of the RP ID (WebAuthn 8.6, step 5 of the verification).
func (k *SecurityKey) u2f(auth []byte) []byte { return append([]byte{0}, auth[:32]...) }

// point is the passkey's own key, uncompressed (SEC 1, 2.3.3).
func (k *SecurityKey) point() []byte {
	point, err := k.key.PublicKey.Bytes()
	if err != nil {
		k.maker.t.Fatal(err)
	}
	return point
}

// Assert answers request options.
func (k *SecurityKey) Assert(options *protocol.CredentialAssertion, origin string) []byte {
	t := k.maker.t
	t.Helper()
	k.Count++
	client := clientData(t, "webauthn.get", options.Response.Challenge, origin)
	auth := k.authData(options.Response.RelyingPartyID, k.Backup || k.BackupLater, false)
	hash := sha256.Sum256(client)
	return toJSON(t, map[string]any{
		"id": base64url(k.ID), "rawId": base64url(k.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{
			"clientDataJSON": base64url(client), "authenticatorData": base64url(auth),
			"signature": base64url(sign(t, k.key, auth, hash[:])), "userHandle": base64url(k.handle),
		},
	})
}

// authData is WebAuthn 6.1: RP ID hash, flags (UP, UV, BE, AT), count, and the new
// passkey's model, id and key.
func (k *SecurityKey) authData(rpID string, backup, created bool) []byte {
	t := k.maker.t
	t.Helper()
	hash := sha256.Sum256([]byte(rpID))
	flags := byte(0x01 | 0x04)
	if backup {
		flags |= 0x08
	}
	if created {
		flags |= 0x40
	}
	out := binary.BigEndian.AppendUint32(append(hash[:], flags), k.Count)
	if !created {
		return out
	}
	point := k.point()
	out = append(out, k.Model[:]...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(k.ID)))
	out = append(out, k.ID...)
	return append(out, toCBOR(t, map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})...)
}

func clientData(t testing.TB, kind string, challenge []byte, origin string) []byte {
	t.Helper()
	return toJSON(t, map[string]any{"type": kind, "challenge": base64url(challenge), "origin": origin, "crossOrigin": false})
}

func sign(t testing.TB, key *ecdsa.PrivateKey, parts ...[]byte) []byte {
	t.Helper()
	hash := sha256.Sum256(bytes.Join(parts, nil))
	sig, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func toCBOR(t testing.TB, v any) []byte {
	t.Helper()
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
