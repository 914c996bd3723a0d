package enroll

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
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
// workflow's; here is what the browser holds meanwhile, and the session that it gets
// once somebody did. Until then all of it is the same for a name that nobody has: the
// two digits and the session's secret are worked out of the token.

const (
	placeWaiting = "ceremony/wait/v1"
	// WaitValid is how long a browser waits, from when the name was given.
	WaitValid = time.Hour
)

// waiting is what the browser's token holds, sealed.
type waiting struct {
	Account ad.GUID `json:"a"` // zero for a name that nobody has
	Act     string  `json:"k"`
	Nonce   []byte  `json:"n"`
	End     int64   `json:"e"` // unix milliseconds
	// Proved: it was asked for with a proof beside. What the token gives then, its session
	// among it, it gives to nobody who asked without one: that there is such a request says
	// that something was proved.
	Proved bool `json:"p,omitempty"`
}

// Waiting is what somebody is given who asked others to vouch for them.
type Waiting struct {
	Token  secret.Text
	Number string // two digits, which whoever vouches asks for
	Until  time.Time
}

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

// Given says whether somebody vouched for the session with this id, and by which
// request.
type Given func(ctx context.Context, account ad.GUID, session string) (request string, yes bool, err error)

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

// behind does something after the answer, of which there are as many under way at once
// as places.
func (s *Service) behind(ctx context.Context, places chan struct{}, do func(context.Context)) {
	select {
	case places <- struct{}{}:
		go func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), behindTime)
			defer cancel()
			do(ctx)
		}()
	default:
		s.log.Error("a way in is not gone on with: too many at once")
	}
}

// Drain waits until nothing is under way behind an answer any more, or until ctx ends:
// whoever stops a server would else leave somebody waiting for nothing.
func (s *Service) Drain(ctx context.Context) error {
	for _, places := range []chan struct{}{s.sending, s.stopping} {
		for range cap(places) {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-ctx.Done():
				return fmt.Errorf("drain: %w", ctx.Err())
			}
		}
	}
	return nil
}

const (
	// behindTime bounds what is done after an answer: a slow directory must not hold the
	// places of all who come later.
	behindTime = 30 * time.Second
	// maxStopping are places of their own: whoever fills those of all who ask keeps
	// nobody from taking theirs back.
	maxStopping = 8
)

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

// derive works something out of the nonce, which is random, stands in no token but
// sealed, and outlives a rotation of the keys.
func (h waiting) derive(what string) []byte {
	if h.Proved {
		what += "/proved"
	}
	mac := hmac.New(sha256.New, h.Nonce)
	mac.Write([]byte(placeWaiting + "/" + what + "\x00" + h.Account.String() + "\x00" + h.Act))
	return mac.Sum(nil)
}

// session is the one that is waited for: its cookie and id.
func (h waiting) session() (cookie secret.Text, id string) {
	cookie = secret.New(base64.RawURLEncoding.EncodeToString(h.derive("session")))
	return cookie, sessionID(cookie)
}

// whoever is the account that the store is asked about: for a name that nobody has, one
// that nobody has.
func (h waiting) whoever() ad.GUID {
	account := h.Account
	if account.IsZero() {
		copy(account[:], h.derive("nobody"))
	}
	return account
}

// number is two digits; 2^64 is so much more that none is likelier.
func (h waiting) number() string {
	return fmt.Sprintf("%02d", binary.BigEndian.Uint64(h.derive("number"))%100)
}

// spent is the id of the way in that a proof beside the word uses up. What only names
// somebody uses up none: whether it did would tell that it was right.
func (h waiting) spent() string {
	if !h.Proved {
		return spentID("named/" + hex.EncodeToString(h.Nonce))
	}
	return spentID(hex.EncodeToString(h.Nonce))
}

// over is the id of the ceremony that whoever takes the session spends, or stops: of
// both one comes first.
func (h waiting) over() string {
	word := "word/"
	if h.Proved {
		word = "word/proved/"
	}
	return spentID(word + hex.EncodeToString(h.Nonce))
}

func (s *Service) overNow(h waiting, purpose Purpose) Ceremony {
	return Ceremony{ID: h.over(), Purpose: purpose, Created: s.now(), Expires: time.UnixMilli(h.End).Add(spentKept).UTC()}
}

