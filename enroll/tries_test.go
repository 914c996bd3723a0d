package enroll_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// A count whose time may not be read is not taken for an old one.
func TestWrongPasswordsOfAnUnknownTimeCount(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) {
		c.Directory = withPolicy{directory: c.Directory.(*directory), policy: ad.PasswordPolicy{LockoutThreshold: 5, ObservationWindow: time.Hour}}
	})
	w.dir.change(alice, func(a *ad.Account) { a.BadPasswords, a.LastBad = 4, time.Time{} })
	token, _ := w.invited()
	_, err := w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "prove", err, enroll.ErrNoTries)
	if w.dir.tried != 0 {
		t.Errorf("%d tries reached the directory", w.dir.tried)
	}
}
