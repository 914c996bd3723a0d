package db

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

func openWith(t testing.TB, path string, box *secret.Box) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path, Box: box})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func notify(t testing.TB, s *Store, id string, params map[string]string) {
	t.Helper()
	c := workflow.Change{Notices: []workflow.Notice{{To: anna, Kind: workflow.NoticeReview, Params: params}}}
	if err := s.Create(t.Context(), workflow.Request{ID: id, Requester: anna}, c); err != nil {
		t.Fatal(err)
	}
}

func notices(t testing.TB, s *Store) []push.Notice {
	t.Helper()
	all, err := s.ClaimNotices(t.Context(), time.Now(), time.Nanosecond, 10)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// plain says which of them stand in the files.
func plain(t testing.TB, dir string, canaries ...string) (found []string) {
	t.Helper()
	for _, canary := range canaries {
		if inFiles(t, dir, canary) {
			found = append(found, canary)
		}
	}
	return found
}

func TestNothingSealedStandsInTheFiles(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := openAt(t, filepath.Join(dir, "x.db"))
	sub := push.Subscription{
		ID: "visible-subscription", Account: anna.String(), Endpoint: "https://push.example/canary-endpoint", Auth: []byte("canary-auth"),
	}
	if _, err := s.SaveSubscription(ctx, sub, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveSubscription(ctx, sub, 5); err != nil { // renewed
		t.Fatal(err)
	}
	if _, err := s.AddVAPIDKey(ctx, push.Keypair{ID: "k", Private: []byte("canary-private")}, true); err != nil {
		t.Fatal(err)
	}
	notify(t, s, "r", map[string]string{"canary-name": "canary-value"})
	d := push.Delivery{Kind: "k", Channel: push.ChannelPush, Subscription: sub.ID, Params: map[string]string{"p": "canary-delivery"}}
	if err := s.Fan(ctx, notices(t, s)[0].ID, []push.Delivery{d, d}); err != nil {
		t.Fatal(err)
	}
	canaries := []string{"canary-endpoint", "push.example", "canary-auth", "canary-private", "canary-name", "canary-value", "canary-delivery"}
	if found := plain(t, dir, canaries...); found != nil {
		t.Errorf("in the files: %q", found)
	}
	if err := s.foldWAL(); err != nil {
		t.Fatal(err)
	}
	if found := plain(t, dir, canaries...); found != nil {
		t.Errorf("in the folded file: %q", found)
	}
	if !inFiles(t, dir, "visible-subscription") {
		t.Error("nothing of it reached the files: the test tests nothing")
	}
}

func TestWhatEndedKeepsNoParameters(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := openAt(t, filepath.Join(dir, "x.db"))
	notify(t, s, "r", map[string]string{"a": "b"})
	d := push.Delivery{To: anna.String(), Kind: "k", Channel: push.ChannelMail, Params: map[string]string{"a": "b"}}
	if err := s.Fan(ctx, notices(t, s)[0].ID, []push.Delivery{d, d, d}); err != nil {
		t.Fatal(err)
	}
	all, err := s.ClaimDeliveries(ctx, time.Now(), time.Hour, 2, 2)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	bodies := sealedBodies(t, s)
	if len(bodies) != 3 { // the notice has none any more
		t.Fatalf("%d bodies", len(bodies))
	}
	now := time.Now()
	err = errors.Join(s.Delivered(ctx, all[0].ID, now), s.GiveUp(ctx, all[1].ID, now, "push.gone", nil), s.foldWAL())
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, body := range bodies {
		if inFiles(t, dir, string(body)) {
			left++
		}
	}
	if left != 1 || len(sealedBodies(t, s)) != 1 {
		t.Errorf("%d bodies are in the files, want that of the open one", left)
	}
	codes, err := list(ctx, s, scanText, `SELECT to_guid || ' ' || kind || ' ' || code FROM deliveries WHERE ended > 0 ORDER BY id`)
	if err != nil || len(codes) != 2 || codes[1] != anna.String()+" k push.gone" {
		t.Errorf("what is kept: %q, %v", codes, err)
	}
}

func sealedBodies(t testing.TB, s *Store) [][]byte {
	t.Helper()
	all, err := list(t.Context(), s, func(row scanner) (b []byte, err error) {
		err = row.Scan(&b)
		return b, err
	}, `SELECT body FROM deliveries WHERE body IS NOT NULL UNION ALL SELECT body FROM outbox WHERE body IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWithoutAKeyNothingSealedIsWrittenOrRead(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "x.db"), t.Context()
	with := openAt(t, path)
	notify(t, with, "r", nil)
	sub := push.Subscription{ID: "s", Account: anna.String(), Endpoint: "e"}
	if _, err := with.SaveSubscription(ctx, sub, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := with.AddVAPIDKey(ctx, push.Keypair{ID: "k"}, true); err != nil {
		t.Fatal(err)
	}
	before := dump(t, with)
	s := openWith(t, path, nil)
	now := time.Now()
	for name, op := range map[string]func() error{
		"create": func() error {
			return s.Create(ctx, workflow.Request{ID: "x"}, workflow.Change{Notices: []workflow.Notice{{To: anna}}})
		},
		"remind":           func() error { _, err := s.Remind(ctx, anna, now, 1, workflow.Notice{}); return err },
		"claim notices":    func() error { _, err := s.ClaimNotices(ctx, now, time.Hour, 9); return err },
		"claim deliveries": func() error { _, err := s.ClaimDeliveries(ctx, now, time.Hour, 9, 9); return err },
		"save": func() error {
			_, err := s.SaveSubscription(ctx, push.Subscription{ID: "n", Account: "a", Endpoint: "f"}, 5)
			return err
		},
		"renew":         func() error { _, err := s.SaveSubscription(ctx, sub, 5); return err },
		"subscription":  func() error { _, err := s.Subscription(ctx, "s"); return err },
		"subscriptions": func() error { _, err := s.Subscriptions(ctx, anna.String()); return err },
		"keys":          func() error { _, err := s.VAPIDKeys(ctx); return err },
		"add key":       func() error { _, err := s.AddVAPIDKey(ctx, push.Keypair{ID: "l"}, false); return err },
	} {
		if err := op(); !errors.Is(err, ErrNoKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := dump(t, s); after != before {
		t.Errorf("it changed\n%s\nto\n%s", before, after)
	}
}

// A key that is lost stands in the way of what it sealed, and of nothing else.
func TestALostKeyStopsNothingElse(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "x.db"), t.Context()
	older := openWith(t, path, boxOf(t, 1))
	notify(t, older, "older", nil)
	lost := push.Subscription{ID: "lost", Account: anna.String(), Endpoint: "e-lost", Auth: []byte("a")}
	if _, err := older.SaveSubscription(ctx, lost, 5); err != nil {
		t.Fatal(err)
	}
	s := openWith(t, path, boxOf(t, 2))
	notify(t, s, "newer", map[string]string{"a": "b"})
	if got := notices(t, s); len(got) != 1 || got[0].Params["a"] != "b" {
		t.Errorf("claimed %v", got)
	}
	if _, err := s.Subscription(ctx, "lost"); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("read one: %v", err)
	}
	if all, err := s.SubscriptionsByID(ctx, []string{"lost"}); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
	if all, err := s.Subscriptions(ctx, anna.String()); err != nil || len(all) != 0 {
		t.Errorf("listed %v, %v", all, err)
	}
	if _, err := s.SaveSubscription(ctx, lost, 1); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Subscriptions(ctx, anna.String()); err != nil || len(all) != 1 || all[0].Endpoint != "e-lost" {
		t.Errorf("renewed, and listed %v, %v", all, err)
	}
}

// A sealed value that somebody copied to another row does not open there.
func TestASealedValueStaysInItsRow(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "x.db")), t.Context()
	for _, account := range []string{anna.String(), bert.String()} {
		n := push.Subscription{ID: account, Account: account, Endpoint: "e" + account}
		if _, err := s.SaveSubscription(ctx, n, 5); err != nil {
			t.Fatal(err)
		}
	}
	notify(t, s, "one", map[string]string{"n": "1"})
	notify(t, s, "two", map[string]string{"n": "2"})
	err := s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE subscriptions SET endpoint = (SELECT endpoint FROM subscriptions WHERE id = $1)`, anna.String())
		if err != nil {
			return err
		}
		_, err = t.exec(`UPDATE outbox SET body = (SELECT body FROM outbox WHERE id = 1)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Subscription(ctx, bert.String()); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("got %v", err)
	}
	if got := notices(t, s); len(got) != 1 || got[0].Params["n"] != "1" {
		t.Errorf("claimed %v", got)
	}
}

func boxOf(t testing.TB, n byte) *secret.Box {
	t.Helper()
	box, err := secret.NewBox(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// Two servers on one file: what one says of a row that the other has claimed
// since changes nothing.
func TestALostLeaseSettlesNothing(t *testing.T) {
	path, ctx, now := filepath.Join(t.TempDir(), "x.db"), t.Context(), time.Now()
	slow, quick := openAt(t, path), openAt(t, path)
	notify(t, slow, "r", nil)
	claim := func(s *Store) int64 {
		t.Helper()
		now = now.Add(time.Minute)
		if all, err := s.ClaimNotices(ctx, now, time.Minute, 1); err == nil && len(all) == 1 {
			return all[0].ID
		}
		all, err := s.ClaimDeliveries(ctx, now, time.Minute, 1, 1)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].ID
	}
	lost := func(op string, err error) {
		t.Helper()
		if !errors.Is(err, push.ErrNoDelivery) {
			t.Errorf("%s: %v", op, err)
		}
	}
	id := claim(slow)
	lost("fan without a claim", quick.Fan(ctx, id, nil))
	claim(quick)
	lost("fan", slow.Fan(ctx, id, nil))
	if err := quick.Fan(ctx, id, []push.Delivery{{Kind: "k", Due: now}}); err != nil {
		t.Fatal(err)
	}
	id = claim(slow)
	claim(quick)
	lost("delivered", slow.Delivered(ctx, id, now))
	lost("retry", slow.Retry(ctx, id, now, "c", push.CapUnasked))
	lost("give up", slow.GiveUp(ctx, id, now, "c", []push.Delivery{{Kind: "k"}}))
	if err := errors.Join(slow.ReleaseDeliveries(ctx, id), quick.Delivered(ctx, id, now)); err != nil {
		t.Error(err)
	}
}

func TestNoticesOfAnEarlierReleaseAreSealedAndGoOut(t *testing.T) {
	text, err := os.ReadFile("testdata/version4.sql")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	runSQL(t, path, string(text))
	// Without a key they wait.
	if err := openWith(t, path, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, dir, "0190-request") {
		t.Fatal("the earlier release left nothing in clear: the test tests nothing")
	}
	s := openAt(t, path)
	if inFiles(t, dir, "0190-request") {
		t.Error("their parameters still stand in the files")
	}
	got := notices(t, s)
	if len(got) != 2 || got[0].ID != 3 || got[0].Params["request"] != "0190-request-one" || got[1].Params != nil {
		t.Fatalf("%+v", got)
	}
	if got[0].To != anna.String() || got[0].Kind != "request.done" || got[0].Created.UnixMilli() != 1798804800123 || !got[0].Until.IsZero() {
		t.Errorf("%+v", got[0])
	}
	notify(t, s, "new", nil)
	if ids := notices(t, s); len(ids) != 3 || ids[2].ID != 5 {
		t.Errorf("numbers go on as %v", ids)
	}
}
