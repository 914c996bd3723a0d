package enroll_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// words are what reached those who are asked.
type words struct {
	mu    sync.Mutex
	asked []enroll.Word
}

func (a *words) ask(_ context.Context, w enroll.Word) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, w)
	return nil
}

// all are those of somebody whom a rule lets ask. The request is there once it was asked for.
func (a *words) all() enroll.Words {
	return enroll.Words{Ask: a.ask, May: func(context.Context, enroll.Word) error { return nil }, Given: func(_ context.Context, account ad.GUID, session string) (string, bool, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, w := range a.asked {
			if w.Account == account && w.Session == session {
				return "r1", false, nil
			}
		}
		return "", false, nil
	}}
}

func (w *world) asksWord(name string, a *words, answers ...enroll.Answer) (enroll.Waiting, error) {
	w.t.Helper()
	out, err := w.AskWord(w.ctx, must(w.begun(w.ctx, name, "reset"))(w.t), answers, phone, a.all())
	wantErr(w.t, "drain", w.Drain(w.ctx), nil)
	return out, err
}

func given(context.Context, ad.GUID, string) (string, bool, error)    { return "r1", true, nil }
func notGiven(context.Context, ad.GUID, string) (string, bool, error) { return "r1", false, nil }

func TestAWordIsAskedForAndGivesOneSession(t *testing.T) {
	w := newWorld(t, withNames)
	a := &words{}
	token := must(w.begun(w.ctx, "alice", "reset"))(t)
	first := must(w.AskWord(w.ctx, token, nil, phone, a.all()))(t)
	again := must(w.AskWord(w.ctx, token, nil, phone, a.all()))(t)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	if len(a.asked) != 2 || a.asked[0].Session != a.asked[1].Session || first.Number != again.Number || len(first.Number) != 2 || !first.Until.Equal(again.Until) {
		t.Fatalf("asked %+v, %s and %s", a.asked, first.Number, again.Number)
	}
	if q := a.asked[0]; q.Account != alice || q.Act != "reset" || q.Number != first.Number || !q.Until.Equal(first.Until) {
		t.Errorf("asked %+v", q)
	}
	take := func(token secret.Text, given enroll.Given) (*enroll.Session, string, error) {
		t.Helper()
		s, cookie, request, err := w.TakeWord(w.ctx, token, phone, given)
		if s != nil {
			if found := must(w.Session(w.ctx, cookie))(t); found.ID != s.ID {
				t.Error("the cookie is of another session")
			}
		}
		return s, request, err
	}
	if s, _, err := take(first.Token, notGiven); s != nil || err != nil {
		t.Fatalf("not given: %+v, %v", s, err)
	}
	fails := func(context.Context, ad.GUID, string) (string, bool, error) { return "", true, errors.New("down") }
	if s, _, err := take(first.Token, fails); s != nil || err != nil {
		t.Fatalf("not known: %+v, %v", s, err)
	}
	s, request, err := take(first.Token, given)
	if err != nil || s.ID != a.asked[0].Session || request != "r1" || !s.Recovered() || s.Account != alice || s.Expires.Sub(s.SignedIn) != enroll.RecoveredValid {
		t.Fatalf("%+v, %q, %v", s, request, err)
	}
	if n := len(must(w.store.RecoverProofs(w.ctx, s.ID))(t)); n != 0 {
		t.Errorf("%d proofs for another request", n)
	}
	if s2, _, err := take(again.Token, given); err != nil || s2.ID != s.ID {
		t.Errorf("again: %+v, %v", s2, err)
	}
	// What was signed out of stays so.
	wantErr(t, "sign out", w.SignOut(w.ctx, *s, false), nil)
	if s, _, err := take(first.Token, given); !errors.Is(err, enroll.ErrNoCeremony) {
		t.Errorf("after the sign-out: %+v, %v", s, err)
	}
	if n := w.events(alice)[audit.Recovered]; n != 1 {
		t.Errorf("%d times in the log", n)
	}
}

