package push

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push/pushtest"
)

const (
	anna = "0f8fad5b-d9cb-469f-a165-70867728950e"
	bert = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	fcm  = "fcm.googleapis.com"
)

// world is a service with a stand-in push service, a store in memory, people and
// a clock.
type world struct {
	*Service
	t        *testing.T
	store    *memStore
	services *pushtest.Service
	people   *people
	limits   *limits
	log      *lines
	clock    *clock
	ids      int
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type people struct {
	mu    sync.Mutex
	all   map[string]Person
	asked map[string]int
	err   error
}

func (p *people) set(account string, who Person, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[account], p.err = who, err
}

func (p *people) Person(_ context.Context, account string) (Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = map[string]int{}
	}
	p.asked[account]++
	who, ok := p.all[account]
	if p.err == nil && !ok {
		return Person{}, ErrNobody
	}
	return who, p.err
}

type counter int

func (c counter) Waiting(context.Context, string) (int, error) { return int(c), nil }

// limits are token buckets in memory.
type limits struct {
	mu   sync.Mutex
	full map[string]time.Time // when the bucket is full again
}

func (l *limits) Take(_ context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.full[key]
	if full.Before(now) {
		full = now
	}
	if wait := full.Add(refill).Sub(now) - time.Duration(burst)*refill; wait > 0 {
		return wait, nil
	}
	l.full[key] = full.Add(refill)
	return 0, nil
}

func (l *limits) TakeAll(ctx context.Context, from []Bucket, now time.Time) ([]time.Duration, error) {
	l.mu.Lock()
	before := maps.Clone(l.full)
	l.mu.Unlock()
	waits := make([]time.Duration, len(from))
	for i, b := range from {
		waits[i], _ = l.Take(ctx, b.Key, b.Burst, b.Refill, now)
	}
	if slices.Max(waits) > 0 {
		l.mu.Lock()
		l.full = before
		l.mu.Unlock()
	}
	return waits, nil
}

// lines are what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{
		t: t, store: newMemStore(), limits: &limits{full: map[string]time.Time{}}, log: &lines{},
		people: &people{all: map[string]Person{
			anna: {Name: "Anna Boss\r\nBcc: x@evil.test", Mail: "anna@corp.example.test", Language: "de-AT"},
			bert: {Name: "Bert", Mail: "bert@corp.example.test", Language: "en-GB"},
		}},
		clock: &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)},
	}
	w.services = pushtest.New(t, w.clock.Now)
	cfg := w.config()
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Service = s
	return w
}

func (w *world) config() Config {
	return Config{
		Store: w.store, Directory: w.people, Counter: counter(3), Limits: w.limits,
		PublicURL: "https://latchkey.example.test", Organisation: "Corp",
		Support: Support{Name: "Helpdesk", Phone: "4711"}, Subject: "it@corp.example.test",
		Proxy: w.services.Proxy, RootCAs: w.services.Roots, Now: w.clock.Now, Workers: 4,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	}
}

// device subscribes a browser of the account's.
func (w *world) device(account string) (*pushtest.Browser, Subscription) {
	w.t.Helper()
	b := w.services.Browser(w.t, fcm, w.PublicKey())
	sub, err := w.Subscribe(w.t.Context(), subscription(account, b))
	if err != nil {
		w.t.Fatal(err)
	}
	return b, sub
}

func subscription(account string, b *pushtest.Browser) Subscription {
	return Subscription{Account: account, Endpoint: b.Endpoint, P256dh: b.P256dh, Auth: b.Auth, Device: "Firefox on Android"}
}

// notice commits one.
func (w *world) notice(to, kind string, params ...string) {
	n := Notice{To: to, Kind: kind, Params: map[string]string{"request": "r1", "kind": "reset"}, Created: w.clock.Now()}
	for i := 0; i+1 < len(params); i += 2 {
		n.Params[params[i]] = params[i+1]
	}
	if kind == kindReview || kind == kindReminder {
		n.Until = n.Created.Add(15 * time.Minute)
	}
	w.store.put(n)
}

// work runs the outbox until nothing is due, as Run does.
func (w *world) work() {
	w.t.Helper()
	for {
		var flying sync.WaitGroup
		more, err := w.fanOut(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		sent, err := w.sendDue(w.t.Context(), make(chan struct{}, w.cfg.Workers), &flying)
		flying.Wait()
		if err != nil {
			w.t.Fatal(err)
		}
		if !more && !sent {
			return
		}
	}
}

// later lets time pass in small steps, and works at each.
func (w *world) later(d time.Duration) {
	for range d / (5 * time.Second) {
		w.clock.forward(5 * time.Second)
		w.work()
	}
}

func (w *world) wantMessages(n int) []pushtest.Message {
	w.t.Helper()
	got := w.services.Messages()
	if len(got) != n {
		w.t.Fatalf("%d messages arrived, want %d; log:\n%s", len(got), n, w.log)
	}
	return got
}

func (w *world) wantEvents(a audit.Action, reasons ...string) {
	w.t.Helper()
	if got := w.store.happened(a); strings.Join(got, " ") != strings.Join(reasons, " ") {
		w.t.Errorf("%s: reasons %q, want %q", a, got, reasons)
	}
}

func payloadOf(t *testing.T, m pushtest.Message) payload {
	t.Helper()
	var p payload
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		t.Fatal(err)
	}
	return p
}
