package audit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// What is wrong with an event, or with a file. ErrNotCanonical is another one.
var (
	ErrTruncated = errors.New("the file is cut off")
	ErrTooLong   = errors.New("the line is too long")
	ErrShape     = errors.New("a field is missing, unknown or of the wrong kind")
	ErrVersion   = errors.New("unknown version")
	ErrHash      = errors.New("the hash is not that of the bytes")
	ErrSequence  = errors.New("not the next number: an event is missing or out of order")
	ErrPrevious  = errors.New("does not follow the hash of the event before")
	ErrPersonal  = errors.New("a personal value is not the one that was sealed")
	ErrReceipt   = errors.New("the receipt does not prove its statement")
	ErrEnd       = errors.New("the closing line does not fit the events")
)

// maxLine bounds what Verify keeps in memory: the largest event, and its
// personal values with every byte escaped.
const maxLine = maxEvent + maxFields*(6*maxPersonal+256) + 256

// BadEvent names the first event that fails, by the number that it should have.
type BadEvent struct {
	Seq int64
	Err error
}

// Error says which event and what is wrong with it.
func (e *BadEvent) Error() string { return fmt.Sprintf("event %d: %v", e.Seq, e.Err) }

// Unwrap returns what is wrong.
func (e *BadEvent) Unwrap() error { return e.Err }

// Report is what Verify found in a file, up to the first bad event.
type Report struct {
	// Head is the last good event. Compare it with one that was written down
	// elsewhere: a chain that was made anew from the start verifies too.
	Head     Head
	Personal int // personal values that are still there, and match
	Erased   int // personal values of which only the hash is left
	Receipts int // assertions whose signature was checked
	// Unchecked receipts are of passkeys that were registered before the log
	// began to carry public keys.
	Unchecked int
}

// Verify reads an export from start to end. The error is a *BadEvent for the
// first event that fails, or that of the reader.
func Verify(r io.Reader) (Report, error) {
	v := verifier{keys: map[string]enrolled{}}
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(lines)
		if err != nil && !isFinding(err) {
			return v.report, fmt.Errorf("read export: %w", err)
		}
		ended := false
		if err == nil {
			ended, err = v.line(line)
		}
		if err != nil {
			return v.report, &BadEvent{Seq: v.report.Head.Seq + 1, Err: err}
		}
		if ended {
			return v.report, v.nothingMore(lines)
		}
	}
}

func isFinding(err error) bool { return errors.Is(err, ErrTruncated) || errors.Is(err, ErrTooLong) }

// readLine returns a line without its end. A last line without an end, and no
// line at all, are ErrTruncated: the closing line comes last.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case len(line) > maxLine:
			return nil, ErrTooLong
		case errors.Is(err, io.EOF):
			return nil, ErrTruncated
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

type verifier struct {
	report Report
	keys   map[string]enrolled // by credential id
}

func (v *verifier) nothingMore(r *bufio.Reader) error {
	if _, err := r.Peek(1); !errors.Is(err, io.EOF) {
		return &BadEvent{Seq: v.report.Head.Seq + 1, Err: fmt.Errorf("after the closing line: %w", ErrEnd)}
	}
	return nil
}

var closing = []byte(`{"entries":`)

func (v *verifier) line(line []byte) (ended bool, err error) {
	if bytes.HasPrefix(line, closing) {
		return true, v.end(line)
	}
	l, err := parseLine(line)
	if other := otherVersion(line, err); other != nil {
		return false, other
	}
	if err != nil {
		return false, err
	}
	return false, v.entry(l)
}

// end compares the closing line with what was counted.
func (v *verifier) end(line []byte) error {
	var want bytes.Buffer
	if err := WriteEnd(&want, v.report.Head); err != nil {
		return err
	}
	if !bytes.Equal(bytes.TrimSuffix(want.Bytes(), []byte("\n")), line) {
		return ErrEnd
	}
	return nil
}

func (v *verifier) entry(l exported) error {
	e, head := l.event, v.report.Head
	hash := HashEvent(l.stored)
	if hash != l.hash {
		return ErrHash
	}
	if e.seq != head.Seq+1 {
		return fmt.Errorf("number %d: %w", e.seq, ErrSequence)
	}
	if e.prev != head.Hash {
		return ErrPrevious
	}
	if err := v.personal(l.personal, e.personal); err != nil {
		return err
	}
	if err := v.receipt(e); err != nil {
		return err
	}
	v.report.Head = Head{Seq: e.seq, Hash: hash}
	return nil
}

// personal holds the values that are left to their hashes. One that was erased
// leaves its hash behind and nothing to check.
func (v *verifier) personal(values map[string]Salted, hashes map[string][32]byte) error {
	for k, s := range values {
		if want, ok := hashes[k]; !ok || s.Hash() != want {
			return fmt.Errorf("%q: %w", k, ErrPersonal)
		}
	}
	v.report.Personal += len(values)
	v.report.Erased += len(hashes) - len(values)
	return nil
}

// exported is one line of an export.
type exported struct {
	stored   []byte // the event's bytes
	event    sealed // what they say
	hash     [32]byte
	personal map[string]Salted
}

func parseLine(line []byte) (l exported, err error) {
	p, fields := &parser{rest: line}, 0
	err = p.object(func(key string) error {
		fields++
		switch key {
		case "event":
			l.stored, err = p.span(func() error { return p.event(&l.event) })
			return err
		case "hash":
			return p.digest(l.hash[:])
		case "personal":
			l.personal, err = p.salted()
			return err
		}
		return ErrShape
	})
	if err == nil && fields != 3 {
		err = ErrShape
	}
	if err == nil {
		err = p.end()
	}
	if err == nil {
		err = l.event.check()
	}
	return l, err
}

// digest reads lower-case hex into b.
func (p *parser) digest(b []byte) error {
	s, err := p.text()
	if err != nil {
		return err
	}
	if len(s) != hex.EncodedLen(len(b)) {
		return ErrShape
	}
	for i := range len(s) {
		if kinds[s[i]]&hexDigit == 0 {
			return ErrShape
		}
	}
	_, err = hex.Decode(b, []byte(s))
	return err
}

func (p *parser) salted() (map[string]Salted, error) {
	values := map[string]Salted{}
	err := p.object(func(name string) error {
		var s Salted
		fields := 0
		err := p.object(func(key string) (err error) {
			fields++
			switch key {
			case "salt":
				return p.digest(s.Salt[:])
			case "value":
				s.Value, err = p.text()
				return err
			}
			return ErrShape
		})
		if err == nil && fields != 2 {
			err = ErrShape
		}
		values[name] = s
		return err
	})
	return values, err
}
