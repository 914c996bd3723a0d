package server

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// ProofHeld is a proof that the person set up, or may.
type ProofHeld struct {
	Offered  bool   `json:"offered"`
	Held     bool   `json:"held"`
	Created  string `json:"created"`
	LastUsed string `json:"lastUsed"`
}

// AddressHeld is where codes go.
type AddressHeld struct {
	Offered   bool   `json:"offered"`
	Address   string `json:"address" doc:"masked; empty where there is none"`
	From      string `json:"from" enum:"directory,verified," doc:"who keeps it"`
	CanVerify bool   `json:"canVerify"`
	Stale     string `json:"stale" doc:"masked: what the person verified, where codes go to no more; empty for none"`
	Created   string `json:"created" doc:"of what the person verified"`
	LastUsed  string `json:"lastUsed"`
}

// PINHeld is the PIN.
type PINHeld struct {
	ProofHeld
	Least int `json:"least" doc:"how many digits a new one has at least"`
}

// QuestionsHeld are the answers of the person.
type QuestionsHeld struct {
	ProofHeld
	Stale  bool       `json:"stale" doc:"answered, and the questions have changed since: they prove nothing until they are answered anew"`
	Answer int        `json:"answer" doc:"how many are answered"`
	Ask    int        `json:"ask" doc:"and how many of those asked"`
	List   []Question `json:"list"`
}

// Question is one in both languages.
type Question struct {
	ID      string `json:"id"`
	English string `json:"en"`
	German  string `json:"de"`
}

// Words are a text in both languages.
type Words struct {
	English string `json:"en"`
	German  string `json:"de"`
}

func questions(list []enroll.Question) []Question {
	return each(list, func(q enroll.Question) Question { return Question{q.ID, q.English, q.German} })
}

// further tells of what people set up beside codes and apps.
func (s *Server) further(ctx context.Context, out *Proofs, held []enroll.Factor, offered []enroll.ProofKind) error {
	own := signedIn(ctx)
	settings := s.cfg.Passkeys.ProofSettings()
	stale, err := s.cfg.Passkeys.Stale(ctx, own)
	if err != nil {
		return err
	}
	for _, a := range []struct {
		kind enroll.ProofKind
		to   *AddressHeld
		can  bool
	}{
		{enroll.ProofMailCode, &out.MailCode, settings.Mail.Verified},
		{enroll.ProofSMSCode, &out.SMSCode, settings.SMS.Verified},
	} {
		a.to.Offered, a.to.CanVerify = slices.Contains(offered, a.kind), a.can
		if !a.to.Offered && !holds(held, a.kind) {
			continue
		}
		to, from, err := s.cfg.Passkeys.Address(ctx, own, a.kind)
		if err != nil {
			return err
		}
		a.to.Address, a.to.From = enroll.Masked(a.kind, to), from
		a.to.Stale = enroll.Masked(a.kind, stale[a.kind])
	}
	out.PIN.Least = settings.LeastPIN()
	out.PIN.Offered = slices.Contains(offered, enroll.ProofPIN)
	out.Questions = QuestionsHeld{
		ProofHeld: ProofHeld{Offered: slices.Contains(offered, enroll.ProofQuestions)},
		Answer:    len(settings.Questions), Ask: settings.AskCount, List: questions(settings.Questions),
	}
	for _, f := range held {
		created, used := stamp(f.Created), stamp(f.Used)
		switch f.Kind {
		case enroll.ProofMailCode:
			out.MailCode.Created, out.MailCode.LastUsed = created, used
		case enroll.ProofSMSCode:
			out.SMSCode.Created, out.SMSCode.LastUsed = created, used
		case enroll.ProofPIN:
			out.PIN.Held, out.PIN.Created, out.PIN.LastUsed = true, created, used
		case enroll.ProofQuestions:
			_, out.Questions.Stale = stale[f.Kind]
			out.Questions.Held, out.Questions.Created, out.Questions.LastUsed = !out.Questions.Stale, created, used
		}
	}
	return nil
}

