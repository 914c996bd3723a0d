package enroll_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/enroll/enrolltest"
)

// verified is the attestation object of a registration that the library takes.
func verified(t *testing.T, registration []byte) (protocol.AttestationObject, error) {
	t.Helper()
	parsed, err := protocol.ParseCredentialCreationResponseBytes(registration)
	wantErr(t, "parse a registration", err, nil)
	object := parsed.Response.AttestationObject
	hash := sha256.Sum256(parsed.Raw.AttestationResponse.ClientDataJSON)
	return object, object.VerifyAttestation(hash[:], nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
}

func creation() *protocol.CredentialCreation {
	var o protocol.CredentialCreation
	o.Response.Challenge = protocol.URLEncodedBase64("challenge")
	o.Response.RelyingParty.ID = "login.example.test"
	o.Response.User.ID = protocol.URLEncodedBase64("alice")
	return &o
}

// A statement of another format is verified by what is not the certificate beside it:
// the certificates of a real key, which anybody may copy, would vouch for any other.
func TestOnlyAnAttestationByItsOwnCertificateCounts(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	keys := hardware(t, nil, maker)
	object, err := verified(t, maker.Key(modelA).Create(creation(), origin))
	wantErr(t, "verify", err, nil)
	full, ca := string(metadata.BasicFull), string(metadata.AttCA)
	for _, c := range []struct {
		format protocol.AttestationFormat
		kind   string
		want   bool
	}{
		{protocol.AttestationFormatPacked, full, true},
		{protocol.AttestationFormatPacked, ca, true},
		{protocol.AttestationFormatPacked, string(metadata.BasicSurrogate), false},
		{protocol.AttestationFormatPacked, string(metadata.AnonCA), false},
		{protocol.AttestationFormatPacked, string(metadata.None), false},
		{protocol.AttestationFormatPacked, "", false},
		{protocol.AttestationFormatTPM, ca, false},
		{protocol.AttestationFormatAndroidKey, full, false},
		{protocol.AttestationFormatAndroidSafetyNet, full, false},
		{protocol.AttestationFormatFIDOUniversalSecondFactor, full, false},
		{protocol.AttestationFormatApple, full, false},
		{protocol.AttestationFormatApple, string(metadata.AnonCA), false},
		{protocol.AttestationFormatCompound, full, false},
		{protocol.AttestationFormatNone, full, false},
		{"", full, false},
		{"Packed", full, false},
	} {
		o := object
		o.Format, o.Type = string(c.format), c.kind
		got := enroll.AttestedOf(keys, o, time.Now())
		if (got != enroll.Attested{}) != c.want {
			t.Errorf("%s of type %s: %+v", c.format, c.kind, got)
		}
	}
	object.AuthData.Flags |= protocol.FlagBackupEligible
	if got := enroll.AttestedOf(keys, object, time.Now()); got != (enroll.Attested{}) {
		t.Errorf("may be backed up: %+v", got)
	}
}

// One that Windows Hello made (public test data of the WebAuthn library, captured at a demo
// site): signed with SHA-1, as it does, in Microsoft's own chain. The certificate of its
// chip has ended since.
func TestWhatWindowsHelloAttestsCounts(t *testing.T) {
	object, err := verified(t, must(os.ReadFile("testdata/windows-hello.json"))(t))
	if err != nil && !strings.Contains(fmt.Sprintf("%+v", err), "no longer valid") {
		t.Fatalf("the library says %+v", err)
	}
	x5c := object.AttStatement["x5c"].([]any)
	aik, issuer := must(x509.ParseCertificate(x5c[0].([]byte)))(t), must(x509.ParseCertificate(x5c[1].([]byte)))(t)
	then := aik.NotBefore.Add(24 * time.Hour)
	object.Type = string(metadata.AttCA) // as the library says of one that has not ended
	for name, c := range map[string]struct {
		root *x509.Certificate
		at   time.Time
		want bool
	}{
		"Microsoft's":     {issuer, then, true},
		"another maker's": {enrolltest.NewMaker(t, later).Root, then, false},
		"too late":        {issuer, aik.NotAfter.Add(time.Hour), false},
	} {
		keys := must(enroll.NewHardwareKeys([]*x509.Certificate{c.root}, nil, true))(t)
		if got := enroll.AttestedOf(keys, object, c.at); (got.Model == enroll.ModelTPM) != c.want || (got == enroll.Attested{}) == c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAKeyAttestedInAnotherFormatIsAPasskey(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	for _, c := range []struct {
		format string
		taken  bool // by the library; the others chain to roots of their own
		forge  func(auth, clientHash []byte, x5c any) map[string]any
	}{
		{format: "packed", taken: true},
		{format: "fido-u2f", taken: true},
		{format: "android-safetynet", taken: true, forge: safetyNet(t)},
		{format: "tpm"}, // certificates of a key, under that name
		{format: "android-key"}, {format: "apple"}, {format: "of-no-standard"},
	} {
		t.Run(c.format, func(t *testing.T) {
			w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = hardware(t, []string{modelA.String()}, maker) })
			k := maker.Key(modelA)
			k.Format, k.Forge = c.format, c.forge
			if _, err := verified(t, k.Create(creation(), origin)); (err == nil) != c.taken {
				t.Fatalf("the library says %v", err)
			}
			session, err := w.enrolKey(alice, k)
			wantErr(t, "enrol", err, nil)
			want := enroll.ProofPasskey
			if c.format == "packed" {
				want = enroll.ProofHardwareKey
			}
			p, err := w.keyProof(k, session)
			wantErr(t, "step up", err, nil)
			own := must(w.Credentials(w.ctx, session))(t)
			held := must(w.Held(w.ctx, alice))(t)
			if p.Kind != want || len(own) != 1 || w.IsHardware(own[0]) != (c.format == "packed") ||
				slices.Contains(held, enroll.ProofHardwareKey) != (c.format == "packed") {
				t.Errorf("it proves %s, %+v, held %v", p.Kind, own[0].Attested, held)
			}
		})
	}
}

// safetyNet forges statements of a service that the machine's own trust store vouches
// for, as it does for the authority of a proxy that opens TLS. Nothing of the
// certificates beside it signs them.
func safetyNet(t *testing.T) func(auth, clientHash []byte, x5c any) map[string]any {
	t.Helper()
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Proxy CA"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root := must(x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key))(t)
	file := filepath.Join(t.TempDir(), "roots.pem")
	wantErr(t, "write roots", os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o600), nil)
	t.Setenv("SSL_CERT_FILE", file)
	leaf := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"attest.android.com"}, NotBefore: from, NotAfter: to,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, must(x509.ParseCertificate(root))(t), &key.PublicKey, key))(t)
	return func(auth, clientHash []byte, x5c any) map[string]any {
		nonce := sha256.Sum256(slices.Concat(auth, clientHash))
		std, enc := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
		head := must(json.Marshal(map[string]any{"alg": "RS256", "x5c": []string{std(leaf)}}))(t)
		body := must(json.Marshal(map[string]any{"nonce": std(nonce[:]), "ctsProfileMatch": true, "timestampMs": time.Now().UnixMilli()}))(t)
		signed := enc(head) + "." + enc(body)
		hash := sha256.Sum256([]byte(signed))
		sig := must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hash[:]))(t)
		return map[string]any{"ver": "1", "response": []byte(signed + "." + enc(sig)), "x5c": x5c}
	}
}
