// Package smsd is an SMS gateway on loopback, of the kind that takes a JSON body by
// POST with a bearer token (RFC 6750 2.1). It keeps what it gets and can be told to
// fail.
package smsd

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/watched"
)

// Mode is how the gateway behaves.
type Mode string

// The modes.
const (
	Well     Mode = ""         // takes every message
	Rejects  Mode = "rejects"  // 200, and says that the message was not taken
	Refuses  Mode = "refuses"  // 503
	Nonsense Mode = "nonsense" // 200 with a page, as of a proxy in between
	Endless  Mode = "endless"  // 200, and a body that never ends
	Hangs    Mode = "hangs"    // takes the request and never answers
	Down     Mode = "down"     // closes every connection at once
)

// Message is one that was taken.
type Message struct {
	To   string    `json:"to"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Server is the gateway.
type Server struct {
	Messages watched.List[Message]
	Token    string // that it wants

	mu   sync.Mutex
	mode Mode

	listener net.Listener
	server   *http.Server
	ended    chan struct{}
}

const maxBody = 16 << 10

// Start listens on loopback.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{Token: rand.Text(), listener: l, ended: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /send", s.send)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "smsd:", err)
		}
	}()
	return s, nil
}

// URL is where messages are sent.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/send" }

// Close ends everything, answers that hang too.
func (s *Server) Close() {
	close(s.ended)
	s.server.Close()
}

// Be changes the mode, for requests from now on.
func (s *Server) Be(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
}

func (s *Server) now() Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}

func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	switch s.now() {
	case Down:
		panic(http.ErrAbortHandler)
	case Hangs:
		s.hang(r)
		panic(http.ErrAbortHandler)
	case Endless:
		s.pour(w, r)
		return
	case Nonsense:
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>Sign in to the guest network</title>")
		return
	case Refuses:
		answer(w, http.StatusServiceUnavailable, "error")
		return
	}
	m, status := s.read(r)
	switch {
	case status != http.StatusOK:
		answer(w, status, "error")
	case s.now() == Rejects:
		answer(w, http.StatusOK, "rejected")
	default:
		s.Messages.Add(m)
		answer(w, http.StatusOK, "queued")
	}
}

// read returns the message, or the status that refuses it.
func (s *Server) read(r *http.Request) (Message, int) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+s.Token)) != 1 {
		return Message{}, http.StatusUnauthorized
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return Message{}, http.StatusUnsupportedMediaType
	}
	var in struct{ To, Text string }
	d := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.To == "" || in.Text == "" {
		return Message{}, http.StatusBadRequest
	}
	return Message{To: in.To, Text: in.Text, At: time.Now()}, http.StatusOK
}

func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.ended:
	}
}

// pour writes until the client has had enough.
func (s *Server) pour(w http.ResponseWriter, r *http.Request) {
	block := make([]byte, 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func answer(w http.ResponseWriter, status int, says string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%q}`, says)
}

// Handler is for tests:
//
//	GET  /messages?after=N   what was taken, once it is more than N
//	POST /be {mode}
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /messages", &s.Messages)
	mux.HandleFunc("POST /be", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Mode Mode }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Be(in.Mode)
	})
	return mux
}
