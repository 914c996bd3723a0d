package doctor

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// TLSFault is why a handshake failed.
type TLSFault string

// The reasons that a check tells apart.
const (
	TLSUntrusted  TLSFault = "untrusted"   // no chain to an authority that is trusted here
	TLSSelfSigned TLSFault = "self-signed" // likewise, and signed by itself
	TLSName       TLSFault = "name"
	TLSExpired    TLSFault = "expired" // or not good yet
	TLSOld        TLSFault = "old"     // no version in common
	TLSOther      TLSFault = "other"   // no TLS at all, or the connection broke
)

// TLSFaultOf reads a handshake's error.
func TLSFaultOf(err error) TLSFault {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return TLSExpired
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return TLSName
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if e.Cert != nil && bytes.Equal(e.Cert.RawIssuer, e.Cert.RawSubject) && !e.Cert.IsCA {
			return TLSSelfSigned
		}
		return TLSUntrusted
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return TLSUntrusted
	}
	if strings.Contains(err.Error(), "protocol version") { // an alert, or our own refusal (RFC 8446 6.2)
		return TLSOld
	}
	return TLSOther
}

// TLSLeft is how long a certificate is still good, and how bad that is: a warning
// below 30 days, a failure below 7. Of a short certificate, which is renewed
// later, it is a third and a tenth of its life.
func TLSLeft(c *x509.Certificate, now time.Time) (left time.Duration, bad Severity) {
	const day = 24 * time.Hour
	left, life := c.NotAfter.Sub(now), c.NotAfter.Sub(c.NotBefore)
	switch {
	case left < min(7*day, life/10):
		return left, Failure
	case left < min(30*day, life/3):
		return left, Warning
	}
	return left, OK
}
