package enroll_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

var right, wrong = secret.New("Old-Secret-1"), secret.New("guess")

// invited makes an invitation for Alice that asks for her password.
func (w *world) invited() (secret.Text, enroll.Invitation) {
	w.t.Helper()
	token, inv, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, 0)
	wantErr(w.t, "invite", err, nil)
	return token, inv
}

func TestOpeningAnInvitationTellsLittleAndConsumesNothing(t *testing.T) {
	w := newWorld(t)
	token, inv := w.invited()
	for range 3 {
		o := must(w.OpenInvitation(w.ctx, token))(t)
		if o.GivenName != "Alice" || !o.Password || !o.Expires.Equal(w.clock.now().Add(72*time.Hour)) {
			t.Fatalf("opened %+v", o)
		}
	}
	if inv.ID == token.Reveal() || len(inv.ID) != 64 || len(token.Reveal()) != 43 {
		t.Errorf("the store knows %q of a token of %d characters", inv.ID, len(token.Reveal()))
	}
}

// Rule 1: others than its owner are told of a passkey that an invitation of IT made where
// there was one before, whether the password was asked or not; not of somebody's very
// first, and not of one by their own link, which took a passkey. A manager who can't be
// found takes no notice from the person.
func TestOthersAreToldOfAPasskeyByInvitationWhereOneWasHeld(t *testing.T) {
	boss := ad.GUID{0xb0}
	for name, c := range map[string]struct {
		by          string
		first, fail bool
		want        string
	}{
		"another, by IT":          {by: audit.ActorOperator, want: "[passkey.replaced proof.changed]"},
		"another, by their link":  {by: alice.String(), want: "[proof.changed]"},
		"the first":               {by: audit.ActorOperator, first: true, want: "[]"},
		"while nobody is found":   {by: audit.ActorOperator, fail: true, want: "[proof.changed]"},
		"the first, nobody found": {by: audit.ActorOperator, first: true, fail: true, want: "[]"},
	} {
		for _, asked := range []bool{true, false} {
			w := newWorld(t, func(cfg *enroll.Config) {
				cfg.ToldToo = func(_ context.Context, account ad.GUID) ([]enroll.Notice, error) {
					if c.fail {
						return nil, &ad.Error{Cause: ad.ErrUnavailable, Op: "read manager"}
					}
					return []enroll.Notice{{To: boss, Kind: enroll.NoticeReplaced, Params: map[string]string{"who": account.String()}}}, nil
				}
			})
			enrol := func(by string) {
				t.Helper()
				token, _, err := w.Invite(w.ctx, alice, by, asked, 0)
				wantErr(t, name, err, nil)
				var grant secret.Text
				if asked {
					grant = must(w.ProvePassword(w.ctx, token, right, phone))(t)
				}
				ceremony, options, err := w.BeginEnrol(w.ctx, token, grant)
				wantErr(t, name, err, nil)
				_, _, err = w.FinishEnrol(w.ctx, ceremony, "Phone", newDevice().create(t, options), phone)
				wantErr(t, name, err, nil)
			}
			if !c.first {
				enrol(audit.ActorOperator)
			}
			enrol(c.by)
			kinds := []string{}
			for _, n := range must(w.store.ClaimNotices(w.ctx, w.clock.now(), time.Minute, 10))(t) {
				kinds = append(kinds, n.Kind)
				to := alice.String()
				if n.Kind == enroll.NoticeReplaced {
					to = boss.String()
				}
				if n.To != to || n.Kind == enroll.NoticeReplaced && n.Params["who"] != alice.String() {
					t.Errorf("%s: %+v", name, n)
				}
			}
			if got := fmt.Sprint(kinds); got != c.want {
				t.Errorf("%s, password asked %v: told %s, want %s", name, asked, got, c.want)
			}
		}
	}
}

