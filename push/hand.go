package push

import (
	"context"
	"time"
)

const (
	// ahead is how many deliveries of a bulk kind are held at most: as many share one
	// claim, and the next are there when slots come free.
	ahead = 200
	// claimEach is how often it is looked what else is due while enough are held.
	claimEach = 50 * time.Millisecond
	// holdFor leaves time for a try, and for writing down how it ended, before the
	// lease is over.
	holdFor   = 5 * time.Second
	letGoTime = 5 * time.Second
)

// hand holds deliveries of a bulk kind that are leased and wait for a slot. Only the
// goroutine of the outbox uses it.
type hand struct {
	held   []leased
	looked time.Time
}

type leased struct {
	Delivery
	of *batch
}

// enough says whether nothing needs to be claimed yet.
func (h *hand) enough(now time.Time) bool {
	since := now.Sub(h.looked)
	return len(h.held) >= ahead/4 && since >= 0 && since < claimEach
}

// stale says whether the longest held may not be tried any more.
func (h *hand) stale(now time.Time) bool {
	if len(h.held) == 0 {
		return false
	}
	since := now.Sub(h.held[0].of.claimed)
	return since < 0 || since >= holdFor
}

// take gives the longest held away.
func (h *hand) take(n int) []leased {
	n = max(0, min(n, len(h.held)))
	taken := h.held[:n]
	h.held = h.held[n:]
	return taken
}

// letGoStale gives all back where the longest held may not be tried any more.
func (s *Service) letGoStale(ctx context.Context) {
	if s.hand.stale(s.cfg.Now()) {
		s.letGo(ctx)
	}
}

// letGo gives back what waits for a slot. Where that fails, the lease ends by itself.
func (s *Service) letGo(ctx context.Context) {
	var ids []int64
	for _, h := range s.hand.take(ahead) {
		ids = append(ids, h.ID)
	}
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoTime)
	defer cancel()
	if err := s.cfg.Store.ReleaseDeliveries(ctx, ids...); err != nil {
		s.log.Warn("leases not given back", "error", err)
	}
}
