package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/pwa"
	"github.com/latchkey/latchkey/server"
)

type serveCmd struct {
	Config string
	Ready  string
}

// shutdownTime bounds how long a stop waits for what is under way: a directory
// write and its outcome take at most half of it.
const shutdownTime = 40 * time.Second

// Run serves until the process is told to stop.
func (c serveCmd) Run(ctx context.Context, s streams) error {
	hangup, stop := hangups()
	defer stop()
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return err
	}
	defer unlock()
	return serve(ctx, cfg, s, false, func(a *app) error {
		a.readAgain(ctx, c.Config, hangup)
		return writeReady(c.Ready, map[string]string{"url": cfg.PublicURL})
	})
}

// serve starts everything in a data directory whose lock the caller holds, calls
// ready once the server answers, and stops in order when ctx ends.
func serve(ctx context.Context, cfg config.Config, s streams, demo bool, ready func(*app) error) error {
	server.CollectLess()
	a, err := openApp(ctx, cfg, s)
	if err != nil {
		return err
	}
	defer a.close()
	web, err := a.edge(demo)
	if err != nil {
		return err
	}
	a.web = web
	l, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	defer l.Close()
	at, err := a.secured(l)
	if err != nil {
		return err
	}
	stopControl, err := serveControl(ctx, cfg.Data, a)
	if err != nil {
		return err
	}
	defer stopControl()
	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	wait := a.jobs(jobs)
	err = a.run(ctx, web, at, ready)
	stopJobs()
	wait()
	return errors.Join(err, a.drain())
}

// listen says what to do about a port that is in use: the commonest first error.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("another program listens on %s already: stop it, or choose another port with --listen (demo) or listen: (serve)", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// warn says what `config check` warns of, for whoever starts without it.
func (a *app) warn(cfg config.Config) {
	for _, w := range cfg.Warnings() {
		a.log.Warn("configuration", "warning", w)
	}
}

// run serves on l until ctx ends, then lets what is under way finish.
func (a *app) run(ctx context.Context, web *server.Server, l net.Listener, ready func(*app) error) error {
	a.record(ctx, audit.ServerStarted)
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(l) }()
	a.warn(a.cfg)
	a.log.Info("serving", "address", l.Addr().String(), "url", a.cfg.PublicURL, "version", version)
	if err := ready(a); err != nil {
		return errors.Join(err, a.shutdown(web))
	}
	go releaseStart()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	a.log.Info("stopping")
	err := a.shutdown(web)
	a.record(context.WithoutCancel(ctx), audit.ServerStopped)
	return err
}

func (a *app) shutdown(web *server.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// drain lets executions that no request waits for commit their outcome before
// the store closes.
func (a *app) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	// What goes on behind an answer may still open a request.
	if err := errors.Join(a.passkeys.Drain(ctx), a.engine.Drain(ctx)); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	return nil
}

func (a *app) record(ctx context.Context, action audit.Action) {
	e := audit.Event{Time: now(), Action: action, Actor: audit.ActorSystem, Outcome: audit.OK, Detail: map[string]any{"version": version}}
	if err := a.store.Record(ctx, e); err != nil {
		a.log.Error("record", "action", string(action), "error", err)
	}
}

func (a *app) edge(demo bool) (*server.Server, error) {
	settings := edgeSettings(a.cfg)
	web, err := server.New(server.Config{
		PublicURL: a.cfg.PublicURL, RPID: a.cfg.RPID(), Version: version, Demo: demo,
		Organisation: settings.Organisation, Attribute: settings.Attribute, Support: settings.Support,
		TrustedProxies: settings.TrustedProxies, LimitFactor: settings.LimitFactor, Passkeys: a.passkeys, Requests: a.engine, Log: a.store, Limits: a.store, Browsers: a.store,
		Reviews: a.engine, Freezes: a.engine, Photos: a.dir, Devices: &a.notices, Live: a.live,
		Ready: a.ready, Static: pwa.Files(), Now: now, Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	return web, nil
}

// ready is nil while the database takes writes and a writable controller answers.
// On a database that is only read nobody could sign in.
func (a *app) ready(ctx context.Context) error {
	if _, err := a.store.PurgeLimits(ctx, now()); err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	return a.dir.Ready(ctx)
}

func newLogger(l config.Log, level slog.Leveler, s streams) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(s.err, options))
	}
	return slog.New(slog.NewTextHandler(s.err, options))
}
