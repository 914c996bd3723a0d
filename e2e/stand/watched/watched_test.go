package watched_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/watched"
)

func TestAWaitEndsWithTheEvent(t *testing.T) {
	var l watched.List[int]
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			all, err := l.Until(t.Context(), func(all []int) bool { return len(all) >= 3 })
			if err != nil || len(all) < 3 {
				t.Error(all, err)
			}
		})
	}
	for i := range 3 {
		l.Add(i)
	}
	done.Wait()
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	var l watched.List[int]
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.Until(ctx, func([]int) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest("GET", "/?after=0&seconds=0", nil))
	if w.Code != 408 {
		t.Error(w.Code)
	}
	w = httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || w.Body.String() != "[]\n" {
		t.Error(w.Code, w.Body)
	}
}
