package enroll_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// postman keeps what was sent; the gateway itself is push's matter.
type postman struct {
	mu   sync.Mutex
	sent []enroll.SentCode
	err  error
	got  chan struct{}
}

func (p *postman) Bring(_ context.Context, c enroll.SentCode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.got <- struct{}{} }()
	if p.err != nil {
		return p.err
	}
	p.sent = append(p.sent, c)
	return nil
}

// last waits for a code that goes out behind the answer.
func (p *postman) last(t *testing.T) enroll.SentCode {
	t.Helper()
	select {
	case <-p.got:
	case <-time.After(30 * time.Second):
		t.Fatal("no code was sent")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 {
		return enroll.SentCode{}
	}
	return p.sent[len(p.sent)-1]
}

func questionList() (list []enroll.Question) {
	for i := range 5 {
		list = append(list, enroll.Question{ID: fmt.Sprint("q", i), English: fmt.Sprintf("What was your pet number %d called?", i), German: "Wie hieß Ihr Haustier?"})
	}
	return list
}

// furnished is a world with every kind of proof.
func furnished(t *testing.T) (*world, *postman) {
	t.Helper()
	p := &postman{got: make(chan struct{}, 64)}
	w := newWorld(t, withNames, func(c *enroll.Config) {
		c.Courier = p
		c.Proofs = enroll.ProofSettings{
			Mail: enroll.AddressSource{Attribute: "extensionAttribute3", Verified: true}, SMS: enroll.AddressSource{Verified: true},
			Questions: questionList(), AskCount: 3, Directory: "employeeNumber",
		}
	})
	w.dir.change(alice, func(a *ad.Account) {
		a.Attributes = map[string][]string{"extensionattribute3": {"alice@private.example"}, "employeenumber": {"E-4711"}}
	})
	return w, p
}

func (w *world) mayHold(d *device, of enroll.Session, kind enroll.ProofKind) enroll.Proof {
	w.t.Helper()
	return must(w.stepUp(d, of, enroll.LabelProof, enroll.ProofStatement(of.Account, kind)))(w.t)
}

func typed(kind enroll.ProofKind, value string) enroll.Answer {
	return enroll.Answer{Kind: kind, Value: secret.New(value)}
}

// answersOf answers questions with what setAnswers kept.
func answersOf(asked []enroll.Question) enroll.Answer {
	a := enroll.Answer{Kind: enroll.ProofQuestions}
	for _, q := range asked {
		a.Answers = append(a.Answers, secret.New("Rex the "+q.ID+" dog"))
	}
	return a
}

func (w *world) setAnswers(d *device, of enroll.Session) {
	w.t.Helper()
	var given []enroll.GivenAnswer
	for _, q := range questionList()[:5] {
		given = append(given, enroll.GivenAnswer{ID: q.ID, Value: secret.New("rex THE " + q.ID + " dog")})
	}
	wantErr(w.t, "set answers", w.SetAnswers(w.ctx, of, w.mayHold(d, of, enroll.ProofQuestions), given), nil)
}

func TestAPINOpensAndIsKeptAsAHash(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739 201")), nil)
	for _, f := range must(w.store.Factors(w.ctx, alice))(t) {
		if strings.Contains(string(f.Secret), "739201") {
			t.Error("the PIN is kept as it is")
		}
	}
	_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "739201"))
	wantErr(t, "right", err, nil)
	for _, wrong := range []string{"739202", "", "7392011", "73920", strings.Repeat("1", 600)} {
		_, err = w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, wrong))
		wantErr(t, "wrong", err, enroll.ErrRecoverRefused)
	}
	_, err = w.recoverAs("bob", "unlock", enough, typed(enroll.ProofPIN, "739201"))
	wantErr(t, "of somebody else", err, enroll.ErrRecoverRefused)
	w.wantEvents(alice, map[audit.Action]int{audit.ProofMade: 1, audit.Recovered: 1})
}

// A refused PIN uses up no proof: one touch is enough for the whole form.
func TestTrivialPINsAreRefused(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	p := w.mayHold(d, of, enroll.ProofPIN)
	for pin, want := range map[string]error{
		"12345": enroll.ErrPINShort, "": enroll.ErrPINShort, "12345a": enroll.ErrPINShort, "１２３４５６": enroll.ErrPINShort,
		"12345678901234567": enroll.ErrPINLong,
		"111111":            enroll.ErrPINTrivial, "121212": enroll.ErrPINTrivial, "123123": enroll.ErrPINTrivial, "1231231": enroll.ErrPINTrivial,
		"123456": enroll.ErrPINTrivial, "654321": enroll.ErrPINTrivial, "890123": enroll.ErrPINTrivial, "210987": enroll.ErrPINTrivial,
		"240687": enroll.ErrPINTrivial, "19870624": enroll.ErrPINTrivial, "24061987": enroll.ErrPINTrivial, "870624": enroll.ErrPINTrivial,
	} {
		wantErr(t, pin, w.SetPIN(w.ctx, of, p, secret.New(pin)), want)
	}
	wantErr(t, "a good one, with the same proof", w.SetPIN(w.ctx, of, p, secret.New("739201")), nil)
	wantErr(t, "the proof again", w.SetPIN(w.ctx, of, p, secret.New("739202")), enroll.ErrNoProof)
	other := must(w.stepUp(d, of, enroll.LabelProof, enroll.ProofStatement(alice, enroll.ProofQuestions)))(t)
	wantErr(t, "a proof for questions", w.SetPIN(w.ctx, of, other, secret.New("739202")), enroll.ErrWrongProof)
}

