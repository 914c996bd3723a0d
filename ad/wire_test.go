package ad

import (
	"errors"
	"net"
	"testing"
	"time"
)

func TestAPeerThatStopsReadingIsGivenUp(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	w := &wire{Conn: ours, raw: ours, timeout: 50 * time.Millisecond}
	done := make(chan error, 1)
	go func() { _, err := w.Write(make([]byte, 1<<20)); done <- err }()
	select {
	case err := <-done:
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || w.writes.Load() != 1 {
			t.Errorf("%v after %d writes", err, w.writes.Load())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the write hangs")
	}
}

func TestAnAnswerWithoutEndIsCut(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	w := &wire{Conn: ours, raw: ours}
	w.budget.Store(10)
	go func() { theirs.Write(make([]byte, 100)) }()
	b := make([]byte, 8)
	if n, err := w.Read(b); n != 8 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := w.Read(b); !errors.Is(err, errAnswerTooLong) {
		t.Fatal(err)
	}
}
