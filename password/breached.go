package password

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the published lists are SHA-1; nothing here trusts its strength
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrBreachedFile is returned for a file that is no sorted list of SHA-1 hashes.
var ErrBreachedFile = errors.New("no list of breached passwords")

const (
	hashLen = 2 * sha1.Size
	// maxLine bounds a line, its end included: the hash, ":" and a count.
	maxLine = 64
	samples = 256
)

// Breached looks passwords up in a file of SHA-1 hashes as Have I Been Pwned
// publishes it: one "HASH:COUNT" a line, sorted by hash, tens of gigabytes. It
// reads about forty short blocks for each look-up and loads nothing. Lower case,
// lines without a count and "\n" alone are read as well. Safe for concurrent use.
type Breached struct {
	file io.ReaderAt
	size int64
	done func() error
}

// OpenBreached opens the file and looks at 256 places of it: each must hold a
// hash, and they must rise. Errors name the byte where it went wrong.
func OpenBreached(path string) (*Breached, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open breached passwords: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("no regular file: %w", ErrBreachedFile)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open breached passwords: %w", err)
	}
	b := &Breached{file: f, size: info.Size(), done: f.Close}
	if err := b.validate(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// Close closes the file.
func (b *Breached) Close() error { return b.done() }

// Has says whether the password's SHA-1 is in the file. A fault of the file is
// an error, never "no".
func (b *Breached) Has(pw string) (bool, error) {
	sum := sha1.Sum([]byte(pw)) //nolint:gosec // see the import
	want := []byte(hex.EncodeToString(sum[:]))
	lo, hi := int64(0), b.size
	for lo < hi {
		l, err := b.lineAt(lo + (hi-lo)/2)
		if err != nil {
			return false, fmt.Errorf("read breached passwords: %w", err)
		}
		switch bytes.Compare(want, l.hash) {
		case 0:
			return true, nil
		case -1:
			hi = l.start
		default:
			lo = l.end
		}
	}
	return false, nil
}

// line is one entry; end is where the next one starts.
type line struct {
	start, end int64
	hash       []byte // lower case
}

// lineAt finds the line that holds byte at.
func (b *Breached) lineAt(at int64) (line, error) {
	from := max(0, at-maxLine)
	block := make([]byte, min(2*maxLine, b.size-from))
	if _, err := b.file.ReadAt(block, from); err != nil && !errors.Is(err, io.EOF) {
		return line{}, err
	} else if err != nil && from+int64(len(block)) < b.size {
		return line{}, io.ErrUnexpectedEOF
	}
	in := int(at - from)
	start := bytes.LastIndexByte(block[:in], '\n') + 1
	if start == 0 && from > 0 {
		return line{}, fmt.Errorf("byte %d: line too long: %w", at, ErrBreachedFile)
	}
	end := len(block)
	if i := bytes.IndexByte(block[in:], '\n'); i >= 0 {
		end = in + i + 1
	} else if from+int64(end) < b.size {
		return line{}, fmt.Errorf("byte %d: line too long: %w", at, ErrBreachedFile)
	}
	hash, err := parseLine(block[start:end])
	if err != nil {
		return line{}, fmt.Errorf("byte %d: %w", from+int64(start), err)
	}
	return line{start: from + int64(start), end: from + int64(end), hash: hash}, nil
}

// parseLine reads "HASH", "HASH:COUNT", either with "\r\n", "\n" or no end.
func parseLine(text []byte) ([]byte, error) {
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) > maxLine {
		return nil, fmt.Errorf("line too long: %w", ErrBreachedFile)
	}
	hash, count, counted := bytes.Cut(text, []byte(":"))
	hash = bytes.ToLower(hash)
	if _, err := hex.DecodeString(string(hash)); err != nil || len(hash) != hashLen {
		return nil, fmt.Errorf("SHA-1 in 40 hex digits expected: %w", ErrBreachedFile)
	}
	if counted && (len(count) == 0 || len(bytes.Trim(count, "0123456789")) > 0) {
		return nil, fmt.Errorf("a count expected after the colon: %w", ErrBreachedFile)
	}
	return hash, nil
}

// validate catches a file of another kind, of NTLM hashes, and one that is
// sorted by count.
func (b *Breached) validate() error {
	if b.size == 0 {
		return fmt.Errorf("empty: %w", ErrBreachedFile)
	}
	var last line
	for i := range int64(samples) {
		l, err := b.lineAt((b.size - 1) * i / (samples - 1))
		if err != nil {
			return err
		}
		if i > 0 && l.start > last.start && bytes.Compare(l.hash, last.hash) <= 0 {
			return fmt.Errorf("byte %d: not sorted by hash: %w", l.start, ErrBreachedFile)
		}
		last = l
	}
	_, err := b.lineAt(b.size - 1)
	return err
}
