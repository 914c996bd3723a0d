package enroll_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func withNames(c *enroll.Config) {
	c.Names = func(_ context.Context, name string) (ad.GUID, error) {
		switch strings.ToLower(name) {
		case "alice", "alice@corp.example.test":
			return alice, nil
		case "bob":
			return bob, nil
		case "down":
			return ad.GUID{}, &ad.Error{Cause: ad.ErrUnavailable, Op: "resolve"}
		}
		return ad.GUID{}, &ad.Error{Cause: ad.ErrNotFound, Op: "resolve"}
	}
}

func enough(context.Context, ad.Account, []enroll.ProofKind) error { return nil }

// codes makes recovery codes as their owner does.
func (w *world) codes(d *device, of enroll.Session) []secret.Text {
	w.t.Helper()
	p := must(w.stepUp(d, of, enroll.LabelRecoveryCodes, enroll.ProofStatement(of.Account, enroll.ProofRecoveryCode)))(w.t)
	return must(w.MakeRecoveryCodes(w.ctx, of, p))(w.t)
}

// app sets an authenticator app up and returns its seed.
func (w *world) app(d *device, of enroll.Session) string {
	w.t.Helper()
	p := must(w.stepUp(d, of, enroll.LabelTOTP, enroll.ProofStatement(of.Account, enroll.ProofTOTP)))(w.t)
	begun := must(w.BeginTOTP(w.ctx, of, p))(w.t)
	seed := strings.ReplaceAll(begun.Secret.Reveal(), " ", "")
	wantErr(w.t, "finish app", w.FinishTOTP(w.ctx, of, begun.Token, w.codeOf(seed)), nil)
	return seed
}

func (w *world) codeOf(seed string) string {
	w.t.Helper()
	return must(totp.GenerateCode(seed, w.clock.now()))(w.t)
}

// begun is the token of a way in.
func (w *world) begun(ctx context.Context, name, act string) (secret.Text, error) {
	token, _, err := w.BeginRecovery(ctx, name, act)
	return token, err
}

func (w *world) recoverAs(name, act string, suffices enroll.Suffices, answers ...enroll.Answer) (enroll.Session, error) {
	w.t.Helper()
	token := must(w.begun(w.ctx, name, act))(w.t)
	session, _, err := w.FinishRecovery(w.ctx, token, answers, phone, suffices)
	return session, err
}

func code(c secret.Text) enroll.Answer {
	return enroll.Answer{Kind: enroll.ProofRecoveryCode, Value: c}
}

func TestARecoveryCodeOpensAShortSessionOnce(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	if len(codes) != enroll.RecoveryCodes || !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(codes[0].Reveal()) {
		t.Fatalf("%d codes like %q", len(codes), codes[0].Reveal())
	}
	// As it is typed: small letters, spaces, and letters that look like digits.
	typed := strings.NewReplacer("-", " ", "0", "o", "1", "l").Replace(strings.ToLower(codes[3].Reveal()))
	s, err := w.recoverAs("alice", "unlock", enough, code(secret.New(typed)))
	wantErr(t, "recover", err, nil)
	if !s.Recovered() || s.Remember || s.Expires.Sub(s.SignedIn) != enroll.RecoveredValid || s.Account != alice {
		t.Fatalf("session %+v", s)
	}
	proofs := must(w.store.RecoverProofs(w.ctx, s.ID))(t)
	if len(proofs) != 1 || !proofs[0].Bound(enroll.LabelRecover, enroll.RecoverStatement(alice, "unlock")) || proofs[0].Session != s.ID {
		t.Fatalf("proofs %+v", proofs)
	}
	_, err = w.recoverAs("alice", "unlock", enough, code(codes[3]))
	wantErr(t, "the same again", err, enroll.ErrRecoverRefused)
	_, err = w.recoverAs("bob", "unlock", enough, code(codes[4]))
	wantErr(t, "as somebody else", err, enroll.ErrRecoverRefused)
	w.wantEvents(alice, map[audit.Action]int{audit.ProofMade: 1, audit.Recovered: 1, audit.RecoverRefused: 1})
}

func TestNewCodesVoidTheOld(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	old, fresh := w.codes(d, of), w.codes(d, of)
	_, err := w.recoverAs("alice", "unlock", enough, code(old[0]))
	wantErr(t, "an old one", err, enroll.ErrRecoverRefused)
	_, err = w.recoverAs("alice", "unlock", enough, code(fresh[0]))
	wantErr(t, "a new one", err, nil)
	p := must(w.stepUp(d, of, enroll.LabelRemoveProof, enroll.ProofStatement(alice, enroll.ProofRecoveryCode)))(t)
	wantErr(t, "remove", w.RemoveFactor(w.ctx, of, p, enroll.ProofRecoveryCode), nil)
	_, err = w.recoverAs("alice", "unlock", enough, code(fresh[1]))
	wantErr(t, "a removed one", err, enroll.ErrRecoverRefused)
}

