package ad

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// certFault is one thing that is wrong with a controller's certificate.
type certFault struct {
	kind doctor.Kind
	seen string
	name string // one that the certificate is good for
}

// mend is the way to a certificate that is right, or to trust in this one.
func (f certFault) mend(at *controller) []doctor.Line {
	switch f.kind.ID {
	case kindCertAuthority.ID:
		return lines(
			shell("openssl s_client -connect %s -showcerts </dev/null # compare the last certificate with your authority's", at.addr),
			config("ca_file: /etc/latchkey/ca.pem # the authority's certificate, from whoever runs it"))
	case kindCertName.ID:
		return lines(config("controllers: [ldaps://%s]", f.name), newCertificate(at))
	case kindIssuerSoon.ID, kindIssuerExpired.ID:
		return lines(
			power("certutil -renewCert ReuseKeys # on the authority, then give the new certificate to ca_file"),
			shell("openssl x509 -in /etc/latchkey/ca.pem -noout -subject -enddate"))
	}
	return newCertificate(at)
}

// newCertificate asks for a certificate that names the controller.
func newCertificate(at *controller) []doctor.Line {
	san := "DNS:" + at.host
	if net.ParseIP(at.host) != nil {
		san = "IP:" + at.host
	}
	return lines(
		power("Get-Certificate -Template DomainControllerAuthentication -DnsName %s -CertStoreLocation Cert:\\LocalMachine\\My", at.host),
		shell("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj %s -addext %s -addext extendedKeyUsage=serverAuth",
			"/CN="+at.host, "subjectAltName="+san),
	)
}

// judgeCertificates looks at what the controller presented, leaf first: names,
// time, use, strength and chain, each for itself, so that everything that is to
// be put right is said at once. roots nil is the machine's own.
func judgeCertificates(certs []*x509.Certificate, roots *x509.CertPool, host string, now time.Time) (faults []certFault, seen string) {
	if len(certs) == 0 {
		return []certFault{{kind: kindTLSFailed, seen: "no certificate was presented"}}, ""
	}
	leaf := certs[0]
	add := func(k doctor.Kind, format string, args ...any) {
		faults = append(faults, certFault{kind: k, seen: fmt.Sprintf(format, args...), name: append(namesOf(leaf), "")[0]})
	}
	names := namesOf(leaf)
	switch {
	case len(names) == 0:
		add(kindCertNoNames, "the certificate of %q has no subject alternative name", leaf.Subject.CommonName)
	case leaf.VerifyHostname(host) != nil:
		add(kindCertName, "asked for %s, the certificate is of %s", host, some(names))
	}
	left := leaf.NotAfter.Sub(now)
	switch {
	case now.Before(leaf.NotBefore):
		add(kindCertEarly, "valid from %s", leaf.NotBefore.UTC().Format(time.DateTime))
	case left < 0:
		add(kindCertExpired, "ended on %s", leaf.NotAfter.UTC().Format(time.DateTime))
	case left < certificateEnd:
		add(kindCertSoon, "%d days left, until %s", days(left), leaf.NotAfter.UTC().Format(time.DateTime))
	}
	if !forServers(leaf) {
		add(kindCertUsage, "the certificate's uses leave server authentication out")
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		add(kindCertKey, "an RSA key of %d bits", key.N.BitLen())
	}
	faults = append(faults, judgeChain(certs, roots, now)...)
	return faults, fmt.Sprintf("certificate of %s, %d days left", some(names), days(left))
}

func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// forServers: no extended use at all allows every one (RFC 5280 4.2.1.12).
func forServers(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// judgeChain builds the chain at a time at which the leaf is valid, so that the
// leaf's own end does not hide what is wrong above it.
func judgeChain(certs []*x509.Certificate, roots *x509.CertPool, now time.Time) []certFault {
	leaf := certs[0]
	if weakSignature(leaf) {
		return []certFault{{kind: kindCertSignature, seen: "signed with " + leaf.SignatureAlgorithm.String()}}
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	at := now
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != leaf:
		return []certFault{{kind: kindIssuerExpired, seen: fmt.Sprintf("%q ended on %s", invalid.Cert.Subject, invalid.Cert.NotAfter.UTC().Format(time.DateTime))}}
	case err != nil:
		return []certFault{{kind: kindCertAuthority, seen: fmt.Sprintf("issued by %q: %s", leaf.Issuer, strings.TrimPrefix(err.Error(), "x509: "))}}
	}
	return judgeIssuers(chains, now)
}

// judgeIssuers looks for the chain whose authorities last longest.
func judgeIssuers(chains [][]*x509.Certificate, now time.Time) []certFault {
	var best *x509.Certificate
	for _, chain := range chains {
		var first *x509.Certificate
		for _, c := range chain[1:] {
			if first == nil || c.NotAfter.Before(first.NotAfter) {
				first = c
			}
		}
		if first == nil {
			return nil
		}
		if best == nil || first.NotAfter.After(best.NotAfter) {
			best = first
		}
	}
	if best == nil || best.NotAfter.Sub(now) >= certificateEnd {
		return nil
	}
	return []certFault{{kind: kindIssuerSoon, seen: fmt.Sprintf("%q has %d days left", best.Subject, days(best.NotAfter.Sub(now)))}}
}

func weakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}
