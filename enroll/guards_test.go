package enroll_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func (f *faulty) Factors(ctx context.Context, a ad.GUID) ([]enroll.Factor, error) {
	if err := f.err("Factors"); err != nil {
		return nil, err
	}
	return f.Store.Factors(ctx, a)
}

func (f *faulty) ReplaceFactors(ctx context.Context, a ad.GUID, k enroll.ProofKind, with []enroll.Factor, e ...audit.Event) error {
	if err := f.err("ReplaceFactors"); err != nil {
		return err
	}
	return f.Store.ReplaceFactors(ctx, a, k, with, e...)
}

func (f *faulty) Recovered(ctx context.Context, c enroll.Ceremony, u []enroll.FactorUse, s enroll.Session, e ...audit.Event) error {
	if err := f.err("Recovered"); err != nil {
		return err
	}
	return f.Store.Recovered(ctx, c, u, s, e...)
}

func (f *faulty) Sessions(ctx context.Context, a ad.GUID) ([]enroll.Session, error) {
	if err := f.err("Sessions"); err != nil {
		return nil, err
	}
	return f.Store.Sessions(ctx, a)
}

func (f *faulty) Session(ctx context.Context, id string, now time.Time) (enroll.Session, error) {
	if err := f.err("Session"); err != nil {
		return enroll.Session{}, err
	}
	return f.Store.Session(ctx, id, now)
}

func (f *faulty) EndSession(ctx context.Context, id string, e ...audit.Event) error {
	if err := f.err("EndSession"); err != nil {
		return err
	}
	return f.Store.EndSession(ctx, id, e...)
}

func (f *faulty) RevokeInvitation(ctx context.Context, id string, now time.Time, e ...audit.Event) error {
	if err := f.err("RevokeInvitation"); err != nil {
		return err
	}
	return f.Store.RevokeInvitation(ctx, id, now, e...)
}

func (f *faulty) AddInvitation(ctx context.Context, i enroll.Invitation, e ...audit.Event) error {
	if err := f.err("AddInvitation"); err != nil {
		return err
	}
	return f.Store.AddInvitation(ctx, i, e...)
}

