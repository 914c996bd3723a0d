package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Certificate is a certificate and its key in files that change: whoever renews
// them tells nobody. A new pair that can't be used is logged, and the old one
// stays.
type Certificate struct {
	certFile, keyFile string
	load              func(certFile, keyFile string) (tls.Certificate, error)
	host              string
	log               *slog.Logger

	now atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // of what was looked at last
	seen [2]fileState
}

// fileState tells one state of a file from another. A renewal that is moved into place
// has a new inode even where its time and size are the old ones'.
type fileState struct {
	info os.FileInfo
	err  string
}

func stateOfFile(path string) fileState {
	info, err := os.Stat(path) // through symbolic links, as certbot and Kubernetes lay them
	if err != nil {
		return fileState{err: err.Error()}
	}
	return fileState{info: info}
}

func (s fileState) same(other fileState) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil && s.err == other.err
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() &&
		s.info.Mode() == other.info.Mode() && s.info.ModTime().Equal(other.info.ModTime())
}

// CertificateEvery is the pause between two looks at the files.
const CertificateEvery = 5 * time.Second

// NewCertificate reads the pair with load, which refuses what must not be used.
// host is the name that people's browsers ask for.
func NewCertificate(certFile, keyFile, host string, load func(certFile, keyFile string) (tls.Certificate, error), log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, host: host, load: load, log: log}
	c.seen = c.states()
	pair, err := c.read()
	if err != nil {
		return nil, err
	}
	c.now.Store(pair)
	return c, nil
}

func (c *Certificate) states() [2]fileState {
	return [2]fileState{stateOfFile(c.certFile), stateOfFile(c.keyFile)}
}

func (c *Certificate) read() (*tls.Certificate, error) {
	pair, err := c.load(c.certFile, c.keyFile)
	if err != nil {
		return nil, err
	}
	if err := pair.Leaf.VerifyHostname(c.host); err != nil {
		return nil, fmt.Errorf("%s: %w", c.certFile, err)
	}
	return &pair, nil
}

// Look reads the pair when a file changed since the last look. The states are taken
// before the files are read: what changes meanwhile is seen the next time.
func (c *Certificate) Look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.states()
	if now[0].same(c.seen[0]) && now[1].same(c.seen[1]) {
		return
	}
	c.seen = now
	pair, err := c.read()
	if err != nil {
		c.log.Error("new certificate not taken, the old one stays", "until", c.now.Load().Leaf.NotAfter, "error", err)
		return
	}
	c.now.Store(pair)
	c.log.Info("new certificate", "serial", pair.Leaf.SerialNumber.Text(16), "until", pair.Leaf.NotAfter)
}

// Watch looks until ctx ends. Looking works where telling does not: on network
// file systems, and for files behind links.
func (c *Certificate) Watch(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			c.Look()
		}
	}
}

// Get is tls.Config's GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }
