package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
)

// killEnv names a step of a rotation, and how many times it passes before the
// process kills itself there, "server resealed:1".
const killEnv = "LATCHKEY_TEST_KILL_AT"

func killAt(where string) func(string) {
	name, count, _ := strings.Cut(where, ":")
	left, _ := strconv.Atoi(count)
	var passed atomic.Int64
	return func(step string) {
		if where != "" && step == name && passed.Add(1) > int64(left) {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// installation is a data directory with sealed values of every kind, and a
// directory to serve from.
type installation struct {
	dir, config, data, key string
	base                   string // DN of the directory
	first                  *secret.Box
}

func install(t *testing.T) installation {
	t.Helper()
	dir := t.TempDir()
	in := installation{dir: dir, config: filepath.Join(dir, "latchkey.yaml"), data: filepath.Join(dir, "data")}
	in.key = filepath.Join(in.data, "secret.key")
	dc, company := minidc.NewCompany(time.Now)
	t.Cleanup(func() { dc.Close() })
	in.base = company.BaseDN
	at, err := dc.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	must(t, os.WriteFile(dir+"/ca.pem", dc.CAPEM(), 0o600))
	must(t, os.WriteFile(dir+"/password", []byte(company.ServicePassword), 0o600))
	must(t, os.Mkdir(in.data, 0o700))
	must(t, os.WriteFile(in.config, fmt.Appendf(nil, `
listen: 127.0.0.1:0
public_url: http://localhost:8080
organisation: Brightwater Boats
data: %q
support: {name: Desk, phone: "1"}
directory: {controllers: [%q], ca_file: %q, read: {bind: %q, password_file: %q}}
policies: [{name: all, who: {everyone: true}, unlock: {prove: [passkey]}}]
`, in.data, at, dir+"/ca.pem", company.ServiceBind, dir+"/password"), 0o600))
	in.first, err = secret.LoadBox(in.key, true)
	must(t, err)
	store := in.open(t, in.first)
	for i := range 230 { // three batches, and their end within one
		id := fmt.Sprint("device-", i)
		_, err := store.SaveSubscription(t.Context(), push.Subscription{
			ID: id, Account: "5b2f8a1e-0c4d-4e6f-8a90-1b2c3d4e5f60", Endpoint: "https://fcm.googleapis.com/" + id, Auth: []byte(id),
		}, 1000)
		must(t, err)
	}
	_, err = store.AddVAPIDKey(t.Context(), push.Keypair{ID: "k", Public: "p", Private: bytes.Repeat([]byte{1}, 32)}, true)
	must(t, err)
	must(t, store.Close())
	return in
}

func (in installation) open(t *testing.T, box *secret.Box) *db.Store {
	t.Helper()
	store, err := db.Open(t.Context(), db.Config{Path: filepath.Join(in.data, databaseName), Box: box})
	must(t, err)
	return store
}

// process runs the command as one of its own, which kills itself at a step.
func process(t *testing.T, kill string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "latchkey", args...)
	cmd.Env = append(os.Environ(), killEnv+"="+kill)
	return cmd
}

// serve starts a server and waits until it answers.
func (in installation) serve(t *testing.T, kill string) *exec.Cmd {
	t.Helper()
	ready := filepath.Join(in.dir, "ready.json")
	os.Remove(ready)
	cmd := process(t, kill, "serve", "--config", in.config, "--ready", ready)
	said := &bytes.Buffer{}
	cmd.Stderr = said
	must(t, cmd.Start())
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { // another process
		if _, err := os.Stat(ready); err == nil {
			return cmd
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not start: %s", said)
		}
	}
}

// rotated holds an installation to a rotation that came to its end.
func (in installation) rotated(t *testing.T) {
	t.Helper()
	keys, err := secret.Keys(in.key)
	if err != nil || len(keys) != 1 || keys[0].ID == in.first.Active() {
		t.Fatalf("keys %+v, %v", keys, err)
	}
	info, err := os.Stat(in.key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file %v, %v", info, err)
	}
	if left, _ := filepath.Glob(in.data + "/.latchkey-keys-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	box, err := secret.LoadBox(in.key, false)
	must(t, err)
	store := in.open(t, box)
	defer store.Close()
	counts, err := store.SealedUnder(t.Context())
	if err != nil || len(counts) != 1 || counts[keys[0].ID] != 461 {
		t.Errorf("sealed under %v, %v", counts, err)
	}
	subs, err := store.Subscriptions(t.Context(), "5b2f8a1e-0c4d-4e6f-8a90-1b2c3d4e5f60")
	if err != nil || len(subs) != 230 {
		t.Errorf("%d devices open, %v", len(subs), err)
	}
	if _, err := store.VAPIDKeys(t.Context()); err != nil {
		t.Errorf("push key: %v", err)
	}
	must(t, store.Close())
	old := in.open(t, in.first)
	defer old.Close()
	if _, err := old.VAPIDKeys(t.Context()); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("the old key opens: %v", err)
	}
	var log bytes.Buffer
	must(t, old.Export(t.Context(), &log))
	if n := strings.Count(log.String(), `"action":"keys.rotated"`); n != 1 {
		t.Errorf("the log tells of %d rotations", n)
	}
}

// killed fails unless the process ended by our kill.
func killed(t *testing.T, err error, said []byte) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("not killed: %v\n%s", err, said)
	}
}

