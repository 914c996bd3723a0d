package ad

import (
	"context"
	"fmt"
	"time"
)

const (
	// checkAfter is the silence after which a kept connection is asked for a
	// sign of life; dropAfter is below the 15 minutes of AD's MaxConnIdleTime.
	checkAfter = 15 * time.Second
	dropAfter  = 5 * time.Minute
)

// get borrows a connection bound as the service account; the caller gives it
// back with put. fresh demands a new one.
func (c *Client) get(ctx context.Context, at *controller, as service, fresh bool) (*conn, error) {
	if err := at.enter(ctx); err != nil {
		return nil, err
	}
	got, err := c.pick(ctx, at, as, fresh)
	if err == nil {
		if err = c.learn(ctx, got); err == nil {
			return got, nil
		}
		got.close()
		if lost(err) && got.reused {
			err = staleError{err}
		}
	}
	at.leave()
	return nil, err
}

func (c *Client) pick(ctx context.Context, at *controller, as service, fresh bool) (*conn, error) {
	for !fresh {
		kept := at.take(as)
		if kept == nil {
			break
		}
		silent := c.now().Sub(kept.idle)
		if silent < dropAfter && (silent < checkAfter || kept.alive(ctx)) {
			kept.reused = true
			return kept, nil
		}
		kept.close()
	}
	return c.connect(ctx, at, as)
}

// connect dials and binds.
func (c *Client) connect(ctx context.Context, at *controller, as service) (*conn, error) {
	gate := c.gates[as]
	if err := gate.shut(); err != nil {
		return nil, err
	}
	at.makeRoom()
	ctx, cancel := context.WithTimeout(ctx, min(maxDial, c.timeout))
	defer cancel()
	fresh, err := c.dial(ctx, at)
	if err != nil {
		return nil, &lostError{err: err}
	}
	fresh.as = as
	err = gate.bind(ctx, fresh)
	if err == nil {
		return fresh, nil
	}
	fresh.close()
	if _, final := err.(*bindRefused); final {
		return nil, err
	}
	return nil, &lostError{err: fmt.Errorf("bind: %w", plain(err))}
}

// put gives a borrowed connection back.
func (c *Client) put(got *conn) {
	at := got.at
	defer at.leave()
	if got.broken || got.ldap.IsClosing() || c.closed.Load() {
		got.close()
		return
	}
	got.idle = c.now()
	at.keep(got)
}

// use runs f on a connection. One that waited in the pool may have been closed
// by the other side, so its loss is answered once with a fresh one; silence is
// not, as it would only last longer. f must not write before it returns an error.
func (c *Client) use(ctx context.Context, at *controller, as service, f func(context.Context, *conn) error) error {
	err := c.once(ctx, at, as, false, f)
	if stale(err) && ctx.Err() == nil {
		err = c.once(ctx, at, as, true, f)
	}
	c.judge(ctx, at, err)
	return err
}

// staleError marks the loss of a connection that waited in the pool.
type staleError struct{ error }

func (e staleError) Unwrap() error { return e.error }

func stale(err error) bool { _, ok := err.(staleError); return ok }

func (c *Client) once(ctx context.Context, at *controller, as service, fresh bool, f func(context.Context, *conn) error) error {
	got, err := c.get(ctx, at, as, fresh)
	if err != nil {
		return err
	}
	defer c.put(got)
	err = f(ctx, got)
	if lost(err) && got.reused && !late(err) {
		return staleError{err}
	}
	return err
}
