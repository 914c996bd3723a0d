package db_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/push/pushtest"
	"github.com/latchkey/latchkey/workflow"
)

// The outbox over the real store: package push itself tests with one in memory.

var owner = ad.GUID{1, 2, 3}

type someone struct{}

func (someone) Person(context.Context, string) (push.Person, error) {
	return push.Person{Language: "de", Mail: "a@b.test"}, nil
}

// outboxOf opens a store in dir with a service that is woken by its commits.
func outboxOf(t *testing.T, dir string, phones *pushtest.Service, wrap func(push.Store) push.Store, now func() time.Time) (*db.Store, *push.Service) {
	t.Helper()
	var service atomic.Pointer[push.Service]
	store, err := db.Open(t.Context(), db.Config{Path: filepath.Join(dir, "latchkey.db"), Box: dbtest.Box(), Now: now, Outbox: func() {
		if s := service.Load(); s != nil {
			s.Kick()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := push.New(t.Context(), push.Config{
		Store: wrap(store), Directory: someone{}, Counter: store, Limits: store, PublicURL: "https://latchkey.example.test",
		Subject: "it@corp.example.test", Proxy: phones.Proxy, RootCAs: phones.Roots, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	service.Store(s)
	return store, s
}

func plainStore(s push.Store) push.Store { return s }

// running runs the outbox until the test, or the returned function, ends it.
func running(t *testing.T, s *push.Service) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	return func() { cancel(); <-ended }
}

func remind(t *testing.T, store *db.Store, days int) {
	t.Helper()
	_, err := store.Remind(t.Context(), owner, time.Now().Add(time.Hour), days, workflow.Notice{
		To: owner, Kind: workflow.NoticeExpiring, Params: map[string]string{"days": "7", "expires": "1796083200000", "canary": "Kanarienvogel"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func subscribe(t *testing.T, s *push.Service, b *pushtest.Browser) push.Subscription {
	t.Helper()
	sub, err := s.Subscribe(t.Context(), push.Subscription{Account: owner.String(), Endpoint: b.Endpoint, P256dh: b.P256dh, Auth: b.Auth, Device: "Firefox"})
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func TestACommittedNoticeReachesTheDeviceAndIsErased(t *testing.T) {
	dir, phones := t.TempDir(), pushtest.New(t, nil)
	store, s := outboxOf(t, dir, phones, plainStore, time.Now)
	stop := running(t, s)
	b := phones.Browser(t, "fcm.googleapis.com", s.PublicKey())
	sub := subscribe(t, s, b)
	remind(t, store, 7)
	m := phones.Wait(t, 1)[0]
	var p struct{ Notification struct{ Title, Lang string } }
	if err := json.Unmarshal(m.Payload, &p); err != nil || p.Notification.Title != "Ihr Passwort läuft in 7 Tagen ab" {
		t.Errorf("%s: %v", m.Payload, err)
	}
	if err := s.Test(t.Context(), owner.String(), sub.ID); err != nil {
		t.Error(err)
	}
	stop()
	got, err := s.Devices(t.Context(), owner.String())
	if err != nil || len(got) != 1 || got[0].Reached.IsZero() || got[0].Failed != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{b.Endpoint, "Kanarienvogel"} {
		for _, f := range files(t, dir) {
			if text, err := os.ReadFile(f); err != nil || bytes.Contains(text, []byte(private)) {
				t.Errorf("%s is in %s (%v)", private, f, err)
			}
		}
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all
}

// deaf is a store that can't be told any more how a delivery ended: what a kill
// between sending and writing down leaves.
type deaf struct {
	push.Store
	told chan struct{}
}

func (d deaf) DeliveredTogether(context.Context, time.Time, ...int64) error {
	close(d.told)
	return context.Canceled
}

func TestAfterAKillTheSameMessageIsSentAgainInItsPlace(t *testing.T) {
	dir, phones := t.TempDir(), pushtest.New(t, nil)
	told := make(chan struct{})
	store, s := outboxOf(t, dir, phones, func(s push.Store) push.Store { return deaf{s, told} }, time.Now)
	stop := running(t, s)
	b := phones.Browser(t, "fcm.googleapis.com", s.PublicKey())
	subscribe(t, s, b)
	remind(t, store, 7)
	<-told
	stop()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	later := func() time.Time { return time.Now().Add(5 * time.Minute) }
	store, s = outboxOf(t, dir, phones, plainStore, later)
	stop = running(t, s)
	got := phones.Wait(t, 2)
	stop()
	if got[0].Topic != got[1].Topic || got[0].Key != got[1].Key {
		t.Errorf("topics %s and %s, keys %s and %s", got[0].Topic, got[1].Topic, got[0].Key, got[1].Key)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADeviceThatIsGoneIsRemovedAndTheFailureLogged(t *testing.T) {
	phones := pushtest.New(t, nil)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	store, s := outboxOf(t, t.TempDir(), phones, plainStore, now)
	defer store.Close()
	phones.AnswerStatus(410)
	subscribe(t, s, phones.Browser(t, "fcm.googleapis.com", s.PublicKey()))
	stop := running(t, s)
	defer stop()
	remind(t, store, 7)
	await(t, "the device is removed", func() bool {
		n, err := store.CountSubscriptions(t.Context(), owner)
		return err == nil && n == 0
	})
	ahead.Store(int64(10 * time.Minute)) // when it is looked whether anybody was reached
	s.Kick()
	await(t, "the failure is in the log", func() bool {
		events, err := store.Events(t.Context(), owner, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Action == audit.NoticeFailed && bytes.Contains(e.Bytes, []byte(`"notice.no-way"`)) {
				return true
			}
		}
		return false
	})
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("never: %s", what)
		}
	}
}
