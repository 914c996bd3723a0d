package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsWrittenIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	path, laid := filepath.Join(dir, "ready.json"), filepath.Join(dir, "ready.json.new")
	for _, name := range []string{path, laid} {
		if err := os.WriteFile(name, []byte("laid there before"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeReady(path, map[string]string{"password": "x"}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read it", info.Mode(), err)
	}
	if b, _ := os.ReadFile(laid); string(b) != "laid there before" {
		t.Error("it went through a file that was there")
	}
}

func TestAFileThatWasNotFilledLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.jsonl")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	fault := errors.New("disk on fire")
	if err := replaceFile(path, func(io.Writer) error { return fault }); !errors.Is(err, fault) {
		t.Error(err)
	}
	left, _ := os.ReadDir(dir)
	if b, _ := os.ReadFile(path); string(b) != "old" || len(left) != 1 {
		t.Errorf("%q, %d files", b, len(left))
	}
}
