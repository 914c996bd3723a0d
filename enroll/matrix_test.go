package enroll_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// inHand is what one person has in hand to come in: a token, and the right answer.
type inHand struct {
	token  secret.Text
	answer enroll.Answer
}

// opening makes them of one kind of proof. held is what the person set up.
type opening struct {
	kind enroll.ProofKind
	once bool // its answer counts once, whatever the token
	make func(w *world, post *postman, p *holder, act string) inHand
}

// holder is somebody who holds every kind.
type holder struct {
	name, pin, password, number string
	codes                       []secret.Text
	seed                        string
	session                     enroll.Session
}

func (h *holder) code() secret.Text {
	c := h.codes[0]
	h.codes = h.codes[1:]
	return c
}

func openings(t *testing.T) []opening {
	plain := func(value func(w *world, h *holder) enroll.Answer) func(*world, *postman, *holder, string) inHand {
		return func(w *world, _ *postman, h *holder, act string) inHand {
			return inHand{must(w.begun(w.ctx, h.name, act))(t), value(w, h)}
		}
	}
	sent := func(kind enroll.ProofKind) func(*world, *postman, *holder, string) inHand {
		return func(w *world, post *postman, h *holder, act string) inHand {
			token := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, h.name, act))(t), kind, true, phone))(t)
			return inHand{token, typed(kind, post.last(t).Code.Reveal())}
		}
	}
	return []opening{
		{enroll.ProofRecoveryCode, true, plain(func(_ *world, h *holder) enroll.Answer { return code(h.code()) })},
		{enroll.ProofTOTP, true, plain(func(w *world, h *holder) enroll.Answer {
			w.clock.move(time.Minute) // past the code before
			return typed(enroll.ProofTOTP, w.codeOf(h.seed))
		})},
		{enroll.ProofMailCode, true, sent(enroll.ProofMailCode)},
		{enroll.ProofSMSCode, true, sent(enroll.ProofSMSCode)},
		{enroll.ProofPIN, false, plain(func(_ *world, h *holder) enroll.Answer { return typed(enroll.ProofPIN, h.pin) })},
		{enroll.ProofPassword, false, plain(func(_ *world, h *holder) enroll.Answer { return typed(enroll.ProofPassword, h.password) })},
		{enroll.ProofDirectory, false, plain(func(_ *world, h *holder) enroll.Answer { return typed(enroll.ProofDirectory, h.number) })},
		{enroll.ProofQuestions, false, func(w *world, _ *postman, h *holder, act string) inHand {
			token, asked, err := w.BeginRecovery(w.ctx, h.name, act)
			wantErr(t, "begin", err, nil)
			a := answersOf(asked)
			if h.name == "bob" {
				for i := range a.Answers {
					a.Answers[i] = secret.New(a.Answers[i].Reveal() + " of Bob")
				}
			}
			return inHand{token, a}
		}},
	}
}

// holding sets up every kind for somebody.
func (w *world) holding(post *postman, id ad.GUID, h *holder) {
	w.t.Helper()
	d, of := w.enrolled(id)
	h.codes, h.seed, h.session = w.codes(d, of), w.app(d, of), of
	wantErr(w.t, "PIN", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New(h.pin)), nil)
	var given []enroll.GivenAnswer
	for _, q := range questionList()[:5] {
		text := "Rex the " + q.ID + " dog"
		if h.name == "bob" {
			text += " of Bob"
		}
		given = append(given, enroll.GivenAnswer{ID: q.ID, Value: secret.New(text)})
	}
	wantErr(w.t, "answers", w.SetAnswers(w.ctx, of, w.mayHold(d, of, enroll.ProofQuestions), given), nil)
	for kind, to := range map[enroll.ProofKind]string{enroll.ProofMailCode: h.name + "@home.example", enroll.ProofSMSCode: "+49151123456" + h.pin[:2]} {
		token, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, kind), kind, to)
		wantErr(w.t, "address", err, nil)
		wantErr(w.t, "address", w.FinishAddress(w.ctx, of, token, post.last(w.t).Code.Reveal(), anyKind), nil)
	}
}

// twoHolders are Alice and Bob, who hold every kind each.
func twoHolders(t *testing.T) (*world, *postman, *holder, *holder) {
	t.Helper()
	w, post := furnished(t)
	w.dir.change(bob, func(a *ad.Account) { a.Attributes = map[string][]string{"employeenumber": {"E-0815"}} })
	a := &holder{name: "alice", pin: "739201", password: "Old-Secret-1", number: "E-4711"}
	b := &holder{name: "bob", pin: "582094", password: "Old-Secret-2", number: "E-0815"}
	w.holding(post, alice, a)
	w.holding(post, bob, b)
	return w, post, a, b
}

