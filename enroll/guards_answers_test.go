package enroll_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// nth fails one call of a method, the nth of an act.
type nth struct {
	*faulty
	calls map[string]int
	at    int
}

func (n *nth) err(method string) error {
	if n.calls[method]++; n.fail == method && n.calls[method] == n.at {
		return errDisk
	}
	return nil
}

func (n *nth) Factors(ctx context.Context, a ad.GUID) ([]enroll.Factor, error) {
	if err := n.err("Factors"); err != nil {
		return nil, err
	}
	return n.Store.Factors(ctx, a)
}

func (n *nth) UpdateFactor(ctx context.Context, id string, fn func(*enroll.Factor) error) error {
	if err := n.err("UpdateFactor"); err != nil {
		return err
	}
	return n.Store.UpdateFactor(ctx, id, fn)
}

func (n *nth) RecoverProofs(ctx context.Context, session string) ([]enroll.Proof, error) {
	if err := n.err("RecoverProofs"); err != nil {
		return nil, err
	}
	return n.Store.RecoverProofs(ctx, session)
}

func (n *nth) Proof(ctx context.Context, id string) (enroll.Proof, error) {
	if err := n.err("Proof"); err != nil {
		return enroll.Proof{}, err
	}
	return n.Store.Proof(ctx, id)
}

func (n *nth) UseProof(ctx context.Context, id, use string) error {
	if err := n.err("UseProof"); err != nil {
		return err
	}
	return n.Store.UseProof(ctx, id, use)
}

func (n *nth) ReplaceFactors(ctx context.Context, a ad.GUID, k enroll.ProofKind, with []enroll.Factor, e ...audit.Event) error {
	if err := n.err("ReplaceFactors"); err != nil {
		return err
	}
	return n.Store.ReplaceFactors(ctx, a, k, with, e...)
}

func (n *nth) TakeCeremony(ctx context.Context, id string, p enroll.Purpose, now time.Time) (enroll.Ceremony, error) {
	if err := n.err("TakeCeremony"); err != nil {
		return enroll.Ceremony{}, err
	}
	return n.Store.TakeCeremony(ctx, id, p, now)
}

func (n *nth) SaveCeremony(ctx context.Context, c enroll.Ceremony, limit int) error {
	if err := n.err("SaveCeremony"); err != nil {
		return err
	}
	return n.Store.SaveCeremony(ctx, c, limit)
}

func (n *nth) Answered(ctx context.Context, c enroll.Ceremony, u []enroll.FactorUse, e ...audit.Event) error {
	if err := n.err("Answered"); err != nil {
		return err
	}
	return n.Store.Answered(ctx, c, u, e...)
}

func (n *nth) Recovered(ctx context.Context, c enroll.Ceremony, u []enroll.FactorUse, s enroll.Session, e ...audit.Event) error {
	if err := n.err("Recovered"); err != nil {
		return err
	}
	return n.Store.Recovered(ctx, c, u, s, e...)
}

func (n *nth) Record(ctx context.Context, e ...audit.Event) error {
	if err := n.err("Record"); err != nil {
		return err
	}
	return n.Store.Record(ctx, e...)
}

// pigeon brings codes at once, and knows the last.
type pigeon struct {
	mu   sync.Mutex
	code string
	n    int
}

func (p *pigeon) Bring(_ context.Context, c enroll.SentCode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code, p.n = c.Code.Reveal(), p.n+1
	return nil
}

func (p *pigeon) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code
}

// aviary is furnished, with a pigeon.
func aviary(t *testing.T, change ...func(*enroll.Config)) (*world, *pigeon) {
	t.Helper()
	w, _ := furnished(t)
	p := &pigeon{}
	w.cfg.Courier, w.cfg.MaxPasskeys = p, 1000
	for _, c := range change {
		c(&w.cfg)
	}
	w.Service = must(enroll.New(w.cfg))(t)
	return w, p
}

