package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/latchkey/latchkey/server"
)

// What the doctor asks the running server.
var (
	callRunning = control[nothing, server.Running]{"/doctor", (*app).state}
	callExpect  = control[nothing, string]{"/doctor/expect", (*app).expect}
	callSaw     = control[string, sighting]{"/doctor/saw", (*app).saw}
)

type nothing struct{}

type sighting struct {
	Arrived bool `json:"arrived"`
	server.Sighting
}

// errNoEdge is for a command that does its work without a server around it.
var errNoEdge = errors.New("no server runs here")

func (a *app) state(ctx context.Context, _ nothing) (server.Running, error) {
	now := server.Running{Version: version, Hash: a.config().Hash(), Started: a.started}
	if err := a.ready(ctx); err != nil {
		now.NotReady = err.Error()
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		now.Files = uint64(limit.Cur)
	}
	return now, nil
}

func (a *app) expect(context.Context, nothing) (string, error) {
	if a.web == nil {
		return "", errNoEdge
	}
	return a.web.Expect(), nil
}

func (a *app) saw(_ context.Context, word string) (sighting, error) {
	if a.web == nil {
		return sighting{}, errNoEdge
	}
	seen, arrived := a.web.Saw(word)
	return sighting{Arrived: arrived, Sighting: seen}, nil
}