// Every artefact of one way in, tried in every other: another person's, another kind's,
// another act's, another door's, after use, after a restart, after its end.
func TestNoArtefactOfOneWayInOpensAnother(t *testing.T) {
	w, post, a, b := twoHolders(t)
	tried, accepted := 0, 0
	refused := func(what string, kind enroll.ProofKind, err error) {
		t.Helper()
		tried++
		if !errors.Is(err, enroll.ErrRecoverRefused) && !errors.Is(err, enroll.ErrNoCeremony) && !errors.Is(err, enroll.ErrWrongCode) {
			accepted++
			t.Errorf("%s, %s: %v", kind, what, err)
		}
	}
	finish := func(token secret.Text, answers ...enroll.Answer) error {
		return errOf(w.FinishRecovery(w.ctx, token, answers, phone, enough))
	}
	all := openings(t)
	for _, one := range all {
		mine := one.make(w, post, a, "unlock")
		other := one.make(w, post, b, "unlock")
		refused("somebody else's answer", one.kind, finish(mine.token, other.answer))
		refused("somebody else's token", one.kind, finish(other.token, mine.answer))
		for _, as := range all {
			if as.kind != one.kind {
				swapped := mine.answer
				swapped.Kind = as.kind
				refused("as "+string(as.kind), one.kind, finish(mine.token, swapped))
			}
		}
		refused("twice in one try", one.kind, finish(mine.token, mine.answer, mine.answer))
		_, err := w.Answer(w.ctx, a.session, mine.token, "latchkey/request/v1", []byte("r"), []enroll.Answer{mine.answer})
		refused("its token in a session", one.kind, err)
		asked, err := w.Ask(w.ctx, a.session, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofMailCode})
		wantErr(t, "ask", err, nil)
		mailed := typed(enroll.ProofMailCode, post.last(t).Code.Reveal())
		refused("a session's token at the door", one.kind, finish(asked.Token, mine.answer))
		refused("a session's code at the door", one.kind, finish(mine.token, mailed))

		// What the wrong tries cost is paid by waiting.
		w.clock.move(13 * time.Hour)
		w.dir.change(alice, func(a *ad.Account) { a.BadPasswords = 0 })
		mine = one.make(w, post, a, "unlock")
		s, _, err := w.FinishRecovery(w.ctx, mine.token, []enroll.Answer{mine.answer}, phone, enough)
		if err != nil {
			t.Fatalf("%s opens nothing at all: %v", one.kind, err)
		}
		for _, p := range must(w.store.RecoverProofs(w.ctx, s.ID))(t) {
			for _, act := range []string{"reset", "one-time", "change", "enrol", "thaw"} {
				tried++
				if p.Bound(enroll.LabelRecover, enroll.RecoverStatement(alice, act)) || p.Bound(enroll.LabelRecover, enroll.RecoverStatement(bob, "unlock")) {
					accepted++
					t.Errorf("%s counts for %s too", one.kind, act)
				}
			}
		}
		refused("after use", one.kind, finish(mine.token, mine.answer))
		again := must(enroll.New(w.cfg))(t)
		refused("after use and a restart", one.kind, errOf(again.FinishRecovery(w.ctx, mine.token, []enroll.Answer{mine.answer}, phone, enough)))
		if one.once {
			for _, act := range []string{"unlock", "reset"} {
				refused("its answer with another token", one.kind, finish(must(w.begun(w.ctx, "alice", act))(t), mine.answer))
			}
		}
		late := one.make(w, post, a, "reset")
		w.clock.move(enroll.RecoverValid + time.Second)
		refused("after its end", one.kind, finish(late.token, late.answer))
		refused("after its end and a restart", one.kind, errOf(again.FinishRecovery(w.ctx, late.token, []enroll.Answer{late.answer}, phone, enough)))
		w.clock.move(13 * time.Hour)
	}
	if accepted != 0 || tried < 8*20 {
		t.Errorf("%d of %d accepted", accepted, tried)
	}
	t.Logf("%d tries, %d accepted", tried, accepted)
}

