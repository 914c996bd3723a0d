package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// TLS is how Latchkey itself speaks https: with a certificate from files, or with
// one that it gets by ACME. With neither it speaks plain HTTP to a proxy.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	ACME     *ACME  `yaml:"acme"`
}

// ACME gets and renews the certificate (RFC 8555, by TLS-ALPN-01: RFC 8737).
type ACME struct {
	TermsAccepted bool   `yaml:"terms_accepted"`
	Directory     string `yaml:"directory"`
	Contact       string `yaml:"contact"`
	CAFile        string `yaml:"ca_file"`
}

// LetsEncrypt is the directory where none is named.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// On says whether Latchkey speaks https itself.
func (t TLS) On() bool { return t.CertFile != "" || t.ACME != nil }

// DirectoryURL is the ACME server's.
func (a ACME) DirectoryURL() string {
	if a.Directory != "" {
		return a.Directory
	}
	return LetsEncrypt
}

func (c Config) checkTLS(f *finder) {
	t := c.TLS
	switch {
	case t.ACME != nil && (t.CertFile != "" || t.KeyFile != ""):
		f.add("tls.acme", "can't stand beside cert_file and key_file: keep one of the two")
	case t.ACME != nil:
		c.checkACME(f, *t.ACME)
	case t.CertFile != "" && t.KeyFile != "":
		c.checkPair(f, t)
	case t.CertFile != "":
		f.add("tls.key_file", "is missing: the certificate's key lies in a file of its own")
	case t.KeyFile != "":
		f.add("tls.cert_file", "is missing: name the certificate, its own first, then those between it and the root")
	}
	if t.On() && !strings.HasPrefix(c.PublicURL, "https://") {
		f.add("public_url", "must begin with https:// where tls is set")
	}
	c.checkInClear(f)
}

func (c Config) checkPair(f *finder, t TLS) {
	pair, err := LoadPair(t.CertFile, t.KeyFile)
	if err != nil {
		f.add("tls.key_file", "%v", err)
		return
	}
	if err := pair.Leaf.VerifyHostname(c.RPID()); err != nil {
		f.add("tls.cert_file", "%v: browsers would refuse it", err)
	}
}

// LoadPair reads a certificate and its key. A key that everybody may read is
// refused: whoever has it can stand in for the server.
func LoadPair(certFile, keyFile string) (tls.Certificate, error) {
	info, err := os.Stat(keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return tls.Certificate{}, fmt.Errorf("others may read the key (mode %04o): chmod o-rwx %s", mode, keyFile)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read certificate and key: %w", err)
	}
	return pair, nil
}

func (c Config) checkACME(f *finder, a ACME) {
	if !a.TermsAccepted {
		f.add("tls.acme.terms_accepted", "must be true: read the terms of %s first; nobody but you can accept them", a.DirectoryURL())
	}
	u, err := url.Parse(a.DirectoryURL())
	if err != nil || u.Scheme != "https" || u.Host == "" {
		f.add("tls.acme.directory", "%q is no https URL, such as %s", a.Directory, LetsEncrypt)
	}
	if mailbox, err := mail.ParseAddress(a.Contact); a.Contact != "" && (err != nil || mailbox.Address != a.Contact) {
		f.add("tls.acme.contact", "%q is no bare mail address (without mailto:)", a.Contact)
	}
	if isLocal(c.RPID()) {
		f.add("tls.acme", "can't get a certificate for %q: no public name", c.RPID())
	}
	checkCA(f, "tls.acme.ca_file", a.CAFile)
}

func checkCA(f *finder, key, file string) {
	if file == "" {
		return
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		f.add(key, "%v", err)
	} else if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		f.add(key, "%s holds no certificate", file)
	}
}

// checkInClear: passwords are typed into what this address serves. In clear it may
// leave the machine only towards a proxy that is named, so that nobody puts it
// on the network by accident.
func (c Config) checkInClear(f *finder) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || c.TLS.On() || len(c.TrustedProxies) > 0 || isLoopbackHost(host) {
		return
	}
	f.add("listen", "%q is reached from other machines in clear, and people type passwords there: set tls, or listen on 127.0.0.1, "+
		"or name the TLS proxy in trusted_proxies", c.Listen)
}

func isLoopbackHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}
