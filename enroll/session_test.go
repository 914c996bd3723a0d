package enroll_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func TestSessionsEndAtTheirAbsoluteTime(t *testing.T) {
	for name, c := range map[string]struct {
		from enroll.Client
		want time.Duration
	}{"remembered": {phone, 48 * time.Hour}, "somebody else's device": {kiosk, time.Hour}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *enroll.Config) {
				c.SessionAbsolute, c.SessionShort, c.SessionIdle = 48*time.Hour, time.Hour, 50*time.Minute
			})
			d, _ := w.enrolled(alice)
			session, cookie, err := w.signIn(d, c.from)
			wantErr(t, "sign in", err, nil)
			if got := session.Expires.Sub(w.clock.now()); got != c.want || session.Remember != c.from.Remember {
				t.Fatalf("expires in %v, want %v", got, c.want)
			}
			for used := time.Duration(0); used+40*time.Minute < c.want; used += 40 * time.Minute {
				w.clock.move(40 * time.Minute)
				must(w.Session(w.ctx, cookie))(t) // use keeps it from idling
			}
			w.clock.move(40 * time.Minute)
			_, err = w.Session(w.ctx, cookie)
			wantErr(t, "after its time", err, enroll.ErrNoSession)
		})
	}
}

func TestSessionsEndWhenIdle(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.SessionIdle = 30 * time.Minute })
	d, _ := w.enrolled(alice)
	_, cookie, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, nil)
	w.clock.move(29 * time.Minute)
	must(w.Session(w.ctx, cookie))(t)
	w.clock.move(29 * time.Minute)
	must(w.Session(w.ctx, cookie))(t)
	w.clock.move(30 * time.Minute)
	_, err = w.Session(w.ctx, cookie)
	wantErr(t, "idle", err, enroll.ErrNoSession)
	if n := len(must(w.Sessions(w.ctx, alice))(t)); n != 0 {
		t.Errorf("%d idle sessions are listed", n)
	}
}

// A stream that looks every few seconds must not keep a session alive that
// nobody uses.
func TestLookingAtASessionIsNoUseOfIt(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.SessionIdle = 30 * time.Minute })
	d, _ := w.enrolled(alice)
	session, cookie, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, nil)
	for range 29 {
		w.clock.move(time.Minute)
		wantErr(t, "alive", w.Alive(w.ctx, session.ID), nil)
		if got := must(w.Look(w.ctx, cookie))(t); got.ID != session.ID || got.Account != alice {
			t.Fatalf("looked at %+v", got)
		}
	}
	w.clock.move(time.Minute)
	wantErr(t, "idle", w.Alive(w.ctx, session.ID), enroll.ErrNoSession)
	_, err = w.Look(w.ctx, cookie)
	wantErr(t, "idle", err, enroll.ErrNoSession)
}

func TestAnEndedSessionIsNotAlive(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.SessionAbsolute = time.Hour })
	d, _ := w.enrolled(alice)
	first, _, _ := w.signIn(d, phone)
	second, cookie, _ := w.signIn(d, phone)
	wantErr(t, "sign out", w.SignOut(w.ctx, first, false), nil)
	wantErr(t, "signed out", w.Alive(w.ctx, first.ID), enroll.ErrNoSession)
	wantErr(t, "another", w.Alive(w.ctx, second.ID), nil)
	wantErr(t, "no id", w.Alive(w.ctx, ""), enroll.ErrNoSession)
	wantErr(t, "a cookie for an id", w.Alive(w.ctx, cookie.Reveal()), enroll.ErrNoSession)
	w.clock.move(time.Hour)
	wantErr(t, "expired", w.Alive(w.ctx, second.ID), enroll.ErrNoSession)
}

func TestUnknownCookiesAreNoSession(t *testing.T) {
	w := newWorld(t)
	_, session := w.enrolled(alice)
	for _, cookie := range []string{"", "x", session.ID, strings.Repeat("A", 43), strings.Repeat("A", 51)} {
		_, err := w.Session(w.ctx, secret.New(cookie))
		wantErr(t, "cookie", err, enroll.ErrNoSession)
	}
}

// Later sessions come behind earlier ones, and the rest of an id is the hash of a
// cookie that only the browser has.
func TestASessionsIDBeginsWithItsTime(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	var last enroll.Session
	for range 20 {
		w.clock.move(time.Second)
		session, cookie, err := w.signIn(d, phone)
		wantErr(t, "sign in", err, nil)
		text := cookie.Reveal()
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
		if want := fmt.Sprintf("%012x", w.clock.now().UnixMilli()) + hash[:52]; session.ID != want || session.ID <= last.ID {
			t.Fatalf("session %s after %s, want %s", session.ID, last.ID, want)
		}
		// The time alone, a cookie changed anywhere, and one spelled in another way open nothing.
		for _, other := range []string{text[:8], text[:50], text + "A", "B" + text[1:], text[:50] + string(text[50]^1), text[:20] + "\n" + text[20:]} {
			_, err := w.Session(w.ctx, secret.New(other))
			wantErr(t, other, err, enroll.ErrNoSession)
		}
		if got := must(w.Session(w.ctx, cookie))(t); got.ID != session.ID {
			t.Fatalf("found %s", got.ID)
		}
		last = session
	}
}

// Who was signed in before an upgrade stays so.
func TestACookieWithoutATimeIsASession(t *testing.T) {
	w := newWorld(t)
	_, session := w.enrolled(alice)
	cookie := strings.Repeat("Ab", 21) + "A"
	session.ID = fmt.Sprintf("%x", sha256.Sum256([]byte(cookie)))
	wantErr(t, "add", w.store.AddSession(w.ctx, session), nil)
	if got := must(w.Session(w.ctx, secret.New(cookie)))(t); got.ID != session.ID {
		t.Errorf("found %s", got.ID)
	}
}

