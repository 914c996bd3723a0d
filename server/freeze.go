package server

import (
	"context"

	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// freezeSelf ends the session that asks, with all others of the account.
func (s *Server) freezeSelf(ctx context.Context, _ *empty) (*nothing, error) {
	if err := s.cfg.Freezes.FreezeSelf(ctx, actor(ctx)); err != nil {
		return nil, err
	}
	callOf(ctx).dropCookie()
	return &nothing{}, nil
}

type freezeByNotice struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"256" doc:"from behind the # of the link"`
	}
}

// freezeByNotice says nothing about the account, before or after: not whose it is,
// and not whether it was frozen already. A cookie of the browser's is nobody's proof
// here and stays as it is: it may be somebody else's.
func (s *Server) freezeByNotice(ctx context.Context, in *freezeByNotice) (*nothing, error) {
	from := callOf(ctx).client(false)
	err := s.cfg.Freezes.FreezeByNotice(ctx, in.Body.Token, workflow.From{Device: from.Device, Address: from.Address})
	if err != nil {
		return nil, err
	}
	return &nothing{}, nil
}
