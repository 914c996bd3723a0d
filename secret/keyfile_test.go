package secret

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAFreshKeyStandsAboveTheOthersAndTheyStillOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	b, err := LoadBox(path, true)
	if err != nil {
		t.Fatal(err)
	}
	sealed := b.Seal("a", []byte("x"))
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append([]byte("# a note of ours\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, tempKeys+"left") // by a kill before the rename
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	added, err := AddKey(path, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Load(path); err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(path)
	if err != nil || len(keys) != 2 || keys[0] != added || !keys[0].Made.Equal(at) || keys[1].Made.IsZero() || b.Active() != added.ID {
		t.Errorf("%+v, %v", keys, err)
	}
	again, err := b.Reseal("a", sealed)
	if plain, openErr := b.Open("a", again); err != nil || openErr != nil || string(plain) != "x" || slices.Equal(again, sealed) {
		t.Errorf("%q, %v, %v", plain, err, openErr)
	}
	if err := KeepKey(path, added.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.Load(path); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open("a", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("the key that is gone opens: %v", err)
	}
	if plain, err := b.Open("a", again); err != nil || string(plain) != "x" {
		t.Errorf("%q, %v", plain, err)
	}
	text, _ = os.ReadFile(path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(text), "# a note of ours\n") || strings.Count(string(text), madeComment) != 1 {
		t.Errorf("%v, %v:\n%s", info, err, text)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
	if err := KeepKey(path, "00000000"); !errors.Is(err, ErrKeyFile) {
		t.Errorf("kept a key that is not there: %v", err)
	}
}

func TestWhatIsNoRandomKeyIsRefused(t *testing.T) {
	row := make([]byte, 32)
	for i := range row {
		row[i] = byte(7 * i)
	}
	twice := []byte("\x81\x02\xa3\x04\xb5\x06\xc7\x08\xd9\x0a\xeb\x0c\xfd\x0e\x8f\x10")
	for name, key := range map[string][]byte{
		"text": []byte("change-me-to-a-32-byte-secret-ok"), "hex text": []byte("0123456789abcdef0123456789abcdef"),
		"a row": row, "twice the same": append(slices.Clone(twice), twice...), "short": row[:31], "zero": make([]byte, 32),
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadBox(path, false); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "key")
	if _, err := LoadBox(path, true); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(text, text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadBox(path, false); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), "again") {
		t.Errorf("the same key twice: %v", err)
	}
}

// Whoever may replace the file chooses the key.
func TestAKeyFileThatOthersMayReplaceIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if _, err := LoadBox(path, true); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o777: false, 0o770: false, 0o755: true, 0o700: true, 0o777 | os.ModeSticky: true} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadBox(path, false)
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "chmod go-w "+dir) {
			t.Errorf("directory with mode %v: %v", mode, err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add("# made 2026-11-26T12:00:00Z\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	f.Add("\r\n \n#\n!")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := parseKeys(text)
		if err != nil {
			if !errors.Is(err, ErrKeyFile) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := parseKeys(keyFile{lines: lines}.text())
		if err != nil || len(again) != len(lines) {
			t.Errorf("what was read can't be read again: %v", err)
		}
	})
}

func TestAKeyBelowTheOthersOpensUntilItIsPutFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	b, err := LoadBox(path, true)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(text, "# the end\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	old := b.Active()
	added, err := AddKeyBelow(path, time.Now().Add(-time.Hour)) // a clock that went back
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(path)
	if err != nil || len(keys) != 2 || keys[0].ID != old || Newest(keys) != added {
		t.Fatalf("%+v, %v", keys, err)
	}
	if err := b.Load(path); err != nil || b.Active() != old {
		t.Errorf("seals with %s, %v", b.Active(), err)
	}
	if err := PutFirst(path, added.ID); err != nil {
		t.Fatal(err)
	}
	if keys, err = Keys(path); err != nil || len(keys) != 2 || keys[0] != added || keys[1].ID != old || keys[1].Made.IsZero() {
		t.Errorf("%+v, %v", keys, err)
	}
	if text, _ = os.ReadFile(path); !strings.HasPrefix(string(text), keyFileHead) || !strings.HasSuffix(string(text), "# the end\n") {
		t.Errorf("comments moved:\n%s", text)
	}
	if err := PutFirst(path, "00000000"); !errors.Is(err, ErrKeyFile) {
		t.Errorf("a key that is not there: %v", err)
	}
}

// A key file that is a link stays one, and the file that it leads to changes.
func TestAKeyFileThatIsALinkStaysALink(t *testing.T) {
	real, links := t.TempDir(), t.TempDir()
	file, link := filepath.Join(real, "real.key"), filepath.Join(links, "secret.key")
	if _, err := LoadBox(file, true); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	fresh, err := AddKeyBelow(link, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func() error{
		"first": func() error { return PutFirst(link, fresh.ID) },
		"only":  func() error { return KeepKey(link, fresh.ID) },
	} {
		if err := change(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	to, err := os.Readlink(link)
	if err != nil || to != file {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	for _, path := range []string{file, link} {
		if keys, err := Keys(path); err != nil || len(keys) != 1 || keys[0].ID != fresh.ID {
			t.Errorf("%s holds %+v, %v", path, keys, err)
		}
	}
	if left, _ := filepath.Glob(links + "/.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// Where it leads to is no place where others may put a file.
	if err := os.Chmod(real, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := AddKey(link, time.Now()); !errors.Is(err, ErrKeyFile) {
		t.Errorf("in a directory of everybody's: %v", err)
	}
}
