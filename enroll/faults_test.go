package enroll_test

import (
	"context"
	"errors"
	"testing"
	"testing/iotest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// changing alters each ceremony that is taken.
type changing struct {
	enroll.Store
	change func(*enroll.Ceremony)
}

func (c changing) TakeCeremony(ctx context.Context, id string, p enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	row, err := c.Store.TakeCeremony(ctx, id, p, now)
	c.change(&row)
	return row, err
}

// meanwhile does something between an assertion's verification and its commit.
type meanwhile struct {
	enroll.Store
	do func()
}

func (m meanwhile) Asserted(ctx context.Context, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), p enroll.Proof, s *enroll.Session) error {
	m.do()
	return m.Store.Asserted(ctx, id, fn, p, s)
}

func (m meanwhile) SignedIn(ctx context.Context, c enroll.Ceremony, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), p enroll.Proof, s enroll.Session) error {
	m.do()
	return m.Store.SignedIn(ctx, c, id, fn, p, s)
}

// What counts is the passkey as the transaction sees it, not as it was read.
func TestWhatHappensBetweenVerifyingAndCommittingCounts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*enroll.Credential)
		want   error
	}{
		"nothing":          {func(*enroll.Credential) {}, nil},
		"a later count":    {func(c *enroll.Credential) { c.Record.Authenticator.SignCount = 100 }, enroll.ErrCloned},
		"a flip of backup": {func(c *enroll.Credential) { c.Record.Flags.BackupEligible = true }, enroll.ErrRefused},
		"a removal":        {nil, enroll.ErrNoCredential},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			d.cred.Counter = 5
			w.cfg.Store = meanwhile{w.store, func() {
				var err error
				if c.change == nil {
					err = w.store.RemoveCredential(w.ctx, alice, d.cred.ID, session.ID, true, enroll.Withdrawal{})
				} else {
					err = w.store.UpdateCredential(w.ctx, d.cred.ID, func(x *enroll.Credential) ([]audit.Event, error) {
						c.change(x)
						return nil, nil
					})
				}
				wantErr(t, "meanwhile", err, nil)
			}}
			w.Service = must(enroll.New(w.cfg))(t)
			_, cookie, err := w.signIn(d, phone)
			wantErr(t, "sign in", err, c.want)
			if cookie.Empty() != (c.want != nil) {
				t.Error("a cookie")
			}
		})
	}
}

// A browser that goes away while it is refused has used its sign-in.
func TestARefusalWithoutABrowserTakesTheCeremony(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	ctx, leave := context.WithCancel(w.ctx)
	w.cfg.Store = meanwhile{w.store, leave}
	w.Service = must(enroll.New(w.cfg))(t)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	_, _, err = w.FinishSignIn(ctx, token, signed, phone)
	wantErr(t, "finish", err, context.Canceled)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "again", err, enroll.ErrNoCeremony)
	w.wantEvents(alice, map[audit.Action]int{audit.SignInRefused: 1})
}

var errDisk = errors.New("disk on fire")

// faulty fails the one method that fail names.
type faulty struct {
	enroll.Store
	fail string
	last map[string]bool // what it was asked for
}

func (f *faulty) err(method string) error {
	if f.last != nil {
		f.last[method] = true
	}
	if f.fail == method {
		return errDisk
	}
	return nil
}

func (f *faulty) TakeCeremony(ctx context.Context, id string, p enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	if err := f.err("TakeCeremony"); err != nil {
		return enroll.Ceremony{}, err
	}
	return f.Store.TakeCeremony(ctx, id, p, now)
}

func (f *faulty) Signer(ctx context.Context, spent enroll.Ceremony, id, handle []byte) (enroll.Signer, error) {
	if err := f.err("Signer"); err != nil {
		return enroll.Signer{}, err
	}
	return f.Store.Signer(ctx, spent, id, handle)
}

func (f *faulty) Credentials(ctx context.Context, a ad.GUID) ([]enroll.Credential, error) {
	if err := f.err("Credentials"); err != nil {
		return nil, err
	}
	return f.Store.Credentials(ctx, a)
}

func (f *faulty) Handle(ctx context.Context, a ad.GUID, candidate []byte) ([]byte, error) {
	if err := f.err("Handle"); err != nil {
		return nil, err
	}
	return f.Store.Handle(ctx, a, candidate)
}

func (f *faulty) Asserted(ctx context.Context, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), p enroll.Proof, s *enroll.Session) error {
	if err := f.err("Asserted"); err != nil {
		return err
	}
	return f.Store.Asserted(ctx, id, fn, p, s)
}

func (f *faulty) Proof(ctx context.Context, id string) (enroll.Proof, error) {
	if err := f.err("Proof"); err != nil {
		return enroll.Proof{}, err
	}
	return f.Store.Proof(ctx, id)
}

