package push

import (
	"sync"
	"time"
)

// A breaker keeps a service that does not answer from holding every worker: once
// a try has waited for it in vain, the others come back later, and one at a time
// looks whether it is there again.
type breaker struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]broken
}

type broken struct {
	until   time.Time
	looking bool
}

const breakFor = 10 * time.Second

// ready says whether pass would let a try through, and promises nothing.
func (b *breaker) ready(service string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	state, is := b.open[service]
	return !is || !state.looking && !b.now().Before(state.until)
}

// pass says whether to try the service now. Who passes calls done.
func (b *breaker) pass(service string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	state, is := b.open[service]
	if !is {
		return true
	}
	if state.looking || b.now().Before(state.until) {
		return false
	}
	b.open[service] = broken{looking: true}
	return true
}

func (b *breaker) done(service string, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered {
		delete(b.open, service)
		return
	}
	if b.open == nil || len(b.open) >= maxTokens {
		b.open = map[string]broken{}
	}
	b.open[service] = broken{until: b.now().Add(breakFor)}
}
