package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// neighbour is another server's Store, and what it was told.
type neighbour struct {
	*Store
	changed chan changed
	outbox  chan struct{}
	missed  chan struct{}
}

func openNeighbour(t *testing.T, dsn string) *neighbour {
	t.Helper()
	n := &neighbour{changed: make(chan changed, 100), outbox: make(chan struct{}, 100), missed: make(chan struct{}, 100)}
	s, err := Open(context.Background(), Config{
		DSN: secret.New(dsn), Box: dbtest.Box(),
		Changed: func(id string, version int64, audience []ad.GUID) { n.changed <- changed{id, version, audience} },
		Outbox:  func() { n.outbox <- struct{}{} },
		Missed:  func() { n.missed <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	n.Store = s
	wait(t, n.missed, "the first connection")
	wait(t, n.outbox, "the first connection")
	return n
}

func wait[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing was told: %s", what)
	}
	return v
}

func TestAnotherServerIsToldAfterACommit(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	a, b := openNeighbour(t, dsn), openNeighbour(t, dsn)
	r := workflow.Request{ID: "one", Requester: anna, Target: anna, Version: 7}
	for n := range 250 { // more than one payload holds
		r.Asked = append(r.Asked, workflow.Seat{Account: ad.GUID{9, byte(n), byte(n >> 8)}})
	}
	no := errors.New("no")
	err := a.Update(t.Context(), "none", func(*workflow.Request) (workflow.Change, error) { return workflow.Change{}, no })
	if err == nil {
		t.Fatal("there is no such request")
	}
	notice := workflow.Change{Notices: []workflow.Notice{{To: anna, Kind: "k"}}}
	if err := a.Create(t.Context(), r, notice); err != nil {
		t.Fatal(err)
	}
	own := wait(t, a.changed, "its own server")
	var told []ad.GUID
	for len(told) < len(own.audience) {
		part := wait(t, b.changed, "the other server")
		if part.id != "one" || part.version != 7 {
			t.Fatalf("told of %s, version %d", part.id, part.version)
		}
		told = append(told, part.audience...)
	}
	if !slices.Equal(told, own.audience) || len(told) != 251 {
		t.Errorf("%d were told of, %d here", len(told), len(own.audience))
	}
	wait(t, b.outbox, "the other server's outbox")
	// The next change shows that nothing else came between, here or there.
	next := workflow.Request{ID: "two", Requester: anna}
	if err := b.Create(t.Context(), next, workflow.Change{}); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]*neighbour{"a": a, "b": b} {
		if got := wait(t, n.changed, name); got.id != "two" {
			t.Errorf("%s was told of %s", name, got.id)
		}
	}
}

// The connection that listens is lost: everything may have been missed meanwhile.
func TestAServerThatHeardNothingReadsAgain(t *testing.T) {
	cluster := postgres.Shared(t)
	dsn := cluster.Database(t)
	a, b := openNeighbour(t, dsn), openNeighbour(t, dsn)
	for n := range 3 {
		cluster.Exec(t, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
			WHERE query LIKE 'LISTEN%' AND datname = '`+dbName(dsn)+`'`)
		wait(t, a.missed, "that a may have missed something")
		wait(t, b.missed, "that b may have missed something")
		if err := a.Create(t.Context(), workflow.Request{ID: fmt.Sprint(n), Requester: anna}, workflow.Change{}); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, b.changed, "b listens again"); got.id != fmt.Sprint(n) {
			t.Errorf("told of %s", got.id)
		}
	}
}
