package server

import (
	"bufio"
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Sighting is a request of the doctor as it arrived here.
type Sighting struct {
	Peer      string   `json:"peer"`   // address:port of the connection's other end
	Client    string   `json:"client"` // whom the limits would count
	Host      string   `json:"host"`
	Forwarded []string `json:"forwarded,omitempty"` // X-Forwarded-For, a header each
}

// The doctor's parameters of /healthz. They say nothing unless their value was
// made by Expect, and an unknown one changes nothing.
const (
	paramLook   = "doctor"
	paramStream = "doctor-stream"
)

const (
	expectedFor = time.Minute
	maxExpected = 16
	probeBeats  = 16
	probePause  = 250 * time.Millisecond
)

// witness remembers how requests arrived that were announced to it. Whoever may
// announce reaches the control socket.
type witness struct {
	mu       sync.Mutex
	expected map[string]*expected
}

type expected struct {
	at   time.Time
	seen *Sighting
}

// Expect makes a word for one request to /healthz, good for a minute.
func (s *Server) Expect() string {
	w, now, word := &s.witness, s.now(), rand.Text()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.expected == nil {
		w.expected = map[string]*expected{}
	}
	maps.DeleteFunc(w.expected, func(_ string, e *expected) bool { return now.Sub(e.at) > expectedFor })
	if len(w.expected) >= maxExpected {
		delete(w.expected, w.oldest())
	}
	w.expected[word] = &expected{at: now}
	return word
}

// oldest is the word that was made first: nobody waits for it any more, if for any.
func (w *witness) oldest() (word string) {
	for k, e := range w.expected {
		if first := w.expected[word]; first == nil || e.at.Before(first.at) {
			word = k
		}
	}
	return word
}

// Saw says how the request with the word arrived; false when none did.
func (s *Server) Saw(word string) (Sighting, bool) {
	w := &s.witness
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.expected[word]
	if e == nil || e.seen == nil {
		return Sighting{}, false
	}
	return *e.seen, true
}

// look keeps how an announced request arrived, and says whether it was one.
func (s *Server) look(f *fiber.Ctx, word string) bool {
	if word == "" {
		return false
	}
	c := f.Context().UserValue(callKey{}).(*call)
	seen := Sighting{Peer: f.Context().RemoteAddr().String(), Client: c.address.String(), Host: string(f.Context().Request.Header.Host())}
	for _, v := range f.Context().Request.Header.PeekAll("X-Forwarded-For") {
		seen.Forwarded = append(seen.Forwarded, string(v))
	}
	s.witness.mu.Lock()
	defer s.witness.mu.Unlock()
	e := s.witness.expected[word]
	if e == nil || s.now().Sub(e.at) > expectedFor {
		return false
	}
	e.seen = &seen
	return true
}

// probeStream answers as a live stream does, for a few seconds: it shows whether
// what lies in between passes on what it gets, or keeps it.
func probeStream(f *fiber.Ctx) error {
	ctx := f.Context()
	f.Status(http.StatusOK)
	ctx.Response.Header.SetContentType("text/event-stream")
	ctx.Response.Header.Set("X-Accel-Buffering", "no")
	ctx.Response.ImmediateHeaderFlush = true
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		beat := time.NewTicker(probePause)
		defer beat.Stop()
		for range probeBeats {
			if _, err := w.WriteString(":\n\n"); err != nil || w.Flush() != nil {
				return
			}
			<-beat.C
		}
	})
	return nil
}
