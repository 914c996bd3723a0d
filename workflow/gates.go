package workflow

import (
	"context"
	"sync"

	"github.com/latchkey/latchkey/ad"
)

// gates let one caller in for each account, and hold no entry for an account
// that nobody waits for: whoever waits for a slow controller keeps nobody else
// waiting.
type gates struct {
	mu   sync.Mutex
	open map[ad.GUID]*gate
}

type gate struct {
	turn  chan struct{}
	users int
}

// enter waits for the account's turn, or for the end of ctx.
func (g *gates) enter(ctx context.Context, account ad.GUID) (leave func(), err error) {
	x := g.join(account)
	select {
	case x.turn <- struct{}{}:
		return func() {
			<-x.turn
			g.part(account, x)
		}, nil
	case <-ctx.Done():
		g.part(account, x)
		return nil, ctx.Err()
	}
}

func (g *gates) join(account ad.GUID) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = map[ad.GUID]*gate{}
	}
	x := g.open[account]
	if x == nil {
		x = &gate{turn: make(chan struct{}, 1)}
		g.open[account] = x
	}
	x.users++
	return x
}

func (g *gates) part(account ad.GUID, x *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x.users--; x.users == 0 {
		delete(g.open, account)
	}
}
