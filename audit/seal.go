package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
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
	salts    [16 * maxFields]byte
	personal map[string]Salted
}

// Seal is the function of the same name.
func (s *Sealer) Seal(head Head, e Event, random io.Reader) (Entry, Head, error) {
	var few [maxFields]string
	keys := sortedKeys(few[:0], e.Personal)
	if err := e.check(keys); err != nil {
		return Entry{}, head, err
	}
	if err := s.salt(e.Personal, keys, random); err != nil {
		return Entry{}, head, err
	}
	n := Entry{
		Seq: head.Seq + 1, Time: e.Time.UnixMilli(), Action: e.Action,
		Actor: e.Actor, Target: e.Target, Request: e.Request, Personal: s.personal,
	}
	if err := s.canonicalEvent(&n, &head, &e, keys); err != nil {
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
// stand here in their order. What HashEvent puts before it stands before it. What was
// checked to be a code needs no escaping.
func (s *Sealer) canonicalEvent(n *Entry, head *Head, e *Event, personal []string) (err error) {
	if s.hashed == nil || cap(s.hashed) > maxScratch {
		s.hashed = make([]byte, 0, 768)
	}
	b := append(s.hashed[:0], eventPrefix...)
	b = appendCode(b, `{"action":"`, string(e.Action))
	b = appendCode(b, `","actor":"`, e.Actor)
	if b, err = appendObject(append(b, `","detail":`...), e.Detail, 2); err != nil {
		return err
	}
	b = appendCode(b, `,"outcome":"`, string(e.Outcome))
	b = s.appendHashes(append(b, `","personal":{`...), personal)
	b = hex.AppendEncode(append(b, `},"prev":"`...), head.Hash[:])
	b = appendCode(b, `","reason":"`, e.Reason)
	b = appendCode(b, `","request":"`, e.Request)
	b = strconv.AppendInt(append(b, `","seq":`...), n.Seq, 10)
	b = appendCode(b, `,"target":"`, e.Target)
	b = strconv.AppendInt(append(b, `","time":`...), n.Time, 10)
	s.hashed = append(b, `,"v":"`+LabelEvent+`"}`...)
	if n.Seq > maxInteger || n.Time < 0 || n.Time > maxInteger {
		return fmt.Errorf("number or time beyond 2^53: %w", ErrValue)
	}
	return nil
}

func appendCode(b []byte, before, code string) []byte {
	return append(append(b, before...), code...)
}

// appendHashes writes the members of an object of them; keys are in their order.
func (s *Sealer) appendHashes(b []byte, keys []string) []byte {
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), k...), `":"`...)
		sum := s.personal[k].Hash()
		b = append(hex.AppendEncode(b, sum[:]), '"')
	}
	return b
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

// salt reads the salts of all values at once.
func (s *Sealer) salt(values map[string]string, keys []string, random io.Reader) error {
	if s.personal == nil {
		s.personal = make(map[string]Salted, len(values))
	}
	clear(s.personal)
	salts := s.salts[:16*len(keys)]
	if _, err := io.ReadFull(random, salts); err != nil {
		return fmt.Errorf("read salts: %w", err)
	}
	for i, k := range keys {
		s.personal[k] = Salted{Salt: [16]byte(salts[16*i:]), Value: values[k]}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrEvent)...)
}

// check takes the names of the personal values.
func (e *Event) check(personal []string) error {
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
	return e.checkFields(personal)
}

func (e *Event) checkFields(personal []string) error {
	for k, v := range e.Detail {
		if !isKey(k) || !isFlat(v) {
			return refuse("detail key %q", k)
		}
	}
	if len(personal) > maxFields {
		return refuse("%d personal values", len(personal))
	}
	for _, k := range personal {
		if v := e.Personal[k]; !isKey(k) || len(v) > maxPersonal || !utf8.ValidString(v) {
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
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	digits := 0
	for i := range len(s) {
		digits += int(kinds[s[i]] & hexDigit)
	}
	return digits == 32
}

// isCode keeps sentences, and with them names, out of the fields for codes.
func isCode(s string) bool { return len(s) <= maxCode && all(s, codeByte) }

// isKey knows lower_snake.
func isKey(s string) bool {
	return s != "" && len(s) <= maxKey && s[0] >= 'a' && s[0] <= 'z' && all(s, keyByte)
}

func all(s string, kind uint8) bool {
	for i := range len(s) {
		if kinds[s[i]]&kind == 0 {
			return false
		}
	}
	return true
}

// Kinds of bytes.
const (
	hexDigit = 1 << iota // one, to be counted
	keyByte
	codeByte // none that the canonical form escapes
)

var kinds = func() (of [256]uint8) {
	for kind, set := range map[uint8]string{
		hexDigit:           "0123456789abcdef",
		keyByte | codeByte: "0123456789abcdefghijklmnopqrstuvwxyz_",
		codeByte:           "ABCDEFGHIJKLMNOPQRSTUVWXYZ.:-",
	} {
		for _, c := range []byte(set) {
			of[c] |= kind
		}
	}
	return of
}()
