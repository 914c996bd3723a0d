package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// The way in without a passkey. Somebody is named before anything is proved, so every
// answer comes in the same time, whatever there was to do: at the next multiple of a
// pause that is longer than the work. (docs/security.md, rule 13)
var pauses = struct{ begin, finish, wait time.Duration }{500 * time.Millisecond, time.Second, 250 * time.Millisecond}

// steady waits for the next multiple of every since start.
func steady(ctx context.Context, start time.Time, every time.Duration) {
	timer := time.NewTimer(every - time.Since(start)%every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

type beginRecovery struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"1024"`
		Kind string `json:"kind" enum:"unlock,reset,one-time,enrol"`
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
	defer steady(ctx, time.Now(), pauses.finish)
	c := callOf(ctx)
	of, err := s.cfg.Passkeys.RecoveryOf(in.Body.Token)
	if err != nil {
		return nil, err
	}
	if err := s.countRecovery(ctx, c, of, in.Body.Proofs); err != nil {
		return nil, err
	}
	answers := each(in.Body.Proofs, recoveryAnswer.answer)
	// What no rule takes is not even looked at: a try costs its owner something.
	if !s.taken(answers) {
		return nil, s.cfg.Passkeys.RefuseRecovery(ctx, of, c.client(false), "no rule takes these proofs")
	}
	suffices := func(ctx context.Context, person ad.Account, proved []enroll.ProofKind) error {
		return s.cfg.Requests.Suffices(ctx, person, workflow.Kind(of.Act), c.address.String(), proved)
	}
	made, cookie, err := s.cfg.Passkeys.FinishRecovery(ctx, in.Body.Token, answers, c.client(false), suffices)
	if err != nil {
		return nil, err
	}
	return s.welcome(ctx, made, cookie)
}

// taken says whether the policy has an alternative of these proofs, no more and no less.
func (s *Server) taken(answers []enroll.Answer) bool {
	return slices.ContainsFunc(s.cfg.Requests.Recoveries(), func(set []enroll.ProofKind) bool {
		return len(set) == len(answers) && !slices.ContainsFunc(answers, func(a enroll.Answer) bool { return !slices.Contains(set, a.Kind) })
	})
}

// brake tells whoever runs the server, once in an hour, that somebody tries a little
// with everybody. A fault of that changes no answer.
func (s *Server) brake(ctx context.Context, id string) {
	s.log.Error("the way in by what could be guessed is closed for everybody: too many tries", "id", id)
	err := s.take(ctx, rateBrake, "")
	if errors.As(err, new(limited)) {
		return
	}
	if err == nil {
		err = s.cfg.Passkeys.Braked(ctx)
	}
	if err != nil {
		s.log.Error("nobody was told of the brake", "error", err)
	}
}

// countRecovery counts a try by name and network, and where it is one that could be
// guessed also by account from anywhere and by all together.
//
// The first says when to come again: it counts names that nobody has as well. The
// second must not: with two spellings of one name it would tell that there is such a
// person. Past it no proof is looked at, and the answer is that of a wrong one. The
// third stops whoever tries a little with everybody. Neither stands in the way of a
// recovery code, whose 80 bits nobody guesses, or of a passkey: a stranger could empty
// them, and keep out whom they like.
func (s *Server) countRecovery(ctx context.Context, c *call, of enroll.Recovery, given []recoveryAnswer) error {
	from := network(c.address)
	if err := s.take(ctx, rateRecoverName, of.Name+" "+from); err != nil {
		return err
	}
	if !anyGuessable(given) || slices.ContainsFunc(given, func(a recoveryAnswer) bool { return enroll.ProofKind(a.Kind) == enroll.ProofRecoveryCode }) {
		return nil // beside a recovery code nothing is tried before that is right
	}
	if err := s.take(ctx, rateRecoverNet, from); err != nil {
		return err
	}
	if err := s.take(ctx, rateRecoverAll, ""); err != nil {
		if errors.As(err, new(limited)) {
			s.brake(ctx, c.id)
		}
		return err
	}
	whose := of.Account.String()
	if of.Account.IsZero() {
		whose = "nobody " + of.Name
	}
	err := s.take(ctx, rateRecoverOne, whose)
	if errors.As(err, new(limited)) {
		return s.cfg.Passkeys.RefuseRecovery(ctx, of, c.client(false), "too many tries for this account")
	}
	return err
}
