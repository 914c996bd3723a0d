package ad_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// first puts another address in the place of the first controller's.
func (w *ward) first(address string) {
	w.setting(func(c *ad.Config, _ *ad.DoctorConfig) {
		c.Controllers = []string{address, w.otherURL}
		c.OpTimeout = time.Second
	})
}

// full is the address of a listener that takes no further connection.
func (w *ward) full() string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		w.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		w.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		w.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for range 8 { // until nobody is let in any more
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		w.Cleanup(func() { c.Close() })
	}
	w.Fatal("the queue of connections never fills")
	return ""
}

// serve answers each connection with f.
func (w *ward) serve(f func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); f(c) }()
		}
	}()
	return ln.Addr().String()
}

var reachIlls = []ill{
	{kind: "address-unresolved", provoke: func(w *ward) { w.first("ldaps://dc..example.test") }},
	{kind: "unreachable", provoke: func(w *ward) { w.first("ldaps://" + w.full()) }},
	{kind: "refused", provoke: func(w *ward) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			w.Fatal(err)
		}
		ln.Close()
		w.first("ldaps://" + ln.Addr().String())
	}},
	{kind: "silent", provoke: func(w *ward) {
		w.first(w.oneURL)
		w.undo(w.one.Inject(minidc.Silent().On(minidc.OpConnect)))
	}},
	{kind: "latency", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Now = nil })
		w.undo(w.one.Inject(minidc.Slow(210 * time.Millisecond).On(minidc.OpSearch).Times(9)))
	}},
	{kind: "plain-port", provoke: func(w *ward) { w.first(strings.Replace(w.clear, "ldap:", "ldaps:", 1)) }},
	{kind: "starttls-refused", provoke: func(w *ward) {
		w.setting(func(_ *ad.Config, _ *ad.DoctorConfig) {})
		secure := w.secure
		w.both(func() { w.secure = "1" }, func() { w.secure = secure })
		w.first(w.clear)
		w.undo(w.one.Inject(minidc.RefuseWrites(52, "00000000: LdapErr: DSID-0C0910FF, comment: Error initializing SSL/TLS").On(minidc.OpExtended)))
	}},
	{kind: "starttls-on-tls-port", provoke: func(w *ward) { w.first(strings.Replace(w.oneURL, "ldaps:", "ldap:", 1)) }},
	{kind: "starttls-needless", provoke: func(w *ward) { w.first(w.clear) }},
	{kind: "tls-failed", provoke: func(w *ward) { w.first("ldaps://" + w.serve(func(net.Conn) {})) }},
	{kind: "not-a-controller", provoke: func(w *ward) { w.both(func() { w.one.Answer("supportedCapabilities") }, w.one.AnswerTruly) }},
	{kind: "plain-bind-taken", own: true, with: [2]minidc.Config{{PolicyHints: true, ClearBind: true}, {PolicyHints: true}},
		provoke: func(w *ward) {}, mend: func(w *ward) { w.plain = "1" }},
}

// certificate gives the first controller another one.
func (w *ward) certificate(change func(*x509.Certificate)) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	w.present(w.one.Issue(key, change))
}

func (w *ward) present(c tls.Certificate) {
	w.both(func() { w.one.SetTLS(func(t *tls.Config) { t.Certificates = []tls.Certificate{c} }) }, func() { w.one.SetTLS(nil) })
}

// chain is a certificate of the first controller below an authority of its own,
// which is trusted beside the domain's; until is the authority's last day.
func (w *ward) chain(algorithm x509.SignatureAlgorithm, until time.Time) {
	authority, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		w.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: until, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca.Subject.CommonName = "An authority"
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, authority.Public(), authority)
	if err != nil {
		w.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(8), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, SignatureAlgorithm: algorithm}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), authority)
	if err != nil {
		w.Fatal(err)
	}
	both, err := os.ReadFile(w.cfg.CAFile)
	if err != nil {
		w.Fatal(err)
	}
	file := filepath.Join(w.TempDir(), "both.pem")
	if err := os.WriteFile(file, append(both, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})...), 0o600); err != nil {
		w.Fatal(err)
	}
	w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.CAFile = file })
	w.present(tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key})
}

