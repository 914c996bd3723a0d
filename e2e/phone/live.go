package phone

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Change is a live event: a request is another one now.
type Change struct {
	Event   string `json:"-"` // "hello", "request", "resync", "bye"
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// Live is an open stream of server-sent events (HTML 9.2). It is closed when the
// server ends it, or with its context.
type Live struct {
	Changes <-chan Change
	body    io.Closer
}

// Close ends the stream.
func (l *Live) Close() error { return l.body.Close() }

// Listen opens the person's stream.
func (p *Phone) Listen(ctx context.Context) (*Live, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", p.origin+"/api/live", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.AddCookie(&http.Cookie{Name: cookieName, Value: p.cookie})
	res, err := (&http.Client{Transport: p.client.Transport}).Do(req) // without the time limit of a call
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, p.take(res, nil)
	}
	changes := make(chan Change, 1024)
	go func() {
		defer close(changes)
		events(ctx, res.Body, changes)
	}()
	return &Live{Changes: changes, body: res.Body}, nil
}

// events reads until the end: an event is over with an empty line, and a line
// that begins with a colon is a sign of life.
func events(ctx context.Context, r io.Reader, out chan<- Change) {
	var c Change
	for s := bufio.NewScanner(r); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "event":
			c.Event = value
		case name == "data":
			_ = json.Unmarshal([]byte(value), &c)
		case s.Text() == "" && c.Event != "":
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
			c = Change{}
		}
	}
}
