package audit_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

var update = flag.Bool("update", false, "print the example for docs/audit-format.md")

const format = "../docs/audit-format.md"

// A passkey that signs the same way each time: the seed is thirty-two times 7.
var exampleKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// examplePublicKey is the COSE_Key {1: 1, 3: -8, -1: 6, -2: x} in CBOR.
func examplePublicKey() []byte {
	head := []byte{0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20}
	return append(head, exampleKey.Public().(ed25519.PublicKey)...)
}

func exampleReceipt() audit.Receipt {
	r := audit.Receipt{
		Label:        "latchkey/request/v1",
		Nonce:        bytes.Repeat([]byte{1}, 32),
		Statement:    []byte(`{"deadline":1798805400000,"kind":"reset","request":"r-1","target":"` + anna + `","v":"latchkey/request/v1"}`),
		CredentialID: []byte("example-passkey"),
	}
	site := sha256.Sum256([]byte("unlock.example.test"))
	r.AuthenticatorData = append(site[:], 0x05, 0, 0, 0, 9) // user present and verified, sign count 9
	challenge := sha256.Sum256([]byte(r.Label + string(r.Nonce) + string(r.Statement)))
	r.ClientDataJSON = fmt.Appendf(nil, `{"type":"webauthn.get","challenge":"%s","origin":"https://unlock.example.test","crossOrigin":false}`,
		audit.Base64(challenge[:]))
	return sign(r)
}

func sign(r audit.Receipt) audit.Receipt {
	client := sha256.Sum256(r.ClientDataJSON)
	r.Signature = ed25519.Sign(exampleKey, append(bytes.Clone(r.AuthenticatorData), client[:]...))
	return r
}

func exampleEvents(receipt audit.Receipt) []audit.Event {
	event := func(at int64, action audit.Action) audit.Event {
		return audit.Event{
			Time: time.UnixMilli(noon + at), Action: action, Actor: anna, Target: anna, Outcome: audit.OK, Detail: map[string]any{},
		}
	}
	registered := event(0, audit.PasskeyRegistered)
	registered.Detail[audit.DetailCredential] = audit.Base64(receipt.CredentialID)
	registered.Detail[audit.DetailPublicKey] = audit.Base64(examplePublicKey())
	registered.Personal = map[string]string{"name": "Anna's \"phone\""}
	stepped := event(1000, audit.SteppedUp)
	receipt.AddTo(stepped.Detail)
	refused := event(2000, audit.ExecutionRefused)
	refused.Request, refused.Outcome, refused.Reason = "r-1", audit.Failed, "password.history"
	refused.Personal = map[string]string{"address": "192.0.2.7", "device": "Chrome on Android"}
	return []audit.Event{registered, stepped, refused}
}

