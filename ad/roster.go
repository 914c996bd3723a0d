package ad

import (
	"context"
	"slices"
	"sync"
	"time"
)

// roster is the controllers of a domain: those that are configured, and those
// that DNS names. One that vanishes from DNS is retired: what runs on it goes
// on, none of its connections is kept, and it is asked only by its name, so that
// an outcome can still be settled where the write went.
type roster struct {
	fixed []*controller
	find  *Discovery // nil: only the fixed ones
	size  int
	turn  chan struct{} // holds one value while nobody asks DNS

	mu    sync.Mutex
	found []*controller
	gone  map[string]*controller
	last  Lookup
	rest  time.Duration // after lookups that failed
}

func newRoster(find *Discovery, size int) *roster {
	r := &roster{find: find, size: size, turn: make(chan struct{}, 1), gone: map[string]*controller{}}
	r.turn <- struct{}{}
	return r
}

// controllers are those that may be asked, the configured ones first.
func (c *Client) controllers() []*controller {
	r := c.roster
	if r.find == nil {
		return r.fixed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(slices.Clone(r.fixed), r.found...)
}

// Discovery returns what the last look at DNS brought; ok is false where
// controllers are not looked up.
func (c *Client) Discovery() (last Lookup, ok bool) {
	if c.roster.find == nil {
		return Lookup{}, false
	}
	c.roster.mu.Lock()
	defer c.roster.mu.Unlock()
	return c.roster.last, true
}

// refresh asks DNS when that is due: at once where no controller is known, and
// beside the work otherwise.
func (c *Client) refresh(ctx context.Context) {
	if c.roster.find == nil || !c.roster.due(c.now()) {
		return
	}
	if len(c.controllers()) == 0 {
		c.look(ctx)
		return
	}
	select {
	case <-c.roster.turn:
		go c.lookNow(context.WithoutCancel(ctx))
	default:
	}
}

// look waits for an answer of DNS, or until ctx ends. Only one asks at a time;
// whoever waited for it takes its answer.
func (c *Client) look(ctx context.Context) {
	select {
	case <-c.roster.turn:
	case <-ctx.Done():
		return
	}
	if !c.roster.due(c.now()) {
		c.roster.turn <- struct{}{}
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.lookNow(context.WithoutCancel(ctx))
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// lookNow asks DNS and gives the turn back.
func (c *Client) lookNow(ctx context.Context) {
	r := c.roster
	found, complete, l := r.find.look(ctx)
	l.At = c.now()
	joined, left := r.take(&l, found, complete)
	switch {
	case l.Err != nil:
		c.log.Warn("controllers can't be looked up: those that are known stay", "domain", r.find.Domain, "error", l.Err.Error())
	case len(joined)+len(left) > 0:
		c.log.Info("controllers found by DNS", "domain", r.find.Domain, "joined", joined, "left", left)
	}
	if len(l.Refused) > 0 {
		c.log.Warn("DNS names hosts outside of the domain: they are not asked", "domain", r.find.Domain, "hosts", l.Refused)
	}
	r.turn <- struct{}{}
}

// newcomers asks DNS anew after nobody answered, and returns whom it names
// beside those that were asked.
func (c *Client) newcomers(ctx context.Context, asked []*controller) []*controller {
	if c.roster.find == nil || !c.roster.hurry(c.now()) {
		return nil
	}
	c.look(ctx)
	return slices.DeleteFunc(c.controllers(), func(at *controller) bool { return slices.Contains(asked, at) })
}

func (r *roster) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !now.Before(r.last.Next)
}

// hurry makes a lookup due, unless the last one was just now.
func (r *roster) hurry(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last.At) < againAfter {
		return false
	}
	r.last.Next = now
	return true
}

// take puts what was found in the place of what was known. Nobody is dropped
// by a lookup that failed, in part or whole.
func (r *roster) take(l *Lookup, found []target, complete bool) (joined, left []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.Err != nil {
		r.rest = min(max(2*r.rest, firstPause), longestRest)
		l.Next = l.At.Add(r.rest)
	} else {
		r.rest, l.Next = 0, l.At.Add(freshness())
		joined, left = r.merge(l, found, complete)
	}
	for _, at := range r.found {
		l.Controllers = append(l.Controllers, at.name)
	}
	r.last = *l
	return joined, left
}

func (r *roster) merge(l *Lookup, found []target, complete bool) (joined, left []string) {
	known := r.found
	r.found = nil
	for _, t := range r.bounded(l, found, known) {
		name := t.name(r.find)
		i := slices.IndexFunc(known, func(at *controller) bool { return equalFold(at.name, name) })
		if i >= 0 {
			r.found = append(r.found, known[i])
			continue
		}
		if at := r.join(name); at != nil {
			r.found, joined = append(r.found, at), append(joined, name)
		}
	}
	for _, at := range known {
		switch {
		case slices.Contains(r.found, at):
		case complete:
			r.retire(at)
			left = append(left, at.name)
		default:
			r.found = append(r.found, at)
		}
	}
	return joined, left
}

// bounded leaves out whoever is configured anyway, and cuts the rest to
// maxFound: those that are known stay, so that the choice does not change with
// each draw of the weights. The first is the PDC emulator, if it was named.
func (r *roster) bounded(l *Lookup, found []target, known []*controller) []target {
	found = slices.DeleteFunc(found, func(t target) bool {
		return slices.ContainsFunc(r.fixed, func(at *controller) bool { return equalFold(at.name, t.name(r.find)) })
	})
	if len(found) <= maxFound {
		return found
	}
	l.Left = len(found) - maxFound
	isKnown := func(t target) bool {
		return slices.ContainsFunc(known, func(at *controller) bool { return equalFold(at.name, t.name(r.find)) })
	}
	rank := func(t target) int {
		switch {
		case t == found[0]:
			return 0
		case isKnown(t):
			return 1
		}
		return 2
	}
	ranked := slices.Clone(found)
	slices.SortStableFunc(ranked, func(a, b target) int { return rank(a) - rank(b) })
	return ranked[:maxFound]
}

// join makes a controller, or takes one back that had gone.
func (r *roster) join(name string) *controller {
	if at := r.gone[name]; at != nil {
		delete(r.gone, name)
		at.setRetired(false)
		return at
	}
	at, err := parseController(r.find.url(name), r.size)
	if err != nil {
		return nil
	}
	return at
}

// maxGone bounds how many controllers are remembered that have gone.
const maxGone = 64

func (r *roster) retire(at *controller) {
	at.setRetired(true)
	if len(r.gone) >= maxGone {
		for name := range r.gone {
			delete(r.gone, name)
			break
		}
	}
	r.gone[at.name] = at
}

// named finds a controller by its name, also one that DNS does not name any
// more, or not yet since this process started: it may hold the outcome of a
// write. Its certificate says that it is the one. nil where there is none.
func (r *roster) named(name string) *controller {
	for _, at := range r.fixed {
		if equalFold(at.name, name) {
			return at
		}
	}
	if r.find == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.found {
		if equalFold(at.name, name) {
			return at
		}
	}
	if at := r.gone[name]; at != nil {
		return at
	}
	at, err := parseController(r.find.url(name), r.size)
	if err != nil || at.name != name || !r.find.holds(at.host) {
		return nil
	}
	r.retire(at)
	return at
}

// all are the controllers with the ones that have gone.
func (r *roster) all() []*controller {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := append(slices.Clone(r.fixed), r.found...)
	for _, at := range r.gone {
		all = append(all, at)
	}
	return all
}
