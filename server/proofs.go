package server

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// Proofs are those that the person holds beside passkeys.
type Proofs struct {
	RecoveryCodes CodesHeld `json:"recoveryCodes"`
	TOTP          TOTPHeld  `json:"totp"`

	MailCode  AddressHeld   `json:"mailCode"`
	SMSCode   AddressHeld   `json:"smsCode"`
	PIN       PINHeld       `json:"pin"`
	Questions QuestionsHeld `json:"questions"`
}

// CodesHeld counts recovery codes; Total is 0 where none were made.
type CodesHeld struct {
	Offered bool   `json:"offered"`
	Total   int    `json:"total"`
	Left    int    `json:"left"`
	Created string `json:"created"`
}

// TOTPHeld is the authenticator app.
type TOTPHeld struct {
	Offered  bool   `json:"offered"`
	Held     bool   `json:"held"`
	Created  string `json:"created"`
	LastUsed string `json:"lastUsed"`
}

func (s *Server) getProofs(ctx context.Context, _ *struct{}) (*reply[Proofs], error) {
	return s.proofs(ctx)
}

func (s *Server) proofs(ctx context.Context) (*reply[Proofs], error) {
	held, err := s.cfg.Passkeys.Factors(ctx, signedIn(ctx))
	if err != nil {
		return nil, err
	}
	offered, err := s.cfg.Requests.Offered(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	out := Proofs{
		RecoveryCodes: CodesHeld{Offered: slices.Contains(offered, enroll.ProofRecoveryCode)},
		TOTP:          TOTPHeld{Offered: slices.Contains(offered, enroll.ProofTOTP)},
	}
	for _, f := range held {
		switch f.Kind {
		case enroll.ProofRecoveryCode:
			out.RecoveryCodes.Total++
			out.RecoveryCodes.Created = stamp(f.Created)
			if f.Used.IsZero() {
				out.RecoveryCodes.Left++
			}
		case enroll.ProofTOTP:
			out.TOTP.Held, out.TOTP.Created, out.TOTP.LastUsed = true, stamp(f.Created), stamp(f.Used)
		}
	}
	if err := s.further(ctx, &out, held, offered); err != nil {
		return nil, err
	}
	return answer(out), nil
}

// Codes are the new recovery codes, this once.
type Codes struct {
	Codes []string `json:"codes"`
}

func (s *Server) makeCodes(ctx context.Context, in *withProof) (*reply[Codes], error) {
	if err := s.cfg.Requests.MaySetUp(ctx, actor(ctx), enroll.ProofRecoveryCode); err != nil {
		return nil, err
	}
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	made, err := s.cfg.Passkeys.MakeRecoveryCodes(ctx, own, proof)
	if err != nil {
		return nil, err
	}
	return answer(Codes{Codes: each(made, secret.Text.Reveal)}), nil
}

// TOTPBegun is what an authenticator app takes over, this once.
type TOTPBegun struct {
	Token  string `json:"token"`
	Secret string `json:"secret" doc:"base32, in groups of four"`
	URI    string `json:"uri"`
	QR     string `json:"qr"`
	QRSize int    `json:"qrSize"`
}

func (s *Server) beginTOTP(ctx context.Context, in *withProof) (*reply[TOTPBegun], error) {
	if err := s.cfg.Requests.MaySetUp(ctx, actor(ctx), enroll.ProofTOTP); err != nil {
		return nil, err
	}
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	made, err := s.cfg.Passkeys.BeginTOTP(ctx, own, proof)
	if err != nil {
		return nil, err
	}
	path, size, err := qrPath(made.URI.Reveal())
	if err != nil {
		return nil, err
	}
	return answer(TOTPBegun{
		Token: made.Token.Reveal(), Secret: made.Secret.Reveal(), URI: made.URI.Reveal(), QR: path, QRSize: size,
	}), nil
}

type finishTOTP struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"128"`
		Code  secret.Text `json:"code" maxLength:"32" writeOnly:"true"`
	}
}

func (s *Server) finishTOTP(ctx context.Context, in *finishTOTP) (*reply[Proofs], error) {
	if err := s.cfg.Requests.MaySetUp(ctx, actor(ctx), enroll.ProofTOTP); err != nil {
		return nil, err
	}
	if err := s.cfg.Passkeys.FinishTOTP(ctx, signedIn(ctx), in.Body.Token, in.Body.Code.Reveal()); err != nil {
		return nil, err
	}
	return s.proofs(ctx)
}

type removeProof struct {
	Body struct {
		Proof string `json:"proof" maxLength:"128"`
		Kind  string `json:"kind" enum:"totp,recovery-code,mail-code,sms-code,pin,questions"`
	}
}

func (s *Server) removeProof(ctx context.Context, in *removeProof) (*reply[Proofs], error) {
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Passkeys.RemoveFactor(ctx, own, proof, enroll.ProofKind(in.Body.Kind)); err != nil {
		return nil, err
	}
	return s.proofs(ctx)
}

func (s *Server) beginReplacement(ctx context.Context, in *emptyByID) (*reply[Ceremony], error) {
	if r, err := s.cfg.Requests.Enrollable(ctx, actor(ctx), in.ID); err != nil {
		return nil, s.about(r, err)
	}
	token, options, err := s.cfg.Passkeys.BeginReplacement(ctx, signedIn(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return creation(token, options), nil
}

type finishReplacement struct {
	ByID
	Body struct {
		Token        secret.Text     `json:"token" maxLength:"128"`
		Name         string          `json:"name" maxLength:"256"`
		Credential   json.RawMessage `json:"credential" doc:"credential.toJSON()"`
		RemoveOthers bool            `json:"removeOthers"`
	}
}

func (s *Server) finishReplacement(ctx context.Context, in *finishReplacement) (*reply[Request], error) {
	made, err := s.cfg.Passkeys.FinishReplacement(ctx, signedIn(ctx), in.ID, in.Body.Token, in.Body.Name, in.Body.Credential, in.Body.RemoveOthers)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Requests.Enrol(ctx, actor(ctx), in.ID, made)
	return s.one(ctx, r, err)
}
