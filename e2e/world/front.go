package world

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync/atomic"
)

// Front is the one address of two servers: each request goes to the next one, and
// nobody sticks to any.
type Front struct {
	servers []string
	next    atomic.Int64
	only    atomic.Int64 // 0 for none, or one more than the server
	proxy   *httputil.ReverseProxy
}

// Only sends every request to one server from now on; a negative number to both again.
func (f *Front) Only(server int) { f.only.Store(int64(max(server, -1) + 1)) }

// openFront takes the address of the world's URL.
func (w *World) openFront(ports []string) {
	w.T.Helper()
	f := &Front{}
	for _, port := range ports {
		f.servers = append(f.servers, "127.0.0.1:"+port)
	}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "any", r.In.Host
		},
		Transport: f, ErrorLog: nil,
		// A server that dies answers nothing: its client is told the same.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	s := httptest.NewServer(f.proxy)
	w.T.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	Must(w.T, err)
	w.URL, w.Front = "http://localhost:"+port, f
}

// each request has a connection of its own, so that none is found dead.
var each = &http.Transport{DisableKeepAlives: true}

// RoundTrip tries the other server only where the first has taken no connection.
func (f *Front) RoundTrip(r *http.Request) (res *http.Response, err error) {
	n := int(f.next.Add(1))
	for i := range f.servers {
		at := (n + i) % len(f.servers)
		if only := f.only.Load(); only > 0 {
			at = int(only) - 1
		}
		r.URL.Host = f.servers[at]
		res, err = each.RoundTrip(r)
		var dial *net.OpError
		if err == nil || !errors.As(err, &dial) || dial.Op != "dial" {
			break
		}
	}
	return res, err
}