// Of a name that nobody has, nobody is asked, and nothing ever lets in.
func TestAWordForNobodyWaitsAlike(t *testing.T) {
	w := newWorld(t, withNames)
	a := &words{}
	for _, name := range []string{"nobody", "down"} {
		q := must(w.asksWord(name, a))(t)
		if s, _, _, err := w.TakeWord(w.ctx, q.Token, phone, given); s != nil || err != nil || len(q.Number) != 2 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if len(a.asked) != 0 {
		t.Errorf("asked %+v", a.asked)
	}
	if n := w.events(ad.GUID{})[audit.RecoverRefused]; n != 2 {
		t.Errorf("%d refusals in the log", n)
	}
}

// Every token in every other place, and past its time.
func TestATokenOfAWordIsGoodForNothingElse(t *testing.T) {
	w := newWorld(t, withNames)
	a := &words{}
	way := must(w.begun(w.ctx, "alice", "reset"))(t)
	wait := must(w.AskWord(w.ctx, way, nil, phone, a.all()))(t)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	take := func(token secret.Text) error {
		_, _, _, err := w.TakeWord(w.ctx, token, phone, given)
		return err
	}
	finish := func(token secret.Text) error {
		_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{{Kind: enroll.ProofVouching, Value: secret.New("47")}}, phone, enough)
		return err
	}
	ask := func(token secret.Text) error {
		_, err := w.AskWord(w.ctx, token, nil, phone, a.all())
		return err
	}
	send := func(token secret.Text) error {
		_, err := w.SendRecovery(w.ctx, token, enroll.ProofMailCode, true, phone)
		return err
	}
	wantErr(t, "the way's token waits", take(way), enroll.ErrNoCeremony)
	wantErr(t, "no token", take(secret.New("x")), enroll.ErrNoCeremony)
	wantErr(t, "a word that is typed", finish(way), enroll.ErrRecoverRefused)
	for what, door := range map[string]func(secret.Text) error{"finish": finish, "ask": ask, "send": send} {
		wantErr(t, "the waiting token at "+what, door(wait.Token), enroll.ErrNoCeremony)
	}
	w.clock.move(enroll.RecoverValid)
	wantErr(t, "ask late", ask(way), enroll.ErrNoCeremony)
	w.clock.move(enroll.WaitValid - enroll.RecoverValid)
	wantErr(t, "take late", take(wait.Token), enroll.ErrNoCeremony)
}

func TestWhatIsProvedBesideAWordIsUsedUpFirst(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	a := &words{}
	_, err := w.asksWord("alice", a, code(secret.New("0000-0000-0000-0000")))
	wantErr(t, "a wrong code", err, enroll.ErrRecoverRefused)
	_, err = w.asksWord("nobody", a, code(codes[0]))
	wantErr(t, "of nobody", err, enroll.ErrRecoverRefused)
	if len(a.asked) != 0 {
		t.Fatalf("asked %+v", a.asked)
	}
	_, err = w.asksWord("alice", a, code(codes[0]))
	wantErr(t, "the right one", err, nil)
	if len(a.asked) != 1 || len(a.asked[0].Proofs) != 1 || a.asked[0].Proofs[0].Kind != enroll.ProofRecoveryCode || a.asked[0].Proofs[0].Session != a.asked[0].Session {
		t.Fatalf("asked %+v", a.asked)
	}
	_, err = w.asksWord("alice", a, code(codes[0]))
	wantErr(t, "once more", err, enroll.ErrRecoverRefused)
}

