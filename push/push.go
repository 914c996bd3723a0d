package push

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// Subscription is one browser that takes notifications, of one person. Endpoint
// and keys are secrets: the store keeps them sealed.
type Subscription struct {
	ID       string // uuid v7
	Account  string // objectGUID of the owner
	Endpoint string // URL of the push service (RFC 8030 5)
	P256dh   []byte // uncompressed P-256 point, 65 bytes (RFC 8291 3.1)
	Auth     []byte // 16 bytes (RFC 8291 3.2)
	Key      string // id of the VAPID key that it was made with
	Device   string // short words; hostile
	Created  time.Time
	Renewed  time.Time // the app was last opened there
	Reached  time.Time // the push service last took a message; zero for never
	Failed   string    // code of the last failure since; "" for none
}

// Keypair is a VAPID key (RFC 8292 2): P-256. Subscriptions are bound to the
// public half, so an old pair stays until no subscription needs it.
type Keypair struct {
	ID      string
	Public  string // base64url of the uncompressed point
	Private []byte // scalar, 32 bytes; sealed in the store
	Created time.Time
}

// Notice is one row of the outbox as workflow committed it.
type Notice struct {
	ID      int64
	To      string // objectGUID
	Kind    string // workflow's Notice… constants
	Params  map[string]string
	Created time.Time
	Until   time.Time // of no use afterwards; zero for a day after Created
}

// Channel is a way to reach somebody.
type Channel string

// The channels.
const (
	ChannelPush Channel = "push"
	ChannelMail Channel = "mail"
)

// Delivery is one notice on its way over one channel. Its words are made when it
// is sent, from Kind and Params; the store keeps Params sealed and erases them
// when it is over.
type Delivery struct {
	ID           int64
	To           string
	Kind         string
	Params       map[string]string
	Channel      Channel
	Subscription string // of ChannelPush
	Created      time.Time
	Until        time.Time
	Due          time.Time
	Attempts     int
	Notice       int64 // which it is of; 0 in what an earlier release fanned out
	Cap          Cap
}

// Cap is how a delivery stands with the cap of its reader: a token is taken once,
// not for each try.
type Cap string

// The states of a cap.
const (
	CapUnasked  Cap = ""
	CapWaits    Cap = "waits"    // there was no token
	CapPassed   Cap = "passed"   // it has its token
	CapTogether Cap = "together" // it has a token where others wait: it speaks for them all
)

// Progress counts the pushes of one notice. Mail is not counted.
type Progress struct {
	Taken   int // a push service took it, or a message that spoke for it
	Waiting int // not over yet
	Capped  int // of these, those that only wait for the cap
}

// What a Store answers.
var (
	ErrNoSubscription = errors.New("device.unknown")
	ErrAnothers       = errors.New("device.another") // the endpoint is somebody else's
	ErrTooManyDevices = errors.New("device.too-many")
	ErrNoDelivery     = errors.New("delivery.unknown") // gone, or the lease is another's
)

// Store keeps subscriptions, keys and the outbox. Methods that take events
// commit them with their change, or neither.
type Store interface {
	// ClaimNotices leases notices that nobody holds, oldest first and those of a
	// Bulk kind last; a lease that is over counts as none.
	ClaimNotices(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]Notice, error)
	// Fan replaces a notice by its deliveries in one transaction; ErrNoDelivery
	// when it is gone.
	Fan(ctx context.Context, notice int64, deliveries []Delivery, events ...audit.Event) error
	// ClaimDeliveries leases at most limit of those that are due and that nobody
	// holds, the longest due first, and behind them those of a Bulk kind until it has
	// bulk in all.
	ClaimDeliveries(ctx context.Context, now time.Time, lease time.Duration, limit, bulk int) ([]Delivery, error)
	// ReleaseDeliveries gives back the leases of those that were not tried and that
	// it still holds.
	ReleaseDeliveries(ctx context.Context, ids ...int64) error
	// Delivered ends it as taken, erases its params, and marks the subscription
	// reached.
	Delivered(ctx context.Context, id int64, at time.Time) error
	// DeliveredTogether does so with all that it still holds, and leaves the others.
	DeliveredTogether(ctx context.Context, at time.Time, ids ...int64) error
	// DeliveredWith does so, and ends as taken whatever else waits for the same
	// person over the same channel and subscription, is of one of the kinds, and
	// was not created after made; who holds one of them loses its lease.
	DeliveredWith(ctx context.Context, d Delivery, at, made time.Time, kinds ...string) error
	// Capped says whether another waits for the cap, for the same person over the
	// same channel and subscription.
	Capped(ctx context.Context, d Delivery) (bool, error)
	// Progress tells how the pushes of a notice stand; the zero value for notice 0.
	Progress(ctx context.Context, notice int64) (Progress, error)
	// Retry gives the lease back, adds an attempt and keeps the cap and the code,
	// the code on the subscription too.
	Retry(ctx context.Context, id int64, due time.Time, code string, c Cap) error
	// GiveUp ends it with a code, kept as Retry does, erases its params, and puts
	// next in its place.
	GiveUp(ctx context.Context, id int64, at time.Time, code string, next []Delivery, events ...audit.Event) error
	// NextDelivery is when the outbox next has something to do; zero for never.
	NextDelivery(ctx context.Context) (time.Time, error)
	// PurgeDeliveries forgets what ended before, and returns how many.
	PurgeDeliveries(ctx context.Context, before time.Time) (int, error)

	// SaveSubscription adds it, or renews the one with the same endpoint of the
	// same account (then its ID, Created and Reached stay, and no event is
	// kept). ErrAnothers when the endpoint is somebody else's, ErrTooManyDevices
	// when the account has limit others.
	SaveSubscription(ctx context.Context, s Subscription, limit int, events ...audit.Event) (Subscription, error)
	Subscription(ctx context.Context, id string) (Subscription, error)
	// SubscriptionsByID leaves out those that are gone, and those that Subscription
	// has an error for.
	SubscriptionsByID(ctx context.Context, ids []string) (map[string]Subscription, error)
	// Reached marks a subscription whose push service took a message outside the
	// outbox, as Delivered does; ErrNoSubscription when it is gone.
	Reached(ctx context.Context, id string, at time.Time) error
	// Subscriptions lists those of the accounts, of each the oldest first.
	Subscriptions(ctx context.Context, accounts ...string) ([]Subscription, error)
	// RemoveSubscription deletes it and what waits for it; ErrNoSubscription
	// when it is not this account's.
	RemoveSubscription(ctx context.Context, account, id string, events ...audit.Event) error

	// VAPIDKeys lists them, newest first.
	VAPIDKeys(ctx context.Context) ([]Keypair, error)
	// AddVAPIDKey adds one. With first, only where there is none: of two servers
	// that start at once one wins, and added is false for the other.
	AddVAPIDKey(ctx context.Context, k Keypair, first bool, events ...audit.Event) (added bool, err error)
}

// Person is what the directory knows about whom to reach, read when a message is
// sent and never kept. Every text is hostile.
type Person struct {
	Name     string
	Mail     string
	Language string // BCP 47, or ""
	Disabled bool
}

// Directory finds people; ErrNobody when the account is gone.
type Directory interface {
	Person(ctx context.Context, account string) (Person, error)
}

// ErrNobody: the directory does not know the account any more.
var ErrNobody = errors.New("push.nobody")

// Counter counts what waits for a person, for the badge.
type Counter interface {
	Waiting(ctx context.Context, account string) (int, error)
}
