package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// world is one company: a directory, a store, and a person who is signed in. Its
// clock is the test's bubble, so that waiting costs nothing.
type world struct {
	t      *testing.T
	ctx    context.Context
	dir    *directory
	store  *memory
	proofs *proofs
	judge  *judge
	policy workflow.Policy
	limits workflow.Limits
	engine *workflow.Engine
	ann    workflow.Actor
}

const (
	groupStaff = "S-1-5-21-1-2-3-1100"
	groupUsers = "S-1-5-21-1-2-3-513"
	staffOU    = "OU=Staff,DC=corp,DC=example,DC=test"
)

var (
	passkey     = [][]enroll.ProofKind{{enroll.ProofPasskey}}
	annGUID     = guid(1)
	bobGUID     = guid(2)
	lockedSince = int64(134_000_000_000_000_000)
)

// writing are the kinds that write to the directory.
var writing = []workflow.Kind{workflow.KindUnlock, workflow.KindReset, workflow.KindChange, workflow.KindOneTime}

func guid(n byte) ad.GUID { return ad.GUID{0: n, 15: 0xa5} }

// inWorld runs a test in a company of its own.
func inWorld(t *testing.T, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, ctx: t.Context(), dir: newDirectory(), store: newMemory(), judge: &judge{},
		policy: everyone("policy-1", passkey),
		ann:    workflow.Actor{Account: annGUID, Session: "session-ann", Device: "Phone\x00<b>", Address: "192.0.2.7"},
	}
	w.proofs = &proofs{store: w.store, signIns: map[string]enroll.Proof{}, recover: map[string][]enroll.Proof{}}
	w.dir.add(person(annGUID, "ann"))
	w.dir.add(person(bobGUID, "bob"))
	w.engine = w.start(w.store, w.dir)
	return w
}

// start makes another server process over the same company.
func (w *world) start(s workflow.Store, d workflow.Directory) *workflow.Engine {
	return workflow.New(workflow.Config{
		Store: s, Directory: d, Proofs: w.proofs, Judge: w.judge, Policy: w.policy, Limits: w.limits,
		People: w.dir, Holders: w.store, Freezes: w.store, Reminders: w.store,
		Sealer: dbtest.Box(), Executor: fmt.Sprintf("server-%p", d),
	})
}

func person(g ad.GUID, sam string) ad.Account {
	return ad.Account{
		GUID: g, SID: "S-1-5-21-1-2-3-" + fmt.Sprint(2000+int(g[0])), SAMAccountName: sam, DisplayName: "Given " + sam,
		DN: "CN=" + sam + "," + staffOU, Department: "Finance",
		Groups: []string{groupUsers, groupStaff}, LogonAllowed: true, Controller: "dc1.corp.example.test",
		PasswordSet: time.Now().Add(-90 * 24 * time.Hour),
		Marks:       ad.Marks{KeyVersion: 7, PwdLastSet: 133_900_000_000_000_000},
	}
}

func everyone(hash string, prove [][]enroll.ProofKind) workflow.Policy {
	return only(hash, workflow.Condition{Everyone: true}, prove)
}

func only(hash string, who workflow.Condition, prove [][]enroll.ProofKind) workflow.Policy {
	acts := map[workflow.Kind]workflow.Act{}
	for _, kind := range workflow.Kinds {
		acts[kind] = workflow.Act{Prove: prove}
	}
	return workflow.Policy{Hash: hash, Rules: []workflow.Rule{{Name: "rule-1", Who: who, Acts: acts}}}
}

// signIn gives the actor's session its sign-in proof.
func (w *world) signIn(who workflow.Actor) enroll.Proof {
	p := enroll.Proof{
		ID: "sign-in-" + who.Session + time.Now().String(), Kind: enroll.ProofPasskey,
		Account: who.Account, Session: who.Session, At: time.Now(),
	}
	w.proofs.signIns[who.Session] = p
	return p
}

// stepUp makes the proof that the request asks for.
func (w *world) stepUp(who workflow.Actor, id string) enroll.Proof {
	w.t.Helper()
	label, statement, err := w.engine.Statement(w.ctx, who, id)
	if err != nil {
		w.t.Fatalf("statement: %v", err)
	}
	return enroll.Proof{
		ID: "step-up-" + id + time.Now().String() + string(rune('a'+len(w.store.used))), Kind: enroll.ProofPasskey,
		Account: who.Account, Session: who.Session, Label: label, Statement: statement, At: time.Now(),
		Receipt: enroll.Receipt{CredentialID: []byte{1}, Signature: []byte{2}},
	}
}

func (w *world) submit(kind workflow.Kind) workflow.Request {
	w.t.Helper()
	r, err := w.engine.Submit(w.ctx, w.ann, kind, "")
	if err != nil {
		w.t.Fatalf("submit %s: %v", kind, err)
	}
	return r
}

// approved submits and proves.
func (w *world) approved(kind workflow.Kind) workflow.Request {
	w.t.Helper()
	r := w.submit(kind)
	r, err := w.engine.Prove(w.ctx, w.ann, r.ID, w.stepUp(w.ann, r.ID))
	if err != nil {
		w.t.Fatalf("prove %s: %v", kind, err)
	}
	return r
}

// values that a kind's execution takes.
func values(kind workflow.Kind) (value, old secret.Text) {
	switch kind {
	case workflow.KindReset:
		value = secret.New("Harbour-Violet-92")
	case workflow.KindChange:
		value, old = secret.New("Harbour-Violet-92"), secret.New("old")
	}
	return value, old
}

func (w *world) execute(r workflow.Request) (workflow.Request, error) {
	value, old := values(r.Kind)
	r, _, err := w.engine.Execute(w.ctx, w.ann, r.ID, value, old)
	return r, err
}

func (w *world) stored(id string) workflow.Request {
	w.t.Helper()
	r, err := w.store.Request(w.ctx, id)
	if err != nil {
		w.t.Fatalf("read request: %v", err)
	}
	return r
}

func (w *world) lock(g ad.GUID) { w.dir.edit(g, lock) }

func lock(a *ad.Account) {
	lockedSince++
	a.Locked, a.LockedSince, a.BadPasswords, a.LastBad = true, time.Now(), 5, time.Now()
	a.Marks.LockoutTime = lockedSince
}

func wantState(t *testing.T, r workflow.Request, want workflow.State) {
	t.Helper()
	if r.State != want {
		t.Fatalf("state %s, want %s (result %+v)", r.State, want, r.Result)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}
