package autopush

import (
	"io"
	"net"
	"net/http"
	"sync"
)

// tunnel is CONNECT (RFC 9110 9.3.6) to the push service's name, which leads to
// this stand-in, and to nowhere else.
func (s *Server) tunnel(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != Host+":443" {
		http.Error(w, "only CONNECT "+Host+":443", http.StatusForbidden)
		return
	}
	there, err := net.Dial("tcp", s.service.Addr().String())
	if err != nil {
		http.Error(w, "no answer", http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connected\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(there, buffered) })
	both.Go(func() { pass(here, there) })
	both.Wait()
}

// pass copies one direction and says its end to the other side.
func pass(to net.Conn, from io.Reader) {
	io.Copy(to, from)
	if c, ok := to.(*net.TCPConn); ok {
		c.CloseWrite()
	}
}
