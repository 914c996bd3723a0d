package secret

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Key is one of a key file, without the key.
type Key struct {
	ID   string    // hex
	Made time.Time // zero where the file does not say
}

// madeComment stands above a key and says when it was made.
const madeComment = "# made "

const keyFileHead = "# Latchkey's key for what the database keeps sealed. Back it up apart from the database.\n"

// LoadBox reads a key file: one key in base64 on each line, the newest first,
// lines with # are comments. It is made, with one fresh key and mode 0600, where
// create says so and there is none. A file that others may read, replace or have
// made is ErrKeyFile, and so is a key that is short, no random one, or there twice.
func LoadBox(path string, create bool) (*Box, error) {
	if create {
		if err := makeKeyFile(path); err != nil {
			return nil, err
		}
	}
	b := &Box{}
	if err := b.Load(path); err != nil {
		return nil, err
	}
	return b, nil
}

// Load replaces the keys by those of a file, or returns an error and changes
// nothing.
func (b *Box) Load(path string) error {
	f, err := readKeyFile(path)
	if err != nil {
		return err
	}
	var keys [][]byte
	for _, l := range f.lines {
		if l.key != nil {
			keys = append(keys, l.key)
		}
	}
	if err := b.set(keys); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Keys lists those of a file, the newest first.
func Keys(path string) ([]Key, error) {
	f, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	return f.keys(), nil
}

// Newest is the one that was made last; of keys that do not say it the first.
func Newest(keys []Key) (newest Key) {
	for i, k := range keys {
		if i == 0 || k.Made.After(newest.Made) {
			newest = k
		}
	}
	return newest
}

// AddKey puts a fresh key above the others of a file, so that it seals. The file is
// replaced in one step and keeps owner and mode: a crash leaves the old one or the
// new one.
func AddKey(path string, now time.Time) (Key, error) {
	return addKey(path, now, func(f keyFile) int {
		return slices.IndexFunc(f.lines, func(l keyLine) bool { return l.key != nil || strings.HasPrefix(l.text, madeComment) })
	})
}

// AddKeyBelow puts it below the others, so that it opens and does not seal yet.
func AddKeyBelow(path string, now time.Time) (Key, error) {
	return addKey(path, now, func(f keyFile) int { return len(f.lines) })
}

func addKey(path string, now time.Time, where func(keyFile) int) (Key, error) {
	f, err := readKeyFile(path)
	if err != nil {
		return Key{}, err
	}
	if last := Newest(f.keys()).Made; now.Before(last.Add(time.Second)) {
		now = last.Add(time.Second) // whole seconds are kept, and tell which one is newest
	}
	fresh, err := newKeyLines(now)
	if err != nil {
		return Key{}, err
	}
	added := keyFile{lines: fresh}.keys()[0]
	if slices.ContainsFunc(f.keys(), func(k Key) bool { return k.ID == added.ID }) {
		return Key{}, errors.New("the new key has an older one's id: try again") // one in four billion
	}
	f.lines = slices.Insert(f.lines, max(where(f), 0), fresh...)
	return added, f.replace(path)
}

// PutFirst puts one key of a file above the others, in one step as AddKey.
func PutFirst(path, id string) error {
	f, err := readKeyFile(path)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.lines, func(l keyLine) bool { return l.key != nil && l.id() == id })
	if at < 0 {
		return fmt.Errorf("%s holds no key %s: %w", path, id, ErrKeyFile)
	}
	from := at
	if at > 0 && strings.HasPrefix(f.lines[at-1].text, madeComment) {
		from--
	}
	moved := slices.Clone(f.lines[from : at+1])
	f.lines = slices.Delete(f.lines, from, at+1)
	top := slices.IndexFunc(f.lines, func(l keyLine) bool { return l.key != nil || strings.HasPrefix(l.text, madeComment) })
	f.lines = slices.Insert(f.lines, max(top, 0), moved...)
	return f.replace(path)
}

// KeepKey takes every key but one out of a file, in one step as AddKey. The caller
// knows that nothing is sealed under the others any more.
func KeepKey(path, id string) error {
	f, err := readKeyFile(path)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(f.keys(), func(k Key) bool { return k.ID == id }) {
		return fmt.Errorf("%s holds no key %s: %w", path, id, ErrKeyFile)
	}
	var kept []keyLine
	for i, l := range f.lines {
		dropped := l.key != nil && l.id() != id
		above := strings.HasPrefix(l.text, madeComment) && i+1 < len(f.lines) && f.lines[i+1].key != nil && f.lines[i+1].id() != id
		if !dropped && !above {
			kept = append(kept, l)
		}
	}
	return keyFile{lines: kept, info: f.info}.replace(path)
}

// keyFile is a file as it stands, so that comments survive.
type keyFile struct {
	lines []keyLine
	info  os.FileInfo
}

type keyLine struct {
	text string
	key  []byte // nil for a comment or an empty line
}

func (l keyLine) id() string {
	id := keyID(l.key)
	return hex.EncodeToString(id[:])
}

func (f keyFile) keys() (all []Key) {
	for i, l := range f.lines {
		if l.key == nil {
			continue
		}
		k := Key{ID: l.id()}
		if i > 0 {
			text, _ := strings.CutPrefix(f.lines[i-1].text, madeComment)
			k.Made, _ = time.Parse(time.RFC3339, strings.TrimSpace(text))
		}
		all = append(all, k)
	}
	return all
}

