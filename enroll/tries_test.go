package enroll_test

import (
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// A count whose time may not be read is not taken for an old one.
func TestWrongPasswordsOfAnUnknownTimeCount(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) {
		c.Directory = withPolicy{directory: c.Directory.(*directory), policy: ad.PasswordPolicy{LockoutThreshold: 5, ObservationWindow: time.Hour}}
	})
	w.dir.change(alice, func(a *ad.Account) { a.BadPasswords, a.LastBad = 4, time.Time{} })
	token, _ := w.invited()
	_, err := w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "prove", err, enroll.ErrNotNow)
	if w.dir.tried != 0 {
		t.Errorf("%d tries reached the directory", w.dir.tried)
	}
}

func TestFiveWrongPasswordsKillTheInvitation(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) {
		c.Directory = withPolicy{directory: c.Directory.(*directory), policy: ad.PasswordPolicy{LockoutThreshold: 0}}
	})
	token, _ := w.invited()
	_, err := w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "a right one does not count", err, nil)
	for range 5 {
		_, err := w.ProvePassword(w.ctx, token, wrong, phone)
		wantErr(t, "wrong", err, ad.ErrWrongPassword)
	}
	_, err = w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "the right one", err, enroll.ErrInvitationTries)
	_, err = w.OpenInvitation(w.ctx, token)
	wantErr(t, "open", err, enroll.ErrInvitationTries)
	if w.dir.tried != 6 {
		t.Errorf("%d tries reached the directory", w.dir.tried)
	}
	w.wantEvents(alice, map[audit.Action]int{audit.PasswordDisproved: 5, audit.PasswordProved: 1})
}

func TestNoInvitationComesWithinTwoTriesOfALockout(t *testing.T) {
	window := 30 * time.Minute
	for name, c := range map[string]struct {
		threshold, bad int
		lastBad        time.Duration
		wrong          int
		then           error
	}{
		"threshold 3":          {threshold: 3, wrong: 1, then: enroll.ErrNotNow},
		"threshold 5":          {threshold: 5, wrong: 3, then: enroll.ErrNotNow},
		"threshold 10":         {threshold: 10, wrong: 5, then: enroll.ErrInvitationTries},
		"threshold 2":          {threshold: 2, wrong: 0, then: enroll.ErrNotNow},
		"threshold 1":          {threshold: 1, wrong: 0, then: enroll.ErrNotNow},
		"some already":         {threshold: 5, bad: 2, lastBad: time.Minute, wrong: 1, then: enroll.ErrNotNow},
		"some already, so far": {threshold: 5, bad: 3, lastBad: time.Minute, wrong: 0, then: enroll.ErrNotNow},
		"some long ago":        {threshold: 5, bad: 4, lastBad: window + 6*time.Minute, wrong: 1},
		"our clock is ahead":   {threshold: 5, bad: 4, lastBad: window + 4*time.Minute, wrong: 0, then: enroll.ErrNotNow},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *enroll.Config) {
				cfg.Directory = withPolicy{directory: cfg.Directory.(*directory), policy: ad.PasswordPolicy{LockoutThreshold: c.threshold, ObservationWindow: window}}
			})
			w.dir.change(alice, func(a *ad.Account) { a.BadPasswords, a.LastBad = c.bad, w.clock.now().Add(-c.lastBad) })
			token, _ := w.invited()
			for range c.wrong {
				_, err := w.ProvePassword(w.ctx, token, wrong, phone)
				wantErr(t, "wrong", err, ad.ErrWrongPassword)
			}
			if c.then != nil {
				_, err := w.ProvePassword(w.ctx, token, right, phone)
				wantErr(t, "one more", err, c.then)
				if c.then == enroll.ErrNotNow {
					w.wantHidden(err, enroll.ErrNoTries)
				}
			}
			if w.dir.tried != c.wrong {
				t.Errorf("%d tries reached the directory, want %d", w.dir.tried, c.wrong)
			}
		})
	}
}

func TestACrowdOfTriesDoesNotLockTheAccount(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) {
		c.Directory = withPolicy{directory: c.Directory.(*directory), policy: ad.PasswordPolicy{LockoutThreshold: 5, ObservationWindow: time.Hour}}
	})
	tokens := make([]secret.Text, 4)
	for i := range tokens {
		tokens[i], _ = w.invited()
	}
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range 40 {
		done.Go(func() {
			start.Wait()
			_, _ = w.ProvePassword(w.ctx, tokens[i%len(tokens)], wrong, phone)
		})
	}
	start.Done()
	done.Wait()
	if w.dir.tried != 3 {
		t.Errorf("%d wrong passwords reached the directory, want 3 of a threshold of 5", w.dir.tried)
	}
}

func TestAnUnknownThresholdLeavesTwoTries(t *testing.T) {
	for name, d := range map[string]func(*directory) enroll.Directory{
		"not offered": func(d *directory) enroll.Directory { return d },
		"an error":    func(d *directory) enroll.Directory { return withPolicy{directory: d, err: ad.ErrRights} },
		"unreadable": func(d *directory) enroll.Directory {
			return withPolicy{directory: d, policy: ad.PasswordPolicy{Source: ad.PolicyUnreadable}}
		},
		"unknown": func(d *directory) enroll.Directory {
			return withPolicy{directory: d, policy: ad.PasswordPolicy{LockoutThreshold: -1}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *enroll.Config) { c.Directory = d(c.Directory.(*directory)) })
			token, _ := w.invited()
			for range 2 {
				_, err := w.ProvePassword(w.ctx, token, wrong, phone)
				wantErr(t, "wrong", err, ad.ErrWrongPassword)
			}
			_, err := w.ProvePassword(w.ctx, token, right, phone)
			wantErr(t, "third", err, enroll.ErrInvitationTries)
		})
	}
}

func TestALockedAccountIsRefusedWithoutATry(t *testing.T) {
	w := newWorld(t)
	w.dir.change(alice, func(a *ad.Account) { a.Locked = true })
	token, _ := w.invited()
	_, err := w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "prove", err, enroll.ErrNotNow)
	w.wantHidden(err, ad.ErrLocked)
	if w.dir.tried != 0 {
		t.Error("it was tried")
	}
}