func TestEnrolmentWithThePassword(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invited()
	grant, err := w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "prove", err, nil)
	d := newDevice()
	_, abandoned, err := w.BeginEnrol(w.ctx, token, grant)
	wantErr(t, "begin", err, nil)
	ceremony, options, err := w.BeginEnrol(w.ctx, token, grant) // the grant outlives a cancelled dialog
	wantErr(t, "begin again", err, nil)
	if string(abandoned.Response.Challenge) == string(options.Response.Challenge) {
		t.Error("the same challenge twice")
	}
	session, cookie, err := w.FinishEnrol(w.ctx, ceremony, " Phone ", d.create(t, options), phone)
	wantErr(t, "finish", err, nil)
	if must(w.Session(w.ctx, cookie))(t).ID != session.ID || w.credential(d).Name != "Phone" {
		t.Error("session or passkey")
	}
	if _, err := w.SessionProof(w.ctx, session); !errors.Is(err, enroll.ErrNoProof) {
		t.Errorf("a registration counts as an assertion: %v", err)
	}
	_, err = w.OpenInvitation(w.ctx, token)
	wantErr(t, "open again", err, enroll.ErrInvitationUsed)
	_, _, err = w.BeginEnrol(w.ctx, token, grant)
	wantErr(t, "enrol again", err, enroll.ErrInvitationUsed)
	w.wantEvents(alice, map[audit.Action]int{
		audit.InvitationCreated: 1, audit.PasswordProved: 1, audit.InvitationUsed: 1,
		audit.PasskeyRegistered: 1, audit.SignedIn: 1, audit.InvitationRefused: 1,
	})
}

func TestInvitationsSayWhyTheyAreClosed(t *testing.T) {
	for name, c := range map[string]struct {
		close func(*world, enroll.Invitation)
		want  error
	}{
		"expired": {func(w *world, _ enroll.Invitation) { w.clock.move(72 * time.Hour) }, enroll.ErrInvitationExpired},
		"revoked": {func(w *world, i enroll.Invitation) {
			wantErr(w.t, "revoke", w.Revoke(w.ctx, i.ID, audit.ActorOperator), nil)
		}, enroll.ErrInvitationRevoked},
		"person gone": {func(w *world, _ enroll.Invitation) { w.dir.remove(alice) }, enroll.ErrGone},
		"disabled":    {func(w *world, _ enroll.Invitation) { w.dir.change(alice, func(a *ad.Account) { a.Disabled = true }) }, ad.ErrDisabled},
		"account expired": {func(w *world, _ enroll.Invitation) {
			w.dir.change(alice, func(a *ad.Account) { a.AccountExpires = w.clock.now() })
		}, ad.ErrAccountExpired},
		"protected": {func(w *world, _ enroll.Invitation) {
			w.dir.change(alice, func(a *ad.Account) { a.Protected = ad.ProtectedNotPerson })
		}, ad.ErrProtected},
		"directory down": {func(w *world, _ enroll.Invitation) { w.dir.fail(ad.ErrUnavailable) }, ad.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token, inv := w.invited()
			grant, err := w.ProvePassword(w.ctx, token, right, phone)
			wantErr(t, "prove", err, nil)
			ceremony, options, err := w.BeginEnrol(w.ctx, token, grant)
			wantErr(t, "begin", err, nil)
			c.close(w, inv)
			open, prove := c.want, c.want
			switch c.want { // before the password is proved, an account's state is nobody's business
			case enroll.ErrGone, ad.ErrProtected:
				open, prove = enroll.ErrNotNow, enroll.ErrNotNow
			case ad.ErrDisabled, ad.ErrAccountExpired:
				open = nil
				_, err = w.ProvePassword(w.ctx, token, wrong, phone)
				wantErr(t, "prove wrong", err, ad.ErrWrongPassword)
			}
			_, err = w.OpenInvitation(w.ctx, token)
			wantErr(t, "open", err, open)
			if open == enroll.ErrNotNow {
				w.wantHidden(err, c.want)
			}
			_, err = w.ProvePassword(w.ctx, token, right, phone)
			wantErr(t, "prove", err, prove)
			if name != "expired" { // the grant and the ceremony expired with it
				_, _, err = w.BeginEnrol(w.ctx, token, grant)
				wantErr(t, "begin", err, c.want)
				_, _, err = w.FinishEnrol(w.ctx, ceremony, "x", newDevice().create(t, options), phone)
				wantErr(t, "finish", err, c.want)
			}
			if n := len(must(w.store.Credentials(w.ctx, alice))(t)); n != 0 {
				t.Errorf("%d passkeys", n)
			}
			if name == "protected" {
				_, _, err = w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
				wantErr(t, "invite", err, c.want)
			}
		})
	}
}