// RFC 6238 §5.2: one step of leeway each way, and a code counts once.
func TestACodeOfTheAppCountsOnceAndForItsTime(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	seed := w.app(d, of)
	answer := func(c string) enroll.Answer {
		return enroll.Answer{Kind: enroll.ProofTOTP, Value: secret.New(c)}
	}
	try := func(what, code string, want error) {
		t.Helper()
		_, err := w.recoverAs("alice", "unlock", enough, answer(code))
		wantErr(t, what, err, want)
	}
	try("the code that set it up", w.codeOf(seed), enroll.ErrRecoverRefused)
	w.clock.move(30 * time.Second)
	current := w.codeOf(seed)
	try("the next", current[:3]+" "+current[3:], nil)
	try("the next again", current, enroll.ErrRecoverRefused)
	w.clock.move(60 * time.Second)
	late := w.codeOf(seed)
	w.clock.move(30 * time.Second)
	try("one step late", late, nil)
	w.clock.move(10 * time.Minute)
	old := w.codeOf(seed)
	w.clock.move(61 * time.Second)
	try("two steps late", old, enroll.ErrRecoverRefused)
	w.clock.move(10 * time.Minute)
	early := must(totp.GenerateCode(seed, w.clock.now().Add(30*time.Second)))(t)
	try("one step early", early, nil)
	try("an earlier step after it", w.codeOf(seed), enroll.ErrRecoverRefused)
	w.clock.move(10 * time.Minute)
	try("two steps early", must(totp.GenerateCode(seed, w.clock.now().Add(61*time.Second)))(t), enroll.ErrRecoverRefused)
	for _, nonsense := range []string{"", "12345", "1234567", "abcdef", strings.Repeat("1", 200), "\x00"} {
		try("nonsense", nonsense, enroll.ErrRecoverRefused)
	}
}

func TestAWrongCodeLeavesTheSetUpOpen(t *testing.T) {
	w := newWorld(t)
	d, of := w.enrolled(alice)
	may := func() enroll.Proof {
		return must(w.stepUp(d, of, enroll.LabelTOTP, enroll.ProofStatement(alice, enroll.ProofTOTP)))(t)
	}
	begun := must(w.BeginTOTP(w.ctx, of, may()))(t)
	if !strings.HasPrefix(begun.URI.Reveal(), "otpauth://totp/Example:alice@corp.example.test?secret=") {
		t.Errorf("uri %s", begun.URI.Reveal())
	}
	seed := strings.ReplaceAll(begun.Secret.Reveal(), " ", "")
	wantErr(t, "wrong", w.FinishTOTP(w.ctx, of, begun.Token, "000000"), enroll.ErrWrongCode)
	other := w.signedIn(d)
	wantErr(t, "in another session", w.FinishTOTP(w.ctx, other, begun.Token, w.codeOf(seed)), enroll.ErrNoCeremony)
	wantErr(t, "right", w.FinishTOTP(w.ctx, of, begun.Token, w.codeOf(seed)), nil)
	wantErr(t, "once more", w.FinishTOTP(w.ctx, of, begun.Token, w.codeOf(seed)), enroll.ErrNoCeremony)
	begun = must(w.BeginTOTP(w.ctx, of, may()))(t)
	w.clock.move(11 * time.Minute)
	wantErr(t, "too late", w.FinishTOTP(w.ctx, of, begun.Token, "000000"), enroll.ErrNoCeremony)
}

// What is told before the proofs are right is the same for everybody.
func TestEveryRefusalOfAWayInIsTheSame(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	wrong := code(secret.New("0000-0000-0000-0000"))
	for what, try := range map[string]struct {
		name     string
		suffices enroll.Suffices
		answers  []enroll.Answer
	}{
		"nobody has the name":     {"mallory", enough, []enroll.Answer{code(codes[0])}},
		"a wrong code":            {"alice", enough, []enroll.Answer{wrong}},
		"nothing held":            {"bob", enough, []enroll.Answer{wrong}},
		"a proof not held":        {"alice", enough, []enroll.Answer{{Kind: enroll.ProofTOTP, Value: secret.New("123456")}}},
		"a kind that is none":     {"alice", enough, []enroll.Answer{{Kind: "mail", Value: secret.New("x")}}},
		"a passkey in words":      {"alice", enough, []enroll.Answer{{Kind: enroll.ProofPasskey, Value: secret.New("x")}}},
		"no proof":                {"alice", enough, nil},
		"one right, one wrong":    {"alice", enough, []enroll.Answer{code(codes[0]), {Kind: enroll.ProofTOTP, Value: secret.New("123456")}}},
		"two of one kind":         {"alice", enough, []enroll.Answer{code(codes[0]), code(codes[1])}},
		"too many":                {"alice", enough, []enroll.Answer{code(codes[0]), wrong, wrong, wrong, wrong}},
		"not enough by the rules": {"alice", func(context.Context, ad.Account, []enroll.ProofKind) error { return enroll.ErrRecoverRefused }, []enroll.Answer{code(codes[0])}},
	} {
		_, err := w.recoverAs(try.name, "reset", try.suffices, try.answers...)
		wantErr(t, what, err, enroll.ErrRecoverRefused)
		if enroll.Code(err) != "recover.refused" {
			t.Errorf("%s: %q", what, enroll.Code(err))
		}
	}
	// None of them used anything up.
	_, err := w.recoverAs("alice", "reset", enough, code(codes[0]))
	wantErr(t, "the right one", err, nil)

	one, two := must(w.begun(w.ctx, "alice", "reset"))(t), must(w.begun(w.ctx, "mallory", "reset"))(t)
	if len(one.Reveal()) != len(two.Reveal()) {
		t.Errorf("a token for somebody is %d long, one for nobody %d", len(one.Reveal()), len(two.Reveal()))
	}
	down := must(w.begun(w.ctx, "down", "reset"))(t)
	if len(down.Reveal()) != len(one.Reveal()) {
		t.Errorf("a directory that is down shows in the token")
	}
	token := must(w.begun(w.ctx, "alice", "reset"))(t)
	w.dir.fail(&ad.Error{Cause: ad.ErrUnavailable, Op: "read"})
	_, _, err = w.FinishRecovery(w.ctx, token, []enroll.Answer{code(codes[1])}, phone, enough)
	wantErr(t, "a directory that went down", err, enroll.ErrRecoverRefused)
}

