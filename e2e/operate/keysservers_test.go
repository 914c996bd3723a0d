package operate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/e2e/world"
)

// Two servers, each with a file of its own: the command stops where one is behind,
// changes nothing that it could not open, and goes on once the file was copied.
func TestARotationWaitsForAServerWithAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Two: true, People: 2, Stand: true, Settings: map[string]any{"policies": world.ByManager(nil)}})
	first, second := filepath.Join(w.Dir, "secret.key"), filepath.Join(w.Dir, "second.key")
	carry := func() {
		t.Helper()
		text, err := os.ReadFile(first)
		world.Must(t, err)
		world.Must(t, os.WriteFile(second+".new", text, 0o600))
		world.Must(t, os.Rename(second+".new", second))
	}
	carry()
	world.Must(t, w.TerminateServer(1))
	w.ConfigureSecond(map[string]any{"secrets": map[string]any{"key_file": second}})
	w.StartServer(1)
	before := w.Latchkey("keys", "list", "--config", w.Config)
	old, _, _ := strings.Cut(before, " ")
	refused := func(why string) {
		t.Helper()
		out, err := w.Command("keys", "rotate", "--config", w.Config).CombinedOutput()
		for _, word := range []string{why, w.Data + "-second  seals with key " + old, "Copy " + first + " over", "run the same command again"} {
			if err == nil || !strings.Contains(string(out), word) {
				t.Errorf("%v, lacks %q:\n%s", err, word, out)
			}
		}
	}
	refused("do not have the new key")
	if listed := w.Latchkey("keys", "list", "--config", w.Config); !strings.HasPrefix(listed, strings.TrimSpace(before)) || strings.Count(listed, "\n") != 2 {
		t.Errorf("the old key does not seal any more, or the new one is gone:\n%s", listed)
	}
	carry()
	refused("still seal with another key")
	for range 4 { // each server in turn: what either sealed, both open
		for _, p := range w.People {
			world.Must(t, p.Phone.SignIn(t.Context()))
			w.Subscribe(p)
		}
	}
	carry()
	w.Latchkey("keys", "rotate", "--config", w.Config)
	if listed := w.Latchkey("keys", "list", "--config", w.Config); strings.Contains(listed, old) || strings.Count(listed, "\n") != 1 {
		t.Errorf("keys:\n%s", listed)
	}
	for i, config := range []string{w.Config, filepath.Join(w.Dir, "second.yaml")} {
		world.Must(t, w.TerminateServer(i))
		if listed := w.Latchkey("keys", "list", "--config", config); strings.Contains(listed, "can't be opened") {
			t.Errorf("server %d: %s", i, listed)
		}
		w.StartServer(i)
	}
	if n := len(events(t, w, "keys.rotated")); n != 1 {
		t.Errorf("the log tells of %d rotations", n)
	}
}
