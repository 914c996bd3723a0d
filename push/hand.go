package push

import (
	"context"
	"sync"
	"time"
)

const (
	// ahead is how many deliveries of a bulk kind are held at most: as many share one
	// claim, and the next are there when slots come free. A quarter of that is few.
	ahead = 200
	few   = ahead / 4
	// claimEach is how often it is looked what else is due while enough are held.
	claimEach = 50 * time.Millisecond
	// holdFor leaves time for a try, and for writing down how it ended, before the
	// lease is over.
	holdFor   = 5 * time.Second
	letGoTime = 5 * time.Second
)

// hand holds deliveries of a bulk kind that are leased and wait for a slot, and what
// the goroutine of the outbox knows of its last claim.
type hand struct {
	mu   sync.Mutex
	held []leased
	// running: a slot of one of many that comes free takes the next by itself, for the
	// outbox may be waiting for the store.
	running bool
	// pressed: something that goes first waits for a slot.
	pressed bool
	// low: passing on has left few.
	low bool

	// The outbox's alone.
	looked time.Time
	known  *known
	// short: the last claim got less than there was room for. Nothing else is due until
	// something is committed, or its time comes.
	short bool
}

type leased struct {
	Delivery
	of *batch
}

func (h *hand) locked() func() { h.mu.Lock(); return h.mu.Unlock }

func (h *hand) len() int { defer h.locked()(); return len(h.held) }

func (h *hand) run(is bool) { defer h.locked()(); h.running = is }

func (h *hand) isPressed() bool { defer h.locked()(); return h.pressed }

func (h *hand) isLow() bool { defer h.locked()(); return h.low }

// enough says whether nothing needs to be claimed yet.
func (h *hand) enough(now time.Time) bool {
	since := now.Sub(h.looked)
	return h.len() >= few && since >= 0 && since < claimEach
}

// dry says whether nothing more can be due.
func (h *hand) dry(now time.Time) bool {
	since := now.Sub(h.looked)
	return h.short && since >= 0 && since < shortRest
}

// put takes what was claimed. pressed says that what goes first fills all slots.
func (h *hand) put(more []leased, pressed bool) {
	defer h.locked()()
	h.held = append(h.held, more...)
	h.pressed, h.low = pressed, false
}

// stale says whether the longest held may not be tried any more.
func (h *hand) stale(now time.Time) bool { defer h.locked()(); return h.staleLocked(now) }

func (h *hand) staleLocked(now time.Time) bool {
	if len(h.held) == 0 {
		return false
	}
	since := now.Sub(h.held[0].of.claimed)
	return since < 0 || since >= holdFor
}

// take gives the longest held away.
func (h *hand) take(n int) []leased { defer h.locked()(); return h.takeLocked(n) }

func (h *hand) takeLocked(n int) []leased {
	n = max(0, min(n, len(h.held)))
	taken := h.held[:n]
	h.held = h.held[n:]
	return taken
}

// pass gives the longest held to a slot that would come free. low says that few were
// left by that, once for each claim.
func (h *hand) pass(now time.Time) (next leased, ok, low bool) {
	defer h.locked()()
	if !h.running || h.pressed || len(h.held) == 0 || h.staleLocked(now) {
		return leased{}, false, false
	}
	next = h.takeLocked(1)[0]
	low = !h.low && len(h.held) < few
	h.low = h.low || low
	return next, true, low
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
	s.hand.short = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoTime)
	defer cancel()
	if err := s.cfg.Store.ReleaseDeliveries(ctx, ids...); err != nil {
		s.log.Warn("leases not given back", "error", err)
	}
}