func (w *world) pin(d *device, of enroll.Session) enroll.Answer {
	w.t.Helper()
	wantErr(w.t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	return typed(enroll.ProofPIN, "739201")
}

func (w *world) answer(of enroll.Session, token secret.Text, answers ...enroll.Answer) error {
	_, err := w.Answer(w.ctx, of, token, "latchkey/request/v1", []byte("r"), answers)
	return err
}

// proofActs are what is done with the proofs beside a passkey.
var proofActs = map[string]func(w *world, p *pigeon, d *device, of enroll.Session) func() error{
	"set a PIN": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		p := w.mayHold(d, of, enroll.ProofPIN)
		return func() error { return w.SetPIN(w.ctx, of, p, secret.New("739201")) }
	},
	"set answers": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		p := w.mayHold(d, of, enroll.ProofQuestions)
		var given []enroll.GivenAnswer
		for _, q := range questionList() {
			given = append(given, enroll.GivenAnswer{ID: q.ID, Value: secret.New("rex the " + q.ID)})
		}
		return func() error { return w.SetAnswers(w.ctx, of, p, given) }
	},
	"begin an address": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		p := w.mayHold(d, of, enroll.ProofSMSCode)
		return func() error {
			_, _, err := w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+4915112345678")
			return err
		}
	},
	"finish an address": func(w *world, p *pigeon, d *device, of enroll.Session) func() error {
		token, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofSMSCode), enroll.ProofSMSCode, "+4915112345678")
		wantErr(w.t, "begin", err, nil)
		return func() error { return w.FinishAddress(w.ctx, of, token, p.last(), anyKind) }
	},
	"miss an address": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		token, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofSMSCode), enroll.ProofSMSCode, "+4915112345678")
		wantErr(w.t, "begin", err, nil)
		return func() error {
			if err := w.FinishAddress(w.ctx, of, token, "1", anyKind); !errors.Is(err, enroll.ErrWrongCode) {
				return err
			}
			return nil
		}
	},
	"where codes go": func(w *world, _ *pigeon, _ *device, of enroll.Session) func() error {
		return func() error { _, _, err := w.Address(w.ctx, of, enroll.ProofMailCode); return err }
	},
	"ask a code": func(w *world, _ *pigeon, _ *device, of enroll.Session) func() error {
		return func() error {
			_, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofMailCode})
			return err
		}
	},
	"ask questions": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		w.setAnswers(d, of)
		return func() error {
			_, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofQuestions})
			return err
		}
	},
	"answer": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		a := w.pin(d, of)
		return func() error { return w.answer(of, secret.Text{}, a) }
	},
	"answer what the directory knows": func(w *world, _ *pigeon, _ *device, of enroll.Session) func() error {
		return func() error { return w.answer(of, secret.Text{}, typed(enroll.ProofDirectory, "E-4711")) }
	},
	"answer with the password": func(w *world, _ *pigeon, _ *device, of enroll.Session) func() error {
		return func() error { return w.answer(of, secret.Text{}, typed(enroll.ProofPassword, "Old-Secret-1")) }
	},
	"answer by a clock that is ahead": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		seed := w.app(d, of)
		w.clock.move(5 * time.Minute)
		ahead := w.codeOf(seed)
		w.clock.move(-5 * time.Minute)
		return func() error {
			if err := w.answer(of, secret.Text{}, typed(enroll.ProofTOTP, ahead)); errors.Is(err, errDisk) || !errors.Is(err, enroll.ErrClock) {
				return err
			}
			return nil
		}
	},
	"what is at hand": func(w *world, _ *pigeon, _ *device, of enroll.Session) func() error {
		return func() error {
			_, err := w.AtHand(w.ctx, of, []enroll.ProofKind{enroll.ProofMailCode})
			return err
		}
	},
	"where somebody is told": func(w *world, _ *pigeon, _ *device, _ enroll.Session) func() error {
		return func() error { _, err := w.DirectoryAddress(w.ctx, alice, enroll.ProofMailCode); return err }
	},
	"whether notices go to what was verified": func(w *world, _ *pigeon, _ *device, _ enroll.Session) func() error {
		w.keeps(enroll.ProofMailCode, "alice@home.example")
		return func() error { _, err := w.SendsToVerified(w.ctx, alice, enroll.ProofMailCode); return err }
	},
	"what counts no more": func(w *world, _ *pigeon, _ *device, of enroll.Session) func() error {
		w.keeps(enroll.ProofMailCode, "alice@home.example")
		return func() error { _, err := w.Stale(w.ctx, of); return err }
	},
	"what is held": func(w *world, _ *pigeon, _ *device, _ enroll.Session) func() error {
		w.keeps(enroll.ProofMailCode, "alice@home.example")
		return func() error { _, err := w.Held(w.ctx, alice); return err }
	},
	"send a code": func(w *world, _ *pigeon, _ *device, _ enroll.Session) func() error {
		token := must(w.begun(w.ctx, "alice", "reset"))(w.t)
		return func() error { _, err := w.SendRecovery(w.ctx, token, enroll.ProofMailCode, false, phone); return err }
	},
	"ask for a word": func(w *world, _ *pigeon, d *device, of enroll.Session) func() error {
		codes := w.codes(d, of)
		token := must(w.begun(w.ctx, "alice", "reset"))(w.t)
		return func() error {
			_, err := w.AskWord(w.ctx, token, []enroll.Answer{code(codes[0])}, phone, (&words{}).all())
			return errors.Join(err, w.Drain(w.ctx))
		}
	},
	"take a word": func(w *world, _ *pigeon, _ *device, _ enroll.Session) func() error {
		q := must(w.asksWord("alice", &words{}))(w.t)
		return func() error { _, _, _, err := w.TakeWord(w.ctx, q.Token, phone, given); return err }
	},
	"brake": func(w *world, _ *pigeon, _ *device, _ enroll.Session) func() error {
		return func() error { return w.Braked(w.ctx, audit.RecoverBraked) }
	},
}

