package enroll

import (
	"context"
	"fmt"
	"time"
)

const (
	// behindTime bounds what is done after an answer: a slow directory must not hold the
	// places of all who come later.
	behindTime = 30 * time.Second
	// maxStopping are places of their own: whoever fills those of all who ask keeps
	// nobody from taking theirs back.
	maxStopping = 8
)

// behind does something after the answer, of which there are as many under way at once
// as places.
func (s *Service) behind(ctx context.Context, places chan struct{}, do func(context.Context)) {
	select {
	case places <- struct{}{}:
		go func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), behindTime)
			defer cancel()
			do(ctx)
		}()
	default:
		s.log.Error("a way in is not gone on with: too many at once")
	}
}

// Drain waits until nothing is under way behind an answer any more, or until ctx ends:
// whoever stops a server would else leave somebody waiting for nothing.
func (s *Service) Drain(ctx context.Context) error {
	for _, places := range []chan struct{}{s.sending, s.stopping} {
		for range cap(places) {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-ctx.Done():
				return fmt.Errorf("drain: %w", ctx.Err())
			}
		}
	}
	return nil
}