// What a rule does not take, or nobody can be asked for now, is refused as what is wrong
// is, and uses up nothing. The log has why.
func TestNothingIsUsedUpWhereNobodyWouldBeAsked(t *testing.T) {
	for name, why := range map[string]error{
		"no rule of theirs": workflow.ErrNotAllowed, "frozen": workflow.ErrFrozen, "open elsewhere": workflow.ErrOpen,
		"nobody who could": workflow.ErrNoApprover, "protected": ad.ErrProtected, "a failure": errDisk,
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := furnished(t)
			d, of := w.enrolled(alice)
			codes := w.codes(d, of)
			wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
			a := &words{}
			ask := a.all()
			ask.May = func(_ context.Context, word enroll.Word) error {
				if word.Account != alice || len(word.Proofs) != 2 || word.Proofs[0].Session != word.Session {
					t.Errorf("looked at %+v", word)
				}
				return why
			}
			both := []enroll.Answer{code(codes[0]), typed(enroll.ProofPIN, "739201")}
			token := must(w.begun(w.ctx, "alice", "reset"))(t)
			_, err := w.AskWord(w.ctx, token, both, phone, ask)
			wantErr(t, "right, and refused", err, enroll.ErrRecoverRefused)
			if errors.Is(err, why) || len(a.asked) != 0 {
				t.Errorf("told %v, asked %+v", err, a.asked)
			}
			if e := w.events(alice); e[audit.RecoverRefused] != 1 || e[audit.Answered] != 0 {
				t.Errorf("in the log: %v", e)
			}
			_, err = w.AskWord(w.ctx, token, both, phone, a.all())
			wantErr(t, "with the same, once they may", err, nil)
			if len(a.asked) != 1 || len(a.asked[0].Proofs) != 2 {
				t.Errorf("asked %+v", a.asked)
			}
		})
	}
}

// An answer that was lost costs no second proof: the same token asks for the same, and
// nothing is used up again. Somebody else's token proves nothing by it.
func TestAWordThatWasAskedForWaitsAlikeOnceMore(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	a := &words{}
	token := must(w.begun(w.ctx, "alice", "reset"))(t)
	var got []enroll.Waiting
	for _, answer := range []enroll.Answer{code(codes[0]), code(codes[0]), code(secret.New("0000-0000-0000-0000"))} {
		got = append(got, must(w.AskWord(w.ctx, token, []enroll.Answer{answer}, phone, a.all()))(t))
	}
	if len(a.asked) != 1 || got[0].Number != got[1].Number || !got[0].Until.Equal(got[2].Until) || w.events(alice)[audit.Answered] != 1 {
		t.Errorf("asked %+v, waits %+v", a.asked, got)
	}
	_, err := w.asksWord("alice", a, code(codes[0]))
	wantErr(t, "by another token", err, enroll.ErrRecoverRefused)
	fails := a.all()
	fails.Given = func(context.Context, ad.GUID, string) (string, bool, error) { return "", false, errDisk }
	known := a.all() // that it waits is known, and whether somebody vouched is not
	known.Given = func(context.Context, ad.GUID, string) (string, bool, error) { return "r1", false, errDisk }
	must(w.AskWord(w.ctx, token, []enroll.Answer{code(codes[0])}, phone, known))(t)
	_, err = w.AskWord(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), []enroll.Answer{code(codes[1])}, phone, fails)
	wantErr(t, "where nobody knows whether it was asked", err, enroll.ErrRecoverRefused)
	if len(a.asked) != 1 || w.events(alice)[audit.Answered] != 1 {
		t.Errorf("asked all the same: %+v", a.asked)
	}

	// Here it ended between what was proved and the asking.
	token = must(w.begun(w.ctx, "alice", "reset"))(t)
	down := a.all()
	down.Ask = func(context.Context, enroll.Word) error { return errDisk }
	must(w.AskWord(w.ctx, token, []enroll.Answer{code(codes[1])}, phone, down))(t)
	must(w.AskWord(w.ctx, token, []enroll.Answer{code(codes[1])}, phone, a.all()))(t)
	if len(a.asked) != 2 || len(a.asked[1].Proofs) != 1 || a.asked[1].Proofs[0].Kind != enroll.ProofRecoveryCode {
		t.Errorf("asked %+v", a.asked)
	}
	if left := must(w.Held(w.ctx, alice))(t); len(left) != 2 {
		t.Errorf("left %v", left)
	}

	// And here for so long that it counts no more.
	token = must(w.begun(w.ctx, "alice", "reset"))(t)
	must(w.AskWord(w.ctx, token, []enroll.Answer{code(codes[2])}, phone, down))(t)
	late := a.all()
	late.May = func(context.Context, enroll.Word) error { return workflow.ErrProofExpired }
	_, err = w.AskWord(w.ctx, token, []enroll.Answer{code(codes[2])}, phone, late)
	wantErr(t, "too late", err, enroll.ErrRecoverRefused)
	if len(a.asked) != 2 {
		t.Errorf("asked %+v", a.asked)
	}
}