// wantHidden demands that the cause stands in the log's last event, and nowhere
// in the answer.
func (w *world) wantHidden(err, cause error) {
	w.t.Helper()
	if enroll.Code(err) != "invitation.not-now" || errors.Is(err, cause) || contains(err.Error(), cause.Error()) {
		w.t.Errorf("%v tells %v", err, cause)
	}
	last := must(w.store.Events(w.ctx, alice, 1))(w.t)[0]
	if !contains(string(last.Bytes), cause.Error()) {
		w.t.Errorf("the last event does not say %v: %s", cause, last.Bytes)
	}
}

// A link without a password is all the proof that there is: it tells.
func TestALinkThatAsksForNothingTellsTheState(t *testing.T) {
	for want, change := range map[error]func(*ad.Account){
		ad.ErrDisabled:  func(a *ad.Account) { a.Disabled = true },
		ad.ErrProtected: func(a *ad.Account) { a.Protected = ad.ProtectedUnknown },
	} {
		w := newWorld(t)
		token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
		wantErr(t, "invite", err, nil)
		w.dir.change(alice, change)
		_, err = w.OpenInvitation(w.ctx, token)
		wantErr(t, "open", err, want)
	}
}

// Somebody who starts next month is disabled today, and an administrator sees the
// state of the account, although no write is ever made for it.
func TestWhoIsToComeAndWhoHasSpecialRightsMayBeInvited(t *testing.T) {
	w := newWorld(t)
	w.dir.change(alice, func(a *ad.Account) { a.Disabled = true })
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite the disabled", err, nil)
	_, _, err = w.BeginEnrol(w.ctx, token, secret.Text{})
	wantErr(t, "enrol the disabled", err, ad.ErrDisabled)
	for _, p := range []ad.Protection{ad.ProtectedGroup, ad.ProtectedAdmin, ad.ProtectedOU} {
		w.dir.change(alice, func(a *ad.Account) { a.Disabled, a.Protected = false, p })
		_, _, err = w.BeginEnrol(w.ctx, token, secret.Text{})
		wantErr(t, string(p), err, nil)
	}
	for _, p := range []ad.Protection{ad.ProtectedNotPerson, ad.ProtectedKrbtgt, ad.ProtectedService, ad.ProtectedUnknown} {
		w.dir.change(alice, func(a *ad.Account) { a.Protected = p })
		_, _, err = w.BeginEnrol(w.ctx, token, secret.Text{})
		wantErr(t, string(p), err, ad.ErrProtected)
	}
}

func TestUnknownInvitations(t *testing.T) {
	w := newWorld(t)
	_, inv := w.invited()
	for _, token := range []string{"", "x", inv.ID, strings.Repeat("A", 43), strings.Repeat("A", 1<<16)} {
		_, err := w.OpenInvitation(w.ctx, secret.New(token))
		wantErr(t, "open", err, enroll.ErrNoInvitation)
		_, err = w.ProvePassword(w.ctx, secret.New(token), right, phone)
		wantErr(t, "prove", err, enroll.ErrNoInvitation)
		_, _, err = w.BeginEnrol(w.ctx, secret.New(token), secret.Text{})
		wantErr(t, "begin", err, enroll.ErrNoInvitation)
	}
	wantErr(t, "revoke", w.Revoke(w.ctx, "nothing", audit.ActorOperator), enroll.ErrNoInvitation)
	if w.dir.tried != 0 {
		t.Error("a password was tried")
	}
}

func TestRevokingTwiceOrAUsedOneFindsNoneOpen(t *testing.T) {
	w := newWorld(t)
	_, inv := w.invited()
	wantErr(t, "revoke", w.Revoke(w.ctx, inv.ID, audit.ActorOperator), nil)
	wantErr(t, "again", w.Revoke(w.ctx, inv.ID, audit.ActorOperator), enroll.ErrNoInvitation)
	w.wantEvents(alice, map[audit.Action]int{audit.InvitationRevoked: 1})
}

