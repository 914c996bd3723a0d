package push

import (
	"context"
	"sync"
	"time"
)

// takenTogether is how long what was taken waits to be written down with others. A crash
// in it sends them once more, as one between the answer and the commit does.
const takenTogether = 20 * time.Millisecond

// taken are the deliveries of a bulk kind that were taken and are not yet written down so.
type taken struct {
	mu     sync.Mutex
	ids    []int64
	awaits bool // somebody will write them
}

func (t *taken) add(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids = append(t.ids, id)
}

// first says whether they are the caller's to write.
func (t *taken) first() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := len(t.ids) > 0 && !t.awaits
	t.awaits = t.awaits || first
	return first
}

func (t *taken) all() []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.ids
	t.ids, t.awaits = nil, false
	return all
}

// writeTaken ends what was taken by then, in one transaction. Where that fails their
// leases end, and they are tried again.
func (s *Service) writeTaken(ctx context.Context) {
	soon := time.NewTimer(takenTogether)
	defer soon.Stop()
	select {
	case <-soon.C:
	case <-ctx.Done():
	}
	ids := s.taken.all()
	try, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoTime) // the lease outlasts it
	defer cancel()
	if err := s.cfg.Store.DeliveredTogether(try, s.cfg.Now(), ids...); err != nil {
		s.log.Error("deliveries not settled", "count", len(ids), "error", err)
	}
}
