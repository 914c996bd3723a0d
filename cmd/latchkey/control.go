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
)

// Commands that write go through the running server's control socket, so that
// one process writes the database. The socket lies in the data directory, which
// only the service's user may enter: whoever reaches it could read the database
// as well. It speaks HTTP and JSON, and only the few calls below.

const controlName = "control.sock"

// errNotRunning: no server answers on the control socket.
var errNotRunning = errors.New("the server is not running")

// inviteCall asks for an invitation.
type inviteCall struct {
	Account  string        `json:"account"` // UPN, DOMAIN\name or sAMAccountName
	Valid    time.Duration `json:"valid"`   // 0 takes the configured time
	Password *bool         `json:"password,omitempty"`
}

// inviteAnswer is the link, for the person and for nobody else.
type inviteAnswer struct {
	Link    string    `json:"link"`
	Name    string    `json:"name"`
	Expires time.Time `json:"expires"`
}

// callAnswer carries either an answer or what went wrong.
type callAnswer struct {
	Invite *inviteAnswer `json:"invite,omitempty"`
	Error  string        `json:"error,omitempty"`
}

// inviter makes an invitation; the app does, with or without a server around it.
type inviter interface {
	invite(ctx context.Context, call inviteCall) (inviteAnswer, error)
}

// serveControl answers on the data directory's socket until ctx ends.
func serveControl(ctx context.Context, dir string, who inviter) (stop func(), err error) {
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
	mux.HandleFunc("POST /invite", func(w http.ResponseWriter, r *http.Request) { controlInvite(w, r, who) })
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go srv.Serve(l)
	return func() { srv.Close() }, nil
}

func controlInvite(w http.ResponseWriter, r *http.Request, who inviter) {
	var call inviteCall
	var answer callAnswer
	if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&call); err != nil {
		answer.Error = "the call can't be read"
	} else if made, err := who.invite(r.Context(), call); err != nil {
		answer.Error = err.Error()
	} else {
		answer.Invite = &made
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// callInvite asks the running server; errNotRunning when there is none.
func callInvite(ctx context.Context, dir string, call inviteCall) (inviteAnswer, error) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(dir, controlName))
		},
	}}
	body, err := json.Marshal(call)
	if err != nil {
		return inviteAnswer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/invite", bytes.NewReader(body))
	if err != nil {
		return inviteAnswer{}, err
	}
	res, err := client.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
			return inviteAnswer{}, errNotRunning
		}
		return inviteAnswer{}, fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	var answer callAnswer
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer); err != nil {
		return inviteAnswer{}, fmt.Errorf("read the server's answer: %w", err)
	}
	if answer.Invite == nil {
		return inviteAnswer{}, errors.New(answer.Error)
	}
	return *answer.Invite, nil
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
