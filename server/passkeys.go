package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func (s *Server) listPasskeys(ctx context.Context, _ *struct{}) (*reply[passkeyList], error) {
	own := signedIn(ctx)
	all, err := s.cfg.Passkeys.Credentials(ctx, own)
	if err != nil {
		return nil, err
	}
	return answer(passkeyList{Passkeys: each(all, s.encodePasskey(own))}), nil
}

// credentialID reads the id of a path or body; what is no id names no passkey.
func credentialID(text string) ([]byte, error) {
	id, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(id) == 0 {
		return nil, enroll.ErrNoCredential
	}
	return id, nil
}

type stepUp struct {
	Body struct {
		Purpose string `json:"purpose" enum:"add-passkey,remove-passkey,recovery-codes,totp,mail-code,sms-code,pin,questions,remove-proof"`
		Passkey string `json:"passkey,omitempty" maxLength:"1400"`
		Kind    string `json:"kind,omitempty" enum:"totp,recovery-code,mail-code,sms-code,pin,questions" doc:"which proof to remove"`
	}
}

func (s *Server) beginStepUp(ctx context.Context, in *stepUp) (*reply[Ceremony], error) {
	own := signedIn(ctx)
	label, statement := enroll.LabelAddPasskey, enroll.AddPasskeyStatement(own.Account)
	switch in.Body.Purpose {
	case "remove-passkey":
		id, err := credentialID(in.Body.Passkey)
		if err != nil {
			return nil, err
		}
		label, statement = enroll.LabelRemovePasskey, enroll.RemovePasskeyStatement(id)
	case "recovery-codes":
		label, statement = enroll.LabelRecoveryCodes, enroll.ProofStatement(own.Account, enroll.ProofRecoveryCode)
	case "totp":
		label, statement = enroll.LabelTOTP, enroll.ProofStatement(own.Account, enroll.ProofTOTP)
	case "mail-code", "sms-code", "pin", "questions":
		label, statement = enroll.LabelProof, enroll.ProofStatement(own.Account, enroll.ProofKind(in.Body.Purpose))
	case "remove-proof":
		label, statement = enroll.LabelRemoveProof, enroll.ProofStatement(own.Account, enroll.ProofKind(in.Body.Kind))
	}
	token, options, err := s.cfg.Passkeys.BeginStepUp(ctx, own, label, statement)
	if err != nil {
		return nil, err
	}
	return assertion(token, options), nil
}

func (s *Server) finishStepUp(ctx context.Context, in *finish) (*reply[ProofID], error) {
	proof, err := s.cfg.Passkeys.FinishStepUp(ctx, signedIn(ctx), in.Body.Token, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	return answer(ProofID{Proof: proof.ID}), nil
}

type withProof struct {
	Body struct {
		Proof string `json:"proof" maxLength:"128"`
	}
}

func (s *Server) beginPasskey(ctx context.Context, in *withProof) (*reply[Ceremony], error) {
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	token, options, err := s.cfg.Passkeys.BeginRegister(ctx, own, proof)
	if err != nil {
		return nil, err
	}
	return creation(token, options), nil
}

type finishPasskey struct {
	Body struct {
		Token      secret.Text     `json:"token" maxLength:"128"`
		Name       string          `json:"name" maxLength:"256"`
		Credential json.RawMessage `json:"credential" doc:"credential.toJSON()"`
	}
}

func (s *Server) finishPasskey(ctx context.Context, in *finishPasskey) (*reply[Passkey], error) {
	own := signedIn(ctx)
	made, err := s.cfg.Passkeys.FinishRegister(ctx, own, in.Body.Token, in.Body.Name, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	return answer(s.encodePasskey(own)(made)), nil
}

func (s *Server) inviteDevice(ctx context.Context, in *withProof) (*reply[Invite], error) {
	own := signedIn(ctx)
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	token, expires, err := s.cfg.Passkeys.InviteSelf(ctx, own, proof)
	if err != nil {
		return nil, err
	}
	link := EnrolLink(s.origin.text, token)
	path, size, err := qrPath(link)
	if err != nil {
		return nil, err
	}
	return answer(Invite{Link: link, QR: path, QRSize: size, Expires: stamp(expires)}), nil
}

type rename struct {
	ByID
	Body struct {
		Name string `json:"name" maxLength:"256"`
	}
}

func (s *Server) renamePasskey(ctx context.Context, in *rename) (*reply[Passkey], error) {
	own := signedIn(ctx)
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Passkeys.Rename(ctx, own, id, in.Body.Name); err != nil {
		return nil, err
	}
	all, err := s.cfg.Passkeys.Credentials(ctx, own)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(c enroll.Credential) bool { return string(c.ID) == string(id) })
	if i < 0 {
		return nil, enroll.ErrNoCredential
	}
	return answer(s.encodePasskey(own)(all[i])), nil
}

type removePasskey struct {
	ByID
	Body struct {
		Proof string `json:"proof" maxLength:"128"`
		Last  bool   `json:"last"`
	}
}

func (s *Server) removePasskey(ctx context.Context, in *removePasskey) (*nothing, error) {
	own := signedIn(ctx)
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	proof, err := s.cfg.Passkeys.Proof(ctx, own, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Passkeys.Remove(ctx, own, id, proof, in.Body.Last); err != nil {
		return nil, err
	}
	return &nothing{}, s.leaveWith(ctx, id)
}

// leaveWith signs out whoever removed the passkey that they are signed in with:
// the page says so, and the next one at this browser must not find it open.
func (s *Server) leaveWith(ctx context.Context, removed []byte) error {
	own := signedIn(ctx)
	if !bytes.Equal(own.Credential, removed) {
		return nil
	}
	if err := s.cfg.Passkeys.SignOut(ctx, own, false); err != nil {
		return err
	}
	callOf(ctx).dropCookie()
	return nil
}
