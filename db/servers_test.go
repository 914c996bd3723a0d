package db

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
)

func keyed(t *testing.T, dsn, name string, keys ...byte) *Store {
	t.Helper()
	var all [][]byte
	for _, k := range keys {
		all = append(all, bytes.Repeat([]byte{k}, 32))
	}
	box, err := secret.NewBox(all...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), Config{DSN: secret.New(dsn), Box: box, Name: name})
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

// A server that did not answer while its key was rotated away seals nothing with it;
// what it changes besides is nobody's loss.
func TestARetiredKeySealsNothing(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	a, b := keyed(t, dsn, "a", 2, 1), keyed(t, dsn, "b", 1)
	sub := push.Subscription{ID: "s", Account: anna.String(), Endpoint: "https://push.example/1", Auth: []byte("a")}
	if _, err := b.SaveSubscription(t.Context(), sub, 5); err != nil {
		t.Fatal(err)
	}
	for at := (ResealAt{}); !at.Done; {
		var err error
		if at, _, err = a.Reseal(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	retired := b.sealer.box.IDs()
	e := audit.Event{Action: audit.KeysRotated, Actor: audit.ActorOperator, Outcome: audit.OK, Detail: map[string]any{
		"key": a.sealer.box.Active(), "retired": retired, "resealed": 2,
	}}
	if err := a.RecordRotation(t.Context(), a.sealer.box.Active(), retired, e); err != nil {
		t.Fatal(err)
	}
	sub.ID, sub.Endpoint = "t", "https://push.example/2"
	if _, err := b.SaveSubscription(t.Context(), sub, 5); !errors.Is(err, ErrRetiredKey) {
		t.Errorf("sealed with a retired key: %v", err)
	}
	if err := b.Record(t.Context(), signedIn()); err != nil {
		t.Errorf("what is not sealed: %v", err)
	}
	if _, err := a.SaveSubscription(t.Context(), sub, 5); err != nil {
		t.Errorf("with the new key: %v", err)
	}
	if under, err := a.SealedUnder(t.Context()); err != nil || len(under) != 1 || under[a.sealer.box.Active()] != 4 {
		t.Errorf("%v, %v", under, err)
	}
	verified(t, a)
}
