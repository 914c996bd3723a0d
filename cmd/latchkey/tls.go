package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/server"
)

// acmeTimeout bounds one question to the ACME server.
const acmeTimeout = 30 * time.Second

// secured puts TLS around the listener where the configuration says so: 1.2 and
// newer, with Go's own choice of ciphers. HTTP/1.1 is all that Fiber speaks.
func (a *app) secured(l net.Listener) (net.Listener, error) {
	t := a.cfg.TLS
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	switch {
	case t.ACME != nil:
		m, err := acmeManager(a.cfg)
		if err != nil {
			return nil, err
		}
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
		c.GetCertificate = a.told(m.GetCertificate)
		a.first = func() { a.fetchFirst(c.GetCertificate) }
		a.log.Info("certificate by ACME", "directory", t.ACME.DirectoryURL(), "host", a.cfg.RPID())
	case t.CertFile != "":
		pair, err := server.NewCertificate(t.CertFile, t.KeyFile, a.cfg.RPID(), config.LoadPair, a.log)
		if err != nil {
			return nil, fmt.Errorf("start TLS: %w", err)
		}
		a.certificate, c.GetCertificate = pair, pair.Get
	default:
		return l, nil
	}
	return tls.NewListener(l, c), nil
}

// acmeManager keeps account and certificates in the data directory, and asks for
// the host of the public URL and for no other name that a client may send.
func acmeManager(cfg config.Config) (*autocert.Manager, error) {
	t := cfg.TLS.ACME
	client := &http.Client{Timeout: acmeTimeout}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the ACME server's CA: %w", err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		client.Transport = transport
	}
	return &autocert.Manager{
		Prompt:     func(string) bool { return t.TermsAccepted },
		Cache:      autocert.DirCache(filepath.Join(cfg.Data, "acme")),
		HostPolicy: autocert.HostWhitelist(cfg.RPID()),
		Email:      t.Contact,
		Client:     &acme.Client{DirectoryURL: t.DirectoryURL(), HTTPClient: client, UserAgent: "latchkey/" + version},
	}, nil
}

// told logs why there is no certificate: nobody else would say it.
func (a *app) told(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(hello)
		if err != nil && !errors.Is(err, context.Canceled) && hello.ServerName == a.cfg.RPID() {
			a.log.Error("no certificate by ACME", "host", hello.ServerName, "error", err)
		}
		return c, err
	}
}

// fetchFirst asks before the first person does: an order takes seconds. The hello
// is a browser's, which takes ECDSA.
func (a *app) fetchFirst(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) {
	_, _ = get(&tls.ClientHelloInfo{
		ServerName: a.cfg.RPID(), SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		CipherSuites:     []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SupportedCurves:  []tls.CurveID{tls.CurveP256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
	})
}
