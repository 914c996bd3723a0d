package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// owner of a cluster's databases: a superuser of the cluster.
const owner = "latchkey"

// Cluster is a PostgreSQL server with its own files.
type Cluster struct {
	bin, dir, port string
	filled         sync.Once
	durable        bool // syncs what it writes

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
}

func start(durable bool) (*Cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "latchkey-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir, durable: durable}
	if err := c.init(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := c.Run(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return c, nil
}

// init makes the files. Syncing is off for most: a test kills processes, not machines.
func (c *Cluster) init() error {
	if err := giveAway(c.dir); err != nil {
		return err
	}
	var err error
	if c.port, err = freePort(); err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(c.bin, "initdb"), "-D", c.data(), "-A", "trust", "-U", owner,
		"--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
	initdb.Dir, initdb.SysProcAttr = c.dir, unprivileged()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }
func (c *Cluster) log() string  { return filepath.Join(c.dir, "log") }

// Run starts the server, again after a Kill or Halt, and waits until it answers.
func (c *Cluster) Run() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", c.data(), "-p", c.port, "-h", "127.0.0.1", "-k", c.dir, "-c", "max_connections=200", "-c", "shared_buffers=32MB"}
	if !c.durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	cmd := exec.Command(filepath.Join(c.bin, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = c.dir, log, log, unprivileged()
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The signal of the parent's death is that of the thread's.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	c.cmd, c.ended = cmd, ended
	return c.await()
}

// await polls: a server tells nobody when it begins to listen.
func (c *Cluster) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return fmt.Errorf("postgres ended: %s", c.Log())
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w: %s", err, c.Log())
		}
	}
}

// Log is what the server wrote.
func (c *Cluster) Log() string {
	b, _ := os.ReadFile(c.log())
	return string(b[max(0, len(b)-4000):])
}

// Kill ends the server at once, as an immediate shutdown does: what was committed
// is recovered by the next Run.
func (c *Cluster) Kill() { c.signal(syscall.SIGQUIT) }

// Halt ends it as an administrator does, who waits for no client.
func (c *Cluster) Halt() { c.signal(syscall.SIGINT) }

func (c *Cluster) signal(s os.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(s)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	c.cmd = nil
}

// Stop ends the server and removes its files.
func (c *Cluster) Stop() {
	c.Kill()
	os.RemoveAll(c.dir)
}

var errNotRoot = errors.New("not root")

// somebody is who PostgreSQL runs as where we are root.
func somebody() (uid, gid uint32, err error) {
	if os.Getuid() != 0 {
		return 0, 0, errNotRoot
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		id, err1 := strconv.ParseUint(u.Uid, 10, 32)
		group, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return uint32(id), uint32(group), nil
		}
	}
	return 0, 0, errors.New("neither a user postgres nor nobody")
}

func giveAway(dir string) error {
	uid, gid, err := somebody()
	if errors.Is(err, errNotRoot) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

// freePort lies below those that the system gives to outgoing connections: one of
// them would take it while the cluster is down.
func freePort() (port string, err error) {
	for range 100 {
		port = strconv.Itoa(20_000 + rand.IntN(12_000))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}