// hidden is what a fault looks like to whoever proved nothing yet.
var hidden = map[string]error{"ask for a word": enroll.ErrRecoverRefused}

// Each look of an act counts: that another one behind it would fail alike is no reason
// to go on.
func TestEachFaultOfAnActWithProofsIsTold(t *testing.T) {
	for name, prepare := range proofActs {
		t.Run(name, func(t *testing.T) {
			w, p := aviary(t)
			plain := w.cfg
			act := func(fail string, at int) (map[string]int, error) {
				w.cfg = plain
				w.Service = must(enroll.New(w.cfg))(t)
				d, of := w.enrolled(alice)
				step := prepare(w, p, d, of)
				store := &nth{faulty: &faulty{Store: w.store, fail: fail}, calls: map[string]int{}, at: at}
				left := at
				if fail != "directory" {
					left = 0
				}
				w.cfg.Store, w.cfg.Directory = store, failsAt{w.dir, &left}
				w.Service = must(enroll.New(w.cfg))(t)
				before := w.dir.asked
				err := step()
				if fail == "" {
					store.calls["directory"] = w.dir.asked - before
				}
				return store.calls, err
			}
			calls, err := act("", 0)
			wantErr(t, "with nothing down", err, nil)
			want := errDisk
			if hidden[name] != nil {
				want = hidden[name]
			}
			for method, n := range calls {
				for at := range n {
					_, err := act(method, at+1)
					wantErr(t, fmt.Sprintf("%s, call %d", method, at+1), err, want)
				}
			}
		})
	}
}

func TestEachActWithProofsWantsAllOfItsRandomness(t *testing.T) {
	for name, prepare := range proofActs {
		t.Run(name, func(t *testing.T) {
			w, p := aviary(t)
			want := func(int) error {
				if hidden[name] != nil {
					return hidden[name]
				}
				return errDisk
			}
			w.wantsAllRandomness(t, func(d *device, of enroll.Session) func() error { return prepare(w, p, d, of) }, want)
		})
	}
}

func seal(t *testing.T, place string, v any) secret.Text {
	t.Helper()
	plain := must(json.Marshal(v))(t)
	return secret.New(base64.RawURLEncoding.EncodeToString(dbtest.Box().Seal(place, plain)))
}

