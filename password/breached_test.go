package password_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/password"
)

func hashOf(pw string) string {
	sum := sha1.Sum([]byte(pw))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// breachedLines returns the sorted lines of n breached passwords "pw-0" … as
// published, with counts of many lengths.
func breachedLines(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("%s:%d\r\n", hashOf(fmt.Sprintf("pw-%d", i)), 1+r.IntN(1<<r.IntN(30)))
	}
	slices.Sort(lines)
	return lines
}

func writeFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openBreached(t testing.TB, content string) *password.Breached {
	t.Helper()
	b, err := password.OpenBreached(writeFile(t, content))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBreachedFindsEveryLineAndNothingElse(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 1000} {
		b := openBreached(t, strings.Join(breachedLines(n), ""))
		for i := range n {
			if in, err := b.Has(fmt.Sprintf("pw-%d", i)); err != nil || !in {
				t.Fatalf("of %d: pw-%d = %v, %v", n, i, in, err)
			}
			if in, err := b.Has(fmt.Sprintf("other-%d", i)); err != nil || in {
				t.Fatalf("of %d: other-%d = %v, %v", n, i, in, err)
			}
		}
	}
}

func TestBreachedReadsOtherShapesOfTheFile(t *testing.T) {
	published := strings.Join(breachedLines(50), "")
	noCount := strings.Join(slices.Collect(func(yield func(string) bool) {
		for _, l := range breachedLines(50) {
			if !yield(l[:40] + "\n") {
				return
			}
		}
	}), "")
	for name, content := range map[string]string{
		"lower case":         strings.ToLower(published),
		"line feeds alone":   strings.ReplaceAll(published, "\r", ""),
		"no count":           noCount,
		"no end of the last": strings.TrimRight(published, "\r\n"),
		"no count, no end":   strings.TrimSpace(noCount),
	} {
		b := openBreached(t, content)
		for i := range 50 {
			if in, err := b.Has(fmt.Sprintf("pw-%d", i)); err != nil || !in {
				t.Errorf("%s: pw-%d = %v, %v", name, i, in, err)
			}
		}
	}
}

func TestBreachedRefusesAnotherKindOfFile(t *testing.T) {
	lines := breachedLines(100)
	reversed := slices.Clone(lines)
	slices.Reverse(reversed)
	for name, content := range map[string]string{
		"empty":           "",
		"words":           "password\n123456\nqwerty\n",
		"NTLM hashes":     strings.Repeat("0CB6948805F797BF2A82807973B89537:42\r\n", 3),
		"SHA-256":         strings.Repeat("a", 64) + "\n",
		"by count":        strings.Join(reversed, ""),
		"doubled":         strings.Join([]string{lines[3], lines[3]}, ""),
		"one line":        strings.Repeat("A", 5000),
		"an archive":      "PK\x03\x04" + strings.Repeat("\x00", 4000),
		"byte order mark": "\ufeff" + lines[0],
		"a count of text": lines[0][:41] + "many\r\n",
		"an empty count":  lines[0][:41] + "\r\n",
		"an empty line":   lines[0] + "\r\n" + lines[1],
	} {
		_, err := password.OpenBreached(writeFile(t, content))
		if !errors.Is(err, password.ErrBreachedFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := password.OpenBreached(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := password.OpenBreached(t.TempDir()); !errors.Is(err, password.ErrBreachedFile) {
		t.Errorf("directory: %v", err)
	}
}

func TestBreachedDoesNotSayNoForAFaultyFile(t *testing.T) {
	path := writeFile(t, strings.Join(breachedLines(2000), ""))
	b, err := password.OpenBreached(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Has("pw-1"); err == nil {
		t.Error("truncated file: no error")
	}
	b.Close()
	if _, err := b.Has("pw-1"); err == nil {
		t.Error("closed file: no error")
	}
}

func FuzzBreached(f *testing.F) {
	f.Add([]byte(strings.Join(breachedLines(5), "")), "pw-1")
	f.Add([]byte(hashOf("x")), "x")
	f.Add([]byte("\n\n\n"), "")
	f.Fuzz(func(t *testing.T, content []byte, pw string) {
		b, err := password.OpenBreached(writeFile(t, string(content)))
		if err != nil {
			return
		}
		defer b.Close()
		in, err := b.Has(pw)
		if err == nil && in && !bytes.Contains(bytes.ToUpper(content), []byte(hashOf(pw))) {
			t.Fatal("found what isn't there")
		}
	})
}
