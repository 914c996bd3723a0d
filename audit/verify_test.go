package audit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

const (
	anna  = "5b2f8a1e-0c4d-4e6f-8a90-1b2c3d4e5f60"
	noon  = 1798804800000
	email = "anna@corp.example.test"
)

func event(i int) audit.Event {
	return audit.Event{
		Time: time.UnixMilli(noon + int64(i)), Action: audit.SignedIn, Actor: anna, Target: anna, Request: fmt.Sprintf("r-%d", i),
		Outcome: audit.OK, Detail: map[string]any{"n": int64(i), "kinds": []string{"passkey"}, "remember": true},
		Personal: map[string]string{"device": "Chrome on \"Android\"\n", "address": "192.0.2.7"},
	}
}

// chain seals n events and returns the lines of their export, closing line last.
func chain(t testing.TB, events ...audit.Event) []string {
	t.Helper()
	var head audit.Head
	var out bytes.Buffer
	for _, e := range events {
		entry, next, err := audit.Seal(head, e, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := audit.WriteEntry(&out, entry); err != nil {
			t.Fatal(err)
		}
		head = next
	}
	if err := audit.WriteEnd(&out, head); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(out.String()))
}

func events(n int) (list []audit.Event) {
	for i := range n {
		list = append(list, event(i))
	}
	return list
}

func verify(lines ...string) (audit.Report, error) {
	return audit.Verify(strings.NewReader(strings.Join(lines, "")))
}

func TestVerifyAcceptsWhatWasSealed(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		report, err := verify(chain(t, events(n)...)...)
		if err != nil || report.Head.Seq != int64(n) || report.Personal != 2*n || report.Erased != 0 {
			t.Errorf("%d events: %+v, %v", n, report, err)
		}
	}
}

func TestVerifyNamesTheFirstBadEvent(t *testing.T) {
	replace := func(i int, old, new string) func([]string) []string {
		return func(l []string) []string {
			if !strings.Contains(l[i], old) {
				t.Fatalf("line %d lacks %s", i+1, old)
			}
			l[i] = strings.Replace(l[i], old, new, 1)
			return l
		}
	}
	other := chain(t, events(5)...)
	for _, c := range []struct {
		name   string
		change func([]string) []string
		seq    int64
		want   error
	}{
		{"an event changed", replace(1, `"n":1`, `"n":7`), 2, audit.ErrHash},
		{"a hash changed", func(l []string) []string {
			l[1] = strings.Replace(l[1], l[1][len(l[1])-200:], other[1][len(other[1])-200:], 1)
			return l
		}, 2, nil},
		{"an event of another chain", func(l []string) []string { l[2] = other[2]; return l }, 3, audit.ErrPrevious},
		{"an event left out", func(l []string) []string { return append(l[:2], l[3:]...) }, 3, audit.ErrSequence},
		{"the first left out", func(l []string) []string { return l[1:] }, 1, audit.ErrSequence},
		{"two events swapped", func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, 2, audit.ErrSequence},
		{"an event twice", func(l []string) []string { l[2] = l[1]; return l }, 3, audit.ErrSequence},
		{"cut in the last event", func(l []string) []string { l[4] = l[4][:40]; return l[:5] }, 5, audit.ErrTruncated},
		{"cut between two events", func(l []string) []string { return l[:4] }, 5, audit.ErrTruncated},
		{"no closing line", func(l []string) []string { return l[:5] }, 6, audit.ErrTruncated},
		{"closing line of a shorter log", replace(5, `"entries":5`, `"entries":4`), 6, audit.ErrEnd},
		{"events behind the closing line", func(l []string) []string { return append(l, l[0]) }, 6, audit.ErrEnd},
		{"an unknown version", replace(2, "audit-event/v1", "audit-event/v9"), 3, audit.ErrVersion},
		{"a personal value changed", replace(3, "192.0.2.7", "192.0.2.8"), 4, audit.ErrPersonal},
		{"a personal value renamed", replace(3, `"personal":{"address":{`, `"personal":{"adresse":{`), 4, audit.ErrPersonal},
		{"a space", replace(3, `"hash":`, `"hash": `), 4, audit.ErrNotCanonical},
		{"an empty line", func(l []string) []string { l[3] = "\n"; return l }, 4, audit.ErrNotCanonical},
		{"a field more", replace(3, `"hash":`, `"gash":1,"hash":`), 4, audit.ErrShape},
		{"no personal", func(l []string) []string { l[3] = l[3][:strings.LastIndex(l[3], `,"personal"`)] + "}\n"; return l }, 4, audit.ErrShape},
		{"a line without end", func(l []string) []string { l[3] = strings.Repeat("x", 4<<20); return l[:4] }, 4, audit.ErrTooLong},
		{"nothing", func([]string) []string { return nil }, 1, audit.ErrTruncated},
	} {
		_, err := verify(c.change(chain(t, events(5)...))...)
		var bad *audit.BadEvent
		if !errors.As(err, &bad) || bad.Seq != c.seq || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want event %d: %v", c.name, err, c.seq, c.want)
		}
	}
	if _, err := audit.Verify(strings.NewReader(strings.TrimSuffix(strings.Join(other, ""), "\n"))); !errors.Is(err, audit.ErrTruncated) {
		t.Errorf("closing line without end: %v", err)
	}
}

