package bench

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/e2e/world"
)

// TestVerifyingBesideDecodingAndHashing compares with what anybody would do with
// the same lines at least: decode each into fields and hash it.
func TestVerifyingBesideDecodingAndHashing(t *testing.T) {
	n := Count(10_000, 100)
	text := sealed(t, n)
	c := Alternate(Rounds(), func() float64 {
		return CPURate(n, func() {
			_, err := audit.Verify(bytes.NewReader(text))
			world.Must(t, err)
		})
	}, func() float64 {
		return CPURate(n, func() {
			for line := range bytes.Lines(text) {
				var v map[string]any
				world.Must(t, json.Unmarshal(line, &v))
				sha256.Sum256(line)
			}
		})
	})
	c.AtLeast("audit: verifying", "events per second of processor time", 0.6, fmt.Sprintf("%d events, each with two personal values", n)).Add(t)
}

func sealed(t *testing.T, n int) []byte {
	t.Helper()
	var head audit.Head
	var out bytes.Buffer
	const who = "5b2f8a1e-0c4d-4e6f-8a90-1b2c3d4e5f60"
	for i := range n {
		entry, next, err := audit.Seal(head, audit.Event{
			Time: time.UnixMilli(1798804800000 + int64(i)), Action: audit.SignedIn, Actor: who, Target: who,
			Request: fmt.Sprintf("r-%d", i), Outcome: audit.OK,
			Detail:   map[string]any{"n": int64(i), "kinds": []string{"passkey"}, "remember": true},
			Personal: map[string]string{"device": "Chrome on Android", "address": "192.0.2.7"},
		}, rand.Reader)
		world.Must(t, err)
		world.Must(t, audit.WriteEntry(&out, entry))
		head = next
	}
	world.Must(t, audit.WriteEnd(&out, head))
	return out.Bytes()
}
