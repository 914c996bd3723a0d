package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBodiesThatReadersReadDifferentlyAreRefused(t *testing.T) {
	for body, ok := range map[string]bool{
		`{}`:                          true,
		`{"a":{"a":1},"b":[{"a":2}]}`: true,
		`{"a":"\ud83d\ude00"}`:        true,
		`{"a":"\\ud800"}`:             true,
		`{"a":1,"a":2}`:               false,
		`{"a":1,"A":2}`:               false,
		`{"a":1,"\u0061":2}`:          false,
		`{"a":{"b":1,"b":2}}`:         false,
		`{"a":"\ud800"}`:              false,
		`{"a":"\udc00"}`:              false,
		`{"a":"\ud800\ud800"}`:        false,
		`{"a":"\ud800x"}`:             false,
		"{\"a\":\"\xff\"}":            false,
		`{} {}`:                       false,
		`{`:                           false,
		``:                            false,
		`[1,2`:                        false,
		`{"a":}`:                      false,
		"\ufeff{}":                    false,
		strings.Repeat("[", 40) + strings.Repeat("]", 40): false,
	} {
		if err := strictJSON([]byte(body)); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestAPasswordArrivesAsItWasSent(t *testing.T) {
	st := newStage(t)
	for _, want := range []string{`pässwörd 🔑 "\`, "   ", "\u0000nul", strings.Repeat("x", 1024)} {
		b, _ := json.Marshal(map[string]string{"password": want})
		if res := st.in("POST", "/api/requests/r1/execute", string(b)); res.StatusCode != http.StatusOK {
			t.Fatalf("%q: %d", want, res.StatusCode)
		}
		if got := st.rules.got.Reveal(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, body := range []string{`{"password":"\ud800"}`, "{\"password\":\"\xc3\"}", `{"password":"a","Password":"b"}`} {
		st.rules.got = (&rules{}).got
		wantProblem(t, st.in("POST", "/api/requests/r1/execute", body), http.StatusBadRequest, "request.malformed")
		if !st.rules.got.Empty() {
			t.Errorf("%s reached the rules", body)
		}
	}
}

// What passes, encoding/json reads without repairing it.
func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"a":"\ud800"}`, `{"a":1,"A":2}`, `[[[]]]`, `{"a":"\\\ud83d\ude00"}`, `"\u`, "\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if strictJSON(b) != nil {
			return
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("%q passes: %v", b, err)
		}
		if !utf8.Valid(b) {
			t.Fatalf("%q passes", b)
		}
		if again, _ := json.Marshal(v); strings.Contains(string(again), "\ufffd") && !strings.Contains(string(b), "\ufffd") && !strings.Contains(strings.ToLower(string(b)), `\ufffd`) {
			t.Fatalf("%q was repaired to %q", b, again)
		}
	})
}
