package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/audit"
)

// Events of all lengths follow each other in the same memory, and refusals between them.
func TestASealerSealsAsSealDoes(t *testing.T) {
	var s audit.Sealer
	var head audit.Head
	for n := range 40 {
		e := event(n)
		if n%3 == 0 {
			e.Detail, e.Personal = map[string]any{"long": strings.Repeat("x", 300*n)}, nil
		}
		salts := strings.Repeat(fmt.Sprintf("%016d", n), 2)
		want, after, err := audit.Seal(head, e, strings.NewReader(salts))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Seal(head, e, strings.NewReader("short")); err == nil && len(e.Personal) > 0 {
			t.Fatal("sealed without salts")
		}
		got, next, err := s.Seal(head, e, strings.NewReader(salts))
		if err != nil || next != after || !bytes.Equal(got.Bytes, want.Bytes) || !maps.Equal(got.Personal, want.Personal) {
			t.Fatalf("event %d: %v\n%s\nwant\n%s", n, err, got.Bytes, want.Bytes)
		}
		head = next
	}
}

// Codes are written as they are. A byte that the canonical form would escape is none.
func TestACodeIsRefusedOrStandsForItself(t *testing.T) {
	taken := 0
	for c := range 256 {
		text := "a" + string([]byte{byte(c)}) + "f"
		for name, put := range map[string]func(*audit.Event){
			"actor":   func(e *audit.Event) { e.Actor = text + e.Actor[3:] },
			"target":  func(e *audit.Event) { e.Target = text + e.Target[3:] },
			"request": func(e *audit.Event) { e.Request = text },
			"reason":  func(e *audit.Event) { e.Reason = text },
			"name":    func(e *audit.Event) { e.Personal[text] = "x" },
		} {
			e := event(0)
			put(&e)
			entry, _, err := audit.Seal(audit.Head{}, e, strings.NewReader(strings.Repeat("s", 64)))
			if errors.Is(err, audit.ErrEvent) {
				continue
			}
			taken++
			object, parsed := audit.Parse(entry.Bytes)
			again, canonical := audit.Canonical(object)
			if err := errors.Join(err, parsed, canonical); err != nil || !bytes.Equal(again, entry.Bytes) {
				t.Errorf("%s with byte %#x: %v\n%s", name, c, err, entry.Bytes)
			}
		}
	}
	if want := 2*16 + 2*66 + 37; taken != want {
		t.Errorf("%d of the bytes were taken, want %d", taken, want)
	}
}