// What is in hand of a colleague's word, tried wherever something else belongs, and the
// other way round: another person's, another act's, every other kind's, after use, after
// a restart, after its end.
func TestNoArtefactOfAWordOpensAnother(t *testing.T) {
	w, post, a, _ := twoHolders(t)
	tried, accepted := 0, 0
	refused := func(what string, in bool, err error) {
		t.Helper()
		tried++
		known := errors.Is(err, enroll.ErrRecoverRefused) || errors.Is(err, enroll.ErrNoCeremony) || errors.Is(err, enroll.ErrNoSession) || errors.Is(err, enroll.ErrNoProof)
		if in || err != nil && !known {
			accepted++
			t.Errorf("%s: %v", what, err)
		}
	}
	heard := &words{}
	asks := func(name, act string) (way secret.Text, wait enroll.Waiting, asked enroll.Word) {
		t.Helper()
		way = must(w.begun(w.ctx, name, act))(t)
		wait = must(w.AskWord(w.ctx, way, nil, phone, heard.all()))(t)
		wantErr(t, "drain", w.Drain(w.ctx), nil)
		return way, wait, heard.asked[len(heard.asked)-1]
	}
	// vouched is a review that was given for this one, as workflow keeps it.
	vouched := func(review enroll.Word) enroll.Given {
		return func(_ context.Context, account ad.GUID, session string) (string, bool, error) {
			return "r1", account == review.Account && session == review.Session, nil
		}
	}
	take := func(s *enroll.Service, token secret.Text, given enroll.Given) (bool, error) {
		session, _, _, err := s.TakeWord(w.ctx, token, phone, given)
		return session != nil, err
	}
	_, hers, ofHers := asks("alice", "reset")
	for _, c := range []struct{ name, act string }{{"alice", "unlock"}, {"alice", "enrol"}, {"alice", "reset"}, {"bob", "reset"}, {"bob", "unlock"}} {
		_, other, ofOther := asks(c.name, c.act)
		in, err := take(w.Service, other.Token, vouched(ofHers))
		refused("her review for "+c.name+"'s "+c.act, in, err)
		in, err = take(w.Service, hers.Token, vouched(ofOther))
		refused("the review of "+c.name+"'s "+c.act+" for hers", in, err)
	}
	for _, one := range openings(t) {
		mine := one.make(w, post, a, "reset")
		_, _, err := w.FinishRecovery(w.ctx, hers.Token, []enroll.Answer{mine.answer}, phone, enough)
		refused(string(one.kind)+" with the waiting token", err == nil, err)
		for _, text := range []string{hers.Number, hers.Token.Reveal(), ofHers.Session} {
			as := mine.answer
			as.Value, as.Answers = secret.New(text), nil
			_, _, err = w.FinishRecovery(w.ctx, mine.token, []enroll.Answer{as}, phone, enough)
			refused("a word's text as "+string(one.kind), err == nil, err)
		}
		in, err := take(w.Service, mine.token, given)
		refused(string(one.kind)+"'s token waits", in, err)
		_, err = w.Answer(w.ctx, a.session, hers.Token, "latchkey/request/v1", []byte("r"), []enroll.Answer{mine.answer})
		refused(string(one.kind)+" with the waiting token in a session", err == nil, err)
		w.clock.move(13 * time.Hour) // what the wrong tries cost is paid by waiting
		w.dir.change(alice, func(a *ad.Account) { a.BadPasswords = 0 })
		_, hers, ofHers = asks("alice", "reset")
	}
	_, err := w.Session(w.ctx, hers.Token)
	refused("the waiting token as a cookie", err == nil, err)
	_, err = w.Session(w.ctx, secret.New(ofHers.Session))
	refused("the session's id as a cookie", err == nil, err)

	s, cookie, _, err := w.TakeWord(w.ctx, hers.Token, phone, vouched(ofHers))
	if err != nil || s == nil {
		t.Fatalf("a word opens nothing at all: %v", err)
	}
	_, err = w.SessionProof(w.ctx, *s)
	refused("a sign-in proof of its session", err == nil, err)
	wantErr(t, "sign out", w.SignOut(w.ctx, *s, false), nil)
	again := must(enroll.New(w.cfg))(t)
	for what, service := range map[string]*enroll.Service{"after use": w.Service, "after use and a restart": again} {
		in, err := take(service, hers.Token, vouched(ofHers))
		refused(what, in, err)
		_, err = service.Session(w.ctx, cookie)
		refused("its cookie "+what, err == nil, err)
	}
	_, late, ofLate := asks("alice", "reset")
	w.clock.move(enroll.WaitValid + time.Second)
	for what, service := range map[string]*enroll.Service{"after its end": w.Service, "after its end and a restart": again} {
		in, err := take(service, late.Token, vouched(ofLate))
		refused(what, in, err)
	}
	if accepted != 0 || tried < 8*6 {
		t.Errorf("%d of %d accepted", accepted, tried)
	}
	t.Logf("%d tries, %d accepted", tried, accepted)
}
