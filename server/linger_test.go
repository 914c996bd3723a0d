package server

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Browsers and proxies send all of a request before they read the answer.
func TestARefusedSizeIsToldToWhoeverSendsAllFirst(t *testing.T) {
	st := newStage(t)
	at := st.listening()
	head := "POST /api/forget HTTP/1.1\r\nHost: " + testHost + "\r\nContent-Type: application/json\r\n"
	for _, c := range []struct {
		name, text string
		status     int
	}{
		{"body", head + fmt.Sprintf("Content-Length: %d\r\n\r\n", 900<<10) + strings.Repeat("x", 900<<10), 413},
		{"header", head + "X-Big: " + strings.Repeat("x", 200<<10) + "\r\nContent-Length: 2\r\n\r\n{}", 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			for piece := range slices.Chunk([]byte(c.text), 32<<10) {
				if _, err := conn.Write(piece); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Millisecond) // a network in between
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || res.StatusCode != c.status {
				t.Errorf("got %+v, %v", res, err)
			}
		})
	}
}
