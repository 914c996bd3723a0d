package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// way is how somebody comes to be protected.
type way struct {
	name    string
	protect func(w *world.World, p *world.Person)
}

// The groups that AdminSDHolder protects (Appendix C of Microsoft's best
// practices for securing Active Directory); rid is 0 where the group lies in
// Builtin and can't be anybody's primary group.
var protectedGroups = []struct {
	name string
	rid  int
}{
	{"Account Operators", 0}, {"Administrators", 0}, {"Backup Operators", 0}, {"Print Operators", 0}, {"Replicator", 0},
	{"Server Operators", 0},
	{"Domain Admins", 512}, {"Domain Controllers", 516}, {"Schema Admins", 518}, {"Enterprise Admins", 519},
	{"Read-only Domain Controllers", 521}, {"Key Admins", 526}, {"Enterprise Key Admins", 527},
}

// ways are membership in each of them directly, over two more groups, and by
// primary group; and the marks that protect without a group.
func ways() (all []way) {
	for _, g := range protectedGroups {
		dn := "CN=" + g.name + ",CN=Users," + world.Base
		if g.rid == 0 {
			dn = "CN=" + g.name + ",CN=Builtin," + world.Base
		}
		all = append(all,
			way{g.name, func(w *world.World, p *world.Person) { join(w, dn, p.DN) }},
			way{g.name + " nested", func(w *world.World, p *world.Person) {
				inner, outer := "Inner "+p.Account, "Outer "+p.Account
				w.DC.AddGroup(minidc.Group{Name: inner, Members: []string{p.DN}})
				w.DC.AddGroup(minidc.Group{Name: outer, Members: []string{"CN=" + inner + ",CN=Users," + world.Base}})
				join(w, dn, "CN="+outer+",CN=Users,"+world.Base)
			}})
		if g.rid != 0 {
			all = append(all, way{g.name + " by primary group", func(w *world.World, p *world.Person) {
				w.DC.Set(p.DN, "primaryGroupID", fmt.Sprint(g.rid))
			}})
		}
	}
	return append(all,
		way{"adminCount", func(w *world.World, p *world.Person) { w.DC.Set(p.DN, "adminCount", "1") }},
		way{"configured group", func(w *world.World, p *world.Person) { join(w, tier0, p.DN) }},
	)
}

const tier0 = "CN=Tier 0,CN=Users," + world.Base

func join(w *world.World, group, member string) {
	w.DC.Set(group, "member", append(slices.Clone(w.DC.Get(group, "member")), member)...)
}

// Somebody who enrolled as an ordinary person and is protected by now gets
// nothing: no kind at submit, and nothing that was approved before.
func TestWhoBecomesProtectedIsRefusedAtSubmitAndAtExecute(t *testing.T) {
	t.Parallel()
	all := ways()
	w := open(t, world.Options{
		Settings: map[string]any{"directory": map[string]any{"protected_groups": []string{tier0}}},
		Fill:     func(w *world.World) { w.DC.AddGroup(minidc.Group{Name: "Tier 0"}) },
	})
	people := enrolMany(t, w, len(all))
	pending := map[*world.Person]phone.Request{}
	for i, p := range people {
		kind := []string{"reset", "one-time", "change"}[i%3]
		pending[p] = approved(t, p, kind)
		lock(w, p)
	}
	for i, p := range people {
		t.Run(strings.ReplaceAll(all[i].name, " ", "-"), func(t *testing.T) {
			check := unchanged(t, w, p)
			all[i].protect(w, p)
			check = unchangedSince(t, w, p, check)
			r := pending[p]
			_, err := p.Phone.Execute(t.Context(), r.ID, lastStep(p, r.Kind))
			refused(t, err, 403, "account.protected")
			for _, kind := range []string{"unlock", "reset", "change", "one-time"} {
				_, err := p.Phone.Submit(t.Context(), kind)
				refused(t, err, 403, "account.protected")
			}
			// Whoever signs in anew sees the account, and can do as little.
			world.Must(t, p.Phone.SignIn(t.Context()))
			_, err = p.Phone.Submit(t.Context(), "unlock")
			refused(t, err, 403, "account.protected")
			check()
			// A new phone may be enrolled, to look on: a bind writes nothing.
			w.DC.Set(p.DN, "lockoutTime", "0")
			_, err = w.NewPhone().ProvePassword(t.Context(), w.Invite(p.Account), p.Password)
			world.Must(t, err)
		})
	}
	if n := w.DC.Counters(); n.Modifies != 0 || n.BadBinds != 0 {
		t.Errorf("the directory saw %d writes and %d wrong passwords", n.Modifies, n.BadBinds)
	}
	log := w.Export()
	for _, p := range people {
		wantNone(t, actions(t, log, pending[p].ID), "execution.intended")
		wantLast(t, actions(t, log, pending[p].ID), "execution.failed")
		wantEvent(t, log, p.ID.String(), "request.denied", "account.protected")
	}
}