func TestPINsThatManyTakeAreRefused(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	p := w.mayHold(d, of, enroll.ProofPIN)
	for _, pin := range []string{"789456", "159753", "147258", "123321", "112233", "135790", "123-654", "314159"} {
		wantErr(t, pin, w.SetPIN(w.ctx, of, p, secret.New(pin)), enroll.ErrPINTrivial)
	}
	seen := map[string]bool{}
	for _, pin := range strings.Fields(enroll.CommonPINs) {
		if len(pin) != 6 || seen[pin] || enroll.JudgePIN(pin, 6) == nil {
			t.Errorf("%s in the list", pin)
		}
		seen[pin] = true
	}
	for _, pin := range []string{"739201", "739456", "7894561", "456 12", " 789456"} { // parts of it, and more
		if err := enroll.JudgePIN(strings.TrimSpace(pin), 5); (err != nil) != (pin == " 789456" || pin == "456 12") {
			t.Errorf("%q: %v", pin, err)
		}
	}
}

func TestALongerPINIsAskedForWhereItIsConfigured(t *testing.T) {
	for configured, want := range map[int]int{0: 6, 4: 6, 6: 6, 8: 8} {
		if got := (enroll.ProofSettings{PINDigits: configured}).LeastPIN(); got != want {
			t.Errorf("%d: %d", configured, got)
		}
	}
}

// Each wrong PIN past the fifth makes the wait longer, and none is for ever.
func TestAWrongPINRestsLongerEachTime(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	try := func(what, pin string, want error) {
		t.Helper()
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, pin))
		wantErr(t, what, err, want)
	}
	for range 5 {
		try("wrong", "111112", enroll.ErrRecoverRefused)
	}
	try("right, while it rests", "739201", enroll.ErrRecoverRefused)
	w.clock.move(61 * time.Second)
	try("wrong after the rest", "111112", enroll.ErrRecoverRefused)
	w.clock.move(61 * time.Second)
	try("right, in the longer rest", "739201", enroll.ErrRecoverRefused)
	w.clock.move(60 * time.Second)
	try("right after it", "739201", nil)
	for range 5 {
		try("wrong", "111112", enroll.ErrRecoverRefused)
	}
	for range 12 {
		w.clock.move(12*time.Hour + time.Second)
		try("wrong", "111112", enroll.ErrRecoverRefused)
	}
	w.clock.move(12*time.Hour + time.Second)
	try("right at last", "739201", nil)
}

// A quarter of an hour is the longest rest, of whatever people remember: else a try a
// day would keep it useless. A try that is counted apart waits for no rest of the
// others, makes theirs longer, and ends it when it is right.
func TestTheRestIsShortAndNotOfTriesThatAreCountedApart(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	seed := w.app(d, of)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	w.setAnswers(d, of)
	_, asked, err := w.BeginRecovery(w.ctx, "alice", "unlock")
	wantErr(t, "begin", err, nil)
	for kind, right := range map[enroll.ProofKind]func() enroll.Answer{
		enroll.ProofPIN:       func() enroll.Answer { return typed(enroll.ProofPIN, "739201") },
		enroll.ProofTOTP:      func() enroll.Answer { return typed(enroll.ProofTOTP, w.codeOf(seed)) },
		enroll.ProofQuestions: func() enroll.Answer { return answersOf(asked) },
	} {
		try := func(what string, answer enroll.Answer, want error) {
			t.Helper()
			_, err := w.recoverAs("alice", "unlock", enough, answer)
			wantErr(t, string(kind)+", "+what, err, want)
		}
		wrong := typed(kind, "000000")
		if kind == enroll.ProofQuestions {
			wrong.Answers = []secret.Text{secret.New("a"), secret.New("b"), secret.New("c")}
		}
		for range 12 {
			try("wrong", wrong, enroll.ErrRecoverRefused)
			w.clock.move(15*time.Minute + time.Second)
		}
		try("right after the longest rest", right(), nil)
		w.clock.move(time.Minute)
		apart := wrong
		apart.Apart = true
		for range 12 {
			try("wrong and apart", apart, enroll.ErrRecoverRefused)
		}
		w.clock.move(time.Minute) // an app's next code
		try("right: others' tries apart make nobody rest", right(), nil)
		w.clock.move(time.Minute)
		for range 5 {
			try("wrong again", wrong, enroll.ErrRecoverRefused)
		}
		w.clock.move(31 * time.Second)
		try("right, while it rests", right(), enroll.ErrRecoverRefused)
		mine := right()
		mine.Apart = true
		try("right and apart", mine, nil)
		w.clock.move(time.Minute)
		try("right once that was", right(), nil)
		w.clock.move(time.Minute)
	}
}

// The app's codes are six digits that somebody could guess: they rest likewise, and
// start anew after a right one.
func TestWrongCodesOfAnAppRestToo(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	seed := w.app(d, of)
	try := func(what, code string, want error) {
		t.Helper()
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofTOTP, code))
		wantErr(t, what, err, want)
	}
	for range 5 {
		try("no code at all", "no code", enroll.ErrRecoverRefused)
	}
	w.clock.move(59 * time.Second)
	try("right, while it rests", w.codeOf(seed), enroll.ErrRecoverRefused)
	w.clock.move(2 * time.Second)
	try("right after it", w.codeOf(seed), nil)
	w.clock.move(30 * time.Second)
	try("wrong", "no code", enroll.ErrRecoverRefused)
	try("right, with the count begun anew", w.codeOf(seed), nil)
}

// Two hundred at once don't get past the count.
func TestACrowdOfPINsIsCounted(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() { _, _ = w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "111112")) })
	}
	wg.Wait()
	for _, f := range must(w.store.Factors(w.ctx, alice))(t) {
		if f.Kind == enroll.ProofPIN && f.Fails != 5 {
			t.Errorf("%d tries were made", f.Fails)
		}
	}
}

