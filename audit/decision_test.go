package audit_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

const dana = "0f0e0d0c-0b0a-4908-8706-050403020100"

// decision makes a passkey's registration and a review over its receipt. change
// may alter the statement's fields before they are signed.
func decision(change func(statement map[string]any, e *audit.Event)) []audit.Event {
	registered := exampleEvents(exampleReceipt())[0]
	registered.Actor, registered.Target = dana, dana
	e := audit.Event{
		Time: time.UnixMilli(noon + 5000), Action: audit.ReviewApproved, Actor: dana, Target: anna, Request: "r-1", Outcome: audit.OK,
		Detail: map[string]any{"kind": "reset"}, Personal: map[string]string{"shown": "new phone"},
	}
	statement := map[string]any{
		"v": audit.LabelReview, "request": "r-1", "kind": "reset", "requester": anna, "target": anna, "approver": dana,
		"verdict": "approve", "deadline": int64(noon + 900000), "policy": strings.Repeat("a", 64),
	}
	if change != nil {
		change(statement, &e)
	}
	r := audit.Receipt{Label: statement["v"].(string), Nonce: bytes.Repeat([]byte{2}, 32), CredentialID: []byte("example-passkey")}
	r.Statement, _ = audit.Canonical(statement)
	site := sha256.Sum256([]byte("unlock.example.test"))
	r.AuthenticatorData = append(site[:], 0x05, 0, 0, 0, 10)
	challenge := sha256.Sum256([]byte(r.Label + string(r.Nonce) + string(r.Statement)))
	r.ClientDataJSON = fmt.Appendf(nil, `{"type":"webauthn.get","challenge":"%s","origin":"https://unlock.example.test"}`, audit.Base64(challenge[:]))
	if e.Action != "" {
		sign(r).AddTo(e.Detail)
	}
	return []audit.Event{registered, e}
}

func TestADecisionCountsOnlyWithItsReceipt(t *testing.T) {
	report, err := verify(chain(t, decision(nil)...)...)
	if err != nil || report.Receipts != 1 || report.Unchecked != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	for name, change := range map[string]func(map[string]any, *audit.Event){
		"of another request":          func(s map[string]any, _ *audit.Event) { s["request"] = "r-2" },
		"of another account":          func(s map[string]any, _ *audit.Event) { s["target"] = dana },
		"of another approver":         func(s map[string]any, _ *audit.Event) { s["approver"] = anna },
		"with another verdict":        func(s map[string]any, _ *audit.Event) { s["verdict"] = "freeze" },
		"for another purpose":         func(s map[string]any, _ *audit.Event) { s["v"] = "latchkey/request/v1" },
		"by another person's passkey": func(s map[string]any, e *audit.Event) { e.Actor, s["approver"] = anna, anna },
		"of a freeze": func(s map[string]any, e *audit.Event) {
			e.Action = audit.AccountFrozen
		},
	} {
		_, err := verify(chain(t, decision(change)...)...)
		var bad *audit.BadEvent
		if !errors.Is(err, audit.ErrReceipt) || !errors.As(err, &bad) || bad.Seq != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	bare := decision(nil)
	bare[1].Detail = map[string]any{"kind": "reset"}
	if _, err := verify(chain(t, bare...)...); !errors.Is(err, audit.ErrReceipt) {
		t.Errorf("without a receipt: %v", err)
	}
	swapped := decision(nil)
	var bad *audit.BadEvent
	if _, err := verify(chain(t, swapped[1], swapped[0])...); !errors.Is(err, audit.ErrReceipt) || !errors.As(err, &bad) || bad.Seq != 1 {
		t.Errorf("by a passkey that was registered later: %v", err)
	}
	alone := decision(nil)
	if _, err := verify(chain(t, alone[1])...); !errors.Is(err, audit.ErrReceipt) {
		t.Errorf("by a passkey that nobody registered: %v", err)
	}
}

// Each log is made of other events, and in each another byte becomes another one.
func TestOneChangedByteInEachOfAThousandLogsIsFound(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	receipts := 0
	for n := range 1000 {
		list := decision(nil)
		for i := range r.IntN(20) {
			list = append(list, event(i))
		}
		whole := []byte(strings.Join(chain(t, list...), ""))
		report, err := audit.Verify(bytes.NewReader(whole))
		if err != nil {
			t.Fatalf("log %d: %v", n, err)
		}
		receipts += report.Receipts
		at := r.IntN(len(whole))
		before := whole[at]
		whole[at] ^= byte(1 + r.IntN(255))
		if _, err := audit.Verify(bytes.NewReader(whole)); err == nil {
			t.Fatalf("log %d: byte %d from %q to %q passes", n, at, before, whole[at])
		}
	}
	t.Logf("1000 logs with %d receipts", receipts)
}
