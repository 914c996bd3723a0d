package db

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// maxBatch bounds how many closures share a transaction, and how many wait.
const maxBatch = 256

var errPanic = errors.New("panic in a write")

// job is a closure that waits for the writer.
type job struct {
	fn    func(*tx) error
	state atomic.Int32
	err   error
	done  chan error // takes one
}

const (
	waiting = iota
	claimed // by the writer: the caller gets its answer
	abandoned
)

// write runs fn in a transaction and returns when that is committed. An error
// from fn rolls its own changes back and comes back as it is; an error of the
// engine does so for the whole batch. fn does no I/O, keeps nothing of tx, and
// may run again. A caller whose context ends before fn ran gets the context's
// error, and fn never runs; once it runs, the answer is what happened.
func (s *Store) write(ctx context.Context, fn func(*tx) error) error {
	j := &job{fn: fn, done: make(chan error, 1)}
	if err := s.hand(ctx, j); err != nil {
		return err
	}
	return j.await(ctx)
}

// await gives up only on a closure that the writer has not claimed.
func (j *job) await(ctx context.Context) error {
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		return <-j.done
	}
}

// hand gives the job to the writer. The lock keeps Close from closing the channel
// under it.
func (s *Store) hand(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.tx == nil:
		return ErrReadOnly
	}
	select {
	case s.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop is the writer. A closure that ends the goroutine (runtime.Goexit) ends
// this one loop; the next takes over where it stood.
func (s *Store) loop() {
	finished := false
	defer func() {
		if !finished {
			go s.loop()
		}
	}()
	for j := range s.jobs {
		// Who was just answered comes first: half of all batches would be one job.
		runtime.Gosched()
		s.runBatch(s.gather(j))
	}
	finished = true
	close(s.drained)
}

// gather takes whatever waits behind the first job.
func (s *Store) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j, ok := <-s.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// runBatch runs the closures in one transaction and answers every caller.
func (s *Store) runBatch(batch []*job) {
	err := errPanic // unless the batch comes to its end
	defer func() {
		if err != nil {
			s.tx.rollback()
		}
		for _, j := range batch {
			if j.err == nil {
				j.err = err
			}
			j.done <- j.err
		}
	}()
	if err = s.carryOut(batch); err == nil {
		s.runHooks()
	}
}

// carryOut commits the batch, on another connection where one is lost.
func (s *Store) carryOut(batch []*job) error {
	for tries := 1; ; tries++ {
		if s.dialect.remote {
			s.tx.batch++
		}
		err := s.commitBatch(batch)
		if err == nil || !s.dialect.remote {
			return err
		}
		done, cause := s.repair(err)
		switch {
		case done:
			return nil
		case cause != nil:
			return cause
		case tries == batchTries:
			return translate(err)
		}
	}
}

// claim says whether the writer has the job, from now on or from an earlier run.
func (j *job) claim() bool {
	return j.state.CompareAndSwap(waiting, claimed) || j.state.Load() == claimed
}

// errDirty: a closure failed after it had changed something, or the engine
// refused a statement. Without savepoints only the whole batch can be taken back.
var errDirty = errors.New("a closure failed half way")

// commitBatch runs the batch without savepoints, which cost as much as a small
// closure does: nearly every refusal comes before the first change. Where one came
// later, all is rolled back and run once more, each in a savepoint of its own.
func (s *Store) commitBatch(batch []*job) error {
	err := s.tryBatch(batch, s.runBare)
	if !errors.Is(err, errDirty) {
		return err
	}
	if len(batch) == 1 {
		return batch[0].err
	}
	s.tx.rollback()
	return s.tryBatch(batch, s.runSaved)
}

func (s *Store) tryBatch(batch []*job, run func(*job) error) error {
	if err := s.tx.begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, j := range batch {
		j.err = nil
	}
	for _, j := range batch {
		if !j.claim() {
			continue
		}
		if err := run(j); err != nil {
			return err
		}
	}
	if err := s.tx.commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// runBare runs one closure. It is errDirty that ends the whole run.
func (s *Store) runBare(j *job) error {
	t := s.tx
	before, told := t.end, t.told
	t.dirty, t.unread = false, 0
	if j.err = s.call(j.fn); j.err == nil {
		return nil
	}
	if t.dirty || t.unread > 0 {
		return errDirty
	}
	t.end, t.told = before, told
	return nil
}

// runSaved runs one closure in its savepoint. What it returns is the end of the
// whole batch; the closure's own error is the job's.
func (s *Store) runSaved(j *job) error {
	t := s.tx
	if err := t.control(`SAVEPOINT job`); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	before, told := t.end, t.told
	if j.err = s.call(j.fn); j.err != nil {
		t.end, t.told = before, told
		if err := t.control(`ROLLBACK TO job`); err != nil {
			// The engine has ended the transaction by itself, and why is what
			// the closure came back with.
			return fmt.Errorf("roll back: %w", j.err)
		}
		if again(j.err) {
			return j.err
		}
	}
	if err := t.control(`RELEASE job`); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// call contains a panic: it is a fault of one closure, and what it says may hold
// anything, so that only its type is logged.
func (s *Store) call(fn func(*tx) error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		cause := recover()
		s.log.Error("panic in a write", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
		err = errPanic
	}()
	err = fn(s.tx)
	returned = true
	return err
}
