package autopush

import (
	"net/http"
	"strings"
)

// Fault is how the next messages are answered, whatever they are.
type Fault struct {
	Times      int    `json:"times"`      // how many messages; 0 for all from now on
	Status     int    `json:"status"`     // of the answer
	RetryAfter string `json:"retryAfter"` // the header: seconds or a date; "" for none
	Location   string `json:"location"`   // the header, of a redirect
	Hang       bool   `json:"hang"`       // no answer at all
	Endless    bool   `json:"endless"`    // a body that never ends
	Reset      bool   `json:"reset"`      // the connection is closed without an answer
}

// Fail queues a fault behind those that are there; none takes them all back.
func (s *Server) Fail(f ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(f) == 0 {
		s.faults = nil
	}
	s.faults = append(s.faults, f...)
}

// fault takes the one that is due.
func (s *Server) fault() (f Fault, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return f, false
	}
	f = s.faults[0]
	if f.Times > 0 {
		if s.faults[0].Times--; s.faults[0].Times == 0 {
			s.faults = s.faults[1:]
		}
	}
	return f, true
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, f Fault) {
	if f.Reset {
		panic(http.ErrAbortHandler)
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-s.stopped.Done():
		}
		panic(http.ErrAbortHandler)
	}
	for name, value := range map[string]string{"Retry-After": f.RetryAfter, "Location": f.Location} {
		if value != "" {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(f.Status)
	line := strings.Repeat("and so on ", 400)
	for f.Endless && r.Context().Err() == nil && s.stopped.Err() == nil {
		if _, err := w.Write([]byte(line)); err != nil {
			return
		}
	}
}
