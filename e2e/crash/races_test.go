package crash

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

const crowd = 200

// all runs fn at once in a crowd and returns how many succeeded; every other
// answer must be a problem with a code, and no fault of the server.
func all(t *testing.T, fn func(i int) error) (won int64) {
	t.Helper()
	return atOnce(t, crowd, fn)
}

func atOnce(t *testing.T, n int, fn func(i int) error) (won int64) {
	t.Helper()
	var wins atomic.Int64
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			err := fn(i)
			var problem *phone.Problem
			switch {
			case err == nil:
				wins.Add(1)
			case !errors.As(err, &problem) || problem.Status >= 500 || problem.Code == "":
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	close(start)
	wait.Wait()
	return wins.Load()
}

func TestOfTwoHundredFinishesOfOneCeremonyOneWins(t *testing.T) {
	w := world.New(t, world.Options{People: 1})
	p := w.People[0].Phone
	body, err := p.Sign(t.Context(), "/api/sign-in/begin", phone.Fields{"remember": true})
	world.Must(t, err)
	won := all(t, func(int) error {
		return p.Clone().Call(context.Background(), "POST", "/api/sign-in/finish", body, nil)
	})
	if won != 1 {
		t.Errorf("%d of %d finishes won", won, crowd)
	}
}

func TestOfTwoHundredExecutionsOneWrites(t *testing.T) {
	w := world.New(t, world.Options{People: 1})
	who := w.People[0]
	p := who.Phone
	world.Must(t, p.SignIn(t.Context()))
	r, err := p.Submit(t.Context(), "reset")
	world.Must(t, err)
	_, err = p.Prove(t.Context(), r.ID)
	world.Must(t, err)
	all(t, func(i int) error {
		_, err := p.Clone().Execute(context.Background(), r.ID, phone.Fields{"password": fmt.Sprintf("Harbour-%03d-Lantern", i)})
		return err
	})
	if wrote := w.KeyVersion(who) - who.KeyVersionBefore; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
	if r, err = p.Read(t.Context(), r.ID); err != nil || r.State != "done" {
		t.Errorf("request ended as %+v, %v", r, err)
	}
}

func TestOfTwoHundredUnlocksOneWrites(t *testing.T) {
	w := world.New(t, world.Options{People: 1})
	who := w.People[0]
	world.Must(t, who.Phone.SignIn(t.Context()))
	w.DC.Set(who.DN, "lockoutTime", fmt.Sprint(filetime(time.Now())))
	before := w.Writes(who)
	all(t, func(int) error {
		_, err := who.Phone.Clone().Submit(context.Background(), "unlock")
		return err
	})
	if wrote := w.Writes(who) - before; wrote != 1 {
		t.Errorf("the directory counted %d writes", wrote)
	}
}
