package server

import (
	"context"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// The paths that load balancers ask, under whatever name they like.
const (
	pathHealth = "/healthz"
	pathReady  = "/readyz"
)

const (
	readyFor     = 2 * time.Second // how long an answer is good for
	readyTimeout = 4 * time.Second
)

// readiness asks the store and the directory at most once in readyFor, however
// many ask us.
type readiness struct {
	mu    sync.Mutex
	at    time.Time
	err   error
	check func(context.Context) error
}

// get returns the last answer while it is fresh.
func (r *readiness) get(ctx context.Context, now func() time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && now().Sub(r.at) < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	r.err = r.check(ctx)
	r.at = now()
	return r.err
}

// health says that the process answers. The doctor's own requests are looked at.
func (s *Server) health(f *fiber.Ctx) error {
	s.look(f, f.Query(paramLook))
	if s.look(f, f.Query(paramStream)) {
		return probeStream(f)
	}
	return f.SendString("ok\n")
}

// ready says whether people can be helped right now; why not is in the log only.
func (s *Server) ready(f *fiber.Ctx) error {
	if s.stopping.Load() {
		return errNotReady
	}
	if err := s.readiness.get(f.UserContext(), s.now); err != nil {
		f.Context().UserValue(callKey{}).(*call).cause = err
		return errNotReady
	}
	return f.SendString("ok\n")
}
