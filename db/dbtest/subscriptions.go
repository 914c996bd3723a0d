package dbtest

import (
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push"
)

func (s *suite) subscription(id string, account ad.GUID) push.Subscription {
	return push.Subscription{
		ID: id, Account: account.String(), Endpoint: "https://push.example/" + id, P256dh: []byte{4, 1}, Auth: []byte{9, 0, 9},
		Key: "vapid", Device: "<b>Firefox</b> on \u2028 Linux", Created: s.now, Renewed: s.now,
	}
}

func (s *suite) subscribe(id string, account ad.GUID) push.Subscription {
	s.Helper()
	n, err := s.SaveSubscription(s.ctx, s.subscription(id, account), 50)
	s.must(err)
	return n
}

func aSubscriptionComesBackWhole(s *suite) {
	_, err := s.Subscription(s.ctx, "one")
	s.want(err, push.ErrNoSubscription)
	want := s.subscription("one", guid(1))
	_, err = s.SaveSubscription(s.ctx, want, 5, s.event("request.invented", guid(1)))
	s.want(err, audit.ErrEvent)
	_, err = s.Subscription(s.ctx, "one")
	s.want(err, push.ErrNoSubscription)

	saved, err := s.SaveSubscription(s.ctx, want, 5, s.event(audit.DeviceAdded, guid(1)))
	s.must(err)
	s.same(saved, want)
	got, err := s.Subscription(s.ctx, "one")
	s.must(err)
	s.same(got, want)
	s.same(s.events(guid(1)), 1)

	earlier := s.subscription("two", guid(1))
	earlier.Created = s.now.Add(-time.Hour)
	_, err = s.SaveSubscription(s.ctx, earlier, 5)
	s.must(err)
	s.subscribe("other", guid(2))
	all, err := s.Subscriptions(s.ctx, guid(1).String())
	s.must(err)
	s.same(all, []push.Subscription{earlier, want})
	n, err := s.CountSubscriptions(s.ctx, guid(1))
	s.must(err)
	s.same(n, 2)
}

func manySubscriptionsComeBackAtOnce(s *suite) {
	want := map[string]push.Subscription{}
	ids := []string{"nobody's"}
	for i := range 70 {
		id := fmt.Sprint("sub ", i)
		want[id] = s.subscribe(id, guid(1+i%3))
		ids = append(ids, id)
	}
	s.subscribe("not asked for", guid(1))
	got, err := s.SubscriptionsByID(s.ctx, ids)
	s.must(err)
	s.same(got, want)
	got, err = s.SubscriptionsByID(s.ctx, nil)
	s.must(err)
	s.same(len(got), 0)
}

func thoseOfManyAccountsComeBackTogether(s *suite) {
	want := map[string][]string{}
	var accounts []string
	for i := range 70 {
		account := guid(1 + i).String()
		accounts = append(accounts, account)
		for device := range i % 3 {
			sub := s.subscription(fmt.Sprint("sub ", i, " ", device), guid(1+i))
			sub.Created = s.now.Add(-time.Duration(device) * time.Minute)
			_, err := s.SaveSubscription(s.ctx, sub, 5)
			s.must(err)
			want[account] = append([]string{sub.ID}, want[account]...)
		}
	}
	s.subscribe("not asked for", guid(99))
	all, err := s.Subscriptions(s.ctx, accounts...)
	s.must(err)
	got := map[string][]string{}
	for _, sub := range all {
		got[sub.Account] = append(got[sub.Account], sub.ID)
	}
	s.same(got, want)
	all, err = s.Subscriptions(s.ctx)
	s.must(err)
	s.same(len(all), 0)
}

func aSubscriptionIsRenewedByItsOwnerOnly(s *suite) {
	first := s.subscribe("one", guid(1))
	d := s.delivery(1)
	d.Channel, d.Subscription = push.ChannelPush, "one"
	s.must(s.Delivered(s.ctx, s.deliveries(d)[0].ID, s.now))
	s.now = s.now.Add(time.Hour)
	s.must(s.Retry(s.ctx, s.deliveries(d)[0].ID, s.now.Add(time.Hour), "push.refused", push.CapUnasked))

	again := s.subscription("again", guid(1))
	again.Endpoint, again.P256dh, again.Auth = first.Endpoint, []byte{4, 2}, []byte{8}
	again.Key, again.Device = "newer", "Firefox"
	saved, err := s.SaveSubscription(s.ctx, again, 1, s.event(audit.DeviceAdded, guid(1)))
	s.must(err)
	again.ID, again.Created, again.Reached = "one", first.Created, first.Created
	s.same(saved, again)
	got, err := s.Subscription(s.ctx, "one")
	s.must(err)
	s.same(got, again)
	s.same(s.events(guid(1)), 0)

	stolen := s.subscription("stolen", guid(2))
	stolen.Endpoint = first.Endpoint
	_, err = s.SaveSubscription(s.ctx, stolen, 5, s.event(audit.DeviceAdded, guid(2)))
	s.want(err, push.ErrAnothers)
	got, err = s.Subscription(s.ctx, "one")
	s.must(err)
	s.same(got, again)
	s.same(s.events(guid(2)), 0)
}

