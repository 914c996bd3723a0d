package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/latchkey/latchkey/push"
)

// notices holds the service that reaches people. The store, which wakes it, is open
// before it is, and a reload puts another one in its place.
type notices struct {
	p atomic.Pointer[push.Service]

	mu      sync.Mutex
	ctx     context.Context // of run; nil before and after
	log     *slog.Logger
	stop    context.CancelFunc // of the service that runs
	running sync.WaitGroup
}

func (n *notices) service() *push.Service { return n.p.Load() }

// Kick says that something was put into the outbox.
func (n *notices) Kick() {
	if s := n.service(); s != nil {
		s.Kick()
	}
}

// run works on the outbox until ctx ends and what is on its way has finished.
func (n *notices) run(ctx context.Context, log *slog.Logger) {
	n.mu.Lock()
	n.ctx, n.log = ctx, log
	n.begin()
	n.mu.Unlock()
	<-ctx.Done()
	n.mu.Lock()
	n.ctx = nil
	n.mu.Unlock()
	n.running.Wait()
}

// begin starts the present service. The lock is held.
func (n *notices) begin() {
	ctx, stop := context.WithCancel(n.ctx)
	n.stop = stop
	s, log := n.service(), n.log
	n.running.Go(func() {
		if err := s.Run(ctx); err != nil && ctx.Err() == nil {
			log.Error("notices stopped", "error", err)
		}
	})
}

// replace lets another service work from now on. The one before finishes what it
// has on its way; a lease keeps each message with one of them.
func (n *notices) replace(s *push.Service) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.p.Store(s)
	if n.ctx != nil {
		n.stop()
		n.begin()
	}
}

// The edge asks for the service of now at each request.

func (n *notices) PublicKey() string { return n.service().PublicKey() }

func (n *notices) Subscribe(ctx context.Context, s push.Subscription) (push.Subscription, error) {
	return n.service().Subscribe(ctx, s)
}

func (n *notices) Replace(ctx context.Context, s push.Subscription, old string) (push.Subscription, error) {
	return n.service().Replace(ctx, s, old)
}

func (n *notices) Devices(ctx context.Context, account string) ([]push.Subscription, error) {
	return n.service().Devices(ctx, account)
}

func (n *notices) Remove(ctx context.Context, account, id string) error {
	return n.service().Remove(ctx, account, id)
}

func (n *notices) MailHint(ctx context.Context, account string) (string, error) {
	return n.service().MailHint(ctx, account)
}

func (n *notices) Test(ctx context.Context, account, id string) error {
	return n.service().Test(ctx, account, id)
}
