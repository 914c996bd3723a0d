package faults

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/world"
)

// A page that listens on one server learns what happens on the other.
func TestAStreamOnOneServerHearsTheOther(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Two: true, People: 1})
	ann := w.People[0]
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	world.Must(t, ann.Phone.SignIn(ctx))
	for here := range 2 {
		w.Front.Only(here)
		live, err := ann.Phone.Listen(ctx)
		world.Must(t, err)
		if hello := <-live.Changes; hello.Event != "hello" {
			t.Fatalf("the stream began with %q", hello.Event)
		}
		w.Front.Only(1 - here)
		kind := []string{"reset", "one-time"}[here]
		r, err := ann.Phone.Submit(ctx, kind)
		world.Must(t, err)
		for {
			c, open := <-live.Changes
			if !open {
				t.Fatalf("server %d: the stream ended", here)
			}
			if c.ID == r.ID {
				break
			}
		}
		world.Must(t, live.Close())
	}
}

// A second server must have the first one's key, and says which file is wrong.
func TestAServerWithAnotherKeyDoesNotStart(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Postgres: true})
	key := filepath.Join(w.Dir, "another.key")
	var settings map[string]any
	text, err := os.ReadFile(w.Config)
	world.Must(t, err)
	world.Must(t, json.Unmarshal(text, &settings))
	settings["listen"], settings["data"] = "127.0.0.1:0", w.Data+"-second"
	settings["secrets"] = map[string]any{"key_file": key}
	text, err = json.Marshal(settings)
	world.Must(t, err)
	second := filepath.Join(w.Dir, "second.yaml")
	world.Must(t, os.WriteFile(second, text, 0o600))
	other := make([]byte, 32)
	rand.Read(other)
	for _, c := range []struct{ key, want string }{
		{"", "copy that server's key file to " + key},
		{base64.StdEncoding.EncodeToString(other) + "\n", "all servers need the same one"},
	} {
		if c.key != "" {
			world.Must(t, os.WriteFile(key, []byte(c.key), 0o600))
		}
		out, err := w.Command("serve", "--config", second).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v\n%s\nwant %q", err, out, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(w.Data+"-second", "latchkey.db")); err == nil {
		t.Error("a SQLite file was made beside PostgreSQL")
	}
}
