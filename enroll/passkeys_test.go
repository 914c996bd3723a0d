package enroll_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

func TestRemovingAPasskeyEndsItsOtherSessions(t *testing.T) {
	w := newWorld(t)
	d, first := w.enrolled(alice)
	other := w.added(d, first)
	_, thief, err := w.signIn(other, kiosk)
	wantErr(t, "sign in", err, nil)
	acting, own, err := w.signIn(other, phone)
	wantErr(t, "sign in", err, nil)
	_, untouched, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, nil)

	wantErr(t, "remove", w.Remove(w.ctx, acting, other.cred.ID, w.mayRemove(d, acting, other.cred.ID), false), nil)
	_, err = w.Session(w.ctx, thief)
	wantErr(t, "another session of the passkey", err, enroll.ErrNoSession)
	must(w.Session(w.ctx, own))(t)
	must(w.Session(w.ctx, untouched))(t)
	_, _, err = w.signIn(other, phone)
	wantErr(t, "sign in with it", err, enroll.ErrNoCredential)
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyRemoved: 1})
}

func TestRemovingTheLastPasskeyMustBeMeant(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	proof := w.mayRemove(d, session, d.cred.ID)
	wantErr(t, "remove", w.Remove(w.ctx, session, d.cred.ID, proof, false), enroll.ErrLastPasskey)
	wantErr(t, "remove, and mean it", w.Remove(w.ctx, session, d.cred.ID, proof, true), nil)
	if n := len(must(w.Credentials(w.ctx, session))(t)); n != 0 {
		t.Errorf("%d passkeys", n)
	}
	_, _, err := w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "step up without any", err, enroll.ErrNoCredential)
}

func TestOfTwoRemovalsAtOnceTheLastPasskeyStays(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	other := w.added(d, session)
	var removed atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for _, x := range []*device{d, other} {
		proof := w.mayRemove(d, session, x.cred.ID)
		done.Go(func() {
			start.Wait()
			err := w.Remove(w.ctx, session, x.cred.ID, proof, false)
			if err == nil {
				removed.Add(1)
			} else if !errors.Is(err, enroll.ErrLastPasskey) {
				t.Error(err)
			}
		})
	}
	start.Done()
	done.Wait()
	if n := len(must(w.Credentials(w.ctx, session))(t)); removed.Load() != 1 || n != 1 {
		t.Errorf("%d removed, %d left", removed.Load(), n)
	}
}

func TestOtherPeoplesPasskeysAreUnknown(t *testing.T) {
	w := newWorld(t)
	a, alices := w.enrolled(alice)
	b, bobs := w.enrolled(bob)
	wantErr(t, "rename", w.Rename(w.ctx, bobs, a.cred.ID, "mine"), enroll.ErrNoCredential)
	proof := w.mayRemove(b, bobs, a.cred.ID)
	wantErr(t, "remove", w.Remove(w.ctx, bobs, a.cred.ID, proof, true), enroll.ErrNoCredential)
	wantErr(t, "rename what isn't there", w.Rename(w.ctx, bobs, []byte("x"), "mine"), enroll.ErrNoCredential)
	if own := must(w.Credentials(w.ctx, alices))(t); len(own) != 1 || own[0].Name != "My phone" {
		t.Errorf("Alice's passkeys %+v", own)
	}
}

func TestRenamingToTheSameNameLogsNothing(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	wantErr(t, "rename", w.Rename(w.ctx, session, d.cred.ID, "My phone"), nil)
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyRenamed: 0})
	wantErr(t, "rename", w.Rename(w.ctx, session, d.cred.ID, "Work phone"), nil)
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyRenamed: 1})
}

// Names, devices and addresses stand beside the chain, never in it.
func TestTheChainHoldsNothingPersonal(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	wantErr(t, "rename", w.Rename(w.ctx, session, d.cred.ID, "My secret phone"), nil)
	w.added(d, session)
	d.auth.Options.UserNotVerified = true
	_, _, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, enroll.ErrNotVerified)
	token, _ := w.invited()
	_, err = w.ProvePassword(w.ctx, token, wrong, phone)
	if err == nil {
		t.Fatal("a wrong password proves")
	}
	for _, e := range must(w.store.Events(w.ctx, alice, 1000))(t) {
		for _, text := range []string{"phone", "laptop", "Alice", "alice@", "Android", "192.0.2", "guess", token.Reveal()} {
			if contains(string(e.Bytes), text) {
				t.Errorf("%s holds %q: %s", e.Action, text, e.Bytes)
			}
		}
	}
}

func TestProofsOfThisPackagesActs(t *testing.T) {
	add := func(w *world, of enroll.Session, p enroll.Proof) error {
		_, _, err := w.BeginRegister(w.ctx, of, p)
		return err
	}
	invite := func(w *world, of enroll.Session, p enroll.Proof) error {
		_, _, err := w.InviteSelf(w.ctx, of, p)
		return err
	}
	for name, act := range map[string]func(*world, enroll.Session, enroll.Proof) error{"register": add, "invite": invite} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			other := w.signedIn(d)
			signIn := must(w.SessionProof(w.ctx, other))(t)

			wantErr(t, "no proof", act(w, session, enroll.Proof{}), enroll.ErrNoProof)
			made := w.mayAdd(d, session)
			made.ID = "made up"
			wantErr(t, "a made-up one", act(w, session, made), enroll.ErrNoProof)
			wantErr(t, "a sign-in", act(w, other, signIn), enroll.ErrWrongProof)
			claimed := signIn
			claimed.Label, claimed.Statement = enroll.LabelAddPasskey, enroll.AddPasskeyStatement(alice)
			wantErr(t, "a sign-in that claims more", act(w, other, claimed), enroll.ErrWrongProof)
			wantErr(t, "another label", act(w, session, must(w.stepUp(d, session, enroll.LabelRemovePasskey, enroll.AddPasskeyStatement(alice)))(t)), enroll.ErrWrongProof)
			wantErr(t, "another statement", act(w, session, must(w.stepUp(d, session, enroll.LabelAddPasskey, enroll.AddPasskeyStatement(bob)))(t)), enroll.ErrWrongProof)
			wantErr(t, "another session", act(w, other, w.mayAdd(d, session)), enroll.ErrNoProof)

			old := w.mayAdd(d, session)
			w.clock.move(enroll.ProofValid + time.Millisecond)
			wantErr(t, "an old one", act(w, session, old), enroll.ErrOldProof)
			good := w.mayAdd(d, session)
			w.clock.move(enroll.ProofValid)
			wantErr(t, "a good one", act(w, session, good), nil)
			wantErr(t, "the same again", act(w, session, good), enroll.ErrNoProof)
			wantErr(t, "the same for the other act", add(w, session, good), enroll.ErrNoProof)
		})
	}
}

func TestAProofIsSpentOnce(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	proof := w.mayAdd(d, session)
	var won atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for range 50 {
		done.Go(func() {
			start.Wait()
			_, _, err := w.InviteSelf(w.ctx, session, proof)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, enroll.ErrNoProof) {
				t.Error(err)
			}
		})
	}
	start.Done()
	done.Wait()
	w.wantEvents(alice, map[audit.Action]int{audit.InvitationCreated: 2})
	if won.Load() != 1 {
		t.Errorf("%d won", won.Load())
	}
}
