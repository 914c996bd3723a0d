package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
)

// TestKillsAtRandomWriteNothingTwice kills the server while people unlock, reset
// and get one-time passwords, some with a slow directory or a lost answer. In the
// end every request is settled, and the directory counted as many password writes
// as Latchkey says it made.
func TestKillsAtRandomWriteNothingTwice(t *testing.T) {
	kills, people := 40, 16
	if os.Getenv("LATCHKEY_SOAK") == "1" {
		kills, people = 300, 48
	}
	if os.Getenv("LATCHKEY_QUICK") == "1" {
		kills = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d kills, %d people", seed, kills, people)
	w := newWorld(t, people)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var busy sync.WaitGroup
	for i, p := range w.people {
		busy.Go(func() { w.live(ctx, p, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	r := rand.New(rand.NewPCG(seed, 1<<32))
	for range kills {
		clear := w.trouble(r)
		pause := time.NewTimer(time.Duration(100+r.IntN(900)) * time.Millisecond) // the random moment
		<-pause.C
		w.kill()
		clear()
	}
	cancel()
	busy.Wait()
	w.settle()
	w.count()
}

// trouble makes the directory slow or lossy for some of the kills, so that they
// fall between the intent and the outcome.
func (w *world) trouble(r *rand.Rand) (clear func()) {
	switch r.IntN(4) {
	case 0:
		return w.dc.Inject(minidc.Slow(time.Duration(r.IntN(300)) * time.Millisecond).On(minidc.OpModify))
	case 1:
		return w.dc.Inject(minidc.LoseAnswer().Times(2))
	}
	return func() {}
}

// live goes on until ctx ends; what a dying server answers is no error.
func (w *world) live(ctx context.Context, p *person, r *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		w.waitUp(ctx)
		if err := w.act(ctx, p, r, n); err != nil && ctx.Err() == nil && !expected(err) {
			w.t.Errorf("%s: %v", p.account, err)
			return
		}
	}
}

func (w *world) act(ctx context.Context, p *person, r *rand.Rand, n int) error {
	if r.IntN(2) == 0 {
		w.dc.Set(p.dn, "lockoutTime", fmt.Sprint(filetime(time.Now())))
	}
	kind := []string{"unlock", "reset", "reset", "one-time"}[r.IntN(4)]
	if kind == "unlock" || n == 0 { // a session outlives the server, a sign-in's proof is used once
		if err := p.phone.SignIn(ctx); err != nil {
			return err
		}
	}
	req, err := p.phone.Submit(ctx, kind)
	if err != nil || kind == "unlock" {
		return err
	}
	if req.State == "draft" {
		if req, err = p.phone.Prove(ctx, req.ID); err != nil {
			return err
		}
	}
	body := phone.Fields{}
	if kind == "reset" {
		body["password"] = fmt.Sprintf("Fresh-Value-%d-%d!", n, r.IntN(1_000_000))
	}
	done, err := p.phone.Execute(ctx, req.ID, body)
	if err == nil && kind == "one-time" && done.Request.State == "done" {
		err = p.phone.Call(ctx, "POST", "/api/requests/"+req.ID+"/seen", phone.Fields{}, nil)
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
func (w *world) settle() {
	w.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for _, p := range w.people {
		for p.phone.SignIn(w.t.Context()) != nil {
			if time.Now().After(deadline) {
				w.t.Fatalf("%s can't sign in:\n%s", p.account, tail(w.log.Bytes()))
			}
			time.Sleep(time.Second) // the limits of sign-in refill
		}
		for w.unsettled(p) {
			if time.Now().After(deadline) {
				w.t.Fatalf("%s has an unsettled request:\n%s", p.account, tail(w.log.Bytes()))
			}
			time.Sleep(500 * time.Millisecond) // another process: polled as a page does
		}
	}
}

func (w *world) unsettled(p *person) bool {
	var all struct {
		Requests []phone.Request `json:"requests"`
	}
	must(w.t, p.phone.Call(w.t.Context(), "GET", "/api/requests", nil, &all))
	for _, r := range all.Requests {
		if r.State == "executing" || r.State == "unknown" {
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
func (w *world) count() {
	w.t.Helper()
	file := filepath.Join(w.dir, "log.jsonl")
	w.latchkey("audit", "export", "--data", filepath.Join(w.dir, "data"), file)
	w.t.Log(w.latchkey("audit", "verify", file))
	all := w.tally(file)
	var sum tally
	for _, p := range w.people {
		log := all[p.id.String()]
		passwords, writes := w.keyVersion(p)-p.before, w.writes(p)-p.writesBefore
		if passwords != log.passwords {
			w.t.Errorf("%s: the directory counted %d password writes, the log %d", p.account, passwords, log.passwords)
		}
		// An unlock whose account was locked anew before it could be read is
		// logged as unknown for good: it may have been written, once.
		if n := int64(writes); n < log.done || n > log.done+log.unknown {
			w.t.Errorf("%s: the directory counted %d writes, the log %d and %d unknown", p.account, n, log.done, log.unknown)
		}
		if int64(writes) > log.intended {
			w.t.Errorf("%s: %d writes for %d intents", p.account, writes, log.intended)
		}
		sum.add(log)
	}
	w.t.Logf("%d intents, %d writes (%d of passwords), each in the log once; %d outcomes were settled by reading, %d unlocks stayed unknown",
		sum.intended, sum.done, sum.passwords, sum.settled, sum.unknown)
	if sum.passwords == 0 || sum.settled == 0 {
		w.t.Error("no password was written, or no kill fell between intent and outcome: the test shows nothing")
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
func (w *world) tally(file string) map[string]tally {
	f, err := os.Open(file)
	must(w.t, err)
	defer f.Close()
	out := map[string]tally{}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var l line
		must(w.t, json.Unmarshal(s.Bytes(), &l))
		n := out[l.Event.Target]
		switch l.Event.Action {
		case "execution.intended":
			n.intended++
		case "execution.settled":
			n.settled++
		case "execution.failed":
			if l.Event.Outcome == "unknown" && l.Event.Detail["kind"] == "unlock" {
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
	must(w.t, s.Err())
	return out
}

// filetime is 100 ns since 1601 (MS-DTYP 2.3.3).
func filetime(t time.Time) int64 { return t.UnixNano()/100 + 116444736000000000 }