// acts are what somebody who is signed in with a passkey can do, each behind what
// goes before it.
var acts = map[string]func(w *world, d *device, of enroll.Session) func() error{
	"held": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { _, err := w.Held(w.ctx, of.Account); return err }
	},
	"factors": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { _, err := w.Factors(w.ctx, of); return err }
	},
	"recovery codes": func(w *world, d *device, of enroll.Session) func() error {
		p := must(w.stepUp(d, of, enroll.LabelRecoveryCodes, enroll.ProofStatement(of.Account, enroll.ProofRecoveryCode)))(w.t)
		return func() error { _, err := w.MakeRecoveryCodes(w.ctx, of, p); return err }
	},
	"begin an app": func(w *world, d *device, of enroll.Session) func() error {
		p := must(w.stepUp(d, of, enroll.LabelTOTP, enroll.ProofStatement(of.Account, enroll.ProofTOTP)))(w.t)
		return func() error { _, err := w.BeginTOTP(w.ctx, of, p); return err }
	},
	"finish an app": func(w *world, d *device, of enroll.Session) func() error {
		p := must(w.stepUp(d, of, enroll.LabelTOTP, enroll.ProofStatement(of.Account, enroll.ProofTOTP)))(w.t)
		begun := must(w.BeginTOTP(w.ctx, of, p))(w.t)
		return func() error {
			return w.FinishTOTP(w.ctx, of, begun.Token, w.codeOf(strings.ReplaceAll(begun.Secret.Reveal(), " ", "")))
		}
	},
	"remove a proof": func(w *world, d *device, of enroll.Session) func() error {
		w.app(d, of)
		p := must(w.stepUp(d, of, enroll.LabelRemoveProof, enroll.ProofStatement(of.Account, enroll.ProofTOTP)))(w.t)
		return func() error { return w.RemoveFactor(w.ctx, of, p, enroll.ProofTOTP) }
	},
	"recover": func(w *world, d *device, of enroll.Session) func() error {
		codes := w.codes(d, of)
		token := must(w.begun(w.ctx, "alice", "unlock"))(w.t)
		return func() error {
			_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{code(codes[0])}, phone, enough)
			return err
		}
	},
	"begin to recover": func(w *world, _ *device, _ enroll.Session) func() error {
		return func() error { _, err := w.begun(w.ctx, "alice", "unlock"); return err }
	},
	"begin to replace": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { _, _, err := w.BeginReplacement(w.ctx, of, "r-1"); return err }
	},
	"replace": func(w *world, _ *device, of enroll.Session) func() error {
		other := newDevice()
		token, options, err := w.BeginReplacement(w.ctx, of, "r-1")
		wantErr(w.t, "begin", err, nil)
		body := other.create(w.t, options)
		return func() error {
			_, err := w.FinishReplacement(w.ctx, of, "r-1", token, "New phone", body, true)
			return err
		}
	},
	"passkeys": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { _, err := w.Credentials(w.ctx, of); return err }
	},
	"prove a password": func(w *world, _ *device, _ enroll.Session) func() error {
		token, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, true, 0)
		wantErr(w.t, "invite", err, nil)
		return func() error { _, err := w.ProvePassword(w.ctx, token, secret.New("Old-Secret-2"), phone); return err }
	},
	"begin to enrol by a grant": func(w *world, _ *device, _ enroll.Session) func() error {
		token, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, true, 0)
		wantErr(w.t, "invite", err, nil)
		grant, err := w.ProvePassword(w.ctx, token, secret.New("Old-Secret-2"), phone)
		wantErr(w.t, "prove", err, nil)
		return func() error { _, _, err := w.BeginEnrol(w.ctx, token, grant); return err }
	},
	"sessions": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { _, err := w.Sessions(w.ctx, of.Account); return err }
	},
	"is it alive": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { return w.Alive(w.ctx, of.ID) }
	},
	"sign out": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { return w.SignOut(w.ctx, of, true) }
	},
	"begin to sign in": func(w *world, _ *device, _ enroll.Session) func() error {
		return func() error { _, _, err := w.BeginSignIn(w.ctx); return err }
	},
	"sign in": func(w *world, d *device, _ enroll.Session) func() error {
		token, options, err := w.BeginSignIn(w.ctx)
		wantErr(w.t, "begin", err, nil)
		body := d.assert(w.t, options)
		return func() error { _, _, err := w.FinishSignIn(w.ctx, token, body, phone); return err }
	},
	"begin a step-up": func(w *world, _ *device, of enroll.Session) func() error {
		return func() error { _, _, err := w.BeginStepUp(w.ctx, of, "label", []byte("x")); return err }
	},
	"step up": func(w *world, d *device, of enroll.Session) func() error {
		token, options, err := w.BeginStepUp(w.ctx, of, "label", []byte("x"))
		wantErr(w.t, "begin", err, nil)
		body := d.assert(w.t, options)
		return func() error { _, err := w.FinishStepUp(w.ctx, of, token, body); return err }
	},
	"invite": func(w *world, _ *device, _ enroll.Session) func() error {
		return func() error { _, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, false, 0); return err }
	},
	"revoke": func(w *world, _ *device, _ enroll.Session) func() error {
		_, inv, err := w.Invite(w.ctx, bob, audit.ActorOperator, false, 0)
		wantErr(w.t, "invite", err, nil)
		return func() error { return w.Revoke(w.ctx, inv.ID, audit.ActorOperator) }
	},
	"begin to enrol": func(w *world, _ *device, _ enroll.Session) func() error {
		token, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, false, 0)
		wantErr(w.t, "invite", err, nil)
		return func() error { _, _, err := w.BeginEnrol(w.ctx, token, secret.Text{}); return err }
	},
	"enrol": func(w *world, _ *device, _ enroll.Session) func() error {
		other := newDevice()
		token, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, false, 0)
		wantErr(w.t, "invite", err, nil)
		ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
		wantErr(w.t, "begin", err, nil)
		body := other.create(w.t, options)
		return func() error { _, _, err := w.FinishEnrol(w.ctx, ceremony, "Phone", body, phone); return err }
	},
}

