package enrolltest

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/uuid"
)

// Computer makes a passkey that is kept by a computer's own chip, as Windows Hello does
// (WebAuthn 8.3, TPM attestation); change may spoil what the chip says of its key.
func (m *Maker) Computer(model uuid.UUID, change ...func(*tpm2.TPMAObject)) *SecurityKey {
	k := m.Key(model)
	k.Format, k.Certified = "tpm", uuid.Nil
	kept := tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, SignEncrypt: true}
	for _, f := range change {
		f(&kept)
	}
	k.Forge = func(auth, clientHash []byte, _ any) map[string]any { return k.certified(kept, auth, clientHash) }
	return k
}

// certified is the statement of the chip's own attestation key (AIK) that it keeps the
// passkey's key (TPM 2.0 Part 3, TPM2_Certify), for these bytes.
func (k *SecurityKey) certified(kept tpm2.TPMAObject, auth, clientHash []byte) map[string]any {
	t := k.maker.t
	t.Helper()
	point := k.point()
	public := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: kept,
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Symmetric: tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgNull}, Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgNull},
			CurveID: tpm2.TPMECCNistP256, KDF: tpm2.TPMTKDFScheme{Scheme: tpm2.TPMAlgNull},
		}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]},
		}),
	}
	name, err := tpm2.ObjectName(&public)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	hash.Write(auth)
	hash.Write(clientHash)
	said := tpm2.Marshal(tpm2.TPMSAttest{
		Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCertify, ExtraData: tpm2.TPM2BData{Buffer: hash.Sum(nil)},
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCertify, &tpm2.TPMSCertifyInfo{Name: *name}),
	})
	aik := newKey(t)
	cert := k.maker.certify(&x509.Certificate{
		SerialNumber: big.NewInt(3), NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(24 * 365 * time.Hour),
		BasicConstraintsValid: true, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 3}},
		ExtraExtensions: []pkix.Extension{k.chip()},
	}, k.maker.Root, &aik.PublicKey)
	sig := sign(t, aik, said)
	if k.Spoiled {
		sig = sign(t, newKey(t), said)
	}
	return map[string]any{
		"ver": "2.0", "alg": -7, "x5c": []any{cert.Raw}, "sig": sig, "certInfo": said, "pubArea": tpm2.Marshal(public),
	}
}

// chip names the maker, model and version of the TPM, in a critical alternative name
// (WebAuthn 8.3.1).
func (k *SecurityKey) chip() pkix.Extension {
	t := k.maker.t
	t.Helper()
	var names pkix.RDNSequence
	for last, value := range []string{1: "id:494E5443", 2: "Example", 3: "id:00010002"} {
		if last > 0 {
			names = append(names, []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 23, 133, 2, last}, Value: value}})
		}
	}
	name, err := asn1.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	value, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name}})
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: value}
}
