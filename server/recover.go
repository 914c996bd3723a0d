package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

type beginRecovery struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"1024"`
		Kind string `json:"kind" enum:"unlock,reset,one-time,enrol,thaw" doc:"thaw: only to say that it is me again, of a frozen account"`
	}
}

// RecoveryBegun names the way in for the finish call.
type RecoveryBegun struct {
	Token     string     `json:"token"`
	Questions []Question `json:"questions" doc:"asked of every name alike, where the policy takes answers"`
}

func (s *Server) beginRecovery(ctx context.Context, in *beginRecovery) (*reply[RecoveryBegun], error) {
	defer steady(ctx, time.Now(), pauses.begin)
	token, asked, err := s.cfg.Passkeys.BeginRecovery(ctx, in.Body.Name, in.Body.Kind)
	if err != nil {
		return nil, err
	}
	if !s.cfg.Requests.Offers(enroll.ProofQuestions) {
		asked = nil
	}
	return answer(RecoveryBegun{Token: token.Reveal(), Questions: questions(asked)}), nil
}

type finishRecovery struct {
	Body struct {
		Token  secret.Text      `json:"token" maxLength:"2048"`
		Proofs []recoveryAnswer `json:"proofs" minItems:"1" maxItems:"4"`
	}
}

type recoveryAnswer struct {
	Kind    string        `json:"kind" enum:"recovery-code,totp,mail-code,sms-code,pin,questions,directory,password"`
	Value   secret.Text   `json:"value,omitempty" maxLength:"256" writeOnly:"true"`
	Answers []secret.Text `json:"answers,omitempty" maxItems:"8" writeOnly:"true" doc:"to questions, in the order asked"`
}

func (a recoveryAnswer) answer() enroll.Answer {
	return enroll.Answer{Kind: enroll.ProofKind(a.Kind), Value: a.Value, Answers: a.Answers}
}

func anyGuessable(given []recoveryAnswer) bool {
	return slices.ContainsFunc(given, func(a recoveryAnswer) bool { return enroll.Guessable(enroll.ProofKind(a.Kind)) })
}

func (s *Server) finishRecovery(ctx context.Context, in *finishRecovery) (*reply[Me], error) {
	pause := pauses.of(in.Body.Proofs)
	type entered struct {
		made   enroll.Session
		cookie secret.Text
	}
	got, err := patiently(ctx, s, pause, func(ctx context.Context, c *call) (got entered, err error) {
		of, err := s.cfg.Passkeys.RecoveryOf(in.Body.Token)
		if err != nil {
			return got, err
		}
		answers, err := s.countRecovery(ctx, c, of, in.Body.Proofs, false, func(answers []enroll.Answer) bool { return s.taken(of, answers) })
		if err != nil {
			return got, s.hideTries(ctx, c, of, err)
		}
		suffices := func(ctx context.Context, person ad.Account, proved []enroll.ProofKind) (err error) {
			if of.Act == workflow.ActThaw {
				err = s.cfg.Freezes.ThawSuffices(ctx, person, c.address.String(), proved)
			} else {
				err = s.cfg.Requests.Suffices(ctx, person, workflow.Kind(of.Act), c.address.String(), proved)
			}
			if err != nil {
				return ruled{err}
			}
			return nil
		}
		got.made, got.cookie, err = s.cfg.Passkeys.FinishRecovery(ctx, in.Body.Token, answers, c.client(false), suffices)
		return got, err
	})
	if err != nil {
		return nil, err
	}
	return s.welcome(ctx, got.made, got.cookie)
}

// taken says whether the policy has an alternative of these proofs, each once, no more and
// no less, for what the way in is for.
func (s *Server) taken(of enroll.Recovery, answers []enroll.Answer) bool {
	seen := map[enroll.ProofKind]bool{}
	for _, a := range answers {
		if seen[a.Kind] {
			return false
		}
		seen[a.Kind] = true
	}
	return slices.ContainsFunc(s.leading(of), func(set []enroll.ProofKind) bool {
		return len(set) == len(answers) && !slices.ContainsFunc(answers, func(a enroll.Answer) bool { return !slices.Contains(set, a.Kind) })
	})
}

// leading are the alternatives that some rule takes for what the way in is for. For a thaw
// they are all but somebody's word: whose is enough is asked once they are right.
func (s *Server) leading(of enroll.Recovery) (sets [][]enroll.ProofKind) {
	for _, way := range s.cfg.Requests.Recoveries() {
		thaws := of.Act == workflow.ActThaw && !slices.Contains(way.Prove, enroll.ProofVouching)
		if thaws || slices.Contains(way.Kinds, workflow.Kind(of.Act)) {
			sets = append(sets, way.Prove)
		}
	}
	return sets
}

// brake tells whoever runs the server, once in an hour, that somebody tries a little
// with everybody.
func (s *Server) brake(ctx context.Context, id string) {
	s.log.Error("the way in by what could be guessed is closed for everybody: too many tries", "id", id)
	s.braked(ctx, "", audit.RecoverBraked)
}

// braked tells of each apart, so that the one hides no other. A fault of it changes no answer.
func (s *Server) braked(ctx context.Context, which string, what audit.Action) {
	err := s.take(ctx, rateBrake, which)
	if errors.As(err, new(limited)) {
		return
	}
	if err == nil {
		err = s.cfg.Passkeys.Braked(ctx, what)
	}
	if err != nil {
		s.log.Error("nobody was told of the brake", "error", err)
	}
}

// countRecovery counts a try of what could be guessed by name, network and kind, by
// network, and by all together: these are told, and count names that nobody has as well.
// Then what no rule takes is refused, which costs nobody anything more; and only then it
// is counted by account. A stranger's guesses stand in the way of no recovery code, whose
// 80 bits nobody guesses, and of no passkey. Beside a recovery code nothing else is tried
// before that is right, so that nothing else is counted; past it a factor rests.
//
// What is counted by account must not be told: with two spellings of one name it would
// show that there is such a person. Past it no proof is looked at, and the answer is
// that of a wrong one. What is told comes before it, whatever it is.
//
// A browser that the account's passkey was used in is counted by itself alone: whoever
// tries from the same network does not stand in its way. Known: a word alone was counted
// by it already.
func (s *Server) countRecovery(ctx context.Context, c *call, of enroll.Recovery, given []recoveryAnswer, known bool, rule func([]enroll.Answer) bool) ([]enroll.Answer, error) {
	answers := each(given, recoveryAnswer.answer)
	coded := slices.ContainsFunc(answers, func(a enroll.Answer) bool { return a.Kind == enroll.ProofRecoveryCode })
	var err error
	if !known || len(answers) > 0 {
		if known, err = s.countKnown(ctx, c, of, answers, coded); err != nil {
			return nil, err
		}
	}
	if !known {
		if err := s.countTold(ctx, c, of, answers, coded); err != nil {
			return nil, err
		}
	}
	if !rule(answers) {
		return nil, s.cfg.Passkeys.RefuseRecovery(ctx, of, c.client(false), "no rule takes these proofs")
	}
	for i, a := range answers {
		if !enroll.Guessable(a.Kind) || a.Apart || coded {
			continue
		}
		answers[i].Apart, err = s.countApart(ctx, c, of, a.Kind)
		if err == nil && !answers[i].Apart {
			err = s.take(ctx, rateRecoverOne.forKind(a.Kind), whose(of, a.Kind))
		}
		if errors.As(err, new(limited)) {
			return nil, errAccountTries
		}
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// errAccountTries is told to nobody.
var errAccountTries = errors.New("too many tries for this account with this kind of proof")

// hideTries makes it the refusal of a wrong proof.
func (s *Server) hideTries(ctx context.Context, c *call, of enroll.Recovery, err error) error {
	if errors.Is(err, errAccountTries) {
		return s.cfg.Passkeys.RefuseRecovery(ctx, of, c.client(false), err.Error())
	}
	return err
}

// countTold counts what may be told, since it is counted alike for every name.
func (s *Server) countTold(ctx context.Context, c *call, of enroll.Recovery, answers []enroll.Answer, coded bool) error {
	if err := s.countNamed(ctx, of.Name+" "+network(c.address), answers); err != nil {
		return err
	}
	for _, a := range answers {
		if !enroll.Guessable(a.Kind) || coded {
			continue
		}
		if err := s.count(ctx, c, rateRecoverNet); err != nil {
			return err
		}
		if err := s.take(ctx, rateRecoverAll, ""); err != nil {
			if errors.As(err, new(limited)) {
				s.brake(ctx, c.id)
			}
			return err
		}
	}
	return nil
}

// countKnown says whether all that could be guessed is counted by a browser that the
// account's passkey was used in. All such browsers of an account count together.
func (s *Server) countKnown(ctx context.Context, c *call, of enroll.Recovery, answers []enroll.Answer, coded bool) (bool, error) {
	if coded || !slices.ContainsFunc(answers, func(a enroll.Answer) bool { return enroll.Guessable(a.Kind) }) {
		return false, nil
	}
	if known, err := s.knownBrowser(ctx, c, of); !known || err != nil {
		return false, err
	}
	all := true
	for i, a := range answers {
		if !enroll.Guessable(a.Kind) {
			continue
		}
		apart, err := s.spare(ctx, rateRecoverKnown.forKind(a.Kind), whose(of, a.Kind))
		if err != nil {
			return false, err
		}
		answers[i].Apart, all = apart, all && apart
	}
	return all, nil
}

// countNamed counts a name, however it is spelled, from one network: each kind by itself,
// and no recovery code, whose 80 bits nobody guesses: a neighbour's tries would stand in
// the way of a right one. Their flood ends at rateRecover.
func (s *Server) countNamed(ctx context.Context, named string, answers []enroll.Answer) error {
	if len(answers) == 0 { // a colleague's word alone
		return s.take(ctx, rateRecoverName, named)
	}
	for _, a := range answers {
		if a.Kind == enroll.ProofRecoveryCode {
			continue
		}
		if err := s.take(ctx, rateRecoverName, named+" "+string(a.Kind)); err != nil {
			return err
		}
	}
	return nil
}

// countApart says whether a try is counted apart from what strangers try over and over:
// it is among the first of its network. So whoever wants to shut somebody out needs new
// networks all the time. (docs/security.md, "Tries without a passkey")
func (s *Server) countApart(ctx context.Context, c *call, of enroll.Recovery, kind enroll.ProofKind) (bool, error) {
	account := whose(of, kind)
	if apart, err := s.spare(ctx, rateRecoverFresh.forKind(kind), account+" "+whence(c.address)); !apart || err != nil {
		return false, err
	}
	return s.spare(ctx, rateRecoverFirst.forKind(kind), account)
}

// countedKnown says whether a known browser asks, and the lane that such browsers of the
// account have together has room for it: then what told refuses is of no account. It is
// counted there all the same, so that a lane that nobody else has filled ends with it, and
// whoever tries names in a browser that others share sees them end alike.
func (s *Server) countedKnown(ctx context.Context, c *call, of enroll.Recovery, lane rate, told func() error) (bool, error) {
	known, err := s.knownBrowser(ctx, c, of)
	if err == nil && known {
		known, err = s.spare(ctx, lane, of.Account.String())
	}
	if err != nil {
		return false, err
	}
	err = told()
	if known && errors.As(err, new(limited)) {
		return true, nil
	}
	return known, err
}

func (s *Server) knownBrowser(ctx context.Context, c *call, of enroll.Recovery) (bool, error) {
	browser := c.browser()
	if browser == "" || s.cfg.Browsers == nil {
		return false, nil
	}
	known, err := s.cfg.Browsers.KnownBrowser(ctx, of.Account, browser, s.now())
	if err != nil {
		return false, fmt.Errorf("know browser: %w", err)
	}
	return known, nil
}

// spare takes a token where there is one.
func (s *Server) spare(ctx context.Context, r rate, what string) (bool, error) {
	err := s.take(ctx, r, what)
	if errors.As(err, new(limited)) {
		return false, nil
	}
	return err == nil, err
}

// whose tries with a kind of proof count together, also for a name that nobody has.
func whose(of enroll.Recovery, kind enroll.ProofKind) string {
	if of.Account.IsZero() {
		return "nobody " + of.Name + " " + string(kind)
	}
	return of.Account.String() + " " + string(kind)
}
