package operate

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey/latchkey/e2e/world"
)

// Five rotations under people who subscribe devices and ask for approvals: nothing
// fails, everybody is told, and one key is left with everything under it.
func TestKeysAreRotatedWhilePeopleWork(t *testing.T) {
	t.Parallel()
	rotateWhilePeopleWork(t, world.Options{})
}

// Two servers read one key file: both take the new key before either seals with it.
func TestKeysAreRotatedUnderTwoServersWhilePeopleWork(t *testing.T) {
	t.Parallel()
	rotateWhilePeopleWork(t, world.Options{Two: true})
}

func rotateWhilePeopleWork(t *testing.T, o world.Options) {
	o.People, o.Managers, o.Stand, o.Settings = 4, 1, true, map[string]any{"policies": world.ByManager(nil)}
	w := world.New(t, o)
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	var asked atomic.Int64
	for _, p := range w.People {
		world.Must(t, p.Phone.SignIn(t.Context()))
		working.Go(func() {
			for ctx.Err() == nil {
				r, err := p.Phone.Submit(t.Context(), "reset")
				if err == nil {
					_, err = p.Phone.Prove(t.Context(), r.ID)
				}
				if err == nil {
					_, err = p.Phone.Cancel(t.Context(), r.ID)
				}
				if err == nil {
					_, err = p.Phone.Subscribe(t.Context(), p.Device.Endpoint, p.Device.P256dh, p.Device.Auth)
				}
				if err != nil && strings.HasPrefix(err.Error(), "429") {
					return // as often as one person may
				}
				if err != nil {
					t.Errorf("%s: %v", p.Account, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for range 5 {
		w.Latchkey("keys", "rotate", "--config", w.Config)
	}
	stop()
	working.Wait()
	listed := strings.TrimSpace(w.Latchkey("keys", "list", "--data", w.Data))
	t.Logf("%d requests meanwhile; %s", asked.Load(), listed)
	if strings.Count(listed, "\n") != 0 || !strings.Contains(listed, "  seals  ") || asked.Load() == 0 {
		t.Errorf("keys: %s", listed)
	}
	if n := len(events(t, w, "keys.rotated")); n != 5 {
		t.Errorf("the log tells of %d rotations", n)
	}
	if strings.Contains(string(w.Log()), "open notice") || strings.Contains(string(w.Log()), "open delivery") {
		t.Error("something could not be opened")
	}
	// The key that signs notifications still opens, after a restart as well.
	world.Must(t, w.Terminate())
	w.Start()
	p := w.People[0]
	world.Must(t, p.Phone.SignIn(t.Context()))
	if _, _, err := p.Phone.Devices(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAKeyFileThatOthersReachStopsTheStart(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	world.Must(t, w.Terminate())
	key := w.Data + "/secret.key"
	chmod(t, key, 0o640)
	refusesToStart(t, w, "chmod 600")
	chmod(t, key, 0o600)
	chmod(t, w.Data, 0o770)
	refusesToStart(t, w, "chmod go-w "+w.Data)
	chmod(t, w.Data, 0o700)
	w.Start()
}
