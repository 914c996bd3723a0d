package faults

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

func TestAnInvitationIsGoodOnceInTimeAndForSomebody(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	p := w.Hire(minidc.User{Account: "new", Password: "Start-Value-000!"})
	used := w.Invite(p.Account)
	p.Phone = w.NewPhone()
	world.Must(t, p.Phone.Enrol(t.Context(), used, p.Password))
	check := unchanged(t, w, p)

	for _, c := range []struct {
		name, link string
		status     int
		code       string
	}{
		{"unknown", w.URL + "/enrol#" + strings.Repeat("A", 43), 404, "invitation.unknown"},
		{"empty", w.URL + "/enrol#", 404, "invitation.unknown"},
		{"expired", w.Invite(p.Account, "--valid", "1ms"), 410, "invitation.expired"},
		{"used", used, 410, "invitation.used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stranger := w.NewPhone()
			refused(t, stranger.Call(t.Context(), "POST", "/api/enrol/open", phone.Fields{"token": phone.Token(c.link)}, nil), c.status, c.code)
			_, err := stranger.ProvePassword(t.Context(), c.link, p.Password)
			refused(t, err, c.status, c.code)
			refused(t, stranger.Register(t.Context(), c.link, "", "Phone"), c.status, c.code)
		})
	}
	check()
	if bad := w.DC.Counters().BadBinds; bad != 0 {
		t.Errorf("%d wrong passwords reached the directory", bad)
	}
	wantEvent(t, w.Export(), p.ID.String(), "invitation.refused", "invitation.used")
}

// A link is no way to lock somebody out: the last two tries stay the person's.
func TestWrongPasswordsAtEnrolmentStopBeforeTheLockout(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	p := w.Hire(minidc.User{Account: "new", Password: "Start-Value-000!"})
	check := unchanged(t, w, p)
	link, stranger := w.Invite(p.Account), w.NewPhone()
	for range 3 {
		_, err := stranger.ProvePassword(t.Context(), link, "wrong")
		refused(t, err, 422, "bind.wrong-password")
	}
	_, err := stranger.ProvePassword(t.Context(), link, p.Password)
	refused(t, err, 409, "invitation.not-now") // why is for the log
	wantEvent(t, w.Export(), p.ID.String(), "password.refused", "password.no-tries-left")
	refused(t, stranger.Register(t.Context(), link, "", "Phone"), 403, "invitation.password-needed")
	if bad := w.DC.Counters().BadBinds; bad != 3 {
		t.Errorf("the directory counted %d wrong passwords", bad)
	}
	check()
}

// Only the right password opens the account's state: a link alone proves nothing,
// and what the directory would say of a wrong password too stays in the log.
func TestWhoMayNotLogOnIsToldSoAtEnrolment(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	for _, c := range []struct {
		name   string
		change func(dn string)
		status int
		code   string
		tried  int
	}{
		{"locked", w.DC.Lock, 409, "invitation.not-now", 0},
		{"disabled", func(dn string) { w.DC.Set(dn, "userAccountControl", "514") }, 409, "account.disabled", 1},
		{"expired", func(dn string) { w.DC.Set(dn, "accountExpires", "1") }, 409, "account.expired", 1},
		{"left", w.DC.Delete, 409, "invitation.not-now", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.Hire(minidc.User{Account: c.name, Password: "Start-Value-000!"})
			link := w.Invite(p.Account)
			c.change(p.DN)
			before := w.DC.Counters()
			_, err := w.NewPhone().ProvePassword(t.Context(), link, p.Password)
			refused(t, err, c.status, c.code)
			if now := w.DC.Counters(); now.Modifies != before.Modifies || now.BadBinds != before.BadBinds+c.tried {
				t.Error("the directory was touched")
			}
			if c.tried > 0 {
				_, err = w.NewPhone().ProvePassword(t.Context(), link, "wrong")
				refused(t, err, 422, "bind.wrong-password")
			}
		})
	}
}