func TestACodeByMailOpensOnceAndForTenMinutes(t *testing.T) {
	w, post := furnished(t)
	w.enrolled(alice)
	send := func(name string) (secret.Text, string) {
		t.Helper()
		token := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, name, "reset"))(t), enroll.ProofMailCode, true, phone))(t)
		c := post.last(t)
		if c.To != "alice@private.example" || c.Kind != enroll.ProofMailCode || len(c.Code.Reveal()) != 9 {
			t.Fatalf("sent %+v", c)
		}
		return token, c.Code.Reveal()
	}
	finish := func(token secret.Text, code string) error {
		_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(enroll.ProofMailCode, code)}, phone, enough)
		return err
	}
	token, code := send("alice")
	other, otherCode := send("alice@corp.example.test")
	wantErr(t, "of another token", finish(token, otherCode), enroll.ErrRecoverRefused)
	wantErr(t, "as an SMS", errOf(w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(enroll.ProofSMSCode, code)}, phone, enough)), enroll.ErrRecoverRefused)
	wantErr(t, "right", finish(token, strings.ReplaceAll(code, " ", "")), nil)
	wantErr(t, "the same again", finish(token, code), enroll.ErrNoCeremony)
	w.clock.move(10*time.Minute + time.Second)
	wantErr(t, "too late", finish(other, otherCode), enroll.ErrRecoverRefused)
	begun := must(w.begun(w.ctx, "alice", "reset"))(t)
	wantErr(t, "that was never sent", finish(begun, code), enroll.ErrRecoverRefused)
}

func errOf(_ enroll.Session, _ secret.Text, err error) error { return err }

// Nobody learns by sending whether there is somebody, and nothing goes out for whom
// nothing may be done.
func TestSendingTellsNothing(t *testing.T) {
	w, post := furnished(t)
	w.dir.change(bob, func(a *ad.Account) {
		a.Disabled, a.Attributes = true, map[string][]string{"extensionattribute3": {"bob@private.example"}}
	})
	length := 0
	for _, name := range []string{"mallory", "bob", "down", "alice"} {
		token := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, name, "reset"))(t), enroll.ProofMailCode, true, phone))(t)
		if length != 0 && len(token.Reveal()) != length {
			t.Errorf("%s: a token of %d characters, not %d", name, len(token.Reveal()), length)
		}
		length = len(token.Reveal())
	}
	if c := post.last(t); c.To != "alice@private.example" {
		t.Errorf("sent to %q", c.To)
	}
	post.mu.Lock()
	defer post.mu.Unlock()
	if len(post.sent) != 1 {
		t.Errorf("%d codes were sent", len(post.sent))
	}
}

// What the limits hold back is no event, but that a country's codes are used up: whoever
// runs the server is to hear of it, and of nobody in particular.
func TestThatCodesAreUsedUpIsRecorded(t *testing.T) {
	w, post := furnished(t)
	_, of := w.enrolled(alice)
	seen := func() (all []string) {
		t.Helper()
		var out strings.Builder
		wantErr(t, "export", w.store.Export(w.ctx, &out), nil)
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "proof.codes-used-up") {
				all = append(all, line)
			}
		}
		return all
	}
	post.err = enroll.SentOften{Wait: time.Minute}
	_, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("request 1"), []enroll.ProofKind{enroll.ProofMailCode})
	wantErr(t, "held back", err, enroll.ErrSentOften)
	if got := seen(); len(got) != 0 {
		t.Errorf("recorded %v", got)
	}
	post.err = enroll.SentOften{Wait: time.Minute, Country: "+49"}
	_, err = w.Ask(w.ctx, of, "latchkey/request/v1", []byte("request 1"), []enroll.ProofKind{enroll.ProofMailCode})
	wantErr(t, "used up", err, enroll.ErrSentOften)
	must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(t), enroll.ProofMailCode, true, phone))(t)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	got := seen()
	if len(got) != 2 || !strings.Contains(got[0], `"country":"+49","signed_in":true`) || !strings.Contains(got[1], `"signed_in":false`) || strings.Contains(got[1], alice.String()) {
		t.Errorf("recorded %v", got)
	}
	if n, told := enroll.Tells(audit.Event{Action: audit.CodesUsedUp, Outcome: audit.OK}); !told || n.Kind != enroll.NoticeCodes || !n.To.IsZero() {
		t.Errorf("told %+v", n)
	}
}

// What closes something for more than one person is told to whoever runs the server, each
// in words of its own.
func TestEachBrakeHasANoticeOfItsOwn(t *testing.T) {
	for action, kind := range map[audit.Action]string{
		audit.RecoverBraked: enroll.NoticeBrake, audit.WordsBraked: enroll.NoticeWords, audit.CodesUsedUp: enroll.NoticeCodes,
	} {
		if n, told := enroll.Tells(audit.Event{Action: action, Outcome: audit.OK}); !told || n.Kind != kind || !n.To.IsZero() {
			t.Errorf("%s: told %+v", action, n)
		}
	}
}

// One touch is one text message, wherever it goes: also where many ask at once.
func TestOfManyAddressesWithOneProofOneIsSentTo(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	p := w.mayHold(d, of, enroll.ProofSMSCode)
	sentTo := func(n int) (sent, refused int) {
		t.Helper()
		results := make(chan error, n)
		for i := range n {
			go func() {
				_, _, err := w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, fmt.Sprintf("+4915112345%03d", i))
				results <- err
			}()
		}
		for range n {
			switch err := <-results; {
			case err == nil:
				sent++
			case errors.Is(err, enroll.ErrNoProof):
				refused++
			case !errors.Is(err, enroll.ErrNotSent):
				t.Error(err)
			}
		}
		return sent, refused
	}
	post.err = enroll.ErrNotSent
	_, _, err := w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "the gateway is down", err, enroll.ErrNotSent)
	post.err = nil
	if sent, refused := sentTo(20); sent != 1 || refused != 19 || len(post.sent) != 1 {
		t.Errorf("%d sent, %d refused, %d went out", sent, refused, len(post.sent))
	}
	if sent, _ := sentTo(3); sent != 0 || len(post.sent) != 1 {
		t.Errorf("%d more sent, %d went out", sent, len(post.sent))
	}
	p = w.mayHold(d, of, enroll.ProofSMSCode)
	if sent, refused := sentTo(20); sent != 1 || refused != 19 || len(post.sent) != 2 {
		t.Errorf("another touch: %d sent, %d refused, %d went out", sent, refused, len(post.sent))
	}
	p = w.mayHold(d, of, enroll.ProofSMSCode)
	w.clock.move(enroll.ProofValid + time.Millisecond)
	_, _, err = w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "an old touch", err, enroll.ErrOldProof)
	if len(post.sent) != 2 {
		t.Errorf("an old touch: %d went out", len(post.sent))
	}
}

