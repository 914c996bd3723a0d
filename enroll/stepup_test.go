package enroll_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

func TestStepUpSignsTheStatement(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	token, options, err := w.BeginStepUp(w.ctx, session, "latchkey/reset/v1", []byte(`{"op":"reset"}`))
	wantErr(t, "begin", err, nil)
	r := options.Response
	if r.UserVerification != protocol.VerificationRequired || len(r.AllowedCredentials) != 1 || len(r.Challenge) != sha256.Size {
		t.Errorf("options %+v", r)
	}
	p, err := w.FinishStepUp(w.ctx, session, token, d.assert(t, options))
	wantErr(t, "finish", err, nil)
	if !p.Bound("latchkey/reset/v1", []byte(`{"op":"reset"}`)) || p.Account != alice || p.Session != session.ID || len(p.Receipt.Nonce) != enroll.NonceLen {
		t.Errorf("proof %+v", p)
	}
	if !bytes.Equal(r.Challenge, enroll.Challenge(p.Label, p.Receipt.Nonce, p.Statement)) {
		t.Error("the challenge is not that of the statement")
	}
	check := audit.Receipt{
		Label: p.Label, Nonce: p.Receipt.Nonce, Statement: p.Statement, CredentialID: p.Receipt.CredentialID,
		ClientDataJSON: p.Receipt.ClientDataJSON, AuthenticatorData: p.Receipt.AuthenticatorData, Signature: p.Receipt.Signature,
	}
	wantErr(t, "receipt", check.Check(w.credential(d).Record.PublicKey), nil)
	check.Statement = []byte(`{"op":"unlock"}`)
	if check.Check(w.credential(d).Record.PublicKey) == nil {
		t.Error("the receipt holds for another statement")
	}
	if report := w.verifyLog(); report.Receipts != 1 || report.Unchecked != 0 {
		t.Errorf("the log's verifier checked %+v", report)
	}
	if _, err := w.SessionProof(w.ctx, session); err == nil {
		t.Error("a step-up counts as a sign-in")
	}
}

// The definition, in numbers that a verifier can be held to.
func TestChallengeIsSHA256OfLabelNonceStatement(t *testing.T) {
	nonce := bytes.Repeat([]byte{7}, enroll.NonceLen)
	want := sha256.Sum256([]byte("latchkey/reset/v1" + strings.Repeat("\x07", 32) + "statement"))
	if got := enroll.Challenge("latchkey/reset/v1", nonce, []byte("statement")); !bytes.Equal(got, want[:]) {
		t.Errorf("%x", got)
	}
}

func TestStepUpNoncesDiffer(t *testing.T) {
	w := newWorld(t)
	_, session := w.enrolled(alice)
	_, a, err := w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("same"))
	wantErr(t, "begin", err, nil)
	_, b, err := w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("same"))
	wantErr(t, "begin", err, nil)
	if bytes.Equal(a.Response.Challenge, b.Response.Challenge) {
		t.Error("the same challenge twice")
	}
}

func TestStepUpRefusesWhatDoesNotVerify(t *testing.T) {
	for name, c := range tampered {
		if name == "no user handle" { // the allow list names the passkeys, so it may be left out
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			bad := *d
			c.change(&bad)
			p, err := w.stepUp(&bad, session, "latchkey/test/v1", []byte("x"))
			wantErr(t, "step up", err, c.want)
			if p.ID != "" {
				t.Error("a proof was made")
			}
			w.wantEvents(alice, map[audit.Action]int{audit.SteppedUp: 0, audit.StepUpRefused: 1})
		})
	}
}

func TestStepUpTakesOnlyThePersonsOwnPasskeys(t *testing.T) {
	w := newWorld(t)
	_, session := w.enrolled(alice)
	b, _ := w.enrolled(bob)
	_, err := w.stepUp(b, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "Bob's passkey in Alice's session", err, enroll.ErrNoCredential)
}

func TestStepUpBelongsToTheSessionThatBeganIt(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	other := w.signedIn(d)
	token, options, err := w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "begin", err, nil)
	_, err = w.FinishStepUp(w.ctx, other, token, d.assert(t, options))
	wantErr(t, "another session of the same person", err, enroll.ErrNoCeremony)
}

