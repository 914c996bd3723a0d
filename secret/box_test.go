package secret

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func box(t *testing.T) *Box {
	t.Helper()
	b, err := LoadBox(filepath.Join(t.TempDir(), "key"), true)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBoxOpensWhatItSealedForThatPlaceOnly(t *testing.T) {
	b := box(t)
	sealed := b.Seal("subscriptions/endpoint/1", []byte("https://push.example/secret"))
	if bytes.Contains(sealed, []byte("secret")) {
		t.Fatal("the text shows through")
	}
	plain, err := b.Open("subscriptions/endpoint/1", sealed)
	if err != nil || string(plain) != "https://push.example/secret" {
		t.Fatalf("%q, %v", plain, err)
	}
	if _, err := b.Open("subscriptions/endpoint/2", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("opened in another place: %v", err)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := b.Open("subscriptions/endpoint/1", altered); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d altered: %v", i, err)
		}
	}
	if _, err := box(t).Open("subscriptions/endpoint/1", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("opened with another key: %v", err)
	}
	if _, err := b.Open("x", nil); !errors.Is(err, ErrSealed) {
		t.Errorf("opened nothing: %v", err)
	}
}

func TestBoxOpensWithAnOlderKey(t *testing.T) {
	older, newer := bytes.Repeat([]byte("0123456789abcdef"), 2), bytes.Repeat([]byte("fedcba9876543210"), 2)
	before, err := NewBox(older)
	if err != nil {
		t.Fatal(err)
	}
	after, err := NewBox(newer, older)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := after.Open("a", before.Seal("a", []byte("x"))); err != nil || string(plain) != "x" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := before.Open("a", after.Seal("a", []byte("x"))); !errors.Is(err, ErrSealed) {
		t.Errorf("the older key opened what the newer one sealed: %v", err)
	}
}

func TestKeyFileIsKeptAndGuarded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := LoadBox(path, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadBox(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open("a", first.Seal("a", []byte("x"))); err != nil {
		t.Errorf("the key was made anew: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadBox(path, true); !errors.Is(err, ErrKeyFile) {
		t.Errorf("a key file that others read: %v", err)
	}
	for name, text := range map[string]string{
		"empty":    "# nothing\n",
		"short":    "c2hvcnQ=\n",
		"no text":  "!!!\n",
		"all zero": strings.Repeat("A", 43) + "=\n",
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadBox(path, false); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadBox(filepath.Join(t.TempDir(), "none"), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
