package server

import (
	"context"
	"errors"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

func (p *relyingParty) Factors(context.Context, enroll.Session) ([]enroll.Factor, error) {
	return []enroll.Factor{{Kind: enroll.ProofRecoveryCode}, {Kind: enroll.ProofTOTP}}, p.err
}

func (p *relyingParty) Stale(context.Context, enroll.Session) (map[enroll.ProofKind]string, error) {
	return nil, p.err
}

func (p *relyingParty) AtHand(_ context.Context, _ enroll.Session, kinds []enroll.ProofKind) ([]enroll.ProofKind, error) {
	return kinds, errors.Join(p.err, p.atHand)
}

func (p *relyingParty) MakeRecoveryCodes(context.Context, enroll.Session, enroll.Proof) ([]secret.Text, error) {
	return []secret.Text{secret.New("ABCD-EFGH")}, p.err
}

func (p *relyingParty) BeginTOTP(context.Context, enroll.Session, enroll.Proof) (enroll.TOTPSetup, error) {
	return enroll.TOTPSetup{Token: secret.New("token"), Secret: secret.New("ABCD"), URI: secret.New("otpauth://totp/x")}, p.err
}

func (p *relyingParty) FinishTOTP(context.Context, enroll.Session, secret.Text, string) error {
	return p.err
}

func (p *relyingParty) RemoveFactor(context.Context, enroll.Session, enroll.Proof, enroll.ProofKind) error {
	return p.err
}

func (p *relyingParty) BeginRecovery(context.Context, string, string) (secret.Text, []enroll.Question, error) {
	return secret.New("token"), []enroll.Question{{ID: "pet"}}, p.err
}

func (p *relyingParty) SendRecovery(context.Context, secret.Text, enroll.ProofKind, bool, enroll.Client) (secret.Text, error) {
	return secret.New("token"), p.err
}

func (p *relyingParty) ProofSettings() enroll.ProofSettings { return enroll.ProofSettings{} }

func (p *relyingParty) Address(context.Context, enroll.Session, enroll.ProofKind) (to, from string, err error) {
	return "a@corp.example.test", enroll.FromDirectory, p.err
}

func (p *relyingParty) SetPIN(context.Context, enroll.Session, enroll.Proof, secret.Text) error {
	return p.err
}

func (p *relyingParty) SetAnswers(context.Context, enroll.Session, enroll.Proof, []enroll.GivenAnswer) error {
	return p.err
}

func (p *relyingParty) BeginAddress(context.Context, enroll.Session, enroll.Proof, enroll.ProofKind, string) (token secret.Text, address string, err error) {
	return secret.New("token"), "a@corp.example.test", p.err
}

func (p *relyingParty) FinishAddress(context.Context, enroll.Session, secret.Text, string, func(enroll.ProofKind) error) error {
	return p.err
}

func (p *relyingParty) Ask(context.Context, enroll.Session, string, []byte, []enroll.ProofKind) (enroll.Asking, error) {
	return enroll.Asking{Token: secret.New("token")}, p.err
}

func (p *relyingParty) Answer(context.Context, enroll.Session, secret.Text, string, []byte, []enroll.Answer) ([]enroll.Proof, error) {
	return nil, p.err
}

func (p *relyingParty) RecoveryOf(secret.Text) (enroll.Recovery, error) {
	return enroll.Recovery{Account: ad.GUID{1}, Act: "unlock"}, p.err
}

func (p *relyingParty) FinishRecovery(_ context.Context, _ secret.Text, _ []enroll.Answer, _ enroll.Client, _ enroll.Suffices) (enroll.Session, secret.Text, error) {
	if p.panics {
		panic("out of hand")
	}
	return p.session(), secret.New(goodCookie), p.err
}

func (p *relyingParty) Braked(_ context.Context, what audit.Action) error {
	p.braked = append(p.braked, what)
	return p.err
}

func (p *relyingParty) RefuseRecovery(context.Context, enroll.Recovery, enroll.Client, string) error {
	return enroll.ErrRecoverRefused
}

func (p *relyingParty) BeginReplacement(context.Context, enroll.Session, string) (secret.Text, *protocol.CredentialCreation, error) {
	return secret.New("token"), p.creation(), p.err
}

func (p *relyingParty) FinishReplacement(context.Context, enroll.Session, string, secret.Text, string, []byte, bool) (enroll.Registered, error) {
	return enroll.Registered{}, p.err
}

func (r *rules) Suffices(context.Context, ad.Account, workflow.Kind, string, []enroll.ProofKind) error {
	return r.err
}

func (r *rules) Recoveries() []workflow.Recovery {
	kinds := []workflow.Kind{workflow.KindUnlock, workflow.KindReset}
	return []workflow.Recovery{{Prove: []enroll.ProofKind{enroll.ProofRecoveryCode}, Kinds: kinds}, {Prove: []enroll.ProofKind{enroll.ProofVouching}, Kinds: kinds[:1]}}
}

func (r *rules) Offers(enroll.ProofKind) bool { return true }

func (r *rules) Offered(context.Context, Actor) ([]enroll.ProofKind, error) {
	return []enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofMailCode, enroll.ProofSMSCode, enroll.ProofPIN, enroll.ProofQuestions}, r.err
}

func (r *rules) MaySetUp(context.Context, Actor, enroll.ProofKind) error { return nil }

func (r *rules) Duty(context.Context, Actor, ad.Account) (*workflow.Duty, error) { return nil, nil }

func (r *rules) Enrollable(context.Context, Actor, string) (workflow.Request, error) { return r.one() }

func (r *rules) Enrol(context.Context, Actor, string, enroll.Registered) (workflow.Request, error) {
	return r.one()
}

func (p *relyingParty) AskWord(context.Context, secret.Text, []enroll.Answer, enroll.Client, enroll.Words) (enroll.Waiting, error) {
	return enroll.Waiting{Token: secret.New("token"), Number: "42", Until: time.Unix(0, 0)}, p.err
}

func (p *relyingParty) TakeWord(context.Context, secret.Text, enroll.Client, enroll.Given) (*enroll.Session, secret.Text, string, error) {
	s := p.session()
	return &s, secret.New(goodCookie), "r1", p.err
}

func (p *relyingParty) StopWord(context.Context, secret.Text, func(context.Context, ad.GUID, string) error) error {
	return p.err
}

func (r *rules) StopVouching(context.Context, ad.GUID, string) error { return r.err }

func (r *rules) Vouch(context.Context, workflow.Vouch) (workflow.Request, error) { return r.one() }
func (r *rules) MayVouch(context.Context, workflow.Vouch) error                  { return r.err }

func (r *rules) VouchedFor(context.Context, ad.GUID, string) (string, bool, error) {
	return "r1", true, r.err
}