// maxKeyFile is far more than anybody's keys.
const maxKeyFile = 64 << 10

func readKeyFile(path string) (keyFile, error) {
	r, err := os.Open(path)
	if err != nil {
		return keyFile{}, fmt.Errorf("read key file: %w", err)
	}
	defer r.Close()
	info, err := r.Stat() // of the very file that is read
	if err != nil {
		return keyFile{}, fmt.Errorf("read key file: %w", err)
	}
	if err := guarded(path, info); err != nil {
		return keyFile{}, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxKeyFile))
	if err != nil {
		return keyFile{}, fmt.Errorf("read key file: %w", err)
	}
	lines, err := parseKeys(string(text))
	if err != nil {
		return keyFile{}, fmt.Errorf("%s: %w", path, err)
	}
	return keyFile{lines, info}, nil
}

// guarded refuses a file that somebody else can read, or put another one in the
// place of: whoever knows or chooses the key opens everything.
func guarded(path string, info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s is readable by others (mode %v); run chmod 600 on it: %w", path, mode, ErrKeyFile)
	}
	if !ours(info) {
		return fmt.Errorf("%s belongs to another user; run chown on it: %w", path, ErrKeyFile)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("look at the key file's directory: %w", err)
	}
	if dir.Mode().Perm()&0o022 != 0 && dir.Mode()&os.ModeSticky == 0 {
		return fmt.Errorf("others may replace %s; run chmod go-w %s: %w", path, filepath.Dir(path), ErrKeyFile)
	}
	if !ours(dir) {
		return fmt.Errorf("%s belongs to another user, who may replace the key file; run chown on it: %w", filepath.Dir(path), ErrKeyFile)
	}
	return nil
}

func parseKeys(text string) (all []keyLine, err error) {
	seen := map[string]int{}
	for line := range strings.Lines(text) {
		l := keyLine{text: strings.TrimRight(line, "\r\n")}
		n := len(all) + 1
		if word := strings.TrimSpace(line); word != "" && !strings.HasPrefix(word, "#") {
			l.key, err = base64.StdEncoding.DecodeString(word)
			if err != nil || len(l.key) != keyLen {
				return nil, fmt.Errorf("line %d is no key of 32 bytes in base64: %w", n, ErrKeyFile)
			}
			if weak(l.key) {
				return nil, fmt.Errorf("line %d is %w: %w", n, errWeak, ErrKeyFile)
			}
			if before := seen[string(l.key)]; before > 0 {
				return nil, fmt.Errorf("line %d is the key of line %d again: %w", n, before, ErrKeyFile)
			}
			seen[string(l.key)] = n
		}
		all = append(all, l)
	}
	return all, nil
}

// weak knows what people write where a random key belongs: one byte over and over,
// a word repeated, a text, a row of numbers. Of random keys one in 10^13 is text,
// and the others are never met.
func weak(key []byte) bool {
	seen := map[byte]bool{}
	text, even := true, true
	for i, c := range key {
		seen[c] = true
		text = text && c >= ' ' && c <= '~'
		even = even && (i < 2 || c-key[i-1] == key[1]-key[0])
	}
	return len(seen) < 8 || text || even || string(key[:keyLen/2]) == string(key[keyLen/2:])
}

// newKeyLines are a fresh key and when it was made.
func newKeyLines(now time.Time) ([]keyLine, error) {
	key := make([]byte, keyLen)
	for ok := false; !ok; ok = !weak(key) {
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make key: %w", err)
		}
	}
	return []keyLine{
		{text: madeComment + now.UTC().Format(time.RFC3339)},
		{text: base64.StdEncoding.EncodeToString(key), key: key},
	}, nil
}

func (f keyFile) text() string {
	var b strings.Builder
	for _, l := range f.lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// tempKeys begins the name of a file that is not the key file yet. What a crash
// leaves is a key that nothing was sealed under, and goes at the next change.
const tempKeys = ".latchkey-keys-"

// replace puts the lines in the place of the file.
func (f keyFile) replace(path string) error {
	path, err := filepath.EvalSymlinks(path) // a link stays one: others may read the file through theirs
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	if err := guarded(path, f.info); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	left, _ := filepath.Glob(filepath.Join(dir, tempKeys+"*"))
	for _, old := range left {
		os.Remove(old)
	}
	temp, err := writeTemp(dir, f.text())
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := ownedAs(temp, f.info); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return syncDir(dir)
}

func writeTemp(dir, text string) (string, error) {
	f, err := os.CreateTemp(dir, tempKeys+"*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("write key file: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("write key file: %w", err)
	}
	return f.Name(), nil
}

// syncDir makes a rename outlast a power cut: only then may anything be sealed
// under the new key.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return nil
}

// makeKeyFile leaves a file that exists alone. A crash leaves no half of one.
func makeKeyFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	lines, err := newKeyLines(time.Now())
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := writeTemp(dir, keyFileHead+keyFile{lines: lines}.text())
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	// Link fails where another process was first: its key stays.
	if err := os.Link(temp, path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make key file: %w", err)
	}
	return syncDir(dir)
}
