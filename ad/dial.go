package ad

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	// maxDial bounds TCP, TLS and the bind together: a silent controller must
	// not eat the time that the next one needs.
	maxDial = 5 * time.Second
	// maxAnswer bounds what one operation may return, in bytes.
	maxAnswer = 4 << 20
)

var errAnswerTooLong = errors.New("answer is too long")

// wire is the connection beneath the LDAP library. The library bounds neither
// its writes nor what it reads, and its Close waits for both.
type wire struct {
	net.Conn // TLS
	raw      net.Conn
	timeout  time.Duration
	budget   atomic.Int64
	writes   atomic.Int64 // how often anything was handed to the network
}

// Write has a deadline, because a controller that stops reading would hold it.
func (w *wire) Write(b []byte) (int, error) {
	w.writes.Add(1)
	if err := w.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// Read stops when one operation's answer grows past all bounds.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.budget.Add(int64(-n)) < 0 {
		return 0, errAnswerTooLong
	}
	return n, err
}

// Close ends the connection without a TLS alert, which could block.
func (w *wire) Close() error { return w.raw.Close() }

// dial opens a verified TLS connection. There is no other kind.
func (c *Client) dial(ctx context.Context, at *controller) (*conn, error) {
	raw, err := c.open(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if at.startTLS {
		if err := startTLS(ctx, raw); err != nil {
			raw.Close()
			return nil, fmt.Errorf("StartTLS: %w", err)
		}
	}
	secured := tls.Client(raw, &tls.Config{RootCAs: c.roots, ServerName: at.host, MinVersion: tls.VersionTLS12})
	if err := secured.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	at.reached(raw.RemoteAddr().String())
	w := &wire{Conn: secured, raw: raw, timeout: c.timeout}
	w.budget.Store(maxAnswer)
	l := ldap.NewConn(w, true)
	l.SetTimeout(c.timeout)
	l.Start()
	return &conn{ldap: l, wire: w, at: at, timeout: c.timeout}, nil
}

// open connects by TCP. Where the name can't be looked up, the address of last
// time is tried: the certificate says whether it is still the same host.
func (c *Client) open(ctx context.Context, at *controller) (net.Conn, error) {
	raw, err := c.tcp(ctx, at.addr)
	var unknown *net.DNSError
	if last := at.where(); last != "" && errors.As(err, &unknown) && ctx.Err() == nil {
		return c.tcp(ctx, last)
	}
	return raw, err
}

// tcp connects to a host of the domain. Its name is asked of the configured name
// servers: the machine's own need not know it.
func (c *Client) tcp(ctx context.Context, addr string) (net.Conn, error) {
	return (&net.Dialer{Resolver: c.cfg.Discovery.resolver()}).DialContext(ctx, "tcp", addr)
}

// startTLS asks for TLS (RFC 4511 4.14). It reads its answer byte by byte, so
// that nothing sent in clear behind it can slip into the TLS session.
func startTLS(ctx context.Context, raw net.Conn) error {
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "Extended")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, oidStartTLS, "Name"))
	message := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Message")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "ID"))
	message.AppendChild(request)
	if _, err := raw.Write(message.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(io.LimitReader(raw, 4096))
	if err != nil {
		return err
	}
	if len(answer.Children) < 2 || answer.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return errors.New("unexpected answer")
	}
	return plain(ldap.GetLDAPError(answer))
}

// loadRoots reads the PEM file; "" is the machine's own roots.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA file: no certificate in %s", file)
	}
	return pool, nil
}
