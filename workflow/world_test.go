package workflow_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
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
	w.proofs = &proofs{store: w.store, signIns: map[string]enroll.Proof{}}
	w.dir.add(person(annGUID, "ann"))
	w.dir.add(person(bobGUID, "bob"))
	w.engine = w.start(w.store, w.dir)
	return w
}

// start makes another server process over the same company.
func (w *world) start(s workflow.Store, d workflow.Directory) *workflow.Engine {
	return workflow.New(workflow.Config{
		Store: s, Directory: d, Proofs: w.proofs, Judge: w.judge, Policy: w.policy,
		Executor: fmt.Sprintf("server-%p", d),
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

// directory is a scripted Active Directory. It checks nothing itself: what the
// workflow forgets gets through.
type directory struct {
	mu       sync.Mutex
	accounts map[ad.GUID]*ad.Account
	policy   ad.PasswordPolicy
	writes   []written
	calls    []string
	// before runs at each call, outside of the lock; it may flip state.
	before func(op string) error
	// refuse is the directory's answer to a write; nothing is written.
	refuse error
	// lost loses the answer of a write that landed; after is told behind it.
	lost  bool
	after error
}

type written struct {
	op         string
	target     ad.GUID
	controller string
	mustChange bool
	value      string
	at         time.Time
}

func newDirectory() *directory {
	return &directory{
		accounts: map[ad.GUID]*ad.Account{},
		policy: ad.PasswordPolicy{
			Source: ad.PolicyDomain, MinLength: 8, Complexity: true, History: 24,
			MinAge: 24 * time.Hour, LockoutThreshold: 5, ObservationWindow: 30 * time.Minute,
		},
	}
}

func (d *directory) add(a ad.Account) { d.accounts[a.GUID] = &a }

func (d *directory) edit(g ad.GUID, fn func(*ad.Account)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn(d.accounts[g])
}

func (d *directory) begin(ctx context.Context, op string) error {
	d.mu.Lock()
	d.calls = append(d.calls, op)
	before := d.before
	d.mu.Unlock()
	if ctx.Err() != nil {
		return fault(op, ad.ErrUnavailable, ad.OutcomeNotWritten, ctx.Err())
	}
	if before == nil {
		return nil
	}
	return before(op)
}

func fault(op string, cause ad.Cause, outcome ad.Outcome, err error) error {
	return &ad.Error{Cause: cause, Op: op, Outcome: outcome, Err: err, Diagnostic: "0000052D: \xff hostile"}
}

func (d *directory) read(op string, g ad.GUID) (ad.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, known := d.accounts[g]
	if !known {
		return ad.Account{}, fault(op, ad.ErrNotFound, ad.OutcomeNotWritten, nil)
	}
	out := *a
	out.ReadAt = time.Now()
	out.Groups = slices.Clone(a.Groups)
	return out, nil
}

func (d *directory) Account(ctx context.Context, g ad.GUID) (ad.Account, error) {
	if err := d.begin(ctx, "account"); err != nil {
		return ad.Account{}, err
	}
	return d.read("account", g)
}

func (d *directory) AccountOn(ctx context.Context, controller string, g ad.GUID) (ad.Account, error) {
	if err := d.begin(ctx, "account-on"); err != nil {
		return ad.Account{}, err
	}
	if controller != "dc1.corp.example.test" {
		return ad.Account{}, fault("account-on", ad.ErrUnavailable, ad.OutcomeNotWritten, nil)
	}
	return d.read("account-on", g)
}

func (d *directory) PasswordPolicy(ctx context.Context, _ ad.Account) (ad.PasswordPolicy, error) {
	if err := d.begin(ctx, "policy"); err != nil {
		return ad.PasswordPolicy{}, err
	}
	return d.policy, nil
}

func (d *directory) Unlock(ctx context.Context, w ad.Write) (ad.Account, error) {
	return d.write(ctx, "unlock", w, func(a *ad.Account) { unlocked(a) }, written{})
}

func unlocked(a *ad.Account) {
	a.Locked, a.LockedSince, a.BadPasswords, a.Marks.LockoutTime = false, time.Time{}, 0, 0
}

func (d *directory) ResetPassword(ctx context.Context, w ad.Write, p ad.NewPassword) (ad.Account, error) {
	return d.write(ctx, "reset", w, func(a *ad.Account) {
		setPassword(a)
		unlocked(a)
		if p.MustChange {
			a.Marks.PwdLastSet, a.PasswordSet, a.MustChange = 0, time.Time{}, true
		}
	}, written{mustChange: p.MustChange, value: p.Value.Reveal()})
}

func (d *directory) ChangePassword(ctx context.Context, w ad.Write, _, new secret.Text) (ad.Account, error) {
	return d.write(ctx, "change", w, setPassword, written{value: new.Reveal()})
}

func setPassword(a *ad.Account) {
	a.PasswordSet, a.MustChange = time.Now(), false
	if a.Marks.KeyVersion >= 0 {
		a.Marks.KeyVersion++
	}
	lockedSince++
	a.Marks.PwdLastSet = lockedSince
}

func (d *directory) write(ctx context.Context, op string, w ad.Write, apply func(*ad.Account), what written) (ad.Account, error) {
	if err := d.begin(ctx, op); err != nil {
		return ad.Account{}, err
	}
	a, err := d.read(op, w.Target)
	if err != nil {
		return ad.Account{}, err
	}
	if err := w.Check(a); err != nil {
		return ad.Account{}, fault(op, ad.ErrRefused, ad.OutcomeNotWritten, err)
	}
	if err := d.begin(ctx, op+"-sent"); err != nil {
		return ad.Account{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return ad.Account{}, d.refuse
	}
	apply(d.accounts[w.Target])
	what.op, what.target, what.controller, what.at = op, w.Target, w.Controller, time.Now()
	d.writes = append(d.writes, what)
	if d.lost {
		return ad.Account{}, fault(op, ad.ErrUnavailable, ad.OutcomeUnknown, context.DeadlineExceeded)
	}
	if d.after != nil {
		return ad.Account{}, d.after
	}
	return *d.accounts[w.Target], nil
}

func (d *directory) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.writes)
}

// memory is a Store that seals each event as the real one does, and keeps
// requests as JSON.
type memory struct {
	mu       sync.Mutex
	requests map[string][]byte
	used     map[string]string // proof to request
	events   []audit.Event
	notices  []workflow.Notice
	head     audit.Head
	// before may fail a call before it does anything, after when it is committed.
	before, after func(op string) error
}

func newMemory() *memory {
	return &memory{requests: map[string][]byte{}, used: map[string]string{}}
}

func hook(fn func(string) error, op string) error {
	if fn == nil {
		return nil
	}
	return fn(op)
}

func (m *memory) Create(ctx context.Context, r workflow.Request, c workflow.Change) error {
	if err := errors.Join(ctx.Err(), hook(m.before, "create")); err != nil {
		return err
	}
	m.mu.Lock()
	_, exists := m.requests[r.ID]
	err := error(errors.New("exists"))
	if !exists {
		err = m.commit(r, nil, c)
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return hook(m.after, "create")
}

func (m *memory) commit(r workflow.Request, had []workflow.ConsumedProof, c workflow.Change) error {
	for _, p := range r.Proofs {
		old := slices.ContainsFunc(had, func(q workflow.ConsumedProof) bool { return q.ID == p.ID })
		if _, used := m.used[p.ID]; used && !old {
			return workflow.ErrProofUsed
		}
	}
	head := m.head
	for _, event := range c.Events {
		var err error
		if _, head, err = audit.Seal(head, event, rand.Reader); err != nil {
			return err
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	m.head, m.requests[r.ID] = head, b
	m.events, m.notices = append(m.events, c.Events...), append(m.notices, c.Notices...)
	for _, p := range r.Proofs {
		m.used[p.ID] = r.ID
	}
	return nil
}

func (m *memory) load(id string) (workflow.Request, error) {
	b, known := m.requests[id]
	if !known {
		return workflow.Request{}, workflow.ErrNoRequest
	}
	var r workflow.Request
	return r, json.NewDecoder(bytes.NewReader(b)).Decode(&r)
}

func (m *memory) Request(ctx context.Context, id string) (workflow.Request, error) {
	if err := errors.Join(ctx.Err(), hook(m.before, "request")); err != nil {
		return workflow.Request{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(id)
}

func (m *memory) Update(ctx context.Context, id string, fn func(*workflow.Request) (workflow.Change, error)) error {
	if err := errors.Join(ctx.Err(), hook(m.before, "update")); err != nil {
		return err
	}
	if err := m.update(id, fn); err != nil {
		return err
	}
	return hook(m.after, "update")
}

// update runs fn twice, as a store may.
func (m *memory) update(id string, fn func(*workflow.Request) (workflow.Change, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var r workflow.Request
	var c workflow.Change
	var had []workflow.ConsumedProof
	for range 2 {
		var err error
		if r, err = m.load(id); err != nil {
			return err
		}
		had = slices.Clone(r.Proofs)
		if c, err = fn(&r); err != nil {
			return err
		}
	}
	r.Version++
	return m.commit(r, had, c)
}

func (m *memory) Requests(_ context.Context, q workflow.Query) ([]workflow.Request, error) {
	if err := hook(m.before, "requests"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []workflow.Request
	for id := range m.requests {
		r, err := m.load(id)
		if err != nil {
			return nil, err
		}
		if q.Requester == r.Requester || q.Requester.IsZero() {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b workflow.Request) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

func (m *memory) Due(_ context.Context, now time.Time, limit int) ([]string, error) {
	if err := hook(m.before, "due"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for id := range m.requests {
		r, err := m.load(id)
		if err != nil {
			return nil, err
		}
		if !r.Wake.IsZero() && !now.Before(r.Wake) && len(out) < limit {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (m *memory) count(action audit.Action) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Action == action {
			n++
		}
	}
	return n
}

// proofs is what enroll's store answers.
type proofs struct {
	store   *memory
	signIns map[string]enroll.Proof
	err     error
}

func (p *proofs) SignInProof(_ context.Context, session string) (enroll.Proof, error) {
	if p.err != nil {
		return enroll.Proof{}, p.err
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	proof, known := p.signIns[session]
	if _, used := p.store.used[proof.ID]; !known || used {
		return enroll.Proof{}, enroll.ErrNoProof
	}
	return proof, nil
}

// judge refuses "weak" and fails on demand.
type judge struct{ err error }

func (j *judge) Demands() password.Demands { return password.Demands{MinScore: 3, Banned: true} }

func (j *judge) Judge(_ context.Context, _ password.Rules, v secret.Text) ([]password.Finding, error) {
	return []password.Finding{{Code: password.CodeBanned, OK: !strings.Contains(v.Reveal(), "weak")}}, j.err
}
