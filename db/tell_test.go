package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
)

var bert, carl = ad.GUID{2}, ad.GUID{3}

// listener writes down what the hooks are told. They run on the writer's
// goroutine, and each is over before its change has an answer.
type listener struct {
	*Store
	heard []string
	kicks int
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{}
	s, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), Box: dbtest.Box(),
		Changed: func(id string, version int64, audience []ad.GUID) {
			r, err := l.Request(context.Background(), id)
			if err != nil || r.Version < version {
				t.Errorf("told of version %d before it was committed: %d, %v", version, r.Version, err)
			}
			l.heard = append(l.heard, fmt.Sprint(id, version, audience))
		},
		Outbox: func() { l.kicks++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Store = s
	t.Cleanup(func() { _ = s.Close() })
	return l
}

func (l *listener) want(t *testing.T, kicks int, heard ...string) {
	t.Helper()
	if !slices.Equal(l.heard, heard) || l.kicks != kicks {
		t.Errorf("heard %q and %d kicks, want %q and %d", l.heard, l.kicks, heard, kicks)
	}
	l.heard, l.kicks = nil, 0
}

func asks(r *workflow.Request, accounts ...ad.GUID) {
	r.Asked = nil
	for _, account := range accounts {
		r.Asked = append(r.Asked, workflow.Seat{Account: account})
	}
}

func TestHooksHearOfEachCommittedChange(t *testing.T) {
	l, ctx := listen(t), t.Context()
	notice := workflow.Change{Notices: []workflow.Notice{{To: anna, Kind: "k"}}}
	r := workflow.Request{ID: "r", Requester: anna, Target: anna}
	asks(&r, bert)
	if err := l.Create(ctx, r, notice); err != nil {
		t.Fatal(err)
	}
	l.want(t, 1, fmt.Sprint("r", 0, []ad.GUID{anna, bert}))
	// Who no longer has a seat is told as well.
	err := l.Update(ctx, "r", func(r *workflow.Request) (workflow.Change, error) {
		asks(r, carl)
		return workflow.Change{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.want(t, 0, fmt.Sprint("r", 1, []ad.GUID{anna, carl, bert}))
	claimed, err := l.ClaimNotices(ctx, l.tx.now(), 1, 1)
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	l.want(t, 0)
	if err := l.Fan(ctx, claimed[0].ID, []push.Delivery{{Kind: "k"}}); err != nil {
		t.Fatal(err)
	}
	l.want(t, 1)
	if _, err := l.Remind(ctx, anna, l.tx.now(), 7, workflow.Notice{To: anna}); err != nil {
		t.Fatal(err)
	}
	l.want(t, 1)
}

func TestHooksHearNothingOfWhatWasRolledBack(t *testing.T) {
	l, ctx := listen(t), t.Context()
	if err := l.Create(ctx, workflow.Request{ID: "r", Requester: anna}, workflow.Change{}); err != nil {
		t.Fatal(err)
	}
	l.want(t, 0, fmt.Sprint("r", 0, []ad.GUID{anna}))
	update := func(fault error) func(*tx) error {
		return func(tx *tx) error {
			r := workflow.Request{ID: "r", Requester: anna, Version: 9}
			c := workflow.Change{Notices: []workflow.Notice{{To: anna}}}
			return errors.Join(tx.updateRequest(r, r, c), fault)
		}
	}
	// In one batch: what failed says nothing, what went through does.
	no := errors.New("no")
	batchOf(t, l.Store, func() {}, update(no), recordOne, update(no))
	l.want(t, 0)
	batchOf(t, l.Store, func() {}, update(no), update(nil), update(no))
	l.want(t, 1, fmt.Sprint("r", 9, []ad.GUID{anna}))
	// The commit fails, and nobody hears of the batch then or later.
	l.tx.fault = func(query string) error {
		if query == `COMMIT` {
			return ErrFull
		}
		return nil
	}
	if err := l.write(ctx, update(nil)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	l.tx.fault = nil
	l.want(t, 0)
	if err := l.Record(ctx, signedIn()); err != nil {
		t.Fatal(err)
	}
	l.want(t, 0)
}

func TestAHookThatPanicsUndoesNothing(t *testing.T) {
	calls := 0
	s, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), Box: dbtest.Box(),
		Changed: func(string, int64, []ad.GUID) { calls++; panic("a hook") },
		Outbox:  func() { calls++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for i := range 2 {
		c := workflow.Change{Notices: []workflow.Notice{{To: anna}}}
		if err := s.Create(t.Context(), workflow.Request{ID: fmt.Sprint(i), Requester: anna}, c); err != nil {
			t.Error(err)
		}
	}
	if n, err := s.CountRequests(t.Context(), anna); err != nil || n != 2 || calls != 4 {
		t.Errorf("%d requests, %v, %d calls", n, err, calls)
	}
}
