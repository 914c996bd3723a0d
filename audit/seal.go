package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The labels start everything that is hashed, with a zero byte behind, so that
// one kind of bytes never passes for another.
const (
	LabelEvent    = "latchkey/audit-event/v1"
	LabelPersonal = "latchkey/audit-personal/v1"
)

// ErrEvent is returned for an event that may not enter the chain: an unknown
// action or outcome, a name where an objectGUID belongs, a wrong key or value.
var ErrEvent = errors.New("event refused")

const (
	maxEvent    = 128 << 10 // bytes of one event: a receipt over 64 KiB fits
	maxPersonal = 8 << 10   // bytes of one personal value
	maxFields   = 16        // personal values of one event
	maxKey      = 64
	maxCode     = 128
)

// Seal makes the entry that follows head, and the head after it. random gives
// the salts. It refuses what ErrEvent names and what has no canonical form
// (ErrValue); then nothing was sealed.
func Seal(head Head, e Event, random io.Reader) (Entry, Head, error) {
	return new(Sealer).Seal(head, e, random)
}

// Sealer seals one event after the other in the same memory: an entry's Bytes and
// Personal are good until the next one is sealed. The zero Sealer is ready. Only one
// goroutine may use it.
type Sealer struct {
	hashed   []byte
	personal map[string]Salted
}

// Seal is the function of the same name.
func (s *Sealer) Seal(head Head, e Event, random io.Reader) (Entry, Head, error) {
	if err := e.check(); err != nil {
		return Entry{}, head, err
	}
	var few [maxFields]string
	keys := sortedKeys(few[:0], e.Personal)
	if err := s.salt(e.Personal, keys, random); err != nil {
		return Entry{}, head, err
	}
	n := Entry{
		Seq: head.Seq + 1, Time: e.Time.UnixMilli(), Action: e.Action,
		Actor: e.Actor, Target: e.Target, Request: e.Request, Personal: s.personal,
	}
	if err := s.canonicalEvent(n, head, e, keys); err != nil {
		return Entry{}, head, fmt.Errorf("seal %s: %w", e.Action, err)
	}
	n.Bytes = s.hashed[len(eventPrefix):]
	if len(n.Bytes) > maxEvent {
		return Entry{}, head, refuse("%d bytes are more than %d", len(n.Bytes), maxEvent)
	}
	n.Hash = sha256.Sum256(s.hashed)
	return n, Head{Seq: n.Seq, Hash: n.Hash}, nil
}

// maxScratch is how much memory an event may leave behind for the next ones.
const maxScratch = 4 << 10

// canonicalEvent is Canonical of the event as an object, whose keys are known: they
// stand here in their order. What HashEvent puts before it stands before it.
func (s *Sealer) canonicalEvent(n Entry, head Head, e Event, personal []string) error {
	if s.hashed == nil || cap(s.hashed) > maxScratch {
		s.hashed = make([]byte, 0, 768)
	}
	o := fields{b: append(s.hashed[:0], eventPrefix...)}
	o.text(`{"action":`, string(e.Action))
	o.text(`,"actor":`, e.Actor)
	o.object(`,"detail":`, e.Detail)
	o.text(`,"outcome":`, string(e.Outcome))
	o.hashes(`,"personal":`, personal, n.Personal)
	o.hash(`,"prev":`, head.Hash)
	o.text(`,"reason":`, e.Reason)
	o.text(`,"request":`, e.Request)
	o.integer(`,"seq":`, n.Seq)
	o.text(`,"target":`, e.Target)
	o.integer(`,"time":`, n.Time)
	o.text(`,"v":`, LabelEvent)
	s.hashed = append(o.b, '}')
	return o.err
}

// fields writes an object field by field, up to the first error.
type fields struct {
	b   []byte
	err error
}

func (o *fields) put(key string, value func([]byte) ([]byte, error)) {
	if o.err == nil {
		o.b, o.err = value(append(o.b, key...))
	}
}

func (o *fields) text(key, s string) {
	o.put(key, func(b []byte) ([]byte, error) { return appendString(b, s) })
}

func (o *fields) integer(key string, n int64) {
	o.put(key, func(b []byte) ([]byte, error) { return appendInteger(b, n) })
}

