package autopush

import (
	"encoding/json"
	"net/http"
)

// Handler is for tests, never for the product:
//
//	GET  /messages?after=N   what was sent, once it is more than N
//	POST /fail [Fault …]     answer the next ones so; [] takes that back
//	POST /subscribe {key}    a subscription without a browser
//	POST /expire {endpoint}  end one, or all for ""
//	POST /drop, /forget      close the browsers' connections; lose their names too
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /messages", &s.Messages)
	mux.HandleFunc("POST /fail", func(w http.ResponseWriter, r *http.Request) {
		var f []Fault
		if take(w, r, &f) {
			s.Fail(f...)
		}
	})
	mux.HandleFunc("POST /subscribe", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Key string }
		if !take(w, r, &in) {
			return
		}
		made, err := s.Subscribe(in.Key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(made)
	})
	mux.HandleFunc("POST /expire", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Endpoint string }
		if take(w, r, &in) {
			s.Expire(in.Endpoint)
		}
	})
	mux.HandleFunc("POST /drop", func(http.ResponseWriter, *http.Request) { s.Drop() })
	mux.HandleFunc("POST /forget", func(http.ResponseWriter, *http.Request) { s.Forget() })
	return mux
}

func take(w http.ResponseWriter, r *http.Request, out any) bool {
	if err := json.NewDecoder(r.Body).Decode(out); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}
