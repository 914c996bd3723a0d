package minidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority signs the certificates of a domain's controllers. Its key lives
// as long as the process.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// validity covers clocks that a test sets, far in both directions.
func validity(c *x509.Certificate) *x509.Certificate {
	now := time.Now()
	c.NotBefore, c.NotAfter = now.AddDate(-1, 0, 0), now.AddDate(5, 0, 0)
	return c
}

func newAuthority() *authority {
	key := newKey()
	tmpl := validity(&x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "minidc certificate authority"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	})
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue makes a controller's certificate, for its name and for this machine.
func (a *authority) issue(host string) tls.Certificate {
	key := newKey()
	der, err := x509.CreateCertificate(rand.Reader, template(host), a.cert, key.Public(), a.key)
	must(err)
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
}

func template(host string) *x509.Certificate {
	return validity(&x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     []string{host, "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// SetTLS changes what handshakes use from now on; nil takes the change back.
func (s *Server) SetTLS(change func(*tls.Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shape = change
}

// Issue makes another certificate for this controller, signed by the domain's
// authority for key; change may spoil it before. Hand it to SetTLS.
func (s *Server) Issue(key crypto.Signer, change func(*x509.Certificate)) tls.Certificate {
	tmpl := template(s.cfg.Host)
	change(tmpl)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, s.ca.cert, key.Public(), s.ca.key)
	must(err)
	return tls.Certificate{Certificate: [][]byte{der, s.ca.cert.Raw}, PrivateKey: key}
}

func (a *authority) file(dir string) (string, error) {
	path := filepath.Join(dir, "minidc-ca.pem")
	return path, os.WriteFile(path, a.pem, 0o600)
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	must(err)
	return n
}

// must is for what can only fail when the program is wrong.
func must(err error) {
	if err != nil {
		panic("minidc: " + err.Error())
	}
}