// What was asked for without a proof says nothing to whoever then gives one with the same
// token: whether there is such a request is told only by what was proved.
func TestAWordAskedForAloneTellsNothingToAProof(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	for name, first := range map[string][]enroll.Answer{"nothing": nil, "a number": {typed(enroll.ProofDirectory, "E-4711")}} {
		a := &words{}
		token := must(w.begun(w.ctx, "alice", "reset"))(t)
		alone := must(w.AskWord(w.ctx, token, first, phone, a.all()))(t)
		wantErr(t, "drain", w.Drain(w.ctx), nil)
		_, err := w.AskWord(w.ctx, token, []enroll.Answer{code(secret.New("0000-0000-0000-0000"))}, phone, a.all())
		wantErr(t, "a wrong code after "+name, err, enroll.ErrRecoverRefused)
		wantErr(t, "stop", w.StopWord(w.ctx, alone.Token, func(context.Context, ad.GUID, string) error { return nil }), nil)
		must(w.AskWord(w.ctx, token, []enroll.Answer{code(codes[len(first)])}, phone, a.all()))(t)
		if n := len(a.asked); n != 2 || a.asked[0].Session == a.asked[1].Session || a.asked[0].Number == "" || a.asked[0].Over.ID == a.asked[1].Over.ID {
			t.Errorf("after %s: asked %+v", name, a.asked)
		}
	}
}

// A right number uses up nothing of the way in, or the next door would tell that it was
// right; asked for once more, the same waits.
func TestANumberBesideAWordUsesUpNothing(t *testing.T) {
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	for i, number := range []string{"E-4711", "E-4712"} {
		a := &words{}
		token := must(w.begun(w.ctx, "alice", "reset"))(t)
		for range 3 {
			must(w.AskWord(w.ctx, token, []enroll.Answer{typed(enroll.ProofDirectory, number)}, phone, a.all()))(t)
			wantErr(t, "drain", w.Drain(w.ctx), nil)
		}
		if len(a.asked) != 1-i {
			t.Errorf("%s: asked %+v", number, a.asked)
		}
		_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{code(codes[i])}, phone, enough)
		wantErr(t, "a right code with the same token after "+number, err, nil)
	}
	if e := w.events(alice); e[audit.RecoverRefused] != 3 { // of the wrong number
		t.Errorf("in the log: %v", e)
	}

	// What ended between the number and the asking is asked for by the next one.
	a := &words{}
	token := must(w.begun(w.ctx, "alice", "reset"))(t)
	down := a.all()
	down.Ask = func(context.Context, enroll.Word) error { return errDisk }
	for _, ask := range []enroll.Words{down, a.all()} {
		must(w.AskWord(w.ctx, token, []enroll.Answer{typed(enroll.ProofDirectory, "E-4711")}, phone, ask))(t)
		wantErr(t, "drain", w.Drain(w.ctx), nil)
	}
	if len(a.asked) != 1 || len(a.asked[0].Proofs) != 1 {
		t.Errorf("asked %+v", a.asked)
	}
}

// Whoever holds a way in that was used tries nothing with it that the log does not have.
func TestATryWithAWayInThatWasUsedIsInTheLog(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	token := must(w.begun(w.ctx, "alice", "reset"))(t)
	_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{code(codes[0])}, phone, enough)
	wantErr(t, "once", err, nil)
	_, _, err = w.FinishRecovery(w.ctx, token, []enroll.Answer{code(codes[1])}, phone, enough)
	wantErr(t, "by another code", err, enroll.ErrNoCeremony)
	_, err = w.AskWord(w.ctx, token, []enroll.Answer{code(codes[1])}, phone, (&words{}).all())
	wantErr(t, "beside a word", err, enroll.ErrRecoverRefused)
	if e := w.events(alice); e[audit.RecoverRefused] != 2 || e[audit.Recovered] != 1 {
		t.Errorf("in the log: %v", e)
	}
}

