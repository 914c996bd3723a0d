package samba

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// authority signs controllers' certificates. Samba's self-made certificate is
// of no use here: it has no subject alternative name, and at times a negative
// serial number.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := unsigned("Latchkey test authority")
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key}, err
}

func unsigned(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 3, 0),
	}
}

// certify writes ca.pem, cert.pem and key.pem for the controller's name and
// address.
func (dc *DC) certify() (err error) {
	if dc.ca, err = dc.authority(); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := unsigned(dc.Host)
	tmpl.DNSNames, tmpl.IPAddresses = []string{dc.Host}, []net.IP{net.ParseIP(dc.Address)}
	tmpl.KeyUsage, tmpl.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, dc.ca.cert, &key.PublicKey, dc.ca.key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return dc.writeCertificates(der, keyDER)
}

func (dc *DC) authority() (*authority, error) {
	if dc.opts.Beside != nil {
		return dc.opts.Beside.ca, nil
	}
	return newAuthority()
}

func (dc *DC) writeCertificates(der, key []byte) error {
	if err := os.MkdirAll(dc.path("tls"), 0o700); err != nil {
		return err
	}
	dc.CAFile = dc.path("tls", "ca.pem")
	for _, f := range []struct {
		name, kind string
		der        []byte
	}{
		{dc.CAFile, "CERTIFICATE", dc.ca.cert.Raw},
		{dc.path("tls", "cert.pem"), "CERTIFICATE", der},
		{dc.path("tls", "key.pem"), "EC PRIVATE KEY", key},
	} {
		b := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der})
		if err := os.WriteFile(f.name, b, 0o600); err != nil { // Samba refuses a readable key
			return err
		}
	}
	return nil
}
