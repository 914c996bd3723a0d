package enroll_test

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// artefact is what a browser holds after some beginning: a token, and the answer
// of its authenticator to that beginning.
type artefact struct {
	token secret.Text
	body  []byte
}

// artefact begins something of one kind for a person, and does not finish it.
func (w *world) artefact(kind string, d *device, of enroll.Session) artefact {
	w.t.Helper()
	switch kind {
	case "sign-in", "step-up":
		token, options, err := w.BeginSignIn(w.ctx)
		if kind == "step-up" {
			token, options, err = w.BeginStepUp(w.ctx, of, "latchkey/test/v1", []byte("x"))
		}
		wantErr(w.t, kind, err, nil)
		return artefact{token, d.assert(w.t, options)}
	case "register":
		token, options, err := w.BeginRegister(w.ctx, of, w.mayAdd(d, of))
		wantErr(w.t, kind, err, nil)
		return artefact{token, newDevice().create(w.t, options)}
	}
	link, _, err := w.Invite(w.ctx, of.Account, audit.ActorOperator, kind == "grant", 0)
	wantErr(w.t, kind, err, nil)
	grant := secret.Text{}
	if kind == "grant" {
		grant, err = w.ProvePassword(w.ctx, link, secret.New(w.dir.passwords[of.Account]), phone)
		wantErr(w.t, kind, err, nil)
	}
	token, options, err := w.BeginEnrol(w.ctx, link, grant)
	wantErr(w.t, kind, err, nil)
	held := map[string]secret.Text{"enrol": token, "invitation": link, "grant": grant}
	return artefact{held[kind], newDevice().create(w.t, options)}
}

// finishers take an artefact where one of another kind belongs, in a session.
var finishers = map[string]func(*world, enroll.Session, artefact) error{
	"sign-in": func(w *world, _ enroll.Session, a artefact) error {
		_, _, err := w.FinishSignIn(w.ctx, a.token, a.body, phone)
		return err
	},
	"step-up": func(w *world, s enroll.Session, a artefact) error {
		_, err := w.FinishStepUp(w.ctx, s, a.token, a.body)
		return err
	},
	"register": func(w *world, s enroll.Session, a artefact) error {
		_, err := w.FinishRegister(w.ctx, s, a.token, "x", a.body)
		return err
	},
	"enrol": func(w *world, _ enroll.Session, a artefact) error {
		_, _, err := w.FinishEnrol(w.ctx, a.token, "x", a.body, phone)
		return err
	},
}

// Every token in every place with every answer, by the person and by another,
// before and after a restart: only the one combination that was begun works.
func TestReplayMatrix(t *testing.T) {
	kinds := []string{"sign-in", "step-up", "register", "enrol", "invitation", "grant"}
	for _, owner := range []bool{true, false} {
		w := newWorld(t, func(c *enroll.Config) { c.MaxCeremonies, c.MaxPasskeys = 500, 500 })
		a, alices := w.enrolled(alice)
		b, bobs := w.enrolled(bob)
		in := alices
		if !owner {
			in = bobs
		}
		for where, finish := range finishers {
			for _, tokenOf := range kinds {
				for i, bodyOf := range kinds {
					begun := w.artefact(tokenOf, a, alices)
					x := begun
					switch {
					case tokenOf == bodyOf && tokenOf == where && !owner:
						x.body = w.artefact(bodyOf, b, bobs).body // Alice's token, Bob's answer
					case tokenOf != bodyOf:
						x.body = w.artefact(bodyOf, a, alices).body
					}
					if i%2 == 1 { // a restarted server knows what the first one knew
						w.Service = must(enroll.New(w.cfg))(t)
					}
					err := finish(w, in, x)
					if works := owner && tokenOf == where && bodyOf == where; (err == nil) != works {
						t.Fatalf("token of %s, answer of %s, at %s, own session %v: %v", tokenOf, bodyOf, where, owner, err)
					}
					if err != nil && enroll.Code(err) == "" {
						t.Fatalf("no code: %v", err)
					}
				}
			}
		}
	}
}

func TestProofsOfOnePersonAreNothingToAnother(t *testing.T) {
	w := newWorld(t)
	a, alices := w.enrolled(alice)
	b, bobs := w.enrolled(bob)
	_ = b
	add := w.mayAdd(a, alices)
	remove := w.mayRemove(a, alices, a.cred.ID)
	for name, err := range map[string]error{
		"add in Bob's session":    func() error { _, _, err := w.BeginRegister(w.ctx, bobs, add); return err }(),
		"invite in Bob's session": func() error { _, _, err := w.InviteSelf(w.ctx, bobs, add); return err }(),
		"remove Bob's own":        w.Remove(w.ctx, bobs, b.cred.ID, remove, true),
	} {
		wantErr(t, name, err, enroll.ErrNoProof)
	}
	forged := bobs
	forged.Account = alice // a session that names another account than its proof's
	if _, err := w.Proof(w.ctx, enroll.Session{ID: alices.ID, Account: bob}, add.ID); err == nil {
		t.Error("a proof of another account")
	}
	_, _, err := w.BeginRegister(w.ctx, forged, add)
	wantErr(t, "forged session", err, enroll.ErrNoProof)
	var none ad.GUID
	wantErr(t, "nobody", func() error {
		_, _, err := w.BeginStepUp(w.ctx, enroll.Session{Account: none}, "l/v1", []byte("x"))
		return err
	}(), enroll.ErrGone)
}
