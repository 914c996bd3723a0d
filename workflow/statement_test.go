package workflow

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

func reviewedRequest() Request {
	salt := func(b byte) []byte { return bytes.Repeat([]byte{b}, 16) }
	return Request{
		ID: "0190-id", Kind: KindReset, Requester: ad.GUID{1}, Target: ad.GUID{2}, Number: "07",
		Reason: "I forgot it", Device: "Phone", Address: "192.0.2.7",
		Salts:    map[string][]byte{"reason": salt(1), "device": salt(2), "address": salt(3)},
		Decision: Decision{Verdict: Allow, Policy: "abc", Approve: []Tier{{By: Approvers{Manager: true}}}},
		Deadline: time.UnixMilli(1_900_000_000_123),
	}
}

func TestTheReviewStatementIsCanonical(t *testing.T) {
	hash := func(b byte, value string) string {
		s := audit.Salted{Value: value}
		copy(s.Salt[:], bytes.Repeat([]byte{b}, 16))
		h := s.Hash()
		return audit.Base64(h[:])
	}
	got, err := reviewStatement(reviewedRequest(), ad.GUID{3})
	want := fmt.Sprintf(`{"approver":"00000003-0000-0000-0000-000000000000","deadline":1900000000123,"kind":"reset","number":"07",`+
		`"policy":"abc","request":"0190-id","requester":"00000001-0000-0000-0000-000000000000",`+
		`"shown_address":%q,"shown_device":%q,"shown_reason":%q,"target":"00000002-0000-0000-0000-000000000000",`+
		`"tier":0,"v":"latchkey/review/v1","verdict":"approve"}`, hash(3, "192.0.2.7"), hash(2, "Phone"), hash(1, "I forgot it"))
	if err != nil || string(got) != want {
		t.Fatalf("%v\n%s\n%s", err, got, want)
	}
	// Each part counts.
	seen := []string{want}
	for i, bend := range []func(*Request){
		func(r *Request) { r.ID = "x" }, func(r *Request) { r.Kind = KindChange }, func(r *Request) { r.Requester = ad.GUID{9} },
		func(r *Request) { r.Target = ad.GUID{9} }, func(r *Request) { r.Decision.Policy = "x" },
		func(r *Request) { r.Deadline = r.Deadline.Add(time.Millisecond) }, func(r *Request) { r.Number = "08" },
		func(r *Request) { r.Number = "" }, func(r *Request) { r.Reason += "!" }, func(r *Request) { r.Device = "" },
		func(r *Request) { r.Address = "192.0.2.8" }, func(r *Request) { r.Salts["reason"][0]++ },
	} {
		other := reviewedRequest()
		bend(&other)
		b, err := reviewStatement(other, ad.GUID{3})
		if err != nil || slices.Contains(seen, string(b)) {
			t.Errorf("part %d does not count: %v", i, err)
		}
		seen = append(seen, string(b))
	}
	if b, err := reviewStatement(reviewedRequest(), ad.GUID{4}); err != nil || slices.Contains(seen, string(b)) {
		t.Errorf("the approver does not count: %v", err)
	}
}

func TestWithoutItsSaltsNothingIsSigned(t *testing.T) {
	for _, salts := range []map[string][]byte{nil, {"reason": make([]byte, 15), "device": make([]byte, 16), "address": make([]byte, 17)}} {
		r := reviewedRequest()
		r.Salts = salts
		if _, err := reviewStatement(r, ad.GUID{3}); err == nil {
			t.Error("a statement without salts")
		}
	}
}

func TestEachPairOfDigitsIsDrawn(t *testing.T) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	random := bytes.NewReader(all)
	drawn := map[string]int{}
	for range 200 {
		n, err := drawNumber(random)
		if err != nil || len(n) != 2 {
			t.Fatalf("%q, %v", n, err)
		}
		drawn[n]++
	}
	if len(drawn) != 100 || drawn["00"] != 2 || drawn["99"] != 2 {
		t.Fatalf("%v", drawn)
	}
	// The bytes from 200 on would make some pairs likelier than others.
	if n, err := drawNumber(random); err == nil {
		t.Fatalf("drawn %q of what is left", n)
	}
}
