// Package watched is a list that one can wait on: what a stand-in has seen, for
// tests that wait for the event instead of sleeping.
package watched

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// List is safe for concurrent use. The zero value is empty.
type List[T any] struct {
	mu      sync.Mutex
	all     []T
	changed chan struct{} // closed by the next change; nil when nobody waits
}

// Add appends.
func (l *List[T]) Add(v T) { l.Change(func(all []T) []T { return append(all, v) }) }

// Change replaces the list with what fn makes of it.
func (l *List[T]) Change(fn func(all []T) []T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = fn(l.all)
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// All is a copy.
func (l *List[T]) All() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// look copies the list only where it satisfies ok; otherwise it says what to wait for.
func (l *List[T]) look(ok func(all []T) bool) ([]T, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ok(l.all) {
		return slices.Clone(l.all), nil
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return nil, l.changed
}

// Until waits until the list satisfies ok and returns it as it was then. When ctx
// ends first the error says how long the list is. ok only looks: it must not keep
// the list, nor call it.
func (l *List[T]) Until(ctx context.Context, ok func(all []T) bool) ([]T, error) {
	for {
		all, changed := l.look(ok)
		if changed == nil {
			return all, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			all := l.All()
			return all, fmt.Errorf("wait with %d seen: %w", len(all), ctx.Err())
		}
	}
}

// ServeHTTP answers with the list as JSON: at once, or with ?after=N once it has
// more than N entries, 408 when it has not within ?seconds=S (20).
func (l *List[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.FormValue("after"))
	if err != nil {
		after = -1
	}
	seconds, err := strconv.Atoi(r.FormValue("seconds"))
	if err != nil {
		seconds = 20
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	all, err := l.Until(ctx, func(all []T) bool { return len(all) > after })
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestTimeout)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(append([]T{}, all...))
}