var tlsIlls = []ill{
	{kind: "tls-name", provoke: func(w *ward) {
		w.certificate(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"dc9.corp.example.test"}, nil })
	}},
	{kind: "tls-no-names", provoke: func(w *ward) { w.certificate(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }) }},
	{kind: "tls-authority", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.CAFile = otherCAFor(w) })
	}},
	{kind: "tls-expired", provoke: func(w *ward) { w.certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }) }},
	{kind: "tls-not-yet-valid", provoke: func(w *ward) { w.certificate(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }) }},
	{kind: "tls-expiring", provoke: func(w *ward) {
		w.certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(12*24*time.Hour + time.Hour) })
	}},
	{kind: "tls-authority-expired", provoke: func(w *ward) { w.chain(0, time.Now().Add(-time.Hour)) }},
	{kind: "tls-authority-expiring", provoke: func(w *ward) { w.chain(0, time.Now().Add(12*24*time.Hour)) }},
	{kind: "tls-unreadable", provoke: func(w *ward) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			w.Fatal(err)
		}
		serial := new(big.Int).SetBytes([]byte{0x7f, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77})
		c := w.one.Issue(key, func(c *x509.Certificate) { c.SerialNumber = serial })
		der := slices.Clone(c.Certificate[0])
		at := strings.Index(string(der), string(serial.Bytes()))
		der[at] = 0x80 // the number is negative now, as in a self-made certificate
		c.Certificate[0] = der
		w.present(c)
	}},
	{kind: "tls-usage", provoke: func(w *ward) {
		w.certificate(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	}},
	{kind: "tls-weak-key", provoke: func(w *ward) {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			w.Fatal(err)
		}
		w.present(w.one.Issue(key, func(*x509.Certificate) {}))
	}},
	{kind: "tls-weak-signature", provoke: func(w *ward) { w.chain(x509.SHA1WithRSA, time.Now().AddDate(1, 0, 0)) }},
	{kind: "tls-too-old", provoke: func(w *ward) {
		w.both(func() {
			w.one.SetTLS(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
		}, func() { w.one.SetTLS(nil) })
	}},
	{kind: "tls-old-offered", provoke: func(w *ward) {
		w.both(func() { w.one.SetTLS(func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 }) }, func() { w.one.SetTLS(nil) })
	}},
}

// otherCAFor is an authority that signed nothing here.
func otherCAFor(w *ward) string {
	file, err := minidc.New(minidc.Config{}).CAFile(w.TempDir())
	if err != nil {
		w.Fatal(err)
	}
	return file
}

// answers makes the first controller say something else of itself.
func answers(name string, values ...string) func(*ward) {
	return func(w *ward) { w.both(func() { w.one.Answer(name, values...) }, w.one.AnswerTruly) }
}

// clockOff shows another time in the root of the first controller.
func clockOff(d time.Duration) func(*ward) {
	return func(w *ward) { answers("currentTime", time.Now().Add(d).UTC().Format("20060102150405.0Z"))(w) }
}

var hintsGone = []string{"1.2.840.113556.1.4.801", "1.2.840.113556.1.4.319"}

var rootIlls = []ill{
	{kind: "clock-drift", provoke: clockOff(-2 * time.Minute)},
	{kind: "clock-skew", provoke: clockOff(6 * time.Minute)},
	{kind: "clock-unknown", provoke: answers("currentTime", "yesterday\x00\x1b[2J")},
	{kind: "functional-level", provoke: answers("domainFunctionality", "2")},
	{kind: "policy-hints-missing", provoke: answers("supportedControl", hintsGone...)},
	{kind: "policy-hints-old", provoke: answers("supportedControl", append(hintsGone, "1.2.840.113556.1.4.2066")...)},
	{kind: "policy-hints-samba", mendless: true, provoke: func(w *ward) {
		answers("supportedControl", hintsGone...)(w)
		answers("vendorName", "Samba Team (https://www.samba.org)")(w)
	}},
	{kind: "read-only", own: true, with: [2]minidc.Config{{PolicyHints: true}, {PolicyHints: true, ReadOnly: true}},
		provoke: func(*ward) {}, mend: func(w *ward) { w.cfg.Controllers = w.cfg.Controllers[:1] }},
	{kind: "no-writable", own: true, with: [2]minidc.Config{{PolicyHints: true}, {PolicyHints: true, ReadOnly: true}},
		provoke: func(w *ward) {
			w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Controllers = []string{w.otherURL} })
		}},
	{kind: "not-synchronized", provoke: answers("isSynchronized", "FALSE")},
	{kind: "pdc-unconfigured", own: true, with: [2]minidc.Config{{PolicyHints: true}, {PolicyHints: true, PDC: true}},
		provoke: func(w *ward) {
			w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Controllers = []string{w.oneURL} })
		}},
	{kind: "pdc-unknown", provoke: func(w *ward) { w.set(miniBase, "fSMORoleOwner") }},
	{kind: "pdc-down", own: true, with: [2]minidc.Config{{PolicyHints: true, Host: "localhost"}, {PolicyHints: true}}, provoke: func(w *ward) {
		address := fmt.Sprintf("ldaps://localhost:%s", port(w.oneURL))
		w.cfg.Controllers, w.cfg.OpTimeout = []string{address, w.otherURL}, time.Second
		w.undo(w.one.Inject(minidc.CloseBefore().On(minidc.OpConnect)))
	}},
	{kind: "single-controller", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Controllers = c.Controllers[:1] })
	}},
	{kind: "same-controller", provoke: func(w *ward) {
		again, err := w.one.ListenLDAPS("127.0.0.1:0")
		if err != nil {
			w.Fatal(err)
		}
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Controllers = []string{w.oneURL, again} })
	}},
	{kind: "other-domain", provoke: func(w *ward) {
		w.both(func() { w.other.Answer("defaultNamingContext", "DC=child,"+miniBase) }, w.other.AnswerTruly)
	}},
	{kind: "check-failed", provoke: func(w *ward) { w.undo(w.one.Inject(minidc.CloseBefore().On(minidc.OpSearch).For(approvers))) }, mendless: true},
}
