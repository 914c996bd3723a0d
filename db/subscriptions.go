package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
)

const subscriptionColumns = `id, account, endpoint, p256dh, auth, vapid, device, created, renewed, reached, failed`

// labelEndpoint starts what an endpoint's hash is made of.
const labelEndpoint = "latchkey/endpoint/v1\x00"

func endpointHash(endpoint string) []byte {
	sum := sha256.Sum256([]byte(labelEndpoint + endpoint))
	return sum[:]
}

// SaveSubscription is push.Store's.
func (s *Store) SaveSubscription(ctx context.Context, n push.Subscription, limit int, events ...audit.Event) (push.Subscription, error) {
	var saved push.Subscription
	err := s.write(ctx, func(t *tx) error {
		renewed, err := t.renewSubscription(n)
		if err == nil {
			saved = renewed
			return nil
		}
		if !errors.Is(err, push.ErrNoSubscription) {
			return err
		}
		saved = n
		if err := t.addSubscription(n, limit); err != nil {
			return err
		}
		return t.record(events...)
	})
	if err != nil {
		return push.Subscription{}, wrap("save subscription", err)
	}
	return saved, nil
}

// renewSubscription is ErrNoSubscription where nobody has the endpoint. It opens
// nothing: renewing also mends what was sealed under a key that is lost.
func (t *tx) renewSubscription(n push.Subscription) (push.Subscription, error) {
	var account string
	var created, reached int64
	err := t.row(`SELECT id, account, created, reached FROM subscriptions WHERE hash = $1`+t.dialect.forUpdate,
		endpointHash(n.Endpoint)).Scan(&n.ID, &account, &created, &reached)
	if err != nil {
		return n, orMissing(err, push.ErrNoSubscription)
	}
	if account != n.Account {
		return n, push.ErrAnothers
	}
	n.Created, n.Reached, n.Failed = fromMillis(created), fromMillis(reached), ""
	endpoint, auth, err := t.sealSubscription(n)
	if err != nil {
		return n, err
	}
	_, err = t.exec(`
		UPDATE subscriptions SET endpoint = $2, p256dh = $3, auth = $4, vapid = $5, device = $6, renewed = $7, failed = ''
		WHERE id = $1`, n.ID, endpoint, bytesOf(n.P256dh), auth, n.Key, n.Device, millis(n.Renewed))
	return n, err
}

func (t *tx) addSubscription(n push.Subscription, limit int) error {
	var others int
	if err := t.row(`SELECT count(*) FROM subscriptions WHERE account = $1`, n.Account).Scan(&others); err != nil {
		return err
	}
	if others >= limit {
		return push.ErrTooManyDevices
	}
	endpoint, auth, err := t.sealSubscription(n)
	if err != nil {
		return err
	}
	_, err = t.exec(`
		INSERT INTO subscriptions (`+subscriptionColumns+`, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		n.ID, n.Account, endpoint, bytesOf(n.P256dh), auth, n.Key, n.Device,
		millis(n.Created), millis(n.Renewed), millis(n.Reached), n.Failed, endpointHash(n.Endpoint))
	return err
}

func (t *tx) sealSubscription(n push.Subscription) (endpoint, auth []byte, err error) {
	endpoint, err = t.sealer.seal(place("subscriptions", "endpoint", n.Account, n.ID), []byte(n.Endpoint))
	if err != nil {
		return nil, nil, err
	}
	auth, err = t.sealer.seal(place("subscriptions", "auth", n.Account, n.ID), n.Auth)
	return endpoint, auth, err
}

// Subscription is push.Store's.
func (s *Store) Subscription(ctx context.Context, id string) (push.Subscription, error) {
	n, err := s.scanSubscription(s.row(ctx, selectSubscriptions+`id = $1`, id))
	return n, wrap("read subscription", err)
}

// together is how many rows one statement names.
const together = 32

const (
	selectSubscriptions = `SELECT ` + subscriptionColumns + ` FROM subscriptions WHERE `
	oldestFirst         = ` ORDER BY created, id`
)

var selectTogether, selectTogetherOf = selectSubscriptions + `id` + inTogether, selectSubscriptions + `account` + inTogether + oldestFirst

var inTogether = func() string {
	marks := make([]string, together)
	for i := range marks {
		marks[i] = fmt.Sprint("$", i+1)
	}
	return ` IN (` + strings.Join(marks, ", ") + `)`
}()

// argsTogether are what one statement takes: the last again where there are fewer.
func argsTogether[T any](some []T) []any {
	args := make([]any, together)
	for i := range args {
		args[i] = some[min(i, len(some)-1)]
	}
	return args
}

// SubscriptionsByID is push.Store's. Each read begins a transaction, and after a
// commit has its pages to find again: many share one.
func (s *Store) SubscriptionsByID(ctx context.Context, ids []string) (map[string]push.Subscription, error) {
	all := map[string]push.Subscription{}
	for some := range slices.Chunk(ids, together) {
		_, err := list(ctx, s, func(row scanner) (n push.Subscription, err error) {
			n, err = s.scanSubscription(row)
			if errors.Is(err, secret.ErrSealed) {
				return n, nil
			}
			if err == nil {
				all[n.ID] = n
			}
			return n, err
		}, selectTogether, argsTogether(some)...)
		if err != nil {
			return nil, wrap("read subscriptions", err)
		}
	}
	return all, nil
}

// markReached is for the subscription whose id follows, and the time $2.
const markReached = `
	UPDATE subscriptions SET failed = '', reached = CASE WHEN reached < $2 THEN $2 ELSE reached END WHERE id = `

// Reached is push.Store's.
func (s *Store) Reached(ctx context.Context, id string, at time.Time) error {
	return wrap("mark subscription", s.write(ctx, func(t *tx) error {
		n, err := t.exec(markReached+`$1`, id, millis(at))
		if err == nil && n == 0 {
			return push.ErrNoSubscription
		}
		return err
	}))
}

// Subscriptions is push.Store's. One that was sealed under a key that is lost is
// logged and left out: the others are still reached, and renewing mends it.
func (s *Store) Subscriptions(ctx context.Context, accounts ...string) (all []push.Subscription, err error) {
	scan := func(row scanner) (n push.Subscription, err error) {
		n, err = s.scanSubscription(row)
		switch {
		case errors.Is(err, secret.ErrSealed):
			s.log.Error("open subscription", "account", n.Account, "err", err)
			return n, nil
		case err == nil:
			all = append(all, n)
		}
		return n, err
	}
	for some := range slices.Chunk(accounts, together) {
		if len(some) == 1 {
			_, err = list(ctx, s, scan, selectSubscriptions+`account = $1`+oldestFirst, some[0])
		} else {
			_, err = list(ctx, s, scan, selectTogetherOf, argsTogether(some)...)
		}
		if err != nil {
			return nil, wrap("list subscriptions", err)
		}
	}
	return all, nil
}

// CountSubscriptions counts an account's.
func (s *Store) CountSubscriptions(ctx context.Context, account ad.GUID) (n int, err error) {
	err = s.row(ctx, `SELECT count(*) FROM subscriptions WHERE account = $1`, guidText(account)).Scan(&n)
	return n, wrap("count subscriptions", err)
}

// RemoveSubscription is push.Store's. What was delivered over it stays counted.
func (s *Store) RemoveSubscription(ctx context.Context, account, id string, events ...audit.Event) error {
	return wrap("remove subscription", s.write(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM subscriptions WHERE id = $1 AND account = $2`, id, account)
		if err != nil {
			return err
		}
		if n == 0 {
			return push.ErrNoSubscription
		}
		if _, err := t.exec(`DELETE FROM deliveries WHERE subscription = $1 AND ended = 0`, id); err != nil {
			return err
		}
		return t.record(events...)
	}))
}

