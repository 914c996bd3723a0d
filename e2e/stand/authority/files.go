package authority

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// Write makes a certificate as For does and lays it and its key into files, which
// are replaced in one step each, as a renewal does it.
func (a *Authority) Write(certFile, keyFile string, names ...string) error {
	pair, err := a.For(names...)
	if err != nil {
		return err
	}
	key, err := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return errors.Join(
		replace(keyFile, &pem.Block{Type: "EC PRIVATE KEY", Bytes: key}, 0o600),
		replace(certFile, &pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, 0o644),
	)
}

func replace(path string, b *pem.Block, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", pem.EncodeToMemory(b), mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