// unspendable can't say what was taken before.
type unspendable struct{ enroll.Store }

var errUnspendable = errors.New("the store is away")

func (unspendable) SpendCeremony(context.Context, enroll.Ceremony, *enroll.PasskeyChange, ...audit.Event) error {
	return errUnspendable
}

func TestNoCodeGoesWhereTheStoreCantSayThatItMay(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	p := w.mayHold(d, of, enroll.ProofSMSCode)
	w.cfg.Store = unspendable{w.store}
	w.Service = must(enroll.New(w.cfg))(t)
	_, _, err := w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "begin", err, errUnspendable)
	if len(post.sent) != 0 {
		t.Errorf("%d went out", len(post.sent))
	}
}

func TestAnAddressIsVerifiedByItsCode(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	for kind, bad := range map[enroll.ProofKind][]string{
		enroll.ProofMailCode: {"", "alice", "a@b\r\nBcc: c@d.example", "Alice <alice@home.example>", strings.Repeat("a", 250) + "@x.example"},
		enroll.ProofSMSCode:  {"", "0151 1234567", "+49abc", "+0123456789", "+4912345678901234567"},
	} {
		p := w.mayHold(d, of, kind)
		for _, to := range bad {
			_, _, err := w.BeginAddress(w.ctx, of, p, kind, to)
			wantErr(t, to, err, enroll.ErrAddress)
		}
	}
	p := w.mayHold(d, of, enroll.ProofSMSCode)
	post.err = enroll.ErrNotSent
	_, _, err := w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+49 (0)151 12345678")
	wantErr(t, "gateway down", err, enroll.ErrNotSent)
	<-post.got
	post.err = nil
	token, to, err := w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+49 (0)151 12345678")
	wantErr(t, "again with the same touch", err, nil)
	if to != "+4915112345678" {
		t.Errorf("number %q", to)
	}
	code := post.last(t).Code.Reveal()
	wantErr(t, "a wrong code", w.FinishAddress(w.ctx, of, token, "0000 0000", anyKind), enroll.ErrWrongCode)
	other := w.signedIn(d)
	wantErr(t, "in another session", w.FinishAddress(w.ctx, other, token, code, anyKind), enroll.ErrNoCeremony)
	_, _, err = w.BeginAddress(w.ctx, of, p, enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "the proof again", err, enroll.ErrNoProof)

	// What may not be set up any more is not kept, whatever the code.
	token, _, err = w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofSMSCode), enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "begin", err, nil)
	taken := errors.New("taken away")
	wantErr(t, "taken away", w.FinishAddress(w.ctx, of, token, post.last(t).Code.Reveal(), func(enroll.ProofKind) error { return taken }), taken)
	if to, from, err := w.Address(w.ctx, of, enroll.ProofSMSCode); to != "" || from == enroll.FromVerified {
		t.Errorf("address %q from %q, %v", to, from, err)
	}

	token, _, err = w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofSMSCode), enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "begin", err, nil)
	code = post.last(t).Code.Reveal()
	wantErr(t, "a wrong code", w.FinishAddress(w.ctx, of, token, "0000 0000", anyKind), enroll.ErrWrongCode)
	wantErr(t, "the right one", w.FinishAddress(w.ctx, of, token, code, func(k enroll.ProofKind) error {
		if k != enroll.ProofSMSCode {
			t.Errorf("asked whether %s may be set up", k)
		}
		return nil
	}), nil)
	wantErr(t, "the right one again", w.FinishAddress(w.ctx, of, token, code, anyKind), enroll.ErrNoCeremony)
	to, from, err := w.Address(w.ctx, of, enroll.ProofSMSCode)
	if err != nil || to != "+4915112345678" || from != enroll.FromVerified || enroll.Masked(enroll.ProofSMSCode, to) != "+49 ••• •••78" {
		t.Errorf("address %q from %q, %v", to, from, err)
	}
	way := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(t), enroll.ProofSMSCode, true, phone))(t)
	_, _, err = w.FinishRecovery(w.ctx, way, []enroll.Answer{typed(enroll.ProofSMSCode, post.last(t).Code.Reveal())}, phone, enough)
	wantErr(t, "come in", err, nil)
}

func TestFiveWrongCodesEndTheVerifying(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	token, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofMailCode), enroll.ProofMailCode, "me@home.example")
	wantErr(t, "begin", err, nil)
	code := post.last(t).Code.Reveal()
	for range 4 {
		wantErr(t, "wrong", w.FinishAddress(w.ctx, of, token, "1", anyKind), enroll.ErrWrongCode)
	}
	wantErr(t, "the fifth", w.FinishAddress(w.ctx, of, token, "1", anyKind), enroll.ErrNoCeremony)
	wantErr(t, "right, too late", w.FinishAddress(w.ctx, of, token, code, anyKind), enroll.ErrNoCeremony)
}

func TestAnswersOpenHoweverTheyAreWritten(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	w.setAnswers(d, of)
	token, asked, err := w.BeginRecovery(w.ctx, "alice", "unlock")
	wantErr(t, "begin", err, nil)
	if len(asked) != 3 {
		t.Fatalf("%d questions", len(asked))
	}
	a := answersOf(asked)
	wrong := a
	wrong.Answers = append([]secret.Text{secret.New("no idea")}, a.Answers[1:]...)
	for what, answer := range map[string]enroll.Answer{
		"one wrong": wrong, "two only": {Kind: a.Kind, Answers: a.Answers[:2]}, "none": {Kind: a.Kind},
		"in another order": {Kind: a.Kind, Answers: []secret.Text{a.Answers[1], a.Answers[0], a.Answers[2]}},
	} {
		_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{answer}, phone, enough)
		wantErr(t, what, err, enroll.ErrRecoverRefused)
	}
	_, _, err = w.FinishRecovery(w.ctx, token, []enroll.Answer{a}, phone, enough)
	wantErr(t, "right", err, nil)
}

