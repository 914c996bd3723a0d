package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
)

// How long somebody has to wait for another code goes the whole way to the answer.
func TestWhyACodeDidNotGoIsSaidInOneLanguage(t *testing.T) {
	sent := func(err error) error { return asBrought(fmt.Errorf("send code: %w", err)) }
	var often enroll.SentOften
	if err := sent(push.TooOften{Wait: time.Hour, Country: "+49"}); !errors.As(err, &often) || often.RetryAfter() != time.Hour || often.Country != "+49" || !errors.Is(err, enroll.ErrSentOften) {
		t.Errorf("too often: %v", err)
	}
	for of, want := range map[error]error{push.ErrNotSent: enroll.ErrNotSent, push.ErrCountry: enroll.ErrCountry} {
		if err := sent(of); !errors.Is(err, want) {
			t.Errorf("%v: %v", of, err)
		}
	}
	if err := asBrought(nil); err != nil {
		t.Errorf("sent: %v", err)
	}
}
