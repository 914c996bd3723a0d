package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/go-tpm/tpm2"
	"github.com/google/uuid"

	"github.com/latchkey/latchkey/ad"
)

// ErrNotHardware: the account's policy takes no passkey but one that an attested security
// key, or computer, keeps for good, and this is none.
var ErrNotHardware = errors.New("passkey.not-hardware")

// Attested is what the maker of an authenticator vouched for when a passkey was
// registered, and what was verified then. The zero value: nothing was.
type Attested struct {
	Model string // AAGUID as text, or ModelTPM
	Root  string // SHA-256 of the public key (SubjectPublicKeyInfo) of the maker's root, hex
}

// ModelTPM is the model of every passkey that a computer's own chip keeps. What makes the
// passkey names an AAGUID there too, which the chip knows nothing of.
const ModelTPM = "tpm"

// HardwareKeys say which passkeys are proofs of ProofHardwareKey. nil: none is.
type HardwareKeys struct {
	pool   *x509.CertPool
	roots  []string // as Attested.Root
	models []string // of security keys, as Attested.Model; empty for whatever the roots attest
	tpm    bool     // those that a computer's own chip keeps count as well
}

// NewHardwareKeys takes the roots of the makers' attestation certificates and the
// AAGUIDs of security keys that count; none for all that the roots attest. With tpm a
// passkey counts as well that a computer's TPM keeps, as Windows Hello makes them.
func NewHardwareKeys(roots []*x509.Certificate, models []string, tpm bool) (*HardwareKeys, error) {
	if len(roots) == 0 {
		return nil, errors.New("no root: nothing could be attested")
	}
	k := &HardwareKeys{pool: x509.NewCertPool(), tpm: tpm}
	for _, root := range roots {
		k.pool.AddCert(root)
		k.roots = append(k.roots, keyHash(root))
	}
	for _, model := range models {
		id, err := uuid.Parse(model)
		if err != nil {
			return nil, fmt.Errorf("%q is no AAGUID", model)
		}
		k.models = append(k.models, id.String())
	}
	return k, nil
}

// keyHash is of the key, and not of the certificate: a root that its maker renews
// stays the same one.
func keyHash(c *x509.Certificate) string {
	h := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(h[:])
}

// take says whether what was attested counts now: a maker or a model that was taken out
// of the configuration does not any more.
func (k *HardwareKeys) take(a Attested) bool {
	if k == nil || a.Model == "" || !slices.Contains(k.roots, a.Root) {
		return false
	}
	if a.Model == ModelTPM {
		return k.tpm
	}
	return len(k.models) == 0 || slices.Contains(k.models, a.Model)
}

// fidoAAGUID is id-fido-gen-ce-aaguid (WebAuthn 8.2.1).
var fidoAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}

// alternativeName is id-ce-subjectAltName (RFC 5280 4.2.1.6).
var alternativeName = asn1.ObjectIdentifier{2, 5, 29, 17}

// hints are what a browser offers first to whoever may register nothing else.
func (k *HardwareKeys) hints() []protocol.PublicKeyCredentialHints {
	hints := []protocol.PublicKeyCredentialHints{protocol.PublicKeyCredentialHintSecurityKey}
	if k != nil && k.tpm {
		hints = append(hints, protocol.PublicKeyCredentialHintClientDevice)
	}
	return hints
}