func (f *faulty) UseProof(ctx context.Context, id, use string) error {
	if err := f.err("UseProof"); err != nil {
		return err
	}
	return f.Store.UseProof(ctx, id, use)
}

func (f *faulty) Record(ctx context.Context, events ...audit.Event) error {
	if err := f.err("Record"); err != nil {
		return err
	}
	return f.Store.Record(ctx, events...)
}

func (f *faulty) Invitation(ctx context.Context, id string) (enroll.Invitation, error) {
	if err := f.err("Invitation"); err != nil {
		return enroll.Invitation{}, err
	}
	return f.Store.Invitation(ctx, id)
}

func (f *faulty) TryInvitation(ctx context.Context, id string, limit int) error {
	if err := f.err("TryInvitation"); err != nil {
		return err
	}
	return f.Store.TryInvitation(ctx, id, limit)
}

func (f *faulty) ForgiveTry(ctx context.Context, id string) error {
	if err := f.err("ForgiveTry"); err != nil {
		return err
	}
	return f.Store.ForgiveTry(ctx, id)
}

func (f *faulty) Ceremony(ctx context.Context, id string, p enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	if err := f.err("Ceremony"); err != nil {
		return enroll.Ceremony{}, err
	}
	return f.Store.Ceremony(ctx, id, p, now)
}

func (f *faulty) SaveCeremony(ctx context.Context, c enroll.Ceremony, limit int) error {
	if err := f.err("SaveCeremony"); err != nil {
		return err
	}
	return f.Store.SaveCeremony(ctx, c, limit)
}

func (f *faulty) Enrol(ctx context.Context, inv string, now time.Time, c enroll.Credential, s enroll.Session, n []enroll.Notice, e ...audit.Event) error {
	if err := f.err("Enrol"); err != nil {
		return err
	}
	return f.Store.Enrol(ctx, inv, now, c, s, n, e...)
}

func (f *faulty) RemoveCredential(ctx context.Context, a ad.GUID, id []byte, keep string, last bool, l enroll.Withdrawal, e ...audit.Event) error {
	if err := f.err("RemoveCredential"); err != nil {
		return err
	}
	return f.Store.RemoveCredential(ctx, a, id, keep, last, l, e...)
}

func (f *faulty) SpendCeremony(ctx context.Context, c enroll.Ceremony, p *enroll.PasskeyChange, e ...audit.Event) error {
	if err := f.err("SpendCeremony"); err != nil {
		return err
	}
	return f.Store.SpendCeremony(ctx, c, p, e...)
}

func (f *faulty) SignedIn(ctx context.Context, c enroll.Ceremony, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), p enroll.Proof, s enroll.Session) error {
	if err := f.err("SignedIn"); err != nil {
		return err
	}
	return f.Store.SignedIn(ctx, c, id, fn, p, s)
}

func (f *faulty) EndSessions(ctx context.Context, a ad.GUID, keep string, l enroll.Withdrawal, e ...audit.Event) error {
	if err := f.err("EndSessions"); err != nil {
		return err
	}
	return f.Store.EndSessions(ctx, a, keep, l, e...)
}

// withFaults puts a faulty store beneath a world.
func withFaults(t *testing.T) (*world, *faulty) {
	f := &faulty{}
	w := newWorld(t, func(c *enroll.Config) {
		f.Store = c.Store
		c.Store = f
	})
	return w, f
}

func TestAFaultyStoreSignsNobodyIn(t *testing.T) {
	for _, method := range []string{"Signer", "SignedIn"} {
		t.Run(method, func(t *testing.T) {
			w, f := withFaults(t)
			d, _ := w.enrolled(alice)
			token, options, err := w.BeginSignIn(w.ctx)
			wantErr(t, "begin", err, nil)
			f.fail = method
			session, cookie, err := w.FinishSignIn(w.ctx, token, d.assert(t, options), phone)
			wantErr(t, "finish", err, errDisk)
			if session.ID != "" || !cookie.Empty() || len(must(w.Sessions(w.ctx, alice))(t)) != 1 {
				t.Error("a session was made")
			}
			if errors.Is(err, enroll.ErrNoCredential) || errors.Is(err, enroll.ErrNoCeremony) {
				t.Errorf("a fault looks like a refusal: %v", err)
			}
		})
	}
}