func holds(held []enroll.Factor, kind enroll.ProofKind) bool {
	for _, f := range held {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

type setPIN struct {
	Body struct {
		Proof string      `json:"proof" maxLength:"128"`
		PIN   secret.Text `json:"pin" maxLength:"64" writeOnly:"true"`
	}
}

func (s *Server) setPIN(ctx context.Context, in *setPIN) (*reply[Proofs], error) {
	if err := s.cfg.Requests.MaySetUp(ctx, actor(ctx), enroll.ProofPIN); err != nil {
		return nil, err
	}
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Passkeys.SetPIN(ctx, own, proof, in.Body.PIN); err != nil {
		return nil, err
	}
	return s.proofs(ctx)
}

type setAnswers struct {
	Body struct {
		Proof   string        `json:"proof" maxLength:"128"`
		Answers []givenAnswer `json:"answers" maxItems:"16"`
	}
}

type givenAnswer struct {
	ID    string      `json:"id" maxLength:"64"`
	Value secret.Text `json:"value" maxLength:"128" writeOnly:"true"`
}

func (s *Server) setAnswers(ctx context.Context, in *setAnswers) (*reply[Proofs], error) {
	if err := s.cfg.Requests.MaySetUp(ctx, actor(ctx), enroll.ProofQuestions); err != nil {
		return nil, err
	}
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	given := each(in.Body.Answers, func(a givenAnswer) enroll.GivenAnswer { return enroll.GivenAnswer{ID: a.ID, Value: a.Value} })
	if err := s.cfg.Passkeys.SetAnswers(ctx, own, proof, given); err != nil {
		return nil, err
	}
	return s.proofs(ctx)
}

type beginAddress struct {
	Body struct {
		Proof   string `json:"proof" maxLength:"128"`
		Kind    string `json:"kind" enum:"mail-code,sms-code"`
		Address string `json:"address" maxLength:"320"`
	}
}

// AddressBegun names the set-up for the finish call.
type AddressBegun struct {
	Token   string `json:"token"`
	Address string `json:"address" doc:"masked"`
}

func (s *Server) beginAddress(ctx context.Context, in *beginAddress) (*reply[AddressBegun], error) {
	own, kind := signedIn(ctx), enroll.ProofKind(in.Body.Kind)
	if err := s.cfg.Requests.MaySetUp(ctx, actor(ctx), kind); err != nil {
		return nil, err
	}
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	token, to, err := s.cfg.Passkeys.BeginAddress(ctx, own, proof, kind, in.Body.Address)
	if err != nil {
		return nil, err
	}
	return answer(AddressBegun{Token: token.Reveal(), Address: enroll.Masked(kind, to)}), nil
}

func (s *Server) finishAddress(ctx context.Context, in *finishTOTP) (*reply[Proofs], error) {
	may := func(kind enroll.ProofKind) error { return s.cfg.Requests.MaySetUp(ctx, actor(ctx), kind) }
	if err := s.cfg.Passkeys.FinishAddress(ctx, signedIn(ctx), in.Body.Token, in.Body.Code.Reveal(), may); err != nil {
		return nil, err
	}
	return s.proofs(ctx)
}

type ask struct {
	ByID
	Body struct {
		Kinds []string `json:"kinds" maxItems:"4"`
	}
}

// ProofsAsked is what a signed-in person needs to give further proofs.
type ProofsAsked struct {
	Token     string            `json:"token"`
	Sent      map[string]string `json:"sent" doc:"masked addresses by kind"`
	Questions []Question        `json:"questions"`
}

// ask sends codes that count for one request of the person's own: for another they are
// asked for anew.
func (s *Server) ask(ctx context.Context, in *ask) (*reply[ProofsAsked], error) {
	label, statement, err := s.cfg.Requests.Statement(ctx, actor(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	kinds := each(in.Body.Kinds, func(k string) enroll.ProofKind { return enroll.ProofKind(k) })
	made, err := s.cfg.Passkeys.Ask(ctx, signedIn(ctx), label, statement, kinds)
	if err != nil {
		return nil, err
	}
	out := ProofsAsked{Token: made.Token.Reveal(), Sent: map[string]string{}, Questions: questions(made.Questions)}
	for kind, to := range made.Sent {
		out.Sent[string(kind)] = to
	}
	return answer(out), nil
}

type answers struct {
	ByID
	Body struct {
		Token  secret.Text      `json:"token" maxLength:"2048"`
		Proofs []recoveryAnswer `json:"proofs" minItems:"1" maxItems:"4"`
	}
}

// answerRequest proves for one request what goes beside the passkey. Tries that could
// be guessed count like those of the way in.
func (s *Server) answerRequest(ctx context.Context, in *answers) (*reply[Request], error) {
	own, who := signedIn(ctx), actor(ctx)
	label, statement, err := s.cfg.Requests.Statement(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	given := each(in.Body.Proofs, recoveryAnswer.answer)
	for _, a := range given {
		if !enroll.Guessable(a.Kind) {
			continue
		}
		if err := s.take(ctx, rateAnswer, own.Account.String()+" "+string(a.Kind)); err != nil {
			return nil, err
		}
	}
	proofs, err := s.cfg.Passkeys.Answer(ctx, own, in.Body.Token, label, statement, given)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Requests.ProveAll(ctx, who, in.ID, proofs)
	return s.one(ctx, r, err)
}

type sendRecovery struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"2048"`
		Kind  string      `json:"kind" enum:"mail-code,sms-code"`
	}
}

// sendRecovery answers alike, and in the same time, whether anything was sent.
func (s *Server) sendRecovery(ctx context.Context, in *sendRecovery) (*reply[RecoveryBegun], error) {
	defer steady(ctx, time.Now(), pauses.begin)
	c := callOf(ctx)
	of, err := s.cfg.Passkeys.RecoveryOf(in.Body.Token)
	if err != nil {
		return nil, err
	}
	known, err := s.countedKnown(ctx, c, of, rateSendKnown, func() error {
		return s.take(ctx, rateRecoverSend, of.Name+" "+network(c.address))
	})
	if err != nil {
		return nil, err
	}
	from := c.client(false)
	from.Known = known
	kind := enroll.ProofKind(in.Body.Kind)
	wanted := slices.ContainsFunc(s.leading(of), func(set []enroll.ProofKind) bool { return slices.Contains(set, kind) })
	token, err := s.cfg.Passkeys.SendRecovery(ctx, in.Body.Token, kind, wanted, from)
	if err != nil {
		return nil, err
	}
	return answer(RecoveryBegun{Token: token.Reveal(), Questions: []Question{}}), nil
}
