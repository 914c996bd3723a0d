package enroll_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// answers is what the directory says from now on to a password that is right.
func (d *directory) answers(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bind = err
}

// A controller may count a password after we stopped waiting for what it says: until that
// has certainly happened none is tried, at any door.
func TestALostAnswerRestsThePassword(t *testing.T) {
	lost := &ad.Error{Cause: ad.ErrUnavailable, Op: "check password", Outcome: ad.OutcomeUnknown}
	for name, c := range map[string]struct {
		fault error
		rests bool
	}{
		"the answer was lost":      {lost, true},
		"through a forest":         {fmt.Errorf("corp: %w", lost), true},
		"it never got there":       {&ad.Error{Cause: ad.ErrUnavailable, Op: "check password", Outcome: ad.OutcomeNotWritten}, false},
		"it was refused as it was": {&ad.Error{Cause: ad.ErrAccountRestriction, Op: "check password"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := furnished(t)
			link, _ := w.invited()
			_, of := w.enrolled(alice)
			own := secret.New(w.dir.passwords[alice])
			doors := []func() error{
				func() error { // a stranger
					_, err := w.recoverAs("alice", "unlock", enough, enroll.Answer{Kind: enroll.ProofPassword, Value: own})
					return err
				},
				func() error { // its owner, signed in
					_, err := w.Answer(w.ctx, of, secret.Text{}, "latchkey/request/v1", []byte("r"), []enroll.Answer{{Kind: enroll.ProofPassword, Value: own}})
					return err
				},
				func() error { // whoever holds an invitation
					_, err := w.ProvePassword(w.ctx, link, own, phone)
					return err
				},
			}
			for i, lose := range doors {
				w.dir.answers(c.fault)
				if lose() == nil {
					t.Fatalf("%d: let in", i)
				}
				w.dir.answers(nil)
				before := w.dir.tried
				for j, try := range doors {
					if err := try(); (err == nil) == c.rests {
						t.Errorf("lost at %d, tried at %d: %v", i, j, err)
					}
				}
				if tried := w.dir.tried - before; (tried == 0) != c.rests {
					t.Errorf("lost at %d: %d tries reached the directory", i, tried)
				}
				w.clock.move(2 * time.Minute)
				for j, try := range doors {
					wantErr(t, fmt.Sprint("later at ", j), try(), nil)
				}
			}
		})
	}
}

// The refusal of what takes too long is out before: then nothing is used up for an answer
// that nobody gets, and what is refused anyway lets nobody wait.
func TestAnAnswerThatComesTooLateUsesUpNothing(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	asked := 0
	gone, waits := phone, phone
	gone.Waits = func() bool { asked++; return false }
	waits.Waits = func() bool { return true }
	heard := &words{}
	finish := func(from enroll.Client, suffices enroll.Suffices, answers ...enroll.Answer) error {
		return errOf(w.FinishRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(t), answers, from, suffices))
	}
	beside := func(from enroll.Client, ask enroll.Words, answers ...enroll.Answer) error {
		_, err := w.AskWord(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), answers, from, ask)
		return err
	}
	for name, try := range map[string]func(from enroll.Client) error{
		"a recovery code": func(from enroll.Client) error { return finish(from, enough, code(codes[0])) },
		"a PIN":           func(from enroll.Client) error { return finish(from, enough, typed(enroll.ProofPIN, "739201")) },
		"both": func(from enroll.Client) error {
			return finish(from, enough, typed(enroll.ProofPIN, "739201"), code(codes[2]))
		},
		"a recovery code beside a word": func(from enroll.Client) error {
			return beside(from, heard.all(), code(codes[1]))
		},
		"a PIN beside a word": func(from enroll.Client) error { return beside(from, heard.all(), typed(enroll.ProofPIN, "739201")) },
	} {
		before := asked
		wantErr(t, name+", too late", try(gone), enroll.ErrRecoverRefused)
		if asked != before+1 {
			t.Errorf("%s: asked %d times whether anybody waits", name, asked-before)
		}
		wantErr(t, name+", in time", try(waits), nil)
	}
	before := asked
	refuses := func(context.Context, ad.Account, []enroll.ProofKind) error { return enroll.ErrRecoverRefused }
	wantErr(t, "a wrong PIN", finish(gone, enough, typed(enroll.ProofPIN, "111112")), enroll.ErrRecoverRefused)
	wantErr(t, "the PIN, which the rules refuse", finish(gone, refuses, typed(enroll.ProofPIN, "739201")), enroll.ErrRecoverRefused)
	wantErr(t, "a wrong code", finish(gone, enough, code(secret.New("0000-0000-0000-0000"))), enroll.ErrRecoverRefused)
	unasked := heard.all()
	unasked.May = func(context.Context, enroll.Word) error { return enroll.ErrRecoverRefused }
	wantErr(t, "the PIN beside a word that nobody would be asked for", beside(gone, unasked, typed(enroll.ProofPIN, "739201")), enroll.ErrRecoverRefused)
	if asked != before {
		t.Error("what is refused makes its refusal wait for the end")
	}
	wantErr(t, "a code, which the rules refuse", finish(gone, refuses, code(codes[3])), enroll.ErrRecoverRefused)
	wantErr(t, "a code beside a word that nobody would be asked for", beside(gone, unasked, code(codes[3])), enroll.ErrRecoverRefused)
	if asked != before+2 {
		t.Error("a right recovery code does not wait for what the rules say")
	}
}