// Whatever the store or the directory can't answer is told, whichever act asks: a
// way in without a passkey says nothing of it before the proofs are right.
func TestWhatTheStoreCantAnswerIsToldByEachAct(t *testing.T) {
	failed := map[string]bool{}
	for name, prepare := range acts {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withNames, func(c *enroll.Config) { c.MaxPasskeys = 100 })
			act := func(fail string) (asked map[string]bool, err error) {
				w.cfg.Store = w.store
				w.Service = must(enroll.New(w.cfg))(t)
				d, of := w.enrolled(alice)
				step := prepare(w, d, of)
				store := &faulty{Store: w.store, fail: fail, last: map[string]bool{}}
				w.cfg.Store = store
				w.Service = must(enroll.New(w.cfg))(t)
				if fail == "directory" {
					w.dir.fail(errDisk)
				}
				before := w.dir.asked
				err = step()
				store.last["directory"] = w.dir.asked > before
				w.dir.fail(nil)
				return store.last, err
			}
			methods, err := act("")
			wantErr(t, "with nothing down", err, nil)
			for method, asked := range methods {
				if !asked {
					continue
				}
				failed[method] = true
				want := errDisk
				if name == "recover" && method != "Recovered" {
					want = enroll.ErrRecoverRefused
				}
				_, err := act(method)
				wantErr(t, method, err, want)
			}
		})
	}
	for _, method := range []string{
		"TakeCeremony", "Signer", "Credentials", "Handle", "Asserted", "Proof", "UseProof", "Invitation",
		"Ceremony", "SaveCeremony", "Enrol", "SignedIn", "EndSessions", "Factors", "ReplaceFactors", "Recovered", "Sessions",
		"Session", "EndSession", "RevokeInvitation", "directory",
	} {
		if !failed[method] {
			t.Errorf("no act asks for %s", method)
		}
	}
}

// lame is a source of randomness that fails once, after so many reads.
type lame struct{ left int }

func (r *lame) Read(b []byte) (int, error) {
	if r.left--; r.left == -1 {
		return 0, errDisk
	}
	return rand.Read(b)
}

func TestEachActWantsAllOfItsRandomness(t *testing.T) {
	for name, prepare := range acts {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withNames, func(c *enroll.Config) { c.MaxPasskeys = 100 })
			want := func(n int) error {
				if name == "recover" && n > 0 {
					return enroll.ErrRecoverRefused // what fails while proofs are looked at is a refusal
				}
				return errDisk
			}
			w.wantsAllRandomness(t, func(d *device, of enroll.Session) func() error { return prepare(w, d, of) }, want)
		})
	}
}

// wantsAllRandomness lets each read of an act fail in turn. want is what it then says
// with n reads before that.
func (w *world) wantsAllRandomness(t *testing.T, prepare func(*device, enroll.Session) func() error, want func(n int) error) {
	t.Helper()
	for n := range 40 {
		w.cfg.Rand = nil
		w.Service = must(enroll.New(w.cfg))(t)
		act := prepare(w.enrolled(alice))
		source := &lame{left: n}
		w.cfg.Rand = source
		w.Service = must(enroll.New(w.cfg))(t)
		err := act()
		if source.left >= 0 {
			wantErr(t, "with enough", err, nil)
			return
		}
		wantErr(t, fmt.Sprintf("with %d", n), err, want(n))
	}
	t.Error("more than 40 reads")
}

