package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

const databaseName = "latchkey.db"

// app is the product without its HTTP edge: the store, the directory and the
// rules, joined. The data directory's lock is its caller's.
type app struct {
	cfg      config.Config
	log      *slog.Logger
	store    *db.Store
	dir      *ad.Client
	passkeys *enroll.Service
	engine   *workflow.Engine
	judge    *password.Judge
	live     *server.Broker
	notices  notices
}

// openApp joins the packages. It asks the directory for the groups of the
// policies; one that can't be resolved denies until a later try finds it.
func openApp(ctx context.Context, cfg config.Config, s streams) (*app, error) {
	a := &app{cfg: cfg, log: newLogger(cfg.Log, s), live: server.NewBroker()}
	var err error
	if a.dir, err = openDirectory(cfg.Directory, a.log); err != nil {
		return nil, err
	}
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
	var err error
	a.passkeys, err = enroll.New(enroll.Config{
		RPID: a.cfg.RPID(), Origins: []string{strings.TrimSuffix(a.cfg.PublicURL, "/")}, RPName: a.cfg.Organisation,
		Store: a.store, Directory: a.dir, Frozen: a.store.IsFrozen, Logger: a.log,
		SessionIdle: a.cfg.Sessions.Idle, SessionAbsolute: a.cfg.Sessions.Absolute, SessionShort: a.cfg.Sessions.Short,
		InvitationValid: a.cfg.Enrolment.InvitationValid,
	})
	if err != nil {
		return fmt.Errorf("start relying party: %w", err)
	}
	if a.judge, err = openJudge(a.cfg); err != nil {
		return err
	}
	host, _ := os.Hostname()
	a.engine = workflow.New(workflow.Config{
		Store: a.store, Directory: a.dir, Policy: a.resolve(ctx),
		Limits: workflow.Limits{
			Approved: a.cfg.Requests.Approved, Watch: a.cfg.Requests.Watch, WatchEvery: watchEvery, Review: a.cfg.Requests.Review,
		},
		People: a.dir, Holders: a.store, Freezes: a.store, Reminders: a.store,
		RemindEverybody: a.cfg.Reminders.To == config.RemindEverybody,
		Judge:           a.judge, Proofs: a.store, Logger: a.log,
		Executor: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()),
	})
	return a.openNotices(ctx)
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
	if a.judge != nil {
		a.judge.Close()
	}
	a.dir.Close()
}

func openDirectory(d config.Directory, log *slog.Logger) (*ad.Client, error) {
	read, err := service(d.Read)
	if err != nil {
		return nil, err
	}
	var write ad.Service
	if d.Write != (config.Account{}) {
		if write, err = service(d.Write); err != nil {
			return nil, err
		}
	}
	c, err := ad.Open(ad.Config{
		Controllers: d.Controllers, CAFile: d.CAFile, BaseDN: d.BaseDN, Read: read, Write: write,
		ProtectedGroups: d.ProtectedGroups, ProtectedOUs: d.ProtectedOUs, OpTimeout: d.Timeout, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	return c, nil
}

func service(a config.Account) (ad.Service, error) {
	pw, err := a.Secret()
	if err != nil {
		return ad.Service{}, fmt.Errorf("service account %s: %w", a.Bind, err)
	}
	return ad.Service{Bind: a.Bind, Password: pw}, nil
}

// resolve turns the groups of the policies into SIDs.
func (a *app) resolve(ctx context.Context) workflow.Policy {
	p := a.cfg.Policy()
	for i := range p.Rules {
		a.resolveCondition(ctx, &p.Rules[i].Who)
		for _, act := range p.Rules[i].Acts {
			for _, tier := range act.Approve {
				a.resolveGroup(ctx, tier.By.Group)
				if tier.Else != nil {
					a.resolveGroup(ctx, tier.Else.Group)
				}
			}
		}
	}
	return p
}

func (a *app) resolveCondition(ctx context.Context, c *workflow.Condition) {
	a.resolveGroup(ctx, c.Group)
	if c.Not != nil {
		a.resolveCondition(ctx, c.Not)
	}
}

// resolveGroup: a group that can't be found denies, and never lets anybody in.
func (a *app) resolveGroup(ctx context.Context, g *workflow.Group) {
	if g == nil {
		return
	}
	sid, err := a.dir.ResolveGroup(ctx, g.DN)
	if err != nil {
		g.Err = err.Error()
		a.log.Error("resolve group of a policy: its rule denies", "group", g.DN, "error", err)
	}
	g.SID = sid
}

// groupsAgain is how often the groups of the policies are looked up again: one
// that was missing at start, or was made anew under the same name.
const groupsAgain = 5 * time.Minute

// watchEvery is the pause between two looks at an account after an unlock: a
// person still has the page open when it locks again.
const watchEvery = 20 * time.Second

// jobs start expiry, takeover and watching; a first look at the directory;
// purging; groups. They run until ctx ends; wait returns when the last of them has.
func (a *app) jobs(ctx context.Context) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() { a.engine.Run(ctx) })
	running.Go(func() { a.lookAtDirectory(ctx) })
	running.Go(func() { every(ctx, time.Minute, func() { a.purge(ctx) }) })
	running.Go(func() { a.notices.run(ctx, a.log) })
	running.Go(func() { a.remind(ctx) })
	running.Go(func() { every(ctx, groupsAgain, func() { a.engine.SetPolicy(a.resolve(ctx)) }) })
	return running.Wait
}

// lookAtDirectory says at start what nobody should learn from the first person
// who is locked out. The server runs without a directory: it may come later.
func (a *app) lookAtDirectory(ctx context.Context) {
	if err := a.dir.Ready(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("directory is not ready: nobody can be helped until it is", "error", err)
	}
}

func (a *app) purge(ctx context.Context) {
	if _, err := a.passkeys.Purge(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("purge", "error", err)
	}
	if _, err := a.store.PurgeLimits(ctx, time.Now()); err != nil && ctx.Err() == nil {
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
		valid = a.cfg.Enrolment.InvitationValid
	}
	ask := a.cfg.Enrolment.Password
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
