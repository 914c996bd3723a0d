package operate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey/latchkey/e2e/phone"
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

// A server that was silent while its key was rotated away does nothing in the
// directory: it could not record what came of it.
func TestAServerWhoseKeyWasRotatedAwayWritesNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Postgres: true, People: 1})
	p := w.People[0]
	world.Must(t, p.Phone.SignIn(t.Context()))
	r, err := p.Phone.Submit(t.Context(), "reset")
	world.Must(t, err)
	_, err = p.Phone.Prove(t.Context(), r.ID)
	world.Must(t, err)
	ready := func() error { return p.Phone.Call(t.Context(), "GET", "/readyz", nil, nil) }
	world.Must(t, ready())

	dsn, err := os.ReadFile(filepath.Join(w.Dir, "database.dsn"))
	world.Must(t, err)
	conn, err := pgx.Connect(t.Context(), string(dsn))
	world.Must(t, err)
	defer conn.Close(t.Context())
	key, _, _ := strings.Cut(w.Latchkey("keys", "list", "--config", w.Config), " ")
	_, err = conn.Exec(t.Context(), "INSERT INTO retired_keys (id, at) VALUES ($1, 0)", key)
	world.Must(t, err)

	before, number := w.Writes(p), w.KeyVersion(p)
	_, err = p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Another-Harbour-71"})
	if err == nil || w.Writes(p) != before || w.KeyVersion(p) != number {
		t.Errorf("%v, and the directory counted %d writes", err, w.Writes(p)-before)
	}
	soon(t, 20*time.Second, "not ready", func() bool { return ready() != nil })
	logged(t, w, "store.retired-key: key "+key)

	w.Latchkey("keys", "rotate", "--config", w.Config) // has it read the file again
	soon(t, 20*time.Second, "ready", func() bool { return ready() == nil })
	_, err = p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Another-Harbour-71"})
	if err != nil || w.KeyVersion(p) != number+1 {
		t.Errorf("with the new key: %v, password %d", err, w.KeyVersion(p)-number)
	}
}
