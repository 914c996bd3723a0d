package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

const databaseName = "latchkey.db"

// now is the clock of everything that the server decides by. Tests make it jump.
var now = time.Now

// app is the product without its HTTP edge: the store, the directory and the
// rules, joined. The data directory's lock is its caller's.
type app struct {
	cfg      config.Config // as the server was started; see config()
	log      *slog.Logger
	box      *secret.Box
	store    *db.Store
	dir      *directory
	passkeys *enroll.Service
	engine   *workflow.Engine
	judge    *password.Judge
	live     *server.Broker
	notices  notices
	web      *server.Server // nil for a command
	started  time.Time
	// unanswered: the directory did not say whether all of them are there.
	unanswered atomic.Bool
	sids       map[string]string // of the groups of the policies that count, by DN, as they were found last; and units

	reloads
	keys sync.Mutex // held while the key file is read again

	certificate *server.Certificate // from files; nil without
	first       func()              // asks for a certificate by ACME; nil without
}

// openApp joins the packages. It asks the directory for the groups and units of the
// policies; one that can't be found denies until a later try finds it.
func openApp(ctx context.Context, cfg config.Config, s streams) (*app, error) {
	a := &app{cfg: cfg, live: server.NewBroker(), started: time.Now()}
	a.reloads.start(cfg)
	a.log = newLogger(cfg.Log, &a.level, s)
	client, err := openDirectory(cfg.Directory, cfg.Attributes(), a.log)
	if err != nil {
		return nil, err
	}
	a.dir = newDirectory(client)
	if err := a.openSealed(ctx); err != nil {
		a.dir.Close()
		return nil, err
	}
	if err := a.join(ctx); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *app) join(ctx context.Context) error {
	hardware, err := a.cfg.Proofs.HardwareKey.Keys()
	if err != nil {
		return err
	}
	a.passkeys, err = enroll.New(enroll.Config{
		RPID: a.cfg.RPID(), Origins: []string{strings.TrimSuffix(a.cfg.PublicURL, "/")}, RPName: a.cfg.Organisation,
		Store: a.store, Directory: a.dir, Sealer: a.box, Names: a.dir.Resolve, Frozen: a.store.IsFrozen, Now: now, Logger: a.log,
		HardwareOnly: func(ctx context.Context, of ad.Account, address string) (bool, error) {
			return a.engine.HardwareOnly(ctx, of, address)
		},
		ToldToo: func(ctx context.Context, account ad.GUID) ([]enroll.Notice, error) {
			return a.engine.ToldOfPasskey(ctx, account)
		},
		SessionIdle: a.cfg.Sessions.Idle, SessionAbsolute: a.cfg.Sessions.Absolute, SessionShort: a.cfg.Sessions.Short,
		InvitationValid: a.cfg.Enrolment.InvitationValid, Proofs: proofSettings(a.cfg, hardware), Courier: &a.notices,
	})
	if err != nil {
		return fmt.Errorf("start relying party: %w", err)
	}
	if a.judge, err = openJudge(a.cfg); err != nil {
		return err
	}
	host, _ := os.Hostname()
	settings := engineSettings(a.cfg, a.judge)
	policy, sids := a.resolve(ctx, a.cfg, a.dir, nil)
	a.sids = sids
	a.engine = workflow.New(workflow.Config{
		Store: a.store, Directory: a.dir, Policy: policy,
		Limits: settings.Limits,
		People: a.dir, Holders: holders{a.store, a.passkeys}, Freezes: a.store, Reminders: a.store, Sealer: a.box,
		RemindEverybody: settings.RemindEverybody,
		Judge:           settings.Judge, Proofs: a.store, Now: now, Logger: a.log,
		Executor: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()),
	})
	made, err := a.newNotices(ctx, a.cfg, a.dir)
	if err != nil {
		return err
	}
	a.notices.p.Store(made)
	return nil
}

func openJudge(cfg config.Config) (*password.Judge, error) {
	j, err := password.NewJudge(password.JudgeConfig{
		MinScore: cfg.Passwords.Strength, Banned: cfg.Passwords.Banned, BannedFile: cfg.Passwords.BannedFile,
		BreachedFile: cfg.Passwords.BreachedFile, Organisation: []string{cfg.Organisation},
	})
	if err != nil {
		return nil, fmt.Errorf("read password lists: %w", err)
	}
	return j, nil
}

func (a *app) close() {
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.log.Error("close database", "error", err)
		}
	}
	a.dir.Close()
}

func service(a config.Account) (ad.Service, error) {
	pw, err := a.Secret()
	if err != nil {
		return ad.Service{}, fmt.Errorf("service account %s: %w", a.Bind, err)
	}
	return ad.Service{Bind: a.Bind, Password: pw}, nil
}

// finder says what the directory has of what policies name.
type finder interface {
	ResolveGroup(ctx context.Context, dn string) (string, error)
	FindUnit(ctx context.Context, dn string) error
}

// resolving turns the groups of policies into SIDs, and looks their units up.
type resolving struct {
	in   finder
	sids map[string]string // by DN, as they were found last; of units by unitKey
	log  *slog.Logger
	// unanswered: of something nobody could say whether it is there.
	unanswered bool
}

// unitKey keeps a unit apart from a group of the same name.
func unitKey(dn string) string { return "ou " + dn }