func TestPoorAnswersAreRefused(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	w.dir.change(alice, func(a *ad.Account) { a.DisplayName = "Alice Quiddletorp-Vane" })
	p := w.mayHold(d, of, enroll.ProofQuestions)
	good := func() (given []enroll.GivenAnswer) {
		for _, q := range questionList()[:5] {
			given = append(given, enroll.GivenAnswer{ID: q.ID, Value: secret.New("rex the " + q.ID)})
		}
		return given
	}
	for value, want := range map[string]error{
		"ab": enroll.ErrAnswerShort, "aaaa": enroll.ErrAnswerShort, " a-b-c ": enroll.ErrAnswerShort,
		"Pet Number": enroll.ErrAnswerInQuestion, "haustier": enroll.ErrAnswerInQuestion,
		"REX, the q1!": enroll.ErrAnswerRepeats, "Unbekannt": enroll.ErrAnswerCommon,
		"1234567": enroll.ErrAnswerCommon, "abcde": enroll.ErrAnswerCommon, "Berlin": enroll.ErrAnswerCommon, "Mary": enroll.ErrAnswerCommon,
		"A-l-i-c-e": enroll.ErrAnswerCommon, "alicealice": enroll.ErrAnswerCommon, "Quiddletorp": enroll.ErrAnswerCommon,
	} {
		given := good()
		given[3].Value = secret.New(value)
		err := w.SetAnswers(w.ctx, of, p, given)
		wantErr(t, value, err, want)
		if e := new(enroll.AnswerError); !errors.As(err, &e) || e.ID != "q3" {
			t.Errorf("%s: of which question: %v", value, err)
		}
	}
	wantErr(t, "four", w.SetAnswers(w.ctx, of, p, good()[:4]), enroll.ErrAnswers)
	twice := good()
	twice[1].ID = "q0"
	wantErr(t, "one question twice", w.SetAnswers(w.ctx, of, p, twice), enroll.ErrAnswers)
	unasked := good()
	unasked[1].ID = "mother"
	wantErr(t, "one that is not in the list", w.SetAnswers(w.ctx, of, p, unasked), enroll.ErrAnswers)
	wantErr(t, "good ones, with the same proof", w.SetAnswers(w.ctx, of, p, good()), nil)
}

// What a name is asked depends on the name alone: not on whether anybody has it, in
// whichever spelling, and not on what they answered.
func TestQuestionsTellNothing(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	ask := func(name string) string {
		_, asked, err := w.BeginRecovery(w.ctx, name, "unlock")
		wantErr(t, name, err, nil)
		if len(asked) != 3 {
			t.Errorf("%s: %v", name, asked)
		}
		return fmt.Sprint(asked)
	}
	names := []string{"alice", "alice@corp.example.test", "alice@nope.invalid", `NOPE\alice`, "mallory", "mallory@corp.example.test"}
	before := map[string]string{}
	for _, name := range names {
		before[name] = ask(name)
	}
	w.setAnswers(d, of)
	for _, name := range names {
		if ask(name) != before[name] || ask(strings.ToUpper(name)) != before[name] {
			t.Errorf("%s is asked something else than before", name)
		}
	}
	w.dir.remove(alice)
	if ask("alice") != before["alice"] {
		t.Error("a name that nobody has any more is asked something else")
	}
}

func TestWhatTheDirectoryKnowsIsCompared(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	_, err := w.recoverAs("alice", "unlock", enough, code(codes[0]), typed(enroll.ProofDirectory, "E-4712"))
	wantErr(t, "wrong", err, enroll.ErrRecoverRefused)
	_, err = w.recoverAs("alice", "unlock", enough, code(codes[0]), typed(enroll.ProofDirectory, ""))
	wantErr(t, "empty", err, enroll.ErrRecoverRefused)
	s, err := w.recoverAs("alice", "unlock", enough, code(codes[0]), typed(enroll.ProofDirectory, " e4711"))
	wantErr(t, "right; the code was not used up before", err, nil)
	if proofs := must(w.store.RecoverProofs(w.ctx, s.ID))(t); len(proofs) != 2 {
		t.Errorf("proofs %+v", proofs)
	}
	w.dir.change(alice, func(a *ad.Account) { a.Attributes = map[string][]string{"employeenumber": {"", " - "}} })
	_, err = w.recoverAs("alice", "unlock", enough, code(codes[1]), typed(enroll.ProofDirectory, "-"))
	wantErr(t, "nothing to compare with", err, enroll.ErrRecoverRefused)
}

// The current password is tried once, after all else was right, and never where that
// comes within two of the lockout.
func TestTheCurrentPasswordNeverLocksTheAccount(t *testing.T) {
	w, _ := furnished(t)
	dir := withPolicy{w.dir, ad.PasswordPolicy{Source: ad.PolicyDomain, LockoutThreshold: 5}, nil}
	w.cfg.Directory = dir
	w.Service = must(enroll.New(w.cfg))(t)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	try := func(what, password string, want error, more ...enroll.Answer) {
		t.Helper()
		_, err := w.recoverAs("alice", "unlock", enough, append([]enroll.Answer{typed(enroll.ProofPassword, password)}, more...)...)
		wantErr(t, what, err, want)
	}
	try("right beside a wrong code", "Old-Secret-1", enroll.ErrRecoverRefused, typed(enroll.ProofRecoveryCode, "0000-0000-0000-0000"))
	if w.dir.tried != 0 {
		t.Errorf("%d tries for what is refused anyway", w.dir.tried)
	}
	try("right", "Old-Secret-1", nil, code(codes[0]))
	for range 6 {
		try("wrong", "Wrong-Secret-1", enroll.ErrRecoverRefused)
	}
	if a := w.dir.accounts[alice]; a.BadPasswords != 2 { // half of them are the person's
		t.Errorf("%d bad passwords of 5", a.BadPasswords)
	}
	try("right, when nothing is tried any more", "Old-Secret-1", enroll.ErrRecoverRefused)
}

