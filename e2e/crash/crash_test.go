// Package crash kills the real server at random, hundreds of times, and counts in
// the directory, not in Latchkey's own log, what was written.
package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

func TestMain(m *testing.M) { world.Main(m) }

func soaking() bool { return os.Getenv("LATCHKEY_SOAK") == "1" }

// beside lets a test run beside others, since it mostly waits for leases to end. A
// soak has the machine for itself.
func beside(t *testing.T) {
	if !soaking() {
		t.Parallel()
	}
}

// company is a world whose people act while its server dies.
type company struct {
	*world.World
	two  bool          // servers
	done chan struct{} // takes one for each act that went well

	turns chan struct{} // holds one for each act that goes on
	spent *sync.Map     // the people who have asked as often as one may within an hour
}

// acting is how many act at a time, of however many people: where all did, each step would
// wait so long for the server that no password is written between two kills.
const acting = 48

func newCompany(t *testing.T, o world.Options) company {
	t.Helper()
	return company{world.New(t, o), o.Two, make(chan struct{}, 1024), make(chan struct{}, acting), &sync.Map{}}
}

// went counts an act.
func (w company) went() {
	select {
	case w.done <- struct{}{}:
	default:
	}
}

// restart kills the server at a random moment and starts it anew: after a random
// number of acts, or when twenty times as long as it took to start is over, a
// second at least. So a kill means the same on a slow machine as on a fast one.
func (w company) restart(n int, r *rand.Rand, most int, started time.Duration) time.Duration {
	clear := w.trouble(n, r)
	w.moment(r, most, max(time.Second, 20*started))
	victim := 0
	if w.two {
		victim = r.IntN(2)
	}
	w.KillServer(victim)
	if w.two { // the other one goes on alone for a while
		<-time.After(time.Duration(r.IntN(500)) * time.Millisecond)
	}
	begin := time.Now()
	w.StartServer(victim)
	clear()
	return time.Since(begin)
}

func (w company) moment(r *rand.Rand, most int, longest time.Duration) {
	for len(w.done) > 0 {
		<-w.done
	}
	late := time.NewTimer(longest)
	defer late.Stop()
	for range 1 + r.IntN(most) {
		select {
		case <-w.done:
		case <-late.C:
			return
		}
	}
	<-time.After(time.Duration(r.IntN(100)) * time.Millisecond) // within an act
}

// TestKillsAtRandomWriteNothingTwice kills the server while people unlock, reset
// and get one-time passwords, some with a slow directory or a lost answer. In the
// end every request is settled, and the directory counted as many password writes
// as Latchkey says it made.
func TestKillsAtRandomWriteNothingTwice(t *testing.T) {
	killAtRandom(t, 40, 300, world.Options{})
}

func TestKillsAtRandomWriteNothingTwiceOnPostgreSQL(t *testing.T) {
	everyday.Left(t, "two servers on PostgreSQL are killed here")
	killAtRandom(t, 8, 300, world.Options{Postgres: true})
}

// Two servers on one database, behind one address, and one or the other is killed.
func TestOneOfTwoServersIsKilledAtRandom(t *testing.T) {
	killAtRandom(t, 8, 50, world.Options{Two: true})
}

