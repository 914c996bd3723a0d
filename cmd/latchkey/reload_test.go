package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/server"
)

// withGroup is the file of an installation whose one policy is for a group.
func (in installation) withGroup(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(in.config)
	must(t, err)
	head, _, _ := strings.Cut(string(text), "policies:")
	dn := "CN=" + name + ",OU=Groups," + in.base
	must(t, os.WriteFile(in.config, fmt.Appendf(nil, "%spolicies: [{name: all, who: {group: %q}, unlock: {prove: [passkey]}}]\n", head, dn), 0o600))
}

// A reload that is refused leaves nothing of what it found in the directory: later,
// while nobody answers there, it would count in the policies that run.
func TestARefusedReloadLeavesNoGroupBehind(t *testing.T) {
	in := install(t)
	in.withGroup(t, "Helpdesk")
	cfg, err := config.Load(in.config)
	must(t, err)
	said := &bytes.Buffer{}
	a, err := openApp(t.Context(), cfg, streams{said, said})
	must(t, err)
	defer a.close()
	a.path, a.web = in.config, &server.Server{}
	before := maps.Clone(a.sids)
	if len(before) != 1 {
		t.Fatalf("groups %v: %s", before, said)
	}
	in.withGroup(t, "IT-Security")
	file := filepath.Join(in.data, databaseName)
	must(t, os.Rename(file, file+".moved")) // takes no write any more
	_, err = a.reload(t.Context(), reloadCall{By: "command"})
	if !errors.Is(err, db.ErrGone) || !strings.HasPrefix(err.Error(), "nothing was changed") {
		t.Fatalf("reload: %v", err)
	}
	if !maps.Equal(a.sids, before) {
		t.Errorf("groups %v, before %v", a.sids, before)
	}
	must(t, os.Rename(file+".moved", file))
	_, err = a.reload(t.Context(), reloadCall{By: "command"})
	must(t, err)
	if maps.Equal(a.sids, before) {
		t.Errorf("groups %v", a.sids)
	}
}

// down is a directory that nobody answers for.
type down struct{}

func (down) ResolveGroup(context.Context, string) (string, error) { return "", ad.ErrUnavailable }

func (down) FindUnit(context.Context, string) error { return ad.ErrUnavailable }

// Another directory may know another group by the same name.
func TestGroupsOfAnotherDirectoryAreForgotten(t *testing.T) {
	in := install(t)
	in.withGroup(t, "Helpdesk")
	cfg, err := config.Load(in.config)
	must(t, err)
	said := &bytes.Buffer{}
	a, err := openApp(t.Context(), cfg, streams{said, said})
	must(t, err)
	defer a.close()
	if p, _ := a.resolve(t.Context(), cfg, down{}, a.sids); p.Rules[0].Who.Group.SID == "" {
		t.Error("an outage forgets a group")
	}
	a.dir.replace(mustOpen(t, a, cfg)) // nobody answers for the old one either
	other := cfg
	other.Directory.Controllers = []string{"ldaps://127.0.0.1:1"}
	made, err := a.prepare(t.Context(), other)
	must(t, err)
	defer made.dir.Close()
	if g := made.policy.Rules[0].Who.Group; g.SID != "" || g.Err == "" || len(made.sids) != 0 {
		t.Errorf("group %+v, kept %v", g, made.sids)
	}
}

// mustOpen is a directory at an address where nobody listens.
func mustOpen(t *testing.T, a *app, cfg config.Config) *ad.Forest {
	t.Helper()
	cfg.Directory.Controllers = []string{"ldaps://127.0.0.1:1"}
	d, err := openDirectory(cfg.Directory, cfg.Attributes(), a.log)
	must(t, err)
	return d
}

func TestAReloadWhoseRecordIsUnknownSaysSo(t *testing.T) {
	err := notRecorded(fmt.Errorf("record: %w", db.ErrUnknown))
	if !errors.Is(err, db.ErrUnknown) || strings.Contains(err.Error(), "nothing was changed") || !strings.Contains(err.Error(), "reload again") {
		t.Error(err)
	}
}
