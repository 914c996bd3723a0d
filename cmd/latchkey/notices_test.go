package main

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/workflow"
)

// The number on the app's icon is that of the first page: whoever opens it by a push
// that asks for a lift finds it in the inbox.
func TestABadgeCountsAFreezeThatItsReaderMayLift(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(1, 1)), 1)
	r.dc.AddUser(minidc.User{Name: "boss", Account: "boss", Password: "Start-Value-001!"})
	r.dc.AddUser(minidc.User{Name: "ann", Account: "ann", Password: "Start-Value-001!", Attributes: map[string][]string{"manager": {"CN=boss,CN=Users," + realmBase}}})
	byManager := object{"prove": []string{"passkey"}, "approve": []any{object{"by": "manager"}}}
	r.write(t, r.config, []any{object{"name": "all", "who": object{"everyone": true}, "reset": byManager}})
	cfg, err := config.Load(r.config)
	must(t, err)
	said := &bytes.Buffer{}
	a, err := openApp(t.Context(), cfg, streams{said, said})
	must(t, err)
	defer a.close()
	resolve := func(name string) ad.GUID {
		id, err := a.dir.Resolve(t.Context(), name)
		must(t, err)
		return id
	}
	ann, boss, other := resolve("ann"), resolve("boss"), resolve(r.names[0])
	counter := waits{a.store, a.engine}
	want := func(who ad.GUID, want int) {
		t.Helper()
		if n, err := counter.Waiting(t.Context(), who.String()); n != want || err != nil {
			t.Errorf("%d, %v; want %d", n, err, want)
		}
	}
	must(t, a.store.FreezeOwn(t.Context(), ann, time.Time{}, func([]*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Freeze: &workflow.Freeze{Account: ann, By: ann, At: now()}}, nil
	}))
	want(boss, 0) // nobody has asked for it
	must(t, a.store.AskThaw(t.Context(), ann, nil, func(f *workflow.Freeze) (workflow.Change, error) {
		f.Asked = now()
		return workflow.Change{}, nil
	}))
	want(boss, 1)
	want(other, 0)
	want(ann, 0)
	must(t, a.store.Create(t.Context(), workflow.Request{
		ID: "r", Kind: workflow.KindReset, State: workflow.Pending, Requester: other, Target: other, Asked: []workflow.Seat{{Account: boss, At: now()}},
		Created: now(), Updated: now(), Deadline: now().Add(time.Hour),
	}, workflow.Change{}))
	want(boss, 2)
	if n, err := counter.Waiting(t.Context(), "nobody"); n != 0 || err == nil {
		t.Errorf("no account: %d, %v", n, err)
	}
}
