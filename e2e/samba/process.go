package samba

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// stopIn is how long a controller may take to end by itself.
const stopIn = 5 * time.Second

// process is one samba process. It ends when stdin is closed: by us, or by the
// kernel when this program dies (samba -i watches its standard input).
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{}
}

func (dc *DC) path(parts ...string) string {
	return filepath.Join(append([]string{dc.dir}, parts...)...)
}

func (dc *DC) conf() string     { return dc.path("etc", "smb.conf") }
func (dc *DC) database() string { return dc.path("private", "sam.ldb") }

// run starts the process on the files in dc.dir and waits until LDAPS answers.
func (dc *DC) run(ctx context.Context) error {
	// A pid file of a killed process would refuse the start if its number is in use again.
	os.Remove(dc.path("pid", "samba.pid"))
	log, err := os.OpenFile(dc.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("/usr/sbin/samba", "-i", "-M", "single", "-s", dc.conf(), "--debug-stdout", "-d1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is ours to handle
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	go func() { cmd.Wait(); close(p.ended) }()
	dc.process = p
	return dc.await(ctx)
}

// await polls: Samba tells nobody when it begins to listen.
func (dc *DC) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := dc.answers()
		if err == nil {
			return nil
		}
		if wrong := new(tls.CertificateVerificationError); errors.As(err, &wrong) {
			return err
		}
		select {
		case <-tick.C:
		case <-dc.process.ended:
			return fmt.Errorf("samba ended: %s", tail(dc.Log()))
		case <-ctx.Done():
			return fmt.Errorf("samba does not answer: %w: %s", err, tail(dc.Log()))
		}
	}
}

func (dc *DC) answers() error {
	c, err := dc.Dial("", "")
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetTimeout(5 * time.Second)
	_, err = c.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"defaultNamingContext"}, nil))
	return err
}

func (dc *DC) halt() {
	if dc.process != nil {
		dc.process.stop()
		dc.process = nil
	}
}

func (p *process) stop() {
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(stopIn):
		p.kill()
	}
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
	p.stdin.Close()
}

func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

func exists(pattern string) bool {
	found, _ := filepath.Glob(pattern)
	return len(found) > 0
}