// Whoever holds the sealing key makes no token that outlives its time, or opens with
// what is no token at all: here a part of it that can't be read, beside a right rest.
func TestATokenOfFurtherProofsOrOfAWordIsReadWhole(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	pin := w.pin(d, of)
	now := w.clock.now()
	nonce := 0
	next := func() []byte { nonce++; return fmt.Appendf(nil, "%016d", nonce) } // none is refused as taken before
	about := sha256.Sum256([]byte("latchkey/request/v1\x00r"))
	asking := func(change func(map[string]any)) secret.Text {
		m := map[string]any{"a": alice, "i": of.ID, "f": about[:], "n": next(), "e": now.Add(time.Minute).UnixMilli()}
		change(m)
		return seal(t, "ceremony/ask/v1", m)
	}
	waiting := func(change func(map[string]any)) secret.Text {
		m := map[string]any{"a": alice, "k": "reset", "n": next(), "e": now.Add(time.Minute).UnixMilli()}
		change(m)
		return seal(t, "ceremony/wait/v1", m)
	}
	for name, tc := range map[string]struct {
		change func(map[string]any)
		want   error
	}{
		"over":         {func(m map[string]any) { m["e"] = now.UnixMilli() }, enroll.ErrNoCeremony},
		"for years":    {func(m map[string]any) { m["e"] = now.Add(9000 * time.Hour).UnixMilli() }, enroll.ErrNoCeremony},
		"unread parts": {func(m map[string]any) { m["q"], m["k"] = 5, 5 }, enroll.ErrNoCeremony},
		"as it is":     {func(map[string]any) {}, nil},
	} {
		wantErr(t, name, w.answer(of, asking(tc.change), pin), tc.want)
		s, _, _, err := w.TakeWord(w.ctx, waiting(tc.change), phone, given)
		wantErr(t, name, err, tc.want)
		if (s != nil) != (tc.want == nil) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for name, token := range map[string]secret.Text{
		"of another person": asking(func(m map[string]any) { m["a"] = bob }), "not sealed": secret.New("AAAA"), "no base64": secret.New("?"),
	} {
		wantErr(t, name, w.answer(of, token, pin), enroll.ErrNoCeremony)
	}
}

func TestNothingIsProvedByWhatIsNotAsked(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	pin := w.pin(d, of)
	_, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofQuestions})
	wantErr(t, "questions that were not answered", err, enroll.ErrNoFactor)
	w.setAnswers(d, of)
	_, err = w.Answer(w.ctx, of, secret.Text{}, "", []byte("r"), []enroll.Answer{pin})
	wantErr(t, "over nothing", err, enroll.ErrStatement)
	_, err = w.Ask(w.ctx, of, "", []byte("r"), []enroll.ProofKind{enroll.ProofMailCode})
	wantErr(t, "asked for nothing", err, enroll.ErrStatement)
	wantErr(t, "nothing", w.answer(of, secret.Text{}), enroll.ErrWrongCode)
	wantErr(t, "no questions, no answers", w.answer(of, secret.Text{}, enroll.Answer{Kind: enroll.ProofQuestions}), enroll.ErrWrongCode)
	wantErr(t, "a wrong password", w.answer(of, secret.Text{}, typed(enroll.ProofPassword, "x")), enroll.ErrWrongCode)
	wantErr(t, "an app that is not held", w.answer(of, secret.Text{}, typed(enroll.ProofTOTP, w.codeOf(""))), enroll.ErrWrongCode)
	for kind, want := range map[enroll.ProofKind]bool{
		enroll.ProofPasskey: false, enroll.ProofHardwareKey: false, enroll.ProofRecoveryCode: false, enroll.ProofPIN: true, enroll.ProofTOTP: true,
	} {
		if enroll.Guessable(kind) != want {
			t.Errorf("%s: %v", kind, !want)
		}
	}
	way := must(w.begun(w.ctx, "alice", "reset"))(t)
	_, err = w.SendRecovery(w.ctx, way, enroll.ProofPIN, true, phone)
	wantErr(t, "a PIN that is sent", err, enroll.ErrNoFactor)

	w.cfg.Proofs.Questions, w.cfg.Proofs.AskCount = nil, 0
	w.Service = must(enroll.New(w.cfg))(t)
	_, err = w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofQuestions})
	wantErr(t, "where nothing is asked", err, enroll.ErrNoFactor)
	wantErr(t, "set no answers", w.SetAnswers(w.ctx, of, w.mayHold(d, of, enroll.ProofQuestions), nil), enroll.ErrAnswers)
}

func TestAnAnswerHasAnEnd(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	var given []enroll.GivenAnswer
	for _, q := range questionList() {
		given = append(given, enroll.GivenAnswer{ID: q.ID, Value: secret.New("rex the " + q.ID)})
	}
	given[4].Value = secret.New(strings.Repeat("rex ", 200))
	wantErr(t, "set", w.SetAnswers(w.ctx, of, w.mayHold(d, of, enroll.ProofQuestions), given), enroll.ErrAnswers)
}

