package db

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A database that is not in its place takes no write, and takes them again when it
// is back.
func TestAMovedOrReplacedDatabaseTakesNoWrite(t *testing.T) {
	for _, suffix := range presentFiles {
		t.Run("database"+suffix, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.db")
			s := openAt(t, path)
			notify(t, s, "before", nil)
			if err := os.Rename(path+suffix, path+".away"); err != nil {
				t.Fatal(err)
			}
			if err := s.Ping(t.Context()); !errors.Is(err, ErrGone) {
				t.Errorf("moved away: %v", err)
			}
			if err := os.WriteFile(path+suffix, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.Ping(t.Context()); !errors.Is(err, ErrGone) {
				t.Errorf("another file in its place: %v", err)
			}
			if _, err := s.Request(t.Context(), "before"); err != nil {
				t.Errorf("what is only read: %v", err)
			}
			if err := os.Rename(path+".away", path+suffix); err != nil {
				t.Fatal(err)
			}
			notify(t, s, "after", nil)
		})
	}
}