func TestStepUpRefusesLabelsAndStatementsThatBindNothing(t *testing.T) {
	w := newWorld(t)
	_, session := w.enrolled(alice)
	for _, c := range []struct{ label, statement string }{
		{"", "x"}, {"latchkey/test/v1", ""}, {strings.Repeat("l", 65), "x"}, {"with space", "x"}, {"naïve", "x"},
		{"nul\x00", "x"}, {"latchkey/test/v1", strings.Repeat("x", 64<<10+1)},
	} {
		_, _, err := w.BeginStepUp(w.ctx, session, c.label, []byte(c.statement))
		wantErr(t, c.label, err, enroll.ErrStatement)
	}
}

func TestStepUpWithARemovedPasskeyIsRefused(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	other := w.added(d, session)
	token, options, err := w.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "begin", err, nil)
	wantErr(t, "remove", w.Remove(w.ctx, session, other.cred.ID, w.mayRemove(d, session, other.cred.ID), false), nil)
	other.auth.Options.UserHandle = d.auth.Options.UserHandle
	_, err = w.FinishStepUp(w.ctx, session, token, other.assert(t, options))
	wantErr(t, "finish", err, enroll.ErrNoCredential)
	_, _, err = w.signIn(other, phone)
	wantErr(t, "sign in", err, enroll.ErrNoCredential)
}

// A row whose label or statement was changed in the store signs nothing.
func TestAChangedCeremonyRowVerifiesNothing(t *testing.T) {
	for name, change := range map[string]func(*enroll.Ceremony){
		"statement": func(c *enroll.Ceremony) { c.Statement = []byte("other") },
		"label":     func(c *enroll.Ceremony) { c.Label = "latchkey/other/v1" },
		"nonce":     func(c *enroll.Ceremony) { c.Nonce = bytes.Repeat([]byte{1}, enroll.NonceLen) },
		"no nonce":  func(c *enroll.Ceremony) { c.Nonce = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			w.cfg.Store = changing{w.store, change}
			s := must(enroll.New(w.cfg))(t)
			token, options, err := s.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
			wantErr(t, "begin", err, nil)
			if p, err := s.FinishStepUp(w.ctx, session, token, d.assert(t, options)); err == nil {
				t.Errorf("a proof of %q", p.Statement)
			}
			w.wantEvents(alice, map[audit.Action]int{audit.SteppedUp: 0})
		})
	}
}

// The store is asked for one purpose, and for what is not over: this holds where it gives
// out another row.
func TestACeremonyOfAnotherKindOrTimeIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*enroll.Ceremony)
		want   error
	}{
		"another purpose": {func(c *enroll.Ceremony) { c.Purpose = enroll.PurposeSignIn }, enroll.ErrNoCeremony},
		"over":            {func(c *enroll.Ceremony) { c.Expires = c.Created }, enroll.ErrNoCeremony},
		"unreadable":      {func(c *enroll.Ceremony) { c.Data = []byte("{") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			w.cfg.Store = changing{w.store, c.change}
			s := must(enroll.New(w.cfg))(t)
			token, options, err := s.BeginStepUp(w.ctx, session, "latchkey/test/v1", []byte("x"))
			wantErr(t, "begin", err, nil)
			_, err = s.FinishStepUp(w.ctx, session, token, d.assert(t, options))
			if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && !strings.Contains(err.Error(), "decode ceremony") {
				t.Errorf("%v", err)
			}
		})
	}
}

// A nonce of another length than ours was made by nobody here, whatever was signed over it.
func TestAChallengeOverAShortNonceHoldsNothing(t *testing.T) {
	holds := func(nonce []byte) bool {
		c := enroll.Ceremony{Label: "latchkey/test/v1", Nonce: nonce, Statement: []byte("x")}
		return enroll.ChallengeHolds(c, base64.RawURLEncoding.EncodeToString(enroll.Challenge(c.Label, c.Nonce, c.Statement)))
	}
	if !holds(make([]byte, enroll.NonceLen)) || holds(make([]byte, enroll.NonceLen-1)) || holds(nil) {
		t.Error("the length of the nonce does not count")
	}
}
