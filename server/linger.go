package server

import (
	"time"

	"github.com/valyala/fasthttp"
)

// How much is still read of a request that was refused for its size.
const (
	lingerBytes = 1 << 20
	lingerTime  = 2 * time.Second
	lingerPause = 150 * time.Millisecond // without a byte: the client waits for its answer
)

// linger reads what is on its way of a request that was refused unread. The
// connection is closed after the answer, and closing it over unread bytes resets
// it: the client, or the proxy in between, would lose the answer (RFC 9112 9.6).
func linger(ctx *fasthttp.RequestCtx) {
	c := ctx.Conn()
	if c == nil {
		return
	}
	end := time.Now().Add(lingerTime)
	buf := make([]byte, 16<<10)
	for left := lingerBytes; left > 0; {
		if err := c.SetReadDeadline(earlier(end, time.Now().Add(lingerPause))); err != nil {
			return
		}
		n, err := c.Read(buf)
		if left -= n; err != nil {
			return
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