// What is kept and can't be read is a fault, and no wrong answer; and it opens nothing.
func TestWhatIsKeptAndCantBeReadIsNoAnswer(t *testing.T) {
	w, _ := aviary(t)
	_, of := w.enrolled(alice)
	good := `{"q0":{},"q1":{},"q2":{},"q3":{},"q4":{},"x":5}`
	for kind, text := range map[enroll.ProofKind]string{enroll.ProofPIN: `{"m":"x"}`, enroll.ProofQuestions: good} {
		f := enroll.Factor{ID: "f-" + string(kind), Account: alice, Kind: kind, Secret: []byte(text), Step: -1, Created: w.clock.now()}
		wantErr(t, "keep", w.store.ReplaceFactors(w.ctx, alice, kind, []enroll.Factor{f}), nil)
		a := typed(kind, "739201")
		if err := w.answer(of, secret.Text{}, a); err == nil || errors.Is(err, enroll.ErrWrongCode) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	_, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofQuestions})
	wantErr(t, "ask", err, enroll.ErrNoFactor)
}

func TestARefusalOfAnAnswerIsRecordedOrThatIsTold(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	w.pin(d, of)
	w.cfg.Store = &faulty{Store: w.store, fail: "Record"}
	w.Service = must(enroll.New(w.cfg))(t)
	err := w.answer(of, secret.Text{}, typed(enroll.ProofPIN, "111112"))
	wantErr(t, "the refusal", err, enroll.ErrWrongCode)
	wantErr(t, "the fault", err, errDisk)
}

// Beside what is wrong the directory is neither asked nor tried, and for a name that
// nobody has it never is.
func TestTheDirectoryIsNotAskedForWhatIsRefusedAnyway(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	w.pin(d, of)
	w.app(d, of)
	for name, tc := range map[string]struct {
		who     string
		answers []enroll.Answer
	}{
		"a wrong PIN, and the password":          {"alice", []enroll.Answer{typed(enroll.ProofPIN, "111112"), typed(enroll.ProofPassword, "Old-Secret-1")}},
		"a wrong PIN, and the directory's":       {"alice", []enroll.Answer{typed(enroll.ProofPIN, "111112"), typed(enroll.ProofDirectory, "E-4711")}},
		"a wrong app's code, and the password":   {"alice", []enroll.Answer{typed(enroll.ProofTOTP, "1"), typed(enroll.ProofPassword, "Old-Secret-1")}},
		"a nobody's password":                    {"nobody", []enroll.Answer{typed(enroll.ProofPassword, "Old-Secret-1")}},
		"what the directory knows of nobody":     {"nobody", []enroll.Answer{typed(enroll.ProofDirectory, "E-4711")}},
		"bob's app that he has not, and the key": {"bob", []enroll.Answer{typed(enroll.ProofTOTP, "1"), typed(enroll.ProofPassword, "Old-Secret-2")}},
	} {
		asked, tried := w.dir.asked, w.dir.tried
		_, err := w.recoverAs(tc.who, "unlock", enough, tc.answers...)
		wantErr(t, name, err, enroll.ErrRecoverRefused)
		if w.dir.asked != asked || w.dir.tried != tried {
			t.Errorf("%s: asked %d times, tried %d", name, w.dir.asked-asked, w.dir.tried-tried)
		}
	}
}

func TestADirectoryThatIsToKnowNothingProvesNothing(t *testing.T) {
	w, _ := aviary(t, func(c *enroll.Config) { c.Proofs.Directory = "" })
	_, of := w.enrolled(alice)
	w.dir.change(alice, func(a *ad.Account) { a.Attributes = map[string][]string{"": {"E-4711"}} })
	wantErr(t, "answer", w.answer(of, secret.Text{}, typed(enroll.ProofDirectory, "E-4711")), enroll.ErrWrongCode)
}

// Where the lockout threshold can't be read two wrong passwords are the last that are tried.
func TestWithoutAThresholdTwoPasswordsAreTried(t *testing.T) {
	for bad, want := range map[int]error{0: nil, 1: nil, 2: enroll.ErrNoTries} {
		w, _ := aviary(t)
		_, of := w.enrolled(alice)
		w.dir.change(alice, func(a *ad.Account) { a.BadPasswords = bad })
		wantErr(t, fmt.Sprint(bad), w.answer(of, secret.Text{}, typed(enroll.ProofPassword, "Old-Secret-1")), want)
	}
	w, _ := aviary(t)
	w.cfg.Directory = withPolicy{w.dir, ad.PasswordPolicy{Source: ad.PolicyDomain, LockoutThreshold: 10}, nil}
	w.Service = must(enroll.New(w.cfg))(t)
	_, of := w.enrolled(alice)
	w.dir.change(alice, func(a *ad.Account) { a.BadPasswords = 3 })
	wantErr(t, "with a threshold", w.answer(of, secret.Text{}, typed(enroll.ProofPassword, "Old-Secret-1")), nil)
}

