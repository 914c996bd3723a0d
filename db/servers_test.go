package db

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

func opened(dsn, name string, keys ...byte) (*Store, error) {
	var all [][]byte
	for _, k := range keys {
		all = append(all, bytes.Repeat([]byte{k}, 32))
	}
	box, err := secret.NewBox(all...)
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), Config{DSN: secret.New(dsn), Box: box, Name: name})
}

func keyed(t *testing.T, dsn, name string, keys ...byte) *Store {
	t.Helper()
	s, err := opened(dsn, name, keys...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestAServerSaysWhichKeysItHasUntilItIsClosed(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	a, b, plain := keyed(t, dsn, "a", 1), keyed(t, dsn, "b", 2, 1), openRemote(t, dsn)
	for _, s := range []*Store{a, b, plain} {
		if err := s.Present(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	others, err := a.Others(t.Context())
	if err != nil || len(others) != 2 {
		t.Fatalf("%+v, %v", others, err)
	}
	i := slices.IndexFunc(others, func(o Server) bool { return o.Name == "b" })
	if i < 0 || !slices.Equal(others[i].Keys, b.sealer.box.IDs()) || others[i].Silent < 0 || others[i].Silent > 60 {
		t.Errorf("%+v", others)
	}
	if err := errors.Join(b.Close(), plain.Close()); err != nil {
		t.Fatal(err)
	}
	if others, err = a.Others(t.Context()); err != nil || len(others) != 0 {
		t.Errorf("after closing: %+v, %v", others, err)
	}
}

// A server that was killed, or has lost its way, is not waited for longer than this.
func TestAServerThatIsSilentDoesNotCount(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	a, b := keyed(t, dsn, "a", 1), keyed(t, dsn, "b", 1)
	if err := b.Present(t.Context()); err != nil {
		t.Fatal(err)
	}
	for silent, counts := range map[int]int{presentForSeconds / 2: 1, presentForSeconds + 1: 0} {
		err := a.write(t.Context(), func(t *tx) error {
			_, err := t.exec(`UPDATE writers SET at = `+postgresNow+` - $1 WHERE holder = $2`, silent*1000, b.holder)
			return err
		})
		if others, more := a.Others(t.Context()); err != nil || more != nil || len(others) != counts {
			t.Errorf("%d s: %+v, %v, %v", silent, others, err, more)
		}
	}
}

const presentForSeconds = int(presentFor / 1e9)

// A server that did not answer while its key was rotated away changes nothing, for
// what it did in the directory it could not record.
func TestAServerWithARetiredKeyChangesNothing(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	a, b, staged := keyed(t, dsn, "a", 2, 1), keyed(t, dsn, "b", 1), keyed(t, dsn, "c", 1, 2)
	sub := push.Subscription{ID: "s", Account: anna.String(), Endpoint: "https://push.example/1", Auth: []byte("a")}
	if _, err := b.SaveSubscription(t.Context(), sub, 5); err != nil {
		t.Fatal(err)
	}
	r := workflow.Request{ID: "r", Target: anna, Requester: anna, Kind: workflow.KindUnlock, State: workflow.Approved}
	if err := a.Create(t.Context(), r, workflow.Change{}); err != nil {
		t.Fatal(err)
	}
	rotated(t, a, b.sealer.box.IDs())
	sub.ID, sub.Endpoint = "t", "https://push.example/2"
	for _, s := range []*Store{b, staged} {
		if _, err := s.SaveSubscription(t.Context(), sub, 5); !errors.Is(err, ErrRetiredKey) {
			t.Errorf("sealed with a retired key: %v", err)
		}
		err := s.Update(t.Context(), "r", func(r *workflow.Request) (workflow.Change, error) {
			r.State = workflow.Executing
			return workflow.Change{Events: []audit.Event{signedIn()}}, nil
		})
		if !errors.Is(err, ErrRetiredKey) {
			t.Errorf("an intent, which seals nothing: %v", err)
		}
		if err := s.Record(t.Context(), signedIn()); !errors.Is(err, ErrRetiredKey) {
			t.Errorf("an event: %v", err)
		}
		if err := s.Present(t.Context()); !errors.Is(err, ErrRetiredKey) {
			t.Errorf("that it works: %v", err)
		}
		if got, err := s.Request(t.Context(), "r"); err != nil || got.State != workflow.Approved {
			t.Errorf("the request is %s, %v", got.State, err)
		}
	}
	if _, err := opened(dsn, "d", 1, 2); !errors.Is(err, ErrRetiredKey) {
		t.Errorf("a server that starts: %v", err)
	}
	if _, err := a.SaveSubscription(t.Context(), sub, 5); err != nil {
		t.Errorf("with the new key: %v", err)
	}
	if under, err := a.SealedUnder(t.Context()); err != nil || len(under) != 1 || under[a.sealer.box.Active()] != 4 {
		t.Errorf("%v, %v", under, err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if _, err := secret.LoadBox(file, true); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{b, staged} {
		if err := s.sealer.box.Load(file); err != nil {
			t.Fatal(err)
		}
		if err := s.Record(t.Context(), signedIn()); err != nil {
			t.Errorf("once the key file was read again: %v", err)
		}
	}
	verified(t, a)
}

// rotated ends a rotation to the key of s.
func rotated(t *testing.T, s *Store, retired []string) {
	t.Helper()
	for at := (ResealAt{}); !at.Done; {
		var err error
		if at, _, err = s.Reseal(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	e := audit.Event{Action: audit.KeysRotated, Actor: audit.ActorOperator, Outcome: audit.OK, Detail: map[string]any{
		"key": s.sealer.box.Active(), "retired": retired, "resealed": 2,
	}}
	if err := s.RecordRotation(t.Context(), s.sealer.box.Active(), retired, e); err != nil {
		t.Fatal(err)
	}
}
