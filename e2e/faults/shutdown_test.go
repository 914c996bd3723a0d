package faults

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// A stop waits for what is being written: the person gets the answer, and the log
// the outcome.
func TestAStopDuringASlowWriteDropsNothing(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	r := approved(t, p, "reset")
	before := w.DC.Counters().Faults
	defer w.DC.Inject(minidc.Slow(2 * time.Second).On(minidc.OpModify))()

	type answer struct {
		done phone.Executed
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		answered <- answer{done, err}
	}()
	soon(t, 10*time.Second, "the write", func() bool { return w.DC.Counters().Faults > before })
	if err := w.Terminate(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	got := <-answered
	if got.err != nil || got.done.Request.State != "done" {
		t.Errorf("the person was told %+v, %v", got.done.Request, got.err)
	}
	if wrote := w.KeyVersion(p) - p.KeyVersionBefore; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
	log := w.Export()
	wantLast(t, actions(t, log, r.ID), "execution.done")
	all := events(t, log)
	if last := all[len(all)-1].Action; last != "server.stopped" {
		t.Errorf("the log ends with %s", last)
	}
	if bytes.Contains(w.Log(), []byte(`"level":"ERROR"`)) {
		t.Errorf("the stop left errors:\n%s", w.LogTail())
	}
}

// The browser that goes away takes nothing with it.
func TestABrowserThatGoesAwayDropsNothing(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	r := approved(t, p, "reset")
	before := w.DC.Counters().Faults
	clear := w.DC.Inject(minidc.Slow(time.Second).On(minidc.OpModify))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	gone := make(chan error, 1)
	go func() {
		_, err := p.Phone.Clone().Execute(ctx, r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
		gone <- err
	}()
	soon(t, 10*time.Second, "the write", func() bool { return w.DC.Counters().Faults > before })
	leave()
	if err := <-gone; err == nil {
		t.Fatal("the browser waited")
	}
	soon(t, 20*time.Second, "the outcome", func() bool {
		now, err := p.Phone.Read(t.Context(), r.ID)
		return err == nil && now.State == "done"
	})
	clear()
	if wrote := w.KeyVersion(p) - p.KeyVersionBefore; wrote != 1 {
		t.Errorf("the directory counted %d password writes", wrote)
	}
}
