package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/latchkey/latchkey/enroll"
)

// streamTimes are those of a stream. A test has shorter ones.
type streamTimes struct {
	beat  time.Duration // between two signs of life
	life  time.Duration // a proxy, or a page, that is forgotten holds no stream for ever
	write time.Duration // for a reader to take what was written
}

// streamRetry is how long a person with too many streams waits.
const streamRetry = 30 * time.Second

func (t streamTimes) withDefaults() streamTimes {
	if t.beat <= 0 {
		t.beat = 15 * time.Second
	}
	if t.life <= 0 {
		t.life = time.Hour
	}
	if t.write <= 0 {
		t.write = 10 * time.Second
	}
	return t
}

// live answers with server-sent events (HTML 9.2): "hello" at once, "request"
// for each change, "resync" where some were lost, "bye" when the session is over,
// and a comment as a heartbeat. The page reads again whatever it shows.
//
// The guard only looks at the session, and so does the stream: one that is open
// keeps nobody signed in.
func (s *Server) live(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	c := callOf(ctx)
	st, err := s.cfg.Live.open(c.session.ID, c.session.Account)
	if err != nil {
		return nil, err
	}
	w := &watch{s: s, stream: st, conn: c.http.Conn(), ctx: s.base, alive: s.cfg.Passkeys.Alive}
	return &huma.StreamResponse{Body: func(huma.Context) {
		h := &c.http.Response.Header
		h.SetContentType("text/event-stream")
		h.Set("X-Accel-Buffering", "no")
		c.http.Response.ImmediateHeaderFlush = true
		c.http.SetBodyStreamWriter(w.run)
	}}, nil
}

// watch is one open stream. It outlives its handler, so nothing of the request
// is touched but the connection's write deadline: the server's own would cut the
// stream, and without one a reader that takes nothing would hold it for ever.
type watch struct {
	s      *Server
	stream *stream
	conn   net.Conn
	ctx    context.Context
	alive  func(context.Context, string) error
	out    *bufio.Writer
}

// run writes until the reader is gone, the session is over, another stream takes
// its place, or the server stops.
func (w *watch) run(out *bufio.Writer) {
	w.out = out
	defer w.s.cfg.Live.leave(w.stream)
	defer w.grant() // for the end of the answer, which is written behind this
	beat := time.NewTicker(w.s.cfg.streams.beat)
	defer beat.Stop()
	life := time.NewTimer(w.s.cfg.streams.life)
	defer life.Stop()
	for more := w.send("event: hello\ndata: {}\n\n"); more; {
		select {
		case <-w.stream.wake:
			more = w.permitted() && w.tell()
		case <-beat.C:
			more = w.permitted() && w.send(":\n\n")
		case <-w.stream.ended:
			more = false
		case <-life.C:
			more = false
		}
	}
}

// permitted looks whether the session still lives. A store that can't tell ends
// the stream without a word: the page comes back and learns why.
func (w *watch) permitted() bool {
	ctx, cancel := context.WithTimeout(w.ctx, w.s.cfg.streams.write)
	defer cancel()
	err := w.alive(ctx, w.stream.session)
	if errors.Is(err, enroll.ErrNoSession) {
		w.send("event: bye\ndata: {}\n\n")
	} else if err != nil {
		w.s.log.Warn("live stream ended", "error", err)
	}
	return err == nil
}

// tell writes what is pending in one go.
func (w *watch) tell() bool {
	changed, missed := w.s.cfg.Live.take(w.stream)
	text := ""
	if missed {
		text = "event: resync\ndata: {}\n\n"
	}
	for _, c := range changed {
		b, err := json.Marshal(c)
		if err != nil {
			return false
		}
		text += "event: request\ndata: " + string(b) + "\n\n"
	}
	return w.send(text)
}

// send says whether the reader is still there, as far as can be known.
func (w *watch) send(text string) bool {
	if w.grant() != nil {
		return false
	}
	if _, err := w.out.WriteString(text); err != nil {
		return false
	}
	return w.out.Flush() == nil
}

// grant gives the reader its time for what is written next.
func (w *watch) grant() error { return w.conn.SetWriteDeadline(time.Now().Add(w.s.cfg.streams.write)) }