// unchangedSince takes the fixture's own change for the new beginning.
func unchangedSince(t *testing.T, w *world.World, p *world.Person, before func()) func() {
	t.Helper()
	before()
	return unchanged(t, w, p)
}

func lastStep(p *world.Person, kind string) phone.Fields {
	switch kind {
	case "reset":
		return phone.Fields{"password": "Harbour-Lantern-1"}
	case "change":
		return phone.Fields{"password": "Harbour-Lantern-1", "old": p.Password}
	}
	return phone.Fields{}
}

// enrolMany enrols people a few at a time.
func enrolMany(t *testing.T, w *world.World, n int) []*world.Person {
	t.Helper()
	people := make([]*world.Person, n)
	for i := range people {
		people[i] = w.Hire(minidc.User{Account: fmt.Sprintf("q%03d", i), Password: fmt.Sprintf("Start-Value-%03d!", i)})
	}
	queue := make(chan *world.Person, n)
	for _, p := range people {
		queue <- p
	}
	close(queue)
	var hands sync.WaitGroup
	for range 4 {
		hands.Go(func() {
			for p := range queue {
				enrolOne(t, w, p)
			}
		})
	}
	hands.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return people
}

// enrolOne may run beside the test's own goroutine, so it ends nothing.
func enrolOne(t *testing.T, w *world.World, p *world.Person) {
	out, err := w.Command("invite", "--config", w.Config, p.Account).Output()
	if err != nil {
		t.Errorf("invite %s: %v", p.Account, err)
		return
	}
	_, link, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	made, err := phone.New(w.URL)
	if err == nil {
		err = made.Enrol(t.Context(), link, p.Password)
	}
	if err != nil {
		t.Errorf("enrol %s: %v", p.Account, err)
	}
	p.Phone = made
}

// The check on the connection that writes: protected when the intent is committed
// already, and the write not yet sent.
func TestWhoBecomesProtectedBetweenIntentAndWriteIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	r := approved(t, p, "reset")
	lock(w, p)
	check := unchanged(t, w, p)
	clear := w.DC.Inject(minidc.Slow(300 * time.Millisecond).On(minidc.OpSearch))
	defer clear()
	answered := make(chan error, 1)
	go func() {
		_, err := p.Phone.Clone().Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		answered <- err
	}()
	soon(t, 20*time.Second, "the intent", func() bool {
		now, err := p.Phone.Read(t.Context(), r.ID)
		return err == nil && now.State == "executing"
	})
	w.DC.Set("CN=Domain Admins,CN=Users,"+world.Base, "member", p.DN)
	check = unchangedSince(t, w, p, check)
	refused(t, <-answered, 403, "account.protected")
	check()
	if n := w.DC.Counters().Modifies; n != 0 {
		t.Errorf("the directory saw %d writes", n)
	}
	clear()
	wantLast(t, actions(t, w.Export(), r.ID), "execution.failed")
}
