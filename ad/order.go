package ad

import (
	"context"
	"slices"
	"sync"
)

// order returns the writable controllers: the PDC emulator first, because it
// knows lockouts and new passwords before the others do, then as configured,
// and at the end those that just failed.
func (c *Client) order(ctx context.Context) []*controller {
	c.refresh(ctx)
	c.find(ctx)
	var first, rest, last []*controller
	for _, at := range c.controllers() {
		switch info, paused := at.state(c.now()); {
		case info != nil && !info.writable:
		case paused || info == nil:
			last = append(last, at)
		case info.pdc:
			first = append(first, at)
		default:
			rest = append(rest, at)
		}
	}
	return append(append(first, rest...), last...)
}

// find learns the roles that are not known. The first time it waits until the
// PDC emulator is found or everybody has answered or failed; later, as long as
// one controller is usable, the others are asked beside.
func (c *Client) find(ctx context.Context) {
	if c.found() {
		return
	}
	if c.looked.Load() && c.usable() {
		select {
		case <-c.finding:
			go c.probe(ctx, c.controllers(), nil)
		default:
		}
		return
	}
	select {
	case <-c.finding:
	case <-ctx.Done():
		return
	}
	everybody := c.controllers()
	news := make(chan struct{}, len(everybody))
	go c.probe(ctx, everybody, news)
	for !c.hasPDC() {
		select {
		case _, more := <-news:
			if !more {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// probe asks every controller at once whose role is not known, and gives the
// turn back. It outlives its caller: the answers serve the next one too.
func (c *Client) probe(ctx context.Context, everybody []*controller, news chan<- struct{}) {
	ctx = context.WithoutCancel(ctx)
	each(everybody, func(_ int, at *controller) {
		if !c.known(at) {
			_ = c.use(ctx, at, c.as(reading), func(context.Context, *conn) error { return nil })
		}
		if news != nil {
			news <- struct{}{}
		}
	})
	c.looked.Store(true)
	c.finding <- struct{}{}
	if news != nil {
		close(news)
	}
}

// known: a pausing controller is as good as known, until its pause is over.
func (c *Client) known(at *controller) bool {
	info, paused := at.state(c.now())
	return paused || info != nil && c.now().Sub(info.readAt) < rootFresh
}

func (c *Client) found() bool {
	if c.hasPDC() {
		return true
	}
	for _, at := range c.controllers() {
		if !c.known(at) {
			return false
		}
	}
	return true
}

// usable says whether some controller could be written to now.
func (c *Client) usable() bool {
	return slices.ContainsFunc(c.controllers(), func(at *controller) bool {
		info, paused := at.state(c.now())
		return info != nil && info.writable && !paused
	})
}

func (c *Client) hasPDC() bool {
	for _, at := range c.controllers() {
		info, paused := at.state(c.now())
		if info != nil && info.pdc && info.writable && !paused && c.known(at) {
			return true
		}
	}
	return false
}

func each(everybody []*controller, f func(int, *controller)) {
	var wait sync.WaitGroup
	for i, at := range everybody {
		wait.Go(func() { f(i, at) })
	}
	wait.Wait()
}
