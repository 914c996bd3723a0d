// Package doctortest makes certificates for tests, right and wrong ones, and tells lines
// that mend from those that only look.
package doctortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	Roots *x509.CertPool
	PEM   []byte

	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes one.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"},
		NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &Authority{t: t, key: key, Roots: x509.NewCertPool()}
	a.cert = sign(t, template, template, key, key)
	a.Roots.AddCert(a.cert)
	a.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// Certificate is how one differs from a right one of 90 days, which is 10 days old.
type Certificate struct {
	Left       time.Duration // until it ends; 0 is 80 days
	SelfSigned bool
	Private    bool // without the proofs of publication that public authorities add
}

// Make makes one for a host name or an address.
func (a *Authority) Make(host string, c Certificate) *tls.Certificate {
	a.t.Helper()
	const day = 24 * time.Hour
	if c.Left == 0 {
		c.Left = 80 * day
	}
	key, end := newKey(a.t), time.Now().Add(c.Left)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: end.Add(-90 * day), NotAfter: end,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	if !c.Private {
		// RFC 6962 3.3: a list of signed certificate timestamps; an empty one here.
		template.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: []byte{4, 2, 0, 0}}}
	}
	parent, by := a.cert, a.key
	if c.SelfSigned {
		parent, by = template, key
	}
	return &tls.Certificate{Certificate: [][]byte{sign(a.t, template, parent, key, by).Raw}, PrivateKey: key}
}
