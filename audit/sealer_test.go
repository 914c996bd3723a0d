package audit_test

import (
	"bytes"
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