// example is the export in the document: the address of the third event was
// erased.
func example(t *testing.T) string {
	t.Helper()
	random := rand.NewChaCha8([32]byte{})
	var head audit.Head
	var out bytes.Buffer
	for _, e := range exampleEvents(exampleReceipt()) {
		entry, next, err := audit.Seal(head, e, random)
		if err != nil {
			t.Fatal(err)
		}
		delete(entry.Personal, "address")
		if err := audit.WriteEntry(&out, entry); err != nil {
			t.Fatal(err)
		}
		head = next
	}
	if err := audit.WriteEnd(&out, head); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// block returns the first fenced block of a kind in the document.
func block(t *testing.T, kind string) string {
	t.Helper()
	text, err := os.ReadFile(format)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```"+kind+"\n")
	body, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("%s has no block of %s", format, kind)
	}
	return body
}

func TestTheDocumentsExampleIsWhatWeWrite(t *testing.T) {
	if *update {
		fmt.Print(example(t))
	}
	if got, want := block(t, "jsonl"), example(t); got != want {
		t.Errorf("the document shows\n%s\nwe write\n%s", got, want)
	}
	report, err := audit.Verify(strings.NewReader(block(t, "jsonl")))
	if err != nil || report.Head.Seq != 3 || report.Personal != 2 || report.Erased != 1 || report.Receipts != 1 || report.Unchecked != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// The document alone is enough: these are its steps, without our code.
func TestTheDocumentsStepsVerifyTheExample(t *testing.T) {
	prev, seq := strings.Repeat("0", 64), int64(0)
	keys := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(block(t, "jsonl")))
	for lines.Scan() {
		var line struct {
			Event    json.RawMessage
			Hash     string
			Personal map[string]struct{ Salt, Value string }
			Entries  *int64
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Entries != nil {
			if *line.Entries != seq || line.Hash != prev {
				t.Error("closing line")
			}
			continue
		}
		var event struct {
			V, Prev, Action string
			Seq             int64
			Detail          map[string]any
			Personal        map[string]string
		}
		if err := json.Unmarshal(line.Event, &event); err != nil {
			t.Fatal(err)
		}
		seq++
		hash := sha256.Sum256([]byte("latchkey/audit-event/v1\x00" + string(line.Event)))
		if event.V != "latchkey/audit-event/v1" || hex.EncodeToString(hash[:]) != line.Hash || event.Prev != prev || event.Seq != seq {
			t.Errorf("event %d does not follow", seq)
		}
		prev = line.Hash
		for name, p := range line.Personal {
			salt, _ := hex.DecodeString(p.Salt)
			hash := sha256.Sum256([]byte("latchkey/audit-personal/v1\x00" + string(salt) + p.Value))
			if len(salt) != 16 || hex.EncodeToString(hash[:]) != event.Personal[name] {
				t.Errorf("event %d: personal %s", seq, name)
			}
		}
		if event.Action == "passkey.registered" {
			keys[event.Detail["credential_id"].(string)] = event.Detail["public_key"].(string)
		}
		if label, ok := event.Detail["receipt_label"].(string); ok {
			checkByHand(t, label, event.Detail, keys)
		}
	}
	if seq != 3 {
		t.Errorf("%d events", seq)
	}
}

func checkByHand(t *testing.T, label string, detail map[string]any, keys map[string]string) {
	t.Helper()
	part := func(name string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(detail["receipt_"+name].(string))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var client struct{ Type, Challenge, Origin string }
	if err := json.Unmarshal(part("client_data"), &client); err != nil {
		t.Fatal(err)
	}
	challenge := sha256.Sum256([]byte(label + string(part("nonce")) + string(part("statement"))))
	site := sha256.Sum256([]byte("unlock.example.test"))
	data, signed := part("authenticator_data"), sha256.Sum256(part("client_data"))
	key, _ := base64.RawURLEncoding.DecodeString(keys[detail["receipt_credential_id"].(string)])
	if client.Type != "webauthn.get" || client.Challenge != base64.RawURLEncoding.EncodeToString(challenge[:]) ||
		client.Origin != "https://unlock.example.test" || !bytes.Equal(data[:32], site[:]) || data[32]&0x05 != 0x05 ||
		!ed25519.Verify(ed25519.PublicKey(key[10:]), append(data, signed[:]...), part("signature")) {
		t.Error("the receipt does not verify by hand")
	}
}

func TestTheDocumentNamesEveryAction(t *testing.T) {
	text, err := os.ReadFile(format)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range audit.Actions() {
		if !strings.Contains(string(text), "`"+string(a)+"`") {
			t.Errorf("%s does not name %s", format, a)
		}
	}
}

func TestVerifyChecksReceipts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*audit.Receipt)
	}{
		{"another statement", func(r *audit.Receipt) { r.Statement = []byte(`{"target":"somebody else"}`) }},
		{"another label", func(r *audit.Receipt) { r.Label = "latchkey/other/v1" }},
		{"another nonce", func(r *audit.Receipt) { r.Nonce = bytes.Repeat([]byte{2}, 32) }},
		{"another signature", func(r *audit.Receipt) { r.Signature[3] ^= 1 }},
		{"no user verification", func(r *audit.Receipt) { r.AuthenticatorData[32] = 0x01; *r = sign(*r) }},
		{"short authenticator data", func(r *audit.Receipt) { r.AuthenticatorData = r.AuthenticatorData[:36]; *r = sign(*r) }},
		{"a registration", func(r *audit.Receipt) {
			r.ClientDataJSON = bytes.Replace(r.ClientDataJSON, []byte(".get"), []byte(".create"), 1)
			*r = sign(*r)
		}},
		{"no client data", func(r *audit.Receipt) { r.ClientDataJSON = []byte("x"); *r = sign(*r) }},
		{"an empty part", func(r *audit.Receipt) { r.Signature = nil }},
	} {
		r := exampleReceipt()
		c.change(&r)
		_, err := verify(chain(t, exampleEvents(r)...)...)
		var bad *audit.BadEvent
		if !errors.As(err, &bad) || bad.Seq != 2 || !errors.Is(err, audit.ErrReceipt) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Without the registration there is no key to check with, and that is said.
	report, err := verify(chain(t, exampleEvents(exampleReceipt())[1:]...)...)
	if err != nil || report.Receipts != 0 || report.Unchecked != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if origin, err := exampleReceipt().Origin(); err != nil || origin != "https://unlock.example.test" {
		t.Errorf("origin %q, %v", origin, err)
	}
}
