package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/workflow"
)

// circumstances are the flags that say where, when and with what; all may be left out.
type circumstances struct{ From, At, Device string }

// atLayouts are the ways to write a moment; without a zone it is this machine's.
var atLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"}

func (c circumstances) read() (at workflow.Circumstances, err error) {
	at.Now = now()
	if c.From != "" {
		if at.Address, err = netip.ParseAddr(c.From); err != nil {
			return at, fmt.Errorf("--from: %q is no address, such as 203.0.113.7", c.From)
		}
	}
	switch at.Device = workflow.Device(c.Device); at.Device {
	case "", workflow.DeviceNew, workflow.DeviceKnown:
	default:
		return at, fmt.Errorf("--device: %q is neither new nor known", c.Device)
	}
	if c.At == "" {
		return at, nil
	}
	for _, layout := range atLayouts {
		if at.Now, err = time.ParseInLocation(layout, c.At, time.Local); err == nil {
			return at, nil
		}
	}
	return at, fmt.Errorf("--at: %q is no moment, such as 2026-12-24T22:00 or 2026-12-24T22:00:00+01:00", c.At)
}

// policyReader is a directory that is open to ask what policies mean in it. It writes
// nothing, and needs no server.
type policyReader struct {
	dir *ad.Forest
	log *slog.Logger
}

// openPolicies opens the directory of a configuration, to be read with what its
// policies, and others, compare.
func openPolicies(cfg config.Config, s streams, others ...string) (policyReader, error) {
	attributes := cfg.Attributes()
	for _, name := range others {
		if !slices.ContainsFunc(attributes, func(a string) bool { return strings.EqualFold(a, name) }) {
			attributes = append(attributes, name)
		}
	}
	level := new(slog.LevelVar)
	level.Set(slog.LevelError)
	log := newLogger(config.Log{}, level, s)
	dir, err := openDirectory(cfg.Directory, attributes, log)
	return policyReader{dir, log}, err
}

// resolve is what a server does at its start: a group or unit that can't be found is said on
// standard error, and an error of its rule.
func (r policyReader) resolve(ctx context.Context, cfg config.Config) workflow.Policy {
	p := newResolving(r.dir, nil, r.log).policy(ctx, cfg)
	return p.Ready()
}

func (r policyReader) person(ctx context.Context, name string) (ad.Account, error) {
	id, err := r.dir.Resolve(ctx, name)
	if errors.Is(err, ad.ErrNotFound) {
		return ad.Account{}, fmt.Errorf("%s: %w", plainText(name), errNobody)
	}
	if err != nil {
		return ad.Account{}, err
	}
	return r.dir.Account(ctx, id)
}

func newResolving(in finder, known map[string]string, log *slog.Logger) *resolving {
	r := &resolving{in: in, sids: map[string]string{}, log: log}
	maps.Copy(r.sids, known)
	return r
}

// policy looks up what the policies name, see app.resolve.
func (r *resolving) policy(ctx context.Context, cfg config.Config) workflow.Policy {
	p := cfg.Policy()
	for i := range p.Rules {
		p.Rules[i].Who.Walk(func(c *workflow.Condition, _ bool) {
			r.group(ctx, c.Group)
			r.unit(ctx, c)
		})
		for _, act := range p.Rules[i].Acts {
			for _, tier := range act.Approve {
				r.group(ctx, tier.By.Group)
				if tier.Else != nil {
					r.group(ctx, tier.Else.Group)
				}
			}
		}
	}
	return p
}

// loadPolicies reads a configuration; a broken one is reported as `config check`
// reports it.
func loadPolicies(path string, s streams) (config.Config, error) {
	cfg, err := config.Load(path)
	var found config.Problems
	if errors.As(err, &found) {
		for _, p := range found {
			fmt.Fprintln(s.err, p)
		}
		return cfg, errShown
	}
	return cfg, err
}