func TestInvitationsLiveAtMostThirtyDays(t *testing.T) {
	w := newWorld(t)
	for asked, want := range map[time.Duration]time.Duration{
		0: 72 * time.Hour, -1: 72 * time.Hour, time.Hour: time.Hour, 10000 * time.Hour: 30 * 24 * time.Hour,
	} {
		_, inv, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, asked)
		wantErr(t, "invite", err, nil)
		if got := inv.Expires.Sub(w.clock.now()); got != want {
			t.Errorf("asked for %v, got %v", asked, got)
		}
	}
}

func TestEnrolmentNeedsAGrantOfThisInvitation(t *testing.T) {
	w := newWorld(t)
	first, _ := w.invited()
	second, _ := w.invited()
	grant, err := w.ProvePassword(w.ctx, first, right, phone)
	wantErr(t, "prove", err, nil)
	for name, g := range map[string]secret.Text{"none": {}, "unknown": secret.New("x"), "of another invitation": grant, "the invitation": second} {
		_, _, err := w.BeginEnrol(w.ctx, second, g)
		wantErr(t, name, err, enroll.ErrNoGrant)
	}
	w.clock.move(enroll.GrantValid)
	_, _, err = w.BeginEnrol(w.ctx, first, grant)
	wantErr(t, "after ten minutes", err, enroll.ErrNoGrant)
}

func TestAPasswordIsTakenOnlyWhereItIsAsked(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, nil)
	_, err = w.ProvePassword(w.ctx, token, right, phone)
	wantErr(t, "prove", err, enroll.ErrPasswordNotAsked)
	if w.dir.tried != 0 {
		t.Error("it was tried")
	}
}

func TestExpiredAndMustChangePasswordsProve(t *testing.T) {
	for _, cause := range []error{ad.ErrMustChange, ad.ErrPasswordExpired} {
		w := newWorld(t)
		w.dir.bind = &ad.Error{Cause: cause.(ad.Cause), Op: "bind"}
		token, _ := w.invited()
		_, err := w.ProvePassword(w.ctx, token, right, phone)
		wantErr(t, cause.Error(), err, nil)
	}
}

func TestOtherAnswersOfTheDirectoryProveNothing(t *testing.T) {
	for cause, counted := range map[ad.Cause]int{
		ad.ErrLocked: 1, ad.ErrDisabled: 1, ad.ErrAccountExpired: 1, ad.ErrLogonHours: 1, ad.ErrWorkstation: 1, ad.ErrAccountRestriction: 1,
		ad.ErrUnavailable: 0, ad.ErrServiceBind: 0, ad.ErrProtocol: 0,
	} {
		w := newWorld(t)
		token, inv := w.invited()
		w.dir.bind = &ad.Error{Cause: cause, Op: "bind"}
		grant, err := w.ProvePassword(w.ctx, token, right, phone)
		var want error = cause
		if cause == ad.ErrLocked || cause == ad.ErrAccountRestriction { // these come with a wrong password too
			want = enroll.ErrNotNow
		}
		wantErr(t, string(cause), err, want)
		if want == enroll.ErrNotNow {
			w.wantHidden(err, cause)
		}
		if !grant.Empty() {
			t.Errorf("%s: a grant", cause)
		}
		if n := must(w.store.Invitation(w.ctx, inv.ID))(t).Tries; n != counted {
			t.Errorf("%s: counted %d, want %d", cause, n, counted)
		}
	}
}

func TestATryEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invited()
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	_, err := w.ProvePassword(ctx, token, right, phone)
	wantErr(t, "prove", err, context.Canceled)
}

func TestOfTwoHundredEnrolmentsByOneInvitationOneWins(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.MaxCeremonies = 200 })
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, nil)
	type try struct {
		ceremony secret.Text
		body     []byte
	}
	tries := make([]try, 200)
	for i := range tries {
		ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
		wantErr(t, "begin", err, nil)
		tries[i] = try{ceremony, newDevice().create(t, options)}
	}
	var won atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for _, x := range tries {
		done.Go(func() {
			start.Wait()
			_, _, err := w.FinishEnrol(w.ctx, x.ceremony, "x", x.body, phone)
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, enroll.ErrInvitationUsed) && !errors.Is(err, enroll.ErrNoCeremony):
				t.Error(err)
			}
		})
	}
	start.Done()
	done.Wait()
	if n := len(must(w.store.Credentials(w.ctx, alice))(t)); won.Load() != 1 || n != 1 {
		t.Errorf("%d won, %d passkeys", won.Load(), n)
	}
}