// resolve turns the groups of the policies into SIDs, and looks their units up. known
// are those that were found before, in the same directory; what it returns takes their
// place once the policy counts.
func (a *app) resolve(ctx context.Context, cfg config.Config, in finder, known map[string]string) (workflow.Policy, map[string]string) {
	r := newResolving(in, known, a.log)
	p := r.policy(ctx, cfg)
	a.unanswered.Store(r.unanswered)
	return p, r.sids
}

func (r *resolving) group(ctx context.Context, g *workflow.Group) {
	if g == nil {
		return
	}
	g.SID, g.Err = r.find("group", g.DN, g.DN, func() (string, error) { return r.in.ResolveGroup(ctx, g.DN) })
}

func (r *resolving) unit(ctx context.Context, c *workflow.Condition) {
	if c.OU == "" {
		return
	}
	_, c.OUErr = r.find("unit", c.OU, unitKey(c.OU), func() (string, error) { return "found", r.in.FindUnit(ctx, c.OU) })
}

// find: what can't be found denies, and never lets anybody in.
func (r *resolving) find(what, dn, key string, ask func() (string, error)) (found, failed string) {
	found, err := ask()
	r.unanswered = r.unanswered || errors.Is(err, ad.ErrUnavailable)
	switch {
	case err == nil:
		r.sids[key] = found
		return found, ""
	case errors.Is(err, ad.ErrUnavailable) && r.sids[key] != "":
		// Nobody answers, which says nothing about it: what was found counts.
		r.log.Warn(what+" of a policy can't be looked up again", what, dn, "error", err)
		return r.sids[key], ""
	}
	delete(r.sids, key)
	r.log.Error("resolve "+what+" of a policy: its rule denies", what, dn, "error", err)
	return "", err.Error()
}

// groupsAgain is how often the groups and units of the policies are looked up again:
// one that was missing at start, was renamed, or was made anew under the same name.
const groupsAgain = 5 * time.Minute

// groupsSoon likewise, where nobody answered: a server that starts before its directory
// denies no longer than that.
const groupsSoon = 10 * time.Second

func (a *app) resolvesIn() time.Duration {
	if a.unanswered.Load() {
		return groupsSoon
	}
	return groupsAgain
}

// watchEvery is the pause between two looks at an account after an unlock: a
// person still has the page open when it locks again.
const watchEvery = 20 * time.Second

// watchFor: 0 in the file means not at all, in workflow the default.
func watchFor(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// jobs start expiry, takeover and watching; a first look at the directory;
// purging; groups. They run until ctx ends; wait returns when the last of them has.
func (a *app) jobs(ctx context.Context) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() { a.engine.Run(ctx) })
	running.Go(func() { a.lookAtDirectory(ctx) })
	running.Go(func() { every(ctx, time.Minute, func() { a.purge(ctx) }) })
	running.Go(func() { a.present(ctx) })
	running.Go(func() { a.notices.run(ctx, a.log) })
	running.Go(func() { a.remind(ctx) })
	if a.first != nil {
		go a.first() // may outlast a stop: nothing waits for an ACME server
	}
	if a.certificate != nil {
		running.Go(func() { a.certificate.Watch(ctx, server.CertificateEvery) })
	}
	running.Go(func() { varying(ctx, a.resolvesIn, func() { a.resolveAgain(ctx) }) })
	return running.Wait
}

func (a *app) purge(ctx context.Context) {
	if _, err := a.passkeys.Purge(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("purge", "error", err)
	}
	if _, err := a.store.PurgeLimits(ctx, now()); err != nil && ctx.Err() == nil {
		a.log.Error("purge limits", "error", err)
	}
}

func every(ctx context.Context, d time.Duration, do func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			do()
		}
	}
}

// varying is every, with a pause that is asked for each time.
func varying(ctx context.Context, pause func() time.Duration, do func()) {
	for {
		t := time.NewTimer(pause())
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			do()
		}
	}
}

// invite makes a link for one person.
func (a *app) invite(ctx context.Context, call inviteCall) (inviteAnswer, error) {
	id, err := a.dir.Resolve(ctx, call.Account)
	if errors.Is(err, ad.ErrNotFound) {
		return inviteAnswer{}, errNobody
	}
	if err != nil {
		return inviteAnswer{}, err
	}
	who, err := a.dir.Account(ctx, id)
	if err != nil {
		return inviteAnswer{}, err
	}
	valid := call.Valid
	if valid == 0 {
		valid = a.config().Enrolment.InvitationValid
	}
	ask := a.config().Enrolment.Password
	if call.Password != nil {
		ask = *call.Password
	}
	token, inv, err := a.passkeys.Invite(ctx, id, audit.ActorOperator, ask, valid)
	if err != nil {
		return inviteAnswer{}, err
	}
	return inviteAnswer{Link: a.link(token.Reveal()), Name: plainName(who), Expires: inv.Expires}, nil
}

var errNobody = errors.New("the directory knows nobody, or more than one person, by that name")

// link carries the token in the fragment, which no browser ever sends.
func (a *app) link(token string) string {
	return strings.TrimSuffix(a.cfg.PublicURL, "/") + "/enrol#" + token
}

// plainName is a name that can't draw on a terminal: control characters are cut.
func plainName(a ad.Account) string {
	name := a.DisplayName
	if name == "" {
		name = a.SAMAccountName
	}
	return plainText(name)
}

func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
}
