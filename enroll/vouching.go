package enroll

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// Somebody without a proof asks others to vouch for them. That is a review of
// workflow's; here is how it is asked for, waiting.go has what the browser holds
// meanwhile.

// Word is what is asked of those who may vouch.
type Word struct {
	Account ad.GUID
	Act     string
	Session string // id of the session that is made once somebody vouched
	Number  string
	Until   time.Time
	From    Client
	Proofs  []Proof // given beside it
	// Over is the ceremony that is spent once nobody waits any more. Whoever is asked
	// is asked only in the transaction that finds it unspent.
	Over Ceremony
}

// Words asks for somebody's word. How it ends is told to nobody who asks.
type Words struct {
	Ask func(ctx context.Context, w Word) error
	// May is what Ask would answer, asking nobody: before what is given beside a word is
	// used up.
	May func(ctx context.Context, w Word) error
	// Given names the request that waits already.
	Given Given
}

// AskWord asks for a colleague's word, behind the answer: how long it takes tells
// nothing. Where something is proved beside it that comes before the answer, and is used
// up only where somebody would be asked: what a rule does not take, or can't be asked for
// now, is refused as a wrong proof is. What only names somebody proves nothing: right or
// wrong, it is answered as an unknown name is.
//
// With the same token it asks for the same again, and what was proved with it is so. A
// crash before it was asked leaves somebody who waits, and who asks again when nobody
// comes. Errors: ErrNoCeremony, ErrRecoverRefused.
func (s *Service) AskWord(ctx context.Context, token secret.Text, answers []Answer, from Client, ask Words) (Waiting, error) {
	w, err := s.openWay(token)
	if err != nil {
		return Waiting{}, err
	}
	end := time.UnixMilli(w.End).Add(WaitValid - RecoverValid).UTC()
	proves := slices.ContainsFunc(answers, func(a Answer) bool { return Strength(a.Kind) > 0 })
	h := waiting{Account: w.Account, Act: w.Act, Nonce: w.Nonce, End: end.UnixMilli(), Proved: proves}
	plain, err := json.Marshal(h)
	if err != nil {
		return Waiting{}, fmt.Errorf("encode waiting: %w", err)
	}
	out := Waiting{
		Token:  secret.New(base64.RawURLEncoding.EncodeToString(s.cfg.Sealer.Seal(placeWaiting, plain))),
		Number: h.number(), Until: end,
	}
	_, session := h.session()
	word := Word{Account: w.Account, Act: w.Act, Session: session, Number: out.Number, Until: end, From: from, Over: s.overNow(h, PurposeStop)}
	if !proves {
		s.behind(ctx, s.sending, func(ctx context.Context) {
			if err := s.askBeside(ctx, w, h, word, answers, ask); err != nil {
				s.unasked(ctx, word, err)
			}
		})
		return out, nil
	}
	if err := s.askBeside(ctx, w, h, word, answers, ask); err != nil {
		return Waiting{}, s.refusedRecovery(ctx, w.Account, from, err)
	}
	return out, nil
}

// askBeside proves what is given beside the word, and asks for that. An error comes before
// anything was used up: from then on whoever asks waits, whatever becomes of it.
func (s *Service) askBeside(ctx context.Context, w way, h waiting, word Word, answers []Answer, ask Words) error {
	if len(answers) > 0 {
		waits, err := s.waitsAlready(ctx, h, &word, ask.Given)
		switch {
		case err != nil:
			return s.hidden(err)
		case waits:
			return nil
		case word.Proofs == nil:
			word.Proofs, err = s.besideWord(ctx, w, h, word, answers, ask)
		default: // they may be too old by now
			if err = ask.May(ctx, word); err != nil {
				err = whyUnasked(err)
			}
		}
		if err != nil {
			return err
		}
	}
	if w.Account.IsZero() {
		return because("nobody has the name")
	}
	if err := ask.Ask(ctx, word); err != nil {
		s.unasked(ctx, word, err)
	}
	return nil
}

// waitsAlready says whether something was proved with this token before, and asked with;
// where that ended in between, word has what was proved.
func (s *Service) waitsAlready(ctx context.Context, h waiting, word *Word, given Given) (bool, error) {
	request, _, err := given(ctx, h.whoever(), word.Session)
	if request != "" {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	proofs, err := s.store.RecoverProofs(ctx, word.Session)
	if err != nil {
		return false, fmt.Errorf("list proofs beside a word: %w", err)
	}
	if len(proofs) > 0 {
		word.Proofs = proofs
	}
	return false, nil
}

// besideWord uses up what else is proved; it is bound to the same account and act.
func (s *Service) besideWord(ctx context.Context, w way, h waiting, word Word, answers []Answer, ask Words) ([]Proof, error) {
	session, from := word.Session, word.From
	uses, err := s.check(ctx, attempt{
		account: w.Account, nonce: w.Nonce, sent: w.Sent, asked: s.settings().Proofs.byID(w.Asked),
		proof: Proof{
			Account: w.Account, Session: session,
			Label: LabelRecover, Statement: RecoverStatement(w.Account, w.Act),
		},
		person: func(ctx context.Context) (ad.Account, error) { return s.account(ctx, w.Account) },
	}, answers)
	if err != nil {
		return nil, s.hidden(err)
	}
	if w.Account.IsZero() {
		return nil, because("nobody has the name")
	}
	// As in recover: a right recovery code waits for what the rules say.
	if isSure(uses) && !from.waits() {
		return nil, errAnswered
	}
	word.Proofs = proofsOf(uses)
	if err := ask.May(ctx, word); err != nil {
		return nil, whyUnasked(err)
	}
	if !from.waits() {
		return nil, errAnswered
	}
	e := s.event(audit.Answered, w.Account)
	e.Actor = audit.ActorAnonymous
	e.Detail["proofs"], e.Detail["proof_kinds"] = usesOf(uses)
	e.Detail["session"] = session
	spent := Ceremony{
		ID: h.spent(), Purpose: PurposeRecover,
		Created: s.now(), Expires: time.UnixMilli(w.End).Add(spentKept).UTC(),
	}
	if err := s.store.Answered(ctx, spent, uses, withClient(e, from)); err != nil {
		if errors.Is(err, ErrNoCeremony) {
			return nil, because("used by another try just now")
		}
		return nil, s.hidden(err)
	}
	return word.Proofs, nil
}

func proofsOf(uses []FactorUse) []Proof {
	proofs := make([]Proof, len(uses))
	for i, u := range uses {
		proofs[i] = u.Proof
	}
	return proofs
}

// unasked records why nobody was asked.
func (s *Service) unasked(ctx context.Context, w Word, err error) {
	s.log.Info("nobody was asked to vouch", slog.Any("error", err))
	_ = s.refusedRecovery(ctx, w.Account, w.From, whyUnasked(err)) // it is the refusal itself, or said in the log
}

// whyUnasked is the refusal, which tells the log alone why.
func whyUnasked(err error) error {
	var why *recoverRefusal
	if errors.As(err, &why) {
		return why
	}
	return because("nobody was asked to vouch: " + cmp.Or(wordCode(err), "a failure"))
}

// coded is an error that has a code for the log, and no text of a directory in it.
type coded interface{ Code() string }

func wordCode(err error) string {
	var c coded
	if errors.As(err, &c) {
		return c.Code()
	}
	return Code(err)
}
