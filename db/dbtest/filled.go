package dbtest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

var empty struct {
	once sync.Once
	file []byte
	err  error
}

// Filled writes the database file of a new installation to path, and returns the path:
// hundreds of tests begin with one, and going through all migrations takes most of
// their time. migrated makes the first, of which the others are copies.
func Filled(t testing.TB, path string, migrated func(path string) error) string {
	t.Helper()
	empty.once.Do(func() {
		first := filepath.Join(t.TempDir(), "first.db")
		if empty.err = migrated(first); empty.err == nil {
			empty.file, empty.err = os.ReadFile(first)
		}
	})
	err := empty.err
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, empty.file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
