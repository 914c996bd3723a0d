package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// slowly is a stage whose streams beat only when a test says so.
func slowly(cfg *Config) { cfg.streams = streamTimes{beat: time.Hour, life: time.Hour} }

// quickly beats all the time.
func quickly(cfg *Config) { cfg.streams = streamTimes{beat: 5 * time.Millisecond, life: time.Hour} }

// listener is a browser that holds a stream.
type listener struct {
	t    *testing.T
	res  *http.Response
	text *bufio.Reader
}

func (st *stage) listen(address string) *listener {
	st.t.Helper()
	client := st.client(address)
	client.Timeout = 20 * time.Second
	req, _ := http.NewRequest("GET", "http://"+testHost+"/api/live", nil)
	req.Header.Set("Cookie", cookieName+"="+goodCookie)
	req.Header.Set("Accept", "text/event-stream")
	res, err := client.Do(req)
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { _ = res.Body.Close() })
	return &listener{t: st.t, res: res, text: bufio.NewReader(res.Body)}
}

// next is one event or comment, without its blank line; "" at the end.
func (l *listener) next() string {
	l.t.Helper()
	var lines []string
	for {
		line, err := l.text.ReadString('\n')
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ""
		}
		if err != nil {
			l.t.Fatal(err)
		}
		if line == "\n" {
			return strings.Join(lines, "")
		}
		lines = append(lines, line)
	}
}

// event skips heartbeats.
func (l *listener) event() string {
	for {
		if e := l.next(); e != ":\n" {
			return e
		}
	}
}

func (l *listener) want(text string) {
	l.t.Helper()
	if got := l.event(); got != text {
		l.t.Fatalf("got %q, want %q", got, text)
	}
}

const (
	hello  = "event: hello\ndata: {}\n"
	bye    = "event: bye\ndata: {}\n"
	resync = "event: resync\ndata: {}\n"
)

func changed(id string, version int) string {
	return fmt.Sprintf("event: request\ndata: {\"id\":%q,\"version\":%d}\n", id, version)
}

func TestAStreamTellsItsPersonWhatChanged(t *testing.T) {
	st := newStage(t, quickly)
	l := st.listen(st.listening())
	h := l.res.Header
	if l.res.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" ||
		h.Get("X-Accel-Buffering") != "no" || h.Get("Content-Security-Policy") != dataPolicy || h.Get("Content-Encoding") != "" {
		t.Errorf("%d %v", l.res.StatusCode, h)
	}
	l.want(hello)
	st.cfg.Live.Publish("r1", 1, []ad.GUID{bob})
	st.cfg.Live.Publish("r2", 7, []ad.GUID{bob, alice})
	l.want(changed("r2", 7))
	st.cfg.Live.Publish("r3", 1, nil)
	st.cfg.Live.Publish("r2", 8, []ad.GUID{alice})
	l.want(changed("r2", 8))
	if got := l.next(); got != ":\n" {
		t.Errorf("no heartbeat but %q", got)
	}
}

func TestAStreamOutlivesTheWriteTimeoutOfOtherAnswers(t *testing.T) {
	st := newStage(t, quickly)
	st.App().Server().WriteTimeout = 50 * time.Millisecond
	l := st.listen(st.listening())
	l.want(hello)
	for start := time.Now(); time.Since(start) < 300*time.Millisecond; {
		if got := l.next(); got != ":\n" {
			t.Fatalf("after %v: %q", time.Since(start), got)
		}
	}
}

// A browser writes an answer that is cut off into its console, as an error.
func TestAStreamThatEndsLaterThanItsLastWriteIsWhole(t *testing.T) {
	st := newStage(t, func(cfg *Config) {
		cfg.streams = streamTimes{beat: time.Hour, life: time.Second, write: 250 * time.Millisecond}
	})
	l := st.listen(st.listening())
	l.want(hello)
	if rest, err := io.ReadAll(l.text); err != nil || len(rest) > 0 {
		t.Errorf("it ends with %q, %v", rest, err)
	}
}