func killAtRandom(t *testing.T, kills, soak int, o world.Options) {
	beside(t)
	o.People = 16
	most := 2 * o.People // acts before a kill
	if soaking() {
		// Each person may ask 20 times within an hour: some 40 requests before each of a
		// hundred kills, and fewer before each of more.
		kills, o.People, most = soak, max(48, 3*min(soak, 100)), 96*100/max(soak, 100)
	}
	if everyday.Quick() {
		kills = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d kills, %d people", seed, kills, o.People)
	w := newCompany(t, o)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var busy sync.WaitGroup
	for i, p := range w.People {
		busy.Go(func() { w.live(ctx, p, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	r := rand.New(rand.NewPCG(seed, 1<<32))
	var started time.Duration
	for n := range kills {
		started = w.restart(n, r, most, started)
	}
	w.stillAsks()
	cancel()
	busy.Wait()
	w.settle()
	w.count()
}

// trouble makes the directory slow or lossy for some of the kills, so that they
// fall between the intent and the outcome. The first loses answers, and stays
// until it did, so that a short run shows something too.
func (w company) trouble(n int, r *rand.Rand) (clear func()) {
	if n == 0 {
		w.DC.Inject(minidc.LoseAnswer().Times(2))
		return func() {}
	}
	switch r.IntN(4) {
	case 0:
		return w.DC.Inject(minidc.Slow(time.Duration(r.IntN(300)) * time.Millisecond).On(minidc.OpModify))
	case 1:
		return w.DC.Inject(minidc.LoseAnswer().Times(2))
	}
	return func() {}
}

// live goes on until ctx ends; what a dying server answers is no error.
func (w company) live(ctx context.Context, p *world.Person, r *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		w.WaitUp(ctx)
		w.turns <- struct{}{}
		err := w.act(ctx, p, r, n)
		<-w.turns
		if problem := (*phone.Problem)(nil); errors.As(err, &problem) && problem.Code == "request.too-many" {
			w.spent.Store(p.Account, true)
		}
		switch {
		case err == nil:
			w.went()
		case ctx.Err() == nil && !expected(err):
			w.T.Errorf("%s: %v", p.Account, err)
			return
		}
	}
}

// stillAsks fails where nobody may ask any more: then the last kills met no write.
func (w company) stillAsks() {
	w.T.Helper()
	spent := 0
	w.spent.Range(func(any, any) bool { spent++; return true })
	w.T.Logf("%d of %d people had asked as often as one may", spent, len(w.People))
	if spent == len(w.People) {
		w.T.Error("nobody may ask any more: the last kills show nothing")
	}
}

// idle says whether no outcome is open for the person. Locking somebody anew
// before a lost unlock is read would leave it unknown for good, and rightly so.
func (w company) idle(ctx context.Context, p *world.Person) bool {
	var all struct {
		Requests []phone.Request `json:"requests"`
	}
	if err := p.Phone.Call(ctx, "GET", "/api/requests", nil, &all); err != nil {
		return false
	}
	for _, r := range all.Requests {
		if r.State == "executing" || r.State == "unknown" || r.State == "approved" {
			return false
		}
	}
	return true
}

func (w company) act(ctx context.Context, p *world.Person, r *rand.Rand, n int) error {
	if r.IntN(2) == 0 && w.idle(ctx, p) {
		w.DC.Set(p.DN, "lockoutTime", fmt.Sprint(filetime(time.Now())))
	}
	kind := []string{"unlock", "reset", "reset", "one-time"}[r.IntN(4)]
	if kind == "unlock" || n == 0 { // a session outlives the server, a sign-in's proof is used once
		if err := p.Phone.SignIn(ctx); err != nil {
			return err
		}
	}
	req, err := p.Phone.Submit(ctx, kind)
	if err != nil || kind == "unlock" {
		return err
	}
	if req.State == "draft" {
		if req, err = p.Phone.Prove(ctx, req.ID); err != nil {
			return err
		}
	}
	body := phone.Fields{}
	if kind == "reset" {
		body["password"] = fmt.Sprintf("Fresh-Value-%d-%d!", n, r.IntN(1_000_000))
	}
	done, err := p.Phone.Execute(ctx, req.ID, body)
	if err == nil && kind == "one-time" && done.Request.State == "done" {
		err = p.Phone.Call(ctx, "POST", "/api/requests/"+req.ID+"/seen", phone.Fields{}, nil)
	}
	return err
}

// expected says whether an answer is right for somebody whose server dies:
// refusals by state, or no answer at all. A 500 is not.
func expected(err error) bool {
	var problem *phone.Problem
	if errors.As(err, &problem) {
		return problem.Status != 500
	}
	return true
}

// settle waits until nothing is executing or unknown any more: the lease of the
// last killed executor must be over first.
func (w company) settle() {
	w.T.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for _, p := range append(slices.Clone(w.Managers), w.People...) {
		for p.Phone.SignIn(w.T.Context()) != nil {
			if time.Now().After(deadline) {
				w.T.Fatalf("%s can't sign in:\n%s", p.Account, w.LogTail())
			}
			time.Sleep(time.Second) // the limits of sign-in refill
		}
		for w.unsettled(p) {
			if time.Now().After(deadline) {
				w.T.Fatalf("%s has an unsettled request:\n%s", p.Account, w.LogTail())
			}
			time.Sleep(500 * time.Millisecond) // another process: polled as a page does
		}
	}
}

// unsettled may be told that the session is over: a password that is found to be
// written ends every session but the one that asked for it.
func (w company) unsettled(p *world.Person) bool {
	var all struct {
		Requests []phone.Request `json:"requests"`
	}
	err := p.Phone.Call(w.T.Context(), "GET", "/api/requests", nil, &all)
	var problem *phone.Problem
	if errors.As(err, &problem) && problem.Code == "session.unknown" {
		world.Must(w.T, p.Phone.SignIn(w.T.Context()))
		return true
	}
	world.Must(w.T, err)
	for _, r := range all.Requests {
		// An approved unlock executes by itself: a kill may have come before its intent.
		if r.State == "executing" || r.State == "unknown" || r.State == "approved" && r.Kind == "unlock" {
			return true
		}
	}
	return false
}

// line is what the count needs of an exported event.
type line struct {
	Event struct {
		Action  string         `json:"action"`
		Target  string         `json:"target"`
		Outcome string         `json:"outcome"`
		Detail  map[string]any `json:"detail"`
	} `json:"event"`
}

// count holds the directory's own numbers against the log.
func (w company) count() {
	w.T.Helper()
	all := w.tally(w.Export())
	var sum tally
	for _, p := range w.People {
		log := all[p.ID.String()]
		passwords, writes := w.KeyVersion(p)-p.KeyVersionBefore, w.Writes(p)-p.WritesBefore
		if passwords != log.passwords {
			w.T.Errorf("%s: the directory counted %d password writes, the log %d", p.Account, passwords, log.passwords)
		}
		if int64(writes) != log.done {
			w.T.Errorf("%s: the directory counted %d writes, the log %d", p.Account, writes, log.done)
		}
		if int64(writes) > log.intended {
			w.T.Errorf("%s: %d writes for %d intents", p.Account, writes, log.intended)
		}
		if log.unknown != 0 {
			w.T.Errorf("%s: %d outcomes stayed unknown for good", p.Account, log.unknown)
		}
		sum.add(log)
	}
	w.T.Logf("%d intents, %d writes (%d of passwords), each in the log once; %d outcomes were settled by reading, %d stayed unknown",
		sum.intended, sum.done, sum.passwords, sum.settled, sum.unknown)
	if sum.passwords == 0 || sum.settled == 0 {
		w.T.Error("no password was written, or no kill fell between intent and outcome: the test shows nothing")
	}
}

// tally counts the events of one account.
type tally struct{ intended, done, passwords, settled, unknown int64 }

func (t *tally) add(other tally) {
	t.intended += other.intended
	t.done += other.done
	t.passwords += other.passwords
	t.settled += other.settled
	t.unknown += other.unknown
}

// tally reads an exported log, per account.
func (w company) tally(file string) map[string]tally {
	f, err := os.Open(file)
	world.Must(w.T, err)
	defer f.Close()
	out := map[string]tally{}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var l line
		world.Must(w.T, json.Unmarshal(s.Bytes(), &l))
		n := out[l.Event.Target]
		switch l.Event.Action {
		case "execution.intended":
			n.intended++
		case "execution.settled":
			n.settled++
		case "execution.failed":
			if l.Event.Outcome == "unknown" {
				n.unknown++
			}
		case "execution.done":
			n.done++
			if l.Event.Detail["kind"] != "unlock" {
				n.passwords++
			}
		}
		out[l.Event.Target] = n
	}
	world.Must(w.T, s.Err())
	return out
}

// filetime is 100 ns since 1601 (MS-DTYP 2.3.3).
func filetime(t time.Time) int64 { return t.UnixNano()/100 + 116444736000000000 }