func TestAReplacementIsFinishedByWhatBeganIt(t *testing.T) {
	for name, tc := range map[string]struct {
		by, name string
		spoil    func(body []byte) []byte
		want     error
	}{
		"as it was begun":   {"r-1", "Phone", nil, nil},
		"by another":        {"r-2", "Phone", nil, enroll.ErrNoCeremony},
		"without a name":    {"r-1", "", nil, enroll.ErrName},
		"with no passkey":   {"r-1", "Phone", func([]byte) []byte { return []byte("{}") }, enroll.ErrMalformed},
		"with far too much": {"r-1", "Phone", func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 1<<20)...) }, enroll.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, of := w.enrolled(alice)
			other := newDevice()
			token, options, err := w.BeginReplacement(w.ctx, of, "r-1")
			wantErr(t, "begin", err, nil)
			body := other.create(t, options)
			if tc.spoil != nil {
				body = tc.spoil(body)
			}
			made, err := w.FinishReplacement(w.ctx, of, tc.by, token, tc.name, body, true)
			wantErr(t, "finish", err, tc.want)
			if (made.Credential.Account == alice) != (tc.want == nil) {
				t.Errorf("%+v", made)
			}
			if tc.name != "" {
				_, err = w.FinishReplacement(w.ctx, of, "r-1", token, "Phone", body, true)
				wantErr(t, "again", err, enroll.ErrNoCeremony)
			}
			_, err = w.FinishReplacement(w.ctx, of, "r-1", secret.New("nothing"), "Phone", body, true)
			wantErr(t, "without a ceremony", err, enroll.ErrNoCeremony)
		})
	}
}

func TestOnlyWhatIsStillGoodIsHeld(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	seed := w.app(d, of)
	held := func() string {
		kinds := must(w.Held(w.ctx, alice))(t)
		slices.Sort(kinds)
		return fmt.Sprint(kinds)
	}
	if got := held(); got != "[passkey recovery-code totp]" {
		t.Error(got)
	}
	for i, c := range codes {
		_, err := w.recoverAs("alice", "unlock", enough, code(c))
		wantErr(t, fmt.Sprint("code ", i), err, nil)
	}
	w.clock.move(time.Minute)
	_, err := w.recoverAs("alice", "unlock", enough, enroll.Answer{Kind: enroll.ProofTOTP, Value: secret.New(w.codeOf(seed))})
	wantErr(t, "the app", err, nil)
	if got := held(); got != "[passkey totp]" { // the app is good again, a code is not
		t.Error(got)
	}
	if of := must(w.Factors(w.ctx, of))(t); len(of) != 11 || of[0].Secret != nil || of[10].Secret != nil {
		t.Errorf("%+v", of)
	}
}

// What a factor proves is looked at again where it is committed.
func TestAFactorThatWasUsedMeanwhileProvesNothing(t *testing.T) {
	for name, kind := range map[string]enroll.ProofKind{"code": enroll.ProofRecoveryCode, "app": enroll.ProofTOTP} {
		for change, spoil := range map[string]func(*enroll.Factor){
			"used": func(f *enroll.Factor) { f.Used, f.Step = time.Unix(1, 0), 1<<40 },
			"of another kind": func(f *enroll.Factor) {
				f.Kind = "pigeon"
			},
		} {
			t.Run(name+" "+change, func(t *testing.T) {
				w := newWorld(t, withNames)
				d, of := w.enrolled(alice)
				answer := enroll.Answer{Kind: kind}
				if kind == enroll.ProofTOTP {
					seed := w.app(d, of)
					w.clock.move(time.Minute)
					answer.Value = secret.New(w.codeOf(seed))
				} else {
					answer.Value = w.codes(d, of)[0]
				}
				w.cfg.Store = spoiled{w.store, spoil}
				w.Service = must(enroll.New(w.cfg))(t)
				_, err := w.recoverAs("alice", "unlock", enough, answer)
				wantErr(t, "recover", err, enroll.ErrRecoverRefused)
			})
		}
	}
}

// spoiled changes each factor before its closure sees it.
type spoiled struct {
	enroll.Store
	spoil func(*enroll.Factor)
}

func (s spoiled) Recovered(ctx context.Context, c enroll.Ceremony, uses []enroll.FactorUse, session enroll.Session, e ...audit.Event) error {
	for i, u := range uses {
		uses[i].Fn = func(f *enroll.Factor) error {
			s.spoil(f)
			return u.Fn(f)
		}
	}
	return s.Store.Recovered(ctx, c, uses, session, e...)
}

