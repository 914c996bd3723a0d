package server

import (
	"context"
	"encoding/json"

	"github.com/latchkey/latchkey/secret"
)

// EnrolLink is the address of an invitation. The token stands behind the #, so
// that no server, proxy or log on the way ever sees it.
func EnrolLink(publicURL string, token secret.Text) string {
	return publicURL + "/enrol#" + token.Reveal()
}

type invitation struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"128"`
	}
}

func (s *Server) openInvitation(ctx context.Context, in *invitation) (*reply[EnrolOpen], error) {
	if err := s.take(ctx, rateInvitation, in.Body.Token.Reveal()); err != nil {
		return nil, err
	}
	opened, err := s.cfg.Passkeys.OpenInvitation(ctx, in.Body.Token)
	if err != nil {
		return nil, err
	}
	link := EnrolLink(s.origin.text, in.Body.Token)
	path, size, err := qrPath(link)
	if err != nil {
		return nil, err
	}
	return answer(EnrolOpen{
		GivenName: opened.GivenName, Password: opened.Password, Expires: stamp(opened.Expires),
		Link: link, QR: path, QRSize: size,
	}), nil
}

type provePassword struct {
	Body struct {
		Token    secret.Text `json:"token" maxLength:"128"`
		Password secret.Text `json:"password" maxLength:"1024" format:"password" writeOnly:"true"`
	}
}

// provePassword counts each try by address (the table's limit) and by
// invitation, whether there is one or not.
func (s *Server) provePassword(ctx context.Context, in *provePassword) (*reply[Grant], error) {
	if err := s.take(ctx, rateADTryOne, in.Body.Token.Reveal()); err != nil {
		return nil, err
	}
	grant, err := s.cfg.Passkeys.ProvePassword(ctx, in.Body.Token, in.Body.Password, callOf(ctx).client(false))
	if err != nil {
		return nil, err
	}
	return answer(Grant{Grant: grant.Reveal()}), nil
}

type beginEnrol struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"128"`
		Grant secret.Text `json:"grant" maxLength:"128" doc:"empty where no password is asked for"`
	}
}

// beginEnrol counts by invitation as openInvitation does: each refusal of a dead
// one is an event of its account.
func (s *Server) beginEnrol(ctx context.Context, in *beginEnrol) (*reply[Ceremony], error) {
	if err := s.take(ctx, rateInvitation, in.Body.Token.Reveal()); err != nil {
		return nil, err
	}
	token, options, err := s.cfg.Passkeys.BeginEnrol(ctx, in.Body.Token, in.Body.Grant)
	if err != nil {
		return nil, err
	}
	return creation(token, options), nil
}

type finishEnrol struct {
	Body struct {
		Token      secret.Text     `json:"token" maxLength:"128" doc:"of the ceremony"`
		Name       string          `json:"name" maxLength:"256"`
		Credential json.RawMessage `json:"credential" doc:"credential.toJSON()"`
		Remember   bool            `json:"remember"`
	}
}

func (s *Server) finishEnrol(ctx context.Context, in *finishEnrol) (*reply[Me], error) {
	from := callOf(ctx).client(in.Body.Remember)
	made, cookie, err := s.cfg.Passkeys.FinishEnrol(ctx, in.Body.Token, in.Body.Name, in.Body.Credential, from)
	if err != nil {
		return nil, err
	}
	return s.welcome(ctx, made, cookie)
}