func TestSignOutEndsOneSessionOrAll(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	first, firstCookie, _ := w.signIn(d, phone)
	second, secondCookie, _ := w.signIn(d, kiosk)
	b, _ := w.enrolled(bob)
	_, bobs, _ := w.signIn(b, phone)
	wantErr(t, "sign out", w.SignOut(w.ctx, first, false), nil)
	_, err := w.Session(w.ctx, firstCookie)
	wantErr(t, "signed out", err, enroll.ErrNoSession)
	must(w.Session(w.ctx, secondCookie))(t)
	wantErr(t, "sign out everywhere", w.SignOut(w.ctx, second, true), nil)
	if n := len(must(w.Sessions(w.ctx, alice))(t)); n != 0 {
		t.Errorf("%d sessions left", n)
	}
	must(w.Session(w.ctx, bobs))(t)
	wantErr(t, "sign out twice", w.SignOut(w.ctx, first, false), nil)
	w.wantEvents(alice, map[audit.Action]int{audit.SignedOut: 2})
}

func TestPurgeDeletesWhatExpired(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	session := w.signedIn(d)
	_, _, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	if n := must(w.Purge(w.ctx))(t); n != (enroll.Purged{}) {
		t.Errorf("too early: %+v", n)
	}
	w.clock.move(25 * time.Hour)
	// The proof may go with its session.
	if n := must(w.Purge(w.ctx))(t); n.Ceremonies != 1 || n.Sessions != 2 {
		t.Errorf("purged %+v", n)
	}
	_, err = w.SessionProof(w.ctx, session)
	wantErr(t, "old proof", err, enroll.ErrNoProof)
}

func TestHostileDeviceTextsAreTidied(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	session, _, err := w.signIn(d, enroll.Client{Device: "Bad\x00\u202e\r\n" + strings.Repeat("x", 5000) + "\xff", Address: "192.0.2.1\n"})
	wantErr(t, "sign in", err, nil)
	if session.Device != "Bad"+strings.Repeat("x", 97) || session.Address != "192.0.2.1" {
		t.Errorf("device %q, address %q", session.Device, session.Address)
	}
}

func TestProofsBelongToTheirSession(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	other := w.signedIn(d)
	b, bobs := w.enrolled(bob)
	_ = b
	p := must(w.stepUp(d, session, "latchkey/test/v1", []byte("statement")))(t)
	got := must(w.Proof(w.ctx, session, p.ID))(t)
	if !got.Bound("latchkey/test/v1", []byte("statement")) || got.Bound("latchkey/test/v1", []byte("statement2")) || got.Bound("latchkey/other/v1", []byte("statement")) {
		t.Errorf("bound to %q, %q", got.Label, got.Statement)
	}
	for name, of := range map[string]enroll.Session{"another session": other, "another person": bobs, "no session": {}} {
		_, err := w.Proof(w.ctx, of, p.ID)
		wantErr(t, name, err, enroll.ErrNoProof)
	}
}

// A link for one's other device is as good as a session. Whoever signs out
// everywhere, or removes a passkey, does so because somebody else may hold one.
func TestOwnLinksEndWithEverySignOutAndRemoval(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*world, *device, *device, enroll.Session) error
		want error
	}{
		"signed out everywhere": {func(w *world, _, _ *device, of enroll.Session) error { return w.SignOut(w.ctx, of, true) }, enroll.ErrInvitationRevoked},
		"passkey removed": {func(w *world, d, other *device, of enroll.Session) error {
			return w.Remove(w.ctx, of, other.cred.ID, w.mayRemove(d, of, other.cred.ID), false)
		}, enroll.ErrInvitationRevoked},
		"signed out here": {func(w *world, _, _ *device, of enroll.Session) error { return w.SignOut(w.ctx, of, false) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			other := w.added(d, session)
			link, _, err := w.InviteSelf(w.ctx, session, w.mayAdd(d, session))
			wantErr(t, "invite", err, nil)
			operators, _ := w.invited()
			ceremony, options, err := w.BeginEnrol(w.ctx, link, secret.Text{})
			wantErr(t, "begin", err, nil)
			wantErr(t, "end", c.end(w, d, other, session), nil)
			_, _, err = w.FinishEnrol(w.ctx, ceremony, "x", newDevice().create(t, options), phone)
			wantErr(t, "a ceremony under way", err, c.want)
			if c.want != nil {
				_, err = w.OpenInvitation(w.ctx, link)
				wantErr(t, "open", err, c.want)
				w.wantEvents(alice, map[audit.Action]int{audit.InvitationRevoked: 1})
			}
			_, err = w.OpenInvitation(w.ctx, operators)
			wantErr(t, "the operator's", err, nil)
		})
	}
}

func TestAPersonWhoLeftIsSignedOutForGood(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	w.dir.remove(alice)
	_, _, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, enroll.ErrGone)
	if n := len(must(w.Sessions(w.ctx, alice))(t)); n != 0 {
		t.Errorf("%d sessions live on", n)
	}
	_, _, err = w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "step up", err, enroll.ErrGone)
	w.wantEvents(alice, map[audit.Action]int{audit.SignInRefused: 1})
	w.wantEvents(alice, map[audit.Action]int{audit.SignedOut: 1}) // once, by the system
	for _, e := range must(w.store.Events(w.ctx, alice, 100))(t) {
		if e.Action == audit.SignedOut && (e.Actor != audit.ActorSystem || !contains(string(e.Bytes), "account.gone")) {
			t.Errorf("signed out by %s: %s", e.Actor, e.Bytes)
		}
	}
}