// StopWord ends what the browser waits for. That it is stopped is kept before the
// answer, and alike for a name that nobody has: from then on nobody is asked any more,
// and nobody comes in, whatever of the asking is still under way here or on another
// server. The row is one for each token that was given for asking, and goes with it.
//
// A request that was opened before is taken back behind the answer, since how long that
// takes would tell that there is one; nobody approves it meanwhile, and what is dropped
// there, or lost in a crash, a job finds by the row. Where the session was taken before, its request is its owner's to
// take back, and is tried only once here. ErrNoCeremony for a token that is none.
func (s *Service) StopWord(ctx context.Context, token secret.Text, stop func(ctx context.Context, account ad.GUID, session string) error) error {
	h, err := s.openWaiting(token)
	if err != nil {
		return err
	}
	_, id := h.session()
	spent := s.overNow(h, PurposeStop)
	spent.Session = id
	if err := s.store.SpendCeremony(ctx, spent, nil); err != nil && !errors.Is(err, ErrNoCeremony) {
		return fmt.Errorf("keep that nobody waits: %w", err)
	}
	if h.Account.IsZero() {
		return nil
	}
	s.behind(ctx, s.stopping, func(ctx context.Context) {
		if err := stop(ctx, h.Account, id); err != nil {
			s.log.Error("what was waited for is not stopped", slog.Any("error", err))
		}
	})
	return nil
}

// TakeWord makes the session of somebody for whom a colleague vouched: it lives as
// long as that of any way in, and with the same token it is the same. Nil, and no
// error, while nobody did, whatever the reason. Errors: ErrNoCeremony for a token that
// is none, or whose time or session is over.
func (s *Service) TakeWord(ctx context.Context, token secret.Text, from Client, given Given) (*Session, secret.Text, string, error) {
	none := secret.Text{}
	h, err := s.openWaiting(token)
	if err != nil {
		return nil, none, "", err
	}
	cookie, id := h.session()
	request, yes, err := given(ctx, h.whoever(), id)
	if err != nil {
		s.log.Error("whether somebody vouched is not known", slog.Any("error", err))
	}
	if err != nil || !yes || h.Account.IsZero() {
		return nil, none, "", nil
	}
	session, err := s.wordSession(ctx, h, id, request, from)
	if err != nil {
		return nil, none, "", err
	}
	return &session, cookie, request, nil
}

func (s *Service) wordSession(ctx context.Context, h waiting, id, request string, from Client) (Session, error) {
	person, err := s.account(ctx, h.Account)
	if err != nil {
		return Session{}, err
	}
	from.Remember = false
	session, _, err := s.newSession(h.Account, nil, from)
	if err != nil {
		return Session{}, err
	}
	session.ID, session.Expires = id, session.SignedIn.Add(RecoveredValid)
	e := s.event(audit.Recovered, h.Account)
	e.Request = request
	e.Detail["proofs"], e.Detail["proof_kinds"] = []string{}, []string{string(ProofVouching)}
	e.Detail["session"], e.Detail["for"] = id, h.Act
	err = s.store.Recovered(ctx, s.overNow(h, PurposeRecover), nil, session, withClient(e, from))
	if errors.Is(err, ErrNoCeremony) { // the answer to an earlier try was lost
		if session, err = s.live(ctx, id, s.now()); err != nil {
			return Session{}, fmt.Errorf("take word: %w", ErrNoCeremony)
		}
	}
	if err != nil {
		return Session{}, fmt.Errorf("store recovery: %w", err)
	}
	session.Person = &person
	return session, nil
}

func (s *Service) openWaiting(token secret.Text) (waiting, error) {
	var h waiting
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil {
		return h, fmt.Errorf("open waiting: %w", ErrNoCeremony)
	}
	plain, err := s.cfg.Sealer.Open(placeWaiting, sealed)
	if err != nil || json.Unmarshal(plain, &h) != nil {
		return h, fmt.Errorf("open waiting: %w", ErrNoCeremony)
	}
	end := time.UnixMilli(h.End)
	if now := s.now(); !now.Before(end) || end.After(now.Add(WaitValid+spentKept)) {
		return h, fmt.Errorf("open waiting: %w", ErrNoCeremony)
	}
	return h, nil
}