func TestAGrantIsHeldToItsInvitation(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, 0)
	wantErr(t, "invite", err, nil)
	grant, err := w.ProvePassword(w.ctx, token, secret.New("Old-Secret-1"), phone)
	wantErr(t, "prove", err, nil)
	for name, change := range map[string]func(*enroll.Ceremony){
		"":                nil,
		"another purpose": func(c *enroll.Ceremony) { c.Purpose = enroll.PurposeStepUp },
		"another link":    func(c *enroll.Ceremony) { c.Invitation = "other" },
		"another person":  func(c *enroll.Ceremony) { c.Account = bob },
		"run out":         func(c *enroll.Ceremony) { c.Expires = w.clock.now() },
	} {
		w.cfg.Store = looking{w.store, change}
		w.Service = must(enroll.New(w.cfg))(t)
		_, _, err := w.BeginEnrol(w.ctx, token, grant)
		want := enroll.ErrNoGrant
		if change == nil {
			want = nil
		}
		wantErr(t, name, err, want)
	}
}

// looking changes each ceremony that is looked at and not taken.
type looking struct {
	enroll.Store
	change func(*enroll.Ceremony)
}

func (l looking) Ceremony(ctx context.Context, id string, p enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	c, err := l.Store.Ceremony(ctx, id, p, now)
	if l.change != nil {
		l.change(&c)
	}
	return c, err
}

// Whoever holds the sealing key makes no token that outlives its time, or opens with
// what is no token at all.
func TestASealedTokenThatIsNoneOpensNothing(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	sealed := func(v any) secret.Text {
		plain, isText := v.(string)
		if !isText {
			plain = string(must(json.Marshal(v))(t))
		}
		return secret.New(base64.RawURLEncoding.EncodeToString(dbtest.Box().Seal("ceremony/recover/v1", []byte(plain))))
	}
	way := func(end time.Time) map[string]any {
		return map[string]any{"a": alice, "m": []byte{1}, "k": "unlock", "e": end.UnixMilli(), "n": make([]byte, 16)}
	}
	now := w.clock.now()
	for name, tc := range map[string]struct {
		token secret.Text
		want  error
	}{
		"a token":         {sealed(way(now.Add(time.Minute))), nil},
		"one that is old": {sealed(way(now)), enroll.ErrNoCeremony},
		"one for years":   {sealed(way(now.Add(9000 * time.Hour))), enroll.ErrNoCeremony},
		"text":            {sealed("text"), enroll.ErrNoCeremony},
		"another shape":   {sealed(fmt.Sprintf(`{"e":%d,"k":5}`, now.Add(time.Minute).UnixMilli())), enroll.ErrNoCeremony},
		"half a token":    {sealed(`{"a":"` + strings.Repeat("A", 300) + `"`), enroll.ErrNoCeremony},
		"not sealed":      {secret.New("AAAA"), enroll.ErrNoCeremony},
		"no base64":       {secret.New("?"), enroll.ErrNoCeremony},
		"nothing":         {secret.Text{}, enroll.ErrNoCeremony},
	} {
		_, _, err := w.FinishRecovery(w.ctx, tc.token, []enroll.Answer{code(codes[0])}, phone, enough)
		wantErr(t, name, err, tc.want)
	}
	long := enroll.Answer{Kind: enroll.ProofRecoveryCode, Value: secret.New(codes[1].Reveal() + strings.Repeat("-", 600))}
	_, err := w.recoverAs("alice", "unlock", enough, long)
	wantErr(t, "an answer that is too long", err, enroll.ErrRecoverRefused)
}

func TestAnExpiredAccountEnrolsNothing(t *testing.T) {
	w := newWorld(t)
	_, of := w.enrolled(alice)
	for name, tc := range map[string]struct {
		expires time.Duration
		want    error
	}{"in the past": {-time.Hour, ad.ErrAccountExpired}, "now": {0, ad.ErrAccountExpired}, "later": {time.Hour, nil}} {
		w.dir.change(alice, func(a *ad.Account) { a.AccountExpires = w.clock.now().Add(tc.expires) })
		_, _, err := w.BeginReplacement(w.ctx, of, "r-1")
		wantErr(t, name, err, tc.want)
	}
}
