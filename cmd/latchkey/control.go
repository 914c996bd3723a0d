package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/config"
)

// Commands that write go through the running server's control socket, so that
// one process writes the database. The socket lies in the data directory, which
// only the service's user may enter: whoever reaches it could read the database
// as well. It speaks HTTP and JSON, and only the few calls below.

const controlName = "control.sock"

// errNotRunning: no server answers on the control socket.
var errNotRunning = errors.New("the server is not running")

// answered carries either an answer or what went wrong.
type answered[T any] struct {
	Answer *T     `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
}

// serveControl answers on the data directory's socket until ctx ends.
func serveControl(ctx context.Context, dir string, a *app) (stop func(), err error) {
	path := filepath.Join(dir, controlName)
	// The data directory's lock is held: a socket that is still there is a dead
	// server's.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old control socket: %w", err)
	}
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+callInvite.path, callInvite.handler(a))
	mux.HandleFunc("POST "+callFrozen.path, callFrozen.handler(a))
	mux.HandleFunc("POST "+callUnfreeze.path, callUnfreeze.handler(a))
	mux.HandleFunc("POST "+callRunning.path, callRunning.handler(a))
	mux.HandleFunc("POST "+callExpect.path, callExpect.handler(a))
	mux.HandleFunc("POST "+callSaw.path, callSaw.handler(a))
	mux.HandleFunc("POST "+callReload.path, callReload.handler(a))
	mux.HandleFunc("POST "+callKeys.path, callKeys.handler(a))
	mux.HandleFunc("POST "+callLoadKeys.path, callLoadKeys.handler(a))
	mux.HandleFunc("POST "+callTellKeys.path, callTellKeys.handler(a))
	mux.HandleFunc("POST "+callReseal.path, callReseal.handler(a))
	mux.HandleFunc("POST "+callRotated.path, callRotated.handler(a))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go srv.Serve(l)
	return func() { srv.Close() }, nil
}

// control is one call of the socket: what the app does for a command, with or
// without a server around it.
type control[In, Out any] struct {
	path string
	do   func(a *app, ctx context.Context, in In) (Out, error)
}

func (c control[In, Out]) handler(a *app) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		var out answered[Out]
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&in); err != nil {
			out.Error = "the call can't be read"
		} else if made, err := c.do(a, r.Context(), in); err != nil {
			out.Error = err.Error()
		} else {
			out.Answer = &made
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(out)
	}
}

// ask asks the running server; errNotRunning when there is none.
func (c control[In, Out]) ask(ctx context.Context, dir string, in In) (none Out, err error) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(dir, controlName))
		},
	}}
	body, err := json.Marshal(in)
	if err != nil {
		return none, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control"+c.path, bytes.NewReader(body))
	if err != nil {
		return none, err
	}
	res, err := client.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
			return none, errNotRunning
		}
		return none, fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	var out answered[Out]
	if err := json.NewDecoder(io.LimitReader(res.Body, 4<<20)).Decode(&out); err != nil {
		return none, fmt.Errorf("read the server's answer: %w", err)
	}
	if out.Answer == nil {
		return none, errors.New(out.Error)
	}
	return *out.Answer, nil
}

// where names an installation: the data directory of a running server, or the
// configuration, with which a command also works while no server runs.
type where struct {
	Config string
	Data   string
}

// carryOut does it through the running server, or by itself when none runs.
func carryOut[In, Out any](ctx context.Context, w where, s streams, c control[In, Out], in In) (none Out, err error) {
	if w.Data != "" {
		out, err := c.ask(ctx, w.Data, in)
		if errors.Is(err, errNotRunning) {
			return out, fmt.Errorf("no server runs in %s: name its configuration with --config instead", w.Data)
		}
		return out, err
	}
	loaded, err := config.Load(w.Config)
	if err != nil {
		return none, err
	}
	out, err := c.ask(ctx, loaded.Data, in)
	if !errors.Is(err, errNotRunning) {
		return out, err
	}
	unlock, err := lockData(loaded.Data)
	if err != nil {
		return none, err
	}
	defer unlock()
	a, err := openApp(ctx, loaded, s)
	if err != nil {
		return none, err
	}
	defer a.close()
	return c.do(a, ctx, in)
}

// lockData takes the data directory for this process, making it if need be. Two
// servers on one SQLite file would settle each other's executions.
func lockData(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another Latchkey works in %s", dir)
	}
	return func() { f.Close() }, nil
}

// writeReady writes JSON for whoever started us, whole or not at all.
func writeReady(path string, v any) error {
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(path, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}