// attested says what a registration proves of its authenticator, whose attestation
// statement the library has verified (WebAuthn 7.1, steps 21 to 24): a certificate, and
// not the passkey's own key, that chains to one of the roots, and names the model or is a
// TPM's. A passkey that may be backed up lives on more than one thing, whoever vouches.
func (k *HardwareKeys) attested(object protocol.AttestationObject, now time.Time) Attested {
	if k == nil || object.AuthData.Flags.HasBackupEligible() ||
		object.Type != string(metadata.BasicFull) && object.Type != string(metadata.AttCA) {
		return Attested{}
	}
	chain := certificates(object.AttStatement["x5c"])
	if len(chain) == 0 {
		return Attested{}
	}
	// Of the formats that the library verifies, these two alone are signed by the
	// certificate that is looked at here (WebAuthn 8.2, 8.3), and made for a credential
	// that is chosen without a name: what others carry beside is nobody's word.
	model := ""
	switch protocol.AttestationFormat(object.Format) {
	case protocol.AttestationFormatPacked:
		if id, err := uuid.FromBytes(object.AuthData.AttData.AAGUID); err == nil && id != uuid.Nil && namedModel(chain[0]) == id {
			model = id.String()
		}
	case protocol.AttestationFormatTPM:
		if keepsForGood(object.AttStatement["pubArea"]) {
			model, chain[0] = ModelTPM, withoutChipName(chain[0])
		}
	}
	if model == "" {
		return Attested{}
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{
		Roots: k.pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return Attested{}
	}
	last := found[0][len(found[0])-1]
	return Attested{Model: model, Root: keyHash(last)}
}

// keepsForGood says whether a TPM made the key itself and gives it to nobody: whatever
// somebody loads into a TPM is attested as well, without these (TPM 2.0 Part 2, 8.3).
func keepsForGood(pubArea any) bool {
	raw, _ := pubArea.([]byte)
	public, err := tpm2.Unmarshal[tpm2.TPMTPublic](raw)
	if err != nil {
		return false
	}
	is := public.ObjectAttributes
	return is.FixedTPM && is.FixedParent && is.SensitiveDataOrigin
}

// withoutChipName leaves out that the alternative name is critical: it names the chip,
// which the library has looked at (WebAuthn 8.3.1), and crypto/x509 knows no such name.
func withoutChipName(c *x509.Certificate) *x509.Certificate {
	out := *c
	out.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions), alternativeName.Equal)
	return &out
}

// certificates are none where one of them is no certificate.
func certificates(x5c any) (chain []*x509.Certificate) {
	list, _ := x5c.([]any)
	for _, one := range list {
		raw, _ := one.([]byte)
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil
		}
		chain = append(chain, c)
	}
	return chain
}

// namedModel is the AAGUID that a certificate names, or uuid.Nil.
func namedModel(c *x509.Certificate) uuid.UUID {
	for _, e := range c.Extensions {
		var raw []byte
		if !e.Id.Equal(fidoAAGUID) {
			continue
		}
		if rest, err := asn1.Unmarshal(e.Value, &raw); err != nil || len(rest) > 0 {
			return uuid.Nil
		}
		id, err := uuid.FromBytes(raw)
		if err != nil {
			return uuid.Nil
		}
		return id
	}
	return uuid.Nil
}

// verifyCreation verifies a registration. An attestation that does not verify is none:
// whoever makes the passkey could have left it out.
func (s *Service) verifyCreation(user person, data webauthn.SessionData, parsed *protocol.ParsedCredentialCreationData) (*webauthn.Credential, Attested, error) {
	keys := s.settings().Proofs.Hardware
	record, err := s.rp().CreateCredential(user, data, parsed)
	if err == nil {
		return record, keys.attested(parsed.Response.AttestationObject, s.now()), nil
	}
	if keys == nil {
		return nil, Attested{}, err
	}
	plain := *parsed
	object := &plain.Response.AttestationObject
	object.Format, object.Type = string(protocol.AttestationFormatNone), ""
	object.AttStatement, object.SubStatements = nil, nil
	record, again := s.rp().CreateCredential(user, data, &plain)
	if again != nil {
		return nil, Attested{}, err
	}
	return record, Attested{}, nil
}

// IsComputer says whether a passkey that counts as a hardware key is kept by a computer's
// own chip, and by no security key.
func (s *Service) IsComputer(c Credential) bool {
	return s.IsHardware(c) && c.Attested.Model == ModelTPM
}

// IsHardware says whether a passkey counts as a hardware key now.
func (s *Service) IsHardware(c Credential) bool {
	return s.settings().Proofs.Hardware.take(c.Attested) && !c.Record.Flags.BackupEligible
}

// proves is the kind of proof that an assertion of a passkey is.
func (s *Service) proves(c Credential, data protocol.AuthenticatorData) ProofKind {
	if s.IsHardware(c) && !data.Flags.HasBackupEligible() {
		return ProofHardwareKey
	}
	return ProofPasskey
}

// hardwareOnly says whether the account's policy takes a hardware key and no other
// passkey. Where that can't be told it does.
func (s *Service) hardwareOnly(ctx context.Context, a ad.Account, address string) (bool, error) {
	if s.cfg.HardwareOnly == nil {
		return false, nil
	}
	only, err := s.cfg.HardwareOnly(ctx, a, address)
	if err != nil {
		return true, fmt.Errorf("look which passkeys are taken: %w", err)
	}
	return only, nil
}
