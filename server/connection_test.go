package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listening serves on a real socket and returns its address.
func (st *stage) listening() string {
	st.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		st.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- st.Serve(l) }()
	st.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = st.Shutdown(ctx)
		if err := <-done; err != nil {
			st.t.Error(err)
		}
	})
	return l.Addr().String()
}

// raw sends bytes as they are and reads one answer.
func raw(t *testing.T, address, text string) (*http.Response, []byte) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(c, text) }() // the server may answer before all is sent
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	body, _ := io.ReadAll(res.Body)
	return res, body
}

func TestWhatIsTooLargeOrBrokenIsAProblem(t *testing.T) {
	st := newStage(t)
	at := st.listening()
	post := "POST /api/forget HTTP/1.1\r\nHost: " + testHost + "\r\nContent-Type: application/json\r\n"
	for _, c := range []struct {
		name, text string
		status     int
		code       string
	}{
		{"a body over 64 KiB", post + fmt.Sprintf("Content-Length: %d\r\n\r\n{\"x\":\"%s\"}", 70008, strings.Repeat("x", 70000)), 413, "request.too-large"},
		{"a claim of 1 TiB", post + "Content-Length: 1099511627776\r\n\r\n", 413, "request.too-large"},
		{"chunks over 64 KiB", post + "Transfer-Encoding: chunked\r\n\r\n" + "11170\r\n" + strings.Repeat("x", 0x11170) + "\r\n0\r\n\r\n", 413, "request.too-large"},
		{"headers over 16 KiB", "GET /api/me HTTP/1.1\r\nHost: " + testHost + "\r\nX-Canary: " + strings.Repeat(canary, 1000) + "\r\n\r\n", 431, "request.headers"},
		{"a target over 16 KiB", "GET /" + strings.Repeat(canary, 1000) + " HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 431, "request.headers"},
		{"a target over 2 KiB", "GET /?" + strings.Repeat(canary, 200) + " HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 404, "route.unknown"},
		{"no Host", "GET /api/me HTTP/1.1\r\n\r\n", 400, "request.malformed"},
		{"two Hosts", "GET /api/me HTTP/1.1\r\nHost: " + testHost + "\r\nHost: evil.test\r\n\r\n", 400, "request.malformed"},
		{"a target without a slash", "GET %2fapi/me HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 400, "request.malformed"},
		{"an absolute target", "GET http://" + testHost + "/api/me HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 404, "route.unknown"},
		{"an absolute target elsewhere", "GET http://evil.test/api/me HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 404, "route.unknown"},
		{"a scheme-relative target", "GET //" + testHost + "/api/me HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 404, "route.unknown"},
		{"a broken escape", "GET /api/%zz HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n", 404, "route.unknown"},
		{"a broken length", post + "Content-Length: " + canary + "\r\n\r\n{}", 400, "request.malformed"},
		{"two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "request.malformed"},
		{"length and chunks", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "request.malformed"},
		{"no HTTP at all", canary + "\r\n\r\n", 400, "request.malformed"},
	} {
		res, body := raw(t, at, c.text)
		var p Problem
		if err := json.Unmarshal(body, &p); err != nil || res.StatusCode != c.status || p.Code != c.code {
			t.Errorf("%s: %d %s, want %d %s (%v)", c.name, res.StatusCode, body, c.status, c.code, err)
		}
		if strings.Contains(string(body), "Canary") || res.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s %v", c.name, body, res.Header)
		}
	}
	if log := st.logged.String(); strings.Contains(log, "Canary") {
		t.Errorf("the log holds it")
	}
}

// client speaks HTTP to the socket under the public name.
func (st *stage) client(address string) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}
	st.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func TestShutdownLetsAnExecutionFinish(t *testing.T) {
	st := newStage(t)
	at := st.listening()
	client := st.client(at)
	started, release, cut := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	st.rules.hook = func(ctx context.Context) {
		close(started)
		<-release
		cut <- ctx.Err()
	}
	answered := make(chan int, 1)
	go func() {
		req, _ := http.NewRequest("POST", "http://"+testHost+"/api/requests/r1/execute", strings.NewReader(`{"password":"x"}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Cookie", cookieName+"="+goodCookie)
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		_ = res.Body.Close()
		answered <- res.StatusCode
	}()
	<-started

	stopped := make(chan error, 1)
	go func() { stopped <- st.Shutdown(context.Background()) }()
	waitRefused(t, at)
	select {
	case err := <-stopped:
		t.Fatalf("shut down before the execution ended: %v", err)
	default:
	}
	close(release)
	if err := <-cut; err != nil {
		t.Errorf("the execution's context ended: %v", err)
	}
	if got := <-answered; got != http.StatusOK {
		t.Errorf("answer: %d", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// waitRefused returns once nobody is let in any more.
func waitRefused(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = c.Close()
	}
	t.Fatal("still listening")
}

func TestShutdownIsBounded(t *testing.T) {
	st := newStage(t)
	at := st.listening()
	started := make(chan struct{})
	ended := make(chan error, 1)
	st.rules.hook = func(ctx context.Context) {
		close(started)
		<-ctx.Done() // a handler that waits for as long as it may
		ended <- ctx.Err()
	}
	go func() {
		body := `{"password":"x"}`
		c, err := net.Dial("tcp", at)
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = fmt.Fprintf(c, "POST /api/requests/r1/execute HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			testHost, cookieName, goodCookie, len(body), body)
		_, _ = io.Copy(io.Discard, c)
	}()
	<-started
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := st.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler saw %v", err)
	}
}

func TestIdleConnectionsDoNotHoldShutdownUp(t *testing.T) {
	st := newStage(t)
	at := st.listening()
	res, err := st.client(at).Get("http://" + testHost + "/api/info")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close() // the connection stays open, idle
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := st.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestReadinessIsAskedOncePerTwoSecondsAndTellsNoDetails(t *testing.T) {
	asked, fault := 0, error(nil)
	st := newStage(t, func(cfg *Config) {
		cfg.Ready = func(context.Context) error { asked++; return fault }
	})
	for range 5 {
		if res := st.ask("GET", pathReady, "", "Host", "10.0.0.7:8080"); res.StatusCode != http.StatusOK {
			t.Fatalf("%d", res.StatusCode)
		}
	}
	fault = errors.New("dial dc1.corp.example.test: refused")
	st.clock.add(readyFor)
	res := st.ask("GET", pathReady, "")
	p := wantProblem(t, res, http.StatusServiceUnavailable, "server.not-ready")
	if p.Detail != "" || asked != 2 || p.RetryAfter == 0 {
		t.Errorf("asked %d times: %+v", asked, p)
	}
	if !strings.Contains(st.logged.String(), "dc1.corp.example.test") {
		t.Error("the log does not say why")
	}
	if st.ask("GET", pathHealth, "").StatusCode != http.StatusOK {
		t.Error("the process is alive all the same")
	}
	fault = nil
	st.clock.add(readyFor)
	st.stopping.Store(true)
	wantProblem(t, st.ask("GET", pathReady, ""), http.StatusServiceUnavailable, "server.not-ready")
}