// An employee number proves nothing, and so says nothing of whether it is right, nor of
// whether somebody has the name.
func TestWhatOnlyNamesSomebodyBesideAWordTellsNothing(t *testing.T) {
	w, _ := furnished(t)
	a := &words{}
	for name, c := range map[string]struct {
		who, number string
		asked       int
	}{
		"right": {"alice", "E-4711", 1}, "wrong": {"alice", "E-4712", 0}, "of nobody": {"nobody", "E-4711", 0},
		"where names are not found": {"down", "E-4711", 0},
	} {
		a.asked = nil
		out, err := w.asksWord(c.who, a, typed(enroll.ProofDirectory, c.number))
		wantErr(t, name, err, nil)
		if len(out.Number) != 2 || len(a.asked) != c.asked {
			t.Errorf("%s: %+v, asked %+v", name, out, a.asked)
		}
	}
	w.dir.fail(errDisk)
	_, err := w.asksWord("alice", a, typed(enroll.ProofDirectory, "E-4711"))
	wantErr(t, "no directory", err, nil)
	why := map[string]int{}
	for _, e := range must(w.store.Events(w.ctx, alice, 1000))(t) {
		for _, says := range []string{`"why":"a wrong proof"`, `"why":"a failure"`} {
			if e.Action == audit.RecoverRefused && strings.Contains(string(e.Bytes), says) {
				why[says]++
			}
		}
	}
	if len(why) != 2 || w.events(alice)[audit.RecoverRefused] != 2 {
		t.Errorf("in the log: %v, %v", w.events(alice), why)
	}
}

// Nobody who asks is told why nobody was asked; the log is.
func TestWhyNobodyWasAskedIsForTheLog(t *testing.T) {
	w := newWorld(t, withNames)
	q, err := w.AskWord(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), nil, phone, enroll.Words{Ask: func(context.Context, enroll.Word) error { return ad.ErrProtected }})
	wantErr(t, "ask", err, nil)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	if len(q.Number) != 2 || w.events(alice)[audit.RecoverRefused] != 1 {
		t.Errorf("%+v, %d in the log", q, w.events(alice)[audit.RecoverRefused])
	}
}

func TestWhoeverDrainsWaitsForWhatIsUnderWay(t *testing.T) {
	w := newWorld(t, withNames)
	started, goOn := make(chan struct{}), make(chan struct{})
	_, err := w.AskWord(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), nil, phone, enroll.Words{Ask: func(context.Context, enroll.Word) error {
		close(started)
		<-goOn
		return nil
	}})
	wantErr(t, "ask", err, nil)
	<-started
	ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
	defer cancel()
	wantErr(t, "drain", w.Drain(ctx), context.DeadlineExceeded)
	close(goOn)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
}

func TestWhoeverStopsWaitingStopsOneSession(t *testing.T) {
	w := newWorld(t, withNames)
	a := &words{}
	var stopped []string
	stop := func(_ context.Context, account ad.GUID, session string) error {
		stopped = append(stopped, account.String()+" "+session)
		return errors.New("down") // told to nobody who stops
	}
	for _, name := range []string{"alice", "nobody"} {
		q := must(w.asksWord(name, a))(t)
		wantErr(t, "stop", w.StopWord(w.ctx, q.Token, stop), nil)
		wantErr(t, "drain", w.Drain(w.ctx), nil)
	}
	if len(stopped) != 1 || stopped[0] != alice.String()+" "+a.asked[0].Session {
		t.Errorf("stopped %q", stopped)
	}
	way := must(w.begun(w.ctx, "alice", "reset"))(t)
	wantErr(t, "by another token", w.StopWord(w.ctx, way, stop), enroll.ErrNoCeremony)
	q := must(w.asksWord("alice", a))(t)
	w.clock.move(enroll.WaitValid)
	wantErr(t, "late", w.StopWord(w.ctx, q.Token, stop), enroll.ErrNoCeremony)
}