// The steps before the key file is changed for the last time.
var commandSteps = []string{"added", "loaded", "resealed", "recorded"}
var serverSteps = []string{"server loaded:0", "server resealed:0", "server resealed:2", "server recorded:0"}

// A rotation that is killed anywhere goes on with the same command, and loses
// nothing: with a server, and without.
func TestARotationThatIsKilledGoesOnFromThere(t *testing.T) {
	t.Parallel()
	finish := func(t *testing.T, in installation) {
		t.Helper()
		out, err := process(t, "", "keys", "rotate", "--config", in.config).CombinedOutput()
		if err != nil {
			t.Fatalf("again: %v\n%s", err, out)
		}
	}
	for _, step := range slices.Concat(commandSteps, serverSteps) {
		t.Run("no server/"+step, func(t *testing.T) {
			t.Parallel()
			in := install(t)
			said, err := process(t, step, "keys", "rotate", "--config", in.config).CombinedOutput()
			killed(t, err, said)
			finish(t, in)
			in.rotated(t)
		})
	}
	for _, step := range commandSteps {
		t.Run("command/"+step, func(t *testing.T) {
			t.Parallel()
			in := install(t)
			server := in.serve(t, "")
			said, err := process(t, step, "keys", "rotate", "--config", in.config).CombinedOutput()
			killed(t, err, said)
			finish(t, in)
			must(t, server.Process.Signal(syscall.SIGTERM))
			must(t, server.Wait())
			in.rotated(t)
		})
	}
	for _, step := range serverSteps {
		t.Run("server/"+step, func(t *testing.T) {
			t.Parallel()
			in := install(t)
			server := in.serve(t, step)
			if out, err := process(t, "", "keys", "rotate", "--data", in.data).CombinedOutput(); err == nil {
				t.Errorf("the command succeeded without the server: %s", out)
			}
			killed(t, server.Wait(), nil)
			next := in.serve(t, "")
			finish(t, in)
			must(t, next.Process.Signal(syscall.SIGTERM))
			must(t, next.Wait())
			in.rotated(t)
		})
	}
}

// Past the change of the file the rotation is done, killed or not.
func TestARotationThatIsKilledAtItsEndIsDone(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"dropped", "told"} {
		in := install(t)
		server := in.serve(t, "")
		said, err := process(t, step, "keys", "rotate", "--data", in.data).CombinedOutput()
		killed(t, err, said)
		must(t, server.Process.Kill())
		server.Wait()
		in.rotated(t)
	}
}

func TestKeysAreListedWithWhatIsUnderThem(t *testing.T) {
	t.Parallel()
	in := install(t)
	list := func() string {
		out, err := process(t, "", "keys", "list", "--config", in.config).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if said := list(); !strings.Contains(said, in.first.Active()+"  seals  461 values  made ") {
		t.Errorf("said %q", said)
	}
	said, err := process(t, "added", "keys", "rotate", "--config", in.config).CombinedOutput()
	killed(t, err, said)
	if said := list(); !strings.Contains(said, "seals  0 values") || !strings.Contains(said, in.first.Active()+"  opens  461 values") {
		t.Errorf("said %q", said)
	}
}

// The key that is still needed can't be taken away from under the server.
func TestTheServerKeepsAKeyThatIsNeeded(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.serve(t, "")
	must(t, os.Remove(in.key))
	if _, err := secret.LoadBox(in.key, true); err != nil {
		t.Fatal(err)
	}
	out, err := process(t, "", "keys", "rotate", "--data", in.data).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "does not hold: put it back") {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := process(t, "", "keys", "list", "--data", in.data).CombinedOutput(); err != nil || !strings.Contains(string(out), in.first.Active()+"  is not in") {
		t.Errorf("%v, %s", err, out)
	}
}