// What a page does by itself must not keep somebody signed in.
func TestAStreamIsNoUseOfItsSession(t *testing.T) {
	st := newStage(t, quickly)
	l := st.listen(st.listening())
	l.want(hello)
	st.cfg.Live.Publish("r1", 1, []ad.GUID{alice})
	l.want(changed("r1", 1))
	l.next()
	if n := st.party.used.Load(); n != 0 {
		t.Errorf("the session was used %d times", n)
	}
	st.in("GET", "/api/requests/r1", "")
	if n := st.party.used.Load(); n != 1 {
		t.Errorf("a read counted %d times", n)
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{"signed out": {fmt.Errorf("find session: %w", enroll.ErrNoSession), bye}, "a store that fails": {errors.New("disk I/O error"), ""}} {
		for way, times := range map[string]func(*Config){"at a change": slowly, "at a heartbeat": quickly} {
			t.Run(name+" "+way, func(t *testing.T) {
				st := newStage(t, times)
				l := st.listen(st.listening())
				l.want(hello)
				dead := func() error { return c.err }
				st.party.alive.Store(&dead)
				if way == "at a change" {
					st.cfg.Live.Publish("r1", 1, []ad.GUID{alice}) // is not told any more
				}
				l.want(c.want)
				if c.want != "" {
					l.want("")
				}
				if n := st.open(); n != 0 {
					t.Errorf("%d streams are left", n)
				}
			})
		}
	}
}

// open counts the streams once those that ended have left.
func (st *stage) open() int {
	b := st.cfg.Live
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.session) + len(b.account)
}

