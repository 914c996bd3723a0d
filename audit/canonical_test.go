package audit_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/audit"
)

func TestCanonicalFormFollowsRFC8785(t *testing.T) {
	for _, c := range []struct {
		name   string
		object map[string]any
		want   string
	}{
		{"empty", map[string]any{}, `{}`},
		{"nil", nil, `{}`},
		{"all kinds", map[string]any{"b": true, "a": "x", "c": int64(-7), "d": []string{"p", "q"}, "e": false, "f": 3},
			`{"a":"x","b":true,"c":-7,"d":["p","q"],"e":false,"f":3}`},
		{"nested", map[string]any{"o": map[string]any{"z": []string{}, "y": "1"}}, `{"o":{"y":"1","z":[]}}`},
		// The order and the escapes of RFC 8785 3.2.3: UTF-16 puts U+1F600 before U+FB33.
		{"keys by UTF-16", map[string]any{
			"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
			"1": "One", "\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
		}, "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"\u00f6\":\"Latin Small Letter O With Diaeresis\"," +
			"\"\u20ac\":\"Euro Sign\",\"\U0001f600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
		{"escapes", map[string]any{"s": "\u20ac$\u000f\nA'B\"\\\\\"/<>&\u2028\x7f\b\t\f\x00"},
			"{\"s\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/<>&\u2028\x7f\\b\\t\\f\\u0000\"}"},
		{"largest", map[string]any{"n": int64(1<<53 - 1), "m": int64(-(1<<53 - 1))}, `{"m":-9007199254740991,"n":9007199254740991}`},
	} {
		got, err := audit.Canonical(c.object)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestCanonicalFormRefusesWhatItCannotCarry(t *testing.T) {
	deep := map[string]any{}
	for range 9 {
		deep = map[string]any{"o": deep}
	}
	for name, v := range map[string]any{
		"float": 1.5, "null": nil, "2^53": int64(1 << 53), "-2^53": int64(-1 << 53), "uint": uint(1),
		"broken UTF-8": "a\xff", "surrogate": "\xed\xa0\x80", "in a list": []string{"\xc0"}, "list of any": []any{"a"},
		"deep": deep, "infinite": math.Inf(1),
	} {
		if got, err := audit.Canonical(map[string]any{"k": v}); !errors.Is(err, audit.ErrValue) {
			t.Errorf("%s: got %s, %v, want ErrValue", name, got, err)
		}
	}
	if _, err := audit.Canonical(map[string]any{"\xff": true}); !errors.Is(err, audit.ErrValue) {
		t.Errorf("broken key: %v", err)
	}
}

func TestParseRefusesEveryOtherSpelling(t *testing.T) {
	for _, s := range []string{
		``, `{`, `{}x`, ` {}`, `{} `, `[]`, `"a"`, `{"a":1,}`, `{"a" :1}`, `{"a": 1}`, `{"b":1,"a":1}`, `{"a":1,"a":1}`,
		`{"a":01}`, `{"a":-0}`, `{"a":1.0}`, `{"a":1e3}`, `{"a":+1}`, `{"a":--1}`, `{"a":-}`, `{"a":}`, `{"a":9007199254740992}`,
		`{"a":99999999999999999999}`, `{"a":null}`, `{"a":True}`, `{"a":tru}`, `{"a":[1]}`, `{"a":["x",]}`, `{"a":[ "x"]}`, `{"a":["x"}`,
		`{"a":"\/"}`, `{"a":"\u0041"}`, `{"a":"\u000A"}`, `{"a":"\u000a"}`, `{"a":"\u001F"}`, `{"a":"\ud83d\ude00"}`, `{"a":"`, `{"a":"\`, `{"a":"\n`,
		"{\"a\":\"\n\"}", "{\"a\":\"\\\\\n\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\\\\\xff\"}", `{a:1}`, `{"a"}`, `{"a":1 }`,
		strings.Repeat(`{"a":`, 9) + `1` + strings.Repeat(`}`, 9),
	} {
		if v, err := audit.Parse([]byte(s)); !errors.Is(err, audit.ErrNotCanonical) {
			t.Errorf("%q: got %v, %v, want ErrNotCanonical", s, v, err)
		}
	}
}

// What Parse takes is what Canonical writes, byte for byte.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":"x","b":true,"c":-7,"d":["p","q"],"e":{"f":[]}}`, "{\"\\r\":\"\\u0000\",\"\U0001f600\":1,\"\ufb33\":2}", `{"a":9007199254740991}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := audit.Parse(b)
		if err != nil {
			return
		}
		again, err := audit.Canonical(v)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q came back as %q, %v", b, again, err)
		}
	})
}

// What Canonical writes is read back as the same value.
func FuzzCanonical(f *testing.F) {
	f.Add("key", "value \u2028", int64(5), true, "\U0001f600", "\x01")
	f.Fuzz(func(t *testing.T, k, s string, n int64, b bool, k2, s2 string) {
		in := map[string]any{k: s, k2: []string{s2, s}, "n": n, "b": b, "o": map[string]any{s2: k}}
		out, err := audit.Canonical(in)
		if err != nil {
			if !errors.Is(err, audit.ErrValue) {
				t.Fatal(err)
			}
			return
		}
		back, err := audit.Parse(out)
		if err != nil || !reflect.DeepEqual(back, in) {
			t.Fatalf("%q came back as %v, %v", out, back, err)
		}
	})
}
