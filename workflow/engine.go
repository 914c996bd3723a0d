package workflow

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// Config joins an Engine with what it needs.
type Config struct {
	Store     Store
	Directory Directory
	Proofs    Proofs
	Judge     Judge
	// People and Holders find reviewers. nil takes the Directory's and the
	// Store's, where these are such; without them whatever a policy wants
	// reviewed is denied.
	People  People
	Holders Holders
	// Freezes is the Store's, too, where nil. Without it everybody counts as
	// frozen.
	Freezes Freezes
	// Browsers is the Store's, too, where nil. Without it rules that ask for a new device
	// deny.
	Browsers Browsers
	// Reminders serves RemindExpiring; the Store's where nil.
	Reminders Reminders
	// Sealer seals the links of notices. Without it there are none, and none freezes.
	Sealer enroll.Sealer
	// RemindEverybody reminds also people without a passkey.
	RemindEverybody bool
	// Policy that runs from the start; the zero Policy allows nothing.
	Policy Policy
	Limits Limits

	// Executor names this server process in intents.
	Executor string
	// Every is the pause between two rounds of jobs; 0 is 5 seconds.
	Every time.Duration

	Now    func() time.Time // nil is time.Now
	NewID  func() string    // nil makes uuid v7
	Rand   io.Reader        // nil is crypto/rand
	Logger *slog.Logger     // nil discards
}

// Engine runs requests. It is safe for use by many goroutines, and many engines
// may share one store.
type Engine struct {
	store     Store
	directory Directory
	proofs    Proofs
	people    People
	holders   Holders
	freezes   Freezes
	browsers  Browsers
	reminders Reminders
	sealer    enroll.Sealer
	policy    atomic.Pointer[Policy]
	settings  atomic.Pointer[Settings]
	executor  string
	every     time.Duration
	clock     func() time.Time
	newID     func() string
	random    io.Reader
	log       *slog.Logger

	// turns keep the submissions, and the intents, for one account apart within
	// this process: two taps make one request, and two requests never write to
	// one account at the same time.
	turns   gates
	flights inFlight
}

// New makes an Engine.
func New(c Config) *Engine {
	e := &Engine{
		store: c.Store, directory: c.Directory, proofs: c.Proofs,
		people: either(c.People, c.Directory), holders: either(c.Holders, c.Store),
		freezes: either(c.Freezes, c.Store), browsers: either(c.Browsers, c.Store), reminders: either(c.Reminders, c.Store),
		sealer: c.Sealer, executor: c.Executor, every: c.Every,
		clock: c.Now, newID: c.NewID, random: c.Rand, log: c.Logger,
	}
	if e.clock == nil {
		e.clock = time.Now
	}
	if e.newID == nil {
		e.newID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if e.random == nil {
		e.random = rand.Reader
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.every <= 0 {
		e.every = 5 * time.Second
	}
	e.Set(Settings{Limits: c.Limits, Judge: c.Judge, RemindEverybody: c.RemindEverybody})
	e.SetPolicy(c.Policy)
	return e
}

// either is the one, or what the other can do of it, or nil.
func either[T comparable](named T, other any) T {
	var none T
	if named != none {
		return named
	}
	own, _ := other.(T)
	return own
}

// SetPolicy replaces the running policy. Requests that are under way are held to
// it from their next step on.
func (e *Engine) SetPolicy(p Policy) {
	p = p.Ready()
	e.policy.Store(&p)
}

func (e *Engine) runningPolicy() Policy { return *e.policy.Load() }

// now is in whole milliseconds, as stores keep it.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Millisecond) }

// Drain waits until no execution is under way in this process, or until ctx ends.
func (e *Engine) Drain(ctx context.Context) error { return e.flights.wait(ctx) }

// account reads an account and makes sure that it is the one that was meant.
func (e *Engine) account(ctx context.Context, guid ad.GUID) (ad.Account, error) {
	a, err := e.directory.Account(ctx, guid)
	if err != nil {
		return ad.Account{}, err
	}
	if a.GUID != guid || guid.IsZero() {
		return ad.Account{}, ErrOtherOne
	}
	return a, nil
}

// update changes a request and returns it as it was committed.
func (e *Engine) update(ctx context.Context, id string, fn func(*Request) (Change, error)) (Request, error) {
	var after Request
	err := e.store.Update(ctx, id, func(r *Request) (Change, error) {
		c, err := fn(r)
		if err == nil {
			r.Updated = e.now()
			after = *r
		}
		return c, err
	})
	if err != nil {
		return Request{}, err
	}
	after.Version++ // as the store does
	return after, nil
}

// inFlight counts executions. (A WaitGroup may not be added to while it is
// waited for at zero.)
type inFlight struct {
	mu   sync.Mutex
	n    int
	idle chan struct{}
}

func (f *inFlight) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == 0 {
		f.idle = make(chan struct{})
	}
	f.n++
}

func (f *inFlight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 {
		close(f.idle)
	}
}

func (f *inFlight) wait(ctx context.Context) error {
	f.mu.Lock()
	n, idle := f.n, f.idle
	f.mu.Unlock()
	if n == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