// What stopped waiting is over before it is answered, by one row for a token however
// often it is sent, and the row goes when the token would have.
func TestAStopIsKeptUntilTheWaitingWouldHaveEnded(t *testing.T) {
	w := newWorld(t, withNames)
	a := &words{}
	q := must(w.asksWord("alice", a))(t)
	over := a.asked[0].Over
	made := 0
	kept := func() error {
		made++
		r := workflow.Request{ID: fmt.Sprint("r", made), Kind: workflow.KindReset, State: workflow.Cancelled, Target: alice}
		return w.store.Create(w.ctx, r, workflow.Change{Unspent: over})
	}
	wantErr(t, "before", kept(), nil)
	for range 3 {
		wantErr(t, "stop", w.StopWord(w.ctx, q.Token, func(context.Context, ad.GUID, string) error { return nil }), nil)
		wantErr(t, "kept", kept(), enroll.ErrNoCeremony)
	}
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	// Nobody comes in by a word that was given meanwhile.
	s, cookie, _, err := w.TakeWord(w.ctx, q.Token, phone, given)
	wantErr(t, "take", err, enroll.ErrNoCeremony)
	if s != nil || !cookie.Empty() {
		t.Errorf("in: %+v", s)
	}
	w.clock.move(enroll.WaitValid)
	wantErr(t, "at its end", kept(), enroll.ErrNoCeremony)
	w.clock.move(time.Hour)
	must(w.store.PurgeCeremonies(w.ctx, w.clock.now()))(t)
	w.clock.move(-time.Hour)
	wantErr(t, "later", kept(), nil)
}

// Whoever came in is no longer waiting: their request is not one that a job takes back.
func TestAStopAfterSomebodyCameInMarksNothing(t *testing.T) {
	w := newWorld(t, withNames)
	a := &words{}
	q := must(w.asksWord("alice", a))(t)
	word := workflow.ConsumedProof{ID: "word", Kind: enroll.ProofVouching}
	r := workflow.Request{
		ID: "r1", Kind: workflow.KindReset, State: workflow.Approved, Target: alice, Session: a.asked[0].Session,
		Proofs: []workflow.ConsumedProof{word},
	}
	wantErr(t, "request", w.store.Create(w.ctx, r, workflow.Change{}), nil)
	if s, _, _, err := w.TakeWord(w.ctx, q.Token, phone, given); s == nil || err != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	stopped := 0
	wantErr(t, "stop", w.StopWord(w.ctx, q.Token, func(context.Context, ad.GUID, string) error { stopped++; return nil }), nil)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	marked, err := w.store.Requests(w.ctx, workflow.Query{Stopped: true})
	wantErr(t, "marked", err, nil)
	if len(marked) != 0 {
		t.Errorf("marked: %+v", marked)
	}
	if stopped != 1 {
		t.Errorf("tried %d times", stopped)
	}
}

// A stop that can't be kept is none, and says so of every name.
func TestAStopThatCantBeKeptSaysSo(t *testing.T) {
	w, f := withFaults(t)
	withNames(&w.cfg)
	w.Service = must(enroll.New(w.cfg))(t)
	a := &words{}
	for _, name := range []string{"alice", "nobody"} {
		q := must(w.asksWord(name, a))(t)
		f.fail = "SpendCeremony"
		wantErr(t, name, w.StopWord(w.ctx, q.Token, func(context.Context, ad.GUID, string) error {
			t.Error("stopped all the same")
			return nil
		}), errDisk)
		f.fail = ""
		wantErr(t, "drain", w.Drain(w.ctx), nil)
	}
}

// Stops have places of their own, few of them, and whoever drains waits for them too.
func TestStopsWaitForNoneWhoAsk(t *testing.T) {
	w := newWorld(t, withNames)
	goOn := make(chan struct{})
	slow := enroll.Words{Ask: func(context.Context, enroll.Word) error { <-goOn; return nil }}
	waits := make([]enroll.Waiting, 20)
	for i := range waits {
		waits[i] = must(w.AskWord(w.ctx, must(w.begun(w.ctx, "alice", "reset"))(t), nil, phone, slow))(t)
	}
	started := make(chan struct{}, len(waits))
	for _, q := range waits {
		wantErr(t, "stop", w.StopWord(w.ctx, q.Token, func(context.Context, ad.GUID, string) error {
			started <- struct{}{}
			<-goOn
			return nil
		}), nil)
	}
	<-started
	ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
	defer cancel()
	wantErr(t, "drain", w.Drain(ctx), context.DeadlineExceeded)
	close(goOn)
	wantErr(t, "drain", w.Drain(w.ctx), nil)
	if n := 1 + len(started); n != enroll.MaxStopping {
		t.Errorf("%d at once", n)
	}
}
