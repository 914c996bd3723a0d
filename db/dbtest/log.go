package dbtest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/workflow"
)

func theLogVerifies(s *suite) {
	s.same(s.verify().Head, audit.Head{})
	s.race(200, func(s *suite, i int) error {
		e := s.event(audit.SignedIn, guid(i%3))
		if i%2 == 0 {
			e.Personal = nil
		}
		return s.Record(s.ctx, e, s.event(audit.SignedOut, guid(i%3)))
	}, nil)
	report := s.verify()
	head, err := s.Head(s.ctx)
	s.must(err)
	s.same(report.Head, head)
	s.same([]any{head.Seq, report.Personal, report.Erased}, []any{400, 600, 0})

	all, err := s.Events(s.ctx, guid(1), 5)
	s.must(err)
	s.same(len(all), 5)
	for i, n := range all {
		if i > 0 && n.Seq >= all[i-1].Seq {
			s.Errorf("%d comes after %d", n.Seq, all[i-1].Seq)
		}
		if n.Target != guid(1).String() || n.Hash != audit.HashEvent(n.Bytes) || n.Time != s.now.UnixMilli() {
			s.Errorf("entry %+v", n)
		}
	}
	s.same(all[0].Personal["device"].Value, "Firefox on Linux")
	s.same(s.events(guid(2)), 132)
	s.same(s.events(guid(9)), 0)
}

func aFailedEventFailsItsChange(s *suite) {
	s.want(s.Record(s.ctx, s.event(audit.SignedIn, guid(1)), s.event("session.invented", guid(1))), audit.ErrEvent)
	s.want(s.AddSession(s.ctx, s.session("s", guid(1), "c"), s.event("session.invented", guid(1))), audit.ErrEvent)
	all, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(all), 0)
	s.same(s.events(guid(1)), 0)
	// One that fails between others leaves no gap.
	s.race(100, func(s *suite, i int) error {
		action := audit.SignedIn
		if i%2 == 1 {
			action = "session.invented"
		}
		return s.Record(s.ctx, s.event(action, guid(1)))
	}, audit.ErrEvent)
	s.same(s.verify().Head.Seq, 50)
}

func erasedValuesAreGoneAndTheLogVerifies(s *suite) {
	s.must(s.Record(s.ctx, s.event(audit.SignedIn, guid(1)), s.event(audit.SignedIn, guid(2))))
	n, err := s.ErasePersonal(s.ctx, guid(1), audit.ActorOperator)
	s.must(err)
	s.same(n, 2)
	report := s.verify()
	s.same([]any{report.Head.Seq, report.Personal, report.Erased}, []any{3, 2, 2})
	all, err := s.Events(s.ctx, guid(1), 10)
	s.must(err)
	s.same(len(all), 2)
	s.same(all[0].Action, audit.PersonalErased)
	s.same(len(all[1].Personal), 0)
}

// anExportIsOneMoment exports while others write: each export verifies. For each they
// get more to write than it takes to read; without an end they would fill a log that
// takes longer each time.
func anExportIsOneMoment(s *suite) {
	ctx, stop := context.WithCancel(s.ctx)
	var writers sync.WaitGroup
	started, turns := make(chan error, 8), make(chan struct{}, 500)
	for range 8 {
		writers.Go(func() {
			started <- s.Record(ctx, s.event(audit.SignedIn, guid(1)))
			for range turns {
				_ = s.Record(ctx, s.event(audit.SignedIn, guid(1)))
			}
		})
	}
	s.must(<-started)
	first, last := int64(0), int64(0)
	for i := 0; i < 10 || last == first; i++ { // until something was written meanwhile
		for len(turns) < cap(turns) {
			turns <- struct{}{}
		}
		report := s.verify()
		if report.Head.Seq < last {
			s.Errorf("export %d ends at %d, the one before at %d", i, report.Head.Seq, last)
		}
		if last = report.Head.Seq; i == 0 {
			first = last
		}
	}
	stop()
	close(turns)
	writers.Wait()
}

func aCallerThatGaveUpChangesNothing(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	s.want(s.Record(ctx, s.event(audit.SignedIn, guid(1))), context.Canceled)
	s.same(s.events(guid(1)), 0)

	// While the writer is held, a caller gives up; its closure never runs.
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	running, release := make(chan struct{}), make(chan struct{})
	held := make(chan error)
	go func() {
		held <- s.Update(s.ctx, "one", func(*workflow.Request) (workflow.Change, error) {
			close(running)
			<-release
			return workflow.Change{}, nil
		})
	}()
	<-running
	ctx, cancel = context.WithCancel(s.ctx)
	waits := make(chan error)
	go func() { waits <- s.Record(ctx, s.event(audit.SignedIn, guid(1))) }()
	cancel()
	s.want(<-waits, context.Canceled)
	close(release)
	s.must(<-held)
	s.must(s.Ping(s.ctx))
	s.same(s.events(guid(1)), 0)
}

func aPanicStaysInItsClosure(s *suite) {
	s.must(s.Create(s.ctx, s.request("one"), workflow.Change{}))
	s.race(60, func(s *suite, i int) error {
		err := s.Update(s.ctx, "one", func(r *workflow.Request) (workflow.Change, error) {
			r.Tries++
			if i%3 == 0 {
				panic(fmt.Sprintf("secret %d", i))
			}
			return s.change(audit.RequestProved), nil
		})
		switch {
		case i%3 == 0 && err == nil:
			return fmt.Errorf("%d: a panic is no success", i)
		case i%3 == 0 && strings.Contains(err.Error(), "secret"):
			return fmt.Errorf("%d: the panic's value came out: %w", i, err)
		case i%3 == 0:
			return nil
		}
		return err
	}, nil)
	r, err := s.Request(s.ctx, "one")
	s.must(err)
	s.same([]any{r.Tries, r.Version}, []any{2 + 40, 40})
	s.same(s.verify().Head.Seq, 40)
}

func aClosedStoreRefuses(s *suite) {
	results := make(chan error, 100)
	for range 100 {
		go func() { results <- s.Record(s.ctx, s.event(audit.SignedIn, guid(1))) }()
	}
	for range 50 { // some are in, some are on their way
		s.must(<-results)
	}
	s.must(s.Close())
	s.must(s.Close())
	s.closed = true
	for range 50 {
		<-results // answered, one way or the other
	}
	if err := s.Record(s.ctx, s.event(audit.SignedIn, guid(1))); err == nil {
		s.Error("a closed store took a write")
	}
	if err := s.Export(s.ctx, &bytes.Buffer{}); err == nil {
		s.Error("a closed store was read")
	}
}
