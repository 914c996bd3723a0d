package ad

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// maxHomes bounds how many accounts' domains are remembered.
const maxHomes = 50000

// homes remembers which domain an account was found in. It is a guess: the
// domain that is asked says whether the account is still there.
type homes struct {
	mu sync.Mutex
	by map[GUID]*Client
}

func (h *homes) get(g GUID) *Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.by[g]
}

func (h *homes) set(g GUID, c *Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil || len(h.by) >= maxHomes {
		h.by = map[GUID]*Client{}
	}
	h.by[g] = c
}

func (h *homes) forget(g GUID, c *Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by[g] == c {
		delete(h.by, g)
	}
}

// at asks the account's domain. Where it does not know the account any more,
// which may have moved, every domain is asked who does.
func at[T any](ctx context.Context, f *Forest, op string, account GUID, ask func(*Client) (T, error)) (T, error) {
	if c := f.only(); c != nil {
		return ask(c)
	}
	f.aware(ctx)
	if c := f.homes.get(account); c != nil {
		v, err := ask(c)
		if !errors.Is(err, ErrNotFound) {
			return v, err
		}
		f.homes.forget(account, c)
	}
	c, err := f.home(ctx, op, account)
	if err != nil {
		var none T
		return none, err
	}
	return ask(c)
}

// home finds the domain that holds the account, by asking all of them at once:
// the first that has it is it, so that nobody waits for a domain that is down
// but those whom none of the others knows.
func (f *Forest) home(ctx context.Context, op string, account GUID) (*Client, error) {
	if c := f.homes.get(account); c != nil {
		return c, nil
	}
	type said struct {
		i   int
		err error
	}
	answers := make(chan said, len(f.domains))
	for i, c := range f.domains {
		// What the slower ones still do is not cut off: that would cost their connections.
		go func() { answers <- said{i, c.holds(context.WithoutCancel(ctx), account)} }()
	}
	var errs []error
	for range f.domains {
		select {
		case a := <-answers:
			if a.err == nil {
				f.homes.set(account, f.domains[a.i])
				return f.domains[a.i], nil
			}
			if !errors.Is(a.err, ErrNotFound) {
				errs = append(errs, f.in(a.i, a.err))
			}
		case <-ctx.Done():
			return nil, &Error{Cause: ErrUnavailable, Op: op, Outcome: OutcomeNotWritten, Err: fmt.Errorf("look for the account's domain: %w", ctx.Err())}
		}
	}
	if len(errs) > 0 {
		return nil, whole(op, errs)
	}
	return nil, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten}
}

// holds is nil when the domain has the account, below its base.
func (c *Client) holds(ctx context.Context, account GUID) error {
	return c.try(ctx, "look for account", reading, func(ctx context.Context, on *conn) error {
		e, ok, err := on.object(ctx, "<GUID="+account.String()+">", []string{"objectGUID"})
		if err != nil {
			return err
		}
		if g, err := GUIDFromBytes(e.rawOf(ok, "objectGUID")); !ok || err != nil || g != account || !c.inBase(on, e.DN) {
			return notFound
		}
		return nil
	})
}

// Resolve finds the person whom a name means in all domains together: it is
// ErrNotFound unless it means exactly one person. DOMAIN\name, and a name that
// ends in a domain's DNS name, ask for nothing of a domain that is down; any
// other could mean somebody there, and is refused until it answers.
func (f *Forest) Resolve(ctx context.Context, name string) (GUID, error) {
	if c := f.only(); c != nil {
		return c.Resolve(ctx, name)
	}
	const op = "resolve name"
	var found []GUID
	var errs []error
	decided := false
	for i, a := range everywhereIn(f, func(c *Client) (GUID, error) { return c.Resolve(ctx, name) }) {
		switch {
		case a.err == nil:
			found = append(found, a.v)
			f.homes.set(a.v, f.domains[i])
			decided = decided || f.domains[i].claims(name)
		case errors.Is(a.err, errAmbiguous):
			return GUID{}, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errAmbiguous}
		case !errors.Is(a.err, ErrNotFound):
			errs = append(errs, f.in(i, a.err))
		}
	}
	switch {
	case len(found) > 1:
		return GUID{}, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errAmbiguous}
	case len(errs) > 0 && !decided:
		return GUID{}, whole(op, errs)
	case len(found) == 0:
		return GUID{}, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten}
	}
	return found[0], nil
}
