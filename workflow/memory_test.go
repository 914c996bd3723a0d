package workflow_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// memory is a Store that seals each event as the real one does, and keeps
// requests as JSON.
type memory struct {
	mu       sync.Mutex
	requests map[string][]byte
	used     map[string]string // proof to request
	spent    map[string]string // ceremony to the session that nobody waits for
	open     map[string]string // requester, target and kind to the open request that Create made
	events   []audit.Event
	notices  []workflow.Notice
	ended    []workflow.SessionsOf
	frozen   map[ad.GUID]workflow.Freeze
	thawed   map[ad.GUID]time.Time
	keyless  map[ad.GUID]bool // hold no passkey
	passkeys []string
	holds    map[ad.GUID][]enroll.ProofKind // beside a passkey
	voided   map[ad.GUID][]enroll.ProofKind
	first    map[ad.GUID]time.Time // passkey
	replaced map[ad.GUID]time.Time
	reminded map[string]bool
	head     audit.Head
	// before may fail a call before it does anything, after when it is committed.
	before, after func(op string) error
}

func newMemory() *memory {
	return &memory{
		requests: map[string][]byte{}, used: map[string]string{}, spent: map[string]string{}, open: map[string]string{},
		frozen: map[ad.GUID]workflow.Freeze{}, thawed: map[ad.GUID]time.Time{}, keyless: map[ad.GUID]bool{}, holds: map[ad.GUID][]enroll.ProofKind{}, voided: map[ad.GUID][]enroll.ProofKind{}, replaced: map[ad.GUID]time.Time{}, reminded: map[string]bool{},
	}
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
	key := fmt.Sprint(r.Requester, r.Target, r.Kind)
	if _, frozen := m.frozen[r.Target]; frozen && r.State.Open() {
		err = workflow.ErrFrozen
	} else if _, open := m.open[key]; open && r.State.Open() {
		err = workflow.ErrOpen
	} else if !exists {
		if err = m.commit(r, nil, c); err == nil && r.State.Open() {
			m.open[key] = r.ID
		}
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return hook(m.after, "create")
}

// consumes lists the proofs of requester and reviewers.
func consumes(r workflow.Request) (ids []string) {
	for _, p := range r.Proofs {
		ids = append(ids, p.ID)
	}
	for _, v := range r.Reviews {
		if v.Proof != "" {
			ids = append(ids, v.Proof)
		}
	}
	return ids
}

func (m *memory) commit(r workflow.Request, had []string, c workflow.Change) error {
	if _, spent := m.spent[c.Unspent.ID]; spent {
		return enroll.ErrNoCeremony
	}
	for _, id := range consumes(r) {
		if _, used := m.used[id]; used && !slices.Contains(had, id) {
			return workflow.ErrProofUsed
		}
	}
	head, events := m.head, c.Events
	if c.EndSessions != nil {
		events = append(slices.Clip(events), c.EndSessions.Event(1))
	}
	for _, event := range events {
		var err error
		if _, head, err = audit.Seal(head, event, rand.Reader); err != nil {
			return err
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	m.head = head
	if r.ID != "" {
		m.requests[r.ID] = b
	}
	m.events, m.notices = append(m.events, events...), append(m.notices, c.Notices...)
	if c.EndSessions != nil {
		m.ended = append(m.ended, *c.EndSessions)
	}
	for _, id := range consumes(r) {
		m.used[id] = r.ID
	}
	if c.Passkey != nil {
		m.passkeys = append(m.passkeys, string(c.Passkey.Credential.ID))
	}
	if f := c.Freeze; f != nil {
		if was, already := m.frozen[f.Account]; !already {
			m.frozen[f.Account] = *f
		} else if !was.Asked.IsZero() {
			was.At, was.Asked, was.Proved = f.At, time.Time{}, nil
			m.frozen[f.Account] = was
		}
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
	var had []string
	for range 2 {
		var err error
		if r, err = m.load(id); err != nil {
			return err
		}
		had = consumes(r)
		if c, err = fn(&r); err != nil {
			return err
		}
	}
	r.Version++
	if err := m.writesAlone(r); err != nil {
		return err
	}
	err := m.commit(r, had, c)
	if key := fmt.Sprint(r.Requester, r.Target, r.Kind); err == nil && !r.State.Open() && m.open[key] == id {
		delete(m.open, key)
	}
	return err
}

func (m *memory) writesAlone(r workflow.Request) error {
	lost := func(s workflow.State) bool { return s == workflow.Executing || s == workflow.Unknown }
	for id := range m.requests {
		other, err := m.load(id)
		if err != nil {
			return err
		}
		if lost(r.State) && lost(other.State) && other.ID != r.ID && other.Target == r.Target {
			return workflow.ErrExecuting
		}
	}
	return nil
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
		if selects(q, r) && (!q.Stopped || r.Vouched() && slices.Contains(slices.Collect(maps.Values(m.spent)), r.Session)) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b workflow.Request) int { return strings.Compare(b.ID, a.ID) })
	return out[:min(len(out), cmp.Or(q.Limit, 100))], nil
}

func selects(q workflow.Query, r workflow.Request) bool {
	asked := slices.ContainsFunc(r.Asked, func(s workflow.Seat) bool { return s.Account == q.Asked })
	return (q.Requester.IsZero() || q.Requester == r.Requester) && (q.Target.IsZero() || q.Target == r.Target) &&
		(q.Asked.IsZero() || asked) && (len(q.States) == 0 || slices.Contains(q.States, r.State)) &&
		(q.Vouched == "" || r.Vouched() && q.Vouched == r.Session)
}

func (m *memory) Frozen(_ context.Context, account ad.GUID) (*workflow.Freeze, error) {
	if err := hook(m.before, "frozen"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, known := m.frozen[account]; known {
		return &f, nil
	}
	return nil, nil
}

func (m *memory) ThawsAsked(_ context.Context, except ad.GUID, most int) (out []workflow.Freeze, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.frozen {
		if !f.Asked.IsZero() && f.Account != except {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b workflow.Freeze) int { return b.Asked.Compare(a.Asked) })
	return out[:min(len(out), most)], hook(m.before, "thaws-asked")
}

func (m *memory) Unfreeze(ctx context.Context, account ad.GUID, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return m.changeFreeze(ctx, "unfreeze", account, nil, fn)
}

// FreezeOwn runs fn twice, as a store may.
func (m *memory) FreezeOwn(ctx context.Context, account ad.GUID, made time.Time, fn func([]*workflow.Request) (workflow.Change, error)) error {
	if err := errors.Join(ctx.Err(), hook(m.before, "freeze-own")); err != nil {
		return err
	}
	if err := m.freezeOwn(account, made, fn); err != nil {
		return err
	}
	return hook(m.after, "freeze-own")
}

func (m *memory) freezeOwn(account ad.GUID, made time.Time, fn func([]*workflow.Request) (workflow.Change, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, thawed := m.thawed[account]; thawed && !made.IsZero() && made.Before(at) {
		return workflow.ErrThawed
	}
	was, already := m.frozen[account]
	if already && !was.Again(made) {
		return nil
	}
	var open []*workflow.Request
	var c workflow.Change
	for range 2 {
		open = nil
		for id := range m.requests {
			r, err := m.load(id)
			if err != nil {
				return err
			}
			if r.Target == account && slices.Contains([]workflow.State{workflow.Draft, workflow.Pending, workflow.Approved}, r.State) {
				open = append(open, &r)
			}
		}
		var err error
		if c, err = fn(open); err != nil {
			return err
		}
	}
	if already {
		was.Asked = time.Now() // which commit takes for what a second freeze takes the place of
		m.frozen[account] = was
	}
	for _, r := range open {
		r.Version++
		if err := m.commit(*r, consumes(*r), workflow.Change{}); err != nil {
			return err
		}
		delete(m.open, fmt.Sprint(r.Requester, r.Target, r.Kind))
	}
	return m.commit(workflow.Request{}, nil, c)
}

func (m *memory) AskThaw(ctx context.Context, account ad.GUID, proofs []string, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return m.proveThaw(ctx, "ask-thaw", account, proofs, fn)
}

func (m *memory) Lift(ctx context.Context, account ad.GUID, proof string, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return m.proveThaw(ctx, "lift", account, []string{proof}, fn)
}

func (m *memory) proveThaw(ctx context.Context, op string, account ad.GUID, proofs []string, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return m.changeFreeze(ctx, op, account, proofs, fn)
}

// changeFreeze uses proofs up where some are given.
func (m *memory) changeFreeze(ctx context.Context, op string, account ad.GUID, proofs []string, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	if err := errors.Join(ctx.Err(), hook(m.before, op)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	was, known := m.frozen[account]
	if !known {
		return workflow.ErrNotFrozen
	}
	var f workflow.Freeze
	var c workflow.Change
	for range 2 { // as a store may
		f = was
		var err error
		if c, err = fn(&f); err != nil {
			return err
		}
	}
	for i, proof := range proofs {
		if _, used := m.used[proof]; used || slices.Contains(proofs[:i], proof) {
			return workflow.ErrProofUsed
		}
	}
	if err := m.commit(workflow.Request{}, nil, c); err != nil {
		return err
	}
	for _, proof := range proofs {
		m.used[proof] = op
	}
	if op != "ask-thaw" {
		delete(m.frozen, account)
		m.thawed[account] = time.Now()
		return nil
	}
	was.Asked, was.Proved, was.Alerted, was.Told = f.Asked, f.Proved, f.Alerted, f.Told
	m.frozen[account] = was
	return nil
}

func (m *memory) HasPasskey(_ context.Context, account ad.GUID) (bool, error) {
	if err := hook(m.before, "has-passkey"); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.keyless[account], nil
}

// HeldProofs is the passkey, where there is one, and what a test gave; and of what a test
// voided the rank.
func (m *memory) HeldProofs(_ context.Context, account ad.Account) (held, ranks []enroll.ProofKind, err error) {
	if err := hook(m.before, "held-proofs"); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.keyless[account.GUID] {
		held = append(held, enroll.ProofPasskey)
	}
	held = append(held, m.holds[account.GUID]...)
	return held, slices.Concat(held, m.voided[account.GUID]), nil
}

// FirstPasskey is what a test says.
func (m *memory) FirstPasskey(_ context.Context, account ad.GUID) (time.Time, error) {
	if err := hook(m.before, "first-passkey"); err != nil {
		return time.Time{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first[account], nil
}

// ProofsReplaced is what a test says.
func (m *memory) ProofsReplaced(_ context.Context, account ad.GUID) (time.Time, error) {
	if err := hook(m.before, "proofs-replaced"); err != nil {
		return time.Time{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.replaced[account], nil
}

func (m *memory) Remind(_ context.Context, account ad.GUID, expires time.Time, days int, n workflow.Notice) (bool, error) {
	if err := hook(m.before, "remind"); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fmt.Sprint(account, expires.UnixMilli(), days)
	if m.reminded[key] {
		return false, nil
	}
	m.reminded[key] = true
	m.notices = append(m.notices, n)
	return true, nil
}

func (m *memory) PurgeReminders(context.Context, time.Time) (int, error) { return 0, nil }

// told counts the notices of a kind to somebody; to anybody where it is zero.
func (m *memory) told(to ad.GUID, kind string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, notice := range m.notices {
		if notice.Kind == kind && (to.IsZero() || notice.To == to) {
			n++
		}
	}
	return n
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
	recover map[string][]enroll.Proof
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

func (p *proofs) RecoverProofs(_ context.Context, session string) (out []enroll.Proof, err error) {
	if p.err != nil {
		return nil, p.err
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	for _, proof := range p.recover[session] {
		if _, used := p.store.used[proof.ID]; !used {
			out = append(out, proof)
		}
	}
	return out, nil
}

// judge refuses "weak" and fails on demand.
type judge struct{ err error }

func (j *judge) Demands() password.Demands { return password.Demands{MinScore: 3, Banned: true} }

func (j *judge) Judge(_ context.Context, _ password.Rules, v secret.Text) ([]password.Finding, error) {
	return []password.Finding{{Code: password.CodeBanned, OK: !strings.Contains(v.Reveal(), "weak")}}, j.err
}
