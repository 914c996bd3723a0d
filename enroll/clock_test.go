package enroll_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// showing is the code on a phone whose clock is that far ahead.
func (w *world) showing(seed string, ahead time.Duration) string {
	w.t.Helper()
	return must(totp.GenerateCode(seed, w.clock.now().Add(ahead)))(w.t)
}

// saidOfClock is what an error tells of the phone's clock; "" for nothing.
func saidOfClock(err error) string {
	var clock *enroll.ClockError
	if !errors.As(err, &clock) {
		return ""
	}
	return fmt.Sprintf("%v %d %v", clock.Ahead, clock.Minutes, clock.Used)
}

// clocks are how far a phone's is ahead, and what is said of it.
var clocks = []struct {
	ahead time.Duration
	said  string
}{
	{0, ""}, {30 * time.Second, ""}, {-30 * time.Second, ""},
	{60 * time.Second, "true 1 false"}, {-60 * time.Second, "false 1 false"},
	{4 * time.Minute, "true 4 false"}, {-4 * time.Minute, "false 4 false"},
	{10 * time.Minute, "true 10 false"}, {-10 * time.Minute, "false 10 false"},
	{10*time.Minute + 30*time.Second, ""}, {-10*time.Minute - 30*time.Second, ""},
}

// Who sets up an app on a phone whose clock is off is told so, and no code of it is
// taken; the set-up goes on.
func TestSettingUpTellsThatTheClockIsOff(t *testing.T) {
	for _, c := range clocks {
		t.Run(c.ahead.String(), func(t *testing.T) {
			w, _ := furnished(t)
			d, of := w.enrolled(alice)
			begun := must(w.BeginTOTP(w.ctx, of, must(w.stepUp(d, of, enroll.LabelTOTP, enroll.ProofStatement(alice, enroll.ProofTOTP)))(t)))(t)
			seed := strings.ReplaceAll(begun.Secret.Reveal(), " ", "")
			err := w.FinishTOTP(w.ctx, of, begun.Token, w.showing(seed, c.ahead))
			near := c.ahead.Abs() <= 30*time.Second
			if saidOfClock(err) != c.said || near != (err == nil) || !near && !errors.Is(err, enroll.ErrWrongCode) {
				t.Fatalf("said %q, %v", saidOfClock(err), err)
			}
			if !near {
				wantErr(t, "with the clock set", w.FinishTOTP(w.ctx, of, begun.Token, w.codeOf(seed)), nil)
			}
		})
	}
}

func TestAnsweringTellsThatTheClockIsOff(t *testing.T) {
	for _, c := range clocks {
		t.Run(c.ahead.String(), func(t *testing.T) {
			w, _ := furnished(t)
			d, of := w.enrolled(alice)
			seed := w.app(d, of)
			w.clock.move(time.Hour)
			of = w.signedIn(d)
			err := w.answer(of, secret.Text{}, typed(enroll.ProofTOTP, w.showing(seed, c.ahead)))
			near := c.ahead.Abs() <= 30*time.Second
			want := c.said
			if c.ahead > 0 {
				want = strings.Replace(want, "false", "true", 1)
			}
			if saidOfClock(err) != want || near != (err == nil) || !near && !errors.Is(err, enroll.ErrWrongCode) {
				t.Fatalf("said %q, %v", saidOfClock(err), err)
			}
			if want != "" && enroll.Code(err) != "proof.clock" {
				t.Errorf("code %q", enroll.Code(err))
			}
		})
	}
}

// What was said of a code's time must be of no use to whoever has somebody's session
// and guesses: the code is never taken, not even when its time comes.
func TestACodeThatWasToldToBeAheadIsNeverTaken(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	seed := w.app(d, of)
	w.clock.move(time.Hour)
	of = w.signedIn(d)
	code := w.showing(seed, 4*time.Minute)
	answer := func() error { return w.answer(of, secret.Text{}, typed(enroll.ProofTOTP, code)) }
	wantErr(t, "ahead", answer(), enroll.ErrClock)
	if err := answer(); saidOfClock(err) != "" || !errors.Is(err, enroll.ErrWrongCode) {
		t.Errorf("once more: %v", err)
	}
	w.clock.move(4 * time.Minute)
	if err := answer(); saidOfClock(err) != "" || !errors.Is(err, enroll.ErrWrongCode) {
		t.Errorf("when its time has come: %v", err)
	}
	code = w.showing(seed, 30*time.Second)
	wantErr(t, "the next one", answer(), nil)
	w.clock.move(3 * time.Minute)
	if err := answer(); saidOfClock(err) != "" || !errors.Is(err, enroll.ErrWrongCode) {
		t.Errorf("one that was used: %v", err)
	}
}

// A stranger learns nothing of a clock, and nothing of the app changes.
func TestTheWayInTellsNothingOfAClock(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	seed := w.app(d, of)
	w.clock.move(time.Hour)
	for _, ahead := range []time.Duration{4 * time.Minute, -4 * time.Minute} {
		before := must(w.store.Factors(w.ctx, alice))(t)[0].Step
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofTOTP, w.showing(seed, ahead)))
		if !errors.Is(err, enroll.ErrRecoverRefused) || errors.Is(err, enroll.ErrClock) || saidOfClock(err) != "" {
			t.Errorf("%s: %v", ahead, err)
		}
		if got := must(w.store.Factors(w.ctx, alice))(t)[0].Step; got != before {
			t.Errorf("%s: codes up to %d are used up", ahead, got)
		}
	}
	for _, e := range must(w.store.Events(w.ctx, alice, 2))(t) {
		if e.Action != audit.RecoverRefused || strings.Contains(string(e.Bytes), "clock") {
			t.Errorf("recorded as %s", e.Bytes)
		}
	}
}
