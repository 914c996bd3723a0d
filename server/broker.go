package server

import (
	"sync"

	"github.com/latchkey/latchkey/ad"
)

// What one stream, one account and the whole process may hold.
const (
	streamPending    = 64   // changes that a slow reader has not taken yet
	streamsOfAccount = 10   // browsers of one person
	streamsAtAll     = 2048 // of the 8192 connections
)

// Broker tells the open streams of this process which requests changed. Publish
// never waits: what a slow reader does not take in time is lost, and the reader
// is told to read everything again.
type Broker struct {
	mu      sync.Mutex
	closed  bool
	session map[string]*stream
	account map[ad.GUID]map[*stream]struct{}
}

// NewBroker makes an empty one.
func NewBroker() *Broker {
	return &Broker{session: map[string]*stream{}, account: map[ad.GUID]map[*stream]struct{}{}}
}

// stream is one browser that listens.
type stream struct {
	session string
	account ad.GUID
	wake    chan struct{} // something is pending; holds one
	ended   chan struct{} // closed when another takes its place, or at shutdown

	// Under the broker's lock.
	pending map[string]int64 // newest version by request
	order   []string
	missed  bool // more came than pending takes
	over    bool
}

// Publish tells everybody in the audience who listens here. A version that is
// older than one that waits to be told changes nothing.
func (b *Broker) Publish(id string, version int64, audience []ad.GUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, account := range audience {
		for st := range b.account[account] {
			st.add(id, version)
		}
	}
}

func (st *stream) add(id string, version int64) {
	known, ok := st.pending[id]
	switch {
	case ok:
		st.pending[id] = max(known, version)
	case st.missed:
	case len(st.order) >= streamPending:
		st.miss()
	default:
		st.pending[id] = version
		st.order = append(st.order, id)
	}
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// open joins a stream; the one that the session had ends. limited where the
// person, or the process, has as many as it may have.
func (b *Broker) open(session string, account ad.GUID) (*stream, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errNotReady
	}
	if old := b.session[session]; old != nil {
		b.end(old)
	}
	if len(b.account[account]) >= streamsOfAccount || len(b.session) >= streamsAtAll {
		return nil, limited{streamRetry}
	}
	st := &stream{
		session: session, account: account, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		pending: map[string]int64{},
	}
	b.session[session] = st
	if b.account[account] == nil {
		b.account[account] = map[*stream]struct{}{}
	}
	b.account[account][st] = struct{}{}
	return st, nil
}

// leave forgets a stream whose reader is gone.
func (b *Broker) leave(st *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(st)
}

// end is idempotent.
func (b *Broker) end(st *stream) {
	if st.over {
		return
	}
	st.over = true
	close(st.ended)
	delete(b.session, st.session)
	delete(b.account[st.account], st)
	if len(b.account[st.account]) == 0 {
		delete(b.account, st.account)
	}
}

// take empties what is pending, in the order in which it came.
func (b *Broker) take(st *stream) (changed []LiveRequest, missed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range st.order {
		changed = append(changed, LiveRequest{ID: id, Version: st.pending[id]})
	}
	missed = st.missed
	st.order, st.missed = nil, false
	clear(st.pending)
	return changed, missed
}

// close ends every stream, and takes no more.
func (b *Broker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, st := range b.session {
		b.end(st)
	}
}
