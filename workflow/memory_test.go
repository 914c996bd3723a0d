package workflow_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

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
	events   []audit.Event
	notices  []workflow.Notice
	ended    []workflow.SessionsOf
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
	m.head, m.requests[r.ID] = head, b
	m.events, m.notices = append(m.events, events...), append(m.notices, c.Notices...)
	if c.EndSessions != nil {
		m.ended = append(m.ended, *c.EndSessions)
	}
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
