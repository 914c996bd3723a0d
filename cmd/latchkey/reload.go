package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

// changesLive are the keys that a running server takes. Every other key needs a
// restart, new ones among them until somebody has thought about it.
var changesLive = []string{
	"organisation", "support", "trusted_proxies", "limit_factor", "directory", "enrolment", "sessions", "passwords",
	"requests", "push", "mail", "proofs", "reminders", "alerts", "log.level", "approvers", "policies",
}

func isLive(key string) bool {
	return slices.ContainsFunc(changesLive, func(l string) bool { return key == l || strings.HasPrefix(key, l+".") })
}

func ofDirectory(key string) bool { return key == "directory" || strings.HasPrefix(key, "directory.") }

// reloads is the part of an app that changes while it runs.
type reloads struct {
	path    string     // of the configuration; "" where there is none to read again
	reading sync.Mutex // one reload at a time, and no look for groups meanwhile
	running atomic.Pointer[config.Config]
	level   slog.LevelVar
}

func (r *reloads) start(cfg config.Config) {
	r.running.Store(&cfg)
	r.setLevel(cfg)
}

func (r *reloads) setLevel(cfg config.Config) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Log.Level)) // the file has been checked
	r.level.Set(level)
}

// config is what counts now.
func (r *reloads) config() config.Config { return *r.running.Load() }

func engineSettings(cfg config.Config, judge *password.Judge) workflow.Settings {
	return workflow.Settings{
		Limits: workflow.Limits{
			Approved: cfg.Requests.Approved, Watch: watchFor(cfg.Requests.Watch), WatchEvery: watchEvery, Review: cfg.Requests.Review,
		},
		Judge: judge, RemindEverybody: cfg.Reminders.To == config.RemindEverybody,
	}
}

func passkeySettings(cfg config.Config, hardware *enroll.HardwareKeys) enroll.Settings {
	return enroll.Settings{
		RPName: cfg.Organisation, SessionIdle: cfg.Sessions.Idle, SessionAbsolute: cfg.Sessions.Absolute,
		SessionShort: cfg.Sessions.Short, InvitationValid: cfg.Enrolment.InvitationValid, Proofs: proofSettings(cfg, hardware),
	}
}

func edgeSettings(cfg config.Config) server.Settings {
	return server.Settings{
		Organisation: cfg.Organisation, Attribute: attributeWords(cfg), TrustedProxies: cfg.Proxies(), LimitFactor: cfg.LimitFactor,
		Support: server.Support{Name: cfg.Support.Name, Phone: cfg.Support.Phone, Hours: cfg.Support.Hours, Mail: cfg.Support.Mail},
	}
}

// resolveAgain looks the groups and units of the policies up again.
func (a *app) resolveAgain(ctx context.Context) {
	a.reading.Lock()
	defer a.reading.Unlock()
	policy, sids := a.resolve(ctx, a.config(), a.dir, a.sids)
	a.engine.SetPolicy(policy)
	a.sids = sids
}

// reloadTime bounds how long a reload waits for the directory.
const reloadTime = 25 * time.Second

type reloadCall struct {
	By string `json:"by"`
}

// reloadAnswer says what counts now.
type reloadAnswer struct {
	Hash    string   `json:"hash"`
	Changed []string `json:"changed"`
}

var callReload = control[reloadCall, reloadAnswer]{"/reload", (*app).reload}

// errRestart: all that the file changes counts, or nothing does. So what runs is
// always one file, whose hash stands in every decision.
type errRestart []string

func (e errRestart) Error() string {
	needs := "needs"
	if len(e) > 1 {
		needs = "need"
	}
	return fmt.Sprintf("nothing was changed: %s %s a restart", strings.Join(e, ", "), needs)
}

// reload reads the configuration again. Everything that can fail comes before the
// event, and the event before anything counts: the log tells of every
// configuration that ever decided something.
func (a *app) reload(ctx context.Context, call reloadCall) (none reloadAnswer, err error) {
	a.reading.Lock()
	defer a.reading.Unlock()
	if a.path == "" || a.web == nil {
		return none, errors.New("this server has no configuration to read again")
	}
	cfg, err := config.Load(a.path)
	if err != nil {
		return none, err
	}
	before := a.config()
	keys := config.Changed(before, cfg)
	if needs := slices.DeleteFunc(slices.Clone(keys), isLive); len(needs) > 0 {
		return none, errRestart(needs)
	}
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	next, err := a.prepare(ctx, cfg)
	if err != nil {
		return none, err
	}
	err = a.store.Record(ctx, audit.Event{
		Time: now(), Action: audit.ConfigurationReloaded, Actor: audit.ActorOperator, Outcome: audit.OK,
		Detail: map[string]any{"hash": cfg.Hash(), "previous": before.Hash(), "changed": append([]string{}, keys...), "by": call.By},
	})
	if err != nil {
		next.dir.Close()
		return none, notRecorded(err)
	}
	a.apply(cfg, next)
	a.warn(cfg)
	a.log.Info("configuration reloaded", "hash", cfg.Hash(), "changed", strings.Join(keys, " "))
	return reloadAnswer{Hash: cfg.Hash(), Changed: keys}, nil
}