// A token is one way in, for a quarter of an hour, and for nothing that it was not
// given for.
func TestAWayInIsTakenOnceAndInTime(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	token := must(w.begun(w.ctx, "alice", "unlock"))(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			_, _, errs[i] = w.FinishRecovery(w.ctx, token, []enroll.Answer{code(codes[i])}, phone, enough)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, enroll.ErrNoCeremony) {
			t.Errorf("lost by %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d got in by one token", won)
	}
	old := must(w.begun(w.ctx, "alice", "unlock"))(t)
	w.clock.move(enroll.RecoverValid)
	for _, bad := range []secret.Text{old, {}, secret.New("x"), secret.New(old.Reveal() + "A"), secret.New(old.Reveal()[2:])} {
		_, _, err := w.FinishRecovery(w.ctx, bad, []enroll.Answer{code(codes[9])}, phone, enough)
		wantErr(t, "bad token", err, enroll.ErrNoCeremony)
	}
	// Nor is the token of another kind of ceremony one.
	signIn, _, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin sign-in", err, nil)
	_, _, err = w.FinishRecovery(w.ctx, signIn, []enroll.Answer{code(codes[9])}, phone, enough)
	wantErr(t, "a sign-in's token", err, enroll.ErrNoCeremony)
}

// One proof is set up by one step-up that was made for it.
func TestAProofIsSetUpByItsOwnStepUpOnly(t *testing.T) {
	w := newWorld(t)
	d, of := w.enrolled(alice)
	app, codes := enroll.ProofStatement(alice, enroll.ProofTOTP), enroll.ProofStatement(alice, enroll.ProofRecoveryCode)
	for what, p := range map[string]enroll.Proof{
		"of a passkey":    w.mayAdd(d, of),
		"of the app":      must(w.stepUp(d, of, enroll.LabelTOTP, app))(t),
		"of another kind": must(w.stepUp(d, of, enroll.LabelRecoveryCodes, app))(t),
		"of somebody":     must(w.stepUp(d, of, enroll.LabelRecoveryCodes, enroll.ProofStatement(bob, enroll.ProofRecoveryCode)))(t),
	} {
		_, err := w.MakeRecoveryCodes(w.ctx, of, p)
		wantErr(t, what, err, enroll.ErrWrongProof)
	}
	p := must(w.stepUp(d, of, enroll.LabelRecoveryCodes, codes))(t)
	_, err := w.MakeRecoveryCodes(w.ctx, w.signedIn(d), p)
	wantErr(t, "in another session", err, enroll.ErrNoProof)
	_ = must(w.MakeRecoveryCodes(w.ctx, of, p))(t)
	_, err = w.MakeRecoveryCodes(w.ctx, of, p)
	wantErr(t, "twice", err, enroll.ErrNoProof)
	wantErr(t, "removed by it", w.RemoveFactor(w.ctx, of, must(w.stepUp(d, of, enroll.LabelRemoveProof, app))(t), enroll.ProofRecoveryCode), enroll.ErrWrongProof)
}

func FuzzARecoveryCodeIsReadInOneWay(f *testing.F) {
	f.Add("abcd-efgh-jkmn-pqrs")
	f.Add("O0 Il1")
	f.Fuzz(func(t *testing.T, typed string) {
		once := enroll.ReadCode(typed)
		if again := enroll.ReadCode(once); again != once {
			t.Errorf("%q reads as %q, that as %q", typed, once, again)
		}
	})
}