func onlyTheLimitOfSubscriptionsIsSaved(s *suite) {
	won := s.race(51, func(s *suite, i int) error {
		_, err := s.SaveSubscription(s.ctx, s.subscription(fmt.Sprint(i), guid(1)), 10, s.event(audit.DeviceAdded, guid(1)))
		return err
	}, push.ErrTooManyDevices)
	s.same(won, 10)
	n, err := s.CountSubscriptions(s.ctx, guid(1))
	s.must(err)
	s.same(n, 10)
	s.same(s.events(guid(1)), 10)
	s.subscribe("other", guid(2))
	// The same browser from many tabs at once is one.
	won = s.race(51, func(s *suite, i int) error {
		one := s.subscription(fmt.Sprint("tab", i), guid(3))
		one.Endpoint = "https://push.example/same"
		_, err := s.SaveSubscription(s.ctx, one, 1, s.event(audit.DeviceAdded, guid(3)))
		return err
	}, nil)
	s.same(won, 51)
	s.same(s.events(guid(3)), 1)
}

func aRemovedSubscriptionTakesItsDeliveries(s *suite) {
	s.subscribe("one", guid(1))
	s.subscribe("two", guid(1))
	over := func(id string, due time.Time) push.Delivery {
		d := s.delivery(1)
		d.Channel, d.Subscription, d.Due = push.ChannelPush, id, due
		return d
	}
	later := s.now.Add(time.Hour)
	held := s.deliveries(over("one", s.now), over("one", later), over("two", later))[0].ID
	remove := func(account ad.GUID, action audit.Action) error {
		return s.RemoveSubscription(s.ctx, account.String(), "one", s.event(action, guid(1)))
	}
	s.want(remove(guid(2), audit.DeviceRemoved), push.ErrNoSubscription)
	s.want(remove(guid(1), "request.invented"), audit.ErrEvent)
	_, err := s.Subscription(s.ctx, "one")
	s.must(err)
	won := s.race(200, func(s *suite, _ int) error { return remove(guid(1), audit.DeviceRemoved) }, push.ErrNoSubscription)
	s.same(won, 1)
	s.same(s.events(guid(1)), 1)
	_, err = s.Subscription(s.ctx, "one")
	s.want(err, push.ErrNoSubscription)
	s.want(s.Delivered(s.ctx, held, s.now), push.ErrNoDelivery)
	left := s.due(later)
	s.same([]any{len(left), left[0].Subscription}, []any{1, "two"})
}

func oneOf200MakesTheFirstPushKey(s *suite) {
	key := func(id string) push.Keypair {
		return push.Keypair{ID: id, Public: "BP" + id, Private: []byte{1, 2, 3}, Created: s.now}
	}
	_, err := s.AddVAPIDKey(s.ctx, key("none"), true, s.event("request.invented", guid(1)))
	s.want(err, audit.ErrEvent)
	made := make(chan bool, 200)
	s.race(200, func(s *suite, i int) error {
		added, err := s.AddVAPIDKey(s.ctx, key(fmt.Sprint(i)), true, s.event(audit.PushKeysMade, guid(1)))
		made <- added
		return err
	}, nil)
	close(made)
	count := 0
	for added := range made {
		if added {
			count++
		}
	}
	s.same(count, 1)
	s.same(s.events(guid(1)), 1)
	newer := key("newer")
	newer.Created = s.now.Add(time.Hour)
	added, err := s.AddVAPIDKey(s.ctx, newer, false)
	s.must(err)
	s.same(added, true)
	all, err := s.VAPIDKeys(s.ctx)
	s.must(err)
	s.same(len(all), 2)
	s.same(all[0], newer)
	if _, err := s.AddVAPIDKey(s.ctx, newer, false); err == nil {
		s.Error("a key was added twice")
	}
}