// notRecorded: whatever the log says, what ran before runs on.
func notRecorded(err error) error {
	if errors.Is(err, db.ErrUnknown) {
		return fmt.Errorf("it is not known whether the log tells of this reload, which does not count: reload again: record: %w", err)
	}
	return fmt.Errorf("nothing was changed: record: %w", err)
}

// prepared is what a configuration makes, before it counts.
type prepared struct {
	dir      *ad.Forest
	judge    *password.Judge
	hardware *enroll.HardwareKeys
	notices  *push.Service
	policy   workflow.Policy
	sids     map[string]string
}

// prepare makes everything anew, also what no key changed: the files that keys name
// (passwords, CAs, lists of words) may have other contents.
func (a *app) prepare(ctx context.Context, cfg config.Config) (p prepared, err error) {
	if p.judge, err = openJudge(cfg); err != nil {
		return p, err
	}
	if p.hardware, err = cfg.Proofs.HardwareKey.Keys(); err != nil {
		return p, err
	}
	if p.dir, err = openDirectory(cfg.Directory, cfg.Attributes(), a.log); err != nil {
		return p, err
	}
	// One that does not work takes the place of none that does.
	if err := p.dir.Ready(ctx); err != nil && a.dir.Ready(ctx) == nil {
		p.dir.Close()
		return p, fmt.Errorf("the directory does not answer with these settings, and does with those of before: %w", err)
	}
	if p.notices, err = a.newNotices(ctx, cfg, a.dir); err != nil {
		p.dir.Close()
		return p, err
	}
	known := a.sids
	if slices.ContainsFunc(config.Changed(a.config(), cfg), ofDirectory) {
		known = nil // another directory may have another group by that name
	}
	p.policy, p.sids = a.resolve(ctx, cfg, p.dir, known)
	return p, nil
}

// apply can't fail. The judge of before is not closed: somebody may be judged by it
// still; its file closes when nobody holds it any more.
func (a *app) apply(cfg config.Config, p prepared) {
	if err := a.passkeys.Set(passkeySettings(cfg, p.hardware)); err != nil {
		a.log.Error("set up relying party", "error", err) // it was made of the same values at the start
	}
	a.dir.replace(p.dir)
	a.engine.Set(engineSettings(cfg, p.judge))
	a.engine.SetPolicy(p.policy)
	a.sids = p.sids
	a.notices.replace(p.notices)
	a.web.Set(edgeSettings(cfg))
	a.setLevel(cfg)
	if a.certificate != nil {
		a.certificate.Look()
	}
	a.running.Store(&cfg)
}

// readAgain lets the configuration at path be reloaded, by command and by SIGHUP,
// until ctx ends.
func (a *app) readAgain(ctx context.Context, path string, hangup <-chan os.Signal) {
	a.reading.Lock()
	a.path = path
	a.reading.Unlock()
	go a.onHangup(ctx, hangup)
}

// hangups takes SIGHUP, which would end the process, from its start to its end. One
// that comes before the server answers waits; one that comes while it stops is void.
func hangups() (got <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

func (a *app) onHangup(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		_, err := a.reload(ctx, reloadCall{By: "signal"})
		var found config.Problems
		if errors.As(err, &found) {
			for _, p := range found {
				a.log.Error("configuration not reloaded, the old one stays", "problem", p.String())
			}
		} else if err != nil {
			a.log.Error("configuration not reloaded, the old one stays", "error", err)
		}
	}
}

type reloadCmd struct{ where }

// Run tells the running server. With a file that is broken it prints every mistake.
func (c reloadCmd) Run(ctx context.Context, s streams) error {
	dir := c.Data
	if dir == "" {
		cfg, err := config.Load(c.Config)
		if err != nil {
			return notReloaded(s, err)
		}
		dir = cfg.Data
	}
	answer, err := callReload.ask(ctx, dir, reloadCall{By: "command"})
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("no server runs in %s", dir)
	}
	if err != nil {
		return notReloaded(s, err)
	}
	what := "nothing but what its files hold"
	if len(answer.Changed) > 0 {
		what = strings.Join(answer.Changed, ", ")
	}
	fmt.Fprintf(s.out, "Reloaded. Changed: %s. Hash %s\n", what, answer.Hash)
	return nil
}

// notReloaded prints the problems as `config check` does.
func notReloaded(s streams, err error) error {
	fmt.Fprintf(s.err, "%v\nNot reloaded: the server runs on with what it had.\n", err)
	return errShown
}
