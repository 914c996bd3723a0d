package enroll_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// remembering answers with what another server saw once, whatever became of it.
type remembering struct {
	enroll.Store
	last enroll.Signer
}

func (r *remembering) LastSigner(enroll.Ceremony, []byte, []byte) (enroll.Signer, bool) {
	return r.last, r.last.ID != nil
}

// withMemory is a world whose server remembers the passkey of alice as it is now.
func withMemory(t *testing.T) (*world, *device, *remembering) {
	t.Helper()
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	now := must(w.store.Signer(w.ctx, enroll.Ceremony{}, d.cred.ID, d.auth.Options.UserHandle))(t)
	if !now.Owns {
		t.Fatal("the passkey is not of this handle")
	}
	now.Record.PublicKey = bytes.Clone(now.Record.PublicKey)
	r := &remembering{Store: w.store, last: now}
	w.cfg.Store = r
	w.Service = must(enroll.New(w.cfg))(t)
	return w, d, r
}

// What a server remembers of a passkey lets nobody in with whom the store disagrees.
func TestWhatIsRememberedOfAPasskeyLetsNobodyIn(t *testing.T) {
	change := func(t *testing.T, w *world, d *device, fn func(*enroll.Credential)) {
		t.Helper()
		wantErr(t, "change", w.store.UpdateCredential(w.ctx, d.cred.ID, func(c *enroll.Credential) ([]audit.Event, error) {
			fn(c)
			return nil, nil
		}), nil)
	}
	for _, tc := range []struct {
		name    string
		between func(t *testing.T, w *world, d *device)
		want    error
	}{
		{"removed", func(t *testing.T, w *world, d *device) {
			wantErr(t, "remove", w.store.RemoveCredential(w.ctx, alice, d.cred.ID, "", true, enroll.Withdrawal{}), nil)
		}, enroll.ErrNoCredential},
		{"another's by now", func(t *testing.T, w *world, d *device) {
			was := must(w.store.Signer(w.ctx, enroll.Ceremony{}, d.cred.ID, nil))(t).Credential
			wantErr(t, "remove", w.store.RemoveCredential(w.ctx, alice, d.cred.ID, "", true, enroll.Withdrawal{}), nil)
			was.Account = bob
			wantErr(t, "add", w.store.AddCredential(w.ctx, was), nil)
		}, enroll.ErrNoCredential},
		{"of another key by now", func(t *testing.T, w *world, d *device) {
			change(t, w, d, func(c *enroll.Credential) {
				c.Record.PublicKey = slices.Clone(c.Record.PublicKey)
				c.Record.PublicKey[len(c.Record.PublicKey)-1] ^= 1
			})
		}, enroll.ErrNoCredential},
		{"attested in another way by now", func(t *testing.T, w *world, d *device) {
			was := must(w.store.Signer(w.ctx, enroll.Ceremony{}, d.cred.ID, nil))(t).Credential
			wantErr(t, "remove", w.store.RemoveCredential(w.ctx, alice, d.cred.ID, "", true, enroll.Withdrawal{}), nil)
			was.Attested.Model = "another"
			wantErr(t, "add", w.store.AddCredential(w.ctx, was), nil)
		}, enroll.ErrNoCredential},
		{"cloned", func(t *testing.T, w *world, d *device) {
			change(t, w, d, func(c *enroll.Credential) { c.Record.Authenticator.SignCount = 1 << 20 })
		}, enroll.ErrCloned},
		{"synced since", func(t *testing.T, w *world, d *device) {
			change(t, w, d, func(c *enroll.Credential) { c.Record.Flags.BackupEligible = true })
		}, enroll.ErrRefused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, d, _ := withMemory(t)
			before := len(must(w.Sessions(w.ctx, alice))(t))
			tc.between(t, w, d)
			session, cookie, err := w.signIn(d, phone)
			wantErr(t, "sign in", err, tc.want)
			if session.ID != "" || !cookie.Empty() || len(must(w.Sessions(w.ctx, alice))(t)) > before {
				t.Error("a session was made")
			}
			w.wantEvents(alice, map[audit.Action]int{audit.SignInRefused: 1})
		})
	}
}

func TestWhatIsRememberedOfAPasskeyTakesNoCeremonyTwice(t *testing.T) {
	w, d, _ := withMemory(t)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "finish", err, nil)
	_, cookie, err := w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "again", err, enroll.ErrNoCeremony)
	if !cookie.Empty() {
		t.Error("in twice")
	}
}

// Nor does it keep anybody out.
func TestWhatIsRememberedOfAPasskeyKeepsNobodyOut(t *testing.T) {
	for name, change := range map[string]func(*enroll.Signer){
		"another key":     func(s *enroll.Signer) { s.Record.PublicKey[len(s.Record.PublicKey)-1] ^= 1 },
		"another account": func(s *enroll.Signer) { s.Account, s.Owns = bob, false },
		"taken":           func(s *enroll.Signer) { s.Spent = true },
	} {
		t.Run(name, func(t *testing.T) {
			w, d, r := withMemory(t)
			change(&r.last)
			session, _, err := w.signIn(d, phone)
			wantErr(t, "sign in", err, nil)
			if session.Account != alice {
				t.Errorf("in as %v", session.Account)
			}
		})
	}
}
