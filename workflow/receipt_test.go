package workflow_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// pair is a passkey that really signs.
type pair struct {
	who     workflow.Actor
	id      []byte
	private ed25519.PrivateKey
}

// register adds a passkey as an enrolment does, with its public key in the log.
func (o *onDisk) register(who workflow.Actor) pair {
	o.Helper()
	p := pair{who: who, id: []byte("key-" + who.Session), private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{who.Account[0]}, 32))}
	// COSE_Key {1: 1, 3: -8, -1: 6, -2: x} in CBOR (RFC 9053 7.2).
	cose := append([]byte{0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32}, p.private.Public().(ed25519.PublicKey)...)
	credential := enroll.Credential{ID: p.id, Account: who.Account, Created: o.now(), Record: webauthn.Credential{ID: p.id}}
	err := o.store.AddCredential(o.Context(), credential, audit.Event{
		Time: o.now(), Action: audit.PasskeyRegistered, Actor: who.Account.String(), Target: who.Account.String(), Outcome: audit.OK,
		Detail: map[string]any{audit.DetailCredential: audit.Base64(p.id), audit.DetailPublicKey: audit.Base64(cose)},
	})
	if err != nil {
		o.Fatal(err)
	}
	return p
}

// assert signs the statement, and leaves the proof behind.
func (o *onDisk) assert(p pair, label string, statement []byte) enroll.Proof {
	o.Helper()
	nonce := bytes.Repeat([]byte{7}, 32)
	challenge := sha256.Sum256(append(append([]byte(label), nonce...), statement...))
	client := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":%q,"origin":"https://unlock.example.test"}`, audit.Base64(challenge[:]))
	site, hash := sha256.Sum256([]byte("unlock.example.test")), sha256.Sum256(client)
	data := append(site[:], 0x05, 0, 0, 0, 9)
	proofNumber++
	proof := enroll.Proof{
		ID: fmt.Sprint("assertion-", proofNumber), Kind: enroll.ProofPasskey, Account: p.who.Account, Session: p.who.Session,
		Label: label, Statement: statement, At: o.now().Truncate(time.Millisecond),
		Receipt: enroll.Receipt{
			CredentialID: p.id, ClientDataJSON: client, AuthenticatorData: data, Nonce: nonce,
			Signature: ed25519.Sign(p.private, append(bytes.Clone(data), hash[:]...)),
		},
	}
	nothing := func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }
	if err := o.store.Asserted(o.Context(), p.id, nothing, proof, nil); err != nil {
		o.Fatal(err)
	}
	return proof
}

// reviewedOnDisk is a company on disk where the tier approves.
func reviewedOnDisk(t *testing.T, tier workflow.Tier) *onDisk {
	o := newOnDisk(t)
	o.dir.add(person(bossGUID, "boss"))
	for g, name := range map[ad.GUID]string{halGUID: "hal", idaGUID: "ida"} {
		p := person(g, name)
		p.Groups = append(p.Groups, groupSecurity)
		o.dir.add(p)
	}
	o.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "CN=boss," + staffOU })
	o.engine.SetPolicy(reviewedBy(tier, workflow.NumberRequired))
	return o
}

func (o *onDisk) begin(p pair, r workflow.Request) enroll.Proof {
	o.Helper()
	label, statement, err := o.engine.BeginApproval(o.Context(), p.who, r.ID, r.Number)
	if err != nil {
		o.Fatal(err)
	}
	return o.assert(p, label, statement)
}

func TestOnDiskReceiptsAreCheckedByTheLogAlone(t *testing.T) {
	o := reviewedOnDisk(t, byManager)
	key := o.register(boss)
	r, _ := o.approved(workflow.KindReset)
	wantState(t, r, workflow.Pending)
	approval := o.begin(key, r)
	o.reopen()
	o.engine.SetPolicy(reviewedBy(byManager, workflow.NumberRequired))
	if _, err := o.engine.Approve(t.Context(), boss, r.ID, approval); err != nil {
		t.Fatal(err)
	}
	if _, err := o.engine.Report(t.Context(), boss, r.ID); err != nil {
		t.Fatal(err)
	}
	label, statement, err := o.engine.BeginFreeze(t.Context(), boss, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.engine.Freeze(t.Context(), boss, r.ID, o.assert(key, label, statement)); err != nil {
		t.Fatal(err)
	}
	_, err = o.engine.Submit(t.Context(), o.ann, workflow.KindChange, "")
	wantErr(t, err, workflow.ErrFrozen)

	var out bytes.Buffer
	if err := o.store.Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	log := out.String()
	report, err := audit.Verify(strings.NewReader(log))
	if err != nil || report.Receipts != 2 || report.Unchecked != 0 {
		t.Fatalf("%v, %+v", err, report)
	}
	shownAsSigned(t, log, map[string]string{"reason": "I forgot it", "device": "Phone", "address": "192.0.2.7"})
}

// shownAsSigned finds the approval in the log, and holds the hashes in its
// statement to the values and salts beside it.
func shownAsSigned(t *testing.T, log string, want map[string]string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var entry struct {
			Event    json.RawMessage
			Personal map[string]struct{ Value string }
		}
		var event struct {
			Action string
			Detail map[string]any
		}
		if json.Unmarshal([]byte(line), &entry) != nil || json.Unmarshal(entry.Event, &event) != nil || event.Action != "review.approved" {
			continue
		}
		statement, err := base64.RawURLEncoding.DecodeString(event.Detail["receipt_statement"].(string))
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(statement, &fields); err != nil {
			t.Fatal(err)
		}
		for field, value := range want {
			salt, got, _ := strings.Cut(entry.Personal["shown_"+field].Value, ".")
			raw, err := base64.RawURLEncoding.DecodeString(salt)
			hash := sha256.Sum256([]byte("latchkey/audit-personal/v1\x00" + string(raw) + got))
			if err != nil || len(raw) != 16 || got != value || fields["shown_"+field] != audit.Base64(hash[:]) {
				t.Errorf("%s: %q, %v", field, got, err)
			}
		}
		return
	}
	t.Fatal("no approval in the log")
}

func TestOnDiskOfManyApprovalsOneCounts(t *testing.T) {
	o := reviewedOnDisk(t, bySecurity)
	o.dir.edit(annGUID, lock)
	keys := []pair{o.register(hal), o.register(ida)}
	r, _ := o.approved(workflow.KindUnlock)
	wantState(t, r, workflow.Pending)
	proofs := make([]enroll.Proof, 200)
	for i := range proofs {
		proofs[i] = o.begin(keys[i%2], r)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i, p := range proofs {
		all.Go(func() {
			switch _, err := o.engine.Approve(t.Context(), keys[i%2].who, r.ID, p); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, workflow.ErrReviewed):
				t.Error(err)
			}
		})
	}
	all.Wait()
	after, err := o.engine.Request(t.Context(), o.ann, r.ID)
	if err != nil || won.Load() != 1 || len(after.Reviews) != 1 || o.dir.written() != 1 {
		t.Fatalf("%v, %d won, %d reviews, %d writes", err, won.Load(), len(after.Reviews), o.dir.written())
	}
	wantState(t, after, workflow.Done)
	o.verify()
}