// Proofs of a signed-in person are bound to one statement, one session and one token.
func TestFurtherProofsCountForOneStatement(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	w.setAnswers(d, of)
	asked, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("request 1"), []enroll.ProofKind{enroll.ProofMailCode, enroll.ProofQuestions, enroll.ProofMailCode})
	wantErr(t, "ask", err, nil)
	if asked.Sent[enroll.ProofMailCode] != "a•••@private.example" || len(asked.Questions) != 3 {
		t.Fatalf("asked %+v", asked)
	}
	right := []enroll.Answer{typed(enroll.ProofMailCode, post.last(t).Code.Reveal()), answersOf(asked.Questions), typed(enroll.ProofPIN, "739201")}
	answer := func(of enroll.Session, token secret.Text, answers ...enroll.Answer) ([]enroll.Proof, error) {
		return w.Answer(w.ctx, of, token, "latchkey/request/v1", []byte("request 1"), answers)
	}
	other := w.signedIn(d)
	_, err = answer(other, asked.Token, right...)
	wantErr(t, "in another session", err, enroll.ErrNoCeremony)
	for _, about := range []struct{ label, statement string }{{"latchkey/request/v1", "request 2"}, {"latchkey/request/v2", "request 1"}} {
		_, err = w.Answer(w.ctx, of, asked.Token, about.label, []byte(about.statement), right)
		wantErr(t, "for "+about.label+", "+about.statement, err, enroll.ErrNoCeremony)
	}
	_, err = answer(of, asked.Token, right[0], right[1], typed(enroll.ProofPIN, "739202"))
	wantErr(t, "one wrong", err, enroll.ErrWrongCode)
	_, err = answer(of, secret.Text{}, right[0])
	wantErr(t, "a code without its token", err, enroll.ErrWrongCode)
	proofs, err := answer(of, asked.Token, right...)
	wantErr(t, "right", err, nil)
	if len(proofs) != 3 {
		t.Fatalf("proofs %+v", proofs)
	}
	for _, p := range proofs {
		if !p.Bound("latchkey/request/v1", []byte("request 1")) || p.Session != of.ID || p.Account != alice {
			t.Errorf("proof %+v", p)
		}
		must(w.store.Proof(w.ctx, p.ID))(t)
	}
	_, err = answer(of, asked.Token, right...)
	wantErr(t, "the token again", err, enroll.ErrNoCeremony)
	proofs, err = answer(of, secret.Text{}, typed(enroll.ProofPIN, "739201"))
	wantErr(t, "a PIN needs no token", err, nil)
	_, err = answer(other, secret.Text{}, typed(enroll.ProofPIN, "739201"))
	wantErr(t, "in any session of the person", err, nil)
	_ = proofs
	_, err = w.Ask(w.ctx, of, "latchkey/request/v1", []byte("request 1"), []enroll.ProofKind{enroll.ProofSMSCode})
	wantErr(t, "no number", err, enroll.ErrNoAddress)
}

// What somebody has at hand is what they hold, where a code could go to, and what they
// know by heart.
func TestWhatIsAtHandIsHeldOrKnown(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	every := []enroll.ProofKind{
		enroll.ProofPasskey, enroll.ProofHardwareKey, enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofMailCode, enroll.ProofSMSCode,
		enroll.ProofPIN, enroll.ProofQuestions, enroll.ProofDirectory, enroll.ProofPassword, enroll.ProofVouching,
	}
	has := func(what, want string) {
		t.Helper()
		got, err := w.AtHand(w.ctx, of, every)
		if text := strings.Trim(fmt.Sprint(got), "[]"); err != nil || text != want {
			t.Errorf("%s: %q, %v; want %q", what, text, err, want)
		}
	}
	has("at first", "passkey mail-code directory password")
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	w.codes(d, of)
	w.setAnswers(d, of)
	token, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofSMSCode), enroll.ProofSMSCode, "+4915112345678")
	wantErr(t, "begin", err, nil)
	wantErr(t, "verify", w.FinishAddress(w.ctx, of, token, post.last(t).Code.Reveal(), anyKind), nil)
	has("once set up", "passkey recovery-code mail-code sms-code pin questions directory password")
	w.dir.change(alice, func(a *ad.Account) {
		a.Attributes = map[string][]string{"extensionattribute3": {"a@x.example", "b@x.example"}, "employeenumber": {" - "}}
	})
	has("with two addresses and no number", "passkey recovery-code sms-code pin questions password")
	w.dir.change(alice, func(a *ad.Account) {
		a.Attributes = map[string][]string{"extensionattribute3": {"a@x.example"}, "employeenumber": {"E-4711"}}
	})
	for _, alone := range []enroll.ProofKind{enroll.ProofMailCode, enroll.ProofDirectory} { // each of itself reads the directory
		if got, err := w.AtHand(w.ctx, of, []enroll.ProofKind{alone}); err != nil || fmt.Sprint(got) != fmt.Sprintf("[%s]", alone) {
			t.Errorf("%s alone: %v, %v", alone, got, err)
		}
	}

	w.dir.fail(errors.New("the directory is away"))
	if _, err := w.AtHand(w.ctx, of, every); err == nil {
		t.Error("without the directory somebody knows where a code could go")
	}
	if got, err := w.AtHand(w.ctx, of, []enroll.ProofKind{enroll.ProofPIN, enroll.ProofTOTP}); err != nil || fmt.Sprint(got) != "[pin]" {
		t.Errorf("what the directory is not needed for: %v, %v", got, err)
	}
}

