package operate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/world"
)

const acmeHost = "latchkey.corp.example.test"

// pebble is Let's Encrypt's ACME server for tests, and a name server that says
// 127.0.0.1 of every name.
type pebble struct{ directory, management, caFile string }

// startPebble builds both from tools/go.mod, where they are pinned, and starts
// them on loopback. The validation asks on tlsPort.
func startPebble(t *testing.T, tlsPort string) pebble {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "github.com/letsencrypt/pebble/v2/cmd/pebble",
		"github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	build.Dir = filepath.Join("..", "..", "tools")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build pebble: %v\n%s", err, out)
	}
	ca, err := authority.New()
	world.Must(t, err)
	world.Must(t, ca.Write(dir+"/cert.pem", dir+"/key.pem", "localhost"))
	world.Must(t, os.WriteFile(dir+"/ca.pem", ca.PEM(), 0o600))
	port, management, dns, control := world.FreePort(t), world.FreePort(t), world.FreePort(t), world.FreePort(t)
	number, err := strconv.Atoi(tlsPort)
	world.Must(t, err)
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:" + port, "managementListenAddress": "127.0.0.1:" + management,
		"certificate": dir + "/cert.pem", "privateKey": dir + "/key.pem", "httpPort": 1, "tlsPort": number,
		"keyAlgorithm": "ecdsa", "retryAfter": map[string]any{"authz": 1, "order": 1},
	}})
	world.Must(t, err)
	world.Must(t, os.WriteFile(dir+"/config.json", text, 0o600))
	run(t, nil, dir+"/pebble-challtestsrv", "-dnsserver", "127.0.0.1:"+dns, "-management", "127.0.0.1:"+control,
		"-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "")
	run(t, []string{"PEBBLE_VA_NOSLEEP=1"}, dir+"/pebble", "-config", dir+"/config.json", "-dnsserver", "127.0.0.1:"+dns)
	p := pebble{"https://localhost:" + port + "/dir", "https://localhost:" + management, dir + "/ca.pem"}
	soon(t, 30*time.Second, "pebble", func() bool {
		_, err := get(ca.Pool(), p.directory)
		return err == nil
	})
	return p
}

// run starts a program that ends with the test, and its workers with it: those of
// nginx would hold what it writes to open.
func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	said := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	world.Must(t, cmd.Start())
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), said)
		}
	})
}

func get(roots *x509.CertPool, url string) ([]byte, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: trusting(roots)}
	res, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// roots are those of what pebble issues.
func (p pebble) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	own, err := os.ReadFile(p.caFile)
	world.Must(t, err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(own)
	pem, err := get(trusted, p.management+"/roots/0")
	world.Must(t, err)
	issued := x509.NewCertPool()
	if !issued.AppendCertsFromPEM(pem) {
		t.Fatalf("no root: %s", pem)
	}
	return issued
}

// A certificate is got, used by a person, kept over a restart, and asked for no
// other name.
func TestACertificateIsGotByACME(t *testing.T) {
	t.Parallel()
	port := world.FreePort(t)
	p := startPebble(t, port)
	settings := map[string]any{
		"terms_accepted": true, "directory": p.directory, "contact": "desk@corp.example.test", "ca_file": p.caFile,
	}
	reach := trusting(p.roots(t))
	reach.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}
	w := world.New(t, world.Options{
		People: 1, Port: port, Public: "https://" + acmeHost + ":" + port, Transport: reach,
		Settings: map[string]any{"tls": map[string]any{"acme": settings}},
	})
	world.Must(t, w.People[0].Phone.SignIn(t.Context()))
	c := &tls.Config{RootCAs: p.roots(t), NextProtos: []string{"http/1.1"}}
	first, err := shown(t, port, acmeHost, c)
	world.Must(t, err)
	if _, err := shown(t, port, "elsewhere.example.test", c); err == nil {
		t.Error("a certificate for another name was got")
	}
	world.Must(t, w.Terminate())
	w.Start()
	again, err := shown(t, port, acmeHost, c)
	world.Must(t, err)
	if a, b := first.PeerCertificates[0].SerialNumber, again.PeerCertificates[0].SerialNumber; a.Cmp(b) != 0 {
		t.Error("a restart asked for another certificate")
	}
	info, err := os.Stat(filepath.Join(w.Data, "acme"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the keys lie in %v, %v", info, err)
	}

	world.Must(t, w.Terminate())
	w.Configure(map[string]any{"tls": map[string]any{"acme": map[string]any{"terms_accepted": false}}})
	refusesToStart(t, w, "tls.acme.terms_accepted: must be true")
}