func (s *Store) scanSubscription(row scanner) (n push.Subscription, err error) {
	var endpoint, auth []byte
	var created, renewed, reached int64
	err = row.Scan(&n.ID, &n.Account, &endpoint, &n.P256dh, &auth, &n.Key, &n.Device, &created, &renewed, &reached, &n.Failed)
	if err != nil {
		return push.Subscription{}, orMissing(err, push.ErrNoSubscription)
	}
	plain, err := s.sealer.open(place("subscriptions", "endpoint", n.Account, n.ID), endpoint)
	if err != nil {
		return push.Subscription{ID: n.ID, Account: n.Account}, err
	}
	n.Auth, err = s.sealer.open(place("subscriptions", "auth", n.Account, n.ID), auth)
	if err != nil {
		return push.Subscription{ID: n.ID, Account: n.Account}, err
	}
	n.Endpoint = string(plain)
	n.Created, n.Renewed, n.Reached = fromMillis(created), fromMillis(renewed), fromMillis(reached)
	return n, nil
}

// VAPIDKeys is push.Store's.
func (s *Store) VAPIDKeys(ctx context.Context) ([]push.Keypair, error) {
	all, err := list(ctx, s, s.scanKeypair, `SELECT id, public, private, created FROM vapid_keys ORDER BY created DESC, id DESC`)
	return all, wrap("list push keys", err)
}

// AddVAPIDKey is push.Store's.
func (s *Store) AddVAPIDKey(ctx context.Context, k push.Keypair, first bool, events ...audit.Event) (added bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		added = false
		if first {
			var id string
			err := t.row(`SELECT id FROM vapid_keys LIMIT 1`).Scan(&id)
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		private, err := t.sealer.seal(place("vapid_keys", "private", k.ID, k.Public), k.Private)
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO vapid_keys (id, public, private, created) VALUES ($1, $2, $3, $4)`,
			k.ID, k.Public, private, millis(k.Created))
		if err != nil {
			return err
		}
		added = true
		return t.record(events...)
	})
	return added && err == nil, wrap("add push key", err)
}

func (s *Store) scanKeypair(row scanner) (k push.Keypair, err error) {
	var private []byte
	var created int64
	if err := row.Scan(&k.ID, &k.Public, &private, &created); err != nil {
		return k, err
	}
	k.Created = fromMillis(created)
	k.Private, err = s.sealer.open(place("vapid_keys", "private", k.ID, k.Public), private)
	return k, err
}