// An administrator's password is never tried, right or wrong, and no code goes out.
func TestNothingIsTriedOfAProtectedAccount(t *testing.T) {
	w, post := furnished(t)
	w.enrolled(alice)
	w.dir.change(alice, func(a *ad.Account) { a.Protected = ad.ProtectedGroup })
	for _, password := range []string{"Old-Secret-1", "Wrong-Secret-1"} {
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPassword, password))
		wantErr(t, password, err, enroll.ErrRecoverRefused)
	}
	if w.dir.tried != 0 {
		t.Errorf("%d tries", w.dir.tried)
	}
	must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), enroll.ProofMailCode, true, phone))(t)
	must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "bob", "reset"))(t), enroll.ProofMailCode, true, phone))(t)
	wantErr(t, "drain", w.Drain(w.ctx), nil) // they go on behind the answer, and read the account there
	w.dir.change(alice, func(a *ad.Account) { a.Protected = ad.NotProtected })
	must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), enroll.ProofMailCode, true, phone))(t)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	post.mu.Lock()
	defer post.mu.Unlock()
	if len(post.sent) != 1 {
		t.Errorf("%d codes went out", len(post.sent))
	}
}

// What strangers try shuts nobody out of their own proof beside the passkey.
func TestTriesOfStrangersLeaveTheOwnerAlone(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	for range 8 {
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "111112"))
		wantErr(t, "a stranger", err, enroll.ErrRecoverRefused)
	}
	_, err := w.Answer(w.ctx, of, secret.Text{}, "latchkey/request/v1", []byte("r"), []enroll.Answer{typed(enroll.ProofPIN, "739201")})
	wantErr(t, "the owner", err, nil)
}

// Whoever has the session of somebody and guesses waits longer each time, up to a quarter
// of an hour. That makes nobody wait on the way in, and a right PIN ends it.
func TestWrongPINsBesideThePasskeyRestLongerAndLonger(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	other := w.signedIn(d)
	try := func(which string, of enroll.Session, pin string, want error) {
		t.Helper()
		_, err := w.Answer(w.ctx, of, secret.Text{}, "latchkey/request/v1", []byte("r"), []enroll.Answer{typed(enroll.ProofPIN, pin)})
		wantErr(t, which, err, want)
	}
	for range 5 {
		try("wrong", of, "111112", enroll.ErrWrongCode)
	}
	for _, minutes := range []time.Duration{1, 2, 4, 8, 15, 15} {
		try("while it rests", of, "739201", enroll.ErrFactorLocked)
		try("in another session", other, "739201", enroll.ErrFactorLocked)
		w.clock.move(minutes*time.Minute - time.Second)
		try("a moment before", of, "739201", enroll.ErrFactorLocked)
		w.clock.move(time.Second)
		try("wrong again", of, "111112", enroll.ErrWrongCode)
	}
	_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "111112"))
	wantErr(t, "the way in", err, enroll.ErrRecoverRefused)
	for _, f := range must(w.store.Factors(w.ctx, alice))(t) {
		if f.Fails != 1 {
			t.Errorf("%d tries on the way in", f.Fails)
		}
	}
	w.clock.move(15 * time.Minute)
	try("right", of, "739201", nil)
	for range 5 {
		try("with the count begun anew", of, "111112", enroll.ErrWrongCode)
	}
	try("which has an end", of, "739201", enroll.ErrFactorLocked)
	w.clock.move(time.Minute)
	for range 6 {
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "111112"))
		wantErr(t, "a stranger", err, enroll.ErrRecoverRefused)
	}
	try("strangers make nobody wait", of, "739201", nil)
}

// Beside a recovery code that is wrong nothing else is tried.
func TestAWrongRecoveryCodeCostsNothingElse(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	for range 7 {
		_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "111112"), typed(enroll.ProofRecoveryCode, "0000-0000-0000-0000"))
		wantErr(t, "wrong", err, enroll.ErrRecoverRefused)
	}
	for _, f := range must(w.store.Factors(w.ctx, alice))(t) {
		if f.Fails != 0 {
			t.Errorf("%d tries of the PIN", f.Fails)
		}
	}
}

// Who guesses gets no other questions by another spelling.
func TestEachSpellingOfANameIsAskedTheSame(t *testing.T) {
	w, _ := furnished(t)
	asked := func(name string) string {
		_, questions, err := w.BeginRecovery(w.ctx, name, "unlock")
		wantErr(t, name, err, nil)
		var ids []string
		for _, q := range questions {
			ids = append(ids, q.ID)
		}
		return strings.Join(ids, " ")
	}
	for _, name := range []string{"Alice", ` alice `, `CORP\alice`, `corp.example.test\ALICE`, "alice@corp.example.test", "Alicé", "ａlice"} {
		if got, want := asked(name), asked("alice"); got != want || got == "" {
			t.Errorf("%q is asked %q, alice %q", name, got, want)
		}
	}
	others := map[string]bool{}
	for i := range 50 {
		others[asked(fmt.Sprint("somebody", i))] = true
	}
	if len(others) < 5 {
		t.Errorf("of all names only %d draws", len(others))
	}
}

