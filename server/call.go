package server

import (
	"context"
	"crypto/rand"
	"net/netip"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/latchkey/latchkey/enroll"
)

// call is one request on its way through the edge.
type call struct {
	id      string // correlation id: in the log, and under "Details" on the page
	start   time.Time
	http    *fasthttp.RequestCtx
	address netip.Addr
	route   string // pattern from the table; "" when none matched
	file    bool   // a file of the web app, or health
	session *enroll.Session
	cause   error // why it failed, for the log
	seen    *seen // of a call without its connection
}

// seen is what a call says of the browser that asks.
type seen struct {
	browser string
	client  enroll.Client
}

// apart is the call without its connection, which serves others once it is answered.
func (c *call) apart() *call {
	return &call{id: c.id, start: c.start, address: c.address, route: c.route, seen: &seen{c.browser(), c.client(false)}}
}

type callKey struct{}

// newCall looks at who asks. The id is short enough to be read out on the phone.
func (s *Server) newCall(ctx *fasthttp.RequestCtx) *call {
	c := &call{
		id:      strings.ToLower(rand.Text()[:10]),
		start:   s.now(),
		http:    ctx,
		address: s.clientOf(ctx),
	}
	ctx.SetUserValue(callKey{}, c)
	return c
}

// clientOf finds who asks; what a proxy says counts only where that is trusted.
func (s *Server) clientOf(ctx *fasthttp.RequestCtx) netip.Addr {
	peer, trusted := peerOf(ctx.RemoteAddr()), s.settings().TrustedProxies
	if !contains(trusted, peer) {
		return peer
	}
	var forwarded []string
	for _, v := range ctx.Request.Header.PeekAll("X-Forwarded-For") {
		forwarded = append(forwarded, string(v))
	}
	return clientAddress(peer, forwarded, trusted)
}

// callOf finds the call of a handler's context. Every handler runs inside one.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// signedIn is the session that the guard found.
func signedIn(ctx context.Context) enroll.Session { return *callOf(ctx).session }

// actor is who asks, for workflow.
func actor(ctx context.Context) Actor {
	c := callOf(ctx)
	from := c.client(false)
	who := Actor{Account: c.session.Account, Session: c.session.ID, Device: from.Device, Address: from.Address}
	if !c.session.Recovered() { // or a stranger at somebody's desk would be on a known device
		who.Browser = c.browser()
	}
	return who
}

// client is the browser that asks, for enroll.
func (c *call) client(remember bool) enroll.Client {
	if c.seen != nil {
		return c.seen.client
	}
	return enroll.Client{
		Device:   deviceWords(string(c.http.UserAgent())),
		Address:  c.address.String(),
		Remember: remember,
		Network:  whence(c.address),
	}
}