func (o *fields) object(key string, v map[string]any) {
	o.put(key, func(b []byte) ([]byte, error) { return appendObject(b, v, 2) })
}

func (o *fields) hash(key string, sum [32]byte) {
	o.put(key, func(b []byte) ([]byte, error) { return appendHash(b, sum), nil })
}

// hashes writes an object of them; keys are in their order, and lower_snake.
func (o *fields) hashes(key string, keys []string, of map[string]Salted) {
	o.put(key, func(b []byte) ([]byte, error) {
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), k...), `":`...)
			b = appendHash(b, of[k].Hash())
		}
		return append(b, '}'), nil
	})
}

func appendHash(b []byte, sum [32]byte) []byte {
	return append(hex.AppendEncode(append(b, '"'), sum[:]), '"')
}

// HashEvent is SHA-256 over the event label, a zero byte and the stored bytes.
func HashEvent(stored []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write(eventPrefix)
	h.Write(stored)
	h.Sum(sum[:0])
	return sum
}

var eventPrefix = []byte(LabelEvent + "\x00")

// Hash is what stands in the chain, and in every signed statement, for a
// personal value: SHA-256 over the label, a zero byte, the salt and the value.
func (s Salted) Hash() [32]byte {
	var few [256]byte // most values are short
	b := append(append(few[:0], LabelPersonal+"\x00"...), s.Salt[:]...)
	return sha256.Sum256(append(b, s.Value...))
}

// NewSalted salts a value with 16 random bytes.
func NewSalted(value string, random io.Reader) (Salted, error) {
	s := Salted{Value: value}
	if _, err := io.ReadFull(random, s.Salt[:]); err != nil {
		return Salted{}, fmt.Errorf("read salt: %w", err)
	}
	return s, nil
}

// sortedKeys is the order in which random is read, so that it decides alone.
func sortedKeys(keys []string, values map[string]string) []string {
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s *Sealer) salt(values map[string]string, keys []string, random io.Reader) error {
	if s.personal == nil {
		s.personal = make(map[string]Salted, len(values))
	}
	clear(s.personal)
	for _, k := range keys {
		salted, err := NewSalted(values[k], random)
		if err != nil {
			return err
		}
		s.personal[k] = salted
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrEvent)...)
}

func (e Event) check() error {
	switch {
	case !Known(e.Action):
		return refuse("unknown action %q", e.Action)
	case !knownOutcome(e.Outcome):
		return refuse("unknown outcome %q", e.Outcome)
	case e.Time.Before(time.UnixMilli(0)):
		return refuse("no time")
	case !isActor(e.Actor):
		return refuse("actor is no objectGUID")
	case e.Target != "" && !isGUID(e.Target):
		return refuse("target is no objectGUID")
	case !isCode(e.Request) || !isCode(e.Reason):
		return refuse("request or reason is no code")
	}
	return e.checkFields()
}

func (e Event) checkFields() error {
	for k, v := range e.Detail {
		if !isKey(k) || !isFlat(v) {
			return refuse("detail key %q", k)
		}
	}
	if len(e.Personal) > maxFields {
		return refuse("%d personal values", len(e.Personal))
	}
	for k, v := range e.Personal {
		if !isKey(k) || len(v) > maxPersonal || !utf8.ValidString(v) {
			return refuse("personal %q", k)
		}
	}
	return nil
}

func knownOutcome(o Outcome) bool {
	return o == OK || o == Denied || o == Failed || o == Unknown
}

func isActor(s string) bool {
	return s == ActorSystem || s == ActorOperator || s == ActorAnonymous || isGUID(s)
}

// isGUID knows the text form of an objectGUID, in lower case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// isCode keeps sentences, and with them names, out of the fields for codes.
func isCode(s string) bool {
	return len(s) <= maxCode && strings.IndexFunc(s, func(r rune) bool {
		return !isKeyRune(r) && (r < 'A' || r > 'Z') && !strings.ContainsRune(".:-", r)
	}) < 0
}

// isKey knows lower_snake.
func isKey(s string) bool {
	return s != "" && len(s) <= maxKey && s[0] >= 'a' && s[0] <= 'z' &&
		strings.IndexFunc(s, func(r rune) bool { return !isKeyRune(r) }) < 0
}

func isKeyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_'
}