func TestVerifyFailsForAnyFlippedBit(t *testing.T) {
	whole := []byte(strings.Join(chain(t, events(2)...), ""))
	for i := range whole {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			if _, err := audit.Verify(bytes.NewReader(flipped)); err == nil {
				t.Fatalf("byte %d, bit %d: %q passes", i, bit, flipped[max(0, i-20):min(len(flipped), i+20)])
			}
		}
	}
}

func TestVerifyFailsForAnyShorterFile(t *testing.T) {
	whole := strings.Join(chain(t, events(2)...), "")
	for i := range len(whole) {
		if _, err := audit.Verify(strings.NewReader(whole[:i])); err == nil {
			t.Fatalf("the first %d of %d bytes pass", i, len(whole))
		}
	}
}

func TestErasedValuesLeaveTheChainWhole(t *testing.T) {
	var head audit.Head
	var out bytes.Buffer
	entry, head, err := audit.Seal(head, event(0), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	delete(entry.Personal, "address")
	if err := errors.Join(audit.WriteEntry(&out, entry), audit.WriteEnd(&out, head)); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(&out)
	if err != nil || report.Personal != 1 || report.Erased != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestPersonalValuesEnterTheChainOnlyAsHashes(t *testing.T) {
	entry, _, err := audit.Seal(audit.Head{}, event(0), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"Chrome", "192.0.2.7"} {
		if bytes.Contains(entry.Bytes, []byte(value)) {
			t.Errorf("%q stands in %s", value, entry.Bytes)
		}
	}
	again, _, err := audit.Seal(audit.Head{}, event(0), rand.Reader)
	if err != nil || bytes.Equal(again.Bytes, entry.Bytes) {
		t.Errorf("the same value has the same hash twice: %v", err)
	}
}

func TestSealRefusesWhatIsNoEvent(t *testing.T) {
	for name, change := range map[string]func(*audit.Event){
		"unknown action":        func(e *audit.Event) { e.Action = "session.invented" },
		"no action":             func(e *audit.Event) { e.Action = "" },
		"unknown outcome":       func(e *audit.Event) { e.Outcome = "maybe" },
		"no time":               func(e *audit.Event) { e.Time = time.Time{} },
		"no actor":              func(e *audit.Event) { e.Actor = "" },
		"name as actor":         func(e *audit.Event) { e.Actor = email },
		"upper-case objectGUID": func(e *audit.Event) { e.Actor = strings.ToUpper(anna) },
		"name as target":        func(e *audit.Event) { e.Target = "anna" },
		"sentence as reason":    func(e *audit.Event) { e.Reason = "because Anna said so" },
		"detail key":            func(e *audit.Event) { e.Detail["Bad Key"] = "x" },
		"personal key":          func(e *audit.Event) { e.Personal[""] = "x" },
		"personal UTF-8":        func(e *audit.Event) { e.Personal["device"] = "\xff" },
		"personal too long":     func(e *audit.Event) { e.Personal["device"] = strings.Repeat("x", 8<<10+1) },
		"nested detail":         func(e *audit.Event) { e.Detail["o"] = map[string]any{} },
		"float":                 func(e *audit.Event) { e.Detail["f"] = 1.5 },
		"too large":             func(e *audit.Event) { e.Detail["s"] = strings.Repeat("x", 128<<10) },
	} {
		e := event(0)
		change(&e)
		entry, head, err := audit.Seal(audit.Head{}, e, rand.Reader)
		if !errors.Is(err, audit.ErrEvent) || entry.Bytes != nil || head != (audit.Head{}) {
			t.Errorf("%s: %v, %v, %v", name, entry, head, err)
		}
	}
	for name, v := range map[string]any{"2^53": int64(1 << 53), "UTF-8": "\xff"} {
		e := event(0)
		e.Detail["v"] = v
		if _, _, err := audit.Seal(audit.Head{}, e, rand.Reader); !errors.Is(err, audit.ErrValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An action that is declared and not listed could never be sealed.
func TestEveryActionIsListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for d := range ast.Preorder(file) {
		spec, ok := d.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Action" {
			continue
		}
		declared++
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || !audit.Known(audit.Action(text)) {
			t.Errorf("%s is declared and not listed: %v", text, err)
		}
	}
	if declared != len(audit.Actions()) {
		t.Errorf("%d declared, %d listed", declared, len(audit.Actions()))
	}
}

func TestSealFailsWithoutRandomness(t *testing.T) {
	if _, head, err := audit.Seal(audit.Head{}, event(0), strings.NewReader("short")); err == nil || head.Seq != 0 {
		t.Errorf("sealed with %v, %v", head, err)
	}
}

func TestVerifyReportsTheReadersOwnFault(t *testing.T) {
	broken := errors.New("disk")
	_, err := audit.Verify(io.MultiReader(strings.NewReader(chain(t, event(0))[0]), &failing{broken}))
	var bad *audit.BadEvent
	if !errors.Is(err, broken) || errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// The largest event, with the largest personal values, every byte escaped, still
// is a line that Verify reads.
func TestTheLargestLineVerifies(t *testing.T) {
	e := event(0)
	e.Personal = map[string]string{}
	for i := range 16 {
		e.Personal[fmt.Sprintf("p%063d", i)] = strings.Repeat("\x01", 8<<10)
	}
	e.Detail = map[string]any{"s": strings.Repeat("x", 124<<10)}
	if _, err := verify(chain(t, e)...); err != nil {
		t.Fatal(err)
	}
}

// Verify never panics, and what it accepts comes out the same when the values
// that it stands for are looked at line by line.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(strings.Join(chain(f, events(2)...), "")))
	f.Add([]byte(strings.Join(chain(f), "")))
	f.Add([]byte(`{"event":{},"hash":"","personal":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		report, err := audit.Verify(bytes.NewReader(b))
		if err != nil {
			return
		}
		if lines := bytes.Count(b, []byte("\n")); int64(lines) != report.Head.Seq+1 {
			t.Fatalf("%d lines, %d events", lines, report.Head.Seq)
		}
	})
}

// Whatever can be sealed is exported and verified.
func FuzzSealExportVerify(f *testing.F) {
	f.Add("device", "Chrome\n\"", "key", "value", int64(1))
	f.Fuzz(func(t *testing.T, pk, pv, dk, dv string, n int64) {
		e := event(0)
		e.Personal, e.Detail = map[string]string{pk: pv}, map[string]any{dk: dv, "n": n, "l": []string{dv, pv}}
		if _, _, err := audit.Seal(audit.Head{}, e, rand.Reader); err != nil {
			return
		}
		if _, err := verify(chain(t, e, event(1))...); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	whole := strings.Join(chain(b, events(1000)...), "")
	b.SetBytes(int64(len(whole)))
	for b.Loop() {
		if _, err := audit.Verify(strings.NewReader(whole)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
}
