package enroll_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// One token has one spelling: what can't be decoded makes all of it none, also where it
// stands behind a token that is whole. That is so of every third length.
func TestATokenWithSomethingBehindIsNone(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	pin := w.pin(d, of)
	statement := sha256.Sum256([]byte("latchkey/request/v1\x00r"))
	met := map[string]bool{}
	refused := func(what string, token secret.Text, door func(secret.Text) error) {
		t.Helper()
		text := token.Reveal()
		met[what] = met[what] || len(text)%4 == 0
		wantErr(t, what, door(secret.New(text+"!")), enroll.ErrNoCeremony)
	}
	for pad := range 3 {
		act := "reset" + strings.Repeat("x", pad)
		way := must(w.begun(w.ctx, "alice", act))(t)
		refused("a way in", way, func(token secret.Text) error {
			_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(enroll.ProofRecoveryCode, "x")}, phone, enough)
			return err
		})
		wait := must(w.AskWord(w.ctx, way, nil, phone, (&words{}).all()))(t)
		wantErr(t, "drain", w.Drain(w.ctx), nil)
		refused("a word", wait.Token, func(token secret.Text) error {
			_, _, _, err := w.TakeWord(w.ctx, token, phone, given)
			return err
		})
		plain := must(json.Marshal(map[string]any{
			"a": alice, "i": of.ID, "f": statement[:], "n": make([]byte, 16), "e": w.clock.now().Add(time.Minute).UnixMilli(), "pad": strings.Repeat("x", pad),
		}))(t)
		sealed := dbtest.Box().Seal("ceremony/ask/v1", plain)
		refused("further proofs", secret.New(base64.RawURLEncoding.EncodeToString(sealed)), func(token secret.Text) error {
			return w.answer(of, token, pin)
		})
	}
	token, _, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	refused("a sign-in", token, func(token secret.Text) error {
		_, _, err := w.FinishSignIn(w.ctx, token, []byte("{}"), phone)
		return err
	})
	for _, what := range []string{"a way in", "a word", "further proofs"} {
		if !met[what] {
			t.Errorf("%s: none of that length was met", what)
		}
	}
}
