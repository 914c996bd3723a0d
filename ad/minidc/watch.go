package minidc

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

// watcher is a search with the change notification control: it never ends,
// and gets each changed object in its scope.
type watcher struct {
	conn  *conn
	who   identity // as bound when the watch began
	id    int
	base  *entry
	query *searchRequest
	queue chan *ber.Packet
}

// watchQueue is how many changes may wait for a slow reader; one that is
// slower loses its connection.
const watchQueue = 256

// maxWatches is how many notifications one connection may have open.
const maxWatches = 5

// watch starts a change notification (MS-ADTS 3.1.1.3.4.1.9).
func (c *conn) watch(req *request, q *searchRequest, end func(result, ...*ber.Packet) bool) bool {
	d := c.srv.dir
	d.mu.Lock()
	base, res := d.searchBase(q)
	open := 0
	for w := range d.watch {
		if w.conn == c {
			open++
		}
	}
	if res.ok() && open >= maxWatches {
		res = result{code: 11, text: "00002024: Administrative limit exceeded"}
	}
	if !res.ok() {
		d.mu.Unlock()
		return end(res)
	}
	w := &watcher{c, c.user, req.id, base, q, make(chan *ber.Packet, watchQueue)}
	d.watch[w] = struct{}{}
	d.mu.Unlock()
	c.srv.running.Go(w.run)
	return true
}

// run writes what the queue brings, until the watch ends.
func (w *watcher) run() {
	for op := range w.queue {
		if !w.conn.send(message(w.id, op)) {
			w.conn.nc.Close()
		}
	}
}

// notify hands a changed object to those that watch it; d.mu is held.
func (d *directory) notify(e *entry) {
	for w := range d.watch {
		if !w.covers(e) {
			continue
		}
		select {
		case w.queue <- view{w.conn.srv, w.who}.encode(e, w.query):
		default:
			w.conn.nc.Close()
		}
	}
}

func (w *watcher) covers(e *entry) bool {
	switch w.query.scope {
	case scopeBase:
		return e == w.base
	case scopeOne:
		return e.parent == w.base
	}
	return e.inSubtree(w.base)
}

// abandon ends a watch. Other operations are over before an abandon is read.
func (c *conn) abandon(req *request) bool {
	id, ok := abandoned(req.op)
	if ok {
		c.unwatch(func(w *watcher) bool { return w.id == id })
	}
	return ok
}

// abandoned reads the message id, an INTEGER under an application tag.
func abandoned(p *ber.Packet) (int, bool) {
	if p.TagType != ber.TypePrimitive {
		return 0, false
	}
	v, err := ber.ParseInt64(p.Data.Bytes())
	return int(v), err == nil
}

// stopWatching ends every watch of a connection.
func (c *conn) stopWatching() { c.unwatch(func(*watcher) bool { return true }) }

func (c *conn) unwatch(which func(*watcher) bool) {
	d := c.srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.watch {
		if w.conn == c && which(w) {
			delete(d.watch, w)
			close(w.queue)
		}
	}
}