func (st *stage) waitForNone() {
	st.t.Helper()
	for end := time.Now().Add(10 * time.Second); st.open() > 0; {
		if time.Now().After(end) {
			st.t.Fatal("the stream is still there")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAReaderThatIsGoneIsForgotten(t *testing.T) {
	st := newStage(t, quickly)
	l := st.listen(st.listening())
	l.want(hello)
	_ = l.res.Body.Close()
	st.waitForNone()
}

func TestAReaderThatTakesNothingIsCutOff(t *testing.T) {
	st := newStage(t, slowly, func(cfg *Config) { cfg.streams.write = 50 * time.Millisecond })
	c, err := net.Dial("tcp", st.listening())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
	_, _ = io.WriteString(c, "GET /api/live HTTP/1.1\r\nHost: "+testHost+"\r\nCookie: "+cookieName+"="+goodCookie+"\r\n\r\n")
	first := make([]byte, 12)
	if _, err := io.ReadFull(c, first); err != nil || string(first) != "HTTP/1.1 200" {
		t.Fatal(string(first), err)
	}
	for i, end := 0, time.Now().Add(20*time.Second); st.open() > 0; i++ {
		if time.Now().After(end) {
			t.Fatal("it is still served")
		}
		st.cfg.Live.Publish(fmt.Sprint(i, strings.Repeat("x", 32<<10)), 1, []ad.GUID{alice})
		time.Sleep(100 * time.Microsecond)
	}
}

// A reader that is slow costs Publish nothing; it is told to read everything again.
func TestASlowReaderIsToldToReadEverythingAgain(t *testing.T) {
	st := newStage(t, slowly)
	l := st.listen(st.listening())
	l.want(hello)
	busy, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	hold := func() error {
		once.Do(func() { close(busy) })
		<-release
		return nil
	}
	st.party.alive.Store(&hold)
	st.cfg.Live.Publish("r0", 1, []ad.GUID{alice})
	<-busy
	for i := range 10 * streamPending {
		st.cfg.Live.Publish(fmt.Sprint("r", i), 2, []ad.GUID{alice})
	}
	close(release)
	l.want(resync)
	st.cfg.Live.Publish("last", 3, []ad.GUID{alice})
	l.want(changed("last", 3))
}

func TestManyChangesOfOneRequestAreOneEvent(t *testing.T) {
	b := NewBroker()
	st, err := b.open("s1", alice)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []int64{1, 3, 2} {
		b.Publish("r1", v, []ad.GUID{alice, alice})
	}
	for i := range streamPending - 1 {
		b.Publish(fmt.Sprint("x", i), 1, []ad.GUID{alice})
	}
	got, missed := b.take(st)
	if missed || len(got) != streamPending || got[0] != (LiveRequest{"r1", 3}) {
		t.Errorf("%v, %v", got, missed)
	}
	if got, missed := b.take(st); missed || len(got) != 0 {
		t.Errorf("twice: %v, %v", got, missed)
	}
}

func TestANewStreamOfASessionEndsTheOlder(t *testing.T) {
	st := newStage(t, slowly)
	at := st.listening()
	first := st.listen(at)
	first.want(hello)
	second := st.listen(at)
	second.want(hello)
	first.want("")
	st.cfg.Live.Publish("r1", 1, []ad.GUID{alice})
	second.want(changed("r1", 1))
}

func TestStreamsAreBounded(t *testing.T) {
	st := newStage(t, slowly)
	var mine []*stream
	for i := range streamsOfAccount {
		one, err := st.cfg.Live.open(fmt.Sprint("other", i), alice)
		if err != nil {
			t.Fatal(err)
		}
		mine = append(mine, one)
	}
	wantProblem(t, st.in("GET", "/api/live", ""), http.StatusTooManyRequests, "limit.reached")
	st.cfg.Live.leave(mine[0])
	st.cfg.Live.leave(mine[0])
	for i := range streamsAtAll - streamsOfAccount + 1 {
		if _, err := st.cfg.Live.open(fmt.Sprint("full", i), ad.GUID{9, byte(i), byte(i >> 8)}); err != nil {
			t.Fatal(i, err)
		}
	}
	wantProblem(t, st.in("GET", "/api/live", ""), http.StatusTooManyRequests, "limit.reached")
}

func TestShutdownEndsStreams(t *testing.T) {
	st := newStage(t, slowly)
	l := st.listen(st.listening())
	l.want(hello)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := st.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	l.want("")
	if _, err := st.cfg.Live.open("s2", alice); !errors.Is(err, errNotReady) {
		t.Errorf("a stream was opened: %v", err)
	}
	st.cfg.Live.Publish("r1", 1, []ad.GUID{alice})
}

func TestAStreamThatIsForgottenEnds(t *testing.T) {
	st := newStage(t, func(cfg *Config) { cfg.streams = streamTimes{beat: time.Hour, life: 20 * time.Millisecond} })
	l := st.listen(st.listening())
	l.want(hello)
	l.want("")
	st.waitForNone()
}

func TestPublishRunsBesideEverythingElse(t *testing.T) {
	b := NewBroker()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				st, err := b.open(fmt.Sprint("s", n%3), ad.GUID{byte(n % 2)})
				if err != nil {
					continue
				}
				b.Publish(fmt.Sprint("r", n), int64(i), []ad.GUID{{0}, {1}})
				b.take(st)
				b.leave(st)
			}
		})
	}
	wg.Wait()
	if len(b.session) != 0 || len(b.account) != 0 {
		t.Errorf("%d and %d are left", len(b.session), len(b.account))
	}
}

// An open inbox reads itself again at every change, and nobody needs to be there.
func TestWhatAPageReadsByItselfIsNoUseOfTheSession(t *testing.T) {
	st := newStage(t)
	const mark = "X-Latchkey-Unattended"
	for _, c := range []struct {
		method, path, body string
		headers            []string
		used               int32
	}{
		{"GET", "/api/inbox", "", nil, 1},
		{"GET", "/api/inbox", "", []string{mark, "1"}, 0},
		{"POST", "/api/reviews/r1/approve/begin", `{"number":""}`, nil, 1},
		{"POST", "/api/reviews/r1/approve/begin", `{"number":""}`, []string{mark, "1"}, 0},
		{"POST", "/api/requests/r1/proof/begin", "{}", []string{mark, "1"}, 0},
		{"POST", "/api/reviews/r1/report", "{}", []string{mark, "1"}, 1},
	} {
		before := st.party.used.Load()
		if res := st.in(c.method, c.path, c.body, c.headers...); res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d", c.method, c.path, res.StatusCode)
		}
		if n := st.party.used.Load() - before; n != c.used {
			t.Errorf("%s %s %v: used %d times", c.method, c.path, c.headers, n)
		}
	}
}