// first holds the first password until it is let go, and no other.
type first struct {
	*directory
	once    *sync.Once
	entered chan struct{}
	held    chan struct{}
}

func (f first) CheckPassword(ctx context.Context, id ad.GUID, password secret.Text) error {
	f.once.Do(func() {
		close(f.entered)
		<-f.held
	})
	return f.directory.CheckPassword(ctx, id, password)
}

// A stranger who waited would learn that somebody has the name; its owner waits.
func TestAStrangerWaitsForNoTurn(t *testing.T) {
	w, _ := aviary(t)
	_, of := w.enrolled(alice)
	slow := first{w.dir, &sync.Once{}, make(chan struct{}), make(chan struct{})}
	w.cfg.Directory = slow
	w.Service = must(enroll.New(w.cfg))(t)
	try := func(ctx context.Context, done chan<- error) {
		token := must(w.begun(w.ctx, "alice", "unlock"))(t)
		go func() {
			_, _, err := w.FinishRecovery(ctx, token, []enroll.Answer{typed(enroll.ProofPassword, "Old-Secret-1")}, phone, enough)
			done <- err
		}()
	}
	one, other := make(chan error, 1), make(chan error, 1)
	try(w.ctx, one)
	<-slow.entered
	try(w.ctx, other)
	select {
	case err := <-other:
		wantErr(t, "another stranger", err, enroll.ErrRecoverRefused)
	case <-time.After(20 * time.Second):
		t.Error("a stranger waits")
	}
	if w.dir.tried != 0 {
		t.Errorf("%d tries beside the first", w.dir.tried)
	}
	ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
	defer cancel()
	_, err := w.Answer(ctx, of, secret.Text{}, "latchkey/request/v1", []byte("r"), []enroll.Answer{typed(enroll.ProofPassword, "Old-Secret-1")})
	wantErr(t, "its owner", err, context.DeadlineExceeded)
	close(slow.held)
	wantErr(t, "the first", <-one, nil)
}

// A clock that was wrong rests nothing.
func TestATryOfTheFutureRestsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		fails int
		at    time.Duration
		want  error
	}{
		"few, by a clock that is a little ahead": {1, time.Minute, nil},
		"many, a moment ago":                     {8, -time.Second, enroll.ErrRecoverRefused},
		"many, by a clock that was wrong":        {8, 1000 * time.Hour, nil},
	} {
		w, _ := aviary(t)
		d, of := w.enrolled(alice)
		pin := w.pin(d, of)
		id := must(w.store.Factors(w.ctx, alice))(t)[0].ID
		wantErr(t, "spoil", w.store.UpdateFactor(w.ctx, id, func(f *enroll.Factor) error {
			f.Fails, f.Failed = tc.fails, w.clock.now().Add(tc.at)
			return nil
		}), nil)
		_, err := w.recoverAs("alice", "unlock", enough, pin)
		wantErr(t, name, err, tc.want)
	}
}

func TestAPINThatIsAnotherProofMeanwhileProvesNothing(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	pin := w.pin(d, of)
	w.cfg.Store = spoiled{w.store, func(f *enroll.Factor) { f.Kind = "pigeon" }}
	w.Service = must(enroll.New(w.cfg))(t)
	_, err := w.recoverAs("alice", "unlock", enough, pin)
	wantErr(t, "recover", err, enroll.ErrRecoverRefused)
}

// Whoever was refused is told nothing; whoever reads the log is.
func TestTheLogHasWhyAWayInWasRefused(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	pin := w.pin(d, of)
	_, err := w.recoverAs("alice", "unlock", enough, pin, pin)
	wantErr(t, "twice", err, enroll.ErrRecoverRefused)
	for _, e := range must(w.store.Events(w.ctx, alice, 100))(t) {
		if e.Action == audit.RecoverRefused && strings.Contains(string(e.Bytes), `"why":"a proof twice"`) {
			return
		}
	}
	t.Error("why is not in the log")
}