// IT can show later that a code left, for whom and asked for from where; not where it went.
func TestEachCodeThatIsSentIsAnEvent(t *testing.T) {
	w, post := furnished(t)
	d, of := w.enrolled(alice)
	sent := func() []audit.Entry {
		t.Helper()
		wantErr(t, "drain", w.Drain(w.ctx), nil)
		all := must(w.store.Events(w.ctx, alice, 10000))(t)
		return slices.DeleteFunc(all, func(e audit.Entry) bool { return e.Action != audit.CodeSent })
	}
	send := func(name string) {
		t.Helper()
		must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, name, "reset"))(t), enroll.ProofMailCode, true, phone))(t)
	}
	send("nobody.at.all")
	must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), enroll.ProofMailCode, false, phone))(t) // no rule takes one
	if got := sent(); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	check := func(what string, n int, actor, session, reason string) {
		t.Helper()
		got := sent()
		if len(got) != n {
			t.Fatalf("%s: %d events, want %d", what, len(got), n)
		}
		e := slices.MaxFunc(got, func(a, b audit.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
		var said struct {
			Outcome, Reason string
			Detail          map[string]any
		}
		wantErr(t, "decode", json.Unmarshal(e.Bytes, &said), nil)
		outcome := "ok"
		if reason != "" {
			outcome = "failed"
		}
		if e.Actor != actor || said.Reason != reason || said.Outcome != outcome || said.Detail["proof_kind"] != "mail-code" ||
			fmt.Sprint(said.Detail["session"]) != session || e.Personal["address"].Value == "" || strings.Contains(string(e.Bytes)+fmt.Sprint(e.Personal), "private.example") {
			t.Errorf("%s: %s", what, e.Bytes)
		}
	}
	send("alice")
	check("a stranger", 1, audit.ActorAnonymous, "<nil>", "")
	must(w.Ask(w.ctx, of, "latchkey/request/v1", []byte("request 1"), []enroll.ProofKind{enroll.ProofMailCode}))(t)
	check("its owner", 2, alice.String(), of.ID, "")
	_, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofMailCode), enroll.ProofMailCode, "other@private.example")
	wantErr(t, "verify an address", err, nil)
	check("for another address", 3, alice.String(), of.ID, "")
	post.err = enroll.ErrNotSent
	send("alice")
	check("a mail server that is down", 4, audit.ActorAnonymous, "<nil>", "code.not-sent")
	post.err = enroll.SentOften{Wait: time.Minute}
	send("alice")
	check("what the limits held back", 4, audit.ActorAnonymous, "<nil>", "code.not-sent")
	post.err = nil
	w.dir.change(alice, func(a *ad.Account) { a.Protected = ad.ProtectedGroup })
	send("alice")
	check("for whom nothing may be done", 5, audit.ActorAnonymous, "<nil>", "account.protected")
	w.dir.change(alice, func(a *ad.Account) { a.Protected, a.Attributes = ad.NotProtected, nil })
	send("alice")
	check("no address", 6, audit.ActorAnonymous, "<nil>", "proof.no-address")
}

// Where codes go to by the directory, its owner is told, too.
func TestWhereTheDirectoryHasCodesSentIsKnown(t *testing.T) {
	w, _ := furnished(t)
	if !w.SendsToDirectory(enroll.ProofMailCode) || w.SendsToDirectory(enroll.ProofSMSCode) {
		t.Error("which kinds the directory has addresses for")
	}
	f := enroll.Factor{ID: "f", Account: alice, Kind: enroll.ProofMailCode, Secret: []byte("mine@home.example"), Step: -1, Created: w.clock.now()}
	wantErr(t, "keep", w.store.ReplaceFactors(w.ctx, alice, f.Kind, []enroll.Factor{f}), nil)
	want := func(what string, account ad.GUID, kind enroll.ProofKind, to string) {
		t.Helper()
		if got := must(w.DirectoryAddress(w.ctx, account, kind))(t); got != to {
			t.Errorf("%s: %q, want %q", what, got, to)
		}
	}
	want("of the directory, whatever was verified", alice, enroll.ProofMailCode, "alice@private.example")
	want("none", alice, enroll.ProofSMSCode, "")
	want("nobody", ad.GUID{9}, enroll.ProofMailCode, "")
	w.dir.change(alice, func(a *ad.Account) {
		a.Attributes = map[string][]string{"extensionattribute3": {"alice@private.example", "other@private.example"}}
	})
	want("of several none is hers for sure", alice, enroll.ProofMailCode, "")
	w.dir.fail(errors.New("down"))
	if _, err := w.DirectoryAddress(w.ctx, alice, enroll.ProofMailCode); err == nil {
		t.Error("a directory that is down has no address to tell")
	}
}

// A recovery code can be phished, so its use is told, in whatever way it was given; what
// was refused, and other proofs beside a passkey, are no news.
func TestTheUseOfARecoveryCodeIsTold(t *testing.T) {
	event := func(outcome audit.Outcome, kinds ...string) audit.Event {
		return audit.Event{Action: audit.Answered, Target: alice.String(), Outcome: outcome, Detail: map[string]any{"proof_kinds": kinds}}
	}
	for name, c := range map[string]struct {
		e    audit.Event
		told bool
	}{
		"a code":             {event(audit.OK, "recovery-code"), true},
		"a code among more":  {event(audit.OK, "pin", "recovery-code"), true},
		"another proof":      {event(audit.OK, "pin"), false},
		"one that was wrong": {event(audit.Denied, "recovery-code"), false},
	} {
		n, told := enroll.Tells(c.e)
		if told != c.told || told && (n.To != alice || n.Kind != enroll.NoticeProofs || n.Params["kind"] != "code-used") {
			t.Errorf("%s: %v %+v", name, told, n)
		}
	}
	for name, use := range map[string]func(*world, enroll.Session, secret.Text) error{
		"in a session": func(w *world, of enroll.Session, c secret.Text) error {
			_, err := w.Answer(w.ctx, of, secret.Text{}, "latchkey/request/v1", []byte("request 1"), []enroll.Answer{code(c)})
			return err
		},
		"beside a word": func(w *world, _ enroll.Session, c secret.Text) error {
			_, err := w.asksWord("alice", &words{}, code(c))
			return err
		},
	} {
		w := newWorld(t, withNames)
		d, of := w.enrolled(alice)
		codes := w.codes(d, of)
		told := func() (kinds []string) {
			for _, n := range must(w.store.ClaimNotices(w.ctx, w.clock.now(), time.Minute, 10))(t) {
				kinds = append(kinds, n.Params["kind"])
			}
			return kinds
		}
		told()
		wantErr(t, name, use(w, of, codes[0]), nil)
		if got := fmt.Sprint(told()); got != "[code-used]" {
			t.Errorf("%s: told %s", name, got)
		}
	}
}