func TestAFaultyStoreProvesNothing(t *testing.T) {
	for _, method := range []string{"TakeCeremony", "Credentials", "Handle", "Asserted"} {
		t.Run(method, func(t *testing.T) {
			w, f := withFaults(t)
			d, session := w.enrolled(alice)
			token, options, err := w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
			wantErr(t, "begin", err, nil)
			f.fail = method
			p, err := w.FinishStepUp(w.ctx, session, token, d.assert(t, options))
			wantErr(t, "finish", err, errDisk)
			f.fail = ""
			if _, err := w.Proof(w.ctx, session, p.ID); err == nil {
				t.Error("a proof was made")
			}
		})
	}
}

func TestAFaultyStoreAddsAndRemovesNothing(t *testing.T) {
	for _, method := range []string{"Credentials", "Proof", "UseProof", "SaveCeremony", "RemoveCredential"} {
		t.Run(method, func(t *testing.T) {
			w, f := withFaults(t)
			d, session := w.enrolled(alice)
			other := w.added(d, session)
			add, remove := w.mayAdd(d, session), w.mayRemove(d, session, other.cred.ID)
			f.fail = method
			_, _, addErr := w.BeginRegister(w.ctx, session, add)
			removeErr := w.Remove(w.ctx, session, other.cred.ID, remove, false)
			f.fail = ""
			if method != "RemoveCredential" {
				wantErr(t, "begin register", addErr, errDisk)
			}
			if method != "SaveCeremony" {
				wantErr(t, "remove", removeErr, errDisk)
				w.credential(other)
			}
		})
	}
}

func TestAFaultyStoreGrantsNothing(t *testing.T) {
	for _, method := range []string{"Invitation", "TryInvitation", "ForgiveTry", "Record", "SaveCeremony"} {
		t.Run(method, func(t *testing.T) {
			w, f := withFaults(t)
			token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, 0)
			wantErr(t, "invite", err, nil)
			f.fail = method
			grant, err := w.ProvePassword(w.ctx, token, secret.New("Old-Secret-1"), phone)
			wantErr(t, "prove", err, errDisk)
			if !grant.Empty() {
				t.Error("a grant was made")
			}
			if tried := w.dir.tried; tried > 0 && (method == "Invitation" || method == "TryInvitation") {
				t.Error("the password was tried without being counted")
			}
		})
	}
}

func TestAFaultyStoreEnrolsNobody(t *testing.T) {
	for _, method := range []string{"TakeCeremony", "Invitation", "Credentials", "Handle", "Enrol"} {
		t.Run(method, func(t *testing.T) {
			w, f := withFaults(t)
			token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
			wantErr(t, "invite", err, nil)
			ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
			wantErr(t, "begin", err, nil)
			f.fail = method
			_, _, err = w.FinishEnrol(w.ctx, ceremony, "x", newDevice().create(t, options), phone)
			wantErr(t, "finish", err, errDisk)
			f.fail = ""
			if n := len(must(w.store.Credentials(w.ctx, alice))(t)); n != 0 {
				t.Errorf("%d passkeys", n)
			}
			must(w.OpenInvitation(w.ctx, token))(t) // still unused
		})
	}
}

func TestAFaultOfTheLogKeepsTheRefusal(t *testing.T) {
	w, f := withFaults(t)
	d, _ := w.enrolled(alice)
	d.auth.Options.UserNotVerified = true
	f.fail = "SpendCeremony"
	_, _, err := w.signIn(d, phone)
	wantErr(t, "refusal", err, enroll.ErrNotVerified)
	wantErr(t, "fault", err, errDisk)
}

func TestNothingIsMadeWithoutRandomness(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	w.cfg.Rand = iotest.ErrReader(errDisk)
	s := must(enroll.New(w.cfg))(t)
	_, _, err := s.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "step-up", err, errDisk)
	_, _, err = s.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, errDisk)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	_, cookie, err := s.FinishSignIn(w.ctx, token, d.assert(t, options), phone)
	wantErr(t, "finish", err, errDisk)
	if !cookie.Empty() {
		t.Error("a cookie")
	}
}

// A sign-out everywhere that was not done is not logged as done, and can be tried
// again.
func TestAFaultyStoreLetsPeopleSignOutAgain(t *testing.T) {
	w, f := withFaults(t)
	d, _ := w.enrolled(alice)
	session, cookie, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, nil)
	f.fail = "EndSessions"
	wantErr(t, "sign out", w.SignOut(w.ctx, session, true), errDisk)
	w.wantEvents(alice, map[audit.Action]int{audit.SignedOut: 0})
	must(w.Session(w.ctx, cookie))(t)
	f.fail = ""
	wantErr(t, "sign out again", w.SignOut(w.ctx, session, true), nil)
	w.wantEvents(alice, map[audit.Action]int{audit.SignedOut: 1})
	if n := len(must(w.Sessions(w.ctx, alice))(t)); n != 0 {
		t.Errorf("%d sessions left", n)
	}
}
